//! How fast a model reads prompts, as measured, and how long a prompt it reads in a given time.

use std::{collections::VecDeque, time::Duration};

use super::sync::{Mutex, PoisonError};

/// Observations that are kept, and fewest tokens of one: a shorter prompt says more about the connection.
const KEPT: usize = 12;
const MIN_TOKENS: usize = 100;
/// Fewest tokens of an observation that tells the speed by itself.
const LONG: f64 = 1000.0;
/// Two observations tell the speed if one prompt is larger by this share. Without such a pair all of the time counts as reading.
const SPREAD: f64 = 0.25;
/// Shortest context that is chosen, in tokens: with less, no chat can be answered.
const MIN_CONTEXT: usize = 500;
/// A context changes in steps of this factor: the prompts of a chat that a server has cached stay valid while the measured speed sways.
const STEP: f64 = 1.25;

/// Measured reading of prompts.
#[derive(Debug, Default)]
pub struct ReadingSpeed(Mutex<Measured>);

#[derive(Debug, Default)]
struct Measured {
    /// Tokens read anew, and the seconds to the first token.
    observed: VecDeque<(f64, f64)>,
    /// What is assumed until something was observed, in the same form.
    assumed: Option<(f64, f64)>,
    /// The context that was chosen last.
    context: Option<usize>,
}

/// The time to a first token: `wait + tokens * each`, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Fit {
    wait: f64,
    each: f64,
}

impl ReadingSpeed {
    /// Records that `tokens` of a prompt were read anew in `took`.
    pub fn learn(&self, tokens: usize, took: Duration) {
        if tokens >= MIN_TOKENS {
            let mut measured = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if measured.observed.len() == KEPT {
                measured.observed.pop_front();
            }
            measured.observed.push_back((tokens as f64, took.as_secs_f64()));
        }
    }

    /// Assumes that `tokens` of a prompt take so long, until something was observed.
    pub fn assume(&self, tokens: usize, takes: Duration) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).assumed = Some((tokens as f64, takes.as_secs_f64()));
    }

    /// Returns whether nothing tells its speed yet.
    pub fn is_unknown(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fit().is_none()
    }

    /// Returns the tokens that it reads in a second; `None` if that is not known.
    pub fn tokens_per_second(&self) -> Option<f64> {
        let fit = self.0.lock().unwrap_or_else(PoisonError::into_inner).fit()?;
        Some(1.0 / fit.each)
    }

    /// Returns how long it takes to its first token for a prompt of `tokens`.
    pub fn time_of(&self, tokens: usize) -> Option<Duration> {
        let fit = self.0.lock().unwrap_or_else(PoisonError::into_inner).fit()?;
        Duration::try_from_secs_f64(fit.wait + tokens as f64 * fit.each).ok()
    }

    /// Returns the tokens of context that let the first token come within `goal`, at most `most`. Where the wait is not for reading, a shorter
    /// context is no help: then reading may take half of the goal.
    pub fn context(&self, most: usize, goal: Duration) -> usize {
        let mut measured = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(fit) = measured.fit().filter(|_| !goal.is_zero()) else { return most };
        let goal = goal.as_secs_f64();
        let tokens = (goal - fit.wait).max(goal / 2.0) / fit.each;
        let chosen = match measured.context {
            Some(chosen) if (chosen as f64..chosen as f64 * STEP * STEP).contains(&tokens) => chosen,
            _ => (MIN_CONTEXT as f64 * STEP.powf((tokens / MIN_CONTEXT as f64).log(STEP).floor().max(0.0))) as usize,
        };
        measured.context = Some(chosen);
        chosen.min(most)
    }
}

