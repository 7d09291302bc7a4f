//! Ranks documents for a conversation, or for what an agent types.

use std::collections::HashSet;

use tantivy::{DocSet, TERMINATED, schema::IndexRecordOption};

use crate::{
    knowledge::{
        error::KnowledgeError,
        index::{schema::key_text, scope::SearchScope, snapshot::IndexSnapshot},
        search::{
            TITLE_GAIN,
            bm25f::score,
            candidates::{Candidate, Near, by_rank, joined, nearest, sort_by_rank},
            categories::{add_category_hits, add_category_scores},
            corpus::Corpus,
            highlight::Highlighter,
            query::{Query, Typed},
            rerank::{Reranked, rerank, rerank_by_pairs},
            suggestion_query::{QueryKind, Utterance, Vote},
            synonyms::Synonyms,
            terms::{Term, plain_terms, terms},
            visible_terms::VisibleTerms,
        },
        statistics::{confidence, deviation},
        vectors::{self, VectorHit, Vectors},
    },
    text::{Word, words},
};

/// Most adjacent pairs of the whole conversation that are scored.
const MAX_PAIRS: usize = 32;
/// Weight of the whole conversation against its last turns, and the exponent by which it rises with the number of passages where no
/// document has a category: the last turns find a passage, the whole conversation finds what it belongs to, its category or the document.
const WHOLE_WEIGHT: f32 = 1.5;
const WHOLE_RISE: f32 = 0.3;
/// Most documents that are reranked.
const MAX_RERANKED: usize = 80;
/// Weight of the vector score against the word score, in standard deviations of each: for one message, and for a conversation, where words
/// say much more. For a conversation, also the weight of the whole against the last turns, as a share of that weight by words.
const VECTOR_WEIGHT_OF_MESSAGE: f32 = 1.5;
const VECTOR_WEIGHT_OF_CONVERSATION: f32 = 0.6;
const WHOLE_VECTOR_SHARE: f32 = 0.5;
/// Most words of a query whose character n-grams are scored.
const MAX_GRAM_WORDS: usize = 16;
/// A clause that matches by itself counts a little less than the whole query.
const CLAUSE_SHARE: f64 = 0.8;

