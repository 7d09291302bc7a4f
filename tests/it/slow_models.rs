//! Models that read slowly: less context, a second try with a shorter prompt, answers no longer than they may be; and prompts that begin alike.

use std::time::Duration;

use deskhand::{api::pb, config::ModelConfig};
use serde_json::Value;

use crate::support::{
    desk::{Desk, Opening, agent_says, customer_says, selin},
    model::Answer,
};

fn draft_of(chat_id: &str) -> pb::DraftReplyRequest {
    pb::DraftReplyRequest { chat_id: chat_id.into(), agent: selin(), ..pb::DraftReplyRequest::default() }
}

fn talk(messages: usize) -> Vec<pb::Event> {
    let text = |number: usize| format!("Message {number} of a long talk about towels of {} colours, and when they are washed", number * 7);
    let says = |number: usize| if number % 2 == 1 { customer_says } else { agent_says }(&format!("e{number}"), &text(number));
    (0..messages).map(says).collect()
}

/// An answer of llama.cpp, which tells how long it read.
fn read_in(tokens: usize, milliseconds: usize) -> Answer {
    let body = format!(
        "data: {{\"choices\":[{{\"delta\":{{\"content\":\"They are blue.\"}}}}]}}\n\ndata: {{\"choices\":[{{\"delta\":{{}},\"finish_reason\":\"stop\"}}],\
         \"timings\":{{\"prompt_n\":{tokens},\"prompt_ms\":{milliseconds}}}}}\n\ndata: [DONE]\n\n"
    );
    Answer::serves("text/event-stream", &body)
}

async fn drafted(desk: &mut Desk) -> pb::ContextReceipt {
    desk.draft(draft_of("long")).await.unwrap().finished.context.unwrap()
}

#[tokio::test]
async fn a_model_that_reads_slowly_gets_less_context() {
    let mut desk = Desk::open().await;
    desk.append("long", talk(900)).await.unwrap();
    desk.model.will(read_in(6000, 20_000));
    let first = drafted(&mut desk).await;
    assert_eq!((first.token_budget, first.full_token_budget, first.reading_speed), (8000, 8000, 0), "nothing is measured yet");
    let second = drafted(&mut desk).await;
    assert_eq!((second.full_token_budget, second.reading_speed), (8000, 300));
    assert!((1000..=1500).contains(&second.token_budget) && second.tokens_used <= second.token_budget, "{second:?}");
    desk.close().await;
}

#[tokio::test]
async fn a_server_that_tells_how_it_read_is_asked_to_tell_while_it_reads() {
    let mut desk = Desk::open().await;
    desk.append("long", talk(3)).await.unwrap();
    desk.model.will(Answer::says(&["They are blue."]));
    desk.model.will(read_in(600, 2000));
    for _ in 0..3 {
        drafted(&mut desk).await;
    }
    let asked: Vec<Value> = desk.model.asked().iter().map(|asked| asked["return_progress"].clone()).collect();
    assert_eq!(asked, [Value::Null, Value::Null, Value::Bool(true)], "other servers may refuse what they don't know");
    desk.close().await;
}

#[tokio::test]
async fn a_goal_of_zero_shortens_nothing() {
    let opening = Opening { with_model: true, with_shop: true, change: |model| model.first_token_goal = Some(Duration::ZERO) };
    let mut desk = opening.open().await;
    desk.append("long", talk(900)).await.unwrap();
    desk.model.will(read_in(6000, 20_000));
    drafted(&mut desk).await;
    assert_eq!(drafted(&mut desk).await.token_budget, 8000);
    desk.close().await;
}

