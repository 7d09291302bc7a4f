//! Learning from use: what agents sent changes suggestions, without a trace of who said what.

use deskhand::api::pb;
use sqlx::AnyPool;

use crate::support::desk::{Desk, Opening, agent_says, customer_says, event, eventually, selin};

const TENT: &str = "The zipper of my tent is jammed since the storm";
const SPECIALIST: &str = "One of our specialists is going to have a look and comes back to you by tomorrow noon.";

fn answer(id: &str, body: &str) -> pb::CannedAnswer {
    pb::CannedAnswer { id: id.into(), language: "en".into(), title: id.into(), body: body.into(), ..pb::CannedAnswer::default() }
}

async fn desk() -> Desk {
    let mut desk = Desk::empty().await;
    let canned_answers = vec![
        answer("specialist", SPECIALIST),
        answer("opening-hours", "We are here from nine to five, Monday to Friday."),
        answer("voucher", "Your voucher can be used at the checkout."),
    ];
    desk.knowledge.put_canned_answers(pb::PutCannedAnswersRequest { canned_answers }).await.unwrap();
    desk
}

fn customer(id: &str, name: &str) -> pb::Event {
    event("who", pb::event::Body::Customer(pb::Customer { customer_id: id.into(), name: name.into(), ..pb::Customer::default() }))
}

/// A chat in which an agent answered as the desk's canned answer says, nearly.
async fn teach(desk: &mut Desk, chat_id: &str, who: Option<pb::Event>) {
    let mut events: Vec<pb::Event> = who.into_iter().collect();
    events.push(customer_says("e1", "Hi, the zipper of Jonas tent is jammed since 4711, my number is 0171 5551234"));
    events.push(agent_says("e2", "One of our specialists is going to have a look, and comes back to you by tomorrow noon!"));
    desk.append(chat_id, events).await.unwrap();
}

async fn first(desk: &Desk, chat_id: &str) -> Option<pb::Suggestion> {
    let request = pb::SuggestAnswersRequest { chat_id: chat_id.into(), ..pb::SuggestAnswersRequest::default() };
    desk.replies.clone().suggest_answers(request).await.unwrap().into_inner().suggestions.into_iter().next()
}

/// Waits until what is suggested first in a chat is this, for so many chats.
async fn learned(desk: &Desk, chat_id: &str, id: &str, chats: usize) {
    let reason = format!("answered {chats} chats like this one");
    eventually("it is learned", async || first(desk, chat_id).await.is_some_and(|first| first.id == id && first.reason.ends_with(&reason)))
        .await;
}

/// Waits until all that was appended before has been read: chats are read in the order in which they began, and these come last.
async fn all_is_read(desk: &mut Desk, round: &str) {
    for number in 0..3 {
        let events = vec![
            customer_says("e1", &format!("Bicycle bell {round} squeaks")),
            agent_says("e2", "Your voucher can be used at the checkout."),
        ];
        desk.append(&format!("{round}-{number}"), events).await.unwrap();
    }
    desk.append(&format!("{round}-asking"), vec![customer_says("e1", &format!("my bicycle bell {round} squeaks"))]).await.unwrap();
    eventually("later chats are learned from", async || {
        first(desk, &format!("{round}-asking")).await.is_some_and(|first| first.id == "voucher")
    })
    .await;
}

#[tokio::test]
async fn three_customers_teach_and_one_alone_does_not() {
    let mut desk = desk().await;
    desk.append("asking", vec![customer_says("e1", TENT)]).await.unwrap();
    assert!(first(&desk, "asking").await.is_none(), "no word of the answer is in the question");
    for chat in ["a", "b", "c", "d"] {
        teach(&mut desk, chat, Some(customer("one", "Jonas Weber"))).await;
    }
    teach(&mut desk, "e", Some(customer("two", "Mira"))).await;
    all_is_read(&mut desk, "first").await;
    assert!(first(&desk, "asking").await.is_none(), "two customers are too few, however often they write");
    teach(&mut desk, "f", None).await;
    learned(&desk, "asking", "specialist", 6).await;
    let shown = first(&desk, "asking").await.unwrap();
    assert_eq!(shown.reason, "answered 6 chats like this one", "no word of a chat is shown");
    let reason = pb::SuggestionReason { kind: pb::SuggestionReasonKind::EarlierChats.into(), words: Vec::new(), count: 6 };
    assert_eq!(shown.reasons, [reason]);

    // It lasts.
    let kept = desk.close_and_keep().await;
    let desk = Opening { with_model: false, with_shop: false, change: |_| {} }.open_in(kept).await;
    learned(&desk, "asking", "specialist", 6).await;
    desk.close().await;
}

