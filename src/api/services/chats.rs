//! Handlers of ChatService.

use prost::Message;
use tonic::{Request, Response};

use crate::{
    api::{
        Api, MAX_REPLY_BYTES, Reply,
        acting::acting,
        convert::{channel, event, fields::Fields, promise},
        pb::{self, chat_service_server::ChatService},
        services::watch,
    },
    chats::{Appended, ChatError, ChatPage, Filter, ListChats, Status, Transcript, TranscriptFormat, TranscriptOptions, is_time_zone},
    keys::{Action, AuditSubject},
};

/// Longest archive query, in characters.
const MAX_QUERY: usize = 2000;

#[tonic::async_trait]
impl ChatService for Api {
    async fn append_events(&self, request: Request<pb::AppendEventsRequest>) -> Reply<pb::AppendEventsResponse> {
        let desk = self.desk(&request);
        let acting = acting(&request);
        acting.may_use(&request.get_ref().chat_id)?;
        let pb::AppendEventsRequest { chat_id, events } = request.into_inner();
        let mut fields = Fields::default();
        let chat_id = fields.id("chat_id", chat_id);
        let events = event::events(&mut fields, acting.events(events), true);
        fields.ok()?;
        let Appended { last_sequence, appended, duplicates } = desk.chats().append(&chat_id, events).await?;
        Ok(Response::new(pb::AppendEventsResponse { last_sequence, appended: appended as i32, duplicates: duplicates as i32 }))
    }

    async fn get_chat(&self, request: Request<pb::GetChatRequest>) -> Reply<pb::GetChatResponse> {
        let desk = self.desk(&request);
        acting(&request).may_use(&request.get_ref().chat_id)?;
        let pb::GetChatRequest { chat_id, after_sequence, page_size } = request.into_inner();
        let mut fields = Fields::default();
        let chat_id = fields.id("chat_id", chat_id);
        if after_sequence < 0 {
            fields.invalid("after_sequence", "must not be negative");
        }
        let page_size = fields.page_size(page_size);
        fields.ok()?;
        let (chat, all_events) = desk.chats().state_and_events(&chat_id, after_sequence).await?;
        let earlier = desk.chats().earlier_chat_ids(&chat).await?;
        let mut chat = event::encode_chat(chat, earlier);
        // Too large for one reply: these are left out, since the events contain them.
        if chat.encoded_len() > MAX_REPLY_BYTES / 2 {
            chat.records.clear();
        }
        if chat.encoded_len() > MAX_REPLY_BYTES / 2 {
            chat.form_answers.clear();
        }
        if let Some(customer) = chat.customer.as_mut().filter(|customer| customer.encoded_len() > MAX_REPLY_BYTES / 4) {
            customer.attributes.clear();
        }
        let mut bytes = chat.encoded_len();
        let mut events = Vec::new();
        for event in all_events.into_iter().take(page_size) {
            let event = event::encode_event(event);
            bytes += event.encoded_len();
            if bytes > MAX_REPLY_BYTES && !events.is_empty() {
                break;
            }
            events.push(event);
        }
        Ok(Response::new(pb::GetChatResponse { chat: Some(chat), events }))
    }

    async fn list_chats(&self, request: Request<pb::ListChatsRequest>) -> Reply<pb::ListChatsResponse> {
        let desk = self.desk(&request);
        acting(&request).may_list_chats()?;
        let list = list_chats(request.into_inner())?;
        let mut page = desk.chats().list(list).await?;
        let mut bytes = 0;
        let mut chats: Vec<pb::Chat> = Vec::new();
        for listed in &page.chats {
            let chat = event::encode_summary(listed.chat_id.clone(), listed.summary.clone());
            bytes += chat.encoded_len();
            if bytes > MAX_REPLY_BYTES && !chats.is_empty() {
                break;
            }
            chats.push(chat);
        }
        page.cut(chats.len());
        Ok(Response::new(pb::ListChatsResponse { chats, next_page_token: page.next_page_token }))
    }

    async fn list_promises(&self, request: Request<pb::ListPromisesRequest>) -> Reply<pb::ListPromisesResponse> {
        let desk = self.desk(&request);
        acting(&request).may_list_chats()?;
        let mut fields = Fields::default();
        let list = promise::list_promises(&mut fields, request.into_inner());
        fields.ok()?;
        let mut page = desk.chats().promises(list).await?;
        let mut bytes = 0;
        let mut promises: Vec<pb::Promise> = Vec::new();
        for listed in &page.promises {
            let promise = promise::encode_promise(listed.clone());
            bytes += promise.encoded_len();
            if bytes > MAX_REPLY_BYTES && !promises.is_empty() {
                break;
            }
            promises.push(promise);
        }
        page.cut(promises.len());
        Ok(Response::new(pb::ListPromisesResponse { promises, next_page_token: page.next_page_token }))
    }

    type WatchStream = watch::Messages;

    async fn watch(&self, request: Request<pb::WatchRequest>) -> Reply<watch::Messages> {
        self.start_watch(request).await
    }

