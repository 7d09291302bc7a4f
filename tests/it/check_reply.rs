//! The check of a text before it is sent.

use deskhand::{
    api::pb::{self, WarningKind, event::Body},
    keys::Scope,
};
use prost::Message;
use tonic::{Code, Status};

use crate::{
    keys::{key_for, three_workspaces},
    support::desk::{Desk, agent_says, at, customer_says, event, refused, refused_fields, selin},
};

async fn check(desk: &mut Desk, chat_id: &str, text: &str) -> Result<pb::CheckReplyResponse, Status> {
    let request = pb::CheckReplyRequest { text: text.into(), chat_id: chat_id.into(), agent: selin(), ..Default::default() };
    Ok(desk.replies.check_reply(request).await?.into_inner())
}

/// The kinds and excerpts of a text's warnings.
async fn warnings(desk: &mut Desk, chat_id: &str, text: &str) -> Vec<(WarningKind, String)> {
    let warnings = check(desk, chat_id, text).await.unwrap().warnings;
    for warning in &warnings {
        assert!(text.contains(&warning.excerpt) && !warning.message.is_empty(), "{warning:?}");
    }
    warnings.into_iter().map(|warning| (warning.kind(), warning.excerpt)).collect()
}

fn customer(customer_id: &str, email: &str) -> pb::Event {
    let customer = pb::Customer { customer_id: customer_id.into(), email: email.into(), language: "en".into(), ..Default::default() };
    event("who", Body::Customer(customer))
}

fn order(reference: &str) -> pb::Event {
    let values = [("status".to_owned(), "shipped".to_owned()), ("total".to_owned(), "49.90 EUR".to_owned())].into();
    event("order", Body::Record(pb::Record { source: "order".into(), reference: reference.into(), values, ..Default::default() }))
}

async fn two_customers(desk: &mut Desk) {
    desk.append("ann", vec![customer("c-ann", "ann@mail.example"), order("KE-204815"), customer_says("q", "Where is my lamp?")])
        .await
        .unwrap();
    desk.append("bob", vec![customer("c-bob", "bob@mail.example"), order("KE-377120"), customer_says("q", "My number is 0532 123 45 67.")])
        .await
        .unwrap();
}

#[tokio::test]
async fn what_the_chat_says_is_grounded_and_the_rest_is_named() {
    let mut desk = Desk::empty().await;
    two_customers(&mut desk).await;
    assert_eq!(warnings(&mut desk, "ann", "Hello, your lamp of order KE-204815 for 49.90 EUR was shipped.").await, []);
    let text = "Your lamp costs 39.90 EUR, see https://evil.example/x or ![it](https://evil.example/y).\n\nBest regards,\nMurat";
    let found = warnings(&mut desk, "ann", text).await;
    for expected in [
        (WarningKind::UngroundedAmount, "39.90 EUR"),
        (WarningKind::UngroundedLink, "https://evil.example/x"),
        (WarningKind::UngroundedLink, "https://evil.example/y"),
        (WarningKind::WrongName, "Murat"),
    ] {
        assert!(found.contains(&(expected.0, expected.1.to_owned())), "{expected:?} {found:?}");
    }
    let found = warnings(&mut desk, "ann", "Merhaba, lambanız dün depomuzdan çıktı ve yakında elinizde olur.").await;
    assert!(found.iter().any(|(kind, _)| *kind == WarningKind::LanguageMismatch), "{found:?}");
    desk.close().await;
}

#[tokio::test]
async fn notes_placeholders_and_open_questions_are_named() {
    let mut desk = Desk::empty().await;
    let note = pb::Note { text: "Customer is on the fraud watch list, ask Zeynep first.".into(), ..Default::default() };
    desk.append(
        "c",
        vec![
            at(0, customer("c-1", "")),
            at(1, customer_says("q", "Where is my parcel? Can I change the colour?")),
            at(2, event("n", Body::Note(note))),
        ],
    )
    .await
    .unwrap();
    let text = "Your parcel left our warehouse.\nYou are on the fraud watch list.\nBest regards,\n[your name]";
    let found = warnings(&mut desk, "c", text).await;
    assert!(found.contains(&(WarningKind::NoteLeaked, "You are on the fraud watch list.".into())), "{found:?}");
    assert!(found.contains(&(WarningKind::Unfilled, "[your name]".into())), "{found:?}");
    let response = check(&mut desk, "c", text).await.unwrap();
    let open: Vec<&str> = response
        .warnings
        .iter()
        .filter(|warning| warning.kind() == WarningKind::QuestionUnanswered)
        .map(|warning| warning.message.as_str())
        .collect();
    assert_eq!(open, ["the customer asked: Can I change the colour?"]);
    for answered in ["Your parcel left our warehouse, and yes, we can change the colour.", "I'll check both and get back to you.", "Hello"]
    {
        let found = warnings(&mut desk, "c", answered).await;
        assert!(found.iter().all(|(kind, _)| *kind != WarningKind::QuestionUnanswered), "{answered} {found:?}");
    }
    desk.close().await;
}

