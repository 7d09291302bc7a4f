//! Masking of personal data: facts that identify the customer are sent to a model as marks, which are restored in its answer.

#[cfg(test)]
pub mod generated_tests;
pub mod known_facts;
pub mod personal_facts;

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    chats::{Chat, ChosenContext, EarlierChat},
    config::PersonalData,
    facts::{Fact, FactKind, Known, MASK, Marks, facts, has_marks, replaced, without_marks},
    replies::{
        masking::personal_facts::{Former, PersonalFacts},
        stream::sanitizer::Sanitizer,
    },
    text::{Language, fold, visible},
};

/// Masks the personal data of one call.
pub struct Masker<'a> {
    settings: &'a PersonalData,
    known: Known,
    marks: Marks,
    /// Facts of a former customer: they are masked, and never restored.
    former: Former,
}

impl<'a> Masker<'a> {
    /// Creates a masker that knows the customer of these chats, who writes in `language`.
    pub fn of(settings: &'a PersonalData, chats: impl Iterator<Item = &'a Chat>, language: &Language) -> Masker<'a> {
        let chats: Vec<&Chat> = chats.collect();
        let known = personal(chats.iter().copied(), settings.first_names, language);
        let former = Former::of(&chats, settings.first_names, language);
        Masker { settings, known, marks: Marks::default(), former }
    }

    /// Returns the mark of a personal fact.
    fn mark_of(&mut self, kind: FactKind, written: &str) -> String {
        let which = self.marks.mark_person(kind, written);
        if self.former.has(kind, written) {
            self.marks.withhold(which);
        }
        self.marks.written(which)
    }

    /// Replaces the personal data of a text by marks.
    pub fn mask(&mut self, text: &str) -> String {
        let found = self.found(text);
        self.marked(text, &found)
    }

    fn marked(&mut self, text: &str, found: &[Fact]) -> String {
        let mut masked = String::with_capacity(text.len() + found.len() * 8);
        let mut from = 0;
        for fact in found {
            masked.push_str(&unmarked(&text[from..fact.range.start]));
            masked.push_str(&self.mark_of(fact.kind, &text[fact.range.clone()]));
            from = fact.range.end;
        }
        masked.push_str(&unmarked(&text[from..]));
        without_joining_tags(masked)
    }

    /// Replaces the customer's personal data in one of the shop's texts by marks; the shop's addresses stay.
    pub fn mask_source(&mut self, text: &str) -> String {
        let found: Vec<Fact> = self
            .found(text)
            .into_iter()
            .filter(|fact| {
                matches!(fact.kind, FactKind::Person | FactKind::Address) || self.marks.has_person(fact.kind, &text[fact.range.clone()])
            })
            .collect();
        self.marked(text, &found)
    }

    /// Removes the personal data of a text for good.
    pub fn blank(&self, text: &str) -> String {
        replaced(text, &self.found(text), |_| MASK.to_owned())
    }

    fn found(&self, text: &str) -> Vec<Fact> {
        let mut found = facts(text, &self.known, |kind| self.settings.kinds.contains(&kind));
        found.retain(|fact| !self.settings.is_exception(&text[fact.range.clone()]));
        found
    }

    /// Masks all texts of a chosen context.
    pub fn mask_context(&mut self, chosen: &mut ChosenContext) {
        let texts = |texts: &mut Vec<String>, masker: &mut Masker| texts.iter_mut().for_each(|text| *text = masker.mask(text));
        for (field, value) in chosen.facts.iter_mut().chain(&mut chosen.form_answers) {
            *field = self.mask(field);
            *value = self.mask(value);
        }
        for line in &mut chosen.lines {
            line.text = self.mask(&line.text);
            line.name = self.mask(&line.name);
            line.quoted = self.mask(&line.quoted);
            line.signature = self.mask(&line.signature);
            for (name, text) in &mut line.attached {
                (*name, *text) = (self.mask(name), self.mask(text));
            }
        }
        for class in [&mut chosen.records, &mut chosen.pages, &mut chosen.stated_facts, &mut chosen.promises, &mut chosen.open_questions] {
            texts(class, self);
        }
        chosen.earlier.iter_mut().for_each(|lines| texts(lines, self));
        chosen.notes = chosen.notes.iter().map(|note| note.map(|text| self.mask(text))).collect();
    }

    /// Returns how many facts were masked, by kind, and the marks.
    pub fn marks(self) -> (BTreeMap<&'static str, usize>, Arc<Marks>) {
        let mut counts = BTreeMap::new();
        for marked in self.marks.all() {
            *counts.entry(marked.kind.word()).or_default() += 1;
        }
        (counts, Arc::new(self.marks))
    }
}

