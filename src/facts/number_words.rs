//! Numbers that are written as words: `yirmi beş`, `tizennyolcadika`, `fünfundzwanzig`, `two hundred and twelve`.

use crate::text::fold;

/// Parts of number words without accents, with their worth. A longer one goes before one that it begins with.
const ENGLISH: [(&str, u64); 30] = [
    ("seventeen", 17),
    ("thirteen", 13),
    ("fourteen", 14),
    ("eighteen", 18),
    ("nineteen", 19),
    ("thousand", 1000),
    ("fifteen", 15),
    ("sixteen", 16),
    ("seventy", 70),
    ("hundred", 100),
    ("eleven", 11),
    ("twelve", 12),
    ("twenty", 20),
    ("thirty", 30),
    ("eighty", 80),
    ("ninety", 90),
    ("forty", 40),
    ("fifty", 50),
    ("sixty", 60),
    ("three", 3),
    ("seven", 7),
    ("eight", 8),
    ("four", 4),
    ("five", 5),
    ("nine", 9),
    ("one", 1),
    ("two", 2),
    ("six", 6),
    ("ten", 10),
    ("and", 0),
];
const TURKISH: [(&str, u64); 20] = [
    ("yetmis", 70),
    ("altmis", 60),
    ("seksen", 80),
    ("doksan", 90),
    ("yirmi", 20),
    ("sekiz", 8),
    ("dokuz", 9),
    ("otuz", 30),
    ("kirk", 40),
    ("elli", 50),
    ("dort", 4),
    ("alti", 6),
    ("yedi", 7),
    ("bes", 5),
    ("iki", 2),
    ("bir", 1),
    ("yuz", 100),
    ("bin", 1000),
    ("uc", 3),
    ("on", 10),
];
const HUNGARIAN: [(&str, u64); 24] = [
    ("kilencven", 90),
    ("nyolcvan", 80),
    ("harminc", 30),
    ("negyven", 40),
    ("kilenc", 9),
    ("huszon", 20),
    ("otven", 50),
    ("hatvan", 60),
    ("hetven", 70),
    ("nyolc", 8),
    ("ketto", 2),
    ("harom", 3),
    ("tizen", 10),
    ("negy", 4),
    ("husz", 20),
    ("szaz", 100),
    ("ezer", 1000),
    ("ket", 2),
    ("hat", 6),
    ("het", 7),
    ("tiz", 10),
    ("egy", 1),
    ("ot", 5),
    ("nulla", 0),
];
const GERMAN: [(&str, u64); 32] = [
    ("dreizehn", 13),
    ("vierzehn", 14),
    ("funfzehn", 15),
    ("sechzehn", 16),
    ("siebzehn", 17),
    ("achtzehn", 18),
    ("neunzehn", 19),
    ("zwanzig", 20),
    ("dreissig", 30),
    ("vierzig", 40),
    ("funfzig", 50),
    ("sechzig", 60),
    ("siebzig", 70),
    ("achtzig", 80),
    ("neunzig", 90),
    ("hundert", 100),
    ("tausend", 1000),
    ("sieben", 7),
    ("sechs", 6),
    ("zwolf", 12),
    ("zwei", 2),
    ("drei", 3),
    ("vier", 4),
    ("funf", 5),
    ("acht", 8),
    ("neun", 9),
    ("zehn", 10),
    ("eins", 1),
    ("ein", 1),
    ("elf", 11),
    ("und", 0),
    ("null", 0),
];

