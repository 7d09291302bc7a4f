//! Hunspell's dictionaries, read from a folder of the machine when they are first needed.

use std::{
    borrow::Cow,
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

/// A flag that no dictionary has: it takes the place of 0, which spellbook reserves.
const UNUSED_FLAG: &str = "65509";
/// A larger file is no dictionary (the largest known has 9 MB).
const MAX_BYTES: u64 = 64 << 20;

/// The words of one language.
pub struct Dictionary(spellbook::Dictionary);

impl Dictionary {
    /// Reads a dictionary from its affixes and its words.
    pub fn parse(affixes: &str, words: &str) -> Result<Dictionary, String> {
        let (affixes, words) = without_flag_zero(affixes, words);
        spellbook::Dictionary::new(&affixes, &words).map(Dictionary).map_err(|error| error.to_string())
    }

    fn read(affixes: &Path) -> Result<Dictionary, String> {
        let text = |path: &Path| read_text(path).map_err(|error| format!("`{}` can't be read: {error}", path.display()));
        let (rules, words) = (text(affixes)?, text(&affixes.with_extension("dic"))?);
        Dictionary::parse(&rules, &words).map_err(|error| format!("`{}` is no dictionary: {error}", affixes.display()))
    }

    /// Whether a word is right as it is written.
    pub fn has(&self, word: &str) -> bool {
        self.0.check(word)
    }
}

type Loaded = Arc<OnceLock<Option<Arc<Dictionary>>>>;

/// The dictionaries of a folder. Clones share what was read.
#[derive(Clone)]
pub struct Dictionaries {
    folder: PathBuf,
    /// By the file of their affixes.
    loaded: Arc<Mutex<HashMap<PathBuf, Loaded>>>,
}

impl Dictionaries {
    /// Nothing is read yet.
    pub fn new(folder: PathBuf) -> Dictionaries {
        Dictionaries { folder, loaded: Arc::default() }
    }

    /// Whether the folder has a dictionary for a language.
    pub fn is_installed(&self, tag: &str) -> bool {
        self.file(tag).is_some()
    }

    /// The dictionary for a language; the first call reads it, which takes up to half a second. `None`: there is none that can be read.
    pub fn get(&self, tag: &str) -> Option<Arc<Dictionary>> {
        let file = self.file(tag)?;
        let loaded = Arc::clone(self.loaded.lock().unwrap_or_else(PoisonError::into_inner).entry(file.clone()).or_default());
        let read = || match Dictionary::read(&file) {
            Ok(dictionary) => Some(Arc::new(dictionary)),
            Err(problem) => {
                tracing::warn!(problem, "a spelling dictionary is left out");
                None
            }
        };
        loaded.get_or_init(read).clone()
    }

    /// Whether a word in lower case is right in a language, as far as its dictionary tells: false without one.
    pub fn knows(&self, tag: &str, lower: &str) -> bool {
        let capitalized = || lower.chars().take(1).flat_map(char::to_uppercase).chain(lower.chars().skip(1)).collect::<String>();
        self.get(tag).is_some_and(|dictionary| dictionary.has(lower) || dictionary.has(&capitalized()))
    }

    /// The file of the affixes for a language: of its region, else of its home, else of no region, else of any.
    fn file(&self, tag: &str) -> Option<PathBuf> {
        let mut subtags = tag.split('-');
        let primary = subtags.next().unwrap_or_default();
        let region = subtags.find(|subtag| subtag.len() == 2).map(|region| format!("{primary}_{region}"));
        let home = if primary == "en" { "en_US".to_owned() } else { format!("{primary}_{}", primary.to_uppercase()) };
        let of_any_region = || {
            let names = fs::read_dir(&self.folder).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
            let stems = names.filter_map(|name| name.strip_suffix(".aff").map(str::to_owned));
            stems.filter(|stem| stem.strip_prefix(primary).is_some_and(|rest| rest.starts_with('_'))).min()
        };
        let path = |stem: &str| self.folder.join(format!("{stem}.aff"));
        let is_there = |stem: &str| path(stem).is_file() && path(stem).with_extension("dic").is_file();
        let found = region.into_iter().chain([home, primary.to_owned()]).find(|stem| is_there(stem));
        found.or_else(|| of_any_region().filter(|stem| is_there(stem))).map(|stem| path(&stem))
    }
}

/// Some dictionaries have comments in another encoding than UTF-8; their words are not in it.
fn read_text(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.len() > MAX_BYTES {
        return Err(io::Error::other("it is too large"));
    }
    Ok(match String::from_utf8(fs::read(path)?) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

/// The Turkish dictionary numbers its flags from 0, which spellbook refuses: they get a number that is free.
fn without_flag_zero<'a>(affixes: &'a str, words: &'a str) -> (Cow<'a, str>, Cow<'a, str>) {
    let is_numbered = affixes.lines().any(|line| line.split_whitespace().eq(["FLAG", "num"]));
    if !is_numbered || !affixes.lines().any(|line| line.starts_with("SFX 0 ") || line.starts_with("PFX 0 ")) {
        return (Cow::Borrowed(affixes), Cow::Borrowed(words));
    }
    let renamed_flags = |flags: &str| {
        let renamed = flags.split(',').map(|flag| if flag.trim_end() == "0" { UNUSED_FLAG } else { flag });
        renamed.collect::<Vec<&str>>().join(",")
    };
    let mut renamed_words = String::with_capacity(words.len());
    for line in words.lines() {
        match line.split_once('/') {
            Some((word, flags)) => {
                renamed_words.push_str(word);
                renamed_words.push('/');
                renamed_words.push_str(&renamed_flags(flags));
            }
            None => renamed_words.push_str(line),
        }
        renamed_words.push('\n');
    }
    let rename_rule = |line: &str| match line.split_once("FX 0 ") {
        Some((kind, rest)) if kind.len() == 1 => format!("{kind}FX {UNUSED_FLAG} {rest}\n"),
        _ => format!("{line}\n"),
    };
    (Cow::Owned(affixes.lines().map(rename_rule).collect()), Cow::Owned(renamed_words))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AFFIXES: &str = "SET UTF-8\n";

    fn folder(stems: &[&str]) -> (tempfile::TempDir, Dictionaries) {
        let folder = tempfile::tempdir().unwrap();
        for stem in stems {
            fs::write(folder.path().join(format!("{stem}.aff")), AFFIXES).unwrap();
            fs::write(folder.path().join(format!("{stem}.dic")), format!("2\nword\n{}\n", stem.to_lowercase().replace('_', ""))).unwrap();
        }
        let dictionaries = Dictionaries::new(folder.path().to_owned());
        (folder, dictionaries)
    }

    #[test]
    fn the_nearest_region_is_chosen() {
        let (_folder, dictionaries) = folder(&["de_BE", "de_DE", "en_US", "en_GB", "fr", "fr_CA", "pt_BR", "pt_AO"]);
        for (tag, word) in
            [("de", "dede"), ("de-AT", "dede"), ("de-BE", "debe"), ("en", "enus"), ("en-GB", "engb"), ("fr-CH", "fr"), ("pt", "ptao")]
        {
            assert!(dictionaries.is_installed(tag));
            assert!(dictionaries.get(tag).unwrap().has(word), "{tag}");
        }
        assert!(!dictionaries.is_installed("tr") && dictionaries.get("tr").is_none());
        assert!(!dictionaries.is_installed("p"), "no other language begins so");
    }

    #[test]
    fn a_dictionary_is_read_once_for_all_and_a_broken_one_is_none() {
        let (folder, dictionaries) = folder(&["hu_HU", "tr_TR"]);
        let first = dictionaries.get("hu").unwrap();
        assert!(Arc::ptr_eq(&first, &dictionaries.clone().get("hu-HU").unwrap()));
        fs::write(folder.path().join("tr_TR.aff"), "FLAG nonsense\n").unwrap();
        assert!(dictionaries.get("tr").is_none());
        fs::remove_file(folder.path().join("hu_HU.dic")).unwrap();
        assert!(!dictionaries.is_installed("hu"), "half a dictionary is none");
    }

    #[test]
    fn flags_named_zero_and_comments_in_another_encoding_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let affixes = b"# \xe9kezet\nSET UTF-8\nFLAG num\nSFX 0 N 1\nSFX 0 0 a .\nSFX 10 N 1\nSFX 10 0 lar .\n";
        fs::write(folder.path().join("tr.aff"), affixes).unwrap();
        fs::write(folder.path().join("tr.dic"), "2\nkargo/0,10\nad/10,0\n").unwrap();
        let dictionary = Dictionaries::new(folder.path().to_owned()).get("tr").unwrap();
        for word in ["kargo", "kargoa", "kargolar", "ada", "adlar"] {
            assert!(dictionary.has(word), "{word}");
        }
        assert!(!dictionary.has("kargo0"));
    }
}
