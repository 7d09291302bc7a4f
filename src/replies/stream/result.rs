//! The end of a generated text: what counts, and what it was made from.

use std::{collections::BTreeMap, time::Duration};

use crate::{chats::ClassReceipt, knowledge::Kind, model::TokensUsed, replies::stream::GeneratedText, text::Language};

/// A step of a generation.
#[derive(Debug)]
pub enum Progress {
    Delta(String),
    Finished(Box<Finished>),
}

/// What made a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Engine {
    Model(String),
    BuiltIn,
}

/// What is doubtful about a text.
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
    /// The model named personal data that nobody told it.
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

/// The account of a prompt's context, class by class.
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
    /// How many personal data a model got as marks, by kind as marks say it.
    pub masked: BTreeMap<&'static str, usize>,
    pub tokens_used: usize,
    pub token_budget: usize,
}

/// What a text cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    pub tokens: TokensUsed,
    pub time_to_first_token: Duration,
    pub total: Duration,
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

/// The end of a generation.
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
    /// The end of a text that is no draft and cites nothing. The built-in engine reads no context: an account of one would not be true.
    pub fn of(made: GeneratedText, language: Option<Language>, context: ContextReceipt) -> Finished {
        let GeneratedText { text, cited: _, engine, warnings, usage } = made;
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
