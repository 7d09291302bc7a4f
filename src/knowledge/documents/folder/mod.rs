//! The knowledge base folder: Markdown files with YAML front matter, the voice, the glossary, synonyms.
//!
//! A file that can't be read is a problem with its line; the rest of the folder is imported anyway. Everything that is not read is
//! reported.

pub mod stamp;
pub mod words;

use std::{
    collections::{BTreeMap, HashMap},
    fmt, fs, io,
    path::{Path, PathBuf},
};

use unicode_normalization::UnicodeNormalization;

use stamp::Identity;
use words::Term;

use crate::{
    ids::Id,
    knowledge::documents::{
        document::{Document, DocumentKey, Kind},
        front_matter::{Trouble, cut_values, line_at, parse_document},
        rules::flawed_comments,
        voice::Voice,
    },
    text::Language,
};

/// Largest file that is read, in bytes: a body's limit and its front matter.
const MAX_BYTES: u64 = 300_000;
/// The folders of a knowledge base.
const PARTS: [&str; 3] = ["articles", "canned-answers", "synonyms"];
/// The other files that it may have.
const FILES: [&str; 3] = ["voice.md", "glossary.toml", "README.md"];
/// Endings of Markdown files elsewhere.
const MARKDOWN_ENDINGS: [&str; 6] = ["md", "markdown", "mdown", "mkd", "mdx", "txt"];
/// Largest edit distance at which a known name is suggested for an unknown one.
const MAX_NAME_DISTANCE: usize = 2;

/// The content of a folder.
#[derive(Debug, Clone, Default)]
pub struct Folder {
    pub documents: Vec<Document>,
    /// The file of each document, relative to the folder.
    pub files: HashMap<DocumentKey, PathBuf>,
    /// Documents whose file can't be read now.
    pub broken: Vec<DocumentKey>,
    /// `None` if there is no such file, or it can't be read.
    pub voice: Option<Voice>,
    pub glossary: Option<Vec<Term>>,
    /// Groups of synonyms, by language, as they are written.
    pub synonyms: BTreeMap<String, Vec<Vec<String>>>,
    pub problems: Vec<Problem>,
    /// Files that are not read and do not seem part of a knowledge base.
    pub ignored: Vec<Problem>,
    /// Whether some folder could not be listed, so that documents that seem to be missing may exist.
    pub incomplete: bool,
    /// Whether some file could not be read at all, which may be temporary.
    pub unreadable: bool,
}

/// A problem with a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Relative to the folder.
    pub file: PathBuf,
    /// From 1.
    pub line: usize,
    /// What is wrong, and what is allowed.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.file.display(), self.line, self.message)
    }
}

impl Folder {
    /// Reads a folder. One that does not exist, or that is replaced meanwhile, is an error: it says nothing about documents.
    pub fn read(root: &Path) -> io::Result<Folder> {
        let identity = Identity::of(root)?;
        // A link that is switched meanwhile must not mix two folders.
        let root = identity.path();
        fs::read_dir(root)?;
        let mut folder = Folder::default();
        folder.read_documents(root, "articles", Kind::Article);
        folder.read_documents(root, "canned-answers", Kind::CannedAnswer);
        folder.read_voice(root);
        folder.read_glossary(root);
        folder.read_synonyms(root);
        folder.report_unknown_entries(root);
        folder.problems.sort();
        folder.ignored.sort();
        if Identity::of(root)? != identity {
            return Err(io::Error::other("the folder was replaced while it was read"));
        }
        Ok(folder)
    }

    fn read_documents(&mut self, root: &Path, name: &str, kind: Kind) {
        for language_folder in self.entries(root, &root.join(name)) {
            let is_link = fs::symlink_metadata(&language_folder).is_ok_and(|data| data.is_symlink());
            if is_link && !language_folder.exists() {
                self.incomplete = true;
                self.problem(root, &language_folder, 1, "the link is dangling; documents imported from it are kept".to_owned());
                continue;
            }
            if !language_folder.is_dir() {
                match is_like_markdown(&language_folder) {
                    true => {
                        let message = format!("not read; put documents in a language folder such as `{name}/en/`");
                        self.problem(root, &language_folder, 1, message);
                    }
                    false => self.ignore(root, &language_folder),
                }
                continue;
            }
            let tag = language_folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let language = match Language::parse(&tag) {
                Ok(language) => language,
                Err(problem) => {
                    self.problem(root, &language_folder, 1, format!("the folder name {problem}; nothing in it is read"));
                    continue;
                }
            };
            for file in self.markdown_files(root, &language_folder) {
                self.read_document(root, &file, kind, &language);
            }
        }
    }

