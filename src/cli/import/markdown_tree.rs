//! A tree of Markdown or HTML: Docusaurus, Jekyll, Hugo, a Notion export. Front matter in YAML or TOML; a file is an article.

use std::{
    collections::HashSet,
    fs,
    path::{Component, Path, PathBuf},
};

use indicatif::ProgressBar;
use jiff::Timestamp;
use pulldown_cmark::{Event, Options, Parser, Tag};
use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

use crate::{
    cli::import::{
        account::{Account, Place},
        body::label,
        intake::{Draft, Intake, Stopped},
        json_file::Lines,
        object::Object,
        page::{first_heading, front_matter, html_title, properties, without_tags},
        publication::{Readers, is_about, left_out},
    },
    knowledge::Audience,
    text::Language,
};

const WHAT: &str = "Markdown or HTML as text, in UTF-8";
/// Largest file, in bytes: a body has at most 200,000.
const MAX_BYTES: u64 = 2 << 20;
/// Folders of a site that are not texts.
const PASSED: [&str; 4] = ["node_modules", "static", "assets", "public"];
/// Folders that stand above the texts, and say nothing of them.
const WRAPPERS: [&str; 8] = ["docs", "content", "_posts", "_pages", "i18n", "docusaurus-plugin-content-docs", "current", "posts"];
/// Letters of the id at the end of a Notion file's name.
const NOTION_ID: usize = 32;

/// A file of the tree.
struct Source {
    path: PathBuf,
    id: String,
    language: String,
    category: String,
}

pub fn read(roots: &[PathBuf], bar: &ProgressBar, intake: &mut Intake) -> anyhow::Result<()> {
    let mut sources = Vec::new();
    for root in roots {
        let is_of_drafts = root.canonicalize().unwrap_or_default().components().any(|part| is_drafts(&part.as_os_str().to_string_lossy()));
        if is_of_drafts {
            intake.account.list("folders of drafts, left out", &root.to_string_lossy());
        } else if root.is_dir() {
            walk(root, root, &mut sources, &mut intake.account);
        } else {
            let name = root.file_name().map(PathBuf::from).unwrap_or_default();
            match source(root.clone(), &name) {
                Some(source) => sources.push(source),
                None => intake.account.list("files that are neither Markdown nor HTML", &name.to_string_lossy()),
            }
        }
    }
    // What stands for a folder comes before what stands in it.
    sources.sort_by_cached_key(|source| match is_index(&source.path) {
        true => (source.path.parent().unwrap_or(&source.path).to_owned(), source.path.clone()),
        false => (source.path.clone(), PathBuf::new()),
    });
    let bytes = |source: &Source| source.path.metadata().map_or(0, |data| data.len());
    bar.set_length(sources.iter().map(bytes).sum());
    let ids: HashSet<String> = sources.iter().map(|source| source.id.clone()).collect();
    let mut hidden = Vec::new();
    for source in sources {
        let place = Place { file: source.path.as_path().into(), line: 0 };
        bar.inc(bytes(&source));
        let text = Lines::open(&source.path, WHAT, bar).and_then(|_| text_of(&source.path));
        let text = match text {
            Ok(text) => text,
            Err(problem) => {
                intake.account.broken(&place, problem);
                continue;
            }
        };
        if let Err(Stopped) = article(source, &text, &ids, &mut hidden, &place, intake) {
            return Ok(());
        }
    }
    Ok(())
}

/// Whether a folder of this name has drafts alone, as Jekyll's.
fn is_drafts(name: &str) -> bool {
    name.eq_ignore_ascii_case("_drafts")
}

/// Whether a file stands for its folder, as Hugo's `_index.md` and `_index.tr.md`.
fn is_index(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("_index."))
}

/// The day that a name begins with, as `2026-10-05-returns`.
fn day_of(name: &str) -> Option<&str> {
    let day = name.get(..10).filter(|_| name[10..].starts_with(['-', '_', ' ', '.']) || name.len() == 10)?;
    day.parse::<jiff::civil::Date>().ok().map(|_| day)
}

