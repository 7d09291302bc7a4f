//! Where facts begin and end.

use super::{
    FactKind, Known,
    checksums::{iban_length, is_card, is_iban, is_national_id},
    dates::{date_at, time_at},
    numbers::{amount_at, number_end},
};

/// Longest placeholder, code span, link.
const MOST_PLACEHOLDER: usize = 60;
const MOST_SNIPPET: usize = 2000;
const MOST_LINK: usize = 2000;
/// Longest host, address or file name, in bytes.
const MOST_NAME: usize = 320;
/// Most groups of digits that are read as one number.
const MOST_GROUPS: usize = 12;
/// From how many digits a number without anything else is a code, and with dashes in it.
const LONG_NUMBER: usize = 5;
const LONG_DASHED: usize = 7;
/// Domains of a host without a scheme.
const DOMAINS: [&str; 45] = [
    "com", "net", "org", "info", "biz", "io", "co", "eu", "de", "at", "ch", "tr", "hu", "uk", "us", "fr", "it", "es", "nl", "be", "pl",
    "cz", "ro", "bg", "gr", "ru", "ua", "se", "no", "dk", "fi", "ie", "pt", "shop", "store", "app", "dev", "ai", "me", "tv", "ly", "gl",
    "online", "site", "example",
];
const FILES: [&str; 34] = [
    "pdf", "doc", "docx", "xls", "xlsx", "csv", "txt", "rtf", "odt", "ppt", "pptx", "jpg", "jpeg", "png", "gif", "webp", "heic", "svg",
    "mp3", "mp4", "mov", "avi", "zip", "rar", "7z", "json", "xml", "html", "md", "log", "exe", "apk", "dmg", "eml",
];
/// Letters that stand for a unit where they follow digits.
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
pub struct Spans<'a, W> {
    pub text: &'a str,
    pub known: &'a Known,
    pub wanted: W,
}

/// Fewest letters of a code of capitals alone, and how far before it a word may say that it is one, in bytes.
const LEAST_COUPON: usize = 4;
const BESIDE_COUPON: usize = 24;
/// Beginnings of such words, without accents.
const COUPON_WORDS: [&str; 9] = ["code", "kod", "kupon", "coupon", "voucher", "promo", "gutschein", "rabatt", "aktionscode"];

