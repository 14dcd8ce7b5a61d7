//! From bytes on a pty and on TCP to the rows that the REST interface returns, on every engine: one terminal with a door on
//! an LLRP reader, a door on a serial module and a handheld with a serial scanner.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use gatebook::demo::vault::{self, Sample};
use gatebook::demo::wire::Wire;
use gatebook::event::Act;
use gatebook::quantity::Moment;
use gatebook::sync::records::Record;
use gatebook::terminal::reference;
use hardware::simulator::script::{Presentation, Script};
use hardware::simulator::{llrp, r200, scanner};
use serde_json::{Value, json};

use crate::rig::{Server, Terminal, engines, wait_for};

/// The devices of one terminal.
struct Devices {
    portal: Wire,
    module: Wire,
    gun: Wire,
}

impl Devices {
    fn new(folder: &Path) -> Devices {
        let portal = Box::new(llrp::LlrpReader::new(llrp::Make::default(), Script::new(), 1));
        let module = Box::new(r200::Module::new(r200::Settings::default(), Script::new(), 2));
        let gun = scanner::Settings { split: true, pause: Duration::from_millis(20), ..scanner::Settings::default() };
        let gun = Box::new(scanner::Scanner::new(gun, Script::new(), 3));
        Devices {
            portal: Wire::tcp(portal, SocketAddr::from(([127, 0, 0, 1], 0))).unwrap(),
            module: Wire::serial(module, &folder.join("module")).unwrap(),
            gun: Wire::serial(gun, &folder.join("gun")).unwrap(),
        }
    }

    fn configuration(&self) -> String {
        format!(
            "[[device]]\nname = \"portal\"\ndriver = \"llrp\"\nport = {:?}\n[device.llrp]\nsession = 0\nkeepalive_s = 1\n\
             [[device]]\nname = \"module\"\ndriver = \"r200\"\nport = {:?}\n\
             [[device]]\nname = \"gun\"\ndriver = \"scanner\"\nport = {:?}\n\
             [[station]]\nname = \"vault-door\"\nkind = \"door\"\ndevices = [\"portal\"]\nplace = \"D-01\"\ninside = \"V2\"\n\
             outside = \"SHOW\"\ndirection = \"antennas\"\ninside_antennas = [1, 2]\noutside_antennas = [3, 4]\n\
             gone_after_ms = 1000\nweakest_rssi_dbm = -90\n\
             [[station]]\nname = \"side-door\"\nkind = \"door\"\ndevices = [\"module\"]\nplace = \"D-02\"\ninside = \"V2\"\n\
             outside = \"RECV\"\ndirection = \"book\"\ngone_after_ms = 1000\nweakest_rssi_dbm = -90\n\
             [[station]]\nname = \"handheld\"\nkind = \"handheld\"\ndevices = [\"gun\"]\nplace = \"V2\"\n",
            self.portal.port, self.module.port, self.gun.port
        )
    }
}

fn put(server: &Server, record: &Record) {
    let mut body = serde_json::to_value(&record.content).unwrap();
    body["since_us"] = json!(record.since);
    server.put_record(&body);
}

fn scan(gun: &Wire, text: &str) {
    gun.show(Presentation::Symbol { aim: None, bytes: text.as_bytes().to_vec() });
    std::thread::sleep(Duration::from_millis(60));
}

fn walk(reader: &Wire, samples: &[&Sample], rows: &[u16]) {
    for &antenna in rows {
        let stays = Duration::from_millis(600);
        for sample in samples {
            reader.show(Presentation::Tag { epc: sample.epc(), antenna, peak_dbm: -45, stays });
        }
        std::thread::sleep(stays);
    }
}

fn unit(server: &Server, sample: &Sample) -> Value {
    server.api(&format!("/api/v1/units/{}", sample.number)).unwrap_or(Value::Null)
}

/// Waits until the newest entry of the unit's history is `act`.
fn wait_for_act(server: &Server, sample: &Sample, act: &str) -> Value {
    wait_for(&format!("{act} of {}", sample.number), || {
        let unit = unit(server, sample);
        (unit["history"]["items"][0]["act"] == act).then_some(unit)
    })
}

