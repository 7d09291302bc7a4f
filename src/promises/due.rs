//! The day by which a promise is to be kept, as its sentence says it.

use std::ops::Range;

use jiff::{
    Span,
    civil::{Date, Weekday},
};

use crate::{
    facts::{FigureValue, figures, worded},
    lexicon::{
        Lexicon, lexicon,
        words::{Words, plain},
    },
};

/// A longer time is a guarantee or an age, in days.
const MAX_DAYS: i64 = 366;
/// Hours that a day of work has: a longer length ends on another day.
const HOURS_OF_A_DAY: i64 = 9;

/// A day that words name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DayWord {
    InDays(i64),
    /// From 0 for Monday.
    Weekday(i8),
    ThisWeek,
    NextWeek,
    Weekend,
    MonthEnd,
    /// It only looks like one.
    NoDay,
}

/// The day by which a sentence says that something will be done; `None` if it says none. `language` is a primary subtag; of a language without a
/// lexicon only dates are read. `from` is the day on which it was written.
///
/// Of a range its later end counts, of several days the last. Days before `from` don't count, nor do times longer than a year.
pub fn due(sentence: &str, language: &str, from: Date) -> Option<Date> {
    let (mut days, rest) = dates(sentence, from);
    if let Some(lexicon) = lexicon(language) {
        let folded = plain(&rest).split_whitespace().collect::<Vec<&str>>().join(" ");
        days.extend(days_in_words(&folded, lexicon, from));
        days.extend(lengths(&folded, lexicon, from));
    }
    days.into_iter().filter(|day| *day >= from && (*day - from).get_days() <= MAX_DAYS as i32).max()
}

/// The dates of a sentence, and the sentence without them and without times of day.
fn dates(sentence: &str, from: Date) -> (Vec<Date>, String) {
    let (mut days, mut rest) = (Vec::new(), sentence.to_owned());
    for figure in figures(sentence) {
        match figure.value {
            FigureValue::Number(_) => continue,
            FigureValue::Time(_) => {}
            FigureValue::Date(date) => {
                let read = |month: u8, day: u8| nearest(date.year, month, day, from);
                let turned = if date.ambiguous { read(date.day, date.month) } else { None };
                // Of the two readings of 03/12 the first that is not over.
                days.extend(read(date.month, date.day).filter(|day| *day >= from).or(turned));
            }
        }
        rest = rest.replacen(&figure.written, " \u{fffc} ", 1);
    }
    (days, rest)
}

/// A date; one without a year is the nearest to `from`.
fn nearest(year: Option<u16>, month: u8, day: u8, from: Date) -> Option<Date> {
    let of = |year: i16| Date::new(year, month.cast_signed(), day.cast_signed()).ok();
    match year {
        Some(year) => of(i16::try_from(year).ok()?),
        None => (-1..=1).filter_map(|years| of(from.year() + years)).min_by_key(|date| (*date - from).get_days().abs()),
    }
}

fn days_in_words(folded: &str, lexicon: &Lexicon, from: Date) -> Vec<Date> {
    let found = day_words(folded, lexicon);
    let has = |wanted: DayWord| found.iter().any(|(_, word)| *word == wanted);
    let is_weekday = |word: &DayWord| matches!(word, DayWord::Weekday(_));
    // `Friday next week`: the week says which Friday.
    let named = found.iter().any(|(_, word)| is_weekday(word));
    let monday = from.checked_sub(Span::new().days(i64::from(from.weekday().to_monday_zero_offset()))).unwrap_or(from);
    let day = |word: DayWord| match word {
        DayWord::InDays(days) => plus_days(from, days),
        DayWord::Weekday(weekday) if has(DayWord::NextWeek) => plus_days(monday, 7 + i64::from(weekday)),
        DayWord::Weekday(weekday) => from.nth_weekday(1, Weekday::from_monday_zero_offset(weekday).ok()?).ok(),
        DayWord::ThisWeek | DayWord::NextWeek if named => None,
        // Who says so at a weekend means its end.
        DayWord::ThisWeek if from.weekday().to_monday_zero_offset() > 4 => plus_days(monday, 6),
        DayWord::ThisWeek => plus_days(monday, 4),
        DayWord::NextWeek => plus_days(monday, 7 + 4),
        DayWord::Weekend => plus_days(monday, 6 + if has(DayWord::NextWeek) { 7 } else { 0 }),
        DayWord::MonthEnd => Some(from.last_of_month()),
        DayWord::NoDay => None,
    };
    found.iter().filter_map(|(_, word)| day(*word)).collect()
}

