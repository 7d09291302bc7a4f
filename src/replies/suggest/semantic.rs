//! Meaning: documents are embedded in the background, and what is asked is compared with them. Where no embeddings endpoint is configured,
//! or none answers in time, words alone are searched.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use futures::{StreamExt, TryStreamExt, stream};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    chats::Chat,
    knowledge::{Document, DocumentTexts, DocumentVectors, Hits, KeptVectors, Kind, Meaning, QueryKind, Reader, Search, shortened_to_end},
    model::{Embedder, EmbeddingPurpose, ModelError},
    replies::{Desk, error::ReplyError, learning::situation::names, masking::Masker, suggest::query},
    task,
    text::{Language, words},
};

/// How often it is looked for documents that changed, and how long is waited at first and at most after the endpoint failed.
const EVERY: Duration = Duration::from_secs(1);
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// Longest wait for the vectors of documents.
const MAX_PAUSE: Duration = Duration::from_secs(60);
/// Documents that are taken at a time, texts that are sent at a time, and how many times so many at once.
const DOCUMENTS_AT_ONCE: i64 = 32;
const TEXTS_AT_ONCE: usize = 32;
const AT_ONCE: usize = 4;
/// How often it is told how far they are.
const TELLS: Duration = Duration::from_secs(5);
/// After so many texts were refused, and none taken, it is not for the texts.
const MAX_REFUSED: usize = 3;
/// A text of fewer characters that is refused is refused for good.
const MIN_LETTERS: usize = 100;

impl Desk {
    /// Searches articles by their words, and by what they mean.
    pub async fn search(&self, mut search: Search) -> Result<Hits, ReplyError> {
        if let Some(embedder) = &self.embedder {
            let Search { query, language, reader, .. } = &search;
            search.meaning = self.meaning_of_typed(embedder, (query, language), EmbeddingPurpose::Search, reader).await?;
        }
        Ok(self.knowledge.in_turn(move |knowledge| knowledge.search(&search)).await?)
    }

    /// How often the embeddings endpoint gave no answer in time.
    pub fn unanswered_embeddings(&self) -> u32 {
        self.embedder.as_ref().map_or(0, Embedder::unanswered)
    }

    /// What a conversation, or what an agent typed, means; `extra` is what an agent asks of the reply.
    pub(crate) async fn meaning(
        &self,
        wanted: &QueryKind,
        chat: Option<&Chat>,
        extra: &str,
        language: &Language,
        reader: &Reader,
    ) -> Result<Option<Meaning>, ReplyError> {
        let Some(embedder) = &self.embedder else { return Ok(None) };
        let names: HashSet<String> = chat.iter().flat_map(|chat| names(chat)).flat_map(|name| folded(&name)).collect();
        match wanted {
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
        question: EmbeddingPurpose,
        reader: &Reader,
    ) -> Result<Option<Meaning>, ReplyError> {
        let (text, language, reader) = (text.to_owned(), language.clone(), reader.clone());
        let kinds: &[Kind] = match question {
            EmbeddingPurpose::Search => &[Kind::Article],
            EmbeddingPurpose::Chat => &[Kind::CannedAnswer, Kind::Article],
        };
        let text = self.knowledge.in_turn(move |knowledge| knowledge.text_to_embed(&text, &language, kinds, &reader)).await?;
        let Some(text) = text else { return Ok(None) };
        Ok(ask(embedder, &[text], question).await.map(|vectors| Meaning::new(&vectors, &[])))
    }

    /// Starts to embed documents as they change, if an endpoint is configured. It ends when the handle is dropped.
    pub fn embed_documents(&self) -> Option<AbortOnDropHandle<()>> {
        let embedder = self.embedder.clone()?;
        let desk = self.clone();
        Some(task::supervised("embedding documents", move || {
            let (desk, embedder) = (desk.clone(), embedder.clone());
            async move { desk.embed_as_documents_change(&embedder).await }
        }))
    }

    async fn embed_as_documents_change(&self, embedder: &Embedder) {
        let mut turns = interval(EVERY);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut after, mut pause) = (0, PAUSES.0);
        loop {
            turns.tick().await;
            let tell = |done, all| tracing::info!(workspace = self.workspace.as_str(), done, all, "embedding documents");
            match self.embed_new(embedder, &mut after, tell).await {
                Ok(_) => pause = PAUSES.0,
                Err(error) => {
                    tracing::warn!(error = %error, "documents can't be embedded; it is tried again, and search goes by words and by what was embedded before");
                    sleep(pause).await;
                    pause = (pause * 2).min(PAUSES.1);
                }
            }
        }
    }

