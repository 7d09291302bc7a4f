//! The proxies' configurations that we give out, run: each visitor is known by its own address whatever it claims, and pages find their host.

use std::net::{IpAddr, SocketAddr};

use deskhand::{
    config::{HelpCenterConfig, Limits, TokenLimits},
    ids::Workspace,
    keys::{NewKey, Scope},
};
use futures::future::join_all;
use reqwest::{Client, StatusCode};

use crate::support::{desk::Opening, postgres::free_port, proxy::Proxy};

const HELP: &str = "help.shop.example";

/// A configuration that we give out, listening at this port, with one server in place of each of its own.
fn configuration(given: &str, port: u16, server: SocketAddr) -> String {
    let text = given.replace("127.0.0.1:50050", &format!("127.0.0.1:{port}"));
    (50051..=50053).fold(text, |text, from| text.replace(&format!("127.0.0.1:{from}"), &server.to_string()))
}

/// A client with an address of its own, which speaks HTTP/2 at once, as through TLS.
fn client(address: [u8; 4], proxy: SocketAddr) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().local_address(IpAddr::from(address)).http2_prior_knowledge().resolve(HELP, proxy).build().unwrap()
}

fn key(scope: Scope) -> NewKey {
    NewKey {
        workspace: Workspace::default(),
        scopes: vec![scope],
        origins: Vec::new(),
        calls_per_second: Some(1000),
        token_limits: TokenLimits::default(),
    }
}

async fn serves_behind(given: &str, start: fn(u16, &str) -> Proxy) {
    let port = free_port();
    let opening = Opening { with_model: false, with_shop: true, change: |_| {} };
    let desk = opening
        .open_set(|config| {
            config.limits = Limits { calls_per_visitor: 2, trusted_proxies: vec![IpAddr::from([127, 0, 0, 1])], ..Limits::default() };
            let help_center = HelpCenterConfig { address: Some(format!("http://{HELP}:{port}")), theme: None };
            config.help_centers.insert(Workspace::default(), help_center);
        })
        .await;
    let (search, agent) = (desk.make_key(key(Scope::Search)).await, desk.make_key(key(Scope::Agent)).await);
    let _proxy = start(port, &configuration(given, port, desk.address().parse().unwrap()));
    let proxy = SocketAddr::from(([127, 0, 0, 1], port));

    let (greedy, honest) = (client([127, 0, 0, 2], proxy), client([127, 0, 0, 3], proxy));
    let url = format!("http://{proxy}/help/search?q=refund&language=en&key={search}");
    let forged = (0..60).map(|number| greedy.get(&url).header("x-forwarded-for", format!("198.51.100.{number}")).send());
    let statuses: Vec<StatusCode> = join_all(forged).await.into_iter().map(|response| response.unwrap().status()).collect();
    assert!(statuses.contains(&StatusCode::OK) && statuses.contains(&StatusCode::TOO_MANY_REQUESTS), "{statuses:?}");
    assert_eq!(honest.get(&url).send().await.unwrap().status(), StatusCode::OK, "each visitor has a rate of its own");

    let visitor = client([127, 0, 0, 4], proxy);
    let page = visitor.get(format!("http://{HELP}:{port}/help/en")).send().await.unwrap();
    assert_eq!(page.status(), StatusCode::OK, "a help center is known by its host");
    let call = visitor
        .post(format!("http://{proxy}/deskhand.v1.ChatService/ListChats"))
        .header("origin", format!("http://{proxy}"))
        .header("authorization", format!("Bearer {agent}"))
        .header("content-type", "application/json")
        .body("{}");
    let answer = call.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "the console's own page calls: {}", answer.text().await.unwrap());
    desk.close().await;
}

#[tokio::test]
async fn haproxy_names_visitors_and_hosts() {
    serves_behind(include_str!("../../deploy/proxy/haproxy.cfg"), Proxy::haproxy).await;
}

#[tokio::test]
async fn nginx_names_visitors_and_hosts() {
    serves_behind(include_str!("../../deploy/proxy/nginx.conf"), Proxy::nginx).await;
}
