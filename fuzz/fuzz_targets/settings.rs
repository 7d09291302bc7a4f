//! Settings' files.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| deskhand::config::fuzz::settings(input));
