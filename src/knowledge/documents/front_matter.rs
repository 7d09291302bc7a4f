//! Parses a file's front matter and body into a document. Problems are explained in an author's terms.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil, tz::TimeZone};
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};

use crate::knowledge::documents::{
    condition::{Condition, Conditions, check_condition_count},
    document::{
        Audience, Details, Document, DocumentKey, Kind, Visibility, check_asked, check_asked_count, check_body, check_id, check_name,
        check_tag_count, check_time, check_title, check_url,
    },
};

/// A problem's line and message, before its file is known.
pub type Trouble = (usize, String);

const ARTICLE_KEYS: [&str; 7] = ["title", "category", "tags", "asked", "audience", "url", "updated_at"];
const CANNED_ANSWER_KEYS: [&str; 10] =
    ["title", "category", "tags", "asked", "when", "shortcut", "visibility", "owner_group", "owner_agent_id", "updated_at"];
/// Keys by which other systems publish or hide a text.
const PUBLICATION_KEYS: [&str; 12] = [
    "audience",
    "draft",
    "published",
    "publish",
    "unpublished",
    "private",
    "public",
    "hidden",
    "visible",
    "visibility",
    "status",
    "unlisted",
];
/// Largest edit distance at which a known key is suggested for an unknown one.
const MAX_KEY_DISTANCE: usize = 2;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ArticleHead {
    title: String,
    #[serde(default)]
    category: String,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    asked: Vec<String>,
    // A key without a value leaves open who may see the article, so it is an error; a missing line is not.
    #[serde(default = "public")]
    audience: Audience,
    #[serde(default)]
    url: String,
    updated_at: Option<String>,
}

fn public() -> Audience {
    Audience::Public
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
    asked: Vec<String>,
    #[serde(default)]
    when: OneOrMany,
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

/// A list of texts, or a single one.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Default for OneOrMany {
    fn default() -> OneOrMany {
        OneOrMany::Many(Vec::new())
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "snake_case")]
enum VisibilityWord {
    #[default]
    Everyone,
    Group,
    Agent,
}

/// Parses a document's file. The API's limits apply to files too.
pub fn parse_document(text: &str, key: &DocumentKey) -> Result<Document, Trouble> {
    if let Some(offset) = text.find('\0') {
        return Err((line_at(text, offset), "the file must not contain NUL".to_owned()));
    }
    let file = split_front_matter(text)?;
    let body = file.body.trim().to_owned();
    check_body(&body).map_err(|problem| (file.body_line, format!("the body {problem}")))?;
    let (title, category, tags, asked, updated_at, details) = match key.kind {
        Kind::Article => {
            let head: ArticleHead = file.head(&ARTICLE_KEYS)?;
            let details = Details::Article { audience: head.audience, url: head.url };
            (head.title, head.category, head.tags, head.asked, head.updated_at, details)
        }
        Kind::CannedAnswer => {
            let head: CannedAnswerHead = file.head(&CANNED_ANSWER_KEYS)?;
            let visibility = match head.visibility {
                VisibilityWord::Everyone => Visibility::Everyone,
                VisibilityWord::Group => Visibility::Group(head.owner_group),
                VisibilityWord::Agent => Visibility::Agent(head.owner_agent_id),
            };
            let details = Details::CannedAnswer { shortcut: head.shortcut, visibility, when: file.conditions(head.when)? };
            (head.title, head.category, head.tags, head.asked, head.updated_at, details)
        }
    };
    file.check("title", check_title(&title))?;
    file.check("category", check_name(&category))?;
    match &details {
        Details::Article { url, .. } => file.check("url", check_url(url))?,
        Details::CannedAnswer { shortcut, visibility, when: _ } => {
            file.check("shortcut", check_name(shortcut))?;
            let owner = match visibility {
                Visibility::Everyone => Ok(()),
                Visibility::Group(group) => check_id(group).map_err(|problem| format!("`group` needs `owner_group`, which {problem}")),
                Visibility::Agent(agent) => check_id(agent).map_err(|problem| format!("`agent` needs `owner_agent_id`, which {problem}")),
            };
            file.check("visibility", owner)?;
        }
    }
    file.check("tags", check_tag_count(tags.len()))?;
    if let Some(problem) = tags.iter().find_map(|tag| check_id(tag).err()) {
        return Err((file.line_of("tags"), format!("each of `tags` {problem}")));
    }
    file.check("asked", check_asked_count(asked.len()))?;
    if let Some((index, problem)) = asked.iter().enumerate().find_map(|(index, phrase)| Some((index, check_asked(phrase).err()?))) {
        return Err((file.line_of_item("asked", index), format!("each of `asked` {problem}")));
    }
    let updated_at = match updated_at {
        Some(text) => {
            let time = parse_time(&text).map_err(|problem| (file.line_of("updated_at"), problem))?;
            file.check("updated_at", check_time(time, Timestamp::now()))?;
            time
        }
        None => Timestamp::default(),
    };
    let (id, language) = (key.id.clone(), key.language.clone());
    Ok(Document { id, language, title, body, category, tags, asked, from_folder: true, updated_at, withdrawn: false, details })
}

