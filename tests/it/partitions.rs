//! The log's partitions on PostgreSQL: made by month, a log of before converted while it is used, dropped by retention.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use deskhand::{
    config::Config,
    store::{PartitionError, Store, first_number, migrations, partitions},
};
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tonic::Code;

use crate::support::{
    desk::{Desk, Kept, Opening, agent_says, at, customer_says, eventually, refused},
    postgres::{execute, new_database},
};

/// Two months that are long over, by the first numbers of their chats and of what follows.
const PAST: [&str; 3] = ["2020-03-01T00:00:00Z", "2020-04-01T00:00:00Z", "2020-05-01T00:00:00Z"];
/// The tables that refer to a chat's number, and their columns.
const BY_NUMBER: [(&str, &str); 8] = [
    ("chat", "number"),
    ("event", "chat"),
    ("chat_customer", "chat"),
    ("chat_word", "chat"),
    ("chat_vocabulary", "chat"),
    ("promise", "chat"),
    ("chat_code", "chat"),
    ("chat_change", "chat"),
];
const INSERT: &str = "INSERT INTO event (chat, sequence, event_id, at, at_given, redacted, body) VALUES ($1, $2, $3, 0, 0, 0, $4)";
const COUNT: &str = "SELECT COUNT(*) FROM event WHERE chat = $1 AND sequence > 0";

fn number(time: &str) -> i64 {
    first_number(time.parse().unwrap())
}

/// What this month, or one after it, is called.
fn month(after: i32) -> String {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    today.first_of_month().checked_add(after.months()).unwrap().strftime("%Y_%m").to_string()
}

async fn open(url: &str, set: impl FnOnce(&mut Config)) -> Desk {
    let opening = Opening { with_model: false, with_shop: false, change: |_| {} };
    opening.open_with(Kept::new(tempfile::tempdir().unwrap(), Some(url.to_owned())), set).await
}

/// The partitions' names; none if the log has no partitions.
async fn partitions_of(url: &str) -> Vec<String> {
    let statement = "SELECT CAST(relid AS TEXT) FROM pg_partition_tree('event') WHERE isleaf ORDER BY 1";
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query_scalar(statement).fetch_all(&mut connection).await.unwrap()
}

async fn count(url: &str, what: &str) -> i64 {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query_scalar(AssertSqlSafe(format!("SELECT COUNT(*) FROM {what}"))).fetch_one(&mut connection).await.unwrap()
}

/// A database as a version without partitions made it.
async fn database_of_before() -> String {
    let url = new_database().await;
    let mut connection = PgConnection::connect(&url).await.unwrap();
    migrations::POSTGRES.run(&mut connection).await.unwrap();
    url
}

#[tokio::test]
async fn a_new_database_has_partitions_and_a_month_that_lacks_one_is_kept_by_the_default_partition() {
    let url = new_database().await;
    let mut desk = open(&url, |_| {}).await;
    let before = format!("event_before_{}", month(2));
    let ahead = format!("event_{}", month(2));
    assert_eq!(partitions_of(&url).await, [ahead.clone(), before.clone(), "event_default".to_owned()]);
    desk.append("first", vec![customer_says("e1", "Hello")]).await.unwrap();
    assert_eq!(count(&url, &before).await, 1);

    // What holds this month goes away.
    execute(&url, &[&format!("DROP TABLE {before}"), "DELETE FROM chat"]).await;
    desk.append("second", vec![customer_says("e1", "Hello"), agent_says("e2", "Hello, too")]).await.unwrap();
    assert_eq!(count(&url, "event_default").await, 2);
    // This month stays where it is, the next one gets its own.
    for _ in 0..2 {
        partitions::make(&url).await.unwrap();
        assert_eq!(partitions_of(&url).await, [format!("event_{}", month(1)), ahead.clone(), "event_default".to_owned()]);
    }
    desk.append("second", vec![customer_says("e3", "And?")]).await.unwrap();
    assert_eq!(desk.chat("second").await.unwrap().events.len(), 3);
    desk.close().await;
}

