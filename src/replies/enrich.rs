//! Proposes how customers would ask for a document, in their own words, by a model.

use std::{
    collections::HashSet,
    future::ready,
    path::Path,
    time::{Duration, Instant},
};

use minijinja::context;

use crate::{
    config::Task,
    knowledge::{Document, check_asked, check_asked_count},
    model::{CallContext, Delta, Ending, Models, Prompt, Window},
    replies::{
        error::ReplyError,
        masking::shown,
        prompts::{PromptError, Prompts, fence},
    },
    text::{estimate_tokens, fold, lines, on_one_line, quoted, visible},
};

/// Longest time for the phrases of one document.
const TIMEOUT: Duration = Duration::from_secs(120);
/// More of an answer is not read: many times what the phrases need.
const MAX_ANSWER_BYTES: usize = 32 << 10;
/// Characters of markup and templates, which nobody types into a search box.
const MARKUP: [char; 6] = ['<', '>', '{', '}', '|', '\\'];
/// Keys that begin a line of front matter or of an object, but no phrase.
const KEYS: [&str; 6] = ["asked:", "title:", "tags:", "category:", "audience:", "when:"];

/// Asks models for phrases.
pub struct Enricher {
    models: Models,
    prompts: Prompts,
}

impl Enricher {
    /// Reads the prompt from this folder of templates, if it has `enrich.md`; calls no model yet.
    pub fn new(models: Models, prompts: Option<&Path>) -> Result<Enricher, PromptError> {
        Ok(Enricher { models, prompts: Prompts::read(prompts)? })
    }

    /// Returns up to `limit` phrases by which customers would ask for a document, in its language: each valid in `asked`, none twice, none
    /// that is the title, a tag or asked already, and no more than `asked` has room for. Sends title, tags, phrases and text to the model as they are, without HTML comments.
    pub async fn phrases(&self, document: &Document, limit: usize) -> Result<Vec<String>, ReplyError> {
        let fits = |count: &usize| check_asked_count(document.asked.len() + count).is_ok();
        let limit = (0..=limit).rev().find(fits).unwrap_or_default();
        if limit == 0 {
            return Ok(Vec::new());
        }
        let context = CallContext { task: Task::Enrich, deadline: Instant::now() + TIMEOUT, spenders: Vec::new() };
        let make = |window: Window| ready(self.prompt(document, limit, window).map(|prompt| (prompt, ())));
        let (mut answer, ()) = self.models.ask::<_, ReplyError, _>(&context, make).await?;
        let mut text = String::new();
        let whole = loop {
            if text.len() > MAX_ANSWER_BYTES {
                break false;
            }
            match answer.next().await? {
                Delta::Text(piece) => text.push_str(&piece),
                Delta::End { ending, .. } => break ending == Ending::Done,
            }
        };
        if !whole {
            // The last line may be half a phrase.
            text.truncate(text.rfind('\n').unwrap_or(0));
        }
        let known = [&document.title].into_iter().chain(&document.tags).chain(&document.asked);
        Ok(phrases_in(&text, known, limit))
    }

    fn prompt(&self, document: &Document, limit: usize, window: Window) -> Result<Prompt, ReplyError> {
        let Document { title, body, tags, asked, language, .. } = document.clone().visible();
        let one = |text: &String| on_one_line(&shown(text)).into_owned();
        let values = context! {
            fence => fence(),
            language => language.english_name(),
            limit,
            title => one(&title),
            tags => tags.iter().map(one).collect::<Vec<String>>(),
            asked => asked.iter().map(one).collect::<Vec<String>>(),
            body => quoted(&beginning(&shown(&body), window.budget())),
        };
        Ok(self.prompts.both(Task::Enrich, values)?)
    }
}

/// Returns the beginning of a text that fits the budget.
fn beginning(text: &str, tokens: usize) -> String {
    let all = estimate_tokens(text);
    if all <= tokens {
        return text.to_owned();
    }
    text.chars().take(text.chars().count() * tokens / all).collect()
}

/// Returns the phrases of a model's answer, one a line or as a JSON array, that are not known.
fn phrases_in<'a>(answer: &str, known: impl Iterator<Item = &'a String>, limit: usize) -> Vec<String> {
    let mut seen: HashSet<String> = known.map(|phrase| key(phrase)).collect();
    let array = answer.find('[').zip(answer.rfind(']')).and_then(|(start, end)| answer.get(start..=end));
    let array: Option<Vec<String>> = array.and_then(|array| serde_json::from_str(array).ok());
    let written = lines(answer).filter(|line| !line.trim_start().starts_with("```"));
    let candidates = array.unwrap_or_else(|| written.map(|line| unwrapped(line).to_owned()).collect());
    let phrases = candidates.iter().map(|phrase| visible(phrase).split_whitespace().collect::<Vec<&str>>().join(" "));
    phrases.filter(|phrase| is_phrase(phrase) && seen.insert(key(phrase))).take(limit).collect()
}

