//! Compiles `proto/` with protox, so that no protoc is needed on the machine; packs the known misspellings of English and the models of letters.

use std::{
    collections::BTreeMap,
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
};

use fst::Streamer;
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
    pack_misspellings(&out)?;
    pack_letters(&out)
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

/// The steps of 1 in which a logarithm is written. `src/text/letters.rs` has the same number.
const STEPS: f64 = 16.0;

/// Writes how probable runs of letters are in each language: `letters-TAG.fst` maps each run to -ln p. Lingua's own files have p in 64 bits,
/// which takes three times as much.
fn pack_letters(out: &Path) -> Result<(), Box<dyn Error>> {
    let models = [
        ("de", &lingua_german_language_model::GERMAN_MODELS_DIRECTORY),
        ("en", &lingua_english_language_model::ENGLISH_MODELS_DIRECTORY),
        ("es", &lingua_spanish_language_model::SPANISH_MODELS_DIRECTORY),
        ("fr", &lingua_french_language_model::FRENCH_MODELS_DIRECTORY),
        ("hu", &lingua_hungarian_language_model::HUNGARIAN_MODELS_DIRECTORY),
        ("tr", &lingua_turkish_language_model::TURKISH_MODELS_DIRECTORY),
    ];
    for (tag, folder) in models {
        let file = folder.get_file("ngrams.fst").ok_or("a language model has another form than expected")?;
        let probabilities = fst::Map::new(file.contents())?;
        let mut runs = probabilities.stream();
        let mut map = MapBuilder::memory();
        while let Some((run, bits)) = runs.next() {
            map.insert(run, (-f64::from_bits(bits) * STEPS).round() as u64)?;
        }
        fs::write(out.join(format!("letters-{tag}.fst")), map.into_inner()?)?;
    }
    Ok(())
}