fn text_of(path: &Path) -> Result<String, String> {
    let bytes = fs::read(path).map_err(|error| format!("can't be read: {error}"))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("the file has more than {} MB; divide it", MAX_BYTES >> 20));
    }
    let text =
        String::from_utf8(bytes).map_err(|_| format!("the file is not UTF-8; convert it with `iconv -t UTF-8`; wanted is {WHAT}"))?;
    let text = text.strip_prefix('\u{feff}').map_or(text.clone(), str::to_owned);
    Ok(text.replace("\r\n", "\n").replace('\r', "\n"))
}

fn walk(root: &Path, folder: &Path, sources: &mut Vec<Source>, account: &mut Account) {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return account.broken(&Place { file: folder.into(), line: 0 }, format!("the folder can't be read: {error}")),
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let shown = path.strip_prefix(root).unwrap_or(&path).to_owned();
        let is_link = path.is_symlink();
        if name.starts_with('.') {
            continue;
        }
        if is_drafts(&name) || (path.is_dir() && name.eq_ignore_ascii_case("drafts")) {
            account.list("folders of drafts, left out", &shown.to_string_lossy());
        } else if path.is_dir() {
            match is_link || PASSED.contains(&name.as_str()) {
                true => account.list("folders that are links or hold no texts, left out", &shown.to_string_lossy()),
                false => walk(root, &path, sources, account),
            }
        } else if name.starts_with('_') && !name.starts_with("_index.") {
            account.list("parts of other pages, whose name begins with `_`, left out", &shown.to_string_lossy());
        } else {
            match source(path, &shown) {
                Some(source) => sources.push(source),
                None => account.list("files that are neither Markdown nor HTML", &shown.to_string_lossy()),
            }
        }
    }
}

/// What a file's place says of it; `None` if it is neither Markdown nor HTML.
fn source(path: PathBuf, relative: &Path) -> Option<Source> {
    let ending = path.extension()?.to_string_lossy().to_lowercase();
    if !["md", "mdx", "markdown", "html", "htm"].contains(&ending.as_str()) {
        return None;
    }
    let mut stem = relative.file_stem()?.to_string_lossy().into_owned();
    let mut language = String::new();
    // Hugo's `page.tr.md`.
    if let Some((name, tag)) = stem.rsplit_once('.')
        && is_tag(tag)
    {
        language = tag.to_owned();
        stem = name.to_owned();
    }
    let mut folders: Vec<String> = Vec::new();
    for component in relative.parent()?.components() {
        let Component::Normal(name) = component else { continue };
        let name = name.to_string_lossy().into_owned();
        match () {
            () if folders.is_empty() && language.is_empty() && is_tag(&name) => language = name,
            () if folders.is_empty() && WRAPPERS.contains(&name.as_str()) => {}
            () => folders.push(without_notion_id(&name).0),
        }
    }
    let category = folders.last().cloned().unwrap_or_default();
    let (name, notion_id) = without_notion_id(&stem);
    let id = match notion_id {
        Some(id) => format!("notion-{id}"),
        None => {
            if !matches!(stem.to_lowercase().as_str(), "index" | "_index" | "readme") || folders.is_empty() {
                folders.push(without_number(&name).to_owned());
            }
            slug(&folders.join("-"))
        }
    };
    Some(Source { path, id, language, category: without_number(&category).to_owned() })
}

fn is_tag(name: &str) -> bool {
    let primary = name.split('-').next().unwrap_or_default();
    primary.len() == 2 && Language::parse(name).is_ok() && name.len() <= 7
}

/// Notion puts an id of 32 digits behind a page's name.
fn without_notion_id(name: &str) -> (String, Option<String>) {
    match name.rsplit_once(' ') {
        Some((title, id)) if id.len() == NOTION_ID && id.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            (title.to_owned(), Some(id.to_owned()))
        }
        _ => (name.to_owned(), None),
    }
}

/// A name without the number that only orders it: `01-returns`, or a date: `2026-10-05-returns`.
fn without_number(name: &str) -> &str {
    let rest = name.trim_start_matches(|letter: char| letter.is_ascii_digit() || matches!(letter, '-' | '_' | '.' | ' '));
    if rest.is_empty() || rest.len() == name.len() || !name.starts_with(|letter: char| letter.is_ascii_digit()) { name } else { rest }
}

