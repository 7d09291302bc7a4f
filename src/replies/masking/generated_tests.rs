//! Five thousand values, generated and published, written as customers write them: how many reach a model.

use crate::{chats::Customer, random::Random, replies::masking::*};

const EACH: usize = 500;

fn text(digits: &[u8]) -> String {
    digits.iter().map(|digit| char::from(b'0' + digit)).collect()
}

/// The Luhn check digit is searched, not computed, so that the test shares no code with what it tests.
fn card(random: &mut Random) -> String {
    let (prefix, length) = [("4", 16), ("51", 16), ("9792", 16), ("37", 15), ("6011", 16), ("30", 14)][random.below(6)];
    let mut digits: Vec<u8> = prefix.bytes().map(|byte| byte - b'0').collect();
    digits.extend(random.digits(length - prefix.len() - 1));
    let sum = |digits: &[u8]| -> u32 {
        let doubled = |digit: u8| [0, 2, 4, 6, 8, 1, 3, 5, 7, 9][usize::from(digit)];
        digits.iter().rev().enumerate().map(|(at, digit)| if at % 2 == 1 { doubled(*digit) } else { u32::from(*digit) }).sum()
    };
    let check = (0..10).find(|check| sum(&[&digits[..], &[*check]].concat()).is_multiple_of(10)).unwrap();
    digits.push(check);
    text(&digits)
}

fn iban(random: &mut Random) -> String {
    let (country, length) = [("TR", 26), ("DE", 22), ("HU", 28), ("AT", 20), ("GB", 22), ("NL", 18), ("FR", 27)][random.below(7)];
    let bank = if matches!(country, "GB" | "NL") { "ABCD".to_owned() } else { String::new() };
    let account = format!("{bank}{}", text(&random.digits(length - 4 - bank.len())));
    let number = |check: u32| {
        let moved = format!("{account}{country}{check:02}");
        moved.chars().fold(0_u32, |rest, letter| {
            let value = letter.to_digit(36).unwrap();
            (rest * if value > 9 { 100 } else { 10 } + value) % 97
        })
    };
    let check = (2..99).find(|check| number(*check) == 1).unwrap();
    format!("{country}{check:02}{account}")
}

fn national_id(random: &mut Random) -> String {
    match random.below(4) {
        // Turkish: both check digits are searched.
        0 => {
            let mut digits = random.digits(9);
            digits[0] = 1 + digits[0] % 9;
            let odd: i32 = [0, 2, 4, 6, 8].iter().map(|at| i32::from(digits[*at])).sum();
            let even: i32 = [1, 3, 5, 7].iter().map(|at| i32::from(digits[*at])).sum();
            digits.push((odd * 7 - even).rem_euclid(10) as u8);
            digits.push((digits.iter().map(|digit| u32::from(*digit)).sum::<u32>() % 10) as u8);
            text(&digits)
        }
        // Hungarian social security number.
        1 => {
            let mut digits = random.digits(8);
            let sum: u32 = digits.iter().zip([3, 7].iter().cycle()).map(|(digit, weight)| u32::from(*digit) * weight).sum();
            digits.push((sum % 10) as u8);
            text(&digits)
        }
        // Hungarian tax id; a remainder of ten is never issued.
        2 => loop {
            let mut digits = random.digits(9);
            digits[0] = 8;
            let sum: u32 = digits.iter().zip(1..).map(|(digit, weight)| u32::from(*digit) * weight).sum();
            if sum % 11 < 10 {
                digits.push((sum % 11) as u8);
                return text(&digits);
            }
        },
        // German tax id.
        _ => {
            let mut digits = random.digits(10);
            digits[0] = 1 + digits[0] % 9;
            let mut product = 10;
            for digit in &digits {
                let sum = match (u32::from(*digit) + product) % 10 {
                    0 => 10,
                    sum => sum,
                };
                product = sum * 2 % 11;
            }
            digits.push(((11 - product) % 10) as u8);
            text(&digits)
        }
    }
}

