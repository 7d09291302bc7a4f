//! A chat's state: a pure function of its events.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::chats::{
    event::{Author, Channel, Customer, Event, EventBody, Message, Note, PageView, Rating, Record, Ticket},
    former_customer::{FormerCustomer, is_another},
    mail::{Aside, tell_apart},
};

/// The customer of unread events. No id has a control character.
const UNREAD_ID: &str = "\u{0}";

/// A chat's status. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(i16)]
pub enum Status {
    /// Somebody has to act.
    #[default]
    Open = 1,
    /// Done, until the customer writes again.
    Resolved = 2,
    /// Goes on as a ticket. Messages don't change that, a `resolved` or `reopened` event does.
    Ticket = 3,
}

/// The part of a chat's state that is stored in its row, for lists and for validating appends.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Summary {
    /// What its events made of it; open at first.
    pub status: Status,
    /// Where it takes place, from its last `opened` event.
    pub channel: Channel,
    /// What [`Channel::Other`] is called; empty if not given.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub channel_name: String,
    /// The team it belongs to: the last that an `opened` event or a transfer named; empty if none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// The subject line; empty if none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// The shop's id of its agent: the last transfer's receiver, else the last agent who wrote; empty if none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub agent_id: String,
    /// That agent's name; empty if unknown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub agent_name: String,
    /// Whether a transfer named the agent; then agents who merely write don't become it.
    pub transferred: bool,
    /// What it is about; empty until a `topic` event.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub topic: String,
    /// The shop's id of its current customer; empty if unknown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub customer_id: String,
    /// The current customer's name; empty if unknown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub customer_name: String,
    /// The ticket it became last. Its `reply_to` is emptied when the chat goes to another customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Ticket>,
    /// The earliest time of its events.
    pub opened_at: Timestamp,
    /// The latest time of its events.
    pub updated_at: Timestamp,
    /// The number of its last event; 0 before the first.
    pub last_sequence: i64,
    /// Its messages by either side, redacted ones too.
    pub message_count: i32,
    /// Approximate stored size of its events. Not part of the fold.
    #[serde(default)]
    pub bytes: i64,
}

impl Summary {
    /// Returns whether a late event must be folded in order: applied now, it could undo later ones.
    pub fn depends_on_order(&self, body: &EventBody) -> bool {
        match body {
            EventBody::Message(message) => match message.author {
                Author::Customer => self.status == Status::Resolved,
                Author::Agent => !self.transferred && message.author_id != self.agent_id,
                Author::Bot => false,
            },
            EventBody::Note(_) | EventBody::Form(_) | EventBody::Record(_) | EventBody::PageView(_) | EventBody::Rating(_) => false,
            EventBody::Opened(_)
            | EventBody::Customer(_)
            | EventBody::Transfer(_)
            | EventBody::Topic { .. }
            | EventBody::Resolved
            | EventBody::Reopened
            | EventBody::Ticket(_)
            | EventBody::Redaction { .. } => true,
        }
    }

    /// Applies the next event in order of time.
    pub fn apply(&mut self, event: &Event) {
        self.apply_body(event.sequence, event.at, &event.body);
    }

    /// The same by an event's sequence, time and body.
    pub fn apply_body(&mut self, sequence: i64, at: Timestamp, body: &EventBody) {
        if self.last_sequence == 0 {
            self.opened_at = at;
            self.updated_at = at;
        }
        self.opened_at = self.opened_at.min(at);
        self.updated_at = self.updated_at.max(at);
        self.last_sequence = self.last_sequence.max(sequence);
        match body {
            EventBody::Opened(opened) => {
                self.channel = opened.channel;
                self.channel_name.clone_from(&opened.channel_name);
                overwrite(&mut self.group, &opened.group);
                overwrite(&mut self.subject, &opened.subject);
            }
            EventBody::Message(message) => {
                self.message_count += 1;
                match message.author {
                    Author::Customer if self.status == Status::Resolved => self.status = Status::Open,
                    Author::Agent if !self.transferred && !message.author_id.is_empty() => {
                        self.agent_id.clone_from(&message.author_id);
                        self.agent_name.clone_from(&message.author_name);
                    }
                    Author::Customer | Author::Agent | Author::Bot => {}
                }
            }
            EventBody::Customer(customer) => {
                if is_another(&self.customer_id, customer) {
                    self.customer_name.clear();
                    // The address for replies was the former customer's.
                    if let Some(ticket) = &mut self.ticket {
                        ticket.reply_to.clear();
                    }
                }
                overwrite(&mut self.customer_id, &customer.customer_id);
                overwrite(&mut self.customer_name, &customer.name);
            }
            EventBody::Transfer(transfer) => {
                overwrite(&mut self.group, &transfer.to_group);
                // A transfer to a team alone leaves the chat without an agent until one writes.
                self.transferred = !transfer.to_agent_id.is_empty();
                self.agent_id.clone_from(&transfer.to_agent_id);
                self.agent_name.clone_from(&transfer.to_agent_name);
            }
            EventBody::Topic { topic } => self.topic.clone_from(topic),
            EventBody::Resolved => self.status = Status::Resolved,
            EventBody::Reopened => self.status = Status::Open,
            EventBody::Ticket(ticket) => {
                self.status = Status::Ticket;
                self.ticket = Some(ticket.clone());
            }
            EventBody::Note(_)
            | EventBody::Form(_)
            | EventBody::Record(_)
            | EventBody::PageView(_)
            | EventBody::Rating(_)
            | EventBody::Redaction { .. } => {}
        }
    }
}

