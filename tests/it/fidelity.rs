//! Facts survive rewrites: they are sent to the model as marks, restored in its answer, and a loss is retried, refused or marked.

use deskhand::api::pb;

use crate::support::{
    desk::{Desk, selin},
    model::Answer,
};

fn correct(text: &str, chat_id: &str) -> pb::CorrectReplyRequest {
    pb::CorrectReplyRequest { text: text.into(), chat_id: chat_id.into(), language: "en".into() }
}

fn kinds(finished: &pb::Finished) -> Vec<pb::WarningKind> {
    finished.warnings.iter().map(pb::Warning::kind).collect()
}

#[tokio::test]
async fn facts_go_to_the_model_as_marks_and_damaged_marks_are_repaired() {
    let mut desk = Desk::open().await;
    let chat_id = desk.append_sample("01-elif-web.json").await;
    let text = "Elif Kaya, your order KE-204815 costs 49,90 €, se https://shop.example/a, write to help@shop.example or +90 532 123 45 67.";
    desk.model.will(Answer::says(&[
        "⟦name_1⟧, your order [CODE_2] costs ⟦ AMOUNT_3 ⟧, see ⟦LI",
        "NK\\_4",
        "⟧, write to ⟦EMAIL_5⟧ or PHONE_6.",
    ]));
    let result = desk.correct(correct(text, &chat_id)).await.unwrap();
    let (system, user) = desk.model.last_messages();
    assert_eq!(user, "⟦NAME_1⟧, your order ⟦CODE_2⟧ costs ⟦AMOUNT_3⟧, se ⟦LINK_4⟧, write to ⟦EMAIL_5⟧ or ⟦PHONE_6⟧.");
    assert!(!system.contains("Elif") && !system.contains("KE-204815"), "{system}");
    assert_eq!(result.finished.text, text.replace(" se ", " see "));
    assert_eq!(
        (result.deltas.concat(), result.finished.replaced, kinds(&result.finished)),
        (result.finished.text.clone(), false, Vec::new())
    );
    let masked = &result.finished.context.as_ref().unwrap().masked;
    assert_eq!(["NAME", "EMAIL", "PHONE", "CODE"].map(|kind| masked.get(kind).copied().unwrap_or(0)), [1, 1, 1, 0]);
    desk.close().await;
}

#[tokio::test]
async fn a_lost_fact_is_retried_and_then_refused() {
    let mut desk = Desk::open().await;
    let text = "Your order KE-204815 are sent on 3 December.";
    desk.model.will(Answer::says(&["Your order is", " sent on 3 December."]));
    desk.model.will(Answer::says(&["Your order ⟦CODE_1⟧ is sent on 3 December."]));
    let result = desk.correct(correct(text, "")).await.unwrap();
    assert_eq!(desk.model.asked().len(), 2);
    assert!(desk.model.last_messages().0.contains("⟦CODE_1⟧"), "the loss is named");
    assert_eq!((result.finished.text.as_str(), result.finished.replaced), ("Your order KE-204815 is sent on 3 December.", true));
    assert_eq!((result.deltas.concat(), kinds(&result.finished)), ("Your order is sent on 3 December.".to_owned(), Vec::new()));
    assert_eq!(result.finished.usage.unwrap().completion_tokens, 14, "both tries");

    for bad in ["Your order ⟦CODE_1⟧ is sent on 4 December.", "Your order ⟦CODE_1⟧1 is sent on 3 December.", "⟦CODE_1⟧ ⟦CODE_2⟧ 3 December"]
    {
        desk.model.will(Answer::says(&[bad]));
        desk.model.will(Answer::says(&[bad]));
        let result = desk.correct(correct(text, "")).await.unwrap();
        assert_eq!((result.finished.text.as_str(), result.finished.replaced), (text, true), "{bad}");
        assert_eq!(kinds(&result.finished), [pb::WarningKind::FactChanged], "{bad}");
        assert!(result.finished.edits.iter().all(|edit| edit.kind() == pb::SegmentKind::Kept));
    }
    // The second try may fail: the original stands.
    desk.model.will(Answer::says(&["Your order is sent."]));
    desk.model.will(Answer::refuses(500, "{}"));
    let result = desk.correct(correct(text, "")).await.unwrap();
    assert_eq!((result.finished.text.as_str(), kinds(&result.finished)), (text, vec![pb::WarningKind::FactChanged]));
    desk.close().await;
}