fn phone(random: &mut Random) -> String {
    let d = |random: &mut Random, count: usize| text(&random.digits(count));
    let (a, b, c, e) = (d(random, 2), d(random, 3), d(random, 2), d(random, 2));
    let four = d(random, 4);
    match random.below(34) {
        // Foreign numbers, as people there group them.
        14 => format!("06.{a}.{c}.{e}.{}", d(random, 2)),
        15 => format!("06 {a} {c} {e} {}", d(random, 2)),
        16 => format!("+33 6 {a} {c} {e} {}", d(random, 2)),
        17 => format!("+33 (0)6 {a} {c} {e} {}", d(random, 2)),
        18 => format!("06/{a}/{c}/{e}/{}", d(random, 2)),
        19 => format!("0212.{b}.{c}.{e}"),
        20 => format!("0532/{b}-{c}-{e}"),
        21 => format!("06-30/{b}-{four}"),
        22 => format!("+34 612.{b}.{}", d(random, 3)),
        23 => format!("612 {a} {c} {e}"),
        24 => format!("+39 347 {b} {four}"),
        25 => format!("347.{b}.{four}"),
        26 => format!("020 7{b} {four}"),
        27 => format!("07700\u{a0}9{b}{a}"),
        28 => format!("555.{b}.{four}"),
        29 => format!("1-800-{b}-{four}"),
        30 => format!("06-{a}{b}{b}"),
        31 => format!("601-{b}-{}", d(random, 3)),
        32 => format!("+48 601\u{a0}{b}\u{a0}{}", d(random, 3)),
        33 => format!("0{a}1/{b}·{c}·{e}"),
        0 => format!("+90 5{a} {b} {c} {e}"),
        1 => format!("05{a} {b} {c} {e}"),
        2 => format!("05{a}{b}{c}{e}"),
        3 => format!("0 (212) {b} {c} {e}"),
        4 => format!("5{a} {b} {c}{e}"),
        5 => format!("+36 30 {b} {four}"),
        6 => format!("06 20 {b} {four}"),
        7 => format!("06-1-{b}-{four}"),
        8 => format!("+49 171 {b}{four}"),
        9 => format!("0171/{b}{four}"),
        10 => format!("030 {b} {four}"),
        11 => format!("+44 20 7{b} {four}"),
        12 => format!("(555) {b}-{four}"),
        _ => format!("0049 89 {b} {four}"),
    }
}

/// A number as people unintentionally disguise it.
fn disguised(random: &mut Random, number: &str) -> String {
    let grouped = |separator: &str| {
        let letters: Vec<char> = number.chars().collect();
        letters.chunks(4).map(|chunk| chunk.iter().collect::<String>()).collect::<Vec<String>>().join(separator)
    };
    match random.below(20) {
        7 => grouped("_"),
        8 => grouped("·"),
        9 => grouped(", "),
        10 => grouped(" | "),
        11 => grouped("*"),
        12 => grouped("\n"),
        13 => grouped("\r\n"),
        14 => grouped("\u{2028}"),
        15 => grouped(" - "),
        16 => grouped("|"),
        17 => grouped("/"),
        18 => grouped(","),
        0 => grouped(" "),
        1 => grouped("-"),
        2 => grouped("."),
        3 => number.chars().map(|letter| char::from_u32(letter as u32 + 0xfee0).unwrap()).collect(),
        4 => grouped("\u{200b}"),
        5 => grouped("\u{a0}"),
        6 => grouped("\u{2013}"),
        _ => number.to_owned(),
    }
}

