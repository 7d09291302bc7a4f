//! The result of a generation, with its warnings and its context receipt.

use std::{collections::BTreeMap, time::Duration};

use crate::{chats::ClassReceipt, knowledge::Kind, model::TokensUsed, replies::stream::GeneratedText, text::Language};

/// An event of a generation.
#[derive(Debug)]
pub enum Progress {
    /// The next part of the text.
    Delta(String),
    /// The end. Nothing follows.
    Finished(Box<Finished>),
}

/// What generated a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Engine {
    /// The model of this configured name.
    Model(String),
    /// The built-in engine, without a model.
    BuiltIn,
}

/// A doubt about a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// What is doubtful.
    pub kind: WarningKind,
    /// The words of the text that it is about, verbatim; empty if it is about the whole text.
    pub excerpt: String,
    /// A sentence for the agent, in English.
    pub message: String,
}

/// What can be doubtful about a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WarningKind {
    /// The shop said this to the customer before.
    AlreadySaid,
    /// A link that no source has, and no setting allows. It was taken out.
    UngroundedLink,
    /// An amount or number that no source has.
    UngroundedAmount,
    /// A date or time that no source has.
    UngroundedDate,
    /// A commitment that no source makes.
    UngroundedPromise,
    /// The model wrote personal data that it was not given.
    UngroundedPersonalData,
    /// The customer is addressed, or the draft is signed, with a wrong name.
    WrongName,
    /// A correction changed more than errors, or a rewrite is far longer than its text.
    OverEdited,
    /// The text should be concise, and is not shorter.
    NotShorter,
    /// The draft had words that only internal notes have; those sentences were taken out.
    NoteLeaked,
    /// The model wrote its instructions.
    PromptLeaked,
    /// The text is in another language than it should be.
    LanguageMismatch,
    /// The customer wrote while the text was made.
    Stale,
    /// A rewrite lost, changed or moved a fact.
    FactChanged,
    /// The text was cut off, at a length limit of the model or of the channel.
    Truncated,
    /// The customer asked something that the text neither answers nor puts off.
    QuestionUnanswered,
    /// A code, an e-mail address or a phone number that is another customer's.
    OtherCustomer,
    /// A placeholder that was not filled in.
    Unfilled,
    /// The text has another structure than the one it was made from.
    StructureChanged,
    /// The customer is addressed in two forms, such as `Sie` and `du`, or in another than the shop's.
    FormOfAddress,
}

/// Something a text cites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Whether it is a canned answer or an article.
    pub kind: Kind,
    /// The document's id.
    pub id: String,
    /// The document's title.
    pub title: String,
    /// Where customers read it; empty if nowhere.
    pub url: String,
    /// The language of the version that was used, as a tag.
    pub language: String,
    /// The sentences that cite it; none: the whole text does.
    pub excerpts: Vec<String>,
}

/// What a prompt's context had, class by class.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContextReceipt {
    /// Messages of the chat.
    pub messages: ClassReceipt,
    /// Records of the shop's systems.
    pub records: ClassReceipt,
    /// Internal notes.
    pub notes: ClassReceipt,
    /// What is known of the customer, and the pages they saw.
    pub visitor_facts: ClassReceipt,
    /// Answers before the chat.
    pub form_answers: ClassReceipt,
    /// The customer's other chats.
    pub earlier_chats: ClassReceipt,
    /// The texts of files.
    pub attachments: ClassReceipt,
    /// What messages quote.
    pub quotations: ClassReceipt,
    /// Signatures and legal notices.
    pub signatures: ClassReceipt,
    /// Canned answers that were found.
    pub canned_answers: ClassReceipt,
    /// Articles that were found.
    pub articles: ClassReceipt,
    /// The workspace's voice: 1 if there is one.
    pub voice: ClassReceipt,
    /// Terms of the workspace's glossary.
    pub glossary: ClassReceipt,
    /// How many personal facts were masked, by the kind in their marks.
    pub masked: BTreeMap<&'static str, usize>,
    /// Estimated tokens of what the prompt was filled with.
    pub tokens_used: usize,
    /// How many there could be, in the same count.
    pub token_budget: usize,
    /// How many there could be if the model read fast enough for `first_token_goal`.
    pub full_token_budget: usize,
    /// How many of the messages left out the chat's running summary covers, if the prompt has it.
    pub summarized_messages: usize,
    /// The tokens that the model reads in a second, as measured; 0: not known.
    pub reading_speed: usize,
}

/// Tokens and times of a generation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens as the model reports them, those of a second try added; 0 if it doesn't, and without a model.
    pub tokens: TokensUsed,
    /// From the call to the first text.
    pub time_to_first_token: Duration,
    /// From the call to the end.
    pub total: Duration,
}

impl Usage {
    /// Adds the usage of a second attempt; the first one had the first token.
    pub fn plus(self, second: Usage) -> Usage {
        let tokens = TokensUsed {
            prompt: self.tokens.prompt.saturating_add(second.tokens.prompt),
            completion: self.tokens.completion.saturating_add(second.tokens.completion),
            cached: self.tokens.cached.saturating_add(second.tokens.cached),
        };
        Usage { tokens, time_to_first_token: self.time_to_first_token, total: second.total }
    }
}

/// A piece of an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Which of the two texts has it.
    pub kind: EditKind,
    /// The piece. All that were kept or removed joined are the text before, all kept or added ones the text after.
    pub text: String,
}

/// What became of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EditKind {
    /// Both texts have it.
    Kept,
    /// Only the text before has it.
    Removed,
    /// Only the text after has it.
    Added,
}

/// The final result of a generation.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The whole text. It is what counts, whatever was streamed.
    pub text: String,
    /// Whether it differs from the deltas joined: a check changed it, or put the original in its place.
    pub replaced: bool,
    /// The messages that it consists of if several were asked for, else empty. Joined by a blank line they are the text.
    pub messages: Vec<String>,
    /// Names the draft in an outcome; empty for anything but a draft.
    pub draft_id: String,
    /// The language that the text should be in; `None` if it is not known.
    pub language: Option<Language>,
    /// What generated it.
    pub engine: Engine,
    /// What it cites.
    pub sources: Vec<Source>,
    /// What is doubtful about it.
    pub warnings: Vec<Warning>,
    /// What a rewrite changed, in the order of the text; empty for anything else.
    pub edits: Vec<Edit>,
    /// What the prompt had, and what was left out of it.
    pub context: ContextReceipt,
    /// Tokens and times.
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
