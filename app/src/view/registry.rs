//! The list of views: names, ranks, option groups, and what renders each.

use scope_shared::report::{Kind, SmolStr};
use scope_shared::sort::SmallSort as _;

use super::filter::Predicate;
use super::query::Options;
use super::render::What;
use super::state::State;
use crate::model::{OptionChoice, OptionGroup};

/// One view.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Last part of its URL.
    pub(crate) id: &'static str,
    /// The view it is listed under.
    pub(crate) parent: Option<&'static str>,
    pub(crate) name: &'static str,
    pub(crate) rank: i64,
    pub(crate) hide_if_empty: bool,
    groups: &'static [GroupName],
    /// Which namespace groups it has: evaluated only for the views that say so here.
    namespaces: Namespaces,
    pub(crate) what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GroupName {
    System,
    Stopped,
    Uncontained,
    Unmanaged,
    Snapshot,
    Storage,
    Unconnected,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Namespaces {
    None,
    Kubernetes,
    Swarm,
    Both,
    /// Listed because the parent has them, but without effect.
    Inherited,
}

use GroupName::{Snapshot, Stopped, Storage, System, Unconnected, Uncontained, Unmanaged};

const CONTAINERS: &[GroupName] = &[System, Stopped, Uncontained];

/// Every view, parents before their children, children in order. Top-level ones are listed by name.
pub(crate) const ENTRIES: [Entry; 13] = [
    entry(
        "processes",
        None,
        "Processes",
        1,
        true,
        &[Unconnected],
        Namespaces::None,
        What::Processes,
    ),
    entry(
        "processes-by-name",
        Some("processes"),
        "by name",
        0,
        true,
        &[Unconnected],
        Namespaces::None,
        What::ProcessNames,
    ),
    entry(
        "containers",
        None,
        "Containers",
        2,
        false,
        CONTAINERS,
        Namespaces::Both,
        What::Containers,
    ),
    entry(
        "containers-by-hostname",
        Some("containers"),
        "by DNS name",
        0,
        false,
        CONTAINERS,
        Namespaces::Inherited,
        What::ContainerHostnames,
    ),
    entry(
        "containers-by-image",
        Some("containers"),
        "by image",
        0,
        false,
        CONTAINERS,
        Namespaces::Inherited,
        What::ContainerImages,
    ),
    entry(
        "pods",
        None,
        "Pods",
        3,
        true,
        &[Snapshot, Storage, Unmanaged],
        Namespaces::Kubernetes,
        What::Pods,
    ),
    entry(
        "kube-controllers",
        Some("pods"),
        "Controllers",
        0,
        true,
        &[Unmanaged],
        Namespaces::Kubernetes,
        What::Controllers,
    ),
    entry(
        "services",
        Some("pods"),
        "Services",
        0,
        true,
        &[Unmanaged],
        Namespaces::Kubernetes,
        What::Services,
    ),
    entry("ecs-tasks", None, "Tasks", 3, true, &[Unmanaged], Namespaces::None, What::EcsTasks),
    entry(
        "ecs-services",
        Some("ecs-tasks"),
        "Services",
        0,
        true,
        &[Unmanaged],
        Namespaces::None,
        What::EcsServices,
    ),
    entry(
        "swarm-services",
        None,
        "Services",
        3,
        true,
        &[Unmanaged],
        Namespaces::Swarm,
        What::SwarmServices,
    ),
    entry("hosts", None, "Hosts", 4, false, &[], Namespaces::None, What::Hosts),
    entry("weave", Some("hosts"), "Weave Net", 0, false, &[], Namespaces::None, What::Weave),
];

#[allow(clippy::too_many_arguments, reason = "a row of the table above")]
const fn entry(
    id: &'static str,
    parent: Option<&'static str>,
    name: &'static str,
    rank: i64,
    hide_if_empty: bool,
    groups: &'static [GroupName],
    namespaces: Namespaces,
    what: What,
) -> Entry {
    Entry {
        id,
        parent,
        name,
        rank,
        hide_if_empty,
        groups,
        namespaces,
        what,
    }
}

/// The view of an id.
pub(crate) fn find(id: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.id == id)
}

/// A filter on containers by label that whoever started the viewer added to the group `system`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelFilter {
    title: String,
    key: String,
    value: String,
    exclude: bool,
}

