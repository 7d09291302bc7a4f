//! What two texts that should say the same say differently in figures.

use strsim::osa_distance;

use crate::{
    facts::{
        dates::Date,
        figures::{Figure, FigureValue, figures},
        measures::measures,
        months::month,
        number_words::numbers_said,
    },
    lexicon::{concepts::Concept, lexica, lexicon},
    text::fold,
};

/// A misspelt month has so many bytes.
const MIN_MISSPELT: usize = 5;

/// What one text says in figures that another does not, and what the other adds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Figures of the first text that the second has not, as written there.
    pub lost: Vec<String>,
    /// Figures of the second text that the first has not, as written there.
    pub added: Vec<String>,
}

/// Compares a text's figures with those of its rewrite, each with its language. A number may be written as a word in either, a length of
/// time in another unit, a time of day in words or without its half of the day, and of a date whose month is named in a language not known
/// here day and year are enough.
pub fn difference((before, its_language): (&str, &str), (after, language): (&str, &str)) -> Difference {
    let (one, other) = (without_round_the_clock(before, its_language), without_round_the_clock(after, language));
    let (before, after) = if one.is_some() == other.is_some() {
        (one.unwrap_or_else(|| before.to_owned()), other.unwrap_or_else(|| after.to_owned()))
    } else {
        (before.to_owned(), after.to_owned())
    };
    let (before, after) = (before.as_str(), after.as_str());
    let (mut lost, mut added) = (figures(before), figures(after));
    take_pairs(&mut lost, &mut added, Figure::may_be);
    if lost.is_empty() && added.is_empty() {
        return Difference::default();
    }
    lost.retain(|figure| match &figure.value {
        FigureValue::Date(date) => !take_apart(*date, &mut added),
        FigureValue::Number(_) => !says_in_words((after, language), (before, its_language), figure),
        FigureValue::Time(_) => true,
    });
    added.retain(|figure| match &figure.value {
        FigureValue::Number(_) => !says_in_words((before, its_language), (after, language), figure),
        _ => true,
    });
    // `between 2 and 4 pm`, `on 3 and 4 June`: the word that makes a time or a date stands beside one of them alone.
    take_pairs(&mut lost, &mut added, |one, other| may_be_part(one, other, (before, after)) || may_be_part(other, one, (after, before)));
    if lost.iter().chain(&added).any(|figure| matches!(figure.value, FigureValue::Number(_))) {
        let (one, other) = (measures(before, its_language), measures(after, language));
        lost.retain(|figure| !one.says_otherwise(&figure.written, &other));
        added.retain(|figure| !other.says_otherwise(&figure.written, &one));
    }
    lost.retain(|figure| !is_said_as_word(figure, after, language));
    added.retain(|figure| !is_said_as_word(figure, before, its_language));
    let written = |figures: Vec<Figure>| figures.into_iter().map(|figure| figure.written).collect();
    Difference { lost: written(lost), added: written(added) }
}

/// Takes each of the first figures and one of the second that is the same out of both.
fn take_pairs(lost: &mut Vec<Figure>, added: &mut Vec<Figure>, same: impl Fn(&Figure, &Figure) -> bool) {
    lost.retain(|figure| match added.iter().position(|other| same(figure, other)) {
        Some(at) => {
            added.swap_remove(at);
            false
        }
        None => true,
    });
}

/// Whether a full hour is said in words by a text: `este hatig`, or noon or midnight by their names.
fn is_said_as_word(figure: &Figure, text: &str, language: &str) -> bool {
    // `16.00` is a number with a point where no word makes it a time.
    let pointed = |written: &str| written.strip_suffix(".00").and_then(|hour| hour.parse::<u8>().ok());
    let hour = match &figure.value {
        FigureValue::Time(time) if time.minute == 0 => time.hour,
        FigureValue::Number(_) => match pointed(&figure.written) {
            Some(hour) => hour,
            None => return false,
        },
        _ => return false,
    };
    let concept = if hour == 12 { Concept::Noon } else { Concept::Midnight };
    let said = || numbers_said(text, language).into_iter().any(|number| number == u64::from(hour) || number == u64::from(hour % 12));
    (matches!(hour, 0 | 12 | 24) && says(text, language, concept)) || said()
}

/// Whether a text in a language says something.
fn says(text: &str, language: &str, concept: Concept) -> bool {
    let folded = fold(text);
    lexicon(language).is_some_and(|lexicon| lexicon.concepts.find(&folded).iter().any(|found| found.concept == concept))
}

/// A text without `24/7` and the like; `None` if it has none.
fn without_round_the_clock(text: &str, language: &str) -> Option<String> {
    let words = lexicon(language)?.words.meaning.get(&Concept::RoundTheClock)?;
    // Few texts have them, and looking where costs more.
    let folded = fold(text);
    let small = text.to_lowercase();
    if small.len() != text.len() || !words.iter().any(|word| folded.contains(word.trim())) {
        return None;
    }
    // The words have no accents; those with a figure or of one kind of letters are found as they are.
    let at = words.iter().find_map(|word| Some((fold_find(&small, word)?, word)))?;
    let ((start, end), _) = at;
    Some(format!("{}{}", &text[..start], &text[end..]))
}

