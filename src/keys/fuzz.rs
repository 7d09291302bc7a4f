//! What a caller shows as a key, and what an operator types: a target of `fuzz/`.

use crate::keys::key::{Origin, Scope, parts, written};

/// A key is read as it is written, and nothing else is one; so it is for origins and scopes.
pub fn key(input: &[u8]) {
    let shown = String::from_utf8_lossy(input);
    if let Some((key_id, secret)) = parts(&shown) {
        assert!(!key_id.is_empty() && !key_id.contains('_') && !secret.is_empty());
        assert_eq!(written(key_id, secret), shown);
    }
    if let Ok(origin) = shown.parse::<Origin>() {
        let text = origin.to_string();
        assert!(text.starts_with("http://") || text.starts_with("https://"), "{text}");
        assert!(text.is_ascii() && !text.bytes().any(|byte| byte.is_ascii_control() || byte == b' '), "{text}");
        assert_eq!(text.parse(), Ok(origin));
    }
    if let Ok(scope) = shown.parse::<Scope>() {
        assert_eq!(scope.word(), shown);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn seeds_hold() {
        crate::fuzz_seeds::of("key").iter().for_each(|seed| super::key(seed));
    }
}
