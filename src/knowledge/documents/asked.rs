//! Adds phrases to `asked` in the front matter of a document's file, which keeps all its other bytes.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::knowledge::documents::{
    document::{Document, DocumentKey},
    folder::{Folder, Problem},
    front_matter::{key_of, parse_document, split_front_matter},
};

/// Most places at which phrases are tried to be added to a list in brackets.
const MAX_TRIES: usize = 20;

/// A document of a knowledge base folder, and its file.
#[derive(Debug, Clone)]
pub struct DocumentFile {
    /// Relative to the folder.
    pub file: PathBuf,
    /// What the file says.
    pub document: Document,
}

/// The text of a document's file before and after phrases were added to `asked`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedEdit {
    /// The file as it is.
    pub before: String,
    /// The file with the phrases.
    pub after: String,
}

/// Reads the documents of a folder, in the order of their files, and the problems of files that can't be used or are not as they are meant.
pub fn documents_in(root: &Path) -> io::Result<(Vec<DocumentFile>, Vec<Problem>)> {
    let Folder { documents, files, problems, .. } = Folder::read(root)?;
    let file = |document: Document| Some(DocumentFile { file: files.get(&document.key())?.clone(), document });
    let mut documents: Vec<DocumentFile> = documents.into_iter().filter_map(file).collect();
    documents.sort_by(|one, other| one.file.cmp(&other.file));
    Ok((documents, problems))
}

impl AskedEdit {
    /// Reads a document's file again and adds phrases to its `asked`. Nothing is written. The error says what an author can do.
    pub fn of(path: &Path, key: &DocumentKey, phrases: &[String]) -> Result<AskedEdit, String> {
        let before = fs::read_to_string(path).map_err(|error| format!("can't be read: {error}"))?;
        let after = with_asked(&before, key, phrases)?;
        Ok(AskedEdit { before, after })
    }

    /// Replaces the file by its new text, whole or not at all. Refused if the file was changed since it was read.
    pub fn write(&self, path: &Path) -> Result<(), String> {
        self.replace(path).map_err(|error| format!("can't be written: {error}"))
    }

    fn replace(&self, path: &Path) -> io::Result<()> {
        // The file that a link points to, not the link, is replaced.
        let path = fs::canonicalize(path)?;
        let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        // Hidden names are no part of a knowledge base.
        let mut file = tempfile::Builder::new().prefix(".deskhand-").tempfile_in(folder)?;
        file.write_all(self.after.as_bytes())?;
        file.as_file().set_permissions(fs::metadata(&path)?.permissions())?;
        file.as_file().sync_all()?;
        if fs::read(&path)? != self.before.as_bytes() {
            return Err(io::Error::other("it was changed meanwhile; run the command again"));
        }
        file.persist(&path)?;
        Ok(())
    }
}

/// Returns a file's text with phrases added at the end of `asked`. Whatever the file looks like, the result is parsed again, and says what it
/// said before with these phrases, or it is an error.
fn with_asked(text: &str, key: &DocumentKey, phrases: &[String]) -> Result<String, String> {
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let (mark, text) = text.split_at(start);
    let parse = |text: &str| parse_document(text, key).map_err(|(line, problem)| format!("line {line}: {problem}"));
    let mut wanted = parse(text)?;
    let places = places(text, &wanted.asked, phrases);
    wanted.asked.extend(phrases.iter().cloned());
    let mut problem = "`asked` can't be extended where it stands; write it as a list with a line each, begun by `- `".to_owned();
    for (at, added) in places {
        let after = format!("{}{added}{}", &text[..at], &text[at..]);
        match parse(&after) {
            Ok(document) if document == wanted => return Ok(format!("{mark}{after}")),
            Ok(_) => {}
            Err(error) => problem = error,
        }
    }
    Err(problem)
}

