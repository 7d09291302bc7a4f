//! Scans a whole chat for relevance to its last burst: one pass over the words, each distinct word examined once.

use std::collections::HashMap;

use crate::{
    chats::{
        context::{
            cues::{Kinds, asks, says, shape},
            durable::{self, ANY, Likelihoods, NONE, log_odds},
            roots::{Root, roots},
        },
        event::Author,
        fold::Turn,
    },
    text::{beginning, fold, sentences, words},
};

/// Most distinct words of a burst; the others are ignored.
const MAX_TERMS: usize = 64;
/// Most text of a chat that is scanned, the newest: a click must not wait for more.
const MAX_BYTES: usize = 4 << 20;
/// Longest word; anything longer is not a word.
const MAX_LETTERS: usize = 64;

/// Least weight of a rare word (one in at most about a tenth of the messages), and the share of its weight that a common one counts.
const COMMON: f32 = 2.3;
const COMMON_COUNTS: f32 = 0.25;
/// Factor of a kind's weight when the burst asks for it, and when it does not.
const ASKED_FOR: f32 = 1.5;
const NOT_ASKED_FOR: f32 = 0.3;

/// Weights of the logarithms of the odds that a sentence tells something lasting, and of how likely it tells what the burst needs; what is added
/// to them, so that a sentence that lasts hardly and is not needed counts nothing; and what is taken off for a customer's question: few wish
/// for something, as `Could you leave it with my neighbour?` does.
const LASTS: f32 = 4.0;
const NEEDED: f32 = 6.0;
const LASTING: f32 = 40.0;
const QUESTION: f32 = 14.0;
/// Least likelihood of which a logarithm is taken.
const UNLIKELY: f32 = 1e-3;
/// Weight of a message whose meaning is nearer to the burst than that of most, by a standard deviation.
const NEAR: f32 = 10.0;
/// Share of a word's weight for a word that is derived from the same root.
const DERIVED: f32 = 0.6;

/// The relevance query of a burst.
pub struct RelevanceQuery {
    language: String,
    /// The keys of each word of the burst.
    terms: Vec<Vec<String>>,
    /// The prefixes of the words, so that most other words need no stemming.
    beginnings: Vec<String>,
    /// The roots of the words by their first letters, each with the bit of its word.
    roots: HashMap<String, Vec<(Root, u64)>>,
    /// The kinds of fact that the burst asks for.
    pub after: Kinds,
    /// How likely it needs something lasting, of each kind.
    needs: Likelihoods,
}

impl RelevanceQuery {
    /// Creates a query from a burst, in the language whose primary subtag is `language`.
    pub fn new(burst: &str, language: &str) -> RelevanceQuery {
        let mut terms: Vec<Vec<String>> = Vec::new();
        let mut after = Kinds::NONE;
        for word in words(burst, language) {
            after |= asks(word.folded());
            if terms.len() < MAX_TERMS && !terms.iter().any(|keys| keys.iter().any(|key| word.keys().contains(key))) {
                terms.push(word.keys().to_vec());
            }
        }
        let mut by_letters: HashMap<String, Vec<(Root, u64)>> = HashMap::new();
        for (index, term) in terms.iter().enumerate() {
            for root in roots(&term[0]) {
                by_letters.entry(root.first_letters().to_owned()).or_default().push((root, 1 << index));
            }
        }
        let mut beginnings: Vec<String> = terms.iter().map(|keys| beginning(&keys[0])).collect();
        beginnings.sort_unstable();
        beginnings.dedup();
        let mut needs = Likelihoods::default();
        for sentence in sentences(burst) {
            for (most, likely) in needs.iter_mut().zip(durable::asked(sentence)) {
                *most = most.max(likely);
            }
        }
        RelevanceQuery { language: language.to_owned(), terms, beginnings, roots: by_letters, after, needs }
    }

    /// Returns a share of two, the first for what the burst asks for: less of it the more likely the burst needs what a customer said of
    /// themselves instead.
    pub fn share(&self, [asked_for, else_share]: [f64; 2], kinds: Kinds) -> f64 {
        if self.after.has(kinds) { (asked_for * (1.0 - f64::from(self.needs[ANY]) / 2.0)).max(else_share) } else { else_share }
    }

    /// Returns which of the burst's words this word is derived from, or they from it, one bit each.
    fn derived_of(&self, folded: &str) -> u64 {
        let related = |root: &Root| {
            let same_letters = self.roots.get(root.first_letters()).into_iter().flatten();
            same_letters.filter(|(other, _)| root.is_related(other)).fold(0, |bits, (_, bit)| bits | bit)
        };
        roots(folded).iter().map(related).fold(0, |all, bits| all | bits)
    }

