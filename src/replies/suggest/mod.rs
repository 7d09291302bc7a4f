//! Suggestions: one ranked list of canned answers and articles for a chat.

pub mod fit;
pub mod query;
pub mod semantic;

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    chats::{Chat, NewEvent},
    ids::Id,
    knowledge::{Audience, ChatFacts, Kind, QueryKind, RankedDocument, Reader, Segment, SuggestionQuery},
    replies::{Agent, Desk, error::ReplyError, learning::outcome::Shown, placeholder},
    text::Language,
};

/// Least score of the first suggestion for a chat, the threshold "offer": below it, agents took one in five at most.
const OFFER: f64 = 0.22;
/// Most words of a reason.
const MAX_REASON_WORDS: usize = 5;

/// What to suggest for.
#[derive(Debug, Clone)]
pub struct Suggest {
    /// `None` only if `query` is set.
    pub chat_id: Option<Id>,
    /// Who asks: decides which canned answers are offered, and fills `{{agent.name}}`.
    pub agent: Agent,
    /// Events to append first; they are kept even if nothing is suggested.
    pub events: Vec<NewEvent>,
    /// What the agent typed.
    pub query: String,
    /// Which kinds of document are suggested.
    pub kinds: Vec<Kind>,
    /// `None`: the customer's.
    pub language: Option<Language>,
    /// Most suggestions; the handler lets pass at most 50.
    pub limit: usize,
}

/// A document suggested for a chat.
#[derive(Debug, Clone)]
pub struct Suggestion {
    /// Names the suggestion in an outcome; a new one for each call.
    pub suggestion_id: String,
    /// Whether it is a canned answer or an article.
    pub kind: Kind,
    /// The document's id.
    pub id: String,
    /// The document's title.
    pub title: String,
    /// A canned answer with its placeholders filled from the chat, or an article's best passage.
    pub text: String,
    /// Placeholders that the chat has no value for, without their braces. They stand in `text`.
    pub missing_placeholders: Vec<String>,
    /// The title, a line break, and the text.
    pub segments: Vec<Segment>,
    /// Where customers read an article; empty if nowhere.
    pub url: String,
    /// Who may see it: the text of an article for agents must not be sent.
    pub audience: Audience,
    /// The language that it is written in, which can be another than the one asked for.
    pub language: Language,
    /// The confidence that it answers the chat, from 0 to 1.
    pub score: f64,
    /// Why it is suggested, in English words for the agent.
    pub reason: String,
    /// The conditions of a canned answer, as its author wrote them.
    pub when: Vec<String>,
}

impl Desk {
    /// Ranks the documents that match a chat, or what the agent typed, best first; none if nothing matches.
    pub async fn suggest(&self, suggest: Suggest) -> Result<Vec<Suggestion>, ReplyError> {
        let suggestions = match &suggest.chat_id {
            Some(chat_id) => {
                let ranked = |chat| self.ranked(&suggest, Some(chat));
                self.with_events(chat_id, &suggest.events, ranked).await?
            }
            None => self.ranked(&suggest, None).await?,
        };
        let shown = suggestions
            .iter()
            .map(|suggestion| Shown {
                suggestion_id: suggestion.suggestion_id.clone(),
                kind: suggestion.kind,
                document_id: suggestion.id.clone(),
                language: suggestion.language.to_string(),
            })
            .collect();
        self.outcomes.suggested(&self.workspace, suggest.chat_id.as_ref().map_or("", Id::as_str), shown);
        Ok(suggestions)
    }

    /// What a chat knows now.
    pub(crate) fn chat_facts(&self, chat: &Chat) -> ChatFacts {
        fit::chat_facts(chat, &self.settings, Timestamp::now().to_zoned(self.settings.time_zone.clone()))
    }

