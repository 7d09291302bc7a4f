//! Suggestions: one ranked list of canned answers and articles for a chat.

pub mod fit;
pub mod query;
pub mod reason;
pub mod semantic;

use jiff::Timestamp;

use crate::{
    chats::{Channel, Chat, NewEvent},
    ids::Id,
    knowledge::{Audience, ChatFacts, Kind, QueryKind, RankedDocument, Reader, Segment, SuggestionQuery, matched_words, segments},
    replies::{
        Agent, Desk,
        draft::channel::plain_for,
        error::ReplyError,
        learning::outcome::Shown,
        placeholder,
        suggest::reason::{Reason, ReasonFacts, reasons},
    },
    text::{Language, placeholders},
};

/// Least chance that one of the first three suggestions for a chat fits, the threshold "offer".
const OFFER: f64 = 0.42;

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
    /// Why it is suggested, in the agent's language.
    pub reason: String,
    /// The same by kind, in the same order.
    pub reasons: Vec<Reason>,
    /// The conditions of a canned answer, as its author wrote them.
    pub when: Vec<String>,
}

impl Desk {
    /// Ranks the documents that match a chat, or what the agent typed, best first; none if nothing matches.
    pub async fn suggest(&self, suggest: Suggest) -> Result<Vec<Suggestion>, ReplyError> {
        let mut suggestions = match &suggest.chat_id {
            Some(chat_id) => {
                let ranked = |chat| self.ranked(&suggest, Some(chat));
                self.with_events(chat_id, &suggest.events, ranked).await?
            }
            None => self.ranked(&suggest, None).await?,
        };
        let chat_id = suggest.chat_id.as_ref().map_or("", Id::as_str);
        let number = match &suggest.chat_id {
            Some(chat_id) => self.chats.number(chat_id).await?,
            None => None,
        };
        let mut shown = Vec::with_capacity(suggestions.len());
        for suggestion in &mut suggestions {
            let (kind, document_id, language) = (suggestion.kind, suggestion.id.clone(), suggestion.language.to_string());
            suggestion.suggestion_id = self.outcomes.suggestion_id(&self.workspace, number, (kind, &document_id, &language));
            let agent_id = if chat_id.is_empty() { String::new() } else { suggest.agent.agent_id.clone() };
            shown.push(Shown { suggestion_id: suggestion.suggestion_id.clone(), agent_id, kind, document_id, language });
        }
        self.outcomes.suggested(&self.workspace, chat_id, shown);
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
        let query = SuggestionQuery { query_kind, kinds: kinds.clone(), language, reader, limit: *limit, meaning, threshold };
        let agent = agent.clone();
        let read_by_agent = agent.language.clone().unwrap_or_else(|| self.settings.language.clone());
        let suggestions = self.knowledge.run_cpu_bound(move |knowledge| {
            let documents = knowledge.suggestions(&query)?;
            Ok(documents
                .into_iter()
                .map(|ranked_document| suggestion(ranked_document, chat.as_ref(), &agent, &read_by_agent, &query))
                .collect())
        });
        Ok(suggestions.await?)
    }
}

fn suggestion(
    ranked_document: RankedDocument,
    chat: Option<&Chat>,
    agent: &Agent,
    read_by_agent: &Language,
    query: &SuggestionQuery,
) -> Suggestion {
    let passage = ranked_document.passage();
    let RankedDocument { document, score, highlighter, chats, fits_state, asked } = ranked_document;
    let written_in = document.language.primary();
    let channel = chat.map_or(Channel::WebChat, |chat| chat.summary.channel);
    let (text, missing) = match document.kind() {
        Kind::CannedAnswer => placeholder::fill(&passage, chat, &agent.name, &document.language),
        Kind::Article => (passage, Vec::new()),
    };
    // As the channel shows it; how much of it is sent is the agent's choice.
    let text = plain_for(&text, channel);
    let when: Vec<String> = document.when().iter().map(|condition| condition.text().to_owned()).collect();
    // What the chat knows speaks for it by records in its placeholders; where there are none, by its conditions, which all hold.
    let filled = placeholders(&document.body).into_iter().map(|placeholder| placeholder.name);
    let filled: Vec<String> = filled.filter(|name| name.starts_with("record.") && !missing.contains(name)).map(str::to_owned).collect();
    let state = match (fits_state, filled.is_empty()) {
        (false, _) => Vec::new(),
        (true, false) => filled,
        (true, true) => when.clone(),
    };
    let phrase = asked.and_then(|number| document.asked.get(number));
    let asked: Vec<String> = phrase.filter(|phrase| highlighter.has_most_of(phrase, written_in)).cloned().into_iter().collect();
    let shown = format!("{}\n{text}", document.title);
    let in_text = highlighter.matching(&shown, written_in);
    let tags = document.tags.join(" ");
    let in_tags = highlighter.matching(&tags, written_in);
    let matched = matched_words([(shown.as_str(), in_text.as_slice()), (&tags, &in_tags)]);
    let by_meaning = matches!(query.query_kind, QueryKind::Conversation(_)) || query.meaning.is_some();
    let facts = ReasonFacts {
        query_kind: &query.query_kind,
        // Nothing else found it.
        similar_meaning: by_meaning && matched.is_empty() && asked.is_empty() && state.is_empty() && chats == 0,
        words: matched,
        asked,
        state,
        earlier_chats: chats,
        language: &document.language,
        wanted: &query.language,
        agents_only: document.audience() == Audience::Agents,
    };
    let (reasons, reason) = reasons(&facts, read_by_agent);
    Suggestion {
        // It is given out with the chat that it is for.
        suggestion_id: String::new(),
        kind: document.kind(),
        id: document.id.to_string(),
        missing_placeholders: missing.into_iter().map(str::to_owned).collect(),
        segments: segments(&shown, &in_text),
        url: document.url().to_owned(),
        audience: document.audience(),
        score,
        when,
        reason,
        reasons,
        title: document.title,
        text,
        language: document.language,
    }
}