    /// Returns which of the burst's words this word is a form of, one bit each.
    fn terms_of(&self, word: &str, folded: &str) -> u64 {
        if self.beginnings.binary_search(&beginning(folded)).is_err() {
            return 0;
        }
        let keys: Vec<String> = words(word, &self.language).into_iter().flat_map(|word| word.keys().to_vec()).collect();
        let meets = |term: &Vec<String>| term.iter().any(|key| keys.contains(key));
        self.terms.iter().enumerate().filter(|(_, term)| meets(term)).fold(0, |bits, (index, _)| bits | 1 << index)
    }
}

/// A scanned sentence.
#[derive(Debug, Clone, Copy)]
pub struct Sentence<'a> {
    pub text: &'a str,
    terms: u64,
    /// Words of the burst that a word of it is derived from, or that are derived from it.
    derived: u64,
    pub kinds: Kinds,
    /// How much it tells of something lasting, weighed by what the burst needs.
    lasts: f32,
    pub words: u32,
    pub asks: bool,
    /// Its first number, e-mail address, or the like, which distinguishes it from other sentences of its kind.
    pub fact: &'a str,
    /// Whether that is more specific than a bare number.
    is_specific: bool,
}

/// A scanned message.
pub struct ReadTurn<'a> {
    pub turn: &'a Turn,
    pub sentences: Vec<Sentence<'a>>,
    /// Those of its files.
    pub attached: Vec<Sentence<'a>>,
    terms: u64,
    derived: u64,
    pub kinds: Kinds,
    lasts: f32,
    /// How near it is in meaning to the burst, in standard deviations; 0 if that is not known.
    nearness: f32,
    words: u32,
}

impl<'a> ReadTurn<'a> {
    /// A message of which nothing is known yet.
    fn unread(turn: &'a Turn) -> ReadTurn<'a> {
        ReadTurn {
            turn,
            sentences: Vec::new(),
            attached: Vec::new(),
            terms: 0,
            derived: 0,
            kinds: Kinds::NONE,
            lasts: 0.0,
            nearness: 0.0,
            words: 0,
        }
    }
}

/// The scanned messages of a chat.
pub struct ScannedChat<'a> {
    pub query: &'a RelevanceQuery,
    pub turns: Vec<ReadTurn<'a>>,
    /// How many messages were written before the chat got its current customer: their facts, promises and questions are not the customer's.
    pub before_customer: usize,
    /// The idf of each of the burst's words.
    weights: Vec<f32>,
    /// The idf of each kind of fact.
    kind_weights: [f32; Kinds::FACTS.len()],
    mean_words: f32,
}

#[derive(Clone, Copy)]
struct Seen {
    terms: u64,
    derived: u64,
    kinds: Kinds,
}

