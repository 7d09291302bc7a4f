//! Settings of a workspace.

use std::{path::PathBuf, time::Duration};

use jiff::{civil::Date, tz::TimeZone};
use toml::Value;

use crate::{
    config::{
        model::{ContextLimits, MAX_FIRST_TOKEN_GOAL, TokenLimits},
        opening_hours::{OpeningHours, parse_holidays},
        value,
    },
    facts::FactKind,
    text::Language,
};

/// A draft waits no longer than this for the choice of its first source.
const MAX_CHOOSE_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_CHECK_TIME: Duration = Duration::from_secs(30);
const MAX_SUMMARY_WAIT: Duration = Duration::from_secs(3600);

/// Settings of a workspace: languages, opening hours, prompts, masking, retention, budgets.
#[derive(Debug, Clone)]
pub struct DeskSettings {
    /// Default language when a request names none.
    pub language: Language,
    /// The languages that customers are expected to write in.
    pub languages: Vec<Language>,
    /// The time zone of its days and opening hours.
    pub time_zone: TimeZone,
    /// `None`: not known.
    pub opening_hours: Option<OpeningHours>,
    /// Days on which it is closed.
    pub holidays: Vec<Date>,
    /// Token budget of a prompt's context.
    pub context_tokens: usize,
    /// In what time a model's first token should come: the context is shortened to what it reads in that time; zero: never.
    pub first_token_goal: Duration,
    /// How long a draft waits for a model to choose its first source; zero: none is asked.
    pub choose_timeout: Duration,
    /// How long a finished draft waits for a model to check what it promises; zero: none is asked.
    pub check_with_model: Duration,
    /// How long after its last draft the running summary of a long chat is brought up to date; zero: there are none.
    pub running_summary_after: Duration,
    /// How many days a chat is kept after its last event; `None`: forever.
    pub retention_days: Option<u32>,
    /// Whether reports have figures by agent.
    pub report_agents: bool,
    /// What is masked before text goes to a model.
    pub personal_data: PersonalData,
    /// Folder of prompt templates that replace the built-in ones.
    pub prompts: Option<PathBuf>,
    /// Links and hosts that are allowed in any draft.
    pub allowed_links: Vec<String>,
    /// Token limits of the workspace's model calls.
    pub token_limits: TokenLimits,
}

/// What is masked before text goes to a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonalData {
    /// The kinds that are masked. Default: all of [`PersonalData::KINDS`]; empty: nothing is masked.
    pub kinds: Vec<FactKind>,
    /// Whether first names on their own are masked, too.
    pub first_names: bool,
    /// Addresses, numbers and names that are never masked; `@shop.com` covers every email address of that domain.
    pub exceptions: Vec<String>,
}

impl PersonalData {
    /// The kinds, by their names in the `mask` setting.
    pub const KINDS: [(&'static str, FactKind); 7] = [
        ("email", FactKind::Email),
        ("phone", FactKind::Phone),
        ("card", FactKind::Card),
        ("iban", FactKind::Iban),
        ("national_id", FactKind::NationalId),
        ("address", FactKind::Address),
        ("name", FactKind::Person),
    ];

    /// Whether `written` is exempt from masking.
    pub fn is_exception(&self, written: &str) -> bool {
        let bare = |text: &str| text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
        self.exceptions.iter().any(|exception| match exception.strip_prefix('@') {
            Some(_) => written.to_lowercase().ends_with(&exception.to_lowercase()),
            None => bare(exception) == bare(written),
        })
    }
}

impl Default for PersonalData {
    fn default() -> PersonalData {
        PersonalData { kinds: PersonalData::KINDS.map(|(_, kind)| kind).to_vec(), first_names: false, exceptions: Vec::new() }
    }
}

impl Default for DeskSettings {
    fn default() -> DeskSettings {
        let tag = |tag: &str| Language::parse(tag).expect("a constant tag");
        DeskSettings {
            language: tag("en"),
            languages: ["en", "tr", "hu", "de"].map(tag).to_vec(),
            time_zone: TimeZone::UTC,
            opening_hours: None,
            holidays: Vec::new(),
            context_tokens: 8000,
            first_token_goal: Duration::from_secs(5),
            choose_timeout: Duration::from_millis(400),
            check_with_model: Duration::ZERO,
            running_summary_after: Duration::from_secs(10),
            retention_days: None,
            report_agents: true,
            personal_data: PersonalData::default(),
            prompts: None,
            allowed_links: Vec::new(),
            token_limits: TokenLimits::default(),
        }
    }
}

impl DeskSettings {
    /// The limits of a prompt's context, for models that set none of their own.
    pub fn context_limits(&self) -> ContextLimits {
        ContextLimits { tokens: self.context_tokens, first_token_goal: self.first_token_goal }
    }

