//! Fuzz target: streamed answers of a model's server (see `fuzz/`).

use bytes::Bytes;

use crate::model::{
    chunk::Chunk,
    reasoning::ReasoningFilter,
    sse::{ReadAhead, SseLines},
};

/// Reads a streamed answer. The first byte is the chunk size, which must not change the result.
pub fn stream(input: &[u8]) {
    let Some((size, answer)) = input.split_first() else { return };
    let (whole, done) = lines(answer, answer.len().max(1));
    let cut = lines(answer, usize::from(*size) + 1);
    assert_eq!((&whole, done), (&cut.0, cut.1), "the same lines, whatever the chunk size");
    assert!(!whole.contains(&b'\r'));
    released_completely(&whole);
    for assumed in [false, true] {
        let mut filter = ReasoningFilter::new(assumed);
        for data in whole.split(|byte| *byte == b'\n').filter_map(|line| line.strip_prefix(b"data:")) {
            let Ok(value) = serde_json::from_slice(data) else { continue };
            let chunk = Chunk::read(&value);
            if filter.strip(chunk.text).is_err() {
                break;
            }
        }
        filter.rest();
    }
}

fn lines(answer: &[u8], size: usize) -> (Vec<u8>, bool) {
    let mut lines = SseLines::default();
    let mut output = Vec::new();
    for piece in answer.chunks(size) {
        let whole = lines.take(piece).expect("an answer of this size is within the limit");
        assert!(whole.last().is_none_or(|last| *last == b'\n'), "only whole lines before the end");
        output.extend_from_slice(&whole);
    }
    output.extend_from_slice(&lines.end());
    (output, lines.done)
}

/// Read-ahead releases everything exactly once, in order.
fn released_completely(lines: &[u8]) {
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
