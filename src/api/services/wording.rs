//! Handlers of KnowledgeService for the voice, the glossary and the synonyms, and for checks.

use prost::Message;
use tonic::{Request, Response, Status};

use crate::{
    api::{
        Api, MAX_REPLY_BYTES, Reply,
        convert::{document, fields::Fields, wording},
        pb,
    },
    keys::{Action, AuditSubject},
    knowledge::{Checked, Document, Entry, PutStatus, SynonymGroup, Term},
};

/// Most documents that are checked at once.
const MAX_CHECKED: usize = 100;
/// Most findings in a reply.
const MAX_FINDINGS: usize = 1000;
/// Names of what was changed or deleted that the audit log has.
const MAX_NAMED: usize = 20;

/// How things are named in the audit log: by their ids, the first ones of many.
pub fn named_in_audit(word: &str, ids: &[&str]) -> String {
    let shown: Vec<&str> = ids.iter().copied().take(MAX_NAMED).collect();
    let more = if ids.len() > MAX_NAMED { format!(" and {} more", ids.len() - MAX_NAMED) } else { String::new() };
    let names = format!("{}{more}", shown.join(","));
    if names.is_empty() { word.to_owned() } else { format!("{word}:{names}") }
}

pub async fn check_documents(api: &Api, request: Request<pb::CheckDocumentsRequest>) -> Reply<pb::CheckDocumentsResponse> {
    let knowledge = api.desk(&request).knowledge().clone();
    let pb::CheckDocumentsRequest { articles, canned_answers } = request.into_inner();
    let mut fields = Fields::default();
    if articles.len() + canned_answers.len() > MAX_CHECKED {
        fields.invalid("articles", format!("must have, together with canned_answers, at most {MAX_CHECKED} items"));
    }
    fields.ok()?;
    let mut new = Vec::new();
    if !articles.is_empty() {
        new.extend(document::articles(&mut fields, articles));
    }
    if !canned_answers.is_empty() {
        new.extend(document::canned_answers(&mut fields, canned_answers));
    }
    fields.ok()?;
    let new: Vec<Document> = new.into_iter().map(|new| new.document).collect();
    let Checked { documents, findings } = knowledge.check(new).await?;
    let warnings = findings.iter().filter(|finding| finding.rule.is_warning()).count();
    let count = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    Ok(Response::new(pb::CheckDocumentsResponse {
        documents: count(documents),
        errors: count(findings.len() - warnings),
        warnings: count(warnings),
        findings: findings.into_iter().take(MAX_FINDINGS).map(wording::encode_finding).collect(),
    }))
}

pub async fn put_voice(api: &Api, request: Request<pb::PutVoiceRequest>) -> Reply<pb::PutVoiceResponse> {
    let mut fields = Fields::default();
    let voice = wording::voice(&mut fields, request.get_ref().voice.clone());
    fields.ok()?;
    let results = put(api, &request, vec![voice]).await?;
    let (status, etag) = results.into_iter().next().unwrap_or((PutStatus::Unchanged, String::new()));
    Ok(Response::new(pb::PutVoiceResponse { status: document::encode_status(status).into(), etag }))
}

pub fn list_terms(api: &Api, request: &Request<pb::ListGlossaryTermsRequest>) -> Reply<pb::ListGlossaryTermsResponse> {
    let terms = api.desk(request).knowledge().listed_terms();
    let pb::ListGlossaryTermsRequest { page_size, page_token } = request.get_ref().clone();
    let mut fields = Fields::default();
    let page_size = fields.page_size(page_size);
    let page_token = fields.page_token(page_token, is_token);
    fields.ok()?;
    let terms = terms.into_iter().map(|term| (format!("\n{}", term.content.term), wording::encode_term(term)));
    let (terms, next_page_token) = page(terms, page_size, &page_token);
    Ok(Response::new(pb::ListGlossaryTermsResponse { terms, next_page_token }))
}

pub async fn put_terms(api: &Api, request: Request<pb::PutGlossaryTermsRequest>) -> Reply<pb::PutGlossaryTermsResponse> {
    let mut fields = Fields::default();
    let terms = wording::terms(&mut fields, request.get_ref().terms.clone());
    fields.ok()?;
    let ids: Vec<(String, String)> = terms.iter().map(|(term, _)| (term.term.clone(), String::new())).collect();
    let results = put(api, &request, terms).await?;
    Ok(Response::new(pb::PutGlossaryTermsResponse { results: wording::encode_results(ids, results) }))
}

