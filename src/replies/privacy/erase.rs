//! A person's data: exported whole, erased whole, and erased again when a restored backup brings it back.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;

use crate::{
    chats::{ChatError, ChatLog, Chats},
    ids::Id,
    replies::{
        Desk,
        error::ReplyError,
        learning::outcome_rows,
        privacy::{
            erasure_rows,
            erasures::{ErasureMemoryError, Erasures},
        },
    },
    store::{Store, StoreError},
    task,
};

/// Attempts at an erasure that conflicts with another replica's write.
const TRIES: usize = 4;

/// What was erased.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Erased {
    /// Chats, with everything in them.
    pub chats: u64,
    /// Events of those chats.
    pub events: u64,
    /// Records of drafts that were made.
    pub drafts: u64,
    /// Records of suggestions that were shown.
    pub suggestions: u64,
    /// Outcomes of both.
    pub outcomes: u64,
}

impl Desk {
    /// Returns everything stored about a customer, as a JSON document of at most `max_bytes`.
    pub async fn export_customer(&self, customer_id: &Id, max_bytes: usize) -> Result<String, ReplyError> {
        let mut chats = self.chats.export(customer_id, max_bytes).await?;
        for chat in &mut chats {
            let chat_id = chat["chat_id"].as_str().unwrap_or_default().to_owned();
            chat["offers"] = self.outcomes.export(&self.workspace, &chat_id).await?;
        }
        let json = format!("{:#}\n", json!({ "customer_id": customer_id.as_str(), "chats": chats }));
        if json.len() > max_bytes {
            return Err(ChatError::TooLarge("customer's data").into());
        }
        Ok(json)
    }

    /// Erases a customer: their chats, and everything derived from them, in one write. The erasure is recorded first, so that it is
    /// completed at the next start if this process ends in the middle of it; it continues if the caller hangs up.
    pub async fn erase_customer(&self, customer_id: &Id) -> Result<Erased, ReplyError> {
        self.message_vectors.clear();
        let (desk, customer_id) = (self.clone(), customer_id.clone());
        let work = async move {
            let turn = desk.erasures.turn().await;
            // Including earlier failed attempts, which this one completes.
            let erasure_ids = desk.erasures.remember(desk.workspace.as_str(), customer_id.as_str()).await.map_err(|error| match error {
                ErasureMemoryError::File(error) => StoreError::Broken(error.into()).into(),
                ErasureMemoryError::Store(error) => ReplyError::from(error),
                ErasureMemoryError::Task(error) => error.into(),
            })?;
            let erased = erase(&desk.store, &desk.chats, customer_id.as_str(), &erasure_ids).await?;
            drop(turn);
            desk.store.wipe().await;
            Ok(erased)
        };
        task::detached("the erasure", work).await?
    }
}

async fn erase(store: &Store, chats: &Chats, customer_id: &str, erasure_ids: &[String]) -> Result<Erased, ReplyError> {
    let mut tries = TRIES;
    loop {
        tries -= 1;
        match try_erase(store, chats, customer_id, erasure_ids).await {
            Err(ReplyError::Chat(ChatError::Store(error))) if tries > 0 && error.is_retried_at_once() => {}
            result => return result,
        }
    }
}

async fn try_erase(store: &Store, chats: &Chats, customer_id: &str, erasure_ids: &[String]) -> Result<Erased, ReplyError> {
    let mut write = store.begin().await?;
    let erased = chats.erase_customer(&mut write, customer_id).await?;
    let offers = outcome_rows::erase(&mut write, chats.workspace(), &erased.chat_ids).await?;
    for erasure_id in erasure_ids {
        erasure_rows::insert(&mut write, erasure_id, Timestamp::now()).await?;
    }
    store.mark_wipe(&mut write).await?;
    let gone: Vec<(i64, String)> = erased.numbers.iter().copied().zip(erased.chat_ids.iter().cloned()).collect();
    chats.record_erased(&mut write, &gone).await?;
    write.commit().await?;
    chats.tell_erased();
    Ok(Erased {
        chats: erased.chat_ids.len() as u64,
        events: erased.events,
        drafts: offers.drafts,
        suggestions: offers.suggestions,
        outcomes: offers.outcomes,
    })
}

/// Erases again the people who are remembered as erased but not by the database: a backup was restored. Returns how many people and chats.
pub async fn erase_again(store: &Store, log: &ChatLog, erasures: &Erasures) -> Result<(u64, u64), ReplyError> {
    let seen = erasure_rows::seen(store).await?;
    let mut unseen: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (erasure_id, hash) in erasures.known().await? {
        if !seen.contains(&erasure_id) {
            unseen.entry(hash).or_default().push(erasure_id);
        }
    }
    if unseen.is_empty() {
        return Ok((0, 0));
    }
    let (mut people, mut chats_erased) = (0, 0);
    for (workspace, customer_id) in log.customers().await? {
        if let Some(erasure_ids) = unseen.remove(&erasures.hash(workspace.as_str(), &customer_id)) {
            let erased = erase(store, &log.of(&workspace), &customer_id, &erasure_ids).await?;
            people += 1;
            chats_erased += erased.chats;
        }
    }
    // The others were not in the backup.
    let mut write = store.begin().await?;
    for erasure_id in unseen.values().flatten() {
        erasure_rows::insert(&mut write, erasure_id, Timestamp::now()).await?;
    }
    write.commit().await?;
    store.wipe().await;
    Ok((people, chats_erased))
}
