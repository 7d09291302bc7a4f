//! The figures of a shop: what was offered for its chats, against what its labels want.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use crate::cli::eval::{
    measure::auroc,
    shop::files::{LabelledChat, LabelledSearch, Shop},
};

/// Bands of scores in the reliability diagram.
const BANDS: usize = 10;
/// Width of its bars.
const BAR: usize = 40;

/// A document offered for a chat.
pub struct Offered {
    pub document: String,
    /// From 0 to 1.
    pub score: f64,
}

/// What the service did for a chat.
pub struct AnsweredChat {
    pub offered: Vec<Offered>,
    /// The first source of the draft without a model; `None` if there was none.
    pub drafted_from: Option<String>,
    pub took: Duration,
}

/// What a search found, best first.
pub struct AnsweredSearch {
    pub found: Vec<String>,
    pub took: Duration,
}

/// A shop's chats and searches with what the service did.
pub struct Report<'a> {
    pub chats: Vec<(&'a LabelledChat, AnsweredChat)>,
    pub nothing: Vec<(&'a LabelledChat, AnsweredChat)>,
    pub searches: Vec<(&'a LabelledSearch, AnsweredSearch)>,
}

impl AnsweredChat {
    fn first_is(&self, wanted: impl Fn(&str) -> bool) -> bool {
        self.offered.first().is_some_and(|offered| wanted(&offered.document))
    }

    fn first_score(&self) -> f64 {
        self.offered.first().map_or(0.0, |offered| offered.score)
    }
}

impl Report<'_> {
    /// The tables, as text.
    pub fn text(&self, shop: &Shop) -> String {
        let mut text = String::new();
        let _ = writeln!(
            text,
            "{}\n{:<18} {:>6} {:>11} {:>13} {:>12} {:>6} {:>8} {:>6}",
            shop.name, "chats", "", "first best", "good in three", "first wrong", "empty", "refused", "AUROC"
        );
        let languages: Vec<&str> = distinct(shop.chats.iter().map(|chat| chat.lang.as_str()));
        for language in languages.iter().copied().map(Some).chain([None]) {
            let of = |chat: &LabelledChat| language.is_none_or(|language| chat.lang == language);
            let nothing: Vec<&(&LabelledChat, AnsweredChat)> = self.nothing.iter().filter(|(chat, _)| of(chat)).collect();
            self.chat_line(&mut text, language.unwrap_or("all"), &of, &nothing);
        }
        self.chat_line(&mut text, "with a record", &|chat| chat.record.is_some(), &[]);
        self.chat_line(&mut text, "without", &|chat| chat.record.is_none(), &[]);
        self.chat_line(&mut text, "earlier turns", &|chat| chat.turns.len() > 1, &[]);
        self.drafts(&mut text);
        self.search_lines(&mut text);
        self.reliability(&mut text);
        self.times(&mut text);
        text
    }

    fn chat_line(&self, text: &mut String, name: &str, of: &dyn Fn(&LabelledChat) -> bool, nothing: &[&(&LabelledChat, AnsweredChat)]) {
        let chats: Vec<&(&LabelledChat, AnsweredChat)> = self.chats.iter().filter(|(chat, _)| of(chat)).collect();
        let share = |test: &dyn Fn(&LabelledChat, &AnsweredChat) -> bool| {
            percent(chats.iter().filter(|(chat, answered)| test(chat, answered)).count(), chats.len())
        };
        let first = share(&|chat, answered| answered.first_is(|document| chat.best.contains(document)));
        let three = share(&|chat, answered| answered.offered.iter().take(3).any(|offered| chat.good.contains(&offered.document)));
        let wrong = share(&|chat, answered| answered.first_is(|document| !chat.good.contains(document)));
        let empty = share(&|_, answered| answered.offered.is_empty());
        let is_refused =
            |chat: &LabelledChat, answered: &AnsweredChat| answered.offered.iter().all(|offered| chat.harmless.contains(&offered.document));
        let refused = percent(nothing.iter().filter(|(chat, answered)| is_refused(chat, answered)).count(), nothing.len());
        let scores = |of: &[&(&LabelledChat, AnsweredChat)]| of.iter().map(|(_, answered)| answered.first_score()).collect();
        let separation = auroc(scores(&chats), scores(nothing)).map_or_else(|| "-".to_owned(), |mean| format!("{:.3}", mean.mean));
        let _ = writeln!(text, "{name:<18} {:>6} {first:>18} {three:>13} {wrong:>12} {empty:>6} {refused:>8} {separation:>6}", chats.len());
    }

    fn drafts(&self, text: &mut String) {
        let share = |test: &dyn Fn(&LabelledChat, &str) -> bool| {
            let count = self.chats.iter().filter(|(chat, answered)| answered.drafted_from.as_deref().is_some_and(|from| test(chat, from)));
            percent(count.count(), self.chats.len())
        };
        let refused = self.nothing.iter().filter(|(_, answered)| answered.drafted_from.is_none()).count();
        let _ = writeln!(
            text,
            "drafts without a model: from a best document {}, from a good one {}, from a wrong one {}; refused where nothing fits {}",
            share(&|chat, from| chat.best.contains(from)),
            share(&|chat, from| chat.good.contains(from)),
            share(&|chat, from| !chat.good.contains(from)),
            percent(refused, self.nothing.len()),
        );
    }

    fn search_lines(&self, text: &mut String) {
        let kinds = distinct(self.searches.iter().map(|(search, _)| search.kind.as_str()));
        for kind in kinds.into_iter().map(Some).chain([None]) {
            let searches: Vec<&(&LabelledSearch, AnsweredSearch)> =
                self.searches.iter().filter(|(search, _)| kind.is_none_or(|kind| search.kind == kind)).collect();
            if searches.is_empty() {
                continue;
            }
            let share = |wanted: &dyn Fn(&LabelledSearch, &[String]) -> bool| {
                percent(searches.iter().filter(|(search, answered)| wanted(search, &answered.found)).count(), searches.len())
            };
            let _ = writeln!(
                text,
                "searches {:<10} {:>5}: first best {}, good in three {}, none {}",
                kind.unwrap_or("all"),
                searches.len(),
                share(&|search, found| found.first().is_some_and(|first| search.best.contains(first))),
                share(&|search, found| found.iter().take(3).any(|one| search.good.contains(one))),
                share(&|_, found| found.is_empty()),
            );
        }
    }

    /// How often a suggestion of a score is good, and the expected calibration error: the mean difference of the two over all suggestions
    /// (Naeini et al., AAAI 2015).
    fn reliability(&self, text: &mut String) {
        let mut bands: BTreeMap<usize, (usize, usize, f64)> = BTreeMap::new();
        for (chat, answered) in self.chats.iter().chain(&self.nothing) {
            for offered in &answered.offered {
                let band = bands.entry(((offered.score * BANDS as f64) as usize).min(BANDS - 1)).or_default();
                band.0 += 1;
                band.1 += usize::from(chat.good.contains(&offered.document) || chat.harmless.contains(&offered.document));
                band.2 += offered.score;
            }
        }
        let all: usize = bands.values().map(|(count, ..)| count).sum();
        let error: f64 = bands.values().map(|(_, good, scores)| (*good as f64 - scores).abs()).sum::<f64>() / all.max(1) as f64;
        let _ = writeln!(text, "a suggestion's score, and how many are good (expected calibration error {error:.3}):");
        for (count, good, scores) in bands.into_values() {
            let share = good as f64 / count as f64;
            let bar = "#".repeat((share * BAR as f64).round() as usize);
            let _ = writeln!(text, "  {:.2} {count:>5} {share:>6.2} {bar}", scores / count as f64);
        }
    }

    fn times(&self, text: &mut String) {
        let mut line = |what: &str, mut times: Vec<Duration>| {
            times.sort_unstable();
            let at = |share: f64| times.get(((times.len().max(1) - 1) as f64 * share) as usize).copied().unwrap_or_default().as_secs_f64();
            let _ = writeln!(text, "{what}: p50 {:.2} ms, p99 {:.2} ms, in process", at(0.5) * 1000.0, at(0.99) * 1000.0);
        };
        line("suggestions", self.chats.iter().chain(&self.nothing).map(|(_, answered)| answered.took).collect());
        line("searches", self.searches.iter().map(|(_, answered)| answered.took).collect());
    }

    /// Each chat and search whose first is not a best one: what was found, and what was wanted.
    pub fn misses(&self) -> Vec<String> {
        let mut misses = Vec::new();
        for (chat, answered) in self.chats.iter().chain(&self.nothing) {
            let found: Vec<String> = answered.offered.iter().take(3).map(|one| format!("{} {:.2}", one.document, one.score)).collect();
            let wanted: Vec<&str> = chat.best.iter().map(String::as_str).collect();
            if chat.best.is_empty() != answered.offered.is_empty()
                || !wanted.is_empty() && !answered.first_is(|one| chat.best.contains(one))
            {
                let said: Vec<&str> = chat.turns.iter().map(|turn| turn.text.as_str()).collect();
                misses.push(format!("{}: {:?} found {}, not {}", chat.id, said.join(" / "), found.join(", "), wanted.join(", ")));
            }
        }
        for (search, answered) in &self.searches {
            if !answered.found.first().is_some_and(|first| search.best.contains(first)) {
                let found: Vec<&str> = answered.found.iter().take(3).map(String::as_str).collect();
                let wanted: Vec<&str> = search.best.iter().map(String::as_str).collect();
                misses.push(format!("{}: {:?} found {}, not {}", search.id, search.query, found.join(", "), wanted.join(", ")));
            }
        }
        misses
    }
}

fn percent(count: usize, of: usize) -> String {
    if of == 0 { "-".to_owned() } else { format!("{:.1}", 100.0 * count as f64 / of as f64) }
}

fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut distinct = Vec::new();
    names.for_each(|name| {
        if !distinct.contains(&name) {
            distinct.push(name);
        }
    });
    distinct
}
