//! Facts: spans of a text that must survive a rewrite to the letter, and personal data that must not reach a model.

mod addressed;
mod addresses;
mod checksums;
mod currency;
mod dates;
mod difference;
mod domains;
mod figures;
mod forged;
mod groups;
mod identifiers;
mod known;
mod links;
mod marks;
mod measures;
mod months;
mod national_ids;
mod number_labels;
mod number_spans;
mod number_words;
mod numbers;
mod ordinals;
mod people;
mod plain;
mod redact;
mod spans;
mod suffixes;
mod times;

pub use currency::{currency, named as named_currency};
pub use forged::{forged_marks, has_marks, without_marks};
pub use marks::{Marks, Next, replaced};
pub use redact::{MASK, masked};
pub use suffixes::{MAX_LETTERS as MAX_SUFFIX_LETTERS, is_ordinal, with_ending};

use std::ops::Range;

pub use difference::{Difference, difference};
pub use figures::{Figure, FigureValue, figures};
pub use known::Known;
pub use measures::{Measures, measure_of, measures, unit_of_time};
pub use months::{month, month_at, month_of};
pub use number_words::{numbers_said, worded};
pub use people::is_nobody;

use crate::facts::{plain::Plain, spans::FactScanner};

/// What a fact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FactKind {
    /// `{{x}}`, `{x}`, `%x%`, `${x}`, `[x]`, `{% %}`.
    Placeholder,
    /// Between backticks.
    Snippet,
    /// A web address or host, with or without its scheme.
    Link,
    /// An e-mail address.
    Email,
    /// A phone number.
    Phone,
    /// The number of a payment card; its check digit is right.
    Card,
    /// An IBAN, or a bank account in national notation.
    Iban,
    /// A person's national identity, tax or insurance number.
    NationalId,
    /// Money and percentages.
    Amount,
    /// Order and tracking numbers, and what else is made of letters and digits.
    Code,
    /// A file name with its ending.
    File,
    /// `@name`, `#tag`.
    Handle,
    /// A name that the chat knows, of the shop's people for one.
    Name,
    /// The customer's name.
    Person,
    /// A postal address of the customer.
    Address,
    /// A term of the glossary.
    Term,
}

impl FactKind {
    /// The kind as a mark says it.
    pub fn word(self) -> &'static str {
        match self {
            FactKind::Placeholder => "PLACEHOLDER",
            FactKind::Snippet => "SNIPPET",
            FactKind::Link => "LINK",
            FactKind::Email => "EMAIL",
            FactKind::Phone => "PHONE",
            FactKind::Card => "CARD",
            FactKind::Iban => "IBAN",
            FactKind::NationalId => "ID",
            FactKind::Amount => "AMOUNT",
            FactKind::Code => "CODE",
            FactKind::File => "FILE",
            FactKind::Handle => "HANDLE",
            FactKind::Name | FactKind::Person => "NAME",
            FactKind::Address => "ADDRESS",
            FactKind::Term => "TERM",
        }
    }

    /// Whether it identifies a person, or how to reach or charge them.
    pub fn is_personal(self) -> bool {
        matches!(
            self,
            FactKind::Email
                | FactKind::Phone
                | FactKind::Card
                | FactKind::Iban
                | FactKind::NationalId
                | FactKind::Person
                | FactKind::Address
        )
    }
}

/// A fact in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is, by which it is named in its mark.
    pub kind: FactKind,
    /// Where it stands, in bytes.
    pub range: Range<usize>,
    /// What stands there in the language that is written, if that is not the same: a term of the glossary.
    pub becomes: Option<String>,
}

