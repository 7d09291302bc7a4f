//! What a model's server sends, whatever it sends: a target of `fuzz/`.

use bytes::Bytes;

use crate::model::{
    chunk::Chunk,
    reasoning::ReasoningFilter,
    sse::{ReadAhead, SseLines},
};

/// A streamed answer. The first byte tells in pieces of which size it comes: that must not matter.
pub fn stream(input: &[u8]) {
    let Some((size, answer)) = input.split_first() else { return };
    let (whole, done) = lines(answer, answer.len().max(1));
    let cut = lines(answer, usize::from(*size) + 1);
    assert_eq!((&whole, done), (&cut.0, cut.1), "the same lines, however they come");
    assert!(!whole.contains(&b'\r'));
    given_out_whole(&whole);
    for assumed in [false, true] {
        let mut thoughts = ReasoningFilter::new(assumed);
        for data in whole.split(|byte| *byte == b'\n').filter_map(|line| line.strip_prefix(b"data:")) {
            let Ok(value) = serde_json::from_slice(data) else { continue };
            let chunk = Chunk::read(&value);
            if thoughts.without(chunk.text).is_err() {
                break;
            }
        }
        thoughts.rest();
    }
}

fn lines(answer: &[u8], size: usize) -> (Vec<u8>, bool) {
    let mut lines = SseLines::default();
    let mut came = Vec::new();
    for piece in answer.chunks(size) {
        let whole = lines.take(piece).expect("an answer of this size is not too large");
        assert!(whole.last().is_none_or(|last| *last == b'\n'), "only whole lines come before the end");
        came.extend_from_slice(&whole);
    }
    came.extend_from_slice(&lines.end());
    (came, lines.done)
}

/// What waits for its reader is given out in turn, nothing twice and nothing never.
fn given_out_whole(lines: &[u8]) {
    let (mut ahead, mut rest) = (ReadAhead::default(), Bytes::copy_from_slice(lines));
    while !rest.is_empty() {
        let (length, _) = ahead.add(&rest);
        assert!(length > 0 && length <= rest.len());
        drop(rest.split_to(length));
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn seeds_hold() {
        crate::fuzz_seeds::of("stream").iter().for_each(|seed| super::stream(seed));
    }
}
