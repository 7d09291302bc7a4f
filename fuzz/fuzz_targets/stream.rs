//! Streamed answers of models' servers.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| deskhand::model::fuzz::stream(input));
