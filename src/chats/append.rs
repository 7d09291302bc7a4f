//! Appends queued events: validates and writes a batch as one transaction.

use std::{
    borrow::Cow,
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
        event::{Author, EventBody},
        event_page_rows,
        event_rows::{self, KnownEvent, NewRow},
        fold::Summary,
        learning_rows,
        newly_said::NewlySaid,
        of_workspace,
        prepared::{Prepared, words_of_body},
        promise_rows, running_summary_rows,
        watch::Feeds,
        word_rows::{self, NewWords, WordKey},
    },
    failpoint::failpoint,
    store::{Store, StoreError, Write},
};

/// Attempts at a batch that conflicts with another replica's write.
const ATTEMPTS: usize = 4;

/// A call's events, and the channel of its answer.
pub struct Append {
    pub key: ChatKey,
    pub events: Vec<Prepared>,
    /// That of the chat, as a tag, if the events rate it; else empty.
    pub language: String,
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
    known: HashMap<Cow<'a, str>, KnownEvent<'a>>,
    new: Vec<NewRow<'a>>,
    redactions: Vec<String>,
    /// Whether the summary must be refolded: an event came late or was redacted.
    refold: bool,
    /// Whether there is something to learn from it: an agent wrote, or what was learned from was wiped.
    teaches: bool,
    /// Its language, if it was rated and its language is known; else empty.
    language: &'a str,
}

impl ChatUpdate<'_> {
    fn newly_said<'b>(&'b self, key: &'b ChatKey) -> NewlySaid<'b> {
        let (ChatUpdate { number, before, summary, new, redactions, .. }, workspace) = (self, key.workspace.as_str());
        NewlySaid { workspace, number: *number, before: before.as_ref(), summary, new, redactions }
    }

    /// What those who watch are told; `None` without a new event.
    fn change<'b>(&self, key: &'b ChatKey) -> Option<NewChange<'b>> {
        let (first, last) = (self.new.first()?.sequence, self.new.last()?.sequence);
        let bytes: usize = self.new.iter().map(|kept| kept.prepared.json.len()).sum();
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
        if !append.language.is_empty() {
            update.language = &append.language;
        }
        answers.push(validate(update, &append.events, now));
    }

    let rows: Vec<(i64, &NewRow)> = updates.values().flat_map(|update| update.new.iter().map(|kept| (update.number, kept))).collect();
    let appended = rows.len();
    event_rows::insert(&mut write, &rows).await?;
    let named: Vec<(&ChatKey, i64, &EventBody)> =
        updates.iter().flat_map(|(key, update)| update.new.iter().map(|kept| (*key, update.number, &kept.prepared.event.body))).collect();
    chat_rows::insert_customers(&mut write, &named).await?;
    for (key, update) in updates.iter_mut().filter(|(_, update)| update.refold) {
        for event_id in &update.redactions {
            let text = event_rows::wipe(&mut write, update.number, event_id).await?;
            if let Some(text) = text {
                let ChatKey { workspace, chat_id } = key;
                on_redaction(&mut write, Redacted { workspace, chat_id, text: text.trim() }).await?;
                learning_rows::unteach(&mut write, update.number).await?;
                update.teaches = true;
                running_summary_rows::delete(&mut write, update.number).await?;
            }
        }
        refold(&mut write, update).await?;
    }
    write_words(&mut write, languages, &updates).await?;
    let changed: Vec<Changed> = updates
        .iter()
        .filter(|(_, update)| !update.new.is_empty())
        .map(|(key, ChatUpdate { number, before, summary, teaches, language, .. })| Changed {
            key,
            number: *number,
            before: before.as_ref(),
            summary,
            teaches: *teaches,
            language,
        })
        .collect();
    chat_rows::store(&mut write, &changed).await?;
    let said: Vec<NewlySaid> =
        updates.iter().filter(|(_, update)| !update.new.is_empty()).map(|(key, update)| update.newly_said(key)).collect();
    promise_rows::store_said(&mut write, languages, &said).await?;
    code_rows::store_said(&mut write, &said).await?;
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

