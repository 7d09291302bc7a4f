//! Sentence segmentation.

/// Returns a text's sentences, each without surrounding white space.
pub fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start();
            if rest.is_empty() {
                return None;
            }
            let end = sentence_end(rest);
            let (sentence, after) = rest.split_at(end);
            rest = after;
            let sentence = sentence.trim_end();
            if !sentence.is_empty() {
                return Some(sentence);
            }
        }
    })
}

/// Returns the sentence around a byte offset; `None` between sentences.
pub fn sentence_at(text: &str, place: usize) -> Option<&str> {
    sentences(text).find(|sentence| {
        let start = sentence.as_ptr() as usize - text.as_ptr() as usize;
        (start..start + sentence.len()).contains(&place)
    })
}

/// Titles and the like that a point follows, before a name.
const BEFORE_NAMES: [&str; 16] = ["Dr", "Mr", "Ms", "Mrs", "Hr", "Fr", "Sn", "Av", "Prof", "Ing", "St", "Sr", "Sra", "Mme", "Op", "Doç"];

fn sentence_end(text: &str) -> usize {
    let mut letters = text.char_indices().peekable();
    let mut word_began = 0;
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\n' => return at,
            '.' | '!' | '?' | '…' => {
                let Some((next_at, next)) = letters.peek().copied() else { return text.len() };
                // `12.12.2026`, `No. 5` and `Str. 3` do not end a sentence.
                let abbreviated = letter == '.'
                    && at - word_began <= 4
                    && text[next_at..].trim_start().starts_with(|next: char| next.is_ascii_digit() || next.is_lowercase());
                // `am 27. Juli`
                let digits = text[word_began..at].bytes().all(|byte| byte.is_ascii_digit());
                let ordinal = letter == '.' && (1..=2).contains(&(at - word_began)) && digits;
                let titled = letter == '.' && BEFORE_NAMES.contains(&&text[word_began..at]);
                let before_month = ordinal && text[next_at..].trim_start().starts_with(char::is_alphabetic);
                let goes_on = abbreviated || titled || before_month;
                if next.is_whitespace() && !goes_on {
                    return next_at;
                }
            }
            _ if letter.is_whitespace() => word_began = at + letter.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_where_they_end() {
        assert_eq!(sentences("Ask Dr. Kaya. She knows.").count(), 2);
        let text = "Hi Elif! It ships on 12.12.2026. Our address: Rózsa u. 5, Budapest\nNo. 7 is right… isn't it?";
        assert_eq!(
            sentences(text).collect::<Vec<_>>(),
            ["Hi Elif!", "It ships on 12.12.2026.", "Our address: Rózsa u. 5, Budapest", "No. 7 is right…", "isn't it?"]
        );
        assert_eq!([7, 8, 31].map(|place| sentence_at(text, place)), [Some("Hi Elif!"), None, Some("It ships on 12.12.2026.")]);
    }
}