/// Returns places at which phrases may be added to a file's text, and what is added there, the likeliest first.
fn places(text: &str, asked: &[String], phrases: &[String]) -> Vec<(usize, String)> {
    let Ok(parts) = split_front_matter(text) else { return Vec::new() };
    let start = parts.head.as_ptr() as usize - text.as_ptr() as usize;
    let end = start + parts.head.len();
    let line_break = if text[..end].contains("\r\n") { "\r\n" } else { "\n" };
    // JSON's strings are YAML's: no character in them means anything.
    let quoted: Vec<String> = phrases.iter().map(|phrase| serde_json::Value::from(phrase.as_str()).to_string()).collect();
    let items = |indent: &str| quoted.iter().map(|phrase| format!("{indent}- {phrase}{line_break}")).collect::<String>();

    let mut offset = start;
    let mut lines = parts.head.split_inclusive('\n').map(|line| {
        offset += line.len();
        (offset, line)
    });
    let Some((key_end, key_line)) = lines.find(|(_, line)| key_of(line.trim_end()) == Some("asked")) else {
        return vec![(end, format!("asked:{line_break}{}", items("  ")))];
    };
    let list: Vec<(usize, &str)> = lines.take_while(|(_, line)| key_of(line.trim_end()).is_none()).collect();
    let is_item = |line: &str| line.trim_start().starts_with("- ");
    let mut places = Vec::new();
    if let Some((_, first)) = list.iter().find(|(_, line)| is_item(line)) {
        let indent = &first[..first.len() - first.trim_start().len()];
        let said = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
        let last = list.iter().rev().find(|(_, line)| said(line)).map_or(key_end, |(end, _)| *end);
        places.push((last, items(indent)));
    }
    let from = key_end - key_line.len();
    let brackets = text[from..list.last().map_or(key_end, |(end, _)| *end)].rmatch_indices(']').take(MAX_TRIES);
    for (bracket, _) in brackets {
        let joint = if asked.is_empty() { "" } else { ", " };
        places.push((from + bracket, format!("{joint}{}", quoted.join(", "))));
        // After a comma at the list's end.
        places.push((from + bracket, quoted.join(", ")));
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ids::Id, knowledge::documents::document::Kind, text::Language};

    fn key() -> DocumentKey {
        DocumentKey { kind: Kind::Article, id: Id::new("a").unwrap(), language: Language::parse("en").unwrap() }
    }

    fn added(text: &str, phrases: &[&str]) -> Result<String, String> {
        with_asked(text, &key(), &phrases.iter().map(|phrase| (*phrase).to_owned()).collect::<Vec<String>>())
    }

    #[test]
    fn every_form_of_list_is_extended_in_place() {
        for (head, expected) in [
            ("tags: [a] # ours\n", "tags: [a] # ours\nasked:\n  - \"x\"\n  - \"y: z\"\n"),
            ("asked: []\ntags: [a]\n", "asked: [\"x\", \"y: z\"]\ntags: [a]\n"),
            ("asked: [one, 'it''s ]'] # a ] comment\n", "asked: [one, 'it''s ]', \"x\", \"y: z\"] # a ] comment\n"),
            ("asked: [one,]\n", "asked: [one,\"x\", \"y: z\"]\n"),
            ("asked: [\n  one,\n  two\n  ]\n", "asked: [\n  one,\n  two\n  , \"x\", \"y: z\"]\n"),
            ("asked:\n- one\n\n# later\ntags: [a]\n", "asked:\n- one\n- \"x\"\n- \"y: z\"\n\n# later\ntags: [a]\n"),
            ("asked:\n    - one\n    - more\n      of it\n", "asked:\n    - one\n    - more\n      of it\n    - \"x\"\n    - \"y: z\"\n"),
            ("\"asked\": [one]\n", "\"asked\": [one, \"x\", \"y: z\"]\n"),
        ] {
            let file = |head: &str| format!("---\ntitle: T\n{head}--- \n\n- ] body\n---\nasked: [no]\n");
            assert_eq!(added(&file(head), &["x", "y: z"]), Ok(file(expected)), "{head}");
        }
    }

    #[test]
    fn line_breaks_and_the_byte_order_mark_are_kept() {
        let before = "\u{feff}---\r\ntitle: T\r\n---\r\n\r\nText.";
        assert_eq!(added(before, &["x"]).unwrap(), "\u{feff}---\r\ntitle: T\r\nasked:\r\n  - \"x\"\r\n---\r\n\r\nText.");
    }

    #[test]
    fn no_phrase_can_say_more_than_itself() {
        for phrase in
            ["---", "\"", "\\", "x\\n---", "- [a, b]", "{{x}}", "&a *a !!str", "# no", "audience: agents", "'", "<!-- x", "|", "\u{feff}x"]
        {
            for head in ["", "asked: [one]\n", "asked:\n  - one\n"] {
                let before = format!("---\ntitle: T\n{head}---\n\nText.");
                let after = added(&before, &[phrase]).unwrap_or_else(|error| panic!("{phrase}: {error}"));
                let document = parse_document(&after, &key()).unwrap();
                assert_eq!(document.asked.last().map(String::as_str), Some(phrase));
                assert_eq!((document.title.as_str(), document.body.as_str()), ("T", "Text."), "{phrase}");
            }
        }
    }

    #[test]
    fn what_can_not_be_extended_is_an_error() {
        for (head, problem) in
            [("asked: &a [one]\n# ]\n", None), ("{title: T}\n", Some("")), ("title: T\nasked: [one, two\n", Some("line "))]
        {
            let head = if head.contains("title") { head.to_owned() } else { format!("title: T\n{head}") };
            let result = added(&format!("---\n{head}---\n\nText."), &["x"]);
            assert_eq!(result.is_err(), problem.is_some(), "{head}: {result:?}");
            assert!(result.err().unwrap_or_default().starts_with(problem.unwrap_or_default()), "{head}");
        }
        let many = vec!["x"; 51];
        assert!(added("---\ntitle: T\n---\n\nText.", &many).unwrap_err().contains("at most 50 phrases"));
        assert!(added("---\ntitle: T\n---\n\nText.", &["a\nb"]).is_err());
    }

    #[test]
    fn a_file_that_was_changed_meanwhile_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("a.md"), folder.path().join("link.md"));
        fs::write(&path, "---\ntitle: T\n---\n\nText.").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let edit = AskedEdit::of(&link, &key(), &["x".to_owned()]).unwrap();
        fs::write(&path, "---\ntitle: New\n---\n\nText.").unwrap();
        assert!(edit.write(&link).unwrap_err().contains("changed meanwhile"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "---\ntitle: New\n---\n\nText.");
        let edit = AskedEdit::of(&link, &key(), &["x".to_owned()]).unwrap();
        edit.write(&link).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), edit.after);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink(), "the link stays");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left");
    }
}
