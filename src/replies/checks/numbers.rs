//! Amounts, dates and numbers of a draft: whether what the shop or the customer said has them, and of what.

use std::{
    cell::LazyCell,
    collections::{HashMap, HashSet},
};

use crate::{
    facts::{FactKind, Figure, FigureValue, Known, facts, figures, month, replaced, worded},
    replies::{
        checks::Grounds,
        stream::result::{Warning, WarningKind},
    },
    text::{fold, sentence_at},
};

/// What texts say in figures.
#[derive(Default)]
struct KnownNumbers {
    figures: Vec<Figure>,
    /// Amounts of money and percentages.
    amounts: HashSet<String>,
    /// Numbers that no unit of time follows.
    plain: HashSet<String>,
    /// Lengths of time, in minutes, and the numbers that they are written with.
    lengths: HashSet<u32>,
    of_lengths: HashSet<String>,
    /// Numbers by the beginning of the word that tells what they count.
    counted: HashMap<String, HashSet<String>>,
    /// Numbers that stand beside no word: values of records.
    free: HashSet<String>,
    /// Days, months, years, hours and minutes of dates and times.
    parts: HashSet<String>,
    /// The text's letters and digits alone, in small letters.
    letters: String,
}

impl KnownNumbers {
    fn of<'a>(texts: impl Iterator<Item = &'a str>) -> KnownNumbers {
        let mut numbers = KnownNumbers::default();
        for text in texts {
            numbers.add(text);
        }
        numbers
    }

    fn add(&mut self, text: &str) {
        for fact in facts(text, &Known::default(), |kind| kind == FactKind::Amount) {
            for figure in figures(&text[fact.range]) {
                if let FigureValue::Number(readings) = figure.value {
                    self.amounts.extend(readings);
                }
            }
        }
        let mut at = 0;
        for figure in figures(text) {
            at = text[at..].find(&figure.written).map_or(at, |found| at + found + figure.written.len());
            let start = at - figure.written.len();
            match &figure.value {
                FigureValue::Number(readings) => self.add_number(readings, text, start, at),
                FigureValue::Date(date) => {
                    // `Firmware is 1.2.` ends as a date does.
                    if date.year.is_none() && date.ambiguous {
                        self.plain.insert(figure.written.trim_end_matches('.').to_owned());
                    }
                    self.parts.extend([date.day.to_string(), date.month.to_string()]);
                    self.parts.extend(date.year.map(|year| year.to_string()));
                }
                FigureValue::Time(time) => {
                    self.count(&hours(time.hour), text, start, at);
                    self.counted.entry("uhr".to_owned()).or_default().extend(hours(time.hour));
                    self.parts.extend([time.hour.to_string(), (time.hour % 12).to_string(), time.minute.to_string()]);
                }
            }
            self.figures.push(figure);
        }
        for ((start, end), number) in ["en", "tr", "hu", "de"].into_iter().flat_map(|language| worded(text, language)) {
            self.add_number(&[number.to_string()], text, start, end);
        }
        self.add_single_lengths(text);
        self.letters.extend(text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase));
        self.letters.push(' ');
    }

    /// `a week`, `eine Woche`, `bir hafta`, `egy hét`
    fn add_single_lengths(&mut self, text: &str) {
        const ONES: [&str; 10] = ["a", "an", "one", "ein", "eine", "einer", "einem", "einen", "bir", "egy"];
        let mut before = "";
        for piece in text.split(' ') {
            if let Some(minutes) = unit_of(piece).filter(|_| ONES.contains(&fold(before).as_str())) {
                self.lengths.insert(minutes);
                self.of_lengths.insert("1".to_owned());
            }
            before = piece.trim_start_matches(|letter: char| !letter.is_alphanumeric());
        }
    }

    fn add_number(&mut self, readings: &[String], text: &str, start: usize, end: usize) {
        match unit_of(&text[end..]) {
            Some(minutes) => {
                // Opening hours until 18 are until six in the evening.
                let hour = readings
                    .iter()
                    .filter_map(|reading| reading.parse::<u8>().ok())
                    .find(|hour| minutes == HOUR && (13..=24).contains(hour));
                self.parts.extend(hour.into_iter().flat_map(hours));
                self.lengths.extend(readings.iter().filter_map(|reading| length(reading, minutes)));
                self.of_lengths.extend(readings.iter().cloned());
            }
            None => self.plain.extend(readings.iter().cloned()),
        }
        self.count(readings, text, start, end);
    }

    fn count(&mut self, readings: &[String], text: &str, start: usize, end: usize) {
        let numbers = match counted(text, start, end) {
            Some(word) => self.counted.entry(word).or_default(),
            None => &mut self.free,
        };
        numbers.extend(readings.iter().cloned());
    }

    /// Whether these texts count what a small number counts, and never so many of it. Greater numbers hardly stand anywhere by chance.
    fn count_otherwise(&self, customer: &KnownNumbers, readings: &[String], text: &str, start: usize, end: usize) -> bool {
        let small = readings.iter().any(|reading| reading.parse::<u32>().is_ok_and(|number| number <= MAX_BY_CHANCE));
        let Some(known) =
            counted(text, start, end).filter(|_| small).and_then(|word| Some((self.counted.get(&word)?, customer.counted.get(&word))))
        else {
            return false;
        };
        let (shops, customers) = known;
        let has = |reading: &String| {
            shops.contains(reading) || self.free.contains(reading) || customers.is_some_and(|customers| customers.contains(reading))
        };
        !readings.iter().any(has)
    }

    /// Whether a number with a unit of time is as long as a known length.
    fn has_length(&self, readings: &[String], after: &str) -> bool {
        unit_of(after).is_some_and(|minutes| {
            readings.iter().any(|reading| length(reading, minutes).is_some_and(|length| self.lengths.contains(&length)))
        })
    }

    /// Whether a number is known that `after` follows: as the same length of time, or without a unit.
    fn has_number(&self, readings: &[String], after: &str) -> bool {
        readings.iter().any(|reading| match unit_of(after) {
            Some(minutes) => {
                self.plain.contains(reading)
                    || length(reading, minutes).is_some_and(|length| self.lengths.contains(&length))
                    // Some languages call it an hour what others call a clock's.
                    || (minutes == HOUR && self.parts.contains(reading))
            }
            None => {
                self.plain.contains(reading)
                    || self.amounts.contains(reading)
                    || self.parts.contains(reading)
                    || self.of_lengths.contains(reading)
            }
        })
    }

    /// Whether an amount of so many whole units is known: cents are named apart in words.
    fn has_whole_amount(&self, number: &str) -> bool {
        let whole = |amount: &String| amount.strip_prefix(number).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        self.amounts.iter().any(whole)
    }

    /// Whether the hundredths of a known amount are these.
    fn has_hundredths(&self, number: &str) -> bool {
        let hundredths = |amount: &String| amount.split_once('.').is_some_and(|(_, part)| format!("{part:0<2}") == number);
        self.amounts.iter().any(hundredths)
    }

    /// Whether a number is the whole units or the hundredths of a known amount: `22 Euro und 60 Cent`, `18 Euro 60`.
    fn has_part(&self, text: &str, start: usize, end: usize) -> bool {
        let is_currency = |word: &str| CURRENCIES.iter().any(|currency| fold(word).starts_with(currency));
        let number: String = text[start..end].chars().filter(char::is_ascii_digit).collect();
        let mut next = text[start..].split_whitespace().skip(1).take(3);
        let before: Vec<&str> = text[..start].split_whitespace().rev().take(2).collect();
        let has_cents =
            next.next().is_some_and(is_currency) && next.any(|word| word.len() >= 2 && word.as_bytes()[..2].iter().all(u8::is_ascii_digit));
        (has_cents && self.has_whole_amount(&number)) || (before.iter().any(|word| is_currency(word)) && self.has_hundredths(&number))
    }

    fn has_amount(&self, figure: &Figure) -> bool {
        let known = |reading: &String| self.amounts.contains(reading) || self.plain.contains(reading);
        matches!(&figure.value, FigureValue::Number(readings) if readings.iter().any(known))
    }

    /// Whether a date or time is known, or the day of a date whose month is: `from 24 to 25 November`.
    fn has_moment(&self, figure: &Figure) -> bool {
        let others = || match &figure.value {
            FigureValue::Date(date) => {
                let same_month = |known: &Figure| matches!(known.value, FigureValue::Date(known) if known.month == date.month);
                let version = date.year.is_none() && date.ambiguous && self.plain.contains(figure.written.trim_end_matches('.'));
                version || (self.plain.contains(&date.day.to_string()) && self.figures.iter().any(same_month))
            }
            FigureValue::Time(time) => time.minute == 0 && hours(time.hour).iter().any(|hour| self.plain.contains(hour)),
            FigureValue::Number(_) => false,
        };
        self.figures.iter().any(|known| known.may_be(figure)) || others()
    }
}