/// A chat: the fold of its events in the order of their times.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Chat {
    /// Chosen by the client, unique within its workspace.
    pub chat_id: String,
    /// The part of its state that its row keeps.
    pub summary: Summary,
    /// What is known of the current customer.
    pub customer: Customer,
    /// The current customer's answers before the chat, by question.
    pub form_answers: BTreeMap<String, String>,
    /// The latest of each source and reference, the one that came last at the end.
    pub records: Vec<Record>,
    /// The current customer's latest rating.
    pub rating: Option<Rating>,
    /// The pages that the current customer saw, redacted ones left out, oldest first.
    pub pages: Vec<PageView>,
    /// Its messages, redacted and unread ones left out, oldest first. Former customers' are among them.
    pub turns: Vec<Turn>,
    /// Its internal notes, redacted ones left out, oldest first.
    pub notes: Vec<Note>,
    /// How many of the oldest messages were not read: the chat has too many.
    pub unread: usize,
    /// How many messages there were when the chat was last handed over, if another agent had written by then.
    pub handed_over_at: Option<usize>,
    /// The chat's earlier customers, and how many messages there were when the current one came.
    pub former: Vec<FormerCustomer>,
    /// How many of `turns` were there when the current customer came; 0 if there was never another.
    pub turns_before_customer: usize,
}

/// A message and when it was written. Its `text` is what its author wrote then; what they quoted is in `quoted_text`.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// The id of the message's event.
    pub event_id: String,
    /// When it was written.
    pub at: Timestamp,
    /// Who wrote what.
    pub message: Message,
    /// What stands under it and is not what it says.
    pub aside: Aside,
}

/// How many texts stand beside a chat's messages: the texts of files, quotations, and signatures and legal notices.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BesideMessages {
    /// Files with a text.
    pub attachments: usize,
    /// Messages that quote earlier ones.
    pub quotations: usize,
    /// Signatures and legal notices.
    pub signatures: usize,
}

impl Turn {
    /// Returns every text of the message, also what is not said by it.
    pub fn all_texts(&self) -> impl Iterator<Item = &str> {
        let aside = [&self.message.quoted_text, &self.aside.signature, &self.aside.disclaimer];
        self.message.contents().chain(aside.into_iter().map(String::as_str).filter(|text| !text.is_empty()))
    }
}

impl Chat {
    /// Folds the last events of a chat whose whole summary is known. The first customer named in them may not be the one before: everything
    /// before that event is treated as another customer's.
    pub fn fold_end(chat_id: &str, events: Vec<Event>, summary: Summary) -> Chat {
        let unread = Customer { customer_id: UNREAD_ID.to_owned(), ..Customer::default() };
        let mut chat = Chat { chat_id: chat_id.to_owned(), customer: unread, ..Chat::default() };
        chat.apply_all(events);
        chat.customer.customer_id.clone_from(&summary.customer_id);
        chat.summary = summary;
        chat.tell_apart();
        chat
    }

    /// Clears what was known of the customer: their identity, their form answers, the shop's records of them, the pages they saw, their
    /// rating. Messages and notes belong to the chat, and stay.
    fn part_from_customer(&mut self) {
        self.former.push(FormerCustomer {
            customer: std::mem::take(&mut self.customer),
            form_answers: std::mem::take(&mut self.form_answers),
            records: std::mem::take(&mut self.records),
            reply_to: self.summary.ticket.as_ref().map(|ticket| ticket.reply_to.clone()).unwrap_or_default(),
        });
        self.pages.clear();
        self.rating = None;
        self.turns_before_customer = self.turns.len();
    }

