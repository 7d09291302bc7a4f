//! An answer that is being given, and the call that holds what it costs.

use crate::model::{
    answer_reader::{AnswerReader, Delta},
    call::Call,
    error::ModelError,
};

/// An answer that is being given. Dropping it closes the connection to the model.
pub struct Answer {
    pub model: String,
    pub reading: AnswerReader,
    pub first: Option<String>,
    pub call: Call,
}

impl Answer {
    /// What follows a beginning.
    pub fn of(reading: AnswerReader, begun: String, mut call: Call) -> Answer {
        call.began(reading.asked.elapsed());
        Answer { model: call.model.name().to_owned(), reading, first: Some(begun), call }
    }

    /// The next piece. After the end or an error there is no more to ask for.
    pub async fn next(&mut self) -> Result<Delta, ModelError> {
        if let Some(first) = self.first.take() {
            return Ok(Delta::Text(first));
        }
        let piece = self.reading.next().await;
        match &piece {
            Ok(Delta::Text(_)) => {}
            Ok(Delta::End { used, .. }) => self.call.ended(*used),
            Err(error) => self.call.failed(error),
        }
        piece
    }
}
