//! What fields of records, forms and customers hold, by their names: `shipTo.line1`, `Rechnungsempfänger`, `musteri_adi`.

use crate::{
    facts::{FactKind, is_nobody},
    lexicon::personal::{FieldWord, field_word, field_word_endings, personal_words},
    text::fold,
};

/// Longest name of a field that is read, in bytes, and most words of a phrase in it.
const MAX_FIELD: usize = 120;
const MAX_PHRASE: usize = 4;
/// What joins the parts of a German compound.
const JOINTS: [&str; 5] = ["", "s", "n", "en", "es"];
/// Fewest letters of a word's beginning that is known, most that follow it, and fewest of a head whose compound is not known.
const MIN_BEGINNING: usize = 5;
const MAX_ENDING: usize = 3;
const MIN_HEAD: usize = 6;
/// Values that are no names.
const NOTHING: [&str; 10] = ["true", "false", "null", "none", "yes", "no", "unknown", "nan", "undefined", "n/a"];
/// Most words of a name.
const MAX_NAME: usize = 7;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// Personal data of a kind.
    Personal(FactKind),
    /// A name under which a person signs in.
    Username,
    /// A date of birth.
    Birth,
    /// A name, perhaps a person's.
    Name,
    /// What is no person's.
    Other,
    /// Nothing that its name tells.
    Unknown,
}

/// What a field holds, by its name.
pub fn held(field: &str) -> Held {
    if field.len() > MAX_FIELD {
        return Held::Unknown;
    }
    let mut before: Vec<Vec<Option<FieldWord>>> =
        parts(field).iter().map(|words| senses(words)).filter(|senses| !senses.is_empty()).collect();
    let Some(mut own) = before.pop() else { return Held::Unknown };
    while own.iter().all(|sense| *sense == Some(FieldWord::Beside))
        && let Some(outer) = before.pop()
    {
        own.splice(0..0, outer);
    }
    let has = |wanted: FieldWord| own.contains(&Some(wanted));
    if has(FieldWord::Note) {
        return Held::Unknown;
    }
    let attribute = own.iter().enumerate().filter_map(|(place, sense)| Some((place, sense.filter(|sense| *sense <= FieldWord::Name)?)));
    // Of a name and an address, what comes last: `LieferadresseNachname`.
    let rank = |sense: FieldWord| if sense == FieldWord::Name { FieldWord::Address } else { sense };
    let strongest = attribute.min_by(|(place, sense), (other_place, other)| rank(*sense).cmp(&rank(*other)).then(other_place.cmp(place)));
    let Some((place, sense)) = strongest else { return without_attribute(&own) };
    let distance =
        |wanted: FieldWord| own.iter().enumerate().filter(|(_, sense)| **sense == Some(wanted)).map(|(at, _)| at.abs_diff(place)).min();
    let is_other = match (distance(FieldWord::Person), distance(FieldWord::Other)) {
        (person, Some(other)) => person.is_none_or(|person| other < person),
        (Some(_), None) => false,
        (None, None) => is_within_other(&before),
    };
    let number = matches!(sense, FieldWord::Card | FieldWord::NationalId | FieldWord::Birth | FieldWord::Holder);
    let coded = has(FieldWord::Code) && matches!(sense, FieldWord::Address | FieldWord::Name | FieldWord::Username);
    if is_other && !number || coded {
        return Held::Other;
    }
    match sense {
        FieldWord::Account if has(FieldWord::Name) => Held::Personal(FactKind::Person),
        FieldWord::Email => Held::Personal(FactKind::Email),
        FieldWord::Card => Held::Personal(FactKind::Card),
        FieldWord::Account => Held::Personal(FactKind::Iban),
        FieldWord::NationalId => Held::Personal(FactKind::NationalId),
        FieldWord::Birth => Held::Birth,
        FieldWord::Username => Held::Username,
        FieldWord::Phone => Held::Personal(FactKind::Phone),
        FieldWord::Address => Held::Personal(FactKind::Address),
        FieldWord::Name if own.contains(&None) && !has(FieldWord::Person) => Held::Name,
        _ => Held::Personal(FactKind::Person),
    }
}

