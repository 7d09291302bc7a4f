//! A key that anybody may have: none of its visitors takes what is the others'.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use deskhand::{
    config::{ForwardedHeader, Limits, TokenLimits},
    ids::Workspace,
    keys::{NewKey, Scope},
};
use proxy_header::{ProxiedAddress, ProxyHeader};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
};

use crate::support::{
    desk::{Desk, Opening},
    postgres::free_port,
    proxy::Proxy,
};

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

/// How many of 60 searches at once are answered, each with a header that names a client.
async fn answered(desk: &Desk, key: &str, visitor: &Client, forwarded: impl Fn(usize) -> (&'static str, String)) -> usize {
    let searches = (0..60).map(|number| {
        let (header, client) = forwarded(number);
        let request = visitor.get(format!("http://{}{SEARCH}&key={key}", desk.address())).header(header, client);
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
    let forged = |number| ("x-forwarded-for", format!("198.51.100.{number}"));
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
    let header = "x-forwarded-for";
    assert_eq!(answered(&desk, &key, &proxy, |number| (header, format!("198.51.100.{number}"))).await, 60);
    let claimed = |number| (header, format!("203.0.113.{number}, 192.0.2.1"));
    assert!(answered(&desk, &key, &proxy, claimed).await < 60, "one address, whatever it claims");
    desk.close().await;
}

#[tokio::test]
async fn a_trusted_proxy_says_it_in_the_header_that_is_set() {
    let proxy = [127, 0, 0, 4];
    let trusted_proxies = vec![IpAddr::from(proxy)];
    let limits = Limits { calls_per_visitor: 2, trusted_proxies, forwarded_header: ForwardedHeader::Forwarded, ..Limits::default() };
    let (desk, key) = open(limits).await;
    let (proxy, stranger) = (visitor(proxy), visitor([127, 0, 0, 5]));
    let header = "forwarded";
    assert_eq!(answered(&desk, &key, &proxy, |number| (header, format!("for=\"[2001:db8:0:{number:x}::7]:4711\";proto=https"))).await, 60);
    let claimed = |number| (header, format!("for=203.0.113.{number}, for=192.0.2.1;host=\"a, for=203.0.113.{number}\""));
    assert!(answered(&desk, &key, &proxy, claimed).await < 60, "one address, whatever it claims");
    let other = |number| ("x-forwarded-for", format!("198.51.100.{number}"));
    assert!(answered(&desk, &key, &proxy, other).await < 60, "the other header is what the client wrote");
    let forged = |number| (header, format!("for=198.51.100.{number}"));
    assert!(answered(&desk, &key, &stranger, forged).await < 60, "nobody else may send one");
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

/// A search on a connection that begins with these bytes, and the status line of its answer; empty if it is closed.
async fn answer_behind(desk: &Desk, key: &str, from: [u8; 4], begins: &[u8]) -> String {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((from, 0))).unwrap();
    let mut stream = socket.connect(desk.address().parse().unwrap()).await.unwrap();
    let request = format!("GET {SEARCH}&key={key} HTTP/1.1\r\nhost: desk\r\nx-forwarded-for: 192.0.2.99\r\nconnection: close\r\n\r\n");
    stream.write_all(&[begins, request.as_bytes()].concat()).await.unwrap();
    let mut answer = Vec::new();
    // A connection that is closed with something unread is reset.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

fn named(client: [u8; 4], version: u8) -> Vec<u8> {
    let address = ProxiedAddress::stream(SocketAddr::from((client, 4711)), SocketAddr::from(([192, 0, 2, 1], 443)));
    let mut header = Vec::new();
    let named = ProxyHeader::with_address(address);
    if version == 1 { named.encode_v1(&mut header) } else { named.encode_v2(&mut header) }.unwrap();
    header
}

#[tokio::test]
async fn a_proxy_that_forwards_bytes_says_whose_they_are() {
    let proxy = [127, 0, 0, 4];
    let trusted_proxies = vec![IpAddr::from(proxy)];
    let (desk, key) = open(Limits { calls_per_visitor: 2, trusted_proxies, proxy_protocol: true, ..Limits::default() }).await;
    for version in [1, 2] {
        for client in 1..=30 {
            let answer = answer_behind(&desk, &key, proxy, &named([198, 51, 100 + version, client], version)).await;
            assert!(answer.contains("200"), "each client is a visitor of its own: {answer}");
        }
        let mut limited = 0;
        for _ in 0..30 {
            limited += usize::from(answer_behind(&desk, &key, proxy, &named([203, 0, 113, version], version)).await.contains("429"));
        }
        assert!(limited > 0, "one client is one visitor, whatever its X-Forwarded-For says");
    }
    let mut local = Vec::new();
    ProxyHeader::with_local().encode_v2(&mut local).unwrap();
    assert!(answer_behind(&desk, &key, proxy, &local).await.contains("200"), "a health check of the proxy's own");
    assert_eq!(answer_behind(&desk, &key, proxy, b"").await, "", "a proxy without its header would let clients forge one");
    let forged = named([198, 51, 100, 77], 2);
    assert!(!answer_behind(&desk, &key, [127, 0, 0, 5], &forged).await.contains("200"), "nobody else may send one");
    assert!(answer_behind(&desk, &key, [127, 0, 0, 5], b"").await.contains("200"), "who comes directly has none");
    desk.close().await;
}

#[tokio::test]
async fn a_proxy_that_never_ends_its_header_is_closed() {
    let proxy = [127, 0, 0, 4];
    let limits = Limits { trusted_proxies: vec![IpAddr::from(proxy)], proxy_protocol: true, ..Limits::default() };
    let (desk, _) = open(limits).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((proxy, 0))).unwrap();
    let mut stream = socket.connect(desk.address().parse().unwrap()).await.unwrap();
    stream.write_all(b"PROXY TCP4 198.51").await.unwrap();
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut rest)).await;
    assert!(closed.is_ok() && rest.is_empty(), "{closed:?}");
    desk.close().await;
}

#[tokio::test]
async fn haproxy_names_the_clients_whose_bytes_it_forwards() {
    let limits =
        Limits { calls_per_visitor: 2, trusted_proxies: vec![IpAddr::from([127, 0, 0, 1])], proxy_protocol: true, ..Limits::default() };
    let (desk, key) = open(limits).await;
    let port = free_port();
    let configuration = format!(
        "defaults\n  mode tcp\n  timeout connect 2s\n  timeout client 60s\n  timeout server 60s\nlisten desk\n  bind 127.0.0.1:{port}\n  \
         server one {} send-proxy-v2 check check-send-proxy\n",
        desk.address()
    );
    let _balancer = Proxy::haproxy(port, &configuration);
    let url = format!("http://127.0.0.1:{port}{SEARCH}&key={key}");
    let (greedy, honest) = (visitor([127, 0, 0, 2]), visitor([127, 0, 0, 3]));
    let mut statuses = Vec::new();
    for _ in 0..60 {
        statuses.push(greedy.get(&url).send().await.unwrap().status());
    }
    assert!(statuses.contains(&StatusCode::TOO_MANY_REQUESTS), "{statuses:?}");
    assert_eq!(honest.get(&url).send().await.unwrap().status(), StatusCode::OK);
    desk.close().await;
}
