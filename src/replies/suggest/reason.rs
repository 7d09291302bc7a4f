//! Why a document is suggested: from what holds, in the agent's language.

use crate::{
    knowledge::QueryKind,
    lexicon::{labels::ReasonLabels, lexicon_or_english},
    text::Language,
};

/// Most words of a reason.
const MAX_REASON_WORDS: usize = 5;
/// Letters from which a word says something by itself: shorter ones are named only where there is nothing else to say.
const MIN_LETTERS: usize = 4;

/// What holds of a suggested document. Only what is true may be set: all of it is told.
#[derive(Debug)]
pub struct ReasonFacts<'a> {
    /// What was searched for.
    pub query_kind: &'a QueryKind,
    /// Words of the document that match, as it writes them.
    pub words: Vec<String>,
    /// The phrases by which customers ask for it that match.
    pub asked: Vec<String>,
    /// The conditions that hold and the placeholders of records that have a value, as the document writes them.
    pub state: Vec<String>,
    /// Whether it was found by its meaning: by what is asked for, or by embeddings.
    pub similar_meaning: bool,
    /// How many earlier chats like this one it answered.
    pub earlier_chats: usize,
    /// The document's language, and the language that was wanted.
    pub language: &'a Language,
    pub wanted: &'a Language,
    /// Whether it must not be sent.
    pub agents_only: bool,
}

/// What speaks for a document, or is to be known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReasonKind {
    /// It shares words with the chat.
    Words,
    /// Customers ask for it like this.
    Asked,
    /// Its conditions or placeholders fit what the chat knows.
    State,
    /// It means the same in other words.
    SimilarMeaning,
    /// It answered earlier chats like this one.
    EarlierChats,
    /// Its shortcut begins with what the agent typed.
    Shortcut,
    /// It opens a chat.
    Opener,
    /// It has words that the agent typed.
    Typed,
    /// It is not in the language that was wanted.
    OtherLanguage,
    /// It is for agents alone.
    AgentsOnly,
}

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// What it is.
    pub kind: ReasonKind,
    /// The words, phrases or conditions that it is about, at most 5; of another language the tag. None where the kind says all.
    pub words: Vec<String>,
    /// How many earlier chats; 0 for other kinds.
    pub count: usize,
}

/// Returns the reasons of a suggestion, the strongest kinds first, and the same as a text in words of `language`; in English if there are no
/// words for it.
pub fn reasons(facts: &ReasonFacts, language: &Language) -> (Vec<Reason>, String) {
    let reasons = found(facts);
    let labels = &lexicon_or_english(language).words.reasons;
    let sentences: Vec<String> = reasons.iter().map(|reason| sentence(reason, facts, labels)).collect();
    (reasons, sentences.join("; "))
}