/// Whether all words of a label are known: `Delivery address`, not `The address stays`.
pub fn is_label(label: &str) -> bool {
    parts(label).iter().flat_map(|words| senses(words)).all(|sense| sense.is_some())
}

/// What a field holds that names no kind of data: the name of a person, or what is nobody's.
fn without_attribute(own: &[Option<FieldWord>]) -> Held {
    let has = |wanted: FieldWord| own.contains(&Some(wanted));
    if has(FieldWord::Person) && own.iter().all(|sense| matches!(sense, Some(FieldWord::Person | FieldWord::Beside))) {
        return Held::Personal(FactKind::Person);
    }
    if has(FieldWord::Other) || has(FieldWord::Code) { Held::Other } else { Held::Unknown }
}

/// Whether the nearest outer part that tells says that a field is no person's: `line_items.0.name`.
fn is_within_other(outer: &[Vec<Option<FieldWord>>]) -> bool {
    let tells = |senses: &Vec<Option<FieldWord>>| {
        let person = senses.contains(&Some(FieldWord::Person));
        (person || senses.contains(&Some(FieldWord::Other))).then_some(!person)
    };
    outer.iter().rev().find_map(tells).unwrap_or(false)
}

/// The words of a field's name, folded, by its parts between points.
fn parts(field: &str) -> Vec<Vec<String>> {
    let mut parts = vec![Vec::new()];
    let mut word = String::new();
    let letters: Vec<char> = field.chars().collect();
    let end_word = |word: &mut String, parts: &mut Vec<Vec<String>>| {
        if word.chars().any(char::is_alphabetic)
            && let Some(part) = parts.last_mut()
        {
            part.push(fold(word));
        }
        word.clear();
    };
    for (place, letter) in letters.iter().enumerate() {
        let before = place.checked_sub(1).map(|before| letters[before]);
        let after = letters.get(place + 1);
        if !letter.is_alphanumeric() {
            end_word(&mut word, &mut parts);
            if matches!(letter, '.' | '[' | '/' | '>') && after.is_some_and(|next| !next.is_whitespace()) {
                parts.push(Vec::new());
            }
            continue;
        }
        let camel = letter.is_uppercase()
            && before
                .is_some_and(|before| before.is_lowercase() || before.is_uppercase() && after.is_some_and(|after| after.is_lowercase()));
        let digit = before.is_some_and(|before| before.is_numeric() != letter.is_numeric());
        if camel || digit {
            end_word(&mut word, &mut parts);
        }
        word.push(*letter);
    }
    end_word(&mut word, &mut parts);
    // `PLZ/Ort`, `Steuer-ID`: what has no letters says nothing.
    parts.retain(|words| !words.is_empty());
    parts
}

/// What the words say, the longest phrases first.
fn senses(words: &[String]) -> Vec<Option<FieldWord>> {
    let mut senses = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let phrase = (2..=MAX_PHRASE.min(words.len() - at)).rev().find_map(|count| {
            let words = &words[at..at + count];
            Some((count, field_word(&words.join(" ")).or_else(|| field_word(&words.concat()))?))
        });
        match phrase {
            Some((count, sense)) => {
                senses.push(Some(sense));
                at += count;
            }
            None => {
                senses.extend(compound(&words[at]));
                at += 1;
            }
        }
    }
    senses
}

/// What a word says, or the words that it is made of: `Lieferadresse`, `kundenname`, `szállítási`.
fn compound(word: &str) -> Vec<Option<FieldWord>> {
    if let Some(sense) = field_word(word) {
        return vec![Some(sense)];
    }
    for (before, sense) in field_word_endings(word) {
        let modifier = JOINTS.iter().filter_map(|joint| before.strip_suffix(joint)).find_map(|modifier| {
            let senses = if modifier.len() < 2 { vec![None] } else { compound(modifier) };
            senses.iter().all(Option::is_some).then_some(senses)
        });
        if let Some(mut senses) = modifier {
            senses.push(Some(sense));
            return senses;
        }
    }
    let inflected =
        word.char_indices().rev().take(MAX_ENDING).map(|(at, _)| &word[..at]).filter(|word| word.chars().count() >= MIN_BEGINNING);
    if let Some(sense) = inflected.filter_map(field_word).next() {
        return vec![Some(sense)];
    }
    let head = field_word_endings(word).find(|(before, _)| word.len() - before.len() >= MIN_HEAD);
    head.map_or(vec![None], |(_, sense)| vec![None, Some(sense)])
}

