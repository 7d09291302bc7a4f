//! A database of an earlier version is migrated with all its data.

use deskhand::{
    chats::{ChatLog, ListChats},
    ids::{Id, Workspace},
    replies::on_redaction,
    store::Store,
    text::Language,
};
use sqlx::{AnyPool, migrate::Migrator};

/// What the first version wrote for two chats of one customer, of which one became a ticket.
const FIRST_VERSION: [&str; 9] = [
    r#"INSERT INTO chat VALUES ('default', 'c-1', 3, 3, 2, '', '', 'returns', 'customer-1', 1790000000000000000, '{"status":"ticket","channel":"email","group":"","subject":"Towels","agent_id":"","agent_name":"","transferred":false,"topic":"returns","customer_id":"customer-1","customer_name":"","ticket":{"ticket_id":"T-7","reply_to":""},"opened_at":"2026-09-21T13:33:20Z","updated_at":"2026-09-21T13:33:21Z","last_sequence":3,"message_count":1}')"#,
    r#"INSERT INTO chat VALUES ('default', 'c-2', 1, 1, 1, '', '', '', 'customer-1', 1790000010000000000, '{"status":"open","channel":"web_chat","group":"","subject":"","agent_id":"","agent_name":"","transferred":false,"topic":"","customer_id":"customer-1","customer_name":"","ticket":null,"opened_at":"2026-09-21T13:33:30Z","updated_at":"2026-09-21T13:33:30Z","last_sequence":1,"message_count":1}')"#,
    r#"INSERT INTO event VALUES ('default', 'c-1', 1, 'e1', 1790000000000000000, 1, 0, 'h', '{"kind":"message","author":"customer","author_id":"","author_name":"","text":"Towels, please","language":null,"attachments":[]}')"#,
    r#"INSERT INTO event VALUES ('default', 'c-1', 2, 'e2', 1790000001000000000, 1, 0, 'h', '{"kind":"ticket","ticket_id":"T-7","reply_to":""}')"#,
    r#"INSERT INTO event VALUES ('default', 'c-1', 3, 'e3', 1790000001000000001, 1, 0, 'h', '{"kind":"customer","customer_id":"customer-1","name":"","email":"","phone":"","language":null,"location":"","browser":"","operating_system":"","device":"","attributes":{}}')"#,
    r#"INSERT INTO event VALUES ('default', 'c-2', 1, 'e1', 1790000010000000000, 1, 1, '', '{"kind":"message","author":"customer","author_id":"","author_name":"","text":"","language":null,"attachments":[]}')"#,
    "INSERT INTO chat_customer VALUES ('default', 'customer-1', 'c-1')",
    "INSERT INTO chat_customer VALUES ('default', 'customer-1', 'c-2')",
    "INSERT INTO chat_word VALUES ('default', 'towels', 'c-1')",
];

#[tokio::test]
async fn the_first_versions_chats_are_there_after_an_update() {
    let folder = tempfile::tempdir().unwrap();
    let (url, database) = if crate::postgres::wanted() {
        (crate::postgres::new_database().await, "postgres")
    } else {
        (Store::sqlite_url(folder.path()), "sqlite")
    };
    let migrations = folder.path().join("migrations");
    std::fs::create_dir(&migrations).unwrap();
    let first = format!("{}/src/store/migrations/{database}/0001_first.sql", env!("CARGO_MANIFEST_DIR"));
    std::fs::copy(first, migrations.join("0001_first.sql")).unwrap();
    sqlx::any::install_default_drivers();
    let pool = AnyPool::connect(&url).await.unwrap();
    Migrator::new(migrations).await.unwrap().run(&pool).await.unwrap();
    for statement in FIRST_VERSION {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    pool.close().await;

    let store = Store::open(&url).await.unwrap();
    let languages = [(Workspace::default(), vec![Language::parse("en").unwrap()])].into();
    let chats = ChatLog::start(store.clone(), languages, on_redaction).of(&Workspace::default());
    let (chat, events) = chats.chat_and_events(&Id::new("c-1").unwrap()).await.unwrap();
    assert_eq!(events.len(), 3);
    assert_eq!(chat.summary.ticket.as_ref().unwrap().ticket_id, "T-7");
    assert_eq!(chats.earlier_chat_ids(&chat).await.unwrap(), ["c-2"]);
    let (_, events) = chats.chat_and_events(&Id::new("c-2").unwrap()).await.unwrap();
    assert!(events[0].redacted);
    let list = ListChats { query: "towels".into(), page_size: 10, ..ListChats::default() };
    let found = chats.list(list).await.unwrap();
    assert_eq!(found.chats.iter().map(|chat| chat.chat_id.as_str()).collect::<Vec<_>>(), ["c-1"]);
    store.close().await;
}
