//! The running summary of a long chat: what a model notes, in the background, of the messages that its prompts have no room for. It is folded
//! forward: a call gets the notes so far and the messages that follow them. Prompts show it as a model's word, and no check takes it as proof.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use minijinja::{Value, context, value::Serde};
use tokio::{sync::Notify, time::sleep_until};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    chats::{Author, Chat, ChatLine, RunningSummary, Turn},
    config::Task,
    facts::Marks,
    ids::Id,
    model::Prompt,
    replies::{
        Caller, Desk,
        checks::{DraftedFrom, Evidence, leaks::LeakCheck},
        error::ReplyError,
        masking::Masker,
        stream::{AnswerStream, drain, exit::Exit, filter::OutputFilter},
    },
    task,
    text::{Language, estimate_tokens, on_one_line, quoted_behind},
};

/// A shorter chat is not asked for its running summary: it is shown whole.
const MIN_MESSAGES: usize = 20;
/// Tokens of new messages from which a call is worth it, and most that one call gets.
const MIN_NEW_TOKENS: usize = 400;
const MAX_NEW_TOKENS: usize = 2500;
/// Longest part of one message, in characters.
const MAX_MESSAGE_CHARS: usize = 1500;
/// Most lines of a summary, characters of one, and tokens of all.
const MAX_LINES: usize = 16;
const MAX_LINE_CHARS: usize = 240;
const MAX_TOKENS: usize = 400;
/// Most calls in a row for one chat; the rest follows after its next draft.
const MAX_CALLS: usize = 8;
/// Longest time for one call.
const TIMEOUT: Duration = Duration::from_secs(120);
/// Most chats that wait. Of others, the next draft brings it up again.
const MAX_WAITING: usize = 1000;
/// A chat that did not go on since its draft is looked at again after twice the time, up to this.
const MAX_WAIT: Duration = Duration::from_secs(1200);

/// Chats whose running summary may have to be brought up to date.
#[derive(Clone, Default)]
pub struct ChatsToSummarize {
    waiting: Arc<Mutex<HashMap<Id, Waiting>>>,
    changed: Arc<Notify>,
}

/// A chat after a draft whose prompt shows its older messages in part at most.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Waiting {
    /// The event of the last of those messages.
    through: String,
    /// The chat's last event at the draft: one that did not go on needs no summary.
    last_sequence: i64,
    due: Instant,
    /// The time that it waits.
    wait: Duration,
}

impl ChatsToSummarize {
    fn waiting(&self) -> MutexGuard<'_, HashMap<Id, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, chat_id: &Id, chat: Waiting) {
        let mut waiting = self.waiting();
        if waiting.len() < MAX_WAITING || waiting.contains_key(chat_id) {
            waiting.insert(chat_id.clone(), chat);
            self.changed.notify_one();
        }
    }

    /// Lets a chat that did not go on wait again, unless it has a new draft.
    fn push_again(&self, chat_id: &Id, chat: Waiting) {
        let wait = 2 * chat.wait;
        if wait <= MAX_WAIT && !self.waiting().contains_key(chat_id) {
            self.push(chat_id, Waiting { due: Instant::now() + wait, wait, ..chat });
        }
    }

    /// Waits for the next chat that is due.
    async fn next(&self) -> (Id, Waiting) {
        loop {
            let first = self.waiting().iter().min_by_key(|(_, chat)| chat.due).map(|(chat_id, chat)| (chat_id.clone(), chat.due));
            match first {
                None => self.changed.notified().await,
                Some((chat_id, due)) if due <= Instant::now() => {
                    if let Some(chat) = self.waiting().remove(&chat_id) {
                        return (chat_id, chat);
                    }
                }
                Some((_, due)) => tokio::select! {
                    () = self.changed.notified() => {}
                    () = sleep_until(due.into()) => {}
                },
            }
        }
    }
}

/// A prompt of a running summary, with what is needed to read its answer.
struct Fold {
    prompt: Prompt,
    marks: Arc<Marks>,
    /// The last message that it has, and how many it has.
    event_id: String,
    messages: usize,
}

impl Desk {
    /// Returns the running summary of a long chat.
    pub(in crate::replies) async fn running_summary(&self, chat: &Chat) -> Result<Option<RunningSummary>, ReplyError> {
        if chat.turns.len() < MIN_MESSAGES {
            return Ok(None);
        }
        Ok(self.chats.running_summary(chat).await?)
    }

    /// Notes that a draft's prompt shows these first messages of a chat in part at most. A chat that goes on waits anew.
    pub(in crate::replies) fn summarize_later(&self, chat_id: &Id, chat: &Chat, older: &[Turn]) {
        let wait = self.settings.running_summary_after;
        if let Some(last) = older.last().filter(|_| !wait.is_zero()) {
            let (through, last_sequence) = (last.event_id.clone(), chat.summary.last_sequence);
            self.to_summarize.push(chat_id, Waiting { through, last_sequence, due: Instant::now() + wait, wait });
        }
    }

