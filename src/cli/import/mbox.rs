//! Mailboxes in mbox form, read mail by mail. The mails of a thread become one chat.

use std::{collections::HashMap, path::PathBuf};

use indicatif::ProgressBar;
use jiff::Timestamp;
use mail_parser::{Address, HeaderValue, Message, MessageParser, MimeHeaders, PartType};

use crate::{
    api::pb,
    cli::import::{
        account::Place,
        body::text_of,
        chat::{ChatBuilder, NewChat, Writer},
        intake::{Intake, Stopped},
        json_file::{Lines, explained},
    },
    text::fingerprint,
};

const WHAT: &str = "a mailbox in mbox form, whose mails begin with a line `From …`";
/// Largest mail, in bytes; what is larger is told.
const MAX_MAIL_BYTES: usize = 64 << 20;

/// The thread of each mail that was read, and when the thread's last mail was.
#[derive(Default)]
struct Threads {
    /// A mail's id as a fingerprint, and the id of its thread's first mail.
    roots: HashMap<String, String>,
    latest: HashMap<String, (Timestamp, Place)>,
}

pub fn read(files: &[PathBuf], bar: &ProgressBar, intake: &mut Intake) -> anyhow::Result<()> {
    let mut threads = Threads::default();
    for path in files {
        let mut lines = match Lines::open(path, WHAT, bar) {
            Ok(lines) => lines,
            Err(problem) => {
                intake.account.broken(&Place { file: path.as_path().into(), line: 0 }, problem);
                continue;
            }
        };
        if let Err(Stopped) = mailbox(&mut lines, &mut threads, intake) {
            return Ok(());
        }
    }
    // An archive says of no thread that it is done; what was is past.
    for (chat_id, (at, place)) in threads.latest {
        let mut chat = ChatBuilder::new(&chat_id, place, &mut intake.account);
        chat.resolved(at, "");
        let chat = chat.finish();
        if intake.chat_line(chat).is_err() {
            break;
        }
    }
    Ok(())
}

fn mailbox(lines: &mut Lines, threads: &mut Threads, intake: &mut Intake) -> Result<(), Stopped> {
    let mut mail: Vec<u8> = Vec::new();
    let mut begun: Option<Place> = None;
    let mut is_after_blank = true;
    let mut is_too_large = false;
    while let Some(line) = lines.next_bytes() {
        let place = lines.place();
        let line = match line {
            Ok(line) => line,
            Err(problem) => {
                intake.account.broken(&place, explained(&problem));
                continue;
            }
        };
        if is_after_blank && line.starts_with(b"From ") {
            finish(&mail, begun.replace(place), is_too_large, threads, intake)?;
            mail.clear();
            is_too_large = false;
        } else if begun.is_none() {
            if !line.trim_ascii().is_empty() {
                intake.account.broken(&place, format!("the file is no mailbox; wanted is {WHAT}"));
                return Ok(());
            }
        } else if mail.len() + line.len() > MAX_MAIL_BYTES {
            is_too_large = true;
        } else {
            // A line of a mail that begins so was marked when it was stored.
            let quoted = line.iter().take_while(|byte| **byte == b'>').count();
            let marked = quoted > 0 && line[quoted..].starts_with(b"From ");
            mail.extend_from_slice(&line[usize::from(marked)..]);
        }
        is_after_blank = line.trim_ascii().is_empty();
    }
    finish(&mail, begun, is_too_large, threads, intake)
}

fn finish(mail: &[u8], place: Option<Place>, is_too_large: bool, threads: &mut Threads, intake: &mut Intake) -> Result<(), Stopped> {
    let Some(place) = place else { return Ok(()) };
    if is_too_large {
        intake.account.broken(&place, format!("the mail has more than {} MB; it is left out", MAX_MAIL_BYTES >> 20));
        return Ok(());
    }
    let Some(message) = MessageParser::default().parse(mail).filter(|message| !message.headers().is_empty()) else {
        intake.account.broken(&place, "the mail has no headers; it is left out");
        return Ok(());
    };
    match chat_of(&message, mail, &place, threads, intake) {
        Ok(Some(chat)) => intake.chat_line(chat),
        Ok(None) => Ok(()),
        Err(problem) => {
            intake.account.broken(&place, problem);
            Ok(())
        }
    }
}

