//! The server without its embedded probe links no report model: asked of Cargo, which knows.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail their test this way"
)]

use std::process::Command;

#[test]
fn the_server_alone_does_not_ask_for_the_report_model() {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "-p",
            "scope-server",
            "--no-default-features",
            "-e",
            "features,normal",
            "--offline",
            "-f",
            "{p} {f}",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let tree = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(tree.contains("scope-shared"), "the tree shows the crate");
    let asking: Vec<_> = tree
        .lines()
        .filter(|line| line.contains("scope-shared") && line.contains("report"))
        .collect();
    assert!(asking.is_empty(), "{asking:?}");
    assert!(!tree.contains("scope-probe"));
}