/// The warnings of a draft's amounts, dates and numbers.
pub fn ungrounded_numbers(draft: &str, grounds: &Grounds) -> Vec<Warning> {
    let mut warnings = Vec::new();
    // Many drafts have no number: then nothing else is looked through.
    let shop = LazyCell::new(|| KnownNumbers::of(grounds.shop.iter().chain(&grounds.shop_names).map(String::as_str)));
    let customer = LazyCell::new(|| KnownNumbers::of(grounds.customer.iter().chain(&grounds.customer_names).map(String::as_str)));
    let dates = LazyCell::new(|| KnownNumbers::of(grounds.dates.iter().map(String::as_str)));
    let mut warn = |kind: WarningKind, excerpt: &str| {
        let message = match kind {
            WarningKind::UngroundedDate => "no source, record or message has this date or time",
            _ => "no source, record or message has this number",
        };
        warnings.push(Warning { kind, excerpt: excerpt.to_owned(), message: message.to_owned() });
    };
    // What is a fact of its own is looked for as a whole.
    let whole = facts(draft, &Known::default(), |kind| kind != FactKind::Placeholder && kind != FactKind::Handle);
    for fact in &whole {
        let written = &draft[fact.range.clone()];
        let letters: String = written.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        let grounded = match fact.kind {
            FactKind::Amount => {
                let values = figures(written);
                let mentioned = || is_mention(sentence_at(draft, fact.range.start).unwrap_or(draft));
                values.iter().all(|figure| shop.has_amount(figure))
                    || shop.has_part(draft, fact.range.start, fact.range.end)
                    || (values.iter().all(|figure| customer.has_amount(figure)) && mentioned())
            }
            FactKind::Phone | FactKind::NationalId | FactKind::Card => {
                // A phone number is the same without its country.
                let digits: String = letters.chars().filter(char::is_ascii_digit).collect();
                let local = digits.trim_start_matches('0');
                let local = &local[local.len().saturating_sub(LOCAL_DIGITS)..];
                shop.letters.contains(local) || customer.letters.contains(local)
            }
            FactKind::Code | FactKind::Iban | FactKind::File => shop.letters.contains(&letters) || customer.letters.contains(&letters),
            _ => true,
        };
        if !grounded {
            warn(WarningKind::UngroundedAmount, written);
        }
    }
    let rest = replaced(draft, &whole, |_| " \u{fffc} ".to_owned());
    let mut at = 0;
    for figure in figures(&rest) {
        let start = rest[at..].find(&figure.written).map_or(at, |found| at + found);
        at = start + figure.written.len();
        match &figure.value {
            FigureValue::Date(_) | FigureValue::Time(_) => {
                if ![&*shop, &*customer, &*dates].iter().any(|known| known.has_moment(&figure)) {
                    warn(WarningKind::UngroundedDate, &figure.written);
                }
            }
            FigureValue::Number(readings) => {
                let after = &rest[at..];
                let known =
                    |known: &&KnownNumbers| known.has_number(readings, after) || known.figures.iter().any(|known| known.may_be(&figure));
                let all = [&*shop, &*customer, &*dates];
                let otherwise = || shop.count_otherwise(&customer, readings, &rest, start, at);
                let grounded = if shop.has_part(&rest, start, at) {
                    true
                } else if unit_of(after).is_none() {
                    all.iter().any(known) && !otherwise()
                } else if is_limit(sentence_at(&rest, start).unwrap_or(&rest)) {
                    // What the customer takes for the time allowed does not allow it.
                    shop.has_length(readings, after) || (shop.has_number(readings, after) && !otherwise())
                } else {
                    all.iter().any(|known| known.has_length(readings, after)) || (all.iter().any(known) && !otherwise())
                };
                if !grounded && !is_list_number(&rest, start, at) && figure.written != "1" {
                    warn(WarningKind::UngroundedAmount, &figure.written);
                }
            }
        }
    }
    for ((start, end), number) in worded(&rest, grounds.language.primary()) {
        // `fünf Uhr`, `dokuz Aralık`, `ötezer forint`
        let next = fold(word(rest[end..].trim_start()));
        let before = rest[..start].trim_end().rsplit(' ').next().unwrap_or_default();
        let moment = next == "uhr" || month(&next).is_some() || month(before).is_some();
        let amount = CURRENCIES.iter().any(|currency| next.starts_with(currency));
        let (number, after) = ([number.to_string()], &rest[end..]);
        if number[0] == "1" {
            continue;
        }
        // `im vierten Stock`, `a harmadik emeleten`: which one, not how many.
        let ordinal = rest[end..].starts_with("te") || fold(word(after)).ends_with("dik");
        let otherwise = !ordinal && shop.count_otherwise(&customer, &number, &rest, start, end);
        let known = |known: &&KnownNumbers| known.has_number(&number, after) || (amount && known.has_whole_amount(&number[0]));
        let long = || shop.has_length(&number, after) || customer.has_length(&number, after);
        let counts = moment || amount || unit_of(after).is_some();
        if (otherwise || (counts && ![&*shop, &*customer].iter().any(known))) && !long() {
            let kind = if moment { WarningKind::UngroundedDate } else { WarningKind::UngroundedAmount };
            warn(kind, &rest[start..end + word(after).len()]);
        }
    }
    warnings
}

