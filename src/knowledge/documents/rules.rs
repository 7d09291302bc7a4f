//! The rules by which documents are checked, whether they stand in files or in the catalog.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
};

use pulldown_cmark::{CowStr, Event, Parser, Tag};

use crate::{
    knowledge::documents::document::{Details, Document, DocumentKey, Kind},
    text::{CommentFlaw, Language, comments, is_known_placeholder, placeholders},
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
    let broken = local_links(text).filter(|(_, address)| !leads(path_of(address)));
    broken.map(|(start, address)| (start, Rule::BrokenLink(address.into_string()))).collect()
}

/// The addresses of a text's links to other documents, without what follows `#` or `?`.
pub fn linked(text: &str) -> impl Iterator<Item = String> {
    local_links(text).map(|(_, address)| path_of(&address).to_owned())
}

fn local_links(text: &str) -> impl Iterator<Item = (usize, CowStr<'_>)> {
    Parser::new(text).into_offset_iter().filter_map(|(event, range)| {
        let Event::Start(Tag::Link { dest_url, .. }) = event else { return None };
        let path = path_of(&dest_url);
        let local = !path.is_empty() && !path.contains(':') && !path.starts_with('/') && !path.contains("{{");
        local.then_some((range.start, dest_url))
    })
}

fn path_of(address: &str) -> &str {
    address.split(['#', '?']).next().unwrap_or_default()
}

/// A document's language and its shortcut, as no other document may have both; `None` if it has no shortcut.
pub fn shortcut_of(document: &Document) -> Option<(String, String)> {
    let Details::CannedAnswer { shortcut, .. } = &document.details else { return None };
    let shortcut = shortcut.trim_start_matches('/').to_lowercase();
    (!shortcut.is_empty()).then(|| (document.language.to_string(), shortcut))
}

/// The shortcuts of documents, by language.
#[derive(Default)]
pub struct Shortcuts(HashMap<(String, String), String>);

impl Shortcuts {
    /// Takes a document's shortcut in. `name`: what it is called in the findings of others. Returns what is wrong with it.
    pub fn take(&mut self, document: &Document, name: impl Into<String>) -> Option<Rule> {
        let (language, shortcut) = shortcut_of(document)?;
        let by = self.0.insert((language, shortcut.clone()), name.into())?;
        Some(Rule::ShortcutTaken { shortcut, by })
    }
}

/// The documents of a kind that lack one of the languages in which documents of the kind exist: each by its first language.
pub fn missing_translations<'a>(
    kind: Kind,
    keys: impl Iterator<Item = &'a DocumentKey>,
    languages: &BTreeSet<(Kind, Language)>,
) -> Vec<(&'a DocumentKey, Rule)> {
    let ours: BTreeSet<&DocumentKey> = keys.filter(|key| key.kind == kind).collect();
    let languages: BTreeSet<&str> = languages.iter().filter(|(of, _)| *of == kind).map(|(_, language)| language.as_str()).collect();
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
