//! The messages that a prompt shows: the last burst, the latest as they were written, older ones by what they have of what is asked.

use std::collections::BTreeMap;

use crate::{
    chats::{
        context::{
            ChatLine, author,
            budget::{Budget, cost, cut},
            cues::Kinds,
            scan::{ScannedChat, Sentence},
        },
        event::Author,
        fold::{Chat, Turn},
    },
    text::on_one_line,
};

/// An older message longer than this is quoted in part, in tokens.
const LONG: usize = 90;
/// A part of a message shorter than this says nothing, in tokens.
const MIN_TOKENS: usize = 15;
/// What a gap before a message costs to tell, in tokens.
const GAP: usize = 8;
/// How much of a neighbour's relevance a message has: answers stand beside their questions.
const NEIGHBOUR: f32 = 0.3;
/// A message with less than this share of the best one's relevance gives way to later ones.
const RELEVANT: f32 = 0.2;

/// What stands where a part of a message is left out.
const LEFT_OUT: &str = "[…]";

/// The chosen messages of a chat.
pub struct ChosenLines<'a> {
    chat: &'a Chat,
    scan: &'a ScannedChat<'a>,
    /// By their place in the chat.
    chosen: BTreeMap<usize, String>,
}

impl<'a> ChosenLines<'a> {
    /// `scan` has read the chat's messages.
    pub fn new(chat: &'a Chat, scan: &'a ScannedChat<'a>) -> ChosenLines<'a> {
        ChosenLines { chat, scan, chosen: BTreeMap::new() }
    }

    /// Whether a message was written before the chat was given to its customer.
    fn is_of_former(&self, index: usize) -> bool {
        index < self.scan.before_customer
    }

    /// Whether a sentence may be shown: where somebody lives who is not the customer any more is not.
    fn may_show(&self, index: usize, sentence: &Sentence) -> bool {
        !self.is_of_former(index) || !sentence.kinds.has(Kinds::PLACE)
    }

    /// A message as it is shown.
    fn said(&self, index: usize) -> String {
        let turn = &self.chat.turns[index];
        let sentences = &self.scan.turns[index].sentences;
        if !self.is_of_former(index) || (!sentences.is_empty() && sentences.iter().all(|sentence| self.may_show(index, sentence))) {
            return text(turn);
        }
        let parts = sentences.iter().map(|sentence| if self.may_show(index, sentence) { sentence.text } else { LEFT_OUT });
        // One that is too old to have been read is not shown.
        if sentences.is_empty() { LEFT_OUT.to_owned() } else { parts.collect::<Vec<&str>>().join(" ") }
    }

    /// Takes the customer's last burst: its last message always, cut if it is longer than all that is left; those before it as far as
    /// the budget goes.
    pub fn take_burst(&mut self, budget: &mut Budget) {
        let turns = &self.chat.turns;
        let Some(end) = turns.iter().rposition(|turn| turn.message.author == Author::Customer) else { return };
        let last = cut(&self.said(end), budget.left());
        budget.spend(&last);
        self.chosen.insert(end, last);
        let before = turns[..end].iter().enumerate().rev().take_while(|(_, turn)| turn.message.author != Author::Agent);
        // Another one's messages are no part of it.
        let same = |index: usize| self.is_of_former(index) == self.is_of_former(end);
        let burst: Vec<usize> =
            before.filter(|(index, turn)| turn.message.author == Author::Customer && same(*index)).map(|(index, _)| index).collect();
        for index in burst {
            // One that is very long leaves room for those before it.
            let said = cut(&self.said(index), (budget.left() / 2).max(MIN_TOKENS));
            if !budget.take(&said) {
                break;
            }
            self.chosen.insert(index, said);
        }
    }

    /// Takes the latest messages that are not in yet, up to the first that does not fit.
    pub fn take_latest(&mut self, budget: &mut Budget) {
        for index in (0..self.chat.turns.len()).rev() {
            if self.chosen.contains_key(&index) {
                continue;
            }
            let mut said = self.said(index);
            if cost(&said) > budget.left() {
                // One that is very long does not keep those before it out.
                said = cut(&said, LONG);
            }
            if !budget.take(&said) {
                break;
            }
            self.chosen.insert(index, said);
        }
    }

    /// Takes the messages that have most of what is asked, whatever their age.
    pub fn take_relevant(&mut self, budget: &mut Budget) {
        let scan = self.scan;
        let own: Vec<f32> = scan.turns.iter().map(|read| scan.relevance(read)).collect();
        let for_workspace = |index: usize| own.get(index).copied().unwrap_or_default();
        let mut ranked: Vec<(f32, usize)> = (0..own.len())
            .map(|index| (own[index] + NEIGHBOUR * for_workspace(index.wrapping_sub(1)).max(for_workspace(index + 1)), index))
            .filter(|(_, index)| !self.chosen.contains_key(index))
            .collect();
        // The later of two that are alike.
        ranked.sort_by(|one, other| other.0.total_cmp(&one.0).then(other.1.cmp(&one.1)));
        let least = ranked.first().map_or(0.0, |(best, _)| best * RELEVANT);
        for (_, index) in ranked.into_iter().take_while(|(score, _)| *score > least) {
            if budget.left() < 2 * GAP {
                break;
            }
            let said = self.quoted(index);
            if cost(&said) + GAP <= budget.left() {
                budget.spend(&said);
                budget.spend_tokens(GAP);
                self.chosen.insert(index, said);
            }
        }
    }

    /// An older message: whole if it is short, else those of its sentences that have most of what is asked, with marks where it is cut.
    fn quoted(&self, index: usize) -> String {
        let (read, scan) = (&self.scan.turns[index], self.scan);
        let whole = self.said(index);
        if cost(&whole) <= LONG {
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
        let mut budget = Budget::new(LONG);
        let mut kept: Vec<usize> =
            ranked.into_iter().map(|(_, index)| index).filter(|index| budget.take(read.sentences[*index].text)).collect();
        kept.sort_unstable();
        if kept.is_empty() {
            return cut(&whole, LONG);
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

    /// How many messages are in.
    pub fn count(&self) -> usize {
        self.chosen.len()
    }

    /// The lines in their order, with what is left out between them, and each day once.
    pub fn shown(self) -> Vec<ChatLine> {
        let mut lines = Vec::with_capacity(self.chosen.len());
        let (mut next, mut day) = (0, String::new());
        for (index, text) in self.chosen {
            let turn = &self.chat.turns[index];
            let today = turn.at.strftime("%Y-%m-%d").to_string();
            lines.push(ChatLine {
                author: author(turn.message.author),
                // Who is not the customer any more is not named.
                name: match turn.message.author {
                    Author::Customer if index < self.scan.before_customer => String::new(),
                    _ => turn.message.author_name.clone(),
                },
                text,
                left_out: index - next + if lines.is_empty() { self.chat.unread } else { 0 },
                day: if today == day { String::new() } else { today.clone() },
            });
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