/// Where folded words stand in a text in small letters.
fn fold_find(small: &str, words: &str) -> Option<(usize, usize)> {
    let wanted = words.trim();
    let first = wanted.chars().next()?;
    small.char_indices().filter(|(_, letter)| *letter == first || !letter.is_ascii()).find_map(|(start, _)| {
        if small[..start].ends_with(char::is_alphanumeric) {
            return None;
        }
        let end = start + small[start..].char_indices().nth(wanted.chars().count()).map_or(small.len() - start, |(at, _)| at);
        (fold(&small[start..end]) == wanted).then_some((start, end))
    })
}

/// Takes a date's day and year out of numbers, if both are there.
fn take_apart(date: Date, numbers: &mut Vec<Figure>) -> bool {
    let find = |numbers: &[Figure], value: u16| {
        numbers.iter().position(|figure| matches!(&figure.value, FigureValue::Number(readings) if readings.contains(&value.to_string())))
    };
    let mut left = numbers.clone();
    for value in [Some(u16::from(date.day)), date.year].into_iter().flatten() {
        match find(&left, value) {
            Some(at) => {
                left.remove(at);
            }
            None => return false,
        }
    }
    *numbers = left;
    true
}

/// Whether a text says a number in words more often than the other does.
fn says_in_words((text, language): (&str, &str), (other, its_language): (&str, &str), figure: &Figure) -> bool {
    let FigureValue::Number(readings) = &figure.value else { return false };
    let count =
        |text: &str, language: &str| numbers_said(text, language).iter().filter(|number| readings.contains(&number.to_string())).count();
    count(text, language) > count(other, its_language)
}

/// Whether a number may be the hour or the day of another figure, whose afternoon or month stands elsewhere in a text.
fn may_be_part(figure: &Figure, other: &Figure, (text, its_text): (&str, &str)) -> bool {
    let FigureValue::Number(readings) = &figure.value else { return false };
    let is = |value: u8| readings.contains(&value.to_string());
    match &other.value {
        FigureValue::Time(time) => time.minute == 0 && (is(time.hour) || is(time.hour % 12)),
        FigureValue::Date(date) => is(date.day) && names_month(text, date.month),
        // `until 6 in the evening` is 18.
        FigureValue::Number(others) => (1..12_u8).any(|hour| {
            let later = (hour + 12).to_string();
            let clock = |written: &Figure| written.written.ends_with(".00");
            if (is(hour) && others.contains(&later) && clock(other))
                || (readings.contains(&later) && others.contains(&hour.to_string()) && clock(figure))
            {
                return true;
            }
            let evening = |text: &str| lexica().iter().any(|lexicon| says(text, lexicon.language, Concept::Evening));
            (is(hour) && others.contains(&later) && evening(text))
                || (readings.contains(&later) && others.contains(&hour.to_string()) && evening(its_text))
        }),
    }
}

/// Whether a text names a month, perhaps misspelt.
fn names_month(text: &str, number: u8) -> bool {
    let names = || lexica().iter().flat_map(|lexicon| lexicon.words.dates.months[usize::from(number) - 1].iter());
    let misspelt =
        |word: &str| word.len() >= MIN_MISSPELT && names().any(|name| name.len() >= MIN_MISSPELT && osa_distance(&fold(word), name) <= 2);
    text.split(|letter: char| !letter.is_alphabetic()).any(|word| month(word) == Some(number) || misspelt(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_figures_are_no_difference() {
        for (before, after) in [
            ("It arrives on 3 December 2026 at 3 pm.", "2026. december 3-án 15:00-kor érkezik."),
            ("2 adet, 2,5 kg", "2 Stück, 2.5 kg"),
            ("Am 3.12.2026 um 15.30 Uhr", "On 12/3/2026 at 3:30 p.m."),
            ("within 3 days", "innerhalb von drei Tagen"),
            ("innerhalb von zwei Wochen", "within 2 weeks"),
            ("2026-12-03", "le 3 décembre 2026"),
            ("1. Open\n2. Close", "1) Aç\n2) Kapat"),
            ("12.500 adet", "12,500 pieces"),
            ("at 3:30 pm", "a las tres y media de la tarde"),
            ("um 15.30 Uhr", "à 15 h 30"),
            ("until 3 pm", "jusqu'à 15h"),
            ("within 24 hours", "sous 24h"),
            ("On 1 May, 2 parcels", "Le 1er mai, deux colis"),
            ("99 euros", "quatre-vingt-dix-neuf euros"),
            ("on 3 December 2026", "el 3 de diciembre de 2026"),
            ("21 days", "veintiuno"),
        ] {
            assert_eq!(difference((before, ""), (after, "")), Difference::default(), "{before} {after}");
        }
    }

    #[test]
    fn other_figures_are_one() {
        for (before, after) in [
            ("3 December", "4 December"),
            ("at 15:30", "at 16:30"),
            ("2.5 kg", "25 kg"),
            ("14 days", "days"),
            ("wait", "wait 3 hours"),
            ("2 and 3", "3 and 3"),
            ("in 2026", "in 2062"),
            ("send 1 towel", "send a towel"),
            ("4 Tage", "vierzig Tage"),
            ("at 3:30 pm", "a las tres y cuarto"),
            ("à 15h", "a las 16h"),
        ] {
            assert_ne!(difference((before, ""), (after, "")), Difference::default(), "{before} {after}");
        }
        assert_eq!(difference(("14 days", "en"), ("15 days", "en")), Difference { lost: vec!["14".into()], added: vec!["15".into()] });
    }
}
