//! What the pages of a help center say, in the languages that there are texts in; dates in the reader's language; languages' own names.

use std::{collections::BTreeMap, sync::LazyLock};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::text::{Language, lookup};

/// The texts of each language; English first.
const FILES: [(&str, &str); 6] = [
    ("en", include_str!("texts/en.toml")),
    ("tr", include_str!("texts/tr.toml")),
    ("hu", include_str!("texts/hu.toml")),
    ("de", include_str!("texts/de.toml")),
    ("fr", include_str!("texts/fr.toml")),
    ("es", include_str!("texts/es.toml")),
];
/// The names of languages, each in itself.
const NAMES: &str = include_str!("texts/names.toml");

static TEXTS: LazyLock<Vec<(Language, Texts)>> = LazyLock::new(|| {
    let texts = |(tag, file)| {
        let language = Language::parse(tag).expect("a constant tag");
        (language, toml::from_str(file).unwrap_or_else(|error| panic!("the texts of the help center in `{tag}`: {error}")))
    };
    FILES.into_iter().map(texts).collect()
});
static NAME_BY_TAG: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| toml::from_str(NAMES).expect("the names of languages are TOML"));

/// The texts of one language. `{}` stands for what a text is about.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Texts {
    pub title: String,
    pub lead: String,
    pub search: String,
    pub search_button: String,
    pub skip: String,
    pub languages: String,
    pub breadcrumbs: String,
    pub topics: String,
    pub often: String,
    pub all_of: String,
    pub other: String,
    pub empty: String,
    pub results: String,
    pub found: String,
    pub nothing: String,
    pub nothing_hint: String,
    pub corrected: String,
    pub previous: String,
    pub next: String,
    pub contents: String,
    pub related: String,
    pub updated: String,
    pub helpful: String,
    pub yes: String,
    pub no: String,
    pub why: String,
    pub send: String,
    pub thanks: String,
    pub table: String,
    pub picture: String,
    pub not_found: String,
    pub not_found_hint: String,
    pub busy: String,
    pub broken: String,
    pub try_again: String,
    pub to_index: String,
    /// A date: `{day}`, `{month}` and `{year}`.
    pub date: String,
    /// The names of the twelve months, as they stand in a date.
    pub months: [String; 12],
}

impl Texts {
    /// The texts for readers of a language, with the language that they are in: the nearest, else that of `other`, else English.
    pub fn of(language: &Language, other: &Language) -> (&'static Language, &'static Texts) {
        let languages = || TEXTS.iter().map(|(language, _)| language);
        let best = lookup(language, languages()).or_else(|| lookup(other, languages())).unwrap_or(&TEXTS[0].0);
        TEXTS.iter().find(|(known, _)| known == best).map(|(language, texts)| (language, texts)).unwrap_or((&TEXTS[0].0, &TEXTS[0].1))
    }

    /// A day as readers write it.
    pub fn day(&self, time: Timestamp, zone: &TimeZone) -> String {
        let day: Date = time.to_zoned(zone.clone()).date();
        let month = self.months.get(day.month() as usize - 1).map_or("", String::as_str);
        self.date.replace("{day}", &day.day().to_string()).replace("{month}", month).replace("{year}", &day.year().to_string())
    }
}

/// A text about something.
pub fn about(text: &str, what: &str) -> String {
    text.replace("{}", what)
}

/// A language's own name, else its tag.
pub fn name(language: &Language) -> String {
    let known = |tag: &str| NAME_BY_TAG.get(tag).cloned();
    let region = |name: String| if language.primary() == language.as_str() { name } else { format!("{name} ({language})") };
    known(language.as_str()).or_else(|| known(language.primary()).map(region)).unwrap_or_else(|| language.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn language(tag: &str) -> Language {
        Language::parse(tag).unwrap()
    }

    #[test]
    fn every_text_is_there_and_about_the_same_in_every_language() {
        let fields = |texts: &Texts| serde_json::to_value(texts).unwrap().as_object().unwrap().clone();
        let english = fields(&TEXTS[0].1);
        for (tag, texts) in TEXTS.iter() {
            for (field, text) in fields(texts) {
                let Some(text) = text.as_str() else { continue };
                assert!(!text.trim().is_empty(), "{tag} {field}");
                assert_eq!(text.contains("{}"), english[&field].as_str().unwrap().contains("{}"), "{tag} {field}");
            }
            assert!(texts.months.iter().all(|month| !month.is_empty()) && NAME_BY_TAG.contains_key(tag.as_str()), "{tag}");
        }
    }

    #[test]
    fn a_day_is_written_as_its_readers_do() {
        let time: Timestamp = "2026-11-27T23:30:00Z".parse().unwrap();
        for (tag, day) in [
            ("en", "27 November 2026"),
            ("tr", "27 Kasım 2026"),
            ("hu", "2026. november 27."),
            ("de-AT", "27. November 2026"),
            ("fr", "27 novembre 2026"),
            ("es", "27 de noviembre de 2026"),
        ] {
            assert_eq!(Texts::of(&language(tag), &language("en")).1.day(time, &TimeZone::UTC), day);
        }
        let istanbul = TimeZone::get("Europe/Istanbul").unwrap();
        assert_eq!(TEXTS[0].1.day(time, &istanbul), "28 November 2026");
    }

    #[test]
    fn without_texts_in_a_language_those_of_the_workspace_serve() {
        let of = |tag: &str, other: &str| Texts::of(&language(tag), &language(other)).0.as_str();
        assert_eq!([of("ar", "de"), of("ar", "ja"), of("fr-CA", "de")], ["de", "en", "fr"]);
        assert_eq!([name(&language("ar")), name(&language("pt-BR")), name(&language("xx"))], ["العربية", "Português (pt-BR)", "xx"]);
    }
}
