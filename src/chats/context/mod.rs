//! Context selection: what a model gets of a chat within a token budget, and the receipt of that choice.
//!
//! Always included: the customer's facts, form answers, records, the topic, the customer's last burst and a window of the latest messages as
//! written. Then facts stated along the way, promises, unanswered questions; older messages by relevance to the burst; earlier chats by
//! relevance and age; pages viewed; what messages quote. Notes only on request. Selection is a pure function: the same chat, clock and budget
//! give the same context.

pub mod beside;
pub mod budget;
pub mod cues;
pub mod durable;
pub mod earlier;
pub mod lines;
pub mod roots;
pub mod scan;
pub mod standing_facts;

use std::collections::{BTreeSet, HashSet};

use jiff::{Timestamp, tz::TimeZone};

use crate::chats::{
    context::{
        beside::ChosenBeside,
        budget::{Budget, cut},
        cues::Kinds,
        lines::ChosenLines,
        scan::{RelevanceQuery, ScannedChat},
        standing_facts::{open_questions, promises, visitor_and_record_facts},
    },
    event::{Author, Record},
    fold::Chat,
    internal::Internal,
    running_summary_rows::RunningSummary,
};

/// Shares of the budget: of a class that is always included but may be long; and of what is left then, of the window of the latest messages,
/// the running summary, stated facts, promises, open questions, notes, older messages and earlier chats. The first of two is for what the burst asks for. The unused
/// part of a share goes to what comes after it.
const LONG_CLASS: f64 = 0.3;
const STATED_FACTS: [f64; 2] = [0.5, 0.08];
const PROMISES: [f64; 2] = [0.2, 0.05];
const OPEN_QUESTIONS: f64 = 0.05;
const OLDER: f64 = 0.8;
const NOTES: f64 = 0.3;
const EARLIER: f64 = 0.2;
const RUNNING_SUMMARY: f64 = 0.25;
const WINDOW: f64 = 0.6;
/// How a day is written: with its weekday.
const DAY: &str = "%A, %Y-%m-%d";
/// Longest quotation of a value or record when the budget is nearly used up, in tokens.
const QUOTATION: usize = 60;

/// Another chat of the same customer.
#[derive(Debug, Clone)]
pub struct EarlierChat(pub Chat);

/// Why something was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OmissionReason {
    /// It did not fit in the token budget.
    Budget,
    /// This text has no use for it: what is asked or written has nothing to do with it.
    Irrelevant,
    /// It may not be used: a note, unless the call allows notes.
    Withheld,
}

/// How many were left out for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Omission {
    /// Why they were left out.
    pub reason: OmissionReason,
    /// How many items: messages, records, notes, … as the class counts them.
    pub count: usize,
}

/// One class of a receipt: `used` and the omissions add up to `total`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClassReceipt {
    /// How many items there are.
    pub total: usize,
    /// How many of them are in the context, whole or in part.
    pub used: usize,
    /// What was left out, one entry a reason; empty if nothing was.
    pub omissions: Vec<Omission>,
}

impl ClassReceipt {
    /// Returns the receipt of `total` items of which `used` were used and the rest was omitted for `reason`.
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
    /// The writer's name as the customer sees it; empty if unknown.
    pub name: String,
    /// The message as written, or parts of it with marks where it is cut.
    pub text: String,
    /// The texts of its files, each with the file's name.
    pub attached: Vec<(String, String)>,
    /// What it quotes of earlier messages: not what its author says.
    pub quoted: String,
    /// The customer's signature under it; empty but for the latest.
    pub signature: String,
    /// How many messages before it are left out.
    pub left_out: usize,
    /// The day with its weekday, such as `Friday, 2026-11-20`, on the first line of each.
    pub day: String,
}

/// A record of the shop's systems, with those of its fields that fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenRecord {
    /// What it is of and which one, such as `order KE-204815`.
    pub title: String,
    /// Its fields with their values, such as `status` and `shipped`.
    pub values: Vec<(String, String)>,
}

