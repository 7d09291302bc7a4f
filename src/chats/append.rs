//! Appending: what is queued is decided and written as one transaction.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use jiff::Timestamp;
use tokio::{sync::oneshot, task::spawn_blocking};

use crate::{
    chats::{
        Languages, MAX_READ_BYTES, OnRedaction, Redacted,
        chat_rows::{self, Changed, ChatKey},
        error::ChatError,
        event::{Author, Event, EventBody, NewEvent},
        event_page_rows,
        event_rows::{self, KnownEvents, NewRow},
        fold::Summary,
        learning_rows, of_workspace,
        word_rows::{self, Listing, message_words},
    },
    failpoint::failpoint,
    ids::Id,
    store::{Store, StoreError, Write, nanoseconds},
    text::Language,
};

/// How often a batch that met another replica's write is tried.
const TRIES: usize = 4;

/// A call's events, and where its answer goes.
pub struct Append {
    pub key: ChatKey,
    pub events: Vec<Prepared>,
    pub answer: oneshot::Sender<Result<Appended, ChatError>>,
}

/// What was appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    pub last_sequence: i64,
    pub appended: usize,
    pub duplicates: usize,
}

/// An event with what can be made of it before its turn to be written comes.
#[derive(Debug, Clone)]
pub struct Prepared {
    event: NewEvent,
    json: String,
    words: BTreeSet<String>,
}

impl Prepared {
    pub fn new(event: NewEvent, languages: &[Language]) -> Result<Prepared, ChatError> {
        let json = serde_json::to_string(&event.body)?;
        let words = match &event.body {
            EventBody::Message(message) => message_words(&message.text, message.language.as_ref(), languages),
            _ => BTreeSet::new(),
        };
        Ok(Prepared { event, json, words })
    }

    /// About how much of the queue it takes.
    pub fn bytes(&self) -> usize {
        2 * self.json.len() + self.words.iter().map(|word| word.len() + 64).sum::<usize>() + 256
    }
}

/// What a batch is written with.
pub struct AppendContext {
    pub store: Store,
    pub counts: Arc<LogCounts>,
    pub languages: Arc<Languages>,
    pub on_redaction: OnRedaction,
}

/// What the log has done since the start, for whoever watches it.
#[derive(Debug, Default)]
pub struct LogCounts {
    pub commits: std::sync::atomic::AtomicU64,
    pub events: std::sync::atomic::AtomicU64,
}

/// Writes a batch and answers its calls, taking them out. When it fails for what may be one call's fault, its calls are left to be tried one
/// by one, so that none fails for its neighbour.
pub async fn commit(context: &AppendContext, batch: &mut Vec<Append>) {
    let mut tries = TRIES;
    let error = loop {
        tries -= 1;
        match write(context, batch).await {
            Ok(answers) => {
                for (append, answer) in batch.drain(..).zip(answers) {
                    // A caller that has gone does not need its answer.
                    let _ = append.answer.send(answer);
                }
                return;
            }
            Err(ChatError::Store(error)) if tries > 0 && error.is_retried_at_once() => {}
            Err(error) => break error,
        }
    };
    let last = match &error {
        // The disk, or the server, fails all alike.
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

/// A chat while a batch is decided.
struct ChatUpdate<'a> {
    number: i64,
    before: Option<Summary>,
    summary: Summary,
    known: HashMap<String, KnownEvents>,
    new: Vec<NewRow<'a>>,
    redactions: Vec<String>,
    /// Whether the summary must be folded anew: an event came late or lost its text.
    refold: bool,
}

impl ChatUpdate<'_> {
    /// Whether the archive lists the chat elsewhere now.
    fn moved(&self) -> bool {
        self.before.as_ref().is_some_and(|before| before.opened_at != self.summary.opened_at)
    }
}

