//! The personal facts that were found in texts, kept for the next draft: a chat's messages do not change, and to search them again is what
//! a draft would spend most time on.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    num::NonZero,
    sync::{Arc, Mutex, PoisonError},
};

use lru::LruCache;

use crate::facts::{Fact, Known};

/// Texts whose facts are kept: at some 100 bytes each, 5 MB.
const KEPT: NonZero<usize> = NonZero::new(50_000).expect("not zero");

/// Where facts stand in texts, by keyed hashes of the texts and of what was known: neither can be read from here.
#[derive(Debug)]
pub struct FoundFacts {
    kept: Mutex<LruCache<[u64; 2], Arc<[Fact]>>>,
    hashers: [RandomState; 2],
}

impl Default for FoundFacts {
    fn default() -> FoundFacts {
        FoundFacts { kept: Mutex::new(LruCache::new(KEPT)), hashers: [RandomState::new(), RandomState::new()] }
    }
}

impl FoundFacts {
    /// A fingerprint of what is known.
    pub fn fingerprint_of(&self, known: &Known) -> [u64; 2] {
        self.hashed(known)
    }

    /// The facts of a text by what is known, found if they are not kept. The shop's own texts are searched in another way than what people
    /// write.
    pub fn of(&self, known: [u64; 2], text: &str, is_shops: bool, find: impl FnOnce() -> Vec<Fact>) -> Arc<[Fact]> {
        let key = self.hashed(&(known, text, is_shops));
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let before = kept().get(&key).cloned();
        before.unwrap_or_else(|| {
            let found: Arc<[Fact]> = find().into();
            kept().put(key, Arc::clone(&found));
            found
        })
    }

    fn hashed(&self, value: &impl Hash) -> [u64; 2] {
        self.hashers.each_ref().map(|hasher| hasher.hash_one(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        chats::{Chat, Customer},
        config::PersonalData,
        replies::masking::Masker,
        text::Language,
    };

    #[test]
    fn what_is_kept_is_of_the_same_text_and_of_what_was_known_then() {
        let (settings, found, english) = (PersonalData::default(), FoundFacts::default(), Language::parse("en").unwrap());
        let chat = |name: &str| Chat { customer: Customer { name: name.into(), ..Customer::default() }, ..Chat::default() };
        let [elif, ada] = ["Elif Kaya", "Ada Byron"].map(chat);
        let text = "Elif Kaya and Ada Byron, 0532 123 45 67";
        for _ in 0..2 {
            for (chat, masked) in [(&elif, "⟦NAME_1⟧ and Ada Byron, ⟦PHONE_2⟧"), (&ada, "Elif Kaya and ⟦NAME_1⟧, ⟦PHONE_2⟧")]
            {
                let mut masker = Masker::of(&settings, std::iter::once(chat), &english).keeping(&found);
                assert_eq!(masker.mask(text), masked);
            }
        }
        let mut masker = Masker::of(&settings, std::iter::once(&elif), &english).keeping(&found);
        let part = "to Rose Lane, please";
        assert_eq!(masker.mask(part), part);
        masker.know_addresses_in("I live at 14 Rose Lane, Bath BA1 1AA.");
        assert_eq!(masker.mask(part), "to ⟦ADDRESS_1⟧, please", "what is learned holds for texts that were searched before");
        // A shop's text is searched in its own way, though its words are the same.
        let shops = "Write to 14 Market Square, York YO1 8SL";
        assert_ne!(masker.mask(shops), shops);
        let mut masker = Masker::of(&settings, std::iter::once(&elif), &english).keeping(&found);
        assert_eq!(masker.mask_source(shops), shops);
    }
}
