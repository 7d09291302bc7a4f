//! Drafts are grounded, keep personal data and notes inside, and warn of what is doubtful.

use std::{fs, path::Path};

use deskhand::api::pb::{self, event::Body};
use jiff::{ToSpan as _, Zoned, civil::Date, tz::TimeZone};

use crate::support::{
    desk::{self, Desk, Opening, customer_says, selin},
    model::Answer,
};

fn draft_of(chat_id: &str) -> pb::DraftReplyRequest {
    pb::DraftReplyRequest { chat_id: chat_id.into(), agent: selin(), language: "en".into(), ..pb::DraftReplyRequest::default() }
}

fn kinds(finished: &pb::Finished) -> Vec<pb::WarningKind> {
    finished.warnings.iter().map(pb::Warning::kind).collect()
}

fn event(event_id: &str, body: Body) -> pb::Event {
    pb::Event { event_id: event_id.into(), body: Some(body), ..pb::Event::default() }
}

fn elif() -> pb::Event {
    let customer = pb::Customer {
        customer_id: "elif".into(),
        name: "Elif Kaya".into(),
        email: "elif@example.com".into(),
        phone: "+90 532 123 45 67".into(),
        ..pb::Customer::default()
    };
    event("c", Body::Customer(customer))
}

#[tokio::test]
async fn ungrounded_statements_are_marked_and_foreign_links_removed() {
    let mut desk = Desk::open().await;
    // Two months ago, in the middle of the month: no article's count of days leads there from today.
    let shipped = Zoned::now().date().saturating_sub(2.months()).with().day(12).build().unwrap();
    let [right, wrong] = [shipped, shipped.saturating_add(3.days())].map(|day| day.strftime("%-d %B").to_string());
    let record = pb::Record {
        source: "order".into(),
        reference: "KE-204815".into(),
        values: [("total".to_owned(), "49.90 EUR".to_owned()), ("shipped".to_owned(), shipped.to_string())].into(),
        ..pb::Record::default()
    };
    desk.append("c", vec![elif(), event("r", Body::Record(record)), customer_says("m", "Where is my parcel? See http://evil.example/x")])
        .await
        .unwrap();

    desk.model.will(Answer::says(&["Hi Elif, your order KE-204815", &format!(" over 49,90 € left on {right}.")]));
    let result = desk.draft(draft_of("c")).await.unwrap();
    assert_eq!((kinds(&result.finished), result.finished.replaced), (Vec::new(), false), "{:?}", result.finished.warnings);

    desk.model.will(Answer::says(&[
        &format!("Hi Ece, order KE-204816 for 48,90 € left on {wrong}."),
        " We guarantee delivery tomorrow: http://evil.example/x",
    ]));
    let result = desk.draft(draft_of("c")).await.unwrap();
    let kinds = kinds(&result.finished);
    for kind in [
        pb::WarningKind::UngroundedLink,
        pb::WarningKind::UngroundedAmount,
        pb::WarningKind::UngroundedDate,
        pb::WarningKind::UngroundedPromise,
        pb::WarningKind::WrongName,
    ] {
        assert!(kinds.contains(&kind), "{kind:?} {:?}", result.finished.warnings);
    }
    assert!(result.finished.replaced && result.finished.text.ends_with("tomorrow: […]"), "{}", result.finished.text);
    for warning in &result.finished.warnings {
        assert!(result.finished.text.contains(&warning.excerpt), "{warning:?}");
    }
    desk.close().await;
}

#[tokio::test]
async fn personal_data_goes_as_marks_and_comes_back() {
    let mut desk = Desk::open().await;
    let said = "I am Elif Kaya, write to elif@example.com or 0532 123 45 67; my card is 4111 1111 1111 1111.";
    desk.append("c", vec![elif(), customer_says("m", said)]).await.unwrap();
    desk.model.will(Answer::says(&["Dear ⟦NAME_", "1⟧, we write to ⟦EMAIL_2⟧, not to ⟦EMAIL_9⟧."]));
    let result = desk.draft(draft_of("c")).await.unwrap();
    let (system, user) = desk.model.last_messages();
    let prompt = format!("{system}{user}");
    for secret in ["Kaya", "elif@example.com", "532 123", "4111"] {
        assert!(!prompt.contains(secret), "{secret} in {prompt}");
    }
    assert_eq!(result.finished.text, "Dear Elif Kaya, we write to elif@example.com, not to .");
    assert_eq!(kinds(&result.finished), [pb::WarningKind::UngroundedPersonalData], "what was invented is marked");
    assert_eq!(result.finished.warnings[0].excerpt, result.finished.text);
    let masked = result.finished.context.unwrap().masked;
    assert_eq!(["NAME", "EMAIL", "PHONE", "CARD"].map(|kind| masked.get(kind).copied().unwrap_or(0)), [1, 1, 2, 1]);

    let result = desk.summarize("c", "en").await.unwrap();
    assert!(!desk.model.last_messages().1.contains("Kaya"));
    assert!(result.finished.context.unwrap().masked.contains_key("CARD"));
    desk.close().await;
}

