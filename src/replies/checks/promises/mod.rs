//! Promises: sentences that commit the shop to something, and whether the shop said so anywhere.
//!
//! A commitment is an action that matters to a customer (a refund, a replacement, a gift …) with a form that commits (first person,
//! future, done) or a time. It is grounded by a sentence of the shop's that affirms the same action, its time by one that names it.
//! Actions and times are known by the beginnings of words in each language that has a lexicon; other languages are not checked.

mod clauses;
mod done;
mod support;

use std::{cell::LazyCell, collections::HashSet, ops::Deref};

use crate::{
    facts::{FigureValue, figures},
    lexicon::{
        Lexicon, lexicon,
        topics::{Topic, Topics},
        words::plain,
    },
    promises::likelihood,
    replies::checks::promises::{
        clauses::{clauses, without_at_once, without_quotes},
        done::claims_done,
        support::Support,
    },
    text::{Language, sentences},
};

/// From here on a sentence promises if the rules say so, and less likely ones are not looked at.
const PROMISES_BY_RULES: f32 = 0.7;
const MAY_PROMISE: f32 = 0.15;
/// Shorter sentences are greetings and names.
const MIN_WORDS: usize = 3;

/// What a shop may commit itself to.
struct Action {
    topic: Topic,
    /// Whether it commits however it is said.
    always: bool,
    /// Whether a form that commits is enough, without a time.
    commits: bool,
}

const fn action(topic: Topic, always: bool, commits: bool) -> Action {
    Action { topic, always, commits }
}

const ACTIONS: [Action; 12] = [
    action(Topic::Refund, false, true),
    action(Topic::Replacement, false, true),
    action(Topic::Delivery, false, false),
    action(Topic::CallBack, true, false),
    action(Topic::DoneAlready, true, false),
    action(Topic::ForLess, true, false),
    action(Topic::Gift, true, false),
    action(Topic::Guarantee, true, false),
    action(Topic::Exception, true, false),
    action(Topic::Cancellation, false, true),
    action(Topic::Extension, false, true),
    action(Topic::Answer, false, false),
];

/// Times, none of them a date.
const TIMES: Topics = Topics::of(&[
    Topic::Today,
    Topic::Tomorrow,
    Topic::AtOnce,
    Topic::PartOfDay,
    Topic::Monday,
    Topic::Tuesday,
    Topic::Wednesday,
    Topic::Thursday,
    Topic::Friday,
    Topic::Saturday,
    Topic::Sunday,
    Topic::ThisWeek,
    Topic::NextWeek,
    Topic::Weekend,
]);
const SOON: Topics = Topics::of(&[Topic::Today, Topic::Tomorrow]);

/// What the shop said, ready to be compared with.
#[derive(Default)]
pub struct GroundedPromises {
    /// What all clauses are about that deny nothing.
    actions: Topics,
    /// The times of all sentences.
    times: Topics,
    words: HashSet<String>,
}

impl GroundedPromises {
    /// What texts say that are in one of some languages, most of them in the one whose primary subtag is `language`.
    pub fn of<'a>(texts: impl IntoIterator<Item = &'a str>, language: &str, lexica: &[&Lexicon]) -> GroundedPromises {
        let is_known = lexicon(language).is_some();
        let topics = |text: &str| {
            lexica.iter().fold(Topics::default(), |topics, lexicon| {
                let foreign = is_known && lexicon.language != language;
                topics | if foreign { lexicon.matcher.foreign_text(text) } else { lexicon.matcher.text(text) }
            })
        };
        let mut said = GroundedPromises::default();
        for sentence in texts.into_iter().flat_map(sentences) {
            let folded = folded(sentence);
            said.times |= topics(&folded) & TIMES;
            said.words.extend(folded.split(|letter: char| !letter.is_alphanumeric()).map(str::to_owned));
            for clause in clauses(&folded) {
                let about = topics(&format!(" {} ", clause.trim()));
                let denied = about.has(Topic::Negation);
                // `There is no charge` says what `free` says.
                if about.has(Topic::Fee) && (denied || about.has(Topic::Without)) {
                    said.actions |= Topics::of(&[Topic::ForLess]);
                }
                if !denied {
                    said.actions |= about;
                }
            }
        }
        said
    }

    /// Whether the shop affirmed an action, and named the times of it.
    fn grounds(&self, action: Topic, times: Topics) -> bool {
        self.actions.has(action) && (times & !self.times).is_empty()
    }
}

/// The sentences of a draft in a language that promise what the `shop` never said. Its texts are in the languages of `lexica`.
pub fn ungrounded<'a>(draft: &'a str, shop: &[String], language: &str, languages: &[Language], lexica: &[&Lexicon]) -> Vec<&'a str> {
    let Some(own) = lexicon(language) else { return Vec::new() };
    let said = LazyCell::new(|| GroundedPromises::of(shop.iter().map(String::as_str), language, lexica));
    let support = LazyCell::new(|| Support::of(shop, language, languages, lexica));
    let promises = |sentence: &&str| {
        let words = sentence.split_whitespace().count();
        let likely = likelihood(sentence);
        let by_rules = || words > 1 && likely >= PROMISES_BY_RULES && is_ungrounded(sentence, own, &said);
        let by_model = || words >= MIN_WORDS && likely >= MAY_PROMISE && support.lacks(sentence, language, lexica);
        !sentence.trim_end().ends_with('?') && (by_rules() || by_model())
    };
    sentences(draft).filter(promises).collect()
}

