//! `deskhand check`: problems of a folder beyond those that serving it shows.

use std::{
    collections::{BTreeSet, HashSet},
    fs, io,
    path::{Component, Path, PathBuf},
};

use unicode_normalization::UnicodeNormalization;

use crate::{
    knowledge::documents::{
        document::{DocumentKey, Kind},
        folder::{Folder, Problem},
        front_matter::line_at,
        rules::{Broken, Shortcuts, broken_links, missing_translations, unknown_placeholders},
    },
    text::Language,
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
    let mut shortcuts = Shortcuts::default();
    let names: HashSet<String> = folder.files.values().map(|file| normalized(file)).collect();
    for document in &folder.documents {
        let Some(file) = folder.files.get(&document.key()) else { continue };
        // The file was read a moment ago; if it was deleted since, so were its problems.
        let text = fs::read_to_string(root.join(file)).unwrap_or_default();
        let leads = |link: &str| {
            let target = resolve(file, link);
            root.join(&target).is_file() || names.contains(&normalized(&target))
        };
        let mut broken = unknown_placeholders(document.kind(), &text);
        broken.extend(broken_links(&text, leads));
        let taken = shortcuts.take(document, file.display().to_string());
        broken.extend(taken.map(|rule| (text.find("shortcut").unwrap_or(0), rule)));
        let problem = |(start, rule): Broken| Problem { file: file.clone(), line: line_at(&text, start), message: rule.to_string() };
        findings.errors.extend(broken.into_iter().map(problem));
    }
    let keys: Vec<DocumentKey> = folder.documents.iter().map(|document| document.key()).collect();
    let languages: BTreeSet<(Kind, Language)> = keys.iter().map(|key| (key.kind, key.language.clone())).collect();
    for kind in [Kind::Article, Kind::CannedAnswer] {
        let is_broken = |id: &str| folder.broken.iter().any(|key| key.kind == kind && key.id.as_str() == id);
        for (key, rule) in missing_translations(kind, keys.iter(), &languages) {
            if let (false, Some(file)) = (is_broken(key.id.as_str()), folder.files.get(key)) {
                findings.warnings.push(Problem { file: file.clone(), line: 1, message: rule.to_string() });
            }
        }
    }
    findings.warnings.extend(folder.ignored);
    findings.errors.sort();
    Ok(findings)
}

/// Normalizes the accents of a path, which file systems store differently.
fn normalized(path: &Path) -> String {
    path.to_string_lossy().nfc().collect()
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
