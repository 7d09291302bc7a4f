//! Handlers of KnowledgeService.

use tonic::{Request, Response, Status};

use crate::{
    api::{
        Api, MAX_REPLY_BYTES, Reply, access,
        acting::acting,
        convert::{self, document, fields::Fields},
        pb::{self, knowledge_service_server::KnowledgeService},
        services::{reports, wording},
    },
    failpoint::failpoint,
    ids::Id,
    keys::{Action, AuditSubject},
    knowledge::{ArticleRating, Audience, Document, DocumentPage, Hit, Kind, KnowledgeError, ListFilter, NewDocument, Search},
    replies::Desk,
    task,
    text::{is_known_placeholder, placeholders},
};

const MAX_QUERY: usize = 2000;
const MAX_OFFSET: i32 = 1000;
const DEFAULT_HITS: i32 = 10;
const MAX_HITS: i32 = 100;
const MAX_TAGS: usize = 100;
const MAX_REASON: usize = 2000;

#[tonic::async_trait]
impl KnowledgeService for Api {
    async fn search(&self, request: Request<pb::SearchRequest>) -> Reply<pb::SearchResponse> {
        let (desk, reader, visitor) = (self.desk(&request), access(&request).reader(), access(&request).limited_visitor());
        let pb::SearchRequest { query, language, category, tags, limit, offset, session_id, min_revision } = request.into_inner();
        let mut fields = Fields::default();
        let query = fields.required_text("query", query, MAX_QUERY);
        let language = fields.optional_language("language", &language).unwrap_or_else(|| desk.settings().language.clone());
        let category = fields.short("category", category);
        let tags = tags_of(&mut fields, tags);
        let limit = fields.count("limit", limit, DEFAULT_HITS, MAX_HITS);
        if !(0..=MAX_OFFSET).contains(&offset) {
            fields.invalid("offset", format!("must be from 0 to {MAX_OFFSET}"));
        }
        let session_id = fields.short("session_id", session_id);
        let min_revision = fields.revision("min_revision", min_revision);
        fields.ok()?;
        desk.knowledge().wait_for_revision(min_revision).await?;
        let search = Search { query, language, category, tags, limit, offset: offset as usize, reader, meaning: None };
        let hits = desk.search(search.clone()).await?;
        // A later page belongs to the same search, and is not reported again.
        let search_id = match search.offset {
            0 => desk.knowledge().searched(visitor, &session_id, (&search.query, &search.language), hits.total),
            _ => String::new(),
        };
        let encode = |Hit { document, title, snippet, score }: Hit| pb::SearchHit {
            id: document.id.to_string(),
            language: document.language.to_string(),
            title: document::encode_segments(title),
            snippet: document::encode_segments(snippet),
            url: document.url().to_owned(),
            score,
            audience: document::encode_audience(document.audience()).into(),
            category: document.category,
        };
        Ok(Response::new(pb::SearchResponse {
            hits: hits.hits.into_iter().map(encode).collect(),
            total: hits.total as i32,
            corrected_query: hits.corrected,
            search_id,
        }))
    }

    async fn get_article(&self, request: Request<pb::GetArticleRequest>) -> Reply<pb::GetArticleResponse> {
        let reader = access(&request).reader();
        let desk = self.desk(&request);
        let pb::GetArticleRequest { id, language } = request.into_inner();
        let mut fields = Fields::default();
        let id = fields.id("id", id);
        let language = fields.optional_language("language", &language).unwrap_or_else(|| desk.settings().language.clone());
        fields.ok()?;
        let mut article = desk.knowledge().article(&id, &[&language, &desk.settings().language], &reader).await?;
        if reader.articles == Audience::Public {
            article.asked.clear();
        }
        Ok(Response::new(pb::GetArticleResponse { article: document::encode_article(article) }))
    }

