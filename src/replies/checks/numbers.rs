//! Amounts, dates and numbers of a draft: whether what the shop or the customer said has them, and of what.

use std::cell::LazyCell;

use crate::{
    facts::{FactKind, FigureValue, Known, facts, figures, is_ordinal, month, replaced, worded},
    replies::{
        checks::{
            Evidence,
            counting::{Counting, word},
            known_numbers::KnownNumbers,
        },
        stream::result::{Warning, WarningKind},
    },
    text::{fold, sentence_at},
};

/// The warnings of a draft's amounts, dates and numbers.
pub fn ungrounded_numbers(draft: &str, evidence: &Evidence) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let words = Counting { lexica: evidence.lexica() };
    // Many drafts have no number: then nothing else is looked through.
    let shop = LazyCell::new(|| KnownNumbers::of(evidence.shop.iter().chain(&evidence.shop_names).map(String::as_str), &words));
    let customer = LazyCell::new(|| KnownNumbers::of(evidence.customer.iter().chain(&evidence.customer_names).map(String::as_str), &words));
    let dates = LazyCell::new(|| KnownNumbers::of(evidence.dates.iter().map(String::as_str), &words));
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
                values.iter().all(|figure| shop.has_amount(figure))
                    || shop.has_part(draft, fact.range.start, fact.range.end)
                    || (values.iter().all(|figure| customer.has_amount(figure)) && mentioned())
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
                if ![&*shop, &*customer, &*dates].iter().any(|known| known.has_moment(&figure)) {
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
                if !grounded && !words.is_list_number(&rest, start, at) && figure.written != "1" {
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
        let otherwise = !ordinal && shop.count_otherwise(&customer, &number, &rest, start, end);
        let known = |known: &&KnownNumbers<'_>| known.has_number(&number, after) || (amount && known.has_whole_amount(&number[0]));
        let long = || shop.has_length(&number, after) || customer.has_length(&number, after);
        let counts = moment || amount || words.unit_of(after).is_some();
        if (otherwise || (counts && ![&*shop, &*customer].iter().any(known))) && !long() {
            let kind = if moment { WarningKind::UngroundedDate } else { WarningKind::UngroundedAmount };
            warn(kind, &rest[start..end + word(after).len()]);
        }
    }
    warnings
}

/// By how many of its last digits a phone number is known.
const LOCAL_DIGITS: usize = 9;
