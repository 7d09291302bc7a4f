//! Selects the messages of a prompt: the last burst, the latest as written, older ones by relevance.

use std::collections::BTreeMap;

use crate::{
    chats::{
        context::{
            ChatLine, author,
            beside::ChosenBeside,
            budget::{Budget, cost, cut},
            cues::Kinds,
            scan::{ScannedChat, Sentence},
        },
        event::Author,
        fold::{Chat, Turn},
    },
    text::on_one_line,
};

/// Longest older message that is included whole, in tokens.
const MAX_WHOLE_MESSAGE: usize = 90;
/// Shortest useful part of a message, in tokens.
const MIN_TOKENS: usize = 15;
/// Cost of marking a gap before a message, in tokens.
const GAP: usize = 8;
/// Share of a neighbour's relevance that a message inherits: answers are next to their questions.
const NEIGHBOUR: f32 = 0.3;
/// Least relevance of a message, as a share of the best one's; below it, later messages are preferred.
const MIN_RELEVANCE: f32 = 0.2;

/// Mark of an omitted part of a message.
const LEFT_OUT: &str = "[…]";

/// The chosen messages of a chat.
pub struct ChosenLines<'a> {
    chat: &'a Chat,
    scan: &'a ScannedChat<'a>,
    /// By their index in the chat.
    chosen: BTreeMap<usize, String>,
}

impl<'a> ChosenLines<'a> {
    /// Creates a selection from the chat's scanned messages.
    pub fn new(chat: &'a Chat, scan: &'a ScannedChat<'a>) -> ChosenLines<'a> {
        ChosenLines { chat, scan, chosen: BTreeMap::new() }
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

    /// Includes the latest messages not included yet, up to the first that does not fit.
    pub fn take_latest(&mut self, budget: &mut Budget) {
        for index in (0..self.chat.turns.len()).rev() {
            if self.chosen.contains_key(&index) {
                continue;
            }
            let mut text = self.shown_text(index);
            if cost(&text) > budget.left() {
                // A very long message does not crowd out those before it.
                text = cut(&text, MAX_WHOLE_MESSAGE);
            }
            if !budget.take(&text) {
                break;
            }
            self.chosen.insert(index, text);
        }
    }

    /// Includes the most relevant messages, whatever their age.
    pub fn take_relevant(&mut self, budget: &mut Budget) {
        let scan = self.scan;
        let own: Vec<f32> = scan.turns.iter().map(|read| scan.relevance(read)).collect();
        let for_workspace = |index: usize| own.get(index).copied().unwrap_or_default();
        let mut ranked: Vec<(f32, usize)> = (0..own.len())
            .map(|index| (own[index] + NEIGHBOUR * for_workspace(index.wrapping_sub(1)).max(for_workspace(index + 1)), index))
            .filter(|(_, index)| !self.chosen.contains_key(index))
            .collect();
        // Of two equally relevant ones, the later.
        ranked.sort_by(|one, other| other.0.total_cmp(&one.0).then(other.1.cmp(&one.1)));
        let min_relevance = ranked.first().map_or(0.0, |(best, _)| best * MIN_RELEVANCE);
        for (_, index) in ranked.into_iter().take_while(|(score, _)| *score > min_relevance) {
            if budget.left() < 2 * GAP {
                break;
            }
            let text = self.quoted(index);
            if cost(&text) + GAP <= budget.left() {
                budget.spend(&text);
                budget.spend_tokens(GAP);
                self.chosen.insert(index, text);
            }
        }
    }

    /// Returns an older message: whole if it is short, else its most relevant sentences, with marks where it is cut.
    fn quoted(&self, index: usize) -> String {
        let (read, scan) = (&self.scan.turns[index], self.scan);
        let whole = self.shown_text(index);
        if cost(&whole) <= MAX_WHOLE_MESSAGE {
            return whole;
        }
        let mut ranked: Vec<(f32, usize)> = read
            .sentences
            .iter()
            .enumerate()
            .filter(|(_, sentence)| self.may_show(index, sentence))
            .map(|(at, sentence)| (scan.sentence_relevance(sentence), at))
            .collect();
        ranked.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
        let mut budget = Budget::new(MAX_WHOLE_MESSAGE);
        let mut kept: Vec<usize> =
            ranked.into_iter().map(|(_, index)| index).filter(|index| budget.take(read.sentences[*index].text)).collect();
        kept.sort_unstable();
        if kept.is_empty() {
            return cut(&whole, MAX_WHOLE_MESSAGE);
        }
        let mut quotation = String::new();
        let mut next = 0;
        for index in kept {
            if index > next {
                quotation.push_str("[…] ");
            }
            quotation.push_str(read.sentences[index].text);
            quotation.push(' ');
            next = index + 1;
        }
        if next < read.sentences.len() { quotation + "[…]" } else { quotation.trim_end().to_owned() }
    }

    /// Returns how many messages are included.
    pub fn count(&self) -> usize {
        self.chosen.len()
    }

    /// Returns which messages are included.
    pub fn indices(&self) -> Vec<usize> {
        self.chosen.keys().copied().collect()
    }

    /// Returns the lines in order, with what stands beside them, the gaps between them, and each day once.
    pub fn shown(self, beside: &ChosenBeside) -> Vec<ChatLine> {
        let mut lines = Vec::with_capacity(self.chosen.len());
        let (mut next, mut day) = (0, String::new());
        for (index, text) in self.chosen {
            let turn = &self.chat.turns[index];
            let today = turn.at.strftime("%Y-%m-%d").to_string();
            let mut line = ChatLine {
                author: author(turn.message.author),
                // A former customer is not named.
                name: match turn.message.author {
                    Author::Customer if index < self.scan.before_customer => String::new(),
                    _ => turn.message.author_name.clone(),
                },
                text,
                attached: Vec::new(),
                quoted: String::new(),
                signature: String::new(),
                left_out: index - next + if lines.is_empty() { self.chat.unread } else { 0 },
                day: if today == day { String::new() } else { today.clone() },
            };
            beside.put_to(index, &mut line);
            lines.push(line);
            (next, day) = (index + 1, today);
        }
        lines
    }
}

fn text(turn: &Turn) -> String {
    let mut text = turn.message.text.clone();
    for attachment in &turn.message.attachments {
        text.push_str(&format!("\n[attachment: {}]", on_one_line(&attachment.name)));
    }
    text
}