#[cfg(debug_assertions)]
#[tokio::test]
async fn a_chat_that_panics_when_it_is_read_keeps_no_other_from_teaching() {
    let mut desk = desk().await;
    desk.append("asking", vec![customer_says("e1", TENT)]).await.unwrap();
    deskhand::failpoint::arm("lesson", "a poisoned lesson", usize::MAX);
    teach(&mut desk, "a poisoned lesson", Some(customer("zero", "Nobody"))).await;
    for chat in ["one", "two", "three"] {
        teach(&mut desk, chat, Some(customer(chat, "Jonas Weber"))).await;
    }
    learned(&desk, "asking", "specialist", 3).await;
    desk.close().await;
}

#[tokio::test]
async fn an_outcome_teaches() {
    let mut desk = desk().await;
    desk.append("asking", vec![customer_says("e1", TENT)]).await.unwrap();
    for (number, action) in
        [pb::OutcomeAction::Sent, pb::OutcomeAction::Edited, pb::OutcomeAction::Sent, pb::OutcomeAction::Dismissed].into_iter().enumerate()
    {
        let chat_id = format!("chat-{number}");
        desk.append(&chat_id, vec![customer_says("e1", "The zipper of the tent is jammed, can a specialist help?")]).await.unwrap();
        let suggestion = first(&desk, &chat_id).await.unwrap();
        assert_eq!(suggestion.id, "specialist");
        let outcome = pb::RecordOutcomeRequest {
            chat_id,
            outcome_id: "o1".into(),
            agent: selin(),
            offer: Some(pb::record_outcome_request::Offer::SuggestionId(suggestion.suggestion_id)),
            action: action.into(),
            final_text: "We will see to it.".into(),
        };
        desk.replies.record_outcome(outcome).await.unwrap();
    }
    learned(&desk, "asking", "specialist", 3).await;
    desk.close().await;
}

/// What an agent did with a suggestion or a draft.
async fn record(desk: &mut Desk, chat_id: &str, offer: pb::record_outcome_request::Offer, action: pb::OutcomeAction, final_text: &str) {
    let outcome = pb::RecordOutcomeRequest {
        chat_id: chat_id.into(),
        outcome_id: "o1".into(),
        agent: selin(),
        offer: Some(offer),
        action: action.into(),
        final_text: final_text.into(),
    };
    desk.replies.record_outcome(outcome).await.unwrap();
}

/// A chat of a customer of its own, in which an agent dismisses what is suggested first.
async fn dismiss_first(desk: &mut Desk, chat_id: &str, text: &str, id: &str) {
    desk.append(chat_id, vec![customer_says("e1", text)]).await.unwrap();
    let suggestion = first(desk, chat_id).await.unwrap();
    assert_eq!(suggestion.id, id);
    let offer = pb::record_outcome_request::Offer::SuggestionId(suggestion.suggestion_id);
    record(desk, chat_id, offer, pb::OutcomeAction::Dismissed, "").await;
}

const PARCEL: &str = "My parcel is late, where is my parcel?";

/// A desk whose words put `parcel` before `tracking` in a chat of [`PARCEL`].
async fn parcel_desk() -> Desk {
    let mut desk = desk().await;
    put(&mut desk, answer("parcel", "Where is a parcel that is late? A parcel is late when it is not there after ten days.")).await;
    put(&mut desk, answer("tracking", "Please open the link in our message to see where your parcel is.")).await;
    desk.append("asking", vec![customer_says("e1", PARCEL)]).await.unwrap();
    desk
}

/// The places of `parcel` and `tracking` in what is suggested.
async fn places(desk: &Desk) -> [Option<usize>; 2] {
    let request = pb::SuggestAnswersRequest { chat_id: "asking".into(), ..pb::SuggestAnswersRequest::default() };
    let suggestions = desk.replies.clone().suggest_answers(request).await.unwrap().into_inner().suggestions;
    ["parcel", "tracking"].map(|id| suggestions.iter().position(|suggestion| suggestion.id == id))
}

