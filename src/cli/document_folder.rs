//! Writes documents into a knowledge base folder.

use std::{
    collections::HashMap,
    fs::{self, DirBuilder, Permissions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use anyhow::Context;

use crate::knowledge::{Document, DocumentKey, Kind, documents_in};

/// A folder, and the documents that it has.
pub struct DocumentFolder {
    root: PathBuf,
    /// The file of each document, relative to the folder.
    files: HashMap<DocumentKey, PathBuf>,
    /// Whether a file that says something else is overwritten.
    replace: bool,
    /// The modes of folders and files that are made.
    modes: Modes,
}

/// Whom new folders and files are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Modes {
    /// As the process makes files.
    Usual,
    /// For their owner alone.
    Private,
}

/// What became of a document.
#[derive(Debug, PartialEq, Eq)]
pub enum Written {
    New,
    Replaced,
    Same,
    /// Its file, which says something else and stays.
    Kept(PathBuf),
}

impl DocumentFolder {
    /// Opens a folder, which need not exist yet.
    pub fn open(root: &Path, replace: bool, modes: Modes) -> anyhow::Result<DocumentFolder> {
        let files = match root.exists() {
            true => documents_in(root).with_context(|| format!("can't read `{}`", root.display()))?.0,
            false => Vec::new(),
        };
        let files = files.into_iter().map(|found| (found.document.key(), found.file)).collect();
        Ok(DocumentFolder { root: root.to_owned(), files, replace, modes })
    }

    /// Says what writing a document would do. The error says why it can't be written.
    pub fn would_write(&self, document: &Document) -> Result<Written, String> {
        Ok(self.plan(document)?.2)
    }

    /// Writes a document, whole or not at all. The error says why it can't be written.
    pub fn write(&mut self, document: &Document) -> Result<Written, String> {
        let (path, text, written) = self.plan(document)?;
        if matches!(written, Written::New | Written::Replaced) {
            self.replace_file(&path, &text).map_err(|error| format!("can't write `{}`: {error}", path.display()))?;
        }
        Ok(written)
    }

    /// Writes a file that is no document, such as the voice's, over one that there is.
    pub fn write_file(&self, name: &str, text: &str) -> Result<(), String> {
        let path = self.root.join(name);
        self.replace_file(&path, text).map_err(|error| format!("can't write `{}`: {error}", path.display()))
    }

    fn plan(&self, document: &Document) -> Result<(PathBuf, String, Written), String> {
        if let Some(problem) = Document::file_name_problem(document.id.as_str()) {
            return Err(format!("the id `{}` {problem}", document.id));
        }
        let text = document.file_text().map_err(|problem| format!("`{}` {problem}", document.id))?;
        let kind = match document.kind() {
            Kind::Article => "articles",
            Kind::CannedAnswer => "canned-answers",
        };
        // An author may have moved a file to another folder of its language.
        let usual = || Path::new(kind).join(document.language.as_str()).join(format!("{}.md", document.id));
        let relative = self.files.get(&document.key()).cloned().unwrap_or_else(usual);
        let path = self.root.join(&relative);
        let written = match fs::read(&path) {
            Ok(kept) if kept == text.as_bytes() => Written::Same,
            Ok(_) if self.replace => Written::Replaced,
            Ok(_) => Written::Kept(relative),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Written::New,
            Err(error) => return Err(format!("can't read `{}`: {error}", path.display())),
        };
        Ok((path, text, written))
    }

    fn replace_file(&self, path: &Path, text: &str) -> io::Result<()> {
        let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        let private = self.modes == Modes::Private;
        DirBuilder::new().recursive(true).mode(if private { 0o700 } else { 0o777 }).create(folder)?;
        let mut builder = tempfile::Builder::new();
        // Hidden names are no part of a knowledge base.
        builder.prefix(".deskhand-");
        if !private {
            builder.permissions(Permissions::from_mode(0o666));
        }
        let mut file = builder.tempfile_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.persist(path)?;
        Ok(())
    }
}
