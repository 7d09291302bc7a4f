//! A workspace's own prompts: an unusable one fails the start, one that fails with some chat fails the call.

use deskhand::{
    api::pb::{self, event::Body},
    config::Config,
    server::Server,
};
use tonic::Code;

use crate::support::desk::{Desk, Opening, customer_says, event, refused, selin};

#[tokio::test]
async fn a_template_with_a_misspelt_name_fails_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let prompts = folder.path().join("prompts");
    std::fs::create_dir(&prompts).unwrap();
    std::fs::write(prompts.join("draft.md"), "Draft a reply.\n--- user ---\n{{ fence }}\n{{ castomer }}\n").unwrap();
    let mut config = Config { listen: ([127, 0, 0, 1], 0).into(), data: folder.path().join("data"), ..Config::default() };
    std::fs::create_dir(folder.path().join("knowledge-base")).unwrap();
    config.knowledge_base = Some(folder.path().join("knowledge-base"));
    config.desk.prompts = Some(prompts);
    let Err(error) = Server::start(config).await else { panic!("it started") };
    let error = format!("{error:#}");
    assert!(["draft.md", "line 4", "`castomer`"].iter().all(|part| error.contains(part)), "{error}");
}

#[tokio::test]
async fn a_template_that_fails_with_a_chat_fails_the_call_without_calling_a_model() {
    let folder = tempfile::tempdir().unwrap();
    let fails = "{% if topic == 'Klingon towels' %}{{ lines[900].text }}{% endif %}";
    for name in ["draft.md", "summarize.md"] {
        std::fs::write(folder.path().join(name), format!("Write.\n--- user ---\n{{{{ fence }}}}\n{fails}")).unwrap();
    }
    std::fs::write(folder.path().join("translate.md"), "Translate.{% if target == 'German' %}{{ target[0].x.y }}{% endif %}").unwrap();
    let opening = Opening { with_model: true, with_shop: true, change: |_| {} };
    let mut desk = opening.open_set(|config| config.desk.prompts = Some(folder.path().to_owned())).await;
    let draft_of = |chat_id: &str| pb::DraftReplyRequest { chat_id: chat_id.into(), agent: selin(), ..pb::DraftReplyRequest::default() };
    let topic = event("t", Body::Topic(pb::Topic { topic: "Klingon towels".into() }));
    desk.append("bad", vec![customer_says("m", "How can I return an item?"), topic]).await.unwrap();
    desk.append("good", vec![customer_says("m", "How can I return an item?")]).await.unwrap();
    let failed =
        [desk.draft(draft_of("bad")).await.unwrap_err(), desk.summarize("bad", "en").await.unwrap_err(), translated(&mut desk, "de").await];
    for status in &failed {
        refused(status, Code::Internal, "PROMPT_FAILED");
        assert!(!format!("{status:?}").contains("Klingon"), "{status:?}");
    }
    assert_eq!(desk.model.asked().len(), 0);
    desk.draft(draft_of("good")).await.unwrap();
    desk.summarize("good", "en").await.unwrap();
    assert_eq!(desk.model.asked().len(), 2);
    desk.close().await;
}

async fn translated(desk: &mut Desk, target: &str) -> tonic::Status {
    let source = Some(pb::translate_reply_request::Source::Text("Your parcel is on its way.".into()));
    let request = pb::TranslateReplyRequest { source, target_language: target.into(), ..pb::TranslateReplyRequest::default() };
    desk.translate(request).await.unwrap_err()
}
