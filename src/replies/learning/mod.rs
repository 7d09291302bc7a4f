//! Learning: reads chats with new messages, finds the documents that answered in them or were dismissed, and keeps the lessons in
//! memory.

pub mod lesson_rows;
pub mod offer_id;
pub mod outcome;
pub mod outcome_log;
pub mod outcome_rows;
pub mod situation;
pub mod sketch;
pub mod votes;

use std::{
    collections::HashSet,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use futures::future::BoxFuture;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    chats::{Author, Chat, ChatError, Chats, Event, Redacted, Teaching, Turn},
    failpoint::failpoint,
    ids::Id,
    knowledge::{Document, DocumentKey, Knowledge, KnowledgeError, Reader, Vote},
    replies::{
        Desk,
        error::ReplyError,
        learning::{
            lesson_rows::{Counter, Lesson},
            outcome::{Judgment, Verdict},
            situation::Situation,
            votes::Learned,
        },
    },
    store::{Counters, StoreError, Write},
    task::{self, TaskError},
    text::{Language, fingerprint},
};

/// Wait between two looks at chats with new messages, and the longest one while none is known to have any.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
const SLOW_POLL: Duration = Duration::from_secs(30);
/// Batch sizes of chats, lessons and documents.
const CHATS_AT_ONCE: usize = 16;
const LESSONS_AT_ONCE: i64 = 1000;
const DOCUMENTS_AT_ONCE: i64 = 500;
/// Chats between two progress messages in the log.
const LOG_EVERY: usize = 1000;
/// Most answers of a chat that lessons are kept of: the last ones.
const MAX_LESSONS_OF_CHAT: usize = 30;

/// The lessons of a workspace, and how far they were read; `None` until they were.
#[derive(Clone, Default)]
pub struct Lessons(Arc<RwLock<Option<(Counter, Learned)>>>);

impl Lessons {
    fn read(&self) -> RwLockReadGuard<'_, Option<(Counter, Learned)>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Option<(Counter, Learned)>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    /// Returns the votes of earlier chats that were like this one.
    pub(crate) async fn votes(&self, chat: &Chat, language: &Language) -> Result<Vec<Vote>, ReplyError> {
        if self.lessons.read().as_ref().is_none_or(|(_, learned)| learned.is_empty()) {
            return Ok(Vec::new());
        }
        let turns: Vec<&Turn> = chat.turns.iter().collect();
        let situation = Situation::of(chat, &turns, language.primary());
        let lessons = self.lessons.clone();
        let votes = move |_: &Knowledge| {
            Ok(lessons.read().as_ref().map(|(_, learned)| learned.votes(&situation, Timestamp::now())).unwrap_or_default())
        };
        Ok(self.knowledge.run_cpu_bound(votes).await?)
    }

    /// Starts learning from chats as they continue. Stops when the handle is dropped.
    pub fn learn_from_chats(&self) -> AbortOnDropHandle<()> {
        let desk = self.clone();
        task::supervised("learning", move || desk.clone().learn_as_chats_go_on())
    }

    async fn learn_as_chats_go_on(self) {
        let (mut pulses, leadership) = (self.store.pulses(), self.store.leadership(&format!("learning of {}", self.workspace)));
        loop {
            let seen = pulses.last().of(self.workspace.as_str());
            // The others read what the leader learned.
            let learned = if leadership.leads() { self.learn().await } else { self.load_lessons().await.map(|()| 0) };
            match learned {
                Ok(0) => {}
                Ok(chats) => tracing::debug!(workspace = self.workspace.as_str(), chats, "learned from chats"),
                Err(error) => tracing::warn!(error = %error, "learning from chats failed; retrying"),
            }
            sleep(POLL_INTERVAL).await;
            let changed = |counters: Counters| counters != seen || (counters.teaches && leadership.leads());
            let _ = timeout(SLOW_POLL, pulses.until(|pulse| changed(pulse.of(self.workspace.as_str())))).await;
        }
    }

    /// Learns from all pending chats; returns how many.
    pub async fn learn(&self) -> Result<usize, ReplyError> {
        failpoint("learning", self.workspace.as_str());
        let (mut read, mut logged) = (0, 0);
        self.follow_documents().await?;
        loop {
            let chats = self.chats.teaching(CHATS_AT_ONCE).await?;
            if chats.is_empty() {
                break;
            }
            let learned_count = self.learn_from(chats).await?;
            if learned_count == 0 {
                // They all got new messages meanwhile; the next iteration reads them.
                break;
            }
            read += learned_count;
            if read >= logged + LOG_EVERY {
                logged = read;
                tracing::info!(workspace = self.workspace.as_str(), chats = read, "learning from chats");
            }
        }
        self.load_lessons().await?;
        Ok(read)
    }