#[tokio::test]
async fn a_long_prompt_that_is_not_read_in_time_is_sent_again_shorter() {
    // Long enough for the first call to reach the model on a busy machine: the answer that hangs is for it.
    let change = |model: &mut ModelConfig| model.first_token_goal = Some(Duration::from_secs(3));
    let mut desk = Opening { with_model: true, with_shop: true, change }.open().await;
    desk.append("long", talk(900)).await.unwrap();
    desk.model.will(Answer::hangs());
    desk.model.will(Answer::says(&["They are blue."]));
    let finished = desk.draft(draft_of("long")).await.unwrap().finished;
    assert_eq!((finished.engine(), finished.text.as_str()), (pb::Engine::Model, "They are blue."));
    let receipt = finished.context.unwrap();
    assert!(receipt.token_budget < receipt.full_token_budget, "{receipt:?}");
    let lengths: Vec<usize> = desk.model.asked().iter().map(|asked| asked["messages"][1]["content"].as_str().unwrap().len()).collect();
    assert!(lengths.len() == 2 && lengths[1] < lengths[0] / 2, "{lengths:?}");
    desk.close().await;
}

fn most_tokens(asked: &Value) -> u64 {
    asked["max_tokens"].as_u64().unwrap()
}

#[tokio::test]
async fn a_rewrite_gets_the_tokens_of_its_text_and_hidden_reasoning_gets_room() {
    let mut desk = Desk::open().await;
    desk.model.will(Answer::says(&["Please wait a little."]));
    desk.retone("Wait a little.", pb::Tone::Formal).await.unwrap();
    assert!((64..300).contains(&most_tokens(&desk.model.asked()[0])), "{}", desk.model.asked()[0]);
    // All of it went to reasoning that its server keeps for itself.
    desk.model.will(Answer::ends_for(&[], "length"));
    desk.model.will(Answer::says(&["Please wait a little."]));
    let finished = desk.retone("Wait a little.", pb::Tone::Formal).await.unwrap().finished;
    assert_eq!(finished.text, "Please wait a little.");
    let asked = desk.model.asked();
    assert_eq!(asked[1..].iter().map(most_tokens).collect::<Vec<_>>(), [most_tokens(&asked[0]), 2048]);
    desk.model.will(Answer::says(&["Please wait a little."]));
    desk.retone("Wait a little.", pb::Tone::Formal).await.unwrap();
    assert_eq!(most_tokens(desk.model.asked().last().unwrap()), 2048, "it is known from then on");
    desk.close().await;
}

/// How many bytes two prompts begin with alike, after the same instructions.
fn alike((one_system, one): &(String, String), (other_system, other): &(String, String)) -> usize {
    assert_eq!(one_system, other_system, "instructions, voice and glossary");
    one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count()
}

#[tokio::test]
async fn prompts_of_a_chat_begin_alike() {
    let mut desk = Desk::open().await;
    for (chat_id, messages) in [("short", 12), ("long", 900)] {
        desk.append(chat_id, talk(messages)).await.unwrap();
        desk.draft(draft_of(chat_id)).await.unwrap();
        let first = desk.model.last_messages();
        let chat_ends = if chat_id == "short" { first.1.find("\nSources:") } else { first.1.find("\nOf the messages left out:") };
        let chat_ends = chat_ends.unwrap_or_else(|| first.1.rfind("===data-").unwrap());

        // Another agent, tone and wish.
        let agent = Some(pb::Agent { agent_id: "mert".into(), name: "Mert".into(), ..pb::Agent::default() });
        let request =
            pb::DraftReplyRequest { agent, tone: pb::Tone::Friendly.into(), instruction: "name the colours".into(), ..draft_of(chat_id) };
        desk.draft(request).await.unwrap();
        let same = alike(&first, &desk.model.last_messages());
        assert!(same >= chat_ends, "{chat_id}: {same} of {chat_ends}");

        // One more message, about something else.
        desk.append(chat_id, vec![customer_says("more", "And how do I get an invoice for my company?")]).await.unwrap();
        desk.draft(draft_of(chat_id)).await.unwrap();
        let same = alike(&first, &desk.model.last_messages());
        assert!(same >= chat_ends, "{chat_id}: {same} of {chat_ends} after one more message");
    }
    desk.close().await;
}
