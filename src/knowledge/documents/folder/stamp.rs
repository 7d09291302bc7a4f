//! Detects changes of a folder by polling, where the system sends no events.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::knowledge::documents::folder::PARTS;

/// Depth down to which links to folders are followed: the parts of a knowledge base, and their languages.
const LINK_DEPTH: usize = 2;

/// The identity of the folder at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Identity {
    /// Returns the identity of the folder at a path, following links.
    pub fn of(root: &Path) -> io::Result<Identity> {
        let path = fs::canonicalize(root)?;
        let data = fs::metadata(&path)?;
        Ok(Identity { path, device: data.dev(), inode: data.ino() })
    }

    /// Returns its canonical path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Returns a hash of a knowledge base folder's names, sizes and times; no file is read.
pub fn stamp(root: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    stamp_of(root, 0, &mut hasher);
    hasher.finish()
}

fn stamp_of(path: &Path, depth: usize, hasher: &mut DefaultHasher) {
    path.hash(hasher);
    let data = match fs::metadata(path) {
        Ok(data) => data,
        Err(error) => return error.kind().hash(hasher),
    };
    (data.dev(), data.ino(), data.len(), data.mode()).hash(hasher);
    (data.mtime(), data.mtime_nsec(), data.ctime(), data.ctime_nsec()).hash(hasher);
    let is_part = depth != 1 || path.file_name().is_some_and(|name| PARTS.iter().any(|part| name == *part));
    let follows_link = depth <= LINK_DEPTH || fs::symlink_metadata(path).is_ok_and(|data| data.is_dir());
    if !data.is_dir() || !is_part || !follows_link {
        return;
    }
    let listed = fs::read_dir(path).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<PathBuf>>>());
    match listed {
        Ok(mut entries) => {
            entries.sort();
            let visible = entries.iter().filter(|path| !path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")));
            visible.for_each(|path| stamp_of(path, depth + 1, hasher));
        }
        Err(error) => error.kind().hash(hasher),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_changes_the_stamp_and_nothing_else_does() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        fs::create_dir_all(path("articles/en/a")).unwrap();
        fs::create_dir_all(path("other/deep")).unwrap();
        fs::write(path("articles/en/a/x.md"), "one").unwrap();
        let mut last = stamp(root.path());
        assert_eq!(stamp(root.path()), last);
        let changes: [(&str, &dyn Fn()); 6] = [
            ("text", &|| fs::write(path("articles/en/a/x.md"), "other").unwrap()),
            ("a new file", &|| fs::write(path("articles/en/a/y.md"), "one").unwrap()),
            ("a name", &|| fs::rename(path("articles/en/a/y.md"), path("articles/en/a/z.md")).unwrap()),
            ("a replaced file", &|| {
                fs::write(path("new"), "other").unwrap();
                fs::rename(path("new"), path("articles/en/a/x.md")).unwrap();
            }),
            ("a linked language", &|| std::os::unix::fs::symlink(path("articles/en"), path("articles/tr")).unwrap()),
            ("a removed folder", &|| fs::remove_dir_all(path("articles")).unwrap()),
        ];
        for (what, change) in changes {
            change();
            let now = stamp(root.path());
            assert_ne!(now, last, "{what}");
            last = now;
        }
        fs::write(path("other/deep/file"), "not ours").unwrap();
        assert_eq!(stamp(root.path()), last);
    }

    #[test]
    fn a_replaced_folder_has_another_identity() {
        let root = tempfile::tempdir().unwrap();
        let (one, two, current) = (root.path().join("one"), root.path().join("two"), root.path().join("current"));
        fs::create_dir(&one).unwrap();
        fs::create_dir(&two).unwrap();
        std::os::unix::fs::symlink(&one, &current).unwrap();
        let first = Identity::of(&current).unwrap();
        assert_eq!(Identity::of(&one).unwrap(), first);
        fs::remove_file(&current).unwrap();
        assert!(Identity::of(&current).is_err());
        std::os::unix::fs::symlink(&two, &current).unwrap();
        let second = Identity::of(&current).unwrap();
        assert_ne!(second, first);
        fs::rename(&one, root.path().join("old")).unwrap();
        fs::rename(&two, &one).unwrap();
        assert_ne!(Identity::of(&one).unwrap(), first);
    }
}
