//! Selects the messages of a prompt: a window of the latest as written, older ones by relevance.
//!
//! The window begins at the same message while the chat grows, so that a prompt begins as the one before did and a model's server need not
//! read that part again. It moves in steps.

use std::collections::{BTreeMap, HashSet};

use jiff::tz::TimeZone;

use crate::{
    chats::{
        context::{
            ChatLine, DAY, author,
            beside::ChosenBeside,
            budget::{Budget, cost, cut},
            cues::Kinds,
            scan::{ScannedChat, Sentence},
        },
        event::Author,
        fold::{Chat, Turn},
    },
    text::{fold, on_one_line},
};

/// Longest message that is never cut, in tokens.
const MAX_WHOLE_MESSAGE: usize = 90;
/// Of an older message that is longer than this, in tokens, its best sentences are included, if not all older messages fit: at least, and as a share
/// of the whole context.
const MAX_WHOLE_OLDER: usize = 45;
const OLDER_MESSAGE: f64 = 0.01;
/// Shortest useful part of a message, in tokens.
const MIN_TOKENS: usize = 15;
/// Cost of a day's mark before an older message, in tokens.
const DAY_MARK: usize = 3;
/// Share of a neighbour's relevance that a message inherits: answers are next to their questions.
const NEIGHBOUR: f32 = 0.1;

/// What is added to the relevance of a message that the whole context would have, had it the latest messages alone.
const NEWER: f32 = 5.0;

/// Mark of an omitted part of a message.
const LEFT_OUT: &str = "[…]";

/// Shares of the whole context: up to the first, the window has the whole chat; of a longer one it has at most the second, and begins after a
/// multiple of the third. One message has at most the fourth.
const WHOLE_CHAT: f64 = 0.55;
const WINDOW: f64 = 0.16;
const STEP: f64 = 0.04;
const MESSAGE: f64 = 0.15;

/// The chosen messages of a chat.
pub struct ChosenLines<'a> {
    chat: &'a Chat,
    scan: &'a ScannedChat<'a>,
    /// By their index in the chat.
    chosen: BTreeMap<usize, String>,
    /// Where the window begins.
    window: usize,
    /// Where the latest messages begin that alone would fill the whole context.
    newer: usize,
    /// Longest older message that is included whole, in tokens.
    longest_older: usize,
}

