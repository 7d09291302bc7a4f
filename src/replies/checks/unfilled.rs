//! Placeholders that were left in a text: `{{name}}`, `[order number]`, `XX.XX.XXXX`, `____`.

use std::ops::Range;

use crate::{
    facts::{FactKind, Known, facts},
    replies::stream::result::{Warning, WarningKind},
};

/// Longest text in brackets that is one, in characters and words: a longer one is an aside.
const MAX_CHARS: usize = 40;
const MAX_WORDS: usize = 5;
/// Shortest run of `X` and of underscores that is one, and fewest `X` of a date.
const MIN_RUN: usize = 3;
const MIN_IN_DATE: usize = 4;

/// The warnings of what was not filled in.
pub fn unfilled(text: &str) -> Vec<Warning> {
    let wanted = |kind: FactKind| matches!(kind, FactKind::Placeholder | FactKind::Snippet);
    let (mut places, mut code) = (Vec::new(), Vec::new());
    for fact in facts(text, &Known::default(), wanted) {
        let written = &text[fact.range.clone()];
        match fact.kind {
            FactKind::Snippet => code.push(fact.range),
            _ if !written.starts_with('[') => places.push(fact.range),
            _ => {}
        }
    }
    places
        .extend(in_hash_braces(text).chain(in_brackets(text)).chain(runs(text)).filter(|place| code.iter().all(|code| !meet(code, place))));
    places.sort_by_key(|place| (place.start, std::cmp::Reverse(place.end)));
    let mut end = 0;
    places.retain(|place| {
        let apart = place.start >= end;
        end = end.max(place.end);
        apart
    });
    let warning = |place: Range<usize>| Warning {
        kind: WarningKind::Unfilled,
        excerpt: text[place].to_owned(),
        message: "this placeholder was not filled in".to_owned(),
    };
    places.into_iter().map(warning).collect()
}

fn meet(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}

/// `#{name}`
fn in_hash_braces(text: &str) -> impl Iterator<Item = Range<usize>> {
    text.match_indices("#{").filter_map(|(start, _)| {
        let length = text[start..].find(['}', '\n']).filter(|length| text[start + length..].starts_with('}'))?;
        (length > 2 && length <= MAX_CHARS).then_some(start..start + length + 1)
    })
}

/// `[order number]`, and neither a link, a checkbox, a citation nor what was left out.
fn in_brackets(text: &str) -> impl Iterator<Item = Range<usize>> {
    text.match_indices('[').filter_map(|(start, _)| {
        let length = text[start + 1..].find([']', '[', '\n']).filter(|length| text[start + 1 + length..].starts_with(']'))?;
        let (inner, end) = (text[start + 1..start + 1 + length].trim(), start + length + 2);
        let is_link = text[end..].starts_with(['(', '[', ':']) || text[..start].ends_with([']', '!', '\\']);
        let letters = || inner.chars().filter(|letter| letter.is_alphabetic());
        // `[EN]`, `[x]`, `[sic]`
        let is_tag = letters().count() <= 3 && !inner.contains(' ') && !inner.chars().all(|letter| letter == 'X');
        let is_other = inner.contains(|letter: char| letter.is_ascii_digit() || matches!(letter, '^' | '@' | '/' | '{' | '}'));
        let is_short = inner.chars().count() <= MAX_CHARS && inner.split_whitespace().count() <= MAX_WORDS;
        (letters().next().is_some() && !is_link && !is_tag && !is_other && is_short).then_some(start..end)
    })
}

/// `XXX`, `XX.XX.XXXX`, `____`
fn runs(text: &str) -> impl Iterator<Item = Range<usize>> {
    let part_of_run = |letter: char| matches!(letter, 'X' | 'x' | '.' | '/' | '-' | ':' | '_');
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text[at..].find(part_of_run)?;
        let end = start + text[start..].find(|letter: char| !part_of_run(letter)).unwrap_or(text.len() - start);
        at = end;
        Some(start..end)
    })
    .filter_map(move |run| {
        let alone = !text[..run.start].ends_with(char::is_alphanumeric) && !text[run.end..].starts_with(char::is_alphanumeric);
        let written = text[run.clone()].trim_matches(['.', '/', '-', ':']);
        let start = run.start + text[run.clone()].find(written)?;
        let place = start..start + written.len();
        let whole_line = text[..start].ends_with('\n') || start == 0;
        let is_rule = whole_line && (text[place.end..].starts_with('\n') || place.end == text.len());
        let is_blank = written.len() >= MIN_RUN && written.bytes().all(|byte| byte == b'_') && !is_rule;
        let groups: Vec<&str> = written.split(['.', '/', '-', ':']).collect();
        let is_date =
            groups.len() > 1 && groups.iter().all(|group| group.len() >= 2 && group.bytes().all(|byte| matches!(byte, b'X' | b'x')));
        let marks = written.bytes().filter(|byte| matches!(byte, b'X' | b'x')).count();
        let is_run = groups.len() == 1 && marks >= MIN_RUN && written.bytes().all(|byte| byte == b'X');
        (is_blank || (alone && (is_run || (is_date && marks >= MIN_IN_DATE)))).then_some(place)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_filled_in_is_found() {
        for (text, excerpt) in [
            ("Hi {{customer.first_name}}, it is on its way.", "{{customer.first_name}}"),
            ("Hi {% name %}!", "{% name %}"),
            ("Hi #{name}!", "#{name}"),
            ("Üdvözlettel,\n[Az Ön neve]", "[Az Ön neve]"),
            ("Siparişiniz [sipariş numarası] yola çıktı.", "[sipariş numarası]"),
            ("Mit freundlichen Grüßen\nIhr [Name]", "[Name]"),
            ("Es kommt am XX.XX.XXXX.", "XX.XX.XXXX"),
            ("Your order ____ has left.", "____"),
            ("Your order XXXX has left.", "XXXX"),
        ] {
            let found: Vec<String> = unfilled(text).into_iter().map(|warning| warning.excerpt).collect();
            assert_eq!(found, [excerpt], "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_a_placeholder_is_none() {
        for text in [
            "See [our page](https://shop.example/returns) and [that one][2].",
            "- [ ] pack\n- [x] send",
            "Look at […] and [...] now.",
            "A refund takes five days [1], [2, 3].",
            "Size XXL or XL, not XS.",
            "Use `{{name}}` or `[name]` in the template.",
            "One\n\n___\n\ntwo",
            "**bold** __bold__ and _so_ on...",
            "[EN] Hello, [sic] it is.",
            "Mixing xx and 10:30-11:00, 1.5.2026.",
            "[Ref: KE-204815] Hello",
            "It fits [as we wrote you in our last message about the lamp].",
        ] {
            assert_eq!(unfilled(text), [], "{text}");
        }
    }
}
