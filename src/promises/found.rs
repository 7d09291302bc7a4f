//! The promises of a text.

use jiff::civil::Date;

use crate::{
    lexicon::{lexicon, words::plain},
    promises::{MAX_PROMISE_CHARS, claims::says_done, due::due, likelihood},
    text::sentences,
};

/// From this likelihood on a sentence promises, and with a day in it from the second.
const MIN_LIKELIHOOD: f32 = 0.6;
const MIN_WITH_DAY: f32 = 0.4;
/// Most promises of one text.
const MAX_PROMISES: usize = 20;

/// A sentence that promises, if its day or its likelihood says so.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The sentence as it is written.
    pub text: String,
    likelihood: f32,
    /// Whether it says that something was done already.
    done: bool,
    /// The primary subtag of its language.
    language: String,
}

/// A sentence that commits the shop to something that is yet to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    /// The sentence as it is written, at most 1,000 characters.
    pub text: String,
    /// The day by which it is to be kept, if the sentence says one.
    pub due: Option<Date>,
}

impl Candidate {
    /// The promise of a sentence that was written on the day `from`; `None` if it makes none.
    pub fn promise(&self, from: Date) -> Option<Promise> {
        let due = due(&self.text, &self.language, from);
        let promises = match due {
            // Of what was done, only the rest is to come: `I have booked the courier for tomorrow`.
            Some(day) if self.done => day > from,
            Some(_) => self.likelihood >= MIN_WITH_DAY,
            None => self.likelihood >= MIN_LIKELIHOOD && !self.done,
        };
        promises.then(|| Promise { text: self.text.clone(), due })
    }
}

/// The sentences of a text that may promise: no questions, no courtesies. `language` is a primary subtag.
pub fn candidates(text: &str, language: &str) -> Vec<Candidate> {
    sentences(text).filter_map(|sentence| candidate(sentence, language)).take(MAX_PROMISES).collect()
}

/// Whether a sentence of a text may promise, whatever its language.
pub fn may_promise(text: &str) -> bool {
    sentences(text).any(|sentence| likelihood(sentence) >= MIN_WITH_DAY)
}

/// The promises of a text that is written on the day `from`, at most 20.
pub fn promises(text: &str, language: &str, from: Date) -> Vec<Promise> {
    candidates(text, language).iter().filter_map(|candidate| candidate.promise(from)).collect()
}

fn candidate(sentence: &str, language: &str) -> Option<Candidate> {
    let is_question = sentence.trim_end_matches(['"', '”', ')', ' ', '!']).ends_with('?');
    // A line of a quoted message.
    if is_question || sentence.starts_with('>') || sentence.chars().nth(MAX_PROMISE_CHARS).is_some() {
        return None;
    }
    let likelihood = likelihood(sentence);
    if likelihood < MIN_WITH_DAY {
        return None;
    }
    let folded = plain(sentence);
    let own = lexicon(language);
    if own.is_some_and(|own| own.words.promises.courtesy.stand_in(&folded)) {
        return None;
    }
    let done = own.is_some_and(|own| says_done(&folded, own));
    Some(Candidate { text: sentence.to_owned(), likelihood, done, language: language.to_owned() })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn sentences_that_promise_are_found() {
        let from = date(2026, 11, 18);
        for (language, promise, none) in [
            ("en", "I'll put the 49.90 EUR back on your card by Friday.", "We have refunded the 49.90 EUR."),
            ("en", "I'll send you a replacement tomorrow.", "Shall I send you a replacement tomorrow?"),
            ("en", "We will pay the return label for you.", "If you have any questions, feel free to contact us."),
            ("tr", "Paranızı 3 iş günü içinde iade edeceğiz.", "Paranızı iade ettik."),
            ("hu", "Pénteken visszautaljuk az összeget.", "Köszönjük a türelmét."),
            ("de", "Wir erstatten Ihnen den Betrag bis Freitag.", "Wir haben Ihnen den Betrag erstattet."),
            ("fr", "Nous vous rembourserons sous 3 jours.", "Nous vous avons remboursé."),
            ("es", "Le reembolsaremos el importe mañana.", "Le hemos reembolsado el importe."),
        ] {
            let found: Vec<String> = promises(promise, language, from).into_iter().map(|promise| promise.text).collect();
            assert_eq!(found, [promise], "{promise} {}", likelihood(promise));
            assert_eq!(promises(none, language, from), [], "{none} {}", likelihood(none));
        }
    }

    #[test]
    fn a_text_promises_no_more_than_twenty_times() {
        let text = "We will refund you by Friday. ".repeat(100);
        assert_eq!(promises(&text, "en", date(2026, 11, 18)).len(), MAX_PROMISES);
        let long = format!("We will refund you by Friday {}", "and so on ".repeat(200));
        assert_eq!(promises(&long, "en", date(2026, 11, 18)), []);
    }
}
