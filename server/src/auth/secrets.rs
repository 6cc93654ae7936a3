//! The three tokens and the session key: made at first launch, stored readable only by their owner, read again on SIGHUP.
//!
//! Only digests stay in memory for comparison, and comparisons take the same time whether they match early or late.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::args::AuthArgs;
use super::identity::Role;

/// Bytes of a generated token: beyond guessing.
const TOKEN_BYTES: usize = 32;
/// The shortest token that a person may choose.
const CHOSEN_LENGTH: usize = 16;

type Sum = [u8; 32];

/// Digests of the tokens, and the key that signs sessions.
pub(super) struct Secrets {
    probe: Sum,
    viewer: Sum,
    operator: Sum,
    /// Signs session cookies. Depends on the tokens, so that changing one logs everybody out.
    pub(super) session_key: Sum,
}

/// The tokens themselves, for printing links and for the probe of a launch.
#[derive(Clone)]
pub struct Tokens {
    /// What probes present.
    pub probe: String,
    /// What people present who may look.
    pub viewer: String,
    /// What people present who may act.
    pub operator: String,
}

impl Secrets {
    /// Reads the tokens, making those that do not exist unless they come from a directory of somebody else's.
    pub(super) fn load(args: &AuthArgs) -> anyhow::Result<(Self, Tokens)> {
        let (tokens, key) = match &args.tokens_dir {
            Some(directory) => (given(args, directory)?, String::new()),
            None => made(args)?,
        };
        let held: Vec<&String> = [&tokens.probe, &tokens.viewer, &tokens.operator]
            .into_iter()
            .filter(|token| !token.is_empty())
            .collect();
        let differ = held
            .iter()
            .enumerate()
            .all(|(at, token)| !held.iter().skip(at + 1).any(|other| other == token));
        anyhow::ensure!(differ, "probes, viewers and operators must have different tokens");
        let mut session_key = Sha256::new();
        for part in ["scope session key", &key, &tokens.viewer, &tokens.operator, &tokens.probe] {
            session_key.update(part.as_bytes());
            session_key.update([0]);
        }
        let sum = |token: &str| if token.is_empty() { rand::random() } else { sum(token) };
        let secrets = Self {
            probe: sum(&tokens.probe),
            viewer: sum(&tokens.viewer),
            operator: sum(&tokens.operator),
            session_key: session_key.finalize().into(),
        };
        Ok((secrets, tokens))
    }

    /// Secrets that nobody holds: for a server that asks nobody.
    pub(super) fn unknowable() -> Self {
        Self {
            probe: rand::random(),
            viewer: rand::random(),
            operator: rand::random(),
            session_key: rand::random(),
        }
    }

    /// Whose token this is.
    pub(super) fn role_of(&self, token: &str) -> Option<Role> {
        let presented = sum(token);
        // All three are compared always, so that the time taken tells nothing.
        let matches = [
            (self.operator.ct_eq(&presented), Role::Operator),
            (self.viewer.ct_eq(&presented), Role::Viewer),
            (self.probe.ct_eq(&presented), Role::Probe),
        ];
        matches.into_iter().find(|(equal, _)| bool::from(*equal)).map(|(_, role)| role)
    }
}

/// Tokens from flags, the rest from files that are only read. A role without either has none.
fn given(args: &AuthArgs, directory: &Path) -> anyhow::Result<Tokens> {
    let token = |flag: Option<&String>, name: &str| match chosen(flag, name)? {
        Some(token) => Ok(token),
        None => {
            let file = directory.join(format!("{name}-token"));
            match fs::read_to_string(&file) {
                Ok(text) => Ok(chosen(Some(&text), name)?.unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
                Err(error) => Err(error).with_context(|| format!("cannot read a token: {}", file.display())),
            }
        }
    };
    let tokens = Tokens {
        probe: token(args.probe_token.as_ref(), "probe")?,
        viewer: token(args.viewer_token.as_ref(), "viewer")?,
        operator: token(args.operator_token.as_ref(), "operator")?,
    };
    // Sessions are signed with a key that comes from the people's tokens; without any it would be known to everybody.
    anyhow::ensure!(
        !tokens.viewer.is_empty() || !tokens.operator.is_empty(),
        "neither viewers nor operators have a token; put a file viewer-token or operator-token in the directory: {}",
        directory.display()
    );
    Ok(tokens)
}

/// Tokens from flags, the rest from the state directory, where they are made if they do not exist; and the session key.
fn made(args: &AuthArgs) -> anyhow::Result<(Tokens, String)> {
    let directory = state_directory(args.state_dir.as_deref())?;
    prepare(&directory)?;
    let token = |flag: Option<&String>, name: &str| match chosen(flag, name)? {
        Some(token) => Ok(token),
        None => stored(&directory.join(format!("{name}.token"))),
    };
    let tokens = Tokens {
        probe: token(args.probe_token.as_ref(), "probe")?,
        viewer: token(args.viewer_token.as_ref(), "viewer")?,
        operator: token(args.operator_token.as_ref(), "operator")?,
    };
    Ok((tokens, stored(&directory.join("session.key"))?))
}

/// A token that somebody chose; an empty one counts as none.
fn chosen(token: Option<&String>, name: &str) -> anyhow::Result<Option<String>> {
    match token.map(|token| token.trim()).filter(|token| !token.is_empty()) {
        Some(token) if token.len() < CHOSEN_LENGTH => {
            bail!("the {name} token is shorter than {CHOSEN_LENGTH} characters; choose a longer one")
        }
        token => Ok(token.map(str::to_owned)),
    }
}

fn sum(token: &str) -> Sum {
    Sha256::digest(token.as_bytes()).into()
}

/// Where state is kept.
pub(crate) fn state_directory(chosen: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(directory) = chosen {
        return Ok(directory.to_owned());
    }
    if nix::unistd::geteuid().is_root() {
        return Ok(PathBuf::from("/var/lib/scope"));
    }
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("XDG_STATE_HOME")
        .or_else(|| variable("HOME").map(|home| home.join(".local/state")))
        .map(|base| base.join("scope"))
        .context("neither XDG_STATE_HOME nor HOME is set; say where tokens are kept with --state-dir DIR")
}

/// Makes the directory, readable by its owner only.
pub(crate) fn prepare(directory: &Path) -> anyhow::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory).with_context(|| {
        format!(
            "cannot make the state directory; choose another with --state-dir: {}",
            directory.display()
        )
    })
}

