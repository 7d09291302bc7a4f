//! The audit log: who did what that a data protection officer asks about.

use std::time::Duration;

use deskhand::{api::pb, keys::Scope};
use prost::Message;
use tonic::Code;

use crate::{
    keys::{key_for, three_workspaces},
    support::{
        command::{deskhand, text},
        desk::{Desk, customer_says},
        process::Process,
    },
};

/// The entries that `deskhand audit` shows with these arguments: key id, workspace, action, subject.
async fn shown(desk: &Desk, arguments: &[&str]) -> Vec<[String; 4]> {
    let mut all: Vec<String> = vec!["audit".into(), "--json".into(), "--database-url".into(), desk.database_url()];
    all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
    let output = tokio::task::spawn_blocking(move || deskhand(&all.iter().map(String::as_str).collect::<Vec<_>>(), "")).await.unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let entry = |line: &str| {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        ["key_id", "workspace", "action", "subject"].map(|name| entry[name].as_str().unwrap().to_owned())
    };
    text(&output.stdout).lines().map(entry).collect()
}

#[tokio::test]
async fn it_says_who_exported_erased_and_deleted_and_names_no_person() {
    let desk = three_workspaces().await;
    let (admin, agent) =
        (desk.make_key(key_for("rose", &[Scope::Admin, Scope::Author])).await, desk.make_key(key_for("rose", &[Scope::Agent])).await);
    let [admin_id, agent_id] = [&admin, &agent].map(|key| key.split('_').nth(1).unwrap().to_owned());
    let call = async |method: &str, message: Vec<u8>, key: &str| desk.call(method, &message, Some(key)).await;
    let customer = pb::event::Body::Customer(pb::Customer { customer_id: "ayse-4711".into(), ..pb::Customer::default() });
    let events = vec![crate::support::desk::event("0", customer), customer_says("1", "Hello")];
    call("ChatService/AppendEvents", pb::AppendEventsRequest { chat_id: "chat-1".into(), events }.encode_to_vec(), &agent).await.unwrap();
    let transcript = pb::ExportTranscriptRequest { chat_id: "chat-1".into(), ..pb::ExportTranscriptRequest::default() }.encode_to_vec();
    call("ChatService/ExportTranscript", transcript, &agent).await.unwrap();
    let export = pb::ExportCustomerRequest { customer_id: "ayse-4711".into() }.encode_to_vec();
    call("ChatService/ExportCustomer", export.clone(), &admin).await.unwrap();
    let delete = pb::DeleteArticlesRequest { ids: vec!["a".into(), "b".into()], language: String::new() }.encode_to_vec();
    call("KnowledgeService/DeleteArticles", delete.clone(), &admin).await.unwrap();
    let erase = pb::EraseCustomerRequest { customer_id: "ayse-4711".into() }.encode_to_vec();
    call("ChatService/EraseCustomer", erase, &admin).await.unwrap();
    // What is refused, or invalid, was not done.
    assert_eq!(call("ChatService/ExportCustomer", export, &agent).await.unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(call("KnowledgeService/DeleteArticles", delete, &agent).await.unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(call("ChatService/ExportCustomer", Vec::new(), &admin).await.unwrap_err().code(), Code::InvalidArgument);

    let of_rose = shown(&desk, &["--workspace", "rose"]).await;
    let told: Vec<_> = of_rose.iter().map(|[key, workspace, action, _]| (key.as_str(), workspace.as_str(), action.as_str())).collect();
    let (admin_id, agent_id) = (admin_id.as_str(), agent_id.as_str());
    let expected = [
        (agent_id, "rose", "export_transcript"),
        (admin_id, "rose", "export_customer"),
        (admin_id, "rose", "delete_documents"),
        (admin_id, "rose", "erase_customer"),
    ];
    assert_eq!(told, expected);
    assert_eq!(of_rose[2][3], "article:a,b");
    assert!(of_rose.iter().all(|entry| !entry[3].contains("ayse") && !entry[3].contains("chat-1")), "{of_rose:?}");
    // Who knows the customer finds what was done, in the workspace where it was done.
    let actions = |entries: Vec<[String; 4]>| entries.into_iter().map(|[.., action, _]| action).collect::<Vec<_>>();
    assert_eq!(actions(shown(&desk, &["--workspace", "rose", "--customer", "ayse-4711"]).await), ["export_customer", "erase_customer"]);
    assert_eq!(actions(shown(&desk, &["--workspace", "rose", "--chat", "chat-1"]).await), ["export_transcript"]);
    assert!(shown(&desk, &["--customer", "ayse-4711"]).await.is_empty() && shown(&desk, &["--workspace", "oak"]).await.is_empty());
    desk.close().await;
}

#[tokio::test]
async fn it_says_which_keys_and_settings_changed() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let data_text = data.to_str().unwrap().to_owned();
    let run = async |arguments: &[&str]| {
        let all: Vec<String> =
            arguments.iter().map(|argument| (*argument).to_owned()).chain(["--data".to_owned(), data_text.clone()]).collect();
        let output = tokio::task::spawn_blocking(move || deskhand(&all.iter().map(String::as_str).collect::<Vec<_>>(), "")).await.unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let key = run(&["keys", "create", "--scope", "agent"]).await;
    let key_id = key.trim().split('_').nth(1).unwrap().to_owned();
    run(&["keys", "revoke", &key_id]).await;
    for settings in [
        &[("DESKHAND_MASK", "none"), ("DESKHAND_LANGUAGE", "tr")][..],
        &[("DESKHAND_MASK", "none"), ("DESKHAND_LANGUAGE", "hu")],
        &[("DESKHAND_LANGUAGE", "hu")],
    ] {
        let process = Process::start_logged(&data, None, settings, "error", &folder.path().join("log")).await;
        assert!(process.terminate(Duration::from_secs(20)).await.unwrap().success());
    }
    let told: Vec<String> = run(&["audit"]).await.lines().map(|line| line.split_once("  ").unwrap().1.to_owned()).collect();
    let expected = [
        format!("default  command  create_key  {key_id}"),
        format!("-  command  revoke_key  {key_id}"),
        "-  command  change_settings  language".to_owned(),
        "-  command  change_settings  mask".to_owned(),
    ];
    assert_eq!(told, expected, "the first start has nothing to compare with");
    let kept = std::fs::read_to_string(data.join("settings.json")).unwrap();
    assert!(!kept.contains("none") && !kept.contains("hu\""), "values are not kept: {kept}");
}
