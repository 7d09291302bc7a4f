//! Digits in groups: cards, national ids and phone numbers.

use crate::facts::{FactKind, checksums::is_card, dates::date_at, national_ids::is_national_id, times::time_at};

/// Most groups of digits that are read as one number.
const MAX_GROUPS: usize = 12;
/// Most digits of a number with a checksum, and most characters between two of its groups.
const MAX_PROVEN: usize = 19;
const MAX_APART: usize = 4;

/// Fewest and most digits of a phone number that a word says is one, and the fewest of a number that words may say anything of.
const MIN_PHONE: usize = 6;
const MAX_PHONE: usize = 15;
const MIN_LONG: usize = 5;
/// What the numbers of shops begin with, with the fewest and most digits of the whole: free ones and those of shared costs.
const HOTLINES: [(&str, usize, usize); 22] = [
    ("0800", 8, 12),
    ("0808", 8, 12),
    ("0850", 11, 11),
    ("0444", 7, 7),
    ("444", 7, 7),
    ("0180", 10, 12),
    ("0900", 8, 12),
    ("0843", 10, 11),
    ("0844", 10, 11),
    ("0845", 10, 11),
    ("0870", 10, 11),
    ("0871", 10, 11),
    ("0980", 10, 10),
    ("1800", 11, 11),
    ("1888", 11, 11),
    ("1877", 11, 11),
    ("1866", 11, 11),
    ("900", 9, 9),
    ("901", 9, 9),
    ("902", 9, 9),
    ("800", 9, 10),
    ("801", 9, 9),
];

/// Groups of digits: each one's end, as an index of digits and in the text.
pub struct Groups {
    plus: bool,
    opened: bool,
    digits: Vec<u8>,
    ends: Vec<(usize, usize)>,
}

