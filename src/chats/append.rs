//! Appends queued events: validates and writes a batch as one transaction.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use jiff::Timestamp;
use tokio::{sync::oneshot, task::spawn_blocking};

use crate::{
    chats::{
        Languages, MAX_READ_BYTES, OnRedaction, Redacted,
        change_rows::{self, NewChange, Owner},
        chat_rows::{self, Changed, ChatKey},
        code_rows,
        error::ChatError,
        event::{Author, Event, EventBody, Message, NewEvent},
        event_page_rows,
        event_rows::{self, KnownEvents, NewRow},
        fold::Summary,
        learning_rows,
        newly_said::NewlySaid,
        of_workspace, promise_rows, running_summary_rows,
        said::Said,
        watch::Feeds,
        word_rows::{self, WordKey, message_words},
    },
    failpoint::failpoint,
    ids::Id,
    store::{Store, StoreError, Write},
    text::Language,
};

/// Attempts at a batch that conflicts with another replica's write.
const ATTEMPTS: usize = 4;

/// A call's events, and the channel of its answer.
pub struct Append {
    pub key: ChatKey,
    pub events: Vec<Prepared>,
    pub answer: oneshot::Sender<Result<Appended, ChatError>>,
}

/// What was appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The number of the chat's last event, after the call.
    pub last_sequence: i64,
    /// How many events of the call were new.
    pub appended: usize,
    /// How many were there already with the same content.
    pub duplicates: usize,
}

/// An event with what can be prepared before it is written.
#[derive(Debug, Clone)]
pub struct Prepared {
    event: NewEvent,
    json: String,
    words: BTreeSet<String>,
    said: Said,
}

impl Prepared {
    pub fn new(event: NewEvent, languages: &[Language]) -> Result<Prepared, ChatError> {
        let json = serde_json::to_string(&event.body)?;
        let words = match &event.body {
            EventBody::Message(message) => words_of_message(message, languages),
            _ => BTreeSet::new(),
        };
        let said = Said::of(&event.body, languages);
        Ok(Prepared { event, json, words, said })
    }

    /// Returns its approximate size in the queue.
    pub fn bytes(&self) -> usize {
        2 * self.json.len() + self.words.iter().map(|word| word.len() + 64).sum::<usize>() + self.said.bytes() + 256
    }
}

/// What writing a batch needs.
pub struct AppendContext {
    pub store: Store,
    pub counts: Arc<LogCounts>,
    pub languages: Arc<Languages>,
    pub on_redaction: OnRedaction,
    pub feeds: Arc<Feeds>,
}

/// Counters of the log since the start, for monitoring.
#[derive(Debug, Default)]
pub struct LogCounts {
    /// Transactions that were committed; each holds the events of one or more calls.
    pub commits: std::sync::atomic::AtomicU64,
    /// Events that were written, duplicates not counted.
    pub events: std::sync::atomic::AtomicU64,
}

/// Writes a batch, answers its calls, and removes them. If it fails in a way that may be one call's fault, the calls are left to be retried
/// one by one, so that none fails because of another.
pub async fn commit(context: &AppendContext, batch: &mut Vec<Append>) {
    let mut attempts_left = ATTEMPTS;
    let error = loop {
        attempts_left -= 1;
        match write(context, batch).await {
            Ok(answers) => {
                for (append, answer) in batch.drain(..).zip(answers) {
                    // A caller that hung up needs no answer.
                    let _ = append.answer.send(answer);
                }
                return;
            }
            Err(ChatError::Store(error)) if attempts_left > 0 && error.is_retried_at_once() => {}
            Err(error) => break error,
        }
    };
    let last = match &error {
        // A failure of the disk or the server affects all calls alike.
        ChatError::Store(all) if !all.is_of_one_call() => {
            let last = batch.pop();
            for append in batch.drain(..) {
                let _ = append.answer.send(Err(all.alike().into()));
            }
            last
        }
        _ if batch.len() > 1 => return,
        _ => batch.pop(),
    };
    if let Some(append) = last {
        let _ = append.answer.send(Err(error));
    }
}

