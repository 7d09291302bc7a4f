//! What becomes of promises: that something was done, or can't be done, as later sentences and the shop's records say.
//!
//! A claim is about a promise when it has three quarters of the promise's content words: words of four letters and more that tell what is
//! promised. Forms of a word are taken for the same when they begin alike.

use crate::{
    lexicon::{
        Lexicon, lexica,
        topics::{Topic, Topics},
        words::plain,
    },
    promises::MAX_PROMISE_CHARS,
    text::sentences,
};

/// The share of a promise's content words that a claim about it has.
const SAME: f64 = 0.75;
/// Letters of a content word, and those by which forms of a word begin alike.
const MIN_WORD: usize = 4;
const ALIKE: usize = 5;
/// Verbs are longer than endings.
const MIN_VERB: usize = 5;
/// Most content words of one sentence.
const MAX_WORDS: usize = 100;

/// What tells of a sentence what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content(Vec<String>);

/// What a sentence says of something that was promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimKind {
    /// It was done.
    Done,
    /// It will not be done.
    Withdrawn,
}

/// A sentence that says what became of something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// What it says.
    pub kind: ClaimKind,
    content: Content,
}

/// What a record of the shop's systems says of money or goods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordState {
    /// Money was paid back.
    Refunded,
    /// Something has arrived.
    Delivered,
}

impl Content {
    /// The content of a sentence, whatever its language.
    pub fn of(sentence: &str) -> Content {
        let folded = plain(sentence);
        let is_filler = |word: &str| lexica().iter().any(|lexicon| lexicon.words.promises.fillers.begin(word));
        let is_day = |word: &str| lexica().iter().any(|lexicon| lexicon.words.dates.weekdays.iter().any(|day| day.begin(word)));
        let is_content = |word: &&str| {
            word.chars().nth(MIN_WORD - 1).is_some() && word.chars().all(char::is_alphabetic) && !is_filler(word) && !is_day(word)
        };
        let mut words: Vec<String> =
            folded.split(|letter: char| !letter.is_alphanumeric()).filter(is_content).take(MAX_WORDS).map(str::to_owned).collect();
        words.sort_unstable();
        words.dedup();
        Content(words)
    }

    /// How many of these words a text has that is given by its own: a share from 0 to 1; 0 of nothing.
    pub fn share_in(&self, other: &Content) -> f64 {
        let shared = self.0.iter().filter(|word| other.0.iter().any(|other| alike(word, other))).count();
        if self.0.is_empty() { 0.0 } else { shared as f64 / self.0.len() as f64 }
    }

    /// Whether it has no words.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Claim {
    /// Whether it is about a promise of this content.
    pub fn is_about(&self, promise: &Content) -> bool {
        promise.share_in(&self.content) >= SAME
    }
}

/// What a text says was done or can't be done; `own` are the words of its language.
pub fn claims(text: &str, own: &Lexicon) -> Vec<Claim> {
    let claim = |sentence: &str| {
        if sentence.trim_end().ends_with('?') || sentence.chars().nth(MAX_PROMISE_CHARS).is_some() {
            return None;
        }
        let folded = plain(sentence);
        let kind = if own.words.promises.withdrawn.stand_in(&folded) {
            ClaimKind::Withdrawn
        } else if says_done(&folded, own) {
            ClaimKind::Done
        } else {
            return None;
        };
        Some(Claim { kind, content: Content::of(sentence) }).filter(|claim| !claim.content.is_empty())
    };
    sentences(text).filter_map(claim).collect()
}

/// What the values of a record say, in any language.
pub fn record_state<'a>(values: impl Iterator<Item = &'a str>) -> Option<RecordState> {
    let folded: String = values.map(|value| format!("{} | ", plain(value))).collect();
    let says = |words: fn(&Lexicon) -> &crate::lexicon::words::Words| lexica().iter().any(|lexicon| words(lexicon).stand_in(&folded));
    let denied = || lexica().iter().any(|lexicon| lexicon.words.commitments.negations.stand_in(&folded));
    if says(|lexicon| &lexicon.words.promises.refunded) {
        (!denied()).then_some(RecordState::Refunded)
    } else if says(|lexicon| &lexicon.words.promises.delivered) {
        (!denied()).then_some(RecordState::Delivered)
    } else {
        None
    }
}

/// What a promise is about, whatever its language.
pub fn topics_of(sentence: &str) -> Topics {
    let folded = format!(" {} ", plain(sentence));
    let wanted = Topics::of(&[Topic::Refund, Topic::Delivery, Topic::Replacement]);
    lexica().iter().fold(Topics::default(), |topics, lexicon| topics | (lexicon.matcher.foreign_text(&folded) & wanted))
}

impl RecordState {
    /// Whether it keeps a promise about these topics.
    pub fn keeps(self, topics: Topics) -> bool {
        match self {
            RecordState::Refunded => topics.has(Topic::Refund),
            RecordState::Delivered => topics.meets(Topics::of(&[Topic::Delivery, Topic::Replacement])),
        }
    }
}

