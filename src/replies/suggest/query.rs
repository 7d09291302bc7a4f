//! The query of a chat: what its suggestions and drafts are searched by.

use crate::{
    chats::{Author, Chat, Turn},
    knowledge::{ChatFacts, Conversation, QueryKind, Utterance},
};

/// How much less each earlier turn weighs than the next, and the weight of an agent's turn against a customer's: for the last turns and for
/// the whole conversation.
const RECENT_DECAY: f32 = 0.3;
const RECENT_AGENT: f32 = 0.2;
const RECENT_FLOOR: f32 = 0.05;
const WHOLE_DECAY: f32 = 0.95;
const WHOLE_AGENT: f32 = 1.3;
/// The weight of form answers, topic and subject, and of page titles.
const FORM_AND_TOPIC: f32 = 0.6;
const PAGE: f32 = 0.2;
/// Earlier turns and pages are ignored.
const MAX_TURNS: usize = 60;
const MAX_PAGES: usize = 3;
/// Most characters of a message in the query, and most bytes of sent texts that are not suggested again.
const MAX_CHARACTERS: usize = 8000;
const MAX_SENT_BYTES: usize = 512 << 10;

/// Returns what the agent typed, else the conversation, else openers for the open page.
pub fn query_kind(chat: Option<&Chat>, typed: &str) -> QueryKind {
    let typed = typed.trim_start();
    if let Some(shortcut) = typed.strip_prefix('/') {
        return QueryKind::Shortcut(shortcut.trim().to_owned());
    }
    match chat {
        _ if !typed.is_empty() => QueryKind::Typed(typed.to_owned()),
        Some(chat) if has_asked(chat) => QueryKind::Conversation(conversation(chat)),
        Some(chat) => QueryKind::Opener(pages(chat).join(" ")),
        None => QueryKind::Conversation(Conversation::default()),
    }
}

/// Returns whether there is something to answer: a message, a subject, or a form's topic.
fn has_asked(chat: &Chat) -> bool {
    chat.turns.iter().any(|turn| turn.message.author == Author::Customer)
        || !chat.summary.subject.is_empty()
        || !chat.summary.topic.is_empty()
}

/// Builds the conversation with two weights per text: for the last question, and for the whole.
fn conversation(chat: &Chat) -> Conversation {
    let asked = [&chat.summary.subject, &chat.summary.topic];
    let answers = chat.form_answers.values().filter(|answer| !answer.bytes().any(|byte| byte.is_ascii_digit()));
    let utterance = |text: String, weight: f32| Utterance { text, burst: None, recent: weight, whole: weight };
    let (mut recent, mut whole) = (1.0_f32, 1.0_f32);
    let mut last_author = None;
    let mut pieces = Vec::new();
    let mut bursts = 0;
    for turn in chat.turns.iter().rev().take(MAX_TURNS) {
        // The messages of one burst are one turn.
        if last_author.is_some_and(|last| last != turn.message.author) {
            (recent, whole) = (recent * RECENT_DECAY, whole * WHOLE_DECAY);
        }
        if turn.message.author == Author::Customer && last_author != Some(Author::Customer) {
            bursts += 1;
        }
        last_author = Some(turn.message.author);
        let (author_recent, author_whole) = match turn.message.author {
            Author::Customer => (1.0, 1.0),
            Author::Agent => (RECENT_AGENT, WHOLE_AGENT),
            Author::Bot => continue,
        };
        pieces.push(Utterance {
            burst: (turn.message.author == Author::Customer).then(|| bursts - 1),
            text: contents(turn),
            recent: recent.max(RECENT_FLOOR) * author_recent,
            whole: whole * author_whole,
        });
    }
    let around = asked.into_iter().chain(answers).filter(|text| !text.is_empty());
    pieces.extend(around.map(|text| utterance(text.clone(), FORM_AND_TOPIC)));
    pieces.extend(pages(chat).into_iter().map(|page| utterance(page, PAGE)));
    let mut bytes_left = MAX_SENT_BYTES;
    let mut sent: Vec<String> = Vec::new();
    for turn in chat.turns.iter().rev().filter(|turn| turn.message.author == Author::Agent) {
        if bytes_left == 0 {
            break;
        }
        bytes_left = bytes_left.saturating_sub(turn.message.text.len());
        sent.push(turn.message.text.clone());
    }
    sent.reverse();
    let open_page = chat.pages.last().map(|page| page.url.clone()).unwrap_or_default();
    Conversation { votes: Vec::new(), pieces, sent, open_page, facts: ChatFacts::default() }
}

/// Returns the last turns of a chat, each with the messages of its burst, oldest first; without messages, the subject and topic.
pub fn last_turns(chat: &Chat, limit: usize) -> String {
    let mut turns = 0;
    let mut last_author = None;
    let mut texts: Vec<String> = Vec::new();
    for turn in chat.turns.iter().rev().filter(|turn| turn.message.author != Author::Bot).take(MAX_TURNS) {
        if last_author != Some(turn.message.author) {
            turns += 1;
            last_author = Some(turn.message.author);
        }
        if turns > limit {
            break;
        }
        texts.push(contents(turn));
    }
    if texts.is_empty() {
        texts = [&chat.summary.subject, &chat.summary.topic].into_iter().filter(|text| !text.is_empty()).cloned().collect();
    }
    texts.reverse();
    texts.join("\n")
}

/// Returns what a message says and shows, as far as a query goes.
fn contents(turn: &Turn) -> String {
    turn.message.contents().collect::<Vec<&str>>().join("\n").chars().take(MAX_CHARACTERS).collect()
}

/// Returns the titles of the pages viewed last, or the words of their addresses.
fn pages(chat: &Chat) -> Vec<String> {
    let words = |page: &crate::chats::PageView| {
        if page.title.is_empty() { page.url.rsplit('/').next().unwrap_or_default().replace(['-', '_'], " ") } else { page.title.clone() }
    };
    chat.pages.iter().rev().take(MAX_PAGES).map(words).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_agent_types_comes_first() {
        assert!(matches!(query_kind(None, " /refund "), QueryKind::Shortcut(shortcut) if shortcut == "refund"));
        assert!(matches!(query_kind(Some(&Chat::default()), "gift"), QueryKind::Typed(_)));
        assert!(matches!(query_kind(Some(&Chat::default()), ""), QueryKind::Opener(_)));
    }
}