impl<'a> ScannedChat<'a> {
    /// Scans messages, of which `before_customer` were written before the chat got its current customer.
    pub fn new(turns: &'a [Turn], before_customer: usize, query: &'a RelevanceQuery) -> ScannedChat<'a> {
        let mut left = MAX_BYTES;
        let newest = turns.iter().rev().take_while(|turn| {
            left = left.saturating_sub(turn.message.contents().map(str::len).sum());
            left > 0
        });
        let unread = turns.len() - newest.count();
        let mut seen: HashMap<&str, Seen> = HashMap::new();
        let turns: Vec<ReadTurn> = (0..)
            .zip(turns)
            .map(|(index, turn)| if index < unread { ReadTurn::unread(turn) } else { read(turn, query, &mut seen) })
            .collect();
        let all = turns.len() as f32;
        let idf = |with: usize| (1.0 + (all - with as f32 + 0.5) / (with as f32 + 0.5)).ln();
        // Words that occur everywhere carry little information; many of them together must not outweigh an informative one.
        let damped = |weight: f32| if weight < COMMON { COMMON_COUNTS * weight } else { weight };
        let with_term = |term: usize| turns.iter().filter(|read| read.terms >> term & 1 == 1).count();
        let weights = (0..query.terms.len()).map(|term| damped(idf(with_term(term)))).collect();
        let kind_weights = Kinds::FACTS.map(|kind| idf(turns.iter().filter(|read| read.kinds.has(kind)).count()));
        let mean_words = turns.iter().map(|read| read.words).sum::<u32>() as f32 / all.max(1.0);
        ScannedChat { query, turns, before_customer, weights, kind_weights, mean_words }
    }

    /// Adds how near messages are in meaning to the burst.
    pub fn with_nearness(mut self, nearness: &[f32]) -> ScannedChat<'a> {
        for (read, near) in self.turns.iter_mut().zip(nearness) {
            read.nearness = *near;
        }
        self
    }

    /// Returns a message's relevance to the burst.
    pub fn relevance(&self, read: &ReadTurn) -> f32 {
        self.score((read.terms, read.derived), read.kinds, read.words) + read.lasts + NEAR * read.nearness
    }

    /// Returns the relevance of one of its sentences.
    pub fn sentence_relevance(&self, sentence: &Sentence) -> f32 {
        self.score((sentence.terms, sentence.derived), sentence.kinds, sentence.words) + sentence.lasts
    }

    fn score(&self, (terms, derived): (u64, u64), kinds: Kinds, words: u32) -> f32 {
        // BM25's length normalization, each word counted once.
        let length = words as f32 / self.mean_words.max(1.0);
        let damping = 2.2 / (1.0 + 1.2 * (0.6 + 0.4 * length));
        let share = |term: usize| match (terms >> term & 1, derived >> term & 1) {
            (1, _) => 1.0,
            (_, 1) => DERIVED,
            _ => 0.0,
        };
        let lexical: f32 = self.weights.iter().enumerate().map(|(term, weight)| weight * share(term)).sum();
        let facts: f32 = Kinds::FACTS
            .iter()
            .zip(self.kind_weights)
            .filter(|(kind, _)| kinds.has(**kind))
            .map(|(kind, weight)| weight * if self.query.after.has(*kind) { ASKED_FOR } else { NOT_ASKED_FOR })
            .sum();
        lexical * damping + facts
    }
}

fn read<'a>(turn: &'a Turn, query: &RelevanceQuery, seen: &mut HashMap<&'a str, Seen>) -> ReadTurn<'a> {
    let mut read = ReadTurn::unread(turn);
    let written = sentences(&turn.message.text).map(|text| (text, false));
    let attached = turn.message.attachments.iter().flat_map(|attachment| sentences(&attachment.text)).map(|text| (text, true));
    for (text, is_attached) in written.chain(attached) {
        let mut sentence = Sentence {
            text,
            terms: 0,
            derived: 0,
            kinds: Kinds::NONE,
            lasts: 0.0,
            words: 0,
            asks: text.ends_with(['?', '？']),
            fact: "",
            is_specific: false,
        };
        if text.bytes().any(|byte| byte.is_ascii_digit() || byte == b'@') {
            look_at_numbers(&mut sentence, query);
        }
        for token in text.split_whitespace() {
            for word in token.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()) {
                sentence.words += 1;
                if word.len() > MAX_LETTERS {
                    continue;
                }
                let known = *seen.entry(word).or_insert_with(|| {
                    let folded = fold(word);
                    Seen { terms: query.terms_of(word, &folded), derived: query.derived_of(&folded), kinds: says(&folded) }
                });
                sentence.terms |= known.terms;
                sentence.derived |= known.derived;
                sentence.kinds |= known.kinds;
            }
        }
        sentence.kinds = settled(sentence.kinds);
        sentence.lasts = lasts(&sentence, turn.message.author, &query.needs);
        read.lasts = read.lasts.max(sentence.lasts);
        read.terms |= sentence.terms;
        read.derived |= sentence.derived;
        read.kinds |= sentence.kinds;
        read.words += sentence.words;
        if is_attached { read.attached.push(sentence) } else { read.sentences.push(sentence) }
    }
    read
}

/// Returns how much a sentence tells of something lasting, 0 or more, weighed by what the burst needs.
fn lasts(sentence: &Sentence, author: Author, needs: &Likelihoods) -> f32 {
    let question = match author {
        _ if !sentence.asks => 0.0,
        Author::Customer => QUESTION,
        Author::Agent | Author::Bot => return 0.0,
    };
    let told = durable::told(sentence.text, author != Author::Customer);
    let needed: f32 = told[..NONE].iter().zip(needs).map(|(told, needs)| told * needs).sum();
    (LASTING - question + LASTS * log_odds(told[ANY]) + NEEDED * (needed + UNLIKELY).ln()).max(0.0)
}

