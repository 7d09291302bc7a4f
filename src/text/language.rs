//! Language tags.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A BCP 47 language tag in its usual case, such as `tr` or `pt-BR`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Language(String);

impl Language {
    /// Validates a tag's form, not whether the language exists. At most 35 characters, as RFC 5646 advises.
    pub fn parse(tag: &str) -> Result<Language, &'static str> {
        const PROBLEM: &str = "must be a BCP 47 language tag such as `tr` or `pt-BR`";
        let mut subtags = tag.split('-');
        let primary = subtags.next().unwrap_or_default();
        if !(2..=3).contains(&primary.len()) || !primary.bytes().all(|byte| byte.is_ascii_alphabetic()) || tag.len() > 35 {
            return Err(PROBLEM);
        }
        let mut text = primary.to_ascii_lowercase();
        for subtag in subtags {
            if !(1..=8).contains(&subtag.len()) || !subtag.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                return Err(PROBLEM);
            }
            text.push('-');
            match subtag.len() {
                2 => text.push_str(&subtag.to_ascii_uppercase()),
                4 if subtag.as_bytes()[0].is_ascii_alphabetic() => {
                    text.push_str(&subtag[..1].to_ascii_uppercase());
                    text.push_str(&subtag[1..].to_ascii_lowercase());
                }
                _ => text.push_str(&subtag.to_ascii_lowercase()),
            }
        }
        Ok(Language(text))
    }

    /// The tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the language without its region: `de` for `de-AT`, `zh-Hant` for `zh-Hant-TW`.
    pub fn without_region(&self) -> Language {
        let script = self.0.split('-').nth(1).filter(|subtag| subtag.len() == 4);
        Language(script.map_or_else(|| self.primary().to_owned(), |script| format!("{}-{script}", self.primary())))
    }

    /// Returns whether another language is this one, or a variety of it: RFC 4647, basic filtering.
    pub fn covers(&self, other: &Language) -> bool {
        other.0.strip_prefix(&self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }

    /// The language without region and script: `pt` of `pt-BR`.
    pub fn primary(&self) -> &str {
        self.0.split('-').next().unwrap_or(&self.0)
    }

    /// Returns whether it is written from right to left: by its script, if the tag has one, else by its language.
    pub fn is_right_to_left(&self) -> bool {
        match self.0.split('-').nth(1).filter(|subtag| subtag.len() == 4) {
            Some(script) => ["Adlm", "Arab", "Hebr", "Nkoo", "Rohg", "Syrc", "Thaa"].contains(&script),
            None => ["ar", "arc", "ckb", "dv", "fa", "he", "ks", "ps", "sd", "syr", "ug", "ur", "yi"].contains(&self.primary()),
        }
    }

    /// Returns the language's English name where we have one, else its tag.
    pub fn english_name(&self) -> &str {
        match self.primary() {
            "tr" => "Turkish",
            "hu" => "Hungarian",
            "de" => "German",
            "en" => "English",
            "fr" => "French",
            "es" => "Spanish",
            "it" => "Italian",
            "nl" => "Dutch",
            "pl" => "Polish",
            "ro" => "Romanian",
            "ru" => "Russian",
            _ => &self.0,
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl TryFrom<String> for Language {
    type Error = &'static str;

    fn try_from(tag: String) -> Result<Language, &'static str> {
        Language::parse(&tag)
    }
}

impl From<Language> for String {
    fn from(language: Language) -> String {
        language.0
    }
}

/// Finds the best of `available` for `wanted` by RFC 4647 lookup: subtags fall off `wanted` from the end; then a regional
/// variant of the same language serves.
pub fn lookup<'a>(wanted: &Language, available: impl Iterator<Item = &'a Language> + Clone) -> Option<&'a Language> {
    let mut range = wanted.as_str();
    loop {
        if let Some(found) = available.clone().find(|language| language.as_str() == range) {
            return Some(found);
        }
        match range.rfind('-') {
            Some(end) => range = &range[..end],
            None => break,
        }
        // RFC 4647, 3.4: a single letter that has become the last subtag falls off too.
        if let Some(end) = range.rfind('-').filter(|end| range.len() - end == 2) {
            range = &range[..end];
        }
    }
    available.clone().find(|language| language.primary() == wanted.primary())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_take_their_usual_case_and_nonsense_is_refused() {
        assert_eq!(Language::parse("PT-br").unwrap().as_str(), "pt-BR");
        assert_eq!(Language::parse("zh-hans-cn").unwrap().as_str(), "zh-Hans-CN");
        for bad in ["", "e", "english language", "tr_TR", "-tr", "tr-", "tr-ğ", "1r"] {
            assert!(Language::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn direction_goes_by_the_script_then_by_the_language() {
        let is_right_to_left = |tag: &str| Language::parse(tag).unwrap().is_right_to_left();
        assert!(["ar", "ar-EG", "he", "fa", "ur", "az-Arab", "pa-Arab-PK"].into_iter().all(is_right_to_left));
        assert!(!["en", "tr", "ku", "ar-Latn", "yi-Latn", "ks-Deva"].into_iter().any(is_right_to_left));
    }

    #[test]
    fn lookup_drops_subtags_then_takes_a_sister() {
        let languages: Vec<Language> = ["tr", "de", "pt-BR"].iter().map(|tag| Language::parse(tag).unwrap()).collect();
        let found = |tag: &str| lookup(&Language::parse(tag).unwrap(), languages.iter()).map(Language::as_str);
        assert_eq!(found("de-AT"), Some("de"));
        assert_eq!(found("pt"), Some("pt-BR"));
        assert_eq!(found("fr"), None);
    }
}
