//! The knowledge base folder: Markdown files with YAML front matter, the voice, the glossary, synonyms.
//!
//! A file that can't be read is a problem with its line; the rest of the folder is taken all the same.

use std::{
    collections::{BTreeMap, HashMap},
    fmt, fs, io,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{
    Document, DocumentKey, Kind,
    front_matter::{Trouble, line_at, parse_document, parse_voice},
};
use crate::text::{Id, Language, fold};

/// Largest file that is read, in bytes: a body's limit and its front matter.
const MOST_BYTES: u64 = 300_000;

/// What a folder holds.
#[derive(Debug, Clone, Default)]
pub struct Folder {
    pub documents: Vec<Document>,
    /// Where each document stands, below the folder.
    pub files: HashMap<DocumentKey, PathBuf>,
    /// Documents whose file can't be read now.
    pub broken: Vec<DocumentKey>,
    /// `None`: there is no such file, or it can't be read.
    pub voice: Option<Voice>,
    pub glossary: Option<Vec<Term>>,
    /// Groups of words that mean the same, by language; words are folded.
    pub synonyms: BTreeMap<String, Vec<Vec<String>>>,
    pub problems: Vec<Problem>,
    /// Whether some folder could not be listed: then what seems to be gone may be there.
    pub incomplete: bool,
}

/// How the shop writes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Voice {
    /// Markdown, for people and models.
    pub text: String,
    pub several_messages: bool,
    /// With placeholders.
    pub sign_off: String,
}

/// A term of the glossary.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Term {
    pub term: String,
    /// Never translated.
    #[serde(default)]
    pub keep: bool,
    /// The shop's own word, by language.
    #[serde(flatten)]
    pub words: BTreeMap<String, String>,
}

/// Something wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Below the folder.
    pub file: PathBuf,
    /// From 1.
    pub line: usize,
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.file.display(), self.line, self.message)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GlossaryFile {
    #[serde(default)]
    term: Vec<Term>,
}

impl Folder {
    /// Reads a folder. An absent or empty one holds nothing.
    pub fn read(root: &Path) -> Folder {
        let mut folder = Folder::default();
        folder.read_documents(root, "articles", Kind::Article);
        folder.read_documents(root, "canned-answers", Kind::CannedAnswer);
        folder.read_voice(root);
        folder.read_glossary(root);
        folder.read_synonyms(root);
        folder.problems.sort();
        folder
    }

    fn read_documents(&mut self, root: &Path, name: &str, kind: Kind) {
        for language_folder in self.entries(root, &root.join(name)) {
            if !language_folder.is_dir() {
                continue;
            }
            let tag = language_folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let language = match Language::parse(&tag) {
                Ok(language) => language,
                Err(problem) => {
                    self.problem(root, &language_folder, 1, format!("the folder's name {problem}"));
                    continue;
                }
            };
            for file in self.markdown_files(root, &language_folder) {
                self.read_document(root, &file, kind, &language);
            }
        }
    }

    fn read_document(&mut self, root: &Path, file: &Path, kind: Kind, language: &Language) {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let id = match Id::new(stem) {
            Ok(id) => id,
            Err(problem) => return self.problem(root, file, 1, format!("the file's name {problem}")),
        };
        let key = DocumentKey { kind, id, language: language.clone() };
        let relative = file.strip_prefix(root).unwrap_or(file).to_owned();
        if let Some(other) = self.files.get(&key) {
            let message = format!("the id `{}` is there already: {}", key.id, other.display());
            return self.problem(root, file, 1, message);
        }
        self.files.insert(key.clone(), relative);
        match read_text(file).and_then(|text| parse_document(&text, &key)) {
            Ok(document) => self.documents.push(document),
            Err((line, message)) => {
                self.problem(root, file, line, message);
                self.broken.push(key);
            }
        }
    }

    fn read_voice(&mut self, root: &Path) {
        let file = root.join("voice.md");
        if !file.exists() {
            return;
        }
        match read_text(&file).and_then(|text| parse_voice(&text)) {
            Ok(voice) => self.voice = Some(voice),
            Err((line, message)) => self.problem(root, &file, line, message),
        }
    }

    fn read_glossary(&mut self, root: &Path) {
        let file = root.join("glossary.toml");
        if !file.exists() {
            return;
        }
        let parse = |text: String| {
            let glossary: GlossaryFile = toml::from_str(&text)
                .map_err(|error| (line_at(&text, error.span().map_or(0, |span| span.start)), error.message().to_owned()))?;
            for term in &glossary.term {
                if let Some(tag) = term.words.keys().find(|tag| Language::parse(tag).is_err()) {
                    let line = line_at(&text, text.find(tag.as_str()).unwrap_or(0));
                    return Err((line, format!("`{tag}` is neither `term`, `keep` nor a language tag")));
                }
            }
            Ok(glossary.term)
        };
        match read_text(&file).and_then(parse) {
            Ok(terms) => self.glossary = Some(terms),
            Err((line, message)) => self.problem(root, &file, line, message),
        }
    }