    async fn record_open(&self, request: Request<pb::RecordOpenRequest>) -> Reply<pb::RecordOpenResponse> {
        let (desk, reader, visitor) = (self.desk(&request), access(&request).reader(), access(&request).limited_visitor());
        let pb::RecordOpenRequest { search_id, id } = request.into_inner();
        let mut fields = Fields::default();
        let search_id = fields.own_id("search_id", search_id);
        let id = fields.id("id", id);
        fields.ok()?;
        desk.knowledge().opened(visitor, search_id, id, &reader).await?;
        Ok(Response::new(pb::RecordOpenResponse {}))
    }

    async fn rate_article(&self, request: Request<pb::RateArticleRequest>) -> Reply<pb::RateArticleResponse> {
        let (desk, reader, visitor) = (self.desk(&request), access(&request).reader(), access(&request).limited_visitor());
        let pb::RateArticleRequest { id, language, helpful, reason, rating_id } = request.into_inner();
        let mut fields = Fields::default();
        let article_id = fields.id("id", id);
        let language = fields.optional_language("language", &language).unwrap_or_else(|| desk.settings().language.clone());
        let reason = fields.text("reason", reason, MAX_REASON);
        let rating_id = fields.id("rating_id", rating_id);
        fields.ok()?;
        let article = desk.knowledge().article(&article_id, &[&language, &desk.settings().language], &reader).await?;
        let rating = ArticleRating { rating_id, article_id, language: article.language, helpful, reason };
        desk.knowledge().rated(visitor, rating).await?;
        Ok(Response::new(pb::RateArticleResponse {}))
    }

    async fn list_articles(&self, request: Request<pb::ListArticlesRequest>) -> Reply<pb::ListArticlesResponse> {
        let desk = self.desk(&request);
        let pb::ListArticlesRequest { language, category, tags, audience, page_size, page_token } = request.into_inner();
        let mut fields = Fields::default();
        let filter = ListFilter {
            language: fields.optional_language("language", &language),
            category: fields.short("category", category),
            tags: tags_of(&mut fields, tags),
            audience: document::audience(&mut fields, "audience", audience),
            ..ListFilter::default()
        };
        let page_size = fields.page_size(page_size);
        let page_token = fields.page_token(page_token, DocumentPage::is_token);
        fields.ok()?;
        let DocumentPage { documents, next_page_token } =
            desk.knowledge().list(Kind::Article, &filter, page_size, &page_token, MAX_REPLY_BYTES).await?;
        let articles = documents.into_iter().filter_map(document::list_article).collect();
        Ok(Response::new(pb::ListArticlesResponse { articles, next_page_token }))
    }

    async fn list_canned_answers(&self, request: Request<pb::ListCannedAnswersRequest>) -> Reply<pb::ListCannedAnswersResponse> {
        let desk = self.desk(&request);
        let acting = acting(&request);
        let pb::ListCannedAnswersRequest { language, category, tags, visibility, owner_group, owner_agent_id, page_size, page_token } =
            request.into_inner();
        let mut fields = Fields::default();
        let filter = ListFilter {
            language: fields.optional_language("language", &language),
            category: fields.short("category", category),
            tags: tags_of(&mut fields, tags),
            audience: None,
            visibility: document::visibility_filter(&mut fields, visibility),
            owner_group: fields.short("owner_group", owner_group),
            owner_agent_id: fields.short("owner_agent_id", owner_agent_id),
        };
        let page_size = fields.page_size(page_size);
        let page_token = fields.page_token(page_token, DocumentPage::is_token);
        fields.ok()?;
        let DocumentPage { documents, next_page_token } =
            desk.knowledge().list(Kind::CannedAnswer, &filter, page_size, &page_token, MAX_REPLY_BYTES).await?;
        let canned_answers = documents.into_iter().filter(|answer| acting.sees(answer)).filter_map(document::list_canned_answer).collect();
        Ok(Response::new(pb::ListCannedAnswersResponse { canned_answers, next_page_token }))
    }

