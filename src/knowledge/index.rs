//! The index: a cache of the catalog. Its commit payload names the version of its format and the last change it holds, so that it
//! catches up at start, or is made anew when it is of another version, damaged, or ahead of the catalog.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tantivy::{
    IndexReader, IndexWriter, ReloadPolicy, TantivyDocument, TantivyError, Term,
    schema::{Field, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions},
    tokenizer::{PreTokenizedString, Token},
};
use tokio::sync::{Notify, watch};
use tokio_util::task::AbortOnDropHandle;

use super::{Catalog, Details, Document, DocumentKey, KnowledgeError, Visibility, document_rows::Change};
use crate::text::{fold, plain, words};

/// Goes up whenever the fields or the analyzer change.
const FORMAT: &str = "1";
const WRITER_BYTES: usize = 32 << 20;
/// Changes taken in one commit.
const STEP: i64 = 2000;
/// How often the catalog is asked for changes that another process made.
const POLL: Duration = Duration::from_millis(500);
/// How long a change waits for the index.
const CATCH_UP: Duration = Duration::from_secs(20);

/// The index's fields.
#[derive(Debug, Clone, Copy)]
pub struct Fields {
    pub key: Field,
    pub kind: Field,
    pub language: Field,
    pub category: Field,
    pub tag: Field,
    pub audience: Field,
    /// `everyone`, `group:…` or `agent:…`
    pub visibility: Field,
    pub shortcut: Field,
    pub title: Field,
    pub tag_words: Field,
    pub body: Field,
    /// The document as JSON.
    pub source: Field,
}

/// The index of one workspace, and the task that keeps it up with the catalog.
pub struct Index {
    pub fields: Fields,
    reader: IndexReader,
    applied: watch::Receiver<i64>,
    wake: Arc<Notify>,
    _follow: AbortOnDropHandle<()>,
}

impl Index {
    /// Opens the index in `folder`, or begins it anew, catches up with the catalog, and goes on following it.
    pub async fn start(folder: PathBuf, catalog: Catalog) -> Result<Index, KnowledgeError> {
        let (schema, fields) = schema();
        let newest = catalog.last_number().await?;
        let (writer, reader, held) = tokio::task::spawn_blocking(move || open(&folder, schema, newest))
            .await
            .map_err(|_| TantivyError::InternalError("the index's opening was stopped".to_owned()))??;
        let mut follower = Follower { catalog, fields, writer: Some(writer), reader: reader.clone() };
        let held = follower.catch_up(held).await?;
        let (tell, applied) = watch::channel(held);
        let wake = Arc::new(Notify::new());
        let follow = AbortOnDropHandle::new(tokio::spawn(follower.follow(held, tell, Arc::clone(&wake))));
        Ok(Index { fields, reader, applied, wake, _follow: follow })
    }

    /// What can be searched now.
    pub fn searcher(&self) -> tantivy::Searcher {
        self.reader.searcher()
    }

    /// Waits until the change of this number can be found.
    pub async fn holds(&self, number: i64) -> Result<(), KnowledgeError> {
        self.wake.notify_one();
        let mut applied = self.applied.clone();
        match tokio::time::timeout(CATCH_UP, applied.wait_for(|held| *held >= number)).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(KnowledgeError::IndexBehind),
        }
    }
}

/// Applies the catalog's changes, in order.
struct Follower {
    catalog: Catalog,
    fields: Fields,
    /// `None` only while a commit has it, or after one was lost.
    writer: Option<IndexWriter>,
    reader: IndexReader,
}

impl Follower {
    async fn follow(mut self, mut held: i64, tell: watch::Sender<i64>, wake: Arc<Notify>) {
        loop {
            let _ = tokio::time::timeout(POLL, wake.notified()).await;
            match self.catch_up(held).await {
                Ok(now) if now != held => {
                    held = now;
                    tell.send_replace(held);
                }
                Ok(_) => {}
                // The next turn tries again; a Put that waits is told that the index is behind.
                Err(error) => tracing::warn!(error = %error, "the index can't follow the catalog"),
            }
        }
    }

    async fn catch_up(&mut self, mut held: i64) -> Result<i64, KnowledgeError> {
        loop {
            let changes = self.catalog.changes(held, STEP).await?;
            let Some(last) = changes.last().map(|change| change.number) else { return Ok(held) };
            let Some(writer) = self.writer.take() else {
                return Err(TantivyError::InternalError("the index's writer is lost; restart to open it again".to_owned()).into());
            };
            let (fields, reader) = (self.fields, self.reader.clone());
            let done = tokio::task::spawn_blocking(move || apply(writer, fields, &reader, &changes, last)).await;
            let (writer, result) = done.map_err(|_| TantivyError::InternalError("an index commit was stopped".to_owned()))?;
            self.writer = Some(writer);
            result?;
            held = last;
        }
    }
}

fn apply(
    mut writer: IndexWriter,
    fields: Fields,
    reader: &IndexReader,
    changes: &[Change],
    last: i64,
) -> (IndexWriter, Result<(), TantivyError>) {
    let result = (|| {
        for change in changes {
            writer.delete_term(Term::from_field_text(fields.key, &key_text(&change.key)));
            if let Some(document) = &change.document {
                writer.add_document(indexed(fields, document)?)?;
            }
        }
        let mut commit = writer.prepare_commit()?;
        commit.set_payload(&format!("{FORMAT}:{last}"));
        commit.commit()?;
        reader.reload()
    })();
    if result.is_err() {
        // What was added but not committed must not come in with the next commit.
        let _ = writer.rollback();
    }
    (writer, result)
}

