//! Handlers of ReplyService.

use prost::Message;
use tonic::{Request, Response};

use crate::{
    api::{
        Api, ErrorLanguage, MAX_REPLY_BYTES, Reply,
        acting::acting,
        caller,
        convert::{
            document,
            event::{self, encode_time},
            fields::Fields,
            finished::{Messages, Step, encode_warning, stream},
        },
        error_language::error_language,
        pb::{self, reply_service_server::ReplyService},
        services::reports,
    },
    replies::{
        Agent, CheckReply, CheckedPromise, Correct, Draft, Layout, Outcome, OutcomeAction, OutcomeTarget, Reason, ReasonKind, ReplyCheck,
        Retone, Suggest, Suggestion, Summarize, Tone, Translate, TranslateWhat,
    },
};

/// Longest text to rewrite, instruction or previous draft, in characters.
const MAX_REPLY: usize = 8000;
const MAX_QUERY: usize = 2000;
const MAX_FINAL_TEXT: usize = 32_000;
pub(crate) const MAX_GROUPS: usize = 100;
const DEFAULT_SUGGESTIONS: i32 = 5;
const MAX_SUGGESTIONS: i32 = 50;

#[tonic::async_trait]
impl ReplyService for Api {
    type DraftReplyStream = Messages<pb::DraftReplyResponse>;
    type CorrectReplyStream = Messages<pb::CorrectReplyResponse>;
    type RetoneReplyStream = Messages<pb::RetoneReplyResponse>;
    type TranslateReplyStream = Messages<pb::TranslateReplyResponse>;
    type SummarizeChatStream = Messages<pb::SummarizeChatResponse>;

    async fn draft_reply(&self, request: Request<pb::DraftReplyRequest>) -> Reply<Self::DraftReplyStream> {
        let desk = self.desk(&request);
        let acting = acting(&request);
        acting.may_use(&request.get_ref().chat_id)?;
        let caller = caller(&request);
        let error_language = error_language(&request);
        let pb::DraftReplyRequest { chat_id, agent, events, instruction, previous_draft, language, tone, layout, use_notes } =
            request.into_inner();
        let mut fields = Fields::default();
        let draft = Draft {
            chat_id: fields.id("chat_id", chat_id),
            agent: crate::api::services::replies::agent(&mut fields, acting.agent(agent), &error_language),
            events: event::events(&mut fields, acting.events(events), false),
            instruction: fields.text("instruction", instruction, MAX_REPLY),
            previous_draft: fields.text("previous_draft", previous_draft, MAX_REPLY),
            language: fields.optional_language("language", &language),
            tone: crate::api::services::replies::tone(&mut fields, tone),
            layout: crate::api::services::replies::layout(&mut fields, layout),
            use_notes,
            caller,
        };
        fields.ok()?;
        let generation = desk.draft(draft).await?;
        stream(generation, |step| {
            use pb::draft_reply_response::Event;
            let event = match step {
                Step::Delta(delta) => Event::Delta(delta),
                Step::Finished(finished) => Event::Finished(*finished),
            };
            pb::DraftReplyResponse { event: Some(event) }
        })
    }

    async fn correct_reply(&self, request: Request<pb::CorrectReplyRequest>) -> Reply<Self::CorrectReplyStream> {
        let desk = self.desk(&request);
        let acting = acting(&request);
        acting.may_use(&request.get_ref().chat_id)?;
        let caller = caller(&request);
        let pb::CorrectReplyRequest { text, chat_id, language } = request.into_inner();
        let mut fields = Fields::default();
        let correct = Correct {
            text: fields.required_text("text", text, MAX_REPLY),
            chat_id: fields.optional_id("chat_id", chat_id),
            language: fields.optional_language("language", &language),
            caller,
        };
        fields.ok()?;
        let generation = desk.correct(correct).await?;
        stream(generation, |step| {
            use pb::correct_reply_response::Event;
            let event = match step {
                Step::Delta(delta) => Event::Delta(delta),
                Step::Finished(finished) => Event::Finished(*finished),
            };
            pb::CorrectReplyResponse { event: Some(event) }
        })
    }

