//! The account of a run: what came, what is listed because it can't be kept, and what was broken.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    io::{IsTerminal, stderr},
    path::Path,
    sync::Arc,
};

use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::cli::call::describe;

/// Problems that are printed, each on a line; the rest is counted.
const MAX_PRINTED: u64 = 200;
/// Examples of ids that are listed with a kind.
const MAX_EXAMPLES: usize = 3;
/// Longest id among the examples, in characters.
const MAX_EXAMPLE: usize = 60;
/// Longest text of a kind and of a problem, in characters: both may have words of the source in them.
const MAX_TEXT: usize = 400;
/// Kinds that are listed, at most: a file of another source has as many as it has fields.
const MAX_KINDS: usize = 200;
/// What became of a chat.
pub const NEW_CHATS: &str = "chats, with something new";
pub const KNOWN_CHATS: &str = "chats, there already";

/// Where something stands in a file.
#[derive(Debug, Clone)]
pub struct Place {
    pub file: Arc<Path>,
    /// From 1; 0 if the file has no lines to count by.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.file.display())?;
        if self.line > 0 { write!(formatter, ":{}", self.line) } else { Ok(()) }
    }
}

/// Says what to do about an error that ends a run.
pub fn advice(status: &Status) -> String {
    let what = match status.code() {
        Code::Unauthenticated => "name a key of the server with --key or DESKHAND_KEY (`deskhand keys create` makes one)",
        Code::PermissionDenied => "chats need a key with scope `agent`, documents one with scope `author`",
        _ if status.get_error_details().retry_info().is_some() => "run the same command later; it goes on where it stopped",
        _ => "run the same command again once the server answers; what is there already is not written twice",
    };
    format!("{}; {what}", describe(status))
}

/// Whether nothing more can be sent after this error.
pub fn is_fatal(status: &Status) -> bool {
    match status.code() {
        Code::InvalidArgument | Code::FailedPrecondition | Code::AlreadyExists | Code::NotFound | Code::OutOfRange => false,
        // What is too large says so without a time to try again.
        Code::ResourceExhausted => status.get_error_details().retry_info().is_some(),
        _ => true,
    }
}

/// What was listed of a kind.
#[derive(Debug, Default)]
struct Listed {
    count: u64,
    examples: Vec<String>,
}

/// The account of a run.
#[derive(Debug, Default)]
pub struct Account {
    counts: BTreeMap<&'static str, u64>,
    /// What each chat was counted as, by a hash of its id.
    chats: HashMap<u64, &'static str>,
    listed: BTreeMap<String, Listed>,
    unlisted: u64,
    broken: u64,
}

impl Account {
    /// Counts what came.
    pub fn count(&mut self, what: &'static str, number: u64) {
        *self.counts.entry(what).or_default() += number;
    }

    /// Counts a chat once, in however many parts it comes. That a part had something new counts for the whole.
    pub fn count_chat(&mut self, chat_id: &str, what: &'static str) {
        let mut hasher = DefaultHasher::new();
        chat_id.hash(&mut hasher);
        let key = hasher.finish();
        let before = self.chats.get(&key).copied();
        if before.is_some_and(|before| before == what || what != NEW_CHATS) {
            return;
        }
        if let Some(count) = before.and_then(|before| self.counts.get_mut(before)) {
            *count -= 1;
        }
        self.chats.insert(key, what);
        self.count(what, 1);
    }

    /// Lists what an object has and is not kept, with the object's id.
    pub fn list(&mut self, what: impl Into<String>, id: &str) {
        let what = line(&what.into());
        if self.listed.len() >= MAX_KINDS && !self.listed.contains_key(&what) {
            self.unlisted += 1;
            return;
        }
        let listed = self.listed.entry(what).or_default();
        listed.count += 1;
        let id: String = id.chars().filter(|letter| !letter.is_control()).take(MAX_EXAMPLE).collect();
        if listed.examples.len() < MAX_EXAMPLES && !listed.examples.contains(&id) && !id.is_empty() {
            listed.examples.push(id);
        }
    }

    /// Tells what can't be taken, at once. The run goes on.
    pub fn broken(&mut self, place: &Place, problem: impl fmt::Display) {
        self.broken += 1;
        if self.broken <= MAX_PRINTED {
            if stderr().is_terminal() {
                // In the place of the progress bar, which is drawn again below it.
                eprint!("\r\x1b[K");
            }
            eprintln!("{place}: {}", line(&problem.to_string()));
        } else if self.broken == MAX_PRINTED + 1 {
            eprintln!("more problems are only counted");
        }
    }

    /// Whether something was broken.
    pub fn is_broken(&self) -> bool {
        self.broken > 0
    }

    /// How much came of a kind.
    pub fn counted(&self, what: &str) -> u64 {
        self.counts.get(what).copied().unwrap_or_default()
    }

    /// How much came, of all kinds.
    pub fn came(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Adds another account of the same run.
    pub fn add(&mut self, other: Account) {
        let Account { counts, chats, listed, unlisted, broken } = other;
        self.chats.extend(chats);
        for (what, number) in counts {
            self.count(what, number);
        }
        for (what, Listed { count, examples }) in listed {
            let kept = self.listed.entry(what).or_default();
            kept.count += count;
            kept.examples.extend(examples);
            kept.examples.truncate(MAX_EXAMPLES);
        }
        self.unlisted += unlisted;
        self.broken += broken;
    }

    /// Prints the account on standard output.
    pub fn print(&self) {
        for (what, number) in self.counts.iter().filter(|(what, number)| **number > 0 || **what != KNOWN_CHATS) {
            println!("{what}: {number}");
        }
        if !self.listed.is_empty() {
            println!("not kept, or not as it was:");
        }
        for (what, Listed { count, examples }) in &self.listed {
            let examples = if examples.is_empty() { String::new() } else { format!(" ({})", examples.join(", ")) };
            println!("  {what}: {count}{examples}");
        }
        if self.unlisted > 0 {
            println!("  of further kinds: {}", self.unlisted);
        }
        if self.broken > 0 {
            println!("broken: {}", self.broken);
        }
    }
}

/// A text of a bounded length without what moves a terminal's cursor.
fn line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(MAX_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chat_in_several_parts_is_one() {
        let mut account = Account::default();
        for (chat_id, what) in
            [("1", KNOWN_CHATS), ("2", NEW_CHATS), ("1", NEW_CHATS), ("2", KNOWN_CHATS), ("3", KNOWN_CHATS), ("1", NEW_CHATS)]
        {
            account.count_chat(chat_id, what);
        }
        let mut whole = Account::default();
        whole.add(account);
        assert_eq!((whole.counted(NEW_CHATS), whole.counted(KNOWN_CHATS)), (2, 1));
    }
}
