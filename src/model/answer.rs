//! An answer that is being streamed, and its call.

use std::time::Duration;

use crate::model::{
    answer_reader::{AnswerReader, Delta},
    call::Call,
    endpoint::Took,
    error::ModelError,
};

/// An answer that is being streamed. Dropping it closes the connection to the model.
pub struct Answer {
    /// The configured name of the model that answers.
    pub model: String,
    reader: AnswerReader,
    /// When its first text was there, since it was asked for.
    first_token: Duration,
    /// Its first text, until it is taken.
    first: Option<String>,
    call: Call,
}

impl Answer {
    /// An answer whose first text is there.
    pub fn new(reader: AnswerReader, first: String, mut call: Call) -> Answer {
        let first_token = reader.started.elapsed();
        call.first_token(first_token);
        Answer { model: call.model.name().to_owned(), reader, first_token, first: Some(first), call }
    }

    /// The next delta. Don't call it again after the end or an error.
    pub async fn next(&mut self) -> Result<Delta, ModelError> {
        if let Some(first) = self.first.take() {
            return Ok(Delta::Text(first));
        }
        let delta = self.reader.next().await;
        match &delta {
            Ok(Delta::Text(_)) => {}
            Ok(Delta::End { used, .. }) => {
                let took = Took { first_token: self.first_token, total: self.reader.worked_for(), read: self.reader.read };
                self.call.succeeded(*used, took);
            }
            Err(error) => {
                if matches!(error, ModelError::TimedOut(_)) {
                    self.call.model.learn_unfinished(self.reader.bytes, self.reader.worked_for().saturating_sub(self.first_token));
                }
                self.call.failed(error);
            }
        }
        delta
    }
}
