//! Names in a draft: whom it greets, who signs it, who it says is writing.

use crate::{
    lexicon,
    text::{fold, sentences},
};

/// A name that is not the one it should be.
pub struct WrongName<'a> {
    pub excerpt: &'a str,
    /// Whether it should be the customer's, else the agent's.
    pub customer: bool,
}

/// Whose names a draft may have.
pub struct KnownNames<'a> {
    /// The customer's.
    pub customer: &'a [String],
    /// The name of the agent who sends the draft; empty if not known.
    pub agent: &'a str,
    /// Names of other agents who wrote in the chat: they don't sign.
    pub other_agents: &'a [String],
    /// All texts in which names of the shop's people stand.
    pub shop: &'a str,
    /// What the customer wrote.
    pub said: &'a str,
}

/// The wrong names of a draft.
pub fn wrong_names<'a>(draft: &'a str, names: &KnownNames<'_>) -> Vec<WrongName<'a>> {
    let KnownNames { customer, agent, other_agents, shop, said } = *names;
    let customer: Vec<String> = customer.iter().flat_map(|name| words(name)).map(|(word, _)| fold(word)).collect();
    let known = |text: &str| words(text).map(|(word, _)| fold(word)).collect::<Vec<String>>();
    let (shop, said) = (known(shop), known(said));
    let mut wrong = Vec::new();
    if let Some((name, excerpt)) = greeted(draft) {
        let fits = |word: &String| {
            is_named(word, &customer) || (customer.is_empty() && said.contains(word)) || shop.contains(word) && is_nickname(word, &customer)
        };
        if !name.iter().all(fits) {
            wrong.push(WrongName { excerpt, customer: true });
        }
    }
    let (agent, others) = (known(agent), known(&other_agents.join("\n")));
    for (name, excerpt) in signed(draft).into_iter().chain(introduced(draft)) {
        let of_another = !agent.is_empty() && name.iter().any(|word| is_named(word, &others) && !is_named(word, &agent));
        if of_another || !name.iter().all(|word| is_named(word, &shop)) {
            wrong.push(WrongName { excerpt, customer: false });
        }
    }
    let anyone = |word: &String| is_named(word, &customer) || is_named(word, &shop) || said.contains(word);
    for (name, excerpt) in titled(draft).into_iter().chain(addressed(draft)) {
        let again = wrong.iter().any(|wrong| wrong.excerpt.contains(excerpt) || excerpt.contains(wrong.excerpt));
        if !again && !customer.is_empty() && !name.iter().all(anyone) {
            wrong.push(WrongName { excerpt, customer: true });
        }
    }
    wrong
}

/// Names after a title, anywhere in a draft: `Mr Brandt`, `Frau Weber`. Those before one are told where they greet.
fn titled(draft: &str) -> Vec<(Vec<String>, &str)> {
    let all: Vec<(&str, usize)> = words(draft).collect();
    let is_title = |word: &str| word.starts_with(char::is_uppercase) && lexicon::any(|lexicon| lexicon.titles.before.contains(&fold(word)));
    let name = |pair: &[(&'_ str, usize)]| -> Option<(Vec<String>, (usize, usize))> {
        let [(title, at), (name, start)] = pair else { return None };
        let between = &draft[at + title.len()..*start];
        let named = is_title(title)
            && !is_title(name)
            && name.starts_with(char::is_uppercase)
            && name.chars().count() > 2
            && matches!(between, " " | ". ");
        named.then(|| (vec![fold(name)], (*start, start + name.len())))
    };
    all.windows(2).filter_map(name).map(|(folded, (from, to))| (folded, &draft[from..to])).collect()
}

/// The name by which a sentence addresses its reader at its end: `Sorry about the lid, Nadia.`
fn addressed(draft: &str) -> Vec<(Vec<String>, &str)> {
    let name = |sentence: &'_ str| -> Option<usize> {
        let bare = sentence.trim_end_matches(['.', '!', '?', ' ']);
        let (before, last) = bare.rsplit_once(", ")?;
        let capital = last.starts_with(char::is_uppercase) && last.chars().skip(1).all(char::is_lowercase) && last.chars().count() > 2;
        let ends = bare.len() < sentence.len();
        // A list ends with capitals as well: `Austria, Slovenia, Italy.`
        let lists = before.rsplit([',', ' ']).next().is_some_and(|word| word.starts_with(char::is_uppercase)) || before.contains(':');
        (capital && ends && !lists && before.split_whitespace().count() >= 3).then_some(last.as_ptr() as usize)
    };
    let found = sentences(draft).filter_map(name).map(|place| place - draft.as_ptr() as usize);
    found
        .map(|start| &draft[start..start + draft[start..].find(|letter: char| !letter.is_alphabetic()).unwrap_or(draft.len() - start)])
        .map(|word| (vec![fold(word)], word))
        .collect()
}

