//! Words that find personal data: names of fields, and words of addresses and around numbers. Languages without a whole file have a short one
//! of these tables.

use std::{collections::HashMap, sync::LazyLock};

use serde::Deserialize;

use crate::lexicon::{
    lexica,
    personal_tables::{Addresses, Fields, Identifiers},
    vocabulary::Names,
};

/// Languages whose files have only these tables.
const FILES: [(&str, &str); 3] =
    [("it", include_str!("personal/it.toml")), ("nl", include_str!("personal/nl.toml")), ("pl", include_str!("personal/pl.toml"))];

/// The tables of a language that has no others.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    names: Names,
    fields: Fields,
    addresses: Addresses,
    identifiers: Identifiers,
}

/// A language's words that find personal data.
pub struct PersonalWords {
    /// Names of people that need care.
    pub names: &'static Names,
    /// Names of fields.
    pub fields: &'static Fields,
    /// Words of addresses.
    pub addresses: &'static Addresses,
    /// Words before numbers.
    pub identifiers: &'static Identifiers,
}

static OTHERS: LazyLock<Vec<File>> = LazyLock::new(|| {
    let file = |(language, file)| toml::from_str(file).unwrap_or_else(|error| panic!("the personal words of `{language}`: {error}"));
    FILES.into_iter().map(file).collect()
});

static ALL: LazyLock<Vec<PersonalWords>> = LazyLock::new(|| {
    let whole = lexica().iter().map(|lexicon| &lexicon.words).map(|words| PersonalWords {
        names: &words.names,
        fields: &words.fields,
        addresses: &words.addresses,
        identifiers: &words.identifiers,
    });
    let others = OTHERS.iter().map(|file| PersonalWords {
        names: &file.names,
        fields: &file.fields,
        addresses: &file.addresses,
        identifiers: &file.identifiers,
    });
    whole.chain(others).collect()
});

/// All languages' words that find personal data.
pub fn personal_words() -> &'static [PersonalWords] {
    &ALL
}

/// What a word in a field's name says of what the field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FieldWord {
    /// The name of a holder of an account.
    Holder,
    /// An e-mail address.
    Email,
    /// A card's number.
    Card,
    /// An account's number.
    Account,
    /// An identity number.
    NationalId,
    /// A date of birth.
    Birth,
    /// A name for signing in.
    Username,
    /// A phone number.
    Phone,
    /// A postal address.
    Address,
    /// A person's name.
    Name,
    /// Whose it is.
    Person,
    /// What is no person's.
    Other,
    /// A number or code.
    Code,
    /// Text.
    Note,
    /// Nothing.
    Beside,
}

static FIELD_WORDS: LazyLock<HashMap<&'static str, FieldWord>> = LazyLock::new(|| {
    let mut all: HashMap<&str, FieldWord> = HashMap::new();
    for PersonalWords { fields, .. } in personal_words() {
        let tables = [
            (FieldWord::Holder, &fields.holder),
            (FieldWord::Email, &fields.email),
            (FieldWord::Card, &fields.card),
            (FieldWord::Account, &fields.account),
            (FieldWord::NationalId, &fields.national_id),
            (FieldWord::Birth, &fields.birth),
            (FieldWord::Username, &fields.username),
            (FieldWord::Phone, &fields.phone),
            (FieldWord::Address, &fields.address),
            (FieldWord::Name, &fields.name),
            (FieldWord::Person, &fields.person),
            (FieldWord::Other, &fields.other),
            (FieldWord::Code, &fields.code),
            (FieldWord::Note, &fields.note),
            (FieldWord::Beside, &fields.beside),
        ];
        for (sense, words) in tables {
            // What one language's word says of a person counts before what another's says.
            for word in words.iter() {
                let known = all.entry(word).or_insert(sense);
                *known = sense.min(*known);
            }
        }
    }
    all
});

/// What folded words of a field's name say, if they are known.
pub fn field_word(folded: &str) -> Option<FieldWord> {
    FIELD_WORDS.get(folded).copied()
}

/// The known words that end a folded word, with what stands before each.
pub fn field_word_endings(folded: &str) -> impl Iterator<Item = (&str, FieldWord)> {
    let cuts = folded.char_indices().skip(2).map(|(at, _)| folded.split_at(at));
    cuts.filter_map(|(before, ending)| Some((before, field_word(ending).filter(|_| ending.len() >= 3)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_files_lack_no_table() {
        for file in OTHERS.iter() {
            assert!(!file.fields.name.is_empty() && !file.identifiers.ids.is_empty() && !file.addresses.units.is_empty());
        }
        assert_eq!(personal_words().len(), 9);
    }
}