fn found(facts: &ReasonFacts) -> Vec<Reason> {
    let ReasonFacts { query_kind, words, asked, state, similar_meaning, earlier_chats, language, wanted, agents_only } = facts;
    let first = |words: &mut dyn Iterator<Item = &String>| words.take(MAX_REASON_WORDS).cloned().collect::<Vec<String>>();
    let mut words = first(&mut words.iter().filter(|word| word.chars().count() >= MIN_LETTERS));
    if words.is_empty() && asked.is_empty() && state.is_empty() && *earlier_chats == 0 {
        words = first(&mut facts.words.iter());
    }
    let has_words = !words.is_empty();
    let (kind, holds, words) = match query_kind {
        QueryKind::Shortcut(typed) => (ReasonKind::Shortcut, true, vec![typed.clone()]),
        QueryKind::Opener(_) => (ReasonKind::Opener, true, words),
        QueryKind::Typed(_) => (ReasonKind::Typed, has_words, words),
        QueryKind::Conversation(_) => (ReasonKind::Words, has_words, words),
    };
    let reason = |kind, words| Reason { kind, words, count: 0 };
    [
        holds.then(|| reason(kind, words)),
        (!asked.is_empty()).then(|| reason(ReasonKind::Asked, first(&mut asked.iter()))),
        (!state.is_empty()).then(|| reason(ReasonKind::State, first(&mut state.iter()))),
        similar_meaning.then(|| reason(ReasonKind::SimilarMeaning, Vec::new())),
        (*earlier_chats > 0).then(|| Reason { kind: ReasonKind::EarlierChats, words: Vec::new(), count: *earlier_chats }),
        (language.primary() != wanted.primary()).then(|| reason(ReasonKind::OtherLanguage, vec![language.to_string()])),
        agents_only.then(|| reason(ReasonKind::AgentsOnly, Vec::new())),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn sentence(reason: &Reason, facts: &ReasonFacts, labels: &ReasonLabels) -> String {
    let Reason { kind, words, count } = reason;
    let with_words = |label: &str| {
        let quoted: Vec<String> = words.iter().map(|word| labels.quoted.replace("{word}", word)).collect();
        label.replace("{words}", &quoted.join(", "))
    };
    let name = |language: &Language| match labels.languages.get(language.primary()) {
        Some(name) => name.clone(),
        None => language.to_string(),
    };
    match kind {
        ReasonKind::Words => with_words(&labels.words),
        ReasonKind::Asked => with_words(&labels.asked),
        ReasonKind::State => with_words(&labels.state),
        ReasonKind::SimilarMeaning if matches!(facts.query_kind, QueryKind::Typed(_)) => labels.similar_to_typed.clone(),
        ReasonKind::SimilarMeaning => labels.similar_to_chat.clone(),
        ReasonKind::EarlierChats if *count == 1 => labels.one_earlier_chat.clone(),
        ReasonKind::EarlierChats => labels.earlier_chats.replace("{count}", &count.to_string()),
        ReasonKind::Shortcut => labels.shortcut.replace("{word}", &words.concat()),
        ReasonKind::Opener if words.is_empty() => labels.opener.clone(),
        ReasonKind::Opener => with_words(&labels.opener_of_page),
        ReasonKind::Typed => with_words(&labels.typed),
        // The name of the wanted language goes in first: it is a name or a tag, and has no braces.
        ReasonKind::OtherLanguage => {
            labels.other_language.replace("{wanted}", &name(facts.wanted)).replace("{document}", &name(facts.language))
        }
        ReasonKind::AgentsOnly => labels.agents_only.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{knowledge::Conversation, lexicon::lexica};

    fn language(tag: &str) -> Language {
        Language::parse(tag).unwrap()
    }

    fn owned(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    /// Facts of which nothing holds.
    fn nothing<'a>(query_kind: &'a QueryKind, language: &'a Language) -> ReasonFacts<'a> {
        ReasonFacts {
            query_kind,
            words: Vec::new(),
            asked: Vec::new(),
            state: Vec::new(),
            similar_meaning: false,
            earlier_chats: 0,
            language,
            wanted: language,
            agents_only: false,
        }
    }

    #[test]
    fn all_that_holds_is_told_and_nothing_else() {
        let (chat, english, german) = (QueryKind::Conversation(Conversation::default()), language("en"), language("de-AT"));
        assert_eq!(reasons(&nothing(&chat, &english), &english), (Vec::new(), String::new()));
        let facts = ReasonFacts {
            words: owned(&["of", "parcel", "one", "{words}", "late", "customs", "duties", "sixth"]),
            asked: owned(&["where is it"]),
            state: owned(&["record.order.status = shipped"]),
            similar_meaning: true,
            earlier_chats: 3,
            language: &german,
            agents_only: true,
            ..nothing(&chat, &english)
        };
        let (found, text) = reasons(&facts, &english);
        assert_eq!(
            text,
            "shares words with the chat: “parcel”, “{words}”, “late”, “customs”, “duties”; customers ask for it like this: “where is it”; \
             fits what the chat knows: “record.order.status = shipped”; similar in meaning to the chat; answered 3 chats like this one; \
             in German, not available in English; for agents only, don't send it"
        );
        use ReasonKind::{AgentsOnly, Asked, EarlierChats, OtherLanguage, SimilarMeaning, State, Words};
        let kinds: Vec<ReasonKind> = found.iter().map(|reason| reason.kind).collect();
        assert_eq!(kinds, [Words, Asked, State, SimilarMeaning, EarlierChats, OtherLanguage, AgentsOnly]);
        assert_eq!((found[4].count, found[5].words.as_slice()), (3, owned(&["de-AT"]).as_slice()));
        assert_eq!(
            reasons(&ReasonFacts { earlier_chats: 1, words: owned(&["of"]), ..nothing(&chat, &english) }, &english).1,
            "answered a chat like this one"
        );
        assert_eq!(
            reasons(&ReasonFacts { words: owned(&["of"]), ..nothing(&chat, &english) }, &english).1,
            "shares words with the chat: “of”"
        );
    }

    #[test]
    fn each_query_has_its_own_words() {
        let english = language("en");
        let (shortcut, opener, typed) =
            (QueryKind::Shortcut("ref".into()), QueryKind::Opener("page".into()), QueryKind::Typed("gift".into()));
        for (query_kind, words, expected) in [
            (&shortcut, vec![], "its shortcut begins with “/ref”"),
            (&opener, vec![], "opens a chat in which the customer has not written yet"),
            (&opener, owned(&["towel"]), "opens a chat on the open page: “towel”"),
            (&typed, owned(&["gift"]), "contains what you typed: “gift”"),
        ] {
            assert_eq!(reasons(&ReasonFacts { words, ..nothing(query_kind, &english) }, &english).1, expected);
        }
        let facts = ReasonFacts { similar_meaning: true, ..nothing(&typed, &english) };
        assert_eq!(reasons(&facts, &english).1, "similar in meaning to what you typed");
    }

    #[test]
    fn the_text_is_in_the_agents_language_or_in_english() {
        let (chat, hungarian, turkish) = (QueryKind::Conversation(Conversation::default()), language("hu"), language("tr"));
        let facts = ReasonFacts {
            words: owned(&["csomag"]),
            earlier_chats: 2,
            language: &hungarian,
            wanted: &turkish,
            ..nothing(&chat, &hungarian)
        };
        for (agent, expected) in [
            ("tr", "görüşmeyle ortak sözcükler: “csomag”; buna benzer 2 görüşmeyi yanıtladı; dili Macarca, Türkçe sürümü yok"),
            (
                "hu",
                "közös szavak a beszélgetéssel: „csomag”; 2 hasonló beszélgetésben ez volt a válasz; magyar nyelvű, török változata nincs",
            ),
            (
                "de-CH",
                "gemeinsame Wörter mit dem Chat: „csomag“; beantwortete 2 ähnliche Chats; auf Ungarisch, nicht auf Türkisch vorhanden",
            ),
            ("it", "shares words with the chat: “csomag”; answered 2 chats like this one; in Hungarian, not available in Turkish"),
        ] {
            assert_eq!(reasons(&facts, &language(agent)).1, expected);
        }
        for lexicon in lexica() {
            let (facts, own) =
                (ReasonFacts { asked: owned(&["hol van"]), ..facts_of_all(&chat, &hungarian, &turkish) }, language(lexicon.language));
            let text = reasons(&facts, &own).1;
            assert!(!text.contains(['{', '}']) && text.contains("hol van") && text.contains('7'), "{text}");
        }
    }

    fn facts_of_all<'a>(chat: &'a QueryKind, hungarian: &'a Language, turkish: &'a Language) -> ReasonFacts<'a> {
        ReasonFacts {
            words: owned(&["csomag"]),
            state: owned(&["record.order.status"]),
            similar_meaning: true,
            earlier_chats: 7,
            wanted: turkish,
            agents_only: true,
            ..nothing(chat, hungarian)
        }
    }
}