#[tokio::test]
async fn what_three_customers_agents_dismissed_comes_later_but_is_not_hidden() {
    let mut desk = parcel_desk().await;
    assert_eq!(places(&desk).await, [Some(0), Some(1)]);
    let confidence = first(&desk, "asking").await.unwrap().score;
    for chat in ["one", "two"] {
        dismiss_first(&mut desk, chat, PARCEL, "parcel").await;
    }
    all_is_read(&mut desk, "first").await;
    let unmoved = first(&desk, "asking").await.unwrap();
    assert_eq!((unmoved.id.as_str(), unmoved.score), ("parcel", confidence), "two customers are too few");

    dismiss_first(&mut desk, "three", PARCEL, "parcel").await;
    eventually("it comes later", async || places(&desk).await == [Some(1), Some(0)]).await;
    // In chats about something else it stands where it stood.
    desk.append("other", vec![customer_says("e1", "After ten days it is not there")]).await.unwrap();
    assert_eq!(first(&desk, "other").await.unwrap().id, "parcel");

    // One of the three is redacted, so that two are left.
    let redaction = event("r", pb::event::Body::Redaction(pb::Redaction { event_id: "e1".into() }));
    desk.append("two", vec![redaction]).await.unwrap();
    eventually("its lesson is gone", async || first(&desk, "asking").await.is_some_and(|first| first.id == "parcel")).await;
    assert_eq!(lessons_against(&desk.database_url()).await, 2);
    desk.close().await;
}

#[tokio::test]
async fn a_dismissal_is_erased_with_its_customer() {
    let mut desk = parcel_desk().await;
    for who in ["one", "two", "three"] {
        desk.append(who, vec![customer(who, "Mira Kaya")]).await.unwrap();
        dismiss_first(&mut desk, who, PARCEL, "parcel").await;
    }
    eventually("it comes later", async || places(&desk).await == [Some(1), Some(0)]).await;
    desk.chats.erase_customer(pb::EraseCustomerRequest { customer_id: "one".into() }).await.unwrap();
    assert_eq!(lessons_against(&desk.database_url()).await, 2);
    eventually("its lesson is gone", async || first(&desk, "asking").await.is_some_and(|first| first.id == "parcel")).await;
    desk.close().await;
}

async fn lessons_against(url: &str) -> i64 {
    let pool = AnyPool::connect(url).await.unwrap();
    let counted = sqlx::query_scalar("SELECT COUNT(*) FROM lesson WHERE verdict = 2").fetch_one(&pool).await.unwrap();
    pool.close().await;
    counted
}

#[tokio::test]
async fn a_document_that_was_sent_after_all_was_not_dismissed() {
    let mut desk = desk().await;
    let url = desk.database_url();
    desk.append("asking", vec![customer_says("e1", TENT)]).await.unwrap();
    for chat in ["one", "two", "three"] {
        dismiss_first(&mut desk, chat, "The zipper of the tent is jammed, can a specialist help?", "specialist").await;
    }
    eventually("all are read", async || lessons_against(&url).await == 3).await;
    for chat in ["one", "two", "three"] {
        desk.append(chat, vec![agent_says("e2", SPECIALIST)]).await.unwrap();
    }
    learned(&desk, "asking", "specialist", 3).await;
    assert_eq!(lessons_against(&url).await, 0);
    desk.close().await;
}

/// A chat of a customer of its own with a draft made of the canned answer `specialist`, and what became of it.
async fn draft(desk: &mut Desk, chat_id: &str, action: pb::OutcomeAction, sent: impl Fn(&str) -> String) {
    desk.append(chat_id, vec![customer_says("e1", "The zipper of the tent is jammed, can a specialist have a look?")]).await.unwrap();
    let request = pb::DraftReplyRequest { chat_id: chat_id.into(), agent: selin(), ..pb::DraftReplyRequest::default() };
    let finished = desk.draft(request).await.unwrap().finished;
    assert_eq!(finished.sources[0].id, "specialist");
    let offer = pb::record_outcome_request::Offer::DraftId(finished.draft_id);
    record(desk, chat_id, offer, action, &sent(&finished.text)).await;
}