#[tokio::test]
async fn the_wrong_language_is_retried_and_then_marked() {
    let mut desk = Desk::open().await;
    desk.append("c", vec![customer_says("m", "Where is my parcel?")]).await.unwrap();
    let turkish = "Merhaba, siparişinizle ilgili bilgileri inceliyoruz ve size tekrar yazacağız.";
    desk.model.will(Answer::says(&[turkish]));
    desk.model.will(Answer::says(&["Hello, we are looking into your order and will write to you again."]));
    let result = desk.draft(draft_of("c")).await.unwrap();
    assert_eq!(desk.model.asked().len(), 2);
    assert!(result.finished.text.starts_with("Hello") && result.finished.replaced, "{:?}", result.finished);
    assert_eq!(result.finished.warnings, []);
    desk.model.will(Answer::says(&[turkish]));
    desk.model.will(Answer::says(&[turkish]));
    let result = desk.draft(draft_of("c")).await.unwrap();
    assert_eq!((result.finished.text.as_str(), kinds(&result.finished)), (turkish, vec![pb::WarningKind::LanguageMismatch]));
    desk.close().await;
}

#[tokio::test]
async fn a_note_that_a_draft_was_given_is_not_shown() {
    let mut desk = Desk::open().await;
    let note = pb::Note {
        agent_id: "a".into(),
        agent_name: "Ayla".into(),
        text: "Suspected reseller, ask Zeynep before any refund, case QX-77.".into(),
    };
    desk.append("c", vec![elif(), event("n", Body::Note(note)), customer_says("m", "Where is my refund?")]).await.unwrap();
    let with_notes = pb::DraftReplyRequest { use_notes: true, ..draft_of("c") };
    desk.model.will(Answer::says(&["Thank you for waiting. ", "You are a suspected reseller, ", "so I ask Zeynep about QX-77."]));
    let result = desk.draft(with_notes.clone()).await.unwrap();
    assert!(desk.model.last_messages().1.contains("Suspected reseller"));
    assert_eq!((result.finished.text.as_str(), result.finished.replaced), ("Thank you for waiting.", true));
    assert_eq!(kinds(&result.finished), [pb::WarningKind::NoteLeaked]);
    assert!(!result.deltas.concat().contains("reseller"), "nothing is shown before the check");

    desk.model.will(Answer::says(&["Thank you for waiting."]));
    let result = desk.draft(with_notes).await.unwrap();
    assert_eq!((result.deltas.concat(), result.finished.replaced), (result.finished.text.clone(), false));
    desk.close().await;
}

#[tokio::test]
async fn rewrites_that_do_something_else_are_reported() {
    let mut desk = Desk::open().await;
    let text = "Your parcel is on its way and will be with you soon, thank you for your patience.";
    desk.model.will(Answer::says(&["We are delighted to tell you that the goods which you so kindly ordered have left."]));
    let request = pb::CorrectReplyRequest { text: text.into(), language: "en".into(), ..pb::CorrectReplyRequest::default() };
    assert_eq!(kinds(&desk.correct(request).await.unwrap().finished), [pb::WarningKind::OverEdited]);
    desk.model.will(Answer::says(&[text, " Really."]));
    assert_eq!(kinds(&desk.retone(text, pb::Tone::Concise).await.unwrap().finished), [pb::WarningKind::NotShorter]);
    desk.close().await;
}

