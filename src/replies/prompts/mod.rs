//! Prompts: one readable template per task, in `prompts/`; a workspace may have templates of its own.

pub mod samples;

use std::{fs, path::Path, sync::Arc};

use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value};
use uuid::Uuid;

use crate::{
    config::Task,
    model::Prompt,
    replies::prompts::samples::{field_names, samples},
    text::{estimate_tokens, fingerprint},
};

/// What each delimiter of data begins with, and how many random letters follow.
pub const FENCE: &str = "===data-";
const FENCE_LETTERS: usize = 12;
/// The longest rewrite that makes sense: so many times its text, and so many tokens.
const REWRITE_GROWS: usize = 3;
const REWRITE_TOKENS: usize = 100;
/// Separates a template's two messages.
const USER: &str = "\n--- user ---\n";
/// The tasks with the names of their templates and the built-in ones.
const TEMPLATES: [(Task, &str, &str); 9] = [
    (Task::Draft, "draft", include_str!("draft.md")),
    (Task::Correct, "correct", include_str!("correct.md")),
    (Task::Retone, "retone", include_str!("retone.md")),
    (Task::Translate, "translate", include_str!("translate.md")),
    (Task::Summarize, "summarize", include_str!("summarize.md")),
    (Task::RunningSummary, "running_summary", include_str!("running_summary.md")),
    (Task::Choose, "choose", include_str!("choose.md")),
    (Task::Check, "check", include_str!("check.md")),
    (Task::Enrich, "enrich", include_str!("enrich.md")),
];

/// The templates of all tasks.
#[derive(Clone)]
pub struct Prompts {
    environment: Arc<Environment<'static>>,
    templates: Arc<Vec<Template>>,
    /// The fixed text of all templates: no reply may repeat much of it.
    instructions: Arc<Vec<String>>,
    /// Makes fences that nobody can guess.
    secret: Uuid,
}

/// A task's template.
struct Template {
    task: Task,
    name: &'static str,
    /// Its file, or its name if it is built in.
    shown: String,
    /// Lines before its user message.
    lines_before_user: usize,
}

/// An unusable template. The error has none of the values that it is filled with.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PromptError {
    /// The file of this path can't be read.
    #[error("the prompt `{0}` can't be read")]
    Unreadable(String, #[source] Arc<std::io::Error>),
    /// The file of this path, or the built-in template of this name, is no template, and why.
    #[error("the prompt `{0}` is not a valid template: {1}")]
    Broken(String, String),
    /// It can't be filled, most often since it names a value that there is not.
    #[error("the prompt `{file}` can't be rendered, line {line}: {problem}")]
    Unrendered {
        /// Its path, or its name if it is built in.
        file: String,
        /// The line in the file, from 1.
        line: usize,
        /// What is wrong there.
        problem: String,
    },
    /// One of its two messages is empty.
    #[error("the prompt `{file}` has no {part}; a model would get {instead}")]
    Empty {
        /// Its path, or its name if it is built in.
        file: String,
        /// The message that is empty.
        part: &'static str,
        /// What the other message alone would be.
        instead: &'static str,
    },
}

