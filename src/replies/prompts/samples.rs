//! Sample values of everything that templates are filled with: all full, all empty, and each field the opposite of the rest.

use std::collections::BTreeMap;

use minijinja::{Value, context, value::Serde};

use crate::{chats::ChatLine, config::Task};

/// Entries of a full list: a few more than most chats have.
const MANY: usize = 12;

/// A field of a task's prompts, filled and empty.
type Field = (&'static str, Value, Value);

/// Returns the names of the fields of a task's prompts, in order.
pub fn field_names(task: Task) -> Vec<String> {
    let mut names: Vec<String> = fields(task).into_iter().map(|(name, ..)| name.to_owned()).collect();
    names.sort();
    names
}

/// Returns the sample values of a task's prompts.
pub fn samples(task: Task) -> impl Iterator<Item = Value> {
    let fields = fields(task);
    let different = (0..=fields.len()).flat_map(|different| [(different, true), (different, false)]);
    different.map(move |(different, full)| {
        let value =
            |(at, (name, with, without)): (usize, &Field)| (*name, if full != (at == different) { with.clone() } else { without.clone() });
        Value::from_pairs(fields.iter().enumerate().map(value))
    })
}

fn fields(task: Task) -> Vec<Field> {
    match task {
        Task::Correct => vec![optional("language", "Turkish")],
        Task::Retone => vec![always("tone", "formal and polite"), optional("language", "Turkish"), text("voice", "We write warmly.")],
        Task::Translate => {
            vec![optional("source", "Turkish"), always("target", "Hungarian"), list("glossary", &"towel = törölköző".to_owned())]
        }
        Task::Summarize => {
            let own = [
                always("language", "Turkish"),
                ("headings", vec!["Asked"; 5].into(), vec!["Asked"; 5].into()),
                always("fence", "===data==="),
            ];
            own.into_iter().chain([yes_or_no("marks"), text("topic", "returns")]).chain(conversation()).collect()
        }
        Task::RunningSummary => vec![
            always("language", "Turkish"),
            always("fence", "===data==="),
            ("lines_limit", 12.into(), 12.into()),
            yes_or_no("marks"),
            list("running_summary", &"The customer is allergic to wool.".to_owned()),
            ("lines", chat_lines(), chat_lines()),
        ],
        Task::Choose => {
            let candidate = BTreeMap::from([("title", "Returns"), ("text", "| Within 14 days.")]);
            let line = BTreeMap::from([("author", "customer"), ("text", "Where is my parcel?")]);
            vec![
                always("fence", "===data==="),
                list("candidates", &candidate),
                list("lines", &line),
                text("instruction", "say that it ships on Monday"),
            ]
        }
        Task::Check => vec![
            always("fence", "===data==="),
            always("given", "===data===\nSources:\n[[1]] Returns\n===data==="),
            list("sentences", &"We refund it today.".to_owned()),
        ],
        Task::Enrich => vec![
            always("fence", "===data==="),
            always("language", "Turkish"),
            ("limit", 12.into(), 1.into()),
            always("title", "Returns"),
            list("tags", &"refund".to_owned()),
            list("asked", &"can i send it back".to_owned()),
            always("body", "| Within 14 days."),
        ],
        Task::Draft => {
            let source = context! { title => "Returns", url => "https://shop.example/returns", text => "Within 14 days." };
            let bare = context! { title => "Returns", url => "", text => "Within 14 days." };
            let own = [
                text("agent_name", "Selin"),
                yes_or_no("introduction"),
                always("language", "Turkish"),
                always("fence", "===data==="),
                optional("tone", "formal and polite"),
                yes_or_no("several"),
                always("now", "Friday, 2026-11-27, 14:05 (Europe/Istanbul)"),
                optional("opening_hours", "The shop is open until 18:00."),
                list("questions", &"Where is my parcel?".to_owned()),
                optional("channel", "e-mail"),
                optional("length", "one to four short sentences"),
                optional("form_of_address", "Sie"),
                yes_or_no("mail"),
                text("sign_off", "Kind regards, Selin"),
                text("voice", "We write warmly."),
                list("glossary", &"towel = törölköző".to_owned()),
                yes_or_no("glossary_is_whole"),
                (
                    "sources",
                    (0..MANY).map(|nth| if nth == 1 { bare.clone() } else { source.clone() }).collect(),
                    Value::from(Vec::<Value>::new()),
                ),
                yes_or_no("marks"),
                text("topic", "returns"),
                text("previous_draft", "Hello!"),
                text("instruction", "say that it ships on Monday"),
            ];
            own.into_iter().chain(conversation()).collect()
        }
    }
}

/// Returns the fields of every prompt about a chat.
fn conversation() -> Vec<Field> {
    let pair = ("name".to_owned(), "Elif".to_owned());
    let texts = ["records", "pages", "earlier", "notes", "running_summary", "told", "promises", "open_questions"];
    let texts = texts.map(|name| list(name, &"order KE-204815: status: shipped".to_owned()));
    [list("facts", &pair), list("form_answers", &pair)]
        .into_iter()
        .chain(texts)
        .chain(["lines", "older_lines"].map(|name| (name, chat_lines(), Value::from(Serde(&Vec::<ChatLine>::new())))))
        .collect()
}

/// Returns the lines of a chat, each with other parts.
fn chat_lines() -> Value {
    let line = |nth: usize| ChatLine {
        author: ["customer", "agent", "bot"][nth % 3],
        name: if nth.is_multiple_of(2) { "Elif".to_owned() } else { String::new() },
        text: "Where is my parcel?".to_owned(),
        attached: Vec::new(),
        quoted: String::new(),
        signature: String::new(),
        left_out: nth % 3,
        day: if nth.is_multiple_of(4) { "Sunday, 2026-11-22".to_owned() } else { String::new() },
    };
    Value::from(Serde(&(0..MANY).map(line).collect::<Vec<ChatLine>>()))
}

fn always(name: &'static str, value: &str) -> Field {
    (name, value.into(), value.into())
}

fn optional(name: &'static str, value: &str) -> Field {
    (name, value.into(), Value::from(()))
}

fn text(name: &'static str, value: &str) -> Field {
    (name, value.into(), "".into())
}

fn yes_or_no(name: &'static str) -> Field {
    (name, true.into(), false.into())
}

fn list<T: serde::Serialize + Clone>(name: &'static str, value: &T) -> Field {
    let of = |many: usize| Value::from(Serde(&vec![value.clone(); many]));
    (name, of(MANY), of(0))
}
