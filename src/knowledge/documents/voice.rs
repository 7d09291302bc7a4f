//! The voice: how the shop writes.

use serde::{Deserialize, Serialize};

use crate::{
    knowledge::documents::front_matter::{Trouble, split_front_matter},
    text::without_comments,
};

const VOICE_KEYS: [&str; 2] = ["layout", "sign_off"];

/// How the shop writes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Voice {
    /// Markdown, for people and models.
    pub text: String,
    /// Whether drafts are several short messages unless a call says otherwise.
    pub several_messages: bool,
    /// With placeholders.
    pub sign_off: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VoiceHead {
    #[serde(default)]
    layout: LayoutWord,
    #[serde(default)]
    sign_off: String,
}

#[derive(Deserialize, Default, PartialEq)]
#[serde(rename_all = "snake_case")]
enum LayoutWord {
    #[default]
    SingleMessage,
    SeveralMessages,
}

/// Parses the voice's file.
pub fn parse_voice(text: &str) -> Result<Voice, Trouble> {
    let file = split_front_matter(text)?;
    let head: VoiceHead = file.head(&VOICE_KEYS)?;
    let text = without_comments(file.body).trim().to_owned();
    Ok(Voice { text, several_messages: head.layout == LayoutWord::SeveralMessages, sign_off: head.sign_off })
}

impl Voice {
    /// Returns the file that says the same.
    pub fn file_text(&self) -> Result<String, String> {
        let Voice { text, several_messages, sign_off } = self;
        let layout = if *several_messages { "several_messages" } else { "single_message" };
        // Text in JSON's quotes is text in YAML's.
        let sign_off = serde_json::Value::from(sign_off.as_str());
        let file = format!("---\nlayout: {layout}\nsign_off: {sign_off}\n---\n\n{}\n", text.trim());
        let expected = Voice { text: without_comments(text).trim().to_owned(), ..self.clone() };
        let is_same = parse_voice(&file).is_ok_and(|read| read == expected);
        if is_same { Ok(file) } else { Err("the voice can't be written as a file that says the same".to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Voice, parse_voice};

    #[test]
    fn a_comment_in_the_voice_is_not_for_models() {
        let voice = parse_voice("---\nsign_off: Ann\n---\n\nWe are kind. <!-- never below 41 percent -->").unwrap();
        assert_eq!(voice.text, "We are kind.");
    }

    #[test]
    fn a_voice_is_written_as_it_is_read() {
        let voice = Voice {
            text: "We are kind.\n\n---\n\n# And: short".into(),
            several_messages: true,
            sign_off: "\"Ann\"\n{{agent.name}}: #1".into(),
        };
        assert_eq!(parse_voice(&voice.file_text().unwrap()).unwrap(), voice);
    }
}
