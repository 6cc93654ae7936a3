//! Docker's own words: states, durations, sizes, image names. Pure functions on what the engine says.

use bollard::models::{ContainerState, ContainerStateStatusEnum};
use scope_shared::time::Timestamp;

/// One word for a container's state.
#[must_use]
pub fn state(state: &ContainerState) -> &'static str {
    let is = |flag: Option<bool>| flag.unwrap_or(false);
    if is(state.running) {
        return match (is(state.paused), is(state.restarting)) {
            (true, _) => "paused",
            (false, true) => "restarting",
            (false, false) => "running",
        };
    }
    if is(state.dead) {
        return "dead";
    }
    match started(state) {
        None if state.status != Some(ContainerStateStatusEnum::EXITED) => "created",
        _ => "exited",
    }
}

/// The state in a sentence, as `docker ps` shows it.
#[must_use]
pub fn state_sentence(state: &ContainerState, now: Timestamp) -> String {
    let is = |flag: Option<bool>| flag.unwrap_or(false);
    let since = |time: Option<Timestamp>| human_duration(time.map_or(0, |time| seconds_between(time, now)));
    let code = state.exit_code.unwrap_or(0);
    if is(state.running) {
        if is(state.paused) {
            return format!("Up {} (Paused)", since(started(state)));
        }
        if is(state.restarting) {
            return format!("Restarting ({code}) {} ago", since(finished(state)));
        }
        return format!("Up {}", since(started(state)));
    }
    if state.status == Some(ContainerStateStatusEnum::REMOVING) {
        return "Removal In Progress".to_owned();
    }
    if is(state.dead) {
        return "Dead".to_owned();
    }
    match (started(state), finished(state)) {
        (None, None) => "Created".to_owned(),
        (_, None) => String::new(),
        (_, finished) => format!("Exited ({code}) {} ago", since(finished)),
    }
}

/// When it was started; `None` if never.
#[must_use]
pub fn started(state: &ContainerState) -> Option<Timestamp> {
    time(state.started_at.as_deref())
}

/// Seconds since it was started. After the first minute in whole minutes, as people see it: else every container would be news every second.
#[must_use]
pub fn uptime(state: &ContainerState, now: Timestamp) -> u64 {
    let seconds = started(state).map_or(0, |started| seconds_between(started, now));
    if seconds < 60 { seconds } else { seconds - seconds % 60 }
}

fn finished(state: &ContainerState) -> Option<Timestamp> {
    time(state.finished_at.as_deref())
}

/// A time as the engine writes it; the year 1 means never.
#[must_use]
pub fn time(text: Option<&str>) -> Option<Timestamp> {
    Timestamp::parse(text?).filter(|time| time.unix_millis() > 0)
}

/// Whole seconds from one instant to a later one, zero if it is not later.
#[must_use]
pub fn seconds_between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.unix_millis() - from.unix_millis()).unwrap_or(0) / 1000
}

/// A duration in the engine's wording.
#[must_use]
pub fn human_duration(seconds: u64) -> String {
    let minutes = seconds / 60;
    // Hours are rounded, the others cut.
    let hours = (seconds + 1800) / 3600;
    match seconds {
        0 => "Less than a second".to_owned(),
        1 => "1 second".to_owned(),
        2..60 => format!("{seconds} seconds"),
        60..120 => "About a minute".to_owned(),
        _ if minutes < 46 => format!("{minutes} minutes"),
        _ if hours <= 1 => "About an hour".to_owned(),
        _ if hours < 48 => format!("{hours} hours"),
        _ if hours < 24 * 14 => format!("{} days", hours / 24),
        _ if hours < 24 * 60 => format!("{} weeks", hours / 24 / 7),
        _ if hours < 24 * 365 * 2 => format!("{} months", hours / 24 / 30),
        _ => format!("{} years", hours / 24 / 365),
    }
}

/// A size in SI units: `82 MB`, one decimal below ten.
#[must_use]
pub fn human_size(bytes: i64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 10 {
        return format!("{} B", bytes.max(0));
    }
    let mut value = bytes as f64;
    let mut unit = "B";
    for larger in UNITS {
        if value < 1000.0 {
            break;
        }
        value /= 1000.0;
        unit = larger;
    }
    if value < 10.0 && unit != "B" {
        format!("{value:.1} {unit}")
    } else {
        format!("{value:.0} {unit}")
    }
}

/// Name and tag of an image reference. The registry is left out where there are three path parts or more; a port in it is no tag.
#[must_use]
pub fn image_name_and_tag(reference: &str) -> (&str, &str) {
    let without_digest = reference.split_once('@').map_or(reference, |(name, _)| name);
    let shown = match without_digest.split_once('/') {
        Some((_, rest)) if rest.contains('/') => rest,
        _ => without_digest,
    };
    match shown.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (shown, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1_700_000_000 + seconds, 0)
    }

    #[test]
    fn durations_read_as_docker_writes_them() {
        for (seconds, text) in [
            (0, "Less than a second"),
            (1, "1 second"),
            (42, "42 seconds"),
            (61, "About a minute"),
            (150, "2 minutes"),
            (45 * 60, "45 minutes"),
            (46 * 60, "About an hour"),
            (5 * 3600, "5 hours"),
            (47 * 3600, "47 hours"),
            (3 * 86400, "3 days"),
            (20 * 86400, "2 weeks"),
            (100 * 86400, "3 months"),
            (800 * 86400, "2 years"),
        ] {
            assert_eq!(human_duration(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn states_are_told_apart() {
        let running = ContainerState {
            running: Some(true),
            started_at: Some(at(0).to_string()),
            ..Default::default()
        };
        let paused = ContainerState {
            paused: Some(true),
            ..running.clone()
        };
        let exited = ContainerState {
            exit_code: Some(3),
            started_at: Some(at(0).to_string()),
            finished_at: Some(at(60).to_string()),
            ..Default::default()
        };
        let created = ContainerState {
            started_at: Some("0001-01-01T00:00:00Z".into()),
            finished_at: Some("0001-01-01T00:00:00Z".into()),
            ..Default::default()
        };
        let dead = ContainerState {
            dead: Some(true),
            ..exited.clone()
        };
        for (container, word, sentence) in [
            (running, "running", "Up 3 minutes"),
            (paused, "paused", "Up 3 minutes (Paused)"),
            (exited, "exited", "Exited (3) 2 minutes ago"),
            (created, "created", "Created"),
            (dead, "dead", "Dead"),
        ] {
            assert_eq!((state(&container), state_sentence(&container, at(180)).as_str()), (word, sentence));
        }
    }

    #[test]
    fn image_names_lose_registry_and_tag_but_not_their_port() {
        for (reference, name, tag) in [
            ("redis:7", "redis", "7"),
            ("redis", "redis", ""),
            ("registry:5000/team/app:1.2", "team/app", "1.2"),
            ("localhost:5000/x", "localhost:5000/x", ""),
            ("library/redis:7@sha256:abc", "library/redis", "7"),
        ] {
            assert_eq!(image_name_and_tag(reference), (name, tag), "{reference}");
        }
    }

    #[test]
    fn sizes_are_in_si_units() {
        assert_eq!(
            [0, 999, 1200, 82_854_982, 1_500_000_000].map(human_size),
            ["0 B", "999 B", "1.2 kB", "83 MB", "1.5 GB"]
        );
    }
}
