//! Codes read from the pictures of a folder: right, wrong and how long, by `manifest.json` beside them, which says for each
//! file its format and texts (`null` where there is no code). With the cargo feature `zxing-cpp` that library reads the
//! same grey pixels in the same run.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use hardware::camera::{self, Code, GrayImage, Search};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

use super::percentile;

/// How long one picture is searched, in time of the processor: the bench may run beside other work.
const DEADLINE: Duration = Duration::from_millis(300);

/// The rows whose rates are averaged: what warehouses and shops print.
const CORE: [&str; 10] =
    ["QR", "QR (BoofCV)", "DataMatrix", "PDF417", "Code128", "Code39", "ITF", "EAN13", "UPCA", "UPCE"];

/// What a picture is known to hold.
struct Truth {
    row: String,
    texts: Vec<String>,
}

#[derive(Default)]
struct Row {
    pictures: usize,
    engines: BTreeMap<&'static str, Tally>,
}

/// What one reader made of the pictures of a row.
#[derive(Default)]
struct Tally {
    right: usize,
    /// Pictures of which any text is not in them.
    wrong: usize,
    took: Vec<Duration>,
}

/// Reads all pictures of `folder` and prints what came of it.
///
/// # Errors
/// When the folder or its manifest cannot be read.
pub fn measure(folder: &Path, as_json: bool) -> Result<(), String> {
    let manifest = folder.join("manifest.json");
    let told = match std::fs::read(&manifest) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(format!("{}: {error}", manifest.display())),
    };
    match told {
        Some(bytes) => {
            let pictures: BTreeMap<String, Value> =
                serde_json::from_slice(&bytes).map_err(|error| format!("{}: {error}", manifest.display()))?;
            judge(folder, &pictures, as_json);
        }
        None => list(folder)?,
    }
    Ok(())
}

/// Without a manifest nothing is right or wrong: what is read is printed.
fn list(folder: &Path) -> Result<(), String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut files: Vec<_> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_file()).collect();
    files.sort();
    for file in files {
        let found = match std::fs::read(&file).map_err(|error| error.to_string()).and_then(|bytes| open(&bytes)) {
            Ok(grey) => {
                let (codes, took) = timed(|late| own(&grey, late));
                let codes: Vec<Value> =
                    codes.iter().map(|code| json!({"format": code.format.name(), "text": code.text})).collect();
                json!({"file": file.display().to_string(), "codes": codes, "ms": took.as_secs_f64() * 1e3})
            }
            Err(error) => json!({"file": file.display().to_string(), "error": error}),
        };
        println!("{found}");
    }
    Ok(())
}

fn judge(folder: &Path, pictures: &BTreeMap<String, Value>, as_json: bool) {
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for (name, told) in pictures {
        let truth = truth(name, told);
        let file = folder.join(name);
        let row = rows.entry(truth.row.clone()).or_default();
        row.pictures += 1;
        let grey = match std::fs::read(&file).map_err(|error| error.to_string()).and_then(|bytes| open(&bytes)) {
            Ok(grey) => grey,
            // It counts as one that nobody reads.
            Err(error) => {
                eprintln!("{}: {error}", file.display());
                continue;
            }
        };
        let (codes, took) = timed(|late| own(&grey, late));
        row.engines.entry("gatebook").or_default().count(&truth, &codes, took);
        #[cfg(feature = "zxing-cpp")]
        {
            let (codes, took) = timed(|_| camera::zxing_cpp::read(&grey));
            row.engines.entry("zxing-cpp").or_default().count(&truth, &codes, took);
        }
    }
    report(rows, as_json);
}

fn open(bytes: &[u8]) -> Result<GrayImage, String> {
    camera::open(bytes).map_err(|error| error.to_string())
}

/// What the readers of this house find, without the help of the peer.
fn own(grey: &GrayImage, late: &dyn Fn() -> bool) -> Vec<Code> {
    let search = Search {
        late,
        #[cfg(feature = "zxing-cpp")]
        zxing_cpp: false,
        ..Search::default()
    };
    camera::read(grey, &search)
}

/// What `read` gives, and the time of the processor that it took.
fn timed(read: impl FnOnce(&dyn Fn() -> bool) -> Vec<Code>) -> (Vec<Code>, Duration) {
    let began = processor_time();
    let codes = read(&|| DEADLINE <= processor_time().saturating_sub(began));
    (codes, processor_time().saturating_sub(began))
}

fn processor_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0))
}

fn truth(name: &str, told: &Value) -> Truth {
    let row = match told.get("format").and_then(Value::as_str) {
        None => "no code".to_owned(),
        Some("QR") if name.starts_with("boofcv") => "QR (BoofCV)".to_owned(),
        Some(format) => format.to_owned(),
    };
    let lists =
        ["texts", "also_present", "weak_texts"].into_iter().filter_map(|key| told.get(key)?.as_array()).flatten();
    let texts = lists.chain(told.get("text")).filter_map(Value::as_str).map(plain).collect();
    Truth { row, texts }
}