/// Removes invisible characters from a text, and everything that looks like a mark.
fn unmarked(text: &str) -> String {
    without_marks(&visible(text)).into_owned()
}

/// Does the same for a text that gets no marks.
pub fn shown(text: &str) -> String {
    without_joining_tags(unmarked(text))
}

/// Makes a text safe for [`Sanitizer`], which strips tags from a model's answer: stripping must not join the text around them to a mark.
/// Where it would, and where a tag never ends, the tags are defused.
fn without_joining_tags(text: String) -> String {
    if !text.contains('<') {
        return text;
    }
    let closed = text.rfind('>').map_or(0, |last| last + 1);
    let text = format!("{}{}", &text[..closed], text[closed..].replace('<', "‹"));
    let mut cleaner = Sanitizer::default();
    let cleaned = cleaner.push(&text) + &cleaner.finish();
    // Our own marks are complete, and nothing else has their brackets.
    let others = cleaned.split('⟦').map(|piece| piece.split_once('⟧').map_or(piece, |(_, after)| after)).collect::<Vec<_>>().join(" ");
    if has_marks(&others) { text.replace('<', "‹") } else { text }
}

/// The most common Hungarian first names, without accents.
const HUNGARIAN: [&str; 96] = [
    "laszlo",
    "istvan",
    "jozsef",
    "janos",
    "zoltan",
    "sandor",
    "gabor",
    "ferenc",
    "attila",
    "peter",
    "tamas",
    "zsolt",
    "tibor",
    "andras",
    "csaba",
    "imre",
    "lajos",
    "gyorgy",
    "balazs",
    "gyula",
    "mihaly",
    "karoly",
    "robert",
    "bela",
    "david",
    "daniel",
    "adam",
    "krisztian",
    "miklos",
    "norbert",
    "bence",
    "mate",
    "gergo",
    "gergely",
    "akos",
    "marton",
    "levente",
    "kristof",
    "dominik",
    "barnabas",
    "botond",
    "arpad",
    "geza",
    "dezso",
    "erno",
    "jeno",
    "vilmos",
    "szabolcs",
    "maria",
    "erzsebet",
    "katalin",
    "ilona",
    "eva",
    "anna",
    "zsuzsanna",
    "margit",
    "judit",
    "agnes",
    "andrea",
    "julianna",
    "ildiko",
    "erika",
    "krisztina",
    "iren",
    "eszter",
    "magdolna",
    "monika",
    "edit",
    "gabriella",
    "szilvia",
    "anita",
    "aniko",
    "viktoria",
    "reka",
    "tunde",
    "dora",
    "nikolett",
    "orsolya",
    "zsofia",
    "klara",
    "boglarka",
    "luca",
    "hanna",
    "lili",
    "fanni",
    "noemi",
    "csilla",
    "melinda",
    "beata",
    "emese",
    "petra",
    "timea",
    "bernadett",
    "kinga",
    "virag",
    "henrietta",
];

/// Returns whether a name begins with the surname, as Hungarian ones do unless they were written for foreigners.
fn has_surname_first(name: &str, language: &Language) -> bool {
    let mut words = name.split_whitespace().map(fold);
    let is_first = |word: Option<String>| word.is_some_and(|word| HUNGARIAN.contains(&word.as_str()));
    match (is_first(words.next()), is_first(words.next_back())) {
        (true, false) => false,
        (false, true) => true,
        _ => language.primary() == "hu",
    }
}

/// Returns what chats know of their customer, who writes in `language`, and of former customers.
pub fn personal<'a>(chats: impl Iterator<Item = &'a Chat>, first_names: bool, language: &Language) -> Known {
    let mut known = Known::default();
    let chats: Vec<&Chat> = chats.collect();
    let customers = chats.iter().map(|chat| PersonalFacts::of_customer(chat));
    for facts_of_person in customers.chain(chats.iter().flat_map(|chat| PersonalFacts::of_former(chat))) {
        for name in facts_of_person.names {
            for form in name_forms(name, has_surname_first(name, language), first_names) {
                known.add_name(&form, FactKind::Person, false);
            }
        }
        for address in facts_of_person.addresses {
            known.add_address(address);
        }
        for phone in facts_of_person.phones {
            known.add_value(phone, FactKind::Phone);
        }
        for email in facts_of_person.emails {
            known.add_value(email, FactKind::Email);
        }
    }
    known
}