impl<'a> ChosenLines<'a> {
    /// Creates a selection from the chat's scanned messages.
    pub fn new(chat: &'a Chat, scan: &'a ScannedChat<'a>) -> ChosenLines<'a> {
        ChosenLines { chat, scan, chosen: BTreeMap::new(), window: chat.turns.len(), newer: 0, longest_older: MAX_WHOLE_OLDER }
    }

    /// Returns whether a message was written before the chat got its current customer.
    fn is_of_former(&self, index: usize) -> bool {
        index < self.scan.before_customer
    }

    /// Returns whether a sentence may be shown: a former customer's address may not.
    fn may_show(&self, index: usize, sentence: &Sentence) -> bool {
        !self.is_of_former(index) || !sentence.kinds.has(Kinds::PLACE)
    }

    /// Returns a message as it is shown.
    fn shown_text(&self, index: usize) -> String {
        let turn = &self.chat.turns[index];
        let sentences = &self.scan.turns[index].sentences;
        if !self.is_of_former(index) || (!sentences.is_empty() && sentences.iter().all(|sentence| self.may_show(index, sentence))) {
            return text(turn);
        }
        let parts = sentences.iter().map(|sentence| if self.may_show(index, sentence) { sentence.text } else { LEFT_OUT });
        // A message too old to have been scanned is not shown.
        if sentences.is_empty() { LEFT_OUT.to_owned() } else { parts.collect::<Vec<&str>>().join(" ") }
    }

    /// Includes the customer's last burst: its last message always, cut if it exceeds the remaining budget; those before it as far as the
    /// budget goes.
    pub fn take_burst(&mut self, budget: &mut Budget) {
        let turns = &self.chat.turns;
        let Some(end) = turns.iter().rposition(|turn| turn.message.author == Author::Customer) else { return };
        let last = cut(&self.shown_text(end), budget.left());
        budget.spend(&last);
        self.chosen.insert(end, last);
        let before = turns[..end].iter().enumerate().rev().take_while(|(_, turn)| turn.message.author != Author::Agent);
        // Another customer's messages are not part of it.
        let same = |index: usize| self.is_of_former(index) == self.is_of_former(end);
        let burst: Vec<usize> =
            before.filter(|(index, turn)| turn.message.author == Author::Customer && same(*index)).map(|(index, _)| index).collect();
        for index in burst {
            // A very long message leaves room for those before it.
            let text = cut(&self.shown_text(index), (budget.left() / 2).max(MIN_TOKENS));
            if !budget.take(&text) {
                break;
            }
            self.chosen.insert(index, text);
        }
    }

    /// Includes the window of a context of `context` tokens: every message from where it begins, as far as the budget goes.
    pub fn take_window(&mut self, context: usize, budget: &mut Budget) {
        let share = |share: f64| (context as f64 * share) as usize;
        let longest = share(MESSAGE).max(MAX_WHOLE_MESSAGE);
        self.longest_older = share(OLDER_MESSAGE).clamp(MAX_WHOLE_OLDER, MAX_WHOLE_MESSAGE);
        let shown = |index: usize| cut(&self.shown_text(index), longest);
        let texts: Vec<String> = (0..self.chat.turns.len()).map(shown).collect();
        let costs: Vec<usize> = texts.iter().map(|text| cost(text)).collect();
        let all: usize = costs.iter().sum();
        let mut left = context;
        let fits = |cost: &&usize| {
            left = left.saturating_sub(**cost);
            left > 0
        };
        self.newer = costs.len() - costs.iter().rev().take_while(fits).count();
        let before = if all <= share(WHOLE_CHAT) { 0 } else { (all - share(WINDOW)).next_multiple_of(share(STEP).max(1)) };
        let mut passed = 0;
        let reaches = |cost: &usize| {
            let reached = passed >= before;
            passed += cost;
            reached
        };
        let begins = costs.iter().position(reaches).unwrap_or(costs.len());
        for (index, text) in texts.into_iter().enumerate().skip(begins).rev() {
            self.window = index;
            if self.chosen.contains_key(&index) {
                continue;
            }
            if !budget.take(&text) {
                self.window = index + 1;
                break;
            }
            self.chosen.insert(index, text);
        }
    }

    /// Returns where the window begins.
    pub fn window(&self) -> usize {
        self.window
    }

    /// Includes the most relevant messages, whatever their age.
    pub fn take_relevant(&mut self, budget: &mut Budget) {
        let scan = self.scan;
        let newer = |index: usize| if index >= self.newer { NEWER } else { 0.0 };
        let own: Vec<f32> = (0..).zip(&scan.turns).map(|(index, read)| scan.relevance(read) + newer(index)).collect();
        let relevance_of = |index: usize| own.get(index).copied().unwrap_or_default();
        let mut ranked: Vec<(f32, usize)> = (0..own.len())
            .map(|index| (own[index] + NEIGHBOUR * relevance_of(index.wrapping_sub(1)).max(relevance_of(index + 1)), index))
            .filter(|(_, index)| *index < self.window && !self.chosen.contains_key(index))
            .collect();
        // Of two equally relevant ones, the later.
        ranked.sort_by(|one, other| other.0.total_cmp(&one.0).then(other.1.cmp(&one.1)));
        let whole: usize = ranked.iter().map(|(_, index)| cost(&self.shown_text(*index)) + DAY_MARK).sum();
        let all_fit = whole <= budget.left();
        // What was said twice is shown once.
        let mut seen: HashSet<String> = self.chosen.values().map(|text| fold(text)).collect();
        for (_, index) in ranked {
            if budget.left() < MIN_TOKENS {
                break;
            }
            let text = if all_fit { self.shown_text(index) } else { self.quoted(index) };
            if cost(&text) + DAY_MARK <= budget.left() && seen.insert(fold(&text)) {
                budget.spend(&text);
                budget.spend_tokens(DAY_MARK);
                self.chosen.insert(index, text);
            }
        }
    }

    /// Returns an older message: whole if it is short, else its most relevant sentences, with marks where it is cut.
    fn quoted(&self, index: usize) -> String {
        let (read, scan) = (&self.scan.turns[index], self.scan);
        let whole = self.shown_text(index);
        if cost(&whole) <= self.longest_older {
            return whole;
        }
        let shown = |sentence: &(usize, &Sentence)| self.may_show(index, sentence.1);
        let mut ranked: Vec<(f32, usize)> =
            (read.sentences.iter().enumerate().filter(shown)).map(|(at, sentence)| (scan.sentence_relevance(sentence), at)).collect();
        ranked.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
        let mut budget = Budget::new(self.longest_older);
        let best = ranked.first().map(|(_, at)| *at);
        let text_of = |at: usize| read.sentences[at].text;
        // The best sentence is there whatever its length, up to that of a whole message.
        let mut kept: Vec<usize> =
            ranked.into_iter().map(|(_, at)| at).filter(|at| budget.take(text_of(*at)) || Some(*at) == best).collect();
        kept.sort_unstable();
        if kept.is_empty() {
            return cut(&whole, MAX_WHOLE_MESSAGE);
        }
        let (mut quotation, mut next) = (String::new(), 0);
        for at in kept {
            if at > next {
                quotation.push_str("[…] ");
            }
            quotation.push_str(&cut(text_of(at), MAX_WHOLE_MESSAGE));
            quotation.push(' ');
            next = at + 1;
        }
        if next < read.sentences.len() { quotation + "[…]" } else { quotation.trim_end().to_owned() }
    }

    /// Shows older messages whole that are included in part, as far as the budget goes, the latest first.
    pub fn complete_older(&mut self, budget: &mut Budget) {
        let older: Vec<usize> = self.chosen.keys().copied().filter(|index| *index < self.window).collect();
        for index in older.into_iter().rev() {
            let whole = self.shown_text(index);
            let more = cost(&whole).saturating_sub(cost(&self.chosen[&index]));
            if more > 0 && more <= budget.left() {
                budget.spend_tokens(more);
                self.chosen.insert(index, whole);
            }
        }
    }

    /// Returns how many messages are included.
    pub fn count(&self) -> usize {
        self.chosen.len()
    }

    /// Returns which messages are included in part.
    pub fn cut(&self) -> impl Iterator<Item = usize> {
        self.chosen.iter().filter(|(index, text)| **text != self.shown_text(**index)).map(|(index, _)| *index)
    }

    /// Returns which messages are included.
    pub fn indices(&self) -> Vec<usize> {
        self.chosen.keys().copied().collect()
    }

    /// Returns the lines of the window and those before it, each in order with what stands beside them, the gaps between them, and each day
    /// once. Days are those of `time_zone`.
    pub fn shown(self, beside: &ChosenBeside, time_zone: &TimeZone) -> (Vec<ChatLine>, Vec<ChatLine>) {
        let (mut window, mut older) = (Vec::new(), Vec::new());
        let (mut next, mut day) = (0, String::new());
        for (index, text) in &self.chosen {
            let is_older = *index < self.window;
            if !is_older && window.is_empty() {
                (next, day) = (0, String::new());
            }
            let turn = &self.chat.turns[*index];
            let today = turn.at.to_zoned(time_zone.clone()).strftime(DAY).to_string();
            let mut line = ChatLine {
                author: author(turn.message.author),
                // A former customer is not named.
                name: match turn.message.author {
                    Author::Customer if *index < self.scan.before_customer => String::new(),
                    _ => turn.message.author_name.clone(),
                },
                text: text.clone(),
                attached: Vec::new(),
                quoted: String::new(),
                signature: String::new(),
                left_out: if is_older { 0 } else { index - next + if window.is_empty() { self.chat.unread } else { 0 } },
                day: if today == day { String::new() } else { today.clone() },
            };
            beside.put_to(*index, &mut line);
            if is_older {
                older.push(line)
            } else {
                window.push(line)
            }
            (next, day) = (index + 1, today);
        }
        (window, older)
    }
}

fn text(turn: &Turn) -> String {
    let mut text = turn.message.text.clone();
    for attachment in &turn.message.attachments {
        text.push_str(&format!("\n[attachment: {}]", on_one_line(&attachment.name)));
    }
    text
}
