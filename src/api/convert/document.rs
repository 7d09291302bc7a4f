//! Documents, decoded and encoded.

use std::collections::HashSet;

use crate::{
    api::{
        convert::{event::encode_time, fields::Fields},
        pb,
    },
    ids::Id,
    knowledge::{
        Audience, Details, Document, DocumentKey, Kind, NewDocument, PutStatus, Segment, Visibility, VisibilityFilter, check_body,
        check_id, check_name, check_tag_count, check_title, check_url,
    },
};

const MAX_DOCUMENTS: usize = 1000;

/// Decodes articles to put.
pub fn articles(fields: &mut Fields, told: Vec<pb::Article>) -> Vec<NewDocument> {
    let told = bounded(fields, "articles", told);
    let documents = told.into_iter().enumerate().map(|(index, told)| article(fields, &format!("articles[{index}]"), told)).collect();
    once_each(fields, "articles", documents)
}

/// Decodes canned answers to put.
pub fn canned_answers(fields: &mut Fields, told: Vec<pb::CannedAnswer>) -> Vec<NewDocument> {
    let told = bounded(fields, "canned_answers", told);
    let documents =
        told.into_iter().enumerate().map(|(index, told)| canned_answer(fields, &format!("canned_answers[{index}]"), told)).collect();
    once_each(fields, "canned_answers", documents)
}

fn bounded<T>(fields: &mut Fields, path: &str, told: Vec<T>) -> Vec<T> {
    if told.is_empty() || told.len() > MAX_DOCUMENTS {
        fields.wrong(path, format!("must have 1 to {MAX_DOCUMENTS} items"));
        return Vec::new();
    }
    told
}

fn once_each(fields: &mut Fields, path: &str, documents: Vec<NewDocument>) -> Vec<NewDocument> {
    let mut keys: HashSet<DocumentKey> = HashSet::new();
    for (index, new) in documents.iter().enumerate() {
        if !keys.insert(new.document.key()) {
            fields.wrong(&format!("{path}[{index}].id"), "stands twice with this language in one call");
        }
    }
    documents
}

fn article(fields: &mut Fields, path: &str, told: pb::Article) -> NewDocument {
    let pb::Article { id, language, title, body, category, tags, updated_at, audience, url, from_folder: _ } = told;
    let audience = crate::api::convert::document::audience(fields, &format!("{path}.audience"), audience).unwrap_or(Audience::Public);
    let details = Details::Article { audience, url: fields.checked(&format!("{path}.url"), url, |url| check_url(url)) };
    document(fields, path, (id, language), (title, body), category, tags, updated_at, details)
}

fn canned_answer(fields: &mut Fields, path: &str, told: pb::CannedAnswer) -> NewDocument {
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
    } = told;
    let visibility = match pb::Visibility::try_from(visibility) {
        Ok(pb::Visibility::Unspecified | pb::Visibility::Everyone) => Visibility::Everyone,
        Ok(pb::Visibility::Group) => Visibility::Group(fields.checked(&format!("{path}.owner_group"), owner_group, |id| check_id(id))),
        Ok(pb::Visibility::Agent) => {
            Visibility::Agent(fields.checked(&format!("{path}.owner_agent_id"), owner_agent_id, |id| check_id(id)))
        }
        Err(_) => {
            fields.wrong(&format!("{path}.visibility"), "is no visibility of this contract");
            Visibility::Everyone
        }
    };
    let details =
        Details::CannedAnswer { shortcut: fields.checked(&format!("{path}.shortcut"), shortcut, |name| check_name(name)), visibility };
    document(fields, path, (id, language), (title, body), category, tags, updated_at, details)
}

#[expect(clippy::too_many_arguments, reason = "the fields that both kinds have")]
fn document(
    fields: &mut Fields,
    path: &str,
    (id, language): (String, String),
    (title, body): (String, String),
    category: String,
    tags: Vec<String>,
    updated_at: Option<prost_types::Timestamp>,
    details: Details,
) -> NewDocument {
    let body = fields.checked(&format!("{path}.body"), body, |body| check_body(body));
    let tags = match check_tag_count(tags.len()) {
        Ok(()) => tags,
        Err(problem) => {
            fields.wrong(&format!("{path}.tags"), problem);
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
            from_folder: false,
            updated_at: jiff::Timestamp::default(),
            withdrawn: false,
            details,
        },
        updated_at,
    }
}

