//! Compiles `proto/` with protox, so that no protoc is needed on the machine.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;

const FILES: [&str; 3] = ["deskhand/v1/chats.proto", "deskhand/v1/knowledge.proto", "deskhand/v1/replies.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=src/store/migrations");

    let descriptors =
        protox::Compiler::new(["proto"])?.include_imports(true).include_source_info(true).open_files(FILES)?.file_descriptor_set();
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptor.bin"), descriptors.encode_to_vec())?;

    tonic_prost_build::configure().codec_path("crate::api::codec::CheckedCodec").compile_fds(descriptors)?;
    Ok(())
}
