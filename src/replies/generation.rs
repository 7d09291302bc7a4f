//! A text being made: deltas as they come, and the end that counts.

use std::{pin::Pin, time::Instant};

use async_stream::try_stream;
use futures::Stream;

use super::{Engine, Finished, Progress, ReplyError, Usage, Warning, WarningKind, outflow::Outflow};
use crate::model::{Answer, Ending, Piece, TokensUsed};

/// Longest text that is taken from a model: many times what a reply box holds.
const MOST_TEXT_BYTES: usize = 128 << 10;

/// A text being made. Dropping it ends the model's work.
pub type Generation = Pin<Box<dyn Stream<Item = Result<Progress, ReplyError>> + Send>>;

/// A text that is whole, before its task makes an end of it.
pub struct Made {
    pub text: String,
    /// The numbers of the sources it cites, from 1.
    pub cited: Vec<usize>,
    pub engine: Engine,
    pub warnings: Vec<Warning>,
    pub usage: Usage,
}

/// Streams a model's answer. `sources` may be cited; `finish` makes the end.
pub fn from_model(
    mut answer: Answer,
    sources: usize,
    started: Instant,
    finish: impl FnOnce(Made) -> Finished + Send + 'static,
) -> Generation {
    Box::pin(try_stream! {
        let mut outflow = Outflow::new(sources);
        let mut first = None;
        let (ending, tokens) = loop {
            match answer.next().await {
                Ok(Piece::Text(piece)) => {
                    let shown = outflow.push(&piece);
                    if !shown.is_empty() {
                        first.get_or_insert_with(|| started.elapsed());
                        yield Progress::Delta(shown);
                    }
                    if outflow.text().len() > MOST_TEXT_BYTES {
                        break (Ending::Truncated, TokensUsed::default());
                    }
                }
                Ok(Piece::End { ending, used }) => break (ending, used),
                Err(error) => Err(ReplyError::Model { error, partial: first.is_some() })?,
            }
        };
        let rest = outflow.finish();
        if !rest.is_empty() {
            first.get_or_insert_with(|| started.elapsed());
            yield Progress::Delta(rest);
        }
        if outflow.text().is_empty() {
            Err(ReplyError::Model { error: crate::model::ModelError::Empty, partial: false })?;
        }
        let warnings = match ending {
            Ending::Done => Vec::new(),
            Ending::Truncated => vec![Warning {
                kind: WarningKind::Truncated,
                excerpt: String::new(),
                message: "the model was cut off at its greatest length; the text may lack its end".to_owned(),
            }],
        };
        let made = Made {
            text: outflow.text().to_owned(),
            cited: outflow.cited().collect(),
            engine: Engine::Model(answer.model.clone()),
            warnings,
            usage: Usage { tokens, time_to_first_token: first.unwrap_or_default(), total: started.elapsed() },
        };
        yield Progress::Finished(Box::new(finish(made)));
    })
}

/// A text that the built-in engine made in one go.
pub fn built_in(text: String, started: Instant, finish: impl FnOnce(Made) -> Finished) -> Generation {
    let usage = Usage { tokens: TokensUsed::default(), time_to_first_token: started.elapsed(), total: started.elapsed() };
    let made = Made { text: text.clone(), cited: Vec::new(), engine: Engine::BuiltIn, warnings: Vec::new(), usage };
    let end = Progress::Finished(Box::new(finish(made)));
    Box::pin(futures::stream::iter([Ok(Progress::Delta(text)), Ok(end)]))
}
