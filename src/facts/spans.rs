//! Where facts begin and end.

use crate::{
    facts::{
        FactKind,
        addresses::written_address,
        checksums::{iban_length, is_iban},
        dates::date_at,
        known::Known,
        number_labels::label_before,
        numbers::{amount_at, may_begin_sign, number_end},
        people::is_caseless,
        times::time_at,
    },
    lexicon::{topics::Topic, words_of_any},
    text::fold,
};

/// Longest host, address or file name, in bytes.
pub const MAX_NAME: usize = 320;
/// Longest placeholder, code span, tag.
const MAX_PLACEHOLDER: usize = 60;
const MAX_SNIPPET: usize = 2000;
/// Most characters between two groups of a bank account's number.
const MAX_APART: usize = 4;
const MAX_TAG: usize = 2000;
/// From how many digits a number without anything else is a code, and with dashes in it.
const LONG_NUMBER: usize = 5;
const LONG_DASHED: usize = 7;
/// Letters that stand for a unit where they follow digits: signs of the SI and the like, the same in every language.
const UNITS: [&str; 30] = [
    "KG", "G", "MG", "CM", "MM", "M", "KM", "L", "ML", "W", "KW", "V", "A", "MAH", "GB", "MB", "TB", "KB", "HZ", "GHZ", "MHZ", "XL", "X",
    "K", "D", "H", "PM", "AM", "P", "MP",
];

pub enum Step {
    Fact {
        kind: FactKind,
        end: usize,
        becomes: Option<String>,
    },
    /// Nothing begins here; what was read ends there.
    Past(usize),
}

/// A text, and what is looked for in it.
pub struct FactScanner<'a, W> {
    pub text: &'a str,
    pub known: &'a Known,
    pub wanted: W,
}

/// Fewest letters of a code of capitals alone, and how far before it a word may say that it is one, in bytes.
const MIN_COUPON: usize = 4;
const BESIDE_COUPON: usize = 24;

