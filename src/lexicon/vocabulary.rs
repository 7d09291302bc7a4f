//! What is known of a language's words: the one schema of all files.
//!
//! [`Words`] are compared without accents and case, `Vec<String>` to the letter. A key that a language has no words for is empty in its
//! file, and named under `none`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::lexicon::{
    concepts::Concept,
    labels::{Quotations, ReasonLabels, SummaryLabels, TranscriptLabels},
    personal_tables::{Addresses, Fields, Identifiers},
    promise_words::{Answers, Commitments, Due, Promises},
    words::Words,
};

/// The words of one language, a field for each table of its file. A key that the schema doesn't have is refused.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Vocabulary {
    /// The keys that are empty because the language has no such words, such as `titles.after`.
    pub none: Vec<String>,
    /// How a text addresses its reader.
    pub greetings: Greetings,
    /// Titles before and after people's names.
    pub titles: Titles,
    /// How a writer says who writes.
    pub signatures: Signatures,
    /// First names and surnames that are words as well.
    pub names: Names,
    /// How forms and records call what they hold.
    pub fields: Fields,
    /// Words of postal addresses.
    pub addresses: Addresses,
    /// What stands before numbers and says what they are.
    pub identifiers: Identifiers,
    /// Names of months and days, and what joins them.
    pub dates: Dates,
    /// Days of a month, counted.
    pub ordinals: Ordinals,
    /// Words that make a time of day of a number.
    pub times: Times,
    /// Number words with their worth.
    pub numbers: Numbers,
    /// What stands beside numbers.
    pub counting: Counting,
    /// Names and signs of currencies.
    pub currencies: Currencies,
    /// Units in which a length of time is counted.
    pub units: Units,
    /// What is beside codes.
    pub codes: Codes,
    /// What a shop may commit itself to.
    pub actions: Actions,
    /// Times that are no date.
    pub moments: Moments,
    /// What makes a promise of a sentence.
    pub commitments: Commitments,
    /// By which day something is to be done.
    pub due: Due,
    /// What becomes of promises.
    pub promises: Promises,
    /// How customers are addressed.
    pub address: FormsOfAddress,
    /// What answers a question.
    pub answers: Answers,
    /// What a sentence of a chat is about.
    pub cues: Cues,
    /// What a question is after.
    pub questions: Questions,
    /// What a sentence says beside its facts, by which rewrites are compared.
    pub meaning: BTreeMap<Concept, Words>,
    /// What models put around a text.
    pub wrapping: Wrapping,
    /// Labels of a transcript.
    pub transcript: TranscriptLabels,
    /// Labels of a summary without a model.
    pub summary: SummaryLabels,
    /// What stands above a quoted e-mail.
    pub quotations: Quotations,
    /// Why a document is suggested.
    pub reasons: ReasonLabels,
}

/// How a text addresses its reader.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Greetings {
    /// Words and phrases that greet: `hi`, `guten tag`.
    pub words: Words,
    /// What stands in a greeting and is neither greeting nor name: `there`, `and`.
    pub fillers: Words,
    /// Who is greeted without a name: customers, a team, ladies and gentlemen.
    pub nobody: Words,
}

/// Titles of people: `Mrs`, `Bey`.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Titles {
    /// Before a name.
    pub before: Words,
    /// After a name.
    pub after: Words,
    /// After a name too; with them a greeting ends, whatever follows.
    pub ends_greeting: Words,
    /// Those that a point follows.
    pub abbreviated: Words,
}

/// Who writes.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Signatures {
    /// Words of the line before a signature.
    pub sign_offs: Words,
    /// Before the writer's name in a sentence: `my name is`.
    pub before_name: Words,
    /// After it: `Selin here`.
    pub after_name: Words,
    /// What a sentence goes on with after it: `from`, `your`.
    pub goes_on: Words,
    /// Beginnings of the line that closes an e-mail, before the writer's name.
    pub closings: Words,
    /// Lines that mail programs and devices add; `…` stands for any words.
    pub sent_from: Vec<String>,
    /// Words of legal notices under e-mails: three of them make one.
    pub disclaimers: Vec<String>,
}

