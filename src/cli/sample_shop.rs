//! The sample shop, as it is in the repository: for the demo, and for evaluations without a shop of their own.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use rust_embed::Embed;

#[derive(Embed)]
#[folder = "knowledge-base"]
struct Shop;

/// Unpacks its knowledge base into a folder, for runs outside the repository, and returns where it is.
pub fn unpack(folder: &Path) -> anyhow::Result<PathBuf> {
    let root = folder.join("knowledge-base");
    for name in Shop::iter() {
        let path = root.join(name.as_ref());
        let file = Shop::get(&name).context("a file of the sample shop is missing")?;
        fs::create_dir_all(path.parent().unwrap_or(&root))?;
        fs::write(&path, file.data)?;
    }
    Ok(root)
}
