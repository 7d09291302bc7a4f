//! The visible part of a text: removes invisible characters and terminal sequences, normalizes line breaks, and keeps the joiners that
//! emoji and the words of some scripts need.

use icu_properties::{
    CodePointSetData,
    props::{DefaultIgnorableCodePoint, ExtendedPictographic},
};

use crate::text::lines::is_line_break;

const ZERO_WIDTH_NON_JOINER: char = '\u{200c}';
const ZERO_WIDTH_JOINER: char = '\u{200d}';
/// Variation selector: shows the previous character as an emoji.
const EMOJI_STYLE: char = '\u{fe0f}';
const KEYCAP: char = '\u{20e3}';
/// Begins the flag of a region, which tags spell and the last tag ends. Of those that Unicode recommends, which are all that a text may
/// keep: in tags anything can be hidden.
const REGION: char = '\u{1f3f4}';
const LAST_TAG: char = '\u{e007f}';
const REGIONS: [&str; 3] = ["gbeng", "gbsct", "gbwls"];
/// A tag is so far from its ASCII character.
const TAGS: u32 = 0xe0000;

/// Returns whether a character has no shape of its own, or only controls how others are shown: Unicode's Default_Ignorable, object
/// replacements, the empty Braille cell, private use, and noncharacters.
pub fn is_invisible(letter: char) -> bool {
    if letter < '\u{ad}' {
        return false;
    }
    let code = u32::from(letter);
    matches!(letter, '\u{2028}' | '\u{2029}' | '\u{2800}' | '\u{fff9}'..='\u{fffc}' | '\u{e000}'..='\u{f8ff}' | '\u{fdd0}'..='\u{fdef}' | '\u{f0000}'..)
        || code & 0xfffe == 0xfffe
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(letter)
}

/// Returns the visible part of a text.
pub fn visible(text: &str) -> String {
    let mut visible = Visible::default();
    let mut seen = String::with_capacity(text.len());
    text.chars().for_each(|letter| visible.push(letter, &mut seen));
    visible.finish(&mut seen);
    seen
}

/// A streaming filter that passes visible characters.
#[derive(Debug, Default)]
pub struct Visible {
    /// Within a terminal sequence.
    escape: Escape,
    last: Option<char>,
    /// A held character that depends on the next one: a joiner, or a carriage return.
    held: Option<char>,
    /// The region of a flag, as far as its tags have come.
    region: String,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Escape {
    #[default]
    No,
    Begun,
    Inside,
}

impl Visible {
    /// Takes the next character, and adds to `seen` what is sure to be visible by now.
    pub fn push(&mut self, letter: char, seen: &mut String) {
        if self.escapes(letter) {
            return;
        }
        match self.held.take() {
            Some('\r') => {
                self.show('\n', seen);
                if letter == '\n' {
                    return;
                }
            }
            Some(joiner) if self.joins(joiner, letter) => self.show(joiner, seen),
            _ => {}
        }
        if let '\u{e0020}'..=LAST_TAG = letter {
            self.tag(letter, seen);
            return;
        }
        self.region.clear();
        match letter {
            '\r' => self.held = Some('\r'),
            ZERO_WIDTH_JOINER | ZERO_WIDTH_NON_JOINER if self.last.is_some_and(is_virama) => self.show(letter, seen),
            ZERO_WIDTH_JOINER | ZERO_WIDTH_NON_JOINER => self.held = Some(letter),
            EMOJI_STYLE if self.last.is_some_and(is_pictograph) => self.show(letter, seen),
            EMOJI_STYLE => self.held = Some(letter),
            '\u{180b}'..='\u{180d}' | '\u{180f}' if self.last.is_some_and(|last| matches!(last, '\u{1820}'..='\u{18aa}')) => {
                self.show(letter, seen);
            }
            _ if is_line_break(letter) => self.show('\n', seen),
            '\t' => self.show(letter, seen),
            _ if letter.is_control() || is_invisible(letter) => {}
            _ => self.show(letter, seen),
        }
    }

    /// Flushes what was held, after the last character.
    pub fn finish(&mut self, seen: &mut String) {
        if self.held.take() == Some('\r') {
            self.show('\n', seen);
        }
    }

    /// Takes a tag, and shows the flag's tags once they spell a region.
    fn tag(&mut self, letter: char, seen: &mut String) {
        let is_longer = self.region.len() > REGIONS[0].len();
        if self.last != Some(REGION) || is_longer {
            return;
        }
        if letter != LAST_TAG {
            self.region.extend(char::from_u32(u32::from(letter) - TAGS));
            return;
        }
        let region = std::mem::take(&mut self.region);
        if REGIONS.contains(&region.as_str()) {
            region.chars().filter_map(|letter| char::from_u32(u32::from(letter) + TAGS)).for_each(|tag| self.show(tag, seen));
            self.show(LAST_TAG, seen);
        }
    }

    fn show(&mut self, letter: char, seen: &mut String) {
        seen.push(letter);
        self.last = Some(letter);
    }

    fn escapes(&mut self, letter: char) -> bool {
        match (self.escape, letter) {
            (_, '\u{1b}') => self.escape = Escape::Begun,
            (_, '\u{9b}') | (Escape::Begun, '[' | ']' | '(' | ')') => self.escape = Escape::Inside,
            (Escape::Inside, '0'..='9' | ';' | '?' | ' ') => {}
            (Escape::Inside, '@'..='~') => self.escape = Escape::No,
            _ => {
                self.escape = Escape::No;
                return false;
            }
        }
        true
    }

