use std::{collections::BTreeSet, io::BufRead};
use deskhand::{promises::likelihood, text::{sentences, fold}};
fn stems(t: &str) -> BTreeSet<String> { fold(t).split(|c: char| !c.is_alphanumeric()).filter(|w| w.chars().count() >= 4 && !w.bytes().any(|b| b.is_ascii_digit())).map(|w| w.chars().take(5).collect()).collect() }
fn main() {
    for file in std::env::args().skip(1) {
        for line in std::io::BufReader::new(std::fs::File::open(&file).unwrap()).lines() {
            let c: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
            let mut ev: Vec<String> = vec![];
            for s in c["sources"].as_array().unwrap() { ev.push(format!("{}\n{}", s["title"].as_str().unwrap(), s["text"].as_str().unwrap())); }
            for r in c["records"].as_array().unwrap_or(&vec![]) { for (k,v) in r["values"].as_object().unwrap() { ev.push(format!("{k}: {}", v)); } }
            for m in c["messages"].as_array().unwrap() { if m["author"] != "CUSTOMER" { ev.push(m["text"].as_str().unwrap().into()); } }
            ev.push(c["instruction"].as_str().unwrap_or("").into());
            let evs: Vec<(BTreeSet<String>, f32, String)> = ev.iter().flat_map(|e| sentences(e)).map(|s| (stems(s), likelihood(s), s.to_owned())).collect();
            let all: BTreeSet<String> = evs.iter().flat_map(|e| e.0.iter().cloned()).collect();
            for d in c["drafts"].as_array().unwrap() {
                let flaw = d["flaw"].as_str().unwrap_or("clean");
                for s in sentences(d["text"].as_str().unwrap()) {
                    if s.split_whitespace().count() < 3 { continue; }
                    let st = stems(s); let n = st.len().max(1) as f32;
                    let best = evs.iter().map(|e| (e.0.intersection(&st).count() as f32 / n, e.1, &e.2)).max_by(|a, b| a.0.total_cmp(&b.0));
                    let union = st.intersection(&all).count() as f32 / n;
                    let bad = flaw == "PROMISE" && d["excerpt"].as_str().is_some_and(|x| s.contains(x) || x.contains(s));
                    let kind = if bad { "BAD" } else { "ok" };
                    let (share, com, _) = best.map(|b| (b.0, b.1, b.2.clone())).unwrap_or_default();
                    let num = s.bytes().any(|b| b.is_ascii_digit());
                    println!("{kind}\t{:.2}\t{share:.2}\t{com:.2}\t{union:.2}\t{num}\t{}\t{s}", likelihood(s), c["language"].as_str().unwrap());
                }
            }
        }
    }
}
