//! What a word may be about, as far as texts are looked through for it, and which tables of a vocabulary say so.

use std::ops::{BitAnd, BitOr, BitOrAssign, Not};

use crate::lexicon::{concepts::Concept, vocabulary::Vocabulary, words::Words};

/// What a word is about. Each is named after the table, or the tables, that it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// Paying money back.
    Refund,
    /// Sending another item.
    Replacement,
    /// Sending something, and that it arrives.
    Delivery,
    /// Calling the customer.
    CallBack,
    /// Having done something for the customer.
    DoneAlready,
    /// A discount, or nothing to pay.
    ForLess,
    /// A voucher, a gift or a loan.
    Gift,
    /// An assurance: `rest assured`.
    Guarantee,
    /// An exception to the rules.
    Exception,
    /// Cancelling something.
    Cancellation,
    /// Extending, upgrading or reserving something.
    Extension,
    /// Answering later, or solving the matter.
    Answer,
    /// The day of the text: `today`, `tonight`.
    Today,
    /// The day after the text's.
    Tomorrow,
    /// Without delay: `right away`.
    AtOnce,
    /// A part of the day, such as `this evening`.
    PartOfDay,
    /// The week of the text, or its end.
    ThisWeek,
    /// The week after the text's.
    NextWeek,
    /// A weekend.
    Weekend,
    /// The name of the first day of the week.
    Monday,
    /// The name of the second day.
    Tuesday,
    /// The name of the third day.
    Wednesday,
    /// The name of the fourth day.
    Thursday,
    /// The name of the fifth day.
    Friday,
    /// The name of the sixth day.
    Saturday,
    /// The name of the seventh day.
    Sunday,
    /// A form that commits whoever speaks: `will`.
    Form,
    /// A denial: `not`, `unfortunately`.
    Negation,
    /// That the customer's words are repeated, or something is supposed.
    Mention,
    /// A condition: `if`.
    Condition,
    /// That others' words are made one's own: `as promised`.
    Confirmation,
    /// That others' words are reported: `you were told`.
    Report,
    /// That an amount of the customer's is repeated, or denied.
    Repeat,
    /// Something that costs: `fee`.
    Fee,
    /// That it is not so: `no`, `free of`.
    Without,
    /// Something done that promises nothing, such as having looked.
    Harmless,
    /// A time within which something is.
    Limit,
    /// Minutes, as a length of time.
    Minutes,
    /// Hours, as a length of time.
    Hours,
    /// Days, as a length of time; working days are among them.
    Days,
    /// Weeks, as a length of time.
    Weeks,
    /// Months, as a length of time.
    Months,
    /// Years, as a length of time.
    Years,
    /// What stands beside a coupon's code.
    Coupon,
    /// A cue of a promise in a chat.
    CuePromise,
    /// A cue that an answer is put off.
    CueLater,
    /// A cue of a time or a length of time.
    CueSoon,
    /// A cue of an address.
    CuePlace,
    /// A cue of money paid or paid back.
    CueMoney,
    /// A short name of a month that is another word as well.
    CueMonth,
    /// A currency, its hundredths, or a short name of one.
    Currency,
    /// A question after an order's number, its status, or another code.
    AskCode,
    /// A question after an amount.
    AskAmount,
    /// A question after a day.
    AskDay,
    /// A question after an e-mail address or phone number.
    AskContact,
    /// A question after an address.
    AskPlace,
    /// A question after what was promised.
    AskPromise,
}

const WEEKDAYS: [Topic; 7] =
    [Topic::Monday, Topic::Tuesday, Topic::Wednesday, Topic::Thursday, Topic::Friday, Topic::Saturday, Topic::Sunday];

/// A set of topics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Topics(u64);

impl Topics {
    /// The set of these topics.
    pub const fn of(topics: &[Topic]) -> Topics {
        let mut all = 0;
        let mut at = 0;
        while at < topics.len() {
            all |= 1 << topics[at] as u32;
            at += 1;
        }
        Topics(all)
    }

    /// Whether a topic is in the set.
    pub fn has(self, topic: Topic) -> bool {
        self.meets(Topics::of(&[topic]))
    }

    /// Whether both have one in common.
    pub fn meets(self, other: Topics) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether no topic is in the set.
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

    /// The tables by which the meaning of a text is compared. Short names of months are other words as well.
    pub fn of_meaning(&self) -> Vec<(Concept, &Words)> {
        let moments = &self.moments;
        let mut tables: Vec<(Concept, &Words)> = self.meaning.iter().map(|(concept, words)| (*concept, words)).collect();
        tables.extend([
            (Concept::Today, &moments.today),
            (Concept::Tomorrow, &moments.tomorrow),
            (Concept::ThisWeek, &moments.this_week),
            (Concept::NextWeek, &moments.next_week),
            (Concept::Weekend, &moments.weekend),
        ]);
        tables.extend((0..).map(Concept::Weekday).zip(&self.dates.weekdays));
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
