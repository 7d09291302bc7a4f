//! Fuzz target: keys as callers present them, and origins and scopes as operators type them (see `fuzz/`).

use crate::keys::key::{Origin, Scope, format_key, parse_key};

/// Keys, origins and scopes that parse are formatted back to the same text.
pub fn key(input: &[u8]) {
    let presented = String::from_utf8_lossy(input);
    if let Some((key_id, secret)) = parse_key(&presented) {
        assert!(!key_id.is_empty() && !key_id.contains('_') && !secret.is_empty());
        assert_eq!(format_key(key_id, secret), presented);
    }
    if let Ok(origin) = presented.parse::<Origin>() {
        let text = origin.to_string();
        assert!(text.starts_with("http://") || text.starts_with("https://"), "{text}");
        assert!(text.is_ascii() && !text.bytes().any(|byte| byte.is_ascii_control() || byte == b' '), "{text}");
        assert_eq!(text.parse(), Ok(origin));
    }
    if let Ok(scope) = presented.parse::<Scope>() {
        assert_eq!(scope.word(), presented);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn seeds_hold() {
        crate::fuzz_seeds::of("key").iter().for_each(|seed| super::key(seed));
    }
}
