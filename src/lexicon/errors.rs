//! What an agent reads when a call fails, by the reason of the error.

use std::{collections::BTreeMap, sync::LazyLock};

use crate::text::{Language, lookup};

/// The texts of each language; English first.
const FILES: [(&str, &str); 6] = [
    ("en", include_str!("errors/en.toml")),
    ("tr", include_str!("errors/tr.toml")),
    ("hu", include_str!("errors/hu.toml")),
    ("de", include_str!("errors/de.toml")),
    ("fr", include_str!("errors/fr.toml")),
    ("es", include_str!("errors/es.toml")),
];

/// A language's texts by reason.
type Texts = BTreeMap<String, String>;

static TEXTS: LazyLock<Vec<(Language, Texts)>> = LazyLock::new(|| {
    let texts = |(tag, file)| {
        let language = Language::parse(tag).expect("a constant tag");
        (language, toml::from_str(file).unwrap_or_else(|error| panic!("the texts of errors of `{tag}`: {error}")))
    };
    FILES.into_iter().map(texts).collect()
});

/// The languages that there are texts in.
pub fn languages() -> impl Iterator<Item = &'static Language> + Clone {
    TEXTS.iter().map(|(language, _)| language)
}

/// The text of a reason in the first of the wanted languages that there are texts in, else in English; with its language. `None`: an unknown
/// reason.
pub fn error_text<'a>(mut wanted: impl Iterator<Item = &'a Language>, reason: &str) -> Option<(&'static Language, &'static str)> {
    let language = wanted.find_map(|wanted| lookup(wanted, languages())).unwrap_or(&TEXTS[0].0);
    let (language, texts) = TEXTS.iter().find(|(known, _)| known == language)?;
    Some((language, texts.get(reason)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words of operators, or beginnings of them, that no agent should have to know.
    const OPERATORS_WORDS: [&str; 34] = [
        "token",
        "jeton",
        "http",
        "grpc",
        "json",
        "api",
        "status",
        "breaker",
        "backend",
        "model",
        "prompt",
        "timeout",
        "deadline",
        "config",
        "setting",
        "konfigur",
        "ayarlar",
        "beállítás",
        "einstellung",
        "paramètre",
        "workspace",
        "server",
        "sunucu",
        "kiszolgáló",
        "szerver",
        "serveur",
        "servidor",
        "database",
        "datenbank",
        "veritaban",
        "adatbázis",
        "index",
        "stream",
        "log",
    ];

    #[test]
    fn texts_are_short_sentences_without_operators_words() {
        for (language, texts) in TEXTS.iter() {
            assert!(texts.keys().eq(TEXTS[0].1.keys()), "{language} has other reasons than English");
            for (reason, text) in texts {
                let lower = text.to_lowercase();
                let words = || lower.split(|letter: char| !letter.is_alphabetic());
                let found = OPERATORS_WORDS.iter().find(|word| words().any(|own| own.starts_with(**word)));
                assert!(found.is_none(), "{language} {reason}: {found:?}");
                assert!(text.ends_with('.') && text.chars().count() <= 170, "{language} {reason}: {text}");
                assert!(
                    !text.contains(['_', '`', '{', '\n']) && !text.chars().any(|letter| letter.is_ascii_digit()),
                    "{language} {reason}"
                );
            }
        }
    }

    #[test]
    fn the_first_language_that_there_is_serves() {
        let text = |tags: &[&str]| {
            let tags: Vec<Language> = tags.iter().map(|tag| Language::parse(tag).unwrap()).collect();
            error_text(tags.iter(), "INTERNAL").unwrap().0.as_str()
        };
        for (tags, language) in [(&["de-AT"][..], "de"), (&["it", "hu"], "hu"), (&["tr", "de"], "tr"), (&["ja"], "en"), (&[], "en")] {
            assert_eq!(text(tags), language, "{tags:?}");
        }
        assert!(error_text(std::iter::empty(), "NONE").is_none());
    }
}
