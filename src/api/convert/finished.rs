//! Encodes generated text as a stream: deltas, then `finished` with the final text.

use std::{pin::Pin, time::Duration};

use futures::{Stream, StreamExt};
use tonic::{Response, Status};

use crate::{
    api::{Reply, convert::document::encode_kind, pb},
    chats::{ClassReceipt, Omission, OmissionReason},
    replies::{ContextReceipt, Edit, EditKind, Engine, Finished, Generation, Progress, Source, Usage, Warning, WarningKind},
};

/// A stream of one RPC's response messages.
pub type Messages<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// One step of a stream, before it is wrapped in its RPC's own message.
pub enum Step {
    Delta(String),
    Finished(Box<pb::Finished>),
}

/// Streams a generation in the messages that `wrap` makes. An error before the first delta becomes the call's plain status.
pub fn stream<T: Send + 'static>(generation: Generation, wrap: impl Fn(Step) -> T + Send + 'static) -> Reply<Messages<T>> {
    let messages = generation.map(move |step| {
        Ok(wrap(match step? {
            Progress::Delta(delta) => Step::Delta(delta),
            Progress::Finished(finished) => Step::Finished(Box::new(encode_finished(*finished))),
        }))
    });
    Ok(Response::new(Box::pin(messages)))
}

fn encode_finished(finished: Finished) -> pb::Finished {
    let Finished { text, replaced, messages, draft_id, language, engine, sources, warnings, edits, context, usage } = finished;
    let (engine, model) = match engine {
        Engine::Model(name) => (pb::Engine::Model, name),
        Engine::BuiltIn => (pb::Engine::BuiltIn, String::new()),
    };
    pb::Finished {
        text,
        replaced,
        messages,
        draft_id,
        language: language.map(|language| language.to_string()).unwrap_or_default(),
        engine: engine.into(),
        model,
        sources: sources.into_iter().map(encode_source).collect(),
        warnings: warnings.into_iter().map(encode_warning).collect(),
        edits: edits.into_iter().map(encode_edit).collect(),
        context: Some(encode_context(context)),
        usage: Some(encode_usage(usage)),
    }
}

fn encode_source(source: Source) -> pb::Source {
    let Source { kind, id, title, url, language, excerpts } = source;
    pb::Source { kind: encode_kind(kind).into(), id, title, url, language, excerpts }
}

/// Encodes a doubt about a text.
pub fn encode_warning(warning: Warning) -> pb::Warning {
    let Warning { kind, excerpt, message } = warning;
    let kind = match kind {
        WarningKind::AlreadySaid => pb::WarningKind::AlreadySaid,
        WarningKind::FactChanged => pb::WarningKind::FactChanged,
        WarningKind::UngroundedLink => pb::WarningKind::UngroundedLink,
        WarningKind::UngroundedAmount => pb::WarningKind::UngroundedAmount,
        WarningKind::UngroundedDate => pb::WarningKind::UngroundedDate,
        WarningKind::UngroundedPromise => pb::WarningKind::UngroundedPromise,
        WarningKind::UngroundedPersonalData => pb::WarningKind::UngroundedPersonalData,
        WarningKind::WrongName => pb::WarningKind::WrongName,
        WarningKind::OverEdited => pb::WarningKind::OverEdited,
        WarningKind::NotShorter => pb::WarningKind::NotShorter,
        WarningKind::NoteLeaked => pb::WarningKind::NoteLeaked,
        WarningKind::PromptLeaked => pb::WarningKind::PromptLeaked,
        WarningKind::LanguageMismatch => pb::WarningKind::LanguageMismatch,
        WarningKind::Stale => pb::WarningKind::Stale,
        WarningKind::Truncated => pb::WarningKind::Truncated,
        WarningKind::QuestionUnanswered => pb::WarningKind::QuestionUnanswered,
        WarningKind::OtherCustomer => pb::WarningKind::OtherCustomer,
        WarningKind::Unfilled => pb::WarningKind::Unfilled,
        WarningKind::StructureChanged => pb::WarningKind::StructureChanged,
        WarningKind::FormOfAddress => pb::WarningKind::FormOfAddress,
    };
    pb::Warning { kind: kind.into(), excerpt, message }
}

fn encode_edit(edit: Edit) -> pb::Segment {
    let Edit { kind, text } = edit;
    let kind = match kind {
        EditKind::Kept => pb::SegmentKind::Kept,
        EditKind::Removed => pb::SegmentKind::Removed,
        EditKind::Added => pb::SegmentKind::Added,
    };
    pb::Segment { kind: kind.into(), text }
}

fn encode_context(context: ContextReceipt) -> pb::ContextReceipt {
    let ContextReceipt {
        messages,
        records,
        notes,
        visitor_facts,
        form_answers,
        earlier_chats,
        attachments,
        quotations,
        signatures,
        canned_answers,
        articles,
        voice,
        glossary,
        masked,
        tokens_used,
        token_budget,
        full_token_budget,
        summarized_messages,
        reading_speed,
    } = context;
    pb::ContextReceipt {
        messages: Some(encode_class(messages)),
        records: Some(encode_class(records)),
        notes: Some(encode_class(notes)),
        visitor_facts: Some(encode_class(visitor_facts)),
        form_answers: Some(encode_class(form_answers)),
        earlier_chats: Some(encode_class(earlier_chats)),
        attachments: Some(encode_class(attachments)),
        quotations: Some(encode_class(quotations)),
        signatures: Some(encode_class(signatures)),
        canned_answers: Some(encode_class(canned_answers)),
        articles: Some(encode_class(articles)),
        voice: Some(encode_class(voice)),
        glossary: Some(encode_class(glossary)),
        masked: masked.into_iter().map(|(kind, masked)| (kind.to_owned(), count(masked))).collect(),
        tokens_used: count(tokens_used),
        token_budget: count(token_budget),
        full_token_budget: count(full_token_budget),
        reading_speed: count(reading_speed),
        summarized_messages: count(summarized_messages),
    }
}

fn encode_class(class: ClassReceipt) -> pb::ClassReceipt {
    let ClassReceipt { total, used, omissions } = class;
    let omission = |Omission { reason, count: left }: Omission| {
        let reason = match reason {
            OmissionReason::Budget => pb::OmissionReason::Budget,
            OmissionReason::Irrelevant => pb::OmissionReason::Irrelevant,
            OmissionReason::Withheld => pb::OmissionReason::Withheld,
        };
        pb::Omission { reason: reason.into(), count: count(left) }
    };
    pb::ClassReceipt { total: count(total), used: count(used), omissions: omissions.into_iter().map(omission).collect() }
}

fn encode_usage(usage: Usage) -> pb::Usage {
    let Usage { tokens, time_to_first_token, total } = usage;
    let milliseconds = |time: Duration| i32::try_from(time.as_millis()).unwrap_or(i32::MAX);
    pb::Usage {
        prompt_tokens: i32::try_from(tokens.prompt).unwrap_or(i32::MAX),
        completion_tokens: i32::try_from(tokens.completion).unwrap_or(i32::MAX),
        time_to_first_token_ms: milliseconds(time_to_first_token),
        total_ms: milliseconds(total),
    }
}

fn count(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
