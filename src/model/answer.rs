//! An answer that is being streamed, and its call.

use crate::model::{
    answer_reader::{AnswerReader, Delta},
    call::Call,
    error::ModelError,
};

/// An answer that is being streamed. Dropping it closes the connection to the model.
pub struct Answer {
    /// The configured name of the model that answers.
    pub model: String,
    reader: AnswerReader,
    /// Its first text, until it is taken.
    first: Option<String>,
    call: Call,
}

impl Answer {
    /// An answer whose first text is there.
    pub fn new(reader: AnswerReader, first: String, mut call: Call) -> Answer {
        call.first_token(reader.started.elapsed());
        Answer { model: call.model.name().to_owned(), reader, first: Some(first), call }
    }

    /// The next delta. Don't call it again after the end or an error.
    pub async fn next(&mut self) -> Result<Delta, ModelError> {
        if let Some(first) = self.first.take() {
            return Ok(Delta::Text(first));
        }
        let delta = self.reader.next().await;
        match &delta {
            Ok(Delta::Text(_)) => {}
            Ok(Delta::End { used, .. }) => self.call.succeeded(*used),
            Err(error) => self.call.failed(error),
        }
        delta
    }
}
