//! Damages every file of the index in every way: the index is rebuilt from the catalog and answers as before.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use crate::{
    ids::{Id, Workspace},
    knowledge::{
        documents::{
            catalog::{Catalog, NewDocument},
            document::{Audience, Details, Document, Kind},
            reader::Reader,
        },
        index::{Index, MAX_CATCH_UP, open_index::find},
        search::{Search, openings::Openings, search, synonyms::Synonyms},
        vectors::Vectors,
    },
    store::Store,
    text::Language,
};

const FLIPS: u64 = 500;
const MAX_CUT: usize = 64;

enum Damage {
    Cut(usize),
    Flipped { at: usize, bit: u32 },
    Removed,
    Folder,
    Unreadable,
}

/// The results of some searches: ids, scores, and highlights.
type Answers = Vec<(usize, Vec<(String, f64, String)>)>;

/// A folder in memory where there is one, so that fsync is free.
fn folder() -> tempfile::TempDir {
    let shared = Path::new("/dev/shm");
    if shared.is_dir() { tempfile::tempdir_in(shared).unwrap() } else { tempfile::tempdir().unwrap() }
}

fn document(number: usize) -> NewDocument {
    let document = Document {
        id: Id::new(format!("a{number}")).unwrap(),
        language: Language::parse("en").unwrap(),
        title: format!("Towels of kind {number}"),
        body: format!("How to wash the towels of kind {number}, and how to dry them."),
        category: "care".to_owned(),
        tags: vec!["washing".to_owned()],
        asked: Vec::new(),
        from_folder: false,
        updated_at: jiff::Timestamp::UNIX_EPOCH,
        withdrawn: false,
        details: Details::Article { audience: Audience::Public, url: String::new() },
    };
    NewDocument { document, updated_at: None }
}

/// A catalog, and an index of it with two segments of which one has lost a document.
async fn kept(store: Store, root: PathBuf) -> Catalog {
    let catalog = Catalog { store, workspace: Workspace::default() };
    let index = Index::start(root, catalog.clone()).await.unwrap();
    for documents in [0..4, 4..6] {
        let (_, number) = catalog.put(documents.map(document).collect()).await.unwrap();
        index.wait_for_change(number.unwrap(), MAX_CATCH_UP).await.unwrap();
    }
    let (_, number) = catalog.delete(Kind::Article, &[Id::new("a1").unwrap()], None).await.unwrap();
    index.wait_for_change(number.unwrap(), MAX_CATCH_UP).await.unwrap();
    catalog
}

