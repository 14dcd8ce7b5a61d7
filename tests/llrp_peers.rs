//! LLRP by other hands: two clients of other firms meet our simulated reader, and our client meets a reader that is made
//! of another firm's messages.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gatebook::demo::wire::Wire;
use hardware::command::{Answer, Bank, Command as Ask, Signal};
use hardware::device::Session;
use hardware::event::{Contact, Event, Read};
use hardware::llrp::session::Llrp;
use hardware::llrp::settings::{Lamps, Mode, Search, Settings};
use hardware::simulator::llrp::{LlrpReader, Make};
use hardware::simulator::script::{Presentation, Script};
use serde_json::{Value, json};

use crate::rig::{PATIENCE, free_port};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/llrp_peers.py");

/// The interpreter of an environment with sllurp and pyllrp; tests/run makes it.
fn python() -> Option<String> {
    let python = std::env::var("GATEBOOK_TEST_PYTHON").ok();
    if python.is_none() {
        eprintln!("GATEBOOK_TEST_PYTHON is not set: the LLRP programs of other firms were not run");
    }
    python
}

/// What a program of another firm says at its end.
fn peer(python: &str, arguments: &[&str]) -> Value {
    let output = Command::new(python).arg(SCRIPT).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// How often each tag report occurs.
fn counted(tags: impl Iterator<Item = Value>) -> BTreeMap<String, usize> {
    tags.fold(BTreeMap::new(), |mut counts, tag| {
        *counts.entry(tag.to_string()).or_default() += 1;
        counts
    })
}

#[test]
fn sllurp_hears_every_tag_that_the_simulated_reader_names() {
    let Some(python) = python() else { return };
    let port = free_port().to_string();
    let listen = format!("127.0.0.1:{port}");
    let reader = Command::new(env!("CARGO_BIN_EXE_gatebook"))
        .args(["simulate", "llrp", "--seed", "5", "--reads", "200", "--over", "12", "--listen", &listen])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for_port(&listen);
    let said = peer(&python, &["sllurp", &port, "8"]);
    let log = reader.wait_with_output().unwrap().stdout;
    let named = log.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let named = named.filter(|sent| sent["sent"] == "tag");
    let named = counted(named.map(|sent| json!([sent["epc"], sent["antenna"], sent["rssi_dbm"]])));
    let heard = counted(said["tags"].as_array().unwrap().iter().cloned());
    assert!(1000 < heard.values().sum::<usize>(), "{heard:?}");
    assert_eq!(heard, named);
    assert_eq!(said["alive"], true, "keepalives went both ways");
}

fn wait_for_port(address: &str) {
    // A connection that is closed at once is a client that came and went; the simulator takes the next.
    let until = Instant::now() + PATIENCE;
    while TcpStream::connect(address).is_err() {
        assert!(Instant::now() < until, "{address} does not open");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(200));
}

#[test]
fn pyllrp_writes_an_epc_to_a_tag_of_the_simulated_reader() {
    let Some(python) = python() else { return };
    let port = free_port();
    let reader = LlrpReader::new(Make::default(), Script::new(), 3);
    let wire = Wire::tcp(Box::new(reader), ([127, 0, 0, 1], port).into()).unwrap();
    let epc = vec![0x30, 0x34, 0x25, 0x7B, 0xF7, 0x19, 0x4E, 0x40, 0, 0, 0x1A, 0x01];
    wire.show(Presentation::TagEnters { epc, antenna: 1, peak_dbm: -45 });
    let said = peer(&python, &["writer", &port.to_string(), "3034257BF7194E4000009999"]);
    assert_eq!(said, json!({"before": ["3034257BF7194E4000001A01"], "after": ["3034257BF7194E4000009999"]}));
}

/// Our client on a TCP connection.
struct Client {
    session: Llrp,
    stream: TcpStream,
    began: Instant,
    events: Vec<Event>,
}

impl Client {
    fn connect(settings: Settings, port: u16) -> Client {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let mut session = Llrp::new(settings);
        session.opened(Duration::ZERO);
        Client { session, stream, began: Instant::now(), events: Vec::new() }
    }

    /// Carries bytes until `done`.
    fn run(&mut self, what: &str, done: impl Fn(&Client) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !done(self) {
            assert!(Instant::now() < until, "{what} does not happen: {:?}", self.events);
            while let Some(bytes) = self.session.transmit() {
                self.stream.write_all(&bytes).unwrap();
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes) {
                Ok(count) => self.session.receive(&bytes[..count], self.began.elapsed()),
                Err(error) => assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}"),
            }
            self.session.tick(self.began.elapsed());
            self.events.extend(std::iter::from_fn(|| self.session.poll()));
        }
    }

    fn ask(&mut self, number: u32, command: &Ask) {
        self.session.command(number, command, self.began.elapsed()).unwrap();
    }

    fn tags(&self) -> impl Iterator<Item = Value> {
        self.events.iter().filter_map(|event| match event {
            Event::Read(Read::Tag(tag)) => Some(json!([gatebook::hex::encode(&tag.epc), tag.antenna, tag.rssi_dbm])),
            _ => None,
        })
    }

    fn answers(&self) -> Vec<(u32, Answer)> {
        self.events
            .iter()
            .filter_map(|event| match event {
                Event::Answer { number, answer } => Some((*number, answer.clone())),
                _ => None,
            })
            .collect()
    }
}

