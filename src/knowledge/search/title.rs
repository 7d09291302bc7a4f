//! Exact titles: who types a title wants that article.

use crate::{knowledge::search::query::Query, text::words};

/// Returns 2 for a title that is the query, 1 for one that is it in other forms, else 0.
pub fn exactness(query: &Query, title: &str, language: &str) -> u8 {
    let title = words(title, language);
    let joined: String = query.words.iter().map(|word| word.word.folded()).collect();
    if title.iter().map(|word| word.folded()).collect::<String>() == joined {
        return 2;
    }
    let meets = title.len() == query.words.len() && title.iter().zip(&query.words).all(|(word, asked)| word.meets(&asked.word));
    u8::from(meets)
}
