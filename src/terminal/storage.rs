//! Whether the folder of the book lies on an encrypted disk, for terminals that can be carried away.
//!
//! The kernel is asked, not the administrator: `/proc/self/mountinfo` names the block device under a folder, and
//! `/sys/dev/block/MAJOR:MINOR` what that device stands on (proc(5), sysfs-block in the kernel's ABI documents). A layer
//! that encrypts is a device-mapper device whose `dm/uuid` begins with `CRYPT-` and the name of a cipher format, as
//! cryptsetup writes it.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{major, minor};

/// What cryptsetup puts before the uuid of a device that encrypts. `CRYPT-VERITY-`, `CRYPT-INTEGRITY-` and
/// `CRYPT-SUBDEV-` only check: below them the search goes on.
const CIPHERS: [&str; 7] = [
    "CRYPT-LUKS1-",
    "CRYPT-LUKS2-",
    "CRYPT-PLAIN-",
    "CRYPT-LOOPAES-",
    "CRYPT-TCRYPT-",
    "CRYPT-BITLK-",
    "CRYPT-FVAULT2-",
];

/// Layers under a file system: RAID under LVM under a partition is four. More is a tree that no kernel makes.
const LAYERS_MAX: u32 = 16;

/// Why the folder does not count as encrypted.
#[derive(Debug, thiserror::Error)]
pub enum Plain {
    #[error("it lies on {device} ({kind}), and {bare} under it is not encrypted")]
    Bare { device: String, kind: String, bare: String },
    #[error("it lies on {kind} ({device}), which is on no disk of this machine")]
    NoDisk { device: String, kind: String },
    #[error("this machine does not tell on which disk it lies: {0}")]
    Untold(#[from] io::Error),
}

/// Where a folder lies, as a line of mountinfo has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Kind of the file system.
    pub kind: String,
    /// What is mounted; a path of a device where there is one.
    pub source: String,
}

/// Makes sure that every disk under `folder`, which must be there, is encrypted.
///
/// # Errors
/// [`Plain`] with the layer that is not, or when nobody can tell.
pub fn require_encrypted(folder: &Path) -> Result<(), Plain> {
    let folder = fs::canonicalize(folder)?;
    let found = fs::metadata(&folder)?.dev();
    let mount = mount_of(&fs::read_to_string("/proc/self/mountinfo")?, &folder)
        .ok_or_else(|| io::Error::other("/proc/self/mountinfo does not name its file system"))?;
    let no_disk = || Plain::NoDisk { device: mount.source.clone(), kind: mount.kind.clone() };
    let sys = Path::new("/sys/dev/block");
    // Btrfs and its like have a number of their own that is no disk: there the source is the disk.
    let numbered = [Some(found), fs::metadata(&mount.source).ok().map(|node| node.rdev())].into_iter().flatten();
    let device = numbered
        .map(|number| sys.join(format!("{}:{}", major(number), minor(number))))
        .find(|device| device.exists())
        .ok_or_else(no_disk)?;
    let bare = |bare| Plain::Bare { device: mount.source.clone(), kind: mount.kind.clone(), bare };
    match mount.kind.as_str() {
        // Its other disks are named here only.
        "btrfs" => btrfs_disks(Path::new("/sys/fs/btrfs"), &device)?.iter().try_for_each(|disk| encrypted(disk)),
        _ => encrypted(&device),
    }
    .map_err(bare)
}

/// Whether all that the block device in the folder `device` of sysfs stands on is encrypted.
///
/// # Errors
/// The name of the first device that stands on nothing encrypted.
pub fn encrypted(device: &Path) -> Result<(), String> {
    layer(device, 0)
}