/// Returns the values that YAML truncates, each with its line: after a space, `#` begins a comment. The file is read anyway.
pub fn cut_values(text: &str) -> Vec<Trouble> {
    let Ok(file) = split_front_matter(text) else { return Vec::new() };
    let mut cut = Vec::new();
    for (index, line) in file.head.lines().enumerate() {
        let line = line.trim();
        let value = line.strip_prefix("- ").or_else(|| line.split_once(": ").map(|(_, value)| value)).unwrap_or_default().trim_start();
        let Some(comment) = value.find(" #").filter(|_| !value.starts_with(['"', '\'', '#', '[', '{', '|', '>'])) else { continue };
        // `# words` after a value is an intended comment; a title has none.
        if !value[comment + 2..].starts_with([' ', '#']) || line.starts_with("title:") {
            let kept = value[..comment].trim_end();
            cut.push((index + 1, format!("everything after ` #` is a comment, which leaves only `{kept}`; quote the value")));
        }
    }
    cut
}

/// A file's parts.
pub struct FileParts<'a> {
    /// Begins at the end of the file's first line, so that line numbers are those of the file.
    pub head: &'a str,
    pub body: &'a str,
    /// The line at which the body begins.
    body_line: usize,
}

pub fn split_front_matter(text: &str) -> Result<FileParts<'_>, Trouble> {
    let opening = "the file must begin with front matter between two `---` lines".to_owned();
    let first = text.lines().next().unwrap_or_default();
    if first.trim_end() != "---" {
        return Err((1, opening));
    }
    let rest = &text[first.len()..];
    let mut offset = 0;
    for line in rest.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        if start > 0 && line.trim_end() == "---" {
            return Ok(FileParts { head: &rest[..start], body: &rest[offset..], body_line: line_at(rest, offset) });
        }
    }
    Err((line_at(text, text.len()), "the closing `---` of the front matter is missing".to_owned()))
}

