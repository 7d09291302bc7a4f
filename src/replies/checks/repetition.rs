//! What the shop already said to a customer, and whether a draft says it again.

use std::collections::HashSet;

use crate::{
    chats::{Author, Chat, EarlierChat},
    replies::stream::result::{Warning, WarningKind},
    text::{fold, sentences},
};

/// Most messages that are looked back on, the latest of them, and most bytes.
const MAX_MESSAGES: usize = 500;
const MAX_BYTES: usize = 512 << 10;
/// A sentence of fewer words is what everybody says.
const MIN_WORDS: usize = 5;
/// A sentence was said before when this share of its words stands in one that was.
const SAME: f64 = 0.8;
/// A draft repeats when this share of its words is in sentences that were said before.
const REPEATS: f64 = 0.5;

/// The messages that the shop sent to a customer, in this chat and in earlier ones.
pub struct EarlierStatements {
    messages: Vec<String>,
}

impl EarlierStatements {
    pub fn of(chat: &Chat, earlier: &[EarlierChat]) -> EarlierStatements {
        let chats = std::iter::once(chat).chain(earlier.iter().map(|EarlierChat(chat)| chat));
        let messages =
            chats.flat_map(|chat| chat.turns_with_customer().iter().rev()).filter(|turn| turn.message.author != Author::Customer);
        let mut left = MAX_BYTES;
        let latest = messages.take(MAX_MESSAGES).take_while(|turn| {
            let has_room = left > 0;
            left = left.saturating_sub(turn.message.text.len());
            has_room
        });
        EarlierStatements { messages: latest.map(|turn| turn.message.text.clone()).collect() }
    }

    /// A warning if most of `text` was said before.
    pub fn warning(&self, text: &str) -> Option<Warning> {
        let earlier: Vec<HashSet<String>> =
            self.messages.iter().flat_map(|message| sentences(message)).map(|sentence| words(sentence).into_iter().collect()).collect();
        let (mut all, mut again, mut longest) = (0, 0, "");
        for sentence in sentences(text) {
            let words = words(sentence);
            all += words.len();
            if words.len() >= MIN_WORDS && earlier.iter().any(|sentence| same(&words, sentence)) {
                again += words.len();
                if sentence.len() > longest.len() {
                    longest = sentence;
                }
            }
        }
        (again > 0 && again as f64 >= all as f64 * REPEATS).then(|| Warning {
            kind: WarningKind::AlreadySaid,
            excerpt: longest.to_owned(),
            message: "the customer was told this before".to_owned(),
        })
    }
}

/// Numbers and codes must be the same ones: another date is news.
fn same(words: &[String], earlier: &HashSet<String>) -> bool {
    let number = |word: &&String| word.bytes().any(|byte| byte.is_ascii_digit());
    let shared = words.iter().filter(|word| earlier.contains(*word)).count();
    shared as f64 >= words.len() as f64 * SAME && words.iter().filter(number).all(|word| earlier.contains(word))
}

fn words(sentence: &str) -> Vec<String> {
    sentence.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).map(fold).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saying_it_again_is_noticed() {
        let earlier = EarlierStatements {
            messages: vec!["Hello Elif! You can send the towels back within 14 days, free of charge. Anything else?".into()],
        };
        let warning = earlier.warning("Hi! You can send the towels back within 14 days free of charge.").unwrap();
        assert_eq!(warning.kind, WarningKind::AlreadySaid);
        assert!(warning.excerpt.starts_with("You can send"));
        assert_eq!(earlier.warning("You can send the towels back within 30 days, free of charge."), None, "another number is news");
        assert_eq!(earlier.warning("Hello Elif! Anything else?"), None, "courtesies are no answers");
        assert_eq!(
            earlier.warning("You can send the towels back within 14 days, free of charge. The label is in your parcel, please print it out and stick it on the box, then bring it to any post office near you."),
            None,
            "most of it is new"
        );
    }
}