/// Returns the documents that match a query, best first.
pub fn rank_documents(
    snapshot: &IndexSnapshot,
    scope: &SearchScope<'_>,
    terms_of_query: &ConversationTerms,
    (vectors, mut hits): (&Vectors, Vec<VectorHit>),
    language: &str,
    synonyms: &Synonyms,
) -> Result<(Vec<Candidate>, Highlighter), KnowledgeError> {
    let corpus = Corpus::of(&scope.sizes(snapshot, None));
    let within = VisibleTerms::of(snapshot, scope);
    let recent_terms = terms(&within, &terms_of_query.recent, language, synonyms, corpus.documents)?;
    let whole_terms = match &terms_of_query.whole {
        Some(whole) => Some(plain_terms(&within, whole, language, synonyms, corpus.documents)?),
        None => None,
    };
    let found = score(snapshot, scope, &corpus, &recent_terms, MAX_GRAM_WORDS, 0.0)?;
    let found_whole = match &whole_terms {
        Some(terms) => Some(score(snapshot, scope, &corpus.for_conversation(), terms, 0, 0.0)?),
        None => None,
    };
    let mut near = joined(&found, found_whole.as_deref());
    let whole_share = if snapshot.has_categories() { WHOLE_WEIGHT } else { WHOLE_WEIGHT * corpus.passages.powf(WHOLE_RISE) };
    add_category_hits(snapshot, &mut hits);
    let whole_vector_share = WHOLE_VECTOR_SHARE * whole_share;
    let nearness = |hit: &VectorHit| (hit.recent + whole_vector_share * hit.whole) / (1.0 + whole_vector_share);
    let votes_by_place = votes_by_place(snapshot, scope, &terms_of_query.votes)?;
    // Documents that earlier chats voted for and vector hits are reranked whatever their word score.
    let nearest = nearest(snapshot, &hits, MAX_RERANKED, nearness);
    let always_reranked: HashSet<(u32, u32)> =
        votes_by_place.iter().map(|(place, _)| *place).chain(nearest.iter().map(VectorHit::place)).collect();
    let present: HashSet<(u32, u32)> = near.iter().map(Near::place).collect();
    let without = |place: &(u32, u32)| Near { segment: place.0, doc: place.1, recent: 0.0, recent_words: 0.0, whole: 0.0, matter: 0.0 };
    near.extend(always_reranked.difference(&present).map(without));
    add_category_scores(snapshot, &mut near);
    // First pass: all of them, by words and grams; second pass: the best, reranked.
    let highest = |of: fn(&Near) -> f32| near.iter().map(of).fold(f32::MIN_POSITIVE, f32::max);
    let (recent_most, matter_most) = (highest(|near| near.recent), highest(|near| near.matter));
    let first = |near: &Near| near.recent / recent_most + whole_share * near.matter / matter_most;
    if near.len() > MAX_RERANKED {
        let better =
            |one: &Near, other: &Near| by_rank(snapshot, (first(one), one.segment, one.doc), (first(other), other.segment, other.doc));
        near.select_nth_unstable_by(MAX_RERANKED, better);
        let rest = near.split_off(MAX_RERANKED);
        near.extend(rest.into_iter().filter(|near| always_reranked.contains(&near.place())));
    }
    near.sort_by_key(Near::place);
    let places: Vec<(u32, u32)> = near.iter().map(Near::place).collect();
    let recent_reranked = rerank(snapshot, &corpus, &places, &recent_terms, &terms_of_query.recent.pairs)?;
    let whole_pairs = match (&terms_of_query.whole, &whole_terms) {
        (Some(whole), Some(terms)) => rerank_by_pairs(snapshot, &corpus, &places, terms, &heaviest_pairs(whole, terms))?,
        _ => recent_reranked.iter().map(|reranked| reranked.pairs).collect(),
    };
    let best = corpus.max_score(&recent_terms);
    let recent: Vec<f32> = near
        .iter()
        .zip(&recent_reranked)
        .map(|(near, reranked)| near.recent + reranked.pairs + TITLE_GAIN * recent_most * reranked.title)
        .collect();
    let in_group = |near: &Near| snapshot.category(near.segment, near.doc).is_some();
    let matter: Vec<f32> =
        near.iter().zip(&whole_pairs).map(|(near, pairs)| near.matter + if in_group(near) { 0.0 } else { *pairs }).collect();
    let passages: Vec<f32> = recent_reranked.iter().map(|reranked| reranked.passages).collect();
    let shares = [1.0 / deviation(&recent), whole_share / deviation(&matter), corpus.passages_share() / deviation(&passages)];
    let text: Vec<f32> =
        (0..near.len()).map(|number| shares[0] * recent[number] + shares[1] * matter[number] + shares[2] * passages[number]).collect();
    let hit_of = |near: &Near| hits.binary_search_by_key(&near.place(), VectorHit::place).ok().map(|at| &hits[at]);
    let meaning: Vec<Option<f32>> = near.iter().map(|near| hit_of(near).map(nearness)).collect();
    let gains = match hits.is_empty() {
        true => vec![0.0; near.len()],
        false if terms_of_query.whole.is_some() => {
            vectors.gains(language, vectors::QuerySource::Conversation, VECTOR_WEIGHT_OF_CONVERSATION, &text, &meaning)
        }
        false => vectors.gains(language, vectors::QuerySource::Conversation, VECTOR_WEIGHT_OF_MESSAGE, &text, &meaning),
    };
    // Votes are weighted against the spread of everything that they are added to.
    let spread = 1.0 + deviation(&gains) / deviation(&text);
    let mut candidates: Vec<Candidate> = near
        .iter()
        .enumerate()
        .map(|(number, near)| {
            let vote = votes_by_place.iter().find(|(place, _)| *place == near.place()).map(|(_, vote)| *vote);
            let confidence =
                confidence(near.recent_words, best).max(clause_confidence(terms_of_query, &recent_terms, &recent_reranked[number]));
            let confidence = hit_of(near).map_or(confidence, |hit| hit.confidence(confidence));
            Candidate {
                segment: near.segment,
                doc: near.doc,
                rank: text[number] + gains[number] + spread * vote.map_or(0.0, Vote::weight),
                confidence: vote.map_or(confidence, |vote| confidence.max(vote.confidence())),
                chats: vote.map_or(0, |vote| vote.chats),
            }
        })
        .collect();
    sort_by_rank(snapshot, &mut candidates);
    let highlighter = Highlighter::new(&terms_of_query.recent, &recent_terms);
    Ok((candidates, highlighter))
}