/// A chat's pending changes while a batch is validated.
struct ChatUpdate<'a> {
    number: i64,
    before: Option<Summary>,
    summary: Summary,
    known: HashMap<String, KnownEvents>,
    new: Vec<NewRow<'a>>,
    redactions: Vec<String>,
    /// Whether the summary must be refolded: an event came late or was redacted.
    refold: bool,
}

impl ChatUpdate<'_> {
    fn newly_said<'b>(&'b self, key: &'b ChatKey) -> NewlySaid<'b> {
        let (ChatUpdate { number, before, summary, new, redactions, .. }, workspace) = (self, key.workspace.as_str());
        NewlySaid { workspace, number: *number, before: before.as_ref(), summary, new, redactions }
    }

    /// What those who watch are told; `None` without a new event.
    fn change<'b>(&self, key: &'b ChatKey) -> Option<NewChange<'b>> {
        let (first, last) = (self.new.first()?.event.sequence, self.new.last()?.event.sequence);
        let bytes: usize = self.new.iter().map(|kept| kept.json.len()).sum();
        Some(NewChange {
            workspace: &key.workspace,
            chat: self.number,
            sequences: (first, last),
            bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
            before: self.before.as_ref().map(Owner::of).unwrap_or_default(),
            after: Owner::of(&self.summary),
            erased: String::new(),
        })
    }
}

async fn write(context: &AppendContext, batch: &[Append]) -> Result<Vec<Result<Appended, ChatError>>, ChatError> {
    let AppendContext { store, counts, languages, on_redaction, feeds } = context;
    let mut write = store.begin().await?;
    let mut updates = read_drafts(&mut write, batch).await?;
    let now = Timestamp::now();
    let mut answers = Vec::with_capacity(batch.len());
    for append in batch {
        failpoint("write", &append.key.chat_id);
        let update = updates.get_mut(&append.key).expect("every call's chat was locked");
        answers.push(validate(update, &append.events, now));
    }

    let rows: Vec<(i64, &NewRow)> = updates.values().flat_map(|update| update.new.iter().map(|kept| (update.number, kept))).collect();
    let appended = rows.len();
    event_rows::insert(&mut write, &rows).await?;
    let named: Vec<(&ChatKey, i64, &Event)> =
        updates.iter().flat_map(|(key, update)| update.new.iter().map(|kept| (*key, update.number, &kept.event))).collect();
    chat_rows::insert_customers(&mut write, &named).await?;
    for (key, update) in updates.iter_mut().filter(|(_, update)| update.refold) {
        for event_id in &update.redactions {
            let text = event_rows::wipe(&mut write, update.number, event_id).await?;
            if let Some(text) = text {
                let ChatKey { workspace, chat_id } = key;
                on_redaction(&mut write, Redacted { workspace, chat_id, text: text.trim() }).await?;
                learning_rows::unteach(&mut write, update.number).await?;
                running_summary_rows::delete(&mut write, update.number).await?;
            }
        }
        refold(&mut write, update).await?;
    }
    write_words(&mut write, languages, &updates).await?;
    let changed: Vec<Changed> = updates
        .iter()
        .filter(|(_, update)| !update.new.is_empty())
        .map(|(key, update)| Changed { key, number: update.number, before: update.before.as_ref(), summary: &update.summary })
        .collect();
    chat_rows::store(&mut write, &changed).await?;
    let said: Vec<NewlySaid> =
        updates.iter().filter(|(_, update)| !update.new.is_empty()).map(|(key, update)| update.newly_said(key)).collect();
    promise_rows::store_said(&mut write, languages, &said).await?;
    code_rows::store_said(&mut write, &said).await?;
    let written_to = |update: &&ChatUpdate| update.new.iter().any(|kept| is_from_agent(&kept.event.body));
    let teaching: Vec<i64> = updates.values().filter(written_to).map(|update| update.number).collect();
    learning_rows::teach(&mut write, &teaching).await?;
    let refused: Vec<i64> =
        updates.values().filter(|update| update.before.is_none() && update.new.is_empty()).map(|update| update.number).collect();
    chat_rows::drop_empty(&mut write, &refused).await?;
    let wiped = updates.values().any(|update| !update.redactions.is_empty());
    if wiped {
        store.mark_wipe(&mut write).await?;
    }
    let changes: Vec<NewChange> = updates.iter().filter_map(|(key, update)| update.change(key)).collect();
    if !changes.is_empty() {
        write.tell_of_chats(store.chat_news().sender()).await?;
    }
    change_rows::record(&mut write, &changes).await?;
    write.commit().await?;
    counts.add(appended);
    feeds.committed(wiped);
    if wiped {
        // The answer does not wait for it: the row no longer has the text.
        drop(store.wipe());
    }
    Ok(answers)
}

