//! Our own format: a line is the JSON of an `AppendEventsRequest`, a chat's id and its events. `deskhand export` writes it.

use std::path::PathBuf;

use anyhow::Context;
use indicatif::ProgressBar;
use prost_reflect::{DeserializeOptions, DynamicMessage, MessageDescriptor, SerializeOptions};

use crate::{
    api::pb::{self, event::Body},
    cli::{
        dynamic::pool,
        import::{
            account::Place,
            chat::NewChat,
            intake::{Intake, Stopped},
            json_file::{Lines, explained},
        },
    },
};

/// What stands for a text that was wiped: a redaction later in the chat wipes it again.
const WIPED: &str = "redacted";

/// Turns chats into lines, and lines into chats.
pub struct Format {
    descriptor: MessageDescriptor,
}

impl Format {
    pub fn new() -> anyhow::Result<Format> {
        let pool = pool()?;
        let descriptor = pool.get_message_by_name("deskhand.v1.AppendEventsRequest").context("the API has no AppendEventsRequest")?;
        Ok(Format { descriptor })
    }

    /// A line without its end; the same chat is always the same line.
    pub fn line(&self, chat: &pb::AppendEventsRequest) -> anyhow::Result<String> {
        let mut message = DynamicMessage::new(self.descriptor.clone());
        message.transcode_from(chat)?;
        let options = SerializeOptions::new().skip_default_fields(true);
        // As a value, whose keys are sorted.
        let value = message.serialize_with_options(serde_json::value::Serializer, &options)?;
        Ok(value.to_string())
    }

    /// The chat of a line; the error says what is wrong with it.
    pub fn chat(&self, line: &[u8]) -> Result<pb::AppendEventsRequest, String> {
        let mut reader = serde_json::Deserializer::from_slice(line);
        let options = DeserializeOptions::new().deny_unknown_fields(true);
        let message = DynamicMessage::deserialize_with_options(self.descriptor.clone(), &mut reader, &options);
        let message = message.and_then(|message| reader.end().map(|()| message)).map_err(|error| {
            let text = error.to_string();
            let text = text.split_once(" at line ").map_or(text.as_str(), |(text, _)| text);
            format!("the line is no chat of `deskhand export`: {text}; wanted is {{\"chatId\": …, \"events\": […]}}")
        })?;
        message.transcode_to().map_err(|error| error.to_string())
    }
}

pub fn read(files: &[PathBuf], bar: &ProgressBar, intake: &mut Intake) -> anyhow::Result<()> {
    let format = Format::new()?;
    for path in files {
        let mut lines = match Lines::open(path, "a file of chats, one JSON object a line", bar) {
            Ok(lines) => lines,
            Err(problem) => {
                intake.account.broken(&Place { file: path.as_path().into(), line: 0 }, problem);
                continue;
            }
        };
        while let Some(line) = lines.next_bytes() {
            let place = lines.place();
            let chat = match line {
                Ok(line) if line.trim_ascii().is_empty() => continue,
                Ok(line) => format.chat(&line),
                Err(problem) => Err(explained(&problem)),
            };
            let taken = match chat.and_then(|chat| checked(chat, &place)) {
                Ok(chat) => intake.chat_line(chat),
                Err(problem) => {
                    intake.account.broken(&place, problem);
                    Ok(())
                }
            };
            if let Err(Stopped) = taken {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Makes a chat that can be appended: what the service sets is left to it.
fn checked(chat: pb::AppendEventsRequest, place: &Place) -> Result<NewChat, String> {
    let pb::AppendEventsRequest { chat_id, mut events } = chat;
    if chat_id.is_empty() {
        return Err("`chatId` is missing".to_owned());
    }
    if events.is_empty() {
        return Err(format!("chat `{chat_id}` has no events"));
    }
    for (index, event) in events.iter_mut().enumerate() {
        if event.event_id.is_empty() {
            return Err(format!("chat `{chat_id}`: `events[{index}].eventId` is missing; without one a second run would append it twice"));
        }
        if event.at.is_none() {
            return Err(format!("chat `{chat_id}`: `events[{index}].at` is missing, such as \"2026-10-05T09:00:00Z\""));
        }
        event.sequence = 0;
        if std::mem::take(&mut event.redacted) {
            event.body.iter_mut().for_each(fill_wiped);
        }
    }
    Ok(NewChat { chat_id, events, place: place.clone() })
}

/// Fills what a redaction wiped and the API requires.
fn fill_wiped(body: &mut Body) {
    match body {
        Body::Message(message) => message.text = WIPED.to_owned(),
        Body::Note(note) => note.text = WIPED.to_owned(),
        Body::Form(form) => form.answers = [(WIPED.to_owned(), WIPED.to_owned())].into(),
        Body::PageView(view) => view.url = WIPED.to_owned(),
        Body::Topic(topic) => topic.topic = WIPED.to_owned(),
        Body::Transfer(transfer) if transfer.to_agent_id.is_empty() && transfer.to_group.is_empty() => transfer.to_group = WIPED.to_owned(),
        Body::Opened(_)
        | Body::Customer(_)
        | Body::Record(_)
        | Body::Transfer(_)
        | Body::Resolved(_)
        | Body::Reopened(_)
        | Body::Ticket(_)
        | Body::Rating(_)
        | Body::Redaction(_)
        // None is exported: it is kept as what is in it.
        | Body::Reported(_) => {}
    }
}