/// Decodes the ids of a deletion.
pub fn ids(fields: &mut Fields, told: Vec<String>) -> Vec<Id> {
    let told = bounded(fields, "ids", told);
    told.into_iter().enumerate().map(|(index, id)| fields.id(&format!("ids[{index}]"), id)).collect()
}

/// Decodes an audience; none if unspecified.
pub fn audience(fields: &mut Fields, path: &str, audience: i32) -> Option<Audience> {
    match pb::Audience::try_from(audience) {
        Ok(pb::Audience::Unspecified) => None,
        Ok(pb::Audience::Public) => Some(Audience::Public),
        Ok(pb::Audience::Agents) => Some(Audience::Agents),
        Err(_) => {
            fields.wrong(path, "is no audience of this contract");
            None
        }
    }
}

/// Decodes the filter by visibility; none if unspecified.
pub fn visibility_filter(fields: &mut Fields, visibility: i32) -> Option<VisibilityFilter> {
    match pb::Visibility::try_from(visibility) {
        Ok(pb::Visibility::Unspecified) => None,
        Ok(pb::Visibility::Everyone) => Some(VisibilityFilter::Everyone),
        Ok(pb::Visibility::Group) => Some(VisibilityFilter::Group),
        Ok(pb::Visibility::Agent) => Some(VisibilityFilter::Agent),
        Err(_) => {
            fields.wrong("visibility", "is no visibility of this contract");
            None
        }
    }
}

/// Decodes kinds; none given means both.
pub fn kinds(fields: &mut Fields, told: &[i32]) -> Vec<Kind> {
    let mut kinds = Vec::new();
    for (index, number) in told.iter().enumerate() {
        match pb::DocumentKind::try_from(*number) {
            Ok(pb::DocumentKind::CannedAnswer) if !kinds.contains(&Kind::CannedAnswer) => kinds.push(Kind::CannedAnswer),
            Ok(pb::DocumentKind::Article) if !kinds.contains(&Kind::Article) => kinds.push(Kind::Article),
            Ok(pb::DocumentKind::CannedAnswer | pb::DocumentKind::Article) => {}
            Ok(pb::DocumentKind::Unspecified) | Err(_) => {
                fields.wrong(&format!("kinds[{index}]"), "must be DOCUMENT_KIND_CANNED_ANSWER or DOCUMENT_KIND_ARTICLE");
                break;
            }
        }
    }
    if told.is_empty() { vec![Kind::CannedAnswer, Kind::Article] } else { kinds }
}

/// Encodes an article; none if the document is of the other kind.
pub fn encode_article(document: Document) -> Option<pb::Article> {
    let audience = document.audience();
    let Document { id, language, title, body, category, tags, from_folder, updated_at, withdrawn: _, details } = document;
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
    })
}

/// Encodes a canned answer; none if the document is of the other kind.
pub fn encode_canned_answer(document: Document) -> Option<pb::CannedAnswer> {
    let Document { id, language, title, body, category, tags, from_folder, updated_at, withdrawn: _, details } = document;
    let Details::CannedAnswer { shortcut, visibility } = details else { return None };
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

/// Encodes what became of documents.
pub fn encode_results(keys: Vec<DocumentKey>, statuses: Vec<PutStatus>) -> Vec<pb::PutResult> {
    let results = keys.into_iter().zip(statuses);
    results
        .map(|(key, status)| pb::PutResult {
            id: key.id.to_string(),
            language: key.language.to_string(),
            status: match status {
                PutStatus::Created => pb::PutStatus::Created,
                PutStatus::Updated => pb::PutStatus::Updated,
                PutStatus::Unchanged => pb::PutStatus::Unchanged,
                PutStatus::Stale => pb::PutStatus::Stale,
            }
            .into(),
        })
        .collect()
}

/// Encodes pieces of text with what matched.
pub fn encode_segments(segments: Vec<Segment>) -> Vec<pb::Segment> {
    let encode = |Segment { matched, text }| {
        let kind = if matched { pb::SegmentKind::Matched } else { pb::SegmentKind::Plain };
        pb::Segment { kind: kind.into(), text }
    };
    segments.into_iter().map(encode).collect()
}
