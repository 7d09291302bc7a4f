//! Walks through one chat over gRPC, on a real connection.

use std::{
    io::{IsTerminal, stdout},
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::Context;
use prost::Message;
use prost_reflect::DescriptorPool;
use tonic::{Request, Status, transport::Channel};

use crate::{
    api::pb::{
        self, chat_service_client::ChatServiceClient, event::Body, knowledge_service_client::KnowledgeServiceClient,
        reply_service_client::ReplyServiceClient,
    },
    cli::{
        demo::{
            page,
            recorded::{Recording, decoded},
            verdict::{self, ModelTrouble},
        },
        dynamic::pool,
        generate::{Generator, connect},
        model_metrics::ModelMetrics,
    },
    config::ModelConfig,
};

/// The chat that is walked through.
const CHAT: &str = "chat-elif-web";
/// Deadline of a call, unless the model may take longer.
const DEADLINE: Duration = Duration::from_secs(60);

/// Makes the calls and prints their results. Whatever a model does is shown, and the walk goes on; an error is a failure of Deskhand itself.
pub async fn walk(address: SocketAddr, models: &[ModelConfig], chats: &[(String, Vec<u8>)]) -> anyhow::Result<()> {
    let channel = connect(address).await.context("can't reach the demo's own server")?;
    let mut walk = Walk {
        contract: pool()?,
        generator: Generator::new(channel.clone())?,
        // A second attempt of the longest answer has its time, too.
        deadline: models.iter().map(|model| model.total_timeout * 2).max().unwrap_or_default().max(DEADLINE),
        metrics: ModelMetrics::of(address)?,
        was_slow: false,
        replies: ReplyServiceClient::new(channel.clone()),
        chats: ChatServiceClient::new(channel.clone()),
        knowledge: KnowledgeServiceClient::new(channel),
    };
    println!("{}", page::bold("Deskhand · the sample shop Keten Ev: home textiles, sold in Türkiye, Hungary, Germany and abroad"));
    match models.first() {
        Some(model) => println!("Texts are written by {} at {}.", model.name, model.base_url),
        None => println!("No model is configured: the built-in engine does what it can without one."),
    }
    walk.append(chats).await?;
    walk.draft_for_jana().await?;
    if models.is_empty() {
        walk.show_recording().await?;
    }
    walk.show_chat().await?;
    walk.suggest().await?;
    walk.draft_for_elif().await?;
    walk.correct().await?;
    walk.retone().await?;
    walk.translate().await?;
    walk.summarize().await?;
    walk.search().await
}

struct Walk {
    contract: DescriptorPool,
    generator: Generator,
    deadline: Duration,
    metrics: ModelMetrics,
    /// Whether the model was too slow for any call so far.
    was_slow: bool,
    replies: ReplyServiceClient<Channel>,
    chats: ChatServiceClient<Channel>,
    knowledge: KnowledgeServiceClient<Channel>,
}

fn selin() -> Option<pb::Agent> {
    Some(pb::Agent { agent_id: "agent-selin".into(), name: "Selin".into(), groups: vec!["orders".into()], language: "en".into() })
}

fn timed<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(DEADLINE);
    request
}

impl Walk {
    /// Calls a generating method, prints its stream as it arrives and how it ended, and returns its end.
    async fn generate(&mut self, method: &str, request: &impl Message) -> anyhow::Result<Option<pb::Finished>> {
        let before = self.metrics.failures().await;
        let mut column = 0;
        let generated = self.generator.call(method, request, self.deadline, |delta| page::stream(delta, &mut column)).await;
        if column > 0 {
            println!();
        }
        let after = self.metrics.failures().await;
        // A late choice of a draft's source, or a late check, is no failure of the call.
        let failed = after.into_iter().filter(|((task, _), _)| !matches!(task.as_str(), "choose" | "check"));
        let failed = failed.filter(|(failure, count)| before.get(failure).is_none_or(|before| before < count));
        let reasons: Vec<String> = failed.map(|((_, reason), _)| reason.replace('_', " ")).collect();
        let is_slow = |reason: &String| matches!(reason.as_str(), "timed out" | "not in time");
        self.was_slow |= reasons.iter().any(is_slow);
        // One that was too slow again and again is not called for a while: it is down.
        let is_slow = self.was_slow && reasons.iter().any(|reason| is_slow(reason) || reason == "down");
        verdict::show(generated, &ModelTrouble { reasons, is_slow })
    }

    async fn append(&mut self, chats: &[(String, Vec<u8>)]) -> anyhow::Result<()> {
        page::heading("ChatService/AppendEvents", "The console sends what happens in its chats");
        let began = Instant::now();
        let mut events = 0;
        for (name, json) in chats {
            let json = serde_json::from_slice(json).with_context(|| format!("the sample chat {name} is malformed"))?;
            let request: pb::AppendEventsRequest = decoded(&self.contract, "deskhand.v1.AppendEventsRequest", json)?;
            events += self.chats.append_events(timed(request)).await.map_err(failed)?.into_inner().last_sequence;
        }
        page::block(&format!("{} chats with {events} events, each answered when it was durable", chats.len()));
        page::took(began.elapsed(), "");
        Ok(())
    }

