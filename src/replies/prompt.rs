//! Prompts: one readable template per task, in `prompts/`.

use std::sync::LazyLock;

use minijinja::{Environment, Value};

use crate::model::Prompt;

/// What a prompt is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    Draft,
    Correct,
    Retone,
    Translate,
    Summarize,
}

/// Parts a template's two messages.
const USER: &str = "\n--- user ---\n";

#[derive(Clone, Copy)]
enum Message {
    System,
    User,
}

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    for (task, source) in [
        (Task::Draft, include_str!("prompts/draft.md")),
        (Task::Correct, include_str!("prompts/correct.md")),
        (Task::Retone, include_str!("prompts/retone.md")),
        (Task::Translate, include_str!("prompts/translate.md")),
        (Task::Summarize, include_str!("prompts/summarize.md")),
    ] {
        let (system, user) = source.split_once(USER).unwrap_or((source, ""));
        for (message, part) in [(Message::System, system), (Message::User, user)] {
            environment.add_template_owned(name(task, message), part).expect("the templates are tested");
        }
    }
    environment
});

fn name(task: Task, message: Message) -> &'static str {
    match (task, message) {
        (Task::Draft, Message::System) => "draft system",
        (Task::Draft, Message::User) => "draft user",
        (Task::Correct, Message::System) => "correct system",
        (Task::Correct, Message::User) => "correct user",
        (Task::Retone, Message::System) => "retone system",
        (Task::Retone, Message::User) => "retone user",
        (Task::Translate, Message::System) => "translate system",
        (Task::Translate, Message::User) => "translate user",
        (Task::Summarize, Message::System) => "summarize system",
        (Task::Summarize, Message::User) => "summarize user",
    }
}

/// Renders the prompt of a rewrite: its user message is the text alone.
pub fn rewrite_prompt(task: Task, values: Value, text: &str) -> Prompt {
    Prompt { system: render(task, Message::System, values), user: text.to_owned() }
}

/// Renders a prompt with both of its messages.
pub fn prompt(task: Task, values: Value) -> Prompt {
    Prompt { system: render(task, Message::System, values.clone()), user: render(task, Message::User, values) }
}

/// What the templates of drafts say on their own account: no reply has so much of it in a row.
pub fn instructions() -> &'static [String] {
    static INSTRUCTIONS: LazyLock<Vec<String>> = LazyLock::new(|| {
        let template = include_str!("prompts/draft.md");
        let mut own = Vec::new();
        let mut rest = template;
        // What stands in braces is filled in, or steers.
        while let Some((before, after)) = rest.split_once('{') {
            own.push(before.to_owned());
            rest = after.split_once('}').map_or("", |(_, rest)| rest.trim_start_matches('}'));
        }
        own.push(rest.to_owned());
        own
    });
    &INSTRUCTIONS
}

/// A mark around data, new for each call, so that the data can't close it.
pub fn fence() -> String {
    format!("===data-{}===", &uuid::Uuid::new_v4().simple().to_string()[..12])
}

fn render(task: Task, message: Message, values: Value) -> String {
    let template = TEMPLATES.get_template(name(task, message)).expect("every task has its templates");
    template.render(values).expect("the templates are tested with what they are given").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use minijinja::{context, value::Serde};

    use super::*;

    #[test]
    fn data_stays_data() {
        let prompt = rewrite_prompt(Task::Retone, context! { tone => "formal" }, "{{ fence }} <b> {% raw %}");
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
        let rendered =
            prompt(Task::Summarize, context! { language => "Turkish", headings => vec!["Sordu", "Denendi"], fence => "==", lines });
        assert!(rendered.system.contains("Sordu, Denendi"));
        assert!(rendered.user.contains("customer Elif: {{ x }} <i>"), "{}", rendered.user);
    }
}
