//! Semantic search: embeds documents in the background, and compares queries with them. Where no embeddings endpoint is configured, or it
//! does not answer in time, only words are searched.

use std::{
    collections::HashSet,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use futures::{StreamExt, TryStreamExt, stream};
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    chats::Chat,
    knowledge::{Document, DocumentTexts, DocumentVectors, Hits, KeptVectors, Kind, Meaning, QueryKind, Reader, Search, shortened_to_end},
    model::{Embedder, EmbeddingPurpose, ModelError},
    replies::{Desk, error::ReplyError, learning::situation::names, masking::Masker, suggest::query},
    store::Pulse,
    task,
    text::{Language, words},
};

/// The longest wait for a change, or for this server to lead, and the first and longest backoff after the endpoint failed.
const POLL_INTERVAL: Duration = Duration::from_secs(10);
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// Timeout of embedding a batch of documents.
const DOCUMENTS_TIMEOUT: Duration = Duration::from_secs(60);
/// Documents per read, texts per request, and concurrent requests.
const DOCUMENTS_AT_ONCE: i64 = 32;
const TEXTS_AT_ONCE: usize = 32;
const CONCURRENT_REQUESTS: usize = 4;
/// Interval of progress reports.
const REPORT_INTERVAL: Duration = Duration::from_secs(5);
/// After this many refused texts and none accepted, the fault is not the texts'.
const MAX_REFUSED: usize = 3;
/// A refused text is not shortened below this many characters.
const MIN_CHARS: usize = 100;

impl Desk {
    /// Searches articles by words and by meaning.
    pub async fn search(&self, mut search: Search) -> Result<Hits, ReplyError> {
        if let Some(embedder) = &self.embedder {
            let Search { query, language, reader, .. } = &search;
            search.meaning = self.meaning_of_typed(embedder, (query, language), EmbeddingPurpose::Search, reader).await?;
        }
        Ok(self.knowledge.run_cpu_bound(move |knowledge| knowledge.search(&search)).await?)
    }

    /// Returns how often the embeddings endpoint did not answer in time.
    pub fn unanswered_embeddings(&self) -> u32 {
        self.embedder.as_ref().map_or(0, Embedder::unanswered)
    }

    /// Embeds a conversation, or what an agent typed; `extra` is the agent's instruction for the reply.
    pub(crate) async fn meaning(
        &self,
        query_kind: &QueryKind,
        chat: Option<&Chat>,
        extra: &str,
        language: &Language,
        reader: &Reader,
    ) -> Result<Option<Meaning>, ReplyError> {
        let Some(embedder) = &self.embedder else { return Ok(None) };
        let names: HashSet<String> = chat.iter().flat_map(|chat| names(chat)).flat_map(|name| folded(&name)).collect();
        match query_kind {
            QueryKind::Typed(text) => {
                let text = without(text, &names, language);
                self.meaning_of_typed(embedder, (&text, language), EmbeddingPurpose::Chat, reader).await
            }
            QueryKind::Conversation(_) if self.knowledge.has_vectors() => {
                let masker = Masker::of(&self.settings.personal_data, chat.into_iter(), language);
                let text = |text: &str| shortened_to_end(&without(&masker.blank(text), &names, language));
                Ok(meaning_of_chat(embedder, chat, extra, text).await)
            }
            _ => Ok(None),
        }
    }

    async fn meaning_of_typed(
        &self,
        embedder: &Embedder,
        (text, language): (&str, &Language),
        purpose: EmbeddingPurpose,
        reader: &Reader,
    ) -> Result<Option<Meaning>, ReplyError> {
        let (text, language, reader) = (text.to_owned(), language.clone(), reader.clone());
        let kinds: &[Kind] = match purpose {
            EmbeddingPurpose::Search => &[Kind::Article],
            EmbeddingPurpose::Chat => &[Kind::CannedAnswer, Kind::Article],
        };
        let text = self.knowledge.run_cpu_bound(move |knowledge| knowledge.text_to_embed(&text, &language, kinds, &reader)).await?;
        let Some(text) = text else { return Ok(None) };
        Ok(ask(embedder, &[text], purpose).await.map(|vectors| Meaning::new(&vectors, &[])))
    }

    /// Returns how many documents wait to be embedded, as far as this server does it; `None` without an embeddings endpoint.
    pub fn embeddings_waiting(&self) -> Option<u64> {
        self.embedder.as_ref().map(|_| self.embeddings_waiting.load(Ordering::Relaxed))
    }

