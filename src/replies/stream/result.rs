//! The result of a generation, with its warnings and its context receipt.

use std::{collections::BTreeMap, time::Duration};

use crate::{chats::ClassReceipt, knowledge::Kind, model::TokensUsed, replies::stream::GeneratedText, text::Language};

/// An event of a generation.
#[derive(Debug)]
pub enum Progress {
    Delta(String),
    Finished(Box<Finished>),
}

/// What generated a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Engine {
    Model(String),
    BuiltIn,
}

/// A doubt about a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    pub kind: WarningKind,
    pub excerpt: String,
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WarningKind {
    /// The customer was told this before.
    AlreadySaid,
    UngroundedLink,
    UngroundedAmount,
    UngroundedDate,
    UngroundedPromise,
    /// The model wrote personal data that it was not given.
    UngroundedPersonalData,
    WrongName,
    /// A correction changed more than errors, or a rewrite is far longer than its text.
    OverEdited,
    NotShorter,
    NoteLeaked,
    /// The model wrote its instructions.
    PromptLeaked,
    LanguageMismatch,
    /// The customer wrote while the text was made.
    Stale,
    /// A rewrite lost, changed or moved a fact.
    FactChanged,
    Truncated,
}

/// Something a text cites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub kind: Kind,
    pub id: String,
    pub title: String,
    pub url: String,
    pub language: String,
    /// The sentences that cite it; none: the whole text does.
    pub excerpts: Vec<String>,
}

/// What a prompt's context had, class by class.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContextReceipt {
    pub messages: ClassReceipt,
    pub records: ClassReceipt,
    pub notes: ClassReceipt,
    pub visitor_facts: ClassReceipt,
    pub form_answers: ClassReceipt,
    pub earlier_chats: ClassReceipt,
    pub canned_answers: ClassReceipt,
    pub articles: ClassReceipt,
    pub voice: ClassReceipt,
    pub glossary: ClassReceipt,
    /// How many personal facts were masked, by the kind in their marks.
    pub masked: BTreeMap<&'static str, usize>,
    pub tokens_used: usize,
    pub token_budget: usize,
}

/// Tokens and times of a generation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    pub tokens: TokensUsed,
    pub time_to_first_token: Duration,
    pub total: Duration,
}

impl Usage {
    /// Adds the usage of a second attempt; the first one had the first token.
    pub fn plus(self, second: Usage) -> Usage {
        let tokens = TokensUsed {
            prompt: self.tokens.prompt.saturating_add(second.tokens.prompt),
            completion: self.tokens.completion.saturating_add(second.tokens.completion),
        };
        Usage { tokens, time_to_first_token: self.time_to_first_token, total: second.total }
    }
}

/// A piece of an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    pub kind: EditKind,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EditKind {
    Kept,
    Removed,
    Added,
}

/// The final result of a generation.
#[derive(Debug, Clone)]
pub struct Finished {
    pub text: String,
    pub replaced: bool,
    pub messages: Vec<String>,
    pub draft_id: String,
    pub language: Option<Language>,
    pub engine: Engine,
    pub sources: Vec<Source>,
    pub warnings: Vec<Warning>,
    pub edits: Vec<Edit>,
    pub context: ContextReceipt,
    pub usage: Usage,
}

impl Finished {
    /// Builds the result of a text that is not a draft and cites nothing. The built-in engine reads no context, so its receipt is empty.
    pub fn of(generated: GeneratedText, language: Option<Language>, context: ContextReceipt) -> Finished {
        let GeneratedText { text, cited: _, engine, warnings, usage } = generated;
        let context = if engine == Engine::BuiltIn { ContextReceipt::default() } else { context };
        Finished {
            text,
            replaced: false,
            messages: Vec::new(),
            draft_id: String::new(),
            language,
            engine,
            sources: Vec::new(),
            warnings,
            edits: Vec::new(),
            context,
            usage,
        }
    }
}
