//! Pure functions over text: words and their keys, languages, token estimates. No input or output here.

mod analyzer;
mod article_html;
mod comments;
mod detect;
mod fingerprint;
mod fold;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod html;
mod joined;
mod korean;
mod language;
mod lines;
mod markdown;
mod placeholder;
mod script;
mod segment;
mod sentences;
mod short_words;
mod tokens;
mod visible;

pub use analyzer::{Beginnings, Word, beginning, grams, letter_pairs, signature, words, words_beginning};
pub use article_html::{ArticleHtml, Destinations, Heading, article_html};
pub use comments::{CommentFlaw, comments, decode_entities, without_comments, without_entities};
pub use detect::detect;
pub use fingerprint::fingerprint;
pub use fold::fold;
pub use html::{escape_html, html};
pub use language::{Language, lookup};
pub use lines::{QUOTE, is_line_break, lines, on_one_line, quoted, quoted_behind, quoted_lines, with_newlines};
pub use markdown::{Block, BlockKind, blocks, paragraphs, plain, readable};
pub use placeholder::{Placeholder, fill_placeholders, is_known_placeholder, placeholders};
pub use segment::unspaced_apart;
pub use sentences::{sentence_at, sentences};
pub use tokens::estimate_tokens;
pub use visible::{Visible, is_invisible, visible};
