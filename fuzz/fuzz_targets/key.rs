//! Keys, origins and scopes as callers and operators write them.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| deskhand::keys::fuzz::key(input));
