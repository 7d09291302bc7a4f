//! Addresses that a text writes out: a kind of street with a name and a number, and a postcode, a town, a part of a house, or words that say
//! that it is the writer's. What is said of a shop isn't the writer's.

use crate::{
    facts::addresses::{MAX_ADDRESS, Token, WORDS, gap, postcodes::postcode, tokens},
    text::fold,
};

/// Most words of a street's name, and of a town's.
const MAX_STREET: usize = 5;
const MAX_TOWN: usize = 4;
/// How far before an address is looked for what it is, in bytes, and how many words.
const NEAR: usize = 48;
const NEAR_WORDS: usize = 4;
/// Words of names of towns.
const OF_TOWNS: [&str; 18] =
    ["im", "am", "an", "der", "de", "la", "le", "les", "sur", "sous", "upon", "on", "ob", "in", "del", "di", "den", "aan"];
/// What German streets without a kind of street begin with: `Am Alten Markt 3`.
const LIES: [&str; 12] = ["am", "an", "im", "in", "auf", "unter", "zum", "zur", "hinter", "vor", "beim", "hinterm"];
/// Numbers between numbers: `14 bis rue`.
const AGAIN: [&str; 4] = ["bis", "ter", "quater", "b"];

/// What is sure of an address.
#[derive(Default)]
struct Sure {
    postcode: bool,
    town: bool,
    unit: bool,
}

/// A street with its number: where it ends among the tokens, and how sure it is that it is one.
struct Street {
    next: usize,
    /// Whether a name in it has a capital.
    capital: bool,
    /// Whether a postcode and a town must follow.
    vague: bool,
}

struct Reader<'a> {
    text: &'a str,
    tokens: Vec<Token>,
}

/// Where an address ends that is written out here.
pub fn written_address(text: &str, at: usize) -> Option<usize> {
    if !may_begin(text, at) {
        return None;
    }
    let reader = Reader { text, tokens: tokens(text, at) };
    if !reader.tokens.iter().any(|token| token.digits > 0) {
        return None;
    }
    let mut sure = Sure::default();
    let street = match reader.street(0) {
        Some(street) => street,
        None => {
            let from = reader.place_first(&mut sure)?;
            reader.street(from)?
        }
    };
    let next = reader.rest(street.next, &mut sure);
    let end = reader.tokens[next - 1].end;
    let (shop, introduced) = beside(text, at);
    let enough = if street.vague || !street.capital { sure.postcode } else { sure.postcode || sure.town || sure.unit || introduced };
    (enough && !shop).then_some(end)
}

/// Whether an address may begin with the word here: it has a number within reach, and a small word that begins one is a kind of street, or is
/// one word with it. Most words of a text do not.
fn may_begin(text: &str, at: usize) -> bool {
    let rest = &text.as_bytes()[at..text.len().min(at + MAX_ADDRESS)];
    if !rest.iter().any(u8::is_ascii_digit) {
        return false;
    }
    let word = &text[at..at + text[at..].find(|letter: char| !letter.is_alphanumeric()).unwrap_or(text.len() - at)];
    if word.starts_with(char::is_uppercase) || word.bytes().any(|byte| byte.is_ascii_digit()) {
        return true;
    }
    let folded = fold(word);
    WORDS.before.contains(folded.as_str()) || WORDS.stem(&folded).is_some()
}

/// Whether words before an address say that it is a shop's, and that it is the writer's.
fn beside(text: &str, at: usize) -> (bool, bool) {
    let mut from = at.saturating_sub(NEAR);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let before = fold(&text[from..at]);
    let sentence = before.rsplit(['!', '?', '\n', ';']).next().unwrap_or_default();
    let sentence = sentence.rsplit(". ").next().unwrap_or_default();
    let words: Vec<&str> =
        sentence.split(|letter: char| !letter.is_alphanumeric() && letter != '\'').filter(|word| !word.is_empty()).collect();
    let last = &words[words.len().saturating_sub(NEAR_WORDS)..];
    let shop = last.iter().any(|word| WORDS.shops.contains(word));
    let near = format!(" {} ", words.join(" "));
    let introduced = WORDS.introductions.iter().any(|words| near.contains(&format!(" {words} ")));
    (shop, introduced)
}

