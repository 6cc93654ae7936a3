//! Reverse look-ups: asked for by reports, answered later by a task, remembered for half an hour, also where there is no name.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use hickory_resolver::TokioResolver;
use hickory_resolver::proto::rr::{Name, RData};
use parking_lot::Mutex;
use scope_shared::report::{SmolStr, StringSet};
use tokio::sync::mpsc;

use super::cache::Cache;

/// Addresses remembered; a busy outward-facing host has a few thousand peers.
const MAX_ADDRESSES: usize = 4096;
/// Look-ups that wait at most; more are dropped and asked for again by a later report.
const QUEUE: usize = 1000;
/// Time between two look-ups: ten a second at most.
const EVERY: Duration = Duration::from_millis(100);
/// How long an answer counts, "no name" included.
const KEPT: Duration = Duration::from_secs(30 * 60);

/// How an address is looked up; a test gives its own.
pub type Lookup = Box<dyn Fn(IpAddr) -> BoxFuture<'static, Vec<SmolStr>> + Send + Sync>;

#[derive(Debug)]
enum Entry {
    /// Asked for.
    Waiting,
    /// Answered.
    Names(StringSet, Instant),
}

/// Reverse names, as far as known.
#[derive(Clone, Debug)]
pub struct Reverse {
    cache: Arc<Mutex<Cache<IpAddr, Entry>>>,
    queue: mpsc::Sender<IpAddr>,
}

impl Reverse {
    /// Starts the task, with the system's resolver. `None` outside a runtime and where the system names no resolver.
    #[must_use]
    pub fn start() -> Option<Self> {
        let resolver = TokioResolver::builder_tokio().and_then(|builder| builder.build());
        let resolver = match resolver {
            Ok(resolver) => Arc::new(resolver),
            Err(error) => {
                tracing::warn!("no reverse names, the system's resolver configuration cannot be used: {error}");
                return None;
            }
        };
        Self::start_with(Box::new(move |address| {
            let resolver = Arc::clone(&resolver);
            Box::pin(async move { look_up(&resolver, address).await })
        }))
    }

    /// Starts the task with this look-up. `None` outside a runtime.
    #[must_use]
    pub fn start_with(lookup: Lookup) -> Option<Self> {
        let runtime = tokio::runtime::Handle::try_current().ok()?;
        let (queue, mut inbox) = mpsc::channel(QUEUE);
        let cache = Arc::new(Mutex::new(Cache::new(MAX_ADDRESSES)));
        let answers = Arc::clone(&cache);
        runtime.spawn(async move {
            let mut pace = tokio::time::interval(EVERY);
            pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            while let Some(address) = inbox.recv().await {
                pace.tick().await;
                let names = lookup(address).await.into_iter().collect();
                answers.lock().insert(address, Entry::Names(names, Instant::now()));
            }
        });
        Some(Self { cache, queue })
    }

    /// The names known for an address; asks for them if they are not known yet or too old.
    #[must_use]
    pub fn get(&self, address: IpAddr) -> StringSet {
        let mut cache = self.cache.lock();
        let (names, fresh) = match cache.get(&address) {
            Some(Entry::Waiting) => return StringSet::default(),
            Some(Entry::Names(names, since)) => (names.clone(), since.elapsed() < KEPT),
            None => (StringSet::default(), false),
        };
        if !fresh && self.queue.try_send(address).is_ok() && names.is_empty() {
            cache.insert(address, Entry::Waiting);
        }
        names
    }
}

async fn look_up(resolver: &TokioResolver, address: IpAddr) -> Vec<SmolStr> {
    let Ok(lookup) = resolver.reverse_lookup(Name::from(address)).await else {
        return Vec::new();
    };
    let name = |data: &RData| match data {
        RData::PTR(name) => Some(SmolStr::from(name.0.to_ascii().trim_end_matches('.'))),
        _ => None,
    };
    lookup.answers().iter().filter_map(|record| name(&record.data)).collect()
}