impl LabelFilter {
    /// From `TITLE:KEY=VALUE`; `\` takes the special meaning from the character after it. With `exclude` the containers that have the
    /// label are left out instead of chosen.
    pub fn parse(text: &str, exclude: bool) -> Result<Self, String> {
        let bad = |why: &str| format!("{why} in container label filter (expected TITLE:KEY=VALUE): {text}");
        let colons = unescaped_colons(text);
        let [colon] = colons.as_slice() else {
            return Err(bad("exactly one unescaped colon is needed"));
        };
        let (title, label) = text.split_at_checked(*colon).ok_or_else(|| bad("no title"))?;
        let label = unescape(label.get(1..).unwrap_or(""));
        let mut halves = label.split('=');
        match (halves.next(), halves.next(), halves.next()) {
            (Some(key), Some(value), None) => Ok(Self {
                title: unescape(title),
                key: key.to_owned(),
                value: value.to_owned(),
                exclude,
            }),
            _ => Err(bad("exactly one equals sign is needed")),
        }
    }
}

/// Positions of colons that are neither the first character nor behind a backslash. Of two in a row only the first counts: the original's
/// pattern takes the character before the colon with it, and that cannot be a colon it has taken already.
fn unescaped_colons(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 1;
    while at < bytes.len() {
        if bytes[at] == b':' && bytes[at - 1] != b'\\' {
            found.push(at);
            at += 1;
        }
        at += 1;
    }
    found
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.push(if c == '\\' { chars.next().unwrap_or(c) } else { c });
    }
    out
}

/// A group with its predicates; `None` accepts everything.
type Choices = Vec<(OptionChoice, Option<Predicate>)>;

struct Group {
    id: &'static str,
    default: &'static str,
    union: bool,
    none_label: &'static str,
    choices: Choices,
}

fn choice(value: &str, label: &str, predicate: Option<Predicate>) -> (OptionChoice, Option<Predicate>) {
    (
        OptionChoice {
            value: value.into(),
            label: label.into(),
        },
        predicate,
    )
}

fn group(name: GroupName, filters: &[LabelFilter]) -> Group {
    let (id, default, choices) = match name {
        System => ("system", "application", system_choices(filters)),
        Stopped => (
            "stopped",
            "running",
            vec![
                choice("stopped", "Stopped containers", Some(Predicate::Stopped)),
                choice("running", "Running containers", Some(Predicate::Running)),
                choice("both", "Both", None),
            ],
        ),
        Uncontained => ("pseudo", "hide", show_or_hide("uncontained", Predicate::NotPseudo)),
        Unmanaged => ("pseudo", "hide", show_or_hide("unmanaged", Predicate::NotPseudo)),
        Snapshot => ("snapshot", "hide", show_or_hide("snapshots", Predicate::NotSnapshot)),
        Storage => ("storage", "hide", show_or_hide("storage", Predicate::NotStorage)),
        Unconnected => ("unconnected", "hide", show_or_hide("unconnected", Predicate::Connected)),
    };
    Group {
        id,
        default,
        union: false,
        none_label: "",
        choices,
    }
}

fn show_or_hide(what: &str, predicate: Predicate) -> Choices {
    vec![
        choice("show", &format!("Show {what}"), None),
        choice("hide", &format!("Hide {what}"), Some(predicate)),
    ]
}

fn system_choices(filters: &[LabelFilter]) -> Choices {
    let mut choices = vec![
        choice("all", "All", None),
        choice("system", "System containers", Some(Predicate::System)),
        choice("application", "Application containers", Some(Predicate::Application)),
    ];
    // The original swaps the two prefixes; links made with it depend on that.
    for (exclude, prefix) in [(false, "containerLabelFilterExclude"), (true, "containerLabelFilter")] {
        for (at, filter) in filters.iter().filter(|filter| filter.exclude == exclude).enumerate() {
            let predicate = Predicate::Label(format!("docker_label_{}", filter.key), filter.value.clone(), !exclude);
            choices.push(choice(&format!("{prefix}{at}"), &filter.title, Some(predicate)));
        }
    }
    choices
}

