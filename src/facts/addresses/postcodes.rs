//! Postcodes as countries write them.

use crate::facts::addresses::{Token, gap};

/// How many tokens a postcode takes that begins at a place. Digits alone need a town after them, or `alone`.
pub fn postcode(text: &str, tokens: &[Token], at: usize, alone: bool) -> Option<usize> {
    let written = |place: usize| tokens.get(place).map(|token| &text[token.start..token.end]);
    let (first, second) = (written(at)?, written(at + 1));
    let joined = |by: &str| gap(text, tokens, at + 1) == by;
    let shape = |word: &str| -> String {
        word.chars()
            .map(|letter| {
                if letter.is_ascii_digit() {
                    '9'
                } else if letter.is_ascii_alphabetic() {
                    'A'
                } else {
                    '?'
                }
            })
            .collect()
    };
    let (first_shape, second_shape) = (shape(first), second.map(shape).unwrap_or_default());
    // Great Britain: `LS7 4QB`, `SW1A 1AA`, also as one word.
    let outward = |shape: &str| matches!(shape, "A9" | "A99" | "AA9" | "AA99" | "A9A" | "AA9A");
    if outward(&first_shape) && second_shape == "9AA" && joined(" ") {
        return Some(2);
    }
    if first_shape.strip_suffix("9AA").is_some_and(outward) {
        return Some(1);
    }
    // Ireland: `T12 X4PK`.
    if first_shape == "A99"
        && second.is_some_and(|second| second.len() == 4 && second.bytes().any(|byte| byte.is_ascii_digit()))
        && joined(" ")
    {
        return Some(2);
    }
    // The Netherlands: `3581 RD`, `3581RD`.
    let capitals = |word: &str| word.bytes().all(|byte| byte.is_ascii_uppercase());
    if first_shape == "9999" && second.is_some_and(|second| second.len() == 2 && capitals(second)) && joined(" ") {
        return Some(2);
    }
    if first_shape == "9999AA" && capitals(&first[4..]) {
        return Some(1);
    }
    // Poland: `00-514`.
    if first_shape == "99" && second_shape == "999" && joined("-") {
        return Some(2);
    }
    // The United States: `OH 43215`, `OH 43215-1234`.
    if first_shape == "AA" && capitals(first) && second_shape == "99999" && joined(" ") {
        let long = written(at + 2).is_some_and(|third| shape(third) == "9999") && gap(text, tokens, at + 2) == "-";
        return Some(if long { 3 } else { 2 });
    }
    let town = tokens.get(at + 1).is_some_and(|next| next.is_word() && next.capital && next.letters > 1) && joined(" ");
    (matches!(first_shape.as_str(), "9999" | "99999") && (town || alone)).then_some(1)
}