async fn write(context: &AppendContext, batch: &[Append]) -> Result<Vec<Result<Appended, ChatError>>, ChatError> {
    let AppendContext { store, counts, languages, on_redaction } = context;
    let mut write = store.begin().await?;
    let mut drafts = read_drafts(&mut write, batch).await?;
    let now = Timestamp::now();
    let mut answers = Vec::with_capacity(batch.len());
    for append in batch {
        failpoint("write", &append.key.chat_id);
        let draft = drafts.get_mut(&append.key).expect("every call's chat was locked");
        answers.push(decide(draft, &append.events, now));
    }

    let rows: Vec<(i64, &NewRow)> = drafts.values().flat_map(|draft| draft.new.iter().map(|kept| (draft.number, kept))).collect();
    let appended = rows.len();
    event_rows::insert(&mut write, &rows).await?;
    let named: Vec<(&ChatKey, i64, &Event)> =
        drafts.iter().flat_map(|(key, draft)| draft.new.iter().map(|kept| (*key, draft.number, &kept.event))).collect();
    chat_rows::insert_customers(&mut write, &named).await?;
    for (key, draft) in drafts.iter_mut().filter(|(_, draft)| draft.refold) {
        for event_id in &draft.redactions {
            let text = event_rows::wipe(&mut write, draft.number, event_id).await?;
            if let Some(text) = text {
                let ChatKey { workspace, chat_id } = key;
                on_redaction(&mut write, Redacted { workspace, chat_id, text: text.trim() }).await?;
                learning_rows::unteach(&mut write, draft.number).await?;
            }
        }
        refold(&mut write, draft).await?;
    }
    write_words(&mut write, languages, &drafts).await?;
    let changed: Vec<Changed> = drafts
        .iter()
        .filter(|(_, draft)| !draft.new.is_empty())
        .map(|(key, draft)| Changed { key, number: draft.number, before: draft.before.as_ref(), summary: &draft.summary })
        .collect();
    chat_rows::store(&mut write, &changed).await?;
    let written_to = |draft: &&ChatUpdate| draft.new.iter().any(|kept| is_from_agent(&kept.event.body));
    let teaching: Vec<i64> = drafts.values().filter(written_to).map(|draft| draft.number).collect();
    learning_rows::teach(&mut write, &teaching).await?;
    let refused: Vec<i64> =
        drafts.values().filter(|draft| draft.before.is_none() && draft.new.is_empty()).map(|draft| draft.number).collect();
    chat_rows::drop_empty(&mut write, &refused).await?;
    let wiped = drafts.values().any(|draft| !draft.redactions.is_empty());
    if wiped {
        store.mark_wipe(&mut write).await?;
    }
    write.commit().await?;
    counts.add(appended);
    if wiped {
        // The answer does not wait for it: a chat's row does not show the text any more.
        drop(store.wipe());
    }
    Ok(answers)
}

fn is_from_agent(body: &EventBody) -> bool {
    matches!(body, EventBody::Message(message) if message.author == Author::Agent)
}

/// Takes the batch's chats and reads what of its events is known.
async fn read_drafts<'a>(write: &mut Write, batch: &'a [Append]) -> Result<BTreeMap<&'a ChatKey, ChatUpdate<'a>>, ChatError> {
    let keys: BTreeSet<&ChatKey> = batch.iter().map(|append| &append.key).collect();
    let keys: Vec<&ChatKey> = keys.into_iter().collect();
    let mut locked = chat_rows::lock(write, &keys).await?;
    let mut drafts = BTreeMap::new();
    for key in keys {
        let row = locked.remove(key).ok_or_else(|| StoreError::malformed("chat"))?;
        let summary = row.summary.clone().unwrap_or_default();
        let draft = ChatUpdate {
            number: row.number,
            before: row.summary,
            summary,
            known: HashMap::new(),
            new: Vec::new(),
            redactions: Vec::new(),
            refold: false,
        };
        drafts.insert(key, draft);
    }
    // A chat that is new knows nothing.
    let mut ids: Vec<(i64, &str)> = Vec::new();
    for append in batch {
        if let Some(draft) = drafts.get(&append.key).filter(|draft| draft.before.is_some()) {
            for Prepared { event, .. } in &append.events {
                ids.push((draft.number, event.event_id.as_str()));
                if let EventBody::Redaction { event_id } = &event.body {
                    ids.push((draft.number, event_id.as_str()));
                }
            }
        }
    }
    let mut by_number: HashMap<i64, Vec<(String, KnownEvents)>> = HashMap::new();
    for (number, event_id, known) in event_rows::known(write, &ids).await? {
        by_number.entry(number).or_default().push((event_id, known));
    }
    for draft in drafts.values_mut() {
        draft.known.extend(by_number.remove(&draft.number).unwrap_or_default());
    }
    Ok(drafts)
}

/// Folds a chat's summary from all its events.
async fn refold(write: &mut Write, draft: &mut ChatUpdate<'_>) -> Result<(), ChatError> {
    let mut events = event_page_rows::bare_of_locked(write, draft.number).await?;
    events.sort_by_key(|event| (event.at, event.sequence));
    let mut summary = Summary { bytes: draft.summary.bytes, ..Summary::default() };
    for event in &events {
        summary.apply(event);
    }
    draft.summary = summary;
    Ok(())
}