/// What a mail adds to its thread; nothing if it is an automatic one.
fn chat_of(
    message: &Message<'_>,
    mail: &[u8],
    place: &Place,
    threads: &mut Threads,
    intake: &mut Intake,
) -> Result<Option<NewChat>, String> {
    let id = message.message_id().map_or_else(|| format!("mail-{}", fingerprint(mail)), str::to_owned);
    let Some(at) = message.date().and_then(|date| Timestamp::from_second(date.to_timestamp()).ok()) else {
        return Err(format!("mail `{id}` has no `Date`; it is left out"));
    };
    let (address, name) = first_of(message.from());
    if address.is_empty() {
        return Err(format!("mail `{id}` has no address in `From`; it is left out"));
    }
    let is_own = |address: &str| {
        let domain = address.rsplit('@').next().unwrap_or_default();
        intake.own_addresses.iter().any(|own| own == address || own.trim_start_matches('@') == domain)
    };
    let from_shop = is_own(&address);
    let automatic = message.header("Auto-Submitted").and_then(HeaderValue::as_text).is_some_and(|value| value != "no");
    if automatic && !from_shop {
        intake.account.list("automatic mail to the shop, left out", &id);
        return Ok(None);
    }
    let root = root_of(message, &id, threads);
    let chat_id = format!("mail-{root}");
    let is_first = !threads.latest.contains_key(&chat_id);
    let latest = threads.latest.entry(chat_id.clone()).or_insert_with(|| (at, place.clone()));
    latest.0 = latest.0.max(at);

    let text = match message.text_part(0).map(|part| &part.body) {
        Some(PartType::Text(text)) => text.to_string(),
        Some(PartType::Html(html)) => text_of(html),
        _ => String::new(),
    };
    let files: Vec<pb::Attachment> = message
        .attachments()
        .map(|part| pb::Attachment {
            name: part.attachment_name().unwrap_or_default().to_owned(),
            media_type: part.content_type().map(|kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or("*"))).unwrap_or_default(),
            url: String::new(),
            text: String::new(),
        })
        .collect();
    let customer = match from_shop {
        true => recipients(message).find(|(address, _)| !is_own(address)),
        false => Some((address.clone(), name.clone())),
    };
    if message.subject().is_none() {
        intake.account.list("mails without a subject", &id);
    }
    let mut chat = ChatBuilder::new(&chat_id, place.clone(), &mut intake.account);
    if is_first {
        chat.opened(at, pb::Channel::Email, "", "", message.subject().unwrap_or_default());
        if let Some((address, name)) = customer {
            chat.customer(at, pb::Customer { customer_id: address.clone(), name, email: address, ..pb::Customer::default() });
        }
    }
    let author = match (from_shop, automatic) {
        (true, true) => pb::Author::Bot,
        (true, false) => pb::Author::Agent,
        (false, _) => pb::Author::Customer,
    };
    chat.message(&id, at, author, &Writer { id: address, name }, &text, files);
    Ok(Some(chat.finish()).filter(|chat| !chat.events.is_empty()))
}

/// The id of the thread's first mail.
fn root_of(message: &Message<'_>, id: &str, threads: &mut Threads) -> String {
    let mut before: Vec<String> = texts(message.references());
    before.extend(texts(message.in_reply_to()));
    let known = before.iter().find_map(|earlier| threads.roots.get(&fingerprint(earlier)).cloned());
    let root = known.unwrap_or_else(|| before.first().cloned().unwrap_or_else(|| id.to_owned()));
    threads.roots.insert(fingerprint(id), root.clone());
    root
}

fn texts(value: &HeaderValue<'_>) -> Vec<String> {
    match value {
        HeaderValue::Text(text) => vec![text.to_string()],
        HeaderValue::TextList(texts) => texts.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    }
}

/// The first address of a header, in lower case, with its name.
fn first_of(addresses: Option<&Address<'_>>) -> (String, String) {
    let first = addresses.and_then(|addresses| addresses.iter().next());
    first.map(|one| (one.address().unwrap_or_default().to_lowercase(), one.name().unwrap_or_default().to_owned())).unwrap_or_default()
}

fn recipients(message: &Message<'_>) -> impl Iterator<Item = (String, String)> {
    let all = [message.to(), message.cc()].into_iter().flatten().flat_map(Address::iter);
    let each = all.map(|one| (one.address().unwrap_or_default().to_lowercase(), one.name().unwrap_or_default().to_owned()));
    each.filter(|(address, _)| !address.is_empty()).collect::<Vec<_>>().into_iter()
}
