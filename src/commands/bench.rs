//! `gatebook bench`: measures this machine.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::{Stop, runtime};
use crate::bench::{self, Figure, codecs, durable, epc, gs1, idle, images, intake};

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Options {
    #[command(subcommand)]
    of: Option<Of>,
    /// What to measure; everything when nothing is named
    parts: Vec<Part>,
    /// Folder on the disk to measure; it must be empty or not there yet
    #[arg(long, value_name = "DIR", default_value = "gatebook-bench")]
    folder: PathBuf,
    /// An empty PostgreSQL database to measure beside SQLite
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// Answer as JSON, one figure a line
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum Of {
    /// Codes read from the pictures of a folder, right and wrong by its manifest.json
    Images {
        folder: PathBuf,
        /// Answer as JSON, one row a line
        #[arg(long)]
        json: bool,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// What devices say, decoded per second
    Codecs,
    /// GS1 codes and EPCs decoded per second
    Codes,
    /// Read to durable line to ok
    Durable,
    /// Lines taken in by the server per second, with projections
    Intake,
    /// Start time and idle memory of a terminal
    Idle,
}

pub fn run(options: &Options) -> Result<(), Stop> {
    if let Some(Of::Images { folder, json }) = &options.of {
        return images::measure(folder, *json).map_err(Stop::Fault);
    }
    let folder = &options.folder;
    let used = std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    if used {
        return Err(Stop::Fault(format!("{} is not empty; name another folder with --folder", folder.display())));
    }
    std::fs::create_dir_all(folder).map_err(|error| Stop::fault(format!("{}: {error}", folder.display())))?;
    let measured = measure(options);
    let _ = std::fs::remove_dir_all(folder);
    measured
}

fn measure(options: &Options) -> Result<(), Stop> {
    let folder = options.folder.canonicalize().map_err(Stop::fault)?;
    let wanted = |part| options.parts.is_empty() || options.parts.contains(&part);
    match options.json {
        true => println!("{}", json!({"machine": bench::machine(&folder)})),
        false => println!("{}\n", bench::machine(&folder)),
    }
    let print = |figures: Vec<Figure>| figures.iter().for_each(|figure| line(figure, options.json));
    if wanted(Part::Codecs) {
        print(codecs::measure());
    }
    if wanted(Part::Codes) {
        print(gs1::measure());
        print(epc::measure());
    }
    if wanted(Part::Durable) {
        print(durable::measure(&folder).map_err(Stop::Fault)?);
    }
    if wanted(Part::Intake) {
        let runtime = runtime()?;
        print(runtime.block_on(intake::measure(&folder, options.postgres.as_deref())).map_err(Stop::Fault)?);
    }
    if wanted(Part::Idle) {
        print(idle::measure(&folder).map_err(Stop::Fault)?);
    }
    Ok(())
}

fn line(figure: &Figure, as_json: bool) {
    if as_json {
        println!("{}", serde_json::to_string(figure).expect("a figure is plain"));
        return;
    }
    print!("{:<52} {:>14} {}", figure.name, shown(figure.value), figure.unit);
    match &figure.beside {
        Some(beside) => println!("   {} x {} ({})", shown(beside.ratio), beside.name, shown(beside.value)),
        None => println!(),
    }
}

/// Three places are enough for a figure that moves by tenths.
fn shown(value: f64) -> String {
    match value {
        value if 1000.0 <= value => format!("{value:.0}"),
        value if 10.0 <= value => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}
