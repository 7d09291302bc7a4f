//! Threads of mail: the mails of one wait for each other, in whatever order a mailbox has them, and become one chat by their dates.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;

use crate::{
    api::pb,
    cli::import::{
        account::Place,
        chat::{ChatBuilder, Writer},
        intake::{Intake, Stopped},
    },
    text::fingerprint,
};

/// Bytes that a mail takes beside its text, about.
const BYTES_OF_MAIL: usize = 600;

/// A mail as its chat will have it.
pub struct Mail {
    pub id: String,
    pub at: Timestamp,
    pub place: Place,
    pub subject: String,
    /// The customer's address and name, if the mail tells them.
    pub customer: Option<(String, String)>,
    pub author: pb::Author,
    pub writer: Writer,
    pub text: String,
    pub files: Vec<pb::Attachment>,
}

/// The mails that wait, and what is known of every thread.
pub struct Threads {
    /// The mail before each, by the fingerprint of its id.
    before: HashMap<String, String>,
    /// Fingerprints of the ids of mails that came.
    came: HashSet<String>,
    waiting: Vec<Mail>,
    bytes: usize,
    max_bytes: usize,
    /// Chats that were handed over in part, and the time of their last mail.
    begun: BTreeMap<String, (Timestamp, Place)>,
}

impl Threads {
    /// No threads yet. More than `max_bytes` do not wait.
    pub fn new(max_bytes: usize) -> Threads {
        Threads { before: HashMap::new(), came: HashSet::new(), waiting: Vec::new(), bytes: 0, max_bytes, begun: BTreeMap::new() }
    }

    /// Takes the ids that a mail names, the earliest first.
    pub fn link(&mut self, references: &[String], id: &str) {
        let ids: Vec<&str> = references.iter().map(String::as_str).chain([id]).collect();
        for pair in ids.windows(2) {
            let [earlier, later] = pair else { continue };
            let key = fingerprint(later);
            // What would lead back to itself is no order.
            if earlier != later && !self.before.contains_key(&key) && self.root(earlier) != *later {
                self.before.insert(key, (*earlier).to_owned());
            }
        }
    }

    /// The id of the first mail of a mail's thread. The way to it is short the next time.
    fn root(&mut self, id: &str) -> String {
        let (mut root, mut way) = (id.to_owned(), Vec::new());
        loop {
            let key = fingerprint(&root);
            let Some(earlier) = self.before.get(&key) else { break };
            root.clone_from(earlier);
            way.push(key);
        }
        for key in way {
            self.before.insert(key, root.clone());
        }
        root
    }

    /// Takes a mail, once.
    pub fn add(&mut self, mail: Mail, intake: &mut Intake) -> Result<(), Stopped> {
        if !self.came.insert(fingerprint(&mail.id)) {
            intake.account.list("mails that came several times, taken once", &mail.id);
            return Ok(());
        }
        self.bytes += mail.text.len() + BYTES_OF_MAIL;
        self.waiting.push(mail);
        if self.bytes <= self.max_bytes {
            return Ok(());
        }
        for (chat_id, mails) in self.waiting_threads() {
            if let Some((at, place)) = self.last(&chat_id, &mails) {
                self.chat(&chat_id, mails, None, &place, intake)?;
                self.begun.insert(chat_id, (at, place));
            }
        }
        Ok(())
    }

    /// Hands over all that waits. An archive says of no thread that it is done; what was is past.
    pub fn finish(mut self, intake: &mut Intake) -> Result<(), Stopped> {
        let mut threads = self.waiting_threads();
        for chat_id in self.begun.keys() {
            threads.entry(chat_id.clone()).or_default();
        }
        for (chat_id, mails) in threads {
            if let Some((at, place)) = self.last(&chat_id, &mails) {
                self.chat(&chat_id, mails, Some(at), &place, intake)?;
            }
        }
        Ok(())
    }

    /// When the last mail of a thread was, so far.
    fn last(&self, chat_id: &str, mails: &[Mail]) -> Option<(Timestamp, Place)> {
        let of_mails = mails.iter().map(|mail| (mail.at, mail.place.clone()));
        of_mails.chain(self.begun.get(chat_id).cloned()).max_by_key(|(at, _)| *at)
    }

    /// The mails that wait, by the id of their chat and their dates.
    fn waiting_threads(&mut self) -> BTreeMap<String, Vec<Mail>> {
        let mut threads: BTreeMap<String, Vec<Mail>> = BTreeMap::new();
        self.bytes = 0;
        for mail in std::mem::take(&mut self.waiting) {
            threads.entry(format!("mail-{}", self.root(&mail.id))).or_default().push(mail);
        }
        for mails in threads.values_mut() {
            mails.sort_by_key(|mail| mail.at);
        }
        threads
    }

