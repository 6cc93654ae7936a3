//! Objects for the fake API server: single ones, and a generated cluster.

use serde_json::{Value, json};

/// A pod of an application on a node.
pub fn pod(namespace: &str, name: &str, app: &str, node: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"uid": format!("pod-{namespace}-{name}"), "name": name, "namespace": namespace, "labels": {"app": app, "pod-template-hash": "5d4f8"},
            "creationTimestamp": "2026-01-13T10:30:00Z"},
        "spec": {"nodeName": node, "containers": [{"name": "main", "image": format!("registry.example/{app}:1")}, {"name": "sidecar", "image": "registry.example/sidecar:1"}]},
        "status": {"phase": "Running", "podIP": "10.244.0.7", "containerStatuses": [
            {"name": "main", "image": "i", "imageID": "i", "ready": true, "restartCount": 2},
            {"name": "sidecar", "image": "i", "imageID": "i", "ready": true, "restartCount": 1}]},
    })
}

/// A service that selects an application.
pub fn service(namespace: &str, app: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"uid": format!("service-{namespace}-{app}"), "name": app, "namespace": namespace},
        "spec": {"clusterIP": "10.96.0.10", "type": "NodePort", "selector": {"app": app},
            "ports": [{"port": 80, "nodePort": 30080, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]},
    })
}

/// A deployment of an application.
pub fn deployment(namespace: &str, app: &str, replicas: u32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"uid": format!("deployment-{namespace}-{app}"), "name": app, "namespace": namespace},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": app}}, "strategy": {"type": "RollingUpdate"}, "template": {"metadata": {"labels": {"app": app}}}},
        "status": {"observedGeneration": 3, "replicas": replicas, "updatedReplicas": replicas, "availableReplicas": replicas},
    })
}

/// A node of the cluster.
pub fn node(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"uid": format!("node-{name}"), "name": name}, "spec": {}})
}

/// Collection and object of a whole cluster: so many nodes, services (with a deployment each) and pods.
pub fn generate(nodes: usize, pods: usize, services: usize) -> Vec<(&'static str, Value)> {
    let mut objects = Vec::new();
    for n in 0..nodes {
        objects.push(("/api/v1/nodes", node(&format!("node-{n}"))));
    }
    for n in 0..services {
        let namespace = format!("ns-{}", n % 20);
        objects.push(("/api/v1/services", service(&namespace, &format!("app-{n}"))));
        objects.push(("/apis/apps/v1/deployments", deployment(&namespace, &format!("app-{n}"), 10)));
    }
    for n in 0..20 {
        let name = format!("ns-{n}");
        objects.push((
            "/api/v1/namespaces",
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"uid": format!("u-{name}"), "name": name}}),
        ));
    }
    for n in 0..pods {
        let app = n % services.max(1);
        objects.push((
            "/api/v1/pods",
            pod(
                &format!("ns-{}", app % 20),
                &format!("pod-{n}"),
                &format!("app-{app}"),
                &format!("node-{}", n % nodes.max(1)),
            ),
        ));
    }
    objects
}
