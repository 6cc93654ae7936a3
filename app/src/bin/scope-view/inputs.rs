//! Reports in: files, or a server.

use std::path::Path;

use anyhow::{Context, Result, bail};
use scope_app::feed::Feed;
use scope_shared::report::{Report, SmolStr};
use scope_shared::wire::{decode_report, encoding_of_file};

use crate::args::Input;
use crate::live;

/// A feed of what the command line names.
pub(crate) fn feed(input: &Input) -> Result<Feed> {
    if let Some(server) = &input.server {
        return live::feed(server, input.token.as_deref(), input.wait);
    }
    if input.report.is_empty() {
        bail!("nothing to look at: name report files with --report FILE, or a server with --server URL");
    }
    let reports: Vec<(SmolStr, Report)> = input.report.iter().map(|path| read(path)).collect::<Result<_>>()?;
    let mut feed = Feed::new();
    feed.add_reports(reports);
    Ok(feed)
}

fn read(path: &Path) -> Result<(SmolStr, Report)> {
    let name = path.to_string_lossy();
    let Some((encoding, gzip)) = encoding_of_file(&name) else {
        bail!("{name} is no report file: its name must end in .json or .msgpack, optionally followed by .gz");
    };
    let body = std::fs::read(path).with_context(|| format!("cannot read {name}"))?;
    let report = decode_report(&body, encoding, gzip).with_context(|| format!("{name} cannot be read as a report"))?;
    Ok((SmolStr::new(&*name), report))
}