/// The chosen context, and its receipt.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChosenContext {
    /// What is known of the customer and the chat, as names with values.
    pub facts: Vec<(String, String)>,
    /// The customer's answers before the chat, as questions with answers.
    pub form_answers: Vec<(String, String)>,
    /// The shop's records, oldest first.
    pub records: Vec<ChosenRecord>,
    /// The pages that the customer saw, a line each.
    pub pages: Vec<String>,
    /// The latest messages without a gap between them, oldest first. Only the first can have messages left out before it.
    pub lines: Vec<ChatLine>,
    /// Messages from before those, by relevance, oldest first.
    pub older_lines: Vec<ChatLine>,
    /// Where in the chat the window of its latest messages begins: what older messages say is chosen, or left out.
    pub window_start: usize,
    /// Statements of the chat's running summary.
    pub running_summary: Vec<String>,
    /// How many messages they cover; 0 if there are none.
    pub summarized_messages: usize,
    /// The whole texts of messages of which a part is shown: a part of an address is not known as one, but by the whole.
    pub excerpted: Vec<String>,
    /// Sentences with numbers, addresses and contact details, with who wrote them.
    pub stated_facts: Vec<String>,
    /// The shop's promises, with the day and who made them.
    pub promises: Vec<String>,
    /// Questions of the customer that were put off.
    pub open_questions: Vec<String>,
    /// Each earlier chat as lines; what was written in it may have line breaks of its own.
    pub earlier: Vec<Vec<String>>,
    /// The chosen internal notes; empty unless the call allows notes.
    pub notes: Vec<Internal>,
    /// The account of the chat's messages.
    pub messages_receipt: ClassReceipt,
    /// The account of the shop's records.
    pub records_receipt: ClassReceipt,
    /// The account of the internal notes.
    pub notes_receipt: ClassReceipt,
    /// The account of the customer's facts and the pages they saw.
    pub visitor_receipt: ClassReceipt,
    /// The account of the form's answers.
    pub form_receipt: ClassReceipt,
    /// The account of the customer's other chats.
    pub earlier_receipt: ClassReceipt,
    /// The account of the texts of files.
    pub attached_receipt: ClassReceipt,
    /// The account of what messages quote.
    pub quoted_receipt: ClassReceipt,
    /// The account of signatures and legal notices.
    pub signed_receipt: ClassReceipt,
    /// Tokens that were spent, as [`crate::text::estimate_tokens`] counts them; a message of the burst can exceed the budget.
    pub tokens: usize,
}

/// The inputs of context selection.
#[derive(Clone, Copy)]
pub struct Choice<'a> {
    /// The chat that is answered.
    pub chat: &'a Chat,
    /// The customer's other chats that were read, newest opened first.
    pub earlier: &'a [EarlierChat],
    /// How many other chats there are.
    pub earlier_total: usize,
    /// The primary subtag of the language that the customer writes.
    pub language: &'a str,
    /// Whether internal notes may be chosen; else each is withheld.
    pub use_notes: bool,
    /// Tokens for what is chosen here, as [`crate::text::estimate_tokens`] counts them.
    pub budget: usize,
    /// Tokens of the whole context, with what stands beside the chat. The window of the latest messages goes by them, so that it does not move
    /// with what else a prompt has.
    pub context: usize,
    /// The time of the call, from which the age of earlier chats is reckoned.
    pub now: Timestamp,
    /// The time zone of the days.
    pub time_zone: &'a TimeZone,
    /// For each message how near it is in meaning to the last burst, 0 and more; empty if that is not known.
    pub nearness: &'a [f32],
    /// What a model wrote of the chat's older messages, if it has.
    pub running_summary: Option<&'a RunningSummary>,
}

