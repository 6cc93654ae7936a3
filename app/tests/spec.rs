//! What the specification of rendering says and no recorded case shows: small reports made to go wrong, with the answers it demands.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use scope_app::feed::Feed;
use scope_app::view::{Config, Engine, LabelFilter, MetricLinks, api};
use scope_shared::frame::Encoding;
use scope_shared::wire::decode_report;
use serde_json::{Value, json};

const T: &str = "2024-05-01T10:00:00Z";

/// A map of values, all observed at once.
fn latest(values: &Value) -> Value {
    let entries = values.as_object().unwrap().iter();
    entries
        .map(|(key, value)| (key.clone(), json!({ "timestamp": T, "value": value })))
        .collect()
}

/// A node of a topology: its values, and whatever else it has.
fn node(topology: &str, values: Value, more: Value) -> Value {
    let mut node = json!({ "topology": topology, "latest": latest(&values) });
    node.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    node
}

fn engine_with(config: Config, reports: &[Value]) -> Engine {
    let mut feed = Feed::new();
    feed.add_reports(reports.iter().enumerate().map(|(at, report)| {
        let bytes = serde_json::to_vec(report).unwrap();
        (format!("{at}.json").into(), decode_report(&bytes, Encoding::Json, false).unwrap())
    }));
    Engine::with_config(feed, config)
}

fn engine(report: &Value) -> Engine {
    engine_with(Config::default(), std::slice::from_ref(report))
}

fn get(engine: &mut Engine, path: &str) -> Value {
    serde_json::from_slice(&api::get(engine, path)).unwrap()
}

fn ids(answer: &Value) -> Vec<&str> {
    answer["nodes"].as_object().unwrap().keys().map(String::as_str).collect()
}

/// The four containers that options tell apart.
fn containers() -> Value {
    json!({ "Container": { "nodes": {
        "a;<container>": node("container", json!({ "docker_container_name": "a", "docker_label_role": "db" }), json!({})),
        "b;<container>": node("container", json!({ "docker_container_state": "exited", "docker_container_name": "b" }), json!({})),
        "c;<container>": node("container", json!({ "docker_image_name": "reg:5000/google_containers/pause:3" }), json!({})),
        "d;<container>": node("container", json!({ "docker_image_name": "k8s.gcr.io/pause:3" }), json!({})),
    } } })
}

#[test]
fn a_parameter_of_any_name_brings_the_defaults_in_and_malformed_ones_are_none() {
    let mut engine = engine(&containers());
    assert_eq!(ids(&get(&mut engine, "/api/topology/containers")).len(), 4);
    for nothing in ["?", "?%zz=1", "?a;b", "?&&"] {
        assert_eq!(
            ids(&get(&mut engine, &format!("/api/topology/containers{nothing}"))).len(),
            4,
            "{nothing}"
        );
    }
    // `reg:5000/…/pause` is no pause image: its name ends at the first colon.
    let wanted = ["a;<container>", "c;<container>"];
    for any in ["?t=1s", "?timestamp=", "?nonsense", "?system=application&system=all"] {
        assert_eq!(ids(&get(&mut engine, &format!("/api/topology/containers{any}"))), wanted, "{any}");
    }
    // An empty value is a value: no choice has it, so the group does not count.
    assert_eq!(ids(&get(&mut engine, "/api/topology/containers?system=&stopped=")).len(), 4);
    assert_eq!(
        ids(&get(&mut engine, "/api/topology/containers?system=system&stopped=both")),
        ["d;<container>"]
    );
    let stats = get(&mut engine, "/api/topology?stopped=stopped")[0]["stats"].clone();
    assert_eq!(
        stats,
        json!({ "node_count": 1, "nonpseudo_node_count": 1, "edge_count": 0, "filtered_nodes": 3 })
    );
}

