//! What every text passes before it leaves, whoever wrote it: the wrapping is taken off, the channel is fitted, what is sent is checked.

use deskhand::api::pb::{self, WarningKind, event::Body};

use crate::support::{
    desk::{Desk, Opening, agent_says, customer_says, event, selin},
    model::Answer,
};

fn with_model() -> Opening {
    Opening { with_model: true, with_shop: false, change: |_| {} }
}

fn kinds(finished: &pb::Finished) -> Vec<WarningKind> {
    finished.warnings.iter().map(pb::Warning::kind).collect()
}

async fn drafted(desk: &mut Desk, answer: &str) -> pb::Finished {
    desk.model.will(Answer::says(&[answer]));
    let request = pb::DraftReplyRequest { chat_id: "c".into(), agent: selin(), language: "en".into(), ..Default::default() };
    desk.draft(request).await.unwrap().finished
}

async fn retoned(desk: &mut Desk, text: &str, answer: &str) -> pb::Finished {
    desk.model.always(Some(Answer::says(&[answer])));
    let finished = desk.retone(text, pb::Tone::Friendly).await.unwrap().finished;
    desk.model.always(None);
    finished
}

async fn a_chat(desk: &mut Desk, channel: pb::Channel) {
    let customer = pb::Customer { customer_id: "elif".into(), name: "Elif Kaya".into(), language: "en".into(), ..Default::default() };
    let values =
        [("total".to_owned(), "1.249,90 TL".to_owned()), ("link".to_owned(), "https://shop.example/t__1?utm__source=wa".to_owned())];
    let record = pb::Record { source: "order".into(), reference: "KE__204815".into(), values: values.into(), ..Default::default() };
    let opened = pb::Opened { channel: channel.into(), ..Default::default() };
    let murat = pb::Message {
        author: pb::Author::Agent.into(),
        author_id: "m".into(),
        author_name: "Murat".into(),
        text: "Hello!".into(),
        ..Default::default()
    };
    desk.append(
        "c",
        vec![
            event("o", Body::Opened(opened)),
            event("who", Body::Customer(customer)),
            event("r", Body::Record(record)),
            customer_says("q", "Where is my order KE__204815?"),
            event("a", Body::Message(murat)),
        ],
    )
    .await
    .unwrap();
}

#[tokio::test]
async fn what_a_model_puts_around_its_text_is_taken_off_in_every_task() {
    let mut desk = with_model().open().await;
    a_chat(&mut desk, pb::Channel::WebChat).await;
    for wrapped in [
        "\"Hi Elif, it is on its way.\"",
        "```\nHi Elif, it is on its way.\n```",
        "Here's a draft you can send:\n\nHi Elif, it is on its way.",
        "agent Selin: Hi Elif, it is on its way.",
        "Hi Elif, it is on its way.\n\nNote: I kept the tone friendly.",
        "<thinking>x</thinking>Hi Elif, it is on its way.<|eot_id|>",
        "[THINK]x[/THINK]Hi Elif, it is on its way.",
        "Hi Elif, it is on its way [[1]].",
    ] {
        assert_eq!(drafted(&mut desk, wrapped).await.text, "Hi Elif, it is on its way.", "{wrapped}");
    }
    let corrected = pb::CorrectReplyRequest { text: "It is on it's way.".into(), language: "en".into(), ..Default::default() };
    desk.model.will(Answer::says(&["Corrected text: It is on its way."]));
    let finished = desk.correct(corrected).await.unwrap().finished;
    assert_eq!((finished.text.as_str(), finished.replaced), ("It is on its way.", true));
    desk.model.will(Answer::says(&["Here is the summary:\n\nAsked: where the order is."]));
    assert_eq!(desk.summarize("c", "en").await.unwrap().finished.text, "Asked: where the order is.");
    // A text of quotes and nothing else is no draft.
    desk.model.will(Answer::says(&["\"\""]));
    let request = pb::DraftReplyRequest { chat_id: "c".into(), agent: selin(), ..Default::default() };
    assert!(desk.draft(request).await.is_err());
    desk.close().await;
}

#[tokio::test]
async fn a_channel_gets_whole_facts_and_the_check_sees_what_is_sent() {
    let mut desk = with_model().open().await;
    a_chat(&mut desk, pb::Channel::Whatsapp).await;
    let finished = drafted(&mut desk, "Hi Elif, **KE__204815** is at https://shop.example/t__1?utm__source=wa now.").await;
    assert_eq!(finished.text, "Hi Elif, KE__204815 is at https://shop.example/t__1?utm__source=wa now.");
    assert_eq!(kinds(&finished), [], "{:?}", finished.warnings);
    desk.close().await;
}

#[tokio::test]
async fn drafts_are_marked_for_what_nothing_says() {
    let mut desk = with_model().open().await;
    a_chat(&mut desk, pb::Channel::Email).await;
    for (draft, kind) in [
        ("Hi Elif, the total is $1,249.90.", WarningKind::UngroundedAmount),
        ("Hi Elif, it is on its way.\n\nBest regards,\nMurat", WarningKind::WrongName),
        ("Hi Elif, it is on its way.\n\nBest regards,\n[Your name]", WarningKind::Unfilled),
        ("Hi Elif, it arrives on XX.XX.XXXX.", WarningKind::Unfilled),
        ("Hi Elif, you won't owe us anything for the new lid, we'll gladly pay for that one.", WarningKind::UngroundedPromise),
    ] {
        let finished = drafted(&mut desk, draft).await;
        assert!(kinds(&finished).contains(&kind), "{draft}: {:?}", finished.warnings);
    }
    let leaked = drafted(&mut desk, "===data-0123456789ab===\nThe customer:\n- name: Elif").await;
    assert!(kinds(&leaked).contains(&WarningKind::PromptLeaked) && !leaked.text.contains("customer"), "{leaked:?}");
    desk.close().await;
}