/// Which personal data a value is in a field that holds such; `None` if it can't be any.
pub fn personal_kind(held: Held, value: &str) -> Option<FactKind> {
    let value = value.trim();
    let digits = value.chars().filter(char::is_ascii_digit).count();
    let letters = value.chars().filter(|letter| letter.is_alphabetic()).count();
    if value.is_empty() || NOTHING.contains(&fold(value).as_str()) {
        return None;
    }
    match held {
        Held::Personal(FactKind::Person) if letters < 2 || is_nobody(value) => None,
        // `bill_to`: a name with an address.
        Held::Personal(FactKind::Person) if digits > 0 => (letters > 5 && value.contains(' ')).then_some(FactKind::Address),
        Held::Personal(FactKind::Person) => (value.split_whitespace().count() <= MAX_NAME).then_some(FactKind::Person),
        Held::Personal(FactKind::Address) => (digits + letters > 2).then_some(FactKind::Address),
        Held::Personal(FactKind::Phone) => (digits > 5).then_some(FactKind::Phone),
        Held::Personal(FactKind::Email) => value.contains('@').then_some(FactKind::Email),
        Held::Personal(FactKind::Card) => (digits > 7).then_some(FactKind::Card),
        Held::Personal(kind) => (digits > 4).then_some(kind),
        Held::Birth => (digits > 3).then_some(FactKind::NationalId),
        Held::Username => (value.len() > 2 && !value.contains(' ')).then_some(FactKind::Person),
        Held::Name => is_like_a_name(value).then_some(FactKind::Person),
        Held::Other | Held::Unknown => None,
    }
}