    /// Folds a chat's events, in any order.
    pub fn fold(chat_id: &str, events: &[Event]) -> Chat {
        Chat::folded(chat_id, events.to_vec())
    }

    /// Folds a chat's events without copying them.
    pub fn folded(chat_id: &str, events: Vec<Event>) -> Chat {
        let mut chat = Chat { chat_id: chat_id.to_owned(), ..Chat::default() };
        chat.apply_all(events);
        chat.tell_apart();
        chat
    }

    /// Folds the events that were read of a chat whose whole summary is known.
    pub fn fold_with(chat_id: &str, events: Vec<Event>, summary: Summary) -> Chat {
        let mut chat = Chat { chat_id: chat_id.to_owned(), ..Chat::default() };
        chat.apply_all(events);
        chat.summary = summary;
        chat.tell_apart();
        chat
    }

    /// Tells what messages quote apart from what they say. The channel is known when all events are.
    fn tell_apart(&mut self) {
        for turn in &mut self.turns {
            turn.aside = tell_apart(&mut turn.message, self.summary.channel);
        }
    }

    /// Counts what stands beside the messages.
    pub fn beside_messages(&self) -> BesideMessages {
        let mut beside = BesideMessages::default();
        for turn in &self.turns {
            beside.attachments += turn.message.attachments.iter().filter(|attachment| !attachment.text.is_empty()).count();
            beside.quotations += usize::from(!turn.message.quoted_text.is_empty());
            beside.signatures += [&turn.aside.signature, &turn.aside.disclaimer].into_iter().filter(|text| !text.is_empty()).count();
        }
        beside
    }

    /// Returns how many messages the chat has.
    pub fn messages(&self) -> usize {
        self.unread + self.turns.len()
    }

    /// Applies events in order of time.
    fn apply_all(&mut self, mut events: Vec<Event>) {
        events.sort_by_key(|event| (event.at, event.sequence));
        events.into_iter().for_each(|event| self.apply(event));
    }

    fn apply(&mut self, event: Event) {
        if let EventBody::Customer(customer) = &event.body
            && is_another(&self.customer.customer_id, customer)
        {
            self.part_from_customer();
        }
        self.summary.apply(&event);
        match event.body {
            EventBody::Message(message) if !event.redacted => {
                self.turns.push(Turn { event_id: event.event_id.to_string(), at: event.at, message, aside: Aside::default() });
            }
            EventBody::Note(note) if !event.redacted => self.notes.push(note),
            EventBody::Customer(customer) => merge(&mut self.customer, &customer),
            EventBody::Form(form) => self.form_answers.extend(form.answers),
            EventBody::Record(record) => {
                self.records.retain(|known| known.source != record.source || known.reference != record.reference);
                self.records.push(record);
            }
            EventBody::Transfer(_) if self.turns.iter().any(|turn| turn.message.author == Author::Agent) => {
                self.handed_over_at = Some(self.turns.len());
            }
            EventBody::PageView(page) if !event.redacted => self.pages.push(page),
            EventBody::Rating(rating) => self.rating = Some(rating),
            _ => {}
        }
    }

    /// Returns the customer's last burst of messages, as yet unanswered; else the last one they wrote.
    pub fn last_burst(&self) -> Vec<&Turn> {
        let customer = |turn: &&Turn| turn.message.author == Author::Customer;
        let Some(end) = self.turns.iter().rposition(|turn| customer(&turn)) else { return Vec::new() };
        let start = self.turns[..end].iter().rposition(|turn| turn.message.author == Author::Agent).map_or(0, |before| before + 1);
        // Another customer's messages are not part of it.
        let start = if end >= self.turns_before_customer { start.max(self.turns_before_customer) } else { start };
        self.turns[start..=end].iter().filter(customer).collect()
    }

    /// Returns the customer's last burst as one text; of a message without text, the texts of its files.
    pub fn last_burst_text(&self) -> String {
        self.last_burst().iter().map(|turn| turn.message.asked()).collect::<Vec<_>>().join("\n")
    }

    /// Returns the messages since the chat got its current customer: earlier ones were written by or to another.
    pub fn turns_with_customer(&self) -> &[Turn] {
        &self.turns[self.turns_before_customer.min(self.turns.len())..]
    }
}

fn overwrite(known: &mut String, update: &str) {
    if !update.is_empty() {
        update.clone_into(known);
    }
}

