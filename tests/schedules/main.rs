//! What all calls to a model share, under Shuttle: the same files as in the crate, with other primitives, over `SCHEDULES` interleavings of
//! each scenario, half of them random, half by priorities that change at few points (PCT). A schedule that fails is printed, to be replayed.
//!
//! What is tested is how Tokio's semaphore is used, not the semaphore itself. Shuttle takes every atomic operation for sequentially
//! consistent; the gate's and the meter's counters are only added to and read, which needs no order.

#![expect(clippy::unwrap_used, reason = "a test that finds something missing fails")]
#![allow(
    dead_code,
    unused_imports,
    reason = "the files have functions that no scenario needs, and tests of their own, which run in the crate"
)]

#[path = "../../src/model/admission.rs"]
mod admission;
#[path = "../../src/model/breaker.rs"]
mod breaker;
#[path = "../../src/random.rs"]
mod random;
#[path = "../../src/model/retry.rs"]
mod retry;
mod sync;
#[path = "../../src/model/token_budget.rs"]
mod token_budget;

/// What the files use of the crate.
mod config {
    pub use deskhand::config::TokenLimits;
}
use deskhand::model::TokensUsed;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use futures::future::{Either, select};
use shuttle::{
    future::{JoinHandle, block_on, spawn, yield_now},
    rand::Rng,
    thread,
};
use tokio::time::Instant;

use admission::AdmissionGate;
use breaker::Breaker;
use config::TokenLimits;
use retry::RetryBudget;
use token_budget::{Spender, TokenBudget};

/// Interleavings of each scenario.
const SCHEDULES: usize = 100_000;
const TASKS: usize = 3;
/// At how many points of a PCT schedule priorities change.
const CHANGES: usize = 3;

/// Each scenario is a run of three tasks.
const SCENARIOS: [(&str, fn()); 6] = [
    ("gate: whoever waits gets in, never more than allowed", gate_lets_everybody_in),
    ("gate: whoever gives up or leaves takes no place along", gate_outlives_leavers),
    ("breaker: the fifth failure opens it, for one caller", breaker_opens_once),
    ("breaker: one probe at a time, and the last one closes it", breaker_has_one_probe),
    ("budget: never overspent, and what is unused comes back", budget_is_kept),
    ("retries: no more than were saved", retries_are_counted),
];

fn main() {
    // Two at once: most machines have as many cores.
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((name, scenario)) = SCENARIOS.get(next.fetch_add(1, SeqCst)) {
                    let began = std::time::Instant::now();
                    shuttle::check_random(scenario, SCHEDULES / 2);
                    shuttle::check_pct(scenario, SCHEDULES / 2, CHANGES);
                    println!("{name} ... ok, {SCHEDULES} schedules in {:.1} s", began.elapsed().as_secs_f64());
                }
            });
        }
    });
}

fn later() -> Instant {
    Instant::now() + 2 * sync::PATIENCE
}

fn soon() -> Instant {
    Instant::now() + sync::PATIENCE / 2
}

/// Counts who is inside, without a point where another task may run.
#[derive(Default)]
struct Crowd(AtomicUsize);

impl Crowd {
    fn enter(&self, most: usize) {
        assert!(self.0.fetch_add(1, SeqCst) < most, "more than {most} inside");
    }

