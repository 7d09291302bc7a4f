//! The page: the answers of all models side by side, a row for each case. It needs no scripts; what people and models wrote is escaped.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    api::pb,
    cli::eval::replies::{
        answer::{Answer, kind_word},
        case::{Asked, Case, CaseTask},
        report::seconds,
    },
    text::escape_html,
};

const STYLE: &str = include_str!("page.css");
/// How many of a chat's messages are shown.
const LAST_MESSAGES: usize = 4;

/// Builds the page; `table` is the table as text, `about` says what was asked, when, and on which knowledge base.
pub fn page(answers: &[Answer<'_>], models: &[String], about: &str, table: &str) -> String {
    let mut groups: BTreeMap<(&str, CaseTask), Vec<&Case>> = BTreeMap::new();
    for answer in answers {
        let cases = groups.entry((answer.case.language.as_str(), answer.case.task())).or_default();
        if !cases.iter().any(|case| case.id == answer.case.id) {
            cases.push(answer.case);
        }
    }
    let languages: BTreeSet<&str> = groups.keys().map(|(language, _)| *language).collect();
    let tasks: BTreeSet<CaseTask> = groups.keys().map(|(_, task)| *task).collect();
    let filters: Vec<String> =
        languages.iter().map(|language| (*language).to_owned()).chain(tasks.iter().map(|task| task.word().to_owned())).collect();

    let mut body =
        format!("<h1>Replies, model by model</h1>\n<p class=\"soft\">{}</p>\n<pre>{}</pre>\n", escape_html(about), escape_html(table));
    // A target before the blocks hides those that it does not name: a filter without a script.
    body.extend(filters.iter().map(|filter| format!("<i id=\"only-{filter}\"></i>")));
    body.push_str("\n<nav><a href=\"#all\">all</a>");
    body.extend(filters.iter().map(|filter| format!(" <a href=\"#only-{filter}\">{filter}</a>")));
    body.push_str("</nav>\n");
    for ((language, task), cases) in &groups {
        let task = task.word();
        body.push_str(&format!("<section class=\"block {language} {task}\" id=\"{language}-{task}\">\n<h2>{language} · {task}</h2>\n<div class=\"wide\"><table>\n<tr><th>case</th>"));
        body.extend(models.iter().map(|model| format!("<th>{}</th>", escape_html(model))));
        body.push_str("</tr>\n");
        for case in cases {
            body.push_str(&format!("<tr><td>{}</td>", about_case(case)));
            for model in models {
                let answer = answers.iter().find(|answer| answer.case.id == case.id && answer.model == *model);
                body.push_str(&format!("<td>{}</td>", answer.map_or_else(|| "<p class=\"soft\">not asked</p>".to_owned(), answered)));
            }
            body.push_str("</tr>\n");
        }
        body.push_str("</table></div>\n</section>\n");
    }
    let hide: String = filters.iter().map(|filter| format!("#only-{filter}:target~.block:not(.{filter}){{display:none}}\n")).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Replies, model by model</title><style>\n{STYLE}{hide}</style></head>\n<body id=\"all\">\n{body}</body></html>\n"
    )
}

/// What was asked, and what makes an answer good.
fn about_case(case: &Case) -> String {
    let channel = case.channel.as_str_name().trim_start_matches("CHANNEL_").replace('_', " ").to_lowercase();
    let mut cell =
        format!("<p><b>{}</b> <span class=\"soft\">{}{}</span></p>", escape_html(&case.id), escape_html(&channel), details_of(&case.asked));
    for message in case.messages.iter().rev().take(LAST_MESSAGES).rev() {
        let who = match message.author {
            pb::Author::Customer => case.customer.as_str(),
            pb::Author::Agent => case.agent.as_str(),
            pb::Author::Bot | pb::Author::Unspecified => "bot",
        };
        cell.push_str(&format!("<p class=\"said\" dir=\"auto\"><b>{}:</b> {}</p>", escape_html(who), escape_html(&message.text)));
    }
    if !case.text().is_empty() {
        cell.push_str(&format!(
            "<p class=\"soft\">the agent's text:</p><p class=\"said answer\" dir=\"auto\">{}</p>",
            escape_html(case.text())
        ));
    }
    let facts: Vec<String> = case
        .form
        .iter()
        .map(|(field, value)| format!("{field}: {value}"))
        .chain(case.records.iter().flat_map(|record| {
            let name = format!("{} {}", record.source, record.reference);
            record.values.iter().map(move |(key, value)| format!("{name} · {key}: {value}"))
        }))
        .collect();
    if !facts.is_empty() {
        cell.push_str(&format!(
            "<details><summary class=\"soft\">what the shop knows</summary><p class=\"said\" dir=\"auto\">{}</p></details>",
            escape_html(&facts.join("\n"))
        ));
    }
    cell.push_str(&format!("<p class=\"soft\" dir=\"auto\">{}</p>", escape_html(&case.why)));
    cell
}

