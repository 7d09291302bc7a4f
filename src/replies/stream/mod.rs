//! A text being made: deltas as they come, and the end that counts.

pub mod filter;
pub mod result;
pub mod sanitizer;

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::Pin,
    time::{Duration, Instant},
};

use async_stream::try_stream;
use futures::Stream;

use crate::{
    model::{Answer, Delta, Ending, ModelError, TokensUsed},
    replies::{
        error::ReplyError,
        stream::{
            filter::{FilteredText, OutputFilter},
            result::{Engine, Finished, Progress, Usage, Warning, WarningKind},
        },
    },
    text::sentence_at,
};

/// Longest text that is taken from a model: many times what a reply box holds.
const MAX_TEXT_BYTES: usize = 48 << 10;

/// A text being made. Dropping it ends the model's work.
pub type Generation = Pin<Box<dyn Stream<Item = Result<Progress, ReplyError>> + Send>>;

/// A text that is whole, before its task makes an end of it.
pub struct GeneratedText {
    pub text: String,
    /// The sources it cites: their numbers from 1, and the sentences that do.
    pub cited: BTreeMap<usize, Vec<String>>,
    pub engine: Engine,
    pub warnings: Vec<Warning>,
    pub usage: Usage,
}

/// A model's answer on its way to the agent.
pub struct AnswerStream {
    answer: Answer,
    outflow: OutputFilter,
    /// Bytes of text that were taken from the model.
    taken: usize,
    started: Instant,
    first: Option<Duration>,
    /// How the answer ended, once it has.
    end: Option<(Ending, TokensUsed)>,
}

impl AnswerStream {
    /// `started` is when the agent clicked.
    pub fn new(answer: Answer, outflow: OutputFilter, started: Instant) -> AnswerStream {
        AnswerStream { answer, outflow, taken: 0, started, first: None, end: None }
    }

    /// The next piece of text that may be shown; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<String>, ReplyError> {
        while self.end.is_none() {
            let shown = match self.answer.next().await {
                Ok(Delta::Text(piece)) => {
                    let taken = piece.floor_char_boundary(MAX_TEXT_BYTES.saturating_sub(self.taken));
                    self.taken += taken;
                    let mut shown = self.outflow.push(&piece[..taken]);
                    if taken < piece.len() {
                        self.end = Some((Ending::Truncated, TokensUsed::default()));
                        shown.push_str(&self.outflow.finish());
                    }
                    shown
                }
                Ok(Delta::End { ending, used }) => {
                    self.end = Some((ending, used));
                    self.outflow.finish()
                }
                Err(error) => return Err(ReplyError::Model { error, partial: self.first.is_some() }),
            };
            if !shown.is_empty() {
                self.first.get_or_insert_with(|| self.started.elapsed());
                return Ok(Some(shown));
            }
        }
        if self.outflow.flowed().text.is_empty() {
            return Err(ReplyError::Model { error: ModelError::Empty, partial: false });
        }
        Ok(None)
    }

    /// The text after its end, and what became of its marks. The model is let go: another call may follow.
    pub fn into_made(self) -> (GeneratedText, FilteredText) {
        let (ending, tokens) = self.end.unwrap_or((Ending::Truncated, TokensUsed::default()));
        let warnings = match ending {
            Ending::Done => Vec::new(),
            Ending::Truncated => vec![Warning {
                kind: WarningKind::Truncated,
                excerpt: String::new(),
                message: "the model was cut off at its greatest length; the text may lack its end".to_owned(),
            }],
        };
        let flowed = self.outflow.into_flowed();
        let text = flowed.text.clone();
        let sentences = |places: &BTreeSet<usize>| {
            let mut sentences: Vec<String> = places.iter().filter_map(|place| sentence_before(&text, *place)).collect();
            sentences.dedup();
            sentences
        };
        let cited = flowed.cited.iter().map(|(number, places)| (*number, sentences(places))).collect();
        let made = GeneratedText {
            text,
            cited,
            engine: Engine::Model(self.answer.model.clone()),
            warnings,
            usage: Usage { tokens, time_to_first_token: self.first.unwrap_or_default(), total: self.started.elapsed() },
        };
        (made, flowed)
    }
}

/// The sentence that ends at a place, or that it is in.
fn sentence_before(text: &str, place: usize) -> Option<String> {
    sentence_at(text, text[..place].trim_end().len().checked_sub(1)?).map(str::to_owned)
}

/// Warnings of the personal data that a model named and nobody told it, by the sentences that they were taken out of.
pub fn invented_data(flowed: &FilteredText) -> Vec<Warning> {
    let mut excerpts: Vec<String> = flowed.invented.iter().map(|place| sentence_before(&flowed.text, *place).unwrap_or_default()).collect();
    excerpts.dedup();
    let message = "the model named personal data here that this chat does not have, or that is another customer's; it was taken out";
    let warning = |excerpt| Warning { kind: WarningKind::UngroundedPersonalData, excerpt, message: message.to_owned() };
    excerpts.into_iter().map(warning).collect()
}

/// Streams a model's answer; `finish` makes the end.
pub fn from_model(mut flow: AnswerStream, finish: impl FnOnce(GeneratedText) -> Finished + Send + 'static) -> Generation {
    Box::pin(try_stream! {
        while let Some(shown) = flow.next().await? {
            yield Progress::Delta(shown);
        }
        let (mut made, flowed) = flow.into_made();
        made.warnings.extend(invented_data(&flowed));
        yield Progress::Finished(Box::new(finish(made)));
    })
}

/// Reads an answer to its end without showing it.
pub async fn silently(mut flow: AnswerStream) -> Result<(GeneratedText, FilteredText), ReplyError> {
    while flow.next().await?.is_some() {}
    Ok(flow.into_made())
}

/// What two tries cost; the first showed the first token.
pub fn both(one: Usage, other: Usage) -> Usage {
    let tokens = TokensUsed {
        prompt: one.tokens.prompt.saturating_add(other.tokens.prompt),
        completion: one.tokens.completion.saturating_add(other.tokens.completion),
    };
    Usage { tokens, time_to_first_token: one.time_to_first_token, total: other.total }
}

/// A text that the built-in engine made in one go.
pub fn built_in(text: String, started: Instant, finish: impl FnOnce(GeneratedText) -> Finished) -> Generation {
    let end = Progress::Finished(Box::new(finish(GeneratedText::built_in(text.clone(), started))));
    Box::pin(futures::stream::iter([Ok(Progress::Delta(text)), Ok(end)]))
}

impl GeneratedText {
    /// A text of the built-in engine.
    pub fn built_in(text: String, started: Instant) -> GeneratedText {
        let usage = Usage { tokens: TokensUsed::default(), time_to_first_token: started.elapsed(), total: started.elapsed() };
        GeneratedText { text, cited: BTreeMap::new(), engine: Engine::BuiltIn, warnings: Vec::new(), usage }
    }
}
