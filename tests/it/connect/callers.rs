//! Keys, scopes, workspaces and origins.

use deskhand::keys::Scope;

use super::{RETONE, SEARCH, client, ended, envelope, read, reason};
use crate::{keys::key_for, support::desk::Desk};

/// A page under a foreign name that leads to this machine calls "its own" server, and its browser names no origin with GET.
#[tokio::test]
async fn without_keys_a_foreign_name_may_not_read_with_get() {
    let desk = Desk::empty().await;
    let url = format!("http://{}/deskhand.v1.ChatService/ListChats?encoding=json&message=%7B%7D", desk.address());
    assert_eq!(client().get(&url).send().await.unwrap().status(), 200);
    let (status, error) = read(client().get(&url).header("host", "evil.example").send().await.unwrap()).await;
    assert_eq!((status, reason(&error)), (403, "ORIGIN_NOT_ALLOWED"));
    let post = desk.post("deskhand.v1.ChatService/ListChats", "application/json", "{}").header("origin", "https://evil.example");
    let (status, error) = read(post.send().await.unwrap()).await;
    assert_eq!((status, reason(&error)), (403, "ORIGIN_NOT_ALLOWED"));
    desk.close().await;
}

#[tokio::test]
async fn keys_scopes_and_workspaces_are_those_of_grpc() {
    let desk = Desk::without_model().await;
    let search = desk.make_key(key_for("default", &[Scope::Search])).await;
    let agent = desk.make_key(key_for("default", &[Scope::Agent])).await;
    let with = async |key: Option<&str>| {
        let request = desk.post(SEARCH, "application/json", r#"{"query": "goodwill vouchers", "language": "en"}"#);
        let request = key.into_iter().fold(request, |request, key| request.header("authorization", format!("Bearer {key}")));
        read(request.send().await.unwrap()).await
    };
    let (status, error) = with(None).await;
    assert_eq!((status, error["code"].as_str().unwrap(), reason(&error)), (401, "unauthenticated", "KEY_UNKNOWN"));
    let (status, error) = with(Some("dh_a_b")).await;
    assert_eq!((status, reason(&error)), (401, "KEY_UNKNOWN"));
    let chats = async |key: &str| {
        let request =
            desk.post("deskhand.v1.ChatService/ListChats", "application/json", "{}").header("authorization", format!("bearer {key}"));
        read(request.send().await.unwrap()).await
    };
    let (status, error) = chats(&search).await;
    assert_eq!((status, error["code"].as_str().unwrap(), reason(&error)), (403, "permission_denied", "SCOPE_MISSING"));
    assert_eq!(chats(&agent).await.0, 200);
    // Agents find what is for agents, the public does not.
    let found = async |key: &str| with(Some(key)).await.1["hits"].to_string();
    assert!(found(&agent).await.contains("AUDIENCE_AGENTS") && !found(&search).await.contains("AUDIENCE_AGENTS"));
    // A key in the address is the help pages' alone.
    let url = format!("http://{}/{SEARCH}?encoding=json&message=%7B%22query%22:%22a%22%7D&key={search}", desk.address());
    assert_eq!(client().get(url).send().await.unwrap().status(), 401);
    // Of a stream, a refusal is its end.
    let response = desk.post(RETONE, "application/connect+json", envelope(0, b"{}")).header("authorization", format!("Bearer {search}"));
    assert_eq!(reason(&ended(response.send().await.unwrap()).await.1["error"]), "SCOPE_MISSING");
    desk.close().await;
}

#[tokio::test]
async fn pages_of_an_allowed_origin_may_call() {
    let desk = Desk::without_model().await;
    let origin = "https://shop.example";
    let mut new = key_for("default", &[Scope::Search]);
    new.origins = vec![origin.parse().unwrap()];
    let key = desk.make_key(new).await;
    let preflight = client().request(reqwest::Method::OPTIONS, format!("http://{}/{SEARCH}", desk.address())).header("origin", origin);
    let response = preflight.header("access-control-request-method", "POST").send().await.unwrap();
    let allowed = response.headers()["access-control-allow-headers"].to_str().unwrap().to_owned();
    for header in ["authorization", "content-type", "connect-protocol-version", "connect-timeout-ms"] {
        assert!(allowed.contains(header), "{header} in {allowed}");
    }
    let from = async |origin: &str| {
        let request = desk.post(SEARCH, "application/json", r#"{"query": "return"}"#).header("authorization", format!("Bearer {key}"));
        request.header("origin", origin).send().await.unwrap()
    };
    let response = from(origin).await;
    assert_eq!((response.status().as_u16(), response.headers()["access-control-allow-origin"].to_str().unwrap()), (200, origin));
    let response = from("https://other.example").await;
    assert!(response.status() == 403 && !response.headers().contains_key("access-control-allow-origin"));
    desk.close().await;
}