/// Whether a value looks like a person's name: two words or more with capitals, none of which is an ordinary one.
pub fn is_like_a_name(value: &str) -> bool {
    let words: Vec<&str> = value.split_whitespace().collect();
    let is = |table: fn(&crate::lexicon::vocabulary::Names) -> &crate::lexicon::words::Words, word: &str| {
        personal_words().iter().any(|words| table(words.names).contains(&fold(word)))
    };
    let fits = |word: &&str| {
        let bare = word.trim_matches(|letter: char| !letter.is_alphanumeric());
        is(|names| &names.particles, bare)
            || word.starts_with(char::is_uppercase) && word.chars().all(|letter| letter.is_alphabetic() || ".'’-".contains(letter))
    };
    let ordinary = words.iter().filter(|word| is(|names| &names.also_words, word)).count();
    (2..=MAX_NAME).contains(&words.len()) && words.iter().all(fits) && ordinary < 2 && !is_nobody(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_known_by_their_words() {
        use FactKind::{Address, Card, Email, Iban, NationalId, Person, Phone};
        for (kind, fields) in [
            (
                Person,
                &["customerName", "customer.full_name", "ship-to-name", "bill_to", "cardholder", "account_holder", "attn", "requester"][..],
            ),
            (Person, &["Kundenname", "Rechnungsempfänger", "Empfängername", "Abholername", "kontoinhaber", "Ansprechpartner"]),
            (Person, &["alıcı", "musteri_adi", "aliciAdSoyad", "kart_sahibi", "hesap_sahibi", "Adınız Soyadınız", "fatura_unvani"]),
            (Person, &["címzett", "vevő neve", "számlázási név", "számlatulajdonos", "atvevo_neve", "anyja_neve", "megrendelő"]),
            (Person, &["destinataire", "nom_client", "prenomClient", "titulaire_compte", "destinatario", "nombreCliente", "titular"]),
            (Person, &["nome_e_cognome", "intestatario_conto", "ontvanger", "klantnaam", "rekeninghouder", "odbiorca", "imie_nazwisko"]),
            (Person, &["payload.buyer.displayName", "giftRecipientName", "LieferadresseNachname", "name", "order.customer.name"]),
            (Address, &["shippingAddress", "shipTo.line1", "addressLine2", "Lieferadresse", "Rechnungsanschrift", "LieferadressePlzOrt"]),
            (Address, &["teslimat_adresi", "Açık Adres", "szállítási_cím", "szallitasi.utca", "adresse-facturation", "direccion_envio"]),
            (Address, &["indirizzo_spedizione", "bezorgadres", "factuuradres", "adres_dostawy", "postal code", "member.home_address"]),
            (
                Phone,
                &["recipient_phone", "customerPhone2", "Rückrufnummer", "Telefon_privat", "cep_telefonu", "telefonszám", "telPortable"],
            ),
            (Phone, &["movil_destinatario", "cellulare", "mobielNummer", "telefon_odbiorcy", "alici_tel"]),
            (Email, &["requester_email", "e-posta", "e-mail cím", "correo-electronico", "email address"]),
            (Iban, &["sort_code", "account_number", "bankszámlaszám", "cuenta_bancaria", "rekeningnummer", "numer_konta", "IBAN_client"]),
            (Card, &["cardNumber", "kart_no", "kártyaszám", "numero carta"]),
            (NationalId, &["nationalInsuranceNumber", "tc_kimlik_no", "taj_szam", "adóazonosító jel", "Steuer-ID", "dni_nif", "nie"]),
            (NationalId, &["codice_fiscale", "bsn", "pesel", "numeroSecuriteSociale"]),
        ] {
            for field in fields {
                assert_eq!(held(field), Held::Personal(kind), "{field}");
            }
        }
        for field in ["username", "kullanici_adi", "felhasználónév", "benutzername", "customer_login", "gebruikersnaam"] {
            assert_eq!(held(field), Held::Username, "{field}");
        }
        for field in ["dateOfBirth", "Geburtsdatum", "data_nascita"] {
            assert_eq!(held(field), Held::Birth, "{field}");
        }
    }

    #[test]
    fn what_a_fields_name_says_is_something_else_is_no_personal_data() {
        for field in [
            "tracking_number",
            "trackAndTrace",
            "orderId",
            "order_number",
            "sku",
            "status",
            "product_name",
            "line_items.0.title",
            "line_items.0.name",
            "carrier",
            "file_name",
            "store_name",
            "warehouse_address",
            "pickup_point",
            "branch_address",
            "hostname",
            "plan_name",
            "bot_name",
            "customer_id",
            "authCode",
            "batch_number",
            "Sendungsnummer",
            "Filialadresse",
            "Artikelbezeichnung",
            "Lagerort",
            "Kundennummer",
            "Dateiname",
            "Produktname",
            "urun_adi",
            "kargo_takip_no",
            "magazaAdresi",
            "depo_adresi",
            "teslim_sube",
            "termék neve",
            "csomagszám",
            "raktar_cim",
            "atveteli_pont",
            "nom_article",
            "point_relais",
            "numeroSuivi",
            "nombre_producto",
            "tienda_recogida",
            "nome_prodotto",
            "punto_ritiro",
            "productnaam",
            "afhaalpunt",
            "nazwa_produktu",
            "paczkomat",
            "numer_przesylki",
            "ip_address",
        ] {
            assert_eq!(held(field), Held::Other, "{field}");
        }
        for field in ["customer_note", "deliveryInstructions", "siparis_notu", "rename", "terms", "megjegyzés"] {
            assert_eq!(held(field), Held::Unknown, "{field}");
        }
    }

    #[test]
    fn a_value_must_be_able_to_be_what_the_field_holds() {
        let person = Held::Personal(FactKind::Person);
        assert_eq!(personal_kind(person, "Daniel Black"), Some(FactKind::Person));
        assert_eq!(personal_kind(person, "Ann Lee, 14 Rose Lane, Bath"), Some(FactKind::Address));
        for (held, value) in [
            (person, "Order Bot"),
            (person, "10023"),
            (person, "true"),
            (Held::Personal(FactKind::Phone), "none"),
            (Held::Personal(FactKind::Iban), "Gold"),
            (Held::Name, "Spring Sale"),
            (Held::Name, "B2C"),
        ] {
            assert_eq!(personal_kind(held, value), None, "{value}");
        }
        assert_eq!(personal_kind(Held::Name, "Júlia Kelemen"), Some(FactKind::Person));
    }
}
