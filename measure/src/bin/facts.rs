//! The cost of protecting facts in a rewrite of 2 KB, and of masking personal data in a prompt of 32 KB: finding, marking, restoring,
//! comparing.
//!
//!     cargo run --release -p deskhand-measure --bin facts
//!
//! As a baseline for each, the same text read once, character by character.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use deskhand::facts::{FactKind, Known, Marks, Next, difference, facts, replaced};
use deskhand_measure::percentile;

const ROUNDS: usize = 2000;
/// A reply as agents write them, with a fact in each sentence.
const REPLY: &str = "Merhaba Elif Hanım, KE-204815 numaralı siparişiniz 18 Kasım 2026'da Yurtiçi Kargo'ya verildi, takip numarası 561234567890. \
Tutar 1.249,90 TL, iade için https://ketenev.example/iade?no=204815 sayfasını kullanabilirsiniz; 14 gün içinde ücretsizdir. \
Sorularınız için info@ketenev.example adresine ya da 0850 123 45 67 numarasına yazın. Kodunuz {{kupon}} ve %20 indirim sağlar. \
Fatura_2026.pdf ektedir, saat 15:30'a kadar bekliyoruz. ";

fn main() {
    let mut known = Known::default();
    for name in ["Elif Kaya", "Kaya", "Selin Aydın", "Gergely Szabó"] {
        known.add_name(name, FactKind::Person, false);
    }
    known.add_address("Bağdat Cad. 12/4, 34710 Kadıköy, İstanbul");
    let reply = REPLY.repeat(5)[..].chars().take(2048).collect::<String>();
    let prompt = REPLY.repeat(70).chars().take(32 << 10).collect::<String>();
    let read = measure(|| black_box(&reply).chars().filter(|letter| letter.is_alphanumeric()).count());
    show("a text of 2 KB read once", read, read);

    let find = measure(|| facts(black_box(&reply), &known, |_| true));
    show("  its facts found", find, read);
    let found = facts(&reply, &known, |_| true);
    let mark = measure(|| Marks::default().replace(black_box(&reply), &found));
    show("  marked", mark, read);
    let mut marks = Marks::default();
    let (marked, _) = marks.replace(&reply, &found);
    let restore = measure(|| restored(&marks, black_box(&marked)));
    show("  restored", restore, read);
    let bare = replaced(&reply, &found, |_| "\u{fffc}".to_owned());
    let compare = measure(|| difference((black_box(&bare), "tr"), (black_box(&bare), "tr")));
    show("  its figures compared", compare, read);
    show("  all of it", find + mark + restore + compare, read);

    let read = measure(|| black_box(&prompt).chars().filter(|letter| letter.is_alphanumeric()).count());
    show("a context of 32 KB read once", read, read);
    let mask = measure(|| facts(black_box(&prompt), &known, FactKind::is_personal));
    show("  its personal data found", mask, read);
}

fn restored(marks: &Marks, marked: &str) -> String {
    let mut text = String::with_capacity(marked.len());
    let mut from = 0;
    while let Next::Mark(mark) = marks.next(None, marked, from, true) {
        text.push_str(&marked[from..mark.range.start]);
        if let Some(which) = mark.which {
            text.push_str(&marks.get(which).value);
        }
        from = mark.range.end;
    }
    text.push_str(&marked[from..]);
    text
}

/// The median of many rounds.
fn measure<T>(mut work: impl FnMut() -> T) -> Duration {
    let mut samples: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            black_box(work());
            began.elapsed()
        })
        .collect();
    Duration::from_secs_f64(percentile(&mut samples, 0.5) / 1000.0)
}

fn show(what: &str, took: Duration, read: Duration) {
    println!("{what:<32} {:>8.1} µs, times {:.1}", took.as_secs_f64() * 1e6, took.as_secs_f64() / read.as_secs_f64());
}
