//! Whether a draft says only what something makes: its links, amounts, dates, numbers, promises, names and language.

mod names;
mod promises;

use std::collections::HashSet;

use jiff::Timestamp;

use super::{Warning, WarningKind, draft_prompt::SourceText, mask::chats_of};
use crate::{
    chats::{Author, Chat, EarlierChat, Turn},
    text::{Fact, FactKind, Figure, FigureValue, Known, Language, detect, facts, figures, fold, month, replaced, sentences, worded},
};
use names::wrong_names;
use promises::{Said, ungrounded};

/// What stands where a link was taken out.
pub const TAKEN_OUT: &str = "[…]";
/// Most messages of a chat that are looked through, the latest of them, and most warnings of one draft.
const MOST_TURNS: usize = 500;
const MOST_WARNINGS: usize = 40;
/// A draft of fewer letters tells no language.
const LEAST_LETTERS: usize = 30;

/// What a draft may say.
pub struct Grounds {
    /// What the shop says: sources, records, form answers, agents' messages, the instruction, the draft before.
    pub shop: Vec<String>,
    /// What the customer wrote: it grounds that it is mentioned, no more.
    pub customer: Vec<String>,
    /// Links and hosts that may stand in any draft.
    pub allowed_links: Vec<String>,
    pub customer_names: Vec<String>,
    /// The names of the agents and of the shop, and the voice's sign-off.
    pub shop_names: Vec<String>,
    pub language: Language,
    /// The languages that the workspace speaks.
    pub languages: Vec<Language>,
    /// Dates of the chat's events, and today's.
    pub dates: Vec<String>,
}

/// A draft after its check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The draft without the links that nothing makes.
    pub text: String,
    pub warnings: Vec<Warning>,
}

/// What texts say in figures.
#[derive(Default)]
struct Numbers {
    figures: Vec<Figure>,
    /// Amounts of money and percentages.
    amounts: HashSet<String>,
    /// Numbers that no unit of time follows.
    plain: HashSet<String>,
    /// Lengths of time, in minutes.
    lengths: HashSet<u32>,
    /// Days, months, years, hours and minutes of dates and times.
    parts: HashSet<String>,
    /// The text's letters and digits alone, in small letters.
    letters: String,
}

impl Numbers {
    fn of<'a>(texts: impl Iterator<Item = &'a str>) -> Numbers {
        let mut numbers = Numbers::default();
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
            match &figure.value {
                FigureValue::Number(readings) => match unit_of(&text[at..]) {
                    Some(minutes) => self.lengths.extend(readings.iter().filter_map(|reading| length(reading, minutes))),
                    None => self.plain.extend(readings.iter().cloned()),
                },
                FigureValue::Date(date) => {
                    self.parts.extend([date.day.to_string(), date.month.to_string()]);
                    self.parts.extend(date.year.map(|year| year.to_string()));
                }
                FigureValue::Time(time) => {
                    self.parts.extend([time.hour.to_string(), (time.hour % 12).to_string(), time.minute.to_string()]);
                }
            }
            self.figures.push(figure);
        }
        for ((_, end), number) in ["en", "tr", "hu", "de"].into_iter().flat_map(|language| worded(text, language)) {
            let number = number.to_string();
            match unit_of(&text[end..]) {
                Some(minutes) => self.lengths.extend(length(&number, minutes)),
                None => {
                    self.plain.insert(number);
                }
            }
        }
        self.letters.extend(text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase));
        self.letters.push(' ');
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
                let as_length = |number: u32| LENGTHS.iter().any(|minutes| self.lengths.contains(&number.saturating_mul(*minutes)));
                self.plain.contains(reading)
                    || self.amounts.contains(reading)
                    || self.parts.contains(reading)
                    || reading.parse::<u32>().is_ok_and(as_length)
            }
        })
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
                self.plain.contains(&date.day.to_string()) && self.figures.iter().any(same_month)
            }
            FigureValue::Time(time) => {
                let hours = [time.hour.to_string(), (time.hour % 12).to_string()];
                time.minute == 0 && hours.iter().any(|hour| self.plain.contains(hour))
            }
            FigureValue::Number(_) => false,
        };
        self.figures.iter().any(|known| known.may_be(figure)) || others()
    }
}