fn answers(index: &Index) -> Answers {
    let answer = |query: &str| {
        let asked = Search {
            query: query.to_owned(),
            language: Language::parse("en").unwrap(),
            category: String::new(),
            tags: Vec::new(),
            limit: 10,
            offset: 0,
            reader: Reader::public(),
            meaning: None,
        };
        let hits = search(index, &Synonyms::default(), (&Vectors::default(), &Openings::default()), None, &asked).unwrap();
        let mut found: Vec<(String, f64, String)> = (hits.hits.into_iter())
            .map(|hit| (hit.document.id.to_string(), hit.score, hit.snippet.into_iter().map(|segment| segment.text).collect()))
            .collect();
        found.sort_by(|one, other| one.0.cmp(&other.0));
        (hits.total, found)
    };
    ["towels", "wash kind 2", "how to dr", "towles 5", "kind 1"].map(answer).to_vec()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

fn damage(file: &Path, damage: &Damage) {
    let bytes = fs::read(file).unwrap();
    match damage {
        Damage::Cut(length) => fs::write(file, &bytes[..*length]).unwrap(),
        Damage::Flipped { at, bit } => {
            let mut bytes = bytes;
            bytes[*at] ^= 1 << bit;
            fs::write(file, bytes).unwrap();
        }
        Damage::Removed => fs::remove_file(file).unwrap(),
        Damage::Folder => {
            fs::remove_file(file).unwrap();
            fs::create_dir(file).unwrap();
            fs::write(file.join("inside"), "x").unwrap();
        }
        // For root every file stays readable; then nothing is damaged, and the answers are the same.
        Damage::Unreadable => fs::set_permissions(file, fs::Permissions::from_mode(0o000)).unwrap(),
    }
}

/// Pseudorandom numbers, the same in each run (SplitMix64).
fn random(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_index_is_rebuilt_with_the_same_answers() {
    let scratch = folder();
    let store = Store::open(&Store::sqlite_url(scratch.path())).await.unwrap();
    let whole = scratch.path().join("whole");
    let catalog = kept(store.clone(), whole.clone()).await;
    let index = Index::start(scratch.path().join("built"), catalog.clone()).await.unwrap();
    let expected = answers(&index);
    assert!(expected[..4].iter().all(|(total, _)| *total > 0), "{expected:?}");
    drop(index);
    let newest = catalog.last_number().await.unwrap();

    let whole = whole.join("1");
    let mut files: Vec<(PathBuf, usize)> = fs::read_dir(&whole)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (PathBuf::from(entry.file_name()), entry.metadata().unwrap().len() as usize))
        .collect();
    files.sort();
    assert!(files.iter().any(|(name, _)| name.extension().is_some_and(|kind| kind == "del")), "{files:?}");
    let mut damages: Vec<(&Path, Damage)> = Vec::new();
    for (name, length) in &files {
        damages.extend((0..=MAX_CUT.min(*length)).map(|length| (name.as_path(), Damage::Cut(length))));
        damages.extend([Damage::Removed, Damage::Folder, Damage::Unreadable].map(|damage| (name.as_path(), damage)));
    }
    // Files take turns, so that small ones are damaged as often.
    let with_bytes: Vec<&(PathBuf, usize)> = files.iter().filter(|(_, length)| *length > 0).collect();
    for number in 0..FLIPS {
        let (name, length) = with_bytes[number as usize % with_bytes.len()];
        let at = random(2 * number) as usize % length;
        damages.push((name, Damage::Flipped { at, bit: (random(2 * number + 1) % 8) as u32 }));
    }

    for (number, (name, kind)) in damages.iter().enumerate() {
        let root = scratch.path().join(number.to_string());
        copy(&whole, &root.join("1"));
        damage(&root.join("1").join(name), kind);
        let case = || match kind {
            Damage::Cut(length) => format!("{} cut to {length}", name.display()),
            Damage::Flipped { at, bit } => format!("{} flipped at {at}, bit {bit}", name.display()),
            Damage::Removed => format!("{} removed", name.display()),
            Damage::Folder => format!("{} is a folder", name.display()),
            Damage::Unreadable => format!("{} is not readable", name.display()),
        };
        // Damage that is detected always leads to the same rebuild, so a sample of these cases is enough; all others are searched.
        let (found, older) = find(&root, newest).unwrap_or_else(|error| panic!("{}: {error:?}", case()));
        assert!(older.is_none(), "{}", case());
        let is_used = found.is_some();
        drop(found);
        if is_used || number % 40 == 0 || matches!(kind, Damage::Cut(0 | 5) | Damage::Removed | Damage::Folder) {
            let index = Index::start(root.clone(), catalog.clone()).await.unwrap_or_else(|error| panic!("{}: {error:?}", case()));
            assert_eq!(answers(&index), expected, "{}", case());
        }
        let _ = fs::remove_dir_all(root);
    }
    // A file in place of the folder, or beside the index, does no harm either.
    for name in ["", "1", "2", "4294967295"] {
        let root = scratch.path().join("odd");
        let place = if name.is_empty() { root.clone() } else { root.join(name) };
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, "no folder").unwrap();
        let index = Index::start(root.clone(), catalog.clone()).await.unwrap();
        assert_eq!(answers(&index), expected, "a file is in the place of {name:?}");
        drop(index);
        fs::remove_dir_all(root).unwrap();
    }
    store.close().await;
}