#[test]
fn label_filters_are_choices_of_the_group_system_under_the_original_s_swapped_names() {
    let filters = [("Mine:role=db", false), ("Others:role=db", true)];
    let config = Config {
        label_filters: filters.map(|(text, exclude)| LabelFilter::parse(text, exclude).unwrap()).to_vec(),
        ..Config::default()
    };
    let mut engine = engine_with(config, &[containers()]);
    let list = get(&mut engine, "/api/topology");
    let options = &list[0]["options"][0]["options"];
    let wanted = json!([
        { "value": "containerLabelFilterExclude0", "label": "Mine" },
        { "value": "containerLabelFilter0", "label": "Others" },
    ]);
    assert_eq!(options.as_array().unwrap()[3..], wanted.as_array().unwrap()[..]);
    let chosen = |engine: &mut Engine, value: &str| get(engine, &format!("/api/topology/containers?stopped=both&system={value}"));
    assert_eq!(ids(&chosen(&mut engine, "containerLabelFilterExclude0")), ["a;<container>"]);
    assert_eq!(ids(&chosen(&mut engine, "containerLabelFilter0")).len(), 3);
    assert_eq!(ids(&chosen(&mut engine, "containerLabelFilter1")).len(), 4);
}

#[test]
fn paths_that_do_not_exist_and_ids_with_odd_characters() {
    let odd = "a/b c+d%e;<container>";
    let mut engine = engine(&json!({ "Container": { "nodes": { odd: node("container", json!({}), json!({})) } } }));
    let found = get(&mut engine, "/api/topology/containers/a%2Fb+c%2Bd%25e%3B%3Ccontainer%3E");
    assert_eq!(found["node"]["id"], odd);
    assert_eq!(found["node"]["label"], "a/b c+d%e");
    for path in [
        "/",
        "",
        "/api/nothing",
        "/api/topology/",
        "/api/topology/nothing",
        "/api/topology/nothing/x",
        "/api/topology/containers/x",
        "/api/topology/containers/%zz",
        "/api/topology/containers/a/b",
        "/api/topology/containers/a%2Fb+c+d%25e%3B%3Ccontainer%3E",
    ] {
        assert_eq!(get(&mut engine, path)["status"], 404, "{path}");
    }
    assert_eq!(
        get(&mut engine, "/api/%74opology/containers")["nodes"].as_object().unwrap().len(),
        1
    );
}

#[test]
fn labels_of_nodes_that_say_little_and_of_ids_that_do_not_parse() {
    let bare = |topology| node(topology, json!({}), json!({}));
    let mut engine = engine(&json!({
        "Process": { "nodes": {
            "h;7": node("process", json!({ "docker_container_name": "c" }), json!({})),
            "h;8": node("process", json!({ "name": "", "docker_container_name": "" }), json!({})),
            "odd": bare("process"),
        } },
        "Pod": { "nodes": {
            "p;<pod>": node("pod", json!({ "kubernetes_name": "" }), json!({})),
            "q;<service>": node("pod", json!({ "kubernetes_namespace": "ns" }), json!({})),
            "r": bare("pod"),
        } },
        "ECSTask": { "nodes": { "t;<ecs_task>": bare("ecs_task") } },
        "ECSService": { "nodes": { "s;<ecs_service>": bare("ecs_service"), "cl;svc": bare("ecs_service") } },
        "SwarmService": { "nodes": { "w;<swarm_service>": node("swarm_service", json!({ "service_name": "" }), json!({})) } },
        "Host": { "nodes": { "a.b.c;<host>": bare("host"), "x": bare("host") } },
    }));
    let mut look = |view: &str, id: &str| {
        let node = get(&mut engine, &format!("/api/topology/{view}"))["nodes"][id].clone();
        ["label", "labelMinor", "rank"].map(|key| node[key].as_str().unwrap().to_owned())
    };
    assert_eq!(look("processes", "h;7"), ["7", "h (c)", "h"]);
    assert_eq!(look("processes", "h;8"), ["8", "h", "h"]);
    assert_eq!(look("processes", "odd"), ["", "", ""]);
    assert_eq!(look("pods", "p;<pod>"), ["p", "0 containers", "/p"]);
    assert_eq!(look("pods", "q;<service>"), ["q", "0 containers", "ns/q"]);
    assert_eq!(look("pods", "r"), ["", "0 containers", "/"]);
    assert_eq!(look("ecs-tasks", "t;<ecs_task>"), ["t", "", ""]);
    assert_eq!(look("ecs-services", "s;<ecs_service>"), ["s", "", ""]);
    assert_eq!(look("ecs-services", "cl;svc"), ["svc", "", ""]);
    assert_eq!(look("swarm-services", "w;<swarm_service>"), ["", "", ""]);
    assert_eq!(look("hosts", "a.b.c;<host>"), ["a", "b.c", "b.c"]);
    assert_eq!(look("hosts", "x"), ["", "", ""]);
    // A process without a host in its id is uncontained on a host without a name.
    let uncontained = get(&mut engine, "/api/topology/containers/pseudo%3Auncontained%3A")["node"].clone();
    assert_eq!(
        (&uncontained["label"], &uncontained["labelMinor"]),
        (&json!("Uncontained"), &json!(""))
    );
    assert_eq!(uncontained["children"][0]["nodes"].as_array().unwrap().len(), 1);
}

