//! The page as somebody meets it who cannot see the map: its text alternative, its panels, its address.
//!
//! Tests ask here, so that they break in one place when the page changes.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::browser::Browser;

/// The list that says in words what the map draws: an entry per node, in it an entry per edge that leaves the node.
const MAP_AS_TEXT: &str = "
    const list = document.querySelector('#map-text');
    return list && [...list.children].map(node => ({
        id: node.dataset.id,
        label: node.dataset.label,
        to: [...node.querySelectorAll('[data-target]')].map(edge => edge.dataset.target),
    }));";

/// What the map shows.
#[derive(Debug, Default, Clone)]
pub struct Map {
    /// Labels by node id.
    pub labels: BTreeMap<String, String>,
    /// Edges by node ids, from the side that opened the connection.
    pub edges: BTreeSet<(String, String)>,
}

impl Map {
    /// Reads it.
    pub async fn read(browser: &Browser) -> Result<Self> {
        let answer = browser.script(MAP_AS_TEXT).await?;
        let nodes = answer.as_array().with_context(|| "the page has no list of the map yet")?;
        let mut map = Self::default();
        for node in nodes {
            let id = node["id"].as_str().context("a node without an id")?;
            map.labels.insert(id.into(), node["label"].as_str().unwrap_or_default().into());
            let targets = node["to"].as_array().map(Vec::as_slice).unwrap_or_default();
            map.edges
                .extend(targets.iter().filter_map(Value::as_str).map(|target| (id.into(), target.into())));
        }
        Ok(map)
    }

    /// Whether a node of this label is there.
    pub fn has(&self, label: &str) -> bool {
        self.labels.values().any(|known| known == label)
    }

    /// The id of the node of this label.
    pub fn id(&self, label: &str) -> Result<&str> {
        match self.labels.iter().find(|(_, known)| *known == label) {
            Some((id, _)) => Ok(id),
            None => bail!("no node `{label}` among {:?}", self.labels.values().collect::<Vec<_>>()),
        }
    }

    /// Whether an edge leads from one label to the other, in this direction.
    pub fn has_edge(&self, from: &str, to: &str) -> bool {
        let label = |id: &String| self.labels.get(id).map(String::as_str);
        self.edges
            .iter()
            .any(|(source, target)| label(source) == Some(from) && label(target) == Some(to))
    }

    /// Edges as labels, for messages.
    pub fn edges_by_label(&self) -> Vec<String> {
        let label = |id: &String| self.labels.get(id).cloned().unwrap_or_else(|| id.clone());
        self.edges
            .iter()
            .map(|(source, target)| format!("{} -> {}", label(source), label(target)))
            .collect()
    }
}

/// Opens the details of the node with this label, through the text alternative as a keyboard would.
pub async fn open_details(browser: &Browser, label: &str) -> Result<()> {
    let quoted = serde_json::to_string(label)?;
    let clicked = browser
        .script(&format!(
            "const b = document.querySelector(`#map-text > [data-label=${{CSS.escape({quoted})}}] button`); if (b) b.click(); return !!b"
        ))
        .await?;
    if clicked != Value::Bool(true) {
        bail!("no button for `{label}` in the list of the map");
    }
    Ok(())
}

/// The text of the top card of details.
pub async fn details(browser: &Browser) -> Result<String> {
    browser.text(".details .card").await
}
