//! The rules of the house as a test: floors, names, the top level, no test file forgotten.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Lowest first. A file may import from its own room or from any lower floor; rooms of one floor never touch.
const FLOORS: &[&[&str]] = &[
    &["hex", "quantity"],
    &["gs1", "numbers"],
    &["epc"],
    &["identity"],
    &["event", "labels"],
    &["ledger"],
    &["sync", "face"],
    &["config"],
    &["terminal", "server"],
    &["demo"],
    &["bench"],
    &["commands"],
];

/// Rooms that drive devices or name their settings.
const MAY_SEE_HARDWARE: &[&str] = &["terminal", "demo", "bench", "commands", "config"];

/// Inside the server, lowest first: the same rule.
const SERVER_FLOORS: &[&[&str]] = &[
    &["database"],
    &["stored"],
    &["catalog"],
    &["kernel"],
    &["projection"],
    &["lines"],
    &["book"],
    &["numbering"],
    &["enrolment", "intake"],
    &["rebuild", "verify"],
    &["access"],
    &["problem"],
    &["request"],
    &["api", "tls", "live"],
    &["sync", "pages"],
    &["web"],
    &["start"],
];

/// What stands at the top, hidden entries left out.
const TOP: &[&str] = &[
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "README.zh-CN.md",
    "config",
    "docs",
    "hardware",
    "src",
    "tests",
];

/// Names that say nothing, so that everything fits.
const EMPTY_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "common", "manager", "misc", "base"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The room of a file: the first path element under `folder`, without its ending.
fn room(folder: &Path, file: &Path) -> String {
    let first = file.strip_prefix(folder).unwrap().iter().next().unwrap().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

fn floor(floors: &[&[&str]], room: &str) -> Option<usize> {
    floors.iter().position(|rooms| rooms.contains(&room))
}

/// Names right after `prefix` in the code of `text` (comments and doc links do not count).
fn named_after<'a>(text: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).flat_map(move |line| {
        line.match_indices(prefix).map(move |(at, _)| {
            let rest = &line[at + prefix.len()..];
            &rest[..rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())]
        })
    })
}

fn check_floors(floors: &[&[&str]], folder: &Path, prefix: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for file in sources(folder) {
        let own = room(folder, &file);
        let shown = file.strip_prefix(root()).unwrap_or(&file).display();
        if matches!(own.as_str(), "lib" | "main" | "mod") {
            continue;
        }
        let Some(own_floor) = floor(floors, &own) else {
            faults.push(format!("{shown}: the room `{own}` stands on no floor"));
            continue;
        };
        let text = fs::read_to_string(&file).unwrap();
        for name in named_after(&text, prefix) {
            if name.is_empty() {
                faults.push(format!("{shown}: one `use {prefix}room::…` per room, no groups"));
            } else if name != own && floor(floors, name).is_some_and(|floor| own_floor <= floor) {
                faults.push(format!("{shown}: `{own}` imports `{name}`, which is not below it"));
            }
        }
    }
    faults
}

#[test]
fn a_room_imports_only_from_below() {
    let faults = check_floors(FLOORS, &root().join("src"), "crate::");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn inside_the_server_a_room_imports_only_from_below() {
    let faults = check_floors(SERVER_FLOORS, &root().join("src/server"), "crate::server::");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_floor_test_bites() {
    let folder = tempfile::tempdir().unwrap();
    let src = folder.path().join("src");
    for (file, text) in [
        ("low/mod.rs", "use crate::high::X;"),
        ("high.rs", "use crate::low::Y;\nuse crate::other::Z;"),
        ("other.rs", "use crate::{low, high};"),
        ("roof.rs", "use crate::low::Y;\nuse crate::high::X;"),
        ("nowhere.rs", ""),
    ] {
        fs::create_dir_all(src.join(file).parent().unwrap()).unwrap();
        fs::write(src.join(file), text).unwrap();
    }
    let floors: &[&[&str]] = &[&["low"], &["high", "other"], &["roof"]];
    let faults = check_floors(floors, &src, "crate::");
    let named = |fault: &String| fault.rsplit('/').next().unwrap().to_owned();
    assert_eq!(
        faults.iter().map(named).collect::<Vec<_>>(),
        [
            "high.rs: `high` imports `other`, which is not below it",
            "mod.rs: `low` imports `high`, which is not below it",
            "nowhere.rs: the room `nowhere` stands on no floor",
            "other.rs: one `use crate::room::…` per room, no groups",
        ]
    );
}

#[test]
fn only_rooms_with_devices_know_the_hardware() {
    let src = root().join("src");
    for file in sources(&src) {
        let own = room(&src, &file);
        let text = fs::read_to_string(&file).unwrap();
        let named = text.lines().any(|line| !line.trim_start().starts_with("//") && line.contains("hardware::"));
        assert!(!named || MAY_SEE_HARDWARE.contains(&own.as_str()), "{} names the hardware crate", file.display());
    }
}

#[test]
fn the_hardware_knows_no_clock_port_thread_or_socket() {
    for file in sources(&root().join("hardware/src")) {
        let text = fs::read_to_string(&file).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap();
        for banned in ["std::net", "std::fs", "std::thread", "Instant::now", "SystemTime", "tokio", "rusqlite"] {
            assert!(!text.contains(banned), "{} names {banned}", file.display());
        }
    }
}

#[test]
fn every_name_says_something() {
    for folder in ["src", "hardware/src", "tests"] {
        for file in sources(&root().join(folder)) {
            let stem = file.file_stem().unwrap().to_str().unwrap();
            let parent = file.parent().unwrap().file_name().unwrap().to_str().unwrap();
            for name in [stem, parent] {
                assert!(!EMPTY_NAMES.contains(&name), "{}: `{name}` says nothing", file.display());
            }
        }
    }
}

#[test]
fn the_top_level_is_what_was_agreed() {
    let listed =
        Command::new("git").args(["ls-files"]).current_dir(root()).output().expect("git is needed for this test");
    let listed = String::from_utf8(listed.stdout).unwrap();
    let top: BTreeSet<&str> =
        listed.lines().filter_map(|path| path.split('/').next()).filter(|name| !name.starts_with('.')).collect();
    let top: Vec<&str> = top.into_iter().collect();
    assert_eq!(top, TOP);
}

#[test]
fn no_test_file_is_forgotten() {
    let main = fs::read_to_string(root().join("tests/main.rs")).unwrap();
    for entry in fs::read_dir(root().join("tests")).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.extension().is_some_and(|ending| ending == "rs") && stem != "main" {
            assert!(
                main.contains(&format!("mod {stem};")),
                "tests/{stem}.rs is not run: add `mod {stem};` to tests/main.rs"
            );
        }
    }
}

/// Whoever bolts a device to a door finds its page.
#[test]
fn every_family_of_devices_has_its_section() {
    let text = fs::read_to_string(root().join("docs/devices.md")).unwrap();
    for family in hardware::device::FAMILIES {
        let head = format!("\n## {}\n", family.name);
        let section =
            text.split(&head).nth(1).unwrap_or_else(|| panic!("docs/devices.md has no section `{}`", family.name));
        let section = section.split("\n## ").next().unwrap();
        assert!(section.contains(&format!("driver = \"{}\"", family.name)), "{}: no entry to copy", family.name);
        assert!(
            section.contains("gatebook simulate") || section.contains("simulated"),
            "{}: how to try it",
            family.name
        );
    }
}
