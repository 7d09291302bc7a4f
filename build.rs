//! Compiles `proto/` with protox, so that no protoc is needed on the machine; packs the known misspellings of English.

use std::{
    collections::BTreeMap,
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
};

use prost::Message;
use tantivy_fst::MapBuilder;

const FILES: [&str; 4] = ["deskhand/v1/chats.proto", "deskhand/v1/keys.proto", "deskhand/v1/knowledge.proto", "deskhand/v1/replies.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=src/store/migrations");

    let descriptors =
        protox::Compiler::new(["proto"])?.include_imports(true).include_source_info(true).open_files(FILES)?.file_descriptor_set();
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptor.bin"), descriptors.encode_to_vec())?;

    tonic_prost_build::configure().codec_path("crate::api::codec::CheckedCodec").compile_fds(descriptors)?;
    pack_misspellings(&out)
}

/// Writes the misspellings that stand for one word alone: `misspellings.fst` maps each to the byte where its word begins in
/// `corrections.txt`, which has one a line. As tables of strings they would take twenty megabytes.
fn pack_misspellings(out: &Path) -> Result<(), Box<dyn Error>> {
    let single = typos_dict::WORD.map.entries().filter_map(|(misspelling, words)| match words {
        [only] => Some((misspelling.into_inner(), *only)),
        _ => None,
    });
    let misspellings: BTreeMap<String, &str> = single.map(|(misspelling, word)| (misspelling.to_lowercase(), word)).collect();
    let mut corrections = String::new();
    let mut places: BTreeMap<&str, u64> = BTreeMap::new();
    let mut map = MapBuilder::memory();
    for (misspelling, word) in &misspellings {
        let place = *places.entry(word).or_insert_with(|| {
            let place = corrections.len() as u64;
            corrections.extend([word, "\n"]);
            place
        });
        map.insert(misspelling, place)?;
    }
    fs::write(out.join("misspellings.fst"), map.into_inner()?)?;
    fs::write(out.join("corrections.txt"), corrections)?;
    Ok(())
}
