//! Tokens that a workspace or key may use, in a minute and in a day.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    TokensUsed,
    sync::{AtomicU64, Mutex, Ordering, PoisonError},
};
use crate::config::TokenLimits;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// Bytes of text that make a token, where the model tells none.
const BYTES_A_TOKEN: u64 = 3;

/// Whose tokens a call uses, and how many they may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spender {
    /// Told apart by this: a workspace and a key must not share one.
    pub name: Arc<str>,
    pub limits: TokenLimits,
}

/// What each spender has used. It is kept in memory alone: a restart begins anew.
#[derive(Default)]
pub struct TokenBudget {
    spent: Mutex<HashMap<Arc<str>, [Window; 2]>>,
}

/// A span of time, and the tokens used or set aside in it.
#[derive(Clone, Copy)]
struct Window {
    began: Instant,
    tokens: u64,
}

/// Tokens that are set aside for a call, until what it used is told.
pub struct Reservation {
    budget: Arc<TokenBudget>,
    spenders: Vec<Arc<str>>,
    tokens: u64,
    /// When it was set aside: what belongs to a span that has ended is not given back to the next.
    at: Instant,
    used: Arc<AtomicU64>,
}

/// Tells how many tokens a call has used by now, however it ends: its prompt once a model works at it, and what the model makes of it.
#[derive(Clone, Default)]
pub struct TokenMeter {
    used: Arc<AtomicU64>,
    /// What a prompt costs.
    prompt: u64,
    /// What earlier tries used.
    before: u64,
    /// What this one made, in bytes.
    bytes: u64,
}

impl TokenMeter {
    pub fn read(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// What it says at most while the next try makes nothing: that a model works at a prompt is no sign of life yet.
    pub fn without_life(&self) -> u64 {
        self.read() + self.prompt
    }

    /// A model works at the prompt.
    pub fn begin(&mut self) {
        self.before = self.read();
        self.set(self.prompt);
    }

    /// It made so many bytes more, of text or thoughts.
    pub fn made(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        self.set(self.prompt + self.bytes / BYTES_A_TOKEN + 1);
    }

    /// What it used by its own account.
    pub fn told(&self, used: TokensUsed) {
        self.set(u64::from(used.prompt) + u64::from(used.completion));
    }

    /// What this try used.
    fn set(&self, tokens: u64) {
        self.used.store(self.before + tokens, Ordering::Relaxed);
    }
}

impl TokenBudget {
    /// Sets so many tokens of every spender aside for a call: the most that it can use. `Err`: one has not as many; when there may be more.
    pub fn reserve(self: &Arc<TokenBudget>, spenders: &[Spender], tokens: u64, now: Instant) -> Result<Reservation, Duration> {
        let mut all = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let mut at = now;
        for Spender { name, limits } in spenders {
            let windows = all.entry(Arc::clone(name)).or_insert([Window { began: now, tokens: 0 }; 2]);
            for (window, (length, limit)) in windows.iter_mut().zip([(MINUTE, limits.per_minute), (DAY, limits.per_day)]) {
                // Whoever read the clock later may have been here first.
                at = at.max(window.began);
                if now.saturating_duration_since(window.began) >= length {
                    *window = Window { began: now, tokens: 0 };
                }
                // One reply that is larger than all of the budget may be made where nothing else was.
                if limit.is_some_and(|limit| window.tokens > 0 && window.tokens.saturating_add(tokens) > limit) {
                    return Err((window.began + length).saturating_duration_since(now));
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
    /// Where it is told how many tokens the call, with a prompt of so many, has used.
    pub fn meter(&self, prompt: u64) -> TokenMeter {
        TokenMeter { used: Arc::clone(&self.used), prompt, ..TokenMeter::default() }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut all = self.budget.spent.lock().unwrap_or_else(PoisonError::into_inner);
        for name in &self.spenders {
            for window in all.get_mut(name).into_iter().flatten().filter(|window| window.began <= self.at) {
                window.tokens = window.tokens.saturating_add(self.used.load(Ordering::Relaxed)).saturating_sub(self.tokens);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// However fifty callers come at once, and whatever they use of what they set aside, no span is overspent.
    #[test]
    fn a_budget_is_never_overspent() {
        for seed in 0..200 {
            let mut random = Random(seed);
            let budget = Arc::new(TokenBudget::default());
            let limits = TokenLimits { per_minute: Some(10_000), per_day: Some(100_000) };
            let one = [Spender { name: "one".into(), limits }];
            let began = Instant::now();
            let (mut of_day, mut now) = (0_u64, began);
            for minute in 0..20 {
                now = began + minute * MINUTE;
                let mut of_minute = 0;
                let mut open: Vec<(Reservation, u64)> = Vec::new();
                for step in 0..100 {
                    if open.len() < 50 && random.below(2) == 0 {
                        let most = 200 + random.below(800) as u64;
                        match budget.reserve(&one, most, now) {
                            Ok(reserved) => open.push((reserved, random.below(most as usize + 1) as u64)),
                            Err(wait) => assert!(wait <= DAY, "seed {seed}, step {step}"),
                        }
                    } else if !open.is_empty() {
                        let (reserved, used) = open.swap_remove(random.below(open.len()));
                        reserved.meter(0).set(used);
                        (of_minute, of_day) = (of_minute + used, of_day + used);
                    }
                    assert!(of_minute <= 10_000 && of_day <= 100_000, "seed {seed}, step {step}: {of_minute} {of_day}");
                }
            }
            assert!(of_day > 50_000, "seed {seed}: {of_day}");
            assert!(budget.reserve(&[Spender { name: "two".into(), limits }], 9_000, now).is_ok(), "each has a budget of its own");
        }
    }

    #[test]
    fn what_is_not_used_comes_back() {
        let now = Instant::now();
        let budget = Arc::new(TokenBudget::default());
        let one = [Spender { name: "one".into(), limits: TokenLimits { per_minute: Some(1000), per_day: None } }];
        let first = budget.reserve(&one, 900, now).expect("there is enough");
        assert_eq!(budget.reserve(&one, 200, now).err(), Some(MINUTE));
        first.meter(0).set(100);
        drop(first);
        let second = budget.reserve(&one, 900, now).expect("the rest came back");
        drop(second);
        assert!(budget.reserve(&one, 2000, now).is_err(), "more than there is");
        assert!(budget.reserve(&one, 2000, now + MINUTE).is_ok(), "one larger than all of it, where nothing else was");
    }

    #[test]
    fn what_is_not_used_comes_back_to_who_read_the_clock_before_a_span_began() {
        let now = Instant::now();
        let budget = Arc::new(TokenBudget::default());
        let one = [Spender { name: "one".into(), limits: TokenLimits { per_minute: Some(1000), per_day: None } }];
        drop(budget.reserve(&one, 100, now + Duration::from_millis(1)).expect("there is enough"));
        drop(budget.reserve(&one, 900, now).expect("there is enough"));
        assert!(budget.reserve(&one, 1000, now + Duration::from_millis(2)).is_ok(), "all of it came back");
    }

    #[test]
    fn a_key_spends_what_its_workspace_has_and_no_more_than_its_own() {
        let now = Instant::now();
        let budget = Arc::new(TokenBudget::default());
        let limits = |most| TokenLimits { per_minute: Some(most), per_day: None };
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
