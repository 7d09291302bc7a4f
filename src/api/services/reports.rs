//! The reports: what people searched, and what became of suggestions and drafts.

use jiff::{SignedDuration, Timestamp};
use prost::Message;
use tonic::Status;

use crate::{
    api::{
        MAX_REPLY_BYTES,
        convert::{document, fields::Fields},
        pb,
    },
    knowledge::{HelpReport, Lines, RatingCount, ReportFilter, SearchCounts, SearchLine, SearchReport, UnhelpfulArticle},
    replies::{AnswerUse, ChatRatings, Desk, OutcomeCounts, ReplyCounts, ReplyReport, ReplyReportFilter},
    store::days::{self, Days},
};

/// Days before its end that a report begins by default.
const DEFAULT_DAYS: i64 = 30;
/// Most days that are told one by one: a leap year.
const MAX_DAYS: usize = 366;

/// Reports what people searched, opened and rated, and what became of suggestions.
pub async fn search_report(desk: &Desk, request: pb::GetSearchReportRequest) -> Result<pb::GetSearchReportResponse, Status> {
    let pb::GetSearchReportRequest { start_time, end_time } = request;
    let mut fields = Fields::default();
    let days = period(&mut fields, desk, (start_time, end_time), "");
    fields.ok()?;
    let asked = ReportFilter { days, language: None, document_id: String::new() };
    let SearchReport { searches, searches_without_hit, queries, opens, ratings } = desk.knowledge().search_report(&asked).await?;
    let (answers, answers_left_out) = desk.answer_use(&asked).await?;
    let mut left_out = pb::SearchReportLeftOut { answers: count(answers_left_out), ..pb::SearchReportLeftOut::default() };
    let mut report = pb::GetSearchReportResponse {
        searches: count(searches),
        searches_without_hit: count(searches_without_hit),
        queries: encode_lines(queries, &mut left_out.queries, encode_query),
        opens: encode_lines(opens, &mut left_out.opens, |(id, opens)| pb::OpenCount { id, opens: count(opens) }),
        ratings: encode_lines(ratings, &mut left_out.ratings, encode_rating),
        answers: answers.into_iter().map(encode_answer).collect(),
        left_out: Some(left_out),
    };
    // Long queries and reasons may not fit into a reply; then the ends of the lists are cut.
    while report.encoded_len() > MAX_REPLY_BYTES {
        halve(&mut report.queries, &mut left_out.queries);
        halve(&mut report.ratings, &mut left_out.ratings);
        report.left_out = Some(left_out);
    }
    Ok(report)
}

/// Reports how people were helped.
pub async fn help_report(desk: &Desk, request: pb::GetHelpReportRequest) -> Result<pb::GetHelpReportResponse, Status> {
    let pb::GetHelpReportRequest { start_time, end_time, time_zone, language, document_id } = request;
    let mut fields = Fields::default();
    let days = bounded_period(&mut fields, desk, (start_time, end_time), &time_zone);
    let language = fields.optional_language("language", &language);
    let document_id = fields.short("document_id", document_id);
    fields.ok()?;
    let asked = ReportFilter { days, language, document_id };
    let HelpReport { total, days, languages, queries_without_hit, unhelpful_articles, ratings } =
        desk.knowledge().help_report(&asked).await?;
    let mut left_out = pb::HelpReportLeftOut::default();
    let day = |(date, counts): (String, SearchCounts)| pb::SearchDay { date, counts: Some(encode_counts(&counts)) };
    let language = |(language, counts): (String, SearchCounts)| pb::SearchLanguage { language, counts: Some(encode_counts(&counts)) };
    let mut report = pb::GetHelpReportResponse {
        total: Some(encode_counts(&total)),
        days: every_day(&asked.days, days).into_iter().map(day).collect(),
        languages: encode_lines(languages, &mut left_out.languages, language),
        queries_without_hit: encode_lines(queries_without_hit, &mut left_out.queries_without_hit, encode_query),
        unhelpful_articles: encode_lines(unhelpful_articles, &mut left_out.unhelpful_articles, encode_unhelpful),
        ratings: encode_lines(ratings, &mut left_out.ratings, encode_rating),
        left_out: Some(left_out),
    };
    while report.encoded_len() > MAX_REPLY_BYTES {
        halve(&mut report.queries_without_hit, &mut left_out.queries_without_hit);
        halve(&mut report.unhelpful_articles, &mut left_out.unhelpful_articles);
        halve(&mut report.ratings, &mut left_out.ratings);
        report.left_out = Some(left_out);
    }
    Ok(report)
}

/// Reports what became of suggestions and drafts.
pub async fn reply_report(desk: &Desk, request: pb::GetReplyReportRequest) -> Result<pb::GetReplyReportResponse, Status> {
    let pb::GetReplyReportRequest { start_time, end_time, time_zone, language, agent_id, document_id } = request;
    let mut fields = Fields::default();
    let days = bounded_period(&mut fields, desk, (start_time, end_time), &time_zone);
    let language = fields.optional_language("language", &language);
    let agent_id = fields.short("agent_id", agent_id);
    if !agent_id.is_empty() && !desk.settings().report_agents {
        fields.invalid("agent_id", "must be empty: the setting `report_agents` of this workspace is off");
    }
    let document_id = fields.short("document_id", document_id);
    fields.ok()?;
    let asked = ReplyReportFilter { days, language, agent_id, document_id };
    Ok(encode_reply_report(desk.reply_report(&asked).await?, &asked.days))
}

type Times = (Option<prost_types::Timestamp>, Option<prost_types::Timestamp>);

