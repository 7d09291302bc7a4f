//! One index in its folder: opened, looked through, written to. Whatever is wrong with it, and a panic of the library too, is an error.

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

/// Goes up whenever the fields, the analyzer, the files or what counts as a document's text change.
pub const FORMAT: &str = "4";
/// Stands in the payload of an index that is not whole yet.
pub const UNFINISHED: &str = "unfinished";
const WRITER_BYTES: usize = 64 << 20;

/// An index that is open.
pub struct OpenIndex {
    pub folder: PathBuf,
    pub index: tantivy::Index,
    fields: Fields,
    writer: IndexWriter,
    reader: IndexReader,
    /// The last change it holds; 0 of another version's, or one that is not whole.
    pub held: i64,
    /// What can be searched of it.
    pub view: Arc<IndexSnapshot>,
}

impl OpenIndex {
    pub fn create(folder: PathBuf) -> Result<OpenIndex, TantivyError> {
        fs::create_dir_all(&folder)?;
        let (schema, _) = schema();
        let directory = SealedDirectory::open(&folder)?;
        let index = tantivy::Index::create(directory, schema, tantivy::IndexSettings::default())?;
        OpenIndex::of(folder, index, 0)
    }

    /// Opens an index that is whole and of this version; another one, if it can be searched at all, is returned as the error.
    pub fn open(folder: PathBuf) -> Result<Result<OpenIndex, OpenIndex>, TantivyError> {
        let index = tantivy::Index::open(SealedDirectory::open(&folder)?)?;
        if index.schema() != schema().0 {
            return Err(TantivyError::InternalError("it has other fields".to_owned()));
        }
        check(&index)?;
        let payload = index.load_metas()?.payload;
        let held = payload.as_deref().and_then(|payload| payload.split_once(':')).filter(|(format, _)| *format == FORMAT);
        match held.and_then(|(_, number)| number.parse().ok()) {
            Some(number) => Ok(Ok(OpenIndex::of(folder, index, number)?)),
            None => Ok(Err(OpenIndex::of(folder, index, 0)?)),
        }
    }

    fn of(folder: PathBuf, index: tantivy::Index, held: i64) -> Result<OpenIndex, TantivyError> {
        index.tokenizers().register(LINES, LineTokenizer::default());
        let writer = index.writer_with_num_threads(1, WRITER_BYTES)?;
        let reader: IndexReader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let fields = schema().1;
        let view = Arc::new(IndexSnapshot::new(reader.searcher(), fields, None)?);
        Ok(OpenIndex { folder, index, fields, writer, reader, held, view })
    }

    /// Adds changes, of which `last` is the last one's number. An index that failed is of no use any more: what was added but not committed
    /// must not come in with the next commit.
    pub fn apply(mut self, changes: &[Change], last: i64) -> Result<OpenIndex, TantivyError> {
        for change in changes {
            self.writer.delete_term(Term::from_field_text(self.fields.key, &key_text(&change.key)));
            if let Some(document) = &change.document {
                self.writer.add_document(indexed(self.fields, document)?)?;
            }
        }
        self.held = last;
        Ok(self)
    }

    pub fn commit(mut self, format: &str) -> Result<OpenIndex, TantivyError> {
        let mut commit = self.writer.prepare_commit()?;
        commit.set_payload(&format!("{format}:{}", self.held));
        commit.commit()?;
        self.reader.reload()?;
        self.view = Arc::new(IndexSnapshot::new(self.reader.searcher(), self.fields, Some(&self.view))?);
        Ok(self)
    }
}

/// Looks through the files of an index.
pub fn check(index: &tantivy::Index) -> Result<(), TantivyError> {
    // The files that are checked are those of Tantivy's own list; without the list there would be none.
    if !index.directory().list_managed_files().contains(Path::new("meta.json")) {
        return Err(TantivyError::InternalError("the list of its files is gone".to_owned()));
    }
    if !index.validate_checksum()?.is_empty() {
        return Err(TantivyError::InternalError("a file's checksum does not fit".to_owned()));
    }
    Ok(())
}

/// The newest index that is whole, of this version and not ahead of the catalog; and if there is none, one that can be searched at least.
pub fn find(root: &Path, newest: i64) -> Result<(Option<OpenIndex>, Option<OpenIndex>), TantivyError> {
    if root.exists() && !root.is_dir() {
        fs::remove_file(root)?;
    }
    fs::create_dir_all(root)?;
    let mut old = None;
    for folder in folders(root)?.into_iter().rev() {
        match guarded(|| OpenIndex::open(folder.clone())) {
            Ok(Ok(open)) if open.held <= newest => {
                remove_others(root, &folder);
                return Ok((Some(open), None));
            }
            Ok(Ok(open) | Err(open)) => {
                tracing::warn!("the index is ahead of the catalog, of another format or unfinished; it is built anew");
                if open.reader.searcher().num_docs() > 0 && old.is_none() {
                    old = Some(open);
                }
            }
            Err(error) => tracing::warn!(error = %error, "the index can't be opened; it is built anew"),
        }
    }
    if old.is_none() {
        // Nothing of what is there is of use.
        folders(root)?.iter().for_each(|folder| remove(folder));
    }
    Ok((None, old))
}

/// The folders of indexes, in the order in which they were begun.
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

/// Removes all but one index, and what versions before this one left beside the folders. What can't be removed stays for the next time.
pub fn remove_others(root: &Path, kept: &Path) {
    let Ok(entries) = fs::read_dir(root) else { return };
    entries.flatten().map(|entry| entry.path()).filter(|path| path != kept).for_each(|path| remove(&path));
}

fn remove(path: &Path) {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    if let Err(error) = removed {
        tracing::warn!(error = %error, "an old index can't be removed");
    }
}

/// Does work with files that may be damaged. Where the library panics over them, that is an error like any other.
fn guarded<T>(work: impl FnOnce() -> Result<T, TantivyError>) -> Result<T, TantivyError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(TantivyError::InternalError("the index library panicked".to_owned())))
}

/// Does what keeps a core or the disk busy off the threads that serve.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, TantivyError> + Send + 'static) -> Result<T, KnowledgeError> {
    Ok(task::blocking("work on the index", work).await??)
}
