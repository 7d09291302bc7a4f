//! The cases: chats, each with a task, and what a good answer must say and must not say.

use std::{collections::BTreeMap, collections::BTreeSet, path::PathBuf};

use anyhow::{Context as _, bail, ensure};
use rust_embed::Embed;
use serde::{Deserialize, Deserializer, Serialize, de::Error};

use crate::{
    api::pb,
    cli::eval::files::{self, Placed},
    text::{Language, fold},
};

/// The set that comes with the program.
#[derive(Embed)]
#[folder = "sample-replies"]
struct SampleReplies;

/// A chat, and what is asked of it.
#[derive(Deserialize)]
#[serde(try_from = "GivenCase")]
pub struct Case {
    pub id: String,
    /// The customer's; of a translation the text's.
    pub language: Language,
    pub asked: Asked,
    pub channel: pb::Channel,
    pub agent: String,
    pub customer: String,
    pub form: BTreeMap<String, String>,
    pub records: Vec<GivenRecord>,
    pub messages: Vec<GivenMessage>,
    /// Each is met by any one of its alternatives.
    pub must: Vec<Vec<String>>,
    pub must_not: Vec<String>,
    /// What makes an answer good, for people and for a judging model.
    pub why: String,
}

/// What is asked of a chat.
pub enum Asked {
    Draft { instruction: String },
    Translate { text: String, target: Language },
    Correct { text: String },
    Retone { text: String, tone: pb::Tone },
    Summarize,
}

/// The tasks, in the order of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CaseTask {
    Draft,
    Correct,
    Retone,
    Translate,
    Summarize,
}

/// What the shop's systems know.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenRecord {
    pub source: String,
    pub reference: String,
    #[serde(default)]
    pub values: BTreeMap<String, String>,
}

/// What somebody wrote.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenMessage {
    #[serde(deserialize_with = "author")]
    pub author: pb::Author,
    pub text: String,
}

/// A case as its line has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenCase {
    id: String,
    language: String,
    task: CaseTask,
    #[serde(deserialize_with = "channel")]
    channel: pb::Channel,
    #[serde(default)]
    agent: String,
    #[serde(default)]
    customer: String,
    #[serde(default)]
    form: BTreeMap<String, String>,
    #[serde(default)]
    records: Vec<GivenRecord>,
    #[serde(default)]
    messages: Vec<GivenMessage>,
    #[serde(default)]
    instruction: String,
    #[serde(default)]
    text: String,
    #[serde(default, deserialize_with = "tone")]
    tone: Option<pb::Tone>,
    #[serde(default)]
    target: Option<String>,
    #[serde(default)]
    must: Vec<Vec<String>>,
    #[serde(default)]
    must_not: Vec<String>,
    #[serde(default)]
    why: String,
}

impl CaseTask {
    pub const ALL: [CaseTask; 5] = [CaseTask::Draft, CaseTask::Correct, CaseTask::Retone, CaseTask::Translate, CaseTask::Summarize];

    /// Its name in files, arguments and tables; that of the setting `tasks`.
    pub fn word(self) -> &'static str {
        match self {
            CaseTask::Draft => "draft",
            CaseTask::Correct => "correct",
            CaseTask::Retone => "retone",
            CaseTask::Translate => "translate",
            CaseTask::Summarize => "summarize",
        }
    }
}

impl Case {
    pub fn task(&self) -> CaseTask {
        match self.asked {
            Asked::Draft { .. } => CaseTask::Draft,
            Asked::Correct { .. } => CaseTask::Correct,
            Asked::Retone { .. } => CaseTask::Retone,
            Asked::Translate { .. } => CaseTask::Translate,
            Asked::Summarize => CaseTask::Summarize,
        }
    }

    /// The text that a rewrite is made from; empty for others.
    pub fn text(&self) -> &str {
        match &self.asked {
            Asked::Correct { text } | Asked::Retone { text, .. } | Asked::Translate { text, .. } => text,
            Asked::Draft { .. } | Asked::Summarize => "",
        }
    }

    /// The language that the answer should be in.
    pub fn answer_language(&self) -> &Language {
        match &self.asked {
            Asked::Translate { target, .. } => target,
            Asked::Draft { .. } | Asked::Correct { .. } | Asked::Retone { .. } | Asked::Summarize => &self.language,
        }
    }
}

impl TryFrom<GivenCase> for Case {
    type Error = String;

