//! What is known of a language's words: the one schema of all files.
//!
//! [`Words`] are compared without accents and case, `Vec<String>` to the letter. A key that a language has no words for is empty in its
//! file, and named under `none`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::lexicon::{
    labels::{Quotations, SummaryLabels, TranscriptLabels},
    words::Words,
};

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Vocabulary {
    /// The keys that are empty because the language has no such words, such as `titles.after`.
    pub none: Vec<String>,
    pub greetings: Greetings,
    pub titles: Titles,
    pub signatures: Signatures,
    pub names: Names,
    pub fields: Fields,
    pub dates: Dates,
    pub ordinals: Ordinals,
    pub times: Times,
    pub numbers: Numbers,
    pub counting: Counting,
    pub currencies: Currencies,
    pub units: Units,
    pub codes: Codes,
    pub actions: Actions,
    pub moments: Moments,
    pub commitments: Commitments,
    pub cues: Cues,
    pub questions: Questions,
    pub transcript: TranscriptLabels,
    pub summary: SummaryLabels,
    pub quotations: Quotations,
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
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Names {
    /// First names and surnames that are words as well: alone they are names only where a name is likely.
    pub also_words: Words,
}

/// Words by which fields of forms and records are known.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fields {
    pub name: Words,
    pub address: Words,
    pub phone: Words,
}

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
    /// Parts of an hour after it, in minutes: `y media`.
    pub parts: BTreeMap<String, i32>,
    /// After a time of the morning, and of the rest of the day.
    pub morning: Vec<String>,
    pub afternoon: Vec<String>,
}

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
    /// Between the two ends of a range.
    pub ranges: Vec<String>,
    /// Words that don't tell what is counted: `about`, `within`.
    pub beside: Words,
    /// What numbers of a list are called: `step`.
    pub steps: Words,
    /// Words that say within which time something is.
    pub limits: Words,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Currencies {
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
    pub minute: Words,
    pub hour: Words,
    pub day: Words,
    pub week: Words,
    pub month: Words,
    pub year: Words,
}

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
    pub refund: Words,
    pub replacement: Words,
    pub delivery: Words,
    pub call_back: Words,
    pub done_already: Words,
    pub for_less: Words,
    pub gift: Words,
    pub guarantee: Words,
    pub exception: Words,
    pub cancellation: Words,
    pub extension: Words,
    pub answer: Words,
}

/// Times that are no date.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Moments {
    pub today: Words,
    pub tomorrow: Words,
    pub at_once: Words,
    pub part_of_day: Words,
    pub this_week: Words,
    pub next_week: Words,
    pub weekend: Words,
}

/// Words that make a promise of a sentence, or none.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Commitments {
    /// Words, and endings of words, that commit whoever speaks.
    pub forms: Words,
    pub form_endings: Words,
    pub negations: Words,
    /// What makes two clauses of one: `but`.
    pub turns: Words,
    /// Words of a customer that a sentence only repeats or supposes, and the conditions among them.
    pub mentions: Words,
    pub conditions: Words,
    /// What makes another's word one's own, and what others said, told as such.
    pub confirmations: Words,
    pub reports: Words,
    /// By which a sentence only repeats an amount of the customer's, or denies it.
    pub repeats: Words,
    /// What costs, and that it is not so.
    pub fees: Words,
    pub without: Words,
    /// Who did something, what may stand between, and how the verb then ends: `I have just cancelled`.
    pub auxiliaries: Words,
    pub between: Words,
    pub participles: Words,
    /// Beginnings of what was done that promises nothing.
    pub harmless: Words,
}

/// What words tell of their sentence in a chat.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cues {
    pub promise: Words,
    /// Endings of verbs that promise.
    pub promise_endings: Words,
    pub later: Words,
    /// Lengths of time and days, beside the names of days.
    pub soon: Words,
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
    pub code: Words,
    pub amount: Words,
    pub day: Words,
    pub contact: Words,
    pub place: Words,
    pub promise: Words,
}
