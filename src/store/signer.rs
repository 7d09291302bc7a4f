//! Signs ids that carry what they name, with a key that all servers of a database share: what one gave out another knows, without a row.

use std::{fmt, sync::Arc};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::hmac;

use crate::store::{Store, StoreError};

/// Bytes of a signature: half of an HMAC-SHA-256, which nobody guesses.
const SIGNATURE: usize = 16;
/// The row of the key.
const KEY: i64 = 1;

/// Signs and reads ids.
#[derive(Clone)]
pub struct Signer(Arc<hmac::Key>);

impl Signer {
    /// A signer whose key nobody shares, for a database that is only read: what it signs is not recorded.
    pub(super) fn unshared() -> Signer {
        Signer(key(&secret()))
    }

    /// Reads the database's key, and makes it where there is none.
    pub(super) async fn shared(store: &Store) -> Result<Signer, StoreError> {
        let known = "SELECT secret FROM signing_key WHERE id = $1";
        if let Some(secret) = sqlx::query_scalar::<_, String>(known).bind(KEY).fetch_optional(store.reads()).await? {
            return Ok(Signer(key(secret.as_bytes())));
        }
        // Of two servers that make one at once, the first one's counts.
        let mut write = store.begin().await?;
        sqlx::query("INSERT INTO signing_key (id, secret) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING")
            .bind(KEY)
            .bind(hex(&secret()))
            .execute(&mut *write)
            .await?;
        let secret: String = sqlx::query_scalar(known).bind(KEY).fetch_one(&mut *write).await?;
        write.commit().await?;
        Ok(Signer(key(secret.as_bytes())))
    }

    /// Returns an id that carries `content`. It can be read with the same `scope` alone: its kind, the workspace, and what else a reader knows.
    pub fn sign(&self, scope: &[&str], content: &[u8]) -> String {
        let tag = hmac::sign(&self.0, &signed(scope, content));
        BASE64_URL_SAFE_NO_PAD.encode([content, &tag.as_ref()[..SIGNATURE]].concat())
    }

    /// Returns what an id carries; `None` if it was not signed with this key and scope.
    pub fn read(&self, scope: &[&str], id: &str) -> Option<Vec<u8>> {
        let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(id).ok()?;
        let signature = bytes.split_off(bytes.len().checked_sub(SIGNATURE)?);
        let tag = hmac::sign(&self.0, &signed(scope, &bytes));
        bool::from(subtle::ConstantTimeEq::ct_eq(&tag.as_ref()[..SIGNATURE], signature.as_slice())).then_some(bytes)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Signer")
    }
}

/// What is signed. Lengths keep two scopes apart whose parts are the same when joined.
fn signed(scope: &[&str], content: &[u8]) -> Vec<u8> {
    let mut signed = Vec::new();
    for part in scope.iter().map(|part| part.as_bytes()).chain([content]) {
        signed.extend((part.len() as u64).to_le_bytes());
        signed.extend(part);
    }
    signed
}

fn key(secret: &[u8]) -> Arc<hmac::Key> {
    Arc::new(hmac::Key::new(hmac::HMAC_SHA256, secret))
}

fn secret() -> [u8; 32] {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).expect("the operating system provides random bytes");
    secret
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_in_its_scope_alone_and_not_if_a_letter_of_it_differs() {
        let signer = Signer::unshared();
        let id = signer.sign(&["suggestion", "default", "chat-1"], b"returns");
        assert_eq!(signer.read(&["suggestion", "default", "chat-1"], &id).as_deref(), Some(b"returns".as_slice()));
        for scope in [["draft", "default", "chat-1"], ["suggestion", "rose", "chat-1"], ["suggestion", "defaultc", "hat-1"]] {
            assert_eq!(signer.read(&scope, &id), None, "{scope:?}");
        }
        for at in 0..id.len() {
            let other = if &id[at..=at] == "A" { "B" } else { "A" };
            let forged = format!("{}{other}{}", &id[..at], &id[at + 1..]);
            assert_eq!(signer.read(&["suggestion", "default", "chat-1"], &forged), None, "{forged}");
        }
        for id in ["", "A", "returns", "0199aa5c-1f3e-7d2a-8c11-000000000000", "ş"] {
            assert_eq!(signer.read(&["suggestion", "default", "chat-1"], id), None, "{id}");
        }
        assert_eq!(Signer::unshared().read(&["suggestion", "default", "chat-1"], &id), None, "another database's key");
    }

    #[tokio::test]
    async fn a_database_has_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let url = Store::sqlite_url(folder.path());
        let store = Store::open(&url).await.unwrap();
        let id = store.signer().sign(&["search"], b"x");
        store.close().await;
        let store = Store::open(&url).await.unwrap();
        assert!(store.signer().read(&["search"], &id).is_some());
        store.close().await;
    }
}
