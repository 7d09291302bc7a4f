//! The end of a draft: what was written is checked, split into messages, and told apart from what was said before.

use std::{future::ready, sync::Arc, time::Instant};

use async_stream::{stream, try_stream};
use uuid::Uuid;

use crate::{
    chats::{Channel, Chats},
    failpoint::failpoint,
    ids::{Id, Workspace},
    model::{Answer, CallContext, ModelError, Models, Prompt},
    replies::{
        checks::{Checked, Grounds, leaks::LeakCheck, other_language, repetition::EarlierStatements},
        draft::{channel::fitted, prompt::Given},
        learning::outcome_log::OutcomeLog,
        stream::{
            AnswerStream, GeneratedText, Generation, both,
            filter::OutputFilter,
            invented_data,
            result::{ContextReceipt, Engine, Finished, Progress, Source, Warning, WarningKind},
            silently,
        },
    },
    task,
    text::Language,
};

/// What a draft's end needs to know.
pub struct DraftEnd {
    pub chats: Chats,
    pub outcomes: OutcomeLog,
    pub workspace: Workspace,
    pub chat_id: Id,
    /// Up to where the chat was read.
    pub last_sequence: i64,
    pub channel: Channel,
    pub language: Language,
    pub several: bool,
    pub told: EarlierStatements,
}

/// What a model's draft is checked by.
pub struct Guards {
    pub grounds: Grounds,
    pub secrets: LeakCheck,
    pub models: Models,
    pub asking: CallContext,
}

/// Streams a model's draft and checks it at its end. A draft that was given internal notes is shown once it was checked, not before.
pub fn from_model(answer: Answer, given: Given, guards: Guards, end: DraftEnd, started: Instant) -> Generation {
    Box::pin(try_stream! {
        let Given { prompt, sources, notes, receipt, marks, .. } = given;
        let Guards { grounds, secrets, models, asking } = guards;
        let outflow = || OutputFilter::new(sources.len(), Arc::clone(&marks), end.language.primary());
        let withheld = !notes.is_empty();
        let mut flow = AnswerStream::new(answer, outflow(), started);
        let mut shown = String::new();
        while let Some(piece) = flow.next().await? {
            failpoint("draft stream", end.chat_id.as_str());
            if !withheld {
                shown.push_str(&piece);
                yield Progress::Delta(piece);
            }
        }
        let (mut made, mut flowed) = flow.into_made();
        let in_time = asking.deadline.saturating_duration_since(Instant::now()) > started.elapsed();
        if in_time && other_language(&made.text, &grounds.language, &grounds.languages).is_some() {
            let reproach = format!("Your last answer was in another language. Write in {}.", grounds.language.english_name());
            let prompt = Prompt { system: format!("{}\n\n{reproach}", prompt.system), ..prompt };
            if let Ok((answer, ())) = models.ask(&asking, |_| ready(Ok::<_, ModelError>((prompt.clone(), ())))).await
                && let Ok((again, flowed_again)) = silently(AnswerStream::new(answer, outflow(), started)).await
            {
                flowed = flowed_again;
                made = GeneratedText { usage: both(made.usage, again.usage), ..again };
            }
        }
        made.warnings.extend(invented_data(&flowed));
        let text = made.text.clone();
        // A long chat takes its time to be looked through.
        let judged = task::blocking("checking the draft", move || judge(text, &secrets, &grounds)).await?;
        made.text = judged.text;
        made.warnings.extend(judged.warnings);
        let finished = end.finished(made, sources, receipt, if withheld { None } else { Some(&shown) }).await;
        if withheld {
            yield Progress::Delta(finished.text.clone());
        }
        yield Progress::Finished(Box::new(finished));
    })
}

/// What may be shown of a draft, and what is doubtful in it.
fn judge(text: String, secrets: &LeakCheck, grounds: &Grounds) -> Checked {
    let (text, leak) = match secrets.purged(&text) {
        Some((purged, warning)) => (purged, Some(warning)),
        None => (text, None),
    };
    let Checked { text, warnings } = grounds.check(&text);
    Checked { text, warnings: leak.into_iter().chain(warnings).collect() }
}

impl DraftEnd {
    /// Makes the end of a draft; `shown` is what was streamed of it, if anything was.
    pub async fn finished(self, made: GeneratedText, sources: Vec<Source>, context: ContextReceipt, shown: Option<&str>) -> Finished {
        let GeneratedText { text, cited, engine, mut warnings, usage } = made;
        let has_link = |source: &Source| !source.url.is_empty() && text.contains(&source.url);
        let is_cited = |(number, source): &(usize, Source)| engine == Engine::BuiltIn || cited.contains_key(number) || has_link(source);
        let (numbers, mut sources): (Vec<usize>, Vec<Source>) = (1..).zip(sources).filter(is_cited).unzip();
        let draft_id = Uuid::now_v7().to_string();
        self.outcomes.drafted(&self.workspace, self.chat_id.as_str(), &draft_id, &sources);
        let (text, warning) = fitted(&text, self.channel);
        warnings.extend(warning);
        let messages = if self.several { split(&text) } else { Vec::new() };
        // Several messages are joined by one blank line.
        let text = if self.several { messages.join("\n\n") } else { text };
        for (number, source) in numbers.iter().zip(&mut sources) {
            let said = cited.get(number).into_iter().flatten().map(|sentence| fitted(sentence, self.channel).0);
            source.excerpts = said.filter(|sentence| text.contains(sentence)).collect();
        }
        warnings.extend(self.told.warning(&text));
        // A failing read is no reason to lose the draft.
        if matches!(self.chats.wrote_after(&self.chat_id, self.last_sequence).await, Ok(true)) {
            warnings.push(Warning {
                kind: WarningKind::Stale,
                excerpt: String::new(),
                message: "the customer wrote while this draft was made".to_owned(),
            });
        }
        let leaked = warnings.iter().any(|warning| matches!(warning.kind, WarningKind::NoteLeaked | WarningKind::PromptLeaked));
        Finished {
            replaced: shown.map_or(leaked, |shown| shown != text),
            text,
            messages,
            draft_id,
            language: Some(self.language),
            engine,
            sources,
            warnings,
            edits: Vec::new(),
            context,
            usage,
        }
    }
}

/// A draft that the built-in engine made in one go.
pub fn built_in(text: String, source: Source, context: ContextReceipt, end: DraftEnd, started: Instant) -> Generation {
    let made = GeneratedText::built_in(text, started);
    Box::pin(stream! {
        let shown = made.text.clone();
        yield Ok(Progress::Delta(shown.clone()));
        let finished = end.finished(made, vec![source], context, Some(&shown)).await;
        yield Ok(Progress::Finished(Box::new(finished)));
    })
}

/// A text's messages: its blocks between blank lines.
fn split(text: &str) -> Vec<String> {
    let mut messages: Vec<String> = Vec::new();
    let mut open = String::new();
    for line in text.lines() {
        if line.trim().is_empty() {
            if !open.is_empty() {
                messages.push(std::mem::take(&mut open));
            }
        } else {
            if !open.is_empty() {
                open.push('\n');
            }
            open.push_str(line);
        }
    }
    if !open.is_empty() {
        messages.push(open);
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_part_messages() {
        assert_eq!(split("Hi Elif,\nyes.\n\n \nIt ships today.\n"), ["Hi Elif,\nyes.", "It ships today."]);
    }
}
