//! Compares what the sentences of a text and of its rewrite say, concept by concept.

use std::collections::BTreeSet;

use crate::{
    lexicon::concepts::Concept,
    replies::rewrite::meaning::{
        Change, Purpose,
        align::Pair,
        sentence::{Sentence, count},
    },
};

/// Concepts that stand for each other: a sentence that said the one and now says the other was turned.
const OPPOSITES: [(Concept, Concept); 20] = [
    (Concept::AtLeast, Concept::AtMost),
    (Concept::Before, Concept::After),
    (Concept::WePay, Concept::YouPay),
    (Concept::Must, Concept::May),
    (Concept::Every, Concept::Some),
    (Concept::More, Concept::Less),
    (Concept::Open, Concept::Closed),
    (Concept::Included, Concept::Extra),
    (Concept::First, Concept::Last),
    (Concept::Left, Concept::Right),
    (Concept::New, Concept::Used),
    (Concept::Morning, Concept::Evening),
    (Concept::Hot, Concept::Cold),
    (Concept::Upper, Concept::Lower),
    (Concept::Front, Concept::Back),
    (Concept::Inside, Concept::Outside),
    (Concept::Noon, Concept::Midnight),
    (Concept::Free, Concept::YouPay),
    (Concept::WorkingDay, Concept::Weekend),
    (Concept::Only, Concept::Every),
];
/// Concepts of which a text names one or another: if the one went and another came, it was replaced.
const ALTERNATIVES: [&[Concept]; 2] = [
    &[
        Concept::Black,
        Concept::White,
        Concept::Red,
        Concept::Blue,
        Concept::Green,
        Concept::Yellow,
        Concept::Grey,
        Concept::Brown,
        Concept::Orange,
        Concept::Pink,
        Concept::Purple,
        Concept::Beige,
        Concept::Silver,
        Concept::Gold,
    ],
    &[
        Concept::Today,
        Concept::Tomorrow,
        Concept::Yesterday,
        Concept::DayAfterTomorrow,
        Concept::ThisWeek,
        Concept::NextWeek,
        Concept::LastWeek,
        Concept::ThisMonth,
        Concept::NextMonth,
        Concept::Weekend,
    ],
];
/// The days of the week.
const WEEKDAYS: std::ops::Range<u8> = 0..7;

/// What the whole texts say that may stand in any sentence: days, colours, what is free.
pub fn in_all(one: &[Sentence<'_>], other: &[Sentence<'_>]) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut replaced = |lost: Option<Concept>, added: Option<Concept>| {
        if let (Some(lost), Some(added)) = (lost, added) {
            let words = |sentences: &[Sentence<'_>], concept: Concept| {
                sentences.iter().find(|sentence| sentence.has(concept)).map(|sentence| sentence.text.to_owned()).unwrap_or_default()
            };
            changes.push(Change { excerpt: words(other, added), message: format!("it stands for another in “{}”", words(one, lost)) });
        }
    };
    let only_in =
        |some: &[Sentence<'_>], others: &[Sentence<'_>], concept: &Concept| count(some, *concept) > 0 && count(others, *concept) == 0;
    for group in ALTERNATIVES {
        let lost = group.iter().find(|concept| only_in(one, other, concept)).copied();
        replaced(lost, group.iter().find(|concept| only_in(other, one, concept)).copied());
    }
    let days: Vec<Concept> = WEEKDAYS.map(Concept::Weekday).collect();
    replaced(days.iter().find(|day| only_in(one, other, day)).copied(), days.iter().find(|day| only_in(other, one, day)).copied());
    let months = |sentences: &[Sentence<'_>]| sentences.iter().flat_map(|sentence| sentence.months.clone()).collect::<BTreeSet<u8>>();
    let (its_months, other_months) = (months(one), months(other));
    let in_month = |sentences: &[Sentence<'_>], month: u8| {
        sentences.iter().find(|sentence| sentence.months.contains(&month)).map(|sentence| sentence.text.to_owned()).unwrap_or_default()
    };
    if let (Some(lost), Some(added)) = (its_months.difference(&other_months).next(), other_months.difference(&its_months).next()) {
        let message = format!("it names another month than “{}”", in_month(one, *lost));
        changes.push(Change { excerpt: in_month(other, *added), message });
    }
    let is_free = |sentence: &Sentence<'_>| sentence.has(Concept::Free);
    if one.iter().any(is_free) && !other.iter().any(costs_nothing) {
        let message = "the text says that something is free of charge, the rewrite doesn't".to_owned();
        changes.push(Change { excerpt: String::new(), message });
    } else if other.iter().any(is_free) && !one.iter().any(costs_nothing) {
        let excerpt = other.iter().find(|sentence| is_free(sentence)).map(|sentence| sentence.text.to_owned()).unwrap_or_default();
        changes.push(Change { excerpt, message: "the text doesn't say that this is free of charge".to_owned() });
    }
    changes
}

