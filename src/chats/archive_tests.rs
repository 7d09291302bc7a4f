//! The archive finds what it should, and its work is bounded, whatever the filter.

use std::collections::BTreeSet;

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use crate::{
    chats::{
        archive_rows::{self, Filter, Found, Place},
        fold::Status,
        word_rows::{self, Frequencies, WordKey},
    },
    ids::Workspace,
    store::Store,
};

const SUMMARY: &str = r#"{"status":"open","channel":"web_chat","group":"","subject":"","agent_id":"","agent_name":"","transferred":false,"topic":"","customer_id":"","customer_name":"","ticket":null,"opened_at":"2026-09-21T13:33:30Z","updated_at":"2026-09-21T13:33:30Z","last_sequence":1,"message_count":1}"#;
const CHATS: i64 = 60;
const WORDS: usize = 70;
const FORMS: usize = 4;

/// Returns whether a chat has a word: nearly all chats have nearly all words, the worst case for a plan that tries combinations.
fn has(chat: i64, word: usize) -> bool {
    word < WORDS - 2 && (chat * 31 + word as i64 * 17) % 97 != 0
}

fn forms(word: usize) -> Vec<String> {
    (0..FORMS).map(|form| format!("w{word}-{form}")).collect()
}

/// Several chats were opened at once.
fn place(chat: i64) -> Place {
    Place { opened_at: 1_790_000_000_000_000_000 + chat / 7, number: chat }
}

async fn store(folder: &std::path::Path) -> Store {
    let store = Store::open(&Store::sqlite_url(folder)).await.unwrap();
    let mut write = store.begin().await.unwrap();
    for chat in 1..=CHATS {
        let Place { opened_at, number } = place(chat);
        sqlx::query(
            "INSERT INTO chat (number, workspace, chat_id, last_sequence, status, channel, team, agent_id, topic, customer_id, ticket_id,
             opened_at, updated_at, summary) VALUES ($1, 'default', $2, 1, 1, 1, '', '', '', '', '', $3, $3, $4)",
        )
        .bind(number)
        .bind(format!("c-{chat}"))
        .bind(opened_at)
        .bind(SUMMARY)
        .execute(&mut *write)
        .await
        .unwrap();
        let words = (0..WORDS).filter(|word| has(chat, *word)).flat_map(forms).map(|form| WordKey::of("default", &form));
        word_rows::add(&mut write, number, &BTreeSet::new(), words).await.unwrap();
    }
    write.commit().await.unwrap();
    store
}

#[test]
fn any_words_are_found_where_they_are_with_bounded_work() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let store = runtime.block_on(store(folder.path()));
    let asked_for = (proptest::collection::vec(0..WORDS, 1..=64), 1..10_usize);
    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    runner
        .run(&asked_for, |(words, most)| {
            let filter = Filter { words: words.iter().map(|word| forms(*word)).collect(), ..Filter::default() };
            let wanted: Vec<Place> = (1..=CHATS).rev().filter(|chat| words.iter().all(|word| has(*chat, *word))).map(place).collect();
            let (mut found, mut after, mut pages) = (Vec::new(), None, 0);
            loop {
                let before = store.read_steps();
                let page =
                    runtime.block_on(archive_rows::list(&store, &Workspace::default(), &filter, &Frequencies::default(), after, most));
                let Found { chats, next } = page.unwrap();
                // Looking up a form in a chat takes a few tens of steps.
                let thousands = store.read_steps() - before;
                let most_steps = 100 * (CHATS as usize * FORMS * (words.len() + 1) + 1000);
                prop_assert!(thousands * 1000 <= most_steps as u64, "{thousands},000 steps for {} words, of {most_steps}", words.len());
                found.extend(chats.into_iter().map(|chat| chat.place));
                pages += 1;
                after = next;
                if after.is_none() || pages > CHATS {
                    break;
                }
            }
            prop_assert_eq!(found, wanted);
            Ok(())
        })
        .unwrap();
    runtime.block_on(store.close());
}

/// Chats that were imported all begin at the same time.
#[tokio::test]
async fn words_of_more_chats_than_are_looked_up_are_found_a_window_at_a_time() {
    const ALL: i64 = 6500;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&Store::sqlite_url(folder.path())).await.unwrap();
    let mut write = store.begin().await.unwrap();
    sqlx::query(
        "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < $1)
         INSERT INTO chat (number, workspace, chat_id, last_sequence, status, channel, team, agent_id, topic, customer_id, ticket_id,
         opened_at, updated_at, summary) SELECT n, 'default', 'c' || n, 1, n = 1, 1, '', '', '', '', '', 7, 7, $2 FROM n",
    )
    .bind(ALL)
    .bind(SUMMARY)
    .execute(&mut *write)
    .await
    .unwrap();
    for number in 1..=ALL {
        let rare = (number == 5 || number == 6000).then_some("rare");
        let words = ["one", "other"].into_iter().chain(rare).map(|word| WordKey::of("default", word));
        word_rows::add(&mut write, number, &BTreeSet::new(), words).await.unwrap();
    }
    write.commit().await.unwrap();
    for (words, status, expected) in [
        (vec!["one", "other"], None, (1..=ALL).rev().collect::<Vec<_>>()),
        (vec!["one", "other", "rare"], None, vec![6000, 5]),
        (vec!["one", "other"], Some(Status::Open), vec![1]),
        (vec!["one", "absent"], None, Vec::new()),
    ] {
        let words: Vec<Vec<String>> = words.into_iter().map(|word| vec![word.to_owned()]).collect();
        let filter = Filter { words, status, ..Filter::default() };
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let before = store.read_steps();
            let page = archive_rows::list(&store, &Workspace::default(), &filter, &Frequencies::default(), after, 400).await.unwrap();
            let thousands = store.read_steps() - before;
            assert!(thousands <= 500, "{thousands},000 steps");
            found.extend(page.chats.into_iter().map(|chat| chat.place.number));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, expected, "{filter:?}");
    }
    store.close().await;
}

#[tokio::test]
async fn words_that_the_version_before_kept_are_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let mut write = store.begin().await.unwrap();
    for (number, word) in [(3, "kargo"), (9, "kargo"), (9, "geldi")] {
        sqlx::query("INSERT INTO chat_word (workspace, word, opened_at, chat) VALUES ('default', $1, 7, $2)")
            .bind(word)
            .bind(number)
            .execute(&mut *write)
            .await
            .unwrap();
    }
    sqlx::query("INSERT INTO chat_vocabulary (chat, words) VALUES (3, 'kargo'), (9, 'geldi kargo')").execute(&mut *write).await.unwrap();
    write.commit().await.unwrap();
    assert_eq!(word_rows::take_over(&store).await.unwrap(), 2);
    assert_eq!(word_rows::take_over(&store).await.unwrap(), 0);
    for (words, expected) in [(&["kargo"][..], vec![9, 3]), (&["kargo", "geldi"], vec![9])] {
        let filter = Filter { words: words.iter().map(|word| vec![(*word).to_owned()]).collect(), ..Filter::default() };
        let page = archive_rows::list(&store, &Workspace::default(), &filter, &Frequencies::default(), None, 10).await.unwrap();
        assert_eq!(page.chats.iter().map(|chat| chat.place.number).collect::<Vec<_>>(), expected);
    }
    let left: i64 = sqlx::query_scalar("SELECT (SELECT COUNT(*) FROM chat_word) + (SELECT COUNT(*) FROM chat_vocabulary)")
        .fetch_one(store.reads())
        .await
        .unwrap();
    assert_eq!(left, 0);
    store.close().await;
}