#[tokio::test]
async fn a_draft_that_was_sent_teaches_its_source() {
    let mut desk = desk().await;
    desk.append("asking", vec![customer_says("e1", TENT)]).await.unwrap();
    draft(&mut desk, "one", pb::OutcomeAction::Sent, str::to_owned).await;
    draft(&mut desk, "two", pb::OutcomeAction::Sent, |_| String::new()).await;
    draft(&mut desk, "three", pb::OutcomeAction::Edited, |_| "Sorry, we can't repair tents at all.".to_owned()).await;
    draft(&mut desk, "four", pb::OutcomeAction::Edited, |_| String::new()).await;
    all_is_read(&mut desk, "first").await;
    assert!(first(&desk, "asking").await.is_none(), "what was written anew, or is unknown, says nothing of the source");
    draft(&mut desk, "five", pb::OutcomeAction::Edited, |text| text.replace("tomorrow noon", "Friday")).await;
    learned(&desk, "asking", "specialist", 3).await;
    desk.close().await;
}

#[tokio::test]
async fn a_draft_that_was_dismissed_counts_against_its_source() {
    let mut desk = desk().await;
    let url = desk.database_url();
    for chat in ["one", "two", "three"] {
        draft(&mut desk, chat, pb::OutcomeAction::Dismissed, |_| String::new()).await;
    }
    eventually("all are read", async || lessons_against(&url).await == 3).await;
    desk.close().await;
}

#[tokio::test]
async fn lessons_have_no_personal_data() {
    let mut desk = desk().await;
    desk.append("asking", vec![customer_says("e1", TENT)]).await.unwrap();
    for who in ["one", "two", "three"] {
        teach(&mut desk, who, Some(customer(who, "Mira Kaya"))).await;
    }
    learned(&desk, "asking", "specialist", 3).await;
    let request = pb::ExportCustomerRequest { customer_id: "one".into() };
    let export = desk.chats.export_customer(request).await.unwrap().into_inner().json;
    let export: serde_json::Value = serde_json::from_str(&export).unwrap();
    let lessons = export["chats"][0]["offers"]["lessons"].as_array().unwrap();
    assert_eq!(lessons.len(), 1);
    let words = lessons[0]["words"].as_str().unwrap();
    assert!(words.contains("zipper") && words.contains("jam"), "{words}");
    for datum in ["jona", "0171", "555", "4711"] {
        assert!(!words.contains(datum), "{datum} in {words}");
    }
    desk.close().await;
}

#[tokio::test]
async fn lessons_are_deleted_with_the_chat_the_message_and_the_document() {
    let mut desk = desk().await;
    desk.append("asking", vec![customer_says("e1", TENT)]).await.unwrap();
    for who in ["one", "two", "three", "four", "five"] {
        teach(&mut desk, who, Some(customer(who, "Mira Kaya"))).await;
    }
    learned(&desk, "asking", "specialist", 5).await;
    desk.chats.erase_customer(pb::EraseCustomerRequest { customer_id: "one".into() }).await.unwrap();
    learned(&desk, "asking", "specialist", 4).await;
    // Without the question the answer teaches nothing.
    let redaction = event("r", pb::event::Body::Redaction(pb::Redaction { event_id: "e1".into() }));
    desk.append("two", vec![redaction]).await.unwrap();
    learned(&desk, "asking", "specialist", 3).await;
    let rewritten = vec![answer("specialist", "Please send us a photo, and a person who knows will look at it.")];
    desk.knowledge.put_canned_answers(pb::PutCannedAnswersRequest { canned_answers: rewritten }).await.unwrap();
    eventually("what was learned for another text is gone", async || first(&desk, "asking").await.is_none()).await;
    desk.close().await;
}

/// How many lessons there are, and how many of them are tombstones.
async fn lessons(url: &str) -> (i64, i64) {
    let pool = AnyPool::connect(url).await.unwrap();
    let counted = sqlx::query_as("SELECT COUNT(*), COUNT(*) FILTER (WHERE deleted_at > 0) FROM lesson").fetch_one(&pool).await.unwrap();
    pool.close().await;
    counted
}

/// Lets tombstones be older than they are: those of so many chats, in the order of their ids.
async fn age(url: &str, chats: i64, days: i64) {
    let pool = AnyPool::connect(url).await.unwrap();
    let deleted_at = (jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * days)).as_nanosecond() as i64;
    let statement =
        "UPDATE lesson SET deleted_at = $1 WHERE deleted_at > 0 AND chat_id IN (SELECT chat_id FROM lesson ORDER BY chat_id LIMIT $2)";
    sqlx::query(statement).bind(deleted_at).bind(chats).execute(&pool).await.unwrap();
    pool.close().await;
}