#[test]
fn values_with_a_checksum_never_reach_a_model_and_others_hardly_ever() {
    let mut random = Random(11);
    let frames = [
        "{}",
        "my number is {}.",
        "Kart: {}, teşekkürler",
        "a kártyám ({}) lejárt",
        "Meine Nummer {}\nDanke",
        "KE-204815 {} 49,90 €",
        "no:{};",
    ];
    let settings = PersonalData::default();
    let names = [
        ("Elif Kaya", "Kaya"),
        ("Szabó Gergely", "Szabó"),
        ("Gergely Szabó", "Szabó"),
        ("Hans-Peter Müller", "Müller"),
        ("Zoë O'Neill", "O'Neill"),
        ("Can Yılmaz", "Yılmaz"),
        ("Ayşe Nur Demir", "Demir"),
        ("Will Grace", "Grace"),
        ("Kovács Ágnes", "Kovács"),
    ];
    // Surnames that are words as well are names only where they are used as such, which other tests hold.
    let words = ["Kaya", "Demir", "Grace"];
    let endings = ["", "'in", " Hanım", "nak", "s", ","];
    let (mut leaked, mut all) = (BTreeMap::<&str, usize>::new(), 0);
    for kind in ["CARD", "IBAN", "ID", "PHONE", "EMAIL", "NAME", "SURNAME", "ADDRESS", "PUBLISHED", "TOLD PHONE"] {
        for number in 0..EACH {
            let mut names = names.to_vec();
            names.retain(|(_, surname)| kind != "SURNAME" || !words.contains(surname));
            let mut chat =
                Chat { customer: Customer { name: names[number % names.len()].0.into(), ..Customer::default() }, ..Chat::default() };
            let value = match kind {
                "CARD" => card(&mut random),
                "IBAN" => iban(&mut random),
                "ID" => national_id(&mut random),
                "PHONE" => phone(&mut random),
                "EMAIL" => {
                    let host = random.pick(&["example.com", "posta.com.tr", "levél.hu", "mail-server.co.uk", "firma.de", "example.com.00"]);
                    let at = random.pick(&["@", "@", "@", " @ ", "(at)", " [at] ", "@ "]);
                    format!("{}{}{at}{host}", random.pick(&["elif.kaya", "g_szabo", "hans+shop", "ZOE", "ayşe"]), random.below(99))
                }
                "NAME" => format!("{}{}", chat.customer.name, random.pick(&endings)),
                "SURNAME" => format!("{}{}", names[number % names.len()].1, random.pick(&endings)),
                "ADDRESS" => {
                    let address = format!(
                        "{} {}/{}, {}",
                        random.pick(&["Bağdat Caddesi", "Rózsa utca", "Hauptstraße", "Rose Lane"]),
                        random.below(200),
                        random.below(30),
                        random.pick(&["Kadıköy", "Szeged", "Köln", "Bath"])
                    );
                    chat.form_answers.insert("delivery_address".into(), address.clone());
                    address
                }
                "PUBLISHED" => random
                    .pick(&[
                        "4111111111111111",
                        "5105105105105100",
                        "378282246310005",
                        "6011000990139424",
                        "TR330006100519786457841326",
                        "DE89370400440532013000",
                        "HU42117730161111101800000000",
                        "GB82WEST12345698765432",
                        "10000000146",
                        "86095742719",
                    ])
                    .to_owned(),
                _ => {
                    let phone = text(&random.digits(8));
                    chat.customer.phone.clone_from(&phone);
                    phone
                }
            };
            let proven = matches!(kind, "CARD" | "IBAN" | "ID" | "PUBLISHED");
            let written = if proven { disguised(&mut random, &value) } else { value.clone() };
            let asked = frames[random.below(frames.len())].replace("{}", &written);
            let mut masker = Masker::of(&settings, std::iter::once(&chat), &Language::parse("en").unwrap());
            let masked = masker.mask(&asked);
            let bare = |text: &str| text.chars().filter(|letter| letter.is_alphanumeric()).collect::<String>();
            let name = value.trim_end_matches(',').split('\'').next().unwrap().trim_end_matches(" Hanım").to_owned();
            let sought = if kind.ends_with("NAME") { name } else { written };
            all += 1;
            if bare(&masked).contains(&bare(&sought)) {
                *leaked.entry(kind).or_default() += 1;
                println!("{kind}: {asked:?} {masked:?}");
            }
            // Every marked value is from this text.
            assert!(masker.marks.all().iter().all(|marked| asked.contains(&marked.value)), "{asked}");
        }
    }
    println!("{all} values, leaked by kind: {leaked:?}");
    for kind in ["CARD", "IBAN", "ID", "PUBLISHED"] {
        assert_eq!(leaked.get(kind), None, "{kind}");
    }
    assert!(leaked.values().sum::<usize>() * 100 <= EACH * 6, "{leaked:?}");
}

#[test]
fn other_data_stays_readable() {
    let (settings, chat) = (PersonalData::default(), Chat::default());
    let mut masker = Masker::of(&settings, std::iter::once(&chat), &Language::parse("en").unwrap());
    for text in [
        "order KE-204815 of 12.06.2026, delivered on 3.12. at 15.30, 1.249,90 TL and 49.90 EUR",
        "tracking RR123456789TR, return RT-10482, invoice 2026-0012345, version 1.2.3.4, 140x200 cm, 25 000 Ft",
        "12.06.26, 13.06.26 and 14.06.26; 2026-12-03 2026-12-04; 10:30-18:00; 12/05/2026",
        "sizes 36, 38, 40, 42, 44, 46, 48, 50 | 100, 120, 140 | 1 2 3 4",
        "12 345 678 Ft, 1.234.567,89 EUR, 1,234,567.89 USD, 500 000 000",
        "meet @ noon, 3 @ 5 EUR, (at home), look at shop.com",
    ] {
        assert_eq!(masker.mask(text), text);
    }
}
