//! Corrections without a model: by the dictionaries of the machine, with the words of the shop and of the chat left alone.

use std::{cell::RefCell, collections::HashMap, sync::Arc};

use crate::{
    knowledge::{Knowledge, Term},
    spelling::{Dictionaries, Words, correct, package},
    task::{self, TaskError},
    text::Language,
};

/// Words of a text that are looked up in the knowledge base, each of which may read some documents.
const MAX_WRITTEN_LOOKUPS: usize = 200;

/// The corrector. A dictionary is read when its language is first corrected (3 to 30 MB, and up to half a second, off the threads that serve).
#[derive(Clone)]
pub struct Corrector {
    dictionaries: Dictionaries,
}

/// Words that are right whatever a dictionary says.
pub struct ShopVocabulary {
    /// Of the chat: its people, and references of its records.
    pub names: Vec<String>,
    pub glossary: Arc<Vec<Term>>,
    pub knowledge: Knowledge,
}

impl Corrector {
    /// A corrector by dictionaries.
    pub fn new(dictionaries: Dictionaries) -> Corrector {
        Corrector { dictionaries }
    }

    /// Whether texts in a language can be corrected; else the package that is missing, if it is known.
    pub fn knows(&self, language: &Language) -> Result<(), Option<&'static str>> {
        let package = package(language.primary()).ok_or(None)?;
        // The table of English misspellings needs no dictionary.
        let knows = language.primary() == "en" || self.dictionaries.is_installed(language.as_str());
        if knows { Ok(()) } else { Err(Some(package)) }
    }

    /// Corrects a text in a language.
    pub async fn correct(&self, text: String, language: Language, shop: ShopVocabulary) -> Result<String, TaskError> {
        let dictionaries = self.dictionaries.clone();
        let work = move || {
            let (dictionary, english) = (dictionaries.get(language.as_str()), dictionaries.get("en"));
            let known = shop.known(language.primary());
            let words = Words { dictionary: dictionary.as_deref(), english: english.as_deref(), shop: &known };
            correct(&text, language.primary(), words)
        };
        task::blocking("correcting with the built-in engine", work).await
    }
}

impl ShopVocabulary {
    /// Tells whether a word, in lower case, is one of these.
    fn known(self, language: &str) -> impl Fn(&str) -> bool {
        let terms = self.glossary.iter().flat_map(|term| std::iter::once(&term.term).chain(term.words.values()));
        let words = self.names.iter().chain(terms).flat_map(|name| name.split(|letter: char| !letter.is_alphanumeric()));
        let lower = |word: &str| [word.to_lowercase(), word.replace('I', "ı").replace('İ', "i").to_lowercase()];
        let own: HashMap<String, bool> = words.filter(|word| !word.is_empty()).flat_map(lower).map(|word| (word, true)).collect();
        let (seen, knowledge, language) = (RefCell::new((own, MAX_WRITTEN_LOOKUPS)), self.knowledge, language.to_owned());
        move |word| {
            let mut seen = seen.borrow_mut();
            if let Some(known) = seen.0.get(word) {
                return *known;
            }
            if seen.1 == 0 {
                return false;
            }
            seen.1 -= 1;
            // An index that fails is looked through elsewhere; here its words are no more than a help.
            let known = knowledge.writes(word, &language).unwrap_or(false);
            seen.0.insert(word.to_owned(), known);
            known
        }
    }
}