/// What a draft was made from.
pub struct DraftedFrom<'a> {
    pub chat: &'a Chat,
    pub earlier: &'a [EarlierChat],
    pub agent_name: &'a str,
    pub instruction: &'a str,
    pub previous_draft: &'a str,
    pub sources: &'a [SourceText],
    /// The shop's own writing rules and its sign-off, with names in them.
    pub voice: &'a str,
    pub now: Timestamp,
}

impl Grounds {
    /// What a draft from these may say. Internal notes ground nothing: what only they say is not for the customer.
    pub fn of(from: &DraftedFrom<'_>, language: &Language, languages: &[Language], allowed_links: &[String]) -> Grounds {
        let DraftedFrom { chat, earlier, agent_name, instruction, previous_draft, sources, voice, now } = *from;
        let mut shop: Vec<String> = sources.iter().map(|source| format!("{}\n{}\n{}", source.title, source.url, source.text)).collect();
        shop.extend([instruction.to_owned(), previous_draft.to_owned()]);
        let mut customer = Vec::new();
        let mut names = vec![agent_name.to_owned(), voice.to_owned()];
        let mut customer_names = vec![chat.customer.name.clone(), chat.summary.customer_name.clone()];
        let mut dates = vec![now.strftime("%Y-%m-%d").to_string()];
        for chat in chats_of(chat, earlier) {
            for Turn { at, message, .. } in chat.turns.iter().rev().take(MOST_TURNS) {
                dates.push(at.strftime("%Y-%m-%d").to_string());
                if message.author == Author::Customer {
                    customer.push(message.text.clone());
                    customer_names.push(message.author_name.clone());
                } else {
                    shop.push(message.text.clone());
                    names.push(message.author_name.clone());
                }
            }
            for record in &chat.records {
                let values: Vec<String> = record.values.iter().map(|(key, value)| format!("{key}: {value}")).collect();
                shop.push(format!("{} {}\n{}\n{}", record.source, record.reference, values.join("\n"), record.url));
            }
            shop.extend(chat.form_answers.values().cloned());
            names.push(chat.summary.agent_name.clone());
            let known = &chat.customer;
            customer.extend([&known.email, &known.phone, &known.location].map(Clone::clone));
            customer.extend(known.attributes.values().cloned());
        }
        customer_names.retain(|name| !name.is_empty());
        Grounds {
            shop,
            customer,
            allowed_links: allowed_links.to_vec(),
            customer_names,
            shop_names: names,
            language: language.clone(),
            languages: languages.to_vec(),
            dates,
        }
    }

    /// All that the customer may see.
    pub fn open(&self) -> Vec<&str> {
        let texts = [&self.shop, &self.customer, &self.customer_names, &self.shop_names, &self.dates];
        texts.into_iter().flatten().map(String::as_str).collect()
    }

    /// Checks a draft.
    pub fn check(&self, draft: &str) -> Checked {
        let (text, mut warnings) = self.without_foreign_links(draft);
        self.check_figures(&text, &mut warnings);
        let said = Said::of(self.shop.iter().map(String::as_str), self.language.primary());
        for sentence in ungrounded(&text, self.language.primary(), &said) {
            warnings.push(Warning {
                kind: WarningKind::UngroundedPromise,
                excerpt: sentence.to_owned(),
                message: "this promises what no source, record or agent's message says".to_owned(),
            });
        }
        let shop_names = self.shop_names.iter().chain(&self.shop).map(String::as_str).collect::<Vec<&str>>().join("\n");
        for wrong in wrong_names(&text, &self.customer_names, &shop_names, &self.customer.join("\n")) {
            let message = if wrong.customer { "the customer has another name" } else { "nobody of this name works on this chat" };
            warnings.push(Warning { kind: WarningKind::WrongName, excerpt: wrong.excerpt.to_owned(), message: message.to_owned() });
        }
        warnings.extend(other_language(&text, &self.language, &self.languages));
        warnings.truncate(MOST_WARNINGS);
        Checked { text, warnings }
    }

