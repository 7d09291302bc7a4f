//! Whether a document fits a chat: what its conditions are about, looked up in the chat.

use jiff::Zoned;

use crate::{
    chats::{Channel, Chat},
    config::DeskSettings,
    knowledge::{self, Document, Fit, Subject},
};

/// Evaluates a document's conditions on a chat, at a time in the workspace's time zone. Without a chat nothing is known.
#[cfg_attr(not(test), expect(dead_code, reason = "the ranking does not ask yet"))]
pub fn fit(document: &Document, chat: Option<&Chat>, settings: &DeskSettings, now: &Zoned) -> Fit {
    match chat {
        Some(chat) => knowledge::fit(document, now, |subject| value(subject, chat, settings, now)),
        None => Fit::Unknown,
    }
}

fn value<'a>(subject: &Subject, chat: &'a Chat, settings: &DeskSettings, now: &Zoned) -> Option<&'a str> {
    match subject {
        // The latest record of the source, as in placeholders.
        Subject::Record { source, key } => chat.records.iter().rev().find(|record| record.source == *source)?.values.get(key),
        Subject::Form(key) => chat.form_answers.get(key),
        Subject::CustomerAttribute(key) => chat.customer.attributes.get(key),
        Subject::Channel => return channel_name(chat.summary.channel),
        Subject::OpeningHours => {
            let is_open = settings.opening_hours.as_ref()?.is_open(now, &settings.holidays);
            return Some(if is_open { "open" } else { "closed" });
        }
    }
    .map(String::as_str)
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
        ids::Id,
        knowledge::{Conditions, Details, Visibility},
        text::Language,
    };

    fn answer(when: &str) -> Document {
        Document {
            id: Id::new("a").unwrap(),
            language: Language::parse("en").unwrap(),
            title: "T".into(),
            body: "B".into(),
            category: String::new(),
            tags: Vec::new(),
            asked: Vec::new(),
            from_folder: false,
            updated_at: Timestamp::default(),
            withdrawn: false,
            details: Details::CannedAnswer {
                shortcut: String::new(),
                visibility: Visibility::Everyone,
                when: Conditions::try_from(vec![when.to_owned()]).unwrap(),
            },
        }
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
        let now = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
        for (when, expected) in [
            ("record.order.status = shipped", Fit::Holds),
            ("record.order.status = delivered", Fit::Fails),
            ("record.order.total exists", Fit::Fails),
            ("record.parcel.status = shipped", Fit::Unknown),
            ("record.parcel.status missing", Fit::Holds),
            ("form.topic = delivery", Fit::Holds),
            ("customer.attributes.plan in (pro, team)", Fit::Holds),
            ("channel = email", Fit::Holds),
            ("channel != email", Fit::Fails),
            ("opening_hours = open", Fit::Unknown),
        ] {
            assert_eq!(fit(&answer(when), Some(&chat), &settings, &now), expected, "{when}");
            assert_eq!(fit(&answer(when), None, &settings, &now), Fit::Unknown, "{when} without a chat");
        }
        // 1 January 1970 was a Thursday.
        let hours = toml::Value::from(vec!["thu 00:00-12:00"]);
        settings.set("opening_hours", &hours).unwrap().unwrap();
        assert_eq!(fit(&answer("opening_hours = open"), Some(&chat), &settings, &now), Fit::Holds);
        settings.set("holidays", &toml::Value::from("1970-01-01")).unwrap().unwrap();
        assert_eq!(fit(&answer("opening_hours = closed"), Some(&chat), &settings, &now), Fit::Holds);
    }

    #[test]
    fn every_channel_can_be_named_in_a_condition() {
        use Channel::{ContactForm, Email, InApp, Instagram, Messenger, Phone, Ticket, WebChat, Whatsapp};
        let settings = DeskSettings::default();
        for channel in [WebChat, Email, ContactForm, Whatsapp, Messenger, Instagram, InApp, Phone, Ticket] {
            let chat = Chat { summary: Summary { channel, ..Summary::default() }, ..Chat::default() };
            let when = format!("channel = {}", channel_name(channel).unwrap());
            assert_eq!(fit(&answer(&when), Some(&chat), &settings, &Zoned::now()), Fit::Holds, "{when}");
        }
    }
}
