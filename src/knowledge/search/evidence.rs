//! What speaks for a document in a conversation, and how it is weighed: to order documents, and to say how likely an agent takes one.
//!
//! The weights were learned from labelled chats of one shop in four languages, with and without its `asked` phrases: those of the order by
//! a softmax over each chat's candidates, those of the probability by logistic regression over the first five. `docs/ranking.md` has the
//! figures.

/// Weights of the order, in standard deviations of the text score.
const INTENT: f32 = 14.0;
const ASKED: f32 = 9.0;
const TITLE: f32 = 2.0;
const TAG: f32 = 2.0;
const STATE: f32 = 12.5;
const STATUS: f32 = 10.0;
/// What a canned answer loses whose placeholders a chat's records don't fill, and where the chat has no record.
const UNFILLED: f32 = 9.0;
const NO_RECORD: f32 = 1.5;
/// What intents say on average of a document that fits, in the probability's logit.
const UNKNOWN_INTENTS: f32 = 1.3;
/// Turns a difference of rank into a ratio of likelihoods.
const SHARPNESS: f32 = 0.27;
/// Added to a likelihood, whose logarithm is taken.
const MIN_LIKELIHOOD: f32 = 0.0001;

/// What speaks for a document.
#[derive(Debug, Clone, Copy, Default)]
pub struct Evidence {
    /// The score of its words and their neighbourhood, in standard deviations.
    pub text: f32,
    /// Word score as a share of the highest possible one, and its sum.
    pub share: f32,
    pub mass: f32,
    /// How well its intents match, from 0 to 1.
    pub intent: f32,
    /// 1 where intents say nothing of the documents, 0 where they do: then a document without them is unlikely.
    pub unknown_intents: f32,
    /// The share of the documents that have phrases of `asked`: where they have, one without a match is less likely.
    pub asked_share: f32,
    /// How well the best phrases of `asked`, the title, and the best tag match, from 0 to 1.
    pub asked: f32,
    pub title: f32,
    pub tag: f32,
    /// How far what the chat knows speaks for it, and whether it names a record's status, from 0 to 1.
    pub state: f32,
    pub status: f32,
    /// What it loses for placeholders without a value.
    pub unfilled: f32,
    /// Of the query: 1 if it has no telling word, near 0 if it has many.
    pub vague: f32,
}

impl Evidence {
    /// What a canned answer loses whose placeholders are not all filled.
    pub fn unfilled(has_record: bool) -> f32 {
        if has_record { UNFILLED } else { NO_RECORD }
    }

    /// Its place in the order: the higher, the better.
    pub fn rank(&self) -> f32 {
        self.text
            + INTENT * self.intent
            + ASKED * self.asked
            + TITLE * self.title
            + TAG * self.tag
            + STATE * self.state
            + STATUS * self.status
            - self.unfilled
    }

    /// How likely an agent takes the document, from 0 to 1; `likelihood` is its share among the candidates, of [`likelihoods`].
    pub fn probability(&self, likelihood: f32) -> f64 {
        // This line was chosen on three shops; the others were learned.
        let logit = -0.4 - 0.55 * self.asked_share
            + 0.53 * (likelihood + MIN_LIKELIHOOD).ln()
            + 1.43 * self.asked
            + 3.35 * self.intent
            + UNKNOWN_INTENTS * self.unknown_intents
            + 3.75 * self.title
            + 0.9 * self.state
            + 2.76 * self.status
            + 5.3 * self.share
            - 0.11 * self.mass.ln_1p()
            - 2.36 * self.vague;
        1.0 / (1.0 + f64::from(-logit).exp())
    }
}

/// The softmax of ranks: each one's share of all.
pub fn likelihoods(ranks: &[f32]) -> Vec<f32> {
    let highest = ranks.iter().copied().fold(f32::MIN, f32::max);
    let likelihoods: Vec<f32> = ranks.iter().map(|rank| (SHARPNESS * (rank - highest)).exp()).collect();
    let sum: f32 = likelihoods.iter().sum();
    likelihoods.into_iter().map(|likelihood| likelihood / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_evidence_is_likelier_and_ranks_higher() {
        let none = Evidence { vague: 0.1, ..Evidence::default() };
        let some = Evidence { intent: 0.5, asked: 0.5, ..none };
        assert!(some.rank() > none.rank());
        assert!(some.probability(0.5) > none.probability(0.5));
        assert!(some.probability(0.9) > some.probability(0.1));
        assert!((0.0..0.15).contains(&none.probability(0.01)), "what nothing speaks for is unlikely: {}", none.probability(0.01));
        let unfilled = Evidence { unfilled: Evidence::unfilled(true), ..some };
        assert!(unfilled.rank() < some.rank());
    }

    #[test]
    fn likelihoods_are_shares() {
        let shares = likelihoods(&[10.0, 5.0, 5.0]);
        assert!((shares.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!(shares[0] > shares[1] && shares[1] == shares[2]);
        assert!(likelihoods(&[]).is_empty());
    }
}
