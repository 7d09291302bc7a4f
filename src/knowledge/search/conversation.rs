//! The words and intents of a suggestion query.

use crate::{
    knowledge::{
        documents::fit::ChatFacts,
        intents::{GREETING, HOW_THINGS_STAND, Intent, LATE, NEWS, THANKS, intents, mended, small_talk},
        search::{
            query::{Query, Typed},
            state::is_overdue,
            suggestion_query::{Conversation, QueryKind, Vote},
        },
    },
    text::{Word, words},
};

/// Most words of the last messages, and of the whole conversation, that are scored.
const MAX_RECENT: usize = 64;
const MAX_WHOLE: usize = 100;
/// A customer's turn with no intent as strong as this asks for nothing by itself: it adds a detail to an earlier one.
const MIN_ASKING: f32 = 0.45;
/// The weight of the turn that a last turn adds to, and how many such turns there are at most.
const CARRIED: f32 = 0.9;
const MAX_CARRIED: usize = 3;
/// What a turn counts for the intents of the whole conversation, beside the last turns.
const WHOLE_INTENTS: f32 = 0.2;
/// What thanks count beside another intent: they are said in passing.
const THANKS_SHARE: f32 = 0.3;
/// How sure it is that a customer who asks for news asks why it is late, where a record's promised day has passed.
const OVERDUE: f32 = 0.6;

/// The words and intents of a suggestion query.
#[derive(Default)]
pub struct ConversationTerms {
    /// The last messages.
    pub recent: Query,
    /// The whole conversation; `None` if it equals `recent`.
    pub whole: Option<Query>,
    /// The votes of earlier chats.
    pub votes: Vec<Vote>,
    /// What is asked for, each from 0 to 1.
    pub intents: Vec<(Intent, f32)>,
    /// How far intents say something of the documents, from 0 to 1.
    pub trust: f32,
    /// What the chat knows.
    pub facts: ChatFacts,
    /// Whether words are looked up as they are written, without corrections, compounds and pieces.
    pub as_written: bool,
}

impl ConversationTerms {
    /// Reads a query's words in its language. `trust` is how far intents say something of the documents, from 0 to 1.
    pub fn of(kind: &QueryKind, language: &str, trust: f32) -> ConversationTerms {
        match kind {
            QueryKind::Conversation(conversation) => ConversationTerms::of_conversation(conversation, language, trust),
            QueryKind::Typed(text) => ConversationTerms { recent: Typed::read(text, language).query, ..ConversationTerms::default() },
            QueryKind::Opener(page) => ConversationTerms {
                recent: Query::weighted(&[(page, words(page, language))], &[1.0], MAX_RECENT),
                ..ConversationTerms::default()
            },
            QueryKind::Shortcut(_) => ConversationTerms::default(),
        }
    }

    fn of_conversation(conversation: &Conversation, language: &str, trust: f32) -> ConversationTerms {
        let Conversation { pieces, votes, facts, .. } = conversation;
        let telling = |text: &str| {
            let found = words(text, language);
            let is_small_talk = small_talk(&found, language);
            found.into_iter().zip(is_small_talk).filter_map(|(word, is_small_talk)| (!is_small_talk).then_some(word)).collect()
        };
        let found: Vec<(&str, Vec<Word>)> = pieces.iter().map(|piece| (piece.text.as_str(), telling(&piece.text))).collect();
        let mended: Vec<Vec<Word>> = found.iter().map(|(_, words)| mended(words, language)).collect();
        let recent_weights =
            if trust > 0.0 { recent_weights(conversation, &mended, language) } else { pieces.iter().map(|piece| piece.recent).collect() };
        let whole_weights: Vec<f32> = pieces.iter().map(|piece| piece.whole).collect();
        let for_intents = mended.iter().zip(&recent_weights).zip(pieces).map(|((words, recent), piece)| {
            let whole = if piece.burst.is_some() { WHOLE_INTENTS * piece.whole } else { 0.0 };
            (words.as_slice(), recent + whole)
        });
        ConversationTerms {
            recent: Query::weighted(&found, &recent_weights, MAX_RECENT),
            whole: (recent_weights != whole_weights).then(|| Query::weighted(&found, &whole_weights, MAX_WHOLE)),
            votes: votes.clone(),
            intents: asked_for(intents(for_intents, language), facts),
            trust,
            facts: facts.clone(),
            as_written: false,
        }
    }

    /// How far the chat asks how things stand, from 0 to 1: where it asks for nothing else, it does.
    pub fn news(&self) -> f32 {
        let most = |is_wanted: fn(Intent) -> bool| {
            self.intents.iter().filter(|(intent, _)| is_wanted(intent)).map(|(_, share)| *share).fold(0.0, f32::max)
        };
        let news = most(|intent| HOW_THINGS_STAND.contains(&intent));
        news.max(1.0 - most(|intent| intent != THANKS && !HOW_THINGS_STAND.contains(&intent)))
    }
}

/// The weight of each piece among the last messages. A last turn that asks for nothing by itself is read with those before it, back to the
/// one that does.
fn recent_weights(conversation: &Conversation, found: &[Vec<Word>], language: &str) -> Vec<f32> {
    let pieces = &conversation.pieces;
    let mut weights: Vec<f32> = pieces.iter().map(|piece| piece.recent).collect();
    let asks = |burst: usize| {
        let texts = pieces.iter().zip(found).filter(|(piece, _)| piece.burst == Some(burst)).map(|(_, words)| (words.as_slice(), 1.0));
        let intents = intents(texts, language);
        intents.iter().any(|(intent, share)| ![GREETING, THANKS, NEWS].contains(intent) && *share >= MIN_ASKING)
    };
    let Some(asking) = (0..=MAX_CARRIED).find(|burst| asks(*burst)) else { return weights };
    let mut carried = CARRIED;
    for burst in 1..=asking {
        for (weight, _) in weights.iter_mut().zip(pieces).filter(|(_, piece)| piece.burst == Some(burst)) {
            *weight = weight.max(carried);
        }
        carried *= CARRIED;
    }
    weights
}

/// Leaves out what is said in passing, and adds what follows from what the chat knows.
fn asked_for(mut intents: Vec<(Intent, f32)>, facts: &ChatFacts) -> Vec<(Intent, f32)> {
    intents.retain(|(intent, _)| *intent != GREETING);
    if intents.iter().any(|(intent, _)| *intent != THANKS) {
        intents.iter_mut().filter(|(intent, _)| *intent == THANKS).for_each(|(_, share)| *share *= THANKS_SHARE);
    }
    let asks_for_news = intents.iter().any(|(intent, _)| HOW_THINGS_STAND.contains(intent));
    if asks_for_news && is_overdue(facts) && !intents.iter().any(|(intent, _)| *intent == LATE) {
        intents.push((LATE, OVERDUE));
    }
    intents
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chat_that_asks_for_nothing_else_asks_how_things_stand() {
        let news = |intents: &[(Intent, f32)]| ConversationTerms { intents: intents.to_vec(), ..ConversationTerms::default() }.news();
        assert_eq!(news(&[]), 1.0);
        assert_eq!(news(&[(THANKS, 0.9)]), 1.0, "thanks are said in passing");
        assert_eq!(news(&[("exchange", 0.75)]), 0.25);
        assert_eq!(news(&[("exchange", 0.75), ("track", 0.5)]), 0.5);
    }
}
