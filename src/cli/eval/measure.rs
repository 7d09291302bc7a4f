//! Ranking metrics: success@1, recall@5, MRR, nDCG, AUROC and latency.

use std::time::Duration;

use serde_json::json;

/// The outcome of one query.
pub struct Answered {
    /// Ranks of relevant documents, from 0, among the first ten.
    pub right: Vec<usize>,
    /// How many documents are relevant.
    pub answers: usize,
    /// Score of the first hit; 0 if the list is empty.
    pub score: f64,
    /// Whether no document is relevant.
    pub out_of_scope: bool,
    pub took: Duration,
}

/// A mean and its standard error.
#[derive(Clone, Copy)]
pub struct Mean {
    pub mean: f64,
    pub error: f64,
}

/// The metrics of a task.
pub struct Measures {
    pub queries: usize,
    pub success: Mean,
    pub recall: Mean,
    pub reciprocal_rank: Mean,
    pub gain: Mean,
    /// AUROC; `None` without out-of-scope queries.
    pub separation: Option<Mean>,
    /// Share of out-of-scope queries with an empty list, and of the others.
    pub empty: Option<(f64, f64)>,
    pub p50: Duration,
    pub p99: Duration,
}

impl Measures {
    pub const HEAD: &str =
        "task                      queries  success@1     recall@5      MRR@10        nDCG@10       AUROC         p50 ms  p99 ms";

    pub fn of(answered: &[Answered]) -> Measures {
        let scored: Vec<&Answered> = answered.iter().filter(|answered| !answered.out_of_scope).collect();
        let mean = |of: &dyn Fn(&Answered) -> f64| Mean::of(&scored.iter().map(|answered| of(answered)).collect::<Vec<f64>>());
        let mut times: Vec<Duration> = answered.iter().map(|answered| answered.took).collect();
        times.sort_unstable();
        let at = |share: f64| times.get(((times.len() - 1) as f64 * share) as usize).copied().unwrap_or_default();
        let scores = |out: bool| answered.iter().filter(|answered| answered.out_of_scope == out).map(|answered| answered.score).collect();
        let separation = auroc(scores(false), scores(true));
        let empty = separation.map(|_| {
            let share = |out: bool| {
                let of: Vec<&Answered> = answered.iter().filter(|answered| answered.out_of_scope == out).collect();
                of.iter().filter(|answered| answered.score == 0.0).count() as f64 / of.len().max(1) as f64
            };
            (share(true), share(false))
        });
        Measures {
            queries: answered.len(),
            success: mean(&|answered| f64::from(answered.right.first() == Some(&0))),
            recall: mean(&|answered| answered.right.iter().filter(|rank| **rank < 5).count() as f64 / answered.answers.clamp(1, 5) as f64),
            reciprocal_rank: mean(&|answered| answered.right.first().map_or(0.0, |rank| 1.0 / (rank + 1) as f64)),
            gain: mean(&|answered| {
                let gain = |rank: usize| 1.0 / ((rank + 2) as f64).log2();
                let best: f64 = (0..answered.answers.min(10)).map(gain).sum();
                answered.right.iter().map(|rank| gain(*rank)).sum::<f64>() / best
            }),
            separation,
            empty,
            p50: at(0.5),
            p99: at(0.99),
        }
    }

    pub fn line(&self, name: &str) -> String {
        let Measures { queries, success, recall, reciprocal_rank, gain, separation, .. } = self;
        let mean = |mean: &Mean| format!("{:.3} ± {:.3}", mean.mean, mean.error);
        let separation = separation.as_ref().map_or_else(|| "-".to_owned(), mean);
        let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
        format!(
            "{name:<25} {queries:>7}  {:<13} {:<13} {:<13} {:<13} {separation:<13} {:>6.2}  {:>6.2}{}",
            mean(success),
            mean(recall),
            mean(reciprocal_rank),
            mean(gain),
            milliseconds(self.p50),
            milliseconds(self.p99),
            self.empty.map_or_else(String::new, |(out, inside)| {
                format!(
                    "\n{:<25} nothing suggested for {:.1} % of the out-of-scope queries and for {:.1} % of the others",
                    "",
                    out * 100.0,
                    inside * 100.0
                )
            }),
        )
    }

    pub fn json(&self, name: &str) -> String {
        let mean = |mean: &Mean| json!({ "mean": mean.mean, "standard_error": mean.error });
        json!({
            "task": name,
            "queries": self.queries,
            "success_at_1": mean(&self.success),
            "recall_at_5": mean(&self.recall),
            "mrr_at_10": mean(&self.reciprocal_rank),
            "ndcg_at_10": mean(&self.gain),
            "auroc": self.separation.as_ref().map(mean),
            "empty_out_of_scope": self.empty.map(|empty| empty.0),
            "empty_in_scope": self.empty.map(|empty| empty.1),
            "p50_ms": self.p50.as_secs_f64() * 1000.0,
            "p99_ms": self.p99.as_secs_f64() * 1000.0,
        })
        .to_string()
    }
}

impl Mean {
    /// The mean of independent values, with its standard error.
    fn of(values: &[f64]) -> Mean {
        let count = values.len().max(1) as f64;
        let mean = values.iter().sum::<f64>() / count;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
        Mean { mean, error: (variance / count).sqrt() }
    }
}

/// How often the first score of an in-scope query is higher than that of an out-of-scope one (a tie counts half): the area under the
/// ROC curve (AUROC), with the standard error of Hanley and McNeil (Radiology 143, 1982).
pub fn auroc(inside: Vec<f64>, mut outside: Vec<f64>) -> Option<Mean> {
    outside.sort_by(f64::total_cmp);
    if inside.is_empty() || outside.is_empty() {
        return None;
    }
    let higher = |score: &f64| {
        let below = outside.partition_point(|other| other < score);
        let equal = outside.partition_point(|other| other <= score) - below;
        below as f64 + equal as f64 / 2.0
    };
    let (m, n) = (inside.len() as f64, outside.len() as f64);
    let area = inside.iter().map(higher).sum::<f64>() / (m * n);
    let (q1, q2) = (area / (2.0 - area), 2.0 * area * area / (1.0 + area));
    let variance = (area * (1.0 - area) + (m - 1.0) * (q1 - area * area) + (n - 1.0) * (q2 - area * area)) / (m * n);
    Some(Mean { mean: area, error: variance.max(0.0).sqrt() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(right: &[usize], answers: usize, score: f64, out_of_scope: bool) -> Answered {
        Answered { right: right.to_vec(), answers, score, out_of_scope, took: Duration::from_millis(2) }
    }

    #[test]
    fn metrics_follow_their_textbook_definitions() {
        let measures = Measures::of(&[
            answered(&[0], 1, 0.9, false),
            answered(&[3], 1, 0.4, false),
            answered(&[], 1, 0.0, false),
            answered(&[0, 7], 2, 0.8, false),
            answered(&[], 0, 0.4, true),
            answered(&[], 0, 0.0, true),
        ]);
        let close = |mean: Mean, expected: f64| assert!((mean.mean - expected).abs() < 1e-3, "{} is not {expected}", mean.mean);
        close(measures.success, 0.5);
        close(measures.recall, 2.5 / 4.0);
        close(measures.reciprocal_rank, 2.25 / 4.0);
        close(measures.gain, (1.0 + 0.4307 + (1.0 + 0.3155) / 1.6309) / 4.0);
        close(measures.separation.unwrap(), (2.0 + 1.5 + 0.5 + 2.0) / 8.0);
        assert_eq!(measures.empty, Some((0.5, 0.25)));
        assert!((measures.success.error - 0.2887).abs() < 1e-3);
    }
}