    /// Starts embedding documents as they change, if an endpoint is configured: of several servers one does, and the others read its
    /// vectors. Stops when the handle is dropped.
    pub fn embed_documents(&self) -> Option<AbortOnDropHandle<()>> {
        let embedder = self.embedder.clone()?;
        let desk = self.clone();
        Some(task::supervised("embedding documents", move || {
            let (desk, embedder) = (desk.clone(), embedder.clone());
            async move { desk.embed_as_documents_change(&embedder).await }
        }))
    }

    async fn embed_as_documents_change(&self, embedder: &Embedder) {
        let (mut pulses, leadership) = (self.store.pulses(), self.store.leadership(&format!("embedding of {}", self.workspace)));
        let documents = |pulse: &Pulse| pulse.of(self.workspace.as_str()).documents;
        let (mut after, mut backoff) = (0, BACKOFF.0);
        loop {
            let seen = documents(&pulses.last());
            let report = |done, all| tracing::info!(workspace = self.workspace.as_str(), done, all, "embedding documents");
            let embedded = if leadership.leads() {
                self.embed_new(embedder, &mut after, report).await
            } else {
                self.knowledge.load_vectors(&embedder.vectors_name()).await.map(|()| 0).map_err(ReplyError::from)
            };
            match embedded {
                Ok(embedded) => {
                    backoff = BACKOFF.0;
                    if embedded == 0 {
                        let _ = timeout(POLL_INTERVAL, pulses.until(|pulse| documents(pulse) != seen)).await;
                    }
                }
                Err(error) => {
                    tracing::warn!(error = %error, "embedding documents failed; retrying, search uses words and older vectors meanwhile");
                    sleep(backoff).await;
                    backoff = (backoff * 2).min(BACKOFF.1);
                }
            }
        }
    }

    /// Embeds every document without vectors; calls `report` now and then with the number done and the total. Returns how many there were.
    pub async fn embed_all(&self, report: impl Fn(usize, usize)) -> Result<usize, ReplyError> {
        match &self.embedder {
            Some(embedder) => self.embed_new(embedder, &mut 0, report).await,
            None => Ok(0),
        }
    }

    async fn embed_new(&self, embedder: &Embedder, after: &mut i64, report: impl Fn(usize, usize)) -> Result<usize, ReplyError> {
        let model = &embedder.vectors_name();
        self.knowledge.load_vectors(model).await?;
        let (mut done, mut all, mut last_report) = (0, 0, Instant::now());
        // Later changes are picked up in the next iteration.
        let newest = self.knowledge.last_number().await?;
        loop {
            let documents = self.knowledge.without_vectors(model, *after, DOCUMENTS_AT_ONCE).await?;
            let Some((last, _)) = documents.last() else {
                *after = newest.max(*after);
                break;
            };
            let last = *last;
            if all == 0 {
                all = usize::try_from(self.knowledge.count_without_vectors(model, *after).await?).unwrap_or_default();
            }
            self.embeddings_waiting.store(all.saturating_sub(done) as u64, Ordering::Relaxed);
            let documents: Vec<Document> = documents.into_iter().map(|(_, document)| document).collect();
            let kept = vectors_of(embedder, &documents).await.map_err(|error| ReplyError::Model { error, partial: false })?;
            self.knowledge.store_vectors(model, &kept).await?;
            self.knowledge.load_vectors(model).await?;
            *after = last;
            done += documents.len();
            if last_report.elapsed() >= REPORT_INTERVAL {
                last_report = Instant::now();
                report(done, all.max(done));
            }
        }
        self.embeddings_waiting.store(0, Ordering::Relaxed);
        if done > 0 {
            report(done, all.max(done));
        }
        Ok(done)
    }
}

