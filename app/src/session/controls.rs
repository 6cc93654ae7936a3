//! Which of a node's controls this viewer may use, and why the others are missing.

use std::collections::BTreeMap;

use crate::model::ControlInstance;
use crate::protocol::{ControlVm, LinkVm};
use scope_shared::sort::SmallSort as _;

/// The kind of a control, by the same words and rules as the server's and the probe's flags.
#[must_use]
pub fn kind(control: &str) -> &'static str {
    let says = |words: &[&str]| words.iter().any(|word| control.contains(word));
    if control.contains('~') {
        "plugins"
    } else if control.starts_with("host_") {
        "host-shell"
    } else if says(&["exec"]) {
        "exec"
    } else if says(&["attach"]) {
        "attach"
    } else if says(&["logs", "describe"]) {
        "logs"
    } else if says(&["remove", "delete"]) {
        "remove"
    } else if ["docker_", "kubernetes_", "ecs_", "swarm_"]
        .iter()
        .any(|prefix| control.starts_with(prefix))
    {
        "lifecycle"
    } else {
        "plugins"
    }
}

/// The controls to show, and a sentence about those left out (empty when none are).
#[must_use]
pub fn allowed(controls: &[ControlInstance], link: &LinkVm) -> (Vec<ControlVm>, String) {
    if controls.is_empty() {
        return (Vec::new(), String::new());
    }
    if link.version.is_empty() && link.hostname.is_empty() {
        return (
            Vec::new(),
            "These are recorded reports; nothing can be controlled through them.".into(),
        );
    }
    if link.role == "view" {
        return (
            Vec::new(),
            "You are here as a viewer. To control this node, sign in with an operator's token.".into(),
        );
    }
    let refusal = |control: &str| {
        let of = kind(control);
        link.refused
            .iter()
            .find(|(refused, _)| refused == of || refused == "*" || refused == "all" || refused == control)
    };
    let mut left_out: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for control in controls {
        if let Some((_, reason)) = refusal(&control.id) {
            left_out.entry(reason.as_str()).or_default().push(control.human.as_str());
        }
    }
    let sentences: Vec<String> = left_out
        .into_iter()
        .map(|(reason, names)| format!("Not offered: {} ({}).", names.join(", "), reason.trim_end_matches('.')))
        .collect();
    let mut shown: Vec<&ControlInstance> = controls.iter().filter(|control| refusal(&control.id).is_none()).collect();
    shown.order_by(|a, b| a.rank.cmp(&b.rank).then_with(|| a.id.cmp(&b.id)));
    (shown.into_iter().map(view).collect(), sentences.join(" "))
}

/// Kinds of control that a probe offers on the nodes of a view, and what people call them.
const USUAL: [(&str, &[(&str, &str)]); 2] = [
    (
        "containers",
        &[
            ("lifecycle", "start and stop"),
            ("remove", "remove"),
            ("exec", "shell"),
            ("attach", "attach"),
            ("logs", "logs"),
        ],
    ),
    ("hosts", &[("host-shell", "shell")]),
];

/// What the probe of a node refuses of that which is usual in its view, in a sentence; empty where it refuses nothing, or has not said.
/// `host` is the name of the machine the node is on, as its probe reports it.
#[must_use]
pub fn refused_by_probe(topology: &str, host: &str, link: &LinkVm) -> String {
    let Some(probe) = link.probes.iter().find(|probe| probe.hostname == host && !probe.allows.is_empty()) else {
        return String::new();
    };
    if link.role == "view" {
        return String::new();
    }
    let allowed: Vec<&str> = probe.allows.split(',').map(str::trim).collect();
    let usual = USUAL
        .iter()
        .find(|(of, _)| *of == topology)
        .map(|(_, kinds)| *kinds)
        .unwrap_or_default();
    let refused: Vec<(&str, &str)> = usual.iter().filter(|(kind, _)| !allowed.contains(kind)).copied().collect();
    if refused.is_empty() {
        return String::new();
    }
    let names: Vec<&str> = refused.iter().map(|(_, name)| *name).collect();
    let kinds: Vec<&str> = refused.iter().map(|(kind, _)| *kind).collect();
    format!(
        "The probe on {host} does not allow: {}. To change that, start it with --allow {}.",
        names.join(", "),
        allowed
            .into_iter()
            .filter(|kind| *kind != "none")
            .chain(kinds)
            .collect::<Vec<_>>()
            .join(",")
    )
}

/// Why there is nothing to do about a node of a view whose nodes usually offer something; empty where they do not.
///
/// For probes that do not say what they allow, the original's among them.
#[must_use]
pub fn none_offered(topology: &str, link: &LinkVm) -> &'static str {
    let live = !link.version.is_empty() || !link.hostname.is_empty();
    match topology {
        _ if !live || link.role == "view" => "",
        "containers" | "pods" => "The probe that reports this offers no controls for it. If it should, see its --allow and --no-controls.",
        "hosts" => "The probe of this host offers no shell. If it should, start it with --allow host-shell.",
        _ => "",
    }
}

