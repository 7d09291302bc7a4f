//! The situation of a chat at a moment, as words without personal data.

use std::collections::HashSet;

use crate::{
    chats::{Author, Chat, Turn},
    facts::{MASK, masked},
    replies::masking::known_facts::{is_address, is_name},
    text::{Word, words},
};

/// Number of fields that situations are compared by.
pub const FIELDS: usize = 8;
/// Most words kept of one side's last turn, and of all its turns.
const MAX_LAST: usize = 60;
const MAX_ALL: usize = 150;

/// The words of a chat at a moment, without personal data: no numbers, addresses, names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Situation {
    pub last_customer: String,
    pub last_agent: String,
    pub before_customer: String,
    pub before_agent: String,
    pub customer: String,
    pub agent: String,
}

impl Situation {
    /// Builds a situation from the turns of a chat, stemmed for its language.
    pub fn of(chat: &Chat, turns: &[&Turn], language: &str) -> Situation {
        let names: HashSet<String> = names(chat).iter().flat_map(|name| words(name, "")).map(|word| word.folded().to_owned()).collect();
        let mut situation = Situation::default();
        // Bursts of each side, the last ones first.
        let mut bursts = [0, 0];
        let mut last_author = None;
        for turn in turns.iter().rev() {
            let side = match turn.message.author {
                Author::Customer => 0,
                Author::Agent => 1,
                Author::Bot => continue,
            };
            if last_author != Some(side) {
                bursts[side] += 1;
                last_author = Some(side);
            }
            let all = if side == 0 { &situation.customer } else { &situation.agent };
            if bursts[side] > 2 && room(all, MAX_ALL) == 0 {
                continue;
            }
            let text = bare(&turn.message.text, language, &names);
            let Situation { last_customer, last_agent, before_customer, before_agent, customer, agent } = &mut situation;
            match (side, bursts[side]) {
                (0, 1) => push(last_customer, &text, MAX_LAST),
                (1, 1) => push(last_agent, &text, MAX_LAST),
                (0, 2) => push(before_customer, &text, MAX_LAST),
                (1, 2) => push(before_agent, &text, MAX_LAST),
                _ => {}
            }
            push(if side == 0 { customer } else { agent }, &text, MAX_ALL);
        }
        situation
    }

    pub fn is_empty(&self) -> bool {
        self.customer.is_empty()
    }

    /// Serializes it for storage: one line per part.
    pub fn lines(&self) -> String {
        let Situation { last_customer, last_agent, before_customer, before_agent, customer, agent } = self;
        [last_customer, last_agent, before_customer, before_agent, customer, agent].map(String::as_str).join("\n")
    }

    /// Reads what [`Situation::lines`] wrote.
    pub fn read(lines: &str) -> Situation {
        let mut lines = lines.split('\n').map(str::to_owned);
        let mut next = || lines.next().unwrap_or_default();
        Situation {
            last_customer: next(),
            last_agent: next(),
            before_customer: next(),
            before_agent: next(),
            customer: next(),
            agent: next(),
        }
    }

    pub fn fields(&self) -> [Vec<String>; FIELDS] {
        let words = |text: &str| text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<String>>();
        let whole = |text: &str| if text.is_empty() { Vec::new() } else { vec![text.to_owned()] };
        [
            words(&self.last_customer),
            words(&self.last_agent),
            words(&self.before_customer),
            words(&self.before_agent),
            words(&self.customer),
            words(&format!("{} {}", self.customer, self.agent)),
            whole(&self.last_customer),
            whole(&self.last_agent),
        ]
    }
}

/// Returns the names that occur in a chat's data.
pub fn names(chat: &Chat) -> Vec<String> {
    let mut names = vec![chat.customer.name.clone(), chat.summary.customer_name.clone(), chat.summary.agent_name.clone()];
    names.extend(chat.turns.iter().map(|turn| turn.message.author_name.clone()));
    names.extend(chat.former.iter().map(|former| former.customer.name.clone()));
    let forms = chat.former.iter().map(|former| &former.form_answers).chain([&chat.form_answers]).flatten();
    let records = chat.former.iter().flat_map(|former| &former.records).chain(&chat.records);
    let fields = forms.chain(records.flat_map(|record| &record.values));
    names.extend(fields.filter(|(field, _)| is_name(field) || is_address(field)).map(|(_, name)| name.clone()));
    names
}

/// Returns the stems of a text's words, without masked facts, numbers, names, and words capitalised like a name.
pub fn bare(text: &str, language: &str, names: &HashSet<String>) -> String {
    let text = masked(text);
    let is_kept = |word: &Word| {
        let written = &text[word.start..word.end];
        let before = text[..word.start].trim_end_matches(|letter: char| letter.is_whitespace() || "\"'“”„(".contains(letter));
        let starts_sentence =
            before.is_empty() || before.ends_with(['.', '!', '?', ':', '…']) || text[before.len()..word.start].contains('\n');
        let capitalised = written.chars().next().is_some_and(char::is_uppercase) && written.chars().count() > 1;
        // German capitalises every noun.
        let looks_like_name = capitalised && !starts_sentence && language != "de" && !written.chars().all(char::is_uppercase);
        !looks_like_name && !written.chars().any(char::is_numeric) && !MASK.contains(written) && !names.contains(word.folded())
    };
    let found = words(&text, language);
    let stems: Vec<&str> = found.iter().filter(|word| is_kept(word)).filter_map(|word| word.keys().last()).map(String::as_str).collect();
    stems.join(" ")
}

/// Returns how many more words a field may have.
pub fn room(field: &str, limit: usize) -> usize {
    limit.saturating_sub(field.split(' ').filter(|word| !word.is_empty()).count())
}

pub fn push(field: &mut String, text: &str, limit: usize) {
    for word in text.split(' ').filter(|word| !word.is_empty()).take(room(field, limit)) {
        if !field.is_empty() {
            field.push(' ');
        }
        field.push_str(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_and_names_and_numbers_go() {
        let names: HashSet<String> = ["mira".to_owned()].into();
        assert_eq!(
            bare("Hi, my tent's zipper jammed. Please call Jonas or mira: 0171 5551234, a@b.de", "en", &names),
            "hi my tent zipper jam pleas call or"
        );
        assert_eq!(bare("Mein Zelt klemmt seit 2024", "de", &names), "mein zelt klemmt seit");
    }
}
