//! What works without a model, and what is rejected.

use deskhand::api::pb;
use tonic::Code;

use crate::support::desk::{Desk, Opening, customer_says, event, refused, selin};

fn draft_of(chat_id: &str) -> pb::DraftReplyRequest {
    pb::DraftReplyRequest { chat_id: chat_id.into(), agent: selin(), ..pb::DraftReplyRequest::default() }
}

fn customer(name: &str, language: &str) -> pb::Event {
    let customer = pb::Customer { customer_id: "c-1".into(), name: name.into(), language: language.into(), ..pb::Customer::default() };
    event("customer", pb::event::Body::Customer(customer))
}

fn form(order: &str) -> pb::Event {
    event("form", pb::event::Body::Form(pb::Form { answers: [("order_number".to_owned(), order.to_owned())].into() }))
}

#[tokio::test]
async fn a_draft_is_an_approved_answer_filled_or_a_public_passage() {
    let mut desk = Desk::without_model().await;
    for (chat_id, language, question, words) in [
        ("tr", "tr", "taksit seçenekleri neler, hangi kartlara taksit yapıyorsunuz", "taksit"),
        ("en", "en", "my voucher code does not work at checkout", "voucher"),
        ("hu", "hu", "szeretném visszaküldeni a terméket, hogyan tudom?", "vissza"),
        ("de", "de", "Wie kann ich einen Artikel zurückgeben?", "rück"),
    ] {
        desk.append(chat_id, vec![customer("Elif Kaya", language), form("KE-204815"), customer_says("e1", question)]).await.unwrap();
        let finished = desk.draft(draft_of(chat_id)).await.unwrap_or_else(|status| panic!("{chat_id}: {status:?}")).finished;
        assert_eq!((finished.engine(), finished.language.as_str()), (pb::Engine::BuiltIn, language));
        assert!(finished.text.to_lowercase().contains(words), "{}", finished.text);
        assert!(!finished.text.contains("{{"), "{}", finished.text);
        assert_eq!(finished.sources.len(), 1);
        assert_eq!(finished.sources[0].language, language);
    }
    desk.close().await;
}

#[tokio::test]
async fn when_nothing_fits_there_is_no_filler() {
    let mut desk = Desk::without_model().await;
    desk.append("c", vec![customer("Elif Kaya", "en"), customer_says("e1", "my dog swallowed a saxophone yesterday")]).await.unwrap();
    refused(&desk.draft(draft_of("c")).await.unwrap_err(), Code::FailedPrecondition, "NOTHING_FITS");
    assert!(
        desk.suggest(pb::SuggestAnswersRequest { chat_id: "c".into(), agent: selin(), ..pb::SuggestAnswersRequest::default() })
            .await
            .is_empty()
    );
    desk.append("g", vec![customer("Elif Kaya", "tr"), customer_says("e1", "merhaba")]).await.unwrap();
    refused(&desk.draft(draft_of("g")).await.unwrap_err(), Code::FailedPrecondition, "NOTHING_FITS");
    let instructed = pb::DraftReplyRequest { instruction: "say that it ships on Monday".into(), ..draft_of("c") };
    refused(&desk.draft(instructed).await.unwrap_err(), Code::FailedPrecondition, "MODEL_NOT_CONFIGURED");
    desk.close().await;
}

#[tokio::test]
async fn an_article_for_agents_never_becomes_a_draft() {
    let mut desk = Desk::without_model().await;
    let question = "goodwill voucher limits team lead suspected fraud checks escalation desk";
    desk.append("c", vec![customer("Elif Kaya", "en"), customer_says("e1", question)]).await.unwrap();
    let suggest = pb::SuggestAnswersRequest { chat_id: "c".into(), agent: selin(), ..pb::SuggestAnswersRequest::default() };
    let marked = desk.suggest(suggest).await.into_iter().find(|suggestion| suggestion.audience() == pb::Audience::Agents);
    assert!(marked.expect("it is suggested, marked").reason.contains("agents only"));
    match desk.draft(draft_of("c")).await {
        Ok(result) => {
            assert!(result.finished.sources.iter().all(|source| !source.url.is_empty() || source.kind() == pb::DocumentKind::CannedAnswer))
        }
        Err(status) => refused(&status, Code::FailedPrecondition, "NOTHING_FITS"),
    }
    desk.close().await;
}