/// The beginning of the word that tells what a number counts: the one after it, or after the range that it begins; else the one before.
fn counted(text: &str, start: usize, end: usize) -> Option<String> {
    let gap = [' ', '\u{a0}', '-', '–', '—'];
    let tells = |word: &str| {
        let folded = fold(word);
        let tells = folded.chars().count() >= 3 && !JOINTS.contains(&folded.as_str());
        tells.then(|| folded.chars().take(COUNTED_LETTERS).collect::<String>())
    };
    let mut rest = text[end..].trim_start_matches(gap);
    let further = RANGES.iter().find_map(|range| rest.strip_prefix(range)).unwrap_or(rest);
    let upper = further.trim_start_matches(|next: char| next.is_ascii_digit());
    if upper.len() < further.len() {
        rest = upper.trim_start_matches(gap);
    } else if further.len() < rest.len() {
        // The range's upper end is a word.
        rest = further.split_once(' ').map_or("", |(_, rest)| rest);
    }
    tells(word(rest)).or_else(|| {
        let before = text[..start].trim_end_matches([' ', '\u{a0}']);
        let from = before.char_indices().rev().find(|(_, letter)| !letter.is_alphabetic()).map_or(0, |(at, letter)| at + letter.len_utf8());
        tells(&before[from..])
    })
}

