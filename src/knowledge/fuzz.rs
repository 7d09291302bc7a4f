//! Files of the knowledge base folder: a fuzz target.

use jiff::{Timestamp, tz::TimeZone};

use crate::{
    ids::Id,
    knowledge::documents::{
        condition::{Condition, Conditions},
        document::{Details, DocumentKey, Kind},
        fit::fit,
        front_matter::parse_document,
        voice::parse_voice,
    },
    text::Language,
};

/// A file is a document, or has a problem at one of its lines.
pub fn file(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    // YAML ends lines at carriage returns, too.
    let lines = text.split(['\n', '\r']).count();
    let now = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
    for line in text.lines() {
        if let Ok(condition) = Condition::parse(line) {
            assert_eq!(Condition::parse(condition.text()).as_ref(), Ok(&condition));
        }
    }
    for kind in [Kind::Article, Kind::CannedAnswer] {
        let id = Id::new("file").expect("an id");
        let key = DocumentKey { kind, id, language: Language::parse("en").expect("a language") };
        match parse_document(&text, &key) {
            Ok(document) => {
                assert!(!document.title.trim().is_empty() && !document.body.is_empty());
                assert!(!document.body.contains('\0') && !document.title.contains('\0'));
                assert_eq!(document.id, key.id);
                assert!(document.asked.iter().all(|phrase| !phrase.trim().is_empty() && !phrase.contains(['\n', '\r', '\0'])));
                if let Details::CannedAnswer { when, .. } = &document.details {
                    let texts: Vec<String> = when.clone().into();
                    assert_eq!(Conditions::try_from(texts).as_ref(), Ok(when));
                    fit(when, &now, |_| Some(&text));
                }
            }
            Err((line, problem)) => assert!((1..=lines).contains(&line) && !problem.is_empty(), "line {line} of {lines}: {problem}"),
        }
    }
    if let Err((line, problem)) = parse_voice(&text) {
        assert!((1..=lines).contains(&line) && !problem.is_empty(), "line {line} of {lines}: {problem}");
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn seeds_hold() {
        crate::fuzz_seeds::of("markdown").iter().for_each(|seed| super::file(seed));
    }
}
