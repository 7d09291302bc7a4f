//! A second model's judgement of an answer, from 1 to 5.

use std::{
    future::ready,
    time::{Duration, Instant},
};

use uuid::Uuid;

use crate::{
    cli::eval::replies::{answer::Answer, candidates::Candidate, case::Asked},
    config::{ModelConfig, Task},
    model::{CallContext, Delta, Ending, ModelError, Models, Prompt},
};

const SYSTEM: &str = include_str!("judge.md");
/// Longest time for one judgement.
const TIMEOUT: Duration = Duration::from_secs(120);
/// More of an answer is no number.
const MAX_ANSWER_BYTES: usize = 64;

/// The judging model.
pub struct Judge {
    models: Models,
}

impl Judge {
    pub fn new(candidate: &Candidate) -> Result<Judge, ModelError> {
        // It judges, whatever tasks it has in service.
        let model = ModelConfig { tasks: Vec::new(), ..candidate.model.clone() };
        Ok(Judge { models: Models::new(&[model], candidate.desk.context_limits())? })
    }

    /// Judges an answer that a model wrote whole. `None`: there is no such answer, the judge failed, or it wrote something else than a number.
    pub async fn judge(&self, answer: &Answer<'_>) -> Option<u8> {
        if !answer.verdict.whole || !answer.verdict.by_model {
            return None;
        }
        let prompt = prompt(answer);
        let context = CallContext { task: Task::Check, deadline: Instant::now() + TIMEOUT, spenders: Vec::new() };
        let make = |_| ready(Ok::<_, ModelError>((prompt.clone(), ())));
        let (mut judging, ()) = self.models.ask(&context, make).await.ok()?;
        let mut text = String::new();
        while text.len() <= MAX_ANSWER_BYTES {
            match judging.next().await.ok()? {
                Delta::Text(piece) => text.push_str(&piece),
                Delta::End { ending: Ending::Done, .. } => return grade(&text),
                Delta::End { ending: Ending::Truncated, .. } => return None,
            }
        }
        None
    }
}

fn prompt(answer: &Answer<'_>) -> Prompt {
    let case = answer.case;
    let fence = format!("===case-{}", Uuid::new_v4().simple());
    let messages: String = case
        .messages
        .iter()
        .map(|message| format!("{}: {}\n", message.author.as_str_name().trim_start_matches("AUTHOR_"), message.text))
        .collect();
    let asked = match &case.asked {
        Asked::Draft { instruction } if instruction.is_empty() => "A draft of the reply to the customer.".to_owned(),
        Asked::Draft { instruction } => format!("A draft of the reply to the customer. The agent wants: {instruction}"),
        Asked::Correct { text } => format!("This text with its spelling and grammar corrected, and nothing else changed:\n{text}"),
        Asked::Retone { text, tone } => {
            let tone = tone.as_str_name().trim_start_matches("TONE_").to_lowercase();
            format!("This text in another tone ({tone}) that says the same:\n{text}")
        }
        Asked::Translate { text, target } => format!("This text in {}:\n{text}", target.english_name()),
        Asked::Summarize => format!("A summary of the chat for a colleague, in {}.", case.language.english_name()),
    };
    let must: String = case.must.iter().map(|alternatives| format!("- {}\n", alternatives.join(" / "))).collect();
    let must_not: String = case.must_not.iter().map(|text| format!("- {text}\n")).collect();
    let text = answer.finished().map_or("", |finished| &finished.text);
    let user = format!(
        "{fence}\nThe last messages:\n{messages}\nWhat was asked:\n{asked}\n\nWhat makes it good:\n{}\n\nIt must say, each in any of these wordings or \
         another:\n{must}\nIt must not say:\n{must_not}\nThe reply:\n{text}\n{fence}\n\nWrite the number.",
        case.why
    );
    Prompt { system: SYSTEM.trim().replace("{fence}", &fence), user, answer_tokens: None }
}

/// Reads a judgement: a number from 1 to 5 and nothing else.
fn grade(text: &str) -> Option<u8> {
    match text.trim() {
        "1" => Some(1),
        "2" => Some(2),
        "3" => Some(3),
        "4" => Some(4),
        "5" => Some(5),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_number_from_one_to_five_is_a_judgement() {
        assert_eq!(["1", " 5\n", "3"].map(grade), [Some(1), Some(5), Some(3)]);
        for other in ["", "0", "6", "4.5", "5/5", "4 because it is short", "five", "45"] {
            assert_eq!(grade(other), None, "{other}");
        }
    }
}
