//! Writes a document as the text of its file: front matter and body, as the folder's reader takes them.

use jiff::Timestamp;

use crate::knowledge::documents::{
    document::{Audience, Details, Document, Visibility},
    front_matter::parse_document,
};

impl Document {
    /// Returns the text of its file. What the reader makes of that is the document again, but for space around its body, or it is an error.
    pub fn file_text(&self) -> Result<String, String> {
        let text = written(self);
        let read = parse_document(&text, &self.key()).map_err(|(_, problem)| problem)?;
        let body = self.body.trim().to_owned();
        let expected = Document { body, from_folder: true, withdrawn: false, ..self.clone() };
        if read == expected { Ok(text) } else { Err("can't be written as a file that says the same".to_owned()) }
    }

    /// Returns why an id can't be the name of a document's file.
    pub fn file_name_problem(id: &str) -> Option<&'static str> {
        if id.contains('/') {
            Some("has a slash, which the name of a file can't have")
        } else if id.starts_with('.') {
            Some("begins with a dot, and such files are passed over")
        } else if !unicode_normalization::is_nfc(id) {
            Some("has accents as separate characters, which the name of a file would join")
        } else {
            None
        }
    }
}

fn written(document: &Document) -> String {
    let Document { id: _, language: _, title, body, category, tags, asked, from_folder: _, updated_at, withdrawn: _, details } = document;
    let mut text = "---\n".to_owned();
    let mut line = |key: &str, value: String| {
        text.push_str(key);
        text.push_str(": ");
        text.push_str(&value);
        text.push('\n');
    };
    line("title", quoted(title));
    if !category.is_empty() {
        line("category", quoted(category));
    }
    if !tags.is_empty() {
        line("tags", list(tags));
    }
    if !asked.is_empty() {
        line("asked", lines(asked));
    }
    match details {
        Details::Article { audience, url } => {
            if *audience == Audience::Agents {
                line("audience", "agents".to_owned());
            }
            if !url.is_empty() {
                line("url", quoted(url));
            }
        }
        Details::CannedAnswer { shortcut, visibility, when } => {
            if !shortcut.is_empty() {
                line("shortcut", quoted(shortcut));
            }
            match visibility {
                Visibility::Everyone => {}
                Visibility::Group(group) => {
                    line("visibility", "group".to_owned());
                    line("owner_group", quoted(group));
                }
                Visibility::Agent(agent) => {
                    line("visibility", "agent".to_owned());
                    line("owner_agent_id", quoted(agent));
                }
            }
            if !when.is_empty() {
                line("when", lines(&Vec::from(when.clone())));
            }
        }
    }
    if *updated_at != Timestamp::default() {
        line("updated_at", updated_at.to_string());
    }
    text.push_str("---\n\n");
    text.push_str(body.trim());
    text.push('\n');
    text
}

/// JSON's strings are YAML's: no character in them means anything.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn list(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|text| quoted(text)).collect::<Vec<String>>().join(", "))
}

fn lines(texts: &[String]) -> String {
    texts.iter().map(|text| format!("\n  - {}", quoted(text))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ids::Id,
        knowledge::documents::condition::{Condition, Conditions},
        text::Language,
    };

    #[test]
    fn a_document_is_read_again_as_it_was_written() {
        let when = Conditions::new(vec![Condition::parse("record.order.status in (shipped, out for delivery)").unwrap()]).unwrap();
        let answer = Document {
            id: Id::new("iade").unwrap(),
            language: Language::parse("tr").unwrap(),
            title: "İade: \"ne zaman\" # - [x] \u{85}\u{2028}".to_owned(),
            body: "---\ntitle: no\n---\n\n<b>Merhaba</b> {{customer.first_name}},\r\n\tiade".to_owned(),
            category: "a: b".to_owned(),
            tags: vec!["true".to_owned(), "2026".to_owned(), "opener".to_owned()],
            asked: vec!["nerede, ne zaman?".to_owned()],
            from_folder: false,
            updated_at: "2026-10-05T09:00:00.123456789Z".parse().unwrap(),
            withdrawn: false,
            details: Details::CannedAnswer { shortcut: "iade".to_owned(), visibility: Visibility::Group("orders".to_owned()), when },
        };
        assert!(answer.file_text().unwrap().contains("owner_group: \"orders\""));
        let details = Details::Article { audience: Audience::Agents, url: "https://shop.example/a#b".to_owned() };
        let article = Document { details, asked: Vec::new(), updated_at: Timestamp::default(), ..answer.clone() };
        assert!(article.file_text().unwrap().contains("audience: agents\n"));
        let nul = Document { body: "a\0b".to_owned(), ..answer };
        assert_eq!(nul.file_text(), Err("the file must not contain NUL".to_owned()));
    }

    #[test]
    fn an_id_that_is_no_file_name_is_told() {
        for (id, fits) in [("a.b", true), ("İade sürümü", true), ("a/b", false), ("..", false), (".hidden", false), ("cafe\u{301}", false)]
        {
            assert_eq!(Document::file_name_problem(id).is_none(), fits, "{id}");
        }
    }
}
