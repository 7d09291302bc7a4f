//! Many chats in one commit, as an import brings them, are kept exactly as chats whose events come one by one.

use std::path::Path;

use deskhand::{
    chats::{
        Appended, Author, Channel, ChatError, ChatLog, Chats, Customer, EventBody, Filter, ListChats, Message, NewEvent, Opened, Record,
        Transfer,
    },
    config::Config,
    ids::{Id, Workspace},
    replies::on_redaction,
    store::Store,
};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use sqlx::Connection;

const CHATS: usize = 64;

fn says(author: Author, text: String) -> EventBody {
    let author_id = if author == Author::Agent { "agent-selin".to_owned() } else { String::new() };
    EventBody::Message(Message {
        author,
        author_id,
        author_name: String::new(),
        text,
        language: None,
        attachments: Vec::new(),
        quoted_text: String::new(),
    })
}

/// A chat with all that is kept beside its events: a customer, codes, promises and what became of them, a message that is redacted.
fn events(number: usize) -> Vec<NewEvent> {
    let opened: Timestamp = "2026-01-05T09:00:00Z".parse().unwrap();
    let bodies = [
        EventBody::Opened(Opened {
            channel: Channel::WebChat,
            channel_name: String::new(),
            group: "orders".into(),
            subject: "Parcel".into(),
        }),
        EventBody::Customer(Customer { customer_id: format!("c-{}", number % 7), email: "ann@example.com".into(), ..Customer::default() }),
        EventBody::Record(Record {
            source: "order".into(),
            reference: format!("KE-{number:06}"),
            values: [("status".to_owned(), "shipped".to_owned())].into(),
            url: String::new(),
        }),
        says(Author::Customer, format!("Where is my order KE-{number:06}? The lamp number{number} is for Friday.")),
        says(Author::Agent, "We will refund the 49.90 EUR by Friday.".into()),
        says(Author::Customer, "My card is 4111 1111 1111 1111, the secretword.".into()),
        says(Author::Agent, "I have refunded the 49.90 EUR. I'll send you a replacement lamp tomorrow.".into()),
        EventBody::Redaction { event_id: Id::new("e-5").unwrap() },
        EventBody::Transfer(Transfer {
            from_agent_id: String::new(),
            to_agent_id: format!("agent-{}", number % 3),
            to_agent_name: String::new(),
            to_group: "returns".into(),
            reason: String::new(),
        }),
        EventBody::Topic { topic: format!("topic-{}", number % 5) },
        if number.is_multiple_of(4) { EventBody::Reopened } else { EventBody::Resolved },
    ];
    let event = |(index, body): (usize, EventBody)| NewEvent {
        event_id: Id::new(format!("e-{index}")).unwrap(),
        at: Some(opened + SignedDuration::from_mins((number + 20 * index) as i64)),
        body,
    };
    bodies.into_iter().enumerate().map(event).collect()
}

async fn append(chats: &Chats, number: usize) -> Result<Appended, ChatError> {
    chats.append(&id(number), events(number)).await
}

fn id(number: usize) -> Id {
    Id::new(format!("chat-{number}")).unwrap()
}

