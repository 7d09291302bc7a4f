//! The end of a draft: checks it, splits it into messages, and warns of what was said before.

use std::{sync::Arc, time::Instant};

use async_stream::{stream, try_stream};

use crate::{
    chats::{Channel, Chats},
    failpoint::failpoint,
    ids::{Id, Workspace},
    model::{Answer, CallContext, Models},
    replies::{
        checks::{Checked, Evidence, leaks::LeakCheck, other_language, repetition::EarlierStatements},
        draft::{channel::fitted, check_with_model::ModelCheck, prompt::Given},
        learning::outcome_log::OutcomeLog,
        stream::{
            AnswerStream, GeneratedText, Generation, ask_again,
            exit::Exit,
            filter::OutputFilter,
            result::{ContextReceipt, Engine, Finished, Progress, Source, Warning, WarningKind},
        },
    },
    task::{self, TaskError},
    text::Language,
};

/// What finishing a draft needs.
pub struct DraftEnd {
    pub chats: Chats,
    pub outcomes: OutcomeLog,
    pub workspace: Workspace,
    pub chat_id: Id,
    /// The sequence up to which the chat was read.
    pub last_sequence: i64,
    /// The agent who gets it.
    pub agent_id: String,
    pub channel: Channel,
    pub language: Language,
    pub several: bool,
    pub earlier_statements: EarlierStatements,
}

/// What the end of a draft needs to ask models: once more in another language, and what the draft promises.
pub struct DraftChecks {
    pub models: Models,
    pub context: CallContext,
    pub model_check: ModelCheck,
}

/// Streams a model's draft and checks it at the end against the evidence, which is collected meanwhile. A draft whose prompt had internal notes is
/// shown only after the check.
pub fn from_model(
    answer: Answer,
    given: Given,
    evidence: impl Future<Output = Result<(Evidence, LeakCheck), TaskError>> + Send + 'static,
    checks: DraftChecks,
    end: DraftEnd,
    started: Instant,
) -> Generation {
    Box::pin(try_stream! {
        let Given { prompt, sources, notes, receipt, marks, .. } = given;
        let DraftChecks { models, context, model_check } = checks;
        let output_filter = || OutputFilter::new(sources.len(), Arc::clone(&marks), end.language.primary());
        let withheld = !notes.is_empty();
        let mut answer_stream = AnswerStream::new(answer, output_filter(), started);
        let mut shown = String::new();
        while let Some(piece) = answer_stream.next().await? {
            failpoint("draft stream", end.chat_id.as_str());
            if !withheld {
                shown.push_str(&piece);
                yield Progress::Delta(piece);
            }
        }
        let (mut generated, mut filtered) = answer_stream.into_generated();
        let (evidence, secrets) = evidence.await?;
        let mut exit = Exit { original: String::new(), channel: Some(end.channel), secrets };
        if other_language(&generated.text, &evidence.language, &evidence.languages).is_some() {
            let correction = format!("Your last answer was in another language. Write in {}.", evidence.language.english_name());
            if let Some((second, filtered_again)) = ask_again(&models, &context, &prompt, &correction, output_filter(), started).await {
                exit.secrets.add_correction(&correction);
                filtered = filtered_again;
                generated = GeneratedText { usage: generated.usage.plus(second.usage), ..second };
            }
        }
        // Checking against a long chat takes time.
        let mut generated = task::blocking("checking the draft", move || {
            let mut passed = exit.pass(generated, &filtered);
            let Checked { text, warnings } = evidence.check(&passed.text);
            passed.warnings.extend(warnings);
            GeneratedText { text, ..passed }
        }).await?;
        for warning in model_check.warnings(&generated.text).await {
            if generated.warnings.iter().all(|other| other.excerpt != warning.excerpt) {
                generated.warnings.push(warning);
            }
        }
        let finished = end.finished(generated, sources, receipt, if withheld { None } else { Some(&shown) }).await;
        if withheld {
            yield Progress::Delta(finished.text.clone());
        }
        yield Progress::Finished(Box::new(finished));
    })
}

impl DraftEnd {
    /// Finishes a draft; `shown` is what was streamed of it, if anything.
    pub async fn finished(self, generated: GeneratedText, sources: Vec<Source>, context: ContextReceipt, shown: Option<&str>) -> Finished {
        let GeneratedText { text, cited, engine, mut warnings, usage } = generated;
        let has_link = |source: &Source| !source.url.is_empty() && text.contains(&source.url);
        let is_cited = |(number, source): &(usize, Source)| engine == Engine::BuiltIn || cited.contains_key(number) || has_link(source);
        let (numbers, mut sources): (Vec<usize>, Vec<Source>) = (1..).zip(sources).filter(is_cited).unzip();
        let messages = if self.several { split(&text) } else { Vec::new() };
        // Several messages are joined by one blank line.
        let text = if self.several { messages.join("\n\n") } else { text };
        // If it can't be read, the draft is shown, and its outcome is rejected.
        let number = self.chats.number(&self.chat_id).await.unwrap_or_default();
        let chat = (self.chat_id.as_str(), number);
        let draft_id = self.outcomes.drafted(&self.workspace, chat, (&text, &engine, &self.language), &sources, &self.agent_id);
        for (number, source) in numbers.iter().zip(&mut sources) {
            let sentences = cited.get(number).into_iter().flatten().map(|sentence| fitted(sentence, self.channel).0);
            source.excerpts = sentences.filter(|sentence| text.contains(sentence)).collect();
        }
        warnings.extend(self.earlier_statements.warning(&text));
        // A failed read is no reason to lose the draft.
        if matches!(self.chats.wrote_after(&self.chat_id, self.last_sequence).await, Ok(true)) {
            warnings.push(Warning {
                kind: WarningKind::Stale,
                excerpt: String::new(),
                message: "the customer wrote while this draft was generated".to_owned(),
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

/// Streams a draft of the built-in engine.
pub fn built_in(text: &str, source: Source, context: ContextReceipt, end: DraftEnd, started: Instant) -> Generation {
    let (text, truncated) = fitted(text, end.channel);
    let mut generated = GeneratedText::built_in(text, started);
    generated.warnings.extend(truncated);
    Box::pin(stream! {
        let shown = generated.text.clone();
        yield Ok(Progress::Delta(shown.clone()));
        let finished = end.finished(generated, vec![source], context, Some(&shown)).await;
        yield Ok(Progress::Finished(Box::new(finished)));
    })
}

/// Splits a text into messages at blank lines.
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
