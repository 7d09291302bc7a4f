//! A table of documents: CSV with a header. Commas, semicolons or tabs; UTF-8.

use std::{io::Read, path::PathBuf, str};

use anyhow::Context;
use csv::{ReaderBuilder, StringRecord};
use indicatif::ProgressBar;
use serde_json::Value;

use crate::{
    cli::import::{
        account::Place,
        intake::{Draft, Intake, Stopped},
        json_file::Lines,
        markdown_tree::slug,
        object::{Object, parse_time},
        publication::{Readers, is_about, left_out},
        words::plain_word,
    },
    knowledge::{Audience, Visibility},
};

/// Largest table, in bytes.
const MAX_BYTES: u64 = 256 << 20;
/// The columns that are read, and the words that other systems use for them.
const COLUMNS: [(&str, &[&str]); 13] = [
    ("title", &["title", "name", "subject", "question"]),
    ("body", &["body", "text", "content", "answer", "message", "reply"]),
    ("id", &["id", "key", "slug"]),
    ("kind", &["kind", "type"]),
    ("language", &["language", "locale", "lang"]),
    ("category", &["category", "folder", "section"]),
    ("tags", &["tags", "labels", "keywords"]),
    ("shortcut", &["shortcut", "short_code", "shortcode"]),
    ("audience", &["audience", "visibility"]),
    ("owner_group", &["owner_group", "group", "team"]),
    ("owner_agent_id", &["owner_agent_id", "agent"]),
    ("url", &["url", "link", "address"]),
    ("updated_at", &["updated_at", "updated", "date"]),
];

/// A last row of our own: what it is part of is a cell whose quotes do not end.
const END: &str = "\u{e000}end\u{e000}";

pub fn read(files: &[PathBuf], bar: &ProgressBar, intake: &mut Intake) -> anyhow::Result<()> {
    for path in files {
        let whole = Place { file: path.as_path().into(), line: 0 };
        // The checks of a file that is no text.
        if let Err(problem) = Lines::open(path, "a table as CSV, in UTF-8, with a header", bar) {
            intake.account.broken(&whole, problem);
            continue;
        }
        match text_of(path) {
            Ok(Ok(text)) => {
                bar.inc(text.len() as u64);
                if let Err(Stopped) = table(&text, &whole, intake) {
                    return Ok(());
                }
            }
            Ok(Err((line, problem))) => intake.account.broken(&Place { line, ..whole }, problem),
            Err(error) => intake.account.broken(&whole, format!("{error:#}")),
        }
    }
    Ok(())
}

/// The text of a file, or the line from which it is not UTF-8.
fn text_of(path: &PathBuf) -> anyhow::Result<Result<String, (usize, String)>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes)).context("can't be read")?;
    if bytes.len() as u64 > MAX_BYTES {
        return Ok(Err((0, format!("the table has more than {} MB; divide it", MAX_BYTES >> 20))));
    }
    Ok(match String::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').map_or(text.clone(), str::to_owned)),
        Err(error) => {
            let line = error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
            let advice = "save it as \"CSV UTF-8\", or convert it: `iconv -f WINDOWS-1252 -t UTF-8` (1254 for Turkish, 1250 for Hungarian)";
            Err((line, format!("the table is not UTF-8; {advice}")))
        }
    })
}

/// The places of the columns in a table.
struct Columns(Vec<Option<usize>>);

impl Columns {
    fn of(header: &StringRecord) -> Columns {
        let names: Vec<String> = header.iter().map(plain_name).collect();
        let place = |words: &[&str]| words.iter().find_map(|word| names.iter().position(|name| name == word));
        Columns(COLUMNS.iter().map(|(_, words)| place(words)).collect())
    }

    fn place(&self, column: &str) -> Option<usize> {
        let number = COLUMNS.iter().position(|(name, _)| *name == column)?;
        self.0[number]
    }

    fn text(&self, column: &str, row: &StringRecord) -> String {
        self.place(column).and_then(|place| row.get(place)).unwrap_or_default().trim().to_owned()
    }
}

fn plain_name(name: &str) -> String {
    name.trim().to_lowercase().replace([' ', '-'], "_")
}