async fn delete(desk: &mut Desk, id: &str) {
    let request = pb::DeleteCannedAnswersRequest { ids: vec![id.into()], language: String::new() };
    assert_eq!(desk.knowledge.delete_canned_answers(request).await.unwrap().into_inner().deleted, 1);
}

async fn put(desk: &mut Desk, canned_answer: pb::CannedAnswer) {
    desk.knowledge.put_canned_answers(pb::PutCannedAnswersRequest { canned_answers: vec![canned_answer] }).await.unwrap();
}

#[tokio::test]
async fn lessons_come_back_with_their_text() {
    let mut desk = desk().await;
    let url = desk.database_url();
    desk.append("asking", vec![customer_says("e1", TENT)]).await.unwrap();
    for who in ["one", "two", "three", "four", "five"] {
        teach(&mut desk, who, Some(customer(who, "Mira Kaya"))).await;
    }
    learned(&desk, "asking", "specialist", 5).await;

    delete(&mut desk, "specialist").await;
    eventually("they have no say", async || lessons(&url).await == (5, 5)).await;
    assert!(first(&desk, "asking").await.is_none());
    let export = desk.chats.export_customer(pb::ExportCustomerRequest { customer_id: "three".into() }).await.unwrap().into_inner().json;
    let export: serde_json::Value = serde_json::from_str(&export).unwrap();
    assert_eq!(export["chats"][0]["offers"]["lessons"].as_array().unwrap().len(), 0);
    // What is erased or redacted meanwhile does not come back.
    desk.chats.erase_customer(pb::EraseCustomerRequest { customer_id: "one".into() }).await.unwrap();
    let redaction = event("r", pb::event::Body::Redaction(pb::Redaction { event_id: "e1".into() }));
    desk.append("two", vec![redaction]).await.unwrap();
    assert_eq!(lessons(&url).await, (3, 3));
    put(&mut desk, answer("specialist", SPECIALIST)).await;
    learned(&desk, "asking", "specialist", 3).await;
    assert_eq!(lessons(&url).await, (3, 0));

    // So it is with a text that was written over, and with one that comes back after a restart.
    put(&mut desk, answer("specialist", "Please send us a photo.")).await;
    // What is at hand follows what is kept.
    eventually("they have no say", async || lessons(&url).await == (3, 3) && first(&desk, "asking").await.is_none()).await;
    let kept = desk.close_and_keep().await;
    let mut desk = Opening { with_model: false, with_shop: false, change: |_| {} }.open_in(kept).await;
    assert!(first(&desk, "asking").await.is_none());
    put(&mut desk, answer("specialist", SPECIALIST)).await;
    learned(&desk, "asking", "specialist", 3).await;
    desk.close().await;
}

#[tokio::test]
async fn lessons_outlive_their_text_by_thirty_days() {
    let mut desk = desk().await;
    let url = desk.database_url();
    desk.append("asking", vec![customer_says("e1", TENT)]).await.unwrap();
    for who in ["one", "two", "three", "four"] {
        teach(&mut desk, who, Some(customer(who, "Mira Kaya"))).await;
    }
    learned(&desk, "asking", "specialist", 4).await;
    delete(&mut desk, "specialist").await;
    eventually("they have no say", async || lessons(&url).await == (4, 4)).await;
    age(&url, 4, 29).await;
    age(&url, 1, 31).await;
    let kept = desk.close_and_keep().await;
    // The upkeep begins with the server.
    let mut desk = Opening { with_model: false, with_shop: false, change: |_| {} }.open_in(kept).await;
    eventually("the oldest is removed", async || lessons(&url).await == (3, 3)).await;
    put(&mut desk, answer("specialist", SPECIALIST)).await;
    learned(&desk, "asking", "specialist", 3).await;

    // One that is too old does not come back, whether it was removed yet or not.
    delete(&mut desk, "specialist").await;
    eventually("they have no say", async || lessons(&url).await == (3, 3)).await;
    age(&url, 3, 31).await;
    put(&mut desk, answer("specialist", SPECIALIST)).await;
    all_is_read(&mut desk, "late").await;
    assert!(first(&desk, "asking").await.is_none());
    desk.close().await;
}