/// A text as an id: letters and digits with dashes between.
pub fn slug(text: &str) -> String {
    let lower: String = text.nfc().collect::<String>().to_lowercase().nfc().collect();
    let words = lower.split(|letter: char| !letter.is_alphanumeric() && letter != '\u{307}');
    let joined = words.filter(|word| !word.is_empty()).collect::<Vec<&str>>().join("-");
    joined[..joined.floor_char_boundary(150)].trim_end_matches('-').to_owned()
}

fn article(
    source: Source,
    text: &str,
    ids: &HashSet<String>,
    hidden: &mut Vec<PathBuf>,
    place: &Place,
    intake: &mut Intake,
) -> Result<(), Stopped> {
    let Source { path, id, language, category } = source;
    let (mut head, body) = match front_matter(text) {
        Ok(parts) => parts,
        Err(problem) => {
            intake.account.broken(&Place { line: 1, ..place.clone() }, problem);
            return Ok(());
        }
    };
    if id.starts_with("notion-") {
        head.extend(properties(&body).filter(|(name, _)| is_about(name)).map(|(name, value)| (name, Value::from(value))));
    }
    // A post is of the day that its file is named by.
    if let Some(day) = day_of(&stem(&path)).filter(|_| !head.contains_key("date")) {
        head.insert("date".to_owned(), Value::from(day));
    }
    if let Some(folder) = path.parent().filter(|_| is_index(&path)) {
        let cascades: Vec<Value> = match head.get("cascade").cloned() {
            Some(Value::Array(items)) => items,
            one => one.into_iter().collect(),
        };
        let is_hiding = |cascade| Object::new("cascade", cascade).is_ok_and(|mut fields| left_out(&mut fields).is_some());
        if cascades.into_iter().any(is_hiding) {
            hidden.push(folder.to_owned());
        }
    }
    if hidden.iter().any(|folder| path.starts_with(folder)) {
        intake.account.list("pages whose folder hides them by `cascade`, left out", &id);
        return Ok(());
    }
    let mut head = match Object::new("front matter", Value::Object(head)) {
        Ok(head) => head,
        Err(_) => return Ok(()),
    };
    if let Some(reason) = left_out(&mut head) {
        intake.account.list(reason, &id);
        return Ok(());
    }
    let unsaid = if intake.for_agents { Audience::Agents } else { Audience::Public };
    let audience = Readers::of(&mut head).audience(unsaid, &id, &mut intake.account);
    let is_html = path.extension().is_some_and(|ending| ending.to_string_lossy().to_lowercase().starts_with("htm"));
    let (own_title, body) = match is_html {
        true => (html_title(&body), body),
        false => {
            let is_mdx = path.extension().is_some_and(|ending| ending == "mdx");
            first_heading(&without_tags(&body, is_mdx, &id, &mut intake.account))
        }
    };
    let title = [head.text("title"), own_title, without_number(&without_notion_id(&stem(&path)).0).replace(['-', '_'], " ")];
    let title = title.into_iter().find(|title| !title.trim().is_empty()).unwrap_or_default();
    let url = Some(head.text("url")).filter(|url| url.starts_with("http")).unwrap_or_default();
    let markdown = match is_html {
        true => intake.bodies.article_html(&body, |_| None, &url, &id, &mut intake.account),
        false => intake.bodies.article(&body, |_| None, &url, &id, &mut intake.account),
    };
    let body = with_links(&markdown, &path, ids, &id, &mut intake.account);
    let mut categories = head.texts("categories").into_iter();
    let own_category = [head.text("category"), categories.next().unwrap_or_default(), head.text("categories")];
    if categories.next().is_some() {
        intake.account.list("pages of several categories, now of the first", &id);
    }
    let category = own_category.into_iter().find(|category| !category.is_empty()).unwrap_or(category);
    let mut tags = head.texts("tags");
    tags.extend(head.texts("keywords"));
    let own_language = ["lang", "language", "locale"].map(|name| head.text(name)).into_iter().find(|tag| !tag.is_empty());
    let updated = ["last_modified_at", "lastmod", "updated_at", "last_update", "updated", "date"].iter();
    let updated: Vec<Timestamp> = updated.filter_map(|name| head.time(name)).collect();
    let updated_at = updated.into_iter().find(|time| *time <= Timestamp::now());
    head.skip(&["sidebar_position", "sidebar_label", "layout", "weight", "nav_order", "id", "slug", "permalink", "type", "linktitle"]);
    head.left(&mut intake.account);
    let draft = Draft { id, language: own_language.unwrap_or(language), title, body, category, tags, updated_at };
    intake.article(draft, audience, &url, place)
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Links to other files of the tree, as links to their documents.
fn with_links(markdown: &str, path: &Path, ids: &HashSet<String>, id: &str, account: &mut Account) -> String {
    let mut edits = Vec::new();
    for (event, range) in Parser::new_ext(markdown, Options::ENABLE_TABLES).into_offset_iter() {
        let Event::Start(Tag::Link { dest_url, .. }) = event else { continue };
        let (target, anchor) = dest_url.split_once('#').map_or((dest_url.as_ref(), ""), |(target, anchor)| (target, anchor));
        let is_document = [".md", ".mdx", ".markdown", ".html", ".htm"].iter().any(|ending| target.ends_with(ending));
        if target.contains(':') || target.starts_with('/') || !is_document {
            continue;
        }
        let decoded = percent_encoding::percent_decode_str(target).decode_utf8_lossy().into_owned();
        let joined = normal(&path.parent().unwrap_or(Path::new("")).join(&decoded));
        // The ids of the tree end alike, wherever its root is.
        let found = (0..joined.len()).find_map(|from| {
            let relative: PathBuf = joined[from..].iter().collect();
            source(relative.clone(), &relative).map(|source| source.id).filter(|id| ids.contains(id))
        });
        match found {
            Some(found) => {
                let anchor = if anchor.is_empty() { String::new() } else { format!("#{anchor}") };
                if let Some(at) = markdown[range.clone()].rfind(dest_url.as_ref()) {
                    let start = range.start + at;
                    edits.push((start..start + dest_url.len(), format!("{}.md{anchor}", found.replace(' ', "%20"))));
                }
            }
            None => {
                account.list("links to files that are not in the tree, now text", id);
                edits.push((range.clone(), label(&markdown[range])));
            }
        }
    }
    let mut linked = markdown.to_owned();
    for (range, edit) in edits.into_iter().rev() {
        linked.replace_range(range, &edit);
    }
    linked
}

/// The parts of a path without `.` and `..`.
fn normal(path: &Path) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => parts.push(name.to_string_lossy().into_owned()),
            Component::ParentDir => {
                parts.pop();
            }
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_as_long_as_the_texts_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("a.md", "# A\r\n\r\nText.\r\n"), ("b/c.md", "Text of C."), ("b/d.bin", "not read")] {
            fs::create_dir_all(folder.path().join("b")).unwrap();
            fs::write(folder.path().join(name), text).unwrap();
        }
        let bar = ProgressBar::hidden();
        let (sender, _items) = tokio::sync::mpsc::channel(100);
        let mut intake = Intake::new(crate::cli::import::body::Bodies::default(), None, sender);
        read(&[folder.path().to_owned()], &bar, &mut intake).unwrap();
        assert_eq!((bar.length(), bar.position()), (Some(24), 24));
    }

    #[test]
    fn a_place_tells_id_language_and_category() {
        for (path, id, language, category) in [
            ("docs/tr/iade/01-nasil.md", "iade-nasil", "tr", "iade"),
            ("i18n/hu/docusaurus-plugin-content-docs/current/szallitas/ido.mdx", "szallitas-ido", "hu", "szallitas"),
            ("content/versand/_index.de.md", "versand", "de", "versand"),
            ("_posts/2026-10-05-returns.md", "returns", "", ""),
            (
                "Help 0123456789abcdef0123456789abcdef/Returns & refunds fedcba9876543210fedcba9876543210.md",
                "notion-fedcba9876543210fedcba9876543210",
                "",
                "Help",
            ),
        ] {
            let source = source(PathBuf::from(path), Path::new(path)).unwrap();
            assert_eq!((source.id.as_str(), source.language.as_str(), source.category.as_str()), (id, language, category), "{path}");
        }
        assert!(source(PathBuf::from("a.png"), Path::new("a.png")).is_none());
    }
}