/// Names of people that need care.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Names {
    /// First names and surnames that are words as well: alone they are names only where a name is likely.
    pub also_words: Words,
    /// What a shop's programs, teams and unnamed visitors are called: names with such a word are no person's.
    pub nobody: Words,
    /// Small words of surnames: `van`, `de`.
    pub particles: Words,
    /// What follows a name: `Jr`.
    pub suffixes: Words,
}

/// Words of dates.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dates {
    /// The names of the twelve months, short and long.
    pub months: [Words; 12],
    /// Short names of months that are no other word: they need neither a capital nor a point.
    pub short_months: Words,
    /// The names of the seven days, from Monday on.
    pub weekdays: [Words; 7],
    /// Between day and month, or month and year: `of`.
    pub of: Vec<String>,
}

/// Words that count days of a month.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ordinals {
    /// Those that are not made of a cardinal and an ending; beginnings.
    pub words: BTreeMap<String, u8>,
    /// Endings of all of them, where they stand before a month.
    pub endings: Vec<String>,
    /// What follows a day in figures: `3rd`.
    pub marks: Vec<String>,
}

/// Times of day.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Times {
    /// What makes a time of the hour before it: `15 Uhr`.
    pub clock: Vec<String>,
    /// Between hour and minutes: `14 h 30`. Without minutes they count hours, but after a word of `at`.
    pub hour_marks: Vec<String>,
    /// Before a time of day.
    pub at: Vec<String>,
    /// Before an hour, the minutes that they add to it: `half past`, `halb`.
    pub before_hour: BTreeMap<String, i32>,
    /// After an hour, where an ending or a word of `hour` makes a time of it: `üç buçukta`.
    pub after_hour: BTreeMap<String, i32>,
    /// Parts of an hour after it, in minutes: `y media`.
    pub parts: BTreeMap<String, i32>,
    /// After a time of the morning: `am`.
    pub morning: Vec<String>,
    /// After a time of noon or later: 12 hours are added to it.
    pub afternoon: Vec<String>,
}

/// Numbers as words.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Numbers {
    /// What number words are made of, with their worth; one of two words, such as `quatre-vingt`, has a hyphen.
    pub cardinals: BTreeMap<String, u64>,
    /// What stands between them.
    pub joints: Words,
    /// Other words that say a number: `twice`, `dozen`.
    pub others: BTreeMap<String, u64>,
    /// Words for one that are articles too: every text has them.
    pub articles: Words,
}

/// Words beside numbers.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Counting {
    /// Before a number that is only about right: `knapp`, `almost`.
    pub about: Words,
    /// Between the two ends of a range.
    pub ranges: Vec<String>,
    /// Words that don't tell what is counted: `about`, `within`.
    pub beside: Words,
    /// What numbers of a list are called: `step`.
    pub steps: Words,
    /// Words that say within which time something is.
    pub limits: Words,
}

/// Names of currencies, as they stand beside amounts.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Currencies {
    /// Names of the currencies themselves.
    pub names: Words,
    /// Their hundredths.
    pub hundredths: Words,
    /// Signs made of letters, beside those of ISO 4217.
    pub signs: Vec<String>,
}

/// Units of time.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Units {
    /// Half of the unit that follows: `half an hour`.
    pub half: Vec<String>,
    /// The unit that follows, and half of it.
    pub one_and_a_half: Vec<String>,
    /// A quarter of an hour.
    pub quarter_hour: Vec<String>,
    /// Minutes, in all their forms.
    pub minute: Words,
    /// Hours, their short forms among them.
    pub hour: Words,
    /// Days, working days among them.
    pub day: Words,
    /// Weeks.
    pub week: Words,
    /// Months.
    pub month: Words,
    /// Years.
    pub year: Words,
}