#[tokio::test]
async fn suggestions_are_filled_and_say_what_is_missing() {
    let mut desk = Desk::without_model().await;
    desk.append("c", vec![customer("Elif Kaya", "en"), customer_says("e1", "has my order shipped? I want to track the parcel")])
        .await
        .unwrap();
    let suggest = |query: &str| pb::SuggestAnswersRequest {
        chat_id: "c".into(),
        agent: selin(),
        query: query.into(),
        ..pb::SuggestAnswersRequest::default()
    };
    let suggestions = desk.suggest(suggest("")).await;
    assert!(!suggestions.is_empty() && suggestions.len() <= 5);
    assert!(suggestions.windows(2).all(|pair| pair[0].score >= pair[1].score));
    for suggestion in &suggestions {
        assert_eq!(suggestion.language, "en");
        assert!((0.0..=1.0).contains(&suggestion.score) && !suggestion.reason.is_empty() && !suggestion.suggestion_id.is_empty());
        let joined: String = suggestion.segments.iter().map(|segment| segment.text.as_str()).collect();
        assert_eq!(joined, format!("{}\n{}", suggestion.title, suggestion.text));
    }

    let shipped = desk.suggest(suggest("/shipped")).await.into_iter().next().unwrap();
    assert_eq!((shipped.kind(), shipped.id.as_str()), (pb::DocumentKind::CannedAnswer, "order-shipped"));
    assert!(shipped.text.contains("Elif") && shipped.text.contains("Selin"));
    assert!(shipped.missing_placeholders.contains(&"form.order_number".to_owned()), "{:?}", shipped.missing_placeholders);
    assert!(shipped.text.contains("{{form.order_number}}"), "what is missing stays to be seen");

    let articles = desk.suggest(pb::SuggestAnswersRequest { kinds: vec![pb::DocumentKind::Article.into()], ..suggest("") }).await;
    assert!(!articles.is_empty() && articles.iter().all(|suggestion| suggestion.kind() == pb::DocumentKind::Article));
    // Why, by kind, and as a text in the language of the agent.
    let of = |language: &str, query: &str| {
        let agent = pb::Agent { language: language.into(), ..selin().unwrap() };
        pb::SuggestAnswersRequest { agent: Some(agent), ..suggest(query) }
    };
    for (language, shortcut, words) in [
        ("en", "its shortcut begins with “/shipped”", "shares words with the chat: “"),
        ("hu", "a gyorsparancsa így kezdődik: „/shipped”", "közös szavak a beszélgetéssel: „"),
        ("", "its shortcut begins with “/shipped”", "shares words with the chat: “"),
        ("it", "its shortcut begins with “/shipped”", "shares words with the chat: “"),
    ] {
        let shipped = &desk.suggest(of(language, "/shipped")).await[0];
        let reason = pb::SuggestionReason { kind: pb::SuggestionReasonKind::Shortcut.into(), words: vec!["shipped".into()], count: 0 };
        assert_eq!((shipped.reason.as_str(), &shipped.reasons), (shortcut, &vec![reason]));
        let first = &desk.suggest(of(language, "")).await[0];
        let shared = &first.reasons[0];
        assert_eq!(shared.kind(), pb::SuggestionReasonKind::Words);
        assert!(first.reason.starts_with(words) && !shared.words.is_empty(), "{}", first.reason);
        assert!(shared.words.iter().all(|word| first.reason.contains(word)), "{}", first.reason);
    }

    let typed = desk.suggest(suggest("gift wr")).await;
    assert!(typed.iter().any(|suggestion| suggestion.text.to_lowercase().contains("gift wrap")), "{typed:?}");
    desk.close().await;
}

#[tokio::test]
async fn a_long_form_answer_does_not_blow_a_suggestion_up() {
    let mut desk = Desk::empty().await;
    let answer = pb::CannedAnswer {
        id: "w".into(),
        language: "en".into(),
        title: "wombat".into(),
        shortcut: "wombat".into(),
        body: "{{form.order_number}} ".repeat(9000),
        ..Default::default()
    };
    desk.knowledge.put_canned_answers(pb::PutCannedAnswersRequest { canned_answers: vec![answer] }).await.unwrap();
    desk.append("c", vec![form(&"z".repeat(31_000))]).await.unwrap();
    let request = pb::SuggestAnswersRequest { chat_id: "c".into(), query: "/wombat".into(), language: "en".into(), ..Default::default() };
    assert_eq!(desk.suggest(request).await[0].missing_placeholders, ["form.order_number"]);
    desk.close().await;
}

