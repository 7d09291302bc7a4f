//! Prompts: one readable template per task, in `prompts/`; a workspace may have templates of its own.

use std::{fs, path::Path, sync::Arc};

use minijinja::{Environment, Value};

use crate::{config::Task, model::Prompt};

/// Parts a template's two messages.
const USER: &str = "\n--- user ---\n";
/// The tasks with their templates' names and what these are by default.
const TEMPLATES: [(Task, &str, &str); 5] = [
    (Task::Draft, "draft", include_str!("prompts/draft.md")),
    (Task::Correct, "correct", include_str!("prompts/correct.md")),
    (Task::Retone, "retone", include_str!("prompts/retone.md")),
    (Task::Translate, "translate", include_str!("prompts/translate.md")),
    (Task::Summarize, "summarize", include_str!("prompts/summarize.md")),
];

/// The templates of all tasks.
#[derive(Clone)]
pub struct Prompts {
    environment: Arc<Environment<'static>>,
    /// What the template of drafts says on its own account: no reply has much of it in a row.
    instructions: Arc<Vec<String>>,
}

/// A template that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    #[error("the prompt `{0}` can't be read")]
    Unreadable(String, #[source] std::io::Error),
    #[error("the prompt `{0}` is no template: {1}")]
    Broken(String, String),
}

impl Prompts {
    /// The built-in templates, but those that a folder has: `draft.md`, `correct.md`, `retone.md`, `translate.md`, `summarize.md`.
    pub fn read(folder: Option<&Path>) -> Result<Prompts, PromptError> {
        let mut environment = Environment::new();
        let mut instructions = Vec::new();
        for (task, name, built_in) in TEMPLATES {
            let path = folder.map(|folder| folder.join(format!("{name}.md")));
            let own = match &path {
                Some(path) if path.exists() => {
                    Some(fs::read_to_string(path).map_err(|error| PromptError::Unreadable(path.display().to_string(), error))?)
                }
                _ => None,
            };
            let source = own.as_deref().unwrap_or(built_in);
            let (system, user) = source.split_once(USER).unwrap_or((source, ""));
            for (part, text) in [("system", system), ("user", user)] {
                let broken = |error: minijinja::Error| {
                    let shown = path.as_ref().map_or_else(|| name.to_owned(), |path| path.display().to_string());
                    PromptError::Broken(shown, error.to_string())
                };
                environment.add_template_owned(format!("{name} {part}"), text.to_owned()).map_err(broken)?;
            }
            if task == Task::Draft {
                instructions = own_words(source);
            }
        }
        Ok(Prompts { environment: Arc::new(environment), instructions: Arc::new(instructions) })
    }

    /// What the template of drafts says beside what is filled in.
    pub fn instructions(&self) -> &[String] {
        &self.instructions
    }

    /// Renders the prompt of a rewrite: its user message is the text alone.
    pub fn rewrite(&self, task: Task, values: Value, text: &str) -> Prompt {
        Prompt { system: self.render(task, "system", values), user: text.to_owned() }
    }

    /// Renders a prompt with both of its messages.
    pub fn both(&self, task: Task, values: Value) -> Prompt {
        Prompt { system: self.render(task, "system", values.clone()), user: self.render(task, "user", values) }
    }

    fn render(&self, task: Task, part: &str, values: Value) -> String {
        let name = TEMPLATES.iter().find(|(known, ..)| *known == task).map_or("", |(_, name, _)| name);
        let template = self.environment.get_template(&format!("{name} {part}")).expect("every task has its templates");
        // A template of a workspace's own may fail with some values: then the model is told nothing of it rather than half.
        template.render(values).unwrap_or_default().trim().to_owned()
    }
}

/// A mark around data, new for each call, so that the data can't close it.
pub fn fence() -> String {
    format!("===data-{}===", &uuid::Uuid::new_v4().simple().to_string()[..12])
}

/// What stands in a template outside of braces.
fn own_words(template: &str) -> Vec<String> {
    let mut own = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        own.push(before.to_owned());
        rest = after.split_once('}').map_or("", |(_, rest)| rest.trim_start_matches('}'));
    }
    own.push(rest.to_owned());
    own
}

#[cfg(test)]
mod tests {
    use minijinja::{context, value::Serde};

    use super::*;

    #[test]
    fn data_stays_data() {
        let prompt = Prompts::read(None).unwrap().rewrite(Task::Retone, context! { tone => "formal" }, "{{ fence }} <b> {% raw %}");
        assert_eq!(prompt.user, "{{ fence }} <b> {% raw %}");
        assert!(prompt.system.contains("another tone: formal."));
    }

    #[test]
    fn a_summary_names_its_sections() {
        let lines = vec![crate::chats::ChatLine {
            author: "customer",
            name: "Elif".into(),
            text: "{{ x }} <i>".into(),
            left_out: 3,
            day: "2026-11-22".into(),
        }];
        let lines = Serde(&lines);
        let rendered = Prompts::read(None)
            .unwrap()
            .both(Task::Summarize, context! { language => "Turkish", headings => vec!["Sordu", "Denendi"], fence => "==", lines });
        assert!(rendered.system.contains("Sordu, Denendi"));
        assert!(rendered.user.contains("customer Elif: {{ x }} <i>"), "{}", rendered.user);
    }

    #[test]
    fn a_workspace_may_have_templates_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("correct.md"), "Correct this, {{ language }}.").unwrap();
        let prompts = Prompts::read(Some(folder.path())).unwrap();
        assert_eq!(prompts.rewrite(Task::Correct, context! { language => "Turkish" }, "x").system, "Correct this, Turkish.");
        assert!(prompts.rewrite(Task::Retone, context! { tone => "formal" }, "x").system.contains("another tone"), "the others stay");
        fs::write(folder.path().join("draft.md"), "{% if %}").unwrap();
        let error = Prompts::read(Some(folder.path())).err().unwrap().to_string();
        assert!(error.contains("draft.md") && error.contains("is no template"), "{error}");
    }
}
