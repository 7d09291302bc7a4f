//! Articles' Markdown, and the files that it stands in.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    deskhand::text::fuzz::markdown(input);
    deskhand::knowledge::fuzz::file(input);
});
