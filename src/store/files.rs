//! The data folder: private to its owner, and locked by one process at a time.

use std::{
    fs::{self, DirBuilder, File, TryLockError},
    io,
    os::unix::fs::DirBuilderExt,
    path::Path,
    time::Duration,
};

use crate::store::sqlite::restrict;

/// Retries of a locked data folder, and the wait between them: a process that is ending gets a moment to release it.
const LOCK_TRIES: usize = 20;
const LOCK_WAIT: Duration = Duration::from_millis(25);

/// Creates the data folder if needed, and makes its content private: existing files, and files that this process creates from now on (umask).
pub fn make_folder(data: &Path) -> io::Result<()> {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    DirBuilder::new().recursive(true).mode(0o700).create(data)?;
    restrict(data, 0o700);
    // Files that were created with another umask.
    for name in ["deskhand.sqlite", "deskhand.sqlite-wal", "deskhand.sqlite-shm", "lock", "erasures", "settings.json"] {
        restrict(&data.join(name), 0o600);
    }
    restrict_all(&data.join("index"))
}

fn restrict_all(folder: &Path) -> io::Result<()> {
    if !folder.is_dir() || folder.is_symlink() {
        return Ok(());
    }
    restrict(folder, 0o700);
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { restrict_all(&path)? } else { restrict(&path, 0o600) }
    }
    Ok(())
}

/// The lock on a data folder, released when dropped.
#[derive(Debug)]
pub struct Lock {
    _folder: Option<File>,
    _file: File,
}

/// Locks the data folder for this process: two would corrupt each other's index. `None`: another process holds it.
///
/// The folder itself is locked, since a lock file could be deleted, created and locked again. The file `lock` is locked as well, since not
/// every file system can lock folders, and earlier versions use only the file.
pub fn lock(data: &Path) -> io::Result<Option<Lock>> {
    let folder = File::open(data)?;
    let file = File::options().create(true).write(true).truncate(false).open(data.join("lock"))?;
    for tries in 0.. {
        let held = match folder.try_lock() {
            Ok(()) => Some(true),
            Err(TryLockError::WouldBlock) => None,
            Err(TryLockError::Error(_)) => Some(false),
        };
        if let Some(held) = held {
            match file.try_lock() {
                Ok(()) => return Ok(Some(Lock { _folder: held.then_some(folder), _file: file })),
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        if tries == LOCK_TRIES {
            break;
        }
        std::thread::sleep(LOCK_WAIT);
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_folder_stays_locked_when_its_lock_file_is_deleted() {
        let data = tempfile::tempdir().unwrap();
        let held = lock(data.path()).unwrap().unwrap();
        fs::remove_file(data.path().join("lock")).unwrap();
        assert!(lock(data.path()).unwrap().is_none());
        drop(held);
        assert!(lock(data.path()).unwrap().is_some());
    }

    #[test]
    fn existing_files_become_private() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let all = ["deskhand.sqlite", "deskhand.sqlite-wal", "erasures", "index/default/1/meta.json"].map(|name| data.join(name));
        fs::create_dir_all(data.join("index/default/1")).unwrap();
        for file in &all {
            fs::write(file, "x").unwrap();
            fs::set_permissions(file, fs::Permissions::from_mode(0o666)).unwrap();
        }
        for folder in [&data, &data.join("index"), &data.join("index/default/1")] {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
        }

        make_folder(&data).unwrap();

        fs::write(data.join("new"), "x").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        for file in all.iter().chain([&data.join("new")]) {
            assert_eq!(mode(file), 0o600, "{}", file.display());
        }
        for folder in [&data, &data.join("index"), &data.join("index/default"), &data.join("index/default/1")] {
            assert_eq!(mode(folder), 0o700, "{}", folder.display());
        }
    }
}