/// The facts of a text that are wanted, in order; they don't overlap.
pub fn facts(text: &str, known: &Known, wanted: impl Fn(FactKind) -> bool) -> Vec<Fact> {
    let plain = Plain::of(text);
    let spans = FactScanner { text: &plain.text, known, wanted };
    let mut facts = Vec::new();
    let mut at = 0;
    let mut before = None;
    while let Some(letter) = plain.text[at..].chars().next() {
        let end = match spans.at(at, letter, before) {
            spans::Step::Fact { kind, end, becomes } => {
                facts.push(Fact { kind, range: plain.written(at..end), becomes });
                end
            }
            spans::Step::Past(end) => end,
        };
        before = plain.text[..end].chars().next_back();
        at = end;
    }
    facts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(text: &str) -> Vec<(FactKind, &str)> {
        let mut known = Known::default();
        known.add_name("Elif Kaya", FactKind::Person, true);
        known.add_name("Kaya", FactKind::Person, true);
        known.add_name("Can", FactKind::Name, true);
        known.add_name("Selin", FactKind::Name, true);
        known.add_address("Bağdat Cad. 12/4, 34710 Kadıköy, İstanbul");
        known.add_term("Havlu Seti", Some("towel set"));
        facts(text, &known, |_| true).into_iter().map(|fact| (fact.kind, &text[fact.range])).collect()
    }

    #[test]
    fn every_kind_is_known_to_the_letter() {
        use FactKind::*;
        for (text, kind, fact) in [
            ("Hi {{customer.first_name}}!", Placeholder, "{{customer.first_name}}"),
            ("Hi {name}!", Placeholder, "{name}"),
            ("Hi %first_name%!", Placeholder, "%first_name%"),
            ("Hi ${x}!", Placeholder, "${x}"),
            ("Hi [Name], you", Placeholder, "[Name]"),
            ("Hi {% if x %}you", Placeholder, "{% if x %}"),
            ("See https://shop.com/a?b=1&c=(d).", Link, "https://shop.com/a?b=1&c=(d)"),
            ("See www.shop.com'da", Link, "www.shop.com"),
            ("See shop.com.tr/iade now", Link, "shop.com.tr/iade"),
            ("mail ann.b+c@example.co.uk.", Email, "ann.b+c@example.co.uk"),
            ("call +90 (532) 123 45 67!", Phone, "+90 (532) 123 45 67"),
            ("call 0532 123 45 67 today", Phone, "0532 123 45 67"),
            ("call 06-30-123-4567", Phone, "06-30-123-4567"),
            ("card 4111-1111 1111 1111.", Card, "4111-1111 1111 1111"),
            ("TR33 0006 1005 1978 6457 8413 26 IBAN", Iban, "TR33 0006 1005 1978 6457 8413 26"),
            ("id 10000000146", NationalId, "10000000146"),
            ("it costs 1.249,90 TL'dir", Amount, "1.249,90 TL"),
            ("off %20 today", Amount, "%20"),
            ("order KE-204815-ös", Code, "KE-204815"),
            ("order #204815.", Code, "#204815"),
            ("track RR123456789TR", Code, "RR123456789TR"),
            ("no 2048151 is", Code, "2048151"),
            ("use the code WELCOME.", Code, "WELCOME"),
            ("NYARI-AKCIO kuponkóddal", Code, "NYARI-AKCIO"),
            ("YENIYIL koduyla", Code, "YENIYIL"),
            ("see fatura_2026.pdf.", File, "fatura_2026.pdf"),
            ("follow @keten.ev!", Handle, "@keten.ev"),
            ("type `rm -rf x` so", Snippet, "`rm -rf x`"),
            ("Merhaba Elif Kaya'nın", Person, "Elif Kaya"),
            ("merhaba ELİF KAYA", Person, "ELİF KAYA"),
            ("Selinnek adta", Name, "Selin"),
            ("Hi Can,", Name, "Can"),
            ("at Bagdat Cad 12/4 now", Address, "Bagdat Cad 12/4"),
            ("a havlu seti here", Term, "havlu seti"),
            ("a ４１１１１１１１１１１１１１１１", Card, "４１１１１１１１１１１１１１１１"),
            ("ann\u{200b}@example.com", Email, "ann\u{200b}@example.com"),
        ] {
            assert_eq!(found(text), [(kind, fact)], "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_has_facts_in_order_and_they_come_back(text in "(\\PC|KE-|1|/|\\.| |@a|x|\u{ff11}|\u{200b}|TR33|Elif Kaya|⟦|\\{|May 3|:30|€|İ){0,40}") {
            let mut known = Known::default();
            known.add_name("Elif Kaya", FactKind::Person, false);
            let found = facts(&text, &known, |_| true);
            prop_assert!(found.windows(2).all(|pair| pair[0].range.end <= pair[1].range.start));
            let mut marks = Marks::default();
            let (marked, order) = marks.replace(&text, &found);
            let mut back = marked;
            for which in order {
                back = back.replacen(&marks.written(which), &marks.get(which).value, 1);
            }
            prop_assert_eq!(back, text.clone());
            let _ = (figures(&text), difference((&text, "tr"), (&text, "hu")));
        }
    }

    #[test]
    fn words_dates_times_and_quantities_are_no_facts() {
        for text in [
            "Can you wait?",
            "kaya gibi sağlam",
            "It ships on 3.12.2026 at 15:30 within 14 days, 2x 500g or 30kg.",
            "1st of May, a 30-day return, 3-4 Werktage, 2026-12-03, 100 g",
            "- [ ] todo. See the [guide](x) e.g. this.",
            "gelmedi.Ne zaman gelir",
            "50 % of",
        ] {
            let found: Vec<_> = found(text).into_iter().filter(|(kind, _)| *kind != FactKind::Amount).collect();
            assert_eq!(found, [], "{text}");
        }
    }
}
