//! The personal facts of a chat: the customer's, and former customers'.

use std::collections::HashSet;

use crate::{
    chats::{Author, Chat, Customer, Record, Turn},
    facts::{FactKind, Known, facts},
    replies::masking::{
        fields::{Held, held, personal_kind},
        names::{has_surname_first, name_forms},
    },
    text::{Language, fold},
};

/// Last digits of a phone number that identify it, however it is written.
const PHONE_DIGITS: usize = 9;

/// The facts that identify a person.
#[derive(Default)]
pub struct PersonalFacts<'a> {
    pub names: Vec<&'a str>,
    pub addresses: Vec<&'a str>,
    pub phones: Vec<&'a str>,
    pub emails: Vec<&'a str>,
    /// Numbers of accounts, cards and identity cards, and names for signing in.
    pub others: Vec<(FactKind, &'a str)>,
}

impl<'a> PersonalFacts<'a> {
    /// Returns the facts of a chat's customer.
    pub fn of_customer(chat: &'a Chat) -> PersonalFacts<'a> {
        let mut facts_of_person = PersonalFacts::of(&chat.customer, chat.form_answers.iter(), &chat.records);
        facts_of_person.names.push(&chat.summary.customer_name);
        facts_of_person.names.extend(customer_names(chat.turns_with_customer()));
        facts_of_person
    }

    /// Returns the facts of a chat's former customers.
    pub fn of_former(chat: &'a Chat) -> impl Iterator<Item = PersonalFacts<'a>> {
        let written = PersonalFacts {
            names: customer_names(&chat.turns[..chat.turns_before_customer.min(chat.turns.len())]).collect(),
            ..PersonalFacts::default()
        };
        let facts_of_person = chat.former.iter().map(|former| {
            let mut facts_of_person = PersonalFacts::of(&former.customer, former.form_answers.iter(), &former.records);
            facts_of_person.emails.push(&former.reply_to);
            facts_of_person
        });
        facts_of_person.chain([written])
    }

    fn of(
        customer: &'a Customer,
        form_answers: impl Iterator<Item = (&'a String, &'a String)>,
        records: &'a [Record],
    ) -> PersonalFacts<'a> {
        let mut facts_of_person = PersonalFacts {
            names: vec![&customer.name],
            addresses: Vec::new(),
            phones: vec![&customer.phone],
            emails: vec![&customer.email],
            others: Vec::new(),
        };
        for (field, value) in form_answers.chain(records.iter().flat_map(|record| &record.values)).chain(&customer.attributes) {
            let held = held(field);
            match personal_kind(held, value) {
                // What may be a word is looked for only where the field itself stands.
                Some(FactKind::Person) if held == Held::Username && value.chars().all(char::is_alphabetic) => {}
                Some(FactKind::Person) if held == Held::Username => facts_of_person.others.push((FactKind::Person, value)),
                Some(FactKind::Person) if held == Held::Name => {}
                Some(FactKind::Person) => facts_of_person.names.push(value),
                Some(FactKind::Address) => facts_of_person.addresses.push(value),
                Some(FactKind::Phone) => facts_of_person.phones.push(value),
                Some(FactKind::Email) => facts_of_person.emails.push(value),
                Some(kind) if held != Held::Birth => facts_of_person.others.push((kind, value)),
                _ => {}
            }
        }
        facts_of_person.addresses.push(&customer.location);
        facts_of_person
    }
}

fn customer_names(turns: &[Turn]) -> impl Iterator<Item = &str> {
    turns.iter().filter(|turn| turn.message.author == Author::Customer).map(|turn| turn.message.author_name.as_str())
}

/// Facts of former customers that the current customer does not share.
#[derive(Default)]
pub struct Former {
    theirs: Keys,
    customers: Keys,
}

/// Normalized personal data, for comparison.
#[derive(Default)]
struct Keys {
    exact: HashSet<(FactKind, String)>,
    addresses: Vec<String>,
}

impl Former {
    pub fn of(chats: &[&Chat], first_names: bool, language: &Language) -> Former {
        let mut former = Former::default();
        if chats.iter().all(|chat| chat.former.is_empty()) {
            return former;
        }
        for chat in chats {
            former.customers.add(&PersonalFacts::of_customer(chat), first_names, language);
            former.customers.add_written(chat.turns_with_customer());
            for facts_of_person in PersonalFacts::of_former(chat) {
                former.theirs.add(&facts_of_person, first_names, language);
            }
            former.theirs.add_written(&chat.turns[..chat.turns_before_customer.min(chat.turns.len())]);
        }
        former
    }

    /// Returns whether a fact is a former customer's, and not the customer's.
    pub fn has(&self, kind: FactKind, written: &str) -> bool {
        self.theirs.has(kind, written) && !self.customers.has(kind, written)
    }
}

impl Keys {
    fn add(&mut self, facts_of_person: &PersonalFacts<'_>, first_names: bool, language: &Language) {
        for name in &facts_of_person.names {
            let forms = name_forms(name, has_surname_first(name, language), first_names);
            self.exact.extend(forms.iter().map(|form| (FactKind::Person, key(FactKind::Person, form))));
        }
        self.addresses.extend(facts_of_person.addresses.iter().map(|address| key(FactKind::Address, address)));
        self.exact.extend(facts_of_person.phones.iter().map(|phone| (FactKind::Phone, key(FactKind::Phone, phone))));
        self.exact.extend(facts_of_person.others.iter().map(|(kind, value)| (*kind, key(*kind, value))));
        self.exact.extend(facts_of_person.emails.iter().map(|email| (FactKind::Email, key(FactKind::Email, email))));
    }

