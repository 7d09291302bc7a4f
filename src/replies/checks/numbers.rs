//! Amounts, dates and numbers of a draft: whether what the shop or the customer said has them, and of what.

use std::cell::LazyCell;

use jiff::civil::Date as Day;

use crate::{
    facts::{FactKind, Figure, FigureValue, Known, currency, facts, figures, is_ordinal, month, named_currency, replaced, worded},
    lexicon::lexicon,
    replies::{
        checks::{
            Evidence,
            counting::{Counting, word},
            derived::Operands,
            known_numbers::KnownNumbers,
            same_line::Lines,
        },
        stream::result::{Warning, WarningKind},
    },
    text::{fold, sentence_at, sentences},
};

/// The warnings of a draft's amounts, dates and numbers.
pub fn ungrounded_numbers(draft: &str, evidence: &Evidence) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let words = Counting { lexica: evidence.lexica() };
    // Many drafts have no number: then nothing else is looked through.
    let shop = LazyCell::new(|| KnownNumbers::of(evidence.shop.iter().chain(&evidence.shop_names).map(String::as_str), &words));
    let customer = LazyCell::new(|| KnownNumbers::of(evidence.customer.iter().chain(&evidence.customer_names).map(String::as_str), &words));
    let dates = LazyCell::new(|| KnownNumbers::of(evidence.dates.iter().map(String::as_str), &words));
    // What the draft may compute: from what is known, and from its own numbers that are.
    let operands = LazyCell::new(|| {
        let shop = evidence.shop.iter().chain(&evidence.dates).map(String::as_str);
        let customer = evidence.customer.iter().map(String::as_str);
        let mut operands = Operands::of(shop, customer, evidence.language.primary(), evidence.today());
        for _ in 0..STEPS {
            for sentence in sentences(draft) {
                operands.add_reached(sentence, evidence.language.primary());
            }
        }
        operands
    });
    let lines = LazyCell::new(|| Lines::of(evidence.shop.iter().map(String::as_str), &words));
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
                let mentioned = || words.is_mention(sentence_at(draft, fact.range.start).unwrap_or(draft));
                let currency = currency(written).or_else(|| named_currency(&draft[fact.range.end..]));
                let other = |figure: &Figure| currency.is_some_and(|currency| shop.is_in_another_currency(figure, currency));
                !values.iter().any(other)
                    && (values.iter().all(|figure| shop.has_amount(figure))
                        || shop.has_part(draft, fact.range.start, fact.range.end)
                        || (values.iter().all(|figure| customer.has_amount(figure)) && mentioned())
                        || values.iter().all(|figure| operands.has_amount(figure, words.is_about_right(&draft[..fact.range.start]))))
            }
            FactKind::Phone | FactKind::NationalId | FactKind::Card => {
                // A phone number is the same without its country.
                let digits: String = letters.chars().filter(char::is_ascii_digit).collect();
                let local = digits.trim_start_matches('0');
                let local = &local[local.len().saturating_sub(LOCAL_DIGITS)..];
                shop.has_letters(local) || customer.has_letters(local)
            }
            FactKind::Code | FactKind::Iban | FactKind::File => shop.has_letters(&letters) || customer.has_letters(&letters),
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
                let computed = || match &figure.value {
                    FigureValue::Date(date) => {
                        operands.has_day(date.year, date.month, date.day)
                            || (weekday_beside(&rest, start, at, evidence).is_some_and(|day| names_weekday(evidence, day))
                                && operands.is_near(date.year, date.month, date.day))
                    }
                    FigureValue::Time(time) => operands.has_time(time.hour, time.minute),
                    FigureValue::Number(_) => false,
                };
                let known = || [&*shop, &*customer, &*dates].iter().any(|known| known.has_moment(&figure)) || computed();
                if is_other_weekday(&rest, start, at, &figure, evidence) || !known() {
                    warn(WarningKind::UngroundedDate, &figure.written);
                }
            }
            FigureValue::Number(readings) => {
                let after = &rest[at..];
                let known = |known: &&KnownNumbers<'_>| known.has_number(readings, after) || known.has_figure(&figure);
                let all = [&*shop, &*customer, &*dates];
                let otherwise = || shop.count_otherwise(&customer, readings, &rest, start, at);
                let grounded = if shop.has_part(&rest, start, at) {
                    true
                } else if words.unit_of(after).is_none() {
                    all.iter().any(known) && !otherwise()
                } else if words.is_limit(sentence_at(&rest, start).unwrap_or(&rest)) {
                    // What the customer takes for the time allowed does not allow it.
                    shop.has_length(readings, after) || (shop.has_number(readings, after) && !otherwise())
                } else {
                    all.iter().any(|known| known.has_length(readings, after)) || (all.iter().any(known) && !otherwise())
                };
                let computed = || match words.unit_of(after) {
                    Some(minutes) => readings
                        .iter()
                        .filter_map(|reading| reading.parse::<f64>().ok())
                        .any(|number| operands.has_length(number * f64::from(minutes), minutes)),
                    None => {
                        operands.has_count(&figure)
                            || operands.has_amount(&figure, false)
                            || is_clock_time(&operands, &figure)
                            || is_day_of_month(&operands, readings, after)
                            || (words.is_currency(&fold(word(after.trim_start()))) && operands.has_amount(&figure, true))
                    }
                };
                let elsewhere = || {
                    let sentence = sentence_at(&rest, start)?;
                    let from = sentence.as_ptr() as usize - rest.as_ptr() as usize;
                    // What the customer says of their own matter is no other line.
                    Some(!customer.has_number(readings, after) && lines.say_otherwise(sentence, start - from, at - from, readings, &words))
                };
                let doubtful = if grounded { elsewhere() == Some(true) } else { !computed() || elsewhere() == Some(true) };
                if doubtful && !words.is_list_number(&rest, start, at) && figure.written != "1" {
                    warn(WarningKind::UngroundedAmount, &figure.written);
                }
            }
        }
    }
    for ((start, end), number) in worded(&rest, evidence.language.primary()) {
        // `fünf Uhr`, `dokuz Aralık`, `ötezer forint`
        let next = fold(word(rest[end..].trim_start()));
        let before = rest[..start].trim_end().rsplit(' ').next().unwrap_or_default();
        let moment = words.is_clock(&next) || month(&next).is_some() || month(before).is_some();
        let amount = words.is_currency(&next);
        let (number, after) = ([number.to_string()], &rest[end..]);
        if number[0] == "1" {
            continue;
        }
        // `im vierten Stock`, `a harmadik emeleten`: which one, not how many.
        let ordinal = is_ordinal(after, &fold(word(after)));
        let otherwise = !ordinal
            && shop.count_otherwise(&customer, &number, &rest, start, end)
            && is_said_otherwise(&lines, &rest, start, end, &number, &words);
        let known = |known: &&KnownNumbers<'_>| known.has_number(&number, after) || (amount && known.has_whole_amount(&number[0]));
        let long = || shop.has_length(&number, after) || customer.has_length(&number, after);
        let unit = words.unit_of(after);
        let counts = moment || amount || unit.is_some();
        let worth = number[0].parse::<f64>().unwrap_or_default();
        let computed = || match unit {
            Some(minutes) => operands.has_length(worth * f64::from(minutes), minutes),
            None => operands.reaches_count(worth) || (amount && operands.reaches_amount(worth, true)),
        };
        if computed() && !moment {
            continue;
        }
        if (otherwise || (counts && ![&*shop, &*customer].iter().any(known))) && !long() {
            let kind = if moment { WarningKind::UngroundedDate } else { WarningKind::UngroundedAmount };
            warn(kind, &rest[start..end + word(after).len()]);
        }
    }
    warnings
}

