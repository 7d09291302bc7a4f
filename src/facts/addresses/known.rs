//! A known address, found by its words and numbers: their order, abbreviations, commas and labels differ from one writing to the next.

use crate::facts::addresses::{Token, WORDS, gap, tokens};

/// Longest abbreviation without a point, in letters.
const MAX_ABBREVIATION: usize = 4;
/// Fewest letters of a word of a street's name.
const MIN_WORD: usize = 3;

/// A known address.
#[derive(Debug, Clone, Hash)]
pub struct KnownAddress {
    /// Its words and numbers, digits apart from letters.
    pieces: Vec<String>,
    /// Each word as it is written: postcodes are also written as one.
    words: Vec<String>,
    /// What names the street.
    street: Vec<String>,
    has_type: bool,
}

impl KnownAddress {
    /// An address as a record has it; `None` if no street with a number is in it.
    pub fn new(address: &str) -> Option<KnownAddress> {
        let tokens = tokens(address, 0);
        let is_street = |token: &Token| WORDS.is_type(&token.folded) || WORDS.stem(&token.folded).is_some();
        let part_of = |token: &Token| address[..token.start].matches([',', ';', '\n']).count();
        let parts = tokens.last().map(part_of)?;
        let part = (0..=parts)
            .find(|part| tokens.iter().any(|token| part_of(token) == *part && is_street(token) && token.letters > 1))
            .or_else(|| (0..=parts).find(|part| tokens.iter().any(|token| part_of(token) == *part && token.digits > 0)))?;
        let names = |token: &&Token| {
            part_of(token) == part
                && token.is_word()
                && token.letters >= MIN_WORD
                && !WORDS.is_type(&token.folded)
                && !WORDS.units.contains(token.folded.as_str())
        };
        let street: Vec<String> =
            tokens.iter().filter(names).map(|token| WORDS.stem(&token.folded).unwrap_or(&token.folded).to_owned()).collect();
        let has_number = tokens.iter().any(|token| token.digits > 0);
        (has_number && !street.is_empty()).then(|| KnownAddress {
            pieces: tokens.iter().flat_map(|token| pieces(&token.folded)).collect(),
            has_type: tokens.iter().any(is_street),
            words: tokens.into_iter().map(|token| token.folded).collect(),
            street,
        })
    }

    /// The first letters of all that it may begin with.
    pub fn beginnings(&self) -> impl Iterator<Item = char> {
        let types = WORDS.before.iter().chain(&WORDS.after).filter(|_| self.has_type).filter_map(|word| word.chars().next());
        self.pieces.iter().filter_map(|piece| piece.chars().next()).chain(types)
    }

    /// Where the address ends that begins here, in whichever writing.
    pub fn at(&self, text: &str, at: usize) -> Option<usize> {
        let tokens = tokens(text, at);
        let (mut street, mut capital, mut number, mut kind, mut end) = (false, false, false, false, None);
        for (place, token) in tokens.iter().enumerate() {
            let after = &text[token.end..];
            let stem = WORDS.stem(&token.folded);
            let names = |word: &str| self.street.iter().any(|known| known == word);
            let in_street = token.is_word() && (names(&token.folded) || stem.is_some_and(names));
            let is_type = token.is_word() && WORDS.is_type(&token.folded) && self.has_type;
            let found = in_street || is_type || self.has(token, after.starts_with('.'));
            let label = place > 0 && WORDS.units.contains(token.folded.as_str()) && !gap(text, &tokens, place).contains(':');
            if !found && !label {
                break;
            }
            if found {
                street |= in_street;
                capital |= in_street && token.capital;
                number |= token.digits > 0;
                kind |= is_type || in_street && stem.is_some();
                end = Some(token.end);
            }
        }
        (street && (kind || number && capital)).then_some(end).flatten()
    }

