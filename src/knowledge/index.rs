//! The index: a cache of the catalog. Its commit payload names the version of its format and the last change it holds, so that it
//! catches up at start, or is made anew when it is of another version, damaged, or ahead of the catalog.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tantivy::{IndexReader, IndexWriter, ReloadPolicy, TantivyError, Term, schema::Schema};
use tokio::sync::{Notify, watch};
use tokio_util::task::AbortOnDropHandle;

use super::{
    Catalog, KnowledgeError,
    document_rows::Change,
    schema::{Fields, LINES, LineTokenizer, indexed, key_text, schema},
    view::View,
};

/// Goes up whenever the fields or the analyzer change.
const FORMAT: &str = "3";
const WRITER_BYTES: usize = 32 << 20;
/// Changes taken in one commit.
const STEP: i64 = 2000;
/// How often the catalog is asked for changes that another process made.
const POLL: Duration = Duration::from_millis(500);
/// How long a change waits for the index.
const CATCH_UP: Duration = Duration::from_secs(20);

/// The index of one workspace, and the task that keeps it up with the catalog.
pub struct Index {
    view: Arc<RwLock<Arc<View>>>,
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
        let view = Arc::new(RwLock::new(Arc::new(View::new(reader.searcher(), fields, None)?)));
        let mut follower = Follower { catalog, fields, writer: Some(writer), shown: Shown { reader, view: Arc::clone(&view) } };
        let held = follower.catch_up(held).await?;
        let (tell, applied) = watch::channel(held);
        let wake = Arc::new(Notify::new());
        let follow = AbortOnDropHandle::new(tokio::spawn(follower.follow(held, tell, Arc::clone(&wake))));
        Ok(Index { view, applied, wake, _follow: follow })
    }

    /// What can be searched now.
    pub fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.read().unwrap_or_else(PoisonError::into_inner))
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
    shown: Shown,
}

/// What is searched, and how it is brought up to what was committed.
#[derive(Clone)]
struct Shown {
    reader: IndexReader,
    view: Arc<RwLock<Arc<View>>>,
}

impl Shown {
    fn reload(&self, fields: Fields) -> Result<(), TantivyError> {
        self.reader.reload()?;
        let last = Arc::clone(&self.view.read().unwrap_or_else(PoisonError::into_inner));
        let view = Arc::new(View::new(self.reader.searcher(), fields, Some(&last))?);
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = view;
        Ok(())
    }
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
            let (fields, shown) = (self.fields, self.shown.clone());
            let done = tokio::task::spawn_blocking(move || apply(writer, fields, &shown, &changes, last)).await;
            let (writer, result) = done.map_err(|_| TantivyError::InternalError("an index commit was stopped".to_owned()))?;
            self.writer = Some(writer);
            result?;
            held = last;
        }
    }
}

fn apply(mut writer: IndexWriter, fields: Fields, shown: &Shown, changes: &[Change], last: i64) -> (IndexWriter, Result<(), TantivyError>) {
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
        shown.reload(fields)
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
    index.tokenizers().register(LINES, LineTokenizer::default());
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
