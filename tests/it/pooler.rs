//! The desk behind pgbouncer in transaction mode, where each transaction may get another connection.

use std::{
    io::Write,
    process::{Child, Command, Stdio},
};

use deskhand::{
    api::pb,
    keys::{self, NewKey},
    store::Store,
};
use tokio::task::JoinSet;

use crate::support::{
    desk::{Opening, agent_says, customer_says, selin},
    postgres::{Postgres, as_user, free_port},
};

/// As Debian packages it. Its settings are its defaults, but for the mode.
struct Pooler {
    port: u16,
    keeper: Child,
}

impl Pooler {
    fn start(postgres: &Postgres) -> Pooler {
        let port = free_port();
        let keeper = as_user("bash")
            .args(["-c", KEEPER, "keeper", &postgres.port().to_string(), &port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            .spawn()
            .unwrap();
        let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(std::time::Instant::now() < until, "pgbouncer did not start");
        }
        Pooler { port, keeper }
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

const KEEPER: &str = r#"
set -eu
folder=$(mktemp -d)
cat >"$folder/pgbouncer.ini" <<END
[databases]
* = host=127.0.0.1 port=$1 user=desk
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $2
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
END
PATH=$PATH:/usr/sbin pgbouncer --quiet "$folder/pgbouncer.ini" &
pooler=$!
read -r _ || true
kill -TERM "$pooler"
wait "$pooler" || true
rm -rf "$folder"
"#;

#[tokio::test]
async fn a_pooler_in_transaction_mode_serves_all_flows() {
    let postgres = Postgres::start();
    let pooler = Pooler::start(&postgres);
    let url = format!("postgres://desk@127.0.0.1:{}/postgres?pooler=transaction", pooler.port);
    // Twice: what the first one prepared or set must not be in the way of the second.
    for round in 0..2 {
        let opening = Opening { with_model: true, with_shop: true, change: |_| {} };
        let mut desk = opening.open_set(|config| config.database_url = Some(url.clone())).await;
        let mut appends = JoinSet::new();
        for number in 0..40 {
            let mut chats = desk.chats.clone();
            appends.spawn(async move {
                let chat_id = format!("c{round}-{number}");
                let customer = pb::Customer { customer_id: format!("customer-{number}"), ..pb::Customer::default() };
                let events = vec![
                    crate::support::desk::event("e1", pb::event::Body::Customer(customer)),
                    customer_says("e2", "Where is my parcel?"),
                    agent_says("e3", "It is on its way."),
                ];
                let request = pb::AppendEventsRequest { chat_id: chat_id.clone(), events };
                assert_eq!(chats.append_events(request).await.unwrap().into_inner().appended, 3);
                let request = pb::GetChatRequest { chat_id, after_sequence: 0, page_size: 10 };
                assert_eq!(chats.get_chat(request).await.unwrap().into_inner().events.len(), 3);
                let request = pb::ListChatsRequest { query: "parcel way".into(), page_size: 5, ..pb::ListChatsRequest::default() };
                let found = chats.list_chats(request).await.unwrap().into_inner().chats.len();
                assert!((1..=5).contains(&found), "{found}");
            });
        }
        while let Some(append) = appends.join_next().await {
            append.unwrap();
        }
        assert!(desk.search("refund", "en").await.total > 0);
        let request = pb::DraftReplyRequest { chat_id: format!("c{round}-1"), agent: selin(), ..pb::DraftReplyRequest::default() };
        assert!(!desk.draft(request).await.unwrap().finished.text.is_empty());
        let request = pb::EraseCustomerRequest { customer_id: "customer-1".into() };
        assert!(desk.chats.erase_customer(request).await.unwrap().into_inner().chats > 0);
        desk.close().await;
    }
    let store = Store::open(&url).await.unwrap();
    let new = NewKey {
        workspace: deskhand::ids::Workspace::default(),
        scopes: vec![keys::Scope::Agent],
        origins: Vec::new(),
        calls_per_second: None,
        token_limits: deskhand::config::TokenLimits::default(),
    };
    let (key, _) = keys::create(&store, new).await.unwrap();
    assert_eq!(keys::list(&store).await.unwrap().len(), 1);
    assert!(keys::revoke(&store, &key.key_id).await.unwrap());
    store.close().await;
}

#[test]
fn a_pooler_that_is_not_named_is_named_in_the_error() {
    let postgres = Postgres::start();
    let pooler = Pooler::start(&postgres);
    let data = tempfile::tempdir().unwrap();
    let url = format!("postgres://desk@127.0.0.1:{}/postgres", pooler.port);
    let output = Command::new(env!("CARGO_BIN_EXE_deskhand"))
        .args(["keys", "list", "--database-url", &url, "--data"])
        .arg(data.path())
        .output()
        .unwrap();
    assert!(!output.status.success());
    let printed = String::from_utf8_lossy(&output.stderr);
    let _ = std::io::stderr().write_all(&output.stderr);
    assert!(printed.contains("pooler=transaction"), "{printed}");
}