    async fn show_chat(&mut self) -> anyhow::Result<()> {
        let request = pb::GetChatRequest { chat_id: CHAT.into(), after_sequence: 0, page_size: 1000 };
        let began = Instant::now();
        let reply = self.chats.get_chat(timed(request)).await.map_err(failed)?.into_inner();
        let took = began.elapsed();
        let chat = reply.chat.context("the reply holds no chat")?;
        page::heading("ChatService/GetChat", "Selin opens Elif's chat");
        for event in &reply.events {
            match &event.body {
                Some(Body::Message(message)) => page::message(&message.author_name, &message.text),
                Some(Body::Note(note)) => page::message(&format!("{} (internal note)", note.agent_name), &note.text),
                _ => {}
            }
        }
        for record in &chat.records {
            let status = record.values.get("status").map(String::as_str).unwrap_or_default();
            page::block(&page::dim(&format!(
                "record: {} {}, {status} · earlier chats: {}",
                record.source,
                record.reference,
                chat.earlier_chat_ids.join(", ")
            )));
        }
        page::took(took, "");
        Ok(())
    }

    async fn suggest(&mut self) -> anyhow::Result<()> {
        page::heading("ReplyService/SuggestAnswers", "Matching answers, found from the whole chat");
        let request = pb::SuggestAnswersRequest { chat_id: CHAT.into(), agent: selin(), limit: 3, ..pb::SuggestAnswersRequest::default() };
        let began = Instant::now();
        let reply = self.replies.suggest_answers(timed(request)).await.map_err(failed)?.into_inner();
        let took = began.elapsed();
        for suggestion in reply.suggestions {
            let kind = if suggestion.kind() == pb::DocumentKind::Article { "article" } else { "canned answer" };
            let audience = if suggestion.audience() == pb::Audience::Agents { page::yellow(" for agents only") } else { String::new() };
            page::block(&format!(
                "{:.2}  {} {}{audience}",
                suggestion.score,
                page::bold(&suggestion.title),
                page::dim(&format!("({kind} {})", suggestion.id))
            ));
            page::block(&page::dim(&format!("      {}", suggestion.reason)));
        }
        page::took(took, "no model used");
        Ok(())
    }

    /// Jana's question has an approved answer, which needs no model.
    async fn draft_for_jana(&mut self) -> anyhow::Result<()> {
        page::heading("ReplyService/DraftReply", "Jana asks something that the knowledge base answers; her events are sent with the call");
        let question = "Guten Tag, ich möchte etwas zurückschicken. Wie geht das?";
        page::message("Jana Vogel", question);
        let customer = pb::Customer { name: "Jana Vogel".into(), language: "de".into(), ..pb::Customer::default() };
        let message = pb::Message { author: pb::Author::Customer.into(), text: question.into(), ..pb::Message::default() };
        let events = [Body::Customer(customer), Body::Message(message)].into_iter().zip(1..);
        let events = events.map(|(body, id)| pb::Event { event_id: format!("e{id}"), body: Some(body), ..pb::Event::default() }).collect();
        let request = pb::DraftReplyRequest { chat_id: "chat-jana".into(), agent: selin(), events, ..pb::DraftReplyRequest::default() };
        let finished = self.generate("DraftReply", &request).await?;
        show_sources(finished.as_ref());
        Ok(())
    }

    /// Elif's chat needs judgment, so a model.
    async fn draft_for_elif(&mut self) -> anyhow::Result<()> {
        page::heading("ReplyService/DraftReply", "A harder one: a draft for Elif, as it streams");
        let request = pb::DraftReplyRequest { chat_id: CHAT.into(), agent: selin(), ..pb::DraftReplyRequest::default() };
        let finished = self.generate("DraftReply", &request).await?;
        show_sources(finished.as_ref());
        Ok(())
    }

    /// What a model's draft looks like, for those who have not connected one.
    async fn show_recording(&self) -> anyhow::Result<()> {
        let recording = Recording::read(&self.contract)?;
        page::heading("ReplyService/DraftReply", "What a model's draft looks like");
        let mark = format!("recorded with {} on {}; not written now", recording.model, recording.recorded_on);
        page::block(&page::yellow(&mark));
        for event in &recording.request.events {
            if let Some(Body::Message(message)) = &event.body {
                page::message(&message.author_name, &message.text);
            }
        }
        let mut column = 0;
        let generated = recording.play(stdout().is_terminal(), |delta| page::stream(delta, &mut column)).await;
        if column > 0 {
            println!();
        }
        let finished = verdict::show(generated, &ModelTrouble::default())?;
        show_sources(finished.as_ref());
        page::block(&page::yellow(&mark));
        Ok(())
    }