/// The words for days, where none is a part of a longer one and none is over.
fn day_words(folded: &str, lexicon: &Lexicon) -> Vec<(Range<usize>, DayWord)> {
    let words = &lexicon.words;
    let mut tables: Vec<(&Words, DayWord)> = vec![
        (&words.moments.today, DayWord::InDays(0)),
        (&words.moments.at_once, DayWord::InDays(0)),
        (&words.moments.part_of_day, DayWord::InDays(0)),
        (&words.moments.tomorrow, DayWord::InDays(1)),
        (&words.due.day_after_tomorrow, DayWord::InDays(2)),
        (&words.moments.this_week, DayWord::ThisWeek),
        (&words.moments.next_week, DayWord::NextWeek),
        (&words.moments.weekend, DayWord::Weekend),
        (&words.due.month_end, DayWord::MonthEnd),
        (&words.due.no_day, DayWord::NoDay),
    ];
    tables.extend(words.dates.weekdays.iter().zip((0..).map(DayWord::Weekday)));
    let mut places: Vec<(Range<usize>, DayWord)> =
        tables.iter().flat_map(|(list, word)| list.places(folded).into_iter().map(|place| (place, *word))).collect();
    places.sort_by_key(|(place, _)| (std::cmp::Reverse(place.len()), place.start));
    let mut kept: Vec<(Range<usize>, DayWord)> = Vec::new();
    for (place, word) in places {
        if kept.iter().all(|(other, _)| place.end <= other.start || other.end <= place.start) {
            kept.push((place, word));
        }
    }
    kept.retain(|(place, word)| *word != DayWord::NoDay && !is_past(folded, place, lexicon));
    kept
}

/// The ends of the lengths of time: `within 3 working days`, `48 hours`, `two weeks`, `in a week`.
fn lengths(folded: &str, lexicon: &Lexicon, from: Date) -> Vec<Date> {
    let mut ends = Vec::new();
    let numbers = numbers(folded, lexicon);
    let mut at = 0;
    while let Some(number) = numbers.get(at) {
        at += 1;
        let (mut place, mut count) = (number.place.clone(), number.count);
        if let Some(next) = numbers.get(at).filter(|next| is_range(folded.get(place.end..next.place.start).unwrap_or(""), lexicon)) {
            (place.end, count) = (next.place.end, next.count.max(count));
            at += 1;
        }
        let unit_at = place.end + folded[place.end..].len() - folded[place.end..].trim_start_matches([' ', '-']).len();
        let Some(unit) = unit(&folded[unit_at..], lexicon) else { continue };
        let unit_end = unit_at + folded[unit_at..].find(|letter: char| !letter.is_alphanumeric()).unwrap_or(folded.len() - unit_at);
        place.end = unit_end;
        let within = &lexicon.words.due.within;
        let is_limit = || within.end_text(folded[..place.start].trim_end()) || within.begin_text(folded[unit_end..].trim_start());
        // `Once a week` is no length, `in a week` is.
        if (number.is_article && !is_limit())
            || is_past(folded, &place, lexicon)
            || lexicon.words.due.past.contains(&folded[unit_at..unit_end])
        {
            continue;
        }
        ends.extend(unit.after(from, count));
    }
    ends
}