#[test]
fn rows_take_their_values_as_the_templates_say() {
    let rows = |from: &str| json!({ "id": "k", "label": "K", "from": from, "priority": 1.0 });
    let template = |from: &str| json!({ "metadata_templates": { "k": rows(from) } });
    let values = json!({ "count_k": "twelve", "k": "" });
    let with = |from: &str, values: Value, more: Value| {
        let mut topology = template(from);
        topology["nodes"] = json!({ "h;<host>": node("host", values, more) });
        let mut engine = engine(&json!({ "Host": topology }));
        get(&mut engine, "/api/topology/hosts")["nodes"]["h;<host>"]["metadata"].clone()
    };
    let row = |value: &str| json!([{ "id": "k", "label": "K", "value": value, "priority": 1.0 }]);
    assert_eq!(with("latest", values.clone(), json!({})), row(""));
    assert_eq!(with("counters", values.clone(), json!({})), row("0"));
    assert_eq!(
        with("counters", json!({ "count_k": "99999999999999999999" }), json!({})),
        row("9223372036854775807")
    );
    assert_eq!(with("sets", values, json!({})), Value::Null);
    assert_eq!(with("sets", json!({}), json!({ "sets": { "k": ["b", "a", "b"] } })), row("a, b"));
    assert_eq!(
        with("anything", json!({ "count_k": "3" }), json!({ "sets": { "k": ["x"] } })),
        row("x")
    );
    assert_eq!(with("", json!({}), json!({ "counters": { "k": 3 } })), row("3"));
}

#[test]
fn of_several_keys_under_one_name_the_last_in_order_wins() {
    let table = json!({ "id": "t", "label": "T", "prefix": "p_", "type": "", "columns": null, "fixedRows": { "z": "name", "a": "other" } });
    let many = json!({ "id": "m", "label": "M", "prefix": "m_", "type": "multicolumn-table", "columns": [{ "id": "c", "label": "C", "dataType": "" }] });
    let values = json!({
        "p_name": "prefixed", "z": "fixed", "a": "first", "p_other": "second", "table_truncation_count_p_": "7 left out",
        "m_r___c": "1", "m_r___x___y": "2", "m_nothing": "3",
    });
    let mut engine = engine(
        &json!({ "Host": { "table_templates": { "t": table, "m": many }, "nodes": { "h;<host>": node("host", values, json!({})) } } }),
    );
    let tables = get(&mut engine, "/api/topology/hosts")["nodes"]["h;<host>"]["tables"].clone();
    assert_eq!(tables[0]["rows"], json!([{ "id": "r", "entries": { "c": "1", "x": "2" } }]));
    assert_eq!(
        tables[1],
        json!({
            "id": "t", "label": "T", "type": "property-list", "columns": null, "truncationCount": 7,
            "rows": [
                { "id": "label_name", "entries": { "label": "name", "value": "fixed" } },
                { "id": "label_other", "entries": { "label": "other", "value": "second" } },
            ],
        })
    );
}

