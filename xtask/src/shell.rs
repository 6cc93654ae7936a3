//! Running other programs: where the workspace is, what their environment looks like, and what is shown of what they print.
//!
//! No shell is involved: arguments are passed as they are.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use anyhow::{Context, Result, bail};

/// The root of the workspace.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// The build directory: `CARGO_TARGET_DIR` if it is set, else `target` at the root.
pub fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// Where xtask keeps its logs and stamps.
pub fn scratch(name: &str) -> Result<PathBuf> {
    let directory = target_dir().join("xtask");
    std::fs::create_dir_all(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
    Ok(directory.join(name))
}

/// A command that runs at the root, finds the tools xtask installed, and does not see what `cargo run` told xtask about itself
/// (build scripts watch some of those variables and would run again for nothing).
pub fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root()).env("PATH", path_with_tools());
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Cargo, the one that runs this program.
pub fn cargo(arguments: &[&str]) -> Command {
    let program = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let mut command = command(&program);
    command.args(arguments);
    command
}

fn path_with_tools() -> OsString {
    let current = std::env::var_os("PATH").unwrap_or_default();
    let own = [crate::tools::own_bin(), crate::tools::cargo_bin()];
    std::env::join_paths(own.into_iter().chain(std::env::split_paths(&current))).unwrap_or(current)
}

/// The path of a program that can be started, or `None`.
pub fn which(program: &str) -> Option<PathBuf> {
    let system = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    let path = path_with_tools();
    std::env::split_paths(&path)
        .chain(system)
        .map(|directory| directory.join(program))
        .find(|file| file.is_file())
}

/// How a command is shown to people.
pub fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// Runs to the end with this terminal's own input and output.
pub fn run(mut command: Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start `{}`", shown(&command)))?;
    if !status.success() {
        bail!("`{}` failed: {status}", shown(&command));
    }
    Ok(())
}

/// Runs to the end and returns what it printed on standard output; its complaints are part of the error.
pub fn output(mut command: Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start `{}`", shown(&command)))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        bail!("`{}` failed: {}\n{}", shown(&command), output.status, complaint.trim_end());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs to the end, shows every line as it comes and hands each to `line` as well. Returns whether it succeeded.
pub fn tee(mut command: Command, mut line: impl FnMut(&str)) -> Result<bool> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot start `{}`", shown(&command)))?;
    let (sender, lines) = std::sync::mpsc::channel();
    for stream in streams(&mut child) {
        let sender = sender.clone();
        thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    break;
                }
            }
        });
    }
    drop(sender);
    for text in lines {
        println!("{text}");
        line(&text);
    }
    Ok(child.wait()?.success())
}

/// Runs to the end with everything it prints in `log`, handing each piece (ended by a line feed or a carriage return, as progress bars
/// do) to `piece`. A failure shows the end of the log.
pub fn logged(mut command: Command, log: &Path, mut piece: impl FnMut(&str) + Send) -> Result<()> {
    let mut file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot start `{}`", shown(&command)))?;
    if let Some(stream) = child.stderr.take() {
        let mut held = Vec::new();
        for byte in BufReader::new(stream).bytes().map_while(Result::ok) {
            held.push(byte);
            if byte == b'\n' || byte == b'\r' {
                let text = String::from_utf8_lossy(&held).into_owned();
                piece(text.trim_end());
                if byte == b'\n' {
                    file.write_all(&held)?;
                }
                held.clear();
            }
        }
        file.write_all(&held)?;
    }
    let status = child.wait()?;
    if !status.success() {
        bail!(
            "`{}` failed: {status}; the end of {}:\n{}",
            shown(&command),
            log.display(),
            tail(log, 30)
        );
    }
    Ok(())
}

fn streams(child: &mut Child) -> Vec<Box<dyn Read + Send>> {
    let out = child.stdout.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>);
    let err = child.stderr.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>);
    out.into_iter().chain(err).collect()
}

/// The last lines of a file, indented.
pub fn tail(file: &Path, count: usize) -> String {
    let text = std::fs::read(file)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    let from = lines.len().saturating_sub(count);
    lines
        .iter()
        .skip(from)
        .map(|line| format!("    {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}