impl<W: Fn(FactKind) -> bool> FactScanner<'_, W> {
    /// What begins with a letter; `before` stands before it.
    pub fn at(&self, at: usize, letter: char, before: Option<char>) -> Step {
        let begins = !before.is_some_and(|before| before.is_alphanumeric() || before == '_');
        self.fact(at, letter, begins).unwrap_or_else(|| Step::Past(self.past(at, letter)))
    }

    fn fact(&self, at: usize, letter: char, begins: bool) -> Option<Step> {
        let amount = || amount_at(self.text, at);
        match letter {
            '`' => self.of(FactKind::Snippet, at, || self.snippet(at)),
            '<' => self.of(FactKind::Snippet, at, || self.tag(at)),
            '{' | '[' | '%' | '$' => {
                self.of(FactKind::Placeholder, at, || self.placeholder(at)).or_else(|| self.of(FactKind::Amount, at, amount))
            }
            '@' if begins => self.of(FactKind::Handle, at, || self.handle(at)),
            '#' => self.of(FactKind::Code, at, || self.code(at)).or_else(|| self.of(FactKind::Handle, at, || self.handle(at))),
            '⟦' => self.of(FactKind::Code, at, || Some(self.brackets(at))),
            '+' | '(' | '0'..='9' => self.number(at, begins),
            _ if letter.is_alphabetic() => self.word(at, letter, begins),
            _ if letter.is_ascii() || letter.is_whitespace() => None,
            _ => self.of(FactKind::Amount, at, amount),
        }
    }

    /// A fact of a kind, if it is wanted and its end is found.
    pub fn of(&self, kind: FactKind, at: usize, end: impl FnOnce() -> Option<usize>) -> Option<Step> {
        if !(self.wanted)(kind) {
            return None;
        }
        end().filter(|end| *end > at).map(|end| Step::Fact { kind, end, becomes: None })
    }

    /// What begins with a letter, at a word's beginning or inside of one.
    fn word(&self, at: usize, letter: char, begins: bool) -> Option<Step> {
        if !begins {
            let known = if is_caseless(letter) { self.known(at) } else { None };
            return known.or_else(|| self.of(FactKind::Iban, at, || self.iban(at)));
        }
        let token = self.token(at);
        // What is known is known for certain: but a link that begins with a name is a link.
        let identifier = || self.identifier(at, || label_before(self.text, at));
        let found = self.address(at, token).or_else(|| self.known(at)).or_else(|| self.of(FactKind::Iban, at, || self.iban(at)));
        let found = found.or_else(|| if letter.is_ascii_uppercase() { identifier() } else { None });
        if found.is_some() {
            return found;
        }
        if let Some((_, end)) = date_at(self.text, at) {
            return Some(Step::Past(end));
        }
        let amount = if may_begin_sign(letter) { self.of(FactKind::Amount, at, || amount_at(self.text, at)) } else { None };
        let digits = token.bytes().any(|byte| byte.is_ascii_digit());
        amount.or_else(|| {
            if digits { self.of(FactKind::Code, at, || self.code(at)) } else { self.of(FactKind::Code, at, || self.coupon(at, token)) }
        })
    }

    /// A code of capitals alone, where a word beside it says that it is one: `with the code WELCOME`, `NYARIAKCIO kuponnal`.
    fn coupon(&self, at: usize, token: &str) -> Option<usize> {
        let inside = token.trim_end_matches(|letter: char| !letter.is_ascii_uppercase());
        let length = token.find(|letter: char| !letter.is_ascii_uppercase() && letter != '-' && letter != '_').unwrap_or(token.len());
        let code = &token[..length.min(inside.len())];
        let ends = !token[code.len()..].starts_with(|next: char| next.is_alphanumeric());
        if code.len() < MIN_COUPON || !ends {
            return None;
        }
        let mut from = at.saturating_sub(BESIDE_COUPON);
        while !self.text.is_char_boundary(from) {
            from -= 1;
        }
        let is_coupon_word = |text: &str| {
            text.split(|letter: char| !letter.is_alphabetic()).any(|word| words_of_any().beginning(&fold(word)).has(Topic::Coupon))
        };
        let after = self.near(at + code.len());
        let next = after.trim_start_matches([' ', '\'', '’']).split(' ').next().unwrap_or_default();
        (is_coupon_word(&self.text[from..at]) || is_coupon_word(next)).then_some(at + code.len())
    }

    /// Up to the next white space, within a bound.
    pub fn token(&self, at: usize) -> &str {
        let rest = self.near(at);
        &rest[..rest.find(char::is_whitespace).unwrap_or(rest.len())]
    }

    /// What follows, as far as one name reaches: a text without spaces is not read anew from each of its points.
    pub fn near(&self, at: usize) -> &str {
        let rest = &self.text[at..];
        let mut end = rest.len().min(MAX_NAME);
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        &rest[..end]
    }

    /// A link, an e-mail address or a file: each has a point, a colon or an at sign.
    pub fn address(&self, at: usize, token: &str) -> Option<Step> {
        let marked = token.bytes().any(|byte| matches!(byte, b'.' | b':' | b'@')) || token.contains(['。', '｡', '(', '[']);
        if !marked && !self.at_sign_follows(at + token.len()) {
            return None;
        }
        self.of(FactKind::Link, at, || self.link(at))
            .or_else(|| self.of(FactKind::Email, at, || self.email(at)))
            .or_else(|| self.of(FactKind::File, at, || self.file(at)))
    }

    /// What the chat knows, or an address that the text writes out; what is known to be nobody's is passed over.
    pub fn known(&self, at: usize) -> Option<Step> {
        let found = self.known.at(self.text, at, &self.wanted);
        let written = if self.known.finds_addresses() && (self.wanted)(FactKind::Address) { written_address(self.text, at) } else { None };
        let kept = self.known.kept_at(self.text, at);
        let end = found.as_ref().map_or(0, |found| found.end);
        if kept.is_some_and(|kept| kept >= end.max(written.unwrap_or(0))) {
            return kept.map(Step::Past);
        }
        match (written, found) {
            (Some(written), _) if written > end => Some(Step::Fact { kind: FactKind::Address, end: written, becomes: None }),
            (_, found) => found.map(|found| Step::Fact { kind: found.kind, end: found.end, becomes: found.becomes }),
        }
    }

    /// The end of what is no fact: of a date, a number, or a single letter. A word is read on letter by letter, for what may begin in it.
    fn past(&self, at: usize, letter: char) -> usize {
        if !letter.is_ascii_digit() {
            return at + letter.len_utf8();
        }
        let time = || time_at(self.text, at).map(|(_, end)| end);
        let digits = self.text[at..].bytes().take_while(u8::is_ascii_digit).count();
        date_at(self.text, at).map(|(_, end)| end).or_else(time).unwrap_or(at + digits)
    }

    fn snippet(&self, at: usize) -> Option<usize> {
        let rest = &self.text[at..];
        let fence = if rest.starts_with("```") { "```" } else { "`" };
        let inside = &rest[fence.len()..];
        let length = inside.find(fence)?;
        let fits = length > 0 && length <= MAX_SNIPPET && (fence.len() == 3 || !inside[..length].contains('\n'));
        fits.then_some(at + fence.len() * 2 + length)
    }

    fn placeholder(&self, at: usize) -> Option<usize> {
        let rest = self.near(at);
        let (open, close) = [("{{", "}}"), ("{%", "%}"), ("${", "}"), ("{", "}"), ("[", "]"), ("%", "%")]
            .into_iter()
            .find(|(open, _)| rest.starts_with(open))?;
        let inside = &rest[open.len()..];
        let length = inside.find(close)?;
        let name = &inside[..length];
        let end = at + open.len() + length + close.len();
        let letter = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '.' | '-');
        let fits = !name.is_empty() && name.len() <= MAX_PLACEHOLDER && !name.contains('\n');
        let is_name = match open {
            "{{" | "{%" | "${" => true,
            "%" => name.starts_with(char::is_alphabetic) && name.chars().all(letter),
            // A link's words are followed by its address; a box to tick holds one letter or a space.
            "[" => {
                name.starts_with(char::is_alphabetic)
                    && name.chars().all(|each| letter(each) || each == ' ')
                    && !self.text[end..].starts_with(['(', '['])
            }
            _ => name.trim().chars().all(letter) && !name.trim().is_empty(),
        };
        (fits && is_name).then_some(end)
    }

    /// What looks like a mark, or its bracket alone.
    fn brackets(&self, at: usize) -> usize {
        let length = self.near(at).find('⟧').filter(|length| *length <= MAX_PLACEHOLDER);
        at + length.map_or('⟦'.len_utf8(), |length| length + '⟧'.len_utf8())
    }

    /// An HTML tag, which a model's text must not have on its own account.
    fn tag(&self, at: usize) -> Option<usize> {
        let inside = &self.text[at + 1..];
        let begins = inside.trim_start_matches('/').starts_with(|letter: char| letter.is_ascii_alphabetic());
        let end = inside.find(['<', '>', '\n']).filter(|end| inside.as_bytes()[*end] == b'>' && *end <= MAX_TAG)?;
        begins.then_some(at + 1 + end + 1)
    }

    fn handle(&self, at: usize) -> Option<usize> {
        let rest = &self.text[at + 1..];
        let length = rest.find(|letter: char| !letter.is_alphanumeric() && !matches!(letter, '_' | '.' | '-')).unwrap_or(rest.len());
        let name = rest[..length].trim_end_matches(['.', '-']);
        (name.chars().count() >= 2 && name.contains(char::is_alphabetic)).then_some(at + 1 + name.len())
    }

    /// Letters and digits of a country's length, with anything between its groups, with their checksum.
    fn iban(&self, at: usize) -> Option<usize> {
        let bytes = &self.text.as_bytes()[at..];
        if bytes.len() < 15 || !bytes[0].is_ascii_alphabetic() || !bytes[1].is_ascii_alphabetic() {
            return None;
        }
        // Two digits follow, or what stands between groups; `no: 7352` is a word with a number.
        let is_word = bytes[2] == b':' || bytes[0].is_ascii_lowercase() && !bytes[2].is_ascii_digit();
        if bytes[2].is_ascii_alphabetic() || is_word {
            return None;
        }
        let country = [bytes[0].to_ascii_uppercase(), bytes[1].to_ascii_uppercase()];
        let wanted = iban_length(std::str::from_utf8(&country).ok()?)?;
        let mut letters = Vec::with_capacity(wanted);
        let mut apart = 0;
        for (place, letter) in self.text[at..].char_indices() {
            if letter.is_ascii_alphanumeric() {
                if (2..4).contains(&letters.len()) && !letter.is_ascii_digit() {
                    return None;
                }
                letters.push(letter as u8);
                apart = 0;
                if letters.len() == wanted {
                    // Most of it is digits: small letters are words that happen to fit.
                    let words = letters[4..].iter().filter(|letter| letter.is_ascii_lowercase()).count() > 4;
                    let ends = !words && !bytes.get(place + 1).is_some_and(u8::is_ascii_digit);
                    return (ends && is_iban(&letters)).then_some(at + place + 1);
                }
            } else if !letter.is_alphanumeric() && apart < MAX_APART {
                apart += 1;
            } else {
                return None;
            }
        }
        None
    }

    /// Letters and digits in one word that is no quantity, ordinal or number with an ending.
    pub fn code(&self, at: usize) -> Option<usize> {
        let start = at + usize::from(self.text[at..].starts_with('#'));
        let rest = self.near(start);
        let joins = |letter: char| matches!(letter, '-' | '_' | '/' | '.');
        let mut length = 0;
        for (place, letter) in rest.char_indices() {
            if letter.is_alphanumeric() {
                length = place + letter.len_utf8();
            } else if !joins(letter) || length != place {
                break;
            }
        }
        let mut word = &rest[..length];
        // An ending: `KE-204815-ös`, `2026-ban`.
        while let Some((front, ending)) = word.rsplit_once(['-', '.', '/']) {
            let is_ending = ending.chars().all(char::is_lowercase) && front.contains(|letter: char| letter.is_ascii_digit());
            let is_sentence = word.as_bytes()[front.len()] == b'.' && ending.chars().all(char::is_alphabetic);
            if !is_ending && !is_sentence {
                break;
            }
            word = front;
        }
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        if digits == 0 {
            return None;
        }
        let end = start + word.len();
        let letters: Vec<char> = word.chars().filter(|letter| letter.is_alphabetic()).collect();
        if letters.is_empty() {
            let groups = word.split(joins).count();
            let single = number_end(self.text, start) == end;
            let is_code = start > at
                || (groups == 1 && digits >= LONG_NUMBER)
                || (groups > 1 && !single && digits >= LONG_DASHED)
                || (groups > 2 && !single);
            return is_code.then_some(end);
        }
        // A code that goes on in small letters after its digits has an ending without a mark: `KE204815den` stays whole.
        let begins_with_digit = word.starts_with(|letter: char| letter.is_ascii_digit());
        if !begins_with_digit {
            return Some(end);
        }
        let number = word.bytes().take_while(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'/' | b'-')).count();
        let unit = &word[number..];
        let more_digits = unit.contains(|letter: char| letter.is_ascii_digit());
        let is_unit = unit.chars().all(char::is_lowercase) || UNITS.contains(&unit.to_uppercase().as_str()) || !unit.is_ascii();
        let times =
            unit.strip_prefix(['x', 'X', '×']).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()));
        (more_digits && !times || !more_digits && !is_unit).then_some(end)
    }
}