    fn without_foreign_links(&self, draft: &str) -> (String, Vec<Warning>) {
        let is_link = |kind: FactKind| matches!(kind, FactKind::Link | FactKind::Email);
        let mut grounded: HashSet<String> = HashSet::new();
        for text in self.shop.iter().chain(&self.allowed_links) {
            for fact in facts(text, &Known::default(), is_link) {
                grounded.insert(address(&text[fact.range]));
            }
        }
        let hosts: HashSet<String> = grounded
            .iter()
            .filter(|link| !link.contains('@'))
            .filter_map(|link| link.split(['/', '?', '#']).next())
            .map(str::to_owned)
            .collect();
        let customer: HashSet<String> = self
            .customer
            .iter()
            .flat_map(|text| {
                facts(text, &Known::default(), |kind| kind == FactKind::Email).into_iter().map(|fact| address(&text[fact.range]))
            })
            .collect();
        let allowed: HashSet<String> = self.allowed_links.iter().map(|link| address(link)).collect();
        let is_grounded = |link: &str| {
            let bare = address(link);
            let host = bare.split(['/', '?', '#']).next().unwrap_or_default().to_owned();
            grounded.contains(&bare) || customer.contains(&bare) || (bare == host && hosts.contains(&bare)) || allowed.contains(&host)
        };
        let foreign: Vec<Fact> =
            facts(draft, &Known::default(), is_link).into_iter().filter(|fact| !is_grounded(&draft[fact.range.clone()])).collect();
        let warnings = foreign
            .iter()
            .map(|fact| Warning {
                kind: WarningKind::UngroundedLink,
                excerpt: TAKEN_OUT.to_owned(),
                message: format!("no source has the link {}; it was taken out", &draft[fact.range.clone()]),
            })
            .collect();
        let text = replaced(draft, &foreign, |_| TAKEN_OUT.to_owned());
        (without_images(&text), warnings)
    }

    fn check_figures(&self, draft: &str, warnings: &mut Vec<Warning>) {
        let shop = Numbers::of(self.shop.iter().chain(&self.shop_names).map(String::as_str));
        let customer = Numbers::of(self.customer.iter().chain(&self.customer_names).map(String::as_str));
        let dates = Numbers::of(self.dates.iter().map(String::as_str));
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
                    let mentioned = || is_mention(sentence_at(draft, fact.range.start));
                    values.iter().all(|figure| shop.has_amount(figure))
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
                    if ![&shop, &customer, &dates].iter().any(|known| known.has_moment(&figure)) {
                        warn(WarningKind::UngroundedDate, &figure.written);
                    }
                }
                FigureValue::Number(readings) => {
                    let known = |known: &&Numbers| {
                        known.has_number(readings, &rest[at..]) || known.figures.iter().any(|known| known.may_be(&figure))
                    };
                    let known = [&shop, &customer, &dates].iter().any(known);
                    if !known && !is_list_number(&rest, start, at) && figure.written != "1" {
                        warn(WarningKind::UngroundedAmount, &figure.written);
                    }
                }
            }
        }
        for ((start, end), number) in worded(&rest, self.language.primary()) {
            // `fünf Uhr`, `dokuz Aralık`, `ötezer forint`
            let next = rest[end..].trim_start();
            let next = fold(&next[..next.find(|letter: char| !letter.is_alphabetic()).unwrap_or(next.len())]);
            let before = rest[..start].trim_end().rsplit(' ').next().unwrap_or_default();
            let moment = next == "uhr" || month(&next).is_some() || month(before).is_some();
            let amount = CURRENCIES.iter().any(|currency| next.starts_with(currency));
            let (number, after) = ([number.to_string()], &rest[end..]);
            let counts = number[0] != "1" && (moment || amount || unit_of(after).is_some());
            let known = |known: &&Numbers| known.has_number(&number, after) || (amount && known.amounts.contains(&number[0]));
            if counts && ![&shop, &customer].iter().any(known) {
                let kind = if moment { WarningKind::UngroundedDate } else { WarningKind::UngroundedAmount };
                warn(kind, &rest[start..end]);
            }
        }
    }
}

/// Beginnings of currencies' names, without accents.
const CURRENCIES: [&str; 9] = ["forint", "euro", "pound", "dollar", "dolar", "lira", "avro", "pfund", "franken"];

/// A warning if a text is in another language than it should be.
pub fn other_language(text: &str, language: &Language, languages: &[Language]) -> Option<Warning> {
    // A greeting, a signature and names may be in any language.
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let body = lines.join("\n");
    let mut parts = sentences(&body).skip_while(|sentence| sentence.split_whitespace().count() <= 3);
    let first = parts.next().unwrap_or(&body).to_owned();
    let rest = parts.collect::<Vec<&str>>().join(" ");
    let all = format!("{first} {rest}");
    let found = facts(&all, &Known::default(), |_| true);
    let bare = replaced(&all, &found, |_| String::new());
    if bare.chars().filter(|letter| letter.is_alphabetic()).count() < LEAST_LETTERS {
        return None;
    }
    let written = detect(&bare, languages)?;
    (written.primary() != language.primary()).then(|| Warning {
        kind: WarningKind::LanguageMismatch,
        excerpt: first,
        message: format!("this is in {}, asked was {}", written.english_name(), language.english_name()),
    })
}