fn is_ungrounded(sentence: &str, own: &Lexicon, said: &impl Deref<Target = GroundedPromises>) -> bool {
    // What stands in quotes is a name or another's word.
    let folded = without_quotes(&folded(sentence));
    let whole = own.matcher.text(&folded);
    // `As you were told` makes what was told the shop's own word.
    let confirms = whole.has(Topic::Confirmation);
    if sentence.trim_end().ends_with('?') || (whole.has(Topic::Report) && !confirms) {
        return false;
    }
    let mentions = whole.has(Topic::Mention) && !whole.meets(SOON) && !confirms;
    // A date or a clock's time says when, and is checked for itself.
    let dated = figures(sentence).iter().any(|figure| !matches!(figure.value, FigureValue::Number(_))) || has_clock(&folded);
    // A clause denies for itself alone: `we don't usually, but for you we do`.
    clauses(&folded).into_iter().any(|clause| {
        let clause = without_at_once(&format!(" {} ", clause.trim_matches(|letter: char| !letter.is_alphanumeric())), own.language);
        let about = own.matcher.text(&clause);
        let negative = about.has(Topic::Negation);
        if !mentions && !negative && claims_done(&clause, own, &|word| said.words.contains(word)) {
            return true;
        }
        let times = if dated { Topics::default() } else { about & TIMES };
        // What hangs on a condition, or repeats the customer, is promised only by a word that promises in any form.
        if mentions && (about.has(Topic::Mention) || !whole.has(Topic::Condition)) {
            return false;
        }
        let commits = about.has(Topic::Form) || clause.split(' ').any(|word| own.words.commitments.form_endings.end(word));
        ACTIONS.iter().filter(|action| about.has(action.topic)).any(|action| {
            let counts = !negative && (action.always || (!mentions && (!times.is_empty() || (commits && action.commits))));
            counts && !said.grounds(action.topic, times)
        })
    })
}

/// Whether a clock's time is written with a point: `18.00-20.00`.
fn has_clock(folded: &str) -> bool {
    let digit = |byte: &u8| byte.is_ascii_digit();
    folded
        .as_bytes()
        .windows(5)
        .any(|window| matches!(window, [a, b, b'.', c, d] if [a, b, c, d].into_iter().all(digit) && *a <= b'2' && *c <= b'5'))
}

/// Without accents, spaces of one kind, one before the first word and one after the last.
fn folded(sentence: &str) -> String {
    format!(" {} ", plain(sentence).split_whitespace().collect::<Vec<&str>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexicon::lexica;

    #[test]
    fn promises_are_known_in_every_language_and_grounded_in_any() {
        let lexica: Vec<&Lexicon> = lexica().iter().collect();
        for (language, promise, none) in [
            ("en", "We will refund you.", "We cannot refund you."),
            ("tr", "Size para iade edeceğiz.", "Maalesef para iade edemiyoruz."),
            ("hu", "Visszautaljuk az árát.", "Sajnos nem utaljuk vissza."),
            ("de", "Wir erstatten Ihnen den Betrag.", "Wir erstatten das leider nicht."),
            ("fr", "Nous vous rembourserons.", "Nous ne remboursons pas les frais."),
            ("fr", "Vous recevrez un nouveau produit demain.", "Si vous le souhaitez, écrivez-nous."),
            ("fr", "C'est gratuit pour vous.", "Merci pour votre message."),
            ("es", "Le reembolsaremos.", "No le reembolsaremos."),
            ("es", "Hemos enviado otro ejemplar.", "Hemos recibido su mensaje."),
            ("es", "Le llamaremos mañana.", "Entiendo que quiere un reembolso."),
        ] {
            let languages = [Language::parse(language).unwrap()];
            let marked = |draft: &str, shop: &str| !ungrounded(draft, &[shop.to_owned()], language, &languages, &lexica).is_empty();
            assert!(marked(promise, ""), "{promise}");
            assert!(!marked(none, ""), "{none}");
            assert!(!marked(promise, promise), "{promise}");
        }
        let marked = |draft: &str, language: &str| {
            let languages = ["en", "fr", "it"].map(|language| Language::parse(language).unwrap());
            !ungrounded(
                draft,
                &["We refund every purchase in full, on the card that it was paid with.".to_owned()],
                language,
                &languages,
                &lexica,
            )
            .is_empty()
        };
        assert!(!marked("Nous vous rembourserons.", "fr") && !marked("Ti rimborseremo.", "it"));
    }
}
