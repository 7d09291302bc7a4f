//! What numbers are: cards, accounts, identity numbers, phone numbers, amounts and codes.

use crate::facts::{
    FactKind,
    dates::date_at,
    groups::{Groups, spread},
    identifiers::identifier,
    number_labels::{Label, label_before},
    numbers::amount_at,
    spans::{FactScanner, Step},
    times::time_at,
};

/// The length of two times of day that a text begins with: `09.00-13.00`.
fn clock_range(text: &str) -> Option<usize> {
    let clock = |text: &str| -> Option<usize> {
        let (hour, rest) = text.split_once(['.', ':'])?;
        let minutes = rest.get(..2)?;
        let digits = |part: &str| !part.is_empty() && part.len() <= 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        let valid = digits(hour) && digits(minutes) && hour.parse::<u8>().ok()? <= 24 && minutes.parse::<u8>().ok()? < 60;
        valid.then_some(hour.len() + 3)
    };
    let dash = text[clock(text)?..].trim_start_matches(' ');
    let rest = dash.strip_prefix(['-', '–'])?.trim_start_matches(' ');
    Some(text.len() - rest.len() + clock(rest)?)
}

impl<W: Fn(FactKind) -> bool> FactScanner<'_, W> {
    /// A national identity or account number.
    pub fn identifier(&self, at: usize, label: impl Fn() -> Option<Label>) -> Option<Step> {
        let (kind, end) = identifier(self.text, at, label)?;
        self.of(kind, at, || Some(end))
    }

    /// What begins with a digit, or with what opens a phone number.
    pub fn number(&self, at: usize, begins: bool) -> Option<Step> {
        let digit = self.text.as_bytes()[at].is_ascii_digit();
        // An address, a known code or term may begin with a number.
        if begins && digit {
            let found = self.address(at, self.token(at)).or_else(|| self.known(at));
            if found.is_some() {
                return found;
            }
        }
        let groups = Groups::at(self.text, at);
        let label = if groups.is_long() { label_before(self.text, at) } else { None };
        let strict = self.known.is_strict();
        if strict && let Some(end) = groups.code(|digits| self.known.is_code(digits)) {
            return Some(Step::Past(end));
        }
        if begins
            && digit
            && let Some(fact) = self.identifier(at, || label)
        {
            return Some(fact);
        }
        // After `order`, only what is printed as a card is one.
        let is_code = strict && label == Some(Label::Code);
        let may_be = |kind: FactKind| !is_code || kind == FactKind::Card && groups.has_card_groups();
        if digit
            && let Some(fact) =
                spread(self.text, at).filter(|(kind, _)| may_be(*kind)).and_then(|(kind, end)| self.of(kind, at, || Some(end)))
        {
            return Some(fact);
        }
        if digit && let Some(length) = clock_range(&self.text[at..]) {
            return Some(Step::Past(at + length));
        }
        if digit && (date_at(self.text, at).is_some() || time_at(self.text, at).is_some()) {
            return None;
        }
        // The first digits of a phone number may prove themselves by chance.
        let by_chance = |end: usize| {
            strict
                && label != Some(Label::Id)
                && groups.phone().is_some_and(|phone| phone > end || phone == end && self.text[at..].starts_with('0'))
        };
        let card = || !is_code || groups.begins_as_card();
        let proven = groups.proven().filter(|(kind, end)| if *kind == FactKind::Card { card() } else { may_be(*kind) && !by_chance(*end) });
        let proven = proven.and_then(|(kind, end)| self.of(kind, at, || Some(end)));
        let somebodys = !strict || begins && !self.joins_code(at) && !matches!(label, Some(Label::Code | Label::Hotline));
        let phone = || {
            let said = if strict && label == Some(Label::Phone) { groups.any_phone() } else { None };
            groups.phone().or(said).filter(|end| !strict || !groups.is_hotline(*end)).filter(|end| !strict || !self.goes_on_as_code(*end))
        };
        let found = proven
            .or_else(|| if digit { self.of(FactKind::Amount, at, || amount_at(self.text, at)) } else { None })
            .or_else(|| if somebodys { self.of(FactKind::Phone, at, phone) } else { None })
            .or_else(|| if begins && digit { self.of(FactKind::Code, at, || self.code(at)) } else { None });
        // The groups of a number that is nobody's are not looked at one by one.
        let whole = || {
            let is_nobodys = strict && begins && !self.joins_code(at) && (!somebodys || groups.phone().is_some());
            let card = |at: usize| {
                let groups = Groups::at(self.text, at);
                groups.begins_as_card() || groups.has_card_groups() && spread(self.text, at).is_some_and(|(kind, _)| kind == FactKind::Card)
            };
            if is_nobodys { groups.end_before(card).map(Step::Past) } else { None }
        };
        found.or_else(whole)
    }

    /// Whether a number is the end of a code: `KE-05321234567`.
    fn joins_code(&self, at: usize) -> bool {
        let before = &self.text[..at];
        // `10.0.19045.3448`
        let version = before.strip_suffix('.').is_some_and(|before| before.ends_with(|letter: char| letter.is_ascii_digit()));
        version
            || before.ends_with(['-', '_', '/', '#']) && before[..before.len() - 1].ends_with(|letter: char| letter.is_ascii_alphanumeric())
            || before.ends_with('#')
    }

    /// Whether a code goes on after a number: `20-345-6789-F`.
    fn goes_on_as_code(&self, end: usize) -> bool {
        self.text[end..].strip_prefix(['-', '_', '/']).is_some_and(|rest| rest.starts_with(|letter: char| letter.is_ascii_uppercase()))
    }
}