impl Tally {
    fn count(&mut self, truth: &Truth, codes: &[Code], took: Duration) {
        let held = |code: &Code| {
            let [text, bytes] =
                [code.text.clone(), String::from_utf8_lossy(&code.bytes).into_owned()].map(|t| plain(&t));
            truth.texts.iter().any(|told| alike(told, &text) || alike(told, &bytes))
        };
        self.right += usize::from(codes.iter().any(held));
        self.wrong += usize::from(!codes.iter().all(held));
        self.took.push(took);
    }
}

/// A text without what readers write differently: separators, brackets round AIs, line ends, zeros before a GTIN, the
/// letters round a Codabar.
fn plain(text: &str) -> String {
    let kept =
        text.chars().filter(|c| !matches!(c, '\r' | '\n' | '\u{1d}' | '(' | ')' | '[' | ']')).collect::<String>();
    let kept = kept.trim();
    let ends = |c: char| matches!(c, 'A'..='D');
    let inner = kept.strip_prefix(ends).and_then(|inner| inner.strip_suffix(ends));
    let kept = match inner {
        Some(inner) if inner.starts_with(|c: char| c.is_ascii_digit()) => inner,
        _ => kept,
    };
    if 6 <= kept.len() && kept.bytes().all(|byte| byte.is_ascii_digit()) {
        return kept.trim_start_matches('0').to_owned();
    }
    kept.to_owned()
}

/// Whether two plain texts say the same; UPC-E may be written out, an add-on or the AI 01 of a DataBar may be missing.
fn alike(told: &str, read: &str) -> bool {
    let add_on = told.split_once(' ').is_some_and(|(main, add_on)| {
        matches!(add_on.len(), 2 | 5) && add_on.bytes().all(|byte| byte.is_ascii_digit()) && plain(main) == read
    });
    let with_ai = |long: &str, short: &str| {
        long.len() == 15 && long.strip_prefix('1').is_some_and(|rest| rest.trim_start_matches('0') == short)
    };
    told == read || add_on || with_ai(read, told) || with_ai(told, read) || written_out(told).is_some_and(|t| t == read)
}

/// The number that a UPC-E stands for, without zeros before it.
fn written_out(told: &str) -> Option<String> {
    let digits = format!("{told:0>8}");
    let &[system, a, b, c, d, e, last, check] = digits.as_bytes() else { return None };
    let body = match last {
        b'0'..=b'2' => [a, b, last, b'0', b'0', b'0', b'0', c, d, e],
        b'3' => [a, b, c, b'0', b'0', b'0', b'0', b'0', d, e],
        b'4' => [a, b, c, d, b'0', b'0', b'0', b'0', b'0', e],
        _ => [a, b, c, d, e, b'0', b'0', b'0', b'0', last],
    };
    let all = [&[system][..], &body, &[check]].concat();
    Some(String::from_utf8_lossy(&all).trim_start_matches('0').to_owned())
}

fn report(mut rows: BTreeMap<String, Row>, as_json: bool) {
    let mut sums: BTreeMap<&str, (f64, usize, Duration)> = BTreeMap::new();
    if !as_json {
        println!(
            "{:<14} {:>4}  {:<10} {:>7} {:>6} {:>10} {:>8}",
            "", "", "", "right %", "wrong", "median ms", "p95 ms"
        );
    }
    for (name, row) in &mut rows {
        for (engine, tally) in &mut row.engines {
            tally.took.sort();
            let rate = 100.0 * tally.right as f64 / row.pictures as f64;
            let [median, p95] = [0.5, 0.95].map(|share| percentile(&tally.took, share).as_secs_f64() * 1e3);
            let sum = sums.entry(engine).or_default();
            if CORE.contains(&name.as_str()) {
                sum.0 += rate / CORE.len() as f64;
            }
            sum.1 += tally.wrong;
            sum.2 += tally.took.iter().sum::<Duration>();
            match as_json {
                true => println!(
                    "{}",
                    json!({"row": name, "pictures": row.pictures, "engine": engine, "right": tally.right,
                        "wrong": tally.wrong, "median_ms": median, "p95_ms": p95})
                ),
                false => println!(
                    "{name:<14} {:>4}  {engine:<10} {rate:>7.1} {:>6} {median:>10.2} {p95:>8.2}",
                    row.pictures, tally.wrong
                ),
            }
        }
    }
    for (engine, (rate, wrong, took)) in sums {
        let cpu_s = took.as_secs_f64();
        match as_json {
            true => println!("{}", json!({"engine": engine, "macro_rate": rate, "wrong": wrong, "cpu_s": cpu_s})),
            false => {
                println!("{engine}: macro rate of the ten core rows {rate:.2} %, {wrong} wrong, {cpu_s:.2} s of CPU")
            }
        }
    }
}
