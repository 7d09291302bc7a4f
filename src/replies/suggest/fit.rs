//! What a chat knows, by the names that the conditions and placeholders of canned answers use.

use std::collections::HashMap;

use jiff::Zoned;

use crate::{
    chats::{Channel, Chat},
    config::DeskSettings,
    knowledge::ChatFacts,
};

/// Collects what a chat knows: the latest record of each source, form answers, the customer's attributes, the channel, and whether the
/// workspace is open at a time.
pub fn chat_facts(chat: &Chat, settings: &DeskSettings, now: Zoned) -> ChatFacts {
    let mut values: HashMap<String, String> = HashMap::new();
    for record in &chat.records {
        // A later record of a source replaces an earlier one, as in placeholders.
        let prefix = format!("record.{}.", record.source);
        values.retain(|name, _| !name.starts_with(&prefix));
        values.extend(record.values.iter().map(|(key, value)| (format!("{prefix}{key}"), value.clone())));
    }
    values.extend(chat.form_answers.iter().map(|(key, value)| (format!("form.{key}"), value.clone())));
    values.extend(chat.customer.attributes.iter().map(|(key, value)| (format!("customer.attributes.{key}"), value.clone())));
    if let Some(channel) = channel_name(chat.summary.channel) {
        values.insert("channel".to_owned(), channel.to_owned());
    }
    if let Some(hours) = &settings.opening_hours {
        let state = if hours.is_open(&now, &settings.holidays) { "open" } else { "closed" };
        values.insert("opening_hours".to_owned(), state.to_owned());
    }
    values.retain(|_, value| !value.trim().is_empty());
    ChatFacts { values, now }
}

/// The name of a channel in conditions.
fn channel_name(channel: Channel) -> Option<&'static str> {
    match channel {
        Channel::Unknown => None,
        Channel::WebChat => Some("web_chat"),
        Channel::Email => Some("email"),
        Channel::ContactForm => Some("contact_form"),
        Channel::Whatsapp => Some("whatsapp"),
        Channel::Messenger => Some("messenger"),
        Channel::Instagram => Some("instagram"),
        Channel::InApp => Some("in_app"),
        Channel::Phone => Some("phone"),
        Channel::Ticket => Some("ticket"),
        Channel::Other => Some("other"),
    }
}

#[cfg(test)]
mod tests {
    use jiff::{Timestamp, tz::TimeZone};

    use super::*;
    use crate::{
        chats::{Record, Summary},
        knowledge::Conditions,
    };

    fn known(chat: &Chat, settings: &DeskSettings, name: &str) -> Option<String> {
        let now = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
        chat_facts(chat, settings, now).values.remove(name)
    }

    fn order(reference: &str, status: &str) -> Record {
        Record {
            source: "order".into(),
            reference: reference.into(),
            values: [("status".to_owned(), status.to_owned())].into(),
            url: String::new(),
        }
    }

    #[test]
    fn conditions_are_about_what_the_chat_knows() {
        let mut chat = Chat {
            records: vec![order("1", "delivered"), order("2", "shipped")],
            form_answers: [("topic".to_owned(), "Delivery".to_owned())].into(),
            summary: Summary { channel: Channel::Email, ..Summary::default() },
            ..Chat::default()
        };
        chat.customer.attributes.insert("plan".into(), "pro".into());
        let mut settings = DeskSettings::default();
        for (name, expected) in [
            ("record.order.status", Some("shipped")),
            ("record.order.carrier", None),
            ("record.parcel.status", None),
            ("form.topic", Some("Delivery")),
            ("customer.attributes.plan", Some("pro")),
            ("channel", Some("email")),
            ("opening_hours", None),
        ] {
            assert_eq!(known(&chat, &settings, name).as_deref(), expected, "{name}");
        }
        // 1 January 1970 was a Thursday.
        let hours = toml::Value::from(vec!["thu 00:00-12:00"]);
        settings.set("opening_hours", &hours).unwrap().unwrap();
        assert_eq!(known(&chat, &settings, "opening_hours").as_deref(), Some("open"));
        settings.set("holidays", &toml::Value::from("1970-01-01")).unwrap().unwrap();
        assert_eq!(known(&chat, &settings, "opening_hours").as_deref(), Some("closed"));
    }

    #[test]
    fn every_channel_can_be_named_in_a_condition() {
        use Channel::{ContactForm, Email, InApp, Instagram, Messenger, Other, Phone, Ticket, WebChat, Whatsapp};
        let settings = DeskSettings::default();
        for channel in [WebChat, Email, ContactForm, Whatsapp, Messenger, Instagram, InApp, Phone, Ticket, Other] {
            let chat = Chat { summary: Summary { channel, ..Summary::default() }, ..Chat::default() };
            let when = format!("channel = {}", known(&chat, &settings, "channel").unwrap());
            assert!(Conditions::try_from(vec![when.clone()]).is_ok(), "{when}");
        }
    }
}
