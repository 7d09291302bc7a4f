//! The choice of context: what a model is given of a chat under a token budget, and the account of that choice.
//!
//! Always in: the customer's facts, form answers, records, the topic, and the customer's last burst. Then this chat's messages, newest
//! first; then earlier chats and pages viewed. Notes only when asked for.

use std::collections::HashSet;

use super::{Author, Chat, Turn};
use crate::text::estimate_tokens;

/// Another chat of the same customer.
#[derive(Debug, Clone)]
pub struct EarlierChat(pub Chat);

/// Why something was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OmissionReason {
    Budget,
    Irrelevant,
    Withheld,
}

/// How many were left out for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Omission {
    pub reason: OmissionReason,
    pub count: usize,
}

/// One class of a receipt: `used` and the omissions add up to `total`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClassReceipt {
    pub total: usize,
    pub used: usize,
    pub omissions: Vec<Omission>,
}

impl ClassReceipt {
    /// Of `total`, `used` were used and the rest was left out for `reason`.
    pub fn of(total: usize, used: usize, reason: OmissionReason) -> ClassReceipt {
        let left = total.saturating_sub(used);
        let omissions = if left == 0 { Vec::new() } else { vec![Omission { reason, count: left }] };
        ClassReceipt { total, used, omissions }
    }
}

/// A line of the conversation as a model reads it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ChatLine {
    /// `customer`, `agent` or `bot`.
    pub author: &'static str,
    pub name: String,
    pub text: String,
}

/// What was chosen, and its account.
#[derive(Debug, Clone, Default)]
pub struct ChosenContext {
    pub facts: Vec<(String, String)>,
    pub form_answers: Vec<(String, String)>,
    /// Each record as lines of text.
    pub records: Vec<String>,
    pub pages: Vec<String>,
    pub lines: Vec<ChatLine>,
    /// Lines before the first of `lines` that did not fit.
    pub lines_left_out: usize,
    /// Each earlier chat as lines of text.
    pub earlier: Vec<String>,
    pub notes: Vec<String>,
    pub messages_receipt: ClassReceipt,
    pub records_receipt: ClassReceipt,
    pub notes_receipt: ClassReceipt,
    pub visitor_receipt: ClassReceipt,
    pub form_receipt: ClassReceipt,
    pub earlier_receipt: ClassReceipt,
    pub tokens: usize,
}

/// Chooses what fits in `budget` tokens. `earlier_total` counts the customer's other chats, of which `earlier` were read.
pub fn choose(chat: &Chat, earlier: &[EarlierChat], earlier_total: usize, use_notes: bool, budget: usize) -> ChosenContext {
    let mut chosen = ChosenContext::default();
    let mut left = Budget { left: budget, used: 0 };

    chosen.facts = visitor_facts(chat);
    chosen.form_answers = chat.form_answers.iter().map(|(question, answer)| (question.clone(), answer.clone())).collect();
    for (key, value) in chosen.facts.iter().chain(&chosen.form_answers) {
        left.spend(key, value);
    }
    // The last message is always in; the burst before it as far as the budget goes.
    let mut burst: HashSet<&str> = HashSet::new();
    for turn in chat.last_burst().into_iter().rev() {
        if !burst.is_empty() && !left.holds(&turn.message.text) {
            break;
        }
        left.spend(&turn.message.author_name, &turn.message.text);
        burst.insert(&turn.event_id);
    }

    chosen.records = chat.records.iter().rev().map(record_text).filter(|text| left.take(text)).collect();
    chosen.records.reverse();
    if use_notes {
        chosen.notes = chat.notes.iter().rev().map(|note| note.text.clone()).filter(|text| left.take(text)).collect();
        chosen.notes.reverse();
    }

    let mut lines: Vec<ChatLine> = Vec::new();
    let mut full = false;
    for turn in chat.turns.iter().rev() {
        if burst.contains(turn.event_id.as_str()) {
            lines.push(line(turn));
        } else if !full {
            let line = line(turn);
            full = !left.take(&line.text);
            if !full {
                lines.push(line);
            }
        }
    }
    lines.reverse();
    chosen.lines_left_out = chat.turns.len() - lines.len();
    chosen.lines = lines;

    chosen.earlier = earlier.iter().map(earlier_text).filter(|text| left.take(text)).collect();
    chosen.pages = pages(chat).into_iter().filter(|text| left.take(text)).collect();

    let facts = chosen.facts.len();
    chosen.messages_receipt = ClassReceipt::of(chat.turns.len(), chosen.lines.len(), OmissionReason::Budget);
    chosen.records_receipt = ClassReceipt::of(chat.records.len(), chosen.records.len(), OmissionReason::Budget);
    let notes_reason = if use_notes { OmissionReason::Budget } else { OmissionReason::Withheld };
    chosen.notes_receipt = ClassReceipt::of(chat.notes.len(), chosen.notes.len(), notes_reason);
    chosen.visitor_receipt = ClassReceipt::of(facts + pages(chat).len(), facts + chosen.pages.len(), OmissionReason::Budget);
    chosen.form_receipt = ClassReceipt::of(chosen.form_answers.len(), chosen.form_answers.len(), OmissionReason::Budget);
    chosen.earlier_receipt = ClassReceipt::of(earlier_total, chosen.earlier.len(), OmissionReason::Budget);
    chosen.tokens = left.used;
    chosen
}

struct Budget {
    left: usize,
    used: usize,
}