fn table(text: &str, whole: &Place, intake: &mut Intake) -> Result<(), Stopped> {
    let header_line = text.lines().next().unwrap_or_default();
    let count = |sign: char| header_line.matches(sign).count();
    let delimiter = [',', ';', '\t'].into_iter().max_by_key(|sign| (count(*sign), *sign == ',')).unwrap_or(',');
    let end = format!("\n{END}\n");
    let mut reader = ReaderBuilder::new().delimiter(delimiter as u8).flexible(true).from_reader(text.as_bytes().chain(end.as_bytes()));
    let header = match reader.headers() {
        Ok(header) => header.clone(),
        Err(error) => {
            intake.account.broken(whole, format!("the header can't be read: {error}"));
            return Ok(());
        }
    };
    let columns = Columns::of(&header);
    if columns.place("title").is_none() || columns.place("body").is_none() {
        let names: Vec<&str> = header.iter().take(20).collect();
        let problem = format!("the header needs the columns `title` and `body`; it has: {}", names.join(", "));
        intake.account.broken(&Place { line: 1, ..whole.clone() }, problem);
        return Ok(());
    }
    let about: Vec<usize> = (0..header.len()).filter(|number| is_about(&header[*number])).collect();
    let used: Vec<usize> = columns.0.iter().flatten().chain(&about).copied().collect();
    for (number, row) in reader.records().enumerate() {
        let row = match row {
            Ok(row) => row,
            Err(error) => {
                let line = error.position().map_or(number + 2, |position| position.line() as usize);
                intake.account.broken(&Place { line, ..whole.clone() }, format!("the row can't be read: {error}"));
                continue;
            }
        };
        let line = row.position().map_or(number + 2, |position| position.line() as usize);
        let place = Place { line, ..whole.clone() };
        if row.iter().any(|cell| cell.contains(END)) {
            if row.len() > 1 || &row[0] != END {
                let problem = "a quote `\"` begins in this row and does not end before the table does; nothing of the row and what follows is imported";
                intake.account.broken(&place, problem);
            }
            break;
        }
        if row.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        if row.len() != header.len() {
            let problem = format!(
                "the row has {} cells, the header {}; a cell with the delimiter `{delimiter}` must be quoted",
                row.len(),
                header.len()
            );
            intake.account.broken(&place, problem);
            continue;
        }
        // What tells whether the text is public. Several columns may have the same name.
        let fields = about.iter().map(|number| (format!("{}{}", header[*number].trim(), " ".repeat(*number)), Value::from(&row[*number])));
        let fields = Object::new("row", Value::Object(fields.collect())).unwrap_or_default();
        row_of(&row, &columns, fields, &place, intake)?;
        let id = columns.text("title", &row);
        for (number, cell) in row.iter().enumerate() {
            if !used.contains(&number) && !cell.trim().is_empty() {
                intake.account.list(format!("column `{}`", header.get(number).unwrap_or_default().trim()), &id);
            }
        }
    }
    Ok(())
}

fn row_of(row: &StringRecord, columns: &Columns, mut fields: Object, place: &Place, intake: &mut Intake) -> Result<(), Stopped> {
    let cell = |column: &str| columns.text(column, row);
    let title = cell("title");
    let id = Some(cell("id")).filter(|id| !id.is_empty()).unwrap_or_else(|| slug(&title));
    if let Some(reason) = left_out(&mut fields) {
        intake.account.list(reason, &id);
        return Ok(());
    }
    let readers = Readers::of(&mut fields);
    let kind = plain_word(&cell("kind"));
    let is_article = match kind.as_str() {
        "article" | "help article" | "faq" => true,
        "" => columns.place("shortcut").is_none() && (columns.place("audience").is_some() || columns.place("url").is_some()),
        "canned answer" | "canned response" | "saved reply" | "macro" | "reply" | "template" | "snippet" | "answer" => false,
        _ => {
            let kind: String = kind.chars().take(40).collect();
            intake.account.list(format!("kind `{kind}`, which is neither article nor canned_answer, taken as a canned answer"), &id);
            false
        }
    };
    let is_internal = readers == Readers::Agents;
    if is_internal && !is_article {
        intake.account.list("answers for colleagues, now articles for agents", &id);
    }
    let is_article = is_article || is_internal;
    let body = cell("body");
    let is_html = body.trim_start().starts_with('<') && body.contains("</");
    let (bodies, account, url) = (&intake.bodies, &mut intake.account, cell("url"));
    let body = match (is_article, is_html) {
        (true, true) => bodies.article_html(&body, |_| None, &url, &id, account),
        (true, false) => bodies.article(&body, |_| None, &url, &id, account),
        (false, true) => bodies.answer_html(&body, |_| None, &id, account),
        (false, false) => bodies.answer(&body, |_| None, &id, account),
    };
    let time = cell("updated_at");
    let updated_at = parse_time(&time);
    if updated_at.is_none() && !time.is_empty() {
        intake.account.list("times that are none, such as 2026-10-05", &id);
    }
    let tags = cell("tags").split([',', ';', '|']).map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect();
    let draft = Draft { id: id.clone(), language: cell("language"), title, body, category: cell("category"), tags, updated_at };
    let mut unkept = |column: &str, of: &str| {
        if !cell(column).is_empty() {
            intake.account.list(format!("`{column}` of {of}"), &id);
        }
    };
    if is_article {
        for column in ["owner_group", "owner_agent_id", "shortcut"] {
            unkept(column, "an article");
        }
        let unsaid = if intake.for_agents { Audience::Agents } else { Audience::Public };
        let audience = readers.audience(unsaid, &id, &mut intake.account);
        return intake.article(draft, audience, &url, place);
    }
    unkept("url", "a canned answer");
    let (group, agent) = (cell("owner_group"), cell("owner_agent_id"));
    if !agent.is_empty() {
        unkept("owner_group", "a canned answer that is one agent's");
    }
    if let Readers::Other(word) = readers {
        intake.account.list(format!("audience `{word}` of a canned answer, which is for all agents or its owner"), &id);
    }
    let visibility = match (group, agent) {
        (_, agent) if !agent.is_empty() => Visibility::Agent(agent),
        (group, _) if !group.is_empty() => Visibility::Group(group),
        _ => Visibility::Everyone,
    };
    intake.canned_answer(draft, &cell("shortcut"), visibility, place)
}
