//! Joins characters that a server cut in two: a JSON escape of one half (`\ud83d`) ends a chunk's text, that of the other begins the next one's.

/// While a text is JSON, a lone half stands as a character of the last private plane, which no model writes: U+D800 as this one.
const STAND_INS: u32 = 0x10_F800;
const FIRST_LOW: u32 = 0xDC00;

/// A chunk's JSON in which escapes of lone halves are stand-ins; `None` if it has no lone half.
pub fn with_stand_ins(json: &str) -> Option<String> {
    let (mut output, mut rest, mut found) = (String::with_capacity(json.len()), json, false);
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        output.push_str(before);
        let unit = unit(escape);
        let pairs = unit.is_some_and(is_high) && unit.zip(self::unit(&escape[6..])).is_some_and(|(_, next)| is_low(next));
        let length = match unit {
            Some(unit) if is_half(unit) && !pairs => {
                found = true;
                output.extend(char::from_u32(STAND_INS + unit - 0xD800));
                rest = &escape[6..];
                continue;
            }
            Some(_) => {
                if pairs {
                    12
                } else {
                    6
                }
            }
            // A backslash and what it escapes.
            None => 1 + escape[1..].chars().next().map_or(0, char::len_utf8),
        };
        output.push_str(&escape[..length]);
        rest = &escape[length..];
    }
    output.push_str(rest);
    found.then_some(output)
}

/// Whether a character stands for a half.
pub fn is_stand_in(letter: char) -> bool {
    u32::from(letter) >= STAND_INS
}

/// Joins halves across chunks.
#[derive(Default)]
pub struct Joiner {
    /// The first half of a character, whose other half may follow.
    high: Option<u32>,
}

impl Joiner {
    /// The text of a chunk with what was held back before it. `has_stand_ins`: the chunk's halves are stand-ins. A half without its other one
    /// becomes U+FFFD.
    pub fn join(&mut self, text: String, has_stand_ins: bool) -> String {
        if text.is_empty() || (self.high.is_none() && !has_stand_ins) {
            return text;
        }
        let mut output = String::with_capacity(text.len() + 4);
        for letter in text.chars() {
            let half =
                Some(letter).filter(|letter| has_stand_ins && is_stand_in(*letter)).map(|letter| u32::from(letter) - STAND_INS + 0xD800);
            match (self.high.take(), half) {
                (Some(high), Some(low)) if is_low(low) => {
                    output.extend(char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - FIRST_LOW)));
                    continue;
                }
                (Some(_), _) => output.push(char::REPLACEMENT_CHARACTER),
                (None, _) => {}
            }
            match half {
                Some(high) if is_high(high) => self.high = Some(high),
                Some(_) => output.push(char::REPLACEMENT_CHARACTER),
                None => output.push(letter),
            }
        }
        output
    }

    /// What is left at the end of the answer.
    pub fn rest(&mut self) -> String {
        self.high.take().map_or_else(String::new, |_| char::REPLACEMENT_CHARACTER.to_string())
    }
}

/// The UTF-16 unit of an escape at the beginning of a text.
fn unit(escape: &str) -> Option<u32> {
    let digits = escape.strip_prefix("\\u")?.get(..4)?;
    u32::from_str_radix(digits, 16).ok()
}

fn is_half(unit: u32) -> bool {
    (0xD800..0xE000).contains(&unit)
}

fn is_high(unit: u32) -> bool {
    is_half(unit) && unit < FIRST_LOW
}

fn is_low(unit: u32) -> bool {
    is_half(unit) && unit >= FIRST_LOW
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Joins the chunks of JSON strings.
    fn joined(chunks: &[&str]) -> String {
        let mut joiner = Joiner::default();
        let mut text = String::new();
        for chunk in chunks {
            let chunk = format!("\"{chunk}\"");
            let stand_ins = with_stand_ins(&chunk);
            let value: String = serde_json::from_str(stand_ins.as_deref().unwrap_or(&chunk)).unwrap();
            text.push_str(&joiner.join(value, stand_ins.is_some()));
        }
        text + &joiner.rest()
    }

    #[test]
    fn halves_are_joined_or_replaced() {
        for (chunks, text) in [
            (&["a \\ud83d", "\\ude00 b"][..], "a 😀 b"),
            (&["\\uD83D", "", "\\uDE00\\ud83d", "\\ude01"], "😀😁"),
            (&["\\ud83d\\ude00"], "😀"),
            (&["\\ud83d", "b"], "\u{fffd}b"),
            (&["\\ud83d"], "\u{fffd}"),
            (&["\\ude00b"], "\u{fffd}b"),
            (&["\\ud83d\\ud83d", "\\ude00"], "\u{fffd}😀"),
            (&["\\ud83dx\\ude00"], "\u{fffd}x\u{fffd}"),
            (&["\\\\ud83d \\n\\\"é\\u00e9"], "\\ud83d \n\"éé"),
            (&["\u{10f83d}"], "\u{10f83d}"),
        ] {
            assert_eq!(joined(chunks), text, "{chunks:?}");
        }
        assert_eq!(with_stand_ins("\"\\ud83d\\ude00 \\"), None);
        assert!(with_stand_ins("\\ud83d").is_some_and(|text| text.chars().all(is_stand_in)));
    }
}
