//! Facts and personal data on their way to a model and back.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| deskhand::replies::fuzz::masks(input));