fn details_of(asked: &Asked) -> String {
    match asked {
        Asked::Draft { instruction } if !instruction.is_empty() => format!(" · the agent wants: {}", escape_html(instruction)),
        Asked::Retone { tone, .. } => format!(" · {}", tone.as_str_name().trim_start_matches("TONE_").to_lowercase()),
        Asked::Translate { target, .. } => format!(" · to {}", escape_html(target.as_str())),
        Asked::Draft { .. } | Asked::Correct { .. } | Asked::Summarize => String::new(),
    }
}

/// Why an answer does not pass, shortly.
fn failing(answer: &Answer<'_>) -> &'static str {
    let verdict = &answer.verdict;
    if answer.finished().is_none() {
        "the call failed"
    } else if !verdict.by_model {
        "written by the built-in engine"
    } else if verdict.refused {
        "refused by a check; this stands in its place"
    } else if !verdict.whole {
        "cut off at a length limit"
    } else {
        "does not pass"
    }
}

/// A model's answer, with what it says of what it must, its warnings and its times.
fn answered(answer: &Answer<'_>) -> String {
    let verdict = &answer.verdict;
    let (class, word) = if verdict.passes() { ("passes", "passes") } else { ("fails", failing(answer)) };
    let mut cell = format!("<p class=\"{class}\">{word}</p>");
    if let Some(failure) = answer.failure() {
        cell.push_str(&format!("<p class=\"said\">{}</p>", escape_html(&failure)));
    }
    let text = answer.finished().map_or(answer.generated.streamed.as_str(), |finished| &finished.text);
    if !text.is_empty() {
        cell.push_str(&format!("<p class=\"said answer\" dir=\"auto\">{}</p>", escape_html(text)));
    }
    cell.push_str("<ul>");
    // A call that failed, or whose text was refused, says nothing.
    let judged_text = answer.finished().is_some() && !verdict.refused;
    for (alternatives, met) in answer.case.must.iter().zip(&verdict.met).filter(|_| judged_text) {
        let (class, mark) = if *met { ("met", "✓ says") } else { ("missed", "✗ does not say") };
        cell.push_str(&format!("<li class=\"{class}\" dir=\"auto\">{mark}: {}</li>", escape_html(&alternatives.join(" / "))));
    }
    for (text, said) in answer.case.must_not.iter().zip(&verdict.said).filter(|_| judged_text) {
        let (class, mark) = if *said { ("missed", "✗ says") } else { ("met", "✓ does not say") };
        cell.push_str(&format!("<li class=\"{class}\" dir=\"auto\">{mark}: {}</li>", escape_html(text)));
    }
    if verdict.language_right == Some(false) {
        cell.push_str("<li class=\"missed\">✗ it is in another language</li>");
    }
    for warning in answer.warnings() {
        let excerpt = if warning.excerpt.is_empty() { String::new() } else { format!(" “{}”", escape_html(&warning.excerpt)) };
        cell.push_str(&format!(
            "<li class=\"doubt\" dir=\"auto\">{}{excerpt}: {}</li>",
            kind_word(warning.kind()),
            escape_html(&warning.message)
        ));
    }
    cell.push_str("</ul>");
    let (read, written) = answer.tokens();
    let first = answer.generated.first_delta.map_or_else(String::new, |first| format!("first token after {}, ", seconds(first)));
    let judged = answer.judged.map_or_else(String::new, |grade| format!(" · judged {grade} of 5"));
    cell.push_str(&format!(
        "<p class=\"soft\">{first}all after {}; {read} tokens read, {written} written{judged}</p>",
        seconds(answer.generated.total)
    ));
    cell
}
