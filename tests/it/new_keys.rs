//! Keys that the server does not know yet: a new one works at once, and guessing costs next to nothing.

use deskhand::{
    keys::{self, Scope},
    store::Store,
};
use tonic::Code;

use crate::{
    keys::{WORKSPACES, key_for, three_workspaces},
    support::desk::refused,
};

#[tokio::test]
async fn a_new_key_works_with_the_first_call() {
    let desk = three_workspaces().await;
    let store = Store::open(&desk.database_url()).await.unwrap();
    for workspace in WORKSPACES {
        let (_, shown) = keys::create(&store, key_for(workspace, &[Scope::Agent])).await.unwrap();
        desk.call("ChatService/ListChats", &[], Some(&shown)).await.unwrap();
        // Its id alone is nothing.
        let guessed = format!("{}_{}", shown.rsplit_once('_').unwrap().0, "0".repeat(48));
        refused(&desk.call("ChatService/ListChats", &[], Some(&guessed)).await.unwrap_err(), Code::Unauthenticated, "KEY_UNKNOWN");
    }
    // One that was revoked before it was ever shown is not let in.
    let (key, shown) = keys::create(&store, key_for("default", &[Scope::Agent])).await.unwrap();
    assert!(keys::revoke(&store, &key.key_id).await.unwrap());
    refused(&desk.call("ChatService/ListChats", &[], Some(&shown)).await.unwrap_err(), Code::Unauthenticated, "KEY_UNKNOWN");
    // Many calls that come with one at once cost one look-up.
    let (_, shown) = keys::create(&store, key_for("default", &[Scope::Agent])).await.unwrap();
    let calls = (0..30).map(|_| desk.call("ChatService/ListChats", &[], Some(&shown)));
    assert!(futures::future::join_all(calls).await.iter().all(Result::is_ok));
    store.close().await;
    desk.close().await;
}

#[tokio::test]
async fn guessing_keys_costs_a_few_lookups() {
    let desk = three_workspaces().await;
    let store = Store::open(&desk.database_url()).await.unwrap();
    let (_, admin) = keys::create(&store, key_for("default", &[Scope::Admin])).await.unwrap();
    store.close().await;
    let metrics = async || {
        let request = reqwest::Client::new().get(format!("http://{}/metrics", desk.address())).bearer_auth(&admin);
        request.send().await.unwrap().text().await.unwrap()
    };
    let look_ups = |metrics: &str| {
        let line =
            metrics.lines().find_map(|line| line.strip_prefix("deskhand_key_look_ups_total ")).unwrap_or_else(|| panic!("{metrics}"));
        line.parse::<f64>().unwrap()
    };
    let (before, began) = (look_ups(&metrics().await), std::time::Instant::now());
    for number in 0..600_u64 {
        let guessed = format!("dh_{number:012x}_{}", "0".repeat(48));
        refused(&desk.call("ChatService/ListChats", &[], Some(&guessed)).await.unwrap_err(), Code::Unauthenticated, "KEY_UNKNOWN");
        // What can be no key is not looked up at all.
        refused(&desk.call("ChatService/ListChats", &[], Some("dh_none_such")).await.unwrap_err(), Code::Unauthenticated, "KEY_UNKNOWN");
    }
    let counted = look_ups(&metrics().await) - before;
    let most = 8.0 + 4.0 * began.elapsed().as_secs_f64();
    assert!((1.0..600.0).contains(&counted) && counted <= most, "{counted} of at most {most}");
    desk.close().await;
}
