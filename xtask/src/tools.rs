//! Programs that build the page, at the versions the page is built with: found if they are there, else installed.
//!
//! Nothing that a person installed is replaced: a Trunk of another version in Cargo's folder stays, ours then goes to `target/tools`.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::progress::{Board, Step, with_bar};
use crate::shell::{cargo, command, logged, output, root, scratch, target_dir, which};

/// A program from the crates registry, at a fixed version.
pub struct Tool {
    /// The program.
    pub program: &'static str,
    /// The package that has it.
    pub package: &'static str,
    /// The version; for wasm-bindgen, that of the library in `Cargo.lock`.
    pub version: &'static str,
    /// Whether it is built with the package's default features.
    default_features: bool,
}

/// Builds the page.
pub const TRUNK: Tool = Tool {
    program: "trunk",
    package: "trunk",
    version: "0.21.14",
    // They are for HTTPS: downloads, which it is told not to make, and proxying to a server with TLS. Half of its dependencies.
    default_features: false,
};
/// Writes the JavaScript beside the WebAssembly.
pub const WASM_BINDGEN: Tool = Tool {
    program: "wasm-bindgen",
    package: "wasm-bindgen-cli",
    version: "0.2.129",
    default_features: true,
};

/// Settings that take two thirds off the time of `cargo install`: these programs run for seconds, so they need not be fast.
const QUICK_PROFILE: [(&str, &str); 5] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"),
    ("CARGO_PROFILE_RELEASE_STRIP", "symbols"),
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "0"),
];

/// Where tools go when Cargo's own folder holds another version.
pub fn own_bin() -> PathBuf {
    target_dir().join("tools/bin")
}

/// Cargo's folder for installed programs.
pub fn cargo_bin() -> PathBuf {
    cargo_home().join("bin")
}

fn cargo_home() -> PathBuf {
    let home = || std::env::var_os("HOME").map(PathBuf::from).unwrap_or_else(root).join(".cargo");
    std::env::var_os("CARGO_HOME").map_or_else(home, PathBuf::from)
}

/// Makes sure the tool is there at its version.
pub fn ensure(tool: &Tool, board: &Board) -> Result<()> {
    if is_there(tool) {
        return Ok(());
    }
    let title = format!("{} {}", tool.package, tool.version);
    if which("cargo-binstall").is_some() {
        let fetched = board.step(&title, "downloading a built one with cargo binstall", |_| binstall(tool));
        if fetched.is_ok() && is_there(tool) {
            return Ok(());
        }
    }
    board.step(&title, "building it from the registry (once; some minutes)", |step| {
        build(tool, step)
    })
}

fn is_there(tool: &Tool) -> bool {
    let mut ask = command(tool.program);
    ask.arg("--version");
    output(ask).is_ok_and(|answer| answer.split_whitespace().any(|word| word == tool.version))
}

fn binstall(tool: &Tool) -> Result<()> {
    let mut install = cargo(&[
        "binstall",
        "--no-confirm",
        "--disable-strategies",
        "compile",
        "--version",
        tool.version,
        tool.package,
    ]);
    install.arg("--root").arg(install_root(tool));
    logged(install, &scratch(&format!("{}.log", tool.package))?, |_| ())
}

fn build(tool: &Tool, step: &Step) -> Result<()> {
    let build_dir = target_dir().join("tools/build");
    let mut install = cargo(&["install", "--locked", "--version", tool.version, tool.package, "--root"]);
    install.arg(install_root(tool));
    if !tool.default_features {
        install.arg("--no-default-features");
    }
    install.env("CARGO_TARGET_DIR", &build_dir).envs(QUICK_PROFILE);
    with_bar(&mut install);
    logged(install, &scratch(&format!("{}.log", tool.package))?, |piece| {
        step.cargo_piece(piece)
    })
}

/// Frees what building tools left behind (about a gigabyte).
pub fn forget_build_directory() -> Result<()> {
    let build_dir = target_dir().join("tools/build");
    if build_dir.exists() {
        std::fs::remove_dir_all(&build_dir).with_context(|| format!("cannot remove {}", build_dir.display()))?;
    }
    Ok(())
}

fn install_root(tool: &Tool) -> PathBuf {
    let taken = cargo_bin().join(tool.program).exists();
    if taken { target_dir().join("tools") } else { cargo_home() }
}
