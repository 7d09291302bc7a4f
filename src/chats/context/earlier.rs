//! Summarizes the customer's other chats: what was asked, answered, promised and rated there, in a few lines each.

use jiff::Timestamp;

use crate::chats::{
    context::{
        EarlierChat, author,
        budget::{Budget, cost, cut},
        cues::Kinds,
        scan::{RelevanceQuery, ScannedChat},
    },
    event::{Author, Channel},
    fold::{Chat, Status, Summary},
};

/// Longest quotation from an earlier chat, in tokens, and most quotations beside the question and the answer.
const QUOTATION: usize = 60;
const MAX_QUOTATIONS: usize = 3;
/// Days after which an earlier chat weighs half.
const HALF_LIFE_DAYS: f32 = 60.0;

/// Chooses earlier chats by relevance and age, the best first, as far as the budget goes: whole where a chat takes at most half of the
/// remaining budget, else in a few lines. They are shown latest opened first.
pub fn choose(earlier: &[EarlierChat], query: &RelevanceQuery, now: Timestamp, budget: &mut Budget) -> Vec<Vec<String>> {
    let mut ranked: Vec<(f32, usize, ScannedChat)> = earlier
        .iter()
        .enumerate()
        .map(|(index, EarlierChat(chat))| {
            let scan = ScannedChat::new(chat.turns_with_customer(), 0, query);
            let best = scan.turns.iter().map(|read| scan.relevance(read)).fold(0.0, f32::max);
            let days = now.duration_since(chat.summary.updated_at).as_secs_f32() / 86_400.0;
            let freshness = (-days.max(0.0) / HALF_LIFE_DAYS).exp2();
            ((1.0 + best) * (0.3 + freshness), index, scan)
        })
        .collect();
    ranked.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
    let mut chosen: Vec<(usize, Vec<String>)> = Vec::new();
    for (_, index, scan) in ranked {
        let EarlierChat(chat) = &earlier[index];
        let whole = whole(chat);
        let lines = if cost(&whole.join("\n")) <= budget.left() / 2 { whole } else { digest(chat, &scan) };
        if budget.take(&lines.join("\n")) {
            chosen.push((index, lines));
        }
    }
    chosen.sort();
    chosen.into_iter().map(|(_, lines)| lines).collect()
}

fn whole(chat: &Chat) -> Vec<String> {
    let mut lines = vec![head(chat)];
    lines.extend(chat.turns_with_customer().iter().map(|turn| format!("{}: {}", author(turn.message.author), turn.message.asked())));
    lines.extend(ending(chat));
    lines
}

fn digest(chat: &Chat, scan: &ScannedChat) -> Vec<String> {
    let mut lines = vec![head(chat)];
    let turns = chat.turns_with_customer();
    let first = turns.iter().find(|turn| turn.message.author == Author::Customer);
    let last = turns.iter().rposition(|turn| turn.message.author != Author::Customer);
    let mut quoted: Vec<&str> = Vec::new();
    if let Some(turn) = first {
        lines.push(format!("asked: {}", cut(&turn.message.asked(), QUOTATION)));
        quoted.push(&turn.event_id);
    }
    if let Some(turn) = last.map(|last| &turns[last]) {
        lines.push(format!("answered last: {}", cut(&turn.message.text, QUOTATION)));
        quoted.push(&turn.event_id);
    }
    // Promises, and what is relevant to the current question.
    let mut best: Vec<(f32, usize)> = scan
        .turns
        .iter()
        .enumerate()
        .filter(|(_, read)| !quoted.contains(&read.turn.event_id.as_str()))
        .map(|(index, read)| {
            let promised =
                read.turn.message.author != Author::Customer && read.kinds.has(Kinds::PROMISE) && read.kinds.has(Kinds::DAY | Kinds::SOON);
            (scan.relevance(read) + if promised { 2.0 } else { 0.0 }, index)
        })
        .filter(|(score, _)| *score > 1.0)
        .collect();
    best.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
    best.truncate(MAX_QUOTATIONS);
    best.sort_by_key(|(_, index)| *index);
    for (_, index) in best {
        let turn = scan.turns[index].turn;
        lines.push(format!("{}: {}", author(turn.message.author), cut(&turn.message.text, QUOTATION)));
    }
    lines.extend(ending(chat));
    lines
}

/// Returns how a chat was rated, and its status.
fn ending(chat: &Chat) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(rating) = &chat.rating {
        let comment = if rating.comment.is_empty() { String::new() } else { format!(", {}", cut(&rating.comment, QUOTATION)) };
        lines.push(format!("rated {} of 5{comment}", rating.score));
    }
    if let Some(ticket) = &chat.summary.ticket {
        lines.push(format!("became ticket {}", ticket.ticket_id));
    }
    lines
}

fn head(chat: &Chat) -> String {
    let summary = &chat.summary;
    let status = match summary.status {
        Status::Open => "open",
        Status::Resolved => "resolved",
        Status::Ticket => "a ticket",
    };
    let about = if summary.topic.is_empty() { &summary.subject } else { &summary.topic };
    let about = if about.is_empty() { String::new() } else { format!(", about: {}", cut(about, QUOTATION)) };
    format!("{} chat of {}, {status}{about}", channel_word(summary), summary.opened_at.strftime("%Y-%m-%d"))
}

fn channel_word(summary: &Summary) -> &str {
    match summary.channel {
        Channel::Unknown => "earlier",
        Channel::WebChat => "web",
        Channel::Email => "e-mail",
        Channel::ContactForm => "contact form",
        Channel::Whatsapp => "WhatsApp",
        Channel::Messenger => "Messenger",
        Channel::Instagram => "Instagram",
        Channel::InApp => "in-app",
        Channel::Phone => "phone",
        Channel::Ticket => "ticket",
        Channel::Other if !summary.channel_name.is_empty() => &summary.channel_name,
        Channel::Other => "earlier",
    }
}