    async fn retone_reply(&self, request: Request<pb::RetoneReplyRequest>) -> Reply<Self::RetoneReplyStream> {
        let desk = self.desk(&request);
        let acting = acting(&request);
        acting.may_use(&request.get_ref().chat_id)?;
        let caller = caller(&request);
        let pb::RetoneReplyRequest { text, tone, chat_id, language } = request.into_inner();
        let mut fields = Fields::default();
        if tone == 0 {
            fields.invalid("tone", "is required");
        }
        let retone = Retone {
            text: fields.required_text("text", text, MAX_REPLY),
            tone: crate::api::services::replies::tone(&mut fields, tone).unwrap_or(Tone::Formal),
            chat_id: fields.optional_id("chat_id", chat_id),
            language: fields.optional_language("language", &language),
            caller,
        };
        fields.ok()?;
        let generation = desk.retone(retone).await?;
        stream(generation, |step| {
            use pb::retone_reply_response::Event;
            let event = match step {
                Step::Delta(delta) => Event::Delta(delta),
                Step::Finished(finished) => Event::Finished(*finished),
            };
            pb::RetoneReplyResponse { event: Some(event) }
        })
    }

    async fn translate_reply(&self, request: Request<pb::TranslateReplyRequest>) -> Reply<Self::TranslateReplyStream> {
        let desk = self.desk(&request);
        let acting = acting(&request);
        acting.may_use(&request.get_ref().chat_id)?;
        let caller = caller(&request);
        let error_language = error_language(&request);
        let pb::TranslateReplyRequest { source, chat_id, agent, target_language, source_language } = request.into_inner();
        let mut fields = Fields::default();
        let what = match source {
            Some(pb::translate_reply_request::Source::Text(text)) => TranslateWhat::Text(fields.required_text("text", text, MAX_REPLY)),
            Some(pb::translate_reply_request::Source::EventId(id)) => {
                if chat_id.is_empty() {
                    fields.invalid("chat_id", "is required with event_id");
                }
                TranslateWhat::Message(fields.id("event_id", id))
            }
            None => {
                fields.invalid("source", "is required: text or event_id");
                TranslateWhat::Text(String::new())
            }
        };
        let translate = Translate {
            what,
            chat_id: fields.optional_id("chat_id", chat_id),
            agent: crate::api::services::replies::agent(&mut fields, acting.agent(agent), &error_language),
            target: fields.optional_language("target_language", &target_language),
            source: fields.optional_language("source_language", &source_language),
            caller,
        };
        fields.ok()?;
        let generation = desk.translate(translate).await?;
        stream(generation, |step| {
            use pb::translate_reply_response::Event;
            let event = match step {
                Step::Delta(delta) => Event::Delta(delta),
                Step::Finished(finished) => Event::Finished(*finished),
            };
            pb::TranslateReplyResponse { event: Some(event) }
        })
    }

    async fn suggest_answers(&self, request: Request<pb::SuggestAnswersRequest>) -> Reply<pb::SuggestAnswersResponse> {
        let desk = self.desk(&request);
        let acting = acting(&request);
        acting.may_use(&request.get_ref().chat_id)?;
        let error_language = error_language(&request);
        let pb::SuggestAnswersRequest { chat_id, agent, events, query, kinds, language, limit, min_revision } = request.into_inner();
        let mut fields = Fields::default();
        if chat_id.is_empty() && query.trim().is_empty() {
            fields.invalid("chat_id", "is required unless query is set");
        }
        if chat_id.is_empty() && !events.is_empty() {
            fields.invalid("chat_id", "is required with events");
        }
        let suggest = Suggest {
            chat_id: fields.optional_id("chat_id", chat_id),
            agent: crate::api::services::replies::agent(&mut fields, acting.agent(agent), &error_language),
            events: event::events(&mut fields, acting.events(events), false),
            query: fields.text("query", query, MAX_QUERY),
            kinds: document::kinds(&mut fields, &kinds),
            language: fields.optional_language("language", &language),
            limit: fields.count("limit", limit, DEFAULT_SUGGESTIONS, MAX_SUGGESTIONS),
        };
        let min_revision = fields.revision("min_revision", min_revision);
        fields.ok()?;
        desk.knowledge().wait_for_revision(min_revision).await?;
        let suggestions = desk.suggest(suggest).await?;
        let mut reply = pb::SuggestAnswersResponse::default();
        for suggestion in suggestions {
            reply.suggestions.push(encode_suggestion(suggestion));
            if reply.encoded_len() > MAX_REPLY_BYTES && reply.suggestions.len() > 1 {
                reply.suggestions.pop();
                break;
            }
        }
        Ok(Response::new(reply))
    }