    fn read_synonyms(&mut self, root: &Path) {
        for file in self.entries(root, &root.join("synonyms")) {
            let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            if file.extension().is_none_or(|ending| ending != "txt") {
                continue;
            }
            if let Err(problem) = Language::parse(&stem) {
                self.problem(root, &file, 1, format!("the file's name {problem}"));
                continue;
            }
            let text = match read_text(&file) {
                Ok(text) => text,
                Err((line, message)) => {
                    self.problem(root, &file, line, message);
                    continue;
                }
            };
            let mut groups = Vec::new();
            for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
            {
                let words: Vec<String> = line.split(',').map(|word| fold(word.trim())).filter(|word| !word.is_empty()).collect();
                if words.len() < 2 {
                    self.problem(root, &file, index + 1, "a group needs two words or more, with commas between them".to_owned());
                } else {
                    groups.push(words);
                }
            }
            self.synonyms.insert(stem, groups);
        }
    }

    /// What stands in a folder, in order; nothing in one that is absent.
    fn entries(&mut self, root: &Path, folder: &Path) -> Vec<PathBuf> {
        let listed =
            fs::read_dir(folder).and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>());
        let mut entries = match listed {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                self.incomplete = true;
                self.problem(root, folder, 1, format!("the folder can't be listed: {error}"));
                Vec::new()
            }
        };
        entries.retain(|path| !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')));
        entries.sort();
        entries
    }

    /// Every Markdown file below a folder, in order. Links to folders are not followed.
    fn markdown_files(&mut self, root: &Path, folder: &Path) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for entry in self.entries(root, folder) {
            if fs::symlink_metadata(&entry).is_ok_and(|data| data.is_dir()) {
                files.extend(self.markdown_files(root, &entry));
            } else if entry.is_file() && entry.extension().is_some_and(|ending| ending == "md") {
                files.push(entry);
            }
        }
        files
    }

    fn problem(&mut self, root: &Path, file: &Path, line: usize, message: String) {
        self.problems.push(Problem { file: file.strip_prefix(root).unwrap_or(file).to_owned(), line, message });
    }
}

fn read_text(file: &Path) -> Result<String, Trouble> {
    let data = fs::metadata(file).map_err(|error| (1, format!("can't be read: {error}")))?;
    if !data.is_file() {
        // A pipe or a device would be waited on for ever.
        return Err((1, "is no regular file".to_owned()));
    }
    if data.len() > MOST_BYTES {
        return Err((1, format!("the file has more than {MOST_BYTES} bytes")));
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
        let folder = Folder::read(root.path());
        (root, folder)
    }

    #[test]
    fn a_broken_file_is_named_with_its_line_and_the_rest_is_taken() {
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
        let told: Vec<String> = folder.problems.iter().map(ToString::to_string).collect();
        let starts = [
            "articles/en/a/open.md:4:",
            "articles/en/a/typo.md:3: front matter:",
            "articles/en/b/good.md:1: the id `good`",
            "canned-answers/en/mine.md:1: visibility",
            "synonyms/en.txt:3:",
        ];
        for (problem, start) in told.iter().zip(starts) {
            assert!(problem.starts_with(start), "{problem}");
        }
        assert_eq!(told.len(), starts.len(), "{told:?}");
    }

    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("articles/en");
        fs::create_dir_all(folder.join("folder.md")).unwrap();
        let made = std::process::Command::new("mkfifo").arg(folder.join("pipe.md")).arg(root.path().join("voice.md")).status().unwrap();
        assert!(made.success());
        let read = Folder::read(root.path());
        assert_eq!(read.documents.len(), 0);
        let told: Vec<String> = read.problems.iter().map(ToString::to_string).collect();
        assert_eq!(told, ["voice.md:1: is no regular file"]);
    }

    #[test]
    fn windows_files_are_read_too() {
        let (_root, folder) = folder(&[("articles/tr/iade.md", "\u{feff}---\r\ntitle: İade\r\n---\r\n\r\nMetin.\r\n")]);
        assert_eq!(folder.problems, []);
        assert_eq!(folder.documents[0].title, "İade");
        assert_eq!(folder.documents[0].body, "Metin.");
    }
}
