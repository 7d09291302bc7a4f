//! Detects links, e-mail addresses and file names.
//!
//! A link is anything with a scheme, and any host under the public suffix list. Sentences that continue right after a period (`thanks.my
//! order`) look like hosts too: the text around them decides.

use crate::facts::{
    FactKind,
    domains::{APPS, BEFORE_A_POINT, DOMAINS, FILES, LEADS_TO, NO_WORDS, SCHEMES, WORDS},
    spans::FactScanner,
};

const MAX_LINK: usize = 2000;
/// Longest scheme, and most labels of a host that are examined.
const MAX_SCHEME: usize = 32;
const MAX_LABELS: usize = 12;
/// Substitutes of a dot or an at sign in obfuscated addresses.
const POINTS: [&str; 8] = [".", "[.]", "(.)", "{.}", "[dot]", "(dot)", "[punkt]", "(nokta)"];
const AT_SIGNS: [&str; 7] = ["@", "(at)", "[at]", "{at}", "(ät)", "(kukac)", "[kukac]"];

/// A label of a host: its start and end.
#[derive(Clone, Copy)]
struct Label {
    from: usize,
    to: usize,
}

impl<W: Fn(FactKind) -> bool> FactScanner<'_, W> {
    /// A link with a scheme, or a host of a public domain.
    pub fn link(&self, at: usize) -> Option<usize> {
        let rest = &self.text[at..];
        let www = rest.len() > 4 && rest.as_bytes()[..4].eq_ignore_ascii_case(b"www.");
        if www || self.has_scheme(at) {
            return Some(self.link_end(at, at)).filter(|end| end - at > 5);
        }
        self.host(at)
    }

    fn has_scheme(&self, at: usize) -> bool {
        let rest = self.near(at);
        let length = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && !matches!(letter, '+' | '.' | '-')).unwrap_or(rest.len());
        let (scheme, after) = rest.split_at(length);
        let Some(payload) = after.strip_prefix(':').filter(|_| (2..=MAX_SCHEME).contains(&length)) else { return false };
        let payload = &payload[..payload.find(char::is_whitespace).unwrap_or(payload.len())];
        if payload.is_empty() || !scheme.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
            return false;
        }
        let scheme = scheme.to_ascii_lowercase();
        let slash = |letter: char| matches!(letter, '/' | '\\');
        let asks = payload.split_once('?').is_some_and(|(_, query)| query.contains('='));
        (payload.len() > 2 && payload.starts_with(slash) && payload[1..].starts_with(slash))
            || SCHEMES.contains(&scheme.as_str())
            || (APPS.contains(&scheme.as_str()) && payload.contains(['/', '?', '=', '\\']))
            || (scheme == "data" && payload.trim_start_matches(|letter: char| letter.is_ascii_lowercase()).starts_with(['/', ',', ';']))
            || asks
    }

    /// A host without a scheme, with its port, path and what follows.
    fn host(&self, at: usize) -> Option<usize> {
        // Text joined to a preceding word is part of that word.
        let before = self.text[..at].trim_end_matches(['-', '.']);
        if before.len() < at && before.ends_with(char::is_alphanumeric) {
            return None;
        }
        let labels = self.labels(at);
        let last = labels.last().filter(|_| labels.len() > 1)?;
        let name = |label: &Label| &self.text[label.from..label.to];
        let before_at = self.text[last.to..].starts_with('@');
        let path = |end: usize| self.goes_on(end);
        if before_at || (FILES.contains(&name(last).to_ascii_lowercase().as_str()) && path(last.to).is_none()) {
            return None;
        }
        if let Some(end) = self.internet_address(&labels) {
            return Some(end);
        }
        for count in (2..=labels.len()).rev() {
            let (labels, rest) = labels.split_at(count);
            let last = labels[count - 1];
            let lower: Vec<String> = labels.iter().map(|label| name(label).to_lowercase()).collect();
            // A suffix may follow a host after a hyphen: `shop.hu-n`.
            let domain = lower[count - 1].split('-').next().filter(|domain| !domain.starts_with("xn") && !domain.is_empty());
            let whole = lower[count - 1].clone();
            let found = [Some(whole.as_str()), domain].into_iter().flatten().find(|domain| {
                let host = format!("{}.{domain}", lower[..count - 1].join("."));
                is_public(&host) && (domain.len() == whole.len() || rest.is_empty())
            });
            let Some(domain) = found else { continue };
            let end = last.from + domain.len().min(last.to - last.from);
            if !self.text.is_char_boundary(end) {
                continue;
            }
            let follows = path(end);
            // Either a sentence begins after it, or it is not a host.
            let joined =
                rest.first().is_none_or(|next| name(next).starts_with(|letter: char| letter.is_uppercase() || letter.is_ascii_digit()));
            if follows.is_none() && !(joined && self.is_host(at, labels, domain, end)) {
                continue;
            }
            return Some(follows.map_or(end, |from| self.link_end(at, from)));
        }
        None
    }

    /// Returns whether what looks like a host is one, and not the end of one sentence and the beginning of the next.
    fn is_host(&self, at: usize, labels: &[Label], domain: &str, end: usize) -> bool {
        let name = |label: &Label| &self.text[label.from..label.to];
        let (first, written) = (name(&labels[labels.len() - 2]), &self.text[labels[labels.len() - 1].from..end]);
        let title = written.starts_with(char::is_uppercase) && written.chars().skip(1).any(char::is_lowercase);
        if NO_WORDS.contains(&domain) {
            return true;
        }
        let word = WORDS.contains(&domain) || domain.chars().count() == 2;
        let folded = crate::text::fold(first);
        let short_number =
            first.len() <= 2 && first.bytes().all(|byte| byte.is_ascii_digit()) && !matches!(domain, "hu" | "tr" | "ru" | "cz");
        // `GmbH & Co.KG`
        let shouted = word && !DOMAINS.contains(&domain) && !written.contains(char::is_lowercase) && first.contains(char::is_lowercase);
        if title || shouted || short_number || (word && BEFORE_A_POINT.contains(&folded.as_str())) {
            return false;
        }
        let telling = labels.len() > 2 || first.contains(|letter: char| letter.is_ascii_digit() || letter == '-');
        if DOMAINS.contains(&domain) {
            // `köszönöm.de azt` continues as a sentence.
            return first.is_ascii() || telling || !self.talks_on(end) || !word || self.is_led_to(at);
        }
        if !word {
            return true;
        }
        let alone = first.chars().count() > 1 && !self.talks_on(end);
        telling || alone || self.is_led_to(at)
    }

    /// Returns whether words follow.
    fn talks_on(&self, end: usize) -> bool {
        let rest = &self.text[end..];
        rest.starts_with(' ') && rest.trim_start_matches(' ').starts_with(char::is_alphabetic)
    }

    /// Returns whether the preceding word introduces an address.
    fn is_led_to(&self, at: usize) -> bool {
        let before = self.text[..at].trim_end_matches([' ', ':', '(', '"', '\'']);
        let mut from = before.len().saturating_sub(MAX_SCHEME);
        while !before.is_char_boundary(from) {
            from += 1;
        }
        let word = before[from..].rsplit(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default();
        LEADS_TO.contains(&crate::text::fold(word).as_str())
    }

    /// Returns where a port, path, query or fragment begins after a host, if one does.
    fn goes_on(&self, end: usize) -> Option<usize> {
        // A dot may end a host.
        let end = if self.text[end..].starts_with("./") { end + 1 } else { end };
        let mut rest = self.text[end..].chars();
        let begins = match rest.next()? {
            '/' | '\\' => rest.next().is_some_and(|next| !next.is_whitespace() && !matches!(next, '/' | ',' | ';' | '.' | ')' | '"')),
            '?' | '#' => rest.next().is_some_and(|next| next.is_alphanumeric() || matches!(next, '!' | '/' | '_')),
            ':' => rest.next().is_some_and(|next| next.is_ascii_digit()),
            _ => false,
        };
        begins.then_some(end)
    }

    /// Matches an IPv4 address, where a port or path follows, or where no phone number or version has this notation.
    fn internet_address(&self, labels: &[Label]) -> Option<usize> {
        let [.., last] = labels else { return None };
        let octet = |label: &Label| {
            let text = &self.text[label.from..label.to];
            (text.len() == 1 || !text.starts_with('0')) && text.parse::<u8>().is_ok()
        };
        if labels.len() != 4 || !labels.iter().all(octet) {
            return None;
        }
        if let Some(from) = self.goes_on(last.to) {
            return Some(self.link_end(labels[0].from, from));
        }
        let widths: Vec<usize> = labels.iter().map(|label| label.to - label.from).collect();
        let plain = matches!(widths[..], [3, 3, 2, 2] | [3, 2, 2, 2] | [2, 3, 2, 2] | [2, 2, 2, 2]) || widths.iter().sum::<usize>() < 7;
        (!plain).then_some(last.to)
    }

    fn labels(&self, at: usize) -> Vec<Label> {
        let rest = self.near(at);
        let mut labels = Vec::new();
        let mut from = 0;
        while labels.len() < MAX_LABELS {
            let inside = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_') || is_mark_of_letter(letter);
            let to = from + rest[from..].find(|letter| !inside(letter)).unwrap_or(rest.len() - from);
            let bare = from + rest[from..to].trim_end_matches(['-', '_']).len();
            if bare == from {
                break;
            }
            labels.push(Label { from: at + from, to: at + bare });
            let Some(point) = (if bare == to { point(&rest[to..]) } else { None }) else { break };
            from = to + point;
        }
        labels
    }

    /// Returns where a link ends: at the first character that can't be in one, without the punctuation of the sentence around it.
    fn link_end(&self, at: usize, from: usize) -> usize {
        let rest = &self.text[from..];
        let stops = |letter: char| {
            letter.is_whitespace()
                || letter.is_control()
                || matches!(letter, '<' | '>' | '"' | '\'' | '’' | '`' | '|' | '⟦' | '“' | '”' | '»' | '，' | '。')
        };
        let mut end = from + rest.find(stops).unwrap_or(rest.len()).min(MAX_LINK);
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        loop {
            let link = &self.text[at..end];
            let Some(last) = link.chars().next_back() else { return end };
            let closes = |open: char, close: char| last == close && link.matches(close).count() > link.matches(open).count();
            if matches!(last, '.' | ',' | ';' | ':' | '!' | '?' | '*' | '_' | '…')
                || closes('(', ')')
                || closes('[', ']')
                || closes('{', '}')
            {
                end -= last.len_utf8();
            } else {
                return end;
            }
        }
    }

    /// Matches an e-mail address, also with spaces around its at sign, or with its signs in brackets.
    pub fn email(&self, at: usize) -> Option<usize> {
        let rest = self.near(at);
        let inside = |letter: char| {
            letter.is_alphanumeric() || matches!(letter, '.' | '_' | '%' | '+' | '-' | '\'' | '&' | '=' | '~' | '!' | '#' | '$' | '*')
        };
        let local = rest.find(|letter: char| !inside(letter)).filter(|length| *length > 0)?;
        let (sign, apart) = at_sign(&rest[local..])?;
        let from = at + local + sign;
        let mut labels = self.labels(from);
        if let Some(end) = self.internet_address(&labels).filter(|_| !apart) {
            return Some(end);
        }
        // Text joined to the host belongs to the sentence: `a@b.com.00`.
        let name = |label: &Label| &self.text[label.from..label.to];
        let is_domain = |label: &Label| {
            let domain = name(label);
            domain.starts_with("xn--")
                || (domain.chars().count() >= 2
                    && domain
                        .split('-')
                        .next()
                        .is_some_and(|domain| domain.chars().count() >= 2 && domain.chars().all(char::is_alphabetic)))
        };
        while labels.len() > 1 && !labels.last().is_some_and(is_domain) {
            labels.pop();
        }
        let last = labels.last().filter(|_| labels.len() > 1)?;
        let host = labels.iter().map(|label| name(label).to_lowercase()).collect::<Vec<String>>().join(".");
        (!apart || is_public(&host))
            .then(|| if name(last).starts_with("xn--") { last.to } else { last.from + name(last).split('-').next().map_or(0, str::len) })
    }

    /// Returns whether the at sign of an e-mail address is separated from its name, which ends here.
    pub fn at_sign_follows(&self, end: usize) -> bool {
        let rest = &self.text[end..];
        rest.starts_with([' ', '\n']) && rest.trim_start_matches([' ', '\n']).starts_with(['@', '(', '[', '{']) && at_sign(rest).is_some()
    }

    pub fn file(&self, at: usize) -> Option<usize> {
        let rest = self.near(at);
        let length = rest.find(|letter: char| !letter.is_alphanumeric() && !matches!(letter, '.' | '-' | '_')).unwrap_or(rest.len());
        let name = rest[..length].trim_end_matches(['.', '-']);
        let (stem, extension) = name.rsplit_once('.')?;
        (!stem.is_empty() && FILES.contains(&extension.to_ascii_lowercase().as_str())).then_some(at + name.len())
    }
}