    /// The setting keys of a workspace.
    pub const KEYS: [&str; 19] = [
        "language",
        "languages",
        "time_zone",
        "opening_hours",
        "holidays",
        "context_tokens",
        "first_token_goal",
        "choose_timeout",
        "check_with_model",
        "running_summary_after",
        "retention_days",
        "report_agents",
        "mask",
        "mask_first_names",
        "mask_exceptions",
        "prompts",
        "allowed_links",
        "tokens_per_minute",
        "tokens_per_day",
    ];

    /// Sets one key; the error says which values are allowed. `None`: the key is unknown.
    pub fn set(&mut self, key: &str, given: &Value) -> Option<Result<(), String>> {
        Some(match key {
            "language" => value::language(given).map(|language| self.language = language),
            "languages" => value::languages(given).map(|languages| self.languages = languages),
            "time_zone" => value::time_zone(given).map(|time_zone| self.time_zone = time_zone),
            "opening_hours" => OpeningHours::parse(given).map(|hours| self.opening_hours = hours),
            "holidays" => parse_holidays(given).map(|holidays| self.holidays = holidays),
            "context_tokens" => value::whole(given, 500, 1_000_000).map(|limit| self.context_tokens = limit as usize),
            "first_token_goal" => value::duration_or_zero(given, MAX_FIRST_TOKEN_GOAL).map(|time| self.first_token_goal = time),
            "choose_timeout" => value::duration_or_zero(given, MAX_CHOOSE_TIMEOUT).map(|time| self.choose_timeout = time),
            "check_with_model" => value::duration_or_zero(given, MAX_CHECK_TIME).map(|time| self.check_with_model = time),
            "running_summary_after" => value::duration_or_zero(given, MAX_SUMMARY_WAIT).map(|time| self.running_summary_after = time),
            "retention_days" => value::whole(given, 1, 36_500).map(|days| self.retention_days = Some(days as u32)),
            "report_agents" => value::truth(given).map(|truth| self.report_agents = truth),
            "mask" => value::texts(given).and_then(|names| {
                let kind = |name: &String| PersonalData::KINDS.iter().find(|(known, _)| known == name).map(|(_, kind)| *kind);
                let kinds: Option<Vec<FactKind>> = names.iter().filter(|name| *name != "none").map(kind).collect();
                let known = PersonalData::KINDS.map(|(name, _)| name).join(", ");
                kinds.map(|kinds| self.personal_data.kinds = kinds).ok_or_else(|| format!("it must be `none`, or one or more of {known}"))
            }),
            "mask_first_names" => value::truth(given).map(|truth| self.personal_data.first_names = truth),
            "mask_exceptions" => value::texts(given).map(|texts| self.personal_data.exceptions = texts),
            "prompts" => value::text(given, "a folder").map(|folder| self.prompts = Some(PathBuf::from(folder))),
            "allowed_links" => value::texts(given).map(|links| self.allowed_links = links),
            "tokens_per_minute" => value::whole(given, 1, 1 << 40).map(|limit| self.token_limits.per_minute = Some(limit as u64)),
            "tokens_per_day" => value::whole(given, 1, 1 << 40).map(|limit| self.token_limits.per_day = Some(limit as u64)),
            _ => return None,
        })
    }

    /// Adds the workspace's own language to the expected ones, if it is missing there.
    pub fn settle(&mut self) {
        if !self.languages.contains(&self.language) {
            self.languages.insert(0, self.language.clone());
        }
    }
}
