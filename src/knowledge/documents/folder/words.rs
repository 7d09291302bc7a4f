//! Parses what a folder has beside documents: the voice, the glossary, the synonyms.

use std::{collections::BTreeMap, fs, io, path::Path};

use serde::{Deserialize, Serialize};

use crate::{
    knowledge::documents::{
        folder::{Folder, read_text},
        front_matter::line_at,
        voice::{Voice, parse_voice},
    },
    text::{Language, fold},
};

/// A term of the glossary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Term {
    /// The term as it is written in chats and texts.
    pub term: String,
    /// Never translated.
    #[serde(default)]
    pub keep: bool,
    /// The shop's own word, by language.
    #[serde(flatten)]
    pub words: BTreeMap<String, String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct GlossaryFile {
    #[serde(default)]
    term: Vec<Term>,
}

/// What a folder has beside documents.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct FolderWording {
    /// `None` if there is no such file.
    pub voice: Option<Voice>,
    /// The terms, in the order of the file.
    pub glossary: Vec<Term>,
    /// Groups of synonyms, by language.
    pub synonyms: BTreeMap<String, Vec<Vec<String>>>,
}

impl FolderWording {
    /// Reads what a folder has. What can't be read is left out; [`crate::knowledge::documents_in`] has the problems.
    pub fn read(root: &Path) -> io::Result<FolderWording> {
        let Folder { voice, glossary, synonyms, .. } = Folder::read(root)?;
        Ok(FolderWording { voice, glossary: glossary.unwrap_or_default(), synonyms })
    }

    /// Returns the files that say the same: name, text. The error says what can't be written.
    pub fn files(self) -> Result<Vec<(String, String)>, String> {
        let FolderWording { voice, glossary, synonyms } = self;
        let mut files = Vec::new();
        if let Some(voice) = voice {
            files.push(("voice.md".to_owned(), voice.file_text()?));
        }
        if !glossary.is_empty() {
            let file =
                toml::to_string(&GlossaryFile { term: glossary }).map_err(|error| format!("the glossary can't be written: {error}"))?;
            files.push(("glossary.toml".to_owned(), file));
        }
        for (language, groups) in synonyms {
            if let Some(group) = groups.iter().find(|group| group.iter().any(|word| word.contains(',')) || group[0].starts_with('#')) {
                return Err(format!("the synonyms of `{}` can't be written: a line is cut at commas, and `#` begins a comment", group[0]));
            }
            let lines: Vec<String> = groups.iter().map(|group| format!("{}\n", group.join(", "))).collect();
            files.push((format!("synonyms/{language}.txt"), lines.concat()));
        }
        Ok(files)
    }
}

impl Folder {
    pub(crate) fn read_voice(&mut self, root: &Path) {
        let file = root.join("voice.md");
        if fs::symlink_metadata(&file).is_err() {
            return;
        }
        match read_text(&file).and_then(|text| parse_voice(&text)) {
            Ok(voice) => self.voice = Some(voice),
            Err((line, message)) => self.problem(root, &file, line, message),
        }
    }

    pub(crate) fn read_glossary(&mut self, root: &Path) {
        let file = root.join("glossary.toml");
        if fs::symlink_metadata(&file).is_err() {
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

    pub(crate) fn read_synonyms(&mut self, root: &Path) {
        for file in self.entries(root, &root.join("synonyms")) {
            let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            if file.extension().is_none_or(|ending| ending != "txt") || file.is_dir() {
                self.problem(root, &file, 1, "not read; synonym files have names such as `en.txt`".to_owned());
                continue;
            }
            let language = match Language::parse(&stem) {
                Ok(language) => language,
                Err(problem) => {
                    self.problem(root, &file, 1, format!("the file name {problem}"));
                    continue;
                }
            };
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
                let words: Vec<String> = line.split(',').map(str::trim).filter(|word| !fold(word).is_empty()).map(str::to_owned).collect();
                if words.len() < 2 {
                    self.problem(root, &file, index + 1, "a group needs at least two words, separated by commas".to_owned());
                } else {
                    groups.push(words);
                }
            }
            // A region's synonyms apply to its whole language, as queries are parsed by language.
            self.synonyms.entry(language.primary().to_owned()).or_default().extend(groups);
        }
    }
}
