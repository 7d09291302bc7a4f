//! A table of documents: CSV with a header. Commas, semicolons or tabs; UTF-8.

use std::{io::Read, path::PathBuf, str};

use anyhow::Context;
use csv::{ReaderBuilder, StringRecord};
use indicatif::ProgressBar;

use crate::{
    cli::import::{
        account::Place,
        intake::{Draft, Intake, Stopped},
        json_file::Lines,
        markdown_tree::slug,
        object::parse_time,
    },
    knowledge::{Audience, Visibility},
};

/// Largest table, in bytes.
const MAX_BYTES: u64 = 256 << 20;
/// The columns that are read, and the words that other systems use for them.
const COLUMNS: [(&str, &[&str]); 16] = [
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
    ("status", &["status", "state"]),
    ("hidden", &["draft", "hidden", "archived", "unpublished"]),
    ("shown", &["published", "active", "enabled"]),
];

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
    let mut reader = ReaderBuilder::new().delimiter(delimiter as u8).flexible(true).from_reader(text.as_bytes());
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
    let used: Vec<usize> = columns.0.iter().flatten().copied().collect();
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
        row_of(&row, &columns, &place, intake)?;
        let id = columns.text("title", &row);
        for (number, cell) in row.iter().enumerate() {
            if !used.contains(&number) && !cell.trim().is_empty() {
                intake.account.list(format!("column `{}`", header.get(number).unwrap_or_default().trim()), &id);
            }
        }
    }
    Ok(())
}

fn row_of(row: &StringRecord, columns: &Columns, place: &Place, intake: &mut Intake) -> Result<(), Stopped> {
    let cell = |column: &str| columns.text(column, row);
    let title = cell("title");
    let id = Some(cell("id")).filter(|id| !id.is_empty()).unwrap_or_else(|| slug(&title));
    if is_draft(&cell("status"), &cell("hidden"), &cell("shown")) {
        intake.account.list("drafts, left out", &id);
        return Ok(());
    }
    let is_article = match cell("kind").to_lowercase().as_str() {
        "article" | "help_article" | "help article" => true,
        "" => columns.place("shortcut").is_none() && (columns.place("audience").is_some() || columns.place("url").is_some()),
        _ => false,
    };
    let audience = cell("audience").to_lowercase();
    let is_internal = matches!(audience.as_str(), "agents" | "internal" | "private" | "staff");
    if is_internal && !is_article {
        intake.account.list("answers for colleagues, now articles for agents", &id);
    }
    let is_article = is_article || is_internal;
    let body = cell("body");
    let is_html = body.trim_start().starts_with('<') && body.contains("</");
    let (bodies, account) = (&intake.bodies, &mut intake.account);
    let body = match (is_article, is_html) {
        (true, true) => bodies.article_html(&body, |_| None, &id, account),
        (true, false) => bodies.article(&body, |_| None, &id, account),
        (false, true) => bodies.answer_html(&body, |_| None, &id, account),
        (false, false) => bodies.answer(&body, |_| None, &id, account),
    };
    let time = cell("updated_at");
    let updated_at = parse_time(&time);
    if updated_at.is_none() && !time.is_empty() {
        intake.account.list("times that are none, such as 2026-10-05", &id);
    }
    let tags = cell("tags").split([',', ';', '|']).map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect();
    let draft = Draft { id, language: cell("language"), title, body, category: cell("category"), tags, updated_at };
    if is_article {
        let audience = match audience.as_str() {
            "" if intake.for_agents => Audience::Agents,
            "" | "public" | "everyone" | "published" => Audience::Public,
            // A word that we do not know must not publish a text.
            _ => Audience::Agents,
        };
        return intake.article(draft, audience, &cell("url"), place);
    }
    let visibility = match (cell("owner_group"), cell("owner_agent_id")) {
        (_, agent) if !agent.is_empty() => Visibility::Agent(agent),
        (group, _) if !group.is_empty() => Visibility::Group(group),
        _ => Visibility::Everyone,
    };
    intake.canned_answer(draft, &cell("shortcut"), visibility, place)
}

/// Whether the columns that publish or hide a text hide it.
fn is_draft(status: &str, hidden: &str, shown: &str) -> bool {
    let is_no = |word: &str| matches!(word.to_lowercase().as_str(), "" | "false" | "0" | "no");
    let is_hiding = matches!(status.to_lowercase().as_str(), "draft" | "unpublished" | "archived" | "inactive" | "disabled" | "in_review");
    is_hiding || !is_no(hidden) || (!shown.is_empty() && is_no(shown))
}