impl Prompts {
    /// Reads the templates: those of a folder (`draft.md`, `correct.md`, and so on, after their tasks), else the built-in ones. Each is rendered with samples of everything that it may be filled with, so that an unusable one is found now and not in some
    /// chat.
    pub fn read(folder: Option<&Path>) -> Result<Prompts, PromptError> {
        let mut environment = Environment::new();
        // A misspelt name is an error and not an empty value.
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let (mut templates, mut instructions) = (Vec::new(), Vec::new());
        for (task, name, built_in) in TEMPLATES {
            let path = folder.map(|folder| folder.join(format!("{name}.md"))).filter(|path| path.exists());
            let shown = path.as_ref().map_or_else(|| name.to_owned(), |path| path.display().to_string());
            let own = path.map(fs::read_to_string).transpose();
            let own = own.map_err(|error| PromptError::Unreadable(shown.clone(), Arc::new(error)))?;
            let source = own.as_deref().unwrap_or(built_in).replace("\r\n", "\n");
            let (system, user) = source.split_once(USER).unwrap_or((&source, ""));
            for (part, text) in [("system", system), ("user", user)] {
                let broken = |error: minijinja::Error| PromptError::Broken(shown.clone(), error.to_string());
                environment.add_template_owned(format!("{name} {part}"), text.to_owned()).map_err(broken)?;
            }
            instructions.extend(fixed_text(&source));
            // The separator is a line itself.
            let lines_before_user = system.lines().count() + 1;
            templates.push(Template { task, name, shown, lines_before_user });
        }
        let (environment, templates) = (Arc::new(environment), Arc::new(templates));
        let prompts = Prompts { environment, templates, instructions: Arc::new(instructions), secret: Uuid::new_v4() };
        prompts.check_all()?;
        Ok(prompts)
    }

    /// Returns the fixed text of all templates.
    pub fn instructions(&self) -> &[String] {
        &self.instructions
    }

    /// Returns the delimiter for data in prompts about a chat. It is the same in all of them, so that each begins as the one before, and cannot
    /// be guessed by who writes in the chat.
    pub fn fence(&self, chat_id: &str) -> String {
        format!("{FENCE}{}===", &fingerprint(format!("{}{chat_id}", self.secret))[..FENCE_LETTERS])
    }

    /// Renders the prompt of a rewrite: its user message is the text alone.
    pub fn rewrite(&self, task: Task, values: Value, text: &str) -> Result<Prompt, PromptError> {
        let answer_tokens = estimate_tokens(text) * REWRITE_GROWS + REWRITE_TOKENS;
        Ok(Prompt { system: self.render(task, "system", values)?, user: text.to_owned(), answer_tokens: Some(answer_tokens) })
    }

    /// Renders a prompt with both of its messages.
    pub fn both(&self, task: Task, values: Value) -> Result<Prompt, PromptError> {
        let (system, user) = (self.render(task, "system", values.clone())?, self.render(task, "user", values)?);
        Ok(Prompt { system, user, answer_tokens: None })
    }

    fn render(&self, task: Task, part: &str, values: Value) -> Result<String, PromptError> {
        debug_assert_eq!(names(&values), field_names(task), "samples have what prompts are filled with");
        self.rendered(task, part, values)
    }

    fn rendered(&self, task: Task, part: &str, values: Value) -> Result<String, PromptError> {
        let template = self.template(task);
        let compiled = self.compiled(template, part);
        let rendered = compiled.render(values).map_err(|error| template.unrendered(part, &error))?;
        let rendered = rendered.trim();
        if rendered.is_empty() {
            // A model never gets data without instructions, nor instructions for nothing.
            let (part, instead) = match part {
                "system" => ("instructions", "data without instructions"),
                _ => ("user message, which follows a line `--- user ---`", "instructions without data"),
            };
            return Err(PromptError::Empty { file: template.shown.clone(), part, instead });
        }
        Ok(rendered.to_owned())
    }

    /// Checks for unknown names anywhere in the templates, and renders each with samples.
    fn check_all(&self) -> Result<(), PromptError> {
        for template in self.templates.iter() {
            let known = field_names(template.task);
            let parts: &[&str] = if template.has_user_message() { &["system", "user"] } else { &["system"] };
            for part in parts {
                let compiled = self.compiled(template, part);
                let is_known = |name: &String| known.contains(name) || self.environment.globals().any(|(global, _)| global == name);
                let mut unknown: Vec<String> = compiled.undeclared_variables(false).into_iter().filter(|name| !is_known(name)).collect();
                unknown.sort();
                if let Some(name) = unknown.first() {
                    let line = line_of(compiled.source(), name);
                    return Err(template.unrendered_at(part, line, format!("unknown name `{name}`; expected one of {}", known.join(", "))));
                }
                for values in samples(template.task) {
                    self.rendered(template.task, part, values)?;
                }
            }
        }
        Ok(())
    }