#[test]
fn metrics_are_cut_to_two_decimals_and_hold_what_is_too_large() {
    let metric = |samples: Value| json!({ "samples": samples, "min": -1e300, "max": 1.8446744073709552e19 });
    let sample = |value: f64| json!([{ "date": "2024-05-01T12:00:00.5+02:00", "value": value }]);
    let template = |id: &str, priority: f64| json!({ "id": id, "label": id, "priority": priority, "format": "filesize" });
    let mut engine = engine(&json!({ "Host": {
        "metric_templates": { "x": template("x", 2.0), "y": template("y", 1.0), "z": template("z", 1.0) },
        "nodes": { "h;<host>": node("host", json!({}), json!({ "metrics": {
            "x": metric(sample(1e18)), "y": metric(json!([])), "z": metric(sample(-4.359)), "unknown": metric(sample(1.0)),
        } })) },
    } }));
    let list = get(&mut engine, "/api/topology/hosts")["nodes"]["h;<host>"]["metrics"].clone();
    let row = |id: &str, value: f64, priority: f64, samples: Value| {
        json!({ "id": id, "label": id, "format": "filesize", "value": value, "priority": priority, "samples": samples,
            "min": -1e300, "max": 1.8446744073709552e19, "url": "" })
    };
    let largest = i64::MAX as f64 / 100.0;
    assert_eq!(
        list,
        json!([
            row("y", 0.0, 1.0, Value::Null),
            row("z", -4.35, 1.0, Value::Null),
            row("x", largest, 2.0, Value::Null)
        ])
    );
    let detail = get(&mut engine, "/api/topology/hosts/h%3B%3Chost%3E")["node"]["metrics"].clone();
    assert_eq!(detail[1]["samples"], sample(-4.359));
}

