//! The order and the scores of searches and suggestions over the sample shop, as a file: a constant of the ranking that moves shows here as
//! a difference to be read. `DESKHAND_TEST_UPDATE=1` writes it anew.

use std::fmt::Write;

use deskhand::api::pb;

use crate::support::desk::{Desk, agent_says, customer_says, selin};

/// What people type into the help page: words, half words, slips, other words for the same, a code, a sentence.
const SEARCHES: [(&str, &str); 24] = [
    ("en", "return"),
    ("en", "retrun a towel"),
    ("en", "how long does a refund take"),
    ("en", "deliv"),
    ("en", "\"express delivery\""),
    ("en", "washing -linen"),
    ("en", "invoice for my company"),
    ("en", "parcel not moving"),
    ("tr", "iade"),
    ("tr", "kargo nerde"),
    ("tr", "siparis ne zaman gelir"),
    ("tr", "nevresim yıkama"),
    ("tr", "fatura"),
    ("tr", "kupon calismiyor"),
    ("hu", "visszakuldes"),
    ("hu", "számla"),
    ("hu", "hol van a csomagom"),
    ("hu", "torolkozo mosas"),
    ("de", "Rücksendung"),
    ("de", "gutschein geht nicht"),
    ("de", "wo bleibt mein paket"),
    ("de", "lieferzeit schweiz"),
    ("de", "zahlung abgelehnt"),
    ("en", "zzz qqq"),
];

/// What customers write, turn by turn; `>` stands before what an agent wrote.
const CHATS: [(&str, &[&str]); 16] = [
    ("en", &["Hello, I'd like to send two towels back, they are too small", "> Of course! Do you have the order number?", "KE-204815"]),
    ("en", &["where is my order 48213?"]),
    ("en", &["My card was declined three times now, and I still see a pending payment of 89 euros in my bank app"]),
    ("en", &["the tablecloth came with a big hole in it"]),
    ("en", &["Do I have to pay customs if you ship to Switzerland?"]),
    ("en", &["thanks, bye!"]),
    ("tr", &["Merhaba, siparişim 5 gündür aynı yerde görünüyor, bir sorun mu var?"]),
    ("tr", &["yanlış renk geldi", "> Çok üzgünüm. Fotoğraf gönderebilir misiniz?", "tamam, değiştirebilir miyiz?"]),
    ("tr", &["kampanya kodum sepette gecersiz diyor"]),
    ("tr", &["param ne zaman hesabima yatar, iadeyi gecen hafta gonderdim"]),
    ("hu", &["Jó napot! Céges számlát szeretnék kérni a múlt heti rendelésemről."]),
    ("hu", &["a csomag megjott de hianyzik belole egy parnahuzat"]),
    ("hu", &["Lehet részletre fizetni?"]),
    ("de", &["Hallo, kann ich die Bettwäsche umtauschen? Die Größe passt nicht."]),
    ("de", &["die sendung steht seit montag auf \"in zustellung\""]),
    ("de", &["Ich habe bei Trendyol bestellt und möchte zurückgeben"]),
];

#[tokio::test]
async fn rankings_are_what_the_golden_file_says() {
    let mut desk = Desk::without_model().await;
    let mut found = String::new();
    for (language, query) in SEARCHES {
        let reply = desk.search(query, language).await;
        let hits: Vec<String> = reply.hits.iter().take(5).map(|hit| format!("{} {:.3}", hit.id, hit.score)).collect();
        writeln!(found, "search [{language}] {query}: {} of {}, corrected {:?}", hits.join(", "), reply.total, reply.corrected_query)
            .unwrap();
    }
    for (number, (language, turns)) in CHATS.iter().enumerate() {
        let chat_id = format!("golden-{number}");
        let message = |(number, turn): (usize, &&str)| match turn.strip_prefix("> ") {
            Some(text) => agent_says(&format!("m{number}"), text),
            None => customer_says(&format!("m{number}"), turn),
        };
        desk.append(&chat_id, turns.iter().enumerate().map(message).collect()).await.unwrap();
        let language = (*language).to_owned();
        let request = pb::SuggestAnswersRequest {
            chat_id,
            agent: selin(),
            language: language.clone(),
            limit: 5,
            ..pb::SuggestAnswersRequest::default()
        };
        let suggestions = desk.suggest(request).await;
        let offered: Vec<String> = suggestions.iter().map(|offered| format!("{} {:.3}", offered.id, offered.score)).collect();
        writeln!(found, "chat [{language}] {}: {}", turns.join(" / "), offered.join(", ")).unwrap();
    }
    desk.close().await;
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/rankings.txt");
    if std::env::var_os("DESKHAND_TEST_UPDATE").is_some() {
        std::fs::write(&file, &found).unwrap();
    }
    let golden = std::fs::read_to_string(&file).unwrap();
    for (line, expected) in found.lines().zip(golden.lines()) {
        assert_eq!(line, expected, "{}", file.display());
    }
    assert_eq!(found, golden);
}
