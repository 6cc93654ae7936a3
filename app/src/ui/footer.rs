//! The bottom line: counts and connection on the left; version, probes, plugins and tools on the right.

use leptos::prelude::*;

use super::{
    icons::icon,
    store::{Overlay, Store},
    subset, theme,
};
use crate::protocol::{ConnectionState, ToWorker};

/// The line.
pub fn footer(store: Store) -> impl IntoView {
    let paused = Memo::new(move |_| store.state.with(|state| state.paused_at.clone()));
    let connection = Memo::new(move |_| {
        if let Some(at) = paused.get() {
            let missed = store.overview.with(|overview| overview.missed);
            let since = clock(&at).unwrap_or(at);
            return match missed {
                0 => ("wait still", format!("Paused since {since}")),
                1 => ("wait still", format!("Paused since {since}; 1 report since")),
                many => ("wait still", format!("Paused since {since}; {many} reports since")),
            };
        }
        store.link.with(|link| match &link.state {
            ConnectionState::NoServer => ("off", "Recorded reports".to_owned()),
            ConnectionState::Connecting => ("wait", "Connecting…".to_owned()),
            ConnectionState::Live if !link.caught_up => ("wait", "Receiving…".to_owned()),
            ConnectionState::Live => ("live", "Connected".to_owned()),
            ConnectionState::Waiting { .. } => ("lost", "Trying to reconnect…".to_owned()),
        })
    });
    let who = Memo::new(move |_| {
        store.link.with(|link| {
            (
                link.version.clone(),
                link.hostname.clone(),
                link.probes.len(),
                link.plugins.len(),
                link.plugins.iter().any(|plugin| plugin.status != "ok"),
            )
        })
    });
    view! {
        <footer class="foot">
            <span class=move || format!("dot {}", connection.get().0) aria-hidden="true"></span>
            <span role="status" class="connection">{move || connection.get().1}</span>
            <span class="counts" data-testid="counts">{move || store.overview.with(counts)}</span>
            <span class="spacer"></span>
            {move || {
                let (version, hostname, probes, plugins, trouble) = who.get();
                view! {
                    {(!version.is_empty()).then(|| view! { <span class="wide minor">{format!("Scope {version} on {hostname}")}</span> })}
                    <button class="plain wide" on:click=move |_| store.overlay.set(Overlay::Probes)>
                        {match probes {
                            1 => "1 probe".to_owned(),
                            count if count > subset::MANY => format!("{count} probes, choose…"),
                            count => format!("{count} probes"),
                        }}
                        {match plugins {
                            0 => String::new(),
                            1 => ", 1 plugin".to_owned(),
                            count => format!(", {count} plugins"),
                        }}
                        {trouble.then(|| view! { <span class="trouble" title="A plugin has a problem" role="img" aria-label="a plugin has a problem">{icon("warning")}</span> })}
                    </button>
                }
            }}
            <button class="tool" title="Lay the map out afresh" aria-label="Lay the map out afresh" on:click=move |_| store.tell(ToWorker::Relayout)>
                {icon("refresh")}
            </button>
            <button
                class="tool"
                title=move || format!("Theme: {}", theme_name(store))
                aria-label=move || format!("Theme: {}. Change it", theme_name(store))
                on:click=move |_| theme::next(store)
            >
                {icon("contrast")}
            </button>
            <button class="tool" title="Tools and exports" aria-label="Tools and exports" on:click=move |_| store.overlay.set(Overlay::Tools)>
                {icon("tools")}
            </button>
            <button class="tool" title="Help (?)" aria-label="Help" on:click=move |_| store.overlay.set(Overlay::Help)>
                {icon("help")}
            </button>
        </footer>
    }
}

/// Time of day, in this browser's zone, of a date.
fn clock(date: &str) -> Option<String> {
    let date = js_sys::Date::new(&crate::format::parse_date(date)?.into());
    Some(format!(
        "{:02}:{:02}:{:02}",
        date.get_hours(),
        date.get_minutes(),
        date.get_seconds()
    ))
}

fn theme_name(store: Store) -> &'static str {
    let now = store.theme.get();
    super::store::ThemeChoice::ALL
        .iter()
        .find(|(choice, ..)| *choice == now)
        .map_or("", |(_, _, label)| label)
}

fn counts(overview: &crate::protocol::Overview) -> String {
    if overview.current.is_empty() {
        return String::new();
    }
    let hidden = overview.stats.filtered_nodes.max(0) as u32 + overview.hidden_by_pins;
    let nodes = if overview.shown == 1 { "node" } else { "nodes" };
    if hidden > 0 {
        format!("{} {nodes} ({hidden} filtered)", overview.shown)
    } else {
        format!("{} {nodes}", overview.shown)
    }
}