    /// Learns from chats; returns how many, without those that got new messages meanwhile.
    async fn learn_from(&self, mut chats: Vec<Teaching>) -> Result<usize, ReplyError> {
        // Rows of chats are always locked in this order.
        chats.sort_by(|one, other| one.chat_id.cmp(&other.chat_id));
        let mut learned = Vec::new();
        for teaching in chats {
            let id = Id::new(&teaching.chat_id).map_err(StoreError::malformed)?;
            let (chat, events) = match self.chats.chat_and_events(&id).await {
                Ok(read) => read,
                Err(ChatError::NotFound(_)) => continue,
                Err(error) => {
                    // One unreadable chat must not block the others.
                    tracing::warn!(error = %error, "chat can't be read; skipping it");
                    continue;
                }
            };
            let judgments = outcome_rows::judgments(&self.store, &self.workspace, &teaching.chat_id).await?;
            let language = self.customer_language(&chat);
            let to = events.iter().map(|event| event.sequence).max().unwrap_or_default();
            let from = teaching.taught_to;
            let work = move |knowledge: &Knowledge| {
                failpoint("lesson", &chat.chat_id);
                lessons(knowledge, &chat, &events, from, &judgments, &language)
            };
            let mut hashed = Vec::new();
            let found = match self.knowledge.run_cpu_bound(work).await {
                // A chat that panics when read teaches nothing, and is not retried forever.
                Err(KnowledgeError::Task(TaskError::Panicked(_))) => {
                    tracing::error!(workspace = self.workspace.as_str(), "learning from a chat panicked; skipping it");
                    Vec::new()
                }
                found => found?,
            };
            for (mut lesson, document) in found {
                // The document of an outcome may have been deleted.
                let document = match document {
                    Some(document) => Some(document),
                    None => self.document(&lesson.document).await?,
                };
                if let Some(document) = document {
                    lesson.hash = text_hash(&document);
                    hashed.push(lesson);
                }
            }
            learned.push((teaching, to, hashed));
        }
        let mut write = self.store.begin().await?;
        let mut learned_count = 0;
        let mut lessons = Vec::new();
        for (teaching, to, of_chat) in learned {
            if Chats::taught(&mut write, &teaching, to).await? {
                lessons.extend(of_chat);
                learned_count += 1;
            }
        }
        lesson_rows::insert(&mut write, &self.workspace, &lessons).await?;
        write.commit().await?;
        Ok(learned_count)
    }

    async fn document(&self, key: &DocumentKey) -> Result<Option<Document>, ReplyError> {
        let versions = self.knowledge.versions(key.kind, &key.id).await?;
        Ok(versions.into_iter().find(|document| document.language == key.language))
    }

    /// Deactivates lessons of texts that were deleted or rewritten since, and reactivates those of texts that came back.
    async fn follow_documents(&self) -> Result<(), ReplyError> {
        loop {
            let after = lesson_rows::counter(&self.store, &self.workspace).await?.documents;
            let changes = self.knowledge.changes(after, DOCUMENTS_AT_ONCE).await?;
            let Some((last, ..)) = changes.last() else { return Ok(()) };
            let mut write = self.store.begin().await?;
            let mut changed = false;
            for (_, key, document) in &changes {
                let hash = document.as_ref().map(text_hash);
                changed |= lesson_rows::settle(&mut write, &self.workspace, key, hash.as_deref(), Timestamp::now()).await?;
            }
            lesson_rows::checked(&mut write, &self.workspace, *last).await?;
            if changed {
                lesson_rows::removed(&mut write, self.workspace.as_str()).await?;
            }
            write.commit().await?;
        }
    }