/// Chooses the context that fits the budget.
pub fn choose(choice: Choice<'_>) -> ChosenContext {
    let Choice { chat, earlier, earlier_total, language, use_notes, budget: tokens, context, now, time_zone, nearness, running_summary } =
        choice;
    let burst = chat.last_burst_text();
    let query = RelevanceQuery::new(if burst.is_empty() { &chat.summary.subject } else { &burst }, language);
    let scan = ScannedChat::new(&chat.turns, chat.turns_before_customer, &query).with_nearness(nearness);
    let mut budget = Budget::new(tokens);
    let part = |share: f64| (tokens as f64 * share) as usize;
    let of_left = |budget: &Budget, share: f64| (budget.left() as f64 * share) as usize;
    let mut chosen = ChosenContext::default();

    let (facts, form) = (visitor_facts(chat), pairs(chat.form_answers.iter()));
    budget.share(part(LONG_CLASS), |budget| {
        chosen.facts = fitting_pairs(&facts, budget);
        chosen.form_answers = fitting_pairs(&form, budget);
    });
    let mut lines = ChosenLines::new(chat, &scan);
    budget.share(part(LONG_CLASS), |budget| lines.take_burst(budget));
    let mut beside = ChosenBeside::new(chat);
    budget.share(part(LONG_CLASS), |budget| beside.take_attached(&lines.indices(), budget));
    chosen.records = budget.share(part(LONG_CLASS), |budget| fitting_records(&chat.records, budget));
    budget.share(of_left(&budget, WINDOW), |budget| lines.take_window(context, budget));
    chosen.window_start = lines.window();
    let mut excerpted = BTreeSet::new();
    if let Some(summary) = running_summary.filter(|_| chosen.window_start > 0) {
        budget.share(of_left(&budget, RUNNING_SUMMARY), |budget| {
            chosen.running_summary = summary.text.lines().filter(|line| budget.take(line)).map(str::to_owned).collect();
        });
        excerpted.extend(scan.turns.iter().enumerate().filter(|(_, read)| read.kinds.has(Kinds::PLACE)).map(|(index, _)| index));
        chosen.summarized_messages = if chosen.running_summary.is_empty() { 0 } else { summary.messages };
    }
    let stated = of_left(&budget, query.share(STATED_FACTS, Kinds::CODE | Kinds::PLACE | Kinds::CONTACT | Kinds::DAY));
    chosen.stated_facts = budget.share(stated, |budget| visitor_and_record_facts(&scan, lines.window(), &mut excerpted, budget));
    let promised = of_left(&budget, query.share(PROMISES, Kinds::PROMISE | Kinds::DAY));
    chosen.promises = budget.share(promised, |budget| promises(&scan, time_zone, &mut excerpted, budget));
    chosen.open_questions = budget.share(of_left(&budget, OPEN_QUESTIONS), |budget| open_questions(&scan, budget));
    if use_notes {
        let notes: Vec<String> = chat.notes.iter().rev().map(|note| note.text.for_agents().to_owned()).collect();
        chosen.notes =
            budget.share(of_left(&budget, NOTES), |budget| fitting_latest(&notes, budget)).into_iter().map(Internal::new).collect();
    }
    budget.share(of_left(&budget, OLDER), |budget| lines.take_relevant(budget));
    chosen.earlier = budget.share(of_left(&budget, EARLIER), |budget| earlier::choose(earlier, &query, now, budget));
    lines.take_relevant(&mut budget);
    lines.complete_older(&mut budget);
    let pages = pages(chat);
    chosen.pages = pages.iter().filter(|page| budget.take(page)).cloned().collect();
    beside.take_attached(&lines.indices(), &mut budget);
    beside.take_signature(&lines.indices(), &mut budget);
    beside.take_quoted(&lines.indices(), &mut budget);

    let of = |total: usize, used: usize| ClassReceipt::of(total, used, OmissionReason::Budget);
    excerpted.extend(lines.cut());
    chosen.excerpted = excerpted.into_iter().map(|index| chat.turns[index].message.text.clone()).collect();
    chosen.messages_receipt = of(chat.messages(), lines.count());
    (chosen.lines, chosen.older_lines) = lines.shown(&beside, time_zone);
    (chosen.attached_receipt, chosen.quoted_receipt) = (beside.attached_receipt(), beside.quoted_receipt());
    chosen.signed_receipt = beside.signed_receipt();
    chosen.records_receipt = of(chat.records.len(), chosen.records.len());
    let notes_reason = if use_notes { OmissionReason::Budget } else { OmissionReason::Withheld };
    chosen.notes_receipt = ClassReceipt::of(chat.notes.len(), chosen.notes.len(), notes_reason);
    chosen.visitor_receipt = of(facts.len() + pages.len(), chosen.facts.len() + chosen.pages.len());
    chosen.form_receipt = of(form.len(), chosen.form_answers.len());
    chosen.earlier_receipt = of(earlier_total, chosen.earlier.len());
    chosen.tokens = budget.used();
    chosen
}