    async fn export_transcript(&self, request: Request<pb::ExportTranscriptRequest>) -> Reply<pb::ExportTranscriptResponse> {
        let desk = self.desk(&request);
        acting(&request).may_use(&request.get_ref().chat_id)?;
        let pb::ExportTranscriptRequest { chat_id, format, language, time_zone, include_notes } = request.get_ref().clone();
        let mut fields = Fields::default();
        let chat_id = fields.id("chat_id", chat_id);
        let format = match pb::TranscriptFormat::try_from(format) {
            Ok(pb::TranscriptFormat::Unspecified | pb::TranscriptFormat::Text) => TranscriptFormat::Text,
            Ok(pb::TranscriptFormat::Markdown) => TranscriptFormat::Markdown,
            Ok(pb::TranscriptFormat::Html) => TranscriptFormat::Html,
            Ok(pb::TranscriptFormat::Json) => TranscriptFormat::Json,
            Err(_) => {
                fields.invalid("format", "is an unknown format");
                TranscriptFormat::Text
            }
        };
        let language = fields.optional_language("language", &language);
        let time_zone = fields.short("time_zone", time_zone);
        if !is_time_zone(&time_zone) {
            fields.invalid("time_zone", "is not a time zone of the IANA database");
        }
        fields.ok()?;
        let options = TranscriptOptions { format, language, fallback_language: desk.settings().language.clone(), time_zone, include_notes };
        self.record(&request, Action::ExportTranscript, AuditSubject::Chat(chat_id.as_str())).await?;
        let Transcript { content, media_type, file_name } = desk.chats().transcript(&chat_id, options).await?;
        if content.len() > MAX_REPLY_BYTES {
            return Err(ChatError::TooLarge("transcript").into());
        }
        Ok(Response::new(pb::ExportTranscriptResponse { content, media_type: media_type.to_owned(), file_name }))
    }

    async fn export_customer(&self, request: Request<pb::ExportCustomerRequest>) -> Reply<pb::ExportCustomerResponse> {
        let desk = self.desk(&request);
        let mut fields = Fields::default();
        let customer_id = fields.id("customer_id", request.get_ref().customer_id.clone());
        fields.ok()?;
        self.record(&request, Action::ExportCustomer, AuditSubject::Customer(customer_id.as_str())).await?;
        let json = desk.export_customer(&customer_id, MAX_REPLY_BYTES).await?;
        Ok(Response::new(pb::ExportCustomerResponse { json }))
    }

    async fn erase_customer(&self, request: Request<pb::EraseCustomerRequest>) -> Reply<pb::EraseCustomerResponse> {
        let desk = self.desk(&request);
        let mut fields = Fields::default();
        let customer_id = fields.id("customer_id", request.get_ref().customer_id.clone());
        fields.ok()?;
        self.record(&request, Action::EraseCustomer, AuditSubject::Customer(customer_id.as_str())).await?;
        let crate::replies::Erased { chats, events, drafts, suggestions, outcomes } = desk.erase_customer(&customer_id).await?;
        let count = |count: u64| i32::try_from(count).unwrap_or(i32::MAX);
        Ok(Response::new(pb::EraseCustomerResponse {
            chats: count(chats),
            events: count(events),
            drafts: count(drafts),
            suggestions: count(suggestions),
            outcomes: count(outcomes),
        }))
    }
}

fn list_chats(request: pb::ListChatsRequest) -> Result<ListChats, tonic::Status> {
    let pb::ListChatsRequest {
        status,
        channel,
        group,
        agent_id,
        topic,
        customer_id,
        opened_after,
        opened_before,
        query,
        page_size,
        page_token,
    } = request;
    let mut fields = Fields::default();
    let status = match pb::ChatStatus::try_from(status) {
        Ok(pb::ChatStatus::Unspecified) => None,
        Ok(pb::ChatStatus::Open) => Some(Status::Open),
        Ok(pb::ChatStatus::Resolved) => Some(Status::Resolved),
        Ok(pb::ChatStatus::Ticket) => Some(Status::Ticket),
        Err(_) => {
            fields.invalid("status", "is an unknown status");
            None
        }
    };
    let known_channel = channel::channel(channel);
    if channel != 0 && known_channel.is_none() {
        fields.invalid("channel", "is an unknown channel");
    }
    let filter = Filter {
        status,
        channel: known_channel,
        group: fields.short("group", group),
        agent_id: fields.short("agent_id", agent_id),
        topic: fields.short("topic", topic),
        customer_id: fields.short("customer_id", customer_id),
        opened_after: fields.optional_time("opened_after", opened_after),
        opened_before: fields.optional_time("opened_before", opened_before),
        words: Vec::new(),
    };
    let query = fields.text("query", query, MAX_QUERY);
    let page_size = fields.page_size(page_size);
    let page_token = fields.page_token(page_token, ChatPage::is_token);
    fields.ok()?;
    Ok(ListChats { filter, query, page_size, page_token })
}
