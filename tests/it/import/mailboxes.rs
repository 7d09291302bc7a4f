//! Mailboxes.

use deskhand::api::pb::{self, event::Body};

use super::{expect, files, import_to, messages};
use crate::support::desk::Desk;

#[tokio::test]
async fn mail_becomes_chats_by_thread() {
    let mut desk = Desk::empty().await;
    let own = ["--own-address", "kuzey.example"];
    let output = import_to(&desk.address(), "mbox", files(&["mbox/support.mbox"]), &own).await;
    expect(
        &output,
        1,
        &["support.mbox:62: mail `no-date@example.com` has no `Date`", "automatic mail to the shop, left out: 1 (bounce@example.com)"],
    );
    let chat = desk.chat("mail-one@example.com").await.unwrap();
    let state = chat.chat.unwrap();
    assert_eq!(
        (state.channel(), state.status(), state.subject.as_str()),
        (pb::Channel::Email, pb::ChatStatus::Resolved, "Rückgabe der Wanderschuhe")
    );
    let customer = state.customer.unwrap();
    assert_eq!((customer.customer_id.as_str(), customer.name.as_str()), ("anna@example.com", "Anna Weiß"));
    let found = messages(&chat.events);
    assert_eq!(found.len(), 3);
    assert_eq!(
        found[0],
        (pb::Author::Customer, "Guten Tag,\n\nkann ich die Schuhe zurückgeben?\n\nFrom now on I write English.".to_owned())
    );
    assert_eq!(found[1].0, pb::Author::Agent);
    assert!(found[1].1.contains("Sie haben **14 Tage** Zeit.") && !found[1].1.contains("alert"), "{}", found[1].1);
    assert_eq!(found[2], (pb::Author::Customer, "Danke schön, Grüße".to_owned()));
    let reply = chat.events.iter().find(|event| event.event_id == "three@example.com").unwrap();
    let Some(Body::Message(message)) = &reply.body else { panic!("{reply:?}") };
    assert_eq!((message.attachments[0].name.as_str(), message.attachments[0].media_type.as_str()), ("Beleg.pdf", "application/pdf"));
    let output = import_to(&desk.address(), "mbox", files(&["mbox/support.mbox"]), &own).await;
    expect(&output, 1, &["events, new: 0"]);
    let output = import_to(&desk.address(), "mbox", files(&["csv/answers.csv"]), &own).await;
    expect(&output, 1, &["the file is no mailbox"]);
    desk.close().await;
}
