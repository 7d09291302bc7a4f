//! Decodes and encodes documents.

use std::collections::HashSet;

use crate::{
    api::{
        convert::{event::encode_time, fields::Fields},
        pb,
    },
    ids::Id,
    knowledge::{
        Audience, Condition, Conditions, Details, Document, DocumentKey, Kind, NewDocument, PutStatus, Segment, Visibility,
        VisibilityFilter, check_asked, check_asked_count, check_body, check_condition_count, check_id, check_name, check_tag_count,
        check_title, check_url,
    },
};

const MAX_DOCUMENTS: usize = 1000;

/// Decodes articles to put.
pub fn articles(fields: &mut Fields, articles: Vec<pb::Article>) -> Vec<NewDocument> {
    let articles = check_count(fields, "articles", articles);
    let documents = articles.into_iter().enumerate();
    let documents = documents.map(|(index, item)| article(fields, &format!("articles[{index}]"), item)).collect();
    check_duplicates(fields, "articles", documents)
}

/// Decodes canned answers to put.
pub fn canned_answers(fields: &mut Fields, answers: Vec<pb::CannedAnswer>) -> Vec<NewDocument> {
    let answers = check_count(fields, "canned_answers", answers);
    let documents =
        answers.into_iter().enumerate().map(|(index, item)| canned_answer(fields, &format!("canned_answers[{index}]"), item)).collect();
    check_duplicates(fields, "canned_answers", documents)
}

fn check_count<T>(fields: &mut Fields, path: &str, items: Vec<T>) -> Vec<T> {
    if items.is_empty() || items.len() > MAX_DOCUMENTS {
        fields.invalid(path, format!("must have 1 to {MAX_DOCUMENTS} items"));
        return Vec::new();
    }
    items
}

fn check_duplicates(fields: &mut Fields, path: &str, documents: Vec<NewDocument>) -> Vec<NewDocument> {
    let mut keys: HashSet<DocumentKey> = HashSet::new();
    for (index, new) in documents.iter().enumerate() {
        if !keys.insert(new.document.key()) {
            fields.invalid(&format!("{path}[{index}].id"), "is a duplicate id and language in this call");
        }
    }
    documents
}

fn article(fields: &mut Fields, path: &str, article: pb::Article) -> NewDocument {
    let pb::Article { id, language, title, body, category, tags, updated_at, audience, url, from_folder: _, asked, etag } = article;
    fields.short(&format!("{path}.etag"), etag);
    let audience = crate::api::convert::document::audience(fields, &format!("{path}.audience"), audience).unwrap_or(Audience::Public);
    let details = Details::Article { audience, url: fields.checked(&format!("{path}.url"), url, |url| check_url(url)) };
    document(fields, path, (id, language), (title, body), category, (tags, asked), updated_at, details)
}

fn canned_answer(fields: &mut Fields, path: &str, answer: pb::CannedAnswer) -> NewDocument {
    let pb::CannedAnswer {
        id,
        language,
        title,
        body,
        category,
        tags,
        updated_at,
        shortcut,
        visibility,
        owner_group,
        owner_agent_id,
        from_folder: _,
        asked,
        when,
        etag,
    } = answer;
    fields.short(&format!("{path}.etag"), etag);
    let visibility = match pb::Visibility::try_from(visibility) {
        Ok(pb::Visibility::Unspecified | pb::Visibility::Everyone) => Visibility::Everyone,
        Ok(pb::Visibility::Group) => Visibility::Group(fields.checked(&format!("{path}.owner_group"), owner_group, |id| check_id(id))),
        Ok(pb::Visibility::Agent) => {
            Visibility::Agent(fields.checked(&format!("{path}.owner_agent_id"), owner_agent_id, |id| check_id(id)))
        }
        Err(_) => {
            fields.invalid(&format!("{path}.visibility"), "is an unknown visibility");
            Visibility::Everyone
        }
    };
    let shortcut = fields.checked(&format!("{path}.shortcut"), shortcut, |name| check_name(name));
    let details = Details::CannedAnswer { shortcut, visibility, when: conditions(fields, &format!("{path}.when"), &when) };
    document(fields, path, (id, language), (title, body), category, (tags, asked), updated_at, details)
}

