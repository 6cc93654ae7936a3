#!/bin/sh
# Builds the page with nothing but the map into app/bench-page/pkg. Wants wasm-bindgen of Cargo.lock's version on PATH.
set -eu
cd "$(dirname "$0")/../.."
profile="${1:-page}"
cargo build -p scope-app --bin map-page --target wasm32-unknown-unknown --no-default-features --features map-page --profile "$profile"
case "$profile" in dev) dir=debug ;; *) dir="$profile" ;; esac
wasm-bindgen --target web --out-dir app/bench-page/pkg "target/wasm32-unknown-unknown/$dir/map-page.wasm"
