//! Which sites may show the pages in frames: the origins that keys allow, and no others.

use deskhand::{
    config::TokenLimits,
    ids::Workspace,
    keys::{NewKey, Scope},
};

use crate::support::desk::{Desk, Opening, eventually};

const SHOP: &str = "https://shop.example";
const HELPDESK: &str = "https://helpdesk.example";

fn key(scope: Scope, origin: &str) -> NewKey {
    NewKey {
        workspace: Workspace::default(),
        scopes: vec![scope],
        origins: vec![origin.parse().unwrap()],
        calls_per_second: None,
        token_limits: TokenLimits::default(),
    }
}

/// The origins that may show the page at `path` in a frame.
async fn framing(desk: &Desk, path: &str) -> String {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let response = reqwest::Client::new().get(format!("http://{}{path}", desk.address())).send().await.unwrap();
    let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
    policy.split("frame-ancestors ").nth(1).unwrap().to_owned()
}

#[tokio::test]
async fn pages_may_be_framed_from_their_keys_origins_alone() {
    let desk = Opening { with_model: false, with_shop: false, change: |_| {} }.open_set(|config| config.console = true).await;
    for path in ["/help", "/console"] {
        assert_eq!(framing(&desk, path).await, "'self'", "{path}");
    }
    let search = desk.make_key(key(Scope::Search, SHOP)).await;
    let agent = desk.make_key(key(Scope::Agent, HELPDESK)).await;
    let expected = format!("'self' {HELPDESK}");
    eventually("the console may be framed where agents' keys may be used", || async { framing(&desk, "/console").await == expected }).await;
    assert_eq!(framing(&desk, &format!("/help?key={search}")).await, format!("'self' {SHOP}"));
    // Neither a secret key nor one that is wrong opens anything.
    for wrong in [agent.as_str(), &format!("{search}0"), "dh_0123456789ab_0"] {
        assert_eq!(framing(&desk, &format!("/help?key={wrong}")).await, "'self'", "{wrong}");
    }
    let id = agent.split('_').nth(1).unwrap();
    let store = deskhand::store::Store::open(&desk.database_url()).await.unwrap();
    deskhand::keys::revoke(&store, id).await.unwrap();
    store.close().await;
    eventually("a revoked key allows no frame", || async { framing(&desk, "/console").await == "'self'" }).await;
    desk.close().await;
}