/// Returns the forms of a name: the full name in both orders, the surname, and first names if these are masked too.
fn name_forms(name: &str, surname_first: bool, first_names: bool) -> Vec<String> {
    let words: Vec<&str> = name.split_whitespace().collect();
    let (surname, first) = match words.as_slice() {
        [] => return Vec::new(),
        [only] => return if first_names { vec![(*only).to_owned()] } else { Vec::new() },
        [surname, first @ ..] if surname_first => (*surname, first),
        [first @ .., surname] => (*surname, first),
    };
    let mut forms = vec![name.to_owned()];
    forms.push(if surname_first { format!("{} {surname}", first.join(" ")) } else { format!("{surname} {}", first.join(" ")) });
    if let [one, .., _] = words.as_slice()
        && words.len() > 2
    {
        forms.push(format!("{one} {surname}"));
    }
    forms.push(surname.to_owned());
    if first_names {
        forms.extend(first.iter().map(|name| (*name).to_owned()));
    }
    forms
}

/// Returns all chats that a prompt about one may show.
pub fn chats_of<'a>(chat: &'a Chat, earlier: &'a [EarlierChat]) -> impl Iterator<Item = &'a Chat> {
    std::iter::once(chat).chain(earlier.iter().map(|EarlierChat(chat)| chat))
}

/// Returns the first name to greet a customer by, unless first names are masked.
pub fn first_name(chat: &Chat, settings: &PersonalData, language: &Language) -> String {
    let mut words = chat.customer.name.split_whitespace();
    let surname_first = has_surname_first(&chat.customer.name, language);
    let first = if surname_first && chat.customer.name.contains(' ') { words.nth(1) } else { words.next() };
    if settings.first_names || !settings.kinds.contains(&FactKind::Person) { String::new() } else { first.unwrap_or_default().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chats::Customer;

    fn english() -> Language {
        Language::parse("en").unwrap()
    }

    fn chat() -> Chat {
        let customer =
            Customer { name: "Elif Kaya".into(), email: "elif@example.com".into(), phone: "0532 123 45 67".into(), ..Customer::default() };
        let mut chat = Chat { customer, ..Chat::default() };
        chat.form_answers.insert("delivery address".into(), "Bağdat Cad. 12/4, Kadıköy".into());
        chat
    }

    #[test]
    fn the_customer_is_recognized_however_written() {
        let (settings, chat) = (PersonalData::default(), chat());
        let mut masker = Masker::of(&settings, std::iter::once(&chat), &english());
        for (text, masked) in [
            ("I am elif kaya", "I am ⟦NAME_1⟧"),
            ("Kaya, Elif. Elif writes.", "⟦NAME_2⟧. Elif writes."),
            ("Ms Kaya'nın, kaya gibi", "Ms ⟦NAME_3⟧'nın, kaya gibi"),
            ("ELIF@example.com or 0(532)123-4567", "⟦EMAIL_4⟧ or ⟦PHONE_5⟧"),
            ("at bagdat cad 12/4 please", "at ⟦ADDRESS_6⟧ please"),
            ("order KE-204815 for 49,90 €", "order KE-204815 for 49,90 €"),
            ("⟦NAME_1⟧ is no mark", "NAME(1) is no mark"),
            ("|NAME_1| PHO\u{200b}NE_5 PHO<b>NE_5 PHO<a 0532 123 45 67>NE_5", "NAME(1) PHONE(5) PHO‹b>NE_5 PHO‹a ⟦PHONE_5⟧>NE_5"),
            ("is <b>bold</b> a <tag", "is <b>bold</b> a ‹tag"),
        ] {
            assert_eq!(masker.mask(text), masked, "{text}");
        }
        assert_eq!(masker.mask_source("Mail help@shop.example or elif@example.com"), "Mail help@shop.example or ⟦EMAIL_4⟧");
        assert_eq!(masker.blank("Kaya 4111 1111 1111 1111"), "⟦…⟧ ⟦…⟧");
        let (counts, _) = masker.marks();
        assert_eq!(counts.into_iter().collect::<Vec<_>>(), [("ADDRESS", 1), ("EMAIL", 1), ("NAME", 3), ("PHONE", 1)]);
    }

    #[test]
    fn the_surname_is_found_on_either_side() {
        let language = |tag: &str| Language::parse(tag).unwrap();
        for (name, tag, first) in
            [("Szabó Gergely", "en", true), ("Gergely Szabó", "hu", false), ("Varga Xénia", "hu", true), ("Elif Kaya", "tr", false)]
        {
            assert_eq!(has_surname_first(name, &language(tag)), first, "{name}");
        }
    }

    #[test]
    fn kinds_and_exceptions_are_settings() {
        let chat = chat();
        let settings =
            PersonalData { kinds: vec![FactKind::Email, FactKind::Person], first_names: true, exceptions: vec!["@example.com".into()] };
        let mut masker = Masker::of(&settings, std::iter::once(&chat), &english());
        assert_eq!(masker.mask("Elif: elif@example.com, a@b.de, 0532 123 45 67"), "⟦NAME_1⟧: elif@example.com, ⟦EMAIL_2⟧, 0532 123 45 67");
    }
}