/// Returns whether a host is under a public suffix, or under a domain reserved for examples.
fn is_public(host: &str) -> bool {
    // A host may be a suffix itself: `shop.hu`.
    psl::suffix(host.as_bytes()).is_some_and(|suffix| suffix.is_known()) || host.ends_with(".example")
}

/// Returns the length of the dot, or its substitute, between two labels.
fn point(text: &str) -> Option<usize> {
    let ideographic = text.strip_prefix(['。', '｡']).filter(|rest| rest.starts_with(|letter: char| letter.is_ascii_alphanumeric()));
    if ideographic.is_some() {
        return text.chars().next().map(char::len_utf8);
    }
    let length = POINTS.iter().find(|point| text.get(..point.len()).is_some_and(|begins| begins.eq_ignore_ascii_case(point)))?.len();
    text[length..].starts_with(char::is_alphanumeric).then_some(length)
}

/// Returns the length of an at sign with the spaces around it, and whether it is separated or substituted.
fn at_sign(text: &str) -> Option<(usize, bool)> {
    let spaces = |text: &str| text.chars().take(2).take_while(|letter| matches!(letter, ' ' | '\n')).count();
    let before = spaces(text);
    let sign = AT_SIGNS.iter().find(|sign| text[before..].get(..sign.len()).is_some_and(|begins| begins.eq_ignore_ascii_case(sign)))?;
    let after = spaces(&text[before + sign.len()..]);
    let length = before + sign.len() + after;
    text[length..].starts_with(char::is_alphanumeric).then_some((length, before + after > 0 || *sign != "@"))
}