/// Whether a sentence says in any way that the customer doesn't pay. What the shop pays is free for them.
fn costs_nothing(sentence: &Sentence<'_>) -> bool {
    [Concept::Free, Concept::NothingToPay, Concept::WePay].into_iter().any(|concept| sentence.has(concept))
}

/// What sentences say that say the same.
pub fn in_pairs(pairs: &[Pair<'_, '_>], purpose: Purpose) -> Vec<Change> {
    let mut changes = Vec::new();
    for pair @ Pair { one, other } in pairs.iter().filter(|pair| !pair.one.is_empty() && !pair.other.is_empty()) {
        let excerpt = || other.iter().map(|sentence| sentence.text).max_by_key(|text| text.len()).unwrap_or_default().to_owned();
        let mut change = |message: &str| changes.push(Change { excerpt: excerpt(), message: message.to_owned() });
        let has = |concept: Concept| (count(one, concept) > 0, count(other, concept) > 0);
        let free = |sentences: &[Sentence<'_>]| sentences.iter().any(costs_nothing);
        // `You will not be charged` denies, too.
        let denies = |sentences: &[Sentence<'_>]| count(sentences, Concept::Negation) + count(sentences, Concept::NothingToPay) > 0;
        // What follows if not may be said by a denial, or by `otherwise`.
        let otherwise = has(Concept::Otherwise) != (false, false);
        // `Not before Monday` is `from Monday on`.
        let earliest = |denying: &[Sentence<'_>], others: &[Sentence<'_>]| {
            let from = [Concept::AtLeast, Concept::Only].into_iter().any(|concept| count(others, concept) > 0);
            count(denying, Concept::Before) + count(denying, Concept::AtLeast) > 0 && from
        };
        let denial = if (free(one) && free(other)) || otherwise || earliest(one, other) || earliest(other, one) {
            (false, false)
        } else {
            (denies(one), denies(other))
        };
        match denial {
            (true, false) if pair.says_alike(purpose) => change("the text denies this"),
            // Sympathy denies much: `that is really no nice way to end a journey`.
            (false, true) if pair.says_alike(purpose) && has(Concept::Courtesy) != (false, true) => change("the text doesn't deny this"),
            _ => {}
        }
        if has(Concept::Condition) == (true, false) && !otherwise && pair.says_alike(purpose) {
            change("the text says this under a condition");
        }
        let denied = has(Concept::Negation) != (false, false);
        for (left, right) in OPPOSITES {
            // Who can't must not; `at least three days before` is `three days before at the latest`.
            let before = count(one, Concept::Before) + count(other, Concept::Before) > 0;
            if (denied && left == Concept::Must) || (before && left == Concept::AtLeast) {
                continue;
            }
            let turned = |from: Concept, to: Concept| has(from) == (true, false) && has(to) == (false, true);
            if turned(left, right) || turned(right, left) {
                change("the text says the opposite");
                break;
            }
        }
        let (and, or) = ((count(one, Concept::And), count(other, Concept::And)), (count(one, Concept::Or), count(other, Concept::Or)));
        if !denied && ((or.0 > or.1 && and.0 < and.1) || (or.0 < or.1 && and.0 > and.1)) {
            change("“and” stands for “or”, or the other way round");
        }
    }
    changes
}
