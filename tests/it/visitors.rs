//! A key that anybody may have: none of its visitors takes what is the others'.

use std::net::IpAddr;

use deskhand::{
    config::{Limits, TokenLimits},
    ids::Workspace,
    keys::{NewKey, Scope},
};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::support::desk::{Desk, Opening};

const SEARCH: &str = "/help/search?q=refund&language=en";

/// A desk whose key has enough calls for all, and each visitor four a second.
async fn open(limits: Limits) -> (Desk, String) {
    let opening = Opening { with_model: false, with_shop: true, change: |_| {} };
    let desk = opening.open_set(|config| config.limits = limits).await;
    let key = NewKey {
        workspace: Workspace::default(),
        scopes: vec![Scope::Search],
        origins: vec!["https://shop.example".parse().unwrap()],
        calls_per_second: Some(1000),
        token_limits: TokenLimits::default(),
    };
    let key = desk.make_key(key).await;
    (desk, key)
}

fn visitor(address: [u8; 4]) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().local_address(IpAddr::from(address)).build().unwrap()
}

/// How many of 60 searches at once are answered.
async fn answered(desk: &Desk, key: &str, visitor: &Client, forwarded: impl Fn(usize) -> String) -> usize {
    let searches = (0..60).map(|number| {
        let request = visitor.get(format!("http://{}{SEARCH}&key={key}", desk.address())).header("x-forwarded-for", forwarded(number));
        async move { request.send().await.unwrap().status() }
    });
    let statuses = futures::future::join_all(searches).await;
    assert!(statuses.iter().all(|status| matches!(*status, StatusCode::OK | StatusCode::TOO_MANY_REQUESTS)), "{statuses:?}");
    statuses.iter().filter(|status| **status == StatusCode::OK).count()
}

#[tokio::test]
async fn one_visitor_takes_no_other_visitors_searches() {
    let (desk, key) = open(Limits { calls_per_visitor: 2, ..Limits::default() }).await;
    let (greedy, honest) = (visitor([127, 0, 0, 2]), visitor([127, 0, 0, 3]));
    // A header that anybody can write makes no new visitor.
    let forged = |number| format!("198.51.100.{number}");
    assert!(answered(&desk, &key, &greedy, forged).await < 60);
    let response = honest.get(format!("http://{}{SEARCH}&key={key}", desk.address())).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    desk.close().await;
}

#[tokio::test]
async fn a_trusted_proxy_says_which_visitor_calls() {
    let proxy = [127, 0, 0, 4];
    let limits = Limits { calls_per_visitor: 2, trusted_proxies: vec![IpAddr::from(proxy)], ..Limits::default() };
    let (desk, key) = open(limits).await;
    let proxy = visitor(proxy);
    assert_eq!(answered(&desk, &key, &proxy, |number| format!("198.51.100.{number}")).await, 60);
    assert!(answered(&desk, &key, &proxy, |number| format!("203.0.113.{number}, 192.0.2.1")).await < 60, "one address, whatever it claims");
    desk.close().await;
}

#[tokio::test]
async fn what_visitors_write_in_a_day_is_bounded() {
    let (desk, key) = open(Limits { calls_per_visitor: 1000, report_bytes_per_day: 1 << 20, ..Limits::default() }).await;
    let (greedy, honest) = (visitor([127, 0, 0, 2]), visitor([127, 0, 0, 3]));
    let found: Value = greedy.get(format!("http://{}{SEARCH}&key={key}", desk.address())).send().await.unwrap().json().await.unwrap();
    let article = found["hits"][0]["id"].as_str().unwrap().to_owned();
    assert!(!found["searchId"].as_str().unwrap().is_empty());
    let rate = |who: &Client, number: usize| {
        let rating =
            json!({ "id": article, "language": "en", "helpful": false, "reason": "x".repeat(2000), "ratingId": format!("r{number}") });
        who.post(format!("http://{}/help/ratings?key={key}", desk.address())).json(&rating).send()
    };
    let mut written = 0;
    let refused = loop {
        let response = rate(&greedy, written).await.unwrap();
        if response.status() != StatusCode::OK {
            break response;
        }
        written += 1;
        assert!(written < 100, "a 16th of a mebibyte is 29 such ratings");
    };
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.json::<Value>().await.unwrap()["error"]["reason"], "RATE_EXCEEDED");
    assert!(written > 20);
    // It is answered, and not written down.
    let long = format!("http://{}/help/search?q=refund+{}&language=en&key={key}", desk.address(), "x".repeat(1900));
    let found: Value = greedy.get(long).send().await.unwrap().json().await.unwrap();
    assert_eq!(found["searchId"], "");
    assert_eq!(rate(&honest, 1000).await.unwrap().status(), StatusCode::OK);
    desk.close().await;
}

#[tokio::test]
async fn a_help_page_gets_the_origins_of_its_key_alone() {
    let (desk, key) = open(Limits::default()).await;
    let client = visitor([127, 0, 0, 1]);
    let get = |key: &str| client.get(format!("http://{}/help/origins?key={key}", desk.address())).send();
    let origins: Value = get(&key).await.unwrap().json().await.unwrap();
    assert_eq!(origins, json!({ "origins": ["https://shop.example"] }));
    assert_eq!(get("dh_0_0").await.unwrap().status(), StatusCode::UNAUTHORIZED);
    desk.close().await;
}