/// Reads a secret, or makes it.
fn stored(file: &Path) -> anyhow::Result<String> {
    match fs::read_to_string(file) {
        Ok(text) => {
            let mode = fs::metadata(file).map(|metadata| metadata.mode()).unwrap_or(0);
            if mode & 0o077 != 0 {
                bail!(
                    "others can read this secret; delete it (a new one is made) or run chmod 600: {}",
                    file.display()
                );
            }
            let token = text.trim();
            if token.len() < CHOSEN_LENGTH {
                bail!(
                    "this secret is shorter than {CHOSEN_LENGTH} characters; delete it and a new one is made: {}",
                    file.display()
                );
            }
            Ok(token.to_owned())
        }
        Err(error) if error.kind() == ErrorKind::NotFound => make(file),
        Err(error) => Err(error).with_context(|| format!("cannot read a secret: {}", file.display())),
    }
}

fn make(file: &Path) -> anyhow::Result<String> {
    let token = URL_SAFE_NO_PAD.encode(rand::random::<[u8; TOKEN_BYTES]>());
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut open = options
        .open(file)
        .with_context(|| format!("cannot store a secret: {}", file.display()))?;
    writeln!(open, "{token}")
        .and_then(|()| open.sync_all())
        .with_context(|| format!("cannot store a secret: {}", file.display()))?;
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(directory: &Path) -> AuthArgs {
        AuthArgs {
            state_dir: Some(directory.join("state")),
            ..AuthArgs::default()
        }
    }

    #[test]
    fn tokens_are_made_once_and_only_their_owner_can_read_them() {
        let directory = tempfile::tempdir().expect("directory");
        let (secrets, tokens) = Secrets::load(&args(directory.path())).expect("made");
        let (_, again) = Secrets::load(&args(directory.path())).expect("read");
        assert_eq!(tokens.operator, again.operator);
        let file = directory.path().join("state/operator.token");
        assert_eq!(fs::metadata(&file).expect("file").mode() & 0o777, 0o600);
        assert_eq!(secrets.role_of(&tokens.operator), Some(Role::Operator));
        assert_eq!(secrets.role_of(&tokens.viewer), Some(Role::Viewer));
        assert_eq!(secrets.role_of(&tokens.probe), Some(Role::Probe));
        assert_eq!(secrets.role_of(""), None);
    }

    #[test]
    fn a_secret_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().expect("directory");
        Secrets::load(&args(directory.path())).map(drop).expect("made");
        let file = directory.path().join("state/viewer.token");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("chmod");
        let error = Secrets::load(&args(directory.path())).map(drop).expect_err("refused");
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }

    #[test]
    fn changing_a_token_changes_the_session_key() {
        let directory = tempfile::tempdir().expect("directory");
        let (before, _) = Secrets::load(&args(directory.path())).expect("made");
        fs::remove_file(directory.path().join("state/viewer.token")).expect("removed");
        let (after, _) = Secrets::load(&args(directory.path())).expect("made again");
        assert_ne!(before.session_key, after.session_key);
    }

    #[test]
    fn a_mounted_secret_is_read_and_nothing_is_written() {
        let directory = tempfile::tempdir().expect("directory");
        let mounted = AuthArgs {
            tokens_dir: Some(directory.path().to_owned()),
            ..AuthArgs::default()
        };
        assert!(Secrets::load(&mounted).is_err(), "nobody could log in");
        fs::write(directory.path().join("viewer-token"), "0123456789abcdef0123\n").expect("written");
        let (secrets, tokens) = Secrets::load(&mounted).expect("read");
        assert_eq!(secrets.role_of("0123456789abcdef0123"), Some(Role::Viewer));
        assert!(tokens.operator.is_empty() && secrets.role_of("").is_none());
        assert_eq!(fs::read_dir(directory.path()).expect("list").count(), 1);
    }
}