#[tokio::test]
async fn a_log_of_before_is_converted_while_it_is_read_and_written() {
    let url = database_of_before().await;
    // Who made a view of the table keeps the table.
    execute(&url, &["CREATE VIEW others AS SELECT * FROM event"]).await;
    let mut desk = open(&url, |_| {}).await;
    desk.append("a", vec![customer_says("e1", "Where is my parcel?"), agent_says("e2", "On its way.")]).await.unwrap();
    assert_eq!(partitions_of(&url).await, [""; 0]);
    assert!(matches!(partitions::make(&url).await, Err(PartitionError::DependedOn)));
    desk.close().await;
    // A server that ended in the middle of a conversion left its CHECK.
    let left = "ALTER TABLE event ADD CONSTRAINT event_before_2020_02 CHECK (chat < 9000000000000000000) NOT VALID";
    execute(&url, &["DROP VIEW others", left]).await;
    let files = "pg_class WHERE pg_relation_filepath(oid) IN (SELECT unnest(string_to_array(:files, ',')))";
    let mut watcher = PgConnection::connect(&url).await.unwrap();
    let held: String = sqlx::query_scalar(
        "SELECT string_agg(pg_relation_filepath(relid), ',') FROM (SELECT indexrelid AS relid FROM pg_index WHERE indrelid = 'event'::regclass
         UNION SELECT 'event'::regclass) AS held",
    )
    .fetch_one(&mut watcher)
    .await
    .unwrap();

    // A server of the version before: what it prepared, it goes on to use.
    let goes_on = Arc::new(AtomicBool::new(true));
    let (of_before, prepared) = (url.clone(), Arc::clone(&goes_on));
    let (begun, used) = tokio::sync::oneshot::channel();
    let old_server = tokio::spawn(async move {
        let (mut connection, mut begun) = (PgConnection::connect(&of_before).await.unwrap(), Some(begun));
        let (chat, mut written) = (first_number(Timestamp::now()), 0_i64);
        while prepared.load(Ordering::Relaxed) {
            written += 1;
            let insert = sqlx::query(INSERT).bind(chat).bind(written).bind(format!("e{written}")).bind("{}");
            insert.execute(&mut connection).await.unwrap();
            let there: i64 = sqlx::query_scalar(COUNT).bind(chat).fetch_one(&mut connection).await.unwrap();
            assert_eq!(there, written);
            // By then PostgreSQL keeps a plan.
            if let Some(begun) = begun.take_if(|_| written > 10) {
                begun.send(()).unwrap();
            }
        }
        written
    });
    used.await.unwrap();
    // Two servers start at once.
    let (mut one, two) = tokio::join!(open(&url, |_| {}), open(&url, |_| {}));
    let before = format!("event_before_{}", month(2));
    assert_eq!(partitions_of(&url).await, [format!("event_{}", month(2)), before.clone(), "event_default".to_owned()]);
    let at_exchange = count(&url, &before).await;
    eventually("the old server goes on", async || count(&url, &before).await > at_exchange).await;
    goes_on.store(false, Ordering::Relaxed);
    let written = old_server.await.unwrap();
    assert_eq!(count(&url, &before).await, written + 2);

    one.append("a", vec![customer_says("e3", "Thanks")]).await.unwrap();
    assert_eq!(one.chat("a").await.unwrap().events.len(), 3);
    one.close().await;
    two.close().await;
    // The table and its indexes are the same files, under other names; nothing is left of the conversion.
    let same = files.replace(":files", &format!("'{held}'"));
    assert_eq!(count(&url, &same).await, 5);
    assert_eq!(count(&url, &format!("pg_index WHERE indrelid = '{before}'::regclass")).await, 4);
    assert_eq!(count(&url, "pg_constraint WHERE conrelid IN (SELECT relid FROM pg_partition_tree('event')) AND contype = 'c'").await, 0);
    assert_eq!(
        count(&url, "pg_class WHERE relname IN ('event_id', 'event_state', 'event_rating', 'event_pkey') AND relkind = 'I'").await,
        4
    );
}

#[tokio::test]
async fn who_may_not_alter_the_log_serves_it_as_it_is() {
    let url = database_of_before().await;
    let guest = format!("guest_of_{}", url.rsplit('/').next().unwrap());
    let rights = [
        format!("CREATE ROLE {guest} LOGIN"),
        format!("GRANT ALL ON SCHEMA public TO {guest}"),
        format!("GRANT ALL ON ALL TABLES IN SCHEMA public TO {guest}"),
    ];
    execute(&url, &rights.each_ref().map(String::as_str)).await;
    let as_guest = url.replace("desk@", &format!("{guest}@"));
    let mut desk = open(&as_guest, |_| {}).await;
    desk.append("a", vec![customer_says("e1", "Hello")]).await.unwrap();
    assert!(matches!(partitions::make(&as_guest).await, Err(PartitionError::Denied)));
    assert_eq!(partitions_of(&url).await, [""; 0]);

    // Once the owner converted it, the guest has the rights that it had.
    partitions::make(&url).await.unwrap();
    assert_eq!(partitions_of(&url).await.len(), 3);
    desk.append("a", vec![customer_says("e2", "Hello?")]).await.unwrap();
    assert_eq!(desk.chat("a").await.unwrap().events.len(), 2);
    desk.close().await;
    execute(&url, &[&format!("DROP OWNED BY {guest}"), &format!("DROP ROLE {guest}")]).await;
}