fn layer(device: &Path, depth: u32) -> Result<(), String> {
    // Behind the number stands a link to the device's own folder, whose last part is its name.
    let device = fs::canonicalize(device).unwrap_or_else(|_| device.to_owned());
    let name = device.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let uuid = fs::read_to_string(device.join("dm/uuid")).unwrap_or_default();
    if CIPHERS.iter().any(|cipher| uuid.starts_with(cipher)) {
        return Ok(());
    }
    if LAYERS_MAX <= depth {
        return Err(name);
    }
    let mut below: Vec<PathBuf> =
        fs::read_dir(device.join("slaves")).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    // A partition is a folder inside the folder of its disk, which may be a RAID.
    if below.is_empty() && device.join("partition").exists() {
        below.extend(device.parent().map(Path::to_owned));
    }
    below.sort();
    match below.as_slice() {
        [] => Err(name),
        below => below.iter().try_for_each(|below| layer(below, depth + 1)),
    }
}

/// The disks of the btrfs that `device` belongs to, from `/sys/fs/btrfs/UUID/devices`.
fn btrfs_disks(sys: &Path, device: &Path) -> io::Result<Vec<PathBuf>> {
    let device = fs::canonicalize(device)?;
    for volume in fs::read_dir(sys)?.flatten() {
        let listed = fs::read_dir(volume.path().join("devices")).into_iter().flatten().flatten();
        let disks: Vec<PathBuf> = listed.filter_map(|disk| fs::canonicalize(disk.path()).ok()).collect();
        if disks.contains(&device) {
            return Ok(disks);
        }
    }
    Err(io::Error::other("/sys/fs/btrfs does not name its disks"))
}

/// The mount that `folder` lies on: of all whose mount point is above it the longest, and of those the last, which hides
/// the ones before. Layout: `36 35 98:0 /root /mount/point options [fields] - kind source options` (proc(5)).
pub fn mount_of(mountinfo: &str, folder: &Path) -> Option<Mount> {
    let mut found: Option<(usize, Mount)> = None;
    for line in mountinfo.lines() {
        let Some((left, right)) = line.split_once(" - ") else { continue };
        let Some(point) = left.split(' ').nth(4).map(unescaped) else { continue };
        let mut right = right.split(' ');
        let (Some(kind), Some(source)) = (right.next(), right.next()) else { continue };
        let depth = Path::new(&point).components().count();
        if folder.starts_with(&point) && found.as_ref().is_none_or(|(longest, _)| *longest <= depth) {
            found = Some((depth, Mount { kind: kind.to_owned(), source: unescaped(source) }));
        }
    }
    found.map(|(_, mount)| mount)
}