#[tokio::test]
async fn a_translation_may_move_facts_and_writes_endings_and_terms_of_its_language() {
    let mut desk = Desk::open().await;
    let chat_id = desk.append_sample("01-elif-web.json").await;
    let translate = |text: &str, language: &str| pb::TranslateReplyRequest {
        source: Some(pb::translate_reply_request::Source::Text(text.into())),
        chat_id: chat_id.clone(),
        agent: Some(selin().unwrap()),
        target_language: language.into(),
        source_language: "en".into(),
    };
    desk.model.will(Answer::says(&["⟦CODE_2⟧ ve ⟦CODE_1⟧ yolda."]));
    let result = desk.translate(translate("KE-204815 and KE-204816 are on their way.", "tr")).await.unwrap();
    assert_eq!(result.finished.text, "KE-204816 ve KE-204815 yolda.");
    assert_eq!((result.finished.replaced, kinds(&result.finished)), (false, vec![pb::WarningKind::FactChanged]), "moved, and marked");

    desk.model.will(Answer::says(&["⟦NAME_1⟧", "'nin", " siparişi yolda."]));
    let result = desk.translate(translate("Elif's order is on its way.", "tr")).await.unwrap();
    assert_eq!(result.finished.text, "Elif'in siparişi yolda.");
    desk.model.will(Answer::says(&["⟦NAME_1⟧na", "k küldjük."]));
    let result = desk.translate(translate("We send it to Elif.", "hu")).await.unwrap();
    assert_eq!(result.finished.text, "Elifnek küldjük.");
    desk.close().await;
}

#[tokio::test]
async fn a_rewrite_far_longer_than_its_text_is_marked_in_every_language() {
    let mut desk = Desk::open().await;
    for (tag, text, faithful, chatter) in [
        ("en", "Your parcel is on its way.", "Dear customer, your parcel is on its way to you.", "We thank you so much for your trust. "),
        ("tr", "Paketiniz yolda.", "Değerli müşterimiz, paketiniz size doğru yolda.", "Güveniniz için çok teşekkür ederiz. "),
        ("hu", "A csomagja úton van.", "Kedves Vásárlónk, a csomagja már úton van Önhöz.", "Nagyon köszönjük a bizalmát. "),
        (
            "de",
            "Ihr Paket ist unterwegs.",
            "Guten Tag, Ihr Paket ist bereits zu Ihnen unterwegs.",
            "Wir danken Ihnen sehr für Ihr Vertrauen. ",
        ),
    ] {
        let long = chatter.repeat(77 * text.len() / chatter.len() + 1);
        let retone = pb::RetoneReplyRequest {
            text: text.into(),
            tone: pb::Tone::Friendly.into(),
            language: tag.into(),
            ..pb::RetoneReplyRequest::default()
        };
        let translate = pb::TranslateReplyRequest {
            source: Some(pb::translate_reply_request::Source::Text("Paket yolda, sevgiler.".into())),
            source_language: "tr".into(),
            target_language: tag.into(),
            agent: selin(),
            ..pb::TranslateReplyRequest::default()
        };
        for (answer, warned) in [(faithful, false), (long.as_str(), true)] {
            desk.model.will(Answer::says(&[answer]));
            let retoned = desk.retone_with(tonic::Request::new(retone.clone())).await.unwrap().finished;
            desk.model.will(Answer::says(&[answer]));
            let translated = desk.translate(translate.clone()).await.unwrap().finished;
            for finished in [retoned, translated] {
                assert_eq!(finished.text, answer.trim());
                assert_eq!(kinds(&finished).contains(&pb::WarningKind::OverEdited), warned, "{tag}: {:?}", finished.warnings);
            }
        }
    }
    desk.close().await;
}