fn conditions(fields: &mut Fields, path: &str, texts: &[String]) -> Conditions {
    if let Err(problem) = check_condition_count(texts.len()) {
        fields.invalid(path, problem);
        return Conditions::default();
    }
    let parse = |(index, text): (usize, &String)| {
        Condition::parse(text).map_err(|problem| fields.invalid(&format!("{path}[{index}]"), problem)).ok()
    };
    let conditions: Vec<Condition> = texts.iter().enumerate().filter_map(parse).collect();
    Conditions::new(conditions).unwrap_or_default()
}

#[expect(clippy::too_many_arguments, reason = "the fields that both kinds have")]
fn document(
    fields: &mut Fields,
    path: &str,
    (id, language): (String, String),
    (title, body): (String, String),
    category: String,
    (tags, asked): (Vec<String>, Vec<String>),
    updated_at: Option<prost_types::Timestamp>,
    details: Details,
) -> NewDocument {
    let body = fields.checked(&format!("{path}.body"), body, |body| check_body(body));
    let tags = match check_tag_count(tags.len()) {
        Ok(()) => tags,
        Err(problem) => {
            fields.invalid(&format!("{path}.tags"), problem);
            Vec::new()
        }
    };
    let asked = match check_asked_count(asked.len()) {
        Ok(()) => asked,
        Err(problem) => {
            fields.invalid(&format!("{path}.asked"), problem);
            Vec::new()
        }
    };
    let updated_at = fields.past_time(&format!("{path}.updated_at"), updated_at);
    NewDocument {
        document: Document {
            id: fields.id(&format!("{path}.id"), id),
            language: fields.language(&format!("{path}.language"), &language),
            title: fields.checked(&format!("{path}.title"), title, |title| check_title(title)),
            body,
            category: fields.checked(&format!("{path}.category"), category, |name| check_name(name)),
            tags: (tags.into_iter().enumerate())
                .map(|(index, tag)| fields.checked(&format!("{path}.tags[{index}]"), tag, |tag| check_id(tag)))
                .collect(),
            asked: (asked.into_iter().enumerate())
                .map(|(index, phrase)| fields.checked(&format!("{path}.asked[{index}]"), phrase, |phrase| check_asked(phrase)))
                .collect(),
            from_folder: false,
            updated_at: jiff::Timestamp::default(),
            withdrawn: false,
            details,
        },
        updated_at,
    }
}

/// Decodes the ids of a deletion.
pub fn ids(fields: &mut Fields, ids: Vec<String>) -> Vec<Id> {
    let ids = check_count(fields, "ids", ids);
    ids.into_iter().enumerate().map(|(index, id)| fields.id(&format!("ids[{index}]"), id)).collect()
}

/// Decodes an audience; `None` if unspecified.
pub fn audience(fields: &mut Fields, path: &str, audience: i32) -> Option<Audience> {
    match pb::Audience::try_from(audience) {
        Ok(pb::Audience::Unspecified) => None,
        Ok(pb::Audience::Public) => Some(Audience::Public),
        Ok(pb::Audience::Agents) => Some(Audience::Agents),
        Err(_) => {
            fields.invalid(path, "is an unknown audience");
            None
        }
    }
}

/// Decodes the filter by visibility; `None` if unspecified.
pub fn visibility_filter(fields: &mut Fields, visibility: i32) -> Option<VisibilityFilter> {
    match pb::Visibility::try_from(visibility) {
        Ok(pb::Visibility::Unspecified) => None,
        Ok(pb::Visibility::Everyone) => Some(VisibilityFilter::Everyone),
        Ok(pb::Visibility::Group) => Some(VisibilityFilter::Group),
        Ok(pb::Visibility::Agent) => Some(VisibilityFilter::Agent),
        Err(_) => {
            fields.invalid("visibility", "is an unknown visibility");
            None
        }
    }
}

/// Decodes kinds; an empty list means both.
pub fn kinds(fields: &mut Fields, numbers: &[i32]) -> Vec<Kind> {
    let mut kinds = Vec::new();
    for (index, number) in numbers.iter().enumerate() {
        match pb::DocumentKind::try_from(*number) {
            Ok(pb::DocumentKind::CannedAnswer) if !kinds.contains(&Kind::CannedAnswer) => kinds.push(Kind::CannedAnswer),
            Ok(pb::DocumentKind::Article) if !kinds.contains(&Kind::Article) => kinds.push(Kind::Article),
            Ok(pb::DocumentKind::CannedAnswer | pb::DocumentKind::Article) => {}
            Ok(pb::DocumentKind::Unspecified) | Err(_) => {
                fields.invalid(&format!("kinds[{index}]"), "must be DOCUMENT_KIND_CANNED_ANSWER or DOCUMENT_KIND_ARTICLE");
                break;
            }
        }
    }
    if numbers.is_empty() { vec![Kind::CannedAnswer, Kind::Article] } else { kinds }
}

