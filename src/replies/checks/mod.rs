//! Whether a draft says only what something makes: its links, amounts, dates, numbers, promises, names and language.

pub mod counting;
mod derived;
pub mod form_of_address;
pub mod known_numbers;
#[cfg(test)]
mod languages_tests;
pub mod leaks;
pub mod names;
pub mod numbers;
pub mod other_customer;
pub mod promises;
pub mod repetition;
mod same_line;
pub mod unanswered;
pub mod unfilled;

use std::collections::HashSet;

use jiff::{Timestamp, civil::Date};

use crate::{
    chats::{Author, Chat, EarlierChat},
    facts::{Fact, FactKind, Known, facts, replaced},
    lexicon::{Lexicon, lexica_of},
    replies::{
        checks::{
            form_of_address::Form,
            names::{KnownNames, wrong_names},
            numbers::ungrounded_numbers,
            promises::ungrounded,
            unfilled::unfilled,
        },
        draft::prompt::SourceText,
        masking::chats_of,
        stream::result::{Warning, WarningKind},
    },
    text::{Language, detect, sentences},
};

/// What stands where a link was taken out.
pub const TAKEN_OUT: &str = "[…]";
/// Most messages of a chat that are looked through, the latest of them, and most warnings of one draft.
const MAX_TURNS: usize = 500;
/// The same in bytes, for all chats together: a customer's long messages don't multiply.
const MAX_TURN_BYTES: usize = 1 << 20;
const MAX_WARNINGS: usize = 40;
/// The language of a draft of fewer letters is not checked.
const MIN_LETTERS: usize = 30;
/// So many letters of another alphabet make another language.
const MIN_FOREIGN: usize = 3;

/// The evidence for a draft: what it may say.
pub struct Evidence {
    /// What the shop says: sources, records, form answers, agents' messages, the instruction, the draft before.
    pub shop: Vec<String>,
    /// What the customer wrote: a draft may mention it, and no more.
    pub customer: Vec<String>,
    /// Links and hosts that may stand in any draft.
    pub allowed_links: Vec<String>,
    /// The customer's names, as the chat and its messages have them; a draft may address no other.
    pub customer_names: Vec<String>,
    /// The names of the agents and of the shop, and the voice's sign-off.
    pub shop_names: Vec<String>,
    /// The name of the agent who sends the draft; empty if not known.
    pub agent_name: String,
    /// The names of other agents who wrote in the chat: they don't sign.
    pub other_agents: Vec<String>,
    /// The language that the draft should be in.
    pub language: Language,
    /// The languages that the workspace speaks.
    pub languages: Vec<Language>,
    /// Dates of the chat's events, and today's.
    pub dates: Vec<String>,
    /// The form in which the customer is addressed; `None`: not known.
    pub form_of_address: Option<Form>,
}

/// A draft after its check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The draft without the links that nothing makes.
    pub text: String,
    /// What is doubtful, at most 40.
    pub warnings: Vec<Warning>,
}

/// What a draft was made from.
pub struct DraftedFrom<'a> {
    /// The chat that is answered. Its internal notes are no evidence.
    pub chat: &'a Chat,
    /// The customer's other chats that were read.
    pub earlier: &'a [EarlierChat],
    /// The name that the agent signs with; empty if not given.
    pub agent_name: &'a str,
    /// What the agent asked for, in free words; empty if nothing.
    pub instruction: &'a str,
    /// The draft that was to be changed; empty if none.
    pub previous_draft: &'a str,
    /// The sources in the prompt, whether cited or not.
    pub sources: &'a [SourceText],
    /// The shop's own writing rules and its sign-off, with names in them.
    pub voice: &'a str,
    /// The form of address that they ask for; `None`: they say nothing of it.
    pub form_of_address: Option<Form>,
    /// The time of the call, whose day a draft may name.
    pub now: Timestamp,
}