fn is_from_agent(body: &EventBody) -> bool {
    matches!(body, EventBody::Message(message) if message.author == Author::Agent)
}

/// Locks the batch's chats, and reads which of its events are known.
async fn read_drafts<'a>(write: &mut Write, batch: &'a [Append]) -> Result<BTreeMap<&'a ChatKey, ChatUpdate<'a>>, ChatError> {
    let keys: BTreeSet<&ChatKey> = batch.iter().map(|append| &append.key).collect();
    let keys: Vec<&ChatKey> = keys.into_iter().collect();
    let mut locked = chat_rows::lock(write, &keys).await?;
    let mut updates = BTreeMap::new();
    for key in keys {
        let row = locked.remove(key).ok_or_else(|| StoreError::malformed("chat"))?;
        let summary = row.summary.clone().unwrap_or_default();
        let update = ChatUpdate {
            number: row.number,
            before: row.summary,
            summary,
            known: HashMap::new(),
            new: Vec::new(),
            redactions: Vec::new(),
            refold: false,
        };
        updates.insert(key, update);
    }
    // A new chat has no events yet.
    let mut ids: Vec<(i64, &str)> = Vec::new();
    for append in batch {
        if let Some(update) = updates.get(&append.key).filter(|update| update.before.is_some()) {
            for Prepared { event, .. } in &append.events {
                ids.push((update.number, event.event_id.as_str()));
                if let EventBody::Redaction { event_id } = &event.body {
                    ids.push((update.number, event_id.as_str()));
                }
            }
        }
    }
    let mut by_number: HashMap<i64, Vec<(String, KnownEvents)>> = HashMap::new();
    for (number, event_id, known) in event_rows::known(write, &ids).await? {
        by_number.entry(number).or_default().push((event_id, known));
    }
    for update in updates.values_mut() {
        update.known.extend(by_number.remove(&update.number).unwrap_or_default());
    }
    Ok(updates)
}

/// Refolds a chat's summary from all its events.
async fn refold(write: &mut Write, update: &mut ChatUpdate<'_>) -> Result<(), ChatError> {
    let mut events = event_page_rows::bare_of_locked(write, update.number).await?;
    events.sort_by_key(|event| (event.at, event.sequence));
    let mut summary = Summary { bytes: update.summary.bytes, ..Summary::default() };
    for event in &events {
        summary.apply(event);
    }
    update.summary = summary;
    Ok(())
}

/// Updates the archive's words: adds those of new messages; rewrites those of a chat that was redacted.
async fn write_words(write: &mut Write, languages: &Languages, updates: &BTreeMap<&ChatKey, ChatUpdate<'_>>) -> Result<(), ChatError> {
    let written = |update: &&ChatUpdate| update.new.iter().any(|kept| !kept.words.is_empty()) || !update.redactions.is_empty();
    let existing: Vec<i64> =
        updates.values().filter(written).filter(|update| update.before.is_some()).map(|update| update.number).collect();
    let mut known = word_rows::of_chats(write, &existing).await?;
    for (key, update) in updates.iter().filter(|(_, update)| written(update)) {
        let mut known = known.remove(&update.number).unwrap_or_default();
        let key_of = |word: &String| WordKey::of(&key.workspace, word);
        let words: BTreeSet<WordKey> = if update.redactions.is_empty() {
            update.new.iter().flat_map(|kept| kept.words).map(key_of).collect()
        } else {
            word_rows::delete(write, update.number, &std::mem::take(&mut known)).await?;
            // The oldest messages of a chat beyond the read limit are no longer found by their words.
            let events = event_page_rows::recent_of_locked(write, update.number, MAX_READ_BYTES).await?;
            let expected = of_workspace(languages, &key.workspace).to_vec();
            let words = spawn_blocking(move || words_of(&events, &expected)).await.map_err(|_| StoreError::Busy)?;
            words.iter().map(key_of).collect()
        };
        word_rows::add(write, update.number, &known, words).await?;
    }
    Ok(())
}

