//! How canned answers fit what a chat knows: by their conditions, by the placeholders that its records fill, and by a record's status.

use std::collections::HashMap;

use jiff::civil::Date;

use crate::knowledge::{
    documents::{
        condition::{Test, Value, folded},
        fit::{ChatFacts, Fit, fit},
    },
    index::{
        needs::{Needs, stems},
        scope::SearchScope,
        snapshot::IndexSnapshot,
    },
};

/// The ends of the names of record values that say how things stand.
const STATUS_KEYS: [&str; 3] = ["status", "state", "stage"];
/// Parts of the names of record values that are a promised day.
const PROMISED_KEYS: [&str; 6] = ["promis", "expected", "estimated", "due", "eta", "deliver_by"];

/// What each condition on a record after the first adds to what conditions say, and what one adds that compares with today: that a promised
/// day has passed says more than that a parcel was sent.
const SPECIFIC: f32 = 0.15;
const DATED: f32 = 0.5;

/// How a canned answer fits what a chat knows.
#[derive(Debug, Clone, Copy)]
pub struct State {
    /// By its conditions.
    pub fit: Fit,
    /// Whether it has placeholders that records fill, and this chat's fill them all.
    pub is_filled: bool,
    /// Whether it has one that they don't.
    pub is_missing: bool,
    /// Whether its id, shortcut or tags have the status of a record, or its conditions demand something of one, all of which holds.
    pub has_status: bool,
    /// How much its conditions that hold demand of records: each after the first counts, and more where one compares with today.
    pub specificity: f32,
}

/// Returns how each canned answer of the scope fits that needs to know something of a chat.
pub fn states(snapshot: &IndexSnapshot, scope: &SearchScope<'_>, facts: &ChatFacts) -> HashMap<(u32, u32), State> {
    let needs: Vec<((u32, u32), &Needs)> = (0_u32..)
        .zip(&snapshot.segments)
        .flat_map(|(number, segment)| segment.needs.iter().map(move |(doc, needs)| ((number, *doc), &**needs)))
        .filter(|((segment, doc), _)| scope.takes(snapshot, *segment as usize, *doc))
        .collect();
    let named = named_values(needs.iter().map(|(_, needs)| *needs));
    let is_named = |name: &str, value: &str| {
        named.get(name).is_none_or(|values| {
            values.iter().any(|named| match named {
                Value::Text(text) => *text == folded(value),
                Value::Number(_) | Value::Date(_) | Value::Today(_) => true,
            })
        })
    };
    let statuses: Vec<Vec<String>> = facts
        .values
        .iter()
        .filter(|(name, _)| is_of_record(name) && STATUS_KEYS.iter().any(|key| name.ends_with(key)))
        .map(|(_, value)| stems(value))
        .filter(|status| !status.is_empty())
        .collect();
    let state = |needs: &Needs| {
        let filled = needs.records.iter().filter(|name| facts.values.contains_key(*name)).count();
        let fit = fit(&needs.when, &facts.now, |subject| {
            let name = subject.name();
            facts.values.get(&name).map(String::as_str).filter(|value| is_named(&name, value))
        });
        let demands = needs.when.as_slice().iter().filter(|condition| fit == Fit::Holds && is_of_record(&condition.subject.name()));
        let (count, compares) =
            demands.fold((0_u8, false), |(count, compares), demand| (count + 1, compares || demand.compares_with_today()));
        State {
            fit,
            is_filled: filled > 0 && filled == needs.records.len(),
            is_missing: filled < needs.records.len(),
            has_status: count > 0 || statuses.iter().any(|status| status.iter().all(|word| needs.names.contains(word))),
            specificity: SPECIFIC * f32::from(count.saturating_sub(1)) + if compares { DATED } else { 0.0 },
        }
    };
    needs.into_iter().map(|(place, needs)| (place, state(needs))).collect()
}

/// The values that conditions name, by what they are about. A text that no condition names is of another vocabulary than the conditions',
/// such as a status in the customer's language, and counts as not known.
fn named_values<'a>(needs: impl Iterator<Item = &'a Needs>) -> HashMap<String, Vec<&'a Value>> {
    let mut named: HashMap<String, Vec<&Value>> = HashMap::new();
    for condition in needs.flat_map(|needs| needs.when.as_slice()) {
        if let Test::OneOf(values) | Test::NoneOf(values) = &condition.test {
            named.entry(condition.subject.name()).or_default().extend(values);
        }
    }
    named
}

/// Returns whether a record's promised day has passed, and none says that it was kept.
pub fn is_overdue(facts: &ChatFacts) -> bool {
    let is_promise = |name: &str| is_of_record(name) && PROMISED_KEYS.iter().any(|key| name.contains(key));
    let day = |value: &String| value.get(..10)?.parse::<Date>().ok();
    let promised = facts.values.iter().filter(|(name, _)| is_promise(name)).filter_map(|(_, value)| day(value)).min();
    let was_kept = facts.values.keys().any(|name| is_of_record(name) && name.contains("delivered"));
    !was_kept && promised.is_some_and(|day| day < facts.now.date())
}

/// Returns whether a name is a record's value.
pub fn is_of_record(name: &str) -> bool {
    name.starts_with("record.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(values: &[(&str, &str)]) -> ChatFacts {
        ChatFacts {
            values: values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            now: "2026-11-27T10:00:00+03:00[Europe/Istanbul]".parse().unwrap(),
        }
    }

    #[test]
    fn a_promised_day_that_passed_is_overdue_unless_it_was_kept() {
        assert!(is_overdue(&facts(&[("record.order.promised_by", "2026-11-26")])));
        assert!(is_overdue(&facts(&[("record.repair.expected_on", "2026-11-01 18:00")])));
        assert!(!is_overdue(&facts(&[("record.order.promised_by", "2026-11-27")])), "today is not over");
        assert!(!is_overdue(&facts(&[("record.order.promised_by", "2026-11-26"), ("record.order.delivered_on", "2026-11-25")])));
        assert!(!is_overdue(&facts(&[("record.order.placed_on", "2026-11-01"), ("form.due", "2026-11-01")])));
        assert!(!is_overdue(&facts(&[("record.order.promised_by", "soon")])));
    }
}