/// A name with any ending, or its beginning.
fn is_named(word: &str, names: &[String]) -> bool {
    names.iter().any(|name| {
        word == name
            || (name.len() > 2 && word.strip_prefix(name.as_str()).is_some_and(|rest| rest.len() <= 4))
            || (word.len() > 3 && name.starts_with(word))
    })
}

fn is_nickname(word: &str, names: &[String]) -> bool {
    let begins: String = word.chars().take(3).collect();
    names.iter().any(|name| name.starts_with(&begins))
}

/// The name in the first line's greeting, word by word without accents, and as it stands there.
fn greeted(draft: &str) -> Option<(Vec<String>, &str)> {
    let line = draft.trim_start().lines().next()?;
    let end = line.find([',', '!', '.', ':', ';', '?', '–', '—', '(']).unwrap_or(line.len());
    // `Dr. Hartwig` goes on after its point.
    let end = match line[..end].rsplit(' ').next().map(fold).as_deref() {
        Some(last) if lexicon::any(|words| words.titles.abbreviated.contains(last)) => {
            end + 1 + line[end + 1..].find([',', '!', '.', ':', ';', '?']).unwrap_or(line.len() - end - 1)
        }
        _ => end,
    };
    let greeting = &line[..end.min(line.len())];
    // A Turkish greeting ends with the title, whatever follows it.
    let title = words(greeting).find(|(word, _)| ends_greeting(&fold(word)));
    let greeting = title.map_or(greeting, |(word, at)| &greeting[..at + word.len()]);
    let all: Vec<(&str, usize)> = words(greeting).collect();
    let greets = all.iter().any(|(word, _)| {
        let folded = fold(word);
        lexicon::any(|lexicon| lexicon.greetings.begin(&folded)) || ends_greeting(&folded)
    });
    let opening = !greets && all.len() <= 2 && end < line.len() && line[end..].starts_with([',', '!']);
    if !(greets || opening) || all.len() > 7 {
        return None;
    }
    let named: Vec<(&str, usize)> = all
        .into_iter()
        .filter(|(word, _)| word.starts_with(char::is_uppercase) && !is_plain(&fold(word)) && word.chars().count() > 1)
        .collect();
    // A single word without a greeting may be any: `Super!`.
    if named.is_empty() || !greets {
        return None;
    }
    // Before a Turkish title stands the name, whatever begins the sentence.
    let named = if title.is_some() { before_title(greeting) } else { named };
    if named.is_empty() {
        return None;
    }
    // Customers, a team, ladies and gentlemen.
    if named.iter().any(|(word, _)| lexicon::any(|lexicon| lexicon.greetings.nobody.begin(&fold(word)))) {
        return None;
    }
    let (first, last) = (named[0].1, named[named.len() - 1]);
    Some((named.iter().map(|(word, _)| fold(word)).collect(), &greeting[first..last.1 + last.0.len()]))
}

/// The name that stands before a title at a greeting's end: up to two capitalised words that greet nobody.
fn before_title(greeting: &str) -> Vec<(&str, usize)> {
    let all: Vec<(&str, usize)> = words(greeting).collect();
    let before = all[..all.len() - 1].iter().rev().copied();
    let mut named: Vec<(&str, usize)> =
        before.take_while(|(word, _)| word.starts_with(char::is_uppercase) && !is_plain(&fold(word))).take(2).collect();
    // What begins the line may be any word: `Teşekkürler Mert Bey`.
    if named.len() == 2 && named[1].1 == 0 {
        named.pop();
    }
    named.reverse();
    named
}

