//! Words by which sources say yes, no, and that a text is public, in the languages that the service has words of.

use serde_json::Value;

use crate::text::fold;

const YES: [&str; 18] =
    ["true", "t", "yes", "y", "1", "on", "checked", "✓", "✔", "evet", "e", "igen", "ja", "j", "oui", "si", "s", "dogru"];
const NO: [&str; 21] = [
    "false",
    "f",
    "no",
    "n",
    "0",
    "off",
    "none",
    "null",
    "nil",
    "never",
    "unchecked",
    "-",
    "hayir",
    "h",
    "nem",
    "nein",
    "non",
    "yanlis",
    "hamis",
    "falsch",
    "faux",
];
/// States of a text that everybody may read. An approved or a finished text is not yet published.
const PUBLIC: [&str; 44] = [
    "published",
    "publish",
    "public",
    "active",
    "live",
    "enabled",
    "online",
    "visible", // English; `publish` is WordPress' own.
    "yayinda",
    "yayinlandi",
    "yayimlandi",
    "yayinlanmis",
    "yayimlanmis",
    "aktif",
    "etkin",
    "herkese acik", // Turkish
    "kozzeteve",
    "kozzetett",
    "publikalva",
    "publikalt",
    "megjelent",
    "nyilvanos",
    "publikus",
    "aktiv", // Hungarian
    "veroffentlicht",
    "veroeffentlicht",
    "publiziert",
    "offentlich",
    "oeffentlich",
    "sichtbar",
    "aktiviert", // German
    "publie",
    "publiee",
    "publique",
    "actif",
    "en ligne", // French
    "publicado",
    "publicada",
    "publico",
    "publica",
    "activo",
    "activa",
    "en linea",
    "habilitado", // Spanish
];
/// States of a text that is not public, by the words that are used most.
const DRAFT: [&str; 30] = [
    "draft",
    "drafts",
    "unpublished",
    "archived",
    "inactive",
    "disabled",
    "in review",
    "pending",
    "pending review",
    "private",
    "hidden",
    "deleted",
    "trash",
    "wip",
    "taslak",
    "arsivlendi",
    "pasif",
    "piszkozat",
    "vazlat",
    "archivalt",
    "inaktiv",
    "entwurf",
    "archiviert",
    "in prufung",
    "unveroffentlicht",
    "brouillon",
    "archive",
    "borrador",
    "archivado",
    "archivada",
];
/// Audiences beside the public states that mean everybody.
const EVERYBODY: [&str; 14] = [
    "everyone",
    "everybody",
    "anyone",
    "all",
    "world",
    "herkes",
    "mindenki",
    "alle",
    "jeder",
    "tous",
    "tout le monde",
    "todos",
    "all users",
    "visitors",
];
/// Audiences that mean colleagues.
const COLLEAGUES: [&str; 20] = [
    "agents",
    "agent",
    "internal",
    "private",
    "staff",
    "team",
    "employees",
    "support",
    "dahili",
    "ic",
    "temsilciler",
    "ekip",
    "belso",
    "munkatarsak",
    "intern",
    "mitarbeiter",
    "interne",
    "equipe",
    "interno",
    "interna",
];

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
        word if YES.contains(&word) => Said::Yes,
        word if NO.contains(&word) => Said::No,
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
    PUBLIC.contains(&word)
}

/// Whether a state is one of those that surely mean that a text is not public.
pub fn is_draft(word: &str) -> bool {
    DRAFT.contains(&word)
}

/// Whether an audience is everybody.
pub fn is_everybody(word: &str) -> bool {
    EVERYBODY.contains(&word) || is_public(word)
}

/// Whether an audience is colleagues.
pub fn is_colleagues(word: &str) -> bool {
    COLLEAGUES.contains(&word)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_are_written_as_they_are_compared() {
        let tables: [&[&str]; 6] = [&YES, &NO, &PUBLIC, &DRAFT, &EVERYBODY, &COLLEAGUES];
        for word in tables.concat() {
            assert_eq!(plain_word(word), word);
        }
        assert!(!DRAFT.iter().any(|word| is_public(word)) && !COLLEAGUES.iter().any(|word| is_everybody(word)));
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
