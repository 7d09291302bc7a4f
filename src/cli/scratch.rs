//! A temporary folder, removed when the command ends.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;

pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> anyhow::Result<Scratch> {
        let folder = std::env::temp_dir().join(format!("deskhand-{}", uuid::Uuid::new_v4().simple()));
        fs::create_dir_all(&folder).with_context(|| format!("can't create `{}`", folder.display()))?;
        Ok(Scratch(folder))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What can't be removed is left to the system, which cleans its temporary folder.
        let _ = fs::remove_dir_all(&self.0);
    }
}