fn period(fields: &mut Fields, desk: &Desk, (start_time, end_time): Times, time_zone: &str) -> Days {
    let end = fields.optional_time("end_time", end_time).unwrap_or_else(Timestamp::now);
    let before = || end.saturating_sub(SignedDuration::from_hours(24 * DEFAULT_DAYS)).unwrap_or(end);
    let start = fields.optional_time("start_time", start_time).unwrap_or_else(before);
    if start > end {
        fields.invalid("start_time", "must not be after end_time");
    }
    let zone = fields.optional_time_zone("time_zone", time_zone).unwrap_or_else(|| desk.settings().time_zone.clone());
    Days::new(start, end, zone)
}

/// A period whose days are told one by one.
fn bounded_period(fields: &mut Fields, desk: &Desk, times: Times, time_zone: &str) -> Days {
    let days = period(fields, desk, times, time_zone);
    if days.count() > MAX_DAYS {
        fields.invalid("end_time", format!("must be such that the period touches at most {MAX_DAYS} days"));
    }
    days
}

fn halve<T>(lines: &mut Vec<T>, left_out: &mut i32) {
    let kept = lines.len() / 2;
    *left_out += i32::try_from(lines.len() - kept).unwrap_or(i32::MAX);
    lines.truncate(kept);
}

/// Each day, with what is known of it: days on which nothing happened are not among the counted ones.
fn every_day<T: Default>(days: &Days, counted: Vec<(i64, T)>) -> Vec<(String, T)> {
    let mut counted = counted.into_iter().peekable();
    let day = |number: i64| {
        let counts = counted.next_if(|(known, _)| *known == number).map(|(_, counts)| counts);
        (days::date(number).to_string(), counts.unwrap_or_default())
    };
    days.numbers().map(day).collect()
}

fn count(count: i64) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn encode_lines<T, U>(Lines { lines, left_out }: Lines<T>, told: &mut i32, encode: impl Fn(T) -> U) -> Vec<U> {
    *told = count(left_out);
    lines.into_iter().map(encode).collect()
}

fn encode_counts(SearchCounts { searches, without_hit, opens, helpful, unhelpful }: &SearchCounts) -> pb::SearchCounts {
    pb::SearchCounts {
        searches: count(*searches),
        searches_without_hit: count(*without_hit),
        opens: count(*opens),
        helpful: count(*helpful),
        unhelpful: count(*unhelpful),
    }
}

fn encode_query(SearchLine { query, searches, without_hit }: SearchLine) -> pb::QueryCount {
    pb::QueryCount { query, searches: count(searches), without_hit: count(without_hit) }
}

fn encode_rating(RatingCount { article_id, language, helpful, unhelpful, reasons }: RatingCount) -> pb::ArticleRatings {
    pb::ArticleRatings { id: article_id, language, helpful: count(helpful), unhelpful: count(unhelpful), reasons }
}

fn encode_unhelpful(article: UnhelpfulArticle) -> pb::UnhelpfulArticle {
    let UnhelpfulArticle { article_id, opens, searched_on, helpful, unhelpful, reasons } = article;
    pb::UnhelpfulArticle {
        id: article_id,
        opens: count(opens),
        searched_on: count(searched_on),
        helpful: count(helpful),
        unhelpful: count(unhelpful),
        reasons,
    }
}

fn encode_answer(AnswerUse { kind, document_id, shown, sent, edited, dismissed }: AnswerUse) -> pb::AnswerUse {
    pb::AnswerUse {
        kind: document::encode_kind(kind).into(),
        id: document_id,
        shown: count(shown),
        sent: count(sent),
        edited: count(edited),
        dismissed: count(dismissed),
    }
}

fn encode_reply_report(report: ReplyReport, days: &Days) -> pb::GetReplyReportResponse {
    let ReplyReport { total, days: counted, languages, agents } = report;
    let mut left_out = pb::ReplyReportLeftOut::default();
    let day = |(date, counts)| pb::ReplyDay { date, counts: Some(encode_reply_counts(counts)) };
    let language = |(language, counts)| pb::ReplyLanguage { language, counts: Some(encode_reply_counts(counts)) };
    let agent = |(agent_id, counts)| pb::ReplyAgent { agent_id, counts: Some(encode_reply_counts(counts)) };
    pb::GetReplyReportResponse {
        total: Some(encode_reply_counts(total)),
        days: every_day(days, counted).into_iter().map(day).collect(),
        languages: encode_lines(languages, &mut left_out.languages, language),
        agents_withheld: agents.is_none(),
        agents: agents.map(|agents| encode_lines(agents, &mut left_out.agents, agent)).unwrap_or_default(),
        left_out: Some(left_out),
    }
}

fn encode_reply_counts(counts: ReplyCounts) -> pb::ReplyCounts {
    let ReplyCounts { suggestions, drafts, by_model, built_in, ratings: ChatRatings { count: ratings, sum } } = counts;
    let OutcomeCounts { shown, sent, edited, dismissed } = suggestions;
    let suggestions = pb::SuggestionCounts { shown: count(shown), sent: count(sent), edited: count(edited), dismissed: count(dismissed) };
    let OutcomeCounts { shown, sent, edited, dismissed } = drafts;
    let drafts = pb::DraftCounts {
        made: count(shown),
        by_model: count(by_model),
        built_in: count(built_in),
        sent: count(sent),
        edited: count(edited),
        dismissed: count(dismissed),
    };
    let average = if ratings == 0 { 0.0 } else { sum as f64 / ratings as f64 };
    let ratings = pb::ChatRatings { count: count(ratings), average };
    pb::ReplyCounts { suggestions: Some(suggestions), drafts: Some(drafts), ratings: Some(ratings) }
}
