//! The first key of a fresh database, written into a file: for containers, where nobody makes one by hand.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anyhow::Context;

use crate::{
    config::TokenLimits,
    ids::Workspace,
    keys::{self, Action, Actor, Audit, AuditSubject, NewKey, Scope},
    store::Store,
};

/// Makes a key of every scope and writes it into the file, unless the database has a key.
pub async fn make(store: &Store, file: &Path) -> anyhow::Result<()> {
    if !keys::list(store).await.context("can't read the keys")?.is_empty() {
        return Ok(());
    }
    let failed = || format!("can't write the first key into `{}` (`first_key_file`)", file.display());
    // The file is made first: a key that could not be written would be nobody's.
    let partial = file.with_extension("partial");
    let _ = fs::remove_file(&partial);
    let mut written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial).with_context(failed)?;
    let new = NewKey {
        workspace: Workspace::default(),
        scopes: Scope::ALL.to_vec(),
        origins: Vec::new(),
        calls_per_second: None,
        token_limits: TokenLimits::default(),
    };
    let (key, shown) = keys::create(store, new).await.context("can't make the first key")?;
    let audit = Audit::new(store.clone());
    audit
        .record(Some(&key.workspace), Actor::Command, Action::CreateKey, AuditSubject::Named(&key.key_id))
        .await
        .context("can't record the first key in the audit log")?;
    written.write_all(shown.as_bytes()).and_then(|()| written.sync_all()).with_context(failed)?;
    fs::rename(&partial, file).with_context(failed)?;
    tracing::info!(file = %file.display(), "made the first key, of every scope");
    Ok(())
}
