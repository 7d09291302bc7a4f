//! What rules say of an answer: whether it came whole, who wrote it, what it says of what it must, and in which language.

use tonic::Status;

use crate::{
    api::pb,
    cli::eval::replies::case::Case,
    text::{Language, detect, fold},
};

/// What stands where a draft's or a rewrite's text was refused whole.
const TAKEN_OUT: &str = "[…]";

/// The verdict on an answer.
pub struct Verdict {
    /// It finished, and was neither refused nor cut off at a length limit.
    pub whole: bool,
    /// A check refused what the model wrote: it says nothing, whatever stands in its place.
    pub refused: bool,
    /// A model wrote it, not the built-in engine.
    pub by_model: bool,
    /// For each entry of `must` whether one of its alternatives occurs.
    pub met: Vec<bool>,
    /// For each entry of `must_not` whether it occurs.
    pub said: Vec<bool>,
    /// Whether it is in the language that it should be in; `None` if that can't be told.
    pub language_right: Option<bool>,
}

impl Verdict {
    /// Judges how a call ended. `languages` are those that an answer may be taken for.
    pub fn of(case: &Case, end: &Result<pb::Finished, Status>, languages: &[Language]) -> Verdict {
        let (met, said) = (vec![false; case.must.len()], vec![false; case.must_not.len()]);
        let nothing = Verdict { whole: false, refused: false, by_model: false, met, said, language_right: None };
        let Ok(finished) = end else { return nothing };
        let by_model = finished.engine() == pb::Engine::Model;
        if is_refused(case, finished) {
            return Verdict { refused: true, by_model, ..nothing };
        }
        let text = comparable(&finished.text);
        let occurs = |wanted: &String| text.contains(&spaced(wanted));
        let detected = detect(&finished.text, languages);
        Verdict {
            whole: !has(finished, pb::WarningKind::Truncated),
            refused: false,
            by_model,
            met: case.must.iter().map(|alternatives| alternatives.iter().any(occurs)).collect(),
            said: case.must_not.iter().map(occurs).collect(),
            language_right: detected.map(|language| language.primary() == case.answer_language().primary()),
        }
    }

    /// Whether the answer is as the case wants it.
    pub fn passes(&self) -> bool {
        self.whole && self.by_model && self.met.iter().all(|met| *met) && !self.said.contains(&true)
    }
}

/// Whether a check refused the model's text: its instructions came instead, or a rewrite lost facts and the original stands in its place.
fn is_refused(case: &Case, finished: &pb::Finished) -> bool {
    let kept_original = !case.text().is_empty() && finished.text == case.text() && has(finished, pb::WarningKind::FactChanged);
    kept_original || finished.text == TAKEN_OUT || has(finished, pb::WarningKind::PromptLeaked)
}

fn has(finished: &pb::Finished, kind: pb::WarningKind) -> bool {
    finished.warnings.iter().any(|warning| warning.kind() == kind)
}

/// A text as entries are looked for in it: with a space at both ends, where an entry that begins or ends with one is found, too.
fn comparable(text: &str) -> String {
    format!(" {} ", spaced(text).trim())
}

/// Drops case, accents and asterisks of emphasis; one white space, apostrophe or dash is as good as another.
fn spaced(text: &str) -> String {
    let mut spaced = String::with_capacity(text.len());
    for letter in fold(text).chars() {
        match letter {
            '*' => {}
            '’' | '‘' | 'ʼ' | '`' => spaced.push('\''),
            '\u{2010}'..='\u{2015}' | '−' => spaced.push('-'),
            letter if letter.is_whitespace() => {
                if !spaced.ends_with(' ') {
                    spaced.push(' ');
                }
            }
            letter => spaced.push(letter),
        }
    }
    spaced
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::eval::files;

    fn case(fields: &str) -> Case {
        let line = format!(
            r#"{{"id":"a","language":"en","channel":"EMAIL","messages":[{{"author":"CUSTOMER","text":"Hi"}}],"must":[["30 days","thirty days"],["can't"]],"must_not":[" dein"],{fields}}}"#
        );
        files::parse("cases", &line, "case").unwrap().remove(0).value
    }

    fn finished(text: &str, warnings: &[pb::WarningKind]) -> Result<pb::Finished, Status> {
        let warnings = warnings.iter().map(|kind| pb::Warning { kind: (*kind).into(), ..pb::Warning::default() }).collect();
        Ok(pb::Finished { text: text.into(), engine: pb::Engine::Model.into(), warnings, ..pb::Finished::default() })
    }

    fn languages() -> Vec<Language> {
        ["en", "de"].map(|tag| Language::parse(tag).unwrap()).to_vec()
    }

    #[test]
    fn what_must_be_said_is_found_whatever_its_case_accents_spaces_and_marks() {
        let case = case(r#""task":"draft""#);
        let verdict = |text: &str| Verdict::of(&case, &finished(text, &[]), &languages());
        for passing in ["You have **30**\u{a0}DAYS, and you can’t return it later.", "Thirty  days; no, we CAN'T do that, kleidein."] {
            assert!(verdict(passing).passes(), "{passing}");
        }
        assert_eq!(verdict("Dein Paket kann 30 days, can't").said, [true], "a space before an entry is also the text's beginning");
        assert_eq!(verdict("We can't.").met, [false, true]);
        assert_eq!(verdict("Sie können die Ware innerhalb von dreißig Tagen zurückgeben.").language_right, Some(false));
        assert_eq!(verdict("You can send the goods back to us within thirty days.").language_right, Some(true));
    }

    #[test]
    fn an_answer_that_is_not_whole_or_not_the_models_does_not_pass() {
        let draft = case(r#""task":"draft""#);
        let good = "Within 30 days; later you can't.";
        let verdict = |end: Result<pb::Finished, Status>| Verdict::of(&draft, &end, &languages());
        assert!(verdict(finished(good, &[])).passes());
        assert!(verdict(finished(good, &[pb::WarningKind::UngroundedAmount])).passes(), "a warning alone is for the agent to weigh");
        let cut = verdict(finished(good, &[pb::WarningKind::Truncated]));
        assert!(!cut.whole && !cut.passes());
        assert!(!verdict(finished(TAKEN_OUT, &[pb::WarningKind::PromptLeaked])).whole);
        let built_in = verdict(finished(good, &[]).map(|end| pb::Finished { engine: pb::Engine::BuiltIn.into(), ..end }));
        assert!(built_in.whole && !built_in.by_model && !built_in.passes());
        let failed = verdict(Err(Status::unavailable("")));
        assert!(!failed.whole && failed.met == [false, false] && failed.said == [false]);

        let rewrite = case(r#""task":"correct","text":"Within 30 days; later you can't.""#);
        let refused = Verdict::of(&rewrite, &finished(good, &[pb::WarningKind::FactChanged]), &languages());
        assert!(
            !refused.whole && refused.refused && refused.met == [false, false],
            "the original came back, which the model did not write"
        );
        assert!(Verdict::of(&rewrite, &finished(good, &[]), &languages()).passes(), "nothing was to be corrected");
    }
}