fn words(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[test]
fn bytes_at_three_devices_become_rows_of_the_central_book() {
    for engine in engines() {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path(), engine);
        let samples = vault::samples();
        for record in vault::records(&samples, Moment::now()) {
            put(&server, &record);
        }
        let [a, b, c] = [&samples[0], &samples[1], &samples[2]];
        put(&server, &vault::pass("DB-0001", vault::SALES, &[a.clone(), b.clone()], Moment::now()));
        let devices = Devices::new(folder.path());
        let terminal = Terminal::start(&server, server.address, "t1", &devices.configuration());
        wait_for("all devices are up and the records are here", || {
            let status = terminal.status()?;
            let up = status["devices"].as_object()?.values().all(|device| device["up"] == true);
            (up && status["link"]["online"] == true && status["link"]["data_age_s"].is_number()).then_some(())
        });
        std::thread::sleep(Duration::from_millis(500));

        // Received and put away by hand: the label's number.
        let gun = &devices.gun;
        scan(gun, &vault::badge(vault::KEEPER));
        scan(gun, &reference::card(Act::Receive));
        for sample in [a, b, c] {
            scan(gun, &sample.number);
        }
        scan(gun, &reference::card(Act::PutAway));
        for sample in [a, b, c] {
            scan(gun, &sample.home);
            scan(gun, &sample.number);
        }
        for sample in [a, b, c] {
            let unit = wait_for_act(&server, sample, "put_away");
            assert_eq!(unit["place"], sample.home, "{engine:?}: {unit}");
            assert_eq!(unit["holder"], Value::Null);
        }

        // Checked out with a pass; without one the intent is refused and recorded.
        scan(gun, &reference::card(Act::CheckOut));
        scan(gun, &vault::badge(vault::SALES));
        for sample in [a, b, c] {
            scan(gun, &sample.number);
        }
        let lent = wait_for_act(&server, b, "check_out");
        assert_eq!((&lent["holder"], &lent["checked_out"]), (&json!(vault::SALES), &json!(true)));
        assert_eq!(lent["history"]["items"][0]["document"], "DB-0001");
        let refused = wait_for_act(&server, c, "attempt");
        assert_eq!(refused["place"], c.home, "a refused intent moves nothing");
        assert!(words(&refused["history"]["items"][0]["exceptions"]).contains(&"no_pass"));

        // Carried out through the door: the tag on the same ring gives the same unit.
        walk(&devices.portal, &[a, b], &[1, 3]);
        for sample in [a, b] {
            let unit = wait_for_act(&server, sample, "out");
            let newest = &unit["history"]["items"][0];
            assert_eq!(newest["code"], sample.tag());
            assert_eq!(words(&newest["exceptions"]), Vec::<&str>::new(), "{engine:?}: it had a pass");
            assert_eq!(unit["holder"], json!(vault::SALES), "it stays with whom it was handed to");
        }

        // Carried out without a pass: recorded, and an exception.
        walk(&devices.portal, &[c], &[2, 4]);
        let stolen = wait_for_act(&server, c, "out");
        assert!(words(&stolen["history"]["items"][0]["exceptions"]).contains(&"no_pass"), "{stolen}");
        assert_eq!(stolen["place"], "SHOW");
        let open = server.api("/api/v1/exceptions?limit=500").unwrap();
        let found = open["items"].as_array().unwrap().iter().any(|row| row["unit"] == c.number.as_str());
        assert!(found, "{open}");

        // The serial module is a door like the other; its direction comes from the book.
        walk(&devices.module, &[c], &[0]);
        let back = wait_for(&format!("{} at the side door", c.number), || {
            let unit = unit(&server, c);
            (unit["history"]["items"][0]["station"] == "side-door").then_some(unit)
        });
        assert_eq!(back["history"]["items"][0]["code"], c.tag());

        // One line per passage, whatever the number of reads.
        terminal.wait_until_sent();
        let lines = server.lines();
        let passages = lines.iter().filter(|line| line["kind"] == "passage").count();
        assert_eq!(passages, 3, "{engine:?}");
        let reads = devices.portal.log().len() + devices.module.log().len();
        assert!(30 < reads, "only {reads} reads: that was no passage");
        let (standing, rebuilt) = server.digests();
        assert_eq!(standing, rebuilt);
    }
}
