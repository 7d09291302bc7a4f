//! Words by which a promise and its day are known, what becomes of it, and whether a question has an answer.

use serde::{Deserialize, Serialize};

use crate::lexicon::words::Words;

/// Words that make a promise of a sentence, or none.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Commitments {
    /// Words that commit whoever speaks: `will`.
    pub forms: Words,
    /// Endings of verbs that commit whoever speaks, in languages that have such.
    pub form_endings: Words,
    /// What denies a clause.
    pub negations: Words,
    /// What makes two clauses of one: `but`.
    pub turns: Words,
    /// What makes a sentence repeat a customer's words, or suppose something.
    pub mentions: Words,
    /// Those of `mentions` that begin a condition: `if`.
    pub conditions: Words,
    /// What makes others' words one's own: `as promised`.
    pub confirmations: Words,
    /// What makes a sentence a report of what others said.
    pub reports: Words,
    /// By which a sentence only repeats an amount of the customer's, or denies it.
    pub repeats: Words,
    /// What costs: `fee`.
    pub fees: Words,
    /// What says that something costs nothing, with a word of `fees`.
    pub without: Words,
    /// Who did something: the `I have` of `I have just cancelled`.
    pub auxiliaries: Words,
    /// What may stand between the auxiliary and the verb.
    pub between: Words,
    /// Endings of the verb.
    pub participles: Words,
    /// Beginnings of what was done that promises nothing.
    pub harmless: Words,
}

/// By which day something is to be done, beside `dates`, `moments` and `units`.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Due {
    /// Days on which shops and banks work, where a number counts them.
    pub working_days: Words,
    /// Beside a length of time without a number: `in a week`.
    pub within: Words,
    /// Beside a day or a length of time that is over: `ago`.
    pub past: Words,
    /// The day after tomorrow.
    pub day_after_tomorrow: Words,
    /// The end of the text's month.
    pub month_end: Words,
    /// What has a day's word and names no day: `good morning`.
    pub no_day: Words,
}

/// What becomes of promises.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Promises {
    /// Phrases that say by themselves that something was done.
    pub done: Words,
    /// With one of `participles` in the same sentence they say so too: `I have`.
    pub helpers: Words,
    /// Verbs beside `helpers`.
    pub participles: Words,
    /// Endings of verbs that say so by themselves, in languages that have such.
    pub done_endings: Words,
    /// What takes a promise back: `unfortunately`.
    pub withdrawn: Words,
    /// Offers and wishes, which promise nothing.
    pub courtesy: Words,
    /// What a record says once money was paid back.
    pub refunded: Words,
    /// What a record says once something has arrived.
    pub delivered: Words,
    /// Words of four letters and more that don't tell what is promised; beginnings.
    pub fillers: Words,
}

/// What answers a customer's question.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Answers {
    /// Words that a question for more than yes or no begins with or has: `when`.
    pub open_questions: Words,
    /// Words that answer a question for yes or no.
    pub yes_or_no: Words,
    /// Phrases by which an answer is put off, or asked for more first.
    pub put_off: Words,
}