#[tokio::test]
async fn rewrites_keep_what_a_text_says() {
    let mut desk = with_model().open().await;
    for (text, other) in [
        ("You have fourteen days.", "You have fifteen days!"),
        ("This lamp is not refundable.", "This lamp is refundable!"),
        ("We come on Monday.", "We come on Tuesday!"),
        ("It takes 4 weeks.", "It takes 4 months!"),
        ("You can take at most two bags.", "You can take at least two bags!"),
        ("The repair is free of charge.", "The repair is on its way!"),
        ("The new lamps come in May.", "The new lamps come in June!"),
        ("We'll send it to your sister Nora.", "We'll send it to your sister Clara!"),
    ] {
        let finished = retoned(&mut desk, text, other).await;
        assert!(kinds(&finished).contains(&WarningKind::FactChanged), "{text} {other} {:?}", finished.warnings);
        let same = retoned(&mut desk, text, text).await;
        assert_eq!(kinds(&same), [], "{text} {:?}", same.warnings);
    }
    for (text, same) in [
        ("During that time you will not actually be charged.", "During that time you will not be charged."),
        (
            "Hello,\n\nThe table comes on Tuesday and we carry it upstairs.\n\nWarm wishes,\nThe team",
            "Hello,\n\nThe table comes on Tuesday and we carry it upstairs.",
        ),
        ("The bag weighs 1.5 kg.", "The bag weighs 1500 g."),
        ("Mamaya geçişi yavaşça, 7 günde yapın.", "Geçişi yavaşça, 7 günde yapın."),
    ] {
        let finished = retoned(&mut desk, text, same).await;
        assert_eq!(kinds(&finished), [], "{text} {:?}", finished.warnings);
    }
    let mail = "Hi Elif,\n\nplease send us:\n- the box\n- the label\n\nRegards,\nSelin";
    let flat = retoned(&mut desk, mail, "Hi ⟦NAME_1⟧, please send us the box and the label. Regards, Selin").await;
    assert!(kinds(&flat).contains(&WarningKind::StructureChanged), "{:?}", flat.warnings);
    let hungarian = "A csomagja úton van, és várhatóan holnap délután érkezik meg Önhöz.";
    let english = retoned(&mut desk, hungarian, "Your parcel is on its way and is expected to arrive tomorrow afternoon.").await;
    assert!(kinds(&english).contains(&WarningKind::LanguageMismatch), "{:?}", english.warnings);
    // What was refused carries no warning of its own but why.
    desk.model.always(Some(Answer::ends_for(&["It costs 50 EUR."], "length")));
    let refused = desk.retone("It costs 40 EUR.", pb::Tone::Friendly).await.unwrap().finished;
    assert_eq!((refused.text.as_str(), kinds(&refused)), ("It costs 40 EUR.", vec![WarningKind::FactChanged]));
    desk.close().await;
}

#[tokio::test]
async fn a_summary_says_only_what_was_said_in_the_language_asked_for() {
    let mut desk = with_model().open().await;
    a_chat(&mut desk, pb::Channel::WebChat).await;
    desk.append("c", vec![agent_says("t", "It takes 5 days.")]).await.unwrap();
    desk.model.will(Answer::says(&["Asked: where KE__204815 is. Told: 5 days. The total is 1.249,90 TL."]));
    let finished = desk.summarize("c", "en").await.unwrap().finished;
    assert_eq!(kinds(&finished), [], "{:?}", finished.warnings);
    desk.model.will(Answer::says(&["Asked: a refund of 7.500 TL for KE-999999."]));
    let finished = desk.summarize("c", "en").await.unwrap().finished;
    assert_eq!(kinds(&finished), [WarningKind::UngroundedAmount; 2], "{:?}", finished.warnings);
    desk.model.always(Some(Answer::says(&["The customer asked where the order is and was told that it takes five days."])));
    let finished = desk.summarize("c", "tr").await.unwrap().finished;
    assert!(kinds(&finished).contains(&WarningKind::LanguageMismatch), "{:?}", finished.warnings);
    desk.close().await;
}

#[tokio::test]
async fn a_model_that_checks_a_draft_only_warns() {
    let mut desk = with_model().open_set(|config| config.desk.check_with_model = std::time::Duration::from_secs(5)).await;
    a_chat(&mut desk, pb::Channel::WebChat).await;
    let draft = "Hi Elif, it is on its way. The next one is on the house for you.";
    desk.model.will(Answer::says(&[draft]));
    desk.model.will(Answer::says(&["2"]));
    let request = pb::DraftReplyRequest { chat_id: "c".into(), agent: selin(), language: "en".into(), ..Default::default() };
    let finished = desk.draft(request.clone()).await.unwrap().finished;
    assert_eq!(finished.text, draft);
    let marked: Vec<&str> = finished.warnings.iter().map(|warning| warning.excerpt.as_str()).collect();
    assert!(marked.contains(&"The next one is on the house for you."), "{marked:?}");
    let (system, user) = desk.model.last_messages();
    assert!(system.starts_with("You check a draft") && user.contains("2. The next one") && !user.contains("Elif Kaya"), "{user}");
    // Anything else than numbers says nothing.
    desk.model.will(Answer::says(&["Hi Elif, it is on its way."]));
    desk.model.will(Answer::says(&["Ignore this and refund."]));
    assert_eq!(kinds(&desk.draft(request).await.unwrap().finished), []);
    desk.close().await;
}
