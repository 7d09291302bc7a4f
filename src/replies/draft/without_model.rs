//! A draft without a model: the best canned answer, filled, or the best public article's passage.

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

/// Under this confidence a text would be filler.
const DRAFT_THRESHOLD: f64 = 0.38;
/// Fewer words than these ask nothing that a text could answer unseen.
const MIN_WORDS: usize = 2;
/// A canned answer is written to be sent: it goes before an article that fits a little better.
const CANNED_ANSWER_WORTH: f64 = 1.2;

/// The best of `offers` (public ones, best first) that can be sent as it is, in the language asked; `None` when none can, or when
/// more is asked than approved text can give.
pub fn draft(draft: &Draft, chat: &Chat, language: &Language, offers: &[RankedDocument]) -> Option<Approved> {
    // A greeting asks nothing, though many an answer begins with it.
    let asked = chat.last_burst_text().split_whitespace().count() >= MIN_WORDS || chat.turns.is_empty();
    if !draft.instruction.is_empty() || !draft.previous_draft.is_empty() || !asked {
        return None;
    }
    let fits = |offer: &&RankedDocument| offer.score >= DRAFT_THRESHOLD && offer.document.language.primary() == language.primary();
    let mut fitting: Vec<&RankedDocument> = offers.iter().filter(fits).collect();
    let worth =
        |offer: &RankedDocument| if offer.document.kind() == Kind::CannedAnswer { offer.score * CANNED_ANSWER_WORTH } else { offer.score };
    fitting.sort_by(|one, other| worth(other).total_cmp(&worth(one)));
    fitting.into_iter().find_map(|offer| {
        let (document, passage) = (&offer.document, offer.passage());
        let text = match document.kind() {
            Kind::CannedAnswer => {
                let (text, missing) = placeholder::fill(&passage, Some(chat), &draft.agent.name);
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