/// By how many of its last digits a phone number is known.
const LOCAL_DIGITS: usize = 9;

/// Beginnings of units of time, without accents, with their minutes.
const UNITS: [(&str, u32); 32] = [
    ("week", WEEK),
    ("woche", WEEK),
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
    ("stunde", HOUR),
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
const LENGTHS: [u32; 6] = [1, HOUR, DAY, WEEK, MONTH, YEAR];

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

fn sentence_at(text: &str, at: usize) -> &str {
    let base = text.as_ptr() as usize;
    sentences(text)
        .find(|sentence| (sentence.as_ptr() as usize - base..sentence.as_ptr() as usize - base + sentence.len()).contains(&at))
        .unwrap_or(text)
}

/// Whether a sentence only repeats what the customer said, or denies it.
fn is_mention(sentence: &str) -> bool {
    const CUES: [&str; 45] = [
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

/// A link as two writings of it are compared.
fn address(link: &str) -> String {
    let small = link.trim().to_lowercase();
    let bare = ["https://", "http://", "mailto:", "tel:"].iter().find_map(|scheme| small.strip_prefix(scheme)).unwrap_or(&small);
    bare.strip_prefix("www.").unwrap_or(bare).trim_end_matches('/').to_owned()
}

/// Images become their words.
fn without_images(text: &str) -> String {
    if !text.contains("![") {
        return text.to_owned();
    }
    text.replace("![", "[")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grounds() -> Grounds {
        let language = |tag: &str| Language::parse(tag).unwrap();
        Grounds {
            shop: vec![
                "Returns are free within 14 days at https://shop.example/returns. Refunds take 5 working days.".into(),
                "order KE-204815: total: 49.90 EUR; shipped: 2026-11-18".into(),
            ],
            customer: vec!["I paid 60 EUR, see http://other.example/x, and was promised a refund today".into()],
            allowed_links: Vec::new(),
            customer_names: vec!["Elif Kaya".into()],
            shop_names: vec!["Selin".into()],
            language: language("en"),
            languages: ["en", "tr", "hu", "de"].map(language).to_vec(),
            dates: vec!["2026-11-23".into()],
        }
    }

    fn kinds(draft: &str) -> Vec<WarningKind> {
        grounds().check(draft).warnings.into_iter().map(|warning| warning.kind).collect()
    }

    #[test]
    fn what_sources_say_is_grounded() {
        for draft in [
            "Hi Elif, your order KE-204815 for €49.90 left on 18 November. You have two weeks to return it for free: shop.example/returns.",
            "Dear Ms Kaya,\n\nas you wrote, you paid 60 EUR. The refund takes five working days.\n\nBest regards,\nSelin",
            "1. Open https://shop.example/returns/\n2. Print the label.",
        ] {
            assert_eq!(kinds(draft), [], "{draft}");
        }
    }

    #[test]
    fn what_nothing_makes_is_marked() {
        use WarningKind::*;
        for (draft, kind) in [
            ("You can return it at https://shop.example/return-now.", UngroundedLink),
            ("See http://other.example/x for more.", UngroundedLink),
            ("The total was 48.90 EUR.", UngroundedAmount),
            ("We refund 60 EUR.", UngroundedAmount),
            ("Your order KE-204816 is on its way.", UngroundedAmount),
            ("You have 30 days to return it.", UngroundedAmount),
            ("It left on 19 November.", UngroundedDate),
            ("Your refund will be paid today.", UngroundedPromise),
            ("We guarantee that it fits.", UngroundedPromise),
            ("Hi Ece, returns are free.", WrongName),
            ("Returns are free.\n\nBest regards,\nMurat", WrongName),
            ("Merhaba, siparişinizi on dört gün içinde ücretsiz olarak iade edebilirsiniz.", LanguageMismatch),
        ] {
            assert!(kinds(draft).contains(&kind), "{draft} {:?}", kinds(draft));
        }
        let checked = grounds().check("Look at https://evil.example/x?data=1 now.");
        assert_eq!(checked.text, "Look at […] now.");
    }
}
