//! Ranking documents for a conversation, or for what an agent types.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use tantivy::{DocSet, TERMINATED, query::EnableScoring, schema::IndexRecordOption};

use crate::{
    ids::Id,
    knowledge::{
        documents::document::{Document, DocumentKey, Kind},
        error::KnowledgeError,
        index::{
            Index,
            schema::{key_text, shortcut_key},
            snapshot::IndexSnapshot,
        },
        search::{
            TITLE_GAIN,
            bm25f::{Corpus, ScoredDocument, SearchScope, score},
            by_rank, confidence, deviation,
            highlight::Highlighter,
            nearest, only,
            query::{Query, Reader, Typed},
            rerank::{Reranked, look, rerank_by_pairs},
            synonyms::Synonyms,
            term,
            terms::{Term, plain_terms, terms},
            visible_terms::VisibleTerms,
        },
        vectors::{self, Meaning, VectorHit, Vectors},
    },
    text::{Language, Word, lookup, placeholders, words},
};

/// Most words of the last messages, and of the whole conversation, that count.
const MAX_RECENT: usize = 64;
const MAX_WHOLE: usize = 100;
/// What all votes of earlier chats together count, in standard deviations of what the text says, from this likeness on; less below it,
/// so that a few chats about something else move nothing.
const LEARNED: f32 = 120.0;
const LIKE: f32 = 0.3;
/// How sure a document is that answered a chat like this one, whatever share of the votes it has.
const ANSWERED_SHARE: f32 = 0.8;
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
/// How many of a category's documents tell what it is about.
const BEST_OF_CATEGORY: usize = 4;
/// What the customer has already is worth this much of what it would be.
const KNOWN_SHARE: f32 = 0.7;
/// Documents that may stand among the best and are passed over: openers, versions in other languages, what the customer has.
const MAX_PASSED_OVER: usize = 10;
/// Of how many words the grams count.
const GRAMMED: usize = 16;
/// What a clause alone says counts a little less than the whole.
const CLAUSE_SHARE: f64 = 0.8;
/// Of a threshold, what is enough for documents that come after one that reaches it.
const AFTER_SHARE: f64 = 0.4;
/// A document in another language is worth less to whoever can't read it.
const FOREIGN_SHARE: f64 = 0.5;

/// What is looked for in a conversation.
#[derive(Debug, Clone)]
pub enum QueryKind {
    Conversation(Conversation),
    /// What the agent typed.
    Typed(String),
    /// A shortcut, or its beginning, without the slash.
    Shortcut(String),
    /// Openers for a page, of which this is known.
    Opener(String),
}

/// A conversation, as what was said weighs.
#[derive(Debug, Clone, Default)]
pub struct Conversation {
    pub pieces: Vec<Utterance>,
    /// What agents wrote to this customer, and the address of the page that is open: what these hold already is worth less.
    pub sent: Vec<String>,
    pub open_page: String,
    /// What was learned of earlier chats.
    pub votes: Vec<Vote>,
    /// The clauses of what was asked last. A document that answers one of them well fits, however much was said around it.
    pub clauses: Vec<String>,
}

/// Something that was said, with what it weighs.
#[derive(Debug, Clone, PartialEq)]
pub struct Utterance {
    pub text: String,
    /// In the last turns, which ask: they find the passage.
    pub recent: f32,
    /// In all of it, which tells what about: it finds the document that the passage belongs to.
    pub whole: f32,
}

/// What earlier chats say for a document.
#[derive(Debug, Clone)]
pub struct Vote {
    pub document: DocumentKey,
    /// Of all votes, from 0 to 1.
    pub share: f32,
    /// From 0 to 1: how like this chat the likest of those chats is, by its last turns.
    pub likeness: f32,
    /// How many of the likest chats it answered.
    pub chats: usize,
}

impl Vote {
    fn weight(&self) -> f32 {
        LEARNED * self.share * (self.likeness / LIKE).min(1.0).powi(2)
    }

    fn confidence(&self) -> f64 {
        f64::from(self.likeness * (ANSWERED_SHARE + (1.0 - ANSWERED_SHARE) * self.share.sqrt()))
    }
}

/// What is looked for, and by whom.
#[derive(Debug, Clone)]
pub struct SuggestionQuery {
    pub wanted: QueryKind,
    pub kinds: Vec<Kind>,
    pub language: Language,
    pub reader: Reader,
    pub limit: usize,
    /// What the conversation, or what was typed, means; `None` if that is not known.
    pub meaning: Option<Meaning>,
    /// From 0 to 1: what fits less is not offered.
    pub threshold: f64,
}