impl FileParts<'_> {
    /// Parses the front matter, which may have these keys.
    pub fn head<T: DeserializeOwned>(&self, known: &[&str]) -> Result<T, Trouble> {
        let keys: BTreeMap<String, IgnoredAny> = match self.head.lines().all(|line| line.trim().is_empty() || line.starts_with('#')) {
            true => BTreeMap::new(),
            false => serde_saphyr::from_str(self.head).map_err(|error| self.syntax_problem(&error))?,
        };
        let mut unknown: Vec<Trouble> =
            keys.keys().filter(|key| !known.contains(&key.as_str())).map(|key| (self.line_of(key), unknown_key(key, known))).collect();
        unknown.sort();
        if let Some(problem) = unknown.into_iter().next() {
            return Err(problem);
        }
        if known.contains(&"title") && !keys.contains_key("title") {
            return Err((1, "`title` is missing".to_owned()));
        }
        let head = if keys.is_empty() { "{}" } else { self.head };
        serde_saphyr::from_str(head).map_err(|error| {
            let line = line_of_error(&error);
            let key = self.key_at(line);
            (if key.is_empty() { line } else { self.line_of(key) }, value_problem(key))
        })
    }

    fn check(&self, key: &str, result: Result<(), String>) -> Result<(), Trouble> {
        result.map_err(|problem| (self.line_of(key), format!("`{key}` {problem}")))
    }

    fn conditions(&self, when: OneOrMany) -> Result<Conditions, Trouble> {
        let texts = match when {
            OneOrMany::One(text) => vec![text],
            OneOrMany::Many(texts) => texts,
        };
        self.check("when", check_condition_count(texts.len()))?;
        let parsed = texts.iter().enumerate().map(|(index, text)| {
            Condition::parse(text).map_err(|problem| (self.line_of_item("when", index), format!("`when`: {problem}")))
        });
        Conditions::new(parsed.collect::<Result<_, _>>()?).map_err(|problem| (self.line_of("when"), format!("`when` {problem}")))
    }

    /// Returns the line of a key.
    fn line_of(&self, key: &str) -> usize {
        self.head.lines().position(|line| key_of(line) == Some(key)).map_or(1, |line| line + 1)
    }

    /// Returns the line of an item of a list, from 0; that of the key if the list does not have an item a line.
    fn line_of_item(&self, key: &str, index: usize) -> usize {
        let first = self.line_of(key);
        let lines = self.head.lines().enumerate().skip(first).take_while(|(_, line)| key_of(line).is_none());
        let mut items = lines.filter(|(_, line)| line.trim_start().starts_with("- "));
        items.nth(index).map_or(first, |(line, _)| line + 1)
    }

    /// Returns the key that a line belongs to.
    fn key_at(&self, line: usize) -> &str {
        self.head.lines().take(line).filter_map(key_of).last().unwrap_or_default()
    }

    fn syntax_problem(&self, error: &serde_saphyr::Error) -> Trouble {
        let text = error.without_snippet().to_string();
        let mut line = line_of_error(error);
        let mut message = if text.contains("duplicate") {
            "duplicate key".to_owned()
        } else if !self.head.lines().any(|line| key_of(line).is_some()) {
            "front matter must consist of lines such as `title: How to return an item`".to_owned()
        } else {
            "front matter can't be parsed here; a value with `: ` or ` #` in it, or one that begins with a sign such as `[`, `{`, `*`, `&`, \
             `!`, `@`, `%` or a quotation mark, must be quoted as a whole"
                .to_owned()
        };
        // The parser notices an error in a value only on the next line.
        let key = self.key_at(line);
        if !key.is_empty() && !text.contains("duplicate") {
            message = format!("`{key}`: {message}");
            line = self.line_of(key);
        }
        (line, message)
    }
}

/// Returns the key that a line of the front matter sets.
pub fn key_of(line: &str) -> Option<&str> {
    let (key, rest) = line.split_once(':')?;
    let plain = !key.is_empty() && !key.starts_with([' ', '\t', '#', '-']) && (rest.is_empty() || rest.starts_with([' ', '\t', '\r']));
    plain.then(|| key.trim_end().trim_matches(['"', '\'']))
}

fn unknown_key(key: &str, known: &[&str]) -> String {
    if key == "when" && known.contains(&"audience") {
        return "`when` is for canned answers; an article has no conditions".to_owned();
    }
    let plain = key.trim().to_lowercase().replace('-', "_");
    let nearest = |keys: &[&'static str]| {
        let distances = keys.iter().map(|known| (strsim::osa_distance(&plain, known), *known));
        distances.min().filter(|(distance, known)| *distance <= MAX_KEY_DISTANCE && *distance * 2 < known.len()).map(|(_, known)| known)
    };
    let suggestion = known.iter().map(|known| (strsim::osa_distance(&plain, known), *known)).min();
    let suggestion =
        suggestion.filter(|(distance, known)| *distance <= MAX_KEY_DISTANCE && *distance * 2 < known.len()).map(|(_, known)| known);
    let hint = match (suggestion, nearest(&PUBLICATION_KEYS)) {
        (Some(suggestion), _) => format!("did you mean `{suggestion}`?"),
        (None, Some(_)) if known.contains(&"audience") => {
            "to hide an article from the public, set `audience: agents`; to hide it from everyone, keep it outside this folder".to_owned()
        }
        (None, Some(_)) if known.contains(&"visibility") => {
            "`visibility` sets who is offered a canned answer; to hide it from everyone, keep it outside this folder".to_owned()
        }
        _ => format!("the keys are {}", known.join(", ")),
    };
    format!("unknown key `{key}`; {hint}")
}