    fn read_document(&mut self, root: &Path, file: &Path, kind: Kind, language: &Language) {
        let Some(stem) = file.file_stem().and_then(|stem| stem.to_str()) else {
            return self.problem(root, file, 1, "not read; the file name is not UTF-8".to_owned());
        };
        // Some systems store accents as separate characters; it is the same name.
        let id = match Id::new(stem.nfc().collect::<String>()) {
            Ok(id) => id,
            Err(problem) => return self.problem(root, file, 1, format!("the file name {problem}")),
        };
        let key = DocumentKey { kind, id, language: language.clone() };
        let relative = file.strip_prefix(root).unwrap_or(file).to_owned();
        if let Some(other) = self.files.get(&key) {
            let message = format!("duplicate id `{}`; it is also that of {}", key.id, other.display());
            return self.problem(root, file, 1, message);
        }
        self.files.insert(key.clone(), relative);
        let text = read_text(file);
        match text.as_ref().map_err(Clone::clone).and_then(|text| parse_document(text, &key)) {
            Ok(document) => {
                for (line, message) in text.iter().flat_map(|text| remarks(text, &document)) {
                    self.problem(root, file, line, message);
                }
                self.documents.push(document);
            }
            Err((line, message)) => {
                self.unreadable |= text.is_err();
                self.problem(root, file, line, message);
                self.broken.push(key);
            }
        }
    }

    /// Reports what the folder has that is not part of a knowledge base.
    fn report_unknown_entries(&mut self, root: &Path) {
        for entry in self.entries(root, root) {
            let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if PARTS.contains(&name.as_str()) || FILES.contains(&name.as_str()) {
                continue;
            }
            let plain = name.to_lowercase().replace('_', "-");
            let distances = PARTS.iter().chain(&FILES[..2]).map(|known| (strsim::osa_distance(&plain, known), *known));
            match distances.min().filter(|(distance, _)| *distance <= MAX_NAME_DISTANCE) {
                Some((_, suggestion)) => self.problem(root, &entry, 1, format!("not read; did you mean `{suggestion}`?")),
                None => self.ignore(root, &entry),
            }
        }
    }

    /// Returns the entries of a folder, in order; none if it does not exist.
    fn entries(&mut self, root: &Path, folder: &Path) -> Vec<PathBuf> {
        let listed =
            fs::read_dir(folder).and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>());
        let mut entries = match listed {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(folder).is_err() => Vec::new(),
            Err(error) => {
                self.incomplete = true;
                self.problem(root, folder, 1, format!("the folder can't be listed ({error}); documents imported from it are kept"));
                Vec::new()
            }
        };
        entries.retain(|path| !path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")));
        entries.sort();
        entries
    }

    /// Returns every Markdown file below a folder, in order. Links to folders are not followed.
    fn markdown_files(&mut self, root: &Path, folder: &Path) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for entry in self.entries(root, folder) {
            if fs::symlink_metadata(&entry).is_ok_and(|data| data.is_dir()) {
                files.extend(self.markdown_files(root, &entry));
            } else if entry.extension().is_some_and(|ending| ending == "md") {
                files.push(entry);
            } else if entry.is_dir() {
                self.problem(root, &entry, 1, "not read; links to folders are not followed".to_owned());
            } else if is_like_markdown(&entry) {
                self.problem(root, &entry, 1, "not read; a document's file name must end in `.md`, in lower case".to_owned());
            } else {
                self.ignore(root, &entry);
            }
        }
        files
    }

    fn ignore(&mut self, root: &Path, file: &Path) {
        let message = "not read; not part of a knowledge base".to_owned();
        self.ignored.push(Problem { file: file.strip_prefix(root).unwrap_or(file).to_owned(), line: 1, message });
    }

    fn problem(&mut self, root: &Path, file: &Path, line: usize, message: String) {
        self.problems.push(Problem { file: file.strip_prefix(root).unwrap_or(file).to_owned(), line, message });
    }
}

