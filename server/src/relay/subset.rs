//! Which probes a viewer wants: by id, host name or label, so that a browser on a huge cluster can look at a part of it.

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::percent_decode_str;

use super::ProbeMeta;
use crate::refusal::Refusal;

/// More terms than this in one selection are a mistake or an attack: 1,000 is every probe a server takes by default.
const TERMS: usize = 1000;

/// A selection of probes. Empty sets select everything; the sets that are not empty must all match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subset {
    probes: BTreeSet<String>,
    hosts: BTreeSet<String>,
    labels: BTreeMap<String, String>,
}

impl Subset {
    /// Reads the query of `/api/viewer/ws`: `probes=a,b&hosts=c&labels=k=v,k2=v2`. Values are decoded like a form's and then split; a term
    /// that has a comma or an equals sign of its own is percent-encoded once more. Other keys are ignored.
    ///
    /// # Errors
    /// 400 when a label has no `=` or there are too many terms.
    pub fn from_query(query: &str) -> Result<Self, Refusal> {
        let mut subset = Self::default();
        let mut terms = 0;
        for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
            for term in value.split(',').filter(|term| !term.is_empty()) {
                terms += 1;
                if terms > TERMS {
                    return Err(Refusal::bad_request(format!(
                        "a viewer may name at most {TERMS} probes, hosts and labels together"
                    )));
                }
                match key.as_ref() {
                    "probes" => drop(subset.probes.insert(decode(term))),
                    "hosts" => drop(subset.hosts.insert(decode(term))),
                    "labels" => subset.add_label(term)?,
                    _ => {}
                }
            }
        }
        Ok(subset)
    }

    fn add_label(&mut self, term: &str) -> Result<(), Refusal> {
        let (key, value) = term
            .split_once('=')
            .ok_or_else(|| Refusal::bad_request(format!("a label is chosen as key=value, not as {term:?}")))?;
        self.labels.insert(decode(key), decode(value));
        Ok(())
    }

    /// Whether the viewer wants this probe.
    #[must_use]
    pub fn matches(&self, id: &str, meta: &ProbeMeta) -> bool {
        (self.probes.is_empty() || self.probes.contains(id))
            && (self.hosts.is_empty() || self.hosts.contains(&meta.hostname))
            && self.labels.iter().all(|(key, value)| meta.labels.get(key) == Some(value))
    }
}

/// Percent-decodes; what is not UTF-8 after that is replaced, and so matches nothing.
pub(crate) fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