/// Whether a folded sentence says that something was done, other than having looked or received.
pub fn says_done(folded: &str, own: &Lexicon) -> bool {
    let (words, harmless) = (&own.words.promises, &own.words.commitments.harmless);
    let denied = own.words.commitments.negations.stand_in(folded);
    let verbs = || folded.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !harmless.begin(word));
    let by_ending = || verbs().any(|word| word.chars().count() >= MIN_VERB && words.done_endings.end(word));
    let by_helper = || words.helpers.stand_in(folded) && verbs().any(|word| words.participles.stand_in(word));
    !denied && (words.done.stand_in(folded) || by_ending() || by_helper())
}

/// Whether two words may be forms of one: `refund`, `refunded`; `send`, `sent`; `schicken`, `geschickt`.
fn alike(one: &str, other: &str) -> bool {
    let begin_alike = |one: &str, other: &str| {
        let shared = one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count();
        let (short, long) = (one.chars().count().min(other.chars().count()), one.chars().count().max(other.chars().count()));
        shared >= ALIKE || (short >= MIN_WORD && shared == short) || (long == MIN_WORD && shared + 1 >= MIN_WORD)
    };
    let bare = |word: &str| word.strip_prefix("ge").unwrap_or(word).to_owned();
    begin_alike(one, other) || begin_alike(&bare(one), other) || begin_alike(one, &bare(other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexicon::lexicon;

    fn kind(language: &str, promise: &str, later: &str) -> Option<ClaimKind> {
        let content = Content::of(promise);
        claims(later, lexicon(language).unwrap()).into_iter().find(|claim| claim.is_about(&content)).map(|claim| claim.kind)
    }

    #[test]
    fn what_was_done_or_taken_back_is_known_in_every_language() {
        use ClaimKind::{Done, Withdrawn};
        let mut wrong = Vec::new();
        for (language, promise, later, expected) in [
            ("en", "We will refund the 49.90 EUR by Friday.", "I have refunded the amount.", Some(Done)),
            ("en", "I'll send you the replacement lamp tomorrow.", "The replacement lamp was sent this morning.", Some(Done)),
            ("en", "We will refund you by Friday.", "Unfortunately we can't refund this.", Some(Withdrawn)),
            ("en", "We will refund you by Friday.", "I have checked the order.", None),
            ("en", "We will refund you by Friday.", "We have not refunded it yet.", None),
            ("en", "We will refund you by Friday.", "Have we refunded it?", None),
            ("en", "We will refund you by Friday.", "We will refund you on Monday.", None),
            ("tr", "Yeni vazoyu yarın gönderiyoruz.", "Yeni vazoyu bugün gönderdik.", Some(Done)),
            ("tr", "Yeni vazoyu yarın gönderiyoruz.", "Maalesef yeni vazoyu gönderemiyoruz.", Some(Withdrawn)),
            ("hu", "Holnap elküldjük az új vázát.", "Az új vázát elküldtük.", Some(Done)),
            ("hu", "Pénteken visszautaljuk az összeget.", "Sajnos nem tudjuk visszautalni az összeget.", Some(Withdrawn)),
            ("de", "Wir schicken Ihnen morgen den Ersatz.", "Den Ersatz haben wir heute geschickt.", Some(Done)),
            ("de", "Wir erstatten Ihnen den Betrag bis Freitag.", "Leider können wir den Betrag nicht erstatten.", Some(Withdrawn)),
            ("fr", "Nous vous rembourserons le montant demain.", "Nous avons remboursé le montant.", Some(Done)),
            ("fr", "Nous vous rembourserons demain.", "Malheureusement nous ne pouvons pas vous rembourser.", Some(Withdrawn)),
            ("es", "Le reembolsaremos el importe mañana.", "Hemos reembolsado el importe.", Some(Done)),
            ("es", "Le reembolsaremos el importe mañana.", "Lamentablemente no podemos reembolsar el importe.", Some(Withdrawn)),
        ] {
            if kind(language, promise, later) != expected {
                wrong.push((promise, later, Content::of(promise), Content::of(later)));
            }
        }
        assert!(wrong.is_empty(), "{wrong:?}");
    }

    #[test]
    fn records_say_what_arrived() {
        for (value, state) in [
            ("delivered", Some(RecordState::Delivered)),
            ("Teslim edildi", Some(RecordState::Delivered)),
            ("refunded on 2026-11-18", Some(RecordState::Refunded)),
            ("not delivered", None),
            ("refund requested", None),
        ] {
            assert_eq!(record_state([value].into_iter()), state, "{value}");
        }
        assert!(RecordState::Refunded.keeps(topics_of("We will refund you.")));
        assert!(!RecordState::Delivered.keeps(topics_of("We will refund you.")));
        assert!(RecordState::Delivered.keeps(topics_of("Ihr Paket liefern wir am Freitag.")));
    }
}
