//! Decodes and encodes channels.

use crate::{api::pb, chats::Channel};

/// Decodes a channel; `None` for an unspecified or unknown number.
pub fn channel(number: i32) -> Option<Channel> {
    Some(match pb::Channel::try_from(number).ok()? {
        pb::Channel::Unspecified => return None,
        pb::Channel::WebChat => Channel::WebChat,
        pb::Channel::Email => Channel::Email,
        pb::Channel::ContactForm => Channel::ContactForm,
        pb::Channel::Whatsapp => Channel::Whatsapp,
        pb::Channel::Messenger => Channel::Messenger,
        pb::Channel::Instagram => Channel::Instagram,
        pb::Channel::InApp => Channel::InApp,
        pb::Channel::Phone => Channel::Phone,
        pb::Channel::Ticket => Channel::Ticket,
        pb::Channel::Other => Channel::Other,
    })
}

/// Encodes a channel.
pub fn encode_channel(channel: Channel) -> pb::Channel {
    match channel {
        Channel::Unknown => pb::Channel::Unspecified,
        Channel::WebChat => pb::Channel::WebChat,
        Channel::Email => pb::Channel::Email,
        Channel::ContactForm => pb::Channel::ContactForm,
        Channel::Whatsapp => pb::Channel::Whatsapp,
        Channel::Messenger => pb::Channel::Messenger,
        Channel::Instagram => pb::Channel::Instagram,
        Channel::InApp => pb::Channel::InApp,
        Channel::Phone => pb::Channel::Phone,
        Channel::Ticket => pb::Channel::Ticket,
        Channel::Other => pb::Channel::Other,
    }
}
