//! What an administrator sets: one TOML file per program, `GATEBOOK_…` variables over it, commented defaults beneath it.
//!
//! The commented files `config/terminal.toml` and `config/server.toml` are the defaults: they are read first and the
//! administrator's file is laid over them, so a default cannot differ from what is written there.

pub mod camera;
pub mod labels;
pub mod load;
pub mod server;
pub mod terminal;
mod tree;
mod variables;

use std::fmt;
use std::path::Path;

use crate::config::load::{Layers, Secret, read_file};
use crate::config::server::ServerConfig;
use crate::config::terminal::TerminalConfig;

/// Languages in which the screens are written.
pub const LANGUAGES: [&str; 2] = ["zh-CN", "en"];

/// One problem of a configuration: where it stands, what is so, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// The file, or the name of the environment variable.
    pub place: String,
    /// Line in the file, from 1.
    pub line: Option<usize>,
    pub what: String,
    pub help: Option<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        write!(f, ": {}", self.what)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

/// Which program a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Terminal,
    Server,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Terminal => "terminal",
            Kind::Server => "server",
        })
    }
}

/// The configuration of a terminal: the defaults, `path` over them, the variables `env` over both (see
/// [`load::environment`]).
///
/// # Errors
/// The first problem; [`check`] lists them all.
pub fn load_terminal(path: Option<&Path>, env: &[(String, String)]) -> Result<TerminalConfig, ConfigError> {
    load(Kind::Terminal, path, env, terminal::read)
}

/// The configuration of a server, in the same way.
///
/// # Errors
/// The first problem; [`check`] lists them all.
pub fn load_server(path: Option<&Path>, env: &[(String, String)]) -> Result<ServerConfig, ConfigError> {
    load(Kind::Server, path, env, server::read)
}

/// Reads a file as the program would, without the environment, and says which program it is for.
///
/// # Errors
/// Every problem found, in the order of the file.
pub fn check(path: &Path) -> Result<Kind, Vec<ConfigError>> {
    let (place, text) = read_file(path).map_err(|error| vec![error])?;
    let kind = load::kind_of(&place, &text).map_err(|error| vec![error])?;
    let mut problems = match kind {
        Kind::Terminal => read_layers(kind, Some((place, text)), &[], terminal::read).err(),
        Kind::Server => read_layers(kind, Some((place, text)), &[], server::read).err(),
    }
    .unwrap_or_default();
    problems.sort_by_key(|problem| problem.line);
    if problems.is_empty() { Ok(kind) } else { Err(problems) }
}

fn load<T>(
    kind: Kind,
    path: Option<&Path>,
    env: &[(String, String)],
    read: fn(&mut Layers) -> T,
) -> Result<T, ConfigError> {
    let file = path.map(read_file).transpose()?;
    if let Some((place, text)) = &file
        && let Ok(found) = load::kind_of(place, text)
        && found != kind
    {
        return Err(ConfigError {
            place: place.clone(),
            line: None,
            what: format!("this is the configuration of a {found}, not of a {kind}"),
            help: Some(format!("start the {found} with it, or name the file of the {kind}")),
        });
    }
    read_layers(kind, file, env, read).map_err(|mut problems| {
        let more = problems.len() - 1;
        let mut first = problems.swap_remove(0);
        if 0 < more {
            first.what = format!("{} (and {more} more: run `gatebook check-config`)", first.what);
        }
        first
    })
}

/// The error side is never empty.
fn read_layers<T>(
    kind: Kind,
    file: Option<(String, String)>,
    env: &[(String, String)],
    read: fn(&mut Layers) -> T,
) -> Result<T, Vec<ConfigError>> {
    let defaults = match kind {
        Kind::Terminal => terminal::DEFAULTS,
        Kind::Server => server::DEFAULTS,
    };
    let mut layers = Layers::open(defaults, file, env)?;
    let config = read(&mut layers);
    let problems = layers.close();
    if problems.is_empty() { Ok(config) } else { Err(problems) }
}