    async fn correct(&mut self) -> anyhow::Result<()> {
        page::heading("ReplyService/CorrectReply", "Selin's English, corrected");
        let text = "Hello James, we recieved you're question about teh customs charge for KE-204977. I will write to you tomorow.";
        page::message("before", text);
        let request = pb::CorrectReplyRequest { text: text.into(), ..pb::CorrectReplyRequest::default() };
        if let Some(finished) = self.generate("CorrectReply", &request).await? {
            let changed: Vec<String> = finished
                .edits
                .iter()
                .filter_map(|edit| match edit.kind() {
                    pb::SegmentKind::Removed => Some(format!("-{}", edit.text.trim())),
                    pb::SegmentKind::Added => Some(format!("+{}", edit.text.trim())),
                    _ => None,
                })
                .collect();
            if !changed.is_empty() {
                page::block(&page::dim(&format!("edits: {}", changed.join(" "))));
            }
        }
        Ok(())
    }

    async fn retone(&mut self) -> anyhow::Result<()> {
        page::heading("ReplyService/RetoneReply", "The same, friendlier");
        let text = "Your parcel is delayed. Wait until Friday.";
        page::message("before", text);
        let request = pb::RetoneReplyRequest { text: text.into(), tone: pb::Tone::Friendly.into(), ..pb::RetoneReplyRequest::default() };
        self.generate("RetoneReply", &request).await.map(drop)
    }

    async fn translate(&mut self) -> anyhow::Result<()> {
        page::heading("ReplyService/TranslateReply", "An approved answer, in the customer's language");
        let request = pb::SuggestAnswersRequest {
            chat_id: CHAT.into(),
            agent: selin(),
            query: "/shipped".into(),
            language: "en".into(),
            ..pb::SuggestAnswersRequest::default()
        };
        let suggestions = self.replies.suggest_answers(timed(request)).await.map_err(failed)?.into_inner().suggestions;
        let Some(answer) = suggestions.into_iter().next() else {
            page::block(&page::dim("this knowledge base has no answer with the shortcut /shipped"));
            return Ok(());
        };
        page::message("before", &answer.text);
        let request = pb::TranslateReplyRequest {
            source: Some(pb::translate_reply_request::Source::Text(answer.text)),
            chat_id: CHAT.into(),
            agent: selin(),
            ..pb::TranslateReplyRequest::default()
        };
        self.generate("TranslateReply", &request).await.map(drop)
    }

    async fn summarize(&mut self) -> anyhow::Result<()> {
        page::heading("ReplyService/SummarizeChat", "What a colleague needs at the handoff");
        let request = pb::SummarizeChatRequest { chat_id: CHAT.into(), language: "en".into(), agent: selin() };
        self.generate("SummarizeChat", &request).await.map(drop)
    }

    async fn search(&mut self) -> anyhow::Result<()> {
        page::heading("KnowledgeService/Search", "Customers search the help pages as they type");
        for (query, language) in [("siparis tak", "tr"), ("szallitasi kolt", "hu"), ("Ruckgabe", "de"), ("duvet cover siz", "en")] {
            let request = pb::SearchRequest { query: query.into(), language: language.into(), limit: 1, ..pb::SearchRequest::default() };
            let began = Instant::now();
            let reply = self.knowledge.search(timed(request)).await.map_err(failed)?.into_inner();
            let took = began.elapsed();
            let show = |segments: &[pb::Segment]| -> String {
                segments
                    .iter()
                    .map(
                        |segment| {
                            if segment.kind() == pb::SegmentKind::Matched { page::green(&segment.text) } else { segment.text.clone() }
                        },
                    )
                    .collect()
            };
            let best = reply.hits.first().map(|hit| show(&hit.title)).unwrap_or_else(|| "nothing".to_owned());
            page::block(&format!(
                "{:<18} {best} {}",
                query,
                page::dim(&format!("· {} found, {:.1} ms", reply.total, took.as_secs_f64() * 1000.0))
            ));
        }
        Ok(())
    }
}

/// Prints what a draft cites, and what of the chat its prompt had.
fn show_sources(finished: Option<&pb::Finished>) {
    let Some(finished) = finished else { return };
    for source in &finished.sources {
        page::block(&page::dim(&format!("source: {} {}", source.title, source.url)));
    }
    if let Some(receipt) = finished.context.as_ref().filter(|receipt| receipt.tokens_used > 0) {
        let notes = receipt.notes.as_ref();
        page::block(&page::dim(&format!(
            "receipt: {} of {} internal notes used; {} tokens of {}",
            notes.map_or(0, |notes| notes.used),
            notes.map_or(0, |notes| notes.total),
            receipt.tokens_used,
            receipt.token_budget
        )));
    }
}

fn failed(status: Status) -> anyhow::Error {
    verdict::failed(&status)
}
