//! The reply report: what became of suggestions and drafts, and how chats were rated, by day, language and agent.

use crate::{knowledge::Lines, store::days::Days, text::Language};

/// What a report is asked about.
#[derive(Debug, Clone)]
pub struct ReplyReportFilter {
    /// The period, in the time zone whose days are counted.
    pub days: Days,
    /// Only suggestions and drafts in this language, and ratings of chats in it; `None`: all of them.
    pub language: Option<Language>,
    /// Only what was shown to this agent; empty: to anybody.
    pub agent_id: String,
    /// Only suggestions of this document, and drafts whose first source it is; empty: of any.
    pub document_id: String,
}

/// What became of what was shown in a period.
#[derive(Debug)]
pub struct ReplyReport {
    /// All of it.
    pub total: ReplyCounts,
    /// By day, as [`crate::store::days::date`] knows it; days on which nothing happened are absent.
    pub days: Vec<(i64, ReplyCounts)>,
    /// By language, the most frequent first.
    pub languages: Lines<(String, ReplyCounts)>,
    /// By agent, the busiest first; `None` where agents are not reported.
    pub agents: Option<Lines<(String, ReplyCounts)>>,
}

/// What became of suggestions and drafts, and how chats were rated.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReplyCounts {
    /// Suggestions.
    pub suggestions: OutcomeCounts,
    /// Drafts.
    pub drafts: OutcomeCounts,
    /// How many drafts a model made.
    pub by_model: i64,
    /// How many the built-in engine made.
    pub built_in: i64,
    /// Ratings of chats.
    pub ratings: ChatRatings,
}

/// What became of what was shown. Of several outcomes of one, the latest counts.
#[derive(Debug, Clone, Copy, Default)]
pub struct OutcomeCounts {
    /// How many were shown.
    pub shown: i64,
    /// How many were sent as they were.
    pub sent: i64,
    /// How many were sent after an edit.
    pub edited: i64,
    /// How many were dismissed.
    pub dismissed: i64,
}

/// How chats were rated: of each the last rating.
#[derive(Debug, Clone, Copy, Default)]
pub struct ChatRatings {
    /// How many ratings.
    pub count: i64,
    /// The sum of their scores, each from 1 to 5.
    pub sum: i64,
}

impl ReplyCounts {
    /// Adds what became of others.
    pub fn add(&mut self, other: &ReplyCounts) {
        let ReplyCounts { suggestions, drafts, by_model, built_in, ratings } = other;
        self.suggestions.add(suggestions);
        self.drafts.add(drafts);
        self.by_model += by_model;
        self.built_in += built_in;
        self.ratings.count += ratings.count;
        self.ratings.sum += ratings.sum;
    }
}

impl OutcomeCounts {
    fn add(&mut self, other: &OutcomeCounts) {
        let OutcomeCounts { shown, sent, edited, dismissed } = other;
        self.shown += shown;
        self.sent += sent;
        self.edited += edited;
        self.dismissed += dismissed;
    }
}