#[tokio::test]
async fn a_chat_without_a_message_gets_openers() {
    let mut desk = Desk::without_model().await;
    let chat_id = desk.append_sample("06-deniz-web.json").await;
    let suggestions = desk.suggest(pb::SuggestAnswersRequest { chat_id, agent: selin(), ..pb::SuggestAnswersRequest::default() }).await;
    assert_eq!(suggestions.len(), 3);
    assert!(suggestions.iter().all(|suggestion| suggestion.id.starts_with("opener-") && suggestion.language == "tr"));
    assert_eq!(suggestions[0].id, "opener-checkout", "the page that is viewed");
    desk.close().await;
}

#[tokio::test]
async fn only_a_model_can_change_a_tone() {
    let mut desk = Desk::without_model().await;
    let status = desk.retone("Wait.", pb::Tone::Formal).await.unwrap_err();
    refused(&status, Code::FailedPrecondition, "MODEL_NOT_CONFIGURED");
    assert!(status.message().contains("OPENAI_BASE_URL"), "it says what to do: {}", status.message());
    desk.close().await;
}

fn correction(text: &str, language: &str) -> pb::CorrectReplyRequest {
    pb::CorrectReplyRequest { text: text.into(), language: language.into(), ..pb::CorrectReplyRequest::default() }
}

/// Needs the dictionaries that `scripts/test` installs.
#[tokio::test]
async fn texts_in_six_languages_are_corrected_without_a_model() {
    let mut desk = Desk::without_model().await;
    for (language, typed, right) in [
        ("en", "We recieved teh parcel.", "We received the parcel."),
        ("tr", "siparisiniz yolda", "siparişiniz yolda"),
        ("hu", "A szallitasi címet megváltoztattuk.", "A szállítási címet megváltoztattuk."),
        ("de", "Die Lieefrung ist moglich.", "Die Lieferung ist möglich."),
        ("fr", "La commande est deja expédiée.", "La commande est déjà expédiée."),
        ("es", "El envio llegará mañana.", "El envío llegará mañana."),
    ] {
        let finished = desk.correct(correction(typed, language)).await.unwrap_or_else(|status| panic!("{language}: {status}")).finished;
        assert_eq!((finished.text.as_str(), finished.engine(), finished.language.as_str()), (right, pb::Engine::BuiltIn, language));
    }
    // The language is detected.
    assert_eq!(
        desk.correct(correction("Siparisiniz yakinda kargoya verilecek.", "")).await.unwrap().finished.text,
        "Siparişiniz yakında kargoya verilecek."
    );
    desk.close().await;
}

#[tokio::test]
async fn the_words_of_the_shop_are_right_and_are_what_is_meant() {
    let mut desk = Desk::empty().await;
    let article = pb::Article {
        id: "a".into(),
        language: "tr".into(),
        title: "Acılan kutular".into(),
        body: "Kutunun üstünde **Kagro** yazar.".into(),
        ..pb::Article::default()
    };
    desk.knowledge.put_articles(pb::PutArticlesRequest { articles: vec![article] }).await.unwrap();
    assert_eq!(
        desk.correct(correction("bu kagro geldi", "tr")).await.unwrap().finished.text,
        "bu kagro geldi",
        "it is a word of an article"
    );
    assert_eq!(desk.correct(correction("bu kagrodan geldi", "tr")).await.unwrap().finished.text, "bu kargodan geldi");
    desk.close().await;
}

#[tokio::test]
async fn without_a_dictionary_it_is_said_which_one_is_missing() {
    let nowhere = tempfile::tempdir().unwrap();
    let folder = nowhere.path().to_owned();
    let mut desk = Opening { with_model: false, with_shop: false, change: |_| {} }.open_set(|config| config.dictionaries = folder).await;
    for (language, package) in
        [("tr", "hunspell-tr"), ("hu", "hunspell-hu"), ("de", "hunspell-de-de"), ("fr", "hunspell-fr"), ("es", "hunspell-es")]
    {
        let status = desk.correct(correction("xyz", language)).await.unwrap_err();
        refused(&status, Code::FailedPrecondition, "MODEL_NOT_CONFIGURED");
        assert!(status.message().contains(&format!("install {package} or connect a model")), "{}", status.message());
    }
    let status = desk.correct(correction("xyz", "it")).await.unwrap_err();
    refused(&status, Code::FailedPrecondition, "MODEL_NOT_CONFIGURED");
    assert!(!status.message().contains("hunspell"), "{}", status.message());
    let unknown = desk.correct(correction("KE-204815", "")).await.unwrap_err();
    refused(&unknown, Code::FailedPrecondition, "MODEL_NOT_CONFIGURED");
    assert_eq!(desk.correct(correction("We recieved it.", "en")).await.unwrap().finished.text, "We received it.", "English has a table");
    desk.close().await;
}