/// The name under a draft: a short last line of capitalised words after a sign-off, or on the line of it.
fn signed(draft: &str) -> Option<(Vec<String>, &str)> {
    let lines: Vec<&str> = draft.trim_end().lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = *lines.last()?;
    let is_sign_off = |line: &str| words(line).count() <= 6 && words(line).any(|(word, _)| signs_off(&fold(word)));
    // The name may be followed by what the shop calls itself.
    let off = (lines.len().saturating_sub(4)..lines.len()).rev().find(|at| is_sign_off(lines[*at]) && at + 1 < lines.len());
    let name = match off.filter(|_| !is_sign_off(last)) {
        Some(off) => lines[off + 1],
        None => {
            // `…! Liebe Grüße, Aylin`
            let sentence = last.rsplit(['!', '.', '?']).map(str::trim).find(|part| !part.is_empty())?;
            let (off, name) = sentence.rsplit_once(',').or_else(|| sentence.rsplit_once(' '))?;
            if !is_sign_off(off) {
                return None;
            }
            name.trim()
        }
    };
    let capitals: Vec<&str> = words(name).map(|(word, _)| word).collect();
    let is_name = (1..=3).contains(&capitals.len()) && capitals.iter().all(|word| word.starts_with(char::is_uppercase));
    let name = name.trim_end_matches(|letter: char| !letter.is_alphanumeric());
    (is_name && !capitals.iter().any(|word| signs_off(&fold(word)))).then(|| (capitals.iter().map(|word| fold(word)).collect(), name))
}

/// The names that a draft's writer gives themselves.
fn introduced(draft: &str) -> Vec<(Vec<String>, &str)> {
    let mut found = Vec::new();
    for line in draft.lines() {
        let all: Vec<(&str, usize)> = words(line).collect();
        for (place, (word, at)) in all.iter().enumerate() {
            let is_name = word.starts_with(char::is_uppercase) && word.chars().count() > 2 && word.chars().skip(1).all(char::is_lowercase);
            if !is_name {
                continue;
            }
            let before = format!(" {}", fold(&line[..*at]).replace('’', "'"));
            let introduces = lexicon::any(|lexicon| lexicon.signatures.before_name.end_text(&before));
            let next = all.get(place + 1).map(|(word, _)| fold(word));
            let begins = place == 0 || before.trim_end().ends_with(['.', '!', '?', ',']);
            let is_named_after = next.is_some_and(|next| lexicon::any(|lexicon| lexicon.signatures.after_name.contains(&next)))
                && begins
                && fold(word) != "all";
            // German nouns and Turkish sentence beginnings are capitalised: a name is followed by what ends or goes on with `from`.
            // A surname goes with it.
            let surname = line[at + word.len()..].strip_prefix(' ').filter(|rest| rest.starts_with(char::is_uppercase));
            let surname = surname.map_or(0, |rest| 1 + rest.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(rest.len()));
            let rest = line[at + word.len() + surname..].trim_start();
            let next_word = fold(&rest[..rest.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(rest.len())]);
            let ends = rest.is_empty()
                || rest.starts_with(|next: char| !next.is_alphanumeric())
                || lexicon::any(|lexicon| lexicon.signatures.goes_on.begin(&next_word));
            if (introduces && ends) || is_named_after {
                found.push((vec![fold(word)], *word));
            }
        }
    }
    found
}

fn ends_greeting(folded: &str) -> bool {
    lexicon::any(|words| words.titles.ends_greeting.contains(folded))
}

/// Whether a folded word of a greeting is no name: a greeting itself, a title, or what joins them.
fn is_plain(folded: &str) -> bool {
    lexicon::any(|words| words.greetings.has_word(folded) || words.titles.has(folded) || words.greetings.fillers.contains(folded))
}

fn signs_off(folded: &str) -> bool {
    lexicon::any(|words| words.signatures.sign_offs.contains(folded))
}

/// The words of a text, with where they begin; a hyphen or an apostrophe inside belongs to a word, what follows an apostrophe of Turkish does not.
fn words(text: &str) -> impl Iterator<Item = (&str, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text[at..].find(char::is_alphabetic)?;
        let length = text[start..].find(|letter: char| !letter.is_alphanumeric()).unwrap_or(text.len() - start);
        at = start + length;
        // An ending after an apostrophe is no word.
        if text[at..].starts_with(['\'', '’']) {
            let rest = &text[at..];
            let width = rest.chars().next().map_or(0, char::len_utf8);
            let ending = rest[width..].find(|letter: char| !letter.is_lowercase()).unwrap_or(rest.len() - width);
            at += width + ending;
        }
        Some((&text[start..start + length], start))
    })
}