    /// Whether a word of a text is one of the address, whole or abbreviated.
    fn has(&self, token: &Token, has_point: bool) -> bool {
        let is = |word: &str| self.pieces.iter().any(|piece| piece == word);
        let word = token.folded.as_str();
        if is(word) || pieces(word).all(|piece| is(&piece)) {
            return true;
        }
        // `BS57RH` of `BS5 7RH`.
        if self.words.windows(2).any(|pair| token.digits > 0 && pair.concat() == word) {
            return true;
        }
        let last = word.chars().next_back();
        let short = token.is_word() && token.letters <= MAX_ABBREVIATION;
        let abbreviated = |known: &String| {
            known.len() > word.len()
                && (has_point && known.starts_with(word)
                    || token.capital && token.letters > 1 && known.starts_with(&word[..1]) && known.chars().next_back() == last)
        };
        short && word.is_ascii() && self.street.iter().any(abbreviated)
    }
}

/// A word's digits and letters, apart: `27`, `bis`.
fn pieces(word: &str) -> impl Iterator<Item = String> {
    let mut pieces: Vec<String> = Vec::new();
    for letter in word.chars() {
        match pieces.last_mut() {
            Some(piece) if piece.ends_with(|last: char| last.is_ascii_digit()) == letter.is_ascii_digit() => piece.push(letter),
            _ => pieces.push(letter.to_string()),
        }
    }
    pieces.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'a>(address: &str, text: &'a str) -> Option<&'a str> {
        let known = KnownAddress::new(address).unwrap();
        let words = std::iter::once(0).chain(text.match_indices([' ', '\n', '(']).map(|(at, _)| at + 1));
        words.filter(|at| text[*at..].starts_with(char::is_alphanumeric)).find_map(|at| Some(&text[at..known.at(text, at)?]))
    }

    #[test]
    fn an_address_is_the_same_in_any_writing() {
        for (address, text, written) in [
            ("Bağdat Caddesi No: 214 Daire: 7, Kadıköy / İstanbul", "hep Bağdat Cad. 214/7 Kadıköy.", "Bağdat Cad. 214/7 Kadıköy"),
            ("Bağdat Cad. 214/7", "Bagdat Caddesi No: 214 D: 7", "Bagdat Caddesi No: 214 D: 7"),
            ("Flat 3, 27 Kingsmead Road, Bristol BS5 7RH", "at 27 Kingsmead Rd, flat 3, BS57RH, not", "27 Kingsmead Rd, flat 3, BS57RH"),
            (
                "6722 Szeged, Petőfi Sándor sugárút 18/B fszt. 2.",
                "Petőfi S. sgt. 18/b, földszint 2, Szeged 6722.",
                "Petőfi S. sgt. 18/b, földszint 2, Szeged 6722",
            ),
            (
                "Goethestraße 12, 3. OG links, 80336 München",
                "Goethestr. 12, 3.OG li., 80336 München, steht",
                "Goethestr. 12, 3.OG li., 80336 München",
            ),
            (
                "8 avenue du Général de Gaulle, 31000 Toulouse",
                "8 av. du Gal de Gaulle, Toulouse, digicode",
                "8 av. du Gal de Gaulle, Toulouse",
            ),
            (
                "Avenida de la Constitución, 7, 2º izq., 48001 Bilbao",
                "Avda. Constitución 7 2 izda, 48001.",
                "Avda. Constitución 7 2 izda, 48001",
            ),
            (
                "Via Giuseppe Garibaldi 45, int. 6, 40124 Bologna",
                "via G. Garibaldi 45 interno 6, Bologna.",
                "via G. Garibaldi 45 interno 6, Bologna",
            ),
            ("Kerkstraat 27 bis, 3581 RD Utrecht", "van Kerkstr. 27bis (3581RD) naar", "Kerkstr. 27bis (3581RD"),
            (
                "ul. Marszałkowska 84/92 m. 117, 00-514 Warszawa",
                "Marszałkowska 84/92 lok. 117, Warszawa.",
                "Marszałkowska 84/92 lok. 117, Warszawa",
            ),
        ] {
            assert_eq!(found(address, text), Some(written), "{address}");
        }
    }

    #[test]
    fn its_words_and_numbers_alone_are_no_address() {
        for (address, text) in [
            ("Gül Sokak No 5/12, Gaziemir/İzmir", "12 gül istedim, 5 gün oldu, Gaziemir"),
            ("14 Rose Lane, Bath", "14 rose petals, a bath mat"),
            ("Lindenallee 17a, 50968 Köln", "in Köln, 17 Teile"),
        ] {
            assert_eq!(found(address, text), None, "{address}");
        }
    }
}
