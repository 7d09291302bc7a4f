//! Fingerprints: compare contents without storing them.

use sha2::{Digest, Sha256};

/// The first 16 bytes of the SHA-256 of `bytes`, in hex.
pub fn fingerprint(bytes: impl AsRef<[u8]>) -> String {
    Sha256::digest(bytes)[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}