    fn template(&self, task: Task) -> &Template {
        self.templates.iter().find(|template| template.task == task).expect("every task has its template")
    }

    fn compiled(&self, template: &Template, part: &str) -> minijinja::Template<'_, '_> {
        self.environment.get_template(&format!("{} {part}", template.name)).expect("every task has its templates")
    }
}

impl Template {
    /// Returns whether it also renders the user message; that of a rewrite is the text alone.
    fn has_user_message(&self) -> bool {
        match self.task {
            Task::Draft | Task::Summarize | Task::RunningSummary | Task::Choose | Task::Check | Task::Enrich => true,
            Task::Correct | Task::Retone | Task::Translate => false,
        }
    }

    /// Returns where and at what rendering failed. Anything else in the engine's error may be a customer's text.
    fn unrendered(&self, part: &str, error: &minijinja::Error) -> PromptError {
        let at = error.range().zip(error.template_source()).map_or("", |(range, source)| tag_at(source, range.start));
        let problem = match error.kind() {
            ErrorKind::UndefinedError if at.is_empty() => "something is not defined".to_owned(),
            ErrorKind::UndefinedError => format!("`{at}` is not defined"),
            kind if at.is_empty() => kind.to_string(),
            kind => format!("{kind} at `{at}`"),
        };
        self.unrendered_at(part, error.line().unwrap_or(1), problem)
    }

    fn unrendered_at(&self, part: &str, line: usize, problem: String) -> PromptError {
        let before = if part == "user" { self.lines_before_user } else { 0 };
        PromptError::Unrendered { file: self.shown.clone(), line: before + line, problem }
    }
}

/// Returns the names of the values, in order.
fn names(values: &Value) -> Vec<String> {
    let mut names: Vec<String> = values.try_iter().map(|keys| keys.map(|key| key.to_string()).collect()).unwrap_or_default();
    names.sort();
    names
}

/// Returns the template's tag, such as `{{ facts[0][1] }}`, around an offset.
fn tag_at(source: &str, place: usize) -> &str {
    let (Some(before), Some(after)) = (source.get(..place), source.get(place..)) else { return "" };
    let start = before.rfind("{{").max(before.rfind("{%")).unwrap_or(place);
    let end = [after.find("}}"), after.find("%}")].into_iter().flatten().min().map_or(place, |end| place + end + 2);
    &source[start..end]
}

/// Returns the first line that has a name as a word.
fn line_of(source: &str, name: &str) -> usize {
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    source.lines().position(|line| line.split(|letter| !is_word(letter)).any(|word| word == name)).map_or(1, |line| line + 1)
}

/// Returns a delimiter for data, new for each call, so that the data can't close it.
pub fn fence() -> String {
    format!("{FENCE}{}===", &Uuid::new_v4().simple().to_string()[..FENCE_LETTERS])
}

