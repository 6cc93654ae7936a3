//! Which views there are, which one is shown, and under which options.

use scope_shared::sort::SmallSort as _;
use smol_str::{SmolStr, format_smolstr};

use crate::letters::capitalised;
use crate::model::TopologyDesc;
use crate::protocol::{OptionRow, OptionValue, Tab, ViewState};
use crate::view::Options;

/// The views that open first, the best first.
const PREFERRED: [&str; 7] = [
    "ecs-services",
    "ecs-tasks",
    "kube-controllers",
    "services",
    "replica-sets",
    "pods",
    "containers",
];

/// Views that have a resource view.
pub const WITH_RESOURCES: [&str; 3] = ["hosts", "containers", "processes"];

/// A view's id: the last segment of its address.
#[must_use]
pub fn id(topology: &TopologyDesc) -> SmolStr {
    topology.url.rsplit('/').next().unwrap_or_default().into()
}

/// A view among all views: its description, its top-level view's id and its full name.
#[must_use]
pub fn locate<'a>(all: &'a [TopologyDesc], wanted: &str) -> Option<(&'a TopologyDesc, SmolStr, SmolStr)> {
    all.iter().find_map(|top| {
        if id(top) == wanted {
            return Some((top, id(top), top.name.clone()));
        }
        let sub = top.sub_topologies.iter().find(|sub| id(sub) == wanted)?;
        Some((sub, id(top), full_name(top, sub)))
    })
}

/// A view's name where its top-level view is not beside it, e.g. `Containers by image`.
#[must_use]
pub fn full_name(top: &TopologyDesc, sub: &TopologyDesc) -> SmolStr {
    if sub.name.starts_with("by ") {
        format_smolstr!("{} {}", top.name, sub.name)
    } else {
        sub.name.clone()
    }
}

/// The view to show: the one asked for, else the best that has something to show, else the first.
#[must_use]
pub fn current(all: &[TopologyDesc], wanted: &str) -> SmolStr {
    if locate(all, wanted).is_some() {
        return wanted.into();
    }
    let shown = |topology: &&TopologyDesc| !topology.hide_if_empty || topology.stats.node_count > 0 || topology.stats.filtered_nodes > 0;
    let candidates = || {
        all.iter()
            .filter(shown)
            .flat_map(|top| std::iter::once(top).chain(&top.sub_topologies))
            .filter(shown)
    };
    PREFERRED
        .iter()
        .find_map(|best| candidates().find(|topology| id(topology) == *best))
        .or_else(|| candidates().next())
        .map(id)
        .unwrap_or_default()
}

/// The request options of a view under a state: always its defaults, changed by what was chosen.
#[must_use]
pub fn options(state: &ViewState, parent: &str, hide_arguments: bool) -> Options {
    let mut options = Options::defaults();
    for (group, values) in state.options.get(parent).into_iter().flatten() {
        options = options.with(group.clone(), values.join(","));
    }
    if hide_arguments {
        options = options
            .with("hideCommandLineArguments", "true")
            .with("hideEnvironmentVariables", "true");
    }
    options
}

/// The options of a view as rows of choices.
#[must_use]
pub fn rows(topology: &TopologyDesc, state: &ViewState, parent: &str) -> Vec<OptionRow> {
    let chosen = state.options.get(parent);
    let groups = topology.options.iter().flatten();
    groups
        .map(|group| {
            let union = group.select_type == "union";
            let mut values: Vec<OptionValue> = group
                .options
                .iter()
                .map(|choice| OptionValue {
                    value: choice.value.clone(),
                    label: choice.label.clone(),
                    chosen: chosen
                        .and_then(|chosen| chosen.get(&group.id))
                        .map_or(choice.value == group.default_value, |values| values.contains(&choice.value)),
                })
                .collect();
            let none = values.iter().all(|value| !value.chosen);
            if union && !group.none_label.is_empty() {
                values.insert(
                    0,
                    OptionValue {
                        value: SmolStr::default(),
                        label: group.none_label.clone(),
                        chosen: none,
                    },
                );
            } else if none {
                // What was chosen is not on offer (any more): the default counts, and is shown to.
                values
                    .iter_mut()
                    .filter(|value| value.value == group.default_value)
                    .for_each(|value| value.chosen = true);
            }
            OptionRow {
                id: group.id.clone(),
                default: group.default_value.clone(),
                union,
                values,
            }
        })
        .collect()
}

/// The tabs, by rank. `refine` gives each view its counts and matches.
pub fn tabs(all: &[TopologyDesc], current: &str, parent: &str, refine: &mut dyn FnMut(&mut Tab, &str)) -> Vec<Tab> {
    let mut sorted: Vec<&TopologyDesc> = all.iter().collect();
    sorted.order_by_key(|topology| topology.rank);
    sorted
        .into_iter()
        .map(|top| {
            let top_id = id(top);
            let mut tab = tab(top, &top.name);
            refine(&mut tab, &top_id);
            tab.subs = top
                .sub_topologies
                .iter()
                .map(|sub| {
                    let mut sub = self::tab(sub, &sub.name);
                    refine(&mut sub, &top_id);
                    sub
                })
                .collect();
            tab.visible =
                !top.hide_if_empty || top_id == current || top_id == parent || tab.stats.node_count > 0 || tab.stats.filtered_nodes > 0;
            tab
        })
        .collect()
}

fn tab(topology: &TopologyDesc, name: &SmolStr) -> Tab {
    Tab {
        id: id(topology),
        name: capitalised(name).into(),
        visible: true,
        stats: topology.stats,
        matches: None,
        subs: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{current, locate, options};
    use crate::model::{Stats, TopologyDesc};
    use crate::protocol::ViewState;

    fn topology(id: &str, count: i64, hide_if_empty: bool) -> TopologyDesc {
        TopologyDesc {
            name: id.into(),
            url: format!("/api/topology/{id}").into(),
            hide_if_empty,
            stats: Stats {
                node_count: count,
                ..Stats::default()
            },
            ..TopologyDesc::default()
        }
    }

    #[test]
    fn the_first_view_is_the_best_that_has_something_to_show() {
        let all = [
            topology("processes", 3, true),
            topology("containers", 0, false),
            topology("pods", 0, true),
        ];
        assert_eq!(current(&all, ""), "containers");
        assert_eq!(current(&all, "processes"), "processes");
        assert_eq!(current(&all, "no-such"), "containers");
        assert_eq!(current(&[topology("hosts", 1, false)], ""), "hosts");
    }

    #[test]
    fn a_view_is_found_by_its_whole_id() {
        let mut pods = topology("pods", 1, true);
        pods.sub_topologies.push(topology("services", 1, true));
        let all = [topology("swarm-services", 1, true), pods];
        let (found, parent, _) = locate(&all, "services").expect("a view");
        assert_eq!((found.name.as_str(), parent.as_str()), ("services", "pods"));
    }

    #[test]
    fn defaults_apply_from_the_first_request_on() {
        let mut state = ViewState::default();
        assert!(options(&state, "containers", false).any());
        state.choose("containers", "namespace", "a", true, "");
        state.choose("containers", "namespace", "b", true, "");
        assert_eq!(options(&state, "containers", true).get("namespace"), Some("a,b"));
        assert!(options(&state, "containers", true).hides_arguments());
    }
}
