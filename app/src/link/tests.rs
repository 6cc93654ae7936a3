//! Every form of link there is, ours and the original's.

use super::{Link, read, terminal, write};
use crate::protocol::{CardRef, Mode, PipeRef, Sort, ViewState};

fn state(fragment: &str) -> ViewState {
    match read(fragment) {
        Link::State(state) => *state,
        other => panic!("{fragment} was read as {other:?}"),
    }
}

fn card(topology: &str, id: &str) -> CardRef {
    CardRef {
        topology: topology.into(),
        id: id.into(),
    }
}

#[test]
fn an_empty_fragment_is_no_state() {
    for empty in ["", "#", "#/", "#!/", "#!"] {
        assert_eq!(read(empty), Link::Empty, "{empty:?}");
    }
    for odd in ["#nonsense", "#!/elsewhere", "#!/state/{broken"] {
        assert_eq!(read(odd), Link::Unreadable, "{odd:?}");
    }
}

#[test]
fn a_link_is_short_and_comes_back_the_same() {
    let mut plain = ViewState {
        topology: "containers".into(),
        ..ViewState::default()
    };
    assert_eq!(write(&plain), "#/containers");
    plain.focus("containers", "@shop/web/1");
    plain.choose("containers", "system", "all", false, "application");
    plain.mode = Mode::Table;
    assert_eq!(write(&plain), "#/containers/table?system=all&node=@shop/web/1");
    assert_eq!(state(&write(&plain)), plain);
}

#[test]
fn everything_a_state_holds_survives() {
    let mut full = ViewState {
        topology: "containers-by-image".into(),
        mode: Mode::Resources,
        selected: Some("a;<container>".into()),
        cards: vec![card("containers", "a;<container>"), card("hosts", "h,1&=?#%+/;<host>")],
        metric: Some("Load (1m)".into()),
        query: "a+b foo? 100% / c&d=e".into(),
        pins: vec!["cpu > 2%".into(), "x,y".into()],
        networks: true,
        network: Some("shop_front".into()),
        sort: Some(Sort {
            column: "docker_memory_usage".into(),
            descending: Some(true),
        }),
        paused_at: Some("2026-08-01T12:00:00Z".into()),
        pipe: Some(PipeRef {
            id: "pipe-1".into(),
            node: "a;<container>".into(),
            probe: "p".into(),
            resize: "docker_resize_exec_tty".into(),
            raw: true,
            title: "/usr/bin/%, ü".into(),
            control: "docker_exec_container".into(),
        }),
        ..ViewState::default()
    };
    full.choose("containers", "system", "all", false, "application");
    full.choose("pods", "namespace", "a,b", true, "");
    full.choose("pods", "namespace", "c", true, "");
    assert_eq!(state(&write(&full)), full);
    full.network = None;
    full.cards.clear();
    full.sort = Some(Sort {
        column: "label".into(),
        descending: Some(false),
    });
    assert_eq!(state(&write(&full)), full);
}

#[test]
fn a_terminal_window_has_a_link_of_its_own() {
    let pipe = PipeRef {
        id: "pipe-1".into(),
        title: "sh in /web".into(),
        ..PipeRef::default()
    };
    assert_eq!(read(&terminal(&pipe)), Link::Terminal(pipe));
}

#[test]
fn the_originals_links_open() {
    let containers = state(r#"#!/state/{"topologyId":"pods"}"#);
    assert_eq!(containers.topology, "pods");
    let filters = state(r#"#!/state/{"topologyId":"containers","topologyOptions":{"containers":{"system":["all"]}}}"#);
    assert_eq!(filters.options["containers"]["system"], ["all"]);
    let node = state(
        r#"#!/state/{"nodeDetails":[{"id":"a;<container>","label":"web","topologyId":"containers"}],"selectedNodeId":"a;<container>","topologyId":"containers"}"#,
    );
    assert_eq!(node.cards, [card("containers", "a;<container>")]);
    assert_eq!(node.selected.as_deref(), Some("a;<container>"));
    let search = state(r#"#!/state/{"searchQuery":"cpu > 2<PERCENT>","topologyId":"containers"}"#);
    assert_eq!(search.query, "cpu > 2%");
    let sorted = state(
        r#"#!/state/{"gridSortedBy":"docker_memory_usage","gridSortedDesc":true,"topologyId":"containers","topologyViewMode":"grid"}"#,
    );
    assert_eq!(sorted.mode, Mode::Table);
    assert_eq!(sorted.sort.and_then(|sort| sort.descending), Some(true));
    let resources = state(r#"#!/state/{"pinnedMetricType":"CPU","topologyId":"hosts","topologyViewMode":"resource"}"#);
    assert_eq!((resources.mode, resources.metric.as_deref()), (Mode::Resources, Some("CPU")));
    let terminal = state(
        r#"#!/state/{"controlPipe":{"id":"pipe-1","nodeId":"a;<container>","raw":true,"resizeTtyControl":{"id":"docker_resize_exec_tty","probeId":"p","nodeId":"a"},"control":{"id":"docker_exec_container","human":"Exec shell"}},"topologyId":"containers"}"#,
    );
    let pipe = terminal.pipe.expect("a pipe");
    assert_eq!(
        (pipe.id.as_str(), pipe.probe.as_str(), pipe.title.as_str(), pipe.raw),
        ("pipe-1", "p", "Exec shell", true)
    );
}

#[test]
fn the_originals_escapes_are_undone_however_often_the_link_was_encoded() {
    let json = r#"{"searchQuery":"a<SLASH>b 5<PERCENT>","topologyId":"containers"}"#;
    let once: String = percent_encoding::utf8_percent_encode(json, percent_encoding::NON_ALPHANUMERIC).to_string();
    let twice: String = percent_encoding::utf8_percent_encode(&once, percent_encoding::NON_ALPHANUMERIC).to_string();
    for form in [json, once.as_str(), twice.as_str()] {
        assert_eq!(state(&format!("#!/state/{form}")).query, "a/b 5%", "{form}");
    }
}

#[test]
fn options_of_before_arrays_make_the_link_unreadable_rather_than_wrong() {
    assert_eq!(
        read(r#"#!/state/{"topologyId":"containers","topologyOptions":{"containers":{"system":"all"}}}"#),
        Link::Unreadable
    );
}
