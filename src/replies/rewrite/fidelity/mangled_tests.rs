//! Ten thousand rewrites of the sample shop's texts by a model that mangles marks, and a thousand by one that doesn't.

use std::{fs, path::Path};

use crate::{random::Random, replies::rewrite::fidelity::*, text::paragraphs};

const MANGLED: usize = 10_000;
const FAITHFUL: usize = 1000;

/// Paragraphs of the sample shop's documents that have facts, with their languages; more facts are put into some.
fn texts() -> Vec<(Language, String)> {
    fn read(folder: &Path, texts: &mut Vec<(Language, String)>) {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                read(&path, texts);
            } else if let Ok(body) = fs::read_to_string(&path) {
                let body = body.rsplit_once("\n---\n").map_or(body.as_str(), |(_, body)| body).to_owned();
                let language = ["tr", "hu", "de", "en"].into_iter().find(|tag| path.components().any(|part| part.as_os_str() == *tag));
                let Some(language) = language else { continue };
                let kept = paragraphs(&body).into_iter().filter(|text| text.len() > 60);
                texts.extend(kept.map(|text| (Language::parse(language).unwrap(), text)));
            }
        }
    }
    let mut texts = Vec::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("knowledge-base"), &mut texts);
    let more = [
        " KE-204815, KE-204816 : {{customer.first_name}} 1.249,90 TL, 49,90 €, https://ketenev.example/iade?no=1 (%20).",
        " info@ketenev.example +90 532 123 45 67, TR33 0006 1005 1978 6457 8413 26; fatura_2026.pdf, @ketenev 3.12.2026 15:30.",
        " Elif Kaya: KE-204815 → RR123456789TR, 14 - 30, 2,5 kg `kod 5` {name} [Name] KE-204815.",
    ];
    let count = texts.len();
    for (place, text) in texts.iter_mut().enumerate() {
        if place % 4 < more.len() {
            text.1.push_str(more[place % 4]);
        }
    }
    assert!(count > 150, "{count}");
    texts
}

fn protected(language: &Language, text: &str) -> Protected {
    let mut known = Known::default();
    known.add_name("Elif Kaya", FactKind::Person, true);
    Protected::of(text.to_owned(), &known, Some(language), Some(language))
}

/// The model's text, and whether it must be refused or warned about.
fn made(protected: &Protected, said: &str) -> (String, bool) {
    let mut filter = protected.output_filter();
    for piece in said.as_bytes().utf8_chunks().flat_map(|chunk| chunk.valid().split_inclusive(' ')) {
        filter.push(piece);
    }
    filter.finish();
    let loss = protected.loss(filter.output());
    (filter.output().text.clone(), protected.warning(&loss).is_some())
}

/// Mangles one mark, or one of the loose digits.
fn mangle(marked: &str, random: &mut Random) -> String {
    let marks: Vec<(usize, usize)> =
        marked.match_indices('⟦').map(|(start, _)| (start, start + marked[start..].find('⟧').unwrap() + '⟧'.len_utf8())).collect();
    if marks.is_empty() {
        return format!("{marked} ⟦CODE_1⟧");
    }
    let (start, end) = marks[random.below(marks.len())];
    let (other_start, other_end) = marks[random.below(marks.len())];
    let mark = &marked[start..end];
    let inside = &mark['⟦'.len_utf8()..mark.len() - '⟧'.len_utf8()];
    let (kind, number) = inside.split_once('_').unwrap();
    let with = |new: &str| format!("{}{new}{}", &marked[..start], &marked[end..]);
    let wide = |text: &str| text.chars().map(|letter| char::from_u32(letter as u32 + 0xfee0).unwrap()).collect::<String>();
    match random.below(18) {
        0 => with(""),
        1 => with(&format!("{mark} {mark}")),
        // Marks of different kinds may change their order.
        2 if start < other_start && marked[other_start..].starts_with(&format!("⟦{kind}_")) => {
            let other = &marked[other_start..other_end];
            format!("{}{other}{}{mark}{}", &marked[..start], &marked[end..other_start], &marked[other_end..])
        }
        3 => with(&format!("⟦{}⟧", inside.to_lowercase())),
        4 => with(&format!("⟦ {inside} ⟧")),
        5 => with(&format!("⟦{kind}\\_{number}⟧")),
        6 => with(&format!("⟦{}⟧", wide(inside))),
        7 => with(&format!("⟦KIND{}_{number}⟧", random.below(3))),
        8 => with(&format!("⟦{kind}_{}⟧", random.below(12))),
        9 => with(&format!("[{inside}]")),
        10 => with(inside),
        11 => with(&format!("[[{inside}]]")),
        12 => with(&format!("⟦{kind} {number}⟧")),
        13 => with(&format!("&#10214;{inside}&#10215;")),
        14 => with(&format!("{{{{{inside}}}}}")),
        15 => with(kind),
        16 => with(&format!("{mark}{}", random.below(10))),
        _ => {
            let digits: Vec<usize> = marked
                .char_indices()
                .filter(|(at, letter)| letter.is_ascii_digit() && !marks.iter().any(|(start, end)| (start..end).contains(&at)))
                .map(|(at, _)| at)
                .collect();
            if digits.is_empty() {
                return with("");
            }
            let at = digits[random.below(digits.len())];
            let digit = (marked.as_bytes()[at] - b'0' + 1 + random.below(8) as u8) % 10;
            format!("{}{digit}{}", &marked[..at], &marked[at + 1..])
        }
    }
}

fn bare(text: &str) -> String {
    text.split_whitespace().collect::<Vec<&str>>().join(" ")
}

#[test]
fn no_changed_fact_passes_unmarked() {
    let texts = texts();
    let mut random = Random(7);
    let (mut marked, mut repaired) = (0, 0);
    for number in 0..MANGLED {
        let (language, text) = &texts[number % texts.len()];
        let protected = protected(language, text);
        let said = mangle(&protected.marked, &mut random);
        let (made, warned) = made(&protected, &said);
        // A different space, or the same number in another notation, is not a change.
        let same = bare(&made) == bare(text);
        assert!(warned || same, "{said}\n{made}\n{text}");
        marked += usize::from(warned);
        repaired += usize::from(!warned && said != protected.marked);
    }
    println!("{MANGLED} rewrites mangled: {marked} marked, {repaired} repaired, 0 passed unmarked");
    assert!(marked > MANGLED / 4 && repaired > MANGLED / 4, "{marked} {repaired}");
}

#[test]
fn a_faithful_model_raises_no_alarm() {
    let texts = texts();
    for number in 0..FAITHFUL {
        let (language, text) = &texts[number % texts.len()];
        let protected = protected(language, text);
        let said =
            if number < FAITHFUL / 2 { protected.marked.clone() } else { format!("Ok! {}", protected.marked.replace(". ", " — ")) };
        let (made, warned) = made(&protected, &said);
        assert!(!warned, "{said}\n{made}\n{:?}", protected.loss(&FilteredText::default()));
        assert!(number >= FAITHFUL / 2 || bare(&made) == bare(text), "{made}\n{text}");
    }
}