/// A document offered for a conversation.
#[derive(Debug, Clone)]
pub struct RankedDocument {
    pub document: Document,
    /// From 0 to 1.
    pub score: f64,
    pub marker: Arc<Highlighter>,
    /// How many of the likest earlier chats it answered.
    pub chats: usize,
}

/// A document that was found, with its rank among the others and how well it fits.
struct Fit {
    part: u32,
    doc: u32,
    rank: f32,
    confidence: f64,
    chats: usize,
}

/// Ranks documents for a conversation: those in its language first, then others whose document is not there yet; none unless one reaches
/// the threshold.
pub fn offer(
    index: &Index,
    synonyms: &Synonyms,
    vectors: &Vectors,
    query: &SuggestionQuery,
) -> Result<Vec<RankedDocument>, KnowledgeError> {
    let view = index.view();
    let there = view.languages(&query.kinds, &query.reader);
    let own = lookup(&query.language, there.iter());
    let primary = query.language.primary();
    let asked = ConversationTerms::of(&query.wanted, primary);
    let only = match &query.wanted {
        QueryKind::Typed(text) => only(&view, "", &[], &Typed::read(text, primary))?,
        _ => None,
    };
    let mut offers: Vec<RankedDocument> = Vec::new();
    let mut seen: HashSet<(Kind, Id)> = HashSet::new();
    for (language, share) in own.map(|own| (Some(own), 1.0)).into_iter().chain([(None, FOREIGN_SHARE)]) {
        if offers.len() >= query.limit || (language.is_none() && own.is_some() && there.len() == 1) {
            break;
        }
        let scope = SearchScope { kinds: &query.kinds, language, reader: &query.reader, only: only.as_deref() };
        let (fits, marker) = match &query.wanted {
            QueryKind::Shortcut(typed) => (by_shortcut(&view, &scope, typed)?, Highlighter::default()),
            QueryKind::Opener(_) => openers(&view, &scope, &asked, primary, synonyms)?,
            QueryKind::Typed(_) | QueryKind::Conversation(_) => {
                let meant = query
                    .meaning
                    .as_ref()
                    .map(|meaning| vectors.near(&view, &scope, meaning, primary, vectors::QuerySource::Conversation))
                    .unwrap_or_default();
                fitting(&view, &scope, &asked, (vectors, meant), primary, synonyms)?
            }
        };
        let marker = Arc::new(marker);
        let least = query.threshold * AFTER_SHARE;
        let fits = fits.into_iter().filter(|fit| fit.confidence * share >= least).take(query.limit + MAX_PASSED_OVER);
        let mut read =
            fits.map(|fit| Ok((view.read(fit.part, fit.doc)?, fit))).collect::<Result<Vec<(Document, Fit)>, KnowledgeError>>()?;
        for (document, fit) in &mut read {
            if query.wanted.has(document) {
                fit.rank *= KNOWN_SHARE;
                fit.confidence *= f64::from(KNOWN_SHARE);
            }
        }
        read.retain(|(document, _)| query.wanted.takes(document));
        // Where something that may be offered fits, what comes after it may fit less.
        if !read.iter().any(|(_, fit)| fit.confidence * share >= query.threshold) {
            continue;
        }
        read.sort_by(|one, other| other.1.rank.total_cmp(&one.1.rank));
        for (document, fit) in read {
            if offers.len() == query.limit {
                break;
            }
            let score = fit.confidence * share;
            if score >= least && seen.insert((document.kind(), document.id.clone())) {
                // What ranks lower is not surer.
                let score = offers.last().map_or(score, |last: &RankedDocument| score.min(last.score));
                offers.push(RankedDocument { document, score, marker: Arc::clone(&marker), chats: fit.chats });
            }
        }
    }
    Ok(offers)
}

/// What is asked, in words.
struct ConversationTerms {
    recent: Query,
    /// `None` if it is the same.
    whole: Option<Query>,
    /// By places in `recent`.
    clauses: Vec<Vec<usize>>,
    votes: Vec<Vote>,
}

