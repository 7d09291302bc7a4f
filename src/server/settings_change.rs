//! Notices that a server starts with other settings than the last time, for the audit log. Of each setting a keyed hash is kept, in the data folder.

use std::{collections::BTreeMap, fs, io::Write, os::unix::fs::OpenOptionsExt, path::Path};

use anyhow::Context;
use ring::hmac;
use serde::{Deserialize, Serialize};

use crate::{
    config::Config,
    keys::{Action, Actor, Audit, AuditSubject},
};

/// The file in the data folder.
const FILE: &str = "settings.json";

/// The settings of the last start.
#[derive(Serialize, Deserialize, PartialEq, Eq)]
struct LastSettings {
    /// Makes the hashes this folder's own.
    salt: String,
    /// The hash of each setting that was given.
    settings: BTreeMap<String, String>,
}

/// Compares the settings with those of the last start, and records which differ. The first start records nothing.
pub async fn record(config: &Config, audit: &Audit) -> anyhow::Result<()> {
    let path = config.data.join(FILE);
    let last: Option<LastSettings> = fs::read(&path).ok().and_then(|file| serde_json::from_slice(&file).ok());
    let salt = last.as_ref().map_or_else(|| uuid::Uuid::new_v4().to_string(), |last| last.salt.clone());
    let settings: BTreeMap<String, String> = config.given.iter().map(|(key, value)| (key.clone(), hash(&salt, value))).collect();
    let now = LastSettings { salt, settings };
    if last.as_ref() == Some(&now) {
        return Ok(());
    }
    if let Some(last) = &last {
        let keys: std::collections::BTreeSet<&String> = last.settings.keys().chain(now.settings.keys()).collect();
        let changed: Vec<&str> =
            keys.into_iter().filter(|key| last.settings.get(*key) != now.settings.get(*key)).map(String::as_str).collect();
        audit.record(None, Actor::Command, Action::ChangeSettings, AuditSubject::Named(&changed.join(","))).await?;
    }
    write(&path, &now).with_context(|| format!("can't write `{}`", path.display()))
}

fn hash(salt: &str, value: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, salt.as_bytes()), value);
    tag.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn write(path: &Path, settings: &LastSettings) -> std::io::Result<()> {
    let partial = path.with_extension("partial");
    let _ = fs::remove_file(&partial);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
    file.write_all(serde_json::to_string_pretty(settings)?.as_bytes())?;
    fs::rename(&partial, path)
}
