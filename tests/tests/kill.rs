//! In the middle of a shell: the browser, the container, the probe, the server are killed. Within ten seconds the others know, and no
//! process, pipe or connection is left.

use std::time::Duration;

use scope_tests::docker::{LABEL, docker, make_image, remove};
use scope_tests::process::{Process, Scope};
use scope_tests::terminal::{Terminal, gauge, probe_id};
use scope_tests::wait::{until, until_within};
use scope_tests::{Result, ensure};

const IMAGE: &str = "shop/killed";
const SOON: Duration = Duration::from_secs(10);

/// A container that is gone with the test.
struct Container {
    name: &'static str,
    id: String,
}

impl Container {
    fn start(name: &'static str) -> Result<Self> {
        remove(name);
        make_image(IMAGE)?;
        let id = docker(&["run", "--detach", "--label", LABEL, "--name", name, IMAGE, "sleep", "100000"])?;
        Ok(Self { name, id })
    }

    /// Its processes; the first is its own, the others are ours.
    fn processes(&self) -> Result<usize> {
        Ok(docker(&["top", self.name])?.lines().count() - 1)
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        remove(self.name);
    }
}

fn probe(server: &Scope, name: &str) -> Result<Process> {
    server.probe(name, &["--ebpf=false", "--processes=false", "--plugins-root", ""])
}

/// Opens a shell, once the probe can, and starts something in its background.
async fn shell(server: &Scope, container: &Container) -> Result<Terminal> {
    let mut terminal = until("a shell opens", || Terminal::shell(server.port, &container.id)).await?;
    terminal.send("sleep 5000 &\necho up $((1+1))\n").await?;
    terminal.read_until("up 2").await?;
    let processes = container.processes()?;
    ensure!(
        processes == 3,
        "{processes} processes instead of the container's own, the shell and what it started"
    );
    ensure!(gauge(server.port, "scope_pipes").await? == 1.0, "not one pipe");
    Ok(terminal)
}

async fn nothing_is_left_in(container: &Container) -> Result<()> {
    until_within("nothing is left in the container", SOON, || async {
        let processes = container.processes()?;
        ensure!(processes == 1, "{processes} processes");
        Ok(())
    })
    .await?;
    Ok(())
}

async fn no_pipe_is_left(server: &Scope) -> Result<()> {
    until_within("no pipe is left", SOON, || async {
        let pipes = gauge(server.port, "scope_pipes").await?;
        ensure!(pipes == 0.0, "{pipes} pipes");
        Ok(())
    })
    .await?;
    Ok(())
}

/// What the probe has open without a terminal: asked until it stays, since connections come and go.
async fn at_rest(server: &Scope, probe: &Process) -> Result<usize> {
    until("the probe can be controlled", || async {
        probe_id(server.port).await?;
        ensure!(gauge(server.port, "scope_control_sockets").await? == 1.0, "not yet");
        Ok(())
    })
    .await?;
    probe.open_files()
}

async fn probe_is_at_rest(probe: &Process, before: usize) -> Result<()> {
    until_within("the probe has let go of everything", SOON, || async {
        let now = probe.open_files()?;
        // A report that is on its way at this moment is a connection more.
        ensure!(now <= before + 1, "{now} open files, {before} before");
        Ok(())
    })
    .await?;
    Ok(())
}

#[tokio::test]
async fn when_the_browser_or_the_container_is_killed_nothing_is_left() -> Result<()> {
    let container = Container::start("shop-killed")?;
    let server = Scope::server("kill-server", &[]).await?;
    let mut probe = probe(&server, "kill-probe")?;
    // The first shell starts the guard, which stays.
    let first = shell(&server, &container).await?;
    drop(first);
    nothing_is_left_in(&container).await?;
    no_pipe_is_left(&server).await?;
    let before = at_rest(&server, &probe).await?;

    let terminal = shell(&server, &container).await?;
    drop(terminal);
    nothing_is_left_in(&container).await?;
    no_pipe_is_left(&server).await?;
    probe_is_at_rest(&probe, before).await?;

    let mut terminal = shell(&server, &container).await?;
    docker(&["kill", container.name])?;
    let end = terminal.ended().await?;
    ensure!(end == "exited 137" || end == "ended", "the terminal ended with {end:?}");
    no_pipe_is_left(&server).await?;
    probe_is_at_rest(&probe, before).await?;
    probe.check_alive()
}

#[tokio::test]
async fn when_the_probe_is_killed_its_shells_end_and_the_page_is_told() -> Result<()> {
    let container = Container::start("shop-orphaned")?;
    let server = Scope::server("kill-probe-server", &[]).await?;
    let mut probe = probe(&server, "kill-probe-probe")?;
    let mut terminal = shell(&server, &container).await?;
    let guards = probe.children()?;
    ensure!(guards.len() == 1, "one guard, not {guards:?}");
    probe.kill()?;
    let end = terminal.ended().await?;
    ensure!(end.contains("probe"), "the terminal ended with {end:?}");
    nothing_is_left_in(&container).await?;
    no_pipe_is_left(&server).await?;
    until_within("the guard has ended", SOON, || async {
        let left: Vec<_> = guards.iter().filter(|guard| is_running(**guard)).collect();
        ensure!(left.is_empty(), "{left:?} still run");
        ensure!(
            gauge(server.port, "scope_control_sockets").await? == 0.0,
            "the server still counts a probe"
        );
        Ok(())
    })
    .await?;
    Ok(())
}

/// Whether a process runs; one that ended and that nobody waited for does not.
fn is_running(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with('Z'))
}

#[tokio::test]
async fn when_the_server_is_killed_its_shells_end_and_a_new_one_is_served() -> Result<()> {
    let container = Container::start("shop-unserved")?;
    let mut server = Scope::server("kill-server-server", &[]).await?;
    let mut probe = probe(&server, "kill-server-probe")?;
    let mut terminal = shell(&server, &container).await?;
    server.process.kill()?;
    terminal.ended().await?;
    nothing_is_left_in(&container).await?;
    let again = Scope::server_on("kill-server-again", server.port, &[]).await?;
    let terminal = shell(&again, &container).await?;
    drop(terminal);
    nothing_is_left_in(&container).await?;
    no_pipe_is_left(&again).await?;
    probe.check_alive()
}