/// Kubernetes namespaces, sorted; one listed twice stays twice, as the original has it.
fn kubernetes_namespaces(state: State<'_>) -> Option<Group> {
    let mut names: Vec<&str> = state
        .nodes(Kind::Namespace)
        .filter_map(|(_, node)| node.latest("kubernetes_name"))
        .collect();
    names.order();
    namespace_group(names, "All Namespaces")
}

/// Swarm stacks, sorted, each once.
fn swarm_stacks(state: State<'_>) -> Option<Group> {
    let mut names: Vec<&str> = state
        .nodes(Kind::SwarmService)
        .filter_map(|(_, node)| node.latest("stack_namespace"))
        .collect();
    names.order();
    names.dedup();
    namespace_group(names, "All Stacks")
}

fn namespace_group(names: Vec<&str>, none_label: &'static str) -> Option<Group> {
    let choices: Choices = names
        .iter()
        .map(|name| choice(name, name, Some(Predicate::Namespace((*name).to_owned()))))
        .collect();
    (!choices.is_empty()).then_some(Group {
        id: "namespace",
        default: "",
        union: true,
        none_label,
        choices,
    })
}

impl Entry {
    fn groups(&self, state: State<'_>, filters: &[LabelFilter], listed: bool) -> Vec<Group> {
        let mut groups: Vec<Group> = self.groups.iter().map(|name| group(*name, filters)).collect();
        let (kubernetes, swarm) = match self.namespaces {
            Namespaces::None => (false, false),
            Namespaces::Kubernetes => (true, false),
            Namespaces::Swarm => (false, true),
            Namespaces::Both => (true, true),
            Namespaces::Inherited => (listed, listed),
        };
        groups.extend(kubernetes.then(|| kubernetes_namespaces(state)).flatten());
        groups.extend(swarm.then(|| swarm_stacks(state)).flatten());
        groups
    }

    /// The options as the list of views shows them.
    pub(crate) fn options(&self, state: State<'_>, filters: &[LabelFilter]) -> Option<Vec<OptionGroup>> {
        let groups = self.groups(state, filters, true);
        let described = groups.into_iter().map(|group| OptionGroup {
            id: SmolStr::new_static(group.id),
            default_value: SmolStr::new_static(group.default),
            options: group.choices.into_iter().map(|(choice, _)| choice).collect(),
            select_type: if group.union {
                SmolStr::new_static("union")
            } else {
                SmolStr::default()
            },
            none_label: SmolStr::new_static(group.none_label),
        });
        Some(described.collect::<Vec<_>>()).filter(|groups| !groups.is_empty())
    }

    /// What a request lets through: a node must satisfy one predicate of every group (an empty list: no group restricts anything).
    pub(crate) fn filters(&self, state: State<'_>, filters: &[LabelFilter], options: &Options) -> Option<Vec<Vec<Predicate>>> {
        if !options.any() {
            return None;
        }
        let mut all = Vec::new();
        for group in self.groups(state, filters, false) {
            let value = options.get(group.id).unwrap_or(group.default);
            let chosen: Vec<&Option<Predicate>> = group
                .choices
                .iter()
                .filter(|(choice, _)| {
                    if group.union {
                        value.split(',').any(|part| part == choice.value)
                    } else {
                        choice.value == value
                    }
                })
                .map(|(_, predicate)| predicate)
                .collect();
            let restricting: Option<Vec<Predicate>> = chosen.iter().map(|predicate| (*predicate).clone()).collect();
            if let Some(predicates) = restricting.filter(|predicates| !predicates.is_empty()) {
                all.push(predicates);
            }
        }
        Some(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_filters_parse_with_escapes() {
        let filter = LabelFilter::parse(r"My\:Title:role=a\:b", false).unwrap();
        assert_eq!(
            (filter.title.as_str(), filter.key.as_str(), filter.value.as_str()),
            ("My:Title", "role", "a:b")
        );
        assert_eq!(LabelFilter::parse("t::k=v", false).unwrap().key, ":k");
        for bad in ["", "title", ":k=v", "t:k", "t:a:k=v", "t:k=v=w"] {
            assert!(LabelFilter::parse(bad, false).is_err(), "{bad}");
        }
    }

    #[test]
    fn top_level_views_sort_by_name() {
        assert_eq!(ENTRIES.iter().filter(|entry| entry.parent.is_none()).count(), 6);
    }
}