impl ConversationTerms {
    fn of(wanted: &QueryKind, language: &str) -> ConversationTerms {
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

impl QueryKind {
    /// Whether the customer has a document already: it was sent to them, or is open before them.
    fn has(&self, document: &Document) -> bool {
        let QueryKind::Conversation(said) = self else { return false };
        let url = document.url();
        let sent = |text: &String| {
            (!url.is_empty() && text.contains(url)) || (document.kind() == Kind::CannedAnswer && is_from(text, &document.body))
        };
        (!url.is_empty() && said.open_page == url) || said.sent.iter().any(sent)
    }

    /// An opener is for openings: in the middle of a chat it is filler.
    fn takes(&self, document: &Document) -> bool {
        !matches!(self, QueryKind::Conversation(_)) || !document.is_opener()
    }
}

impl RankedDocument {
    /// The words of the document that were looked for, as they stand in it.
    pub fn matched(&self) -> Vec<String> {
        let Document { title, tags, body, language, .. } = &self.document;
        self.marker.matched_words(&format!("{title} {} {body}", tags.join(" ")), language.primary())
    }

    /// An article's best passage; a canned answer's body.
    pub fn passage(&self) -> String {
        match self.document.kind() {
            Kind::Article => self.marker.best_passage(&self.document.body, self.document.language.primary()),
            Kind::CannedAnswer => self.document.body.clone(),
        }
    }
}

/// Whether a text is a canned answer with its placeholders filled: all that stands between them is in it, in order.
pub fn is_from(text: &str, body: &str) -> bool {
    let mut rest = text;
    let mut from = 0;
    let mut literal = 0;
    let holes = placeholders(body).into_iter().map(|hole| (hole.start, hole.end)).chain([(body.len(), body.len())]);
    for (start, end) in holes {
        let piece = body[from..start].trim();
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
        from = end;
        literal += piece.len();
    }
    // A body of placeholders alone would be in any text.
    literal > 0
}

/// What a document counts by the last turns, and by the whole conversation.
#[derive(Clone, Copy)]
struct Near {
    part: u32,
    doc: u32,
    recent: f32,
    recent_words: f32,
    whole: f32,
    /// What the whole conversation says for it: for its category, if it has one, else for itself.
    matter: f32,
}

impl Near {
    fn place(&self) -> (u32, u32) {
        (self.part, self.doc)
    }
}

/// Joins what was found by the last turns and by the whole conversation, each in the order of places.
fn joined(recent: &[ScoredDocument], whole: Option<&[ScoredDocument]>) -> Vec<Near> {
    let near = |found: &ScoredDocument| Near {
        part: found.part,
        doc: found.doc,
        recent: found.sum(),
        recent_words: found.words,
        whole: found.sum(),
        matter: found.sum(),
    };
    let Some(whole) = whole else { return recent.iter().map(near).collect() };
    let place = |found: &ScoredDocument| (found.part, found.doc);
    let mut joined = Vec::with_capacity(recent.len().max(whole.len()));
    let (mut recent, mut whole) = (recent.iter().peekable(), whole.iter().peekable());
    loop {
        let (one, other) = match (recent.peek(), whole.peek()) {
            (None, None) => return joined,
            (Some(one), Some(other)) if place(one) == place(other) => (recent.next(), whole.next()),
            (Some(one), Some(other)) if place(one) > place(other) => (None, whole.next()),
            (Some(_), _) => (recent.next(), None),
            (None, Some(_)) => (None, whole.next()),
        };
        let Some(first) = one.or(other) else { return joined };
        let (recent, recent_words) = one.map_or((0.0, 0.0), |one| (one.sum(), one.words));
        let whole = other.map_or(0.0, ScoredDocument::sum);
        joined.push(Near { part: first.part, doc: first.doc, recent, recent_words, whole, matter: whole });
    }
}

/// Documents that fit what is asked, best first.
fn fitting(
    view: &IndexSnapshot,
    scope: &SearchScope<'_>,
    asked: &ConversationTerms,
    (vectors, mut meant): (&Vectors, Vec<VectorHit>),
    language: &str,
    synonyms: &Synonyms,
) -> Result<(Vec<Fit>, Highlighter), KnowledgeError> {
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
    let mut fits: Vec<Fit> = near
        .iter()
        .enumerate()
        .map(|(number, near)| {
            let vote = voted.iter().find(|(place, _)| *place == near.place()).map(|(_, vote)| *vote);
            let confidence = confidence(near.recent_words, best).max(clause_confidence(asked, &recent_terms, &recent_close[number]));
            let confidence = of_meaning(near).map_or(confidence, |meant| meant.confidence(confidence));
            Fit {
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

/// Puts what the best documents of a document's category count in the place of what it counts itself: what it belongs to is talked
/// about.
fn add_groups(view: &IndexSnapshot, near: &mut [Near]) {
    let groups = groups(view, near.iter().map(|near| (near.place(), near.whole)), |_| BEST_OF_CATEGORY);
    for near in near {
        if let Some(best) = view.category(near.part, near.doc).and_then(|category| groups.get(&category)) {
            near.matter = *best;
        }
    }
}

/// The same for what is meant.
fn add_meant_groups(view: &IndexSnapshot, meant: &mut [VectorHit]) {
    // What was compared has a nearness; what has no word counts nothing.
    let groups = groups(view, meant.iter().map(|meant| (meant.place(), meant.whole)), |documents| documents.min(BEST_OF_CATEGORY));
    for meant in meant {
        if let Some(best) = view.category(meant.part, meant.doc).and_then(|category| groups.get(&category)) {
            meant.whole = *best;
        }
    }
}

/// By category, the mean of what its best documents count, over so many as `of` says of how many there are.
fn groups(view: &IndexSnapshot, counts: impl Iterator<Item = ((u32, u32), f32)>, of: impl Fn(usize) -> usize) -> HashMap<u32, f32> {
    let mut groups: HashMap<u32, (usize, [f32; BEST_OF_CATEGORY])> = HashMap::new();
    if view.has_categories() {
        for ((part, doc), count) in counts {
            let Some(category) = view.category(part, doc) else { continue };
            let (documents, best) = groups.entry(category).or_default();
            *documents += 1;
            if count > best[BEST_OF_CATEGORY - 1] {
                best[BEST_OF_CATEGORY - 1] = count;
                best.sort_unstable_by(|one, other| other.total_cmp(one));
            }
        }
    }
    groups.into_iter().map(|(category, (documents, best))| (category, best.iter().sum::<f32>() / of(documents) as f32)).collect()
}

fn sort_by_rank(view: &IndexSnapshot, fits: &mut [Fit]) {
    fits.sort_by(|one, other| by_rank(view, (one.rank, one.part, one.doc), (other.rank, other.part, other.doc)));
}

/// Canned answers whose shortcut is, or begins with, what was typed; the exact one first.
fn by_shortcut(view: &IndexSnapshot, scope: &SearchScope<'_>, typed: &str) -> Result<Vec<Fit>, KnowledgeError> {
    let typed = shortcut_key(typed);
    let mut fits = Vec::new();
    for (number, segment) in view.searcher.segment_readers().iter().enumerate() {
        let index = segment.inverted_index(view.fields.shortcut)?;
        let mut keys = index.terms().range().ge(typed.as_bytes()).into_stream().map_err(tantivy::TantivyError::from)?;
        while keys.advance() && keys.key().starts_with(typed.as_bytes()) {
            let shortcut = String::from_utf8_lossy(keys.key()).into_owned();
            if shortcut.is_empty() {
                continue;
            }
            let mut postings =
                index.read_postings_from_terminfo(keys.value(), IndexRecordOption::Basic).map_err(tantivy::TantivyError::from)?;
            while postings.doc() != TERMINATED {
                if scope.takes(view, number, postings.doc()) {
                    let share = typed.chars().count().max(1) as f64 / shortcut.chars().count().max(1) as f64;
                    fits.push(Fit { part: number as u32, doc: postings.doc(), rank: share as f32, confidence: share, chats: 0 });
                }
                postings.advance();
            }
        }
    }
    sort_by_rank(view, &mut fits);
    Ok(fits)
}

/// Every opener, those that fit the page first: each of them may open a chat, so the fit orders them, no more.
fn openers(
    view: &IndexSnapshot,
    scope: &SearchScope<'_>,
    asked: &ConversationTerms,
    language: &str,
    synonyms: &Synonyms,
) -> Result<(Vec<Fit>, Highlighter), KnowledgeError> {
    let (found, marker) = fitting(view, scope, asked, (&Vectors::default(), Vec::new()), language, synonyms)?;
    let fit: HashMap<(u32, u32), f64> = found.into_iter().map(|fit| ((fit.part, fit.doc), fit.confidence)).collect();
    let weight = term(view.fields.tag, "opener").weight(EnableScoring::disabled_from_searcher(&view.searcher))?;
    let mut fits = Vec::new();
    for (number, segment) in view.searcher.segment_readers().iter().enumerate() {
        let mut documents = weight.scorer(segment, 1.0)?;
        while documents.doc() != TERMINATED {
            let place = (number as u32, documents.doc());
            if scope.takes(view, number, place.1) {
                let fit = fit.get(&place).copied().unwrap_or_default();
                fits.push(Fit { part: place.0, doc: place.1, rank: fit as f32, confidence: 0.5 + fit / 2.0, chats: 0 });
            }
            documents.advance();
        }
    }
    sort_by_rank(view, &mut fits);
    Ok((fits, marker))
}
