//! Mailboxes.

use deskhand::api::pb::{self, event::Body};

use super::{expect, files, import_texts_to, import_to, messages};
use crate::support::{command::text, desk::Desk};

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

#[tokio::test]
async fn a_mailbox_of_any_order_becomes_whole_threads() {
    let mail = |id: &str, from: &str, day: u32, subject: &str, more: &str| {
        format!(
            "From {from} Mon Jan  5 09:00:00 2026\r\nMessage-ID: <{id}@example.com>\r\nDate: {day} Jan 2026 09:00:00 +0000\r\nFrom: {from}\r\n\
             To: hilfe@kuzey.example\r\nSubject: {subject}\r\n{more}\r\nText of {id}.\r\n\r\n"
        )
    };
    let (anna, shop) = ("anna@example.com", "hilfe@kuzey.example");
    let newest_first = [
        mail("3", anna, 7, "Re: Schuhe", "In-Reply-To: <2@example.com>\r\n"),
        mail("draft", shop, 7, "Re: Schuhe", "In-Reply-To: <3@example.com>\r\nX-Gmail-Labels: =?UTF-8?Q?Wichtig,Entw=C3=BCrfe?=\r\n"),
        mail("2", shop, 6, "Re: Schuhe", "In-Reply-To: <1@example.com>\r\nX-Gmail-Labels: Sent,Opened\r\n"),
        mail("other", anna, 6, "Anderes", ""),
        mail("1", anna, 5, "Schuhe", "X-Gmail-Labels: Inbox,\"Drafts of mine\"\r\n"),
        mail("1", anna, 5, "Schuhe", ""),
        mail("spam", anna, 5, "Spam", "X-Gmail-Labels: Spam\r\n"),
        mail("bin", anna, 5, "Bin", "X-Gmail-Labels: =?UTF-8?B?w4fDtnAgS3V0dXN1?=\r\n"),
        mail("status", shop, 5, "T", "X-Status: T\r\n"),
        mail("deleted", anna, 5, "D", "Status: RO\r\nX-Status: AD\r\n"),
        mail("mozilla", anna, 5, "M", "X-Mozilla-Status: 0009\r\nX-Mozilla-Status2: 00000000\r\n"),
        mail("read", anna, 5, "R", "Status: RO\r\nX-Status: A\r\nX-Mozilla-Status: 0001\r\nX-Mozilla-Status2: 10000000\r\n"),
    ]
    .concat();
    let mut desk = Desk::empty().await;
    let own = ["--own-address", "kuzey.example"];
    let output = import_texts_to(&desk.address(), "mbox", &[("all.mbox", newest_first.as_str())], &own).await;
    expect(
        &output,
        0,
        &[
            "chats, with something new: 3\n",
            "3 chats in ",
            "mails of drafts, left out: 2 (draft@example.com, status@example.com)",
            "mails of spam, left out: 1 (spam@example.com)",
            "mails of trash, left out: 3 (bin@example.com, deleted@example.com, mozilla@example.com)",
            "mails that came several times, taken once: 1 (1@example.com)",
        ],
    );
    let chat = desk.chat("mail-1@example.com").await.unwrap();
    let expected = [
        (pb::Author::Customer, "Text of 1.".to_owned()),
        (pb::Author::Agent, "Text of 2.".to_owned()),
        (pb::Author::Customer, "Text of 3.".to_owned()),
    ];
    assert_eq!(messages(&chat.events), expected);
    let state = chat.chat.unwrap();
    assert_eq!((state.subject.as_str(), state.status()), ("Schuhe", pb::ChatStatus::Resolved));
    assert!(matches!(chat.events[0].body, Some(Body::Opened(_))), "{:?}", chat.events[0]);
    let odd = "From a Mon\nMessage-ID: <odd@example.com>\nDate: Fri, 99 Jan 2026 99:00:00 +0000\nFrom: anna@example.com\n\nText.\n";
    let output = import_texts_to(&desk.address(), "mbox", &[("odd.mbox", odd)], &own).await;
    expect(&output, 1, &["odd.mbox:1: mail `odd@example.com` has no `Date`"]);
    // A folder of drafts is one as a whole.
    let output = import_texts_to(&desk.address(), "mbox", &[("Drafts.mbox", newest_first.as_str())], &own).await;
    expect(&output, 0, &["mails of drafts, left out: "]);
    assert!(!text(&output.stdout).contains("events"), "{}", text(&output.stdout));
    desk.close().await;
}