/// What is kept of each chat, without the numbers that only tell chats apart.
async fn kept(url: &str) -> Vec<String> {
    let words = if url.starts_with("sqlite") {
        "SELECT chat_id || ' ' || hex(keys) FROM chat_words JOIN chat ON number = chat ORDER BY 1"
    } else {
        "SELECT chat_id || ' ' || string_agg(DISTINCT CAST(word AS TEXT), ' ' ORDER BY CAST(word AS TEXT))
         FROM chat_words JOIN chat ON number = chat, unnest(keys) AS word GROUP BY chat_id ORDER BY 1"
    };
    let statements = [
        "SELECT chat_id || ' ' || last_sequence || ' ' || status || ' ' || channel || ' ' || team || ' ' || agent_id || ' ' || topic || ' ' ||
           customer_id || ' ' || ticket_id || ' ' || opened_at || ' ' || updated_at || ' ' || taught_to || ' ' || teaches || ' ' || summary
         FROM chat ORDER BY 1",
        "SELECT chat_id || ' ' || sequence || ' ' || event_id || ' ' || at || ' ' || at_given || ' ' || redacted || ' ' || body
         FROM event JOIN chat ON number = chat ORDER BY 1",
        "SELECT chat_id || ' ' || chat_customer.customer_id FROM chat_customer JOIN chat ON number = chat ORDER BY 1",
        "SELECT chat_id || ' ' || code FROM chat_code JOIN chat ON number = chat ORDER BY 1",
        "SELECT chat_id || ' ' || sequence || ' ' || place || ' ' || event_id || ' ' || promise.agent_id || ' ' || text || ' ' || made_at
           || ' ' || due_at || ' ' || promise.status || ' ' || promise.team || ' ' || chat_open
         FROM promise JOIN chat ON number = chat ORDER BY 1",
        // How the events came is another matter: what a listener is told of a chat is all of it.
        "SELECT chat_id || ' ' || MIN(first_sequence) || ' ' || SUM(chat_change.last_sequence - first_sequence + 1) || ' ' || SUM(bytes)
         FROM chat_change JOIN chat ON chat.number = chat GROUP BY chat_id ORDER BY 1",
        "SELECT 'gaps ' || (COUNT(*) - MAX(chat_change.number)) || ' ' || (MAX(chat_change.number) - MAX(counter.number))
         FROM chat_change JOIN chat_change_counter AS counter ON counter.workspace = chat_change.workspace",
        words,
    ];
    sqlx::any::install_default_drivers();
    let mut connection = sqlx::AnyConnection::connect(url).await.unwrap();
    let mut rows = Vec::new();
    for statement in statements {
        let found: Vec<String> = sqlx::query_scalar(statement).fetch_all(&mut connection).await.unwrap();
        assert!(!found.is_empty(), "{statement}");
        rows.extend(found);
    }
    connection.close().await.unwrap();
    rows
}

async fn found(chats: &Chats, query: &str) -> Vec<String> {
    let list = ListChats { filter: Filter::default(), query: query.into(), page_size: 1000, page_token: String::new() };
    let mut found: Vec<String> = chats.list(list).await.unwrap().chats.into_iter().map(|chat| chat.chat_id).collect();
    found.sort();
    found
}

async fn database(folder: &Path) -> String {
    if crate::support::postgres::wanted() { crate::support::postgres::new_database().await } else { Store::sqlite_url(folder) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chats_that_are_loaded_together_are_kept_as_those_that_are_appended_event_by_event() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let urls = [database(folders[0].path()).await, database(folders[1].path()).await];
    let mut answers = Vec::new();
    for (url, at_once) in urls.iter().zip([true, false]) {
        let store = Store::open(url).await.unwrap();
        let log = ChatLog::start(store.clone(), Config::default().languages(), on_redaction);
        let chats = log.of(&Workspace::default());
        if at_once {
            // One that can't be taken does not stop the others, and leaves nothing.
            let unknown = EventBody::Redaction { event_id: Id::new("unknown").unwrap() };
            let refused = vec![NewEvent { event_id: Id::new("e-0").unwrap(), at: None, body: unknown }];
            let refused_id = Id::new("refused").unwrap();
            let all = join_all((0..CHATS).map(|number| append(&chats, number)));
            let (appended, refused) = tokio::join!(all, chats.append(&refused_id, refused));
            refused.unwrap_err();
            let all_events = events(0).len();
            assert!(appended.iter().all(|appended| appended.as_ref().unwrap().appended == all_events));
            let commits = log.counts().commits.load(std::sync::atomic::Ordering::Relaxed);
            assert!(commits <= 8, "{commits} commits");
            // Again nothing is new.
            let again = join_all((0..CHATS).map(|number| append(&chats, number))).await;
            assert!(again.iter().all(|again| again.as_ref().unwrap().duplicates == all_events));
        } else {
            for number in 0..CHATS {
                for event in events(number) {
                    chats.append(&id(number), vec![event]).await.unwrap();
                }
            }
        }
        let mut of_all = Vec::new();
        for query in ["number7", "lamp", "secretword", "KE-000012"] {
            of_all.push(found(&chats, query).await);
        }
        assert_eq!(of_all.iter().map(Vec::len).collect::<Vec<_>>(), [1, CHATS, 0, 1]);
        answers.push((of_all, kept(url).await));
        store.close().await;
    }
    let (appended, loaded) = (answers.pop().unwrap(), answers.pop().unwrap());
    assert_eq!(loaded.0, appended.0);
    for (loaded, appended) in loaded.1.iter().zip(&appended.1) {
        assert_eq!(loaded, appended);
    }
    assert_eq!(loaded.1.len(), appended.1.len());
}