/// `None` when the secret was left empty.
pub(crate) fn given(secret: Secret) -> Option<Secret> {
    (!secret.0.is_empty()).then_some(secret)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use hardware::device::FAMILIES;

    use super::*;
    use crate::config::server::{Database, TlsMode};
    use crate::config::terminal::{DirectionBy, Driver, Line, Port, StationKind};
    use crate::event::Act;

    fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    fn shipped(name: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name)
    }

    /// A key that the program reads and the file lacks is "missing", a key of the file that nothing reads is "no key":
    /// both are problems of the load, so a clean load proves that file and program agree.
    #[test]
    fn the_commented_files_hold_every_key_and_no_other() {
        for (name, kind) in [
            ("terminal.toml", Kind::Terminal),
            ("handheld.toml", Kind::Terminal),
            ("receiving.toml", Kind::Terminal),
            ("server.toml", Kind::Server),
        ] {
            assert_eq!(check(&shipped(name)), Ok(kind), "{name}");
        }
        for (defaults, read) in
            [(terminal::DEFAULTS, terminal_problems as fn(&str) -> usize), (server::DEFAULTS, server_problems)]
        {
            let keys: BTreeSet<_> =
                defaults.lines().filter(|line| !line.starts_with('#') && line.contains(" = ")).collect();
            for key in keys {
                let without = defaults.replace(&format!("\n{key}\n"), "\n");
                // What is set of a device has its default in the list of families; see the next test.
                let of_a_device =
                    key.starts_with("baud") || family_keys().any(|name| key.starts_with(&format!("{name} =")));
                assert!(0 < read(&without) || of_a_device, "nothing misses `{key}`");
                let more = defaults.replace(&format!("\n{key}\n"), &format!("\n{key}\nz{key}\n"));
                assert!(0 < read(&more), "nothing minds a second `z{key}`");
            }
        }
    }

    fn family_keys() -> impl Iterator<Item = &'static str> {
        FAMILIES.iter().flat_map(|family| family.settings).map(|setting| setting.name)
    }

    /// The commented file shows devices as their families have them.
    #[test]
    fn the_examples_of_devices_show_every_setting_with_its_default() {
        let config = load_terminal(Some(&shipped("terminal.toml")), &[]).unwrap();
        for device in &config.devices {
            let Driver::Family { family, settings } = &device.driver else { continue };
            let section = terminal::DEFAULTS.split(&format!("[device.{}]", family.name)).nth(1).unwrap();
            let section = section.split("\n[[").next().unwrap();
            for setting in family.settings {
                assert!(section.contains(&format!("\n{} = ", setting.name)), "{}.{}", family.name, setting.name);
                assert_eq!(settings.value(setting.name), setting.form.default(), "{}.{}", family.name, setting.name);
            }
        }
    }

    fn problems<T>(defaults: &str, read: fn(&mut Layers) -> T) -> usize {
        let mut layers = match Layers::open(defaults, Some(("file".into(), defaults.into())), &[]) {
            Ok(layers) => layers,
            Err(problems) => return problems.len(),
        };
        read(&mut layers);
        layers.close().len()
    }

    fn terminal_problems(defaults: &str) -> usize {
        problems(defaults, terminal::read)
    }

    fn server_problems(defaults: &str) -> usize {
        problems(defaults, server::read)
    }

    #[test]
    fn without_a_file_a_terminal_has_the_defaults_and_no_devices() {
        let config = load_terminal(None, &[]).unwrap();
        assert_eq!((config.name.as_str(), config.server.heartbeat_s, config.book.keep_days), ("door-1", 5, 14));
        assert!(config.devices.is_empty() && config.stations.is_empty() && config.server.url.is_none());
        let server = load_server(None, &[]).unwrap();
        assert!(matches!(server.database, Database::Sqlite { path } if path.ends_with("gatebook.db")));
        assert_eq!(server.tls.mode, TlsMode::Own { names: vec![] });
    }

    #[test]
    fn an_entry_takes_what_it_leaves_out_from_the_example_of_its_driver() {
        let config = load_terminal(Some(&shipped("receiving.toml")), &[]).unwrap();
        let [scanner, pad] = config.devices.as_slice() else { panic!("{:?}", config.devices) };
        assert!(matches!(&scanner.port, Port::Line(Line::Serial { serial, .. }) if serial.baud == 9600));
        let Driver::Family { family, settings } = &scanner.driver else { panic!("{scanner:?}") };
        assert_eq!((family.name, settings.texts("terminators")), ("scanner", vec!["\r".to_owned(), "\n".to_owned()]));
        assert!(matches!(&pad.driver, Driver::Family { settings, .. } if settings.whole::<u8>("power_dbm") == 15));
        assert!(
            matches!(&config.stations.first().unwrap().kind, StationKind::Bench(desk) if desk.default_act == Some(Act::Receive))
        );
        assert_eq!(config.policy.certificate_for, [Act::Receive]);
        let door = load_terminal(Some(&shipped("terminal.toml")), &[]).unwrap();
        let StationKind::Door(door) = &door.stations.first().unwrap().kind else { panic!("no door") };
        assert_eq!(door.direction, DirectionBy::Antennas { inside: vec![1, 2], outside: vec![3, 4] });
    }

    #[test]
    fn the_environment_lies_over_the_file_and_is_typed_like_the_key() {
        let path = file("name = \"door-7\"\n[book]\nkeep_days = 20\n");
        let set = env(&[
            ("GATEBOOK_SERVER__URL", "http://127.0.0.1:7400/"),
            ("GATEBOOK_BOOK__KEEP_DAYS", "30"),
            ("GATEBOOK_BOOK__REQUIRE_ENCRYPTED_STORAGE", "true"),
            ("GATEBOOK_POLICY__CERTIFICATE_FOR", "receive, check_out"),
            ("GATEBOOK_SERVER__ENROLMENT_CODE", "K7Q2-9F"),
        ]);
        let config = load_terminal(Some(path.path()), &set).unwrap();
        assert_eq!((config.name.as_str(), config.book.keep_days), ("door-7", 30));
        assert_eq!(config.server.url.as_deref(), Some("http://127.0.0.1:7400"));
        assert!(config.book.require_encrypted_storage);
        assert_eq!(config.policy.certificate_for, [Act::Receive, Act::CheckOut]);
        assert!(!format!("{config:?}").contains("K7Q2"), "a secret is shown");
        for (name, value, wanted) in [
            ("GATEBOOK_SERVER__ULR", "x", "did you mean GATEBOOK_SERVER__URL?"),
            ("GATEBOOK_BOOK__KEEP_DAYS", "many", "\"many\" is no whole number"),
            ("GATEBOOK_BOOK__KEEP_DAYS", "0", "it goes from 1 to 3650"),
            ("GATEBOOK_DEVICE__PORT", "x", "devices and stations are set in the file only"),
            ("GATEBOOK_ZONE", "Mars", "no time zone"),
        ] {
            let error = load_terminal(None, &env(&[(name, value)])).unwrap_err().to_string();
            assert!(error.starts_with(name) && error.contains(wanted), "{error}");
        }
    }

    #[test]
    fn a_problem_names_its_line_and_the_way_out() {
        for (text, line, wanted) in [
            ("nam = \"x\"\n[book]\n", 1, "`nam` is no key at the top; did you mean `name`?"),
            ("[book]\n\nkep_days = 3\n", 3, "`kep_days` is no key in book; did you mean `keep_days`?"),
            ("[book]\nkeep_days = \"3\"\n", 2, "`keep_days` is a text; it wants a whole number"),
            ("[book]\nkeep_days = 0\n", 2, "`keep_days` is 0; it goes from 1 to 3650"),
            ("[book]\nkeep_days = 3.5\n", 2, "a number with a fraction"),
            ("[book\n", 1, "this is not TOML"),
            ("server = 3\n", 1, "write it as a section [server]"),
            ("[server]\nurl = \"https://a:1\"\n", 2, "there is no `pin`"),
            ("[server]\nurl = \"http://a:1\"\n", 2, "not encrypted"),
            ("[server]\npin = \"sha256:12\"\n", 2, "64 hex digits"),
            ("[screen]\nlisten = \"0.0.0.0:7420\"\n", 2, "there is no `key`"),
            ("[screen]\nkey = \"hunter2\"\n", 2, "GATEBOOK_SCREEN__KEY"),
            ("[policy]\ncertificate_for = [\"recieve\"]\n", 2, "did you mean \"receive\"?"),
            ("[[device]]\nname = \"a\"\ndriver = \"llpr\"\nport = \"x\"\n", 3, "did you mean \"llrp\"?"),
            ("[[device]]\nname = \"a\"\ndriver = \"llrp\"\n", 1, "`port` is missing in device 1"),
            ("[[device]]\nname = \"a\"\ndriver = \"llrp\"\nport = \"ttyS0\"\n", 4, "tcp:HOST:PORT"),
            ("[[device]]\nname = \"a\"\ndriver = \"llrp\"\nport = \"tcp:a:1\"\nbaud = 9600\n", 5, "`baud` is no key"),
            (
                "[[device]]\nname = \"a\"\ndriver = \"folder\"\nport = \"/a\"\n[[device]]\nname = \"b\"\ndriver = \"folder\"\nport = \"/a\"\n",
                8,
                "which \"a\" has already",
            ),
            (
                "[[station]]\nname = \"s\"\nkind = \"bench\"\nplace = \"P\"\ndevices = [\"x\"]\n",
                5,
                "names \"x\", which is no [[device]]",
            ),
            (
                "[[station]]\nname = \"s\"\nkind = \"bench\"\nplace = \"P\"\ndevices = []\ninside = \"V\"\n",
                6,
                "`inside` is no key",
            ),
            ("listen = \"127.0.0.1:1\"\n[tls]\nmode = \"on\"\n", 3, "\"off\""),
            ("listen = \"0.0.0.0:1\"\n[tls]\nmode = \"off\"\n", 1, "behind_proxy"),
            ("database = \"postgres://a:b@c/d\"\n", 1, "has a password"),
            ("languages = [\"zh-CN\", \"fr\"]\n", 1, "it does not know"),
        ] {
            let path = file(text);
            let problems = check(path.path()).expect_err(text);
            let found = problems.iter().find(|problem| problem.to_string().contains(wanted));
            assert!(found.is_some_and(|problem| problem.line == Some(line)), "{text}: {problems:#?}");
            assert!(!format!("{problems:?}").contains("a:b@c"), "a password is shown");
        }
        let many = file("[book]\nkeep_days = 0\nseal_evry = 1\n[screen]\nlisten = \"here\"\n");
        assert_eq!(check(many.path()).unwrap_err().len(), 3);
        let error = load_terminal(Some(many.path()), &[]).unwrap_err();
        assert!(error.to_string().contains("and 2 more"), "{error}");
    }

    #[test]
    fn a_secret_comes_from_a_file() {
        let key = file("s3cret\n");
        let path = file(&format!("[screen]\nlisten = \"0.0.0.0:7420\"\nkey = \"file:{}\"\n", key.path().display()));
        let config = load_terminal(Some(path.path()), &[]).unwrap();
        assert_eq!(config.screen.key, Some(Secret("s3cret".into())));
        let gone = file("[screen]\nkey = \"file:/nowhere/key\"\n");
        assert!(load_terminal(Some(gone.path()), &[]).unwrap_err().to_string().contains("/nowhere/key"));
    }

    #[test]
    fn the_file_of_the_other_program_is_refused() {
        let error = load_server(Some(&shipped("handheld.toml")), &[]).unwrap_err().to_string();
        assert!(error.contains("configuration of a terminal, not of a server"), "{error}");
        assert!(check(file("name = \"x\"\n").path()).is_err());
        assert!(check(Path::new("/nowhere.toml")).is_err());
    }
}
