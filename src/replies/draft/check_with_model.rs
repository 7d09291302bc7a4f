//! A model's own look at a draft: which sentences commit the shop to what nothing says. What it answers becomes warnings, never an edit.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use minijinja::context;
use tokio::time::timeout_at;

use crate::{
    config::Task,
    facts::Marks,
    model::{Answer, CallContext, Delta, ModelError, Models},
    replies::{
        prompts::{Prompts, fence},
        stream::result::{Warning, WarningKind},
    },
    text::{on_one_line, sentences},
};

/// Most sentences of a draft that are shown, and the longest answer that is read, in bytes.
const MAX_SENTENCES: usize = 60;
const MAX_ANSWER_BYTES: usize = 400;

/// What asking a model to check a draft needs.
pub struct ModelCheck {
    pub models: Models,
    pub prompts: Prompts,
    /// The call's deadline and token budget.
    pub context: CallContext,
    /// How long the draft waits for the answer; zero: no model is asked.
    pub time: Duration,
    /// The draft's own prompt, masked: what the shop knows.
    pub given: String,
    /// The marks in it.
    pub marks: Arc<Marks>,
}

impl ModelCheck {
    /// The warnings of the sentences that a model names. None if no model answers in time: the draft never fails by it.
    pub async fn warnings(&self, draft: &str) -> Vec<Warning> {
        let shown: Vec<&str> = sentences(draft).take(MAX_SENTENCES).collect();
        if self.time.is_zero() || shown.is_empty() {
            return Vec::new();
        }
        let until = (Instant::now() + self.time).min(self.context.deadline);
        let masked: Vec<String> = shown.iter().map(|sentence| on_one_line(&self.masked(sentence)).into_owned()).collect();
        let values = context! { fence => fence(), given => self.given.as_str(), sentences => masked };
        let answer = async {
            let prompt = self.prompts.both(Task::Check, values).map_err(|_| ModelError::Empty)?;
            let (answer, ()) = self.models.ask(&self.context, |_| std::future::ready(Ok::<_, ModelError>((prompt.clone(), ())))).await?;
            read(answer).await
        };
        let Ok(Ok(text)) = timeout_at(until.into(), answer).await else { return Vec::new() };
        let warning = |number: usize| Warning {
            kind: WarningKind::UngroundedPromise,
            excerpt: shown[number - 1].to_owned(),
            message: "a model finds that this promises what no source, record or message says".to_owned(),
        };
        numbers(&text, shown.len()).into_iter().map(warning).collect()
    }

    /// A sentence with the prompt's marks in place of personal data.
    fn masked(&self, sentence: &str) -> String {
        (0..self.marks.all().len())
            .fold(sentence.to_owned(), |text, which| text.replace(&self.marks.get(which).value, &self.marks.written(which)))
    }
}

async fn read(mut answer: Answer) -> Result<String, ModelError> {
    let mut text = String::new();
    while text.len() <= MAX_ANSWER_BYTES {
        match answer.next().await? {
            Delta::Text(piece) => text.push_str(&piece),
            Delta::End { .. } => return Ok(text),
        }
    }
    Err(ModelError::TooLarge(text.len()))
}

/// The numbers of an answer, each once; none if it has anything else in it.
fn numbers(answer: &str, sentences: usize) -> Vec<usize> {
    let parts: Vec<&str> = answer.split(|letter: char| letter == ',' || letter.is_whitespace()).filter(|part| !part.is_empty()).collect();
    let read: Option<Vec<usize>> = parts.iter().map(|part| part.trim_end_matches('.').parse().ok()).collect();
    let mut numbers: Vec<usize> = read.unwrap_or_default().into_iter().filter(|number| (1..=sentences).contains(number)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_of_sentences_count() {
        assert_eq!(numbers("2, 3\n", 3), [2, 3]);
        assert_eq!(numbers("3. 1", 3), [1, 3]);
        for answer in ["0", "", "none", "Sentence 2", "9", "-1"] {
            assert!(numbers(answer, 3).is_empty(), "{answer}");
        }
    }
}