#[tokio::test]
async fn what_is_another_customers_is_named_until_it_is_gone() {
    let mut desk = Desk::empty().await;
    two_customers(&mut desk).await;
    let others = async |desk: &mut Desk, text: &str| -> Vec<String> {
        let found = warnings(desk, "ann", text).await;
        found.into_iter().filter(|(kind, _)| *kind == WarningKind::OtherCustomer).map(|(_, excerpt)| excerpt).collect()
    };
    let text = "Your order KE-377120 and KE-204815: write to bob@mail.example or ann@mail.example, or call +90 532 123 45 67.";
    assert_eq!(others(&mut desk, text).await, ["KE-377120", "bob@mail.example", "+90 532 123 45 67"]);
    assert_eq!(others(&mut desk, "Your order KE-999999 is on its way.").await, [""; 0], "nobody has it");

    // What several customers have is nobody's own; what the customer's other chat has is theirs.
    desk.append("cem", vec![customer("c-cem", ""), order("KE-377120")]).await.unwrap();
    assert_eq!(others(&mut desk, "Your order KE-377120 is on its way.").await, [""; 0]);
    desk.append("dan", vec![customer("c-dan", ""), order("KE-500500")]).await.unwrap();
    desk.append("ann-2", vec![customer("c-ann", ""), order("KE-500500")]).await.unwrap();
    assert_eq!(others(&mut desk, "Your order KE-500500 is on its way.").await, [""; 0]);

    // Redaction and erasure take it away.
    desk.append("bob", vec![event("x", Body::Redaction(pb::Redaction { event_id: "q".into() }))]).await.unwrap();
    assert_eq!(others(&mut desk, text).await, ["bob@mail.example"]);
    desk.chats.erase_customer(pb::EraseCustomerRequest { customer_id: "c-bob".into() }).await.unwrap();
    assert_eq!(others(&mut desk, text).await, ["KE-377120"], "it is one customer's again");
    desk.close().await;
}

#[tokio::test]
async fn promises_come_with_their_day() {
    let mut desk = Desk::empty().await;
    let request = |text: &str| pb::CheckReplyRequest { text: text.into(), language: "en".into(), ..Default::default() };
    let response =
        desk.replies.check_reply(request("Thank you. I'll call you back tomorrow. We will pay for the return label.")).await.unwrap();
    let promises = response.into_inner().promises;
    let texts: Vec<&str> = promises.iter().map(|promise| promise.text.as_str()).collect();
    assert_eq!(texts, ["I'll call you back tomorrow.", "We will pay for the return label."]);
    assert_eq!(promises[0].due.unwrap().seconds % 86_400, 86_399);
    assert_eq!(promises[1].due, None);

    // Without a chat, only what the text says by itself is checked.
    let response = desk.replies.check_reply(request("It costs 12 EUR, [name].")).await.unwrap().into_inner();
    assert_eq!(response.warnings.iter().map(|warning| warning.kind()).collect::<Vec<_>>(), [WarningKind::Unfilled]);
    desk.close().await;
}

#[tokio::test]
async fn nothing_is_kept_and_another_workspace_knows_nothing() {
    let desk = three_workspaces().await;
    let (oak, rose) = (desk.make_key(key_for("oak", &[Scope::Agent])).await, desk.make_key(key_for("rose", &[Scope::Agent])).await);
    let append = |events: Vec<pb::Event>| pb::AppendEventsRequest { chat_id: "c".into(), events }.encode_to_vec();
    desk.call("ChatService/AppendEvents", &append(vec![order("KE-377120")]), Some(&oak)).await.unwrap();
    desk.call("ChatService/AppendEvents", &append(vec![agent_says("e", "Hello")]), Some(&rose)).await.unwrap();
    let request =
        pb::CheckReplyRequest { text: "Your order KE-377120 left.".into(), chat_id: "c".into(), ..Default::default() }.encode_to_vec();
    let reply = desk.call("ReplyService/CheckReply", &request, Some(&rose)).await.unwrap();
    let kinds: Vec<WarningKind> =
        pb::CheckReplyResponse::decode(reply.as_slice()).unwrap().warnings.iter().map(pb::Warning::kind).collect();
    assert!(!kinds.contains(&WarningKind::OtherCustomer), "{kinds:?}");
    let get = pb::GetChatRequest { chat_id: "c".into(), ..Default::default() }.encode_to_vec();
    let chat = pb::GetChatResponse::decode(desk.call("ChatService/GetChat", &get, Some(&rose)).await.unwrap().as_slice()).unwrap();
    assert_eq!(chat.events.len(), 1);
    desk.close().await;
}

#[tokio::test]
async fn bad_input_is_named() {
    let mut desk = Desk::empty().await;
    let request = pb::CheckReplyRequest {
        text: " ".into(),
        chat_id: "a\nb".into(),
        agent: Some(pb::Agent { name: "ş".repeat(101), ..Default::default() }),
        language: "not a tag".into(),
        previous_text: "ş".repeat(8001),
    };
    let status = desk.replies.check_reply(request).await.unwrap_err();
    refused_fields(&status, &["text", "chat_id", "agent.name", "language", "previous_text"]);
    refused_fields(&check(&mut desk, "", &"ş".repeat(8001)).await.unwrap_err(), &["text"]);
    refused(&check(&mut desk, "none", "Hello").await.unwrap_err(), Code::NotFound, "CHAT_NOT_FOUND");
    check(&mut desk, "", &"ş".repeat(8000)).await.unwrap();
    desk.close().await;
}