#[tokio::test]
async fn english_is_corrected_and_what_belongs_to_the_chat_is_left() {
    let mut desk = Desk::without_model().await;
    desk.append("c", vec![customer("Gergely Szabo", "en"), customer_says("e1", "hi")]).await.unwrap();
    let text = "Dear Gergely Szabo, we recieved you parcel KE-204815.\n\n- See https://ketenev.example/en/help/refunds\n- Best, Selin";
    let request = pb::CorrectReplyRequest { text: text.into(), chat_id: "c".into(), ..pb::CorrectReplyRequest::default() };
    let finished = desk.correct(request).await.unwrap().finished;
    assert!(
        finished.text.contains("received") && finished.text.contains("Gergely Szabo") && finished.text.contains("KE-204815.\n\n- See"),
        "{}",
        finished.text
    );
    assert_eq!(finished.language, "en");
    assert!(finished.edits.iter().any(|edit| edit.kind() == pb::SegmentKind::Removed && edit.text.contains("recieved")));
    desk.close().await;
}

#[tokio::test]
async fn approved_texts_are_translated_and_others_are_not() {
    let mut desk = Desk::without_model().await;
    let translate = |text: &str, target: &str| pb::TranslateReplyRequest {
        source: Some(pb::translate_reply_request::Source::Text(text.into())),
        target_language: target.into(),
        ..pb::TranslateReplyRequest::default()
    };
    let shipped = pb::SuggestAnswersRequest { query: "/shipped".into(), language: "en".into(), ..pb::SuggestAnswersRequest::default() };
    let unfilled = desk.suggest(shipped).await.remove(0).text;
    for target in ["tr", "hu", "de"] {
        let finished = desk.translate(translate(&unfilled, target)).await.unwrap().finished;
        assert_eq!((finished.engine(), finished.language.as_str()), (pb::Engine::BuiltIn, target));
        assert!(finished.text.contains("{{customer.first_name}}"));
        assert_eq!(finished.sources[0].id, "order-shipped");
    }
    let filled = unfilled
        .replace("{{customer.first_name}}", "James")
        .replace("{{form.order_number}}", "KE-100200")
        .replace("{{record.order.carrier}}", "UPS")
        .replace("{{record.order.tracking_url}}", "https://ups.example/1")
        .replace("{{agent.name}}", "Selin");
    let finished = desk.translate(translate(&filled, "tr")).await.unwrap().finished;
    for fact in ["James", "KE-100200", "https://ups.example/1", "Selin"] {
        assert!(finished.text.contains(fact), "{}", finished.text);
    }
    refused(
        &desk.translate(translate("Your cat is lovely and so are you.", "tr")).await.unwrap_err(),
        Code::FailedPrecondition,
        "MODEL_NOT_CONFIGURED",
    );
    desk.close().await;
}

#[tokio::test]
async fn an_articles_paragraph_is_translated_by_its_place() {
    let mut desk = Desk::empty().await;
    let article = |language: &str, body: &str| pb::Article {
        id: "a".into(),
        language: language.into(),
        title: "T".into(),
        body: body.into(),
        ..pb::Article::default()
    };
    let articles = vec![
        article("en", "First paragraph about towels.\n\nTowels are washed at sixty degrees without softener."),
        article("de", "Erster Absatz über Handtücher.\n\nHandtücher werden bei sechzig Grad ohne Weichspüler gewaschen."),
    ];
    desk.knowledge.put_articles(pb::PutArticlesRequest { articles }).await.unwrap();
    let request = pb::TranslateReplyRequest {
        source: Some(pb::translate_reply_request::Source::Text("Towels are washed at sixty degrees  without softener.".into())),
        target_language: "de".into(),
        ..pb::TranslateReplyRequest::default()
    };
    let finished = desk.translate(request).await.unwrap().finished;
    assert_eq!(finished.text, "Handtücher werden bei sechzig Grad ohne Weichspüler gewaschen.");
    desk.close().await;
}

#[tokio::test]
async fn a_summary_lists_the_facts() {
    let mut desk = Desk::without_model().await;
    let chat_id = desk.append_sample("01-elif-web.json").await;
    let finished = desk.summarize(&chat_id, "tr").await.unwrap().finished;
    assert_eq!(finished.engine(), pb::Engine::BuiltIn);
    for fact in ["Elif Kaya", "KE-204815", "Selin Aydın", "annemin 60. yaş gunu", "yanıt bekliyor"] {
        assert!(finished.text.contains(fact), "{fact} in {}", finished.text);
    }
    refused(&desk.summarize("no-such", "tr").await.unwrap_err(), Code::NotFound, "CHAT_NOT_FOUND");
    desk.close().await;
}
