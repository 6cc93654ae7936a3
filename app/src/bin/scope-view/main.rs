//! `scope-view`: the page without a browser. Reads report files or a live server and prints what the page would show.
//!
//! It only ever reads: nothing here can change what it looks at.

mod args;
mod inputs;
mod live;
mod mcp;
mod table;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use args::{Args, Verb};
use clap::Parser;
use scope_app::view::{Config, Engine, LabelFilter, MetricLinks, Options, api};

fn main() -> ExitCode {
    let args = Args::parse();
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        // A reader that has seen enough (`| head`) is no failure.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("scope-view: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}

fn run(args: Args) -> Result<()> {
    let config = config(&args)?;
    if let Verb::Mcp = args.verb {
        return mcp::run(&args.input, config);
    }
    let mut engine = Engine::with_config(inputs::feed(&args.input)?, config);
    let mut out = io::BufWriter::new(io::stdout().lock());
    match &args.verb {
        Verb::Get(get) => {
            for path in &get.paths {
                let answer = api::get(&mut engine, path);
                if get.table {
                    if get.paths.len() > 1 {
                        writeln!(out, "# {path}")?;
                    }
                    table::answer(&mut out, &answer)?;
                    if get.paths.last() != Some(path) {
                        writeln!(out)?;
                    }
                } else {
                    out.write_all(&answer)?;
                    out.write_all(b"\n")?;
                }
            }
        }
        Verb::Views(how) => {
            let mut views = engine.topologies(&Options::from_query(&how.query()));
            views.extend(engine.generic_topologies());
            if how.json {
                serde_json::to_writer(&mut out, &views)?;
                out.write_all(b"\n")?;
            } else {
                table::overview(&mut out, &views)?;
            }
        }
        Verb::View(view) => print(
            &mut engine,
            &mut out,
            &format!("/api/topology/{}", args::escaped(&view.view)),
            &view.how,
        )?,
        Verb::Node(node) => {
            let path = format!("/api/topology/{}/{}", args::escaped(&node.view), args::escaped(&node.id));
            print(&mut engine, &mut out, &path, &node.how)?;
        }
        Verb::Mcp => {}
        view => {
            if let Some((name, how)) = view.view() {
                print(&mut engine, &mut out, &format!("/api/topology/{name}"), how)?;
            }
        }
    }
    out.flush().context("cannot write to standard output")
}

/// Prints one path's answer as a table for people, or as JSON for programs. Option defaults apply, as on the page.
fn print(engine: &mut Engine, out: &mut impl Write, path: &str, how: &args::How) -> Result<()> {
    let answer = api::get(engine, &format!("{path}?{}", how.query()));
    if answer.starts_with(br#"{"status":"#) {
        bail!("there is no such view or node; `scope-view … views` lists the views, and each view its nodes with their ids");
    }
    if how.json {
        out.write_all(&answer)?;
        out.write_all(b"\n")?;
        return Ok(());
    }
    table::answer(out, &answer)
}

fn config(args: &Args) -> Result<Config> {
    let parse = |texts: &[String], exclude| -> Result<Vec<LabelFilter>> {
        texts
            .iter()
            .map(|text| LabelFilter::parse(text, exclude).map_err(anyhow::Error::msg))
            .collect()
    };
    let mut label_filters = parse(&args.container_label_filter, false)?;
    label_filters.extend(parse(&args.container_label_filter_exclude, true)?);
    Ok(Config {
        links: args.metrics_graph.clone().map(MetricLinks::new),
        label_filters,
    })
}