impl<W: Fn(FactKind) -> bool> Spans<'_, W> {
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
    fn of(&self, kind: FactKind, at: usize, end: impl FnOnce() -> Option<usize>) -> Option<Step> {
        if !(self.wanted)(kind) {
            return None;
        }
        end().filter(|end| *end > at).map(|end| Step::Fact { kind, end, becomes: None })
    }

    /// What begins with a letter, at a word's beginning or inside of one.
    fn word(&self, at: usize, letter: char, begins: bool) -> Option<Step> {
        if !begins {
            return self.of(FactKind::Iban, at, || self.iban(at));
        }
        let token = self.token(at);
        // What is known is known for certain: but a link that begins with a name is a link.
        let found = self.address(at, token).or_else(|| self.known(at)).or_else(|| self.of(FactKind::Iban, at, || self.iban(at)));
        if found.is_some() {
            return found;
        }
        if let Some((_, end)) = date_at(self.text, at) {
            return Some(Step::Past(end));
        }
        let sign = letter.is_uppercase() || matches!(letter, 't' | 'f' | 'k' | 'z');
        let amount = if sign { self.of(FactKind::Amount, at, || amount_at(self.text, at)) } else { None };
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
        if code.len() < LEAST_COUPON || !ends {
            return None;
        }
        let mut from = at.saturating_sub(BESIDE_COUPON);
        while !self.text.is_char_boundary(from) {
            from -= 1;
        }
        let beside = |text: &str| {
            text.split(|letter: char| !letter.is_alphabetic())
                .any(|word| COUPON_WORDS.iter().any(|begins| crate::text::fold(word).starts_with(begins)))
        };
        let after = self.near(at + code.len());
        let next = after.trim_start_matches([' ', '\'', '’']).split(' ').next().unwrap_or_default();
        (beside(&self.text[from..at]) || beside(next)).then_some(at + code.len())
    }

    /// Up to the next white space, within a bound.
    fn token(&self, at: usize) -> &str {
        let rest = self.near(at);
        &rest[..rest.find(char::is_whitespace).unwrap_or(rest.len())]
    }

    /// What follows, as far as one name reaches: a text without spaces is not read anew from each of its points.
    fn near(&self, at: usize) -> &str {
        let rest = &self.text[at..];
        let mut end = rest.len().min(MOST_NAME);
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        &rest[..end]
    }

    /// A link, an e-mail address or a file: each has a point, a colon or an at sign.
    fn address(&self, at: usize, token: &str) -> Option<Step> {
        if !token.bytes().any(|byte| matches!(byte, b'.' | b':' | b'@')) {
            return None;
        }
        self.of(FactKind::Link, at, || self.link(at))
            .or_else(|| self.of(FactKind::Email, at, || self.email(at)))
            .or_else(|| self.of(FactKind::File, at, || self.file(at)))
    }

    fn known(&self, at: usize) -> Option<Step> {
        let found = self.known.at(self.text, at, &self.wanted)?;
        Some(Step::Fact { kind: found.kind, end: found.end, becomes: found.becomes })
    }

    fn number(&self, at: usize, begins: bool) -> Option<Step> {
        let digit = self.text.as_bytes()[at].is_ascii_digit();
        // An address, a known code or term may begin with a number.
        if begins && digit {
            let found = self.address(at, self.token(at)).or_else(|| self.known(at));
            if found.is_some() {
                return found;
            }
        }
        if digit && (date_at(self.text, at).is_some() || time_at(self.text, at).is_some()) {
            return None;
        }
        let groups = self.groups(at);
        let proven = groups.proven().and_then(|(kind, end)| self.of(kind, at, || Some(end)));
        proven
            .or_else(|| if digit { self.of(FactKind::Amount, at, || amount_at(self.text, at)) } else { None })
            .or_else(|| self.of(FactKind::Phone, at, || groups.phone()))
            .or_else(|| if begins && digit { self.of(FactKind::Code, at, || self.code(at)) } else { None })
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
        let fits = length > 0 && length <= MOST_SNIPPET && (fence.len() == 3 || !inside[..length].contains('\n'));
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
        let fits = !name.is_empty() && name.len() <= MOST_PLACEHOLDER && !name.contains('\n');
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
        let length = self.near(at).find('⟧').filter(|length| *length <= MOST_PLACEHOLDER);
        at + length.map_or('⟦'.len_utf8(), |length| length + '⟧'.len_utf8())
    }

    /// An HTML tag, which a model's text must not have on its own account.
    fn tag(&self, at: usize) -> Option<usize> {
        let inside = &self.text[at + 1..];
        let begins = inside.trim_start_matches('/').starts_with(|letter: char| letter.is_ascii_alphabetic());
        let end = inside.find(['<', '>', '\n']).filter(|end| inside.as_bytes()[*end] == b'>' && *end <= MOST_LINK)?;
        begins.then_some(at + 1 + end + 1)
    }

    fn handle(&self, at: usize) -> Option<usize> {
        let rest = &self.text[at + 1..];
        let length = rest.find(|letter: char| !letter.is_alphanumeric() && !matches!(letter, '_' | '.' | '-')).unwrap_or(rest.len());
        let name = rest[..length].trim_end_matches(['.', '-']);
        (name.chars().count() >= 2 && name.contains(char::is_alphabetic)).then_some(at + 1 + name.len())
    }

    /// A link with a scheme, or a host with a known domain.
    fn link(&self, at: usize) -> Option<usize> {
        let rest = &self.text[at..];
        let bytes = rest.as_bytes();
        let scheme = ["https://", "http://", "ftp://", "mailto:", "tel:", "www."]
            .into_iter()
            .any(|scheme| bytes.len() > scheme.len() && bytes[..scheme.len()].eq_ignore_ascii_case(scheme.as_bytes()));
        if !scheme {
            let host = rest.bytes().take(MOST_NAME).take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')).count();
            let name = rest[..host].trim_end_matches(['.', '-']);
            let domain = name.rsplit_once('.').filter(|(host, _)| host.len() > 1)?.1;
            let ends = !rest[name.len()..].starts_with(|next: char| next == '@' || next.is_alphanumeric());
            // A sentence may begin right after another's point: a host is written small.
            let small = !name.contains(|letter: char| letter.is_ascii_uppercase()) || name.starts_with("www.");
            if !(small && ends && DOMAINS.contains(&domain) && name.contains(|letter: char| letter.is_ascii_alphabetic())) {
                return None;
            }
            let after = at + name.len();
            return Some(if self.text[after..].starts_with(['/', '?', '#', ':']) { self.link_end(at, after) } else { after });
        }
        Some(self.link_end(at, at)).filter(|end| end - at > 5)
    }

    /// Where a link ends: at what can't be in one, less the punctuation of the sentence around it.
    fn link_end(&self, at: usize, from: usize) -> usize {
        let rest = &self.text[from..];
        let stops = |letter: char| {
            letter.is_whitespace()
                || letter.is_control()
                || matches!(letter, '<' | '>' | '"' | '\'' | '’' | '`' | '|' | '⟦' | '“' | '”' | '»' | '，' | '。')
        };
        let mut end = from + rest.find(stops).unwrap_or(rest.len()).min(MOST_LINK);
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        loop {
            let link = &self.text[at..end];
            let Some(last) = link.chars().next_back() else { return end };
            let closes = |open: char, close: char| last == close && link.matches(close).count() > link.matches(open).count();
            if matches!(last, '.' | ',' | ';' | ':' | '!' | '?' | '*' | '_' | '…')
                || closes('(', ')')
                || closes('[', ']')
                || closes('{', '}')
            {
                end -= last.len_utf8();
            } else {
                return end;
            }
        }
    }

    fn email(&self, at: usize) -> Option<usize> {
        let rest = self.near(at);
        let local = rest
            .find(|letter: char| !letter.is_alphanumeric() && !matches!(letter, '.' | '_' | '%' | '+' | '-'))
            .filter(|length| *length > 0)?;
        let host = rest[local..].strip_prefix('@')?;
        let length = host.find(|letter: char| !letter.is_alphanumeric() && !matches!(letter, '.' | '-')).unwrap_or(host.len());
        let host = host[..length].trim_end_matches(['.', '-']);
        let (name, domain) = host.rsplit_once('.')?;
        (!name.is_empty() && domain.chars().count() >= 2 && domain.chars().all(char::is_alphabetic)).then_some(at + local + 1 + host.len())
    }

    fn file(&self, at: usize) -> Option<usize> {
        let rest = self.near(at);
        let length = rest.find(|letter: char| !letter.is_alphanumeric() && !matches!(letter, '.' | '-' | '_')).unwrap_or(rest.len());
        let name = rest[..length].trim_end_matches(['.', '-']);
        let (stem, extension) = name.rsplit_once('.')?;
        (!stem.is_empty() && FILES.contains(&extension.to_ascii_lowercase().as_str())).then_some(at + name.len())
    }

    /// Letters and digits of a country's length, in groups as they may be, with their checksum.
    fn iban(&self, at: usize) -> Option<usize> {
        let bytes = &self.text.as_bytes()[at..];
        if bytes.len() < 15 || !bytes[0].is_ascii_alphabetic() || !bytes[1].is_ascii_alphabetic() {
            return None;
        }
        // Two digits follow, or what stands between groups.
        if !(bytes[2].is_ascii_digit() || matches!(bytes[2], b' ' | b'-' | b'.')) {
            return None;
        }
        let country = [bytes[0].to_ascii_uppercase(), bytes[1].to_ascii_uppercase()];
        let wanted = iban_length(std::str::from_utf8(&country).ok()?)?;
        let mut letters = Vec::with_capacity(wanted);
        let mut apart = 0;
        for (place, byte) in bytes.iter().enumerate() {
            if byte.is_ascii_alphanumeric() {
                (2..4).contains(&letters.len()).then_some(()).filter(|()| !byte.is_ascii_digit()).map_or(Some(()), |()| None)?;
                letters.push(*byte);
                apart = 0;
                if letters.len() == wanted {
                    // Most of it is digits: small letters are words that happen to fit.
                    let words = letters[4..].iter().filter(|letter| letter.is_ascii_lowercase()).count() > 4;
                    let ends = !words && !bytes.get(place + 1).is_some_and(u8::is_ascii_digit);
                    return (ends && is_iban(&letters)).then_some(at + place + 1);
                }
            } else if matches!(byte, b' ' | b'-' | b'.') && apart < 2 {
                apart += 1;
            } else {
                return None;
            }
        }
        None
    }

    /// Letters and digits in one word that is no quantity, ordinal or number with an ending.
    fn code(&self, at: usize) -> Option<usize> {
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

    /// The groups of digits that begin here.
    fn groups(&self, at: usize) -> Groups {
        let bytes = self.text.as_bytes();
        let mut groups = Groups { plus: bytes[at] == b'+', opened: bytes[at] == b'(', digits: Vec::new(), ends: Vec::new() };
        let mut place = at;
        while matches!(bytes.get(place), Some(b'+' | b'(' | b' ')) && place < at + 3 {
            groups.plus |= bytes[place] == b'+';
            groups.opened |= bytes[place] == b'(';
            place += 1;
        }
        while groups.ends.len() < MOST_GROUPS {
            let width = bytes[place.min(bytes.len())..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            // A date after a number is no part of it.
            if width == 0 || (!groups.ends.is_empty() && (date_at(self.text, place).is_some() || time_at(self.text, place).is_some())) {
                break;
            }
            groups.digits.extend(bytes[place..place + width].iter().map(|byte| byte - b'0'));
            place += width;
            groups.ends.push((groups.digits.len(), place));
            let apart = bytes[place..].iter().take(3).take_while(|byte| matches!(byte, b' ' | b'-' | b'.' | b'/' | b'(' | b')')).count();
            if !(1..=3).contains(&apart) {
                break;
            }
            place += apart;
        }
        groups
    }
}

/// Groups of digits: each one's end among the digits and in the text.
struct Groups {
    plus: bool,
    opened: bool,
    digits: Vec<u8>,
    ends: Vec<(usize, usize)>,
}

impl Groups {
    /// The longest beginning that proves itself.
    fn proven(&self) -> Option<(FactKind, usize)> {
        if self.plus {
            return None;
        }
        self.ends.iter().rev().find_map(|(length, end)| {
            let digits = &self.digits[..*length];
            let kind = if is_card(digits) {
                FactKind::Card
            } else if is_national_id(digits) {
                FactKind::NationalId
            } else {
                return None;
            };
            Some((kind, *end))
        })
    }

    /// A phone number's end: by its international or trunk prefix, or in the groups of a national one.
    fn phone(&self) -> Option<usize> {
        let width = |group: usize| self.ends[group].0 - if group == 0 { 0 } else { self.ends[group - 1].0 };
        let widths: Vec<usize> = (0..self.ends.len()).map(width).collect();
        let begins = |digits: &[u8]| self.digits.starts_with(digits);
        let fits = |length: usize, groups: usize| {
            let grouped = groups > 1;
            let widths = &widths[..groups];
            if self.plus {
                return (8..=15).contains(&length);
            }
            if begins(&[0, 0]) {
                return (10..=15).contains(&length);
            }
            if begins(&[0]) {
                return (10..=12).contains(&length) || (length == 9 && grouped);
            }
            let abroad =
                [&[9, 0, 5][..], &[3, 6, 2, 0], &[3, 6, 3, 0], &[3, 6, 7, 0], &[3, 6, 1], &[4, 9, 1, 5], &[4, 9, 1, 6], &[4, 9, 1, 7]];
            (abroad.iter().any(|prefix| begins(prefix)) && (11..=13).contains(&length))
                || (begins(&[5]) && length == 10)
                || matches!(widths, [3, 3, 4] | [3, 3, 2, 2] | [2, 3, 4] | [2, 3, 2, 2])
                || (matches!(widths, [3, 3, 3]) && matches!(self.digits[0], 6..=9))
                || (self.opened && (9..=11).contains(&length) && grouped)
        };
        // A number that follows is not its end: eleven digits are likelier than twelve.
        let order = |length: usize| {
            if self.plus {
                16 - length.min(15)
            } else {
                match length {
                    11 => 0,
                    10 => 1,
                    12 => 2,
                    _ => 3,
                }
            }
        };
        let mut ends: Vec<(usize, usize, usize)> =
            self.ends.iter().enumerate().map(|(at, (length, end))| (*length, *end, at + 1)).collect();
        ends.sort_by_key(|(length, ..)| order(*length));
        ends.into_iter().find(|(length, _, groups)| fits(*length, *groups)).map(|(_, end, _)| end)
    }
}
