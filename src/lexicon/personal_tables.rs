//! The tables of words that find personal data.

use serde::{Deserialize, Serialize};

use crate::lexicon::words::Words;

/// Words by which fields of forms and records are known, alone or several in a row.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fields {
    /// A person's name.
    pub name: Words,
    /// Whose something is; alone, the person's name: `recipient`.
    pub person: Words,
    /// Whose an account or card is: the person's name.
    pub holder: Words,
    /// A postal address, and its parts.
    pub address: Words,
    /// A phone number.
    pub phone: Words,
    /// An e-mail address.
    pub email: Words,
    /// A bank account, and the bank's number.
    pub account: Words,
    /// A payment card's number.
    pub card: Words,
    /// An identity, tax or insurance number.
    pub national_id: Words,
    /// A date of birth.
    pub birth: Words,
    /// A name under which a person signs in.
    pub username: Words,
    /// What is no person's: products, shops, carriers, files.
    pub other: Words,
    /// Numbers, codes, dates and amounts.
    pub code: Words,
    /// Text that somebody wrote.
    pub note: Words,
    /// Words that don't change what a field holds: `billing`.
    pub beside: Words,
}

/// Words of postal addresses.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Addresses {
    /// Kinds of streets that stand before the street's name: `calle`.
    pub types_before: Words,
    /// Those that stand after it: `road`.
    pub types_after: Words,
    /// Those that are one word with it: `straße`.
    pub endings: Words,
    /// Parts of a house, and what stands before its number.
    pub units: Words,
    /// Words that say that an address of the writer follows.
    pub introductions: Words,
    /// Words that say that an address is a shop's.
    pub shops: Words,
}

/// Words before numbers.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Identifiers {
    /// Orders, parcels, goods: beginnings of words, of whole words if they have four letters or fewer.
    pub codes: Words,
    /// Bank accounts.
    pub accounts: Words,
    /// Banks: `sort code`.
    pub banks: Words,
    /// Payment cards.
    pub cards: Words,
    /// Identity, tax and insurance numbers.
    pub ids: Words,
    /// Phone numbers of the writer.
    pub phones: Words,
    /// Phone numbers of shops.
    pub hotlines: Words,
}
