//! Which language a text is in: by its script, else by its words, else by models of letters.

use std::sync::LazyLock;

use lingua::{LanguageDetector, LanguageDetectorBuilder};
use whatlang::Lang;

use crate::text::{
    language::Language,
    script::{ByScript, by_script, is_identified_by_script},
    short_words::{ByWords, by_words},
};

/// Under this confidence a guess is not taken (measured on short chat messages: above it 92 in 100 are right); of a single word, under the
/// second.
const SURE: f64 = 0.5;
const SURE_OF_ONE_WORD: f64 = 0.75;
/// A language the workspace does not speak must be this sure, on a text at least this long, to be believed.
const FOREIGN_SURE: f64 = 0.9;
const FOREIGN_CHARACTERS: usize = 20;
/// The confidence of trigrams from which they are believed: of 27 messages in ten languages, the surest wrong guess had .16.
const PLAIN: f64 = 0.6;
/// A longer text is judged by its beginning: the models' time grows with its length, and two sentences tell enough.
const MAX_CHARACTERS: usize = 240;

static DETECTOR: LazyLock<LanguageDetector> = LazyLock::new(|| LanguageDetectorBuilder::from_all_languages().build());

/// Guesses the language of `text` among `expected`, or a foreign one that is plain to see. `None` when it is uncertain: no
/// letters, too short, or mixed.
pub fn detect(text: &str, expected: &[Language]) -> Option<Language> {
    let text: String = text.chars().take(MAX_CHARACTERS).collect();
    match by_script(&text, expected) {
        ByScript::Identified(language) => return Some(language),
        ByScript::Unknown => return None,
        ByScript::Latin => {}
    }
    match by_words(&text, expected) {
        ByWords::Identified(tag) => own(&Language::parse(&tag).ok()?, expected),
        ByWords::Nothing => None,
        ByWords::Unknown { words } => by_models(&text, expected, if words == 1 { SURE_OF_ONE_WORD } else { SURE }),
    }
}

/// The workspace's own form of a language, else the language.
fn own(language: &Language, expected: &[Language]) -> Option<Language> {
    Some(expected.iter().find(|known| known.primary() == language.primary()).unwrap_or(language).clone())
}

fn by_models(text: &str, expected: &[Language], sure: f64) -> Option<Language> {
    let guesses = DETECTOR.compute_language_confidence_values(text);
    let tag = |language: lingua::Language| Language::parse(&language.iso_code_639_1().to_string()).ok();
    let is_long = text.chars().count() >= FOREIGN_CHARACTERS;
    let plain = if is_long { plain_language(text) } else { None };
    if let Some(plain) = &plain
        && guesses.iter().all(|(language, _)| tag(*language).is_none_or(|known| known.primary() != plain.primary()))
    {
        return own(plain, expected);
    }
    if let Some((language, confidence)) = guesses.first()
        && is_long
        && *confidence >= FOREIGN_SURE
    {
        let language = tag(*language)?;
        // What the two disagree on is in neither.
        return if plain.is_none_or(|plain| plain.primary() == language.primary()) { own(&language, expected) } else { None };
    }
    let ours: Vec<(&Language, f64)> = guesses
        .iter()
        .filter_map(|(language, confidence)| {
            let language = tag(*language)?;
            Some((expected.iter().find(|known| known.primary() == language.primary())?, *confidence))
        })
        .collect();
    // Where the workspace speaks a language that the models don't know, the best of the others proves nothing; but what is in another
    // script was identified by it.
    let mut candidates: Vec<&str> = expected.iter().filter(|known| !is_identified_by_script(known)).map(Language::primary).collect();
    candidates.sort_unstable();
    candidates.dedup();
    if ours.len() < candidates.len() {
        return None;
    }
    let sum: f64 = ours.iter().map(|(_, confidence)| confidence).sum();
    let (language, confidence) = ours.first()?;
    (sum > 0.0 && confidence / sum >= sure && *confidence > 0.0).then(|| (*language).clone())
}

