//! Token budgets of workspaces and keys, per minute and per day.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    TokensUsed,
    sync::{AtomicU64, Mutex, Ordering, PoisonError},
};
use crate::config::TokenLimits;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// Bytes per token, for models that report no usage.
const BYTES_PER_TOKEN: u64 = 3;

/// A workspace or key that pays for a call's tokens, and its limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spender {
    /// Unique: a workspace and a key must not share a name.
    pub name: Arc<str>,
    /// Its limits, which every call of it counts against.
    pub limits: TokenLimits,
}

/// What each spender has used. In memory only: a restart resets it.
#[derive(Default)]
pub struct TokenBudget {
    spent: Mutex<HashMap<Arc<str>, [Window; 2]>>,
}

/// A time window, and the tokens used or reserved in it.
#[derive(Clone, Copy)]
struct Window {
    start: Instant,
    tokens: u64,
}

/// Tokens that are reserved for a call until its usage is known; the rest is released on drop.
pub struct Reservation {
    budget: Arc<TokenBudget>,
    spenders: Vec<Arc<str>>,
    tokens: u64,
    /// When it was reserved: tokens of a window that has ended are not released into the next.
    at: Instant,
    used: Arc<AtomicU64>,
}

/// Counts the tokens that a call has used so far, however it ends: its prompt, once a model works on it, and the model's output.
#[derive(Clone, Default)]
pub struct TokenMeter {
    used: Arc<AtomicU64>,
    /// Tokens of the prompt.
    prompt: u64,
    /// Tokens of earlier tries.
    before: u64,
    /// Output of this try, in bytes.
    bytes: u64,
}

