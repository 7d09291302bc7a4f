//! Running summaries: what a model noted of messages that a long chat's prompts have no room for. They are folded forward, shown as a model's
//! word, and gone with what they were made from.

use std::time::Duration;

use deskhand::api::pb::{self, event::Body};
use serde_json::Value;

use crate::support::{
    desk::{Desk, Opening, agent_says, customer_says, event, eventually, selin},
    model::Answer,
};

const NOTE: &str = "The customer's grandmother opens the door.";

/// A desk whose prompts have room for some forty messages, and which brings summaries up to date at once.
async fn desk() -> Desk {
    let opening = Opening { with_model: true, with_shop: true, change: |model| model.context_tokens = Some(2000) };
    let desk = opening.open_set(|config| config.desk.running_summary_after = Duration::from_millis(1)).await;
    desk.model.answers_with(|asked| if notes_asked(asked) { format!("- {NOTE}\n- Paid 777.77 EUR.") } else { "They are blue.".to_owned() });
    desk
}

fn notes_asked(asked: &Value) -> bool {
    asked["messages"][0]["content"].as_str().unwrap().starts_with("You keep short notes")
}

/// The data of the prompts for notes so far.
fn note_prompts(desk: &Desk) -> Vec<String> {
    let data = |asked: &Value| asked["messages"][1]["content"].as_str().unwrap().to_owned();
    desk.model.asked().iter().filter(|asked| notes_asked(asked)).map(data).collect()
}

/// Messages that each differ, with the number at which they begin.
fn talk(from: usize, to: usize) -> Vec<pb::Event> {
    let text = |number: usize| format!("Message {number} of a long talk about towels of {} colours, and when they are washed", number * 7);
    let says = |number: usize| if number % 2 == 1 { customer_says } else { agent_says }(&format!("e{number}"), &text(number));
    (from..to).map(says).collect()
}

fn customer(customer_id: &str) -> pb::Event {
    event(&format!("is {customer_id}"), Body::Customer(pb::Customer { customer_id: customer_id.into(), ..pb::Customer::default() }))
}

/// Drafts, and returns the data of its prompt and how many messages its summary covers.
async fn drafted(desk: &mut Desk) -> (String, i32) {
    let request = pb::DraftReplyRequest { chat_id: "long".into(), agent: selin(), ..pb::DraftReplyRequest::default() };
    let receipt = desk.draft(request).await.unwrap().finished.context.unwrap();
    let asked = desk.model.asked();
    let prompt = asked.iter().rev().find(|asked| !notes_asked(asked)).unwrap();
    (prompt["messages"][1]["content"].as_str().unwrap().to_owned(), receipt.summarized_messages)
}

/// Drafts until the prompt has notes, in a chat that goes on.
async fn with_notes(desk: &mut Desk) -> (String, i32) {
    for number in 0..200 {
        go_on(desk, number).await;
        let (prompt, covered) = drafted(desk).await;
        if covered > 0 {
            return (prompt, covered);
        }
    }
    panic!("no draft has notes");
}

async fn go_on(desk: &mut Desk, number: usize) {
    desk.append("long", vec![customer_says(&format!("on {number}"), "Are you there?")]).await.unwrap();
}

async fn export(desk: &mut Desk, customer_id: &str) -> String {
    let request = pb::ExportCustomerRequest { customer_id: customer_id.into() };
    desk.chats.export_customer(request).await.unwrap().into_inner().json
}

#[tokio::test]
async fn what_falls_out_of_the_prompts_is_noted_and_folded_forward() {
    let mut desk = desk().await;
    desk.append("long", vec![customer("ada")]).await.unwrap();
    desk.append("long", talk(0, 200)).await.unwrap();
    let (first, covered) = drafted(&mut desk).await;
    assert!(covered == 0 && !first.contains(NOTE));
    let (prompt, covered) = with_notes(&mut desk).await;
    assert!(
        prompt.contains(&format!("as a model noted it before; where a message says otherwise, the message counts:\n- {NOTE}\n")),
        "{prompt}"
    );
    assert!(!prompt.contains("777.77"), "nothing in the chat says so");
    assert!((20..200).contains(&covered), "{covered}");

    eventually("later messages are noted", async || note_prompts(&desk).len() > 1).await;
    let prompts = note_prompts(&desk);
    assert!(prompts[0].contains("Message 0 ") && !prompts[0].contains("notes so far"), "{}", prompts[0]);
    assert!(prompts[1].contains(&format!("The notes so far:\n- {NOTE}\n")) && !prompts[1].contains("Message 0 "), "{}", prompts[1]);
    assert!(export(&mut desk, "ada").await.contains(NOTE), "it is a part of what is stored of a person");
    desk.close().await;
}