impl Measured {
    /// Fits a line to the observations by the medians of slopes and rests (Theil and Sen), so that a call that had to wait in the server's queue
    /// does not count.
    fn fit(&self) -> Option<Fit> {
        let observed = Vec::from_iter(self.observed.iter().copied());
        let mut slopes: Vec<f64> = Vec::new();
        for (nth, (tokens, took)) in observed.iter().enumerate() {
            let apart = |(other, _): &&(f64, f64)| (other - tokens).abs() >= SPREAD * other.max(*tokens);
            slopes.extend(observed[nth + 1..].iter().filter(apart).map(|(other, other_took)| (other_took - took) / (other - tokens)));
        }
        if slopes.is_empty() {
            // Most of a short prompt's time is for the connection.
            let long: Vec<(f64, f64)> = observed.into_iter().filter(|(tokens, _)| *tokens >= LONG).collect();
            let told = if long.is_empty() { Vec::from_iter(self.assumed) } else { long };
            let each = median(told.iter().map(|(tokens, took)| took / tokens).collect())?;
            return Some(Fit { wait: 0.0, each: each.max(f64::MIN_POSITIVE) });
        }
        // Not even a fast server reads a million tokens a second.
        let each = median(slopes)?.max(1e-6);
        let wait = median(observed.iter().map(|(tokens, took)| took - tokens * each).collect())?.max(0.0);
        Some(Fit { wait, each })
    }
}

fn median(mut numbers: Vec<f64>) -> Option<f64> {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(observations: &[(usize, f64)]) -> ReadingSpeed {
        let speed = ReadingSpeed::default();
        for (tokens, seconds) in observations {
            speed.learn(*tokens, Duration::from_secs_f64(*seconds));
        }
        speed
    }

    const GOAL: Duration = Duration::from_secs(5);

    #[test]
    fn a_slow_reader_gets_what_it_reads_in_time() {
        let slow = measured(&[(5900, 19.6), (1500, 5.2), (1600, 5.3)]);
        let context = slow.context(8000, GOAL);
        assert!((1000..=1500).contains(&context), "{context}");
        assert!((280.0..=320.0).contains(&slow.tokens_per_second().unwrap()));
        assert_eq!(slow.context(8000, Duration::ZERO), 8000, "without a goal nothing is shortened");
    }

    #[test]
    fn a_wait_that_is_not_for_reading_does_not_shorten() {
        // A hosted model that thinks for six seconds, whatever it is asked.
        let thinks = measured(&[(6000, 6.3), (4800, 6.2), (3000, 6.1)]);
        assert_eq!(thinks.context(8000, GOAL), 8000);
        assert_eq!(measured(&[(6000, 0.4)]).context(8000, GOAL), 8000);
        assert_eq!(measured(&[]).context(8000, GOAL), 8000);
    }

    #[test]
    fn a_short_prompt_alone_and_an_assumption_that_proved_wrong_shorten_nothing() {
        assert_eq!(measured(&[(300, 1.2)]).context(8000, GOAL), 8000);
        let hung = ReadingSpeed::default();
        hung.assume(6000, Duration::from_secs(30));
        assert!(hung.context(8000, GOAL) < 1100);
        hung.learn(1900, Duration::from_millis(400));
        assert_eq!(hung.context(8000, GOAL), 8000);
    }

    #[test]
    fn a_call_that_queued_does_not_count() {
        let queued = measured(&[(2000, 1.0), (4000, 2.0), (3000, 14.0), (5000, 2.5), (2500, 1.25)]);
        assert_eq!(queued.context(8000, GOAL), 8000);
    }

    #[test]
    fn the_context_stays_while_the_speed_sways() {
        let speed = measured(&[(2000, 6.0)]);
        let first = speed.context(8000, GOAL);
        for sway in [1.02, 0.97, 1.04, 0.95] {
            speed.learn(2000, Duration::from_secs_f64(6.0 * sway));
            assert_eq!(speed.context(8000, GOAL), first);
        }
        for _ in 0..KEPT {
            speed.learn(2000, Duration::from_secs(24));
        }
        assert!(speed.context(8000, GOAL) < first);
    }

    #[test]
    fn no_context_is_too_short_for_a_chat() {
        assert_eq!(measured(&[(2000, 300.0)]).context(8000, GOAL), MIN_CONTEXT);
    }
}