    fn leave(&self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

/// Leaves also when its task is dropped.
struct Seat<'a>(&'a Crowd);

impl<'a> Seat<'a> {
    fn take(in_flight: &'a Crowd, most: usize) -> Seat<'a> {
        in_flight.enter(most);
        Seat(in_flight)
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

async fn all(tasks: Vec<JoinHandle<()>>) {
    for task in tasks {
        task.await.unwrap();
    }
}

fn gate_lets_everybody_in() {
    for at_once in [1, 2] {
        let (gate, in_flight) = (Arc::new(AdmissionGate::new(at_once)), Arc::new(Crowd::default()));
        let call = move |gate: Arc<AdmissionGate>, in_flight: Arc<Crowd>| async move {
            let inside = gate.enter(later()).await.expect("there is room to wait for all, and time");
            let seat = Seat::take(&in_flight, at_once);
            yield_now().await;
            drop(seat);
            drop(inside);
        };
        block_on(async {
            all((0..TASKS).map(|_| spawn(call(Arc::clone(&gate), Arc::clone(&in_flight)))).collect()).await;
            assert_eq!(gate.in_flight(), (0, 0));
        });
    }
}

fn gate_outlives_leavers() {
    let (gate, in_flight) = (Arc::new(AdmissionGate::new(1)), Arc::new(Crowd::default()));
    let call = |gate: Arc<AdmissionGate>, in_flight: Arc<Crowd>, until: Instant| async move {
        let Ok(_inside) = gate.enter(until).await else { return false };
        let _seat = Seat::take(&in_flight, 1);
        yield_now().await;
        true
    };
    block_on(async {
        let patient = call(Arc::clone(&gate), Arc::clone(&in_flight), later());
        let gives_up = call(Arc::clone(&gate), Arc::clone(&in_flight), soon());
        let leaves = call(Arc::clone(&gate), Arc::clone(&in_flight), later());
        let tasks = vec![
            spawn(async move { assert!(patient.await, "nobody's leaving shuts another out") }),
            spawn(async move {
                gives_up.await;
            }),
            // Its caller goes away at some moment, waiting or inside.
            spawn(async move {
                if let Either::Right((_, call)) = select(Box::pin(leaves), spawn(yield_now())).await {
                    drop(call);
                }
            }),
        ];
        all(tasks).await;
        assert_eq!(gate.in_flight(), (0, 0));
        drop(gate.enter(later()).await.expect("the place is free again"));
    });
}

fn breaker_opens_once() {
    let (breaker, now) = (Arc::new(Breaker::default()), Instant::now());
    let opened = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (breaker, opened) = (Arc::clone(&breaker), Arc::clone(&opened));
            thread::spawn(move || {
                for _ in 0..2 {
                    opened.fetch_add(usize::from(breaker.failed(now, None)), SeqCst);
                }
            })
        })
        .collect();
    tasks.into_iter().for_each(|task| task.join().unwrap());
    assert_eq!(opened.load(SeqCst), 1, "six failures in a row open it once");
    assert!(breaker.down_for(now).is_some());
}

/// As `call.rs` does: whoever opens the breaker has it probed until it is closed.
async fn probe_until_up(breaker: Arc<Breaker>, probes: Arc<Crowd>, now: Instant) {
    let seat = Seat::take(&probes, 1);
    loop {
        assert!(breaker.down_for(now).is_some(), "none but its probe closes it");
        yield_now().await;
        if shuttle::rand::thread_rng().gen_bool(0.5) {
            // A failure right after may open it for the next one.
            drop(seat);
            return breaker.probe_succeeded();
        }
        breaker.probe_failed(now, None);
    }
}

fn breaker_has_one_probe() {
    let (breaker, probes) = (Arc::new(Breaker::default()), Arc::new(Crowd::default()));
    let now = Instant::now();
    block_on(async {
        let tasks = (0..TASKS).map(|task| {
            let (breaker, probes) = (Arc::clone(&breaker), Arc::clone(&probes));
            spawn(async move {
                let mut probing = Vec::new();
                for call in 0..4 {
                    yield_now().await;
                    if task == 0 && call == 1 {
                        breaker.succeeded();
                    } else if breaker.failed(now, None) {
                        probing.push(spawn(probe_until_up(Arc::clone(&breaker), Arc::clone(&probes), now)));
                    }
                }
                all(probing).await;
            })
        });
        all(tasks.collect()).await;
        assert!(breaker.down_for(now).is_none(), "down, and nobody probes it");
    });
}

fn budget_is_kept() {
    const LIMIT: u64 = 1000;
    const EACH: u64 = 400;
    let budget = Arc::new(TokenBudget::default());
    let limits = |per_minute| TokenLimits { per_minute: Some(per_minute), per_day: None };
    let workspace = Spender { name: "workspace".into(), limits: limits(LIMIT) };
    let now = Instant::now();
    // What is surely set aside, and what was surely used.
    let (held, used) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (budget, held, used) = (Arc::clone(&budget), Arc::clone(&held), Arc::clone(&used));
            let spenders = [workspace.clone(), Spender { name: format!("key {task}").into(), limits: limits(600) }];
            thread::spawn(move || {
                for call in 0..2 {
                    // Whoever read the clock later may come first.
                    let now = now + Duration::from_millis((task + call) as u64 % 2);
                    let Ok(reserved) = budget.reserve(&spenders, EACH, now) else { continue };
                    held.fetch_add(EACH, SeqCst);
                    assert!(held.load(SeqCst) + used.load(SeqCst) <= LIMIT, "more is set aside than there is");
                    let uses = shuttle::rand::thread_rng().gen_range(0..=EACH as u32);
                    reserved.meter(0).reported(TokensUsed { prompt: uses, ..TokensUsed::default() });
                    held.fetch_sub(EACH, SeqCst);
                    drop(reserved);
                    used.fetch_add(u64::from(uses), SeqCst);
                }
            })
        })
        .collect();
    tasks.into_iter().for_each(|task| task.join().unwrap());
    let used = used.load(SeqCst);
    assert!(used <= LIMIT);
    let rest = budget.reserve(std::slice::from_ref(&workspace), LIMIT - used, now + Duration::from_millis(1));
    assert!(rest.is_ok(), "all that was not used came back");
    assert!(budget.reserve(&[workspace], 1, now + Duration::from_millis(1)).is_err(), "and no more than that");
}

fn retries_are_counted() {
    let now = Instant::now();
    let budget = Arc::new(RetryBudget::new(now));
    let taken = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (budget, taken) = (Arc::clone(&budget), Arc::clone(&taken));
            thread::spawn(move || {
                for _ in 0..4 {
                    taken.fetch_add(usize::from(budget.take(now)), SeqCst);
                }
            })
        })
        .collect();
    tasks.into_iter().for_each(|task| task.join().unwrap());
    assert_eq!(taken.load(SeqCst), 10, "ten are saved at the beginning");
}
