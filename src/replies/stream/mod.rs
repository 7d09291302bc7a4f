//! Text generation as a stream: deltas as they arrive, then the final text.

pub mod exit;
pub mod filter;
pub mod result;
pub mod sanitizer;
pub mod unwrap;

use std::{
    collections::{BTreeMap, BTreeSet},
    future::ready,
    pin::Pin,
    time::{Duration, Instant},
};

use futures::Stream;

use crate::{
    model::{Answer, CallContext, Delta, Ending, ModelError, Models, Prompt, TokensUsed},
    replies::{
        error::ReplyError,
        stream::{
            filter::{FilteredText, OutputFilter},
            result::{Engine, Finished, Progress, Usage, Warning, WarningKind},
            unwrap::{is_empty, unwrapped},
        },
    },
    text::sentence_at,
};

/// Longest text read from a model: many times what a reply box holds.
const MAX_TEXT_BYTES: usize = 48 << 10;

/// A generation in progress. Dropping it cancels the model call.
pub type Generation = Pin<Box<dyn Stream<Item = Result<Progress, ReplyError>> + Send>>;

/// A complete text, before its task checks and finishes it.
pub struct GeneratedText {
    pub text: String,
    /// The sources it cites: their numbers, from 1, each with the citing sentences.
    pub cited: BTreeMap<usize, Vec<String>>,
    pub engine: Engine,
    pub warnings: Vec<Warning>,
    pub usage: Usage,
}

/// A model's answer on its way to the agent.
pub struct AnswerStream {
    answer: Answer,
    filter: OutputFilter,
    /// Bytes of text read from the model.
    bytes_read: usize,
    started: Instant,
    first_token: Option<Duration>,
    /// How the answer ended, once it did.
    end: Option<(Ending, TokensUsed)>,
}

impl AnswerStream {
    /// `started` is when the agent clicked.
    pub fn new(answer: Answer, filter: OutputFilter, started: Instant) -> AnswerStream {
        AnswerStream { answer, filter, bytes_read: 0, started, first_token: None, end: None }
    }

    /// Returns the next piece of text that may be shown; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<String>, ReplyError> {
        while self.end.is_none() {
            let shown = match self.answer.next().await {
                Ok(Delta::Text(piece)) => {
                    let bytes_read = piece.floor_char_boundary(MAX_TEXT_BYTES.saturating_sub(self.bytes_read));
                    self.bytes_read += bytes_read;
                    let mut shown = self.filter.push(&piece[..bytes_read]);
                    if bytes_read < piece.len() {
                        self.end = Some((Ending::Truncated, TokensUsed::default()));
                        shown.push_str(&self.filter.finish());
                    }
                    shown
                }
                Ok(Delta::End { ending, used }) => {
                    self.end = Some((ending, used));
                    self.filter.finish()
                }
                Err(error) => return Err(ReplyError::Model { error, partial: self.first_token.is_some() }),
            };
            if !shown.is_empty() {
                self.first_token.get_or_insert_with(|| self.started.elapsed());
                return Ok(Some(shown));
            }
        }
        if is_empty(&unwrapped(&self.filter.output().text, "")) {
            return Err(ReplyError::Model { error: ModelError::Empty, partial: false });
        }
        Ok(None)
    }

    /// Returns the complete text, and what the filter did. Releases the model: another call may follow.
    pub fn into_generated(self) -> (GeneratedText, FilteredText) {
        let (ending, tokens) = self.end.unwrap_or((Ending::Truncated, TokensUsed::default()));
        let warnings = match ending {
            Ending::Done => Vec::new(),
            Ending::Truncated => vec![Warning {
                kind: WarningKind::Truncated,
                excerpt: String::new(),
                message: "the model reached its length limit; the text may be incomplete".to_owned(),
            }],
        };
        let filtered = self.filter.into_output();
        let text = filtered.text.clone();
        let sentences = |places: &BTreeSet<usize>| {
            let mut sentences: Vec<String> = places.iter().filter_map(|place| sentence_before(&text, *place)).collect();
            sentences.dedup();
            sentences
        };
        let cited = filtered.cited.iter().map(|(number, places)| (*number, sentences(places))).collect();
        let generated = GeneratedText {
            text,
            cited,
            engine: Engine::Model(self.answer.model.clone()),
            warnings,
            usage: Usage { tokens, time_to_first_token: self.first_token.unwrap_or_default(), total: self.started.elapsed() },
        };
        (generated, filtered)
    }
}

/// Returns the sentence that ends at or contains a byte offset.
fn sentence_before(text: &str, place: usize) -> Option<String> {
    sentence_at(text, text[..place].trim_end().len().checked_sub(1)?).map(str::to_owned)
}

/// Returns warnings of personal data that the model invented, with the sentences that it was removed from.
pub fn invented_data(filtered: &FilteredText) -> Vec<Warning> {
    let mut excerpts: Vec<String> =
        filtered.invented.iter().map(|place| sentence_before(&filtered.text, *place).unwrap_or_default()).collect();
    excerpts.dedup();
    let message = "the model wrote personal data here that is not in this chat, or is another customer's; it was removed";
    let warning = |excerpt| Warning { kind: WarningKind::UngroundedPersonalData, excerpt, message: message.to_owned() };
    excerpts.into_iter().map(warning).collect()
}

/// Asks once more, with what was wrong added to the instructions; nothing of the answer is streamed. `None` if that fails, or if the caller's
/// time may not be enough for as long as it took so far.
pub async fn ask_again(
    models: &Models,
    context: &CallContext,
    prompt: &Prompt,
    correction: &str,
    filter: OutputFilter,
    started: Instant,
) -> Option<(GeneratedText, FilteredText)> {
    if context.deadline.saturating_duration_since(Instant::now()) <= started.elapsed() {
        return None;
    }
    let prompt = Prompt { system: format!("{}\n\n{correction}", prompt.system), ..prompt.clone() };
    let (answer, ()) = models.ask(context, |_| ready(Ok::<_, ModelError>((prompt.clone(), ())))).await.ok()?;
    drain(AnswerStream::new(answer, filter, started)).await.ok()
}

/// Drains an answer without showing it.
pub async fn drain(mut answer_stream: AnswerStream) -> Result<(GeneratedText, FilteredText), ReplyError> {
    while answer_stream.next().await?.is_some() {}
    Ok(answer_stream.into_generated())
}

/// Streams a text of the built-in engine.
pub fn built_in(text: String, started: Instant, finish: impl FnOnce(GeneratedText) -> Finished) -> Generation {
    let end = Progress::Finished(Box::new(finish(GeneratedText::built_in(text.clone(), started))));
    Box::pin(futures::stream::iter([Ok(Progress::Delta(text)), Ok(end)]))
}

impl GeneratedText {
    /// Wraps a text of the built-in engine.
    pub fn built_in(text: String, started: Instant) -> GeneratedText {
        let usage = Usage { tokens: TokensUsed::default(), time_to_first_token: started.elapsed(), total: started.elapsed() };
        GeneratedText { text, cited: BTreeMap::new(), engine: Engine::BuiltIn, warnings: Vec::new(), usage }
    }
}