impl Evidence {
    /// What a draft from these may say. Internal notes ground nothing: what only they say is not for the customer.
    pub fn of(from: &DraftedFrom<'_>, language: &Language, languages: &[Language], allowed_links: &[String]) -> Evidence {
        let DraftedFrom { chat, earlier, agent_name, instruction, previous_draft, sources, voice, form_of_address, now } = *from;
        let mut shop: Vec<String> = sources.iter().map(|source| format!("{}\n{}\n{}", source.title, source.url, source.text)).collect();
        shop.extend([instruction.to_owned(), previous_draft.to_owned()]);
        let mut customer = Vec::new();
        let mut names = vec![agent_name.to_owned(), voice.to_owned()];
        let mut customer_names = vec![chat.customer.name.clone(), chat.summary.customer_name.clone()];
        let mut dates = vec![now.strftime("%Y-%m-%d").to_string()];
        let mut agents = Vec::new();
        let mut left = MAX_TURN_BYTES;
        for chat in chats_of(chat, earlier) {
            for (index, turn) in chat.turns.iter().enumerate().rev().take(MAX_TURNS) {
                if left == 0 {
                    break;
                }
                let message = &turn.message;
                left = left.saturating_sub(turn.all_texts().map(str::len).sum());
                dates.push(turn.at.strftime("%Y-%m-%d").to_string());
                if message.author == Author::Customer && index < chat.turns_before_customer {
                    // Another one's words ground nothing.
                } else if message.author == Author::Customer {
                    // What the customer quotes, the shop's own words too, is no more than mentioned.
                    customer.extend(turn.all_texts().map(str::to_owned));
                    customer_names.push(message.author_name.clone());
                } else {
                    shop.extend(message.contents().map(str::to_owned));
                    names.push(message.author_name.clone());
                    agents.push(message.author_name.clone());
                }
            }
            for record in &chat.records {
                let values: Vec<String> = record.values.iter().map(|(key, value)| format!("{key}: {value}")).collect();
                shop.push(format!("{} {}\n{}\n{}", record.source, record.reference, values.join("\n"), record.url));
            }
            shop.extend(chat.form_answers.values().cloned());
            names.push(chat.summary.agent_name.clone());
            let known = &chat.customer;
            customer.extend([&known.email, &known.phone, &known.location].map(Clone::clone));
            customer.extend(known.attributes.values().cloned());
        }
        customer_names.retain(|name| !name.is_empty());
        // What the agents of this chat write to this customer goes before the rule.
        let by_agents = chat.turns.iter().rev().take(MAX_TURNS).filter(|turn| turn.message.author == Author::Agent);
        let used = form_of_address::used_in(by_agents.map(|turn| turn.message.text.as_str()), language);
        let is_other = |name: &&String| !name.is_empty() && *name != agent_name;
        Evidence {
            agent_name: agent_name.to_owned(),
            other_agents: agents.iter().filter(is_other).cloned().collect(),
            shop,
            customer,
            allowed_links: allowed_links.to_vec(),
            customer_names,
            shop_names: names,
            language: language.clone(),
            languages: languages.to_vec(),
            dates,
            form_of_address: used.or(form_of_address),
        }
    }

    /// The day of the call, as the first of the dates says it.
    pub fn today(&self) -> Date {
        self.dates.first().and_then(|date| date.parse().ok()).unwrap_or(Date::ZERO)
    }

    /// All that the customer may see.
    pub fn open(&self) -> Vec<&str> {
        let texts = [&self.shop, &self.customer, &self.customer_names, &self.shop_names, &self.dates];
        texts.into_iter().flatten().map(String::as_str).collect()
    }