fn view(control: &ControlInstance) -> ControlVm {
    let dangerous = ["stop", "remove", "delete", "restart", "cordon", "scale_down"]
        .iter()
        .any(|word| control.id.contains(word))
        && !control.id.contains("uncordon");
    let asks = dangerous && !control.id.contains("restart");
    ControlVm {
        probe: control.probe_id.clone(),
        node: control.node_id.clone(),
        id: control.id.clone(),
        human: control.human.clone(),
        icon: icon(&control.icon).into(),
        confirm: if control.confirmation.is_empty() && asks {
            format!("{}?", control.human).into()
        } else {
            control.confirmation.clone()
        },
        dangerous,
    }
}

/// The name in a Font Awesome class list, old (`fa-trash-o`) and new (`far fa-trash-alt`).
fn icon(class: &str) -> &str {
    class
        .split_whitespace()
        .filter_map(|part| part.strip_prefix("fa-"))
        .next()
        .unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::{allowed, none_offered, refused_by_probe};
    use crate::model::ControlInstance;
    use crate::protocol::{LinkVm, ProbeVm};

    fn controls() -> Vec<ControlInstance> {
        [("docker_stop_container", "Stop", 7), ("docker_exec_container", "Exec shell", 2)]
            .map(|(id, human, rank)| ControlInstance {
                id: id.into(),
                human: human.into(),
                icon: "fa fa-stop".into(),
                rank,
                ..ControlInstance::default()
            })
            .to_vec()
    }

    fn link(role: &str, refused: &[(&str, &str)]) -> LinkVm {
        LinkVm {
            version: "1".into(),
            role: role.into(),
            refused: refused
                .iter()
                .map(|(kind, reason)| ((*kind).to_owned(), (*reason).to_owned()))
                .collect(),
            ..LinkVm::default()
        }
    }

    #[test]
    fn operators_see_controls_by_rank_and_are_asked_before_harm() {
        let (shown, missing) = allowed(&controls(), &link("operate", &[]));
        let ids: Vec<&str> = shown.iter().map(|control| control.id.as_str()).collect();
        assert_eq!(ids, ["docker_exec_container", "docker_stop_container"]);
        assert_eq!((shown[1].confirm.as_str(), shown[1].icon.as_str()), ("Stop?", "stop"));
        assert!(shown[0].confirm.is_empty() && missing.is_empty());
    }

    #[test]
    fn viewers_see_none_and_are_told_why() {
        let (shown, missing) = allowed(&controls(), &link("view", &[]));
        assert!(shown.is_empty() && missing.contains("viewer"));
    }

    #[test]
    fn a_node_that_usually_offers_something_and_does_not_is_explained() {
        let live = link("operate", &[]);
        assert!(none_offered("containers", &live).contains("--no-controls"));
        assert!(none_offered("hosts", &live).contains("host-shell"));
        assert_eq!(none_offered("processes", &live), "");
        assert_eq!(none_offered("containers", &link("view", &[])), "");
        assert_eq!(none_offered("containers", &LinkVm::default()), "", "recorded reports");
    }

    #[test]
    fn what_a_probe_refuses_is_said_with_the_flag_that_changes_it() {
        let of = |allows: &str, role: &str| LinkVm {
            probes: vec![ProbeVm {
                hostname: "web-1".into(),
                allows: allows.into(),
                ..ProbeVm::default()
            }],
            ..link(role, &[])
        };
        assert_eq!(
            refused_by_probe("containers", "web-1", &of("lifecycle, remove, logs", "operate")),
            "The probe on web-1 does not allow: shell, attach. To change that, start it with --allow lifecycle,remove,logs,exec,attach."
        );
        assert!(refused_by_probe("hosts", "web-1", &of("none", "operate")).ends_with("--allow host-shell."));
        for (topology, host, allows, role) in [
            ("containers", "web-1", "lifecycle, remove, exec, attach, logs, plugins", "operate"),
            ("containers", "web-2", "none", "operate"),
            ("containers", "web-1", "", "operate"),
            ("containers", "web-1", "none", "view"),
            ("processes", "web-1", "none", "operate"),
        ] {
            assert_eq!(
                refused_by_probe(topology, host, &of(allows, role)),
                "",
                "{topology} {host} {allows} {role}"
            );
        }
    }

    #[test]
    fn what_the_server_refuses_is_left_out_with_its_reason() {
        let (shown, missing) = allowed(&controls(), &link("operate", &[("exec", "Shells are off on this server.")]));
        assert_eq!(
            (shown.len(), missing.as_str()),
            (1, "Not offered: Exec shell (Shells are off on this server).")
        );
    }
}
