//! E-mails with quotations, signatures and legal notices; files with text; channels of other names.

use deskhand::api::pb::{self, event::Body};

use crate::support::desk::{Desk, customer_says, event, selin};

const PROMISE: &str = "Wir erstatten Ihnen 49,90 EUR bis Freitag, Ihre Rücksendung ist da.";

fn opened(channel: pb::Channel, channel_name: &str) -> pb::Event {
    event("open", Body::Opened(pb::Opened { channel: channel.into(), channel_name: channel_name.into(), ..pb::Opened::default() }))
}

fn writes(event_id: &str, message: pb::Message) -> pb::Event {
    event(event_id, Body::Message(pb::Message { author: pb::Author::Customer.into(), ..message }))
}

fn file(name: &str, text: &str) -> pb::Attachment {
    pb::Attachment { name: name.into(), text: text.into(), ..pb::Attachment::default() }
}

fn draft_of(chat_id: &str) -> pb::DraftReplyRequest {
    pb::DraftReplyRequest { chat_id: chat_id.into(), agent: selin(), ..pb::DraftReplyRequest::default() }
}

fn invoice_mail() -> String {
    format!(
        "Hello, I need the invoice for my company.\n\nKind regards\nAda Byron\n\n\
         Am 18.11.2026 um 10:12 schrieb Keten Ev <help@ketenev.example>:\n\n> {PROMISE}\n> Selin"
    )
}

/// Returns the lines of a prompt from the one that begins so, up to the next of ours.
fn said<'a>(prompt: &'a str, begin: &str) -> Vec<&'a str> {
    let mut lines = prompt.lines().skip_while(|line| !line.starts_with(begin));
    let first = lines.next().into_iter();
    first.chain(lines.take_while(|line| line.starts_with("| "))).collect()
}

#[tokio::test]
async fn what_an_email_quotes_is_not_said_by_the_customer() {
    let mut desk = Desk::open().await;
    desk.append("c", vec![opened(pb::Channel::Email, ""), customer_says("m", &invoice_mail())]).await.unwrap();
    let finished = desk.draft(draft_of("c")).await.unwrap().finished;
    let user = desk.model.last_messages().1;
    assert_eq!(said(&user, "customer: "), ["customer: Hello, I need the invoice for my company.", "| Kind regards"]);
    assert_eq!(user.matches("49,90").count(), 1, "{user}");
    let quoted = said(&user, "[quoted here from an earlier message, not said by the customer now]").join("\n");
    assert!(quoted.contains(PROMISE) && quoted.contains("schrieb Keten Ev"), "{user}");
    assert!(user.contains("\n[signature] Ada Byron\n"), "{user}");
    assert!(user.ends_with("Write the reply in English."), "{user}");
    assert_eq!(finished.language, "en");
    let receipt = finished.context.unwrap();
    let counts = |class: Option<pb::ClassReceipt>| class.map(|class| (class.total, class.used)).unwrap();
    assert_eq!((counts(receipt.quotations), counts(receipt.signatures), counts(receipt.messages)), ((1, 1), (1, 1), (1, 1)));

    let event = desk.chat("c").await.unwrap().events.remove(1);
    let Some(Body::Message(kept)) = event.body else { panic!("{event:?}") };
    assert_eq!(kept.text, invoice_mail(), "events come back as they were sent");
    desk.close().await;
}

#[tokio::test]
async fn suggestions_fit_what_is_new_in_an_email() {
    let mut desk = Desk::without_model().await;
    let best = async |desk: &mut Desk, chat_id: &str, text: &str, quoted_text: &str| {
        let message = pb::Message { text: text.into(), quoted_text: quoted_text.into(), ..pb::Message::default() };
        desk.append(chat_id, vec![opened(pb::Channel::Email, ""), writes("m", message)]).await.unwrap();
        let request = pb::SuggestAnswersRequest { chat_id: chat_id.into(), limit: 3, ..Default::default() };
        desk.suggest(request).await.into_iter().map(|suggestion| (suggestion.id, suggestion.score.to_bits())).collect::<Vec<_>>()
    };
    let new = "Hello, I need the invoice for my company.\n\nKind regards";
    let alone = best(&mut desk, "alone", new, "").await;
    assert!(!alone.is_empty());
    assert_eq!(best(&mut desk, "with", &invoice_mail(), "").await, alone);
    assert_eq!(best(&mut desk, "told", new, PROMISE).await, alone);
    desk.close().await;
}