    async fn check_reply(&self, request: Request<pb::CheckReplyRequest>) -> Reply<pb::CheckReplyResponse> {
        let desk = self.desk(&request);
        let acting = acting(&request);
        acting.may_use(&request.get_ref().chat_id)?;
        let error_language = error_language(&request);
        let pb::CheckReplyRequest { text, chat_id, agent, language, previous_text } = request.into_inner();
        let mut fields = Fields::default();
        let check = CheckReply {
            text: fields.required_text("text", text, MAX_REPLY),
            chat_id: fields.optional_id("chat_id", chat_id),
            agent: crate::api::services::replies::agent(&mut fields, acting.agent(agent), &error_language),
            language: fields.optional_language("language", &language),
            previous_text: fields.text("previous_text", previous_text, MAX_REPLY),
        };
        fields.ok()?;
        let ReplyCheck { warnings, promises } = desk.check_reply(check).await?;
        let promises =
            promises.into_iter().map(|CheckedPromise { text, due_at }| pb::CheckedPromise { text, due: due_at.map(encode_time) });
        Ok(Response::new(pb::CheckReplyResponse {
            warnings: warnings.into_iter().map(encode_warning).collect(),
            promises: promises.collect(),
        }))
    }

    async fn summarize_chat(&self, request: Request<pb::SummarizeChatRequest>) -> Reply<Self::SummarizeChatStream> {
        let desk = self.desk(&request);
        let acting = acting(&request);
        acting.may_use(&request.get_ref().chat_id)?;
        let caller = caller(&request);
        let error_language = error_language(&request);
        let pb::SummarizeChatRequest { chat_id, language, agent } = request.into_inner();
        let mut fields = Fields::default();
        let summarize = Summarize {
            chat_id: fields.id("chat_id", chat_id),
            agent: crate::api::services::replies::agent(&mut fields, acting.agent(agent), &error_language),
            language: fields.optional_language("language", &language),
            caller,
        };
        fields.ok()?;
        let generation = desk.summarize(summarize).await?;
        stream(generation, |step| {
            use pb::summarize_chat_response::Event;
            let event = match step {
                Step::Delta(delta) => Event::Delta(delta),
                Step::Finished(finished) => Event::Finished(*finished),
            };
            pb::SummarizeChatResponse { event: Some(event) }
        })
    }

    async fn record_outcome(&self, request: Request<pb::RecordOutcomeRequest>) -> Reply<pb::RecordOutcomeResponse> {
        let desk = self.desk(&request);
        let acting = acting(&request);
        acting.may_use(&request.get_ref().chat_id)?;
        let error_language = error_language(&request);
        let pb::RecordOutcomeRequest { chat_id, outcome_id, agent, offer, action, final_text } = request.into_inner();
        let mut fields = Fields::default();
        let offer = match offer {
            Some(pb::record_outcome_request::Offer::SuggestionId(id)) => OutcomeTarget::Suggestion(fields.own_id("suggestion_id", id)),
            Some(pb::record_outcome_request::Offer::DraftId(id)) => OutcomeTarget::Draft(fields.own_id("draft_id", id)),
            None => {
                fields.invalid("offer", "is required: suggestion_id or draft_id");
                OutcomeTarget::Draft(fields.id("offer", "?".to_owned()))
            }
        };
        let action = match pb::OutcomeAction::try_from(action) {
            Ok(pb::OutcomeAction::Sent) => OutcomeAction::Sent,
            Ok(pb::OutcomeAction::Edited) => OutcomeAction::Edited,
            Ok(pb::OutcomeAction::Dismissed) => OutcomeAction::Dismissed,
            Ok(pb::OutcomeAction::Unspecified) | Err(_) => {
                fields.invalid("action", "is required: OUTCOME_ACTION_SENT, OUTCOME_ACTION_EDITED or OUTCOME_ACTION_DISMISSED");
                OutcomeAction::Dismissed
            }
        };
        let outcome = Outcome {
            chat_id: fields.id("chat_id", chat_id),
            outcome_id: fields.id("outcome_id", outcome_id),
            agent_id: crate::api::services::replies::agent(&mut fields, acting.agent(agent), &error_language).agent_id,
            offer,
            action,
            final_text: fields.text("final_text", final_text, MAX_FINAL_TEXT),
        };
        fields.ok()?;
        desk.record_outcome(outcome).await?;
        Ok(Response::new(pb::RecordOutcomeResponse {}))
    }