/// The numbers that a text writes as words in a language, each with where it stands, without its ending; none in a language not known here.
pub fn worded(text: &str, language: &str) -> Vec<((usize, usize), u64)> {
    let (parts, endings): (&[(&str, u64)], bool) = match language {
        "en" => (&ENGLISH, false),
        "tr" => (&TURKISH, false),
        "hu" => (&HUNGARIAN, true),
        "de" => (&GERMAN, true),
        _ => return Vec::new(),
    };
    let mut found: Vec<((usize, usize), u64)> = Vec::new();
    let mut open: Option<(usize, usize, Sum)> = None;
    let mut at = 0;
    while let Some(start) = text[at..].find(char::is_alphabetic).map(|found| at + found) {
        let end = start + text[start..].find(|letter: char| !letter.is_alphabetic()).unwrap_or(text.len() - start);
        // A number of several words has nothing but a space or a hyphen between them.
        if open.as_ref().is_some_and(|(_, last, _)| !matches!(&text[*last..start], " " | "-")) {
            close(&mut open, &mut found);
        }
        match read(&fold(&text[start..end]), parts, endings) {
            Some((worths, ending)) => {
                // `one to three`, `two three-day passes`: two numbers.
                if open.as_ref().is_some_and(|(_, _, sum)| sum.below % 10 > 0)
                    && worths.first().is_some_and(|worth| (1..100).contains(worth))
                    && language != "de"
                {
                    close(&mut open, &mut found);
                }
                let (_, last, sum) = open.get_or_insert((start, end, Sum::default()));
                *last = text[..end].char_indices().rev().nth(ending.wrapping_sub(1)).map_or(end, |(at, _)| at);
                worths.into_iter().for_each(|worth| sum.add(worth));
                if ending > 0 {
                    close(&mut open, &mut found);
                }
            }
            None => close(&mut open, &mut found),
        }
        at = end;
    }
    close(&mut open, &mut found);
    found
}

fn close(open: &mut Option<(usize, usize, Sum)>, found: &mut Vec<((usize, usize), u64)>) {
    if let Some((start, end, sum)) = open.take()
        && sum.said
    {
        found.push(((start, end), sum.worth()));
    }
}

/// The worths of a word's parts, and how many letters follow them; `None` if it is no number. With `endings` a word may go on after its number.
fn read(word: &str, parts: &[(&str, u64)], endings: bool) -> Option<(Vec<u64>, usize)> {
    let mut worths = Vec::new();
    let mut rest = word;
    while let Some((part, worth)) = parts.iter().find(|(part, _)| rest.starts_with(part)) {
        worths.push(*worth);
        rest = &rest[part.len()..];
    }
    let read = word.len() - rest.len();
    // A quarter is no four.
    let ends = rest.is_empty() || (endings && read >= 4 && rest.len() <= 10 && rest != "ed");
    (ends && !worths.is_empty()).then(|| (worths, rest.chars().count()))
}

/// A number as its words add up.
#[derive(Default)]
struct Sum {
    thousands: u64,
    below: u64,
    /// Whether any of it is more than a joint.
    said: bool,
}

impl Sum {
    fn add(&mut self, worth: u64) {
        self.said |= worth > 0;
        match worth {
            1000 => {
                self.thousands = self.thousands.saturating_add(self.below.max(1).saturating_mul(1000));
                self.below = 0;
            }
            100 => self.below = self.below.max(1).saturating_mul(100),
            _ => self.below = self.below.saturating_add(worth),
        }
    }

    fn worth(&self) -> u64 {
        self.thousands.saturating_add(self.below)
    }
}

#[cfg(test)]
mod tests {
    use crate::facts::number_words::worded;

    #[test]
    fn numbers_are_read_as_they_are_said() {
        for (text, language, number) in [
            ("two hundred and twelve days", "en", 212),
            ("thirty-seven dollars", "en", 37),
            ("yirmi beş Aralık", "tr", 25),
            ("on dört gün", "tr", 14),
            ("bin iki yüz elli", "tr", 1250),
            ("január tizennyolcadikáig", "hu", 18),
            ("ötezer-kilencszázkilencven forint", "hu", 5990),
            ("háromnapos", "hu", 3),
            ("fünfundzwanzig Tage", "de", 25),
            ("dreitägig", "de", 3),
            ("zweihundert", "de", 200),
        ] {
            assert_eq!(worded(text, language).first().map(|(_, number)| *number), Some(number), "{text}");
        }
        for (text, language) in [("and then", "en"), ("once", "en"), ("alone", "en"), ("Sanduhr", "de"), ("biraz", "tr"), ("x", "fr")] {
            assert_eq!(worded(text, language), [], "{text}");
        }
    }
}