/// Whether the day of the week that stands beside a date is not that date's.
fn is_other_weekday(text: &str, start: usize, end: usize, figure: &Figure, evidence: &Evidence) -> bool {
    let FigureValue::Date(date) = figure.value else { return false };
    let today = evidence.today();
    let year = date.year.and_then(|year| i16::try_from(year).ok());
    let day = |year: i16| Day::new(year, i8::try_from(date.month).ok()?, i8::try_from(date.day).ok()?).ok();
    // Of a day without its year the nearest one is meant.
    let years = match year {
        Some(year) => vec![year],
        None => vec![today.year() - 1, today.year(), today.year() + 1],
    };
    let Some(day) = years.into_iter().filter_map(day).min_by_key(|day| (*day - today).get_days().abs()) else { return false };
    if date.ambiguous {
        return false;
    }
    let named = weekday_beside(text, start, end, evidence);
    named.is_some_and(|named| named != usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or(named))
}

/// Whether what is known says another number than this one of its sentence.
fn is_said_otherwise(lines: &Lines, text: &str, start: usize, end: usize, number: &[String], words: &Counting) -> bool {
    let Some(sentence) = sentence_at(text, start) else { return false };
    let from = sentence.as_ptr() as usize - text.as_ptr() as usize;
    lines.say_otherwise(sentence, start - from, (end - from).min(sentence.len()), number, words)
}

