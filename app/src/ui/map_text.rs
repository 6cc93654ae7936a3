//! The map in words: a list that says what the canvas draws, for people who cannot see it, and for tests. Each node is a button that
//! opens its details; under it stand the nodes it talks to.
//!
//! It says nothing that the map does not draw. Above [`MOST`] nodes a list helps nobody: the table and the search do.

use leptos::prelude::*;
use smol_str::SmolStr;

use super::store::Store;
use crate::scene::SceneData;

/// A list longer than this is not written: reading it aloud would take an hour.
const MOST: usize = 500;

/// One node of the map, in words.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    id: SmolStr,
    label: SmolStr,
    minor: SmolStr,
    /// Ids and labels of the nodes it talks to.
    to: Vec<(SmolStr, SmolStr)>,
}

/// What a scene says in words.
pub fn entries(scene: &SceneData) -> Vec<Entry> {
    if scene.nodes.len() > MOST {
        return Vec::new();
    }
    let mut entries: Vec<Entry> = scene
        .nodes
        .iter()
        .map(|node| Entry {
            id: node.id.clone(),
            label: node.label.clone(),
            minor: node.label_minor.clone(),
            to: Vec::new(),
        })
        .collect();
    for edge in &scene.edges {
        let Some(target) = scene.nodes.get(edge.to as usize) else {
            continue;
        };
        if let Some(source) = entries.get_mut(edge.from as usize) {
            source.to.push((target.id.clone(), target.label.clone()));
        }
    }
    entries
}

/// The list. It takes no room on the screen, and none in the order of the Tab key: the canvas has the keyboard.
pub fn list(store: Store) -> impl IntoView {
    let open = move |id: &str| {
        store.update(|state| {
            let topology = state.topology.clone();
            state.focus(&topology, id);
        });
    };
    view! {
        <ul id="map-text" class="sr-only" aria-label="The map as a list: nodes, and what they talk to">
            <For each=move || store.words.get() key=Clone::clone let:entry>
                <li data-id=entry.id.to_string() data-label=entry.label.to_string()>
                    <button tabindex="-1" on:click={
                        let id = entry.id.clone();
                        move |_| open(&id)
                    }>{format!("{} {}", entry.label, entry.minor)}</button>
                    <ul>
                        {entry.to.iter().map(|(id, label)| view! { <li data-target=id.to_string()>{format!("talks to {label}")}</li> }).collect_view()}
                    </ul>
                </li>
            </For>
        </ul>
    }
}