/// The word that a text begins with, if it does with one.
fn word(text: &str) -> &str {
    &text[..text.find(|letter: char| !letter.is_alphabetic()).unwrap_or(text.len())]
}

/// Numbers up to this one stand anywhere, of all kinds of things.
const MAX_BY_CHANCE: u32 = 10;
/// By so many first letters a word that is counted is known.
const COUNTED_LETTERS: usize = 5;
/// Words between the ends of a range.
const RANGES: [&str; 10] = ["to ", "ile ", "ila ", "bis ", "and ", "or ", "und ", "oder ", "ve ", "veya "];
/// Words beside numbers that tell nothing of what is counted, without accents.
const JOINTS: [&str; 60] = [
    "about",
    "within",
    "after",
    "from",
    "than",
    "for",
    "the",
    "and",
    "with",
    "over",
    "under",
    "until",
    "till",
    "only",
    "least",
    "most",
    "are",
    "was",
    "you",
    "your",
    "nach",
    "etwa",
    "innerhalb",
    "binnen",
    "von",
    "bis",
    "auf",
    "mit",
    "fur",
    "und",
    "oder",
    "unter",
    "uber",
    "nur",
    "noch",
    "den",
    "der",
    "die",
    "das",
    "dem",
    "ist",
    "sind",
    "kadar",
    "sonra",
    "yalnizca",
    "icin",
    "ile",
    "tam",
    "toplam",
    "sadece",
    "yaklasik",
    "csak",
    "akar",
    "mar",
    "legfeljebb",
    "legalabb",
    "korulbelul",
    "utan",
    "vagy",
    "mintegy",
];

fn hours(hour: u8) -> [String; 2] {
    [hour.to_string(), (hour % 12).to_string()]
}