/// What two phrases have in common that differ in case, accents and punctuation only.
fn key(phrase: &str) -> String {
    fold(phrase).split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).collect::<Vec<&str>>().join(" ")
}

/// Returns a line without what models write around a phrase: a bullet or number before it, quotation marks, emphasis, a comma behind it.
fn unwrapped(line: &str) -> &str {
    const BULLETS: [char; 6] = ['-', '*', '•', '–', '+', '#'];
    const AROUND: [char; 12] = ['"', '\'', '“', '”', '„', '«', '»', '‘', '’', '`', '*', '_'];
    let mut phrase = line.trim().trim_start_matches(|letter: char| BULLETS.contains(&letter) || letter.is_whitespace());
    let unnumbered = phrase.trim_start_matches('(').trim_start_matches(|letter: char| letter.is_ascii_digit());
    if unnumbered.len() < phrase.len()
        && let Some(rest) = unnumbered.strip_prefix(['.', ')', ':'])
        && rest.starts_with(char::is_whitespace)
    {
        phrase = rest.trim_start();
    }
    phrase.trim_end_matches([',', ' ']).trim_matches(AROUND).trim()
}

/// Returns whether this is a phrase that `asked` may have, and not markup, front matter, or a model's remark about the list.
fn is_phrase(phrase: &str) -> bool {
    let folded = fold(phrase);
    check_asked(phrase).is_ok()
        && phrase.chars().any(char::is_alphabetic)
        && !phrase.contains(MARKUP)
        && !phrase.ends_with(':')
        && !KEYS.iter().any(|key| folded.starts_with(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phrases(answer: &str) -> Vec<String> {
        phrases_in(answer, ["Late parcels".to_owned(), "kargo".to_owned()].iter(), 5)
    }

    #[test]
    fn phrases_are_read_however_models_list_them() {
        let expected = ["where is my parcel", "it's late", "kargom nerede"];
        for answer in [
            "where is my parcel\nit's late\nkargom nerede",
            "1. where is my parcel\n2) it's late\n(3) kargom nerede",
            "Here are the phrases:\n\n- \"where is my parcel\"\n* “it's late”\n• **kargom nerede**\n",
            "```\nwhere is my parcel\r\nit's late\r\nkargom nerede\r\n```",
            "[\"where is my parcel\", \"it's late\", \"kargom nerede\"]",
            "```json\n{\"phrases\": [\n  \"where is my parcel\",\n  \"it's late\",\n  \"kargom nerede\"\n]}\n```",
            "  \"where is my parcel\",\n  \"it's late\",\n  \"kargom nerede\",",
            "- \"where is my parcel\"\n- 'it's late'\n- „kargom nerede”",
        ] {
            assert_eq!(phrases(answer), expected, "{answer}");
        }
        assert_eq!(phrases("2 items are missing\n42. size too small"), ["2 items are missing", "size too small"]);
    }

    #[test]
    fn what_is_no_new_phrase_is_dropped() {
        assert_eq!(phrases("Late parcels!\nKARGO\nwhere is it\nWhere is it?\nwhére is it"), ["where is it"]);
        for answer in [
            "",
            "---",
            "\n \n",
            "12345",
            "<script>alert(1)</script>",
            "{{customer.name}}",
            "| a | b |",
            "title: Something else",
            "Asked: [x, y",
            "```yaml",
            "\u{200b}\u{202e}",
            "\u{1b}[2J",
            "a\\n---",
        ] {
            assert_eq!(phrases(answer), Vec::<String>::new(), "{answer}");
        }
        assert_eq!(phrases(&"x".repeat(201)), Vec::<String>::new());
        assert_eq!(phrases("where \u{202e}is\u{2028}it"), ["where is", "it"], "what nobody sees goes");
        let many: String = (0..10_000).map(|number| format!("phrase {number}\n")).collect();
        assert_eq!(phrases(&many).len(), 5);
        assert_eq!(phrases("[\"two\\nlines\", \"one\", 3]"), Vec::<String>::new(), "an array of other things is none");
        assert_eq!(phrases("[\"two\\nlines\", \"one\"]"), ["two lines", "one"]);
    }

    #[test]
    fn a_long_text_is_cut_to_the_budget() {
        let text = "words and more words ".repeat(1000);
        let cut = beginning(&text, 500);
        assert!((400..=510).contains(&estimate_tokens(&cut)), "{}", estimate_tokens(&cut));
        assert_eq!(beginning("short", 500), "short");
    }
}
