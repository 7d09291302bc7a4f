//! What words tell about a sentence in a helpdesk's chat: that it promises, puts off, names a day or a place; and what a question is
//! after. Folded beginnings of words serve languages that put endings on them; the lists are Turkish, Hungarian, German and English.

use std::{
    collections::HashMap,
    ops::{BitOr, BitOrAssign},
    sync::LazyLock,
};

/// A set of what a word or sentence holds, or asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kinds(u16);

impl Kinds {
    pub const NONE: Kinds = Kinds(0);
    /// An order, parcel, invoice or other number.
    pub const CODE: Kinds = Kinds(1);
    /// An amount, or that money is paid.
    pub const AMOUNT: Kinds = Kinds(1 << 1);
    /// A day of the calendar, such as 12 March or 24/12.
    pub const DAY: Kinds = Kinds(1 << 2);
    /// An e-mail address or a phone number.
    pub const CONTACT: Kinds = Kinds(1 << 3);
    /// Where somebody lives or a parcel goes.
    pub const PLACE: Kinds = Kinds(1 << 4);
    /// What the shop commits itself to.
    pub const PROMISE: Kinds = Kinds(1 << 5);
    /// An answer that is put off.
    pub const LATER: Kinds = Kinds(1 << 6);
    /// A number of no other kind.
    pub const NUMBER: Kinds = Kinds(1 << 7);
    /// A currency's name.
    pub const CURRENCY: Kinds = Kinds(1 << 8);
    /// A month's name.
    pub const MONTH: Kinds = Kinds(1 << 9);
    /// A day of the week, or one told from today.
    pub const SOON: Kinds = Kinds(1 << 10);

    /// What can be asked for, one by one.
    pub const FACTS: [Kinds; 6] = [Kinds::CODE, Kinds::AMOUNT, Kinds::DAY, Kinds::CONTACT, Kinds::PLACE, Kinds::PROMISE];

    pub fn has(self, other: Kinds) -> bool {
        self.0 & other.0 != 0
    }

    pub fn without(self, other: Kinds) -> Kinds {
        Kinds(self.0 & !other.0)
    }
}

impl BitOr for Kinds {
    type Output = Kinds;

    fn bitor(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }
}

impl BitOrAssign for Kinds {
    fn bitor_assign(&mut self, other: Kinds) {
        self.0 |= other.0;
    }
}

/// Beginnings of words that say what their sentence holds. `$` ends a word that is meant whole.
const SAYS: [(Kinds, &str); 9] = [
    (
        Kinds::PROMISE,
        "will$ ll$ shall$ promis guarant assur commit$ ensure soz$ garanti vaat taahhut iger garant fogj fogun fogom fogok \
         werde$ werden$ versprech zusag zugesagt sorge$",
    ),
    (
        Kinds::LATER,
        "check look$ looking investigat clarify find$ moment later soon forward ask$ escalat bakiyor bakayim kontrol arastir sorup \
         ilet donecegi bilgi utananez megnez ellenoriz tovabbit hamarosan visszajel pruf klar nachfrag weiterleit moment$ melde",
    ),
    (
        Kinds::MONTH,
        "january jan$ february feb$ march$ mar$ april$ apr$ may$ june$ jun$ july$ jul$ august aug$ september sept$ sep$ october oct$ \
         november nov$ december dec$ ocak$ ocagi subat mart$ marta nisan mayis haziran temmuz agustos eylul ekim$ ekime kasim aralik \
         januar jan$ februar marcius aprilis majus junius julius augusztus szeptember oktober marz mai$ juni$ juli$ dezember dez$",
    ),
    (
        Kinds::SOON,
        "monday tuesday wednesday thursday friday saturday sunday tomorrow today tonight week$ weeks weekend days$ hours$ pazartesi \
         sali$ carsamba persembe cuma$ cumaya cumartesi pazar$ pazara yarin bugun hafta gun$ gunu gunde saat hetfo kedd szerda csutortok \
         pentek szombat vasarnap holnap ma$ het$ nap$ napon oran montag dienstag mittwoch donnerstag freitag samstag sonntag morgen \
         heute woche tage$ tagen stunden",
    ),
    (
        Kinds::PLACE,
        "address street st$ road rd$ avenue ave$ lane$ flat$ apartment postcode zip$ moved moving adres cadde cd$ sokak sk$ mahalle mah$ \
         apartman daire tasindi cim$ cime cimre cimem cimunk lakcim utca ut$ tere$ korut emelet hazszam koltoz iranyitoszam adresse \
         anschrift strasse str$ platz$ weg$ hausnummer plz$ umgezogen umzug",
    ),
    (Kinds::CURRENCY, "eur euro usd dollar gbp pound tl$ try$ lira kurus huf forint ft$ chf franken cent$ cents"),
    // That money is paid, or paid back, whatever the amount.
    (
        Kinds::AMOUNT,
        "refund money credit$ credited voucher reimburs paraniz ucret iadeniz odeme visszaterit visszautal osszeg erstatt gutschrift betrag",
    ),
    (Kinds::CODE, "iban"),
    (Kinds::CONTACT, "gmail"),
];