fn open(folder: &Path, schema: Schema, newest: i64) -> Result<(IndexWriter, IndexReader, i64), TantivyError> {
    match open_held(folder, &schema) {
        Ok((writer, reader, held)) if held <= newest => return Ok((writer, reader, held)),
        Ok(_) => tracing::warn!("the index is ahead of the catalog or of another format; it is made anew"),
        Err(error) => tracing::warn!(error = %error, "the index can't be opened; it is made anew"),
    }
    fs::remove_dir_all(folder)?;
    open_held(folder, &schema)
}

fn open_held(folder: &Path, schema: &Schema) -> Result<(IndexWriter, IndexReader, i64), TantivyError> {
    fs::create_dir_all(folder)?;
    let directory = tantivy::directory::MmapDirectory::open(folder)?;
    let index = tantivy::Index::open_or_create(directory, schema.clone())?;
    let payload = index.load_metas()?.payload;
    let held = match payload.as_deref().and_then(|payload| payload.split_once(':')) {
        Some((FORMAT, number)) => number.parse().unwrap_or(i64::MAX),
        Some(_) => i64::MAX,
        None => 0,
    };
    if !index.validate_checksum()?.is_empty() {
        return Err(TantivyError::InternalError("a file's checksum does not fit".to_owned()));
    }
    let writer = index.writer_with_num_threads(1, WRITER_BYTES)?;
    let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
    Ok((writer, reader, held))
}

fn schema() -> (Schema, Fields) {
    let words = TextOptions::default()
        .set_indexing_options(TextFieldIndexing::default().set_tokenizer("raw").set_index_option(IndexRecordOption::WithFreqs));
    let mut schema = Schema::builder();
    let fields = Fields {
        key: schema.add_text_field("key", STRING),
        kind: schema.add_text_field("kind", STRING),
        language: schema.add_text_field("language", STRING),
        category: schema.add_text_field("category", STRING),
        tag: schema.add_text_field("tag", STRING),
        audience: schema.add_text_field("audience", STRING),
        visibility: schema.add_text_field("visibility", STRING),
        shortcut: schema.add_text_field("shortcut", STRING),
        title: schema.add_text_field("title", words.clone()),
        tag_words: schema.add_text_field("tag_words", words.clone()),
        body: schema.add_text_field("body", words),
        source: schema.add_text_field("source", STORED),
    };
    (schema.build(), fields)
}

/// A document's key as the index has it.
fn key_text(key: &DocumentKey) -> String {
    format!("{}\n{}\n{}", key.kind as i16, key.language, key.id)
}

fn indexed(fields: Fields, document: &Document) -> Result<TantivyDocument, TantivyError> {
    let mut indexed = TantivyDocument::new();
    indexed.add_text(fields.key, key_text(&document.key()));
    indexed.add_text(fields.kind, (document.kind() as i16).to_string());
    indexed.add_text(fields.language, document.language.as_str());
    indexed.add_text(fields.category, &document.category);
    for tag in &document.tags {
        indexed.add_text(fields.tag, tag);
    }
    match &document.details {
        Details::Article { audience, .. } => indexed.add_text(fields.audience, audience_text(*audience)),
        Details::CannedAnswer { shortcut, visibility } => {
            indexed.add_text(fields.visibility, visibility_text(visibility));
            indexed.add_text(fields.shortcut, shortcut_key(shortcut));
        }
    }
    let language = document.language.primary();
    indexed.add_pre_tokenized_text(fields.title, tokens(&document.title, language));
    indexed.add_pre_tokenized_text(fields.tag_words, tokens(&document.tags.join(" "), language));
    indexed.add_pre_tokenized_text(fields.body, tokens(&plain(&document.body), language));
    let source = serde_json::to_string(document).map_err(|error| TantivyError::InternalError(error.to_string()))?;
    indexed.add_text(fields.source, source);
    Ok(indexed)
}

/// An audience as the index has it.
pub fn audience_text(audience: super::Audience) -> &'static str {
    match audience {
        super::Audience::Public => "public",
        super::Audience::Agents => "agents",
    }
}

/// A visibility as the index has it.
pub fn visibility_text(visibility: &Visibility) -> String {
    match visibility {
        Visibility::Everyone => "everyone".to_owned(),
        Visibility::Group(group) => format!("group:{group}"),
        Visibility::Agent(agent) => format!("agent:{agent}"),
    }
}

/// A shortcut as it is compared: without the slash, case and accents.
pub fn shortcut_key(shortcut: &str) -> String {
    fold(shortcut.trim().trim_start_matches('/'))
}

/// Every key of a word stands at the word's position.
fn tokens(text: &str, language: &str) -> PreTokenizedString {
    let mut tokens = Vec::new();
    for (position, word) in words(text, language).into_iter().enumerate() {
        for key in word.keys {
            tokens.push(Token { offset_from: word.start, offset_to: word.end, position, text: key, position_length: 1 });
        }
    }
    PreTokenizedString { text: String::new(), tokens }
}