/// A number before a unit.
struct Counted {
    place: Range<usize>,
    count: i64,
    /// Whether it is a word such as `a`.
    is_article: bool,
}

fn numbers(folded: &str, lexicon: &Lexicon) -> Vec<Counted> {
    let articles = &lexicon.words.numbers.articles;
    let mut numbers: Vec<Counted> = Vec::new();
    let mut at = 0;
    while let Some(start) = folded[at..].find(|letter: char| letter.is_ascii_digit()).map(|found| at + found) {
        let length = folded[start..].find(|letter: char| !letter.is_ascii_digit()).unwrap_or(folded.len() - start);
        at = start + length;
        // A part of a code, an amount or a decimal is no count.
        let alone = !folded[..start].ends_with(|letter: char| letter.is_alphanumeric() || matches!(letter, '.' | ',' | '/'));
        if let (true, Ok(count)) = (alone && length <= 3, folded[start..at].parse()) {
            numbers.push(Counted { place: start..at, count, is_article: false });
        }
    }
    for ((start, end), number) in worded(folded, lexicon.language) {
        let is_article = articles.contains(&folded[start..end]);
        numbers.extend(i64::try_from(number).ok().map(|count| Counted { place: start..end, count, is_article }));
    }
    for article in articles.iter() {
        for (start, _) in folded.match_indices(article) {
            let place = start..start + article.len();
            let alone = !folded[..start].ends_with(char::is_alphanumeric) && folded[place.end..].starts_with(' ');
            if alone && numbers.iter().all(|number| number.place.start != start) {
                numbers.push(Counted { place, count: 1, is_article: true });
            }
        }
    }
    numbers.sort_by_key(|number| number.place.start);
    numbers
}

fn is_range(between: &str, lexicon: &Lexicon) -> bool {
    let between = between.trim();
    matches!(between, "-" | "–" | "—") || lexicon.words.counting.ranges.iter().any(|range| plain(range).trim() == between)
}

/// What a length of time is counted in.
#[derive(Debug, Clone, Copy)]
enum Unit {
    Minute,
    Hour,
    Day,
    WorkingDay,
    Week,
    Month,
}

impl Unit {
    fn after(self, from: Date, count: i64) -> Option<Date> {
        match self {
            Unit::Minute => Some(from),
            Unit::Hour if count < HOURS_OF_A_DAY => Some(from),
            Unit::Hour => plus_days(from, (count + 23) / 24),
            Unit::Day => plus_days(from, count),
            Unit::WorkingDay if count > MAX_DAYS => None,
            Unit::WorkingDay => {
                let working = |day: &Date| day.weekday().to_monday_zero_offset() < 5;
                match usize::try_from(count).ok()?.checked_sub(1) {
                    None => Some(from),
                    Some(before) => from.series(Span::new().days(1)).skip(1).filter(working).nth(before),
                }
            }
            Unit::Week => plus_days(from, 7 * count),
            Unit::Month => from.checked_add(Span::new().months(count.min(MAX_DAYS))).ok(),
        }
    }
}

/// The unit that a text begins with.
fn unit(text: &str, lexicon: &Lexicon) -> Option<Unit> {
    let units = &lexicon.words.units;
    let begins = |words: &Words| words.places(text.get(..text.len().min(40)).unwrap_or(text)).first().is_some_and(|place| place.start == 0);
    let tables = [
        (&lexicon.words.due.working_days, Unit::WorkingDay),
        (&units.month, Unit::Month),
        (&units.week, Unit::Week),
        (&units.day, Unit::Day),
        (&units.hour, Unit::Hour),
        (&units.minute, Unit::Minute),
    ];
    tables.into_iter().find(|(words, _)| begins(words)).map(|(_, unit)| unit)
}

/// Whether the words beside a place say that it is over: `last Friday`, `3 days ago`.
fn is_past(folded: &str, place: &Range<usize>, lexicon: &Lexicon) -> bool {
    let past = &lexicon.words.due.past;
    let after = folded[place.end..].trim_start_matches(char::is_alphanumeric).trim_start();
    past.end_text(folded[..place.start].trim_end()) || past.begin_text(after)
}

