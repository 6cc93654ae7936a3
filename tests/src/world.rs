//! A small shop of containers that talk to each other: what the tests look at.
//!
//!     gateway ─▶ web-1 ─▶ app ─▶ db        app ─▶ the outside
//!            └▶ web-2        worker ─▶ db
//!     migrate has exited, batch is paused

use std::collections::BTreeSet;

use anyhow::{Context, Result};

use crate::docker::{LABEL, docker, inspect, make_image, remove, remove_leftovers};
use crate::outside::{self, Outside};

const NETWORK: &str = "shop";
/// Listens, and keeps a connection open to each of its targets, opening it again whenever it breaks.
const PROGRAM: &str = "trap 'exit 0' TERM; nc -ll -p 8080 -e cat & \
    for t in $TARGETS; do (while :; do sleep 100000 | nc ${t%:*} ${t#*:}; sleep 1; done) & done; while :; do wait; sleep 1; done";

/// Containers that run under the default filter, and their images.
pub const RUNNING: [(&str, &str); 6] = [
    ("shop-db", "shop/store"),
    ("shop-app", "shop/logic"),
    ("shop-worker", "shop/logic"),
    ("shop-web-1", "shop/front"),
    ("shop-web-2", "shop/front"),
    ("shop-gateway", "shop/front"),
];
/// Who talks to whom, inside the shop.
pub const EDGES: [(&str, &str); 5] = [
    ("shop-gateway", "shop-web-1"),
    ("shop-gateway", "shop-web-2"),
    ("shop-web-1", "shop-app"),
    ("shop-app", "shop-db"),
    ("shop-worker", "shop-db"),
];
/// The one that also talks to the outside.
pub const GOES_OUTSIDE: &str = "shop-app";
/// The one that has exited.
pub const STOPPED: &str = "shop-migrate";
/// The one that is paused.
pub const PAUSED: &str = "shop-batch";

/// The shop; gone when dropped.
pub struct World {
    _outside: Outside,
}

impl World {
    /// Makes images, network, outside and containers.
    pub fn start() -> Result<Self> {
        remove_leftovers()?;
        for image in RUNNING.iter().map(|(_, image)| *image).collect::<BTreeSet<_>>() {
            make_image(image)?;
        }
        docker(&["network", "create", "--label", LABEL, NETWORK])?;
        let world = Self {
            _outside: Outside::start()?,
        };
        for (name, image) in RUNNING {
            let inside = EDGES
                .iter()
                .filter(|(from, _)| *from == name)
                .map(|(_, to)| Ok(format!("{}:8080", address(to)?)));
            let mut targets = inside.collect::<Result<Vec<_>>>()?;
            if name == GOES_OUTSIDE {
                targets.push(format!("{}:{}", outside::ADDRESS, outside::PORT));
            }
            world.run(name, image, &targets)?;
        }
        docker(&["run", "--detach", "--label", LABEL, "--name", STOPPED, "shop/logic", "true"])?;
        world.run(PAUSED, "shop/logic", &[])?;
        docker(&["pause", PAUSED])?;
        Ok(world)
    }

    /// Starts one more container of the shop.
    pub fn run(&self, name: &str, image: &str, targets: &[String]) -> Result<()> {
        let targets = format!("TARGETS={}", targets.join(" "));
        let options = [
            "run",
            "--detach",
            "--label",
            LABEL,
            "--network",
            NETWORK,
            "--name",
            name,
            "--hostname",
            name,
            "--env",
            &targets,
        ];
        docker(&options.into_iter().chain([image, "sh", "-c", PROGRAM]).collect::<Vec<_>>())?;
        Ok(())
    }

    /// Removes a container.
    pub fn remove(&self, name: &str) {
        remove(name);
    }
}

/// The container's address in the shop's network.
pub fn address(name: &str) -> Result<String> {
    let address = inspect(name, &format!("{{{{(index .NetworkSettings.Networks \"{NETWORK}\").IPAddress}}}}"))?;
    Some(address)
        .filter(|address| !address.is_empty())
        .with_context(|| format!("{name} has no address"))
}

/// The container's full id.
pub fn id(name: &str) -> Result<String> {
    inspect(name, "{{.Id}}")
}

impl Drop for World {
    fn drop(&mut self) {
        // The next run would find what is left.
        remove_leftovers().unwrap_or_default();
    }
}