    async fn get_reply_report(&self, request: Request<pb::GetReplyReportRequest>) -> Reply<pb::GetReplyReportResponse> {
        reports::reply_report(self.desk(&request), request.into_inner()).await.map(Response::new)
    }
}

fn agent(fields: &mut Fields, agent: Option<pb::Agent>, error_language: &ErrorLanguage) -> Agent {
    let pb::Agent { agent_id, name, groups, language } = agent.unwrap_or_default();
    if groups.len() > MAX_GROUPS {
        fields.invalid("agent.groups", format!("must have at most {MAX_GROUPS} groups"));
    }
    let groups = groups.into_iter().take(MAX_GROUPS).enumerate();
    let agent = Agent {
        agent_id: fields.short("agent.agent_id", agent_id),
        name: fields.short("agent.name", name),
        groups: groups.map(|(index, group)| fields.id(&format!("agent.groups[{index}]"), group).to_string()).collect(),
        language: fields.optional_language("agent.language", &language),
    };
    error_language.set_agent(agent.language.as_ref());
    agent
}

fn tone(fields: &mut Fields, tone: i32) -> Option<Tone> {
    match pb::Tone::try_from(tone) {
        Ok(pb::Tone::Unspecified) => None,
        Ok(pb::Tone::Formal) => Some(Tone::Formal),
        Ok(pb::Tone::Friendly) => Some(Tone::Friendly),
        Ok(pb::Tone::Concise) => Some(Tone::Concise),
        Ok(pb::Tone::Empathetic) => Some(Tone::Empathetic),
        Ok(pb::Tone::Simple) => Some(Tone::Simple),
        Err(_) => {
            fields.invalid("tone", "is an unknown tone");
            None
        }
    }
}

fn layout(fields: &mut Fields, layout: i32) -> Option<Layout> {
    match pb::Layout::try_from(layout) {
        Ok(pb::Layout::Unspecified) => None,
        Ok(pb::Layout::SingleMessage) => Some(Layout::SingleMessage),
        Ok(pb::Layout::SeveralMessages) => Some(Layout::SeveralMessages),
        Err(_) => {
            fields.invalid("layout", "is an unknown layout");
            None
        }
    }
}

fn encode_suggestion(suggestion: Suggestion) -> pb::Suggestion {
    let Suggestion {
        suggestion_id,
        kind,
        id,
        title,
        text,
        missing_placeholders,
        segments,
        url,
        audience,
        language,
        score,
        reason,
        reasons,
        when,
    } = suggestion;
    pb::Suggestion {
        suggestion_id,
        kind: document::encode_kind(kind).into(),
        id,
        title,
        text,
        missing_placeholders,
        segments: document::encode_segments(segments),
        url,
        audience: document::encode_audience(audience).into(),
        language: language.to_string(),
        score,
        reason,
        when,
        reasons: reasons.into_iter().map(encode_reason).collect(),
    }
}

fn encode_reason(reason: Reason) -> pb::SuggestionReason {
    let Reason { kind, words, count } = reason;
    let kind = match kind {
        ReasonKind::Words => pb::SuggestionReasonKind::Words,
        ReasonKind::Asked => pb::SuggestionReasonKind::Asked,
        ReasonKind::State => pb::SuggestionReasonKind::State,
        ReasonKind::SimilarMeaning => pb::SuggestionReasonKind::SimilarMeaning,
        ReasonKind::EarlierChats => pb::SuggestionReasonKind::EarlierChats,
        ReasonKind::Shortcut => pb::SuggestionReasonKind::Shortcut,
        ReasonKind::Opener => pb::SuggestionReasonKind::Opener,
        ReasonKind::Typed => pb::SuggestionReasonKind::Typed,
        ReasonKind::OtherLanguage => pb::SuggestionReasonKind::OtherLanguage,
        ReasonKind::AgentsOnly => pb::SuggestionReasonKind::AgentsOnly,
    };
    pb::SuggestionReason { kind: kind.into(), words, count: i32::try_from(count).unwrap_or(i32::MAX) }
}
