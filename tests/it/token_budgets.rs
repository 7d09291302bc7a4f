//! Token budgets hold for all servers of a database together, and across restarts.

use std::{sync::Arc, time::Duration};

use deskhand::{
    api::pb,
    config::{Config, TokenLimits},
};
use tonic::Code;

use crate::support::{
    desk::{Desk, Kept, Opening, eventually, refused},
    postgres::Postgres,
};

/// Tokens of one answer, by the scripted model's count.
const ANSWER: u64 = 127;
const LIMIT: u64 = 100_000;

fn limited(config: &mut Config, per_day: u64) {
    config.models[0].max_tokens = 100;
    config.desk.token_limits = TokenLimits { per_minute: None, per_day: Some(per_day) };
}

const OPENING: Opening = Opening { with_model: true, with_shop: false, change: |_| {} };

/// How many of these callers, one after another, get an answer.
async fn served(desk: &Desk, callers: usize) -> u64 {
    let mut served = 0;
    for _ in 0..callers {
        let request = pb::RetoneReplyRequest { text: "Wait.".into(), tone: pb::Tone::Formal.into(), ..Default::default() };
        match desk.replies.clone().retone_reply(request).await {
            Ok(stream) => {
                let mut stream = stream.into_inner();
                while stream.message().await.unwrap().is_some() {}
                served += 1;
            }
            Err(status) => refused(&status, Code::ResourceExhausted, "TOKENS_SPENT"),
        }
    }
    served
}

#[tokio::test]
async fn two_servers_share_a_budget_to_a_twentieth() {
    let postgres = Postgres::start();
    let mut desks = Vec::new();
    for _ in 0..2 {
        let set = |config: &mut Config| {
            config.database_url = Some(postgres.url("postgres"));
            limited(config, LIMIT);
        };
        desks.push(Arc::new(OPENING.open_set(set).await));
    }
    let mut calls = tokio::task::JoinSet::new();
    for caller in 0..16 {
        let desk = Arc::clone(&desks[caller % 2]);
        calls.spawn(async move { served(&desk, 80).await });
    }
    let mut used = calls.join_all().await.into_iter().sum::<u64>() * ANSWER;
    // What one server kept the other gets a moment later.
    let until = tokio::time::Instant::now() + Duration::from_secs(3);
    while tokio::time::Instant::now() < until {
        for desk in &desks {
            used += served(desk, 1).await * ANSWER;
        }
    }
    assert!((LIMIT * 95 / 100..=LIMIT * 105 / 100).contains(&used), "{used} of {LIMIT} tokens were used");
    for desk in desks {
        Arc::into_inner(desk).unwrap().close().await;
    }
}

#[tokio::test]
async fn a_budget_survives_a_restart() {
    let mut kept: Option<Kept> = None;
    let mut used = 0;
    for _ in 0..3 {
        let desk = match kept.take() {
            Some(kept) => OPENING.open_with(kept, |config| limited(config, 2000)).await,
            None => OPENING.open_set(|config| limited(config, 2000)).await,
        };
        used += served(&desk, 5).await * ANSWER;
        kept = Some(desk.close_and_keep().await);
    }
    assert!((1000..=2000).contains(&used), "{used}");
    let desk = OPENING.open_with(kept.unwrap(), |config| limited(config, 2000)).await;
    eventually("nothing is left", async || served(&desk, 1).await == 0).await;
    desk.close().await;
}