impl Reader<'_> {
    fn gap(&self, place: usize) -> &str {
        gap(self.text, &self.tokens, place)
    }

    fn get(&self, place: usize) -> Option<&Token> {
        self.tokens.get(place)
    }

    /// A postcode with its town before the street: `1074 Budapest, Rákóczi út 42.`
    fn place_first(&self, sure: &mut Sure) -> Option<usize> {
        let mut next = postcode(self.text, &self.tokens, 0, false)?;
        sure.postcode = true;
        let mut words = 0;
        while words < MAX_TOWN
            && self.get(next).is_some_and(|token| token.is_word() && token.capital)
            && matches!(self.gap(next), " " | "-")
        {
            // `9711 LM Herestraat 60`: the street is no town.
            if self.street(next).is_some() {
                return Some(next);
            }
            next += 1;
            words += 1;
        }
        sure.town = words > 0;
        matches!(self.gap(next).trim_end(), "," | "" | ".").then_some(next)
    }

    fn street(&self, at: usize) -> Option<Street> {
        self.number_first(at).or_else(|| self.type_first(at)).or_else(|| self.name_first(at)).or_else(|| self.lies(at))
    }

    /// `14 Thornbury Crescent`, `14 bis rue des Tanneurs`
    fn number_first(&self, at: usize) -> Option<Street> {
        if !self.get(at)?.is_house_number() {
            return None;
        }
        let mut next = at + 1;
        if self.get(next).is_some_and(|token| AGAIN.contains(&token.folded.as_str())) {
            next += 1;
        }
        if !matches!(self.gap(next), " " | ", ") {
            return None;
        }
        if WORDS.before.contains(self.get(next)?.folded.as_str()) {
            return self.name(next + 1, false).map(|(next, capital)| Street { next, capital, vague: false });
        }
        let mut capital = false;
        for place in next..next + MAX_STREET {
            let token = self.get(place)?;
            let joined = place == next || matches!(self.gap(place), " " | "-" | "'" | "’" | ". ");
            if !joined || !(token.is_word() || token.letters > 0) {
                return None;
            }
            if place > next && WORDS.after.contains(token.folded.as_str()) && (!capital || token.capital) {
                return Some(Street { next: place + 1, capital, vague: false });
            }
            capital |= token.capital;
        }
        None
    }

    /// `calle Mayor 23`, `ul. Słoneczna 5A/3`
    fn type_first(&self, at: usize) -> Option<Street> {
        if !WORDS.before.contains(self.get(at)?.folded.as_str()) || !matches!(self.gap(at + 1), " " | ". " | "." | "/ " | "/") {
            return None;
        }
        let (next, capital) = self.name(at + 1, true)?;
        let next = self.number(next)?;
        Some(Street { next, capital, vague: false })
    }

    /// The words of a street's name; where they end, and whether one has a capital.
    fn name(&self, from: usize, numbered: bool) -> Option<(usize, bool)> {
        let mut capital = false;
        let mut next = from;
        while let Some(token) = self.get(next) {
            let joined = next == from || matches!(self.gap(next), " " | "-" | "'" | "’" | ". ");
            let label = numbered && matches!(token.folded.as_str(), "n" | "nº" | "no" | "num" | "numero" | "nr");
            if !joined || !token.is_word() || label || next > from + MAX_STREET {
                break;
            }
            // What isn't a name any more: `rue des Tanneurs est`.
            if capital
                && !token.capital
                && !OF_TOWNS.contains(&token.folded.as_str())
                && !matches!(token.folded.as_str(), "du" | "des" | "d" | "l" | "della" | "y" | "et" | "e")
            {
                break;
            }
            capital |= token.capital;
            next += 1;
        }
        (next > from).then_some((next, capital))
    }

    /// `Rákóczi út 42`, `Lindenallee 17a`, `Lale Sok. No:18`
    fn name_first(&self, at: usize) -> Option<Street> {
        let first = self.get(at)?;
        if !first.is_word() || first.letters < 2 || WORDS.units.contains(first.folded.as_str()) && first.letters < 3 {
            return None;
        }
        if WORDS.stem(&first.folded).is_some()
            && matches!(self.gap(at + 1), " " | ". " | ".")
            && let Some(next) = self.number(at + 1)
        {
            return Some(Street { next, capital: first.capital, vague: false });
        }
        if !first.capital {
            return None;
        }
        let mut found = None;
        let mut next = at + 1;
        let mut since = 0;
        while let Some(token) = self.get(next) {
            let numbered = token.is_number() && self.gap(next + 1).starts_with('.');
            if !matches!(self.gap(next), " " | "-" | ". " | "." | ", ") || since > MAX_STREET || !(token.is_word() || numbered) {
                break;
            }
            if self.gap(next) == ", " && found.is_none() {
                break;
            }
            since += 1;
            if WORDS.after.contains(token.folded.as_str()) {
                since = 0;
                found = Some(next + 1);
            } else if !token.capital && !numbered {
                break;
            }
            next += 1;
        }
        let next = self.number(found?)?;
        Some(Street { next, capital: true, vague: false })
    }

    /// `Am Alten Markt 3`
    fn lies(&self, at: usize) -> Option<Street> {
        let first = self.get(at)?;
        if !first.capital || !LIES.contains(&first.folded.as_str()) {
            return None;
        }
        let words = (at + 1..at + 4).take_while(|place| self.get(*place).is_some_and(Token::is_word) && self.gap(*place) == " ").count();
        let next = self.number(at + 1 + words).filter(|_| words > 0 && self.gap(at + 1 + words) == " ")?;
        Some(Street { next, capital: true, vague: true })
    }

    /// The number of a house, with what it is called and with its parts: `No: 88/4`, `418-III`.
    fn number(&self, at: usize) -> Option<usize> {
        let mut next = at;
        let label = self.get(at)?;
        if label.is_word() {
            let is_label = matches!(label.folded.as_str(), "no" | "n" | "nº" | "num" | "numara" | "numero" | "nr" | "hausnummer" | "szam");
            if !is_label {
                return None;
            }
            next += 1;
        }
        if !matches!(self.gap(next), " " | ". " | "." | ", " | ":" | ": " | ".:" | " : ") || !self.get(next)?.is_house_number() {
            return None;
        }
        next += 1;
        while matches!(self.gap(next), "/" | "-" | " / ") && self.get(next).is_some_and(|token| token.is_house_number() || token.is_short())
        {
            next += 1;
        }
        Some(next)
    }

    /// What follows a street and its number: parts of a house, postcode and town, in any order.
    fn rest(&self, from: usize, sure: &mut Sure) -> usize {
        let mut next = from;
        while let Some(token) = self.get(next) {
            let gap = self.gap(next);
            // A line with a label says something else.
            if gap.contains('\n') && self.text[token.start..].lines().next().is_some_and(|line| line.contains(':')) {
                break;
            }
            let comma = gap.contains(',');
            // With town and postcode an address is whole; a point after a word ends its sentence.
            let whole = token.is_word() && sure.postcode && sure.town && !gap.contains([',', '/', '(']);
            let sentence = gap.starts_with('.') && self.tokens[next - 1].is_word() && self.tokens[next - 1].letters > 4;
            if (whole || sentence) && !WORDS.units.contains(token.folded.as_str()) {
                break;
            }
            let is_unit = |place: usize| self.get(place).is_some_and(|token| WORDS.units.contains(token.folded.as_str()));
            let value = |place: usize| {
                let fits = self.get(place).is_some_and(|token| {
                    token.is_house_number() || token.is_short() || (token.digits > 0 && token.letters > 0 && token.letters < 3)
                });
                fits && matches!(self.gap(place), " " | ". " | "." | ":" | ": " | ".:" | ".: " | " : ")
            };
            let after_number = self.tokens[next - 1].digits > 0 || self.tokens[next - 1].is_short() || is_unit(next - 1);
            if let Some(taken) = postcode(self.text, &self.tokens, next, comma || sure.town) {
                sure.postcode = true;
                next += taken;
            } else if token.folded.ends_with(['º', 'ª']) && self.get(next + 1).is_some_and(Token::is_short) && self.gap(next + 1) == " " {
                // `4º B`
                sure.unit = true;
                next += 2;
            } else if is_unit(next) && value(next + 1) {
                sure.unit = true;
                next += 2;
            } else if is_unit(next) && is_unit(next + 1) && value(next + 2) {
                sure.unit = true;
                next += 3;
            } else if is_unit(next) && after_number && token.letters > 1 && !comma || is_unit(next) && token.letters > 2 && comma {
                sure.unit = true;
                next += 1;
            } else if (token.is_house_number() || token.is_short()) && is_unit(next + 1) && matches!(self.gap(next + 1), " " | ". " | ".") {
                sure.unit = true;
                next += 2;
            } else if token.is_house_number()
                && token.digits < 4
                && matches!(gap, "/" | "-" | ". " | " " | ", " | "., ")
                && self.gap(next + 1) == "/"
            {
                next += 2;
            } else if token.is_house_number() && gap == "/"
                || token.is_short() && gap == " " && self.tokens[next - 1].digits > 0 && self.ends(next)
            {
                next += 1;
            } else if token.is_word() && token.capital && token.letters > 1 {
                let Some(end) = self.town(next, sure.postcode) else { break };
                sure.town = true;
                next = end;
            } else {
                break;
            }
        }
        next
    }

    /// Whether what is read ends with a token.
    fn ends(&self, place: usize) -> bool {
        self.text[self.tokens[place].end..].trim_start_matches(' ').starts_with([',', '.', ';', ')', '\n', '/', '!', '?'])
            || self.tokens[place].end == self.text.len()
    }

    /// Where a town ends; without a postcode before it, nothing but punctuation or a postcode may follow.
    fn town(&self, from: usize, sure: bool) -> Option<usize> {
        let mut next = from + 1;
        while next < from + MAX_TOWN {
            let Some(token) = self.get(next) else { break };
            let joins = matches!(self.gap(next), " " | "-" | "'" | "’")
                && (token.capital && token.letters > 1 || OF_TOWNS.contains(&token.folded.as_str()));
            let particle_leads = OF_TOWNS.contains(&token.folded.as_str()) && !self.get(next + 1).is_some_and(|token| token.capital);
            if !joins || !token.is_word() || particle_leads || postcode(self.text, &self.tokens, next, false).is_some() {
                break;
            }
            next += 1;
        }
        let ends = self.ends(next - 1) || postcode(self.text, &self.tokens, next, true).is_some();
        (ends || sure).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<&str> {
        let words = std::iter::once(0).chain(text.match_indices([' ', '\n', '(']).map(|(at, _)| at + 1));
        words.filter(|at| text[*at..].starts_with(char::is_alphanumeric)).find_map(|at| Some(&text[at..written_address(text, at)?]))
    }

    #[test]
    fn an_address_is_found_in_the_order_of_its_country() {
        for (text, address) in [
            ("send it to 14 Thornbury Crescent, Leeds LS7 4QB please", "14 Thornbury Crescent, Leeds LS7 4QB"),
            ("I'm at 8 Orchard Mews, Cardiff, CF11 9LJ, call", "8 Orchard Mews, Cardiff, CF11 9LJ"),
            ("4418 Maple Hollow Dr, Apt 2B, Columbus, OH 43215 please", "4418 Maple Hollow Dr, Apt 2B, Columbus, OH 43215"),
            ("i live at 62 larkfield avenue tw1 4qd", "62 larkfield avenue tw1 4qd"),
            ("aux 14 bis rue des Tanneurs, bât. C, 69005 Lyon svp", "14 bis rue des Tanneurs, bât. C, 69005 Lyon"),
            ("es C/ Alcalá 45, 28014 Madrid. Teléfono", "C/ Alcalá 45, 28014 Madrid"),
            ("vivo en calle Mayor 23, 4º B, 28013 Madrid.", "calle Mayor 23, 4º B, 28013 Madrid"),
            ("è Corso Vittorio Emanuele II 112, scala B, 00186 Roma.", "Corso Vittorio Emanuele II 112, scala B, 00186 Roma"),
            ("mieszkam ul. Słoneczna 5A/3, 61-249 Poznań", "ul. Słoneczna 5A/3, 61-249 Poznań"),
            ("Prinsengracht 418-III, 1016 JB Amsterdam.", "Prinsengracht 418-III, 1016 JB Amsterdam"),
            ("9711 LM Herestraat 60", "9711 LM Herestraat 60"),
            ("Lindenallee 17a, 50968 Köln.", "Lindenallee 17a, 50968 Köln"),
            ("Mariahilfer Straße 88/2/15, 1070 Wien.", "Mariahilfer Straße 88/2/15, 1070 Wien"),
            ("in Am Alten Markt 3, 01067 Dresden.", "Am Alten Markt 3, 01067 Dresden"),
            ("Hauptstr. 44, 3. Stock, 79098 Freiburg im Breisgau.", "Hauptstr. 44, 3. Stock, 79098 Freiburg im Breisgau"),
            ("1074 Budapest, Rákóczi út 42. 3/12.", "1074 Budapest, Rákóczi út 42. 3/12"),
            ("4024 Debrecen, Piac utca 51. 2. emelet 8. ajtó", "4024 Debrecen, Piac utca 51. 2. emelet 8. ajtó"),
            ("Mimar Sinan Mah. Lale Sok. No:18 Kat:3 D:9 Çankaya/Ankara.", "Mimar Sinan Mah. Lale Sok. No:18 Kat:3 D:9 Çankaya/Ankara"),
            ("Cumhuriyet Bulvarı No: 88/4, 16010 Osmangazi, Bursa.", "Cumhuriyet Bulvarı No: 88/4, 16010 Osmangazi, Bursa"),
        ] {
            assert_eq!(found(text), Some(address), "{text}");
        }
    }

    #[test]
    fn streets_of_shops_and_other_words_are_no_addresses() {
        for text in [
            "in der Filiale Kaiserstraße 5, 60311 Frankfurt",
            "your store 11 High Street, Ely CB7 4LQ",
            "mağazanız Bağdat Caddesi No: 5, Kadıköy.",
            "en la calle dejaron 2 paquetes, Madrid.",
            "it took 3 days. Close the 2 doors, please",
            "2 Paar Schuhe, 40 Euro, Artikel 302.758.14",
            "Am Montag 3 Pakete, 12 Teile",
            "the 5 Star Park, open 10am",
            "Order 4418 Drive belts",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
