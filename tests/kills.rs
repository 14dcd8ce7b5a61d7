//! Nothing that was confirmed is lost and nothing is counted twice, however often the machines die.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gatebook::demo::network::Network;
use gatebook::demo::wire::Wire;
use hardware::simulator::scanner::{Scanner, Settings};
use hardware::simulator::script::{Presentation, Script};

use crate::checker;
use crate::rig::{Dice, Engine, Server, Terminal, engines};

/// A scanner on a pty, and the configuration that makes each of its codes a line.
fn scanner(folder: &Path, name: &str, seed: u64) -> (Wire, String) {
    let port = folder.join(format!("{name}-scanner"));
    let device = Box::new(Scanner::new(Settings::default(), Script::new(), seed));
    let wire = Wire::serial(device, &port).unwrap();
    let parts = format!(
        "[[device]]\nname = \"scanner\"\ndriver = \"scanner\"\nport = {:?}\n\
         [[station]]\nname = \"bench\"\nkind = \"bench\"\ndevices = [\"scanner\"]\nplace = \"BENCH\"\ndefault_act = \"receive\"\n",
        wire.port
    );
    (wire, parts)
}

/// Scans new codes every few milliseconds until told to stop.
fn load(wire: &Wire, name: &str, seed: u64, stop: &AtomicBool) {
    let mut dice = Dice(seed);
    for number in 0_u64.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        wire.show(Presentation::Symbol { aim: None, bytes: format!("{name}-{number}").into_bytes() });
        std::thread::sleep(Duration::from_millis(3 + dice.below(20)));
    }
}

fn settle(server: &Server, terminals: &[Terminal]) {
    for terminal in terminals {
        terminal.wait_until_sent();
    }
    let central = server.stored();
    let mut confirmed = 0;
    for terminal in terminals {
        let acknowledged = terminal.acknowledged();
        confirmed += acknowledged.len();
        checker::check(&acknowledged, &terminal.book(), &central);
    }
    assert!(50 < confirmed, "only {confirmed} lines were confirmed: that was no load");
    let (standing, rebuilt) = server.digests();
    assert_eq!(standing, rebuilt, "the projections differ from a rebuild");
    eprintln!("{confirmed} lines confirmed, {} lines at the server, digest {standing}", central.len());
}

fn terminals_die(engine: Engine, count: u64, rounds: u64) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), engine);
    let stop = AtomicBool::new(false);
    let mut rigs: Vec<(Wire, Terminal)> = (0..count)
        .map(|number| {
            let name = format!("t{number}");
            let (wire, parts) = scanner(folder.path(), &name, number);
            (wire, Terminal::start(&server, server.address, &name, &parts))
        })
        .collect();
    std::thread::scope(|scope| {
        let mut loads = Vec::new();
        let mut deaths = Vec::new();
        for (number, (wire, terminal)) in (0_u64..).zip(&mut rigs) {
            let stop = &stop;
            loads.push(scope.spawn(move || load(wire, &format!("T{number}"), number, stop)));
            deaths.push(scope.spawn(move || {
                let mut dice = Dice(1000 + number);
                for _ in 0..rounds {
                    std::thread::sleep(Duration::from_millis(dice.below(300)));
                    terminal.kill();
                    terminal.run();
                }
            }));
        }
        deaths.into_iter().for_each(|death| death.join().unwrap());
        stop.store(true, Ordering::Relaxed);
    });
    let (_wires, terminals): (Vec<Wire>, Vec<Terminal>) = rigs.into_iter().unzip();
    settle(&server, &terminals);
}

#[test]
fn a_hundred_deaths_of_terminals_under_load() {
    terminals_die(Engine::Sqlite, 4, 25);
}

fn server_dies(engine: Engine, rounds: u64, cut: bool) {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), engine);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let network = runtime.block_on(Network::to(server.address)).unwrap();
    let (wires, terminals): (Vec<Wire>, Vec<Terminal>) = (0..3)
        .map(|number| {
            let name = format!("t{number}");
            let (wire, parts) = scanner(folder.path(), &name, number);
            (wire, Terminal::start(&server, network.address, &name, &parts))
        })
        .unzip();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for (number, wire) in (0_u64..).zip(&wires) {
            let stop = &stop;
            scope.spawn(move || load(wire, &format!("S{number}"), number, stop));
        }
        let mut dice = Dice(77);
        let mut network_dice = Dice(78);
        for _ in 0..rounds {
            std::thread::sleep(Duration::from_millis(dice.below(300)));
            if cut {
                network.cut(network_dice.below(3) == 0);
            }
            server.kill();
            server.run();
        }
        network.cut(false);
        stop.store(true, Ordering::Relaxed);
    });
    settle(&server, &terminals);
}

#[test]
fn a_hundred_deaths_of_the_server_under_load() {
    server_dies(Engine::Sqlite, 100, false);
}

#[test]
fn deaths_of_the_server_while_the_network_comes_and_goes() {
    for engine in engines() {
        server_dies(engine, 30, true);
    }
}

#[test]
fn a_terminal_that_dies_while_the_network_is_cut_delivers_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), Engine::Sqlite);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let network = runtime.block_on(Network::to(server.address)).unwrap();
    let (wire, parts) = scanner(folder.path(), "t0", 5);
    let mut terminal = Terminal::start(&server, network.address, "t0", &parts);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| load(&wire, "N", 5, &stop));
        let mut dice = Dice(9);
        for round in 0..20 {
            network.cut(round % 2 == 0);
            std::thread::sleep(Duration::from_millis(dice.below(400)));
            terminal.kill();
            terminal.run();
        }
        network.cut(false);
        stop.store(true, Ordering::Relaxed);
    });
    settle(&server, &[terminal]);
}