    /// Returns whether a joiner has an effect between the last character and the next.
    fn joins(&self, joiner: char, next: char) -> bool {
        let Some(last) = self.last else { return false };
        let letters = is_joining(last) && is_joining(next);
        match joiner {
            ZERO_WIDTH_JOINER => letters || (is_emoji(last) && is_pictograph(next)),
            ZERO_WIDTH_NON_JOINER => letters,
            EMOJI_STYLE => next == KEYCAP && (last.is_ascii_digit() || matches!(last, '#' | '*')),
            _ => false,
        }
    }
}

fn is_pictograph(letter: char) -> bool {
    letter > '\u{a8}' && CodePointSetData::new::<ExtendedPictographic>().contains(letter)
}

/// Returns whether another emoji may be joined to this character: an emoji, with its style or skin tone.
fn is_emoji(letter: char) -> bool {
    letter == EMOJI_STYLE || matches!(letter, '\u{1f3fb}'..='\u{1f3ff}') || is_pictograph(letter)
}

/// Returns whether a letter belongs to a script that joiners affect: Arabic and its neighbours, the scripts of India, Burmese, Khmer,
/// Mongolian.
fn is_joining(letter: char) -> bool {
    matches!(letter,
        '\u{600}'..='\u{7ff}' | '\u{840}'..='\u{dff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{18af}' | '\u{a8e0}'..='\u{a8ff}'
        | '\u{fb50}'..='\u{fdcf}' | '\u{fe70}'..='\u{fefc}')
}

/// The virama: a joiner after it selects the consonant's form, also at a word's end.
fn is_virama(letter: char) -> bool {
    matches!(
        letter,
        '\u{94d}'
            | '\u{9cd}'
            | '\u{a4d}'
            | '\u{acd}'
            | '\u{b4d}'
            | '\u{bcd}'
            | '\u{c4d}'
            | '\u{ccd}'
            | '\u{d4d}'
            | '\u{dca}'
            | '\u{1039}'
            | '\u{17d2}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_invisible_character_is_left() {
        let ranges: [(u32, u32); 16] = [
            (0x3164, 0x3164),
            (0xffa0, 0xffa0),
            (0xfe00, 0xfe0f),
            (0x2800, 0x2800),
            (0x1d173, 0x1d17a),
            (0xfffc, 0xfffc),
            (0xe000, 0xf8ff),
            (0xf0000, 0x10ffff),
            (0xfdd0, 0xfdef),
            (0xfffe, 0xffff),
            (0xe0000, 0xe0fff),
            (0x200b, 0x200f),
            (0x202a, 0x202e),
            (0x2060, 0x206f),
            (0x115f, 0x1160),
            (0xad, 0xad),
        ];
        for letter in ranges.into_iter().flat_map(|(from, to)| from..=to).filter_map(char::from_u32) {
            assert!(is_invisible(letter), "{letter:?}");
            for (before, after) in [("a", "b"), ("1", "2"), ("", ""), (" ", "\n"), ("ş", "ű")] {
                assert_eq!(visible(&format!("{before}{letter}{letter}{after}")), format!("{before}{after}"), "{letter:?}");
            }
        }
        assert_eq!(visible("a\u{1f}b\u{7f}c\u{1b}[31md"), "abcd");
        assert_eq!(visible("a\r\nb\rc\u{2028}d\u{85}e\u{b}f\r"), "a\nb\nc\nd\ne\nf\n");
    }

    #[test]
    fn what_scripts_and_emoji_need_stays() {
        for text in [
            "👩\u{200d}💻 👩🏽\u{200d}❤\u{fe0f}\u{200d}👨 ☎\u{fe0f} ©\u{fe0f} 1\u{fe0f}\u{20e3} #\u{fe0f}\u{20e3} 🏳\u{fe0f}\u{200d}🌈 🇹🇷",
            "می\u{200c}خواهم خانه\u{200c}ها",
            "क्\u{200d}ष क्\u{200c}ष",
            "ශ්\u{200d}රී",
            "ന്\u{200d} അവന്\u{200d}",
            "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f} 🏴\u{e0067}\u{e0062}\u{e0077}\u{e006c}\u{e0073}\u{e007f}!",
            "naïve Ünlǘ şehir: привет, 你好 ½ × €",
        ] {
            assert_eq!(visible(text), text);
        }
        for (text, left) in [
            ("a\u{200d}b", "ab"),
            // No region, one that is longer than any, and one without its end.
            ("🏴\u{e0068}\u{e0069}\u{e007f}.", "🏴."),
            ("🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e0067}\u{e007f}", "🏴"),
            ("🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067} x", "🏴 x"),
            ("a\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}", "a"),
            ("👩\u{200d}a", "👩a"),
            ("a\u{200d}👩", "a👩"),
            ("می\u{200c} x", "می x"),
            ("12\u{fe0f}3", "123"),
            ("क्\u{200d}\u{200d}\u{200d}ष", "क्\u{200d}ष"),
        ] {
            assert_eq!(visible(text), left, "{text:?}");
        }
    }
}