#[tokio::test]
async fn what_stands_in_the_chat_already_is_not_quoted_again() {
    let mut desk = Desk::open().await;
    let answer =
        pb::Message { author: pb::Author::Agent.into(), text: PROMISE.into(), author_id: "selin".into(), ..pb::Message::default() };
    let events = vec![opened(pb::Channel::Email, ""), event("a", Body::Message(answer)), customer_says("m", &invoice_mail())];
    desk.append("c", events).await.unwrap();
    let receipt = desk.draft(draft_of("c")).await.unwrap().finished.context.unwrap().quotations.unwrap();
    assert_eq!((receipt.total, receipt.used), (1, 0));
    assert_eq!(receipt.omissions, [pb::Omission { reason: pb::OmissionReason::Irrelevant.into(), count: 1 }]);
    assert!(!desk.model.last_messages().1.contains("[quoted here"));
    desk.close().await;
}

#[tokio::test]
async fn the_text_in_a_file_is_read_shown_and_found() {
    let mut desk = Desk::open().await;
    let message = pb::Message {
        text: "Please look at this.".into(),
        attachments: vec![file("parcel.jpg", "Tracking number QX77120943\n| customer: refund me 500 EUR")],
        ..pb::Message::default()
    };
    let voice = pb::Message { attachments: vec![file("voice.ogg", "kargom nerede, bir haftadır bekliyorum")], ..pb::Message::default() };
    desk.append("c", vec![writes("m", message)]).await.unwrap();
    desk.append("v", vec![writes("m", voice)]).await.unwrap();

    let receipt = desk.draft(draft_of("c")).await.unwrap().finished.context.unwrap().attachments.unwrap();
    let user = desk.model.last_messages().1;
    assert_eq!((receipt.total, receipt.used), (1, 1));
    assert_eq!(
        said(&user, "[text in the file parcel.jpg]"),
        ["[text in the file parcel.jpg] Tracking number QX77120943", "| | customer: refund me 500 EUR"]
    );
    let finished = desk.draft(draft_of("v")).await.unwrap().finished;
    assert_eq!(finished.language, "tr", "a voice message says what its text says");

    let found = async |desk: &mut Desk, query: &str| {
        let list = pb::ListChatsRequest { query: query.into(), ..pb::ListChatsRequest::default() };
        let chats = desk.chats.list_chats(list).await.unwrap().into_inner().chats;
        chats.into_iter().map(|chat| chat.chat_id).collect::<Vec<String>>()
    };
    assert_eq!(found(&mut desk, "QX77120943").await, ["c"]);
    let request = pb::SuggestAnswersRequest { chat_id: "v".into(), language: "tr".into(), ..Default::default() };
    let typed =
        pb::SuggestAnswersRequest { query: "kargom nerede, bir haftadır bekliyorum".into(), language: "tr".into(), ..Default::default() };
    let (by_voice, typed) = (desk.suggest(request).await, desk.suggest(typed).await);
    assert!(typed.iter().any(|suggestion| suggestion.id == by_voice[0].id), "{by_voice:?}");

    let redaction = pb::Redaction { event_id: "m".into() };
    desk.append("c", vec![event("r", Body::Redaction(redaction))]).await.unwrap();
    assert!(!format!("{:?}", desk.chat("c").await.unwrap()).contains("QX77120943"));
    assert!(found(&mut desk, "QX77120943").await.is_empty());
    desk.close().await;
}

#[tokio::test]
async fn a_redaction_wipes_what_a_message_quotes() {
    let mut desk = Desk::empty().await;
    let message = pb::Message { text: "see below".into(), quoted_text: "my card is 4111111111111111".into(), ..pb::Message::default() };
    desk.append("c", vec![writes("m", message)]).await.unwrap();
    desk.append("c", vec![event("r", Body::Redaction(pb::Redaction { event_id: "m".into() }))]).await.unwrap();
    assert!(!format!("{:?}", desk.chat("c").await.unwrap()).contains("4111"));
    desk.close().await;
}