fn author(author: Author) -> &'static str {
    match author {
        Author::Customer => "customer",
        Author::Agent => "agent",
        Author::Bot => "bot",
    }
}

/// Returns the pairs that fit, each value cut to the remaining budget.
fn fitting_pairs(pairs: &[(String, String)], budget: &mut Budget) -> Vec<(String, String)> {
    let mut fitting = Vec::new();
    for (key, value) in pairs {
        let value = cut(value, (budget.left() / 2).max(QUOTATION));
        if budget.take(&format!("{key}: {value}")) {
            fitting.push((key.clone(), value));
        }
    }
    fitting
}

/// Returns those of the texts, which are latest first, that fit, each cut to the remaining budget, in chronological order.
fn fitting_latest(texts: &[String], budget: &mut Budget) -> Vec<String> {
    let mut fitting = Vec::new();
    for text in texts {
        let text = cut(text, (budget.left() / 2).max(QUOTATION));
        if budget.take(&text) {
            fitting.push(text);
        }
    }
    fitting.reverse();
    fitting
}

fn pairs<'a>(pairs: impl Iterator<Item = (&'a String, &'a String)>) -> Vec<(String, String)> {
    pairs.map(|(key, value)| (key.clone(), value.clone())).collect()
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
    let reported = known.into_iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| (key.to_owned(), value.clone()));
    reported.chain(pairs(customer.attributes.iter())).collect()
}

/// Returns the latest records that fit, in chronological order.
fn fitting_records(records: &[Record], budget: &mut Budget) -> Vec<ChosenRecord> {
    let mut fitting = Vec::new();
    for record in records.iter().rev() {
        let title = format!("{} {}", record.source, record.reference);
        if budget.take(&title) {
            let values: Vec<(String, String)> = pairs(record.values.iter());
            fitting.push(ChosenRecord { title, values: fitting_pairs(&values, budget) });
        }
    }
    fitting.reverse();
    fitting
}

