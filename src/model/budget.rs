//! Tokens that a workspace may use, in a minute and in a day.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::config::TokenLimits;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// What each workspace has used. It is kept in memory alone: a restart begins anew.
pub struct TokenBudget {
    limits: TokenLimits,
    spent: Mutex<HashMap<Arc<str>, [Window; 2]>>,
}

/// A span of time, and the tokens used or set aside in it.
#[derive(Clone, Copy)]
struct Window {
    began: Instant,
    tokens: u64,
}

/// Tokens that are set aside for a call, until what it used is told.
pub struct Reserved {
    budget: Arc<TokenBudget>,
    workspace: Arc<str>,
    tokens: u64,
    /// When it was set aside: what belongs to a span that has ended is not given back to the next.
    at: Instant,
    /// What is known to be used.
    used: u64,
}

impl TokenBudget {
    pub fn new(limits: TokenLimits) -> TokenBudget {
        TokenBudget { limits, spent: Mutex::default() }
    }

    /// Sets so many tokens aside for a call: the most that it can use. `Err`: they are not there; when there may be more.
    pub fn reserve(self: &Arc<TokenBudget>, workspace: &str, tokens: u64, now: Instant) -> Result<Reserved, Duration> {
        let mut all = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let workspace: Arc<str> = Arc::from(workspace);
        let windows = all.entry(Arc::clone(&workspace)).or_insert([Window { began: now, tokens: 0 }; 2]);
        let spans = [(MINUTE, self.limits.a_minute), (DAY, self.limits.a_day)];
        for (window, (length, limit)) in windows.iter_mut().zip(spans) {
            if now.saturating_duration_since(window.began) >= length {
                *window = Window { began: now, tokens: 0 };
            }
            // One reply that is larger than all of the budget may be made where nothing else was.
            if limit.is_some_and(|limit| window.tokens > 0 && window.tokens.saturating_add(tokens) > limit) {
                return Err((window.began + length).saturating_duration_since(now));
            }
        }
        windows.iter_mut().for_each(|window| window.tokens = window.tokens.saturating_add(tokens));
        Ok(Reserved { budget: Arc::clone(self), workspace, tokens, at: now, used: 0 })
    }
}

impl Reserved {
    /// Tells how many tokens the call has used by now.
    pub fn used(&mut self, tokens: u64) {
        self.used = tokens;
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let mut all = self.budget.spent.lock().unwrap_or_else(PoisonError::into_inner);
        for window in all.get_mut(&self.workspace).into_iter().flatten().filter(|window| window.began <= self.at) {
            window.tokens = (window.tokens + self.used).saturating_sub(self.tokens);
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
            let budget = Arc::new(TokenBudget::new(TokenLimits { a_minute: Some(10_000), a_day: Some(100_000) }));
            let began = Instant::now();
            let (mut of_day, mut now) = (0_u64, began);
            for minute in 0..20 {
                now = began + minute * MINUTE;
                let mut of_minute = 0;
                let mut open: Vec<(Reserved, u64)> = Vec::new();
                for step in 0..100 {
                    if open.len() < 50 && random.below(2) == 0 {
                        let most = 200 + random.below(800) as u64;
                        match budget.reserve("one", most, now) {
                            Ok(reserved) => open.push((reserved, random.below(most as usize + 1) as u64)),
                            Err(wait) => assert!(wait <= DAY, "seed {seed}, step {step}"),
                        }
                    } else if !open.is_empty() {
                        let (mut reserved, used) = open.swap_remove(random.below(open.len()));
                        reserved.used(used);
                        (of_minute, of_day) = (of_minute + used, of_day + used);
                    }
                    assert!(of_minute <= 10_000 && of_day <= 100_000, "seed {seed}, step {step}: {of_minute} {of_day}");
                }
            }
            assert!(of_day > 50_000, "seed {seed}: {of_day}");
            assert!(budget.reserve("two", 9_000, now).is_ok(), "a workspace has a budget of its own");
        }
    }

    #[test]
    fn what_is_not_used_comes_back() {
        let now = Instant::now();
        let budget = Arc::new(TokenBudget::new(TokenLimits { a_minute: Some(1000), a_day: None }));
        let mut first = budget.reserve("w", 900, now).expect("there is enough");
        assert_eq!(budget.reserve("w", 200, now).err(), Some(MINUTE));
        first.used(100);
        drop(first);
        let second = budget.reserve("w", 900, now).expect("the rest came back");
        drop(second);
        assert!(budget.reserve("w", 2000, now).is_err(), "more than there is");
        assert!(budget.reserve("w", 2000, now + MINUTE).is_ok(), "one larger than all of it, where nothing else was");
    }
}