    /// Adds the personal facts that a customer wrote.
    fn add_written(&mut self, turns: &[Turn]) {
        let mut known = Known::default();
        known.be_strict();
        for text in turns.iter().filter(|turn| turn.message.author == Author::Customer).flat_map(Turn::all_texts) {
            for fact in facts(text, &known, FactKind::is_personal) {
                self.exact.insert((fact.kind, key(fact.kind, &text[fact.range])));
            }
        }
    }

    fn has(&self, kind: FactKind, written: &str) -> bool {
        let key = key(kind, written);
        match kind {
            // A part of an address matches too.
            FactKind::Address => self.exact.contains(&(kind, key.clone())) || self.addresses.iter().any(|address| address.contains(&key)),
            _ => self.exact.contains(&(kind, key)),
        }
    }
}

fn key(kind: FactKind, written: &str) -> String {
    let key: String = fold(written).chars().filter(|letter| letter.is_alphanumeric()).collect();
    if kind != FactKind::Phone {
        return key;
    }
    let digits: Vec<char> = key.chars().filter(char::is_ascii_digit).collect();
    digits[digits.len().saturating_sub(PHONE_DIGITS)..].iter().collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{
        chats::{Event, EventBody, Form, Message},
        config::PersonalData,
        ids::Id,
        replies::masking::Masker,
    };

    fn fold_of(bodies: Vec<EventBody>) -> Chat {
        let event = |(nth, body): (usize, EventBody)| Event {
            event_id: Id::new(format!("e{nth}")).unwrap(),
            at: Timestamp::from_second(1_790_000_000 + nth as i64).unwrap(),
            sequence: nth as i64 + 1,
            redacted: false,
            body,
        };
        let events: Vec<Event> = bodies.into_iter().enumerate().map(event).collect();
        Chat::fold("c", &events)
    }

    fn customer(customer_id: &str, name: &str, phone: &str) -> EventBody {
        EventBody::Customer(Customer {
            customer_id: customer_id.into(),
            name: name.into(),
            phone: phone.into(),
            location: if customer_id == "1" { "Bağdat Cad. 12/4, Kadıköy".into() } else { String::new() },
            ..Customer::default()
        })
    }

    fn says(text: &str) -> EventBody {
        EventBody::Message(Message {
            author: Author::Customer,
            author_id: String::new(),
            author_name: String::new(),
            text: text.into(),
            language: None,
            attachments: Vec::new(),
            quoted_text: String::new(),
        })
    }

    #[test]
    fn a_former_customers_data_are_masked_and_not_restored() {
        let form = EventBody::Form(Form { answers: [("delivery address".to_owned(), "14 Rose Lane, Bath".to_owned())].into() });
        for (former, new, tag) in [
            ("Elif Kaya", "Ada Byron", "en"),
            ("Elif Kaya", "Ayşe Yılmaz", "tr"),
            ("Szabó Gergely", "Nagy Anna", "hu"),
            ("Erika Weber", "Uwe Klein", "de"),
        ] {
            let chat = fold_of(vec![
                customer("1", former, "0532 123 45 67"),
                form.clone(),
                says("write to me at former@mail.example or 0532 999 88 77"),
                customer("2", new, "0544 765 43 21"),
                says("my mail is own@mail.example"),
            ]);
            let settings = PersonalData::default();
            let language = Language::parse(tag).unwrap();
            let mut masker = Masker::of(&settings, std::iter::once(&chat), &language);
            let surname = former.split(' ').nth(usize::from(tag != "hu")).unwrap();
            let withheld = format!(
                "{former}. {surname}. former@mail.example. +90 532 123 45 67. 0532 999 88 77. at bagdat cad 12/4. 14 Rose Lane, Bath."
            );
            let masked = masker.mask(&withheld);
            let own = masker.mask(&format!("{new}. own@mail.example. 0544 765 43 21."));
            let (_, marks) = masker.marks();
            assert_eq!((masked.matches('⟦').count(), own.matches('⟦').count()), (7, 3), "{masked} {own}");
            for (which, marked) in marks.all().iter().enumerate() {
                assert_eq!(marks.is_withheld(which), masked.contains(&marks.written(which)), "{tag}: {marked:?}");
            }
        }
    }

    #[test]
    fn shared_facts_are_the_customers() {
        let chat = fold_of(vec![customer("1", "Elif Kaya", "0532 123 45 67"), customer("2", "Elif Kaya", "0532 123 45 67")]);
        let settings = PersonalData::default();
        let mut masker = Masker::of(&settings, std::iter::once(&chat), &Language::parse("tr").unwrap());
        masker.mask("Elif Kaya, 0532 123 45 67");
        let (_, marks) = masker.marks();
        assert_eq!((0..marks.all().len()).filter(|which| marks.is_withheld(*which)).count(), 0);
    }
}