/// Returns the index addresses of the documents that have votes.
fn votes_by_place<'a>(
    snapshot: &IndexSnapshot,
    scope: &SearchScope<'_>,
    votes: &'a [Vote],
) -> tantivy::Result<Vec<((u32, u32), &'a Vote)>> {
    let mut votes_by_place = Vec::new();
    for vote in votes {
        let key = tantivy::Term::from_field_text(snapshot.fields.key, &key_text(&vote.document));
        for (number, segment) in snapshot.searcher.segment_readers().iter().enumerate() {
            let Some(mut postings) = segment.inverted_index(snapshot.fields.key)?.read_postings(&key, IndexRecordOption::Basic)? else {
                continue;
            };
            while postings.doc() != TERMINATED {
                if scope.takes(snapshot, number, postings.doc()) {
                    votes_by_place.push(((number as u32, postings.doc()), vote));
                }
                postings.advance();
            }
        }
    }
    Ok(votes_by_place)
}

/// Returns the most informative adjacent pairs of a query.
fn heaviest_pairs(query: &Query, terms: &[Term]) -> Vec<(usize, usize, f32)> {
    let gain = |(one, other, weight): &(usize, usize, f32)| weight * terms[*one].idf.min(terms[*other].idf);
    let mut pairs = query.pairs.clone();
    pairs.sort_by(|one, other| gain(other).total_cmp(&gain(one)));
    pairs.truncate(MAX_PAIRS);
    pairs
}

/// Returns how well a document matches the clause that it matches best.
fn clause_confidence(terms_of_query: &ConversationTerms, terms: &[Term], reranked: &Reranked) -> f64 {
    let share = |clause: &Vec<usize>| {
        let max_idf: f32 = clause.iter().map(|place| terms[*place].idf).sum();
        let found_idf: f32 = clause.iter().map(|place| terms[*place].idf * reranked.terms[*place]).sum();
        confidence(found_idf, max_idf) * CLAUSE_SHARE
    };
    terms_of_query.clauses.iter().map(share).fold(0.0, f64::max)
}

/// Most words of the last messages, and of the whole conversation, that are scored.
pub const MAX_RECENT: usize = 64;

pub const MAX_WHOLE: usize = 100;

/// The words of a suggestion query.
pub struct ConversationTerms {
    pub recent: Query,
    /// `None` if it equals `recent`.
    pub whole: Option<Query>,
    /// Each clause by indexes in `recent`.
    pub clauses: Vec<Vec<usize>>,
    pub votes: Vec<Vote>,
}

impl ConversationTerms {
    pub fn of(kind: &QueryKind, language: &str) -> ConversationTerms {
        match kind {
            QueryKind::Conversation(conversation) => {
                let found: Vec<(&str, Vec<Word>)> =
                    conversation.pieces.iter().map(|piece| (piece.text.as_str(), words(&piece.text, language))).collect();
                let weighted = |weight: fn(&Utterance) -> f32, limit: usize| {
                    Query::weighted(&found, &conversation.pieces.iter().map(weight).collect::<Vec<f32>>(), limit)
                };
                let recent = weighted(|piece| piece.recent, MAX_RECENT);
                let same = conversation.pieces.iter().all(|piece| piece.recent == piece.whole);
                let whole = (!same).then(|| weighted(|piece| piece.whole, MAX_WHOLE));
                let clauses = conversation.clauses.iter().map(|clause| recent.places(clause, language)).collect();
                ConversationTerms { recent, whole, clauses, votes: conversation.votes.clone() }
            }
            QueryKind::Typed(text) => {
                ConversationTerms { recent: Typed::read(text, language).query, whole: None, clauses: Vec::new(), votes: Vec::new() }
            }
            QueryKind::Opener(page) => ConversationTerms {
                recent: Query::weighted(&[(page, words(page, language))], &[1.0], MAX_RECENT),
                whole: None,
                clauses: Vec::new(),
                votes: Vec::new(),
            },
            QueryKind::Shortcut(_) => ConversationTerms { recent: Query::default(), whole: None, clauses: Vec::new(), votes: Vec::new() },
        }
    }
}
