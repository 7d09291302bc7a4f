//! The index's folder. Tantivy keeps a checksum for each file of a segment, but none for its lists of segments and of files. Here these
//! lists get a checksum as their last line, so that a damaged list is an error and not another index.

use std::{io, path::Path, sync::Arc};

use tantivy::directory::{
    Directory, DirectoryLock, FileHandle, Lock, MmapDirectory, WatchCallback, WatchHandle, WritePtr,
    error::{DeleteError, LockError, OpenReadError, OpenWriteError},
};

use crate::text::fingerprint;

/// Prefix of the last line.
const SEAL: &[u8] = b"seal ";

/// A folder whose lists have checksums.
#[derive(Debug, Clone)]
pub struct SealedDirectory(MmapDirectory);

impl SealedDirectory {
    pub fn open(folder: &Path) -> tantivy::Result<SealedDirectory> {
        Ok(SealedDirectory(MmapDirectory::open(folder)?))
    }
}

impl Directory for SealedDirectory {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        self.0.get_file_handle(path)
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        self.0.delete(path)
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.0.exists(path)
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        self.0.open_write(path)
    }

    /// Reads a list. A list written by a version without seals is returned as it is; so is one whose seal line is damaged beyond
    /// recognition, which is then not valid JSON.
    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        let mut data = self.0.atomic_read(path)?;
        let end = data.len().saturating_sub(1);
        let last = data[..end].iter().rposition(|byte| *byte == b'\n').map_or(0, |before| before + 1);
        if let Some(written) = data[last..].strip_prefix(SEAL) {
            if written.strip_suffix(b"\n") != Some(fingerprint(&data[..last]).as_bytes()) {
                let error = io::Error::new(io::ErrorKind::InvalidData, "checksum mismatch");
                return Err(OpenReadError::wrap_io_error(error, path.to_owned()));
            }
            data.truncate(last);
        }
        Ok(data)
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        let mut sealed = data.to_vec();
        if !sealed.ends_with(b"\n") {
            sealed.push(b'\n');
        }
        let seal = fingerprint(&sealed);
        sealed.extend_from_slice(SEAL);
        sealed.extend_from_slice(seal.as_bytes());
        sealed.push(b'\n');
        self.0.atomic_write(path, &sealed)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.0.sync_directory()
    }

    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        self.0.acquire_lock(lock)
    }

    fn watch(&self, watch_callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        self.0.watch(watch_callback)
    }
}