/// The language that a text is in plainly, of those that are written in Latin letters. Its trigrams know many more languages than the
/// models, and tell them apart less well.
fn plain_language(text: &str) -> Option<Language> {
    const TAGS: [(Lang, &str); 23] = [
        (Lang::Cat, "ca"),
        (Lang::Ces, "cs"),
        (Lang::Dan, "da"),
        (Lang::Deu, "de"),
        (Lang::Eng, "en"),
        (Lang::Est, "et"),
        (Lang::Fin, "fi"),
        (Lang::Fra, "fr"),
        (Lang::Hrv, "hr"),
        (Lang::Hun, "hu"),
        (Lang::Ind, "id"),
        (Lang::Ita, "it"),
        (Lang::Lav, "lv"),
        (Lang::Lit, "lt"),
        (Lang::Nld, "nl"),
        (Lang::Pol, "pl"),
        (Lang::Por, "pt"),
        (Lang::Ron, "ro"),
        (Lang::Slk, "sk"),
        (Lang::Slv, "sl"),
        (Lang::Spa, "es"),
        (Lang::Swe, "sv"),
        (Lang::Tur, "tr"),
    ];
    let info = whatlang::Detector::with_allowlist(TAGS.map(|(language, _)| language).to_vec()).detect(text)?;
    let (_, tag) = TAGS.iter().find(|(language, _)| *language == info.lang())?;
    if info.confidence() >= PLAIN { Language::parse(tag).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn languages(tags: &[&str]) -> Vec<Language> {
        tags.iter().map(|tag| Language::parse(tag).unwrap()).collect()
    }

    fn detected(text: &str, tags: &[&str]) -> Option<String> {
        detect(text, &languages(tags)).map(|language| language.to_string())
    }

    #[test]
    fn short_messages_without_accents_are_distinguished() {
        let detected = |text: &str| detected(text, &["en", "tr", "hu", "de"]);
        assert_eq!(detected("siparisim nerede kaldi acaba").as_deref(), Some("tr"));
        assert_eq!(detected("hol van a csomagom").as_deref(), Some("hu"));
        assert_eq!(detected("wo bleibt mein Paket").as_deref(), Some("de"));
        assert_eq!(detected("where is my parcel").as_deref(), Some("en"));
        assert_eq!(detected("Bonjour, je voudrais savoir où se trouve mon colis, merci").as_deref(), Some("fr"));
        assert_eq!(detected("12345 ??"), None);
        assert_eq!(detected("ok"), None);
        assert_eq!(detected("order status").as_deref(), Some("en"));
        assert_eq!(detected("szia").as_deref(), Some("hu"));
    }

    #[test]
    fn a_language_of_another_script_keeps_no_other_from_being_detected() {
        let all = ["en", "tr", "hu", "de", "ar", "zh", "ja", "ru"];
        for (text, tag) in [
            ("siparisim nerede kaldi acaba", "tr"),
            ("megérkezett tegnap, köszönöm szépen", "hu"),
            ("das Kleid passt leider überhaupt nicht", "de"),
            ("the zip got stuck again", "en"),
            ("szia", "hu"),
            ("أين طلبي", "ar"),
            ("我的订单在哪里", "zh"),
            ("注文はどこですか", "ja"),
            ("где мой заказ", "ru"),
        ] {
            assert_eq!(detected(text, &all).as_deref(), Some(tag), "{text}");
        }
        assert_eq!(detected("ok", &all), None);
        assert_eq!(detected("olá", &["en", "pt-BR"]).as_deref(), Some("pt-BR"));
    }

    #[test]
    fn languages_that_no_model_knows_are_not_taken_for_others() {
        let sentences = [
            ("it", "Il pacco che aspettavo da lunedì risulta consegnato ma non l'ho mai ricevuto"),
            ("it", "vorrei cambiare l'indirizzo di spedizione del mio ultimo ordine"),
            ("nl", "De jas die ik vorige week heb besteld is nog steeds niet aangekomen"),
            ("nl", "kan ik de bestelling nog annuleren voordat deze wordt verzonden"),
            ("pl", "Zamówiona kurtka nadal nie dotarła, choć minęły już dwa tygodnie"),
            ("pl", "chciałbym zmienić adres dostawy mojego zamówienia"),
            ("ro", "Haina comandată săptămâna trecută încă nu a ajuns la mine"),
            ("ro", "aș dori să schimb adresa de livrare a comenzii mele"),
            ("pt", "A encomenda que fiz na semana passada ainda não chegou"),
            ("sv", "Jackan som jag beställde förra veckan har fortfarande inte kommit fram"),
            ("cs", "Bunda, kterou jsem si objednal minulý týden, stále nedorazila"),
            ("fi", "Viime viikolla tilaamani takki ei ole vieläkään saapunut perille"),
        ];
        let mut found = 0;
        for (tag, text) in sentences {
            let detected = detected(text, &["en", "tr", "hu", "de"]);
            assert!(detected.as_deref().is_none_or(|detected| detected == tag), "{text}: {detected:?}");
            found += usize::from(detected.is_some());
        }
        assert!(found >= 9, "{found} of {} are known", sentences.len());
    }

    #[test]
    fn the_best_of_the_others_proves_nothing_where_the_models_know_not_all() {
        assert_eq!(detected("qwrt zzkl", &["en", "fi"]), None);
        assert_eq!(detected("zer moduz nire eskaera", &["en", "eu"]), None);
        assert_eq!(detected("missä tilaukseni viipyy", &["en", "fi"]).as_deref(), Some("fi"), "it is plain");
    }
}
