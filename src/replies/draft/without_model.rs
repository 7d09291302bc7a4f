//! A draft without a model: the best canned answer, with its placeholders filled, or the best passage of a public article.

use crate::{
    chats::Chat,
    knowledge::{Kind, RankedDocument},
    replies::{
        approved::Approved,
        draft::{Draft, prompt::source},
        placeholder,
    },
    text::Language,
};

/// Least score of a text that is sent as it is, the threshold "send": nine of ten such texts are what agents take.
const SEND: f64 = 0.7;
/// Fewer words ask nothing that an approved text could answer.
const MIN_WORDS: usize = 2;
/// Returns the best of `offers` (public documents, best first) that can be sent unchanged in the requested language; `None` if there is
/// none, or if the agent asks for more than approved text can give.
pub fn draft(draft: &Draft, chat: &Chat, language: &Language, offers: &[RankedDocument]) -> Option<Approved> {
    // A greeting asks nothing, though many answers begin with it.
    let has_question = chat.last_burst_text().split_whitespace().count() >= MIN_WORDS || chat.turns.is_empty();
    if !draft.instruction.is_empty() || !draft.previous_draft.is_empty() || !has_question {
        return None;
    }
    let is_good = |offer: &&RankedDocument| offer.score >= SEND && offer.document.language.primary() == language.primary();
    offers.iter().filter(is_good).find_map(|offer| {
        let (document, passage) = (&offer.document, offer.passage());
        let text = match document.kind() {
            Kind::CannedAnswer => {
                let (text, missing) = placeholder::fill(&passage, Some(chat), &draft.agent.name, &document.language);
                if !missing.is_empty() {
                    return None;
                }
                text
            }
            Kind::Article if document.url().is_empty() => passage,
            Kind::Article => format!("{passage}\n\n{}", document.url()),
        };
        Some(Approved { text: text.trim().to_owned(), source: source(document) })
    })
}