    async fn put_articles(&self, request: Request<pb::PutArticlesRequest>) -> Reply<pb::PutArticlesResponse> {
        let desk = self.desk(&request);
        let mut fields = Fields::default();
        let articles = request.into_inner().articles;
        let etags = articles.iter().map(|article| article.etag.clone()).collect();
        let documents = document::articles(&mut fields, articles);
        fields.ok()?;
        let (results, revision) = put(desk, documents, etags).await?;
        Ok(Response::new(pb::PutArticlesResponse { results, revision }))
    }

    async fn put_canned_answers(&self, request: Request<pb::PutCannedAnswersRequest>) -> Reply<pb::PutCannedAnswersResponse> {
        let desk = self.desk(&request);
        let acting = acting(&request);
        let mut fields = Fields::default();
        let answers = request.into_inner().canned_answers;
        let etags = answers.iter().map(|answer| answer.etag.clone()).collect();
        let documents = document::canned_answers(&mut fields, answers);
        fields.ok()?;
        if acting.writes_only_agents_own() {
            let ids: Vec<Id> = documents.iter().map(|new| new.document.id.clone()).collect();
            let existing = canned_answers(desk, &ids).await?;
            acting.may_write(documents.iter().map(|new| &new.document).chain(&existing))?;
        }
        let (results, revision) = put(desk, documents, etags).await?;
        Ok(Response::new(pb::PutCannedAnswersResponse { results, revision }))
    }

    async fn delete_articles(&self, request: Request<pb::DeleteArticlesRequest>) -> Reply<pb::DeleteArticlesResponse> {
        let pb::DeleteArticlesRequest { ids, language } = request.get_ref().clone();
        let (deleted, revision) = self.delete(&request, Kind::Article, ids, &language).await?;
        Ok(Response::new(pb::DeleteArticlesResponse { deleted, revision }))
    }

    async fn delete_canned_answers(&self, request: Request<pb::DeleteCannedAnswersRequest>) -> Reply<pb::DeleteCannedAnswersResponse> {
        let desk = self.desk(&request);
        let acting = acting(&request);
        let pb::DeleteCannedAnswersRequest { ids, language } = request.get_ref().clone();
        if acting.writes_only_agents_own() {
            let mut fields = Fields::default();
            let ids = document::ids(&mut fields, ids.clone());
            fields.ok()?;
            acting.may_write(&canned_answers(desk, &ids).await?)?;
        }
        let (deleted, revision) = self.delete(&request, Kind::CannedAnswer, ids, &language).await?;
        Ok(Response::new(pb::DeleteCannedAnswersResponse { deleted, revision }))
    }

    async fn get_search_report(&self, request: Request<pb::GetSearchReportRequest>) -> Reply<pb::GetSearchReportResponse> {
        reports::search_report(self.desk(&request), request.into_inner()).await.map(Response::new)
    }

    async fn get_help_report(&self, request: Request<pb::GetHelpReportRequest>) -> Reply<pb::GetHelpReportResponse> {
        reports::help_report(self.desk(&request), request.into_inner()).await.map(Response::new)
    }

    async fn check_documents(&self, request: Request<pb::CheckDocumentsRequest>) -> Reply<pb::CheckDocumentsResponse> {
        wording::check_documents(self, request).await
    }

    async fn get_voice(&self, request: Request<pb::GetVoiceRequest>) -> Reply<pb::GetVoiceResponse> {
        let voice = convert::wording::encode_voice(self.desk(&request).knowledge().listed_voice());
        Ok(Response::new(pb::GetVoiceResponse { voice: Some(voice) }))
    }

    async fn put_voice(&self, request: Request<pb::PutVoiceRequest>) -> Reply<pb::PutVoiceResponse> {
        wording::put_voice(self, request).await
    }

    async fn list_glossary_terms(&self, request: Request<pb::ListGlossaryTermsRequest>) -> Reply<pb::ListGlossaryTermsResponse> {
        wording::list_terms(self, &request)
    }

