//! Every device can be killed and started again at will while the daemon runs; it recovers within 5 s each time.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use gatebook::demo::wire::Wire;
use gatebook::epc;
use hardware::r200::frame::Dialect;
use hardware::simulator::script::{Presentation, Script};
use hardware::simulator::{llrp, r200, scanner};

use crate::rig::{Engine, Server, Terminal, free_port, wait_for};

/// How long a daemon may need to read again.
const RECOVERY: Duration = Duration::from_secs(5);

/// Deaths of each device.
const ROUNDS: u64 = 4;

#[derive(Clone, Copy, Debug)]
enum Family {
    Scanner,
    R200(Dialect),
    Llrp,
}

fn start(family: Family, folder: &Path, address: SocketAddr, seed: u64) -> Wire {
    let path = folder.join("device");
    match family {
        Family::Scanner => {
            let device = scanner::Scanner::new(scanner::Settings::default(), Script::new(), seed);
            Wire::serial(Box::new(device), &path)
        }
        Family::R200(dialect) => {
            let settings = r200::Settings { dialect, ..r200::Settings::default() };
            Wire::serial(Box::new(r200::Module::new(settings, Script::new(), seed)), &path)
        }
        Family::Llrp => Wire::tcp(Box::new(llrp::LlrpReader::new(llrp::Make::default(), Script::new(), seed)), address),
    }
    .unwrap()
}

fn configuration(family: Family, port: &str) -> String {
    let (driver, kind) = match family {
        Family::Scanner => ("scanner", "kind = \"bench\"\ndefault_act = \"receive\"".to_owned()),
        Family::R200(_) => ("r200", door("book")),
        Family::Llrp => ("llrp", door("book")),
    };
    format!(
        "[[device]]\nname = \"device\"\ndriver = \"{driver}\"\nport = {port:?}\n\
         [[station]]\nname = \"station\"\ndevices = [\"device\"]\nplace = \"P-01\"\n{kind}\n"
    )
}

fn door(direction: &str) -> String {
    format!(
        "kind = \"door\"\ninside = \"V\"\noutside = \"S\"\ndirection = \"{direction}\"\ngone_after_ms = 500\nweakest_rssi_dbm = -90"
    )
}

/// Reads of the device since the terminal started.
fn reads(terminal: &Terminal) -> u64 {
    let status = terminal.status();
    status.and_then(|status| status["devices"]["device"]["reads"].as_u64()).unwrap_or_default()
}

/// Presents something new until it is read; how long that took.
fn read_again(wire: &Wire, terminal: &Terminal, family: Family, number: u64) -> Duration {
    let began = Instant::now();
    let before = reads(terminal);
    let tag = epc::sgtin_96(1, "09521234543213", 7, number).unwrap().to_vec();
    if !matches!(family, Family::Scanner) {
        wire.show(Presentation::TagEnters { epc: tag.clone(), antenna: 1, peak_dbm: -45 });
    }
    wait_for("the device is read again", || {
        if let Family::Scanner = family {
            // A person scans until it beeps.
            wire.show(Presentation::Symbol {
                aim: None,
                bytes: format!("R-{number}-{:?}", began.elapsed()).into_bytes(),
            });
        }
        std::thread::sleep(Duration::from_millis(50));
        (before < reads(terminal)).then_some(())
    });
    wire.show(Presentation::TagLeaves { epc: tag });
    began.elapsed()
}

fn dies_and_lives(family: Family) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), Engine::Sqlite);
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let mut wire = start(family, folder.path(), address, 1);
    let terminal = Terminal::start(&server, server.address, "t1", &configuration(family, &wire.port));
    read_again(&wire, &terminal, family, 0);
    for round in 1..=ROUNDS {
        drop(wire);
        wait_for("the loss is visible", || (terminal.status()?["devices"]["device"]["up"] == false).then_some(()));
        // Some deaths are short, some outlast a few tries.
        std::thread::sleep(Duration::from_millis(400 * round));
        wire = start(family, folder.path(), address, round);
        let took = read_again(&wire, &terminal, family, round);
        assert!(took < RECOVERY, "{family:?}: {took:?} after death {round}");
        eprintln!("{family:?}: read again {took:?} after the device was back");
    }
}

#[test]
fn a_scanner() {
    dies_and_lives(Family::Scanner);
}

#[test]
fn a_serial_uhf_module() {
    dies_and_lives(Family::R200(Dialect::R200));
}

#[test]
fn a_serial_uhf_module_of_the_other_dialect() {
    dies_and_lives(Family::R200(Dialect::M100));
}

#[test]
fn an_llrp_reader() {
    dies_and_lives(Family::Llrp);
}