fn is_like_markdown(file: &Path) -> bool {
    let ending = file.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    MARKDOWN_ENDINGS.contains(&ending.as_str())
}

/// Returns what an author should fix in a file that can be read.
fn remarks(text: &str, document: &Document) -> Vec<Trouble> {
    let mut remarks = cut_values(text);
    let start = text.rfind(&document.body).unwrap_or(0);
    remarks.extend(flawed_comments(&document.body).map(|(at, rule)| (line_at(text, start + at), rule.to_string())));
    remarks
}

fn read_text(file: &Path) -> Result<String, Trouble> {
    let data = fs::metadata(file).map_err(|error| (1, format!("can't be read: {error}")))?;
    if !data.is_file() {
        // Reading a pipe or a device would block forever.
        return Err((1, "not a regular file".to_owned()));
    }
    if data.len() > MAX_BYTES {
        return Err((1, format!("the file has more than {MAX_BYTES} bytes")));
    }
    let bytes = fs::read(file).map_err(|error| (1, format!("can't be read: {error}")))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..valid].iter().filter(|byte| **byte == b'\n').count() + 1;
        (line, "the file is not UTF-8".to_owned())
    })?;
    Ok(text.strip_prefix('\u{feff}').map_or(text.clone(), str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, Folder) {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let folder = Folder::read(root.path()).unwrap();
        (root, folder)
    }

    #[test]
    fn a_broken_file_is_reported_with_its_line_and_the_rest_is_imported() {
        let (_root, folder) = folder(&[
            ("articles/en/a/good.md", "---\ntitle: Good\n---\n\nText."),
            ("articles/en/a/typo.md", "---\ntitle: T\nadience: public\n---\n\nText."),
            ("articles/en/a/open.md", "---\ntitle: T\n\nText."),
            ("articles/en/b/good.md", "---\ntitle: Again\n---\n\nText."),
            ("canned-answers/en/mine.md", "---\ntitle: M\nvisibility: agent\n---\n\nHi."),
            ("synonyms/en.txt", "# c\nrefund, money back\nalone\n"),
        ]);
        assert_eq!(folder.documents.len(), 1);
        assert_eq!(folder.broken.len(), 3);
        let messages: Vec<String> = folder.problems.iter().map(ToString::to_string).collect();
        let starts = [
            "articles/en/a/open.md:4:",
            "articles/en/a/typo.md:3: unknown key `adience`",
            "articles/en/b/good.md:1: duplicate id `good`",
            "canned-answers/en/mine.md:3: `visibility` `agent` needs",
            "synonyms/en.txt:3:",
        ];
        for (problem, start) in messages.iter().zip(starts) {
            assert!(problem.starts_with(start), "{problem}");
        }
        assert_eq!(messages.len(), starts.len(), "{messages:?}");
    }

    #[test]
    fn pipes_do_not_block() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("articles/en");
        fs::create_dir_all(folder.join("folder.md")).unwrap();
        let made = std::process::Command::new("mkfifo").arg(folder.join("pipe.md")).arg(root.path().join("voice.md")).status().unwrap();
        assert!(made.success());
        let read = Folder::read(root.path()).unwrap();
        assert_eq!(read.documents.len(), 0);
        let messages: Vec<String> = read.problems.iter().map(ToString::to_string).collect();
        assert_eq!(messages, ["articles/en/pipe.md:1: not a regular file", "voice.md:1: not a regular file"]);
    }

    #[test]
    fn windows_files_are_read_too() {
        let (_root, folder) = folder(&[("articles/tr/iade.md", "\u{feff}---\r\ntitle: İade\r\n---\r\n\r\nMetin.\r\n")]);
        assert_eq!(folder.problems, []);
        assert_eq!(folder.documents[0].title, "İade");
        assert_eq!(folder.documents[0].body, "Metin.");
    }

    #[test]
    fn everything_that_is_not_read_is_reported() {
        let (root, _) = folder(&[]);
        let article = "---\ntitle: T\n---\n\nText.";
        for name in [
            "articles/en/one.MD",
            "articles/en/two.markdown",
            "articles/en/picture.png",
            "articles/three.md",
            "articles/tr_TR/four.md",
            "article/en/five.md",
            "Voice.md",
            "notes.pdf",
            "README.md",
            "articles/en/.hidden",
            "synonyms/pt.TXT",
        ] {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, article).unwrap();
        }
        std::os::unix::fs::symlink(root.path().join("article"), root.path().join("articles/en/linked")).unwrap();
        std::os::unix::fs::symlink("nowhere.md", root.path().join("articles/en/lost.md")).unwrap();
        let read = Folder::read(root.path()).unwrap();
        assert_eq!(read.documents, []);
        let messages: Vec<String> = read.problems.iter().map(ToString::to_string).collect();
        for start in [
            "article:1: not read; did you mean `articles`?",
            "articles/en/linked:1: not read; links",
            "articles/en/lost.md:1: can't be read",
            "articles/en/one.MD:1: not read; a document's file name must end in `.md`",
            "articles/en/two.markdown:1: not read",
            "articles/three.md:1: not read; put documents in a language folder such as `articles/en/`",
            "articles/tr_TR:1: the folder name",
            "synonyms/pt.TXT:1: not read",
            "Voice.md:1: not read; did you mean `voice.md`?",
        ] {
            assert!(messages.iter().any(|messages| messages.starts_with(start)), "{start} in {messages:?}");
        }
        assert_eq!(messages.len(), 9, "{messages:?}");
        assert_eq!(read.broken.len(), 1, "the document of a dangling link counts as broken");
        let ignored: Vec<String> = read.ignored.iter().map(|problem| problem.file.display().to_string()).collect();
        assert_eq!(ignored, ["articles/en/picture.png", "notes.pdf"]);
    }

    #[test]
    fn a_name_is_the_same_however_its_accents_are_written() {
        let (_root, read) = folder(&[("articles/tr/i\u{307}ade-s\u{327}art\u{131}.md", "---\ntitle: T\n---\n\nMetin.")]);
        assert_eq!(read.documents[0].id.as_str(), "i\u{307}ade-\u{15f}art\u{131}".nfc().collect::<String>());
        let (_root, read) = folder(&[
            ("articles/en/caf\u{e9}.md", "---\ntitle: T\n---\n\nText."),
            ("articles/en/cafe\u{301}.md", "---\ntitle: T\n---\n\nText."),
        ]);
        assert_eq!((read.documents.len(), read.problems.len()), (1, 1), "{:?}", read.problems);
    }

    #[test]
    fn unclosed_comments_and_truncated_values_are_reported_and_the_document_is_imported() {
        let (_root, read) = folder(&[("articles/en/a.md", "---\ntitle: Order #204815 is late\n---\n\nText.\n\n<!-- for us\n\nmore\n")]);
        let messages: Vec<String> = read.problems.iter().map(ToString::to_string).collect();
        assert!(messages[0].starts_with("articles/en/a.md:2: everything after ` #`"), "{messages:?}");
        assert!(messages[1].starts_with("articles/en/a.md:7: the comment is not closed"), "{messages:?}");
        assert_eq!((read.documents.len(), messages.len()), (1, 2));
    }

    #[test]
    fn synonyms_of_a_region_serve_its_language() {
        let (_root, read) = folder(&[("synonyms/pt-BR.txt", "frete, envio\n"), ("synonyms/pt.txt", "troca, devolução\n")]);
        assert_eq!((read.synonyms["pt"].len(), read.problems.len()), (2, 0));
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        assert!(Folder::read(&root.path().join("nowhere")).is_err());
        // A dangling link in place of a part is not an empty part.
        std::os::unix::fs::symlink("nowhere", root.path().join("articles")).unwrap();
        assert!(Folder::read(root.path()).unwrap().incomplete);
    }
}
