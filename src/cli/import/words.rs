//! Words by which sources say yes, no, and that a text is public, in the languages that the service has words of.

use std::{collections::HashSet, sync::LazyLock};

use serde::Deserialize;
use serde_json::Value;

use crate::text::fold;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    yes: HashSet<String>,
    no: HashSet<String>,
    public: HashSet<String>,
    draft: HashSet<String>,
    everybody: HashSet<String>,
    colleagues: HashSet<String>,
}

static WORDS: LazyLock<Words> = LazyLock::new(|| toml::from_str(include_str!("words.toml")).expect("a constant file"));

/// What a value says.
#[derive(Debug, PartialEq, Eq)]
pub enum Said {
    Yes,
    No,
    /// It is empty.
    Nothing,
    /// Something else, which may mean either.
    Other,
}

/// What a flag says: a boolean, a number or a word.
pub fn said(value: &Value) -> Said {
    match word(value).as_str() {
        "" => Said::Nothing,
        word if WORDS.yes.contains(word) => Said::Yes,
        word if WORDS.no.contains(word) => Said::No,
        _ => Said::Other,
    }
}

/// A value as a word to compare: without case, accents, and signs between its parts.
pub fn word(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => match number.as_f64() {
            Some(0.0) => "0".to_owned(),
            Some(1.0) => "1".to_owned(),
            _ => number.to_string(),
        },
        Value::String(text) => plain_word(text),
        Value::Array(items) => items.iter().map(word).filter(|word| !word.is_empty()).collect::<Vec<String>>().join(", "),
        Value::Object(fields) => fields.keys().map(|key| plain_word(key)).collect::<Vec<String>>().join(", "),
    }
}

/// A text as a word to compare.
pub fn plain_word(text: &str) -> String {
    let folded = fold(text);
    match folded.trim() {
        "-" => "-".to_owned(),
        folded => folded.replace(['_', '-'], " ").split_whitespace().collect::<Vec<&str>>().join(" "),
    }
}

/// Whether a state means that a text is public.
pub fn is_public(word: &str) -> bool {
    WORDS.public.contains(word)
}

/// Whether a state is one of those that surely mean that a text is not public.
pub fn is_draft(word: &str) -> bool {
    WORDS.draft.contains(word)
}

/// Whether an audience is everybody.
pub fn is_everybody(word: &str) -> bool {
    WORDS.everybody.contains(word) || is_public(word)
}

/// Whether an audience is colleagues.
pub fn is_colleagues(word: &str) -> bool {
    WORDS.colleagues.contains(word)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_are_written_as_they_are_compared() {
        let Words { yes, no, public, draft, everybody, colleagues } = &*WORDS;
        for word in [yes, no, public, draft, everybody, colleagues].into_iter().flatten() {
            assert_eq!(plain_word(word), *word);
        }
        assert!(yes.is_disjoint(no) && public.is_disjoint(draft));
        assert!(!colleagues.iter().any(|word| is_everybody(word)));
    }

    #[test]
    fn a_flag_is_a_boolean_a_number_or_a_word() {
        for (value, expected) in [
            (json!(true), Said::Yes),
            (json!(1), Said::Yes),
            (json!(1.0), Said::Yes),
            (json!(" YES "), Said::Yes),
            (json!("Evet"), Said::Yes),
            (json!(false), Said::No),
            (json!(0), Said::No),
            (json!("HAYIR"), Said::No),
            (json!("n"), Said::No),
            (json!("-"), Said::No),
            (json!(null), Said::Nothing),
            (json!(""), Said::Nothing),
            (json!([]), Said::Nothing),
            (json!("perhaps"), Said::Other),
            (json!(2), Said::Other),
            (json!([true, false]), Said::Other),
        ] {
            assert_eq!(said(&value), expected, "{value}");
        }
    }
}
