//! `gatebook bench`: figures that anyone can take on their own machine. Absolute figures tell about the machine; what
//! tells about Gatebook are the ratios to a bare peer that ran in the same minute.

pub mod codecs;
pub mod durable;
pub mod epc;
pub mod gs1;
pub mod idle;
pub mod images;
pub mod intake;

use std::time::Duration;

use serde::Serialize;

/// One measured figure.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    pub name: String,
    pub value: f64,
    /// What is counted: `frames/s`, `us`, `MiB`.
    pub unit: &'static str,
    /// The bare peer of the same run, and how many times its figure this one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beside: Option<Beside>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Beside {
    pub name: &'static str,
    pub value: f64,
    pub ratio: f64,
}

impl Figure {
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Figure {
        Figure { name: name.into(), value, unit, beside: None }
    }

    /// The same figure beside that of a bare peer.
    pub fn beside(mut self, name: &'static str, value: f64) -> Figure {
        self.beside = Some(Beside { name, value, ratio: self.value / value });
        self
    }
}

/// What was measured on: processor, cores, kernel, file system of `folder`.
pub fn machine(folder: &std::path::Path) -> String {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let profile = if cfg!(debug_assertions) { "debug build" } else { "release build" };
    format!(
        "{}, {cores} cores, Linux {}, books in {}, {profile}",
        model.unwrap_or("unknown processor").trim(),
        kernel.trim(),
        folder.display(),
    )
}

/// The value under which the part `share` of the sorted values lies.
fn percentile(sorted: &[Duration], share: f64) -> Duration {
    let last = sorted.len().saturating_sub(1);
    let place = (last as f64 * share).round() as usize;
    sorted.get(place.min(last)).copied().unwrap_or_default()
}

fn micros(span: Duration) -> f64 {
    span.as_secs_f64() * 1e6
}
