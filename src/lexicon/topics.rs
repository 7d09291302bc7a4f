//! What a word may be about, as far as texts are looked through for it, and which tables of a vocabulary say so.

use std::ops::{BitAnd, BitOr, BitOrAssign, Not};

use crate::lexicon::{vocabulary::Vocabulary, words::Words};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    Refund,
    Replacement,
    Delivery,
    CallBack,
    DoneAlready,
    ForLess,
    Gift,
    Guarantee,
    Exception,
    Cancellation,
    Extension,
    Answer,
    Today,
    Tomorrow,
    AtOnce,
    PartOfDay,
    ThisWeek,
    NextWeek,
    Weekend,
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
    Form,
    Negation,
    Mention,
    Condition,
    Confirmation,
    Report,
    Repeat,
    Fee,
    Without,
    Harmless,
    Limit,
    Minutes,
    Hours,
    Days,
    Weeks,
    Months,
    Years,
    Coupon,
    CuePromise,
    CueLater,
    CueSoon,
    CuePlace,
    CueMoney,
    CueMonth,
    Currency,
    AskCode,
    AskAmount,
    AskDay,
    AskContact,
    AskPlace,
    AskPromise,
}

const WEEKDAYS: [Topic; 7] =
    [Topic::Monday, Topic::Tuesday, Topic::Wednesday, Topic::Thursday, Topic::Friday, Topic::Saturday, Topic::Sunday];

/// A set of topics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Topics(u64);

impl Topics {
    pub const fn of(topics: &[Topic]) -> Topics {
        let mut all = 0;
        let mut at = 0;
        while at < topics.len() {
            all |= 1 << topics[at] as u32;
            at += 1;
        }
        Topics(all)
    }

    pub fn has(self, topic: Topic) -> bool {
        self.meets(Topics::of(&[topic]))
    }

    /// Whether both have one in common.
    pub fn meets(self, other: Topics) -> bool {
        self.0 & other.0 != 0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for Topics {
    type Output = Topics;

    fn bitor(self, other: Topics) -> Topics {
        Topics(self.0 | other.0)
    }
}

impl BitOrAssign for Topics {
    fn bitor_assign(&mut self, other: Topics) {
        self.0 |= other.0;
    }
}

impl BitAnd for Topics {
    type Output = Topics;

    fn bitand(self, other: Topics) -> Topics {
        Topics(self.0 & other.0)
    }
}

impl Not for Topics {
    type Output = Topics;

    fn not(self) -> Topics {
        Topics(!self.0)
    }
}

impl Vocabulary {
    /// The tables by which whole texts are looked through.
    pub fn of_texts(&self) -> Vec<(Topic, &Words)> {
        let Vocabulary { actions, moments, commitments, units, .. } = self;
        let mut tables = vec![
            (Topic::Refund, &actions.refund),
            (Topic::Replacement, &actions.replacement),
            (Topic::Delivery, &actions.delivery),
            (Topic::CallBack, &actions.call_back),
            (Topic::DoneAlready, &actions.done_already),
            (Topic::ForLess, &actions.for_less),
            (Topic::Gift, &actions.gift),
            (Topic::Guarantee, &actions.guarantee),
            (Topic::Exception, &actions.exception),
            (Topic::Cancellation, &actions.cancellation),
            (Topic::Extension, &actions.extension),
            (Topic::Answer, &actions.answer),
            (Topic::Today, &moments.today),
            (Topic::Tomorrow, &moments.tomorrow),
            (Topic::AtOnce, &moments.at_once),
            (Topic::PartOfDay, &moments.part_of_day),
            (Topic::ThisWeek, &moments.this_week),
            (Topic::NextWeek, &moments.next_week),
            (Topic::Weekend, &moments.weekend),
            (Topic::Form, &commitments.forms),
            (Topic::Negation, &commitments.negations),
            (Topic::Mention, &commitments.mentions),
            (Topic::Condition, &commitments.conditions),
            (Topic::Confirmation, &commitments.confirmations),
            (Topic::Report, &commitments.reports),
            (Topic::Repeat, &commitments.repeats),
            (Topic::Fee, &commitments.fees),
            (Topic::Without, &commitments.without),
            (Topic::Harmless, &commitments.harmless),
            (Topic::Limit, &self.counting.limits),
            (Topic::Minutes, &units.minute),
            (Topic::Hours, &units.hour),
            (Topic::Days, &units.day),
            (Topic::Weeks, &units.week),
            (Topic::Months, &units.month),
            (Topic::Years, &units.year),
        ];
        tables.extend(WEEKDAYS.into_iter().zip(&self.dates.weekdays));
        tables
    }

    /// The tables by which single words are looked at, of whatever language.
    pub fn of_words(&self) -> Vec<(Topic, &Words)> {
        let Vocabulary { dates, currencies, cues, moments, questions, .. } = self;
        let mut tables = vec![
            (Topic::Coupon, &self.codes.coupons),
            (Topic::Currency, &currencies.names),
            (Topic::Currency, &currencies.hundredths),
            (Topic::Currency, &cues.currency),
            (Topic::CuePromise, &cues.promise),
            (Topic::CueLater, &cues.later),
            (Topic::CueSoon, &cues.soon),
            (Topic::CueSoon, &moments.today),
            (Topic::CueSoon, &moments.tomorrow),
            (Topic::CuePlace, &cues.place),
            (Topic::CueMoney, &cues.money),
            (Topic::CueMonth, &cues.month),
            (Topic::AskCode, &questions.code),
            (Topic::AskAmount, &questions.amount),
            (Topic::AskDay, &questions.day),
            (Topic::AskContact, &questions.contact),
            (Topic::AskPlace, &questions.place),
            (Topic::AskPromise, &questions.promise),
        ];
        tables.extend(dates.weekdays.iter().map(|names| (Topic::CueSoon, names)));
        tables
    }
}
