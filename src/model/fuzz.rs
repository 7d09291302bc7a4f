//! Fuzz target: streamed answers of a model's server (see `fuzz/`).

use crate::model::{chunk::Chunk, framing::Framing, reasoning::ReasoningFilter, said::Said, surrogates::Joiner};

/// Reads a streamed answer. The first byte is the chunk size, which must not change the result.
pub fn stream(input: &[u8]) {
    let Some((size, answer)) = input.split_first() else { return };
    let whole = events(answer, answer.len().max(1));
    assert_eq!(whole, events(answer, usize::from(*size) + 1), "the same events, whatever the chunk size");
    for assumed in [false, true] {
        let (mut said, mut joiner, mut filter) = (Said::default(), Joiner::default(), ReasoningFilter::new(assumed));
        for event in &whole.0 {
            let data = event.strip_prefix(b"data: ").and_then(|data| data.strip_suffix(b"\n\n")).expect("an event of one line of data");
            assert!(!data.contains(&b'\n') && !data.contains(&b'\r'));
            let Some(chunk) = str::from_utf8(data).ok().and_then(Chunk::parse) else { continue };
            let has_stand_ins = chunk.has_stand_ins;
            let Ok(text) = said.new_text(chunk.delta, chunk.message) else { break };
            if filter.strip(joiner.join(text, has_stand_ins)).is_err() {
                break;
            }
        }
        filter.rest();
    }
}

/// The events, whether `[DONE]` came, and whether the answer ended in a whole chunk.
fn events(answer: &[u8], size: usize) -> (Vec<Vec<u8>>, bool, bool) {
    let mut framing = Framing::default();
    let mut events = Vec::new();
    for piece in answer.chunks(size) {
        events.extend(framing.take(piece).expect("an answer of this size is within the limits"));
    }
    let end = framing.end();
    let is_whole = end.is_ok();
    events.extend(end.unwrap_or_default());
    (events.iter().map(|event| event.to_vec()).collect(), framing.done, is_whole)
}

#[cfg(test)]
mod tests {
    #[test]
    fn seeds_hold() {
        crate::fuzz_seeds::of("stream").iter().for_each(|seed| super::stream(seed));
    }
}
