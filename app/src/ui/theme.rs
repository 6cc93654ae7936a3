//! Light, dark, high contrast, or as the system is: an attribute on the root element for the style sheets, a palette for the map.

use leptos::prelude::*;
use wasm_bindgen::{JsCast, closure::Closure};

use super::store::{Store, ThemeChoice, with_map};
use crate::platform::storage;
use crate::scene::Theme;

/// Follows the choice and the system.
pub fn start(store: Store) {
    let kept = storage::get(storage::THEME).unwrap_or_default();
    let chosen = ThemeChoice::ALL
        .iter()
        .find(|(_, name, _)| *name == kept)
        .map_or(ThemeChoice::System, |(choice, ..)| *choice);
    store.theme.set(chosen);
    apply(chosen);
    for query in ["(prefers-color-scheme: dark)", "(prefers-contrast: more)"] {
        if let Some(media) = window().match_media(query).ok().flatten() {
            let changed = Closure::<dyn Fn()>::new(move || apply(store.theme.get_untracked()));
            media.set_onchange(Some(changed.as_ref().unchecked_ref()));
            changed.forget();
            std::mem::forget(media);
        }
    }
}

/// Chooses.
pub fn choose(store: Store, choice: ThemeChoice) {
    store.theme.set(choice);
    let name = ThemeChoice::ALL.iter().find(|(one, ..)| *one == choice).map(|(_, name, _)| *name);
    storage::set(storage::THEME, name);
    apply(choice);
}

/// The next one, for a single button.
pub fn next(store: Store) {
    let now = store.theme.get_untracked();
    let at = ThemeChoice::ALL.iter().position(|(one, ..)| *one == now).unwrap_or_default();
    if let Some((choice, _, label)) = ThemeChoice::ALL.get((at + 1) % ThemeChoice::ALL.len()) {
        choose(store, *choice);
        store.announce.set(format!("Theme: {label}"));
    }
}

/// The theme in force.
pub fn resolved(choice: ThemeChoice) -> Theme {
    let matches = |query: &str| window().match_media(query).ok().flatten().is_some_and(|media| media.matches());
    match choice {
        ThemeChoice::Light => Theme::Light,
        ThemeChoice::Dark => Theme::Dark,
        ThemeChoice::Contrast => Theme::Contrast,
        ThemeChoice::System if matches("(prefers-contrast: more)") => Theme::Contrast,
        ThemeChoice::System if matches("(prefers-color-scheme: dark)") => Theme::Dark,
        ThemeChoice::System => Theme::Light,
    }
}

fn apply(choice: ThemeChoice) {
    let theme = resolved(choice);
    let name = match theme {
        Theme::Light => "light",
        Theme::Dark => "dark",
        Theme::Contrast => "contrast",
    };
    if let Some(root) = document().document_element()
        && root.set_attribute("data-theme", name).is_err()
    {
        crate::platform::worker::log("the theme could not be set");
    }
    with_map(|map| map.set_theme(theme));
}
