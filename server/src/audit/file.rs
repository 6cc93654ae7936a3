//! The audit log's file: appended, readable by its owner only, and kept to two generations so that it cannot fill a disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use anyhow::Context as _;

/// One generation: a line is about 300 bytes, so this is some 200,000 actions.
const GENERATION_BYTES: u64 = 64 << 20;

pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    length: u64,
}

impl LogFile {
    pub(super) fn open(path: PathBuf) -> anyhow::Result<Self> {
        let file =
            append(&path).with_context(|| format!("cannot open the audit log; choose another with --audit-log: {}", path.display()))?;
        let length = file.metadata().map(|metadata| metadata.len()).unwrap_or(0);
        Ok(Self { path, file, length })
    }

    /// Appends a line and hands it to the kernel.
    pub(super) fn append(&mut self, line: &str) -> io::Result<()> {
        if self.length > GENERATION_BYTES {
            let mut older = self.path.clone().into_os_string();
            older.push(".1");
            fs::rename(&self.path, older)?;
            self.file = append(&self.path)?;
            self.length = 0;
        }
        let record = format!("{line}\n");
        self.file.write_all(record.as_bytes())?;
        self.length += record.len() as u64;
        Ok(())
    }
}

fn append(path: &PathBuf) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}
