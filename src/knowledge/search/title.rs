//! Exact titles: who types a title wants that article.

use crate::{
    knowledge::{
        error::KnowledgeError,
        index::snapshot::IndexSnapshot,
        search::{Ranked, query::Query},
    },
    text::words,
};

/// The least match of a title that may be the query, and most titles that are compared with it.
const MIN_MATCH: f32 = 0.75;
const MAX_COMPARED: usize = 20;

/// Moves the documents whose title is the query to the front: first those that have it as typed, then those that have other forms of its
/// words.
pub(super) fn exact_titles_first(snapshot: &IndexSnapshot, query: &Query, ranked: &mut [Ranked]) -> Result<(), KnowledgeError> {
    let mut exactness = vec![0_u8; ranked.len()];
    let may_be: Vec<usize> = (0..ranked.len()).filter(|place| ranked[*place].title >= MIN_MATCH).take(MAX_COMPARED).collect();
    for place in may_be {
        let document = snapshot.read(ranked[place].found.segment, ranked[place].found.doc)?;
        exactness[place] = match_of(query, &document.title, document.language.primary());
    }
    if exactness.iter().any(|exact| *exact > 0) {
        let mut order: Vec<usize> = (0..ranked.len()).collect();
        order.sort_by_key(|place| std::cmp::Reverse(exactness[*place]));
        let sorted: Vec<Ranked> = order.into_iter().map(|place| ranked[place]).collect();
        ranked.copy_from_slice(&sorted);
    }
    Ok(())
}

/// Returns 2 for a title that is the query, 1 for one that is it in other forms, else 0.
fn match_of(query: &Query, title: &str, language: &str) -> u8 {
    let title = words(title, language);
    let joined: String = query.words.iter().map(|word| word.word.folded()).collect();
    if title.iter().map(|word| word.folded()).collect::<String>() == joined {
        return 2;
    }
    let meets = title.len() == query.words.len() && title.iter().zip(&query.words).all(|(word, asked)| word.meets(&asked.word));
    u8::from(meets)
}
