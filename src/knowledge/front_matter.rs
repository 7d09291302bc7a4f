//! A file's front matter and body, read into a document.

use jiff::{Timestamp, civil, tz::TimeZone};
use serde::Deserialize;

use super::{Audience, Details, Document, DocumentKey, Kind, Visibility, Voice};
use crate::text::Id;

/// The limits of the API hold for files too.
const MOST_BODY_BYTES: usize = 200_000;
const MOST_TITLE: usize = 1000;
const MOST_TAGS: usize = 100;

/// A problem's line and message, before its file is known.
pub type Trouble = (usize, String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ArticleHead {
    title: String,
    #[serde(default)]
    category: String,
    #[serde(default)]
    tags: Vec<String>,
    audience: Option<Audience>,
    #[serde(default)]
    url: String,
    updated_at: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CannedAnswerHead {
    title: String,
    #[serde(default)]
    category: String,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    shortcut: String,
    #[serde(default)]
    visibility: VisibilityWord,
    #[serde(default)]
    owner_group: String,
    #[serde(default)]
    owner_agent_id: String,
    updated_at: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "snake_case")]
enum VisibilityWord {
    #[default]
    Everyone,
    Group,
    Agent,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VoiceHead {
    #[serde(default)]
    layout: LayoutWord,
    #[serde(default)]
    sign_off: String,
}

#[derive(Deserialize, Default, PartialEq)]
#[serde(rename_all = "snake_case")]
enum LayoutWord {
    #[default]
    SingleMessage,
    SeveralMessages,
}

/// Reads a document's file.
pub fn parse_document(text: &str, key: &DocumentKey) -> Result<Document, Trouble> {
    let (head, body, body_line) = split_front_matter(text)?;
    let body = body.trim().to_owned();
    if body.is_empty() {
        return Err((body_line, "the body is empty".to_owned()));
    }
    if body.len() > MOST_BODY_BYTES {
        return Err((body_line, format!("the body has more than {MOST_BODY_BYTES} bytes")));
    }
    let (title, category, tags, updated_at, details) = match key.kind {
        Kind::Article => {
            let head: ArticleHead = serde_saphyr::from_str(head).map_err(|error| yaml_problem(&error))?;
            let details = Details::Article { audience: head.audience.unwrap_or(Audience::Public), url: head.url };
            (head.title, head.category, head.tags, head.updated_at, details)
        }
        Kind::CannedAnswer => {
            let head: CannedAnswerHead = serde_saphyr::from_str(head).map_err(|error| yaml_problem(&error))?;
            let visibility = match head.visibility {
                VisibilityWord::Everyone => Visibility::Everyone,
                VisibilityWord::Group if head.owner_group.is_empty() => {
                    return Err((1, "visibility `group` needs `owner_group`".to_owned()));
                }
                VisibilityWord::Group => Visibility::Group(head.owner_group),
                VisibilityWord::Agent if head.owner_agent_id.is_empty() => {
                    return Err((1, "visibility `agent` needs `owner_agent_id`".to_owned()));
                }
                VisibilityWord::Agent => Visibility::Agent(head.owner_agent_id),
            };
            let details = Details::CannedAnswer { shortcut: head.shortcut, visibility };
            (head.title, head.category, head.tags, head.updated_at, details)
        }
    };
    if title.trim().is_empty() || title.chars().count() > MOST_TITLE {
        return Err((line_of(text, "title"), format!("the title must have 1 to {MOST_TITLE} characters")));
    }
    let shortcut = match &details {
        Details::CannedAnswer { shortcut, .. } => shortcut.as_str(),
        Details::Article { .. } => "",
    };
    for (key, value) in [("category", category.as_str()), ("shortcut", shortcut)].into_iter().filter(|(_, value)| !value.is_empty()) {
        Id::new(value).map_err(|problem| (line_of(text, key), format!("`{key}` {problem}")))?;
    }
    if let Some(problem) = tags.iter().find_map(|tag| Id::new(tag.as_str()).err()) {
        return Err((line_of(text, "tags"), format!("a tag {problem}")));
    }
    if tags.len() > MOST_TAGS {
        return Err((line_of(text, "tags"), format!("there are more than {MOST_TAGS} tags")));
    }
    if text.contains('\0') {
        return Err((line_at(text, text.find('\0').unwrap_or(0)), "the file holds a NUL byte".to_owned()));
    }
    let updated_at = updated_at.map(|text| parse_time(&text)).transpose()?.unwrap_or_default();
    let (id, language) = (key.id.clone(), key.language.clone());
    Ok(Document { id, language, title, body, category, tags, from_folder: true, updated_at, details })
}

/// Splits a file into its front matter, its body, and the line at which the body begins.
fn split_front_matter(text: &str) -> Result<(&str, &str, usize), Trouble> {
    let opening = "the file must begin with front matter between two lines of `---`".to_owned();
    let rest = text.strip_prefix("---").filter(|rest| rest.starts_with(['\n', '\r'])).ok_or((1, opening))?;
    let mut offset = 0;
    for line in rest.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        if start > 0 && line.trim_end() == "---" {
            return Ok((&rest[..start], &rest[offset..], line_at(rest, offset)));
        }
    }
    Err((line_at(text, text.len()), "the front matter's closing `---` is missing".to_owned()))
}

fn yaml_problem(error: &serde_saphyr::Error) -> Trouble {
    let line = error.location().map_or(1, |location| usize::try_from(location.line()).unwrap_or(1));
    let text = error.without_snippet().to_string();
    let message = text.lines().next().unwrap_or("can't be read").trim_start_matches("error: ").to_owned();
    (line, format!("front matter: {message}"))
}

fn parse_time(text: &str) -> Result<Timestamp, Trouble> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let day = text.parse::<civil::Date>().and_then(|date| date.to_zoned(TimeZone::UTC));
    day.map(|zoned| zoned.timestamp())
        .map_err(|_| (1, format!("`updated_at: {text}` is neither a date like 2026-10-05 nor a time like 2026-10-05T09:00:00Z")))
}

/// Reads the voice's file.
pub fn parse_voice(text: &str) -> Result<Voice, Trouble> {
    let (head, body, _) = split_front_matter(text)?;
    let head: VoiceHead = serde_saphyr::from_str(head).map_err(|error| yaml_problem(&error))?;
    Ok(Voice { text: body.trim().to_owned(), several_messages: head.layout == LayoutWord::SeveralMessages, sign_off: head.sign_off })
}

/// The line at which a key stands in the front matter.
fn line_of(text: &str, key: &str) -> usize {
    text.lines().position(|line| line.starts_with(key)).map_or(1, |line| line + 1)
}

/// The line, from 1, of a byte offset.
pub fn line_at(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}