    /// The words of the languages that the workspace speaks, and of the draft's.
    pub fn lexica(&self) -> Vec<&'static Lexicon> {
        lexica_of(self.languages.iter().chain([&self.language]))
    }

    /// What a summary for colleagues may say: all that was said, by whomever.
    pub fn of_summary(from: &DraftedFrom<'_>, language: &Language, languages: &[Language]) -> Evidence {
        let mut evidence = Evidence::of(from, language, languages, &[]);
        let said = [&mut evidence.customer, &mut evidence.customer_names, &mut evidence.shop_names].map(std::mem::take);
        evidence.shop.extend(said.into_iter().flatten());
        evidence.shop.extend(from.chat.notes.iter().map(|note| note.text.for_agents().to_owned()));
        evidence.shop.push(from.chat.summary.topic.clone());
        evidence
    }

    /// Checks a summary: it promises nothing, and greets nobody.
    pub fn check_summary(&self, summary: &str) -> Checked {
        let (text, mut warnings) = self.without_foreign_links(summary);
        warnings.extend(ungrounded_numbers(&text, self));
        warnings.extend(other_language(&text, &self.language, &self.languages));
        warnings.truncate(MAX_WARNINGS);
        Checked { text, warnings }
    }

    /// Checks a draft.
    pub fn check(&self, draft: &str) -> Checked {
        let (text, mut warnings) = self.without_foreign_links(draft);
        warnings.extend(unfilled(&text));
        warnings.extend(ungrounded_numbers(&text, self));
        for sentence in ungrounded(&text, &self.shop, self.language.primary(), &self.languages, &self.lexica()) {
            warnings.push(Warning {
                kind: WarningKind::UngroundedPromise,
                excerpt: sentence.to_owned(),
                message: "this promises what no source, record or agent's message says".to_owned(),
            });
        }
        let shop_names = self.shop_names.iter().chain(&self.shop).map(String::as_str).collect::<Vec<&str>>().join("\n");
        let names = KnownNames {
            customer: &self.customer_names,
            agent: &self.agent_name,
            other_agents: &self.other_agents,
            shop: &shop_names,
            said: &self.customer.join("\n"),
        };
        for wrong in wrong_names(&text, &names) {
            let message = if wrong.customer { "the customer has another name" } else { "nobody of this name works on this chat" };
            warnings.push(Warning { kind: WarningKind::WrongName, excerpt: wrong.excerpt.to_owned(), message: message.to_owned() });
        }
        warnings.extend(other_language(&text, &self.language, &self.languages));
        warnings.extend(form_of_address::mixed(&text, &self.language, self.form_of_address));
        warnings.truncate(MAX_WARNINGS);
        Checked { text, warnings }
    }

    fn without_foreign_links(&self, draft: &str) -> (String, Vec<Warning>) {
        let is_link = |kind: FactKind| matches!(kind, FactKind::Link | FactKind::Email);
        let mut grounded: HashSet<String> = HashSet::new();
        for text in self.shop.iter().chain(&self.allowed_links).filter(|text| may_have_address(text)) {
            for fact in facts(text, &Known::default(), is_link) {
                grounded.insert(address(&text[fact.range]));
            }
        }
        let hosts: HashSet<String> = grounded
            .iter()
            .filter(|link| !link.contains('@'))
            .filter_map(|link| link.split(['/', '?', '#']).next())
            .map(str::to_owned)
            .collect();
        let customer: HashSet<String> = self
            .customer
            .iter()
            .filter(|text| may_have_address(text))
            .flat_map(|text| {
                facts(text, &Known::default(), |kind| kind == FactKind::Email).into_iter().map(|fact| address(&text[fact.range]))
            })
            .collect();
        let allowed: HashSet<String> = self.allowed_links.iter().map(|link| address(link)).collect();
        let is_grounded = |link: &str| {
            let bare = address(link);
            let host = bare.split(['/', '?', '#']).next().unwrap_or_default().to_owned();
            grounded.contains(&bare) || customer.contains(&bare) || (bare == host && hosts.contains(&bare)) || allowed.contains(&host)
        };
        let foreign: Vec<Fact> =
            facts(draft, &Known::default(), is_link).into_iter().filter(|fact| !is_grounded(&draft[fact.range.clone()])).collect();
        let warnings = foreign
            .iter()
            .map(|fact| Warning {
                kind: WarningKind::UngroundedLink,
                excerpt: TAKEN_OUT.to_owned(),
                message: format!("no source has the link {}; it was taken out", &draft[fact.range.clone()]),
            })
            .collect();
        let text = replaced(draft, &foreign, |_| TAKEN_OUT.to_owned());
        (without_images(&text), warnings)
    }
}

/// A warning if a text is in another language than it should be.
pub fn other_language(text: &str, language: &Language, languages: &[Language]) -> Option<Warning> {
    // A greeting, a signature and names may be in any language.
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let body = lines.join("\n");
    let mut parts = sentences(&body).skip_while(|sentence| sentence.split_whitespace().count() <= 3);
    let first = parts.next().unwrap_or(&body).to_owned();
    let rest = parts.collect::<Vec<&str>>().join(" ");
    let all = format!("{first} {rest}");
    let found = facts(&all, &Known::default(), |_| true);
    let bare = replaced(&all, &found, |_| String::new());
    if bare.chars().filter(|letter| letter.is_alphabetic()).count() < MIN_LETTERS {
        return None;
    }
    // Azerbaijani is taken for Turkish, but for a letter that none of these languages has.
    if bare.matches(['ə', 'Ə']).count() >= MIN_FOREIGN {
        let message = format!("this is in another language, asked was {}", language.english_name());
        return Some(Warning { kind: WarningKind::LanguageMismatch, excerpt: first, message });
    }
    let written = detect(&bare, languages)?;
    let other = |excerpt: String, written: &Language| Warning {
        kind: WarningKind::LanguageMismatch,
        excerpt,
        message: format!("this is in {}, asked was {}", written.english_name(), language.english_name()),
    };
    // The last of three sentences may be in another language: a long one that has its own words alone.
    let foreign = || {
        sentences(&all).filter(|sentence| sentence.chars().filter(|letter| letter.is_alphabetic()).count() >= MIN_LETTERS).find_map(
            |sentence| {
                let bare = replaced(sentence, &facts(sentence, &Known::default(), |_| true), |_| String::new());
                let written = detect(&bare, languages).filter(|written| written.primary() != language.primary())?;
                Some(other(sentence.to_owned(), &written))
            },
        )
    };
    if written.primary() == language.primary() { foreign() } else { Some(other(first, &written)) }
}