/// Blanks, tabs, line ends and backslashes stand as three octal digits behind a backslash.
fn unescaped(text: &str) -> String {
    [(r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", r"\")]
        .into_iter()
        .fold(text.to_owned(), |text, (code, plain)| text.replace(code, plain))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// Builds a tree as sysfs has it from words such as `dm-1=LVM-7 on dm-0 sdb, sdb`: the first is the one under the
    /// file system; `sda/sda2` is a partition, inside of its disk.
    fn tree(words: &str) -> tempfile::TempDir {
        let sys = tempfile::tempdir().unwrap();
        let home = sys.path().join("devices");
        for (number, device) in words.split(", ").enumerate() {
            let (device, slaves) = device.split_once(" on ").unwrap_or((device, ""));
            let (name, uuid) = device.split_once('=').unwrap_or((device, ""));
            let folder = home.join(name);
            fs::create_dir_all(folder.join("slaves")).unwrap();
            if !uuid.is_empty() {
                fs::create_dir_all(folder.join("dm")).unwrap();
                fs::write(folder.join("dm/uuid"), format!("{uuid}\n")).unwrap();
            }
            if name.contains('/') {
                fs::write(folder.join("partition"), "1\n").unwrap();
            }
            for slave in slaves.split_terminator(' ') {
                symlink(home.join(slave), folder.join("slaves").join(slave.rsplit('/').next().unwrap())).unwrap();
            }
            if number == 0 {
                symlink(&folder, sys.path().join("259:3")).unwrap();
            }
        }
        sys
    }

    #[test]
    fn every_disk_under_the_folder_must_be_encrypted() {
        for (name, devices, wanted) in [
            ("a plain disk", "sda", Err("sda")),
            ("a partition of a plain disk", "sda/sda2, sda", Err("sda")),
            ("LUKS on a partition", "dm-0=CRYPT-LUKS2-9f1c-vault on sda/sda2, sda/sda2", Ok(())),
            ("the older LUKS", "dm-0=CRYPT-LUKS1-9f1c-vault on sda, sda", Ok(())),
            ("LVM on LUKS", "dm-1=LVM-7 on dm-0, dm-0=CRYPT-LUKS2-9f-v on sda, sda", Ok(())),
            ("LVM on a plain disk", "dm-1=LVM-7 on sda, sda", Err("sda")),
            (
                "LVM over an encrypted and a plain disk",
                "dm-1=LVM-7 on dm-0 sdb, dm-0=CRYPT-LUKS2-9f-v on sda, sda, sdb",
                Err("sdb"),
            ),
            (
                "a partition of a RAID of LUKS",
                "md0/md0p1, md0 on dm-0 dm-1, dm-0=CRYPT-LUKS2-1-a, dm-1=CRYPT-LUKS2-2-b",
                Ok(()),
            ),
            ("verity only checks", "dm-0=CRYPT-VERITY-11-root on sda, sda", Err("sda")),
            ("integrity only checks", "dm-0=CRYPT-INTEGRITY-x on sda, sda", Err("sda")),
            ("a uuid that only looks alike", "dm-0=NOT-CRYPT-LUKS2-1 on sda, sda", Err("sda")),
            ("a tree that leads in a circle", "dm-0=LVM-7 on dm-1, dm-1=LVM-8 on dm-0", Err("dm-0")),
        ] {
            let sys = tree(devices);
            let found = encrypted(&sys.path().join("259:3"));
            assert_eq!(found, wanted.map_err(str::to_owned), "{name}");
        }
    }

    #[test]
    fn a_folder_lies_on_the_deepest_and_latest_mount() {
        let mounts = "22 1 253:0 / / rw,relatime shared:1 - ext4 /dev/mapper/root rw\n\
            30 22 0:31 / /tmp rw - tmpfs tmpfs rw,size=1g\n\
            31 22 253:2 / /var/lib/gate\\040book rw - xfs /dev/mapper/vault rw\n\
            32 31 253:3 / /var/lib/gate\\040book rw - ext4 /dev/mapper/later rw\n\
            not a line\n";
        for (folder, kind, source) in [
            ("/home", "ext4", "/dev/mapper/root"),
            ("/tmp/x", "tmpfs", "tmpfs"),
            ("/tmpfoo", "ext4", "/dev/mapper/root"),
            ("/var/lib/gate book/data", "ext4", "/dev/mapper/later"),
        ] {
            let wanted = Mount { kind: kind.into(), source: source.into() };
            assert_eq!(mount_of(mounts, Path::new(folder)), Some(wanted), "{folder}");
        }
        assert_eq!(mount_of("", Path::new("/")), None);
    }

    #[test]
    fn every_disk_of_a_btrfs_is_named() {
        let sys = tree("dm-0, sdb");
        let devices = sys.path().join("btrfs/0f-1e/devices");
        fs::create_dir_all(&devices).unwrap();
        fs::create_dir_all(sys.path().join("btrfs/features")).unwrap();
        for disk in ["dm-0", "sdb"] {
            symlink(sys.path().join("devices").join(disk), devices.join(disk)).unwrap();
        }
        let found = btrfs_disks(&sys.path().join("btrfs"), &sys.path().join("259:3")).unwrap();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(btrfs_disks(&sys.path().join("btrfs/0f-1e"), &sys.path().join("259:3")).is_err());
    }

    #[test]
    fn what_is_on_no_disk_is_refused_in_words() {
        let memory = Path::new("/dev/shm");
        if !memory.is_dir() {
            return eprintln!("this machine has no /dev/shm: not tried");
        }
        let why = require_encrypted(memory).unwrap_err().to_string();
        assert_eq!(why, "it lies on tmpfs (tmpfs), which is on no disk of this machine");
    }
}
