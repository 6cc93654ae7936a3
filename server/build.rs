//! Embeds the page: every file of `../dist`, as it is and compressed once, here, so that serving it costs no CPU time.
//!
//! Writes `page.rs` (a sorted table for `include!`) to the build directory. Without a page the table is empty and the server says in the
//! browser how to build one. `../dist` is made if absent so that Cargo can watch it and notices when the page is built later.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

fn main() -> io::Result<()> {
    let dist = PathBuf::from(env::var("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../dist");
    let out = PathBuf::from(env::var("OUT_DIR").unwrap_or_default());
    if !dist.exists() {
        // A read-only checkout cannot have a page either.
        drop(fs::create_dir(&dist));
    }
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={}", dist.display());
    let mut files = Vec::new();
    if dist.join("index.html").exists() {
        collect(&dist, &mut files)?;
    }
    files.sort();
    let thorough = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let mut table = String::from("[\n");
    for (number, file) in files.iter().enumerate() {
        let name = file.strip_prefix(&dist).unwrap_or(file).to_string_lossy().replace('\\', "/");
        let plain = fs::read(file)?;
        let gzip = keep_if_smaller(&plain, gzip(&plain)?, &out.join(format!("{number}.gz")))?;
        let brotli = keep_if_smaller(&plain, brotli(&plain, thorough)?, &out.join(format!("{number}.br")))?;
        let path = file.canonicalize()?;
        writeln!(
            table,
            "Asset {{ name: {name:?}, tag: {:?}, plain: include_bytes!({path:?}), gzip: {gzip}, brotli: {brotli} }},",
            tag(&plain)
        )
        .map_err(io::Error::other)?;
    }
    table.push(']');
    fs::write(out.join("page.rs"), table)
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if hidden {
            continue;
        }
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// What a browser that has the file sends back to ask whether it is still the same. Weak, because it names the content in whatever coding.
fn tag(plain: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(plain);
    format!("W/\"{:016x}\"", hasher.finish())
}

fn keep_if_smaller(plain: &[u8], compressed: Vec<u8>, file: &Path) -> io::Result<String> {
    if compressed.len() + compressed.len() / 20 > plain.len() {
        return Ok("None".to_owned());
    }
    fs::write(file, compressed)?;
    Ok(format!("Some(include_bytes!({:?}))", file.display().to_string()))
}

fn gzip(plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(plain)?;
    encoder.finish()
}

fn brotli(plain: &[u8], thorough: bool) -> io::Result<Vec<u8>> {
    let params = brotli::enc::BrotliEncoderParams {
        quality: if thorough { 11 } else { 5 },
        size_hint: plain.len(),
        ..Default::default()
    };
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut &*plain, &mut compressed, &params)?;
    Ok(compressed)
}