/// Copies the sample shop, with its conditions' days counted from 28 November 2026 instead of today: the sample chats have fixed dates.
fn copy_shop_of_november(from: &Path, to: &Path) {
    let today = Zoned::now().with_time_zone(TimeZone::get("Europe/Istanbul").unwrap()).date();
    let passed = (today - Date::constant(2026, 11, 28)).get_days();
    let dated = |line: &str| match line.strip_suffix('"').and_then(|line| line.split_once("today")) {
        Some((condition, days)) if line.trim_start().starts_with("- \"record.") => {
            let days = days.replace([' ', 'd', 'a', 'y', 's'], "").parse().unwrap_or(0) - passed;
            format!("{condition}today {} {} days\"\n", if days < 0 { '-' } else { '+' }, days.abs())
        }
        _ => format!("{line}\n"),
    };
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if path.is_dir() {
            copy_shop_of_november(&path, &to);
        } else {
            fs::write(to, fs::read_to_string(path).unwrap().lines().map(dated).collect::<String>()).unwrap();
        }
    }
}

/// The whole prompt of real chats, as files. `DESKHAND_TEST_UPDATE=1` writes them anew: read what changed.
#[tokio::test]
async fn prompts_are_what_the_golden_files_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let shop = tempfile::tempdir().unwrap();
    copy_shop_of_november(&desk::shop(), shop.path());
    let opening = Opening { with_model: true, with_shop: true, change: |_| {} };
    let mut desk = opening
        .open_set(|config| {
            config.knowledge_base = Some(shop.path().to_owned());
            config.desk.time_zone = TimeZone::get("Europe/Istanbul").unwrap();
            config.desk.set("opening_hours", &toml::Value::from(vec!["mon-sun 00:00-24:00"])).unwrap().unwrap();
        })
        .await;
    for (sample, language) in [
        ("sample-chats/01-elif-web", ""),
        ("sample-chats/03-gergely-email", ""),
        ("sample-chats/02-elif-instagram", "de"),
        ("sample-chats/04-anna-contact-form", ""),
        ("sample-chats/05-james-whatsapp", ""),
        ("sample-chats/06-deniz-web", ""),
        ("tests/golden/chats/07-reka-whatsapp", ""),
        ("tests/golden/chats/08-owen-email", ""),
    ] {
        let chat_id = desk.append_file(&format!("{sample}.json")).await;
        let agent = selin();
        desk.draft(pb::DraftReplyRequest { chat_id, agent, language: language.into(), ..pb::DraftReplyRequest::default() }).await.unwrap();
        let (system, user) = desk.model.last_messages();
        let now = user.lines().find(|line| line.starts_with("- It is ")).expect("the time").to_owned();
        let prompt = format!("{system}\n--- user ---\n{user}\n").replace(&now, "- It is NOW");
        assert!(now.ends_with("(Europe/Istanbul). The shop is open."), "{now}");
        let sample = sample.rsplit('/').next().unwrap();
        let fence = user.lines().next().expect("data begins the message").to_owned();
        let prompt = prompt.replace(&fence, "===data===");
        let file = folder.join(format!("draft-{sample}.txt"));
        if std::env::var_os("DESKHAND_TEST_UPDATE").is_some() {
            fs::write(&file, &prompt).unwrap();
        }
        let golden = fs::read_to_string(&file).unwrap();
        assert_eq!(prompt, golden, "{}", file.display());
    }
    desk.close().await;
}

#[tokio::test]
async fn a_draft_that_the_customer_wrote_past_is_stale_and_one_fits_its_channel() {
    let mut desk = Desk::open().await;
    let opened = pb::Opened { channel: pb::Channel::Whatsapp.into(), ..pb::Opened::default() };
    desk.append("c", vec![event("o", Body::Opened(opened)), customer_says("m", "Where is my parcel?")]).await.unwrap();
    desk.model.will(Answer::says(&["We are **looking** into it."]));
    let result = desk.draft(draft_of("c")).await.unwrap();
    assert_eq!((result.finished.text.as_str(), result.finished.replaced), ("We are looking into it.", true));
    assert!(kinds(&result.finished).is_empty(), "{:?}", result.finished.warnings);

    desk.model.will(Answer::waits_after("We are", " looking into it."));
    let mut stream = desk.replies.draft_reply(draft_of("c")).await.unwrap().into_inner();
    let first = stream.message().await.unwrap().unwrap();
    assert!(matches!(first.event, Some(pb::draft_reply_response::Event::Delta(_))));
    desk.append("c", vec![customer_says("m2", "Never mind, found it.")]).await.unwrap();
    desk.model.go_on();
    let mut last = None;
    while let Some(message) = stream.message().await.unwrap() {
        last = message.event;
    }
    let Some(pb::draft_reply_response::Event::Finished(finished)) = last else { panic!("{last:?}") };
    assert_eq!(kinds(&finished), [pb::WarningKind::Stale]);
    desk.close().await;
}