/// A reader that is written with pyllrp; it prints its port, and at its end what it saw.
fn foreign_reader(python: &str) -> (Child, BufReader<std::process::ChildStdout>, u16) {
    let mut reader = Command::new(python).args([SCRIPT, "reader", "500"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(reader.stdout.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    let port = serde_json::from_str::<Value>(&line).unwrap()["port"].as_u64().unwrap();
    (reader, said, port.try_into().unwrap())
}

#[test]
fn our_client_sets_reads_writes_and_switches_at_a_reader_of_another_firm() {
    let Some(python) = python() else { return };
    let (mut reader, said, port) = foreign_reader(&python);
    let settings = Settings {
        antennas: vec![1, 2],
        power_dbm: Some(27),
        antenna_power_dbm: vec![20, 27],
        less_sensitive_db: 15,
        mode: Mode::Fastest,
        search: Search::Dual,
        only: vec![vec![0x30, 0x34]],
        lamps: Lamps { good: Some(3), bad: None, lasts: Duration::from_millis(200) },
        keepalive: Duration::from_secs(1),
        ..Settings::default()
    };
    let mut client = Client::connect(settings, port);
    client.run("500 tags", |client| 500 <= client.tags().count());
    let epc = vec![0x30, 0x34, 0, 0, 0, 1];
    let to = vec![0x30, 0x34, 0xAB, 0xCD];
    client.ask(1, &Ask::ReadMemory { epc: epc.clone(), bank: Bank::Tid, from_word: 0, words: 6, password: 0 });
    client.ask(2, &Ask::WriteEpc { epc, to, password: 0 });
    client.ask(3, &Ask::Signal(Signal::Good));
    client.run("three answers", |client| client.answers().len() == 3);
    client.run("keepalives", |client| Duration::from_secs(4) < client.began.elapsed());
    client.session.close(client.began.elapsed());
    client.run("an orderly end", |client| client.session.closed());
    assert!(reader.wait().unwrap().success());
    let said: Value = serde_json::from_reader(said).unwrap();

    assert_eq!(said["problems"], json!([]), "the other firm's library finds every request right, byte for byte");
    let model = "Impinj 2001002, firmware pyllrp é; 2 antennas, 2 inputs, 3 outputs; radio rules not named, country 156, hops \
                 over 16 channels from 920.625 MHz to 924.375 MHz";
    let told: Vec<&Event> = client.events.iter().filter(|event| !matches!(event, Event::Read(_))).collect();
    assert_eq!(told.first(), Some(&&Event::Ready { model: model.to_owned() }));
    assert_eq!(told.len(), 4, "no fault and no noise: {told:?}");
    let tid = (0..6u8).flat_map(|word| [0xE2, 0x80 + word]).collect();
    let answers = [(1, Answer::Memory { bytes: tid }), (2, Answer::Done), (3, Answer::Done)];
    assert_eq!(client.answers(), answers);
    assert_eq!(said["written"], json!({"303400000001": [1, 1, [2 << 11, 0x3034, 0xABCD]]}));
    assert_eq!(counted(client.tags()), counted(said["tags"].as_array().unwrap().iter().cloned()));
    assert_eq!(said["switched"], json!([[3, true], [3, false]]));
    assert_eq!(said["powers"], json!([[1, 1, 5], [1, 1, 9]]), "hop table, channel, index of 18.25 and 24.00 dBm");
    assert_eq!(said["filters"], json!(["3034", "3034"]));
    assert!(2 <= said["acknowledged"].as_u64().unwrap());
    let contacts: Vec<&Event> =
        client.events.iter().filter(|event| matches!(event, Event::Read(Read::Contact(_)))).collect();
    let contact = |line, closed| Event::Read(Read::Contact(Contact { line, closed }));
    assert_eq!(contacts, [&contact(1, false), &contact(2, true), &contact(1, true)]);
    let requests: Vec<&str> = said["requests"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(
        requests.contains(&"IMPINJ_ENABLE_EXTENSIONS") && requests.last() == Some(&"CLOSE_CONNECTION"),
        "{requests:?}"
    );
}