    /// Starts to keep running summaries. Stops when the handle is dropped.
    pub fn keep_running_summaries(&self) -> AbortOnDropHandle<()> {
        let desk = self.clone();
        task::supervised("running summaries", move || {
            let desk = desk.clone();
            async move {
                loop {
                    let (chat_id, waiting) = desk.to_summarize.next().await;
                    if let Err(error) = desk.bring_up_to_date(&chat_id, waiting).await {
                        tracing::debug!(error = %error, "a running summary was not brought up to date; the next draft of its chat tries again");
                    }
                }
            }
        })
    }

    /// Folds older messages of a chat that went on into its running summary, in as many calls as they need.
    async fn bring_up_to_date(&self, chat_id: &Id, waiting: Waiting) -> Result<(), ReplyError> {
        for _ in 0..MAX_CALLS {
            let chat = Arc::new(self.chats.chat(chat_id).await?);
            if chat.summary.last_sequence <= waiting.last_sequence {
                self.to_summarize.push_again(chat_id, waiting);
                return Ok(());
            }
            let so_far = self.chats.running_summary(&chat).await?.unwrap_or_default();
            let language = self.customer_language(&chat);
            let (desk, of_chat, notes, until) = (self.clone(), Arc::clone(&chat), so_far.clone(), waiting.through.clone());
            let its_language = language.clone();
            let work = move || desk.fold(&of_chat, &notes, &until, &its_language);
            let Some(fold) = self.chats.workers().work(work).await? else { return Ok(()) };
            if self.is_slow_for(&fold.prompt) {
                return Ok(());
            }
            let Some(text) = self.folded(&chat, &fold, &language).await? else { return Ok(()) };
            let summary = RunningSummary { text, event_id: fold.event_id, messages: so_far.messages + fold.messages };
            if !self.chats.store_running_summary(&chat, &summary).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Returns whether the model would read this prompt for so long that agents wait for it.
    fn is_slow_for(&self, prompt: &Prompt) -> bool {
        let tokens = estimate_tokens(&prompt.system) + estimate_tokens(&prompt.user);
        let goal = self.settings.first_token_goal;
        !goal.is_zero() && self.models.first_token_time(Task::RunningSummary, tokens).is_some_and(|time| time > goal)
    }

    /// Builds the next prompt; `None` if too little is new.
    fn fold(&self, chat: &Chat, so_far: &RunningSummary, through: &str, language: &Language) -> Result<Option<Fold>, ReplyError> {
        let place = |event_id: &str| chat.turns.iter().position(|turn| turn.event_id == event_id);
        let Some(end) = place(through) else { return Ok(None) };
        // Notes on messages that are no longer read stay.
        let from = place(&so_far.event_id).map_or(0, |last| last + 1).max(chat.turns_before_customer);
        let mut tokens = 0;
        let mut turns: Vec<&Turn> = Vec::new();
        for turn in chat.turns.iter().take(end + 1).skip(from) {
            tokens += estimate_tokens(&turn.message.text).min(MAX_MESSAGE_CHARS) + 4;
            if tokens > MAX_NEW_TOKENS && !turns.is_empty() {
                break;
            }
            turns.push(turn);
        }
        let Some(last) = turns.last().filter(|_| tokens >= MIN_NEW_TOKENS) else { return Ok(None) };
        let (event_id, messages) = (last.event_id.clone(), turns.len());
        let mut masker = Masker::of(&self.settings.personal_data, std::iter::once(chat), language);
        // Notes have parts of addresses.
        chat.turns[..from].iter().filter(|_| !so_far.text.is_empty()).for_each(|turn| masker.know_addresses_in(&turn.message.text));
        let notes: Vec<String> = so_far.text.lines().map(|line| on_one_line(&masker.mask(line)).into_owned()).collect();
        let lines: Vec<ChatLine> = turns.into_iter().map(|turn| self.line(turn, &mut masker)).collect();
        let (_, marks) = masker.marks();
        let values = context! {
            language => language.english_name(),
            fence => self.prompts.fence(&chat.chat_id),
            lines_limit => MAX_LINES,
            marks => !marks.all().is_empty(),
            running_summary => notes,
            lines => Value::from(Serde(&lines)),
        };
        let prompt = Prompt { answer_tokens: Some(MAX_TOKENS + MAX_TOKENS / 2), ..self.prompts.both(Task::RunningSummary, values)? };
        Ok(Some(Fold { prompt, marks, event_id, messages }))
    }

    fn line(&self, turn: &Turn, masker: &mut Masker<'_>) -> ChatLine {
        let author = match turn.message.author {
            Author::Customer => "customer",
            Author::Agent => "agent",
            Author::Bot => "bot",
        };
        // Masked whole: a part of an address is not known as one.
        let text: String = masker.mask(&turn.message.text).chars().take(MAX_MESSAGE_CHARS).collect();
        ChatLine {
            author,
            name: on_one_line(&masker.mask(&turn.message.author_name)).into_owned(),
            text: quoted_behind(&text),
            attached: Vec::new(),
            quoted: String::new(),
            signature: String::new(),
            left_out: 0,
            day: turn.at.to_zoned(self.settings.time_zone.clone()).strftime("%A, %Y-%m-%d").to_string(),
        }
    }

    /// Asks for the notes, and returns those lines of them that the chat bears out; `None` if none is left.
    async fn folded(&self, chat: &Arc<Chat>, fold: &Fold, language: &Language) -> Result<Option<String>, ReplyError> {
        let started = Instant::now();
        let context = self.call_context(Task::RunningSummary, &Caller::until(started + TIMEOUT));
        let (answer, ()) = self.models.ask(&context, |_| std::future::ready(Ok::<_, ReplyError>((fold.prompt.clone(), ())))).await?;
        let filter = OutputFilter::new(0, Arc::clone(&fold.marks), language.primary());
        let (generated, filtered) = drain(AnswerStream::new(answer, filter, started)).await?;
        let exit = Exit { original: String::new(), channel: None, secrets: LeakCheck::of(&self.instructions, &[], &[]) };
        let (chat, language, languages) = (Arc::clone(chat), language.clone(), self.settings.languages.clone());
        let kept = move || {
            let passed = exit.pass(generated, &filtered);
            let from = DraftedFrom {
                chat: &chat,
                earlier: &[],
                agent_name: "",
                instruction: "",
                previous_draft: "",
                sources: &[],
                voice: "",
                form_of_address: None,
                now: Timestamp::now(),
            };
            let checked = Evidence::of_summary(&from, &language, &languages).check_summary(&passed.text);
            let wrong: Vec<&str> = passed
                .warnings
                .iter()
                .chain(&checked.warnings)
                .map(|warning| warning.excerpt.as_str())
                .filter(|excerpt| !excerpt.is_empty())
                .collect();
            notes(&checked.text, &wrong)
        };
        let text = task::blocking("checking a running summary", kept).await?;
        Ok((!text.is_empty()).then_some(text))
    }
}

/// Returns the statements of an answer, one a line: those that have nothing wrong in them, as far as the bounds of a summary go.
fn notes(answer: &str, wrong: &[&str]) -> String {
    let mut tokens = 0;
    let statements = answer.lines().filter_map(|line| {
        let statement = line.trim().strip_prefix(['-', '*', '•'])?.trim();
        let is_one = !statement.is_empty()
            && statement.chars().count() <= MAX_LINE_CHARS
            && !wrong.iter().any(|excerpt| statement.contains(excerpt));
        is_one.then_some(statement)
    });
    let fits = |statement: &&str| {
        tokens += estimate_tokens(statement) + 4;
        tokens <= MAX_TOKENS
    };
    statements.take(MAX_LINES).take_while(fits).collect::<Vec<&str>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_statements_that_nothing_is_wrong_with_are_kept() {
        let answer = "Here are the notes:\n\n- The customer is allergic to wool.\n* Paid 49 EUR.\n-\n- Promised for 12 May.\nThat is all.";
        assert_eq!(notes(answer, &[]), "The customer is allergic to wool.\nPaid 49 EUR.\nPromised for 12 May.");
        assert_eq!(notes(answer, &["49 EUR"]), "The customer is allergic to wool.\nPromised for 12 May.");
        assert_eq!(notes("I can't help with that.", &[]), "");
    }

    #[test]
    fn notes_are_bounded() {
        let many: String = (0..1000).map(|number| format!("- note {number}\n")).collect();
        assert_eq!(notes(&many, &[]).lines().count(), MAX_LINES);
        assert_eq!(notes(&format!("- {}", "x".repeat(MAX_LINE_CHARS + 1)), &[]), "");
        let long: String = (0..16).map(|_| format!("- {}\n", "word ".repeat(45))).collect();
        assert!(estimate_tokens(&notes(&long, &[])) <= MAX_TOKENS);
    }

    #[tokio::test]
    async fn a_chat_that_goes_on_waits_anew() {
        let (chats, now) = (ChatsToSummarize::default(), Instant::now());
        let [one, other] = ["one", "other"].map(|id| Id::new(id).unwrap());
        let waiting = |through: &str, after: u64| {
            let wait = Duration::from_millis(after);
            Waiting { through: through.to_owned(), last_sequence: 7, due: now + wait, wait }
        };
        chats.push(&one, waiting("e1", 0));
        chats.push(&other, waiting("e2", 1));
        chats.push(&one, waiting("e3", 2));
        assert_eq!(chats.next().await, (other, waiting("e2", 1)));
        assert_eq!(chats.next().await, (one.clone(), waiting("e3", 2)));
        chats.push(&one, waiting("e5", 3));
        chats.push_again(&one, waiting("e4", 2));
        assert_eq!(chats.next().await.1, waiting("e5", 3), "the latest draft counts");
        chats.push_again(&one, Waiting { wait: MAX_WAIT, ..waiting("e5", 3) });
        assert!(chats.waiting().is_empty(), "not for ever");
    }
}