/// Whether a number is a time of day with a point that can be computed: `19.45`.
fn is_clock_time(operands: &Operands, figure: &Figure) -> bool {
    let Some((hour, minute)) = figure.written.split_once('.').filter(|(_, minute)| minute.len() == 2) else { return false };
    let (Ok(hour), Ok(minute)) = (hour.parse::<u8>(), minute.parse::<u8>()) else { return false };
    hour < 24 && minute < 60 && operands.has_time(hour, minute)
}

/// Whether a number is a known day of a month: `from 22 to 29 September`, `20-án`.
fn is_day_of_month(operands: &Operands, readings: &[String], after: &str) -> bool {
    let range = figures(after)
        .into_iter()
        .next()
        .is_some_and(|next| matches!(next.value, FigureValue::Date(_)) && after.find(&next.written).is_some_and(|at| at <= MAX_RANGE));
    let number = readings.iter().filter_map(|reading| reading.parse::<f64>().ok()).find(|number| (1.0..=31.0).contains(number));
    let ordinal = is_ordinal(after, &fold(word(after.trim_start_matches('-'))));
    (range || ordinal || after.starts_with(['.', '-'])) && number.is_some_and(|number| operands.has_day_of_month(number))
}

/// Whether what the shop says names a day of the week: `until Wednesday noon`.
fn names_weekday(evidence: &Evidence, day: usize) -> bool {
    let is_named = |word: &str| evidence.lexica().iter().any(|lexicon| lexicon.words.dates.weekdays[day].begin(&fold(word)));
    evidence.shop.iter().any(|text| text.split(|letter: char| !letter.is_alphabetic()).any(is_named))
}

/// The day of the week that stands beside a date, from 0 for Monday: `on Friday, April 6`, `április 6-án, hétfőn`.
fn weekday_beside(text: &str, start: usize, end: usize, evidence: &Evidence) -> Option<usize> {
    let words = |text: &str| -> Vec<String> {
        text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).map(fold).collect()
    };
    let sentence_end = text[end..].find(['.', '!', '?', '\n', ';']).map_or(text.len(), |at| end + at);
    let (before, after) = (words(&text[..start]), words(&text[end..sentence_end]));
    let names = &lexicon(evidence.language.primary())?.words.dates.weekdays;
    let weekday = |word: &String| names.iter().position(|names| names.begin(word));
    before.iter().rev().take(2).find_map(weekday).or_else(|| after.iter().take(2).find_map(weekday))
}

/// Most bytes between the first day of a range and its last one.
const MAX_RANGE: usize = 10;
/// So many times what was computed is computed with again.
const STEPS: usize = 2;
/// By how many of its last digits a phone number is known.
const LOCAL_DIGITS: usize = 9;