/// Whether a sentence says within which time something is.
fn is_limit(sentence: &str) -> bool {
    const LIMITS: [&str; 14] = [
        "within",
        "up to",
        "no later",
        "at most",
        "innerhalb",
        "binnen",
        "bis zu",
        "spatestens",
        "icinde",
        "kadar",
        "en gec",
        "belul",
        "legfeljebb",
        "legkesobb",
    ];
    let folded = fold(sentence);
    LIMITS.iter().any(|limit| folded.contains(limit))
}

/// Beginnings of currencies' names, without accents.
const CURRENCIES: [&str; 9] = ["forint", "euro", "pound", "dollar", "dolar", "lira", "avro", "pfund", "franken"];

/// By how many of its last digits a phone number is known.
const LOCAL_DIGITS: usize = 9;

/// Beginnings of units of time, without accents, with their minutes.
const UNITS: [(&str, u32); 32] = [
    ("week", WEEK),
    ("woch", WEEK),
    ("hafta", WEEK),
    ("het", WEEK),
    ("day", DAY),
    ("tag", DAY),
    ("gun", DAY),
    ("nap", DAY),
    ("werktag", DAY),
    ("is gun", DAY),
    ("munkanap", DAY),
    ("business day", DAY),
    ("working day", DAY),
    ("arbeitstag", DAY),
    ("year", YEAR),
    ("jahr", YEAR),
    ("yil", YEAR),
    ("ev", YEAR),
    ("hour", HOUR),
    ("h ", HOUR),
    ("stund", HOUR),
    ("saat", HOUR),
    ("ora", HOUR),
    ("month", MONTH),
    ("monat", MONTH),
    ("ay", MONTH),
    ("honap", MONTH),
    ("minute", 1),
    ("min", 1),
    ("dakika", 1),
    ("dk", 1),
    ("perc", 1),
];
const HOUR: u32 = 60;
const DAY: u32 = 24 * HOUR;
const WEEK: u32 = 7 * DAY;
const MONTH: u32 = 30 * DAY;
const YEAR: u32 = 12 * MONTH;

/// The minutes of the unit that a text begins with.
fn unit_of(text: &str) -> Option<u32> {
    let beginning: String = text.chars().take(20).collect();
    let folded = format!("{} ", fold(&beginning));
    let word = folded.trim_start_matches([' ', '-', '\u{a0}', '.']);
    let near = folded.len() - word.len() <= 2;
    UNITS.iter().find(|(unit, _)| near && word.starts_with(unit)).map(|(_, minutes)| *minutes)
}

fn length(number: &str, minutes: u32) -> Option<u32> {
    number.parse::<u32>().ok()?.checked_mul(minutes)
}

/// Whether a sentence only repeats what the customer said, or denies it.
fn is_mention(sentence: &str) -> bool {
    const CUES: [&str; 50] = [
        "yazmis",
        "hatirl",
        "soylemis",
        "belirtmis",
        "demis",
        "you wrote",
        "you write",
        "you say",
        "you describe",
        "you said",
        "you mention",
        "you were",
        "you told",
        "you paid",
        "you saw",
        "your ",
        "you've",
        "you had",
        "not ",
        "n't",
        "instead of",
        "yazdig",
        "belirttig",
        "bahsettig",
        "soyledig",
        "degil",
        "odedig",
        "gordug",
        "dedig",
        "irta",
        "emlit",
        "nem ",
        "jelez",
        "fizetett",
        "latott",
        "helyett",
        "geschrieben",
        "schrieben",
        "schriebst",
        "schreiben",
        "erwahn",
        "genannt",
        "nicht",
        "bezahlt",
        "gezahlt",
        "statt",
        "gesehen",
        "ihre ",
        "deine ",
        "sizin",
    ];
    let folded = format!(" {}", fold(sentence));
    CUES.iter().any(|cue| folded.contains(&format!(" {cue}")) || (*cue == "n't" && folded.contains(cue)))
}

/// Whether a number counts the steps of a list, or names one.
fn is_list_number(text: &str, start: usize, end: usize) -> bool {
    const STEPS: [&str; 9] = ["step", "steps", "schritt", "adim", "lepes", "punkt", "point", "madde", "pont"];
    let before = text[..start].trim_end_matches([' ', '\t', '*', '-']);
    let last = fold(before.rsplit(' ').next().unwrap_or_default());
    let begins = before.is_empty() || before.ends_with('\n');
    STEPS.contains(&last.as_str()) || (begins && text[end..].starts_with(['.', ')', ':']))
}
