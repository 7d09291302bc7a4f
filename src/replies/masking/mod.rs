//! Masking of personal data: facts that identify the customer are sent to a model as marks, which are restored in its answer.

mod fields;
pub mod found;
#[cfg(test)]
pub mod generated_tests;
pub mod known_facts;
mod labelled;
pub mod names;
pub mod personal_facts;

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    chats::{Chat, ChosenContext, EarlierChat, FormerCustomer},
    config::PersonalData,
    facts::{Fact, FactKind, Known, MASK, Marks, facts, has_marks, replaced, without_marks},
    replies::{
        masking::{
            fields::{Held, held},
            found::FoundFacts,
            labelled::{Labelled, of_lines, overlaid},
            names::{first_name_of, has_surname_first},
            personal_facts::{Former, PersonalFacts},
        },
        stream::sanitizer::Sanitizer,
    },
    text::{Language, visible},
};

/// Masks the personal data of one call.
pub struct Masker<'a> {
    settings: &'a PersonalData,
    known: Known,
    marks: Marks,
    /// Facts of a former customer: they are masked, and never restored.
    former: Former,
    /// The facts of texts that were found before, and a fingerprint of what is known.
    kept: Option<(&'a FoundFacts, [u64; 2])>,
}

impl<'a> Masker<'a> {
    /// Creates a masker that knows the customer of these chats, who writes in `language`.
    pub fn of(settings: &'a PersonalData, chats: impl Iterator<Item = &'a Chat>, language: &Language) -> Masker<'a> {
        let chats: Vec<&Chat> = chats.collect();
        let mut known = personal(chats.iter().copied(), settings.first_names, language);
        known.be_strict();
        let former = Former::of(&chats, settings.first_names, language);
        Masker { settings, known, marks: Marks::default(), former, kept: None }
    }

    /// The same with the facts that were found before, by maskers with the same settings.
    pub fn keeping(mut self, found: &'a FoundFacts) -> Masker<'a> {
        self.kept = Some((found, found.fingerprint_of(&self.known)));
        self
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
            .found_known(text)
            .iter()
            .filter(|fact| {
                matches!(fact.kind, FactKind::Person | FactKind::Address) || self.marks.has_person(fact.kind, &text[fact.range.clone()])
            })
            .cloned()
            .collect();
        self.marked(text, &found)
    }

    /// Removes the personal data of a text for good.
    pub fn blank(&self, text: &str) -> String {
        replaced(text, &self.found(text), |_| MASK.to_owned())
    }

    fn found(&self, text: &str) -> Arc<[Fact]> {
        self.found_or_kept(text, false, || self.found_beside(text, &self.known, &of_lines(text)))
    }

    fn found_or_kept(&self, text: &str, is_shops: bool, find: impl FnOnce() -> Vec<Fact>) -> Arc<[Fact]> {
        match self.kept {
            Some((kept, known)) => kept.of(known, text, is_shops, find),
            None => find().into(),
        }
    }

    /// The same of one of the shop's texts, whose own addresses and labels are nobody's.
    fn found_known(&self, text: &str) -> Arc<[Fact]> {
        self.found_or_kept(text, true, || {
            let mut known = self.known.clone();
            known.find_no_addresses();
            self.found_beside(text, &known, &[])
        })
    }

    /// The personal data of a text, some of whose parts are known by what stands before them.
    fn found_beside(&self, text: &str, known: &Known, labelled: &[Labelled]) -> Vec<Fact> {
        let mut found = overlaid(facts(text, known, |kind| self.settings.kinds.contains(&kind)), text, labelled);
        found.retain(|fact| self.settings.kinds.contains(&fact.kind) && !self.settings.is_exception(&text[fact.range.clone()]));
        found
    }

    /// Masks the value of a field.
    fn mask_value(&mut self, field: &str, value: &str) -> String {
        let labelled: Vec<Labelled> = Labelled::of(field, 0..value.len(), value).into_iter().collect();
        let found = self.found_beside(value, &self.known, &labelled);
        self.marked(value, &found)
    }

    /// Masks all texts of a chosen context.
    pub fn mask_context(&mut self, chosen: &mut ChosenContext) {
        chosen.excerpted.iter().for_each(|whole| self.know_addresses_in(whole));
        let texts = |texts: &mut Vec<String>, masker: &mut Masker| texts.iter_mut().for_each(|text| *text = masker.mask(text));
        for record in &mut chosen.records {
            record.title = self.mask(&record.title);
        }
        let of_records = chosen.records.iter_mut().flat_map(|record| &mut record.values);
        for (field, value) in chosen.facts.iter_mut().chain(&mut chosen.form_answers).chain(of_records) {
            *value = self.mask_value(field, value);
            *field = self.mask(field);
        }
        // What a prompt begins with is masked first, so that its marks have the same numbers in the next prompt of the chat.
        for line in chosen.lines.iter_mut().chain(&mut chosen.older_lines) {
            line.text = self.mask(&line.text);
            line.name = self.mask(&line.name);
            line.quoted = self.mask(&line.quoted);
            line.signature = self.mask(&line.signature);
            for (name, text) in &mut line.attached {
                (*name, *text) = (self.mask(name), self.mask(text));
            }
        }
        for class in
            [&mut chosen.running_summary, &mut chosen.pages, &mut chosen.stated_facts, &mut chosen.promises, &mut chosen.open_questions]
        {
            texts(class, self);
        }
        chosen.earlier.iter_mut().for_each(|lines| texts(lines, self));
        chosen.notes = chosen.notes.iter().map(|note| note.map(|text| self.mask(text))).collect();
    }

    /// Learns the addresses in a text, of which other texts have parts.
    pub fn know_addresses_in(&mut self, whole: &str) {
        for address in self.found(whole).iter().filter(|fact| fact.kind == FactKind::Address) {
            self.known.add_address(&whole[address.range.clone()]);
        }
        self.kept = self.kept.map(|(kept, _)| (kept, kept.fingerprint_of(&self.known)));
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

/// The fields of chats: of records, forms and customers.
fn fields_of<'a>(chats: &[&'a Chat]) -> impl Iterator<Item = (&'a String, &'a String)> {
    let of_former = |chat: &'a Chat| {
        let fields = |former: &'a FormerCustomer| {
            former.records.iter().flat_map(|record| &record.values).chain(&former.form_answers).chain(&former.customer.attributes)
        };
        chat.former.iter().flat_map(fields)
    };
    let of_chat = move |chat: &'a Chat| {
        let values = chat.records.iter().flat_map(|record| &record.values);
        values.chain(&chat.form_answers).chain(&chat.customer.attributes).chain(of_former(chat))
    };
    chats.iter().flat_map(move |chat| of_chat(chat)).collect::<Vec<_>>().into_iter()
}

