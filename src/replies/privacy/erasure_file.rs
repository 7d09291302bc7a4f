//! The erasure file: salted hashes of erased people, beside the database and outside its backups, so that what a restored backup brings
//! back is erased again.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use uuid::Uuid;

use crate::text::fingerprint;

/// The file's name in the data folder.
pub const FILE: &str = "erasures";
const HEAD: &str = "deskhand-erasures-1";

/// The erasures recorded in a data folder.
#[derive(Clone)]
pub struct ErasureFile {
    path: Arc<PathBuf>,
    salt: Arc<str>,
    /// Hashes by erasure id.
    known: Arc<Mutex<BTreeMap<String, String>>>,
}

impl ErasureFile {
    /// Reads the file of a data folder, or creates it with a new salt.
    pub fn open(data: &Path) -> io::Result<ErasureFile> {
        let path = data.join(FILE);
        let mut text = String::new();
        match File::open(&path) {
            Ok(mut file) => {
                file.read_to_string(&mut text)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        // An incomplete last line was cut off by a crash before the erasure was acknowledged; it is overwritten.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let mut lines = text[..whole].lines();
        let salt = match lines.next().map(|head| head.split_once(' ')) {
            None => {
                let salt = Uuid::new_v4().simple().to_string();
                write(&path, 0, &format!("{HEAD} {salt}\n"))?;
                salt
            }
            Some(Some((HEAD, salt))) => {
                write(&path, whole as u64, "")?;
                salt.to_owned()
            }
            Some(_) => return Err(io::Error::new(io::ErrorKind::InvalidData, format!("`{}` is not an erasure file", path.display()))),
        };
        let known = lines.filter_map(|line| line.split_once(' ')).map(|(id, hash)| (id.to_owned(), hash.to_owned())).collect();
        Ok(ErasureFile { path: Arc::new(path), salt: salt.into(), known: Arc::new(Mutex::new(known)) })
    }

    /// Records an erasure durably, and returns its id. The hash reveals nobody, short of trying every id.
    pub fn remember(&self, workspace: &str, customer_id: &str) -> io::Result<String> {
        let erasure_id = Uuid::now_v7().to_string();
        let hash = self.hash(workspace, customer_id);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let length = std::fs::metadata(self.path.as_path())?.len();
        if let Err(error) = write(&self.path, length, &format!("{erasure_id} {hash}\n")) {
            // A partial line must not corrupt the next.
            let _ = write(&self.path, length, "");
            return Err(error);
        }
        known.insert(erasure_id.clone(), hash);
        Ok(erasure_id)
    }

    /// Returns the ids and hashes of all recorded erasures.
    pub fn known(&self) -> BTreeMap<String, String> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the ids of all erasures of a person.
    pub fn of(&self, workspace: &str, customer_id: &str) -> Vec<String> {
        let hash = self.hash(workspace, customer_id);
        self.known().into_iter().filter(|(_, known)| *known == hash).map(|(erasure_id, _)| erasure_id).collect()
    }

    /// Returns a person's fingerprint under the file's salt, which is never in the database.
    pub fn hash(&self, workspace: &str, customer_id: &str) -> String {
        hash(&self.salt, workspace, customer_id)
    }

    /// Returns what tells this file from others.
    pub fn home(&self) -> String {
        fingerprint(format!("home {}", self.salt))
    }
}

/// A person's fingerprint under a salt.
pub fn hash(salt: &str, workspace: &str, customer_id: &str) -> String {
    fingerprint(format!("{salt}\n{workspace}\n{customer_id}"))
}

/// Writes text at an offset of the file, truncates the file after it, and syncs it.
fn write(path: &Path, at: u64, text: &str) -> io::Result<()> {
    use std::io::Seek;
    let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
    file.set_len(at)?;
    file.seek(io::SeekFrom::End(0))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erasures_are_remembered_without_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let erasures = ErasureFile::open(folder.path()).unwrap();
        let id = erasures.remember("default", "customer-1001").unwrap();
        OpenOptions::new().append(true).open(folder.path().join(FILE)).unwrap().write_all(b"half a li").unwrap();

        let again = ErasureFile::open(folder.path()).unwrap();
        assert_eq!(again.known(), BTreeMap::from([(id, again.hash("default", "customer-1001"))]));
        again.remember("default", "customer-2").unwrap();
        let text = std::fs::read_to_string(folder.path().join(FILE)).unwrap();
        assert!(!text.contains("customer") && !text.contains("half"), "{text}");
        assert_eq!(ErasureFile::open(folder.path()).unwrap().known().len(), 2);
    }

    #[test]
    fn another_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "something else\n").unwrap();
        assert!(ErasureFile::open(folder.path()).is_err());
    }
}
