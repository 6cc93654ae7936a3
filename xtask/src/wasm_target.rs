//! Makes `--target wasm32-unknown-unknown` work with the compiler in use.
//!
//! The ordinary way is `rustup target add`. Where that cannot download, the standard library is built once from its source (rustup's
//! `rust-src` component, or Debian's package of the same version) and put where rustup would have put it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::progress::{Board, Step, with_bar};
use crate::shell::{cargo, command, logged, output, scratch, tail, which};

const TARGET: &str = "wasm32-unknown-unknown";
/// A download of 20 MB that has not finished by then will not.
const DOWNLOAD_LIMIT: Duration = Duration::from_secs(90);

/// Makes sure the target is there.
pub fn ensure(board: &Board) -> Result<()> {
    if works() {
        return Ok(());
    }
    if which("rustup").is_some() {
        match board.step("WebAssembly target", "rustup target add (20 MB)", |_| rustup_add()) {
            Ok(()) if works() => return Ok(()),
            Ok(()) => {}
            Err(error) => board.say(&format!("      {error:#}")),
        }
    }
    board
        .step(
            "WebAssembly target",
            "building the standard library from source (about a minute)",
            build_from_source,
        )
        .with_context(|| format!("the standard library for {TARGET} could neither be downloaded nor built"))?;
    if works() {
        return Ok(());
    }
    bail!(
        "the compiler still has no standard library for {TARGET}; install it by hand (`rustup target add {TARGET}`, or your distribution's package for it)"
    )
}

/// Whether a program that uses `std` compiles and links.
fn works() -> bool {
    let Ok(out) = scratch("wasm-target-check.wasm") else { return false };
    let mut rustc = command("rustc");
    rustc
        .args([
            "--edition",
            "2024",
            "--crate-name",
            "check",
            "--crate-type",
            "cdylib",
            "--target",
            TARGET,
            "-",
        ])
        .arg("-o")
        .arg(out);
    rustc.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let source = b"#[unsafe(no_mangle)] pub extern \"C\" fn f() -> usize { std::format!(\"{:?}\", 1.5).len() }";
    let Ok(mut child) = rustc.spawn() else { return false };
    let written = child
        .stdin
        .take()
        .is_some_and(|mut input| std::io::Write::write_all(&mut input, source).is_ok());
    child.wait().is_ok_and(|status| status.success()) && written
}

fn rustup_add() -> Result<()> {
    let mut add = command("rustup");
    let log = scratch("rustup.log")?;
    add.args(["target", "add", TARGET])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&log).with_context(|| format!("cannot write {}", log.display()))?);
    let mut child = add.spawn().context("cannot start rustup")?;
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return if status.success() {
                Ok(())
            } else {
                bail!("rustup could not add the target ({status}):\n{}", tail(&log, 5))
            };
        }
        if begun.elapsed() > DOWNLOAD_LIMIT {
            child.kill()?;
            child.wait()?;
            bail!(
                "rustup did not finish its download within {} s; is its server reachable?",
                DOWNLOAD_LIMIT.as_secs()
            );
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn build_from_source(step: &Step) -> Result<()> {
    let rustlib = PathBuf::from(rustc(&["--print", "sysroot"])?.trim()).join("lib/rustlib");
    let mut library = rustlib.join("src/rust/library");
    if !library.join("Cargo.lock").is_file() {
        step.is("fetching Debian's rust-src");
        library = debian_source()?;
    }
    let build_dir = scratch("wasm-std")?;
    let mut build = cargo(&[
        "build",
        "--release",
        "--locked",
        "-p",
        "sysroot",
        "--features",
        "panic-unwind",
        "--target",
        TARGET,
    ]);
    let vendor = library.join("vendor");
    if vendor.is_dir() {
        build.args(["--offline", "--config", "source.crates-io.replace-with='vendored'", "--config"]);
        build.arg(format!("source.vendored.directory='{}'", vendor.display()));
    }
    build
        .current_dir(&library)
        .env("CARGO_TARGET_DIR", &build_dir)
        .env("RUSTC_BOOTSTRAP", "1")
        // Without this the crates' metadata differ from what the compiler takes for its own standard library.
        .env("__CARGO_DEFAULT_LIB_METADATA", "stablestd")
        .env("RUSTFLAGS", "-Zforce-unstable-if-unmarked -Cembed-bitcode=yes")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    with_bar(&mut build);
    logged(build, &scratch("wasm-std.log")?, |piece| step.cargo_piece(piece))?;
    install(&build_dir.join(TARGET).join("release/deps"), &rustlib)
}

fn install(built: &Path, rustlib: &Path) -> Result<()> {
    let into = rustlib.join(TARGET).join("lib");
    std::fs::create_dir_all(&into).with_context(|| format!("cannot write {}", into.display()))?;
    for entry in std::fs::read_dir(built)? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "rlib") {
            let name = file.file_name().context("a library without a name")?;
            std::fs::copy(&file, into.join(name)).with_context(|| format!("cannot copy {}", file.display()))?;
        }
    }
    Ok(())
}

/// Debian's source of the standard library at the compiler's version, unpacked.
fn debian_source() -> Result<PathBuf> {
    let release = rustc(&["-vV"])?
        .lines()
        .find_map(|line| line.strip_prefix("release: ").map(str::to_owned))
        .context("rustc has no release")?;
    let into = scratch("rust-src")?;
    std::fs::create_dir_all(&into)?;
    for package in ["rust-src", "rust-web-src"] {
        let Ok(listed) = output(with(command("apt-cache"), &["madison", package])) else {
            continue;
        };
        let versions = listed.lines().filter_map(|line| line.split('|').nth(1).map(str::trim));
        let Some(version) = versions.into_iter().find(|version| is_release(version, &release)) else {
            continue;
        };
        let mut download = with(command("apt-get"), &["download", "-q", &format!("{package}={version}")]);
        download.current_dir(&into);
        output(download)?;
        let archive = std::fs::read_dir(&into)?.filter_map(Result::ok).map(|entry| entry.path());
        let archive = archive
            .into_iter()
            .find(|path| path.extension().is_some_and(|extension| extension == "deb"));
        output(with(
            command("dpkg"),
            &[
                "-x",
                &archive.context("apt-get downloaded nothing")?.to_string_lossy(),
                &into.to_string_lossy(),
            ],
        ))?;
        return Ok(into.join(format!("usr/src/rustc-{release}/library")));
    }
    bail!("neither rustup nor Debian has the source of the standard library {release}: install the component `rust-src`")
}

fn is_release(debian: &str, release: &str) -> bool {
    debian
        .strip_prefix(release)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', '-', '~']))
}

fn rustc(arguments: &[&str]) -> Result<String> {
    output(with(command("rustc"), arguments))
}

fn with(mut command: Command, arguments: &[&str]) -> Command {
    command.args(arguments);
    command
}

#[cfg(test)]
mod tests {
    use super::is_release;

    #[test]
    fn only_the_very_version_of_the_compiler_will_do() {
        assert!(is_release("1.95.0+dfsg1-1~deb12u1", "1.95.0"));
        assert!(!is_release("1.95.01-1", "1.95.0"));
        assert!(!is_release("1.63.0+dfsg1-2", "1.95.0"));
    }
}