/// Endings that promise where the verb carries the future: Turkish, and the Hungarian first person.
const PROMISING_ENDINGS: [&str; 9] = ["acagiz", "ecegiz", "acagim", "ecegim", "acaktir", "ecektir", "acak", "ecek", "juk"];

/// Endings of German streets, which are one word with their names.
const STREET_ENDINGS: [&str; 6] = ["strasse", "str", "gasse", "allee", "platz", "weg"];

/// Beginnings of words that say what a question is after.
const ASKS: [(Kinds, &str); 6] = [
    (
        Kinds::CODE,
        "order parcel package shipment deliver arriv status$ news$ update$ number code$ tracking reference invoice booking reservation ticket account siparis kargo paket durum haber \
         gonderi numara kod$ kodu takip fatura rezervasyon rendeles csomag hir$ szam$ szama szamot kod nyomkovet szamla foglalas bestell \
         sendung lieferung stand$ nummer rechnung buchung kennung",
    ),
    (
        Kinds::AMOUNT,
        "price cost amount refund money pay paid charge fee fiyat ucret tutar iade para$ paramin odeme ar$ ara$ koltseg osszeg penz \
         visszaterit fizet preis kosten betrag geld erstatt bezahl gebuhr",
    ),
    (
        Kinds::DAY,
        "when date day$ until deadline still yet arrive deliver zaman tarih gun$ kadar hala mikor datum nap$ meddig hatarido wann tag$ \
         termin bis$ noch",
    ),
    (
        Kinds::CONTACT,
        "email mail phone call$ contact reach telefon eposta posta numara ara$ iletisim hiv elerhet anruf erreich kontakt rufnummer",
    ),
    (
        Kinds::PLACE,
        "address deliver ship sent$ send where moved adres teslim gonder nereye cim$ cime cimre szallit kuld hova adresse liefer schick \
         wohin anschrift umgezogen",
    ),
    (
        Kinds::PROMISE,
        "promis said$ told$ agreed will$ when refund replac soz$ vaat dediniz soylediniz demistiniz zaman iger mondt mikor visszaterit \
         versprach versprech zugesagt gesagt wann erstatt ersatz",
    ),
];