/// Returns the words of a chat's messages.
fn words_of(events: &[Event], expected: &[Language]) -> BTreeSet<String> {
    let messages = events.iter().filter_map(|event| match &event.body {
        EventBody::Message(message) => Some(message),
        _ => None,
    });
    messages.flat_map(|message| words_of_message(message, expected)).collect()
}

/// Returns the words of a message and of its files.
fn words_of_message(message: &Message, expected: &[Language]) -> BTreeSet<String> {
    message.contents().flat_map(|text| message_words(text, message.language.as_ref(), expected)).collect()
}

/// Validates one call against its chat: all of its events are accepted, or none.
fn validate<'a>(update: &mut ChatUpdate<'a>, events: &'a [Prepared], now: Timestamp) -> Result<Appended, ChatError> {
    let mut summary = update.summary.clone();
    let mut new: Vec<NewRow> = Vec::new();
    let mut in_call: HashMap<&str, KnownEvents> = HashMap::new();
    let mut redactions = Vec::new();
    let mut refold = update.refold;
    let mut duplicates = 0;
    for prepared in events {
        let Prepared { event, json, .. } = prepared;
        let event_id = event.event_id.as_str();
        if let Some(known) = in_call.get(event_id).or_else(|| update.known.get(event_id)) {
            if !known.is(&event.body, event.at) {
                return Err(ChatError::EventExists(event_id.to_owned()));
            }
            duplicates += 1;
            continue;
        }
        summary.bytes += json.len() as i64;
        if summary.last_sequence >= crate::chats::MAX_EVENTS || summary.bytes > crate::chats::MAX_BYTES {
            return Err(ChatError::Full);
        }
        match &event.body {
            EventBody::Resolved if summary.topic.is_empty() => return Err(ChatError::TopicMissing),
            EventBody::Redaction { event_id } => {
                match in_call.get(event_id.as_str()).or_else(|| update.known.get(event_id.as_str())) {
                    None => return Err(ChatError::EventNotFound(event_id.to_string())),
                    Some(known) if known.is_redaction() => return Err(ChatError::NotRedactable(event_id.to_string())),
                    Some(known) => {
                        if known.is_topic(&summary.topic) {
                            // A later `resolved` in the same batch needs another topic.
                            summary.topic.clear();
                        }
                        redactions.push(event_id.to_string());
                    }
                }
                refold = true;
            }
            _ => {}
        }
        let at = event.at.unwrap_or(now);
        refold |= summary.last_sequence > 0 && at < summary.updated_at && summary.depends_on_order(&event.body);
        let kept = kept(prepared, at, summary.last_sequence + 1);
        summary.apply(&kept.event);
        in_call.insert(event_id, KnownEvents::of(&kept));
        new.push(kept);
    }
    let appended = Appended { last_sequence: summary.last_sequence, appended: new.len(), duplicates };
    update.known.extend(in_call.into_iter().map(|(event_id, known)| (event_id.to_owned(), known)));
    update.summary = summary;
    update.new.extend(new);
    update.redactions.extend(redactions);
    update.refold = refold;
    Ok(appended)
}

fn kept<'a>(prepared: &'a Prepared, at: Timestamp, sequence: i64) -> NewRow<'a> {
    let Prepared { event: NewEvent { event_id, at: given, body }, json, words, said } = prepared;
    let event: Event = Event { event_id: Id::clone(event_id), at, sequence, redacted: false, body: body.clone() };
    NewRow { event, at_given: given.is_some(), json, words, said }
}

impl LogCounts {
    fn add(&self, events: usize) {
        use std::sync::atomic::Ordering::Relaxed;
        self.commits.fetch_add(1, Relaxed);
        self.events.fetch_add(events as u64, Relaxed);
    }
}