/// Classifies a sentence's numbers: by their own shape, and by the words around them.
fn look_at_numbers(sentence: &mut Sentence, query: &RelevanceQuery) {
    let trimmed = |token: &'_ str| -> usize { token.trim_end_matches(['.', ',', ';', '!', '?', ')', '"', ':']).len() };
    let tokens: Vec<&str> = sentence.text.split_whitespace().map(|token| token[..trimmed(token)].trim_start_matches(['(', '"'])).collect();
    let number = |token: &str| token.starts_with(|letter: char| letter.is_ascii_digit());
    let only_digits = |token: &str| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit());
    let capital = |token: &str| {
        let mut letters = token.chars();
        letters.next().is_some_and(char::is_uppercase) && letters.next().is_some_and(char::is_lowercase)
    };
    let (mut group, mut group_began) = (0, 0);
    for (index, token) in tokens.iter().copied().enumerate() {
        let mut kinds = Kinds::NONE;
        if token.bytes().any(|byte| byte.is_ascii_digit() || byte == b'@') {
            kinds = shape(token);
        }
        // `418 206 935` is one number.
        if only_digits(token) {
            group_began = if group == 0 { index } else { group_began };
            group += token.len();
            if group >= 6 && index > group_began {
                kinds |= Kinds::CODE;
            }
        } else {
            group = 0;
        }
        // `9 Tolpuddle Row` is an address, where nouns have no capitals.
        let named = |index: usize| tokens.get(index).is_some_and(|token| capital(token) && says(&fold(token)) == Kinds::NONE);
        if query.language != "de"
            && number(token)
            && token.len() <= 6
            && named(index + 1)
            && tokens.get(index + 2).is_some_and(|token| capital(token))
        {
            kinds |= Kinds::PLACE | Kinds::NUMBER;
        }
        let idf = kinds.has(Kinds::CODE | Kinds::CONTACT | Kinds::PLACE | Kinds::DAY);
        if kinds != Kinds::NONE && (sentence.fact.is_empty() || (idf && !sentence.is_specific)) {
            sentence.fact = token;
            sentence.is_specific = idf;
        }
        sentence.kinds |= kinds;
    }
}

/// Combines a sentence's words and shapes: a street needs a number, a currency makes a number an amount.
fn settled(kinds: Kinds) -> Kinds {
    let mut settled = kinds.without(Kinds::NUMBER | Kinds::CURRENCY | Kinds::MONTH);
    let numbered = kinds.has(Kinds::NUMBER | Kinds::CODE);
    if kinds.has(Kinds::PLACE) && !numbered {
        settled = settled.without(Kinds::PLACE);
    }
    if kinds.has(Kinds::CURRENCY) && numbered {
        settled |= Kinds::AMOUNT;
    }
    if kinds.has(Kinds::MONTH) && kinds.has(Kinds::NUMBER | Kinds::DAY) {
        settled |= Kinds::DAY;
    }
    settled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lasts_of(text: &str, author: Author, question: &str) -> f32 {
        let sentence = Sentence {
            text,
            terms: 0,
            derived: 0,
            kinds: Kinds::NONE,
            lasts: 0.0,
            words: 0,
            asks: text.ends_with('?'),
            fact: "",
            is_specific: false,
        };
        lasts(&sentence, author, &RelevanceQuery::new(question, "en").needs)
    }

    #[test]
    fn what_is_needed_counts_more_and_small_talk_nothing() {
        let of = |question| lasts_of("I'm allergic to peanuts.", Author::Customer, question);
        let (needed, other) = (of("Is the new bar all right for me?"), of("Who will open the door?"));
        assert!(needed > other && other > 0.0, "{needed} {other}");
        assert_eq!(lasts_of("One moment, please.", Author::Agent, "Is the new bar all right for me?"), 0.0);
    }

    #[test]
    fn a_wish_in_a_question_counts_less_than_one_that_is_told() {
        let of = |wish, author| lasts_of(wish, author, "Where will the parcel be left?");
        let told = of("Please leave it with my neighbour.", Author::Customer);
        let asked = of("Could you leave it with my neighbour?", Author::Customer);
        assert!(told > asked && asked > 0.0, "{told} {asked}");
        assert_eq!(of("Shall we leave it with your neighbour?", Author::Agent), 0.0);
    }

    #[test]
    fn facts_along_the_way_leave_room_for_what_the_question_needs() {
        let share = |question| RelevanceQuery::new(question, "en").share([0.5, 0.08], Kinds::CODE);
        assert!(share("Is my order all right with my allergy?") < share("What is the order number?"));
        assert_eq!(share("It rains here."), 0.08);
    }
}