/// Encodes an article as a list has it, with its etag.
pub fn list_article(document: Document) -> Option<pb::Article> {
    let etag = document.etag();
    Some(pb::Article { etag, ..encode_article(document)? })
}

/// Encodes a canned answer as a list has it, with its etag.
pub fn list_canned_answer(document: Document) -> Option<pb::CannedAnswer> {
    let etag = document.etag();
    Some(pb::CannedAnswer { etag, ..encode_canned_answer(document)? })
}

/// Encodes an article; `None` if the document is a canned answer.
pub fn encode_article(document: Document) -> Option<pb::Article> {
    let audience = document.audience();
    let Document { id, language, title, body, category, tags, asked, from_folder, updated_at, withdrawn: _, details } = document;
    let Details::Article { audience: _, url } = details else { return None };
    Some(pb::Article {
        id: id.to_string(),
        language: language.to_string(),
        title,
        body,
        category,
        tags,
        updated_at: Some(encode_time(updated_at)),
        audience: encode_audience(audience).into(),
        url,
        from_folder,
        asked,
        etag: String::new(),
    })
}

/// Encodes a canned answer; `None` if the document is an article.
pub fn encode_canned_answer(document: Document) -> Option<pb::CannedAnswer> {
    let Document { id, language, title, body, category, tags, asked, from_folder, updated_at, withdrawn: _, details } = document;
    let Details::CannedAnswer { shortcut, visibility, when } = details else { return None };
    let (visibility, owner_group, owner_agent_id) = match visibility {
        Visibility::Everyone => (pb::Visibility::Everyone, String::new(), String::new()),
        Visibility::Group(group) => (pb::Visibility::Group, group, String::new()),
        Visibility::Agent(agent) => (pb::Visibility::Agent, String::new(), agent),
    };
    Some(pb::CannedAnswer {
        id: id.to_string(),
        language: language.to_string(),
        title,
        body,
        category,
        tags,
        updated_at: Some(encode_time(updated_at)),
        shortcut,
        visibility: visibility.into(),
        owner_group,
        owner_agent_id,
        from_folder,
        asked,
        when: when.into(),
        etag: String::new(),
    })
}

/// Encodes an audience.
pub fn encode_audience(audience: Audience) -> pb::Audience {
    match audience {
        Audience::Public => pb::Audience::Public,
        Audience::Agents => pb::Audience::Agents,
    }
}

/// Encodes a kind.
pub fn encode_kind(kind: Kind) -> pb::DocumentKind {
    match kind {
        Kind::CannedAnswer => pb::DocumentKind::CannedAnswer,
        Kind::Article => pb::DocumentKind::Article,
    }
}

/// A document that is written: its key, the placeholders of it that no chat can fill, its etag.
pub type Written = (DocumentKey, Vec<String>, String);

/// Encodes the result of writing each document.
pub fn encode_results(written: Vec<Written>, statuses: Vec<PutStatus>) -> Vec<pb::PutResult> {
    let results = written.into_iter().zip(statuses);
    results
        .map(|((key, unknown_placeholders, etag), status)| pb::PutResult {
            unknown_placeholders,
            id: key.id.to_string(),
            language: key.language.to_string(),
            status: encode_status(status).into(),
            etag: if status == PutStatus::Stale { String::new() } else { etag },
        })
        .collect()
}

/// Encodes what became of a put.
pub fn encode_status(status: PutStatus) -> pb::PutStatus {
    match status {
        PutStatus::Created => pb::PutStatus::Created,
        PutStatus::Updated => pb::PutStatus::Updated,
        PutStatus::Unchanged => pb::PutStatus::Unchanged,
        PutStatus::Stale => pb::PutStatus::Stale,
    }
}

/// Encodes highlighted text: segments that matched, and the text between them.
pub fn encode_segments(segments: Vec<Segment>) -> Vec<pb::Segment> {
    let encode = |Segment { matched, text }| {
        let kind = if matched { pb::SegmentKind::Matched } else { pb::SegmentKind::Plain };
        pb::Segment { kind: kind.into(), text }
    };
    segments.into_iter().map(encode).collect()
}