/// A log with partitions of the past months, the first of which is as old as a table of before.
async fn database_with_past() -> String {
    let url = new_database().await;
    Store::open(&url).await.unwrap().close().await;
    execute(&url, &[&format!("DROP TABLE event_before_{}", month(2))]).await;
    make_past_months(&url).await;
    partitions::make(&url).await.unwrap();
    url
}

async fn make_past_months(url: &str) {
    let [march, april, may] = PAST.map(number);
    let statements = [("event_2020_03", march, april), ("event_2020_04", april, may)]
        .map(|(name, start, end)| format!("CREATE TABLE IF NOT EXISTS {name} PARTITION OF event FOR VALUES FROM ({start}) TO ({end})"));
    execute(url, &statements.each_ref().map(String::as_str)).await;
}

#[tokio::test]
async fn retention_drops_the_partition_of_a_month_without_chats_and_keeps_one_with_a_chat() {
    let url = database_with_past().await;
    let mut desk = open(&url, |_| {}).await;
    for chat in ["march", "due", "living"] {
        let says = customer_says("e1", "Where is my parcel KE-1234567?");
        desk.append(chat, vec![if chat == "living" { says } else { at(0, says) }]).await.unwrap();
    }
    desk.close().await;
    // The server dropped them, if it came to that before it ended.
    make_past_months(&url).await;
    let [march, april, _] = PAST.map(number);
    // Two that are due, and one of the second month that goes on.
    for (chat, of_chat) in [("march", march + 1), ("due", april + 1), ("living", april + 2)] {
        let moved = BY_NUMBER.map(|(table, column)| {
            format!("UPDATE {table} SET {column} = {of_chat} WHERE {column} = (SELECT MAX(number) FROM chat WHERE chat_id = '{chat}')")
        });
        // The chat's own number last.
        execute(&url, &moved.each_ref().map(String::as_str).into_iter().rev().collect::<Vec<_>>()).await;
    }
    assert_eq!((count(&url, "event_2020_03").await, count(&url, "event_2020_04").await), (1, 2));

    let mut desk = open(&url, |config| config.desk.retention_days = Some(30)).await;
    eventually("the first month is dropped", async || !partitions_of(&url).await.contains(&"event_2020_03".to_owned())).await;
    for due in ["march", "due"] {
        refused(&desk.chat(due).await.unwrap_err(), Code::NotFound, "CHAT_NOT_FOUND");
    }
    assert_eq!(desk.chat("living").await.unwrap().events.len(), 1);
    assert_eq!((count(&url, "event").await, count(&url, "event_2020_04").await), (1, 1));
    desk.append("march", vec![customer_says("e1", "I am back")]).await.unwrap();
    desk.append("living", vec![customer_says("e2", "Still here")]).await.unwrap();
    assert_eq!(count(&url, &format!("event_{}", month(0))).await, 1);
    assert_eq!(count(&url, "event_2020_04").await, 2);
    desk.close().await;
}

#[tokio::test]
async fn an_append_that_is_not_committed_loses_nothing_when_its_month_is_dropped() {
    let url = database_with_past().await;
    let store = Store::open(&url).await.unwrap();
    let [march, april, _] = PAST.map(number);
    let chat = |number: i64, chat_id: &str| {
        format!(
            "INSERT INTO chat (number, workspace, chat_id, last_sequence, status, channel, team, agent_id, topic, customer_id, ticket_id, opened_at,
             updated_at, summary) VALUES ({number}, 'default', '{chat_id}', 1, 1, 1, '', '', '', '', '', 0, 0, '')"
        )
    };
    let event = |number: i64| format!("INSERT INTO event VALUES ({number}, 1, 'e1', 0, 0, 0, '{{}}')");
    let mut append = PgConnection::connect(&url).await.unwrap();
    let mut write = append.begin().await.unwrap();
    // One that has its event already, and one that does not.
    for statement in [chat(march, "march"), event(march), chat(april, "april")] {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *write).await.unwrap();
    }
    assert!(matches!(store.drop_past_partitions().await, Err(PartitionError::InUse)));
    sqlx::raw_sql(AssertSqlSafe(event(april))).execute(&mut *write).await.unwrap();
    write.commit().await.unwrap();
    assert_eq!(store.drop_past_partitions().await.unwrap(), [""; 0]);
    execute(&url, &["DELETE FROM event", "DELETE FROM chat"]).await;

    let mut write = append.begin().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(chat(april, "april"))).execute(&mut *write).await.unwrap();
    assert_eq!(store.drop_past_partitions().await.unwrap(), ["event_2020_03", "event_2020_04"]);
    sqlx::raw_sql(AssertSqlSafe(event(april))).execute(&mut *write).await.unwrap();
    write.commit().await.unwrap();
    assert_eq!(count(&url, "event_default").await, 1);
    store.close().await;
}