fn redaction(event_id: &str) -> pb::Event {
    event(&format!("gone {event_id}"), Body::Redaction(pb::Redaction { event_id: event_id.into() }))
}

#[tokio::test]
async fn a_redaction_deletes_the_notes() {
    let mut desk = desk().await;
    desk.append("long", vec![customer("ada")]).await.unwrap();
    desk.append("long", talk(0, 200)).await.unwrap();
    with_notes(&mut desk).await;
    desk.model.answers_with(|_| "They are blue.".to_owned());
    desk.append("long", vec![redaction("e3")]).await.unwrap();
    assert!(!export(&mut desk, "ada").await.contains(NOTE));
    let (prompt, covered) = drafted(&mut desk).await;
    assert!(covered == 0 && !prompt.contains(NOTE), "{prompt}");
    desk.close().await;
}

#[tokio::test]
async fn notes_on_a_message_that_is_redacted_meanwhile_are_not_stored() {
    let mut desk = desk().await;
    desk.append("long", vec![customer("ada")]).await.unwrap();
    desk.append("long", talk(0, 200)).await.unwrap();
    desk.model.will(Answer::says(&["They are blue."]));
    desk.model.will(Answer::waits_after("- ", NOTE));
    desk.model.answers_with(|_| "They are blue.".to_owned());
    drafted(&mut desk).await;
    go_on(&mut desk, 0).await;
    eventually("notes are asked for", async || !note_prompts(&desk).is_empty()).await;
    desk.append("long", vec![redaction("e3")]).await.unwrap();
    desk.model.go_on();
    drafted(&mut desk).await;
    go_on(&mut desk, 1).await;
    eventually("notes are asked for again", async || note_prompts(&desk).len() > 1).await;
    assert!(!export(&mut desk, "ada").await.contains(NOTE));
    let prompts = note_prompts(&desk);
    assert!(prompts[0].contains("Message 3 ") && !prompts[1].contains("Message 3 ") && !prompts[1].contains("notes so far"), "{prompts:?}");
    desk.close().await;
}

#[tokio::test]
async fn another_customers_prompts_have_none_of_the_notes() {
    let mut desk = desk().await;
    desk.append("long", vec![customer("ada")]).await.unwrap();
    desk.append("long", talk(0, 200)).await.unwrap();
    with_notes(&mut desk).await;
    desk.append("long", vec![customer("elif"), customer_says("new", "Hello, it's me now.")]).await.unwrap();
    let (prompt, covered) = drafted(&mut desk).await;
    assert!(covered == 0 && !prompt.contains(NOTE), "{prompt}");
    desk.close().await;
}

#[tokio::test]
async fn notes_have_no_personal_data_for_a_model() {
    let mut desk = desk().await;
    let mut events = talk(0, 200);
    events[3] = customer_says("e3", "Write to ada.byron@example.com, please.");
    desk.append("long", events).await.unwrap();
    desk.model.answers_with(|asked| if notes_asked(asked) { "- Write to ⟦EMAIL_1⟧.".to_owned() } else { "They are blue.".to_owned() });
    let (prompt, _) = with_notes(&mut desk).await;
    let asked = &note_prompts(&desk)[0];
    assert!(asked.contains("⟦EMAIL_1⟧") && !asked.contains("ada.byron"), "{asked}");
    assert!(prompt.contains("- Write to ⟦EMAIL_") && !prompt.contains("ada.byron"), "{prompt}");
    desk.close().await;
}