fn merge(known: &mut Customer, update: &Customer) {
    let Customer { customer_id, name, email, phone, language, location, browser, operating_system, device, attributes } = update;
    overwrite(&mut known.customer_id, customer_id);
    overwrite(&mut known.name, name);
    overwrite(&mut known.email, email);
    overwrite(&mut known.phone, phone);
    overwrite(&mut known.location, location);
    overwrite(&mut known.browser, browser);
    overwrite(&mut known.operating_system, operating_system);
    overwrite(&mut known.device, device);
    if language.is_some() {
        known.language.clone_from(language);
    }
    known.attributes.extend(attributes.iter().map(|(key, value)| (key.clone(), value.clone())));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{chats::event::Transfer, ids::Id};

    fn event(sequence: i64, seconds: i64, body: EventBody) -> Event {
        Event {
            event_id: Id::new(format!("e{sequence}")).unwrap(),
            at: Timestamp::from_second(1_790_000_000 + seconds).unwrap(),
            sequence,
            redacted: false,
            body,
        }
    }

    fn says(author: Author, text: &str) -> EventBody {
        EventBody::Message(Message {
            author,
            author_id: if author == Author::Agent { "selin".into() } else { String::new() },
            author_name: String::new(),
            text: text.into(),
            language: None,
            attachments: Vec::new(),
            quoted_text: String::new(),
        })
    }

    #[test]
    fn a_customer_who_writes_again_reopens() {
        let chat = Chat::fold(
            "c",
            &[
                event(1, 1, EventBody::Topic { topic: "returns".into() }),
                event(2, 2, EventBody::Resolved),
                event(3, 3, says(Author::Customer, "one more thing")),
            ],
        );
        assert_eq!(chat.summary.status, Status::Open);
    }

    #[test]
    fn a_late_event_stands_at_its_time() {
        let chat = Chat::fold(
            "c",
            &[
                event(1, 10, EventBody::Topic { topic: "returns".into() }),
                event(2, 20, EventBody::Resolved),
                event(3, 5, says(Author::Customer, "written before, reported late")),
            ],
        );
        assert_eq!(chat.summary.status, Status::Resolved);
        assert_eq!(chat.summary.opened_at, Timestamp::from_second(1_790_000_005).unwrap());
    }

    #[test]
    fn the_agent_is_the_last_transfers_target_else_who_wrote_last() {
        let transfer = |agent: &str| {
            EventBody::Transfer(Transfer {
                from_agent_id: "selin".into(),
                to_agent_id: agent.into(),
                to_agent_name: String::new(),
                to_group: String::new(),
                reason: String::new(),
            })
        };
        let written = event(1, 1, says(Author::Agent, "hello"));
        assert_eq!(Chat::fold("c", std::slice::from_ref(&written)).summary.agent_id, "selin");
        let moved = [written, event(2, 2, transfer("mert")), event(3, 3, says(Author::Agent, "bye"))];
        assert_eq!(Chat::fold("c", &moved).summary.agent_id, "mert");
    }

    #[test]
    fn a_burst_is_read_as_one() {
        let chat = Chat::fold(
            "c",
            &[
                event(1, 1, says(Author::Customer, "hi")),
                event(2, 2, says(Author::Agent, "hello")),
                event(3, 3, says(Author::Customer, "where")),
                event(4, 4, says(Author::Bot, "one moment")),
                event(5, 5, says(Author::Customer, "is it")),
            ],
        );
        assert_eq!(chat.last_burst_text(), "where\nis it");
    }

    proptest! {
        #[test]
        fn the_order_of_arrival_does_not_matter(seconds in proptest::collection::vec(0i64..50, 1..20), seed in any::<u64>()) {
            let mut events: Vec<Event> = seconds
                .iter()
                .enumerate()
                .map(|(index, at)| {
                    let body = match (index as u64 + seed) % 5 {
                        0 => EventBody::Topic { topic: format!("t{index}") },
                        1 => EventBody::Resolved,
                        2 => says(Author::Customer, "x"),
                        3 => says(Author::Agent, "y"),
                        _ => EventBody::Record(Record {
                            source: "order".into(),
                            reference: "1".into(),
                            values: [("v".to_owned(), index.to_string())].into(),
                            url: String::new(),
                        }),
                    };
                    event(index as i64 + 1, *at, body)
                })
                .collect();
            let chat = Chat::fold("c", &events);
            events.reverse();
            prop_assert_eq!(Chat::fold("c", &events), chat);
        }
    }
}