fn plus_days(from: Date, days: i64) -> Option<Date> {
    from.checked_add(Span::new().try_days(days).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn the_day_is_read_in_every_language() {
        // A Wednesday.
        let from = date(2026, 11, 18);
        let (today, tomorrow, friday) = (from, date(2026, 11, 19), date(2026, 11, 20));
        let (sunday, monday, next_friday) = (date(2026, 11, 22), date(2026, 11, 23), date(2026, 11, 27));
        let in_days = |days: i64| plus_days(from, days).unwrap();
        let mut wrong = Vec::new();
        for (language, sentence, day) in [
            ("en", "We will refund you by Friday.", friday),
            ("en", "You will have your money back within 3 working days.", monday),
            ("en", "I'll call you tomorrow at 3 pm.", tomorrow),
            ("en", "We will send it today.", today),
            ("en", "It arrives in 14 days.", in_days(14)),
            ("en", "You will hear from us within 48 hours.", friday),
            ("en", "It takes two weeks.", in_days(14)),
            ("en", "You get it in 3 to 5 days.", in_days(5)),
            ("en", "Delivery takes 3-5 business days.", date(2026, 11, 25)),
            ("en", "I will write to you in a week.", in_days(7)),
            ("en", "The parcel comes on 25 November.", date(2026, 11, 25)),
            ("en", "It will be there between 20 and 24 November 2026.", date(2026, 11, 24)),
            ("en", "We will ship it this week.", friday),
            ("en", "We will ship it next week.", next_friday),
            ("en", "It arrives on Tuesday next week.", date(2026, 11, 24)),
            ("en", "It will be there by the weekend.", sunday),
            ("en", "I'll do it by the end of the month.", date(2026, 11, 30)),
            ("en", "You have it the day after tomorrow.", friday),
            ("en", "It arrives on 2 January.", date(2027, 1, 2)),
            ("en", "It will be refunded within a month.", date(2026, 12, 18)),
            ("tr", "Paranızı cuma gününe kadar iade edeceğiz.", friday),
            ("tr", "3 iş günü içinde hesabınıza geçer.", monday),
            ("tr", "Yarın sizi arayacağım.", tomorrow),
            ("tr", "Bugün kargoya veriyoruz.", today),
            ("tr", "İki hafta içinde elinizde olur.", in_days(14)),
            ("tr", "48 saat içinde dönüş yapacağız.", friday),
            ("tr", "3-5 gün içinde teslim edilir.", in_days(5)),
            ("tr", "Haftaya gönderiyoruz.", next_friday),
            ("tr", "Bu hafta gönderiyoruz.", friday),
            ("tr", "Hafta sonu elinizde olur.", sunday),
            ("tr", "25 Kasım'da teslim edeceğiz.", date(2026, 11, 25)),
            ("tr", "Bir hafta içinde göndereceğiz.", in_days(7)),
            ("hu", "Péntekig visszautaljuk.", friday),
            ("hu", "3 munkanapon belül visszautaljuk.", monday),
            ("hu", "Holnap felhívom.", tomorrow),
            ("hu", "Ma feladjuk a csomagot.", today),
            ("hu", "Két héten belül megkapja.", in_days(14)),
            ("hu", "48 órán belül jelentkezünk.", friday),
            ("hu", "3–5 napon belül megérkezik.", in_days(5)),
            ("hu", "Jövő héten küldjük.", next_friday),
            ("hu", "A hétvégén megérkezik.", sunday),
            ("hu", "November 25-ig megkapja.", date(2026, 11, 25)),
            ("hu", "Egy héten belül elküldjük.", in_days(7)),
            ("hu", "Holnapután érkezik.", friday),
            ("de", "Wir erstatten bis Freitag.", friday),
            ("de", "Das Geld ist in 3 Werktagen auf Ihrem Konto.", monday),
            ("de", "Ich rufe Sie morgen an.", tomorrow),
            ("de", "Wir schicken es heute noch los.", today),
            ("de", "Die Lieferung kommt in zwei Wochen.", in_days(14)),
            ("de", "Wir melden uns innerhalb von 48 Stunden.", friday),
            ("de", "Es dauert drei bis fünf Tage.", in_days(5)),
            ("de", "Wir liefern nächste Woche.", next_friday),
            ("de", "Es kommt am Wochenende.", sunday),
            ("de", "Sie erhalten es am 25. November.", date(2026, 11, 25)),
            ("de", "Das Paket kommt am 25.11.2026.", date(2026, 11, 25)),
            ("de", "Wir schicken es innerhalb einer Woche.", in_days(7)),
            ("de", "Es kommt übermorgen.", friday),
            ("fr", "Nous vous rembourserons avant vendredi.", friday),
            ("fr", "Vous serez remboursé sous 3 jours ouvrés.", monday),
            ("fr", "Je vous appelle demain.", tomorrow),
            ("fr", "Nous l'envoyons aujourd'hui.", today),
            ("fr", "Vous le recevrez dans deux semaines.", in_days(14)),
            ("fr", "Nous répondrons sous 48 heures.", friday),
            ("fr", "La livraison prend 3 à 5 jours.", in_days(5)),
            ("fr", "Nous l'expédions la semaine prochaine.", next_friday),
            ("fr", "Vous l'aurez ce week-end.", sunday),
            ("fr", "Vous le recevrez le 25 novembre.", date(2026, 11, 25)),
            ("fr", "Nous l'enverrons d'ici une semaine.", in_days(7)),
            ("fr", "Vous l'aurez après-demain.", friday),
            ("es", "Le reembolsaremos antes del viernes.", friday),
            ("es", "Recibirá el dinero en 3 días hábiles.", monday),
            ("es", "Le llamo mañana.", tomorrow),
            ("es", "Lo enviamos hoy.", today),
            ("es", "Lo recibirá en dos semanas.", in_days(14)),
            ("es", "Le responderemos en 48 horas.", friday),
            ("es", "La entrega tarda de 3 a 5 días.", in_days(5)),
            ("es", "Lo enviamos la próxima semana.", next_friday),
            ("es", "Lo tendrá este fin de semana.", sunday),
            ("es", "Lo recibirá el 25 de noviembre.", date(2026, 11, 25)),
            ("es", "Lo enviaremos en una semana.", in_days(7)),
            ("es", "Lo tendrá pasado mañana.", friday),
            ("it", "Arriva il 25.11.2026.", date(2026, 11, 25)),
        ] {
            if due(sentence, language, from) != Some(day) {
                wrong.push((sentence, due(sentence, language, from), day));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn what_names_no_day_to_come_has_none() {
        let from = date(2026, 11, 18);
        for (language, sentence) in [
            ("en", "We will refund you."),
            ("en", "I wrote to you 3 days ago."),
            ("en", "You ordered it last Friday."),
            ("en", "Your order of 12 November will be refunded."),
            ("en", "The set of 3 towels costs 49.90 EUR."),
            ("en", "We look at it once a week."),
            ("en", "It has a guarantee of 500 days."),
            ("tr", "Size 3 gün önce yazdım."),
            ("tr", "Geçen cuma gönderdik."),
            ("hu", "3 napja küldtük."),
            ("hu", "Múlt pénteken küldtük."),
            ("de", "Guten Morgen, wir erstatten den Betrag."),
            ("de", "Vor 3 Tagen haben wir geschrieben."),
            ("fr", "Nous avons écrit il y a 3 jours."),
            ("es", "Le escribimos hace 3 días."),
            ("es", "Le llamaremos por la mañana."),
            ("it", "Arriva domani."),
        ] {
            assert_eq!(due(sentence, language, from), None, "{sentence}");
        }
    }
}
