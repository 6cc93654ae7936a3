//! The audit log: every login, control and terminal as one JSON line, and terminals' output on request.
//!
//! A line says who, from where, what, when, the result and the duration. With `--audit-required` nothing is done that cannot be recorded
//! first: the start of an action is then written, and flushed, before it happens.

mod cast;
mod file;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use scope_shared::time::Timestamp;
use serde::Serialize;

pub(crate) use cast::Recording;
use file::LogFile;

use crate::refusal::Refusal;

/// Flags of the audit log.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Server: audit")]
pub struct AuditArgs {
    /// File of the audit log (JSON lines, kept to 2 × 64 MiB). [default: audit.jsonl in the state directory if there is one]
    #[arg(long, env = "SCOPE_AUDIT_LOG", value_name = "FILE")]
    pub audit_log: Option<PathBuf>,
    /// Refuse logins, controls and terminals that cannot be recorded.
    #[arg(long, env = "SCOPE_AUDIT_REQUIRED")]
    pub audit_required: bool,
    /// Record what terminals show (not what is typed) in this directory, one asciicast file a terminal.
    #[arg(long, env = "SCOPE_RECORD_TERMINALS", value_name = "DIR")]
    pub record_terminals: Option<PathBuf>,
}

/// One line of the log. Empty fields are left out.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Event {
    time: String,
    event: &'static str,
    who: String,
    from: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    what: Option<What>,
    #[serde(skip_serializing_if = "String::is_empty")]
    result: String,
    #[serde(rename = "durationMillis", skip_serializing_if = "Option::is_none")]
    duration_millis: Option<u64>,
}

/// What was acted on.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct What {
    pub(crate) probe: String,
    pub(crate) node: String,
    pub(crate) control: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) pipe: String,
}

impl Event {
    pub(crate) fn new(event: &'static str, who: &str, from: IpAddr) -> Self {
        Self {
            time: now(),
            event,
            who: who.to_owned(),
            from,
            what: None,
            result: String::new(),
            duration_millis: None,
        }
    }

    pub(crate) fn on(mut self, what: What) -> Self {
        self.what = Some(what);
        self
    }

    pub(crate) fn result(&mut self, result: &str) -> &Self {
        result.clone_into(&mut self.result);
        self
    }

    pub(crate) fn took(mut self, duration: Duration) -> Self {
        self.duration_millis = Some(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
        self
    }
}

/// The log of a server.
pub(crate) struct Audit {
    required: bool,
    file: Option<Mutex<LogFile>>,
    recordings: Option<PathBuf>,
}

impl Audit {
    /// Opens the log.
    ///
    /// # Errors
    /// When it cannot be opened although it was asked for.
    pub(crate) fn new(args: &AuditArgs, default: Option<PathBuf>) -> anyhow::Result<Self> {
        let chosen = args.audit_log.clone().or(default);
        if args.audit_required && chosen.is_none() {
            anyhow::bail!("--audit-required needs a file to record to: --audit-log FILE");
        }
        if let Some(directory) = &args.record_terminals {
            crate::auth::prepare(directory)?;
        }
        Ok(Self {
            required: args.audit_required,
            file: chosen.map(|path| LogFile::open(path).map(Mutex::new)).transpose()?,
            recordings: args.record_terminals.clone(),
        })
    }

    /// Records something that happens whether it can be recorded or not.
    pub(crate) fn note(&self, event: &Event) {
        if let Err(error) = self.write(event) {
            tracing::error!(%error, "an audit record could not be written");
        }
    }

    /// Records something before it happens.
    ///
    /// # Errors
    /// 503 when it cannot be recorded and must be.
    pub(crate) fn require(&self, event: &Event) -> Result<(), Refusal> {
        let Err(error) = self.write(event) else { return Ok(()) };
        tracing::error!(%error, "an audit record could not be written");
        if self.required {
            return Err(not_recorded());
        }
        Ok(())
    }

    /// Whether nothing may go unrecorded.
    pub(crate) const fn is_required(&self) -> bool {
        self.required
    }

    fn write(&self, event: &Event) -> std::io::Result<()> {
        let line = serde_json::to_string(event)?;
        tracing::info!(target: "audit", "{line}");
        self.file.as_ref().map_or(Ok(()), |file| file.lock().append(&line))
    }

    /// Starts recording a terminal, if terminals are recorded.
    ///
    /// # Errors
    /// 503 when that fails and audit is required.
    pub(crate) fn record(&self, pipe: &str) -> Result<Option<Recording>, Refusal> {
        let Some(directory) = &self.recordings else { return Ok(None) };
        match Recording::start(directory, pipe) {
            Ok(recording) => Ok(Some(recording)),
            Err(error) => {
                tracing::error!(%error, "a terminal cannot be recorded");
                if self.required { Err(not_recorded()) } else { Ok(None) }
            }
        }
    }
}

fn not_recorded() -> Refusal {
    Refusal::new(
        axum::http::StatusCode::SERVICE_UNAVAILABLE,
        "this cannot be recorded, and this server does nothing unrecorded (--audit-required); see its log",
    )
}

/// Audit lines bear the machine's own time: they are compared with other logs of the machine.
fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_who_did_what_from_where_with_what_result() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("audit.jsonl");
        let audit = Audit::new(&AuditArgs::default(), Some(path.clone())).expect("opened");
        let what = What {
            probe: "p".to_owned(),
            node: "n;<container>".to_owned(),
            control: "docker_stop_container".to_owned(),
            ..What::default()
        };
        let mut event = Event::new("control", "a@example.com", IpAddr::from([192, 0, 2, 1]))
            .on(what)
            .took(Duration::from_millis(7));
        audit.require(event.result("ok")).expect("recorded");
        let line: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).expect("log")).expect("one JSON line");
        assert_eq!(
            (&line["who"], &line["from"], &line["durationMillis"]),
            (&"a@example.com".into(), &"192.0.2.1".into(), &7.into())
        );
        assert_eq!(line["what"]["control"], "docker_stop_container");
    }

    #[test]
    fn what_cannot_be_recorded_is_refused_only_if_it_must_be() {
        for required in [false, true] {
            let audit = Audit {
                required,
                file: Some(Mutex::new(LogFile::open("/dev/full".into()).expect("opened"))),
                recordings: None,
            };
            let outcome = audit.require(&Event::new("login", "x", IpAddr::from([127, 0, 0, 1])));
            assert_eq!(outcome.is_err(), required);
        }
    }
}
