//! Metrics of what agents were offered, and of what they did with it.

use prometheus_client::{
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

use crate::{
    ids::Workspace,
    replies::{
        learning::outcome::{Outcome, OutcomeAction, OutcomeTarget},
        stream::result::Engine,
    },
};

type Labels<const N: usize> = [(&'static str, String); N];

/// Counters since the start, of all workspaces of a database.
#[derive(Debug, Clone, Default)]
pub struct OfferCounts {
    suggestion_calls: Family<Labels<2>, Counter>,
    drafts: Family<Labels<2>, Counter>,
    outcomes: Family<Labels<3>, Counter>,
}

impl OfferCounts {
    /// Counts a call for suggestions, and whether any was found.
    pub fn suggested(&self, workspace: &Workspace, found: bool) {
        self.suggestion_calls.get_or_create(&[of(workspace), ("found", found.to_string())]).inc();
    }

    /// Counts a draft that was finished.
    pub fn drafted(&self, workspace: &Workspace, engine: &Engine) {
        let engine = match engine {
            Engine::Model(_) => "model",
            Engine::BuiltIn => "built_in",
        };
        self.drafts.get_or_create(&[of(workspace), ("engine", engine.to_owned())]).inc();
    }

    /// Counts an outcome.
    pub fn recorded(&self, workspace: &Workspace, outcome: &Outcome) {
        let offer = match outcome.offer {
            OutcomeTarget::Suggestion(_) => "suggestion",
            OutcomeTarget::Draft(_) => "draft",
        };
        let action = match outcome.action {
            OutcomeAction::Sent => "sent",
            OutcomeAction::Edited => "edited",
            OutcomeAction::Dismissed => "dismissed",
        };
        self.outcomes.get_or_create(&[of(workspace), ("offer", offer.to_owned()), ("action", action.to_owned())]).inc();
    }

    /// Lets a registry report them.
    pub fn register(&self, registry: &mut Registry) {
        let help = "Calls for suggestions, by whether any was found";
        registry.register("suggestion_calls", help, self.suggestion_calls.clone());
        registry.register("drafts", "Drafts that were finished, by what made them", self.drafts.clone());
        registry.register("outcomes", "Outcomes that were recorded, those recorded again included", self.outcomes.clone());
    }
}

fn of(workspace: &Workspace) -> (&'static str, String) {
    ("workspace", workspace.to_string())
}