impl Budget {
    /// Counts what is in whatever it costs.
    fn spend(&mut self, name: &str, text: &str) {
        let cost = estimate_tokens(name) + cost(text);
        self.left = self.left.saturating_sub(cost);
        self.used += cost;
    }

    fn holds(&self, text: &str) -> bool {
        cost(text) <= self.left
    }

    fn take(&mut self, text: &str) -> bool {
        let fits = self.holds(text);
        if fits {
            self.spend("", text);
        }
        fits
    }
}

/// A text's tokens and those of the line around it.
fn cost(text: &str) -> usize {
    estimate_tokens(text) + 4
}

fn visitor_facts(chat: &Chat) -> Vec<(String, String)> {
    let customer = &chat.customer;
    let language = customer.language.as_ref().map(ToString::to_string).unwrap_or_default();
    let known = [
        ("name", &customer.name),
        ("e-mail", &customer.email),
        ("phone", &customer.phone),
        ("language", &language),
        ("location", &customer.location),
        ("browser", &customer.browser),
        ("operating system", &customer.operating_system),
        ("device", &customer.device),
    ];
    let told = known.into_iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| (key.to_owned(), value.clone()));
    told.chain(customer.attributes.iter().map(|(key, value)| (key.clone(), value.clone()))).collect()
}

fn record_text(record: &super::Record) -> String {
    let values: Vec<String> = record.values.iter().map(|(key, value)| format!("{key}: {value}")).collect();
    format!("{} {}: {}", record.source, record.reference, values.join("; "))
}

fn line(turn: &Turn) -> ChatLine {
    let author = match turn.message.author {
        Author::Customer => "customer",
        Author::Agent => "agent",
        Author::Bot => "bot",
    };
    let mut text = turn.message.text.clone();
    for attachment in &turn.message.attachments {
        text.push_str(&format!("\n[attachment: {}]", attachment.name));
    }
    ChatLine { author, name: turn.message.author_name.clone(), text }
}

fn earlier_text(EarlierChat(chat): &EarlierChat) -> String {
    let summary = &chat.summary;
    let mut text =
        format!("{} chat of {}, topic: {}", channel_word(summary.channel), summary.opened_at.strftime("%Y-%m-%d"), summary.topic);
    for turn in &chat.turns {
        let line = line(turn);
        text.push_str(&format!("\n{}: {}", line.author, line.text));
    }
    text
}

fn channel_word(channel: super::Channel) -> &'static str {
    match channel {
        super::Channel::Unknown => "earlier",
        super::Channel::WebChat => "web",
        super::Channel::Email => "e-mail",
        super::Channel::ContactForm => "contact form",
        super::Channel::Whatsapp => "WhatsApp",
        super::Channel::Messenger => "Messenger",
        super::Channel::Instagram => "Instagram",
        super::Channel::InApp => "in-app",
        super::Channel::Phone => "phone",
        super::Channel::Ticket => "ticket",
    }
}

/// The pages viewed, latest first, each once.
fn pages(chat: &Chat) -> Vec<String> {
    let mut seen = HashSet::new();
    let text = |page: &super::PageView| if page.title.is_empty() { page.url.clone() } else { format!("{} ({})", page.title, page.url) };
    chat.pages.iter().rev().map(text).filter(|page| seen.insert(page.clone())).collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::chats::{Message, Note, Record};

    fn turn(number: usize, author: Author, text: &str) -> Turn {
        let message = Message {
            author,
            author_id: String::new(),
            author_name: String::new(),
            text: text.to_owned(),
            language: None,
            attachments: Vec::new(),
        };
        Turn { event_id: format!("e{number}"), at: Timestamp::UNIX_EPOCH, message }
    }

    fn chat(messages: usize) -> Chat {
        let author = |number: usize| if number.is_multiple_of(2) { Author::Customer } else { Author::Agent };
        Chat {
            turns: (0..messages).map(|number| turn(number, author(number), &format!("message number {number}"))).collect(),
            notes: vec![Note { agent_id: String::new(), agent_name: String::new(), text: "secret".into() }],
            records: vec![Record {
                source: "order".into(),
                reference: "1".into(),
                values: [("status".to_owned(), "shipped".to_owned())].into(),
                url: String::new(),
            }],
            ..Chat::default()
        }
    }

    #[test]
    fn the_newest_messages_fit_and_the_rest_is_accounted_for() {
        let chosen = choose(&chat(101), &[], 0, false, 200);
        assert_eq!(chosen.lines.last().unwrap().text, "message number 100");
        assert_eq!(chosen.lines.len() + chosen.lines_left_out, 101);
        assert_eq!(chosen.messages_receipt.omissions, [Omission { reason: OmissionReason::Budget, count: chosen.lines_left_out }]);
        assert!(chosen.tokens <= 200);
    }

    #[test]
    fn notes_stay_out_unless_asked_for() {
        let without = choose(&chat(3), &[], 0, false, 1000);
        assert!(without.notes.is_empty());
        assert_eq!(without.notes_receipt.omissions, [Omission { reason: OmissionReason::Withheld, count: 1 }]);
        assert_eq!(choose(&chat(3), &[], 0, true, 1000).notes, ["secret"]);
    }

    #[test]
    fn the_last_burst_is_in_whatever_the_budget() {
        assert_eq!(choose(&chat(1), &[], 0, false, 1).lines.len(), 1);
    }
}
