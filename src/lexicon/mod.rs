//! The words of languages that checks, facts and the context know: a file for each language, all by one schema ([`vocabulary`]).
//!
//! A new language is its file and its line in [`FILES`]; `deskhand check --lexicon` lists what the file lacks. What isn't a matter of
//! words alone, the endings that Turkish, Hungarian and German words take, is code beside its use.

pub mod concepts;
pub mod errors;
pub mod labels;
pub mod lacking;
pub mod matcher;
pub mod names;
pub mod personal;
pub mod personal_tables;
pub mod promise_words;
pub mod topics;
pub mod vocabulary;
pub mod words;

use std::sync::LazyLock;

use crate::{
    lexicon::{concepts::ConceptMatcher, matcher::Matcher, vocabulary::Vocabulary},
    text::Language,
};

/// The files, in the order in which languages are tried where a text's is unknown.
const FILES: [(&str, &str); 6] = [
    ("en", include_str!("en.toml")),
    ("tr", include_str!("tr.toml")),
    ("hu", include_str!("hu.toml")),
    ("de", include_str!("de.toml")),
    ("fr", include_str!("fr.toml")),
    ("es", include_str!("es.toml")),
];

/// A language's words.
pub struct Lexicon {
    /// Its primary subtag.
    pub language: &'static str,
    /// Its tables of words, as its file has them.
    pub words: Vocabulary,
    /// Finds what a text in this language is about.
    pub matcher: Matcher,
    /// Finds what it says beside its facts.
    pub concepts: ConceptMatcher,
}

static LEXICA: LazyLock<Vec<Lexicon>> = LazyLock::new(|| {
    let lexicon = |(language, file)| {
        let words: Vocabulary = toml::from_str(file).unwrap_or_else(|error| panic!("the lexicon of `{language}`: {error}"));
        let concepts = ConceptMatcher::new(words.of_meaning());
        Lexicon { language, matcher: Matcher::new(words.of_texts()), concepts, words }
    };
    FILES.into_iter().map(lexicon).collect()
});

/// Single words of all languages.
static OF_ANY: LazyLock<Matcher> = LazyLock::new(|| Matcher::new(LEXICA.iter().flat_map(|lexicon| lexicon.words.of_words())));

/// All languages' words.
pub fn lexica() -> &'static [Lexicon] {
    &LEXICA
}

/// The words of the language whose primary subtag is this.
pub fn lexicon(language: &str) -> Option<&'static Lexicon> {
    LEXICA.iter().find(|lexicon| lexicon.language == language)
}

/// The words of a language, or English ones.
pub fn lexicon_or_english(language: &Language) -> &'static Lexicon {
    lexicon(language.primary()).unwrap_or(&LEXICA[0])
}

/// The words of those languages that are known here; of all if none is.
pub fn lexica_of<'a>(languages: impl Iterator<Item = &'a Language> + Clone) -> Vec<&'static Lexicon> {
    let spoken = |lexicon: &&Lexicon| languages.clone().any(|language| language.primary() == lexicon.language);
    let known: Vec<&Lexicon> = LEXICA.iter().filter(spoken).collect();
    if known.is_empty() { LEXICA.iter().collect() } else { known }
}

/// Whether any language's words are so.
pub fn any(is: impl Fn(&Vocabulary) -> bool) -> bool {
    LEXICA.iter().any(|lexicon| is(&lexicon.words))
}

/// What finds single words of any language.
pub fn words_of_any() -> &'static Matcher {
    &OF_ANY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_are_read_and_english_is_first() {
        assert_eq!(lexica().iter().map(|lexicon| lexicon.language).collect::<Vec<&str>>(), ["en", "tr", "hu", "de", "fr", "es"]);
        assert_eq!(lexicon_or_english(&Language::parse("it").unwrap()).language, "en");
        let swiss = [Language::parse("de-CH").unwrap(), Language::parse("rm").unwrap()];
        assert_eq!(lexica_of(swiss.iter()).iter().map(|lexicon| lexicon.language).collect::<Vec<&str>>(), ["de"]);
    }

    #[test]
    fn a_key_that_the_schema_does_not_have_is_an_error() {
        assert!(toml::from_str::<Vocabulary>("[greetings]\nword = []").is_err());
    }
}