impl Groups {
    /// Reads the groups of digits that begin here.
    pub fn at(text: &str, at: usize) -> Groups {
        let bytes = text.as_bytes();
        let mut groups = Groups { plus: bytes[at] == b'+', opened: bytes[at] == b'(', digits: Vec::new(), ends: Vec::new() };
        let mut place = at;
        while matches!(bytes.get(place), Some(b'+' | b'(' | b' ')) && place < at + 3 {
            groups.plus |= bytes[place] == b'+';
            groups.opened |= bytes[place] == b'(';
            place += 1;
        }
        let mut spaced = true;
        while groups.ends.len() < MAX_GROUPS {
            let width = bytes[place.min(bytes.len())..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            // A date after a number is not part of it; within a phone number, joined digits are not a date.
            let in_phone = !spaced && (groups.plus || groups.digits.first() == Some(&0));
            let is_time = || date_at(text, place).is_some_and(|(_, end)| !in_phone || end - place > 8) || time_at(text, place).is_some();
            if width == 0 || (!groups.ends.is_empty() && is_time()) {
                break;
            }
            groups.digits.extend(bytes[place..place + width].iter().map(|byte| byte - b'0'));
            place += width;
            groups.ends.push((groups.digits.len(), place));
            let between = bytes[place..].iter().take(3).take_while(|byte| matches!(byte, b' ' | b'-' | b'.' | b'/' | b'(' | b')'));
            let apart = between.clone().count();
            if !(1..=3).contains(&apart) {
                break;
            }
            spaced = between.clone().any(|byte| *byte == b' ');
            place += apart;
        }
        groups
    }

    /// Whether words may say what the number is: short ones are quantities.
    pub fn is_long(&self) -> bool {
        self.digits.len() >= MIN_LONG
    }

    /// Where the last group ends, or the last before one with which something else begins.
    pub fn end_before(&self, begins: impl Fn(usize) -> bool) -> Option<usize> {
        let width = |group: usize| self.ends[group].0 - self.ends[group - 1].0;
        let last = (1..self.ends.len()).find(|group| begins(self.ends[*group].1 - width(*group))).unwrap_or(self.ends.len());
        last.checked_sub(1).map(|last| self.ends[last].1)
    }

    /// Whether the first group alone is a card's number.
    pub fn begins_as_card(&self) -> bool {
        self.ends.first().is_some_and(|(length, _)| is_card(&self.digits[..*length]))
    }

    /// Whether the first group is as long as those of cards.
    pub fn has_card_groups(&self) -> bool {
        self.ends.first().is_some_and(|(length, _)| *length == 4)
    }

    /// Where a code ends that the groups begin with.
    pub fn code(&self, is_code: impl Fn(&str) -> bool) -> Option<usize> {
        let digits: String = self.digits.iter().map(|digit| char::from(b'0' + digit)).collect();
        self.ends.iter().rev().find(|(length, _)| is_code(&digits[..*length])).map(|(_, end)| *end)
    }

    /// Where a phone number ends whose only sign is the word before it.
    pub fn any_phone(&self) -> Option<usize> {
        self.ends.iter().rev().find(|(length, _)| (MIN_PHONE..=MAX_PHONE).contains(length)).map(|(_, end)| *end)
    }

    /// Whether a number that ends there is one that shops have.
    pub fn is_hotline(&self, end: usize) -> bool {
        let Some((length, _)) = self.ends.iter().find(|(_, place)| *place == end) else { return false };
        let digits: String = self.digits[..*length].iter().map(|digit| char::from(b'0' + digit)).collect();
        let widths: Vec<usize> =
            (0..self.ends.len()).map(|group| self.ends[group].0 - if group == 0 { 0 } else { self.ends[group - 1].0 }).collect();
        // Hungary's, which only their groups tell from France's mobile phones.
        let hungarian = matches!(widths[..], [2, 2, 3, 3]) && ["0680", "0640", "0690"].iter().any(|prefix| digits.starts_with(prefix));
        // France's, which only their groups tell from those of German towns.
        let french =
            matches!(widths[..], [1, 3, 2, 2, 2] | [2, 2, 2, 2, 2]) && ["081", "082"].iter().any(|prefix| digits.starts_with(prefix));
        !self.plus
            && (hungarian
                || french
                || HOTLINES.iter().any(|(prefix, min, max)| digits.starts_with(prefix) && (*min..=*max).contains(length)))
    }

    /// Returns the longest prefix with a valid checksum.
    pub fn proven(&self) -> Option<(FactKind, usize)> {
        if self.plus {
            return None;
        }
        self.ends.iter().rev().find_map(|(length, end)| Some((proof(&self.digits[..*length])?, *end)))
    }

    /// Returns a phone number's end: by its international or trunk prefix, or by the groups of a national one.
    pub fn phone(&self) -> Option<usize> {
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
            // Poland's mobile numbers; round ones are amounts.
            let polish = [[4, 5], [5, 0], [5, 1], [5, 3], [5, 7]].iter().any(|prefix| begins(prefix))
                && !self.digits[..length].ends_with(&[0, 0, 0]);
            (abroad.iter().any(|prefix| begins(prefix)) && (11..=13).contains(&length))
                || (begins(&[5]) && length == 10)
                || matches!(widths, [3, 3, 4] | [3, 3, 2, 2] | [2, 3, 4] | [2, 3, 2, 2])
                || (matches!(widths, [1, 3, 3, 4]) && begins(&[1]))
                || (matches!(widths, [3, 3, 3] | [3, 2, 2, 2]) && matches!(self.digits[0], 6..=9))
                || (matches!(widths, [3, 3, 3]) && polish)
                || (self.opened && (9..=11).contains(&length) && grouped)
        };
        // A number that follows is not part of it: eleven digits are likelier than twelve.
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

fn proof(digits: &[u8]) -> Option<FactKind> {
    match digits {
        digits if is_card(digits) => Some(FactKind::Card),
        digits if is_national_id(digits) => Some(FactKind::NationalId),
        _ => None,
    }
}

/// Checks the grouping of a number with a valid checksum, whose groups may be separated by anything, line breaks too: the groups must be
/// those in which such numbers are printed. Where only the regularity of the groups speaks for it, all separators must be the same.
pub fn spread(text: &str, at: usize) -> Option<(FactKind, usize)> {
    let mut digits: Vec<u8> = Vec::new();
    let (mut widths, mut separators): (Vec<usize>, Vec<&str>) = (Vec::new(), Vec::new());
    let (mut place, mut best) = (at, None);
    loop {
        let width = text[place..].bytes().take_while(u8::is_ascii_digit).count();
        if width == 0 || digits.len() + width > MAX_PROVEN {
            break;
        }
        digits.extend(text.as_bytes()[place..place + width].iter().map(|byte| byte - b'0'));
        widths.push(width);
        place += width;
        if !separators.is_empty()
            && let Some(kind) = proof(&digits).filter(|kind| is_printed(*kind, &widths, &separators))
        {
            best = Some((kind, place));
        }
        let apart: usize = text[place..].chars().take(MAX_APART).take_while(|letter| !letter.is_alphanumeric()).map(char::len_utf8).sum();
        let separator = &text[place..place + apart];
        if separator.is_empty() || separator.contains(['€', '$', '£', '₺', '%', ':']) {
            break;
        }
        separators.push(separator);
        place += apart;
    }
    best
}

/// Returns whether numbers of this kind are written in such groups.
fn is_printed(kind: FactKind, widths: &[usize], separators: &[&str]) -> bool {
    let [first, .., last] = widths else { return false };
    let even = widths[..widths.len() - 1].iter().all(|width| width == first) && last <= first;
    let separators = &separators[..widths.len() - 1];
    let same = separators.iter().all(|separator| separator == &separators[0]);
    // Thousands of an amount, and the parts of a list or table.
    let lists = separators.iter().any(|separator| separator.contains([',', ';', '|', '\n']));
    match kind {
        FactKind::Card => {
            (even && *first == 4 && (same || last == first || !lists))
                || matches!(widths, [4, 6, 4] | [4, 6, 5])
                || (even && same && *first != 3)
        }
        _ => same && (even && *first == 4 || !lists && matches!(widths, [2, 3, 3, 3] | [3, 3, 3] | [3, 3, 3, 2])),
    }
}