/// Explains what a key's value must be.
fn value_problem(key: &str) -> String {
    let allowed = match key {
        "tags" => "a list such as `[returns, refund]`, each a nonempty text",
        "asked" => "a list of phrases such as `[where is my parcel, when does it arrive]`, each a nonempty text",
        "when" => "a condition such as `record.order.status = shipped`, or a list of them",
        "audience" => "`public` or `agents`, in lower case",
        "visibility" => "`everyone`, `group` or `agent`, in lower case",
        "layout" => "`single_message` or `several_messages`",
        "" => return "front matter must consist of lines such as `title: How to return an item`".to_owned(),
        _ => "a text; leave the line out if it has no value",
    };
    format!("`{key}` must be {allowed}")
}

fn line_of_error(error: &serde_saphyr::Error) -> usize {
    error.location().map_or(1, |location| usize::try_from(location.line()).unwrap_or(1))
}

fn parse_time(text: &str) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let day = text.parse::<civil::Date>().and_then(|date| date.to_zoned(TimeZone::UTC));
    day.map(|zoned| zoned.timestamp())
        .map_err(|_| format!("`updated_at: {text}` is neither a date like 2026-10-05 nor a time like 2026-10-05T09:00:00Z"))
}

/// Returns the line, from 1, of a byte offset.
pub fn line_at(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ids::Id, text::Language};

    fn parse(kind: Kind, text: &str) -> Result<Document, Trouble> {
        let key = DocumentKey { kind, id: Id::new("a").unwrap(), language: Language::parse("en").unwrap() };
        parse_document(text, &key)
    }

    fn article(head: &str) -> Result<Document, Trouble> {
        parse(Kind::Article, &format!("---\ntitle: T\n{head}\n---\n\nText."))
    }

    #[test]
    fn problems_are_explained_in_an_authors_terms_with_their_line() {
        for (head, line, part) in [
            ("audience: Agents", 3, "`audience` must be `public` or `agents`"),
            ("audience:", 3, "`audience` must be"),
            ("audience: #agents", 3, "`audience` must be"),
            ("tags: [x]\naudience: internal", 4, "`audience` must be"),
            ("adience: agents", 3, "did you mean `audience`?"),
            ("Audience: agents", 3, "did you mean `audience`?"),
            ("draft: true", 3, "unknown key `draft`; to hide an article from the public"),
            ("published: false", 3, "unknown key `published`"),
            ("pubished: false", 3, "to hide an article from the public, set `audience: agents`"),
            ("private: true", 3, "unknown key `private`"),
            ("colour: red", 3, "the keys are title, category"),
            ("category:", 3, "`category` must be a text"),
            ("tags: returns", 3, "`tags` must be a list"),
            ("tags:\n  - a\n  -\n  - c", 3, "`tags` must be a list"),
            ("url: javascript:alert(1)", 3, "`url` must begin with http:// or https://"),
            ("url: \"https://x\\u0007\"", 3, "`url` must not contain control"),
            ("category: a: b", 3, "must be quoted"),
            ("category: [a", 3, "must be quoted"),
            ("category: @home", 3, "must be quoted"),
            ("category: a\ncategory: b", 4, "duplicate key"),
            ("updated_at: yesterday", 3, "neither a date"),
            ("updated_at: 1990-01-01", 3, "`updated_at` must be a time from 2000"),
        ] {
            let (at, message) = article(head).unwrap_err();
            assert!(message.contains(part), "{head:?}: {message}");
            assert_eq!(at, line, "{head:?}: {message}");
            assert!(!message.contains("Option<") && !message.contains("expected"), "{message}");
        }
        let (line, message) = parse(Kind::Article, "---\ncategory: x\n---\n\nText.").unwrap_err();
        assert_eq!((line, message.as_str()), (1, "`title` is missing"));
        for (text, part) in [
            ("---\n---\n\nText.", "`title` is missing"),
            ("---\n# only this\n---\n\nText.", "`title` is missing"),
            ("---\ntitle:\n---\n\nText.", "`title` must be a text"),
            ("---\njust words\n---\n\nText.", "must consist of lines such as"),
            ("---\ntitle: T\n---\n\n<!-- nothing else -->", "the body is required"),
            ("---\ntitle: T\n---\n\nText\0", "must not contain NUL"),
            ("# Title\n\nText.", "must begin with front matter"),
            ("---\ntitle: T\n\nText.", "closing `---` of the front matter is missing"),
        ] {
            let (_, message) = parse(Kind::Article, text).unwrap_err();
            assert!(message.contains(part), "{text:?}: {message}");
        }
        let canned = |head: &str| parse(Kind::CannedAnswer, &format!("---\ntitle: T\n{head}\n---\n\nHi."));
        for (head, part) in [
            ("visibility: Agent", "`visibility` must be"),
            ("visibility: agent", "`visibility` `agent` needs `owner_agent_id`"),
            ("audience: agents", "`visibility` sets who is offered a canned answer"),
            ("shortcut: \"a\\nb\"", "`shortcut` must not contain control characters"),
            ("when: recrod.order.status = shipped", "`when`: `recrod.order.status` is not known; conditions are about record.SOURCE.KEY"),
            ("when:\n- channel = emial", "`when`: `channel` can be web_chat, email"),
            ("when: [channel in (email, phone)]", "`when`: a list of values must stand in parentheses"),
            ("when: {channel: email}", "`when` must be a condition such as"),
            ("when: ", "`when` must be a condition such as"),
            ("asked: where is it", "`asked` must be a list of phrases"),
            ("asked: [\"a\\nb\"]", "each of `asked` must not contain line breaks"),
        ] {
            let (line, message) = canned(head).unwrap_err();
            let expected = if head.contains("\n- ") { 4 } else { 3 };
            assert!(message.contains(part) && line == expected, "{head:?}: {line} {message}");
        }
        let second = "tags: [a]\nasked:\n  - x\n  - '  '\nwhen:\n  - channel exists\n  - channel is email";
        assert_eq!(canned(second).unwrap_err(), (9, format!("`when`: {}", Condition::parse("channel is email").unwrap_err())));
        assert_eq!(canned(&second.replace("channel is", "channel =")).unwrap_err(), (6, "each of `asked` must not be empty".to_owned()));
        let many = format!("asked: [{}]", "x, ".repeat(51));
        assert_eq!(canned(&many).unwrap_err(), (3, "`asked` must have at most 50 phrases".to_owned()));
        let many = format!("when: [{}]", "channel exists, ".repeat(17));
        assert_eq!(canned(&many).unwrap_err(), (3, "`when` must have at most 16 conditions".to_owned()));
        let (_, message) = article("when: channel = email").unwrap_err();
        assert_eq!(message, "`when` is for canned answers; an article has no conditions");
    }

    #[test]
    fn valid_front_matter_is_parsed() {
        let read = article("audience: agents # not for customers\nurl: https://shop.example/a#b\ntags: [a, 2026]").unwrap();
        assert_eq!(read.audience(), Audience::Agents);
        assert_eq!((read.url(), read.tags.as_slice()), ("https://shop.example/a#b", ["a".to_owned(), "2026".to_owned()].as_slice()));
        let read = article("asked: [\"how, do I\", where is it]").unwrap();
        assert_eq!(read.asked, ["how, do I", "where is it"]);
        for when in ["when: channel = email", "when: [channel = email]", "when:\n  - \"channel = email\""] {
            let read = parse(Kind::CannedAnswer, &format!("---\ntitle: T\n{when}\n---\n\nHi.")).unwrap();
            let texts: Vec<&str> = read.when().iter().map(Condition::text).collect();
            assert_eq!(texts, ["channel = email"], "{when}");
        }
        let read = parse(Kind::Article, "--- \r\ntitle: 2026\r\n---  \r\n\r\nText.\r\n").unwrap();
        assert_eq!((read.title.as_str(), read.body.as_str()), ("2026", "Text."));
    }

    #[test]
    fn a_value_truncated_by_a_comment_is_reported() {
        let cut_in = |head: &str| cut_values(&format!("---\n{head}\n---\n\nText # not here"));
        let cut = cut_in("title: Order #204815 is late");
        assert_eq!(cut.len(), 1);
        assert!(cut[0].0 == 2 && cut[0].1.contains("leaves only `Order`"), "{cut:?}");
        assert_eq!(cut_in("category: x\ntags:\n  - error #5").len(), 1);
        assert_eq!(cut_in("title: Tip # 1").len(), 1);
        for fine in ["title: \"Order #204815\"", "title: C# for all", "audience: agents # for us", "# a comment #1", "url: https://a/#b"] {
            assert_eq!(cut_in(fine), [], "{fine}");
        }
    }
}
