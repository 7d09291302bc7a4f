//! What a chat is looking for: the query that its suggestions and drafts are found by.

use crate::{
    chats::{Author, Chat},
    knowledge::Wanted,
};

/// Weights of the pieces of a conversation. The last burst asks; the rest tells what about.
const LAST_BURST: f32 = 1.0;
const FORM_AND_TOPIC: f32 = 0.6;
const EARLIER_CUSTOMER_TURN: f32 = 0.4;
const EARLIER_AGENT_TURN: f32 = 0.2;
const PAGE: f32 = 0.2;
/// Each turn further back counts this much of the one after it.
const DECAY: f32 = 0.6;
/// Turns and pages further back count nothing.
const MOST_TURNS: usize = 8;
const MOST_PAGES: usize = 3;
/// A clause of fewer words asks nothing by itself.
const LEAST_WORDS: usize = 4;
const MOST_CLAUSES: usize = 6;

/// What the agent typed, else what the conversation is about, else openers for the page that is viewed.
pub fn wanted(chat: Option<&Chat>, typed: &str) -> Wanted {
    let typed = typed.trim_start();
    if let Some(shortcut) = typed.strip_prefix('/') {
        return Wanted::Shortcut(shortcut.trim().to_owned());
    }
    match chat {
        _ if !typed.is_empty() => Wanted::Typed(typed.to_owned()),
        Some(chat) if has_asked(chat) => Wanted::Conversation { pieces: pieces(chat), clauses: clauses(&chat.last_burst_text()) },
        Some(chat) => Wanted::Opener(pages(chat).join(" ")),
        None => Wanted::Conversation { pieces: Vec::new(), clauses: Vec::new() },
    }
}

/// Whether there is something to answer: a message, a subject, or what a form asked.
fn has_asked(chat: &Chat) -> bool {
    chat.turns.iter().any(|turn| turn.message.author == Author::Customer)
        || !chat.summary.subject.is_empty()
        || !chat.summary.topic.is_empty()
}

fn pieces(chat: &Chat) -> Vec<(String, f32)> {
    let burst = chat.last_burst();
    let mut pieces: Vec<(String, f32)> = burst.iter().map(|turn| (turn.message.text.clone(), LAST_BURST)).collect();
    let asked = [&chat.summary.subject, &chat.summary.topic];
    let answers = chat.form_answers.values().filter(|answer| !answer.bytes().any(|byte| byte.is_ascii_digit()));
    pieces.extend(asked.into_iter().chain(answers).filter(|text| !text.is_empty()).map(|text| (text.clone(), FORM_AND_TOPIC)));
    let before = chat.turns.iter().rev().filter(|turn| !burst.iter().any(|asked| asked.event_id == turn.event_id));
    let mut decay = 1.0;
    for turn in before.take(MOST_TURNS) {
        let weight = match turn.message.author {
            Author::Customer => EARLIER_CUSTOMER_TURN,
            Author::Agent => EARLIER_AGENT_TURN,
            Author::Bot => 0.0,
        };
        if weight > 0.0 {
            pieces.push((turn.message.text.clone(), weight * decay));
        }
        decay *= DECAY;
    }
    pieces.extend(pages(chat).into_iter().map(|page| (page, PAGE)));
    pieces
}

/// The last clauses of a text that are long enough to ask something; none if the text is one clause.
pub fn clauses(text: &str) -> Vec<String> {
    let parts: Vec<&str> = text.split(['.', '?', '!', ',', ';', ':', '\n']).filter(|part| !part.trim().is_empty()).collect();
    let long: Vec<&str> = parts.iter().copied().filter(|part| part.split_whitespace().count() >= LEAST_WORDS).collect();
    if parts.len() < 2 {
        return Vec::new();
    }
    long.iter().rev().take(MOST_CLAUSES).map(|part| part.trim().to_owned()).collect()
}

/// Titles of the pages viewed last, or what their addresses say.
fn pages(chat: &Chat) -> Vec<String> {
    let words = |page: &crate::chats::PageView| {
        if page.title.is_empty() { page.url.rsplit('/').next().unwrap_or_default().replace(['-', '_'], " ") } else { page.title.clone() }
    };
    chat.pages.iter().rev().take(MOST_PAGES).map(words).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_asks_is_cut_out_of_what_surrounds_it() {
        let text = "evet, misafirlerim gelecek. paketim şu an tam nerede? olmazsa söyleyin";
        assert_eq!(clauses(text), ["paketim şu an tam nerede"]);
        assert_eq!(clauses("where is my parcel now"), Vec::<String>::new(), "the whole is asked already");
        assert_eq!(clauses(&"one two three four five. ".repeat(100)).len(), MOST_CLAUSES);
    }

    #[test]
    fn what_the_agent_types_comes_first() {
        assert!(matches!(wanted(None, " /refund "), Wanted::Shortcut(shortcut) if shortcut == "refund"));
        assert!(matches!(wanted(Some(&Chat::default()), "gift"), Wanted::Typed(_)));
        assert!(matches!(wanted(Some(&Chat::default()), ""), Wanted::Opener(_)));
    }
}