/// Returns the pages viewed, latest first, each once.
fn pages(chat: &Chat) -> Vec<String> {
    let mut seen = HashSet::new();
    let text = |page: &crate::chats::event::PageView| {
        if page.title.is_empty() { page.url.clone() } else { format!("{} ({})", page.title, page.url) }
    };
    chat.pages.iter().rev().map(text).filter(|page| seen.insert(page.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chats::{
        event::{Message, Note},
        fold::Turn,
        mail::Aside,
    };

    static UTC: TimeZone = TimeZone::UTC;

    fn turn(number: usize, author: Author, text: &str) -> Turn {
        let message = Message {
            author,
            author_id: String::new(),
            author_name: String::new(),
            text: text.to_owned(),
            language: None,
            attachments: Vec::new(),
            quoted_text: String::new(),
        };
        Turn { event_id: format!("e{number}"), at: Timestamp::UNIX_EPOCH, message, aside: Aside::default() }
    }

    /// A chat of small talk about towels.
    fn chat(messages: usize) -> Chat {
        let author = |number: usize| if number.is_multiple_of(2) { Author::Customer } else { Author::Agent };
        let text = |number: usize| format!("message {number}: the towels are soft and the colours are bright, everybody likes them");
        Chat { turns: (0..messages).map(|number| turn(number, author(number), &text(number))).collect(), ..Chat::default() }
    }

    fn choice(chat: &Chat, budget: usize) -> Choice<'_> {
        Choice {
            chat,
            earlier: &[],
            earlier_total: 0,
            language: "en",
            use_notes: false,
            budget,
            context: budget,
            now: Timestamp::UNIX_EPOCH,
            time_zone: &UTC,
            nearness: &[],
            running_summary: None,
        }
    }

    #[test]
    fn what_does_not_fit_is_in_the_receipt() {
        let chat = chat(101);
        let chosen = choose(choice(&chat, 600));
        let receipt = &chosen.messages_receipt;
        assert_eq!(receipt.total, 101);
        assert_eq!(receipt.used, chosen.lines.len() + chosen.older_lines.len());
        assert_eq!(receipt.omissions[0].count, 101 - receipt.used);
        assert_eq!(chosen.lines.iter().map(|line| line.left_out).sum::<usize>(), 101 - chosen.lines.len());
        assert!(chosen.lines.last().unwrap().text.contains("message 100"));
        assert!(chosen.tokens <= 600, "{}", chosen.tokens);
        assert_eq!(chosen, choose(choice(&chat, 600)), "the same chat, clock and budget give the same context");
    }

    #[test]
    fn an_old_fact_that_is_asked_for_is_in() {
        for (fact, author, question) in [
            ("By the way, my order number is KE-204815.", Author::Customer, "has my order been shipped?"),
            ("I have moved: please send it to 14 Rose Lane, Bath.", Author::Customer, "did you change the address?"),
            ("We will refund you 49.90 EUR by 12 December.", Author::Agent, "when do I get my money back?"),
        ] {
            let mut chat = chat(1001);
            chat.turns[37] = turn(37, author, fact);
            chat.turns[1000].message.text = question.to_owned();
            let chosen = choose(choice(&chat, 800));
            assert!(chosen.older_lines.iter().any(|line| line.text == fact), "{fact}");
        }
    }

    #[test]
    fn what_a_customer_wished_for_in_a_question_is_in() {
        for (wish, question) in [
            ("Could the driver leave it with my neighbour, please?", "Where will the parcel be if I'm out?"),
            ("Could you wrap it in plain paper for my sister, without a bow?", "How is the gift going to look?"),
        ] {
            let mut chat = chat(1001);
            chat.turns[38] = turn(38, Author::Customer, wish);
            chat.turns[1000].message.text = question.to_owned();
            let chosen = choose(choice(&chat, 800));
            assert!(chosen.older_lines.iter().any(|line| line.text == wish), "{wish}");
        }
    }

    #[test]
    fn a_promise_stands_until_it_is_kept() {
        let mut chat = chat(301);
        chat.turns[11] = turn(11, Author::Agent, "I am sorry. We will send the missing towel on Friday. Have a nice day!");
        let chosen = choose(choice(&chat, 800));
        assert_eq!(chosen.promises, ["Thursday, 1970-01-01, agent: We will send the missing towel on Friday."]);
    }

    #[test]
    fn a_question_that_was_put_off_is_open() {
        let mut chat = chat(301);
        chat.turns[20] = turn(20, Author::Customer, "Nice. Does the green one come in XL?");
        chat.turns[21] = turn(21, Author::Agent, "Let me check with the warehouse.");
        assert_eq!(choose(choice(&chat, 800)).open_questions, ["Does the green one come in XL?"]);
    }

    #[test]
    fn a_long_message_is_cut_with_a_mark() {
        let mut chat = chat(3);
        chat.turns[2].message.text = "a very long complaint ".repeat(2000);
        let chosen = choose(choice(&chat, 1000));
        assert!(chosen.lines.last().unwrap().text.contains("characters left out"));
        assert!(chosen.tokens <= 1000, "{}", chosen.tokens);
    }

    #[test]
    fn notes_are_withheld_unless_asked_for() {
        let mut chat = chat(1);
        chat.notes.push(Note { agent_id: String::new(), agent_name: String::new(), text: Internal::new("internal".into()) });
        let withheld = choose(choice(&chat, 8000));
        assert!(withheld.notes.is_empty());
        assert_eq!(withheld.notes_receipt.omissions, [Omission { reason: OmissionReason::Withheld, count: 1 }]);
        assert_eq!(choose(Choice { use_notes: true, ..choice(&chat, 8000) }).notes, [Internal::new("internal".into())]);
    }

    #[test]
    fn records_have_their_fields() {
        let mut chat = chat(1);
        let values = [("status".to_owned(), "shipped".to_owned())].into();
        chat.records.push(Record { source: "order".into(), reference: "KE-1".into(), values, url: String::new() });
        let expected = ChosenRecord { title: "order KE-1".into(), values: vec![("status".into(), "shipped".into())] };
        assert_eq!(choose(choice(&chat, 8000)).records, [expected]);
    }
}