    async fn ranked(&self, suggest: &Suggest, chat: Option<Chat>) -> Result<Vec<Suggestion>, ReplyError> {
        let Suggest { agent, query, kinds, language, limit, .. } = suggest;
        let language = language.as_ref().map(|language| self.ours(language));
        let language = language.or_else(|| chat.as_ref().map(|chat| self.customer_language(chat)));
        let language = language.or_else(|| agent.language.clone()).unwrap_or_else(|| self.settings.language.clone());
        let mut query_kind = query::query_kind(chat.as_ref(), query);
        if let (QueryKind::Conversation(conversation), Some(chat)) = (&mut query_kind, &chat) {
            conversation.votes = self.votes(chat, &language).await?;
            conversation.facts = self.chat_facts(chat);
        }
        let threshold = match query_kind {
            QueryKind::Conversation(_) => OFFER,
            QueryKind::Typed(_) | QueryKind::Shortcut(_) | QueryKind::Opener(_) => 0.0,
        };
        let reader = Reader::agent(agent.agent_id.clone(), agent.groups.clone());
        let meaning = self.meaning(&query_kind, chat.as_ref(), "", &language, &reader).await?;
        let (kinds, language_of) = (kinds.clone(), language.clone());
        let query =
            SuggestionQuery { query_kind: query_kind.clone(), kinds, language: language_of, reader, limit: *limit, meaning, threshold };
        let agent = agent.clone();
        let suggestions = self.knowledge.run_cpu_bound(move |knowledge| {
            let documents = knowledge.suggestions(&query)?;
            Ok(documents
                .into_iter()
                .map(|ranked_document| suggestion(ranked_document, chat.as_ref(), &agent, &language, &query_kind))
                .collect())
        });
        Ok(suggestions.await?)
    }
}

fn suggestion(
    ranked_document: RankedDocument,
    chat: Option<&Chat>,
    agent: &Agent,
    language: &Language,
    query_kind: &QueryKind,
) -> Suggestion {
    let (matched, passage) = (ranked_document.matched(), ranked_document.passage());
    let RankedDocument { document, score, highlighter, chats, .. } = ranked_document;
    let (text, missing) = match document.kind() {
        Kind::CannedAnswer => placeholder::fill(&passage, chat, &agent.name),
        Kind::Article => (passage, Vec::new()),
    };
    let segments = highlighter.mark(&format!("{}\n{text}", document.title), document.language.primary());
    Suggestion {
        suggestion_id: Uuid::now_v7().to_string(),
        kind: document.kind(),
        id: document.id.to_string(),
        missing_placeholders: missing.into_iter().map(str::to_owned).collect(),
        segments,
        url: document.url().to_owned(),
        audience: document.audience(),
        score,
        when: document.when().iter().map(|condition| condition.text().to_owned()).collect(),
        reason: reason(&document, &matched, chats, language, query_kind),
        title: document.title,
        text,
        language: document.language,
    }
}

/// Explains why a document was suggested; states only what is true.
fn reason(document: &crate::knowledge::Document, matched: &[String], chats: usize, language: &Language, query_kind: &QueryKind) -> String {
    let mut words: Vec<&String> = matched.iter().filter(|word| word.chars().count() > 3).collect();
    if words.is_empty() && chats == 0 {
        words = matched.iter().collect();
    }
    let named: Vec<String> = words.iter().take(MAX_REASON_WORDS).map(|word| format!("“{word}”")).collect();
    let mut reason = match query_kind {
        QueryKind::Shortcut(typed) => format!("its shortcut begins with “/{typed}”"),
        QueryKind::Opener(_) if named.is_empty() => "opens a chat in which the customer has not written yet".to_owned(),
        QueryKind::Opener(_) => format!("opens a chat on the open page: {}", named.join(", ")),
        QueryKind::Typed(_) if named.is_empty() => "similar in meaning to what you typed".to_owned(),
        QueryKind::Typed(_) => format!("contains what you typed: {}", named.join(", ")),
        QueryKind::Conversation(_) if named.is_empty() && chats == 0 => "similar in meaning to the chat".to_owned(),
        QueryKind::Conversation(_) if named.is_empty() => String::new(),
        QueryKind::Conversation(_) => format!("shares words with the chat: {}", named.join(", ")),
    };
    if chats > 0 {
        let chats = if chats == 1 { "a chat like this one".to_owned() } else { format!("{chats} chats like this one") };
        let joint = if reason.is_empty() { "" } else { "; " };
        reason.push_str(&format!("{joint}answered {chats}"));
    }
    if document.language.primary() != language.primary() {
        reason.push_str(&format!("; in {}, not available in {}", document.language.english_name(), language.english_name()));
    }
    if document.audience() == Audience::Agents {
        reason.push_str("; for agents only, don't send it");
    }
    reason
}
