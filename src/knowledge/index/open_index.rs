//! One index in its folder: opened, checked, written to. Everything that is wrong with it, a panic of the library included, is an error.

use std::{
    fs, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Arc,
};

use tantivy::{IndexReader, IndexWriter, ReloadPolicy, TantivyError, Term};

use crate::{
    knowledge::{
        documents::document_rows::Change,
        error::KnowledgeError,
        index::{
            schema::{Fields, LINES, LineTokenizer, indexed, key_text, schema},
            sealed_directory::SealedDirectory,
            snapshot::IndexSnapshot,
        },
    },
    task,
};

/// The format version. Goes up whenever the fields, the analyzer, the files, or what counts as a document's text change.
pub const FORMAT: &str = "5";
/// The format in the payload of an incomplete index.
pub const UNFINISHED: &str = "unfinished";
const WRITER_BYTES: usize = 64 << 20;

/// An open index.
pub struct OpenIndex {
    pub folder: PathBuf,
    pub index: tantivy::Index,
    fields: Fields,
    writer: IndexWriter,
    reader: IndexReader,
    /// The number of the last change that it contains; 0 for another version's or an incomplete one.
    pub last_change: i64,
    /// What can be searched.
    pub snapshot: Arc<IndexSnapshot>,
}

impl OpenIndex {
    pub fn create(folder: PathBuf) -> Result<OpenIndex, TantivyError> {
        fs::create_dir_all(&folder)?;
        let (schema, _) = schema();
        let directory = SealedDirectory::open(&folder)?;
        let index = tantivy::Index::create(directory, schema, tantivy::IndexSettings::default())?;
        OpenIndex::of(folder, index, 0)
    }

    /// Opens an index. Returns it as `Ok` if it is complete and of this version, else, if it can be searched at all, as the inner error.
    pub fn open(folder: PathBuf) -> Result<Result<OpenIndex, OpenIndex>, TantivyError> {
        let index = tantivy::Index::open(SealedDirectory::open(&folder)?)?;
        if index.schema() != schema().0 {
            return Err(TantivyError::InternalError("it has other fields".to_owned()));
        }
        check(&index)?;
        let payload = index.load_metas()?.payload;
        let last_change = payload.as_deref().and_then(|payload| payload.split_once(':')).filter(|(format, _)| *format == FORMAT);
        match last_change.and_then(|(_, number)| number.parse().ok()) {
            Some(number) => Ok(Ok(OpenIndex::of(folder, index, number)?)),
            None => Ok(Err(OpenIndex::of(folder, index, 0)?)),
        }
    }

    fn of(folder: PathBuf, index: tantivy::Index, last_change: i64) -> Result<OpenIndex, TantivyError> {
        index.tokenizers().register(LINES, LineTokenizer::default());
        let writer = index.writer_with_num_threads(1, WRITER_BYTES)?;
        let reader: IndexReader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let fields = schema().1;
        let snapshot = Arc::new(IndexSnapshot::new(reader.searcher(), fields, None)?);
        Ok(OpenIndex { folder, index, fields, writer, reader, last_change, snapshot })
    }

    /// Applies changes; `last` is the number of the last one. A failed index is of no more use: changes that were added but not committed
    /// must not get in with the next commit.
    pub fn apply(mut self, changes: &[Change], last: i64) -> Result<OpenIndex, TantivyError> {
        for change in changes {
            self.writer.delete_term(Term::from_field_text(self.fields.key, &key_text(&change.key)));
            if let Some(document) = &change.document {
                self.writer.add_document(indexed(self.fields, document)?)?;
            }
        }
        self.last_change = last;
        Ok(self)
    }

    pub fn commit(mut self, format: &str) -> Result<OpenIndex, TantivyError> {
        let mut commit = self.writer.prepare_commit()?;
        commit.set_payload(&format!("{format}:{}", self.last_change));
        commit.commit()?;
        self.reader.reload()?;
        self.snapshot = Arc::new(IndexSnapshot::new(self.reader.searcher(), self.fields, Some(&self.snapshot))?);
        Ok(self)
    }
}

/// Verifies the files of an index.
pub fn check(index: &tantivy::Index) -> Result<(), TantivyError> {
    // Tantivy checks the files of its own list; without the list it would check none.
    if !index.directory().list_managed_files().contains(Path::new("meta.json")) {
        return Err(TantivyError::InternalError("the list of its files is missing".to_owned()));
    }
    if !index.validate_checksum()?.is_empty() {
        return Err(TantivyError::InternalError("checksum mismatch".to_owned()));
    }
    Ok(())
}

/// Finds the newest index that is complete, of this version, and not ahead of the catalog; without one, an index that can at least be
/// searched.
pub fn find(root: &Path, newest: i64) -> Result<(Option<OpenIndex>, Option<OpenIndex>), TantivyError> {
    if root.exists() && !root.is_dir() {
        fs::remove_file(root)?;
    }
    fs::create_dir_all(root)?;
    let mut old = None;
    for folder in folders(root)?.into_iter().rev() {
        match guarded(|| OpenIndex::open(folder.clone())) {
            Ok(Ok(open)) if open.last_change <= newest => {
                remove_others(root, &folder);
                return Ok((Some(open), None));
            }
            Ok(Ok(open) | Err(open)) => {
                tracing::warn!("index is ahead of the catalog, of another format or incomplete; rebuilding it");
                if open.reader.searcher().num_docs() > 0 && old.is_none() {
                    old = Some(open);
                }
            }
            Err(error) => tracing::warn!(error = %error, "index can't be opened; rebuilding it"),
        }
    }
    if old.is_none() {
        // None of them is usable.
        folders(root)?.iter().for_each(|folder| remove(folder));
    }
    Ok((None, old))
}

/// Returns the index folders, oldest first.
fn folders(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        if let Some(number) = entry.file_name().to_str().and_then(|name| name.parse().ok()) {
            found.push((number, entry.path()));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, folder)| folder).collect())
}

pub fn next_folder(root: &Path) -> io::Result<PathBuf> {
    let number = |folder: &PathBuf| folder.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse::<u64>().ok());
    let last = folders(root)?.last().and_then(number).unwrap_or(0);
    Ok(root.join((last + 1).to_string()))
}

/// Removes all but one index, and what earlier versions left beside the folders. What can't be removed is retried next time.
pub fn remove_others(root: &Path, kept: &Path) {
    let Ok(entries) = fs::read_dir(root) else { return };
    entries.flatten().map(|entry| entry.path()).filter(|path| path != kept).for_each(|path| remove(&path));
}

fn remove(path: &Path) {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    if let Err(error) = removed {
        tracing::warn!(error = %error, "can't remove an old index");
    }
}

/// Does work with files that may be damaged. A panic of the library over them becomes an error.
fn guarded<T>(work: impl FnOnce() -> Result<T, TantivyError>) -> Result<T, TantivyError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(TantivyError::InternalError("the index library panicked".to_owned())))
}

/// Runs work that keeps a core or the disk busy off the serving threads.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, TantivyError> + Send + 'static) -> Result<T, KnowledgeError> {
    Ok(task::blocking("work on the index", work).await??)
}
