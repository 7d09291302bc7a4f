//! Fills the placeholders of canned answers from the chat.

use std::cell::Cell;

use crate::{
    chats::Chat,
    replies::masking::names::first_name_of,
    text::{Language, fill_placeholders},
};

/// Longest value, and most bytes of all values of one answer.
const MAX_VALUE_BYTES: usize = 2000;
const MAX_FILLED_BYTES: usize = 32_000;

/// Fills the placeholders of a canned answer in a language, and returns those without a value. The language decides whether a surname comes
/// first, if the customer's is not known.
///
/// A value longer than a line, or values that add up to more than a message holds, count as missing.
pub fn fill<'a>(body: &'a str, chat: Option<&Chat>, agent_name: &str, language: &Language) -> (String, Vec<&'a str>) {
    let filled = Cell::new(0);
    fill_placeholders(body, |name| {
        let value = value(name, chat, agent_name, language).filter(|value| !value.is_empty() && value.len() <= MAX_VALUE_BYTES)?;
        filled.set(filled.get() + value.len());
        (filled.get() <= MAX_FILLED_BYTES).then_some(value)
    })
}

fn value(name: &str, chat: Option<&Chat>, agent_name: &str, language: &Language) -> Option<String> {
    if name == "agent.name" {
        return Some(agent_name.to_owned());
    }
    let chat = chat?;
    let customer = &chat.customer;
    match name.split('.').collect::<Vec<_>>().as_slice() {
        ["customer", "name"] => Some(customer.name.clone()),
        ["customer", "first_name"] => first_name_of(&customer.name, customer.language.as_ref().unwrap_or(language)),
        ["customer", "email"] => Some(customer.email.clone()),
        ["customer", "phone"] => Some(customer.phone.clone()),
        ["customer", "location"] => Some(customer.location.clone()),
        ["customer", "attributes", key] => customer.attributes.get(*key).cloned(),
        ["form", key] => chat.form_answers.get(*key).cloned(),
        // The record of the source that came last.
        ["record", source, key] => chat.records.iter().rev().find(|record| record.source == *source)?.values.get(*key).cloned(),
        ["chat", "topic"] => Some(chat.summary.topic.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chats::{Customer, Record};

    fn english() -> Language {
        Language::parse("en").unwrap()
    }

    #[test]
    fn values_have_a_bound() {
        let mut chat = Chat::default();
        chat.form_answers.insert("a".into(), "x".repeat(1000));
        chat.form_answers.insert("b".into(), "x".repeat(3000));
        let body = "{{form.a}}".repeat(1000);
        let (filled, missing) = fill(&body, Some(&chat), "", &english());
        assert!(filled.len() < 50_000);
        assert_eq!(missing, ["form.a"]);
        assert_eq!(fill("{{form.b}}", Some(&chat), "", &english()).1, ["form.b"]);
    }

    #[test]
    fn known_placeholders_are_filled_and_the_others_are_reported() {
        let chat = Chat {
            customer: Customer { name: "Elif Kaya".into(), ..Customer::default() },
            records: vec![Record {
                source: "order".into(),
                reference: "KE-204815".into(),
                values: [("status".to_owned(), "shipped".to_owned())].into(),
                url: String::new(),
            }],
            ..Chat::default()
        };
        let body = "{{customer.first_name}} {{record.order.status}} {{form.order_number}} {{agent.name}}";
        assert_eq!(
            fill(body, Some(&chat), "Selin", &english()),
            ("Elif shipped {{form.order_number}} Selin".into(), vec!["form.order_number"])
        );
        assert_eq!(fill("{{agent.name}}", None, "", &english()).1, ["agent.name"]);
    }
}