/// Returns a template's text outside of braces.
fn fixed_text(template: &str) -> Vec<String> {
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

    fn own(name: &str, template: &str) -> Result<Prompts, PromptError> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), template).unwrap();
        Prompts::read(Some(folder.path()))
    }

    #[test]
    fn data_stays_data() {
        let values = context! { tone => "formal", language => (), voice => "" };
        let prompt = Prompts::read(None).unwrap().rewrite(Task::Retone, values, "{{ fence }} <b> {% raw %}").unwrap();
        assert_eq!(prompt.user, "{{ fence }} <b> {% raw %}");
        assert!(prompt.system.contains("another tone: formal."));
    }

    #[test]
    fn a_summary_names_its_sections() {
        let lines = vec![crate::chats::ChatLine {
            author: "customer",
            name: "Elif".into(),
            text: "{{ x }} <i>".into(),
            attached: Vec::new(),
            quoted: String::new(),
            signature: String::new(),
            left_out: 3,
            day: "2026-11-22".into(),
        }];
        let lines = Serde(&lines);
        let values = context! { language => "Turkish", headings => vec!["Sordu", "Denendi"], fence => "==", lines,
        ..samples(Task::Summarize).next().unwrap() };
        let rendered = Prompts::read(None).unwrap().both(Task::Summarize, values).unwrap();
        assert!(rendered.system.contains("Sordu, Denendi"));
        assert!(rendered.user.contains("customer Elif: {{ x }} <i>"), "{}", rendered.user);
    }

    #[test]
    fn a_workspace_may_have_templates_of_its_own() {
        let prompts = own("correct.md", "Correct this, {{ language }}.").unwrap();
        let prompt = prompts.rewrite(Task::Correct, context! { language => "Turkish" }, "x").unwrap();
        assert_eq!(prompt.system, "Correct this, Turkish.");
        let values = context! { tone => "formal", language => (), voice => "" };
        assert!(prompts.rewrite(Task::Retone, values, "x").unwrap().system.contains("another tone"), "the others stay");
        let error = own("draft.md", "{% if %}").err().unwrap().to_string();
        assert!(error.contains("draft.md") && error.contains("is not a valid template"), "{error}");
    }

    #[test]
    fn a_template_that_may_fail_is_refused_with_its_file_line_and_name() {
        for (file, template, parts) in [
            // Misspelt, also where no sample comes.
            ("correct.md", "Correct.\n{{ langauge }}", ["correct.md", "line 2", "`langauge`"]),
            ("retone.md", "Retone.\n\n{% if tone == 'odd' %}{{ tonne }}{% endif %}", ["retone.md", "line 3", "`tonne`"]),
            ("draft.md", "Draft.\n--- user ---\n{{ fence }}\n{{ castomer }}", ["draft.md", "line 4", "`castomer`"]),
            ("draft.md", "Draft.\r\n--- user ---\r\n{{ fence }}\r\n{{ castomer }}", ["draft.md", "line 4", "`castomer`"]),
            ("draft.md", "Draft.\n--- user ---\n{% for s in sources %}{{ s.titel }}{% endfor %}.", ["draft.md", "line 3", "titel"]),
            ("summarize.md", "Sum up.\n--- user ---\nx\n{{ lines[0].txt }}", ["summarize.md", "line 4", "not defined"]),
            // Values that most chats have, but not all.
            ("draft.md", "Draft.\n--- user ---\n{{ facts[0][1] }}", ["draft.md", "line 3", "facts[0][1]"]),
            ("translate.md", "To {{ target }}.\n{{ source | upper | nosuch }}", ["translate.md", "line 2", "nosuch"]),
            ("translate.md", "{{ glossary[0] | length }} to {{ target }}", ["translate.md", "line 1", "glossary[0]"]),
            // No instructions, or no data.
            ("correct.md", "\n \n", ["correct.md", "instructions", "data without"]),
            ("retone.md", "{% if voice %}{{ voice }}{% endif %}", ["retone.md", "instructions", "data without"]),
            ("draft.md", "\n--- user ---\n{{ fence }}", ["draft.md", "instructions", "data without"]),
            ("draft.md", "Draft a reply.", ["draft.md", "--- user ---", "without data"]),
        ] {
            let error = own(file, template).err().unwrap_or_else(|| panic!("{file}: {template}")).to_string();
            for part in parts {
                assert!(error.contains(part), "{part} in {error}");
            }
        }
    }

    #[test]
    fn the_error_of_a_template_that_fails_later_has_nothing_of_its_values() {
        let prompts = own("correct.md", "Correct.\n{% if language == 'Klingon' %}{{ language + 1 }}{% endif %}").unwrap();
        assert!(prompts.rewrite(Task::Correct, context! { language => "English" }, "x").is_ok());
        let error = prompts.rewrite(Task::Correct, context! { language => "Klingon" }, "x").unwrap_err().to_string();
        assert!(error.contains("correct.md") && error.contains("line 2") && error.contains("language + 1"), "{error}");
        assert!(!error.contains("Klingon"), "{error}");
    }
}