    /// Embeds every document that has no vectors yet; `tell` hears now and then how many are done, of how many. Tells how many there were.
    pub async fn embed_all(&self, tell: impl Fn(usize, usize)) -> Result<usize, ReplyError> {
        match &self.embedder {
            Some(embedder) => self.embed_new(embedder, &mut 0, tell).await,
            None => Ok(0),
        }
    }

    async fn embed_new(&self, embedder: &Embedder, after: &mut i64, tell: impl Fn(usize, usize)) -> Result<usize, ReplyError> {
        let model = embedder.config().model.as_str();
        self.knowledge.take_up_vectors(model).await?;
        let (mut done, mut all, mut told) = (0, 0, Instant::now());
        // What changes from here on is looked for in the next turn.
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
            let documents: Vec<Document> = documents.into_iter().map(|(_, document)| document).collect();
            let kept = vectors_of(embedder, &documents).await.map_err(|error| ReplyError::Model { error, partial: false })?;
            self.knowledge.keep_vectors(model, &kept).await?;
            self.knowledge.take_up_vectors(model).await?;
            *after = last;
            done += documents.len();
            if told.elapsed() >= TELLS {
                told = Instant::now();
                tell(done, all.max(done));
            }
        }
        if done > 0 {
            tell(done, all.max(done));
        }
        Ok(done)
    }
}

/// What was asked last (the last turn, and the last three), and what about (the last six), each as it may leave the house.
async fn meaning_of_chat(embedder: &Embedder, chat: Option<&Chat>, extra: &str, masked: impl Fn(&str) -> String) -> Option<Meaning> {
    let said = |turns: usize| {
        let said = match (chat, turns) {
            (Some(chat), 1) => chat.last_burst_text(),
            (Some(chat), turns) => query::last_turns(chat, turns),
            (None, _) => String::new(),
        };
        masked(&format!("{said}\n{extra}"))
    };
    let (last, three, six) = (said(1), said(3), said(6));
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
    // Of a chat of one message all three are the same.
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

/// What the endpoint says in time, if it does.
async fn ask(embedder: &Embedder, texts: &[String], question: EmbeddingPurpose) -> Option<Vec<Vec<f32>>> {
    let answer = embedder.ask(texts, question).await;
    answer.inspect_err(|error| tracing::debug!(error = %error, "what was asked is not embedded; words alone are searched")).ok()
}

/// The vectors of documents; none of one whose texts the endpoint refuses.
async fn vectors_of(embedder: &Embedder, documents: &[Document]) -> Result<Vec<KeptVectors>, ModelError> {
    let texts: Vec<DocumentTexts> = documents.iter().map(DocumentTexts::of).collect();
    let all: Vec<String> = texts.iter().flat_map(|texts| texts.texts.iter().cloned()).collect();
    let batches = stream::iter(all.chunks(TEXTS_AT_ONCE).map(<[String]>::to_vec)).map(|batch| embed(embedder, batch)).buffered(AT_ONCE);
    let vectors: Vec<Vec<Option<Vec<f32>>>> = batches.try_collect().await?;
    let mut vectors = vectors.into_iter().flatten();
    let mut kept = Vec::with_capacity(documents.len());
    for (document, DocumentTexts { whole, texts }) in documents.iter().zip(texts) {
        let mut here: Vec<Option<Vec<f32>>> = vectors.by_ref().take(texts.len()).collect();
        // Without a vector of the whole it is compared by its pieces, as a list is.
        let whole = whole && here.first().is_some_and(Option::is_some);
        let here: Vec<Vec<f32>> = here.drain(..).flatten().collect();
        kept.push(KeptVectors { key: document.key(), hash: document.hash(), vectors: DocumentVectors::new(whole, &here) });
    }
    Ok(kept)
}

/// Vectors of texts. Of what is refused or can't be read, as too long or too much at once, less is tried; `None` of a text that is refused
/// however short.
async fn embed(embedder: &Embedder, texts: Vec<String>) -> Result<Vec<Option<Vec<f32>>>, ModelError> {
    let mut vectors = Vec::with_capacity(texts.len());
    let mut refused = 0;
    // Batches that are left, the next one last.
    let mut left = vec![texts];
    while let Some(mut texts) = left.pop() {
        match embedder.embed(&texts, MAX_PAUSE).await {
            Ok(embedded) => vectors.extend(embedded.into_iter().map(Some)),
            Err(error) if !error.less_input_may_do() => return Err(error),
            Err(_) if texts.len() > 1 => {
                let rest = texts.split_off(texts.len() / 2);
                left.extend([rest, texts]);
            }
            Err(error) => {
                let text = &texts[0];
                let half: String = text.chars().take(text.chars().count() / 2).collect();
                if half.chars().count() >= MIN_LETTERS {
                    left.push(vec![half]);
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