/// Embeds the last question (the last turn, and the last three) and the topic (the last six turns), masked for sending.
async fn meaning_of_chat(embedder: &Embedder, chat: Option<&Chat>, extra: &str, masked: impl Fn(&str) -> String) -> Option<Meaning> {
    let text_of = |turns: usize| {
        let text_of = match (chat, turns) {
            (Some(chat), 1) => chat.last_burst_text(),
            (Some(chat), turns) => query::last_turns(chat, turns),
            (None, _) => String::new(),
        };
        masked(&format!("{text_of}\n{extra}"))
    };
    let (last, three, six) = (text_of(1), text_of(3), text_of(6));
    let mut texts: Vec<String> = Vec::new();
    for text in [&last, &three, &six] {
        if !text.is_empty() && !texts.contains(text) {
            texts.push(text.clone());
        }
    }
    if texts.is_empty() {
        return None;
    }
    let vectors = ask(embedder, &texts, EmbeddingPurpose::Chat).await?;
    // In a chat of one message all three are the same.
    let of = |text: &String| texts.iter().position(|known| known == text).map(|place| vectors[place].clone());
    let recent: Vec<Vec<f32>> = of(&last).into_iter().chain(of(&three).filter(|_| three != last)).collect();
    let whole: Vec<Vec<f32>> = of(&six).filter(|_| six != last).into_iter().collect();
    Some(Meaning::new(&recent, &whole))
}

fn folded(name: &str) -> Vec<String> {
    words(name, "").iter().map(|word| word.folded().to_owned()).collect()
}

/// A text without these words.
fn without(text: &str, names: &HashSet<String>, language: &Language) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut from = 0;
    for word in words(text, language.primary()).iter().filter(|word| word.keys().iter().any(|key| names.contains(key))) {
        kept.push_str(&text[from..word.start]);
        from = word.end;
    }
    kept.push_str(&text[from..]);
    kept
}

/// Returns the endpoint's answer, if it comes in time.
async fn ask(embedder: &Embedder, texts: &[String], purpose: EmbeddingPurpose) -> Option<Vec<Vec<f32>>> {
    let answer = embedder.ask(texts, purpose).await;
    answer.inspect_err(|error| tracing::debug!(error = %error, "embedding the query failed; searching by words only")).ok()
}

/// Embeds documents; one whose texts the endpoint refuses has no vectors.
async fn vectors_of(embedder: &Embedder, documents: &[Document]) -> Result<Vec<KeptVectors>, ModelError> {
    let texts: Vec<DocumentTexts> = documents.iter().map(DocumentTexts::of).collect();
    let all: Vec<String> = texts.iter().flat_map(|texts| texts.texts.iter().cloned()).collect();
    let batches =
        stream::iter(all.chunks(TEXTS_AT_ONCE).map(<[String]>::to_vec)).map(|batch| embed(embedder, batch)).buffered(CONCURRENT_REQUESTS);
    let vectors: Vec<Vec<Option<Vec<f32>>>> = batches.try_collect().await?;
    let mut vectors = vectors.into_iter().flatten();
    let mut kept = Vec::with_capacity(documents.len());
    for (document, DocumentTexts { whole, texts }) in documents.iter().zip(texts) {
        let mut document_vectors: Vec<Option<Vec<f32>>> = vectors.by_ref().take(texts.len()).collect();
        // Without a vector of the whole it is compared by its pieces, like a list.
        let whole = whole && document_vectors.first().is_some_and(Option::is_some);
        let document_vectors: Vec<Vec<f32>> = document_vectors.drain(..).flatten().collect();
        kept.push(KeptVectors { key: document.key(), hash: document.hash(), vectors: DocumentVectors::new(whole, &document_vectors) });
    }
    Ok(kept)
}

/// Embeds texts. A batch that is refused or fails to parse, as too long or too large, is split, and a text is shortened; `None` for a text
/// that is refused however short.
async fn embed(embedder: &Embedder, texts: Vec<String>) -> Result<Vec<Option<Vec<f32>>>, ModelError> {
    let mut vectors = Vec::with_capacity(texts.len());
    let mut refused = 0;
    // Pending batches, the next one last.
    let mut pending = vec![texts];
    while let Some(mut texts) = pending.pop() {
        match embedder.embed_passages(&texts, DOCUMENTS_TIMEOUT).await {
            Ok(embedded) => vectors.extend(embedded.into_iter().map(Some)),
            Err(error) if !error.less_input_may_do() => return Err(error),
            Err(_) if texts.len() > 1 => {
                let rest = texts.split_off(texts.len() / 2);
                pending.extend([rest, texts]);
            }
            Err(error) => {
                let text = &texts[0];
                let half: String = text.chars().take(text.chars().count() / 2).collect();
                if half.chars().count() >= MIN_CHARS {
                    pending.push(vec![half]);
                    continue;
                }
                vectors.push(None);
                refused += 1;
                if refused >= MAX_REFUSED && vectors.iter().all(Option::is_none) {
                    return Err(error);
                }
            }
        }
    }
    Ok(vectors)
}