impl TokenMeter {
    pub fn read(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// The largest reading as long as the next try outputs nothing: counting the prompt alone does not show that the model is alive.
    pub fn silent_usage(&self) -> u64 {
        self.read() + self.prompt
    }

    /// A model has started to work on the prompt.
    pub fn begin(&mut self) {
        self.before = self.read();
        self.set(self.prompt);
    }

    /// Counts more output, of text or reasoning.
    pub fn received(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        self.set(self.prompt + self.bytes / BYTES_PER_TOKEN + 1);
    }

    /// Sets the usage that the model reports.
    pub fn reported(&self, used: TokensUsed) {
        self.set(u64::from(used.prompt) + u64::from(used.completion));
    }

    /// Sets the tokens of this try.
    fn set(&self, tokens: u64) {
        self.used.store(self.before + tokens, Ordering::Relaxed);
    }
}

impl TokenBudget {
    /// Reserves the most tokens that a call can use, for every spender. `Err`: a spender has too few left; how long until its window resets.
    pub fn reserve(self: &Arc<TokenBudget>, spenders: &[Spender], tokens: u64, now: Instant) -> Result<Reservation, Duration> {
        let mut all = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let mut at = now;
        for Spender { name, limits } in spenders {
            let windows = all.entry(Arc::clone(name)).or_insert([Window { start: now, tokens: 0 }; 2]);
            for (window, (length, limit)) in windows.iter_mut().zip([(MINUTE, limits.per_minute), (DAY, limits.per_day)]) {
                // A caller that read the clock later may have got the lock first.
                at = at.max(window.start);
                if now.saturating_duration_since(window.start) >= length {
                    *window = Window { start: now, tokens: 0 };
                }
                // A single call larger than the whole limit is allowed in an empty window.
                if limit.is_some_and(|limit| window.tokens > 0 && window.tokens.saturating_add(tokens) > limit) {
                    return Err((window.start + length).saturating_duration_since(now));
                }
            }
        }
        let spenders: Vec<Arc<str>> = spenders.iter().map(|spender| Arc::clone(&spender.name)).collect();
        for name in &spenders {
            for window in all.get_mut(name).into_iter().flatten() {
                window.tokens = window.tokens.saturating_add(tokens);
            }
        }
        Ok(Reservation { budget: Arc::clone(self), spenders, tokens, at, used: Arc::default() })
    }
}

impl Reservation {
    /// The meter of the call, whose prompt has this many tokens.
    pub fn meter(&self, prompt: u64) -> TokenMeter {
        TokenMeter { used: Arc::clone(&self.used), prompt, ..TokenMeter::default() }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut all = self.budget.spent.lock().unwrap_or_else(PoisonError::into_inner);
        for name in &self.spenders {
            for window in all.get_mut(name).into_iter().flatten().filter(|window| window.start <= self.at) {
                window.tokens = window.tokens.saturating_add(self.used.load(Ordering::Relaxed)).saturating_sub(self.tokens);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// With fifty concurrent callers, whatever they use of their reservations, no window is overspent.
    #[test]
    fn a_budget_is_never_overspent() {
        for seed in 0..200 {
            let mut random = Random(seed);
            let budget = Arc::new(TokenBudget::default());
            let limits = TokenLimits { per_minute: Some(10_000), per_day: Some(100_000) };
            let one = [Spender { name: "one".into(), limits }];
            let began = Instant::now();
            let (mut day_used, mut now) = (0_u64, began);
            for minute in 0..20 {
                now = began + minute * MINUTE;
                let mut minute_used = 0;
                let mut open: Vec<(Reservation, u64)> = Vec::new();
                for step in 0..100 {
                    if open.len() < 50 && random.below(2) == 0 {
                        let max = 200 + random.below(800) as u64;
                        match budget.reserve(&one, max, now) {
                            Ok(reserved) => open.push((reserved, random.below(max as usize + 1) as u64)),
                            Err(wait) => assert!(wait <= DAY, "seed {seed}, step {step}"),
                        }
                    } else if !open.is_empty() {
                        let (reserved, used) = open.swap_remove(random.below(open.len()));
                        reserved.meter(0).set(used);
                        (minute_used, day_used) = (minute_used + used, day_used + used);
                    }
                    assert!(minute_used <= 10_000 && day_used <= 100_000, "seed {seed}, step {step}: {minute_used} {day_used}");
                }
            }
            assert!(day_used > 50_000, "seed {seed}: {day_used}");
            assert!(budget.reserve(&[Spender { name: "two".into(), limits }], 9_000, now).is_ok(), "spenders have separate budgets");
        }
    }

    #[test]
    fn unused_tokens_are_released() {
        let now = Instant::now();
        let budget = Arc::new(TokenBudget::default());
        let one = [Spender { name: "one".into(), limits: TokenLimits { per_minute: Some(1000), per_day: None } }];
        let first = budget.reserve(&one, 900, now).expect("there is enough");
        assert_eq!(budget.reserve(&one, 200, now).err(), Some(MINUTE));
        first.meter(0).set(100);
        drop(first);
        let second = budget.reserve(&one, 900, now).expect("the rest was released");
        drop(second);
        assert!(budget.reserve(&one, 2000, now).is_err(), "more than the limit");
        assert!(budget.reserve(&one, 2000, now + MINUTE).is_ok(), "a call larger than the limit, in an empty window");
    }

    #[test]
    fn unused_tokens_are_released_after_a_clock_reading_before_the_window() {
        let now = Instant::now();
        let budget = Arc::new(TokenBudget::default());
        let one = [Spender { name: "one".into(), limits: TokenLimits { per_minute: Some(1000), per_day: None } }];
        drop(budget.reserve(&one, 100, now + Duration::from_millis(1)).expect("there is enough"));
        drop(budget.reserve(&one, 900, now).expect("there is enough"));
        assert!(budget.reserve(&one, 1000, now + Duration::from_millis(2)).is_ok(), "all of it was released");
    }

    #[test]
    fn a_key_spends_from_its_workspace_up_to_its_own_limit() {
        let now = Instant::now();
        let budget = Arc::new(TokenBudget::default());
        let limits = |limit| TokenLimits { per_minute: Some(limit), per_day: None };
        let workspace = Spender { name: "workspace".into(), limits: limits(1000) };
        let key = |name: &str| [workspace.clone(), Spender { name: name.into(), limits: limits(600) }];
        let first = budget.reserve(&key("first"), 500, now).expect("there is enough");
        assert!(budget.reserve(&key("first"), 200, now).is_err(), "more than the key may use");
        let second = budget.reserve(&key("second"), 400, now).expect("another key has its own");
        assert!(budget.reserve(&key("third"), 200, now).is_err(), "more than the workspace has left");
        assert!(budget.reserve(&key("third"), 100, now).is_ok(), "what was refused took nothing");
        drop((first, second));
    }
}