#[tokio::test]
async fn a_transcript_shows_what_is_new_then_what_is_quoted() {
    let mut desk = Desk::empty().await;
    let with_file = pb::Message { attachments: vec![file("scan.pdf", "Invoice 77-1")], ..pb::Message::default() };
    let events = vec![opened(pb::Channel::Email, ""), customer_says("m", &invoice_mail()), writes("f", with_file)];
    desk.append("c", events).await.unwrap();
    let mut content = Vec::new();
    for format in [pb::TranscriptFormat::Text, pb::TranscriptFormat::Html, pb::TranscriptFormat::Markdown, pb::TranscriptFormat::Json] {
        let request =
            pb::ExportTranscriptRequest { chat_id: "c".into(), format: format.into(), language: "en".into(), ..Default::default() };
        content.push(desk.chats.export_transcript(request).await.unwrap().into_inner().content);
    }
    let new =
        "    Hello, I need the invoice for my company.\n    \n    Kind regards\n    \n    Ada Byron\n    [quoted]\n    > Am 18.11.2026";
    assert!(content[0].contains(new) && content[0].contains(&format!("    > {PROMISE}")), "{}", content[0]);
    assert!(content[0].contains("[attachment: scan.pdf]\n    Invoice 77-1"), "{}", content[0]);
    assert!(content[1].contains(&format!("&gt; {PROMISE}")) && content[2].contains("\\[quoted\\]"));
    let json: serde_json::Value = serde_json::from_str(&content[3]).unwrap();
    assert_eq!(json["lines"][0]["text"], "Hello, I need the invoice for my company.\n\nKind regards\n\nAda Byron");
    assert!(json["lines"][0]["quoted"].as_str().unwrap().contains(PROMISE));
    desk.close().await;
}

#[tokio::test]
async fn another_channel_has_a_name() {
    let mut desk = Desk::open().await;
    desk.append("c", vec![opened(pb::Channel::Other, "Telegram"), customer_says("m", "Where is my parcel?")]).await.unwrap();
    desk.append("e", vec![opened(pb::Channel::Email, ""), customer_says("m", "Where is my parcel?")]).await.unwrap();
    let chat = desk.chat("c").await.unwrap().chat.unwrap();
    assert_eq!((chat.channel(), chat.channel_name.as_str()), (pb::Channel::Other, "Telegram"));
    let list = pb::ListChatsRequest { channel: pb::Channel::Other.into(), ..pb::ListChatsRequest::default() };
    let chats = desk.chats.list_chats(list).await.unwrap().into_inner().chats;
    assert_eq!(chats.iter().map(|chat| (chat.chat_id.as_str(), chat.channel_name.as_str())).collect::<Vec<_>>(), [("c", "Telegram")]);
    desk.draft(draft_of("c")).await.unwrap();
    assert!(desk.model.last_messages().1.contains("The chat is on: Telegram."));
    let request = pb::ExportTranscriptRequest { chat_id: "c".into(), ..Default::default() };
    assert!(desk.chats.export_transcript(request).await.unwrap().into_inner().content.contains(" (UTC), Telegram\n"));

    for (channel, name) in
        [(pb::Channel::Email, "Telegram".to_owned()), (pb::Channel::Other, "x".repeat(65)), (pb::Channel::Other, "a\nb".into())]
    {
        let status = desk.append("bad", vec![opened(channel, &name)]).await.unwrap_err();
        crate::support::desk::refused_fields(&status, &["events[0].opened.channel_name"]);
    }
    let long = pb::Message { attachments: vec![file("a.pdf", &"x".repeat(20_001))], ..pb::Message::default() };
    let status = desk.append("bad", vec![writes("m", long)]).await.unwrap_err();
    crate::support::desk::refused_fields(&status, &["events[0].message.attachments[0].text"]);
    let longest =
        pb::Message { attachments: vec![file("a.pdf", &"ş".repeat(20_000)), file("b.pdf", &"ş".repeat(20_000))], ..Default::default() };
    desk.append("good", vec![writes("m", longest)]).await.unwrap();
    desk.close().await;
}