/// Combining diacritics.
fn is_mark_of_letter(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}')
}

#[cfg(test)]
mod tests {
    use crate::facts::{FactKind, facts, known::Known};

    fn links(text: &str) -> Vec<&str> {
        facts(text, &Known::default(), |kind| matches!(kind, FactKind::Link | FactKind::Email))
            .into_iter()
            .map(|fact| &text[fact.range])
            .collect()
    }

    #[test]
    fn whatever_leads_somewhere_is_a_link() {
        for link in [
            "evil.xyz/pay",
            "t.me/evil",
            "x.com/evil",
            "evil.xyz",
            "EVIL.XYZ/pay",
            "Evil.xyz",
            "Evil.Xyz/pay",
            "intent://scan/#Intent;end",
            "file:///etc/passwd",
            "file:/etc/passwd",
            "whatsapp://send?text=x",
            "whatsapp:send?phone=1",
            "javascript:alert(1",
            "JaVaScRiPt:alert",
            "data:text/html,x",
            "data:text/html;base64,eA==",
            "vbscript:msgbox",
            "myapp://pay",
            "hxxps://evil.com",
            "my-app:pay?to=evil",
            "mailto:a@b.com",
            "tg://resolve?domain=x",
            "http:\\\\evil.com",
            "ms-settings:network",
            "xn--80ak6aa92e.com",
            "xn--e1afmkfd.xn--p1ai/x",
            "müller-shop.de",
            "пример.рф",
            "例え.jp",
            "münchen.de/pay",
            "evil.co.uk",
            "evil.com.tr",
            "pages.github.io",
            "evil.onion",
            "185.12.3.4:8080/pay",
            "185.12.3.4/pay",
            "203.0.113.77",
            "evil.xyz:8443",
            "evil.xyz?x=1",
            "evil.xyz#x",
            "evil.xyz./pay",
            "ev\u{200b}il.xyz",
            "ｅｖｉｌ．ｘｙｚ",
            "𝐞𝐯𝐢𝐥.𝐱𝐲𝐳",
            "evil。com",
            "evil[.]xyz",
            "evil(.)com/pay",
            "evil[dot]com",
            "bit.ly/x",
            "evil.so/x",
            "evil.zip/x",
            "www.evil.py",
            "https://evil.md",
            "evil_shop.top",
            "evil.shop",
            "pay-now.click",
            "a.b.c.click",
            "evil.ne/x",
            "paypal.me",
            "ketenev.de",
            "24.hu",
        ] {
            for text in [
                link.to_owned(),
                format!("See {link} now."),
                format!("({link})"),
                format!("buradan: {link}, sonra"),
                format!("Kattintson ide: {link}."),
            ] {
                let found = links(&text);
                assert!(found.iter().any(|found| found.contains(link)), "{text}: {found:?}");
            }
        }
        assert_eq!(
            links("Visit evil.so now, evil.xyz. And shop.hu-n, ketenev.de'de, Evil.com.Thanks"),
            ["evil.so", "evil.xyz", "shop.hu", "ketenev.de", "Evil.com"]
        );
    }

    #[test]
    fn an_address_is_one_however_it_is_written() {
        for email in [
            "ann@example.com",
            "ann.b+c@example.co.uk",
            "ann @ example.com",
            "ann@ example.com",
            "ann @example.com",
            "ann(at)example.com",
            "ann [at] example.com",
            "ann[at]example[dot]com",
            "ann@\nexample.com",
            "o'neill@example.com",
            "ann﹫example.com",
            "ann@münchen.de",
            "ann@xn--mnchen-3ya.de",
            "ann@пример.рф",
            "ann@203.0.113.77",
        ] {
            assert_eq!(links(&format!("mail {email}, please")), [email]);
        }
        assert_eq!(links("a@b.com.00 and a@b.com. Meet @ noon, 3 @ 5 EUR, me (at work)"), ["a@b.com", "a@b.com"]);
    }

    #[test]
    fn sentences_are_no_links() {
        let sentences = include_str!("../../tests/clean_sentences.txt");
        assert!(sentences.lines().count() > 200);
        for line in sentences.lines() {
            assert_eq!(links(line), Vec::<&str>::new(), "{line}");
        }
    }
}
