//! What a draft knows of a chat: the choice of context, handoffs, what was said before.

use deskhand::api::pb::{self, event::Body};

use crate::{
    desk::{Desk, Opening, agent_says, customer_says, event, selin},
    model::Answer,
};

fn draft_of(chat_id: &str) -> pb::DraftReplyRequest {
    pb::DraftReplyRequest { chat_id: chat_id.into(), agent: selin(), ..pb::DraftReplyRequest::default() }
}

#[tokio::test]
async fn the_budget_bounds_what_a_long_chat_costs() {
    let mut desk = Desk::open().await;
    for batch in 0..4 {
        let events = (0..250)
            .map(|number| {
                let text = format!("message {} of a very long talk about towels and parcels", batch * 250 + number);
                let id = format!("e{batch}-{number}");
                if number % 2 == 0 { customer_says(&id, &text) } else { agent_says(&id, &text) }
            })
            .collect();
        desk.append("long", events).await.unwrap();
    }
    let note = pb::Note { text: "mind the gap".into(), ..pb::Note::default() };
    desk.append("long", vec![event("n", Body::Note(note)), customer_says("last", "So where is it now?")]).await.unwrap();
    let finished = desk.draft(draft_of("long")).await.unwrap().finished;
    let receipt = finished.context.unwrap();
    let messages = receipt.messages.unwrap();
    assert_eq!(messages.total, 1001);
    assert_eq!(messages.used + messages.omissions.iter().map(|omission| omission.count).sum::<i32>(), 1001);
    assert!(messages.used > 50 && messages.used < 1001);
    assert!(receipt.tokens_used <= receipt.token_budget);
    let user = desk.model.last_messages().1;
    assert!(user.contains("So where is it now?") && user.contains("messages left out]"));
    desk.close().await;
}

/// A chat of many messages about nothing in particular.
fn long_talk(messages: usize) -> Vec<pb::Event> {
    (0..messages)
        .map(|number| {
            let (id, text) = (format!("e{number}"), format!("message {number} of a very long talk about towels and their colours"));
            if number % 2 == 0 { customer_says(&id, &text) } else { agent_says(&id, &text) }
        })
        .collect()
}

#[tokio::test]
async fn a_budget_is_kept_as_the_model_counts() {
    let mut desk = Opening { with_model: true, with_shop: true, change: |model| model.context_tokens = Some(3000) }.open().await;
    desk.append("long", long_talk(900)).await.unwrap();
    let used = |finished: &pb::Finished| {
        let receipt = finished.context.clone().unwrap();
        assert!(receipt.token_budget == 3000 && receipt.tokens_used <= 3000, "{receipt:?}");
        receipt.messages.unwrap().used
    };
    let first = desk.draft(draft_of("long")).await.unwrap().finished;
    let estimate = |user: &str| deskhand::text::estimate_tokens(user);
    let (system, user) = desk.model.last_messages();
    let (before, size) = (used(&first), estimate(&system) + estimate(&user));
    assert!(size < 4000, "{size}");

    // A model whose tokens are shorter: it reports twice as many as were estimated.
    for _ in 0..12 {
        let (system, user) = desk.model.last_messages();
        desk.model.will(Answer::says_and_counts(&["Yes."], 2 * (estimate(&system) + estimate(&user))));
        desk.draft(draft_of("long")).await.unwrap();
    }
    let last = desk.draft(draft_of("long")).await.unwrap().finished;
    assert!(used(&last) < before * 6 / 10, "{} of {before} messages fit", used(&last));
    desk.close().await;
}

#[tokio::test]
async fn what_was_said_long_ago_is_there_when_it_is_asked_for() {
    let mut desk = Desk::open().await;
    let mut events = long_talk(1000);
    events[31] = customer_says("address", "Bu arada taşındım, yeni adresim Bahçe Sokak 27, Kadıköy.");
    events[40] = customer_says("asked", "Can I also get the green ones in XL?");
    events[41] = agent_says("later", "Let me check that with the warehouse.");
    events[551] = agent_says("promise", "Paranızı en geç 12 Aralık günü iade edeceğiz.");
    desk.append("long", events).await.unwrap();
    desk.append("long", vec![customer_says("last", "hangi adrese gönderdiniz, param ne zaman gelecek?")]).await.unwrap();
    desk.draft(draft_of("long")).await.unwrap();
    let user = desk.model.last_messages().1;
    for part in ["Bahçe Sokak 27", "12 Aralık", "green ones in XL", "messages left out]"] {
        assert!(user.contains(part), "{part} in {user}");
    }
    desk.close().await;
}

#[tokio::test]
async fn a_new_agent_is_introduced_once() {
    let mut desk = Desk::open().await;
    let transfer = Body::Transfer(pb::Transfer { to_agent_id: "agent-mert".into(), to_agent_name: "Mert".into(), ..Default::default() });
    desk.append("c", vec![customer_says("e1", "hi"), agent_says("e2", "hello, Selin here"), customer_says("e3", "help")]).await.unwrap();
    let of_mert = || pb::DraftReplyRequest {
        agent: Some(pb::Agent { agent_id: "agent-mert".into(), name: "Mert".into(), ..pb::Agent::default() }),
        ..draft_of("c")
    };
    desk.draft(draft_of("c")).await.unwrap();
    assert!(!desk.model.last_messages().0.contains("handed over"));

    desk.append("c", vec![event("t", transfer)]).await.unwrap();
    desk.draft(of_mert()).await.unwrap();
    assert!(desk.model.last_messages().0.contains("handed over to Mert"));

    let mut said = agent_says("e4", "Hello, I am Mert and took over.");
    if let Some(Body::Message(message)) = said.body.as_mut() {
        message.author_id = "agent-mert".into();
    }
    desk.append("c", vec![said, customer_says("e5", "fine")]).await.unwrap();
    desk.draft(of_mert()).await.unwrap();
    assert!(!desk.model.last_messages().0.contains("handed over"), "once is enough");
    let back = Body::Transfer(pb::Transfer { to_agent_id: "agent-selin".into(), ..pb::Transfer::default() });
    desk.append("c", vec![event("t2", back)]).await.unwrap();
    desk.draft(draft_of("c")).await.unwrap();
    assert!(!desk.model.last_messages().0.contains("handed over"), "the customer knows Selin");
    desk.close().await;
}

#[tokio::test]
async fn a_draft_that_says_it_again_is_marked() {
    let mut desk = Desk::open().await;
    let answer = "You can send the towels back within 14 days, free of charge.";
    let customer = |id: &str| event(id, Body::Customer(pb::Customer { customer_id: "customer-5".into(), ..pb::Customer::default() }));
    desk.append("before", vec![customer("c"), customer_says("e1", "can I send them back?"), agent_says("e2", answer)]).await.unwrap();
    desk.append("now", vec![customer("c"), customer_says("e1", "and how do I return the towels?")]).await.unwrap();
    desk.model.will(Answer::says(&["Hi! ", answer]));
    let finished = desk.draft(draft_of("now")).await.unwrap().finished;
    assert_eq!(finished.warnings[0].kind(), pb::WarningKind::AlreadySaid);
    assert!(finished.text.contains(&finished.warnings[0].excerpt));

    desk.model.will(Answer::says(&["The label lies in your parcel; stick it on the box and bring it to the post office."]));
    assert_eq!(desk.draft(draft_of("now")).await.unwrap().finished.warnings, []);
    desk.close().await;
}
