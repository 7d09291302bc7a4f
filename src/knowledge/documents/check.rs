//! `deskhand check`: problems of a folder beyond those that serving it shows.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fs, io,
    path::{Component, Path, PathBuf},
};

use pulldown_cmark::{Event, Parser, Tag};
use unicode_normalization::UnicodeNormalization;

use crate::{
    knowledge::documents::{
        document::{Details, Document, DocumentKey, Kind},
        folder::{Folder, Problem},
        front_matter::line_at,
    },
    text::{is_known_placeholder, placeholders},
};

/// A folder's errors and warnings.
#[derive(Debug, Default)]
pub struct Findings {
    /// How many documents could be read.
    pub documents: usize,
    /// Files that serving would not import, or not as they are meant.
    pub errors: Vec<Problem>,
    /// What is imported, and probably not meant.
    pub warnings: Vec<Problem>,
}

/// Checks a folder: front matter, ids, shortcuts, placeholders, links between articles, files that are not read. Missing translations and
/// files that do not seem part of a knowledge base are warnings.
pub fn check(root: &Path) -> io::Result<Findings> {
    let folder = Folder::read(root)?;
    let mut findings = Findings { documents: folder.documents.len(), errors: folder.problems.clone(), warnings: Vec::new() };
    let mut shortcuts: HashMap<(String, String), &Path> = HashMap::new();
    let names: HashSet<String> = folder.files.values().map(|file| normalized(file)).collect();
    for document in &folder.documents {
        let Some(file) = folder.files.get(&document.key()) else { continue };
        // The file was read a moment ago; if it was deleted since, so were its problems.
        let text = fs::read_to_string(root.join(file)).unwrap_or_default();
        for placeholder in placeholders(&text) {
            if document.kind() == Kind::CannedAnswer && !is_known_placeholder(placeholder.name) {
                findings.errors.push(Problem {
                    file: file.clone(),
                    line: line_at(&text, placeholder.start),
                    message: format!(
                        "unknown placeholder `{{{{{}}}}}`; expected one of customer.name, customer.first_name, customer.email, customer.phone, customer.location, customer.attributes.KEY, form.KEY, record.SOURCE.KEY, agent.name, chat.topic",
                        placeholder.name
                    ),
                });
            }
        }
        findings.errors.extend(broken_links(root, &names, file, &text));
        if let Details::CannedAnswer { shortcut, .. } = &document.details
            && !shortcut.is_empty()
        {
            let shortcut = shortcut.trim_start_matches('/').to_lowercase();
            if let Some(other) = shortcuts.insert((document.language.to_string(), shortcut.clone()), file) {
                let line = line_at(&text, text.find("shortcut").unwrap_or(0));
                findings.errors.push(Problem {
                    file: file.clone(),
                    line,
                    message: format!("shortcut `{shortcut}` is already used by {}", other.display()),
                });
            }
        }
    }
    findings.warnings = missing_translations(&folder);
    findings.warnings.extend(folder.ignored);
    findings.errors.sort();
    Ok(findings)
}

/// Normalizes the accents of a path, which file systems store differently.
fn normalized(path: &Path) -> String {
    path.to_string_lossy().nfc().collect()
}

fn broken_links(root: &Path, names: &HashSet<String>, file: &Path, text: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (event, range) in Parser::new(text).into_offset_iter() {
        let Event::Start(Tag::Link { dest_url, .. }) = event else { continue };
        let path = dest_url.split(['#', '?']).next().unwrap_or_default();
        let local = !path.is_empty() && !path.contains(':') && !path.starts_with('/') && !path.contains("{{");
        let target = resolve(file, path);
        if local && !root.join(&target).is_file() && !names.contains(&normalized(&target)) {
            problems.push(Problem {
                file: file.to_owned(),
                line: line_at(text, range.start),
                message: format!("link `{dest_url}` points to no file"),
            });
        }
    }
    problems
}

fn resolve(file: &Path, link: &str) -> PathBuf {
    let mut path = file.parent().unwrap_or(Path::new("")).to_owned();
    for part in Path::new(link).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::Normal(name) => path.push(name),
            _ => {}
        }
    }
    path
}

fn missing_translations(folder: &Folder) -> Vec<Problem> {
    let mut warnings = Vec::new();
    for kind in [Kind::Article, Kind::CannedAnswer] {
        let ours: Vec<&Document> = folder.documents.iter().filter(|document| document.kind() == kind).collect();
        let languages: BTreeSet<&str> = ours.iter().map(|document| document.language.as_str()).collect();
        let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for document in &ours {
            versions.entry(document.id.as_str()).or_default().insert(document.language.as_str());
        }
        let broken = |id: &str| folder.broken.iter().any(|key: &DocumentKey| key.kind == kind && key.id.as_str() == id);
        for (id, present) in versions {
            let missing: Vec<&str> = languages.difference(&present).copied().collect();
            let first = ours.iter().find(|document| document.id.as_str() == id).and_then(|document| folder.files.get(&document.key()));
            if let (false, false, Some(file)) = (missing.is_empty(), broken(id), first) {
                warnings.push(Problem { file: file.clone(), line: 1, message: format!("no translation in {}", missing.join(", ")) });
            }
        }
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_trouble_is_found_at_its_line() {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("articles/en/a/one.md", "---\ntitle: One\n---\n\nSee [two](two.md) and\n[three](../b/three.md#x)."),
            ("articles/en/a/two.md", "---\ntitle: Two\n---\n\n[one](./one.md) [web](https://x.example)"),
            ("articles/tr/a/two.md", "---\ntitle: İki\n---\n\nMetin"),
            ("canned-answers/en/x.md", "---\ntitle: X\nshortcut: hi\n---\n\nHello\n{{customer.frist_name}}"),
            ("canned-answers/en/y.md", "---\ntitle: Y\nshortcut: /hi\n---\n\nHello"),
        ] {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        let findings = check(root.path()).unwrap();

        let errors: Vec<String> = findings.errors.iter().map(ToString::to_string).collect();
        assert_eq!(errors.len(), 3, "{errors:?}");
        assert!(errors[0].starts_with("articles/en/a/one.md:6: link `../b/three.md#x`"), "{}", errors[0]);
        assert!(errors[1].starts_with("canned-answers/en/x.md:7: unknown placeholder `{{customer.frist_name}}`"), "{}", errors[1]);
        assert!(errors[2].starts_with("canned-answers/en/y.md:3: shortcut `hi`"), "{}", errors[2]);
        assert_eq!(findings.warnings.len(), 1);
        assert_eq!(findings.warnings[0].to_string(), "articles/en/a/one.md:1: no translation in tr");
    }
}
