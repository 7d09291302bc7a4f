//! The chat of a case, as a console would send it.

use jiff::{SignedDuration, Timestamp};

use crate::{
    api::pb::{self, event::Body},
    cli::eval::replies::case::{Asked, Case},
};

/// From one event of a chat to the next.
const BETWEEN_EVENTS: SignedDuration = SignedDuration::from_mins(1);

/// The chat's events, a minute apart; the last one happens now.
pub fn events(case: &Case) -> Vec<pb::Event> {
    let opened = pb::Opened { channel: case.channel.into(), ..pb::Opened::default() };
    let language = match &case.asked {
        // The text is an agent's, for a customer who reads another language.
        Asked::Translate { target, .. } => target,
        Asked::Draft { .. } | Asked::Correct { .. } | Asked::Retone { .. } | Asked::Summarize => &case.language,
    };
    let customer = pb::Customer {
        customer_id: format!("customer-{}", case.id),
        name: case.customer.clone(),
        language: language.to_string(),
        ..pb::Customer::default()
    };
    let mut bodies = vec![Body::Opened(opened), Body::Customer(customer)];
    if !case.form.is_empty() {
        bodies.push(Body::Form(pb::Form { answers: case.form.clone().into_iter().collect() }));
    }
    bodies.extend(case.records.iter().map(|record| {
        Body::Record(pb::Record {
            source: record.source.clone(),
            reference: record.reference.clone(),
            values: record.values.clone().into_iter().collect(),
            url: String::new(),
        })
    }));
    bodies.extend(case.messages.iter().map(|message| {
        let author_name = match message.author {
            pb::Author::Customer => case.customer.clone(),
            pb::Author::Agent => case.agent.clone(),
            pb::Author::Bot | pb::Author::Unspecified => String::new(),
        };
        Body::Message(pb::Message { author: message.author.into(), author_name, text: message.text.clone(), ..pb::Message::default() })
    }));
    let (now, count) = (Timestamp::now(), bodies.len());
    let event = |(number, body): (usize, Body)| {
        let at = now - BETWEEN_EVENTS * i32::try_from(count - 1 - number).unwrap_or(i32::MAX);
        let at = prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() };
        pb::Event { event_id: format!("e{number}"), at: Some(at), body: Some(body), ..pb::Event::default() }
    };
    bodies.into_iter().enumerate().map(event).collect()
}
