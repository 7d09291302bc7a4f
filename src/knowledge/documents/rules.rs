//! The rules by which documents are checked, whether they stand in files or in the catalog.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
};

use pulldown_cmark::{Event, Parser, Tag};

use crate::{
    knowledge::documents::document::{Details, Document, DocumentKey, Kind},
    text::{CommentFlaw, comments, is_known_placeholder, placeholders},
};

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// A placeholder that no chat can fill, of this name.
    UnknownPlaceholder(String),
    /// A link whose address leads nowhere.
    BrokenLink(String),
    /// A shortcut that another document of the language has.
    ShortcutTaken {
        /// The shortcut, as it is typed.
        shortcut: String,
        /// Which document has it: its file or its id.
        by: String,
    },
    /// Languages in which other documents of the kind exist, and this one does not.
    MissingTranslation(Vec<String>),
    /// An HTML comment that hides more than it should.
    Comment(CommentFlaw),
}

impl Rule {
    /// Whether it is probably not meant, but works.
    pub fn is_warning(&self) -> bool {
        matches!(self, Rule::MissingTranslation(_))
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::UnknownPlaceholder(name) => write!(
                formatter,
                "unknown placeholder `{{{{{name}}}}}`; expected one of customer.name, customer.first_name, customer.email, customer.phone, customer.location, customer.attributes.KEY, form.KEY, record.SOURCE.KEY, agent.name, chat.topic"
            ),
            Rule::BrokenLink(address) => write!(formatter, "link `{address}` points to no file"),
            Rule::ShortcutTaken { shortcut, by } => write!(formatter, "shortcut `{shortcut}` is already used by {by}"),
            Rule::MissingTranslation(languages) => write!(formatter, "no translation in {}", languages.join(", ")),
            Rule::Comment(CommentFlaw::Unclosed) => {
                formatter.write_str("the comment is not closed by `-->`; it hides the rest of the text")
            }
            Rule::Comment(CommentFlaw::Nested) => formatter.write_str("nested comment; text after the first `-->` may be hidden too"),
        }
    }
}

/// A rule that a text breaks, and from which byte on.
pub type Broken = (usize, Rule);

/// Comments of a text that hide more than they should.
pub fn flawed_comments(text: &str) -> impl Iterator<Item = Broken> {
    comments(text).into_iter().filter_map(|comment| Some((comment.range.start, Rule::Comment(comment.flaw?))))
}

/// Placeholders of a canned answer that no chat can fill.
pub fn unknown_placeholders(kind: Kind, text: &str) -> Vec<Broken> {
    if kind != Kind::CannedAnswer {
        return Vec::new();
    }
    let unknown = placeholders(text).into_iter().filter(|placeholder| !is_known_placeholder(placeholder.name));
    unknown.map(|placeholder| (placeholder.start, Rule::UnknownPlaceholder(placeholder.name.to_owned()))).collect()
}

/// Links to other documents that lead nowhere. `leads` is asked with the address, without what follows `#` or `?`.
pub fn broken_links(text: &str, leads: impl Fn(&str) -> bool) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (event, range) in Parser::new(text).into_offset_iter() {
        let Event::Start(Tag::Link { dest_url, .. }) = event else { continue };
        let path = dest_url.split(['#', '?']).next().unwrap_or_default();
        let local = !path.is_empty() && !path.contains(':') && !path.starts_with('/') && !path.contains("{{");
        if local && !leads(path) {
            broken.push((range.start, Rule::BrokenLink(dest_url.to_string())));
        }
    }
    broken
}

/// The shortcuts of documents, by language.
#[derive(Default)]
pub struct Shortcuts(HashMap<(String, String), String>);

impl Shortcuts {
    /// Takes a document's shortcut in. `name`: what it is called in the findings of others. Returns what is wrong with it.
    pub fn take(&mut self, document: &Document, name: impl Into<String>) -> Option<Rule> {
        let Details::CannedAnswer { shortcut, .. } = &document.details else { return None };
        let shortcut = shortcut.trim_start_matches('/').to_lowercase();
        if shortcut.is_empty() {
            return None;
        }
        let by = self.0.insert((document.language.to_string(), shortcut.clone()), name.into())?;
        Some(Rule::ShortcutTaken { shortcut, by })
    }
}

/// The documents of a kind that lack a language in which others exist: each by its first language.
pub fn missing_translations<'a>(kind: Kind, keys: impl Iterator<Item = &'a DocumentKey>) -> Vec<(&'a DocumentKey, Rule)> {
    let ours: BTreeSet<&DocumentKey> = keys.filter(|key| key.kind == kind).collect();
    let languages: BTreeSet<&str> = ours.iter().map(|key| key.language.as_str()).collect();
    let mut versions: BTreeMap<&str, Vec<&DocumentKey>> = BTreeMap::new();
    for key in ours {
        versions.entry(key.id.as_str()).or_default().push(key);
    }
    let lacks = |versions: Vec<&'a DocumentKey>| {
        let present: BTreeSet<&str> = versions.iter().map(|key| key.language.as_str()).collect();
        let missing: Vec<String> = languages.difference(&present).map(|language| (*language).to_owned()).collect();
        (!missing.is_empty()).then(|| (versions[0], Rule::MissingTranslation(missing)))
    };
    versions.into_values().filter_map(lacks).collect()
}