/// Locks those of the batch's chats that exist, and reads which of its events are known.
async fn read_drafts<'a>(write: &mut Write, batch: &'a [Append]) -> Result<BTreeMap<&'a ChatKey, ChatUpdate<'a>>, ChatError> {
    let keys: BTreeSet<&ChatKey> = batch.iter().map(|append| &append.key).collect();
    let keys: Vec<&ChatKey> = keys.into_iter().collect();
    let mut locked = chat_rows::lock(write, &keys).await?;
    let mut updates = BTreeMap::new();
    for key in keys {
        let (number, before) = locked.remove(key).map_or_else(|| (chat_rows::next_number(), None), |row| (row.number, Some(row.summary)));
        let update = ChatUpdate {
            number,
            summary: before.clone().unwrap_or_default(),
            before,
            known: HashMap::new(),
            new: Vec::new(),
            redactions: Vec::new(),
            refold: false,
            teaches: false,
            language: "",
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
    let mut by_number: HashMap<i64, Vec<(Cow<str>, KnownEvent)>> = HashMap::new();
    for (number, event_id, known) in event_rows::known(write, &ids).await? {
        by_number.entry(number).or_default().push((event_id.into(), known));
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
    let written = |update: &&ChatUpdate| update.new.iter().any(|kept| !kept.prepared.words.is_empty()) || !update.redactions.is_empty();
    let existing: Vec<i64> =
        updates.values().filter(written).filter(|update| update.before.is_some()).map(|update| update.number).collect();
    let known = word_rows::of_chats(write, &existing).await?;
    let (none, mut new) = (BTreeSet::new(), Vec::new());
    for (key, update) in updates.iter().filter(|(_, update)| written(update)) {
        let number = update.number;
        if update.redactions.is_empty() {
            let known = known.get(&number).unwrap_or(&none);
            let words = update.new.iter().flat_map(|kept| &kept.prepared.words).copied();
            new.push(NewWords { number, known, added: words.filter(|word| !known.contains(word)).collect() });
        } else {
            word_rows::delete(write, number, known.get(&number).unwrap_or(&none)).await?;
            // The oldest messages of a chat beyond the read limit are no longer found by their words.
            let events = event_page_rows::recent_of_locked(write, number, MAX_READ_BYTES).await?;
            let (workspace, expected) = (key.workspace.clone(), of_workspace(languages, &key.workspace).to_vec());
            let words =
                move || events.iter().flat_map(|event| words_of_body(&event.body, &workspace, &expected)).collect::<BTreeSet<WordKey>>();
            new.push(NewWords { number, known: &none, added: spawn_blocking(words).await.map_err(|_| StoreError::Busy)? });
        }
    }
    word_rows::add_all(write, &new).await
}

/// Validates one call against its chat: all of its events are accepted, or none.
fn validate<'a>(update: &mut ChatUpdate<'a>, events: &'a [Prepared], now: Timestamp) -> Result<Appended, ChatError> {
    let mut summary = update.summary.clone();
    let mut new: Vec<NewRow> = Vec::new();
    let mut in_call: HashMap<&str, KnownEvent> = HashMap::new();
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
        let kept = NewRow { sequence: summary.last_sequence + 1, at, prepared };
        summary.apply_body(kept.sequence, at, &event.body);
        in_call.insert(event_id, KnownEvent::of(&kept));
        new.push(kept);
    }
    let appended = Appended { last_sequence: summary.last_sequence, appended: new.len(), duplicates };
    update.known.extend(in_call.into_iter().map(|(event_id, known)| (event_id.into(), known)));
    update.summary = summary;
    update.teaches |= new.iter().any(|kept| is_from_agent(&kept.prepared.event.body));
    update.new.extend(new);
    update.redactions.extend(redactions);
    update.refold = refold;
    Ok(appended)
}

impl LogCounts {
    fn add(&self, events: usize) {
        use std::sync::atomic::Ordering::Relaxed;
        self.commits.fetch_add(1, Relaxed);
        self.events.fetch_add(events as u64, Relaxed);
    }
}