type Beginnings = HashMap<[u8; 2], Vec<(&'static str, bool, Kinds)>>;

static SAYING: LazyLock<Beginnings> = LazyLock::new(|| by_first_letters(&SAYS));
static ASKING: LazyLock<Beginnings> = LazyLock::new(|| by_first_letters(&ASKS));

fn by_first_letters(lists: &[(Kinds, &'static str)]) -> Beginnings {
    let mut beginnings = Beginnings::new();
    for (kind, words) in lists {
        for word in words.split_whitespace() {
            let (beginning, whole) = word.strip_suffix('$').map_or((word, false), |word| (word, true));
            if let [first, second, ..] = beginning.as_bytes() {
                beginnings.entry([*first, *second]).or_default().push((beginning, whole, *kind));
            }
        }
    }
    beginnings
}

fn kinds_of(folded: &str, beginnings: &Beginnings) -> Kinds {
    let [first, second, ..] = folded.as_bytes() else { return Kinds::NONE };
    let known = beginnings.get(&[*first, *second]).map_or(&[][..], Vec::as_slice);
    known
        .iter()
        .filter(|(beginning, whole, _)| if *whole { folded == *beginning } else { folded.starts_with(beginning) })
        .fold(Kinds::NONE, |kinds, (_, _, kind)| kinds | *kind)
}

/// What a folded word says about its sentence.
pub fn says(folded: &str) -> Kinds {
    let mut kinds = kinds_of(folded, &SAYING);
    if folded.len() > 5 && PROMISING_ENDINGS.iter().any(|ending| folded.ends_with(ending)) {
        kinds |= Kinds::PROMISE;
    }
    if folded.len() > 7 && STREET_ENDINGS.iter().any(|ending| folded.ends_with(ending)) {
        kinds |= Kinds::PLACE;
    }
    kinds
}

/// What a folded word of a question is after.
pub fn asks(folded: &str) -> Kinds {
    kinds_of(folded, &ASKING)
}

/// What a token is by its shape: only those with a digit, an `@` or a currency sign are anything.
pub fn shape(token: &str) -> Kinds {
    let (mut digits, mut letters, mut groups, mut in_number) = (0, 0, 0, false);
    let (mut at, mut dots, mut colon, mut money, mut other_separators) = (false, 0, false, false, false);
    for letter in token.chars() {
        let digit = letter.is_ascii_digit();
        groups += usize::from(digit && !in_number);
        in_number = digit;
        match letter {
            _ if digit => digits += 1,
            '@' => at = true,
            '.' | '/' => dots += 1,
            ':' => colon = true,
            '€' | '$' | '£' | '₺' => money = true,
            '-' | '_' | '#' => other_separators = true,
            _ if letter.is_alphabetic() => letters += 1,
            _ => {}
        }
    }
    let mut kinds = Kinds::NONE;
    if at && dots > 0 && letters > 2 {
        kinds |= Kinds::CONTACT;
    }
    if digits == 0 {
        return kinds;
    }
    if money {
        return Kinds::AMOUNT;
    }
    if digits >= 10 && letters == 0 && (token.starts_with('+') || token.starts_with('0')) {
        kinds |= Kinds::CONTACT;
    }
    let dated = groups == 3 && letters == 0 && digits <= 8 && (dots == 2 || token.matches('-').count() == 2);
    let short_date = groups == 2 && letters == 0 && digits <= 4 && token.contains('/');
    let ordinal = digits <= 2 && letters == 2 && ["st", "nd", "rd", "th"].iter().any(|ending| token.ends_with(ending));
    if dated || short_date || ordinal {
        return kinds | Kinds::DAY;
    }
    if colon && letters == 0 && digits <= 4 {
        // A time of day.
        return kinds;
    }
    let mixed = letters >= 2 && token.len() >= 5 && !token.chars().any(char::is_lowercase);
    if digits >= 5 || (digits >= 3 && (letters > 0 || other_separators)) || (digits >= 2 && token.starts_with('#')) || mixed {
        kinds |= Kinds::CODE;
    }
    if kinds == Kinds::NONE { Kinds::NUMBER } else { kinds }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_told_apart() {
        for (token, kind) in [
            ("KE-204815", Kinds::CODE),
            ("204815", Kinds::CODE),
            ("#42", Kinds::CODE),
            ("12.12.2026", Kinds::DAY),
            ("2026-12-12", Kinds::DAY),
            ("14:30", Kinds::NONE),
            ("24/12", Kinds::DAY),
            ("ZKRP6V", Kinds::CODE),
            ("3rd", Kinds::DAY),
            ("19,90€", Kinds::AMOUNT),
            ("elif@example.com", Kinds::CONTACT),
            ("+905321234567", Kinds::CONTACT),
            ("12", Kinds::NUMBER),
            ("towels", Kinds::NONE),
        ] {
            assert!(shape(token).has(kind) || (kind == Kinds::NONE && shape(token) == kind), "{token}: {:?}", shape(token));
        }
    }

    #[test]
    fn words_say_and_ask_in_four_languages() {
        for (word, kind) in [
            ("promised", Kinds::PROMISE),
            ("gonderecegiz", Kinds::PROMISE),
            ("visszautaljuk", Kinds::PROMISE),
            ("werden", Kinds::PROMISE),
            ("pazartesiye", Kinds::SOON),
            ("freitag", Kinds::SOON),
            ("sokak", Kinds::PLACE),
            ("utananezek", Kinds::LATER),
        ] {
            assert!(says(word).has(kind), "{word}");
        }
        for (word, kind) in [
            ("siparisim", Kinds::CODE),
            ("rendelesem", Kinds::CODE),
            ("adresime", Kinds::PLACE),
            ("wann", Kinds::DAY),
            ("refund", Kinds::AMOUNT),
        ] {
            assert!(asks(word).has(kind), "{word}");
        }
        assert_eq!(says("a"), Kinds::NONE);
    }
}
