//! Token budgets of workspaces and keys, per minute and per day.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    TokensUsed,
    sync::{AtomicU64, Mutex, Ordering, PoisonError},
};
use crate::config::TokenLimits;

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

/// How long a window of time is, for which a limit holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// Sixty seconds.
    Minute,
    /// 24 hours.
    Day,
}

impl Period {
    const ALL: [Period; 2] = [Period::Minute, Period::Day];

    /// Its length.
    pub fn length(self) -> Duration {
        Duration::from_secs(match self {
            Period::Minute => 60,
            Period::Day => 24 * 3600,
        })
    }

    fn limit(self, limits: TokenLimits) -> Option<u64> {
        match self {
            Period::Minute => limits.per_minute,
            Period::Day => limits.per_day,
        }
    }
}

/// What each spender has used at this server, and of what it leased from the database: see [`TokenLeases`](super::token_leases::TokenLeases).
#[derive(Default)]
pub struct TokenBudget {
    spent: Mutex<HashMap<Arc<str>, [Window; 2]>>,
}

/// A window of time, and the tokens used or reserved in it.
#[derive(Clone, Copy)]
struct Window {
    start: Instant,
    tokens: u64,
    /// The start in nanoseconds since 1970, by which all servers know the window; 0: nothing was leased for it.
    started_at: i64,
    leased: u64,
    /// How many tokens a server keeps while it makes calls: see [`Lack::block`].
    block: u64,
    /// What was leased and is not in the database yet; negative: what is to be given back to it.
    owed: i64,
    /// Whether tokens were reserved since the last settlement.
    in_use: bool,
}

impl Window {
    fn starting(start: Instant) -> Window {
        Window { start, tokens: 0, started_at: 0, leased: 0, block: 0, owed: 0, in_use: false }
    }
}

/// What a spender has to lease before a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    /// Who has too few.
    pub spender: Arc<str>,
    /// In which window.
    pub period: Period,
    /// The window's limit.
    pub limit: u64,
    /// How many tokens are lacking.
    pub tokens: u64,
}

impl Lack {
    /// How many tokens are leased at once, if a call needs fewer: three servers that keep a block each leave 3 % of a budget unused.
    pub fn block(&self) -> u64 {
        self.limit / 100
    }
}

/// Tokens of a window that all servers share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    pub start: Instant,
    /// The same in nanoseconds since 1970.
    pub started_at: i64,
    pub tokens: u64,
}

