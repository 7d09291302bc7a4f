//! Untrusted Markdown: a fuzz target.

use crate::text::{
    html::{html, is_tame},
    markdown::blocks,
};

/// An article's HTML has no tag from its author; its text has no empty block.
pub fn markdown(input: &[u8]) {
    let markdown = String::from_utf8_lossy(input);
    let html = html(&markdown);
    assert!(is_tame(&html), "{html}");
    assert!(blocks(&markdown).iter().all(|block| !block.text.trim().is_empty()));
}

#[cfg(test)]
mod tests {
    #[test]
    fn seeds_hold() {
        crate::fuzz_seeds::of("markdown").iter().for_each(|seed| super::markdown(seed));
    }
}