    /// Loads stored lessons into memory.
    async fn load_lessons(&self) -> Result<(), ReplyError> {
        let now = lesson_rows::counter(&self.store, &self.workspace).await?;
        let (loaded, rebuild) = match &*self.lessons.read() {
            None => (Counter::default(), true),
            Some((loaded, learned)) => (*loaded, loaded.removals != now.removals || learned.is_overfull()),
        };
        if loaded.number == now.number && !rebuild {
            return Ok(());
        }
        let mut number = if rebuild { 0 } else { loaded.number };
        let mut fresh = rebuild.then(Learned::default);
        loop {
            let lessons = lesson_rows::after(&self.store, &self.workspace, number, LESSONS_AT_ONCE).await?;
            let Some((last, _)) = lessons.last() else { break };
            number = *last;
            let lessons = lessons.into_iter().map(|(_, lesson)| lesson);
            match &mut fresh {
                Some(fresh) => lessons.for_each(|lesson| fresh.add(lesson)),
                None => {
                    let mut lessons_in_memory = self.lessons.write();
                    let (loaded, learned) = lessons_in_memory.get_or_insert_default();
                    lessons.for_each(|lesson| learned.add(lesson));
                    loaded.number = number;
                }
            }
        }
        let mut lessons_in_memory = self.lessons.write();
        let (loaded, learned) = lessons_in_memory.get_or_insert_default();
        *loaded = Counter { number: number.max(now.number), ..now };
        if let Some(fresh) = fresh {
            *learned = fresh;
        }
        Ok(())
    }
}

/// Erases what was derived from a redacted message: what an agent sent of it, which is stored again with the outcome, and the lessons of
/// its chat.
pub fn on_redaction<'a>(write: &'a mut Write, redacted: Redacted<'a>) -> BoxFuture<'a, Result<(), StoreError>> {
    Box::pin(async move {
        outcome_rows::wipe_sent(write, &redacted).await?;
        lesson_rows::wipe_taught(write, &redacted).await
    })
}

/// Hashes a document's visible text: a changed text counts as another document.
fn text_hash(document: &Document) -> String {
    fingerprint(format!("{}\n{}", document.title, document.body))
}

/// Returns the lessons of a chat, from agents' messages after a sequence and from what agents did with suggestions and drafts; with the
/// document where it is known. A document that answered at a place was not dismissed there.
fn lessons(
    knowledge: &Knowledge,
    chat: &Chat,
    events: &[Event],
    from: i64,
    judgments: &[Judgment],
    language: &Language,
) -> Result<Vec<(Lesson, Option<Document>)>, KnowledgeError> {
    let new: HashSet<&str> = events.iter().filter(|event| event.sequence > from).map(|event| event.event_id.as_str()).collect();
    let customer = match chat.customer.customer_id.as_str() {
        "" => format!("chat {}", chat.chat_id),
        id => format!("customer {id}"),
    };
    let customer: String = Sha256::digest(customer)[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    let lesson = |document: DocumentKey, verdict: Verdict, before: usize, at: Timestamp| {
        let turns: Vec<&Turn> = chat.turns[..before].iter().collect();
        let situation = Situation::of(chat, &turns, language.primary());
        let (chat_id, customer) = (chat.chat_id.clone(), customer.clone());
        if situation.is_empty() {
            return None;
        }
        Some(Lesson { chat_id, document, verdict, turn: before as i64, hash: String::new(), customer, at, situation })
    };
    let mut found = Vec::new();
    for (place, turn) in chat.turns.iter().enumerate().rev().take(MAX_LESSONS_OF_CHAT) {
        if turn.message.author != Author::Agent || !new.contains(turn.event_id.as_str()) {
            continue;
        }
        let reader = Reader::agent(turn.message.author_id.clone(), vec![chat.summary.group.clone()]);
        if let Some(document) = knowledge.near_match(&turn.message.text, language, &reader)? {
            found.extend(lesson(document.key(), Verdict::For, place, turn.at).map(|lesson| (lesson, Some(document))));
        }
    }
    // Those for a document first: of two lessons about it at one place the first is kept.
    let (supporting, opposing): (Vec<&Judgment>, Vec<&Judgment>) = judgments.iter().partition(|judgment| judgment.verdict == Verdict::For);
    for Judgment { document, verdict, at } in supporting.into_iter().chain(opposing) {
        // The turns before the agent's action, without the answer itself.
        let before =
            chat.turns.iter().rposition(|turn| turn.at <= *at && turn.message.author == Author::Customer).map_or(0, |last| last + 1);
        let is_same = |(lesson, _): &(Lesson, Option<Document>)| lesson.document == *document && lesson.turn == before as i64;
        if !found.iter().any(is_same) {
            found.extend(lesson(document.clone(), *verdict, before, *at).map(|lesson| (lesson, None)));
        }
    }
    Ok(found)
}