pub async fn delete_terms(api: &Api, request: Request<pb::DeleteGlossaryTermsRequest>) -> Reply<pb::DeleteGlossaryTermsResponse> {
    let deleted = delete::<Term, _>(api, &request, "terms", request.get_ref().terms.clone()).await?;
    Ok(Response::new(pb::DeleteGlossaryTermsResponse { deleted }))
}

pub fn list_groups(api: &Api, request: &Request<pb::ListSynonymsRequest>) -> Reply<pb::ListSynonymsResponse> {
    let mut groups = api.desk(request).knowledge().listed_groups();
    let pb::ListSynonymsRequest { language, page_size, page_token } = request.get_ref().clone();
    let mut fields = Fields::default();
    let language = fields.optional_language("language", &language);
    let page_size = fields.page_size(page_size);
    let page_token = fields.page_token(page_token, is_token);
    fields.ok()?;
    groups.retain(|group| language.as_ref().is_none_or(|language| group.content.language.primary() == language.primary()));
    let groups =
        groups.into_iter().map(|group| (format!("{}\n{}", group.content.language, group.content.id), wording::encode_group(group)));
    let (groups, next_page_token) = page(groups, page_size, &page_token);
    Ok(Response::new(pb::ListSynonymsResponse { groups, next_page_token }))
}

pub async fn put_groups(api: &Api, request: Request<pb::PutSynonymsRequest>) -> Reply<pb::PutSynonymsResponse> {
    let mut fields = Fields::default();
    let groups = wording::groups(&mut fields, request.get_ref().groups.clone());
    fields.ok()?;
    let ids = groups.iter().map(|(group, _)| (group.id.to_string(), group.language.to_string())).collect();
    let results = put(api, &request, groups).await?;
    Ok(Response::new(pb::PutSynonymsResponse { results: wording::encode_results(ids, results) }))
}

pub async fn delete_groups(api: &Api, request: Request<pb::DeleteSynonymsRequest>) -> Reply<pb::DeleteSynonymsResponse> {
    let deleted = delete::<SynonymGroup, _>(api, &request, "ids", request.get_ref().ids.clone()).await?;
    Ok(Response::new(pb::DeleteSynonymsResponse { deleted }))
}

/// Records and writes entries.
async fn put<E: Entry, T>(api: &Api, request: &Request<T>, entries: Vec<(E, String)>) -> Result<Vec<(PutStatus, String)>, Status> {
    let ids: Vec<&str> = entries.iter().map(|(entry, _)| entry.id()).collect();
    api.record(request, Action::ChangeWording, AuditSubject::Named(&named_in_audit(E::WORD, &ids))).await?;
    Ok(api.desk(request).knowledge().put_wording(entries).await?)
}

/// Records and deletes entries.
async fn delete<E: Entry, T>(api: &Api, request: &Request<T>, field: &str, ids: Vec<String>) -> Result<i32, Status> {
    let mut fields = Fields::default();
    let ids: Vec<String> = wording::ids(&mut fields, field, ids);
    fields.ok()?;
    let named: Vec<&str> = ids.iter().map(String::as_str).collect();
    api.record(request, Action::ChangeWording, AuditSubject::Named(&named_in_audit(E::WORD, &named))).await?;
    let deleted = api.desk(request).knowledge().delete_wording::<E>(ids).await?;
    Ok(i32::try_from(deleted).unwrap_or(i32::MAX))
}

/// Whether a text may be the token of a page: a language and an id, or no language and a term.
fn is_token(token: &str) -> bool {
    token.contains('\n')
}

/// The items of a page after the one that `token` names, and the next page's token. `items`: each with its token, in order.
fn page<T: Message>(items: impl Iterator<Item = (String, T)>, page_size: usize, token: &str) -> (Vec<T>, String) {
    let (mut page, mut bytes, mut last) = (Vec::new(), 0, String::new());
    for (name, item) in items.filter(|(name, _)| token.is_empty() || name.as_str() > token) {
        bytes += item.encoded_len() + 8;
        if page.len() == page_size || (bytes > MAX_REPLY_BYTES && !page.is_empty()) {
            return (page, last);
        }
        page.push(item);
        last = name;
    }
    (page, String::new())
}
