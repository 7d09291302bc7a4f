//! Mailboxes in mbox form, read mail by mail. The mails of a thread become one chat.

use std::path::PathBuf;

use indicatif::ProgressBar;
use jiff::Timestamp;
use mail_parser::{Address, HeaderForm, HeaderValue, Message, MessageParser, MimeHeaders, PartType};

use crate::{
    api::pb,
    cli::import::{
        account::Place,
        body::text_of,
        chat::Writer,
        intake::{Intake, Stopped},
        json_file::{Lines, explained},
        mbox_threads::{Mail, Threads},
        words::plain_word,
    },
    text::fingerprint,
};

const WHAT: &str = "a mailbox in mbox form, whose mails begin with a line `From …`";
/// Largest mail, in bytes; what is larger is told.
const MAX_MAIL_BYTES: usize = 64 << 20;
/// Bytes of text that wait for further mails of their threads.
const MAX_WAITING_BYTES: usize = 256 << 20;
/// Labels and folders of mail that was not sent, or that nobody wants, as words to compare, in the languages that the service has words of.
const UNWANTED: [(&str, &[&str]); 3] = [
    ("drafts", &["drafts", "draft", "taslaklar", "piszkozatok", "entwurfe", "brouillons", "borradores"]),
    (
        "spam",
        &[
            "spam",
            "junk",
            "junk email",
            "junk e mail",
            "onemsiz",
            "istenmeyen",
            "levelszemet",
            "indesirables",
            "courrier indesirable",
            "correo no deseado",
        ],
    ),
    (
        "trash",
        &[
            "trash",
            "bin",
            "deleted items",
            "deleted messages",
            "cop",
            "cop kutusu",
            "kuka",
            "lomtar",
            "papierkorb",
            "corbeille",
            "papelera",
        ],
    ),
];
/// The bits of Mozilla's flags that say that a mail is deleted.
const MOZILLA_DELETED: [(&str, u32); 2] = [("X-Mozilla-Status", 0x0008), ("X-Mozilla-Status2", 0x0020_0000)];

pub fn read(files: &[PathBuf], bar: &ProgressBar, intake: &mut Intake) -> anyhow::Result<()> {
    let mut threads = Threads::new(MAX_WAITING_BYTES);
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
    // The receiver may have gone, which it says for itself.
    let _ = threads.finish(intake);
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
    match mail_of(&message, mail, &place, threads, intake) {
        Ok(Some(mail)) => threads.add(mail, intake),
        Ok(None) => Ok(()),
        Err(problem) => {
            intake.account.broken(&place, problem);
            Ok(())
        }
    }
}

/// What a mail adds to its thread; nothing if it is left out, which is listed.
fn mail_of(message: &Message<'_>, mail: &[u8], place: &Place, threads: &mut Threads, intake: &mut Intake) -> Result<Option<Mail>, String> {
    let id = message.message_id().map_or_else(|| format!("mail-{}", fingerprint(mail)), str::to_owned);
    let mut before: Vec<String> = texts(message.references());
    before.extend(texts(message.in_reply_to()));
    threads.link(&before, &id);
    if let Some(what) = unwanted(message, place) {
        intake.account.list(format!("mails of {what}, left out"), &id);
        return Ok(None);
    }
    let Some(at) = message.date().filter(|date| date.is_valid()).and_then(|date| Timestamp::from_second(date.to_timestamp()).ok()) else {
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
    let author = match (from_shop, automatic) {
        (true, true) => pb::Author::Bot,
        (true, false) => pb::Author::Agent,
        (false, _) => pb::Author::Customer,
    };
    let subject = message.subject().unwrap_or_default().to_owned();
    let writer = Writer { id: address, name };
    Ok(Some(Mail { id, at, place: place.clone(), subject, customer, author, writer, text, files }))
}

/// What a mail is that was not sent or is not wanted: by its labels, its flags, or the name of its file.
fn unwanted(message: &Message<'_>, place: &Place) -> Option<&'static str> {
    let labels = message.header_as("X-Gmail-Labels", HeaderForm::Text);
    let labels = labels.iter().filter_map(HeaderValue::as_text).flat_map(|labels| labels.split(','));
    let file = place.file.file_stem().unwrap_or_default().to_string_lossy();
    let words: Vec<String> = labels.chain([file.as_ref()]).map(|label| plain_word(label.trim().trim_matches('"'))).collect();
    let of_label = UNWANTED.iter().find(|(_, labels)| words.iter().any(|word| labels.contains(&word.as_str()))).map(|(what, _)| *what);
    let raw = |name: &'static str| message.header_raw(name).unwrap_or_default().trim();
    let has_flag = |flag: char| ["Status", "X-Status"].iter().any(|name| raw(name).contains(flag));
    let is_deleted = MOZILLA_DELETED.iter().any(|(name, bit)| u32::from_str_radix(raw(name), 16).is_ok_and(|flags| flags & bit != 0));
    of_label.or_else(|| has_flag('T').then_some("drafts")).or_else(|| (is_deleted || has_flag('D')).then_some("trash"))
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