#[test]
fn controls_name_their_own_probe_for_themselves_only_and_keep_the_node_s_order() {
    let control = |id: &str, probe: &str| json!({ "id": id, "human": id, "icon": "", "rank": 1, "probeId": probe });
    let values = json!({ "control_probe_id": "p", "active_controls": "c;gone;b;a" });
    let mut engine = engine(&json!({ "Host": {
        "controls": { "a": control("a", ""), "b": control("b", "other"), "c": control("c", "") },
        "nodes": { "h;<host>": node("host", values, json!({})), "i;<host>": node("host", json!({ "active_controls": "a" }), json!({})) },
    } }));
    let controls = get(&mut engine, "/api/topology/hosts/h%3B%3Chost%3E")["node"]["controls"].clone();
    let told: Vec<(&str, &str)> = controls
        .as_array()
        .unwrap()
        .iter()
        .map(|control| (control["id"].as_str().unwrap(), control["probeId"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("c", "p"), ("b", "other"), ("a", "p")]);
    assert_eq!(
        get(&mut engine, "/api/topology/hosts/i%3B%3Chost%3E")["node"]["controls"],
        json!([])
    );
}

#[test]
fn endpoints_join_by_address_then_by_published_port_and_not_where_two_claim_one() {
    let host = json!({ "nodes": { "h;<host>": node("host", json!({}), json!({ "sets": { "local_networks": ["10.0.0.0/8", "nonsense", "192.168.0.1/16"] } })) } });
    let container = |ips: Value, ports: Value, values: Value| {
        node(
            "container",
            values,
            json!({ "sets": { "docker_container_ips_with_scopes": ips, "docker_container_ports": ports } }),
        )
    };
    let endpoint = |to: Value| node("endpoint", json!({}), json!({ "adjacency": to }));
    let mut engine = engine(&json!({
        "Host": host,
        "Container": { "nodes": {
            "web;<container>": container(json!([";10.0.0.2", ";127.0.0.1", "nonsense"]), json!(["10.0.0.1:8080->80/tcp, 10.0.0.1:53->53/udp"]), json!({})),
            "one;<container>": container(json!([";10.0.0.3"]), json!([]), json!({})),
            "two;<container>": container(json!([";10.0.0.3"]), json!([]), json!({})),
            "pause;<container>": container(json!([";10.0.0.2"]), json!([]), json!({ "does_not_make_connections": "" })),
            "own;<container>": container(json!([";10.0.0.9"]), json!([]), json!({ "docker_is_in_host_network": "true" })),
        } },
        "Endpoint": { "nodes": {
            ";8.8.8.8;4000": endpoint(json!([";10.0.0.2;80"])),
            ";8.8.4.4;4000": endpoint(json!([";10.0.0.1;8080"])),
            ";8.8.4.4;4001": endpoint(json!([";10.0.0.1;53"])),
            ";8.8.4.4;4002": endpoint(json!([";10.0.0.3;80", ";nowhere"])),
            ";8.8.4.4;4003": endpoint(json!([";10.0.0.9;80"])),
            ";10.0.0.2;80": endpoint(json!([])),
            ";10.0.0.2;1234": endpoint(json!([";9.9.9.9;53"])),
            ";10.0.0.1;8080": endpoint(json!([])),
            ";10.0.0.1;53": endpoint(json!([])),
            ";10.0.0.3;80": endpoint(json!([])),
            ";10.0.0.9;80": endpoint(json!([])),
            ";9.9.9.9;53": endpoint(json!([])),
            "odd": endpoint(json!([";10.0.0.2;80"])),
            ";no address;80": endpoint(json!([";10.0.0.2;80"])),
        } },
    }));
    let answer = get(&mut engine, "/api/topology/containers?x=y");
    assert_eq!(answer["nodes"]["in-theinternet"]["adjacency"], json!(["web;<container>"]));
    assert_eq!(answer["nodes"]["web;<container>"]["adjacency"], json!(["out-theinternet"]));
    assert_eq!(answer["nodes"]["own;<container>"]["adjacency"], Value::Null);
    assert_eq!(ids(&answer).len(), 7);
    let detail = get(&mut engine, "/api/topology/containers/in-theinternet")["node"]["connections"].clone();
    let rows: Vec<&str> = detail[1]["connections"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["id"].as_str().unwrap())
        .collect();
    assert_eq!(rows, ["web;<container>--8.8.4.4-8080", "web;<container>--8.8.8.8-80"]);
}

#[test]
fn known_services_and_names_of_addresses() {
    let endpoint = |to: Value| node("endpoint", json!({}), json!({ "adjacency": to }));
    let mut engine = engine(&json!({
        "Host": { "nodes": { "h;<host>": node("host", json!({}), json!({ "sets": { "local_networks": ["10.0.0.0/8"] } })) } },
        "Container": { "nodes": { "c;<container>": node("container", json!({}), json!({ "sets": { "docker_container_ips_with_scopes": [";10.0.0.2"] } })) } },
        "DNS": {
            "10.9.9.9": { "forward": ["db.example.com", "x.database.windows.net"] },
            "52.0.0.1": { "forward": ["ec2-52-0-0-1.compute-1.amazonaws.com"], "reverse": ["a.googleapis.com"] },
            "1.1.1.1": { "reverse": ["z.example.com", "a.example.com"] },
            "2.2.2.2": {},
        },
        "Endpoint": { "nodes": {
            ";10.0.0.2;1": endpoint(json!([";10.9.9.9;1433"])),
            ";10.0.0.2;2": endpoint(json!([";52.0.0.1;443"])),
            ";10.0.0.2;3": node("endpoint", json!({ "conn_count": "4" }), json!({ "adjacency": [";1.1.1.1;443"] })),
            ";10.0.0.2;4": node("endpoint", json!({ "conn_count": "many" }), json!({ "adjacency": [";2.2.2.2;443"] })),
            ";10.9.9.9;1433": endpoint(json!([])), ";52.0.0.1;443": endpoint(json!([])), ";1.1.1.1;443": endpoint(json!([])), ";2.2.2.2;443": endpoint(json!([])),
        } },
    }));
    let answer = get(&mut engine, "/api/topology/containers");
    assert_eq!(
        answer["nodes"]["c;<container>"]["adjacency"],
        json!(["out-theinternet", "service-a.googleapis.com", "service-x.database.windows.net"])
    );
    let detail = get(&mut engine, "/api/topology/containers/c%3B%3Ccontainer%3E")["node"]["connections"][1].clone();
    let told: Vec<(&str, &str)> = detail["connections"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["label"].as_str().unwrap(), row["metadata"][1]["value"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("2.2.2.2", "1"),
            ("a.example.com (1.1.1.1)", "4"),
            ("a.googleapis.com", "1"),
            ("x.database.windows.net", "1")
        ]
    );
}

#[test]
fn namespaces_are_a_union_and_evaluated_only_where_the_original_does() {
    let namespace = |name: &str| node("namespace", json!({ "kubernetes_name": name }), json!({}));
    let container = |values: Value| node("container", values, json!({}));
    let mut engine = engine(&json!({
        "Namespace": { "nodes": { "1;<namespace>": namespace("b"), "2;<namespace>": namespace("a"), "3;<namespace>": namespace("a"), "4;<namespace>": node("namespace", json!({}), json!({})) } },
        "SwarmService": { "nodes": {
            "s;<swarm_service>": node("swarm_service", json!({ "stack_namespace": "st" }), json!({})),
            "t;<swarm_service>": node("swarm_service", json!({ "stack_namespace": "st" }), json!({})),
        } },
        "Container": { "nodes": {
            "x;<container>": container(json!({ "docker_label_io.kubernetes.pod.namespace": "a", "docker_container_hostname": "hx" })),
            "y;<container>": container(json!({ "docker_label_io.kubernetes.pod.namespace": "b", "docker_container_hostname": "hy" })),
            "z;<container>": container(json!({ "docker_label_com.docker.stack.namespace": "st", "docker_container_hostname": "hz" })),
        } },
    }));
    let list = get(&mut engine, "/api/topology");
    let group = |values: &[&str], none: &str| {
        let options: Vec<Value> = values.iter().map(|value| json!({ "value": value, "label": value })).collect();
        json!({ "id": "namespace", "defaultValue": "", "options": options, "selectType": "union", "noneLabel": none })
    };
    let kubernetes = group(&["a", "a", "b"], "All Namespaces");
    let groups = list[0]["options"].as_array().unwrap();
    assert_eq!(groups[3..], [kubernetes.clone(), group(&["st"], "All Stacks")]);
    assert_eq!(list[0]["sub_topologies"][0]["options"][3], kubernetes);
    assert_eq!(list[2]["options"][3], kubernetes);
    assert_eq!(list[1]["options"], Value::Null);
    let mut shown = |view: &str, query: &str| ids(&get(&mut engine, &format!("/api/topology/{view}?{query}"))).len();
    assert_eq!(shown("containers", "namespace=a"), 1);
    assert_eq!(shown("containers", "namespace=a,b,zzz"), 2);
    // With two groups of one name both must agree: nothing is in a stack and a namespace at once.
    assert_eq!(shown("containers", "namespace=a,st"), 0);
    assert_eq!(shown("containers", "namespace=st"), 1);
    assert_eq!(shown("containers", "namespace=zzz"), 3);
    assert_eq!(shown("containers-by-hostname", "namespace=a"), 3);
    // Services keep their stack elsewhere: choosing one hides them all.
    assert_eq!(shown("swarm-services", "namespace=st"), 0);
    assert_eq!(shown("swarm-services", "namespace="), 2);
}

#[test]
fn several_reports_are_one_and_old_ones_are_brought_up_to_date() {
    let old = json!({
        "ReplicaSet": { "nodes": { "rs;<replica_set>": { "topology": "replica_set", "parents": { "deployment": ["d;<deployment>"] } } } },
        "Deployment": { "nodes": { "d;<deployment>": node("deployment", json!({ "kubernetes_name": "dep" }), json!({})) } },
        "Address": { "nodes": { ";10.0.0.1": { "topology": "address" } } },
        "Container": { "nodes": { "c;<container>": { "topology": "container", "edges": { "x": 1 }, "controls": { "controls": [] },
            "latestControls": { "stop": { "timestamp": T, "value": { "dead": false } }, "start": { "timestamp": T, "value": { "dead": true } } },
            "latest": latest(&json!({ "control_probe_id": "p" })) } },
            "controls": { "stop": { "id": "stop", "human": "Stop", "icon": "", "rank": 1 } } },
        "unknown": 1,
    });
    let pods = json!({
        "Pod": { "nodes": { "p;<pod>": node("pod", json!({ "kubernetes_namespace": "ns" }), json!({ "parents": { "replica_set": ["rs;<replica_set>", "none"] } })) } },
        "Endpoint": { "nodes": { ";8.8.8.8;53": { "topology": "endpoint", "sets": { "snooped_dns_names": ["dns.example.com"] } } } },
    });
    let mut engine = engine_with(Config::default(), &[old, pods]);
    let pod = get(&mut engine, "/api/topology/pods")["nodes"]["p;<pod>"].clone();
    assert_eq!(
        pod["parents"],
        json!([{ "id": "d;<deployment>", "label": "dep", "topologyId": "kube-controllers" }])
    );
    assert_eq!(
        get(&mut engine, "/api/topology/kube-controllers")["nodes"]["d;<deployment>"]["labelMinor"],
        "Deployment of 1 pod"
    );
    let report = get(&mut engine, "/api/report");
    assert_eq!(
        report["Namespace"]["nodes"]["ns;<namespace>"]["latest"]["kubernetes_name"]["value"],
        "ns"
    );
    assert_eq!(report["DNS"]["8.8.8.8"], json!({ "forward": ["dns.example.com"] }));
    assert_eq!(report["Address"], Value::Null);
    // The made-up namespace has no topology name: views pass over it, and there is no choice of namespaces.
    assert_eq!(get(&mut engine, "/api/topology")[2]["options"].as_array().unwrap().len(), 3);
    let controls = get(&mut engine, "/api/topology/containers/c%3B%3Ccontainer%3E")["node"]["controls"].clone();
    assert_eq!(controls[0]["id"], "stop");
    assert_eq!(controls.as_array().unwrap().len(), 1);
}

#[test]
fn what_is_censored_is_censored_in_children_too() {
    let template = json!({ "metadata_templates": { "cmdline": { "id": "cmdline", "label": "Command" } } });
    let mut processes = template;
    processes["nodes"] = json!({ "h;1": node("process", json!({ "cmdline": "sh -c secret", "docker_container_id": "c" }), json!({})) });
    let tables = json!({
        "docker_env_": { "id": "docker_env_", "label": "Environment", "prefix": "docker_env_" },
        "docker_label_": { "id": "docker_label_", "label": "Labels", "prefix": "docker_label_" },
    });
    let values = json!({ "docker_env_PASSWORD": "x", "docker_container_command": "run -p x" });
    let mut engine = engine(&json!({
        "Process": processes,
        "Container": { "table_templates": tables, "nodes": { "c;<container>": node("container", values, json!({})) } },
    }));
    let path = "/api/topology/containers/c%3B%3Ccontainer%3E?hideCommandLineArguments=true&hideEnvironmentVariables=true";
    let detail = get(&mut engine, path)["node"].clone();
    assert_eq!(detail["children"][0]["nodes"][0]["metadata"][0]["value"], "sh");
    assert_eq!(detail["tables"].as_array().unwrap().len(), 1);
    assert_eq!(detail["tables"][0]["id"], "docker_label_");
    let report = get(
        &mut engine,
        "/api/report?hideCommandLineArguments=true&hideEnvironmentVariables=yes",
    );
    let container = &report["Container"]["nodes"]["c;<container>"]["latest"];
    assert_eq!(container["docker_container_command"]["value"], "run");
    assert_eq!(container["docker_env_PASSWORD"]["value"], "x");
}

#[test]
fn metric_links_of_a_service_follow_its_pods_deployment() {
    let pod = |more: Value| node("pod", json!({}), more);
    let config = Config {
        links: Some(MetricLinks::new("/graph?q=:query")),
        ..Config::default()
    };
    let report = |deployment: &str| {
        json!({
            "Service": { "nodes": { "s;<service>": node("service", json!({ "kubernetes_name": "svc", "kubernetes_namespace": "ns" }), json!({})) } },
            "Deployment": { "nodes": { "d;<deployment>": node("deployment", json!({ "kubernetes_name": deployment }), json!({})) } },
            "Pod": { "nodes": {
                "a;<pod>": pod(json!({ "parents": { "service": ["s;<service>"] } })),
                "b;<pod>": pod(json!({ "parents": { "service": ["s;<service>"], "deployment": ["d;<deployment>"] } })),
            } },
        })
    };
    let url = |deployment: &str| {
        let mut engine = engine_with(config.clone(), &[report(deployment)]);
        get(&mut engine, "/api/topology/services")["nodes"]["s;<service>"]["metrics"][1]["url"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let wanted = |name: &str| {
        format!(
            "/graph?q=sum%28rate%28container_memory_usage_bytes%7Bimage%21%3D%22%22%2Cnamespace%3D%22ns%22%2C_weave_pod_name%3D%22{name}%22%2Cjob%3D%22cadvisor%22%2Ccontainer_name%21%3D%22POD%22%7D%5B5m%5D%29%29"
        )
    };
    assert_eq!(url("dep"), wanted("dep"));
    assert_eq!(url(""), wanted("svc"));
}

#[test]
fn a_topology_nobody_knows_is_shown_with_all_it_reports() {
    let values = json!({ "speed": "fast", "state": "on", "p_x": "1", "control_probe_id": "pr", "active_controls": "go" });
    let more = json!({
        "adjacency": ["two;<thing>", "nowhere"], "sets": { "tags": ["b", "a"] }, "shiny": true,
        "parents": { "host": ["h;<host>"], "group": ["g"] },
        "metrics": { "m": { "samples": [{ "date": T, "value": 1.5 }], "min": 0.0, "max": 2.0 } },
    });
    let mut engine = engine(&json!({
        "Host": { "nodes": { "h;<host>": node("host", json!({}), json!({})) } },
        "Process": { "nodes": { "h;1": node("process", json!({ "name": "sh" }), json!({ "parents": { "thing": ["one;<thing>"] } })) } },
        "Thing One": {
            "shape": "heptagon", "label_plural": "things",
            "metadata_templates": { "state": { "id": "state", "label": "State" } },
            "table_templates": { "p_": { "id": "p_", "label": "P", "prefix": "p_" } },
            "controls": { "go": { "id": "go", "human": "Go", "icon": "fa fa-play", "rank": 1 } },
            "nodes": { "one;<thing>": node("thing", values, more), "two;<thing>": node("thing", json!({ "name": "Two" }), json!({})) },
        },
        "Group": { "nodes": { "g": node("group", json!({}), json!({})) } },
    }));
    assert_eq!(get(&mut engine, "/api/topology").as_array().unwrap().len(), 6);
    let described = serde_json::to_value(engine.generic_topologies()).unwrap();
    assert_eq!(described[1]["name"], "things");
    assert_eq!(described[1]["url"], "/api/topology/kind-Thing%20One");
    assert_eq!(
        described[1]["stats"],
        json!({ "node_count": 2, "nonpseudo_node_count": 2, "edge_count": 1, "filtered_nodes": 0 })
    );
    let list = get(&mut engine, "/api/topology/kind-Thing%20One");
    assert_eq!(ids(&list), ["one;<thing>", "two;<thing>"]);
    assert_eq!(list["nodes"]["two;<thing>"]["label"], "Two");
    let one = get(&mut engine, "/api/topology/kind-Thing%20One/one%3B%3Cthing%3E")["node"].clone();
    assert_eq!((&one["label"], &one["shape"]), (&json!("one"), &json!("heptagon")));
    assert_eq!(one["metadata"], json!([{ "id": "state", "label": "State", "value": "on" }]));
    assert_eq!(one["adjacency"], json!(["two;<thing>"]));
    assert_eq!(one["metrics"][0]["value"], 1.5);
    assert_eq!(one["metrics"][0]["samples"].as_array().unwrap().len(), 1);
    assert_eq!(
        one["parents"],
        json!([
            { "id": "h;<host>", "label": "h", "topologyId": "hosts" },
            { "id": "g", "label": "g", "topologyId": "kind-Group" },
        ])
    );
    assert_eq!(one["controls"][0]["id"], "go");
    assert_eq!(one["children"][0]["nodes"][0]["label"], "sh");
    let rest: Vec<(&str, &str)> = one["tables"][1]["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["entries"]["label"].as_str().unwrap(), row["entries"]["value"].as_str().unwrap()))
        .collect();
    assert_eq!(rest, [("shiny", "true"), ("speed", "fast"), ("tags", "a, b")]);
    assert_eq!(get(&mut engine, "/api/topology/kind-Nothing")["status"], 404);
}