/// What a window's leases are to be changed by in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// Whose tokens.
    pub spender: Arc<str>,
    /// Of which window.
    pub period: Period,
    /// When it began, in nanoseconds since 1970.
    pub started_at: i64,
    /// Negative: tokens that are given back.
    pub tokens: i64,
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
    /// Reserves the most tokens that a call can use, for every spender, by what this server alone has used. `Err`: a spender has too few left;
    /// how long until its window resets.
    pub fn reserve(self: &Arc<TokenBudget>, spenders: &[Spender], tokens: u64, now: Instant) -> Result<Reservation, Duration> {
        let refused = self.take(spenders, tokens, now, |_, period, limit, window| {
            // A single call larger than the whole limit is allowed in an empty window.
            let too_many = window.tokens > 0 && window.tokens.saturating_add(tokens) > limit;
            too_many.then(|| (window.start + period.length()).saturating_duration_since(now))
        });
        refused.map_err(|waits| waits.into_iter().max().unwrap_or_default())
    }

    /// Reserves them of what was leased. `Err`: what has to be leased before.
    pub fn reserve_leased(self: &Arc<TokenBudget>, spenders: &[Spender], tokens: u64, now: Instant) -> Result<Reservation, Vec<Lack>> {
        self.take(spenders, tokens, now, |spender, period, limit, window| {
            let lacking = window.tokens.saturating_add(tokens).saturating_sub(window.leased);
            (lacking > 0).then(|| Lack { spender: Arc::clone(spender), period, limit, tokens: lacking })
        })
    }

    /// Reserves tokens, unless a window that has a limit refuses.
    fn take<E>(
        self: &Arc<TokenBudget>,
        spenders: &[Spender],
        tokens: u64,
        now: Instant,
        refuse: impl Fn(&Arc<str>, Period, u64, &Window) -> Option<E>,
    ) -> Result<Reservation, Vec<E>> {
        let mut all = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut at, mut refused) = (now, Vec::new());
        for Spender { name, limits } in spenders {
            let windows = all.entry(Arc::clone(name)).or_insert([Window::starting(now); 2]);
            for (window, period) in windows.iter_mut().zip(Period::ALL) {
                // A caller that read the clock later may have got the lock first.
                at = at.max(window.start);
                if now.saturating_duration_since(window.start) >= period.length() {
                    *window = Window::starting(now);
                }
                refused.extend(period.limit(*limits).and_then(|limit| refuse(name, period, limit, window)));
            }
        }
        if !refused.is_empty() {
            return Err(refused);
        }
        let spenders: Vec<Arc<str>> = spenders.iter().map(|spender| Arc::clone(&spender.name)).collect();
        for name in &spenders {
            for window in all.get_mut(name).into_iter().flatten() {
                window.tokens = window.tokens.saturating_add(tokens);
                window.in_use = true;
            }
        }
        Ok(Reservation { budget: Arc::clone(self), spenders, tokens, at, used: Arc::default() })
    }

    fn with_window<T>(&self, spender: &Arc<str>, period: Period, change: impl FnOnce(&mut Window) -> T) -> T {
        let mut all = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let windows = all.entry(Arc::clone(spender)).or_insert_with(|| [Window::starting(Instant::now()); 2]);
        change(&mut windows[period as usize])
    }

    /// Adds what the database leased. If that is of a newer window than this server knew, what was used before no longer counts.
    pub fn add_lease(&self, lack: &Lack, lease: Lease) {
        self.with_window(&lack.spender, lack.period, |window| {
            if window.started_at != lease.started_at {
                // What was used without a lease belongs to the window, if it began before.
                let tokens = if window.started_at == 0 && window.start >= lease.start { window.tokens } else { 0 };
                *window = Window { start: lease.start, tokens, started_at: lease.started_at, ..Window::starting(lease.start) };
            }
            window.leased += lease.tokens;
            window.block = lack.block();
        });
    }

    /// Leases tokens while the database can't be asked: as many as if there were no other server. `Err`: how long until the window resets.
    pub fn lease_unasked(&self, lack: &Lack, now: Instant, now_at: i64) -> Result<(), Duration> {
        self.with_window(&lack.spender, lack.period, |window| {
            if window.leased > 0 && window.leased.saturating_add(lack.tokens) > lack.limit {
                return Err((window.start + lack.period.length()).saturating_duration_since(now));
            }
            if window.started_at == 0 {
                window.started_at = now_at - i64::try_from(now.saturating_duration_since(window.start).as_nanos()).unwrap_or_default();
            }
            window.leased += lack.tokens;
            window.owed = window.owed.saturating_add_unsigned(lack.tokens);
            Ok(())
        })
    }

    /// Takes what the database is to be told: what was leased without it, and tokens that nobody needs now. If blocks are kept, that is as long
    /// as a spender makes calls.
    pub fn settle(&self, keep_blocks: bool, now: Instant) -> Vec<Settlement> {
        let mut all = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let mut settlements = Vec::new();
        for (name, windows) in all.iter_mut() {
            for (window, period) in windows.iter_mut().zip(Period::ALL).filter(|(window, _)| window.started_at != 0) {
                let is_over = now.saturating_duration_since(window.start) >= period.length();
                let kept = if std::mem::take(&mut window.in_use) && keep_blocks && !is_over { window.block } else { 0 };
                let spare = window.leased.saturating_sub(window.tokens).saturating_sub(kept);
                window.leased -= spare;
                let tokens = std::mem::take(&mut window.owed).saturating_sub_unsigned(spare);
                if tokens != 0 && !is_over {
                    settlements.push(Settlement { spender: Arc::clone(name), period, started_at: window.started_at, tokens });
                }
            }
        }
        settlements
    }

    /// The database could not be told.
    pub fn not_settled(&self, settlement: &Settlement) {
        self.with_window(&settlement.spender, settlement.period, |window| {
            if window.started_at == settlement.started_at {
                window.owed = window.owed.saturating_add(settlement.tokens);
            }
        });
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

    const MINUTE: Duration = Duration::from_secs(60);
    const DAY: Duration = Duration::from_secs(24 * 3600);

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

    /// However leases come, and whatever is given back: never more is used than was leased and not given back.
    #[test]
    fn no_more_is_used_than_was_leased() {
        for seed in 0..200 {
            let mut random = Random(seed);
            let budget = Arc::new(TokenBudget::default());
            let limits = TokenLimits { per_minute: Some(10_000), per_day: None };
            let one = [Spender { name: "one".into(), limits }];
            let (now, mut taken, mut used) = (Instant::now(), 0_i64, 0);
            let mut open: Vec<(Reservation, u64)> = Vec::new();
            for step in 0..200 {
                match random.below(4) {
                    0 | 1 => match budget.reserve_leased(&one, 500, now) {
                        Ok(reserved) => open.push((reserved, random.below(501) as u64)),
                        Err(lacks) => {
                            let [lack] = &lacks[..] else { panic!("{lacks:?}") };
                            assert!((1..=500).contains(&lack.tokens) && lack.limit == 10_000, "{lack:?}");
                            let tokens = lack.tokens + random.below(200) as u64;
                            taken += tokens as i64;
                            budget.add_lease(lack, Lease { start: now, started_at: 7, tokens });
                        }
                    },
                    2 if !open.is_empty() => {
                        let (reserved, tokens) = open.swap_remove(random.below(open.len()));
                        reserved.meter(0).set(tokens);
                        used += tokens as i64;
                    }
                    _ => {
                        for settlement in budget.settle(random.below(2) == 0, now) {
                            assert_eq!((settlement.period, settlement.started_at), (Period::Minute, 7));
                            taken += settlement.tokens;
                        }
                    }
                }
                assert!(used + 500 * open.len() as i64 <= taken, "seed {seed}, step {step}: {used} of {taken}");
            }
            drop(open);
            budget.settle(true, now).into_iter().for_each(|settlement| taken += settlement.tokens);
            budget.settle(true, now).into_iter().for_each(|settlement| taken += settlement.tokens);
            assert_eq!(taken, used, "seed {seed}: what nobody needs is given back");
        }
    }

    #[test]
    fn without_the_database_each_server_has_the_limit_and_owes_what_it_took() {
        let budget = Arc::new(TokenBudget::default());
        let one = [Spender { name: "one".into(), limits: TokenLimits { per_minute: Some(1000), per_day: None } }];
        let now = Instant::now();
        let lack = |budget: &Arc<TokenBudget>| budget.reserve_leased(&one, 600, now).err().expect("nothing is leased").remove(0);
        budget.lease_unasked(&lack(&budget), now, 9_000_000_000).expect("there is enough");
        let first = budget.reserve_leased(&one, 600, now).expect("it is leased");
        assert_eq!(budget.lease_unasked(&lack(&budget), now, 9_000_000_000), Err(MINUTE));
        let settled = Settlement { spender: "one".into(), period: Period::Minute, started_at: 9_000_000_000, tokens: 600 };
        assert_eq!(budget.settle(false, now), std::slice::from_ref(&settled));
        budget.not_settled(&settled);
        assert_eq!(budget.settle(false, now), [settled], "it is tried again");
        assert_eq!(budget.settle(false, now), []);
        drop(first);
        assert_eq!(budget.settle(false, now).first().map(|settlement| settlement.tokens), Some(-600));
    }
}