    async fn put_glossary_terms(&self, request: Request<pb::PutGlossaryTermsRequest>) -> Reply<pb::PutGlossaryTermsResponse> {
        wording::put_terms(self, request).await
    }

    async fn delete_glossary_terms(&self, request: Request<pb::DeleteGlossaryTermsRequest>) -> Reply<pb::DeleteGlossaryTermsResponse> {
        wording::delete_terms(self, request).await
    }

    async fn list_synonyms(&self, request: Request<pb::ListSynonymsRequest>) -> Reply<pb::ListSynonymsResponse> {
        wording::list_groups(self, &request)
    }

    async fn put_synonyms(&self, request: Request<pb::PutSynonymsRequest>) -> Reply<pb::PutSynonymsResponse> {
        wording::put_groups(self, request).await
    }

    async fn delete_synonyms(&self, request: Request<pb::DeleteSynonymsRequest>) -> Reply<pb::DeleteSynonymsResponse> {
        wording::delete_groups(self, request).await
    }
}

/// Writes documents in a task of its own, so that the write completes even if the caller hangs up.
async fn put(desk: &Desk, documents: Vec<NewDocument>, etags: Vec<String>) -> Result<(Vec<pb::PutResult>, i64), Status> {
    let written = |NewDocument { document, .. }: &NewDocument| (document.key(), unknown_placeholders(document), document.etag());
    let written: Vec<document::Written> = documents.iter().map(written).collect();
    let knowledge = desk.knowledge().clone();
    let write = async move {
        documents.iter().for_each(|new| failpoint("put", new.document.id.as_str()));
        knowledge.put_if(documents, etags).await
    };
    let (statuses, revision) = task::detached("the write of the documents", write).await.map_err(KnowledgeError::from)??;
    Ok((document::encode_results(written, statuses), revision))
}

/// The placeholders of a canned answer that no chat can fill.
fn unknown_placeholders(document: &Document) -> Vec<String> {
    if document.kind() != Kind::CannedAnswer {
        return Vec::new();
    }
    let names = placeholders(&document.body).into_iter().map(|placeholder| placeholder.name);
    names.filter(|name| !is_known_placeholder(name)).map(str::to_owned).collect()
}

/// The existing canned answers with these ids, in every language.
async fn canned_answers(desk: &Desk, ids: &[Id]) -> Result<Vec<Document>, Status> {
    let mut answers = Vec::new();
    for id in ids {
        answers.extend(desk.knowledge().versions(Kind::CannedAnswer, id).await?);
    }
    Ok(answers)
}

impl Api {
    async fn delete<T>(&self, request: &Request<T>, kind: Kind, ids: Vec<String>, language: &str) -> Result<(i32, i64), Status> {
        let mut fields = Fields::default();
        let ids: Vec<Id> = document::ids(&mut fields, ids);
        let language = fields.optional_language("language", language);
        fields.ok()?;
        self.record(request, Action::DeleteDocuments, AuditSubject::Named(&named(kind, &ids))).await?;
        let knowledge = self.desk(request).knowledge().clone();
        let write = async move { knowledge.delete(kind, &ids, language.as_ref()).await };
        let (deleted, revision) = task::detached("the deletion of the documents", write).await.map_err(KnowledgeError::from)??;
        Ok((i32::try_from(deleted).unwrap_or(i32::MAX), revision))
    }
}

/// The names of documents in the audit log.
fn named(kind: Kind, ids: &[Id]) -> String {
    let ids: Vec<&str> = ids.iter().map(Id::as_str).collect();
    wording::named_in_audit(if kind == Kind::Article { "article" } else { "canned_answer" }, &ids)
}

fn tags_of(fields: &mut Fields, tags: Vec<String>) -> Vec<String> {
    if tags.len() > MAX_TAGS {
        fields.invalid("tags", format!("must have at most {MAX_TAGS} tags"));
        return Vec::new();
    }
    tags.into_iter().enumerate().map(|(index, tag)| fields.id(&format!("tags[{index}]"), tag).to_string()).collect()
}
