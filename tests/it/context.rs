//! Context selection of drafts: budgets, handoffs, earlier statements.

use deskhand::api::pb::{self, event::Body};

use crate::support::{
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
async fn old_facts_are_in_the_prompt_when_they_are_needed() {
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
    for part in ["yeni adresim ⟦ADDRESS_", "12 Aralık", "green ones in XL", "messages left out]"] {
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
    assert!(!desk.model.last_messages().1.contains("handed over"));

    desk.append("c", vec![event("t", transfer)]).await.unwrap();
    desk.draft(of_mert()).await.unwrap();
    assert!(desk.model.last_messages().1.contains("handed over to Mert"));

    let mut said = agent_says("e4", "Hello, I am Mert and took over.");
    if let Some(Body::Message(message)) = said.body.as_mut() {
        message.author_id = "agent-mert".into();
    }
    desk.append("c", vec![said, customer_says("e5", "fine")]).await.unwrap();
    desk.draft(of_mert()).await.unwrap();
    assert!(!desk.model.last_messages().1.contains("handed over"), "once is enough");
    let back = Body::Transfer(pb::Transfer { to_agent_id: "agent-selin".into(), ..pb::Transfer::default() });
    desk.append("c", vec![event("t2", back)]).await.unwrap();
    desk.draft(draft_of("c")).await.unwrap();
    assert!(!desk.model.last_messages().1.contains("handed over"), "the customer knows Selin");
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

/// A chat that its customer filled with more than is read for a prompt, between what the shop's systems reported first and a question.
fn filled() -> Vec<Vec<pb::Event>> {
    let customer = pb::Customer { customer_id: "customer-9".into(), name: "Elif Kaya".into(), ..pb::Customer::default() };
    let values = [("status".to_owned(), "shipped on Friday".to_owned())].into();
    let record = pb::Record { source: "order".into(), reference: "KE-99887".into(), values, ..pb::Record::default() };
    let mut batches = vec![vec![
        event("c", Body::Customer(customer)),
        event("r", Body::Record(record)),
        event("t", Body::Topic(pb::Topic { topic: "delivery".into() })),
        customer_says("first", "The very first words are xylophone and zeppelin."),
    ]];
    let long = "the towels are soft and everybody likes their colours ".repeat(500);
    batches.extend((0..11).map(|batch| (0..10).map(|number| customer_says(&format!("m{batch}-{number}"), &long)).collect()));
    batches.push(vec![customer_says("last", "So where is my parcel now?")]);
    batches
}

#[tokio::test]
async fn a_chat_that_its_customer_filled_is_answered_from_what_a_prompt_needs() {
    let mut desk = Desk::open().await;
    for batch in filled() {
        desk.append("filled", batch).await.unwrap();
    }
    let finished = desk.draft(draft_of("filled")).await.unwrap().finished;
    let messages = finished.context.unwrap().messages.unwrap();
    assert_eq!(messages.total, 112, "those that were not read count");
    assert_eq!(messages.used + messages.omissions.iter().map(|omission| omission.count).sum::<i32>(), 112);
    let user = desk.model.last_messages().1;
    for part in ["So where is my parcel now?", "order KE-99887: status: shipped on Friday", "Topic: delivery", "messages left out]"] {
        assert!(user.contains(part), "{part} in {}", &user[..4000.min(user.len())]);
    }
    assert!(!user.contains("xylophone"), "what is further back than anybody reads is not read");
    assert!(desk.summarize("filled", "en").await.unwrap().finished.text.len() > 1);

    // Its state is there, and its events page by page.
    let (mut after, mut seen) = (0, 0);
    loop {
        let request = pb::GetChatRequest { chat_id: "filled".into(), after_sequence: after, page_size: 40 };
        let reply = desk.chats.get_chat(request).await.unwrap().into_inner();
        let chat = reply.chat.unwrap();
        assert_eq!((chat.customer.unwrap().name.as_str(), chat.topic.as_str(), chat.message_count), ("Elif Kaya", "delivery", 112));
        assert_eq!(chat.records.len(), 1);
        let Some(last) = reply.events.last() else { break };
        assert_eq!(reply.events[0].sequence, after + 1);
        (after, seen) = (last.sequence, seen + reply.events.len());
    }
    assert_eq!(seen, 115);
    desk.close().await;
}

#[tokio::test]
async fn a_full_chat_is_refolded_without_its_text() {
    let mut desk = Desk::empty().await;
    for batch in filled() {
        desk.append("filled", batch).await.unwrap();
    }
    desk.append("filled", vec![event("done", Body::Resolved(pb::Resolved {}))]).await.unwrap();
    // A message that comes late does not reopen the chat, as its time is before.
    let late = |id: &str| pb::Event {
        at: Some(prost_types::Timestamp { seconds: 1_790_000_000, nanos: 0 }),
        ..customer_says(id, "late but early")
    };
    desk.append("filled", vec![late("late")]).await.unwrap();
    let chat = desk.chat("filled").await.unwrap().chat.unwrap();
    assert_eq!((chat.status(), chat.message_count), (pb::ChatStatus::Resolved, 113));
    assert_eq!(chat.opened_at.unwrap().seconds, 1_790_000_000);
    let redaction = event("gone", Body::Redaction(pb::Redaction { event_id: "last".into() }));
    desk.append("filled", vec![redaction]).await.unwrap();
    let found = |query: &str| pb::ListChatsRequest { query: query.into(), ..pb::ListChatsRequest::default() };
    assert_eq!(desk.chats.list_chats(found("parcel")).await.unwrap().into_inner().chats, []);
    assert_eq!(desk.chats.list_chats(found("towels")).await.unwrap().into_inner().chats.len(), 1);
    desk.close().await;
}

#[tokio::test]
async fn a_language_without_spaces_is_cut_once_and_found() {
    let mut desk = Desk::empty().await;
    let thai = "สวัสดีครับผมสั่งซื้อผ้าเช็ดตัวไปเมื่อวันจันทร์ที่แล้วแต่ยังไม่ได้รับสินค้าเลย".repeat(400);
    let events = (0..16).map(|number| customer_says(&format!("m{number}"), &thai)).collect();
    desk.append("thai", events).await.unwrap();
    for (query, found) in [("ผ้าเช็ดตัว", 1), ("สินค้า", 1), ("แมว", 0)] {
        let request = pb::ListChatsRequest { query: query.into(), ..pb::ListChatsRequest::default() };
        assert_eq!(desk.chats.list_chats(request).await.unwrap().into_inner().chats.len(), found, "{query}");
    }
    desk.close().await;
}

/// The most memory that the process has had so far, in bytes.
fn peak_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures the whole process: run it alone"]
async fn twenty_drafts_of_a_filled_chat_take_bounded_memory() {
    let mut desk = Desk::open().await;
    let long = "the towels are soft and everybody likes their colours ".repeat(590);
    for batch in 0..50 {
        let events = (0..10).map(|number| customer_says(&format!("m{batch}-{number}"), &long)).collect();
        desk.append("filled", events).await.unwrap();
    }
    desk.draft(draft_of("filled")).await.unwrap();
    let before = peak_memory();
    let drafts = (0..20).map(|_| {
        let mut replies = desk.replies.clone();
        async move {
            let mut stream = replies.draft_reply(draft_of("filled")).await.unwrap().into_inner();
            while stream.message().await.unwrap().is_some() {}
        }
    });
    futures::future::join_all(drafts).await;
    let more = peak_memory() - before;
    println!("{} MiB more", more >> 20);
    assert!(more < 256 << 20, "{} MiB more", more >> 20);
    desk.close().await;
}
