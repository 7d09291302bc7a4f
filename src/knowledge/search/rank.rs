//! Ranks documents for a conversation, or for what an agent types.

use std::collections::{HashMap, HashSet};

use tantivy::{DocSet, TERMINATED, schema::IndexRecordOption};

use crate::knowledge::{
    documents::fit::Fit,
    error::KnowledgeError,
    index::{schema::key_text, scope::SearchScope, snapshot::IndexSnapshot},
    search::{
        TITLE_GAIN,
        bm25f::score,
        candidates::{Candidate, Near, by_rank, joined, nearest, sort_by_rank},
        categories::{add_category_hits, add_category_scores},
        conversation::ConversationTerms,
        corpus::Corpus,
        evidence::{Evidence, likelihoods},
        highlight::Highlighter,
        intent_match::{best_places, intent_scores},
        query::Query,
        rerank::{Reranked, rerank, rerank_by_pairs},
        state::{State, is_of_record, states},
        suggestion_query::Vote,
        synonyms::Synonyms,
        terms::{Term, plain_terms, terms},
        visible_terms::VisibleTerms,
    },
    statistics::deviation,
    vectors::{VectorHit, Vectors},
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
const VECTOR_WEIGHT_OF_CONVERSATION: f32 = 1.0;
const WHOLE_VECTOR_SHARE: f32 = 0.5;
/// Most words of a query whose character n-grams are scored.
const MAX_GRAM_WORDS: usize = 16;
/// The match of a document's phrases of `asked` from which it may be said to be why.
const FITS_ASKED: f32 = 0.1;
/// The information of a query's known words, as a sum of idf, at which it is vague by 1/e.
const TELLING: f32 = 6.0;

/// Returns the documents that match a query, best first.
pub fn rank_documents(
    snapshot: &IndexSnapshot,
    scope: &SearchScope<'_>,
    query: &ConversationTerms,
    (vectors, mut hits): (&Vectors, Vec<VectorHit>),
    language: &str,
    synonyms: &Synonyms,
) -> Result<(Vec<Candidate>, Highlighter), KnowledgeError> {
    let sizes = scope.sizes(snapshot, None);
    let corpus = Corpus::of(&sizes);
    let within = VisibleTerms::of(snapshot, scope);
    let expand = if query.as_written { plain_terms } else { terms };
    let recent_terms = expand(&within, &query.recent, language, synonyms, corpus.documents)?;
    let whole_terms = match &query.whole {
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
    let votes = votes_by_place(snapshot, scope, &query.votes)?;
    let intents = intent_scores(snapshot, scope, &query.intents, corpus.documents)?;
    let states = states(snapshot, scope, &query.facts);
    // Documents that something else than words speaks for are reranked whatever their word score.
    let fitting = states.iter().filter(|(_, state)| state.fit == Fit::Holds || state.is_filled).map(|(place, _)| *place);
    let always_reranked: HashSet<(u32, u32)> = votes
        .keys()
        .copied()
        .chain(nearest(snapshot, &hits, MAX_RERANKED, nearness).iter().map(VectorHit::place))
        .chain(best_places(&intents, MAX_RERANKED))
        .chain(fitting)
        .collect();
    let present: HashSet<(u32, u32)> = near.iter().map(Near::place).collect();
    near.extend(always_reranked.difference(&present).map(|place| Near::without_words(*place)));
    near.retain(|near| states.get(&near.place()).is_none_or(|state| state.fit != Fit::Fails));
    add_category_scores(snapshot, &mut near);
    keep_best(snapshot, &mut near, whole_share, &always_reranked);
    near.sort_by_key(Near::place);

    let places: Vec<(u32, u32)> = near.iter().map(Near::place).collect();
    let reranked = rerank(snapshot, &corpus, &places, &recent_terms, &query.recent.pairs)?;
    let whole_pairs = match (&query.whole, &whole_terms) {
        (Some(whole), Some(terms)) => rerank_by_pairs(snapshot, &corpus, &places, terms, &heaviest_pairs(whole, terms))?,
        _ => reranked.iter().map(|reranked| reranked.pairs).collect(),
    };
    let text = text_scores(snapshot, &corpus, &near, &reranked, &whole_pairs, whole_share);
    let hit_of = |near: &Near| hits.binary_search_by_key(&near.place(), VectorHit::place).ok().map(|at| &hits[at]);
    let meaning: Vec<Option<f32>> = near.iter().map(|near| hit_of(near).map(nearness)).collect();
    let vector_weight = if query.whole.is_some() { VECTOR_WEIGHT_OF_CONVERSATION } else { VECTOR_WEIGHT_OF_MESSAGE };
    let gains = match hits.is_empty() {
        true => vec![0.0; near.len()],
        false => vectors.gains(language, vector_weight, &text, &meaning),
    };
    let highest_score = corpus.max_score(&recent_terms);
    let known = recent_terms.iter().filter(|term| !term.alternatives.is_empty());
    let vague = (-known.map(|term| term.weight * term.idf).sum::<f32>() / TELLING).exp();
    let asked_share = sizes.with_asked as f32 / sizes.documents.max(1) as f32;
    let news = query.news().max(vague);
    let specific = |state: &State| news * state.specificity;
    let has_record = query.facts.values.keys().any(|name| is_of_record(name));
    let mut evidence: Vec<Evidence> = Vec::with_capacity(near.len());
    for (number, near) in near.iter().enumerate() {
        let (reranked, state) = (&reranked[number], states.get(&near.place()));
        let if_state = |holds: fn(&State) -> bool| if state.is_some_and(holds) { news } else { 0.0 };
        evidence.push(Evidence {
            text: text[number] + gains[number],
            share: near.recent_words / highest_score.max(f32::MIN_POSITIVE),
            mass: near.recent_words,
            intent: query.trust * intents.get(&near.place()).copied().unwrap_or_default(),
            unknown_intents: 1.0 - query.trust,
            asked_share,
            asked: reranked.asked,
            title: reranked.title_phrase,
            tag: reranked.tag_phrase,
            state: if_state(|state| state.fit == Fit::Holds || state.is_filled) + state.map_or(0.0, specific),
            status: if_state(|state| state.has_status && !state.is_missing),
            unfilled: if state.is_some_and(|state| state.is_missing) { Evidence::unfilled(has_record) } else { 0.0 },
            vague,
        });
    }
    let ranks: Vec<f32> = evidence.iter().map(Evidence::rank).collect();
    // Votes are weighted against the spread of everything that they are added to.
    let spread = 1.0 + deviation(&gains) / deviation(&text);
    let mut candidates = Vec::with_capacity(near.len());
    for ((((near, evidence), reranked), rank), likelihood) in near.iter().zip(&evidence).zip(&reranked).zip(&ranks).zip(likelihoods(&ranks))
    {
        let vote = votes.get(&near.place()).copied();
        let probability = evidence.probability(likelihood);
        let probability = hit_of(near).map_or(probability, |hit| hit.probability(probability));
        candidates.push(Candidate {
            segment: near.segment,
            doc: near.doc,
            rank: rank + spread * vote.map_or(0.0, Vote::weight),
            confidence: vote.map_or(probability, |vote| vote.confidence(probability)),
            chats: vote.map_or(0, |vote| vote.chats),
            fits_state: evidence.state > 0.0,
            asked: Some(reranked.best_phrase).filter(|_| evidence.asked >= FITS_ASKED),
        });
    }
    sort_by_rank(snapshot, &mut candidates);
    lower(&mut candidates, |candidate| votes.get(&(candidate.segment, candidate.doc)).is_some_and(|vote| vote.against > 0.0));
    Ok((candidates, Highlighter::new(&query.recent, &recent_terms)))
}

/// Moves each document that earlier chats spoke against behind those next to it that are likelier, and no further.
fn lower(candidates: &mut [Candidate], is_opposed: impl Fn(&Candidate) -> bool) {
    for place in (0..candidates.len()).rev() {
        if !is_opposed(&candidates[place]) {
            continue;
        }
        let confidence = candidates[place].confidence;
        let likelier = candidates[place + 1..].iter().take_while(|next| next.confidence > confidence).count();
        // A later sort by rank keeps equal ones in order.
        candidates[place].rank = candidates[place + likelier].rank;
        candidates[place..=place + likelier].rotate_left(1);
    }
}

/// Keeps the best documents by words and grams, and those that are reranked in any case.
fn keep_best(snapshot: &IndexSnapshot, near: &mut Vec<Near>, whole_share: f32, always_reranked: &HashSet<(u32, u32)>) {
    if near.len() <= MAX_RERANKED {
        return;
    }
    let highest = |of: fn(&Near) -> f32| near.iter().map(of).fold(f32::MIN_POSITIVE, f32::max);
    let (recent_most, matter_most) = (highest(|near| near.recent), highest(|near| near.matter));
    let first = |near: &Near| near.recent / recent_most + whole_share * near.matter / matter_most;
    let better = |one: &Near, other: &Near| by_rank(snapshot, (first(one), one.segment, one.doc), (first(other), other.segment, other.doc));
    near.select_nth_unstable_by(MAX_RERANKED, better);
    let rest = near.split_off(MAX_RERANKED);
    near.extend(rest.into_iter().filter(|near| always_reranked.contains(&near.place())));
}

/// Returns the score of each document's words and their neighbourhood, in standard deviations.
fn text_scores(
    snapshot: &IndexSnapshot,
    corpus: &Corpus,
    near: &[Near],
    reranked: &[Reranked],
    whole_pairs: &[f32],
    whole_share: f32,
) -> Vec<f32> {
    let most = near.iter().map(|near| near.recent).fold(f32::MIN_POSITIVE, f32::max);
    let of_recent = |(near, reranked): (&Near, &Reranked)| near.recent + reranked.pairs + TITLE_GAIN * most * reranked.title;
    let recent: Vec<f32> = near.iter().zip(reranked).map(of_recent).collect();
    let in_group = |near: &Near| snapshot.category(near.segment, near.doc).is_some();
    let of_matter = |(near, pairs): (&Near, &f32)| near.matter + if in_group(near) { 0.0 } else { *pairs };
    let matter: Vec<f32> = near.iter().zip(whole_pairs).map(of_matter).collect();
    let passages: Vec<f32> = reranked.iter().map(|reranked| reranked.passages).collect();
    let shares = [1.0 / deviation(&recent), whole_share / deviation(&matter), corpus.passages_share() / deviation(&passages)];
    (0..near.len()).map(|number| shares[0] * recent[number] + shares[1] * matter[number] + shares[2] * passages[number]).collect()
}

/// Returns the votes by the index addresses of their documents.
fn votes_by_place<'a>(
    snapshot: &IndexSnapshot,
    scope: &SearchScope<'_>,
    votes: &'a [Vote],
) -> tantivy::Result<HashMap<(u32, u32), &'a Vote>> {
    let mut votes_by_place = HashMap::new();
    for vote in votes {
        let key = tantivy::Term::from_field_text(snapshot.fields.key, &key_text(&vote.document));
        for (number, segment) in snapshot.searcher.segment_readers().iter().enumerate() {
            let Some(mut postings) = segment.inverted_index(snapshot.fields.key)?.read_postings(&key, IndexRecordOption::Basic)? else {
                continue;
            };
            while postings.doc() != TERMINATED {
                if scope.takes(snapshot, number, postings.doc()) {
                    votes_by_place.insert((number as u32, postings.doc()), vote);
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