/// Returns what chats know of their customer, who writes in `language`, and of former customers.
pub fn personal<'a>(chats: impl Iterator<Item = &'a Chat>, first_names: bool, language: &Language) -> Known {
    let mut known = Known::default();
    let chats: Vec<&Chat> = chats.collect();
    let customers = chats.iter().map(|chat| PersonalFacts::of_customer(chat));
    for facts_of_person in customers.chain(chats.iter().flat_map(|chat| PersonalFacts::of_former(chat))) {
        for name in facts_of_person.names {
            known.add_person(name, has_surname_first(name, language), first_names);
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
        for (kind, value) in facts_of_person.others {
            known.add_value(value, kind);
        }
    }
    for (_, value) in fields_of(&chats).filter(|(field, _)| held(field) == Held::Other) {
        known.keep(value);
    }
    known
}

/// Returns all chats that a prompt about one may show.
pub fn chats_of<'a>(chat: &'a Chat, earlier: &'a [EarlierChat]) -> impl Iterator<Item = &'a Chat> {
    std::iter::once(chat).chain(earlier.iter().map(|EarlierChat(chat)| chat))
}

/// Returns the first name to greet a customer by, unless first names are masked or the name doesn't tell it.
pub fn first_name(chat: &Chat, settings: &PersonalData, language: &Language) -> String {
    let shown = !settings.first_names && settings.kinds.contains(&FactKind::Person);
    if shown { first_name_of(&chat.customer.name, language).unwrap_or_default() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chats::{Customer, Record};

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

    fn record(values: &[(&str, &str)]) -> Record {
        let values = values.iter().map(|(field, value)| ((*field).to_owned(), (*value).to_owned())).collect();
        Record { source: "order".into(), reference: "KE-1".into(), values, url: String::new() }
    }

    #[test]
    fn records_are_masked_by_what_their_fields_hold() {
        let settings = PersonalData { first_names: true, ..PersonalData::default() };
        let values = [
            ("alıcı", "Rose Hill"),
            ("account_number", "31926819"),
            ("dateOfBirth", "1987-04-12"),
            ("order_note", "ring 07700 900614, 2 boxes"),
            ("product_name", "Rose Gold Ring, Hill"),
            ("shipTo.postcode", "TW1 4QD"),
            ("storeAddress", "14 Market Square, York YO1 8SL"),
            ("trackingNumber", "000 555 204 815"),
            ("username", "rose_h"),
        ];
        let chat = Chat { records: vec![record(&values)], ..Chat::default() };
        let mut masker = Masker::of(&settings, std::iter::once(&chat), &english());
        let masked = values.map(|(field, value)| masker.mask_value(field, value));
        let expected = [
            "⟦NAME_1⟧",
            "⟦IBAN_2⟧",
            "⟦ID_3⟧",
            "ring ⟦PHONE_4⟧, 2 boxes",
            "Rose Gold Ring, Hill",
            "⟦ADDRESS_5⟧",
            "14 Market Square, York YO1 8SL",
            "000 555 204 815",
            "⟦NAME_6⟧",
        ];
        assert_eq!(masked, expected);
        // What a record says holds for messages too.
        assert_eq!(
            masker.mask("rose_h here, is https://t.example/000555204815 at 14 Market Square, York YO1 8SL?"),
            "⟦NAME_6⟧ here, is https://t.example/000555204815 at 14 Market Square, York YO1 8SL?"
        );
    }

    #[test]
    fn lines_with_labels_are_masked_by_what_they_are_called() {
        let (settings, chat) = (PersonalData::default(), Chat::default());
        let mut masker = Masker::of(&settings, std::iter::once(&chat), &english());
        for (text, masked) in [
            ("Név: Bognár Szilárd\nRendelésszám: DEB-100492", "Név: ⟦NAME_1⟧\nRendelésszám: DEB-100492"),
            ("Nachname: zu Hohenfels\nStraße: Schloßplatz 1", "Nachname: ⟦NAME_2⟧\nStraße: ⟦ADDRESS_3⟧"),
            ("Address: is it wrong?", "Address: is it wrong?"),
            ("Product name: Rose Gold", "Product name: Rose Gold"),
            ("The address stays: 5 people know", "The address stays: 5 people know"),
        ] {
            assert_eq!(masker.mask(text), masked, "{text}");
        }
    }

    #[test]
    fn a_part_of_an_address_is_masked_by_the_whole() {
        let (settings, chat) = (PersonalData::default(), Chat::default());
        let part = "customer: […] the parcel goes to 14 Rose Lane […]";
        let chosen = |excerpted: Vec<String>| ChosenContext { stated_facts: vec![part.to_owned()], excerpted, ..ChosenContext::default() };
        for (excerpted, masked) in [
            (
                vec!["Hello, the parcel goes to 14 Rose Lane, Bath BA1 2AB, not to my old flat.".to_owned()],
                "customer: […] the parcel goes to ⟦ADDRESS_1⟧ […]",
            ),
            (Vec::new(), part),
        ] {
            let mut chosen = chosen(excerpted);
            Masker::of(&settings, std::iter::once(&chat), &english()).mask_context(&mut chosen);
            assert_eq!(chosen.stated_facts, [masked]);
        }
    }

    #[test]
    fn addresses_of_the_shops_texts_stay() {
        let (settings, chat) = (PersonalData::default(), chat());
        let mut masker = Masker::of(&settings, std::iter::once(&chat), &english());
        let returns = "Send returns to 5 Mill Road, Leeds LS1 4DY.";
        assert_eq!(masker.mask_source(returns), returns);
        assert_eq!(masker.mask_source("to Bağdat Caddesi No: 12 D: 4, Kadıköy."), "to ⟦ADDRESS_1⟧.");
        assert_eq!(masker.mask("to 5 Mill Road, Leeds LS1 4DY."), "to ⟦ADDRESS_2⟧.");
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