    fn try_from(given: GivenCase) -> Result<Case, String> {
        let GivenCase {
            id,
            language,
            task,
            channel,
            agent,
            customer,
            form,
            records,
            messages,
            instruction,
            text,
            tone,
            target,
            must,
            must_not,
            why,
        } = given;
        let parse = |field: &str, tag: &str| Language::parse(tag).map_err(|problem| format!("`{field}` {problem}"));
        let (is_draft, is_rewrite) = (task == CaseTask::Draft, !matches!(task, CaseTask::Draft | CaseTask::Summarize));
        for (field, is_given, belongs) in [
            ("instruction", !instruction.is_empty(), is_draft),
            ("text", !text.trim().is_empty(), is_rewrite),
            ("tone", tone.is_some(), task == CaseTask::Retone),
            ("target", target.is_some(), task == CaseTask::Translate),
        ] {
            match (is_given, belongs) {
                (true, false) => return Err(format!("a case of the task `{}` has no `{field}`", task.word())),
                (false, true) if field != "instruction" => return Err(format!("a case of the task `{}` needs `{field}`", task.word())),
                _ => {}
            }
        }
        if id.trim().is_empty() {
            return Err("`id` must not be empty".to_owned());
        }
        if messages.is_empty() && !is_rewrite {
            return Err(format!("a case of the task `{}` needs `messages`", task.word()));
        }
        if must.is_empty() && must_not.is_empty() {
            return Err("a case needs `must` or `must_not`: without them nothing is judged".to_owned());
        }
        if must.iter().any(Vec::is_empty) || must.iter().flatten().chain(&must_not).any(|wanted| fold(wanted).trim().is_empty()) {
            return Err("each entry of `must` and `must_not` needs a text".to_owned());
        }
        let target = target.map(|tag| parse("target", &tag)).transpose()?;
        let asked = match (task, tone, target) {
            (CaseTask::Draft, ..) => Asked::Draft { instruction },
            (CaseTask::Correct, ..) => Asked::Correct { text },
            (CaseTask::Retone, Some(tone), _) => Asked::Retone { text, tone },
            (CaseTask::Translate, _, Some(target)) => Asked::Translate { text, target },
            (CaseTask::Summarize, ..) => Asked::Summarize,
            (CaseTask::Retone | CaseTask::Translate, ..) => return Err("`tone` or `target` is missing".to_owned()),
        };
        let language = parse("language", &language)?;
        Ok(Case { id, language, asked, channel, agent, customer, form, records, messages, must, must_not, why })
    }
}

fn channel<'a, D: Deserializer<'a>>(deserializer: D) -> Result<pb::Channel, D::Error> {
    let name = String::deserialize(deserializer)?;
    let known = pb::Channel::from_str_name(&format!("CHANNEL_{name}")).filter(|channel| *channel != pb::Channel::Unspecified);
    known.ok_or_else(|| D::Error::custom(format!("unknown channel `{name}`; it is written like WEB_CHAT or EMAIL")))
}

fn author<'a, D: Deserializer<'a>>(deserializer: D) -> Result<pb::Author, D::Error> {
    let name = String::deserialize(deserializer)?;
    let known = pb::Author::from_str_name(&format!("AUTHOR_{name}")).filter(|author| *author != pb::Author::Unspecified);
    known.ok_or_else(|| D::Error::custom(format!("unknown author `{name}`; expected CUSTOMER, AGENT or BOT")))
}

fn tone<'a, D: Deserializer<'a>>(deserializer: D) -> Result<Option<pb::Tone>, D::Error> {
    let Some(name) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let known = pb::Tone::from_str_name(&format!("TONE_{name}")).filter(|tone| *tone != pb::Tone::Unspecified);
    let problem = || D::Error::custom(format!("unknown tone `{name}`; expected FORMAL, FRIENDLY, CONCISE, EMPATHETIC or SIMPLE"));
    known.map(Some).ok_or_else(problem)
}

/// Reads the files, or the set that comes with the program if there are none.
pub fn read(files: &[&PathBuf]) -> anyhow::Result<Vec<Case>> {
    let mut placed: Vec<Placed<Case>> = Vec::new();
    for file in files {
        placed.extend(files::read(file, "case")?);
    }
    if files.is_empty() {
        let mut names: Vec<_> = SampleReplies::iter().filter(|name| name.ends_with(".jsonl")).collect();
        names.sort();
        for name in names {
            let data = SampleReplies::get(&name).context("a file of the sample replies is missing")?.data;
            placed.extend(files::parse(&format!("sample-replies/{name}"), std::str::from_utf8(&data)?, "case")?);
        }
    }
    ensure!(!placed.is_empty(), "the files have no cases");
    let mut ids = BTreeSet::new();
    for Placed { place, value } in &placed {
        if !ids.insert(&value.id) {
            bail!("{place}: the id `{}` is that of an earlier case, too", value.id);
        }
    }
    Ok(placed.into_iter().map(|placed| placed.value).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_set_that_comes_with_the_program_is_whole() {
        let cases = read(&[]).unwrap();
        assert!(cases.len() >= 60, "{}", cases.len());
        for tag in ["en", "de", "tr", "hu"] {
            for task in CaseTask::ALL {
                assert!(cases.iter().any(|case| case.language.as_str() == tag && case.task() == task), "{tag} {task:?}");
            }
        }
        assert!(cases.iter().all(|case| !case.why.is_empty() && !case.must.is_empty()));
    }

    #[test]
    fn a_broken_line_is_told_with_its_place_and_its_problem() {
        let with = |fields: &str| {
            format!(
                r#"{{"id":"a","language":"en","channel":"EMAIL","messages":[{{"author":"CUSTOMER","text":"Hi"}}],"must":[["x"]]{fields}}}"#
            )
        };
        for (line, problem) in [
            (with(r#","task":"draft","color":1"#), "unknown field `color`"),
            (with(r#","task":"shout""#), "unknown variant `shout`"),
            (with(r#","task":"retone","text":"Hi""#), "a case of the task `retone` needs `tone`"),
            (with(r#","task":"retone","text":"Hi","tone":"LOUD""#), "unknown tone `LOUD`"),
            (with(r#","task":"draft","text":"Hi""#), "a case of the task `draft` has no `text`"),
            (with(r#","task":"translate","text":"Hi","target":"no tag""#), "`target` must be a BCP 47 language tag"),
            (with(r#","task":"draft","must_not":[" "]"#), "needs a text"),
            ("{\"id\"".to_owned(), "EOF"),
        ] {
            let Err(error) = files::parse::<Case>("cases.jsonl", &format!("\n{line}\n"), "case") else { panic!("{line}") };
            let told = format!("{error:#}");
            assert!(told.starts_with("cases.jsonl:2: not a valid case: ") && told.contains(problem), "{told}");
        }
    }
}
