//! Former customers: a chat that is reassigned to another customer must not attribute the former one's data to the new one.

use std::collections::BTreeMap;

use crate::chats::event::{Customer, Record};

/// What a chat knew of a customer before it was reassigned. It is used for masking only: no prompt, placeholder or reply shows it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FormerCustomer {
    /// Who they were, as last reported.
    pub customer: Customer,
    /// Their answers before the chat, by question.
    pub form_answers: BTreeMap<String, String>,
    /// The shop's records while the chat was theirs.
    pub records: Vec<Record>,
    /// Where a ticket's replies went.
    pub reply_to: String,
}

/// Returns whether an event names a customer other than the one with this id. Only the event that reports the customer can. A customer
/// without an id counts as the same.
pub fn is_another(customer_id: &str, reported: &Customer) -> bool {
    !customer_id.is_empty() && !reported.customer_id.is_empty() && reported.customer_id != customer_id
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::chats::fold::{Chat, Summary};
    use crate::{
        chats::event::{Author, Event, EventBody, Form, Message, PageView, Rating, Ticket},
        ids::Id,
        text::Language,
    };

    fn event(sequence: usize, body: EventBody) -> Event {
        Event {
            event_id: Id::new(format!("e{sequence}")).unwrap(),
            at: Timestamp::from_second(1_790_000_000 + sequence as i64).unwrap(),
            sequence: sequence as i64,
            redacted: false,
            body,
        }
    }

    fn fold(bodies: Vec<EventBody>) -> Chat {
        let events: Vec<Event> = bodies.into_iter().enumerate().map(|(nth, body)| event(nth + 1, body)).collect();
        Chat::fold("c", &events)
    }

    fn says(author: Author, name: &str, text: &str, language: Option<&str>) -> EventBody {
        EventBody::Message(Message {
            author,
            author_id: String::new(),
            author_name: name.to_owned(),
            text: text.to_owned(),
            language: language.map(|tag| Language::parse(tag).unwrap()),
            attachments: Vec::new(),
            quoted_text: String::new(),
        })
    }

    /// Returns every event that may report facts of a customer.
    fn reported(kind: usize, whose: &str) -> EventBody {
        let own = |what: &str| format!("{what}-of-{whose}");
        match kind {
            0 => EventBody::Customer(Customer {
                name: own("name"),
                email: own("email"),
                phone: own("phone"),
                language: Some(Language::parse("tr").unwrap()),
                location: own("location"),
                browser: own("browser"),
                operating_system: own("system"),
                device: own("device"),
                attributes: [(own("key"), own("value"))].into(),
                ..Customer::default()
            }),
            1 => EventBody::Form(Form { answers: [(own("question"), own("answer"))].into() }),
            2 => EventBody::Record(Record {
                source: "order".into(),
                reference: own("order"),
                values: [("delivery address".to_owned(), own("address"))].into(),
                url: own("url"),
            }),
            3 => EventBody::PageView(PageView { url: own("page"), title: own("title"), seconds: 3 }),
            4 => EventBody::Rating(Rating { score: 2, comment: own("comment") }),
            5 => EventBody::Ticket(Ticket { ticket_id: "t".into(), reply_to: own("reply") }),
            _ => says(Author::Customer, "", "Hello", None),
        }
    }

    fn named(customer_id: &str) -> EventBody {
        EventBody::Customer(Customer { customer_id: customer_id.to_owned(), ..Customer::default() })
    }

    /// Returns what prompts, placeholders and replies may show of a chat, except its messages.
    fn shown(chat: &Chat) -> String {
        let Chat { summary, customer, form_answers, records, rating, pages, .. } = chat;
        format!("{summary:?} {customer:?} {form_answers:?} {records:?} {rating:?} {pages:?}")
    }

    #[test]
    fn another_customer_has_nothing_of_the_former() {
        let mut bodies: Vec<EventBody> = (0..7).map(|kind| reported(kind, "elif")).collect();
        bodies.insert(0, named("elif"));
        let before = fold(bodies.clone());
        assert_eq!(shown(&before).matches("-of-elif").count(), 19, "{}", shown(&before));
        bodies.push(EventBody::Customer(Customer { customer_id: "ada".into(), name: "Ada Byron".into(), ..Customer::default() }));
        let after = fold(bodies);
        assert!(!shown(&after).contains("-of-elif"), "{}", shown(&after));
        assert_eq!((after.customer.name.as_str(), after.summary.customer_name.as_str()), ("Ada Byron", "Ada Byron"));
        assert_eq!((after.customer.customer_id.as_str(), after.summary.customer_id.as_str()), ("ada", "ada"));
        assert_eq!((after.turns.len(), after.turns_with_customer().len()), (1, 0), "messages stay the chat's");
        let [former] = after.former.as_slice() else { panic!("{:?}", after.former) };
        assert_eq!((former.customer.phone.as_str(), former.reply_to.as_str()), ("phone-of-elif", "reply-of-elif"));
        assert_eq!(after.reported_language(), None);
    }

    #[test]
    fn of_a_chats_end_what_stands_before_its_customer_is_named_is_anothers() {
        let bodies =
            [says(Author::Customer, "Elif", "to 14 Rose Lane", None), reported(1, "elif"), named("ada"), reported(1, "ada"), named("ada")];
        let events: Vec<Event> = bodies.into_iter().enumerate().map(|(nth, body)| event(nth + 700, body)).collect();
        let summary = Summary { customer_id: "ada".into(), last_sequence: 705, ..Summary::default() };
        let chat = Chat::fold_end("c", events.clone(), summary.clone());
        assert_eq!((chat.turns_with_customer().len(), chat.form_answers.len(), &chat.summary), (0, 1, &summary));
        assert!(!shown(&chat).contains("-of-elif") && !shown(&chat).contains('\u{0}'), "{}", shown(&chat));
        // Without a named customer, the customer did not change.
        let chat = Chat::fold_end("c", events[..2].to_vec(), summary);
        assert_eq!((chat.turns_with_customer().len(), chat.form_answers.len(), chat.customer.customer_id.as_str()), (1, 1, "ada"));
    }

    #[test]
    fn the_language_of_the_former_is_not_the_new_ones() {
        let mut bodies = vec![named("elif"), says(Author::Customer, "Elif", "Merhaba", Some("tr")), named("ada")];
        assert_eq!(fold(bodies.clone()).reported_language(), None);
        bodies.push(says(Author::Customer, "Ada", "Hallo", Some("de")));
        assert_eq!(fold(bodies).reported_language().map(ToString::to_string), Some("de".to_owned()));
    }

    #[test]
    fn who_gets_an_id_or_keeps_it_is_the_same() {
        for ids in [["", "elif"], ["elif", "elif"], ["elif", ""]] {
            let chat = fold(vec![reported(0, "elif"), named(ids[0]), reported(1, "elif"), named(ids[1])]);
            assert_eq!(chat.customer.name, "name-of-elif", "{ids:?}");
            assert_eq!((chat.form_answers.len(), chat.former.len()), (1, 0), "{ids:?}");
        }
    }

    proptest! {
        /// Whatever is reported of whom, in whatever order: only what came since the last change of the customer is there.
        #[test]
        fn only_the_last_customers_own_is_known(steps in proptest::collection::vec((0usize..9, 0usize..3), 1..40)) {
            let people = ["elif", "ada", "jozsef"];
            let mut current = "";
            let mut bodies = Vec::new();
            for (kind, person) in steps {
                if kind >= 7 {
                    current = people[person];
                    bodies.push(named(current));
                } else if !current.is_empty() {
                    bodies.push(reported(kind, current));
                }
            }
            prop_assume!(!bodies.is_empty());
            let chat = fold(bodies);
            for other in people.iter().filter(|person| **person != current) {
                prop_assert!(!shown(&chat).contains(&format!("-of-{other}")), "{} {}", other, shown(&chat));
            }
            prop_assert_eq!(&chat.summary.customer_id, current);
        }
    }
}