/// A link as two writings of it are compared.
fn address(link: &str) -> String {
    let small = link.trim().to_lowercase();
    let bare = ["https://", "http://", "mailto:", "tel:"].iter().find_map(|scheme| small.strip_prefix(scheme)).unwrap_or(&small);
    bare.strip_prefix("www.").unwrap_or(bare).trim_end_matches('/').to_owned()
}

/// Images become their words.
fn without_images(text: &str) -> String {
    if !text.contains("![") {
        return text.to_owned();
    }
    text.replace("![", "[")
}

/// Whether a text may have a link or an e-mail address: a sign within a word that both have. Letters beyond ASCII may stand for such signs.
fn may_have_address(text: &str) -> bool {
    let bytes = text.as_bytes();
    !text.is_ascii()
        || bytes.windows(2).any(|pair| matches!(pair[0], b'.' | b':') && !pair[1].is_ascii_whitespace())
        || bytes.contains(&b'@')
        || bytes.windows(9).any(|word| word.eq_ignore_ascii_case(b"localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence() -> Evidence {
        let language = |tag: &str| Language::parse(tag).unwrap();
        Evidence {
            shop: vec![
                "Returns are free within 14 days at https://shop.example/returns. Refunds take 5 working days.".into(),
                "order KE-204815: total: 49.90 EUR; shipped: 2026-11-18".into(),
            ],
            customer: vec!["I paid 60 EUR, see http://other.example/x, and was promised a refund today".into()],
            allowed_links: Vec::new(),
            customer_names: vec!["Elif Kaya".into()],
            shop_names: vec!["Selin".into(), "Murat".into()],
            agent_name: "Selin".into(),
            other_agents: vec!["Murat".into()],
            language: language("en"),
            languages: ["en", "tr", "hu", "de"].map(language).to_vec(),
            dates: vec!["2026-11-23".into()],
            form_of_address: None,
        }
    }

    fn kinds(draft: &str) -> Vec<WarningKind> {
        evidence().check(draft).warnings.into_iter().map(|warning| warning.kind).collect()
    }

    #[test]
    fn what_sources_say_is_grounded() {
        for draft in [
            "Hi Elif, your order KE-204815 for €49.90 left on 18 November. You have two weeks to return it for free: shop.example/returns.",
            "Dear Ms Kaya,\n\nas you wrote, you paid 60 EUR. The refund takes five working days.\n\nBest regards,\nSelin",
            "1. Open https://shop.example/returns/\n2. Print the label.",
        ] {
            assert_eq!(kinds(draft), [], "{draft}");
        }
    }

    #[test]
    fn what_nothing_makes_is_marked() {
        use WarningKind::*;
        for (draft, kind) in [
            ("You can return it at https://shop.example/return-now.", UngroundedLink),
            ("See http://other.example/x for more.", UngroundedLink),
            ("The total was 48.90 EUR.", UngroundedAmount),
            ("We refund 60 EUR.", UngroundedAmount),
            ("Your order KE-204816 is on its way.", UngroundedAmount),
            ("You have 30 days to return it.", UngroundedAmount),
            ("It left on 19 November.", UngroundedDate),
            ("Your refund will be paid today.", UngroundedPromise),
            ("We guarantee that it fits.", UngroundedPromise),
            ("Hi Ece, returns are free.", WrongName),
            ("Hi Elif, sorry about the delay, Nadia.", WrongName),
            ("Hi Elif, Mr Brandt can return it for free.", WrongName),
            ("Returns are free.\n\nBest regards,\nMurat", WrongName),
            ("Merhaba, siparişinizi on dört gün içinde ücretsiz olarak iade edebilirsiniz.", LanguageMismatch),
        ] {
            assert!(kinds(draft).contains(&kind), "{draft} {:?}", kinds(draft));
        }
        let checked = evidence().check("Look at https://evil.example/x?data=1 now.");
        assert_eq!(checked.text, "Look at […] now.");
    }
}
