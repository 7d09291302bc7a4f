//! The messages that a prompt shows: the last burst, the latest as they were written, older ones by what they have of what is asked.

use std::collections::BTreeMap;

use super::{
    Budget, ChatLine, author,
    budget::{cost, cut},
    scan::{Read, Scan},
};
use crate::{
    chats::{Author, Chat, Turn},
    text::on_one_line,
};

/// An older message longer than this is quoted in part, in tokens.
const LONG: usize = 90;
/// A part of a message shorter than this says nothing, in tokens.
const LEAST: usize = 15;
/// What a gap before a message costs to tell, in tokens.
const GAP: usize = 8;
/// How much of a neighbour's relevance a message has: answers stand beside their questions.
const NEIGHBOUR: f32 = 0.3;
/// A message with less than this share of the best one's relevance gives way to later ones.
const RELEVANT: f32 = 0.2;

/// The chosen messages of a chat.
pub struct Lines<'a> {
    chat: &'a Chat,
    /// By their place in the chat.
    chosen: BTreeMap<usize, String>,
}

impl<'a> Lines<'a> {
    pub fn new(chat: &'a Chat) -> Lines<'a> {
        Lines { chat, chosen: BTreeMap::new() }
    }

    /// Takes the customer's last burst: its last message always, cut if it is longer than all that is left; those before it as far as
    /// the budget goes.
    pub fn take_burst(&mut self, budget: &mut Budget) {
        let turns = &self.chat.turns;
        let Some(end) = turns.iter().rposition(|turn| turn.message.author == Author::Customer) else { return };
        let last = cut(&text(&turns[end]), budget.left());
        budget.spend(&last);
        self.chosen.insert(end, last);
        let before = turns[..end].iter().enumerate().rev().take_while(|(_, turn)| turn.message.author != Author::Agent);
        for (index, turn) in before.filter(|(_, turn)| turn.message.author == Author::Customer) {
            // One that is very long leaves room for those before it.
            let said = cut(&text(turn), (budget.left() / 2).max(LEAST));
            if !budget.take(&said) {
                break;
            }
            self.chosen.insert(index, said);
        }
    }

    /// Takes the latest messages that are not in yet, up to the first that does not fit.
    pub fn take_latest(&mut self, budget: &mut Budget) {
        for (index, turn) in self.chat.turns.iter().enumerate().rev() {
            if self.chosen.contains_key(&index) {
                continue;
            }
            let mut said = text(turn);
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
    pub fn take_relevant(&mut self, scan: &Scan, budget: &mut Budget) {
        let own: Vec<f32> = scan.turns.iter().map(|read| scan.relevance(read)).collect();
        let beside = |index: usize| own.get(index).copied().unwrap_or_default();
        let mut ranked: Vec<(f32, usize)> = (0..own.len())
            .map(|index| (own[index] + NEIGHBOUR * beside(index.wrapping_sub(1)).max(beside(index + 1)), index))
            .filter(|(_, index)| !self.chosen.contains_key(index))
            .collect();
        // The later of two that are alike.
        ranked.sort_by(|one, other| other.0.total_cmp(&one.0).then(other.1.cmp(&one.1)));
        let least = ranked.first().map_or(0.0, |(best, _)| best * RELEVANT);
        for (_, index) in ranked.into_iter().take_while(|(score, _)| *score > least) {
            if budget.left() < 2 * GAP {
                break;
            }
            let said = quoted(&scan.turns[index], scan);
            if cost(&said) + GAP <= budget.left() {
                budget.spend(&said);
                budget.spend_tokens(GAP);
                self.chosen.insert(index, said);
            }
        }
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
                name: turn.message.author_name.clone(),
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

/// An older message: whole if it is short, else those of its sentences that have most of what is asked, with marks where it is cut.
fn quoted(read: &Read, scan: &Scan) -> String {
    let whole = text(read.turn);
    if cost(&whole) <= LONG {
        return whole;
    }
    let mut ranked: Vec<(f32, usize)> =
        read.sentences.iter().enumerate().map(|(index, sentence)| (scan.sentence_relevance(sentence), index)).collect();
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
