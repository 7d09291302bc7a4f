//! A model that keeps failing is not asked until it answers again.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use super::sync::{Mutex, MutexGuard, PoisonError};

/// So many failures one after the other, or half of so many calls, take a model for down. Envoy's outlier detection has the same five.
const IN_A_ROW: u32 = 5;
const RECENT: usize = 20;
/// The first pause before a probe, and the longest: each failed probe doubles it. A model that is back is in use within the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const MAX_PAUSE: Duration = Duration::from_secs(4);
/// A server that says when to come again is believed up to this.
const MAX_ASKED: Duration = Duration::from_secs(30);

/// How a model's last calls went.
#[derive(Default)]
pub struct Breaker {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The last calls, `true` for a failure.
    recent: VecDeque<bool>,
    in_a_row: u32,
    down: Option<Down>,
}

#[derive(Clone, Copy)]
struct Down {
    next_probe: Instant,
    pause: Duration,
}

impl Breaker {
    /// How long until the model is tried again, if it is taken for down.
    pub fn down_for(&self, now: Instant) -> Option<Duration> {
        self.state().down.map(|down| down.next_probe.saturating_duration_since(now))
    }

    /// The model answered.
    pub fn succeeded(&self) {
        let mut state = self.state();
        state.in_a_row = 0;
        state.remember(false);
    }

    /// The model failed; its server may have said when to come again. Whether that takes it for down, where it was not.
    pub fn failed(&self, now: Instant, asked: Option<Duration>) -> bool {
        let mut state = self.state();
        state.in_a_row += 1;
        state.remember(true);
        let failures = state.recent.iter().filter(|failed| **failed).count();
        let is_down = state.in_a_row >= IN_A_ROW || (state.recent.len() == RECENT && failures * 2 >= RECENT);
        if state.down.is_some() || !is_down {
            return false;
        }
        state.down = Some(Down { next_probe: now + FIRST_PAUSE.max(believed(asked)), pause: FIRST_PAUSE });
        true
    }

    /// A probe of a model that is down was answered: it is up, with a clean record.
    pub fn probe_succeeded(&self) {
        *self.state() = State::default();
    }

    /// A probe failed; the next one waits twice as long.
    pub fn probe_failed(&self, now: Instant, asked: Option<Duration>) {
        if let Some(down) = &mut self.state().down {
            down.pause = (down.pause * 2).min(MAX_PAUSE);
            down.next_probe = now + down.pause.max(believed(asked));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn believed(asked: Option<Duration>) -> Duration {
    asked.unwrap_or_default().min(MAX_ASKED)
}

impl State {
    fn remember(&mut self, failed: bool) {
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(failed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// Whatever comes in whatever order: down after five failures in a row or ten of twenty, not before; up by a probe alone; pauses grow and
    /// end at their longest.
    #[test]
    fn it_opens_and_closes_as_told_whatever_comes() {
        for seed in 0..200 {
            let mut random = Random(seed);
            let breaker = Breaker::default();
            let mut now = Instant::now();
            let (mut last, mut row) = (VecDeque::new(), 0);
            let mut pause = FIRST_PAUSE;
            for step in 0..400 {
                now += Duration::from_millis(random.below(500) as u64);
                if let Some(wait) = breaker.down_for(now) {
                    assert!(wait <= MAX_PAUSE, "seed {seed}, step {step}");
                    now += wait;
                    if random.below(3) == 0 {
                        breaker.probe_succeeded();
                        assert!(breaker.down_for(now).is_none(), "seed {seed}, step {step}");
                        (last, row, pause) = (VecDeque::new(), 0, FIRST_PAUSE);
                    } else {
                        breaker.probe_failed(now, None);
                        pause = (pause * 2).min(MAX_PAUSE);
                        assert_eq!(breaker.down_for(now), Some(pause), "seed {seed}, step {step}");
                    }
                    continue;
                }
                let fails = random.below(100) < 30 + seed as usize % 50;
                row = if fails { row + 1 } else { 0 };
                last.push_back(fails);
                if last.len() > RECENT {
                    last.pop_front();
                }
                let expected = fails && (row >= 5 || (last.len() == 20 && last.iter().filter(|fails| **fails).count() >= 10));
                let opened = if fails {
                    breaker.failed(now, None)
                } else {
                    breaker.succeeded();
                    false
                };
                assert_eq!(opened, expected, "seed {seed}, step {step}");
                assert_eq!(breaker.down_for(now).is_some(), expected, "seed {seed}, step {step}");
            }
        }
    }

    #[test]
    fn a_server_that_says_when_to_come_again_is_left_in_peace_until_then() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..5 {
            breaker.failed(now, Some(Duration::from_secs(7)));
        }
        assert_eq!(breaker.down_for(now), Some(Duration::from_secs(7)));
        breaker.probe_failed(now, Some(Duration::from_secs(86_400)));
        assert_eq!(breaker.down_for(now), Some(MAX_ASKED));
    }
}
