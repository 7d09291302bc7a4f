//! Ranking documents for a conversation, or for what an agent types.

use std::collections::HashSet;

use tantivy::{DocSet, TERMINATED, schema::IndexRecordOption};

use crate::knowledge::index::scope::SearchScope;
use crate::knowledge::search::corpus::Corpus;
use crate::{
    knowledge::{
        error::KnowledgeError,
        index::{schema::key_text, snapshot::IndexSnapshot},
        search::{
            TITLE_GAIN,
            bm25f::score,
            candidates::{Candidate, Near, by_rank, joined, nearest, sort_by_rank},
            categories::{add_groups, add_meant_groups},
            highlight::Highlighter,
            query::{Query, Typed},
            rerank::{Reranked, look, rerank_by_pairs},
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

/// Most pairs of words of the whole conversation that count.
const MAX_PAIRS: usize = 32;
/// What the whole conversation counts beside its last turns, and how that rises with the number of passages where no document has a
/// category: the last turns find a passage, the whole conversation what it belongs to, its category or the document.
const MATTER: f32 = 1.5;
const MATTER_RISE: f32 = 0.3;
/// Documents that are looked at closer.
const CLOSER: usize = 80;
/// What meaning counts beside words, in standard deviations of each: of one message, and of a conversation, where words say much more. Of
/// the latter, what the whole counts beside the last turns, as a share of what it counts by its words.
const MEANING_OF_ONE: f32 = 1.5;
const MEANING_OF_ALL: f32 = 0.6;
const MEANT_MATTER: f32 = 0.5;
/// Of how many words the grams count.
const GRAMMED: usize = 16;
/// What a clause alone says counts a little less than the whole.
const CLAUSE_SHARE: f64 = 0.8;

/// Documents that fit what is asked, best first.
pub fn fitting(
    view: &IndexSnapshot,
    scope: &SearchScope<'_>,
    asked: &ConversationTerms,
    (vectors, mut meant): (&Vectors, Vec<VectorHit>),
    language: &str,
    synonyms: &Synonyms,
) -> Result<(Vec<Candidate>, Highlighter), KnowledgeError> {
    let corpus = Corpus::of(&scope.sizes(view, None));
    let within = VisibleTerms::of(view, scope);
    let recent_terms = terms(&within, &asked.recent, language, synonyms, corpus.documents)?;
    let whole_terms = match &asked.whole {
        Some(whole) => Some(plain_terms(&within, whole, language, synonyms, corpus.documents)?),
        None => None,
    };
    let found = score(view, scope, &corpus, &recent_terms, GRAMMED, 0.0)?;
    let found_whole = match &whole_terms {
        Some(terms) => Some(score(view, scope, &corpus.for_conversation(), terms, 0, 0.0)?),
        None => None,
    };
    let mut near = joined(&found, found_whole.as_deref());
    let matter_share = if view.has_categories() { MATTER } else { MATTER * corpus.passages.powf(MATTER_RISE) };
    add_meant_groups(view, &mut meant);
    let meant_matter = MEANT_MATTER * matter_share;
    let nearness = |meant: &VectorHit| (meant.recent + meant_matter * meant.whole) / (1.0 + meant_matter);
    let voted = voted(view, scope, &asked.votes)?;
    // Whatever the words count, these are looked at: what chats say, and what is meant.
    let nearest = nearest(view, &meant, CLOSER, nearness);
    let sure: HashSet<(u32, u32)> = voted.iter().map(|(place, _)| *place).chain(nearest.iter().map(VectorHit::place)).collect();
    let there: HashSet<(u32, u32)> = near.iter().map(Near::place).collect();
    let without = |place: &(u32, u32)| Near { part: place.0, doc: place.1, recent: 0.0, recent_words: 0.0, whole: 0.0, matter: 0.0 };
    near.extend(sure.difference(&there).map(without));
    add_groups(view, &mut near);
    // First all of them, by what words and grams count; then the best, by a closer look.
    let highest = |of: fn(&Near) -> f32| near.iter().map(of).fold(f32::MIN_POSITIVE, f32::max);
    let (recent_most, matter_most) = (highest(|near| near.recent), highest(|near| near.matter));
    let first = |near: &Near| near.recent / recent_most + matter_share * near.matter / matter_most;
    if near.len() > CLOSER {
        let better = |one: &Near, other: &Near| by_rank(view, (first(one), one.part, one.doc), (first(other), other.part, other.doc));
        near.select_nth_unstable_by(CLOSER, better);
        let rest = near.split_off(CLOSER);
        near.extend(rest.into_iter().filter(|near| sure.contains(&near.place())));
    }
    near.sort_by_key(Near::place);
    let places: Vec<(u32, u32)> = near.iter().map(Near::place).collect();
    let recent_close = look(view, &corpus, &places, &recent_terms, &asked.recent.pairs)?;
    let whole_pairs = match (&asked.whole, &whole_terms) {
        (Some(whole), Some(terms)) => rerank_by_pairs(view, &corpus, &places, terms, &heaviest_pairs(whole, terms))?,
        _ => recent_close.iter().map(|closer| closer.pairs).collect(),
    };
    let best = corpus.most(&recent_terms);
    let recent: Vec<f32> =
        near.iter().zip(&recent_close).map(|(near, closer)| near.recent + closer.pairs + TITLE_GAIN * recent_most * closer.title).collect();
    let in_group = |near: &Near| view.category(near.part, near.doc).is_some();
    let matter: Vec<f32> =
        near.iter().zip(&whole_pairs).map(|(near, pairs)| near.matter + if in_group(near) { 0.0 } else { *pairs }).collect();
    let passages: Vec<f32> = recent_close.iter().map(|closer| closer.passages).collect();
    let shares = [1.0 / deviation(&recent), matter_share / deviation(&matter), corpus.passages_share() / deviation(&passages)];
    let text: Vec<f32> =
        (0..near.len()).map(|number| shares[0] * recent[number] + shares[1] * matter[number] + shares[2] * passages[number]).collect();
    let of_meaning = |near: &Near| meant.binary_search_by_key(&near.place(), VectorHit::place).ok().map(|at| &meant[at]);
    let meaning: Vec<Option<f32>> = near.iter().map(|near| of_meaning(near).map(nearness)).collect();
    let gains = match meant.is_empty() {
        true => vec![0.0; near.len()],
        false if asked.whole.is_some() => vectors.gains(language, vectors::QuerySource::Conversation, MEANING_OF_ALL, &text, &meaning),
        false => vectors.gains(language, vectors::QuerySource::Conversation, MEANING_OF_ONE, &text, &meaning),
    };
    // Votes are weighed against all that they are added to.
    let spread = 1.0 + deviation(&gains) / deviation(&text);
    let mut fits: Vec<Candidate> = near
        .iter()
        .enumerate()
        .map(|(number, near)| {
            let vote = voted.iter().find(|(place, _)| *place == near.place()).map(|(_, vote)| *vote);
            let confidence = confidence(near.recent_words, best).max(clause_confidence(asked, &recent_terms, &recent_close[number]));
            let confidence = of_meaning(near).map_or(confidence, |meant| meant.confidence(confidence));
            Candidate {
                part: near.part,
                doc: near.doc,
                rank: text[number] + gains[number] + spread * vote.map_or(0.0, Vote::weight),
                confidence: vote.map_or(confidence, |vote| confidence.max(vote.confidence())),
                chats: vote.map_or(0, |vote| vote.chats),
            }
        })
        .collect();
    sort_by_rank(view, &mut fits);
    let marker = Highlighter::new(&asked.recent, &recent_terms);
    Ok((fits, marker))
}

/// Where the documents stand that have votes.
fn voted<'a>(view: &IndexSnapshot, scope: &SearchScope<'_>, votes: &'a [Vote]) -> tantivy::Result<Vec<((u32, u32), &'a Vote)>> {
    let mut voted = Vec::new();
    for vote in votes {
        let key = tantivy::Term::from_field_text(view.fields.key, &key_text(&vote.document));
        for (number, segment) in view.searcher.segment_readers().iter().enumerate() {
            let Some(mut postings) = segment.inverted_index(view.fields.key)?.read_postings(&key, IndexRecordOption::Basic)? else {
                continue;
            };
            while postings.doc() != TERMINATED {
                if scope.takes(view, number, postings.doc()) {
                    voted.push(((number as u32, postings.doc()), vote));
                }
                postings.advance();
            }
        }
    }
    Ok(voted)
}

/// The pairs of a query that say most.
fn heaviest_pairs(query: &Query, terms: &[Term]) -> Vec<(usize, usize, f32)> {
    let gain = |(one, other, weight): &(usize, usize, f32)| weight * terms[*one].idf.min(terms[*other].idf);
    let mut pairs = query.pairs.clone();
    pairs.sort_by(|one, other| gain(other).total_cmp(&gain(one)));
    pairs.truncate(MAX_PAIRS);
    pairs
}

/// How well a document answers the clause that it answers best.
fn clause_confidence(asked: &ConversationTerms, terms: &[Term], closer: &Reranked) -> f64 {
    let share = |clause: &Vec<usize>| {
        let most: f32 = clause.iter().map(|place| terms[*place].idf).sum();
        let has: f32 = clause.iter().map(|place| terms[*place].idf * closer.terms[*place]).sum();
        confidence(has, most) * CLAUSE_SHARE
    };
    asked.clauses.iter().map(share).fold(0.0, f64::max)
}

/// Most words of the last messages, and of the whole conversation, that count.
pub const MAX_RECENT: usize = 64;

pub const MAX_WHOLE: usize = 100;

/// What is asked, in words.
pub struct ConversationTerms {
    pub recent: Query,
    /// `None` if it is the same.
    pub whole: Option<Query>,
    /// By places in `recent`.
    pub clauses: Vec<Vec<usize>>,
    pub votes: Vec<Vote>,
}

impl ConversationTerms {
    pub fn of(wanted: &QueryKind, language: &str) -> ConversationTerms {
        match wanted {
            QueryKind::Conversation(said) => {
                let found: Vec<(&str, Vec<Word>)> =
                    said.pieces.iter().map(|piece| (piece.text.as_str(), words(&piece.text, language))).collect();
                let weighted = |weight: fn(&Utterance) -> f32, most: usize| {
                    Query::weighted(&found, &said.pieces.iter().map(weight).collect::<Vec<f32>>(), most)
                };
                let recent = weighted(|piece| piece.recent, MAX_RECENT);
                let same = said.pieces.iter().all(|piece| piece.recent == piece.whole);
                let whole = (!same).then(|| weighted(|piece| piece.whole, MAX_WHOLE));
                let clauses = said.clauses.iter().map(|clause| recent.places(clause, language)).collect();
                ConversationTerms { recent, whole, clauses, votes: said.votes.clone() }
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
