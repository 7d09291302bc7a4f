//! The choice of a draft's first source: a model may say which of the documents that were found answers the chat.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use minijinja::{Value, context};
use tokio::time::timeout_at;

use crate::{
    chats::Author,
    config::Task,
    model::{Answer, Delta, ModelError, Prompt},
    replies::{
        Desk,
        draft::{Draft, Prepared},
        error::ReplyError,
        masking::{Masker, chats_of},
        prompts::fence,
    },
    text::{on_one_line, quoted, quoted_behind},
};

/// The latest messages that a model chooses by, bots' left out, and most characters of each.
const LAST_MESSAGES: usize = 6;
const MAX_MESSAGE_CHARACTERS: usize = 600;
/// Most characters of a document's best passage.
const MAX_PASSAGE_CHARACTERS: usize = 300;
/// Tokens of a short prompt for the choice.
const PROMPT_TOKENS: usize = 400;
/// A longer answer is no number.
const MAX_ANSWER_BYTES: usize = 16;

impl Desk {
    /// Puts the document that a model chooses before the other sources. The ranking stands if it chooses none, if there is nothing to
    /// choose, or without a valid answer within `choose_timeout`; a failure of it never fails the draft.
    pub(super) async fn with_chosen_source_first(&self, draft: &Arc<Draft>, prepared: Prepared) -> Arc<Prepared> {
        let mut prepared = Arc::new(prepared);
        if let Some(index) = self.chosen_source(draft, &prepared).await
            && let Some(prepared) = Arc::get_mut(&mut prepared)
        {
            tracing::debug!(rank = index + 1, "a model chose the first source");
            prepared.offers.put_first(index);
        }
        prepared
    }

    /// Returns the index of the chosen document.
    async fn chosen_source(&self, draft: &Arc<Draft>, prepared: &Arc<Prepared>) -> Option<usize> {
        let Prepared { chat, offers, .. } = &**prepared;
        let candidates = offers.found.len();
        let has_question = !draft.instruction.is_empty() || !chat.turns_with_customer().is_empty();
        let time: Duration = self.settings.choose_timeout;
        // A model that reads too slowly would only delay the draft.
        let is_slow = self.models.first_token_time(Task::Choose, PROMPT_TOKENS).is_some_and(|takes| takes > time);
        if time.is_zero() || candidates < 2 || !has_question || is_slow {
            return None;
        }
        let until = (Instant::now() + time).min(draft.caller.deadline);
        // The call has the draft's own deadline: that the draft goes on without it is no fault of the model.
        let context = self.call_context(Task::Choose, &draft.caller);
        let make = |_| {
            let (desk, draft, prepared) = (self.clone(), Arc::clone(draft), Arc::clone(prepared));
            let bytes = prepared.bytes();
            self.chats.workers().work_on(bytes, move || desk.choice_prompt(&draft, &prepared).map(|prompt| (prompt, ())))
        };
        let answer = async {
            let (answer, ()) = self.models.ask(&context, make).await?;
            Ok::<_, ReplyError>(short_text(answer).await?)
        };
        let text = timeout_at(until.into(), answer).await.ok()?.ok()?;
        index(&text, candidates)
    }

    /// Builds the prompt, masked like the draft's own.
    fn choice_prompt(&self, draft: &Draft, prepared: &Prepared) -> Result<Prompt, ReplyError> {
        let Prepared { chat, earlier, customer_language, offers, .. } = prepared;
        let mut masker = Masker::of(&self.settings.personal_data, chats_of(chat, earlier), customer_language).keeping(&self.found_facts);
        let turns = chat.turns_with_customer().iter().rev().filter(|turn| turn.message.author != Author::Bot).take(LAST_MESSAGES);
        let mut lines: Vec<Value> = turns
            .map(|turn| {
                let author = if turn.message.author == Author::Customer { "customer" } else { "agent" };
                let text = turn.message.contents().collect::<Vec<&str>>().join("\n");
                context! { author, text => quoted_behind(&beginning(&masker.mask(&text), MAX_MESSAGE_CHARACTERS)) }
            })
            .collect();
        lines.reverse();
        let candidates: Vec<Value> = (offers.found.iter())
            .map(|offer| {
                let title = on_one_line(&masker.mask_source(&offer.document.title)).into_owned();
                let passage = beginning(&masker.mask_source(&offer.passage()), MAX_PASSAGE_CHARACTERS);
                context! { title, text => quoted(&passage) }
            })
            .collect();
        let instruction = on_one_line(&masker.mask(&draft.instruction)).into_owned();
        Ok(self.prompts.both(Task::Choose, context! { fence => fence(), candidates, lines, instruction })?)
    }
}

fn beginning(text: &str, max_characters: usize) -> String {
    text.chars().take(max_characters).collect()
}

/// Reads an answer to its end, or until it is longer than any number.
async fn short_text(mut answer: Answer) -> Result<String, ModelError> {
    let mut text = String::new();
    while text.trim().len() <= MAX_ANSWER_BYTES {
        match answer.next().await? {
            Delta::Text(piece) => text.push_str(&piece),
            Delta::End { .. } => break,
        }
    }
    Ok(text)
}

/// Returns the index of the document that an answer names by its number, from 1; `None` for 0 and for anything but one of the numbers.
fn index(answer: &str, candidates: usize) -> Option<usize> {
    let answer = answer.trim();
    let number: usize = answer.bytes().all(|byte| byte.is_ascii_digit()).then(|| answer.parse().ok())??;
    number.checked_sub(1).filter(|index| *index < candidates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_number_of_a_candidate_chooses() {
        assert_eq!([" 1\n", "3", "8"].map(|answer| index(answer, 8)), [Some(0), Some(2), Some(7)]);
        for answer in ["0", "", "9", "99", "-1", "+1", "1.", "[[1]]", "1 2", "Text 1", "①", "99999999999999999999999"] {
            assert_eq!(index(answer, 8), None, "{answer}");
        }
    }
}
