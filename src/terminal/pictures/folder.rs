//! A folder into which a camera or a phone puts pictures: each code found is a read.
//!
//! A picture is taken when its size and time stood still for one look, and moved to `done/` only after its codes are in
//! the book; what holds no code goes to `unreadable/`. A crash in between reads a picture twice, never zero times.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use hardware::camera;
use tokio::sync::{mpsc, oneshot};

use crate::terminal::pictures::reads;
use crate::terminal::port::{Keeper, Report};

/// How often the folder is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// Most files taken in one look: a folder of thousands must not hold back an order to stop.
const FILES_MAX: usize = 64;

/// Watches `folder`; reads go to `station`.
pub(super) fn watch(keeper: &Keeper, folder: &Path, station: &mpsc::Sender<Report>) {
    let mut seen: HashMap<PathBuf, (u64, SystemTime)> = HashMap::new();
    while !keeper.stopped() {
        match look(folder) {
            Ok(files) => {
                keeper.up("folder");
                let still: Vec<PathBuf> = files
                    .iter()
                    .filter(|(path, state)| seen.get(*path) == Some(state))
                    .map(|(path, _)| path.clone())
                    .collect();
                seen = files;
                for path in still {
                    if keeper.stopped() {
                        return;
                    }
                    match take(keeper, &path, station) {
                        Ok(()) => drop(seen.remove(&path)),
                        Err(why) => keeper.fault(&format!("{}: {why}", path.display())),
                    }
                }
            }
            Err(error) => keeper.down(&format!("{} cannot be listed: {error}", folder.display())),
        }
        keeper.sleep(LOOK_EVERY);
    }
}

/// Files in the folder with what tells whether they are still growing. Hidden files are half-written copies of many tools.
fn look(folder: &Path) -> io::Result<HashMap<PathBuf, (u64, SystemTime)>> {
    let mut files = HashMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        // A file that was taken away between the two calls is not there.
        let Ok(found) = entry.metadata() else { continue };
        if found.is_file() && !hidden && files.len() < FILES_MAX {
            files.insert(entry.path(), (found.len(), found.modified()?));
        }
    }
    Ok(files)
}

/// Reads one picture and puts it away.
fn take(keeper: &Keeper, path: &Path, station: &mpsc::Sender<Report>) -> Result<(), String> {
    let size = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if camera::FILE_MAX as u64 <= size {
        return put_away(path, "unreadable");
    }
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    let reads = reads(&bytes).unwrap_or_else(|error| {
        keeper.fault(&format!("{}: {error}", path.display()));
        Vec::new()
    });
    if reads.is_empty() {
        return put_away(path, "unreadable");
    }
    for read in reads {
        keeper.count_read();
        let (done, answer) = oneshot::channel();
        let report = Report { device: keeper.device.clone(), read, done: Some(done) };
        station
            .blocking_send(report)
            .map_err(|_| "the station is stopping; the picture is read again at the next start")?;
        if !answer.blocking_recv().unwrap_or(false) {
            return Err("nothing could be recorded; the picture stays and is read again".to_owned());
        }
    }
    put_away(path, "done")
}

fn put_away(path: &Path, folder: &str) -> Result<(), String> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
    let folder = parent.join(folder);
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let mut to = folder.join(name);
    // Cameras count from the start again: an older picture of the same name is kept.
    for number in 1..10_000 {
        if !to.exists() {
            break;
        }
        to = folder.join(format!("{number}-{}", name.to_string_lossy()));
    }
    fs::rename(path, &to).map_err(|error| error.to_string())
}