/// Keeps the archive's words up: those that new messages bring are added; a chat that lost text or moved has its own written anew.
async fn write_words(write: &mut Write, languages: &Languages, drafts: &BTreeMap<&ChatKey, ChatUpdate<'_>>) -> Result<(), ChatError> {
    let written =
        |draft: &&ChatUpdate| draft.new.iter().any(|kept| !kept.words.is_empty()) || draft.moved() || !draft.redactions.is_empty();
    let there: Vec<i64> = drafts.values().filter(written).filter(|draft| draft.before.is_some()).map(|draft| draft.number).collect();
    let mut vocabularies = word_rows::of_chats(write, &there).await?;
    for (key, draft) in drafts.iter().filter(|(_, draft)| written(draft)) {
        let had = vocabularies.remove(&draft.number).unwrap_or_default();
        let listing =
            |summary: &Summary| Listing { workspace: &key.workspace, number: draft.number, opened_at: nanoseconds(summary.opened_at) };
        let mut has: BTreeSet<String> = had.clone();
        if draft.redactions.is_empty() {
            has.extend(draft.new.iter().flat_map(|kept| kept.words).cloned());
        } else {
            // What a chat of more than anybody reads said long ago is not found by its words any more.
            let events = event_page_rows::recent_of_locked(write, draft.number, MAX_READ_BYTES).await?;
            let expected = of_workspace(languages, &key.workspace).to_vec();
            has = spawn_blocking(move || words_of(&events, &expected)).await.map_err(|_| StoreError::Busy)?;
        }
        if let Some(before) = draft.before.as_ref().filter(|_| draft.moved() || !draft.redactions.is_empty()) {
            let gone: Vec<&String> = had.iter().filter(|word| draft.moved() || !has.contains(*word)).collect();
            word_rows::delete(write, listing(before), &gone).await?;
        }
        let added: Vec<&String> = has.iter().filter(|word| draft.moved() || !had.contains(*word)).collect();
        word_rows::insert(write, listing(&draft.summary), &added).await?;
        if had != has {
            word_rows::store(write, draft.number, &has).await?;
        }
    }
    Ok(())
}

/// The words of a chat's messages.
fn words_of(events: &[Event], expected: &[Language]) -> BTreeSet<String> {
    let messages = events.iter().filter_map(|event| match &event.body {
        EventBody::Message(message) => Some(message),
        _ => None,
    });
    messages.flat_map(|message| message_words(&message.text, message.language.as_ref(), expected)).collect()
}

/// Decides one call against what its chat holds: all of its events are taken, or none.
fn decide<'a>(draft: &mut ChatUpdate<'a>, events: &'a [Prepared], now: Timestamp) -> Result<Appended, ChatError> {
    let mut summary = draft.summary.clone();
    let mut new: Vec<NewRow> = Vec::new();
    let mut here: HashMap<&str, KnownEvents> = HashMap::new();
    let mut redactions = Vec::new();
    let mut refold = draft.refold;
    let mut duplicates = 0;
    for Prepared { event, json, words } in events {
        let event_id = event.event_id.as_str();
        if let Some(known) = here.get(event_id).or_else(|| draft.known.get(event_id)) {
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
                match here.get(event_id.as_str()).or_else(|| draft.known.get(event_id.as_str())) {
                    None => return Err(ChatError::EventNotFound(event_id.to_string())),
                    Some(known) if known.is_redaction() => return Err(ChatError::NotRedactable(event_id.to_string())),
                    Some(known) => {
                        if known.is_topic(&summary.topic) {
                            // What is resolved later in the same batch needs another.
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
        let kept = kept(event, at, summary.last_sequence + 1, json, words);
        summary.apply(&kept.event);
        here.insert(event_id, KnownEvents::of(&kept));
        new.push(kept);
    }
    let appended = Appended { last_sequence: summary.last_sequence, appended: new.len(), duplicates };
    draft.known.extend(here.into_iter().map(|(event_id, known)| (event_id.to_owned(), known)));
    draft.summary = summary;
    draft.new.extend(new);
    draft.redactions.extend(redactions);
    draft.refold = refold;
    Ok(appended)
}

fn kept<'a>(event: &NewEvent, at: Timestamp, sequence: i64, json: &'a str, words: &'a BTreeSet<String>) -> NewRow<'a> {
    let NewEvent { event_id, at: given, body } = event;
    let event: Event = Event { event_id: Id::clone(event_id), at, sequence, redacted: false, body: body.clone() };
    NewRow { event, at_given: given.is_some(), json, words }
}

impl LogCounts {
    fn add(&self, events: usize) {
        use std::sync::atomic::Ordering::Relaxed;
        self.commits.fetch_add(1, Relaxed);
        self.events.fetch_add(events as u64, Relaxed);
    }
}