/// Words beside codes.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Codes {
    /// Beside a code of capitals alone.
    pub coupons: Words,
}

/// What a shop may commit itself to.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Actions {
    /// Paying money back.
    pub refund: Words,
    /// Sending another item in place of one.
    pub replacement: Words,
    /// Sending something, and that it arrives.
    pub delivery: Words,
    /// Calling the customer.
    pub call_back: Words,
    /// Phrases by which something was done for the customer: `I have just`.
    pub done_already: Words,
    /// Discounts, and what is free.
    pub for_less: Words,
    /// Vouchers, gifts, loans, and what makes up for something.
    pub gift: Words,
    /// Assurances.
    pub guarantee: Words,
    /// Exceptions to the rules.
    pub exception: Words,
    /// Cancelling.
    pub cancellation: Words,
    /// Extending, upgrading, reserving, giving priority.
    pub extension: Words,
    /// Answering later, and solving the matter.
    pub answer: Words,
}

/// Times that are no date.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Moments {
    /// The day of the text: `today`, `tonight`.
    pub today: Words,
    /// The day after the text's: `tomorrow`.
    pub tomorrow: Words,
    /// Without delay: `right away`.
    pub at_once: Words,
    /// Parts of a day: `this evening`.
    pub part_of_day: Words,
    /// The week of the text, and its end.
    pub this_week: Words,
    /// The week after the text's: `next week`.
    pub next_week: Words,
    /// The weekend.
    pub weekend: Words,
}

/// The polite and the familiar form of address; empty in a language that has one form.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct FormsOfAddress {
    /// The language's own name, in small letters.
    pub language: String,
    /// The forms, such as `Sie` and `du`: the polite one, the familiar one.
    pub names: Vec<String>,
    /// Words of the polite form. One with a capital stands for itself alone, and not at the beginning of a sentence.
    pub polite: Vec<String>,
    /// Words of the familiar form.
    pub familiar: Vec<String>,
    /// Endings of words of the polite form.
    pub polite_endings: Vec<String>,
    /// Endings of words of the familiar form.
    pub familiar_endings: Vec<String>,
    /// Beginnings of words for the use of the polite form, such as `siez`, in rules of writing.
    pub polite_rules: Vec<String>,
    /// The same for the familiar form, such as `duz`.
    pub familiar_rules: Vec<String>,
}

/// What words tell of their sentence in a chat.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cues {
    /// Words of promises.
    pub promise: Words,
    /// Endings of verbs that promise.
    pub promise_endings: Words,
    /// Prefixes that derive words from others of the same root.
    pub prefixes: Words,
    /// Words by which an answer is put off.
    pub later: Words,
    /// Lengths of time and days, beside the names of days.
    pub soon: Words,
    /// Words of addresses, and of moving house.
    pub place: Words,
    /// Endings of streets that are one word with their names.
    pub place_endings: Words,
    /// That money is paid, or paid back, whatever the amount.
    pub money: Words,
    /// Short names of months that are other words as well.
    pub month: Words,
    /// Short names of currencies.
    pub currency: Words,
}

/// What a question is after.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Questions {
    /// An order's number or status, a tracking number, another code.
    pub code: Words,
    /// A price, a fee, a refund.
    pub amount: Words,
    /// A day or a deadline.
    pub day: Words,
    /// An e-mail address or phone number.
    pub contact: Words,
    /// A postal address.
    pub place: Words,
    /// What was promised or said.
    pub promise: Words,
}

/// What models put around the text that was asked for.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wrapping {
    /// What a line calls the text that follows it: `draft`.
    pub nouns: Words,
    /// What stands before a colon at the text's beginning: `Translation: …`.
    pub labels: Words,
    /// The same for the subject of an e-mail.
    pub subjects: Words,
    /// What begins a note of the model's own, before a colon.
    pub notes: Words,
    /// By which such a note is told from the text's own.
    pub tells: Words,
    /// Beginnings of a last paragraph in which the model offers to go on.
    pub offers: Words,
}