    /// Hands a chat over, with its end if that is known.
    fn chat(&self, chat_id: &str, mails: Vec<Mail>, end: Option<Timestamp>, place: &Place, intake: &mut Intake) -> Result<(), Stopped> {
        let is_begun = self.begun.contains_key(chat_id);
        if is_begun && !mails.is_empty() {
            let most = self.max_bytes >> 20;
            let what =
                format!("threads whose mails stand more than {most} MB apart: the later ones stand at the end, whatever their dates");
            intake.account.list(what, chat_id);
        }
        let mut chat = ChatBuilder::new(chat_id, place.clone(), &mut intake.account);
        if let Some(first) = mails.first().filter(|_| !is_begun) {
            chat.opened(first.at, pb::Channel::Email, "", "", &first.subject);
        }
        let mut customer = mails.iter().find_map(|mail| mail.customer.clone()).filter(|_| !is_begun);
        for Mail { id, at, place: _, subject: _, customer: _, author, writer, text, files } in mails {
            if let Some((address, name)) = customer.take() {
                chat.customer(at, pb::Customer { customer_id: address.clone(), name, email: address, ..pb::Customer::default() });
            }
            chat.message(&id, at, author, &writer, &text, files);
        }
        if let Some(at) = end {
            chat.resolved(at, "");
        }
        let chat = chat.finish();
        intake.chat_line(chat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::pb::event::Body,
        cli::import::{body::Bodies, chat::NewChat, intake::Item},
    };

    fn mail(id: &str, second: i64) -> Mail {
        Mail {
            id: id.to_owned(),
            at: Timestamp::from_second(second).unwrap(),
            place: Place { file: std::path::Path::new("a.mbox").into(), line: 1 },
            subject: format!("Subject of {id}"),
            customer: Some(("anna@example.com".to_owned(), "Anna".to_owned())),
            author: pb::Author::Customer,
            writer: Writer::default(),
            text: format!("Text of {id}"),
            files: Vec::new(),
        }
    }

    /// Mails with what they refer to, as chats.
    fn chats(max_bytes: usize, mails: &[(&str, i64, &[&str])]) -> (Vec<NewChat>, String) {
        let (sender, mut items) = tokio::sync::mpsc::channel(100);
        let mut intake = Intake::new(Bodies::default(), None, sender);
        let mut threads = Threads::new(max_bytes);
        for (id, second, references) in mails {
            threads.link(&references.iter().map(|id| (*id).to_owned()).collect::<Vec<String>>(), id);
            threads.add(mail(id, *second), &mut intake).unwrap();
        }
        threads.finish(&mut intake).unwrap();
        let listed = format!("{:?}", intake.account);
        drop(intake);
        let mut chats = Vec::new();
        while let Some(item) = items.blocking_recv() {
            let Item::Chat(chat) = item else { panic!("{item:?}") };
            chats.push(chat);
        }
        (chats, listed)
    }

    fn kinds(chat: &NewChat) -> Vec<String> {
        let kind = |event: &pb::Event| match event.body.as_ref().unwrap() {
            Body::Opened(opened) => format!("opened: {}", opened.subject),
            Body::Message(message) => message.text.clone(),
            Body::Customer(_) => "customer".to_owned(),
            Body::Resolved(_) => "resolved".to_owned(),
            Body::Topic(_) => "topic".to_owned(),
            other => format!("{other:?}"),
        };
        chat.events.iter().map(kind).collect()
    }

    const WHOLE: [&str; 7] = ["opened: Subject of 1", "customer", "Text of 1", "Text of 2", "Text of 3", "topic", "resolved"];

    #[test]
    fn a_thread_is_one_chat_by_date_whatever_the_order_of_its_mails() {
        let mails: [(&str, i64, &[&str]); 3] = [("1", 10, &[]), ("2", 20, &["1"]), ("3", 30, &["2"])];
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
            let (chats, _) = chats(1 << 20, &order.map(|index| mails[index]));
            assert_eq!(chats.iter().map(kinds).collect::<Vec<_>>(), [WHOLE], "{order:?}");
            assert_eq!(chats[0].chat_id, "mail-1");
        }
        // Ids that name each other do not lead round and round.
        let (chats, listed) = chats(1 << 20, &[("1", 10, &["2"]), ("2", 20, &["1"]), ("2", 20, &["2"])]);
        assert_eq!(chats.len(), 1);
        assert!(listed.contains("mails that came several times, taken once"), "{listed}");
    }

    #[test]
    fn what_waits_has_a_bound_that_is_told() {
        let mails: [(&str, i64, &[&str]); 4] = [("1", 10, &[]), ("other", 5, &[]), ("3", 30, &["1"]), ("2", 20, &["1"])];
        let (chats, listed) = chats(3 * BYTES_OF_MAIL / 2, &mails);
        let of_thread: Vec<String> = chats.iter().filter(|chat| chat.chat_id == "mail-1").flat_map(kinds).collect();
        let expected = ["opened: Subject of 1", "customer", "Text of 1", "Text of 2", "Text of 3", "topic", "resolved"];
        assert_eq!(of_thread, expected);
        assert!(listed.contains("threads whose mails stand more than"), "{listed}");
        let of_other: Vec<String> = chats.iter().filter(|chat| chat.chat_id == "mail-other").flat_map(kinds).collect();
        assert_eq!(of_other, ["opened: Subject of other", "customer", "Text of other", "topic", "resolved"]);
    }
}
