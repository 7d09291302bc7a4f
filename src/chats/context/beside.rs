//! Selects what stands beside the chosen messages: the texts of their files, the customer's signature, what they quote.

use std::collections::BTreeMap;

use crate::{
    chats::{
        context::{
            ChatLine, ClassReceipt, Omission, OmissionReason,
            budget::{Budget, cut},
        },
        event::{Attachment, Author, Message},
        fold::Chat,
    },
    text::fold,
};

/// Shortest useful part of a text, and the longest of a signature, in tokens.
const MIN_TOKENS: usize = 15;
const MAX_SIGNATURE: usize = 60;
/// How many messages before it a quotation is looked for in, and how many letters tell that it is one of them.
const MAX_BEFORE: usize = 4;
const MIN_LETTERS: usize = 60;

/// The chosen texts, by the index of their message.
pub struct ChosenBeside<'a> {
    chat: &'a Chat,
    attached: BTreeMap<usize, Vec<(String, String)>>,
    signature: Option<(usize, String)>,
    quoted: BTreeMap<usize, String>,
    /// Quotations of messages that stand in the chat.
    repeated: usize,
}

impl<'a> ChosenBeside<'a> {
    pub fn new(chat: &'a Chat) -> ChosenBeside<'a> {
        ChosenBeside { chat, attached: BTreeMap::new(), signature: None, quoted: BTreeMap::new(), repeated: 0 }
    }

    /// Includes the texts of the files of these messages, the latest first. A former customer's files are not shown.
    pub fn take_attached(&mut self, messages: &[usize], budget: &mut Budget) {
        for index in self.of_customer(messages) {
            if self.attached.contains_key(&index) {
                continue;
            }
            let mut taken = Vec::new();
            for attachment in with_text(&self.chat.turns[index].message) {
                let text = cut(&attachment.text, (budget.left() / 2).max(MIN_TOKENS));
                if budget.take(&format!("{}: {text}", attachment.name)) {
                    taken.push((attachment.name.clone(), text));
                }
            }
            if !taken.is_empty() {
                self.attached.insert(index, taken);
            }
        }
    }

    /// Includes the customer's latest signature among these messages.
    pub fn take_signature(&mut self, messages: &[usize], budget: &mut Budget) {
        let turns = &self.chat.turns;
        let is_signed = |index: &usize| turns[*index].message.author == Author::Customer && !turns[*index].aside.signature.is_empty();
        if let Some(index) = self.of_customer(messages).into_iter().find(is_signed) {
            let signature = cut(&turns[index].aside.signature, MAX_SIGNATURE);
            if budget.take(&signature) {
                self.signature = Some((index, signature));
            }
        }
    }

    /// Includes what these messages quote, the latest first, unless it stands in the chat already.
    pub fn take_quoted(&mut self, messages: &[usize], budget: &mut Budget) {
        for index in self.of_customer(messages) {
            let quoted = &self.chat.turns[index].message.quoted_text;
            if quoted.is_empty() {
                continue;
            }
            if self.is_in_chat(quoted, index) {
                self.repeated += 1;
                continue;
            }
            let quoted = cut(quoted, (budget.left() / 2).max(MIN_TOKENS));
            if budget.take(&quoted) {
                self.quoted.insert(index, quoted);
            }
        }
    }

    /// Returns those of the messages that are not of a former customer, the latest first.
    fn of_customer(&self, messages: &[usize]) -> Vec<usize> {
        let mut own: Vec<usize> = messages.iter().copied().filter(|index| *index >= self.chat.turns_before_customer).collect();
        own.sort_unstable_by(|one, other| other.cmp(one));
        own
    }

    fn is_in_chat(&self, quoted: &str, index: usize) -> bool {
        let letters = |text: &str| fold(text).chars().filter(|letter| letter.is_alphanumeric()).collect::<String>();
        let quoted = letters(quoted);
        self.chat.turns[..index].iter().rev().take(MAX_BEFORE).any(|turn| {
            let written: String = letters(&turn.message.text).chars().take(MIN_LETTERS).collect();
            written.len() >= MIN_LETTERS / 2 && quoted.contains(&written)
        })
    }

    /// Puts the texts to the lines of their messages.
    pub fn put_to(&self, index: usize, line: &mut ChatLine) {
        line.attached = self.attached.get(&index).cloned().unwrap_or_default();
        line.quoted = self.quoted.get(&index).cloned().unwrap_or_default();
        line.signature = self.signature.as_ref().filter(|(of, _)| *of == index).map(|(_, signature)| signature.clone()).unwrap_or_default();
    }

    /// Returns the receipt of the texts of files.
    pub fn attached_receipt(&self) -> ClassReceipt {
        ClassReceipt::of(self.chat.beside_messages().attachments, self.attached.values().map(Vec::len).sum(), OmissionReason::Budget)
    }

    /// Returns the receipt of quotations: those of what stands in the chat are irrelevant.
    pub fn quoted_receipt(&self) -> ClassReceipt {
        let total = self.chat.beside_messages().quotations;
        let mut receipt = ClassReceipt::of(total - self.repeated, self.quoted.len(), OmissionReason::Budget);
        if self.repeated > 0 {
            receipt.total = total;
            receipt.omissions.push(Omission { reason: OmissionReason::Irrelevant, count: self.repeated });
        }
        receipt
    }

    /// Returns the receipt of signatures and legal notices: all but the customer's latest signature are irrelevant.
    pub fn signed_receipt(&self) -> ClassReceipt {
        ClassReceipt::of(self.chat.beside_messages().signatures, usize::from(self.signature.is_some()), OmissionReason::Irrelevant)
    }
}

fn with_text(message: &Message) -> impl Iterator<Item = &Attachment> {
    message.attachments.iter().filter(|attachment| !attachment.text.is_empty())
}
