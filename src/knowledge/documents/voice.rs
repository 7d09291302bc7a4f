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

#[cfg(test)]
mod tests {
    use super::parse_voice;

    #[test]
    fn a_comment_in_the_voice_is_not_for_models() {
        let voice = parse_voice("---\nsign_off: Ann\n---\n\nWe are kind. <!-- never below 41 percent -->").unwrap();
        assert_eq!(voice.text, "We are kind.");
    }
}
