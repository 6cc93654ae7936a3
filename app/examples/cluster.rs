//! Writes the reports of a cluster that does not exist as files, one a host, for the page's browser benchmark and for looking at large maps:
//! `cargo run --release -p scope-app --example cluster -- DIR HOSTS CONTAINERS ENDPOINTS`. The same numbers give the same files.

use std::path::PathBuf;
use std::process::ExitCode;

use scope_app::generate::{Cluster, Dialect, Shape, Stream};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let into = arguments.next().map(PathBuf::from);
    let mut number = |default: usize| arguments.next().map_or(Some(default), |text| text.parse().ok());
    let (Some(into), Some(hosts), Some(containers), Some(endpoints)) = (into, number(100), number(100), number(4)) else {
        eprintln!("cluster DIR [HOSTS] [CONTAINERS] [ENDPOINTS]");
        return ExitCode::FAILURE;
    };
    let cluster = Cluster::new(Shape {
        hosts,
        containers,
        endpoints,
        ..Shape::default()
    });
    for host in 0..hosts {
        let body = Stream::new(cluster, host, Dialect::Full).next_body();
        let file = into.join(format!("{}.msgpack.gz", body.probe));
        if let Err(error) = std::fs::create_dir_all(&into).and_then(|()| std::fs::write(&file, body.bytes)) {
            eprintln!("{}: {error}", file.display());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
