//! Labels printed from the terminal, at simulated printers on real ports: out of paper, unplugged, killed in between, tags
//! that read back otherwise. Whatever happens, a label that came out is one line of the book, and nothing is printed twice
//! without a person.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use gatebook::demo::wire::Wire;
use gatebook::event::{Body, LabelPrinted, LabelWhy, System};
use gatebook::identity::Identifier;
use gatebook::labels::{self, Dpi, Fonts, Language, Template, Values, tspl, zpl};
use hardware::event::Contact;
use hardware::printer::Language as Tongue;
use hardware::simulator::printer::Printer;
use hardware::simulator::script::{Presentation, Script, SentWhat};
use serde_json::{Value, json};

use crate::rig::{Engine, Server, Terminal, engines, free_port, get, request, wait_for};

const NUMBER: &str = "18K-0042-7";

/// Switches of the simulated printer.
const PAPER: u16 = 1;
const TAGS: u16 = 4;

struct Bench {
    server: Server,
    terminal: Terminal,
    printer: Wire,
    _folder: tempfile::TempDir,
}

fn printer(tongue: Tongue, seed: u64) -> Box<Printer> {
    Box::new(Printer::new(tongue, Script::new(), seed))
}

fn on_network(tongue: Tongue) -> Wire {
    Wire::tcp(printer(tongue, 1), SocketAddr::from(([127, 0, 0, 1], free_port()))).unwrap()
}

impl Bench {
    fn open(tongue: Tongue, wire: impl FnOnce(&Path) -> Wire, more: &str) -> Bench {
        Bench::open_on(Engine::Sqlite, tongue, wire, more)
    }

    fn open_on(engine: Engine, tongue: Tongue, wire: impl FnOnce(&Path) -> Wire, more: &str) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path(), engine);
        for record in records() {
            server.put_record(&record);
        }
        let printer = wire(folder.path());
        let driver = if tongue == Tongue::Zpl { "zpl" } else { "tspl" };
        let parts = format!(
            "[labels]\nlanguage = \"en\"\n{more}\n[[device]]\nname = \"printer\"\ndriver = \"{driver}\"\nport = {:?}\n\
             [device.{driver}]\nstatus_ms = 200\n\
             [[station]]\nname = \"bench\"\nkind = \"bench\"\ndevices = [\"printer\"]\nplace = \"B-1\"\n",
            printer.port
        );
        let terminal = Terminal::start(&server, server.address, "b1", &parts);
        let bench = Bench { server, terminal, printer, _folder: folder };
        bench.printer_is("ready");
        wait_for("the records are here", || {
            let page = String::from_utf8(get(bench.terminal.screen, &format!("/labels?of={NUMBER}"), "")?).ok()?;
            page.contains("Ruby ring").then_some(())
        });
        bench
    }

    fn queue(&self) -> Value {
        let body = wait_for("the queue", || get(self.terminal.screen, "/labels.json", ""));
        serde_json::from_slice(&body).unwrap()
    }

    fn printer_is(&self, state: &str) {
        wait_for(&format!("the printer is {state}"), || (self.queue()["printers"][0]["state"] == state).then_some(()));
    }

    fn job(&self, number: u64) -> Value {
        let queue = self.queue();
        let found = queue["jobs"].as_array().unwrap().iter().find(|job| job["number"] == number).cloned();
        found.unwrap_or_else(|| panic!("no job {number} in {queue}"))
    }

    fn job_is(&self, number: u64, state: &str) -> Value {
        wait_for(&format!("job {number} is {state}"), || {
            let job = self.job(number);
            (job["state"] == state).then_some(job)
        })
    }

    /// Asks for a label; the number of the job, which is durable by then.
    fn order(&self, fields: &[(&str, &str)], copies: u32, token: &str) -> u64 {
        let mut form = format!("template=sample&language=en&copies={copies}&token={token}");
        for (field, text) in fields {
            form += &format!("&f.{field}={}", text.replace(' ', "+"));
        }
        let (status, body) = self.post("/labels/print", &form);
        assert_eq!(status, 201, "{}", String::from_utf8_lossy(&body));
        serde_json::from_slice::<Value>(&body).unwrap()["job"].as_u64().unwrap()
    }

    fn will(&self, number: u64, will: &str) -> u16 {
        self.post("/labels/job", &format!("job={number}&will={will}")).0
    }

    fn post(&self, path: &str, form: &str) -> (u16, Vec<u8>) {
        let header = "content-type: application/x-www-form-urlencoded\r\n";
        request(self.terminal.screen, "POST", path, header, form.as_bytes()).expect("an answer")
    }

    fn switch(&self, line: u16, closed: bool) {
        self.printer.show(Presentation::Contact(Contact { line, closed }));
    }

    /// The labels that the printer printed, with what it wrote into their tags.
    fn printed(&self) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        let label = |what: &SentWhat| match what {
            SentWhat::Label { bytes, epc } => Some((bytes.clone(), epc.clone())),
            _ => None,
        };
        self.printer.log().iter().filter_map(|sent| label(&sent.what)).collect()
    }

    /// The lines of labels at the server, once everything is there.
    fn lines(&self) -> Vec<LabelPrinted> {
        self.terminal.wait_until_sent();
        let label = |line: Value| {
            let body: System =
                serde_json::from_value(line["body"].clone()).ok().filter(|_| line["kind"] == "system")?;
            match body {
                System::LabelPrinted(label) => Some(label),
                _ => None,
            }
        };
        self.server.lines().into_iter().filter_map(label).collect()
    }
}

fn records() -> Vec<Value> {
    vec![
        json!({ "kind": "item", "code": "RG", "name": { "zh": "戒指", "en": "Ring" }, "gtin": "9521234543213", "tracking": "serial" }),
        json!({ "kind": "unit", "number": NUMBER, "item": "RG", "tracking": "serial",
                "name": { "zh": "红宝石戒指", "en": "Ruby ring" }, "home": "V1", "quantity": { "amount": 3_420_000, "unit": "mass" } }),
        json!({ "kind": "unit", "number": "18K-0043-5", "item": "RG", "tracking": "serial", "name": { "zh": "素圈", "en": "Plain ring" } }),
    ]
}

const RUBY: [(&str, &str); 3] = [("number", NUMBER), ("name", "Ruby ring"), ("weight_g", "3.42")];

/// The bytes of the label that these fields make.
fn label_of(fields: &[(&str, &str)], tongue: Tongue, epc: Option<&[u8]>) -> Vec<u8> {
    let template = Template::named("sample").unwrap().unwrap();
    let values: Values = fields.iter().copied().collect();
    let layout = labels::lay(&template, &values, Dpi::D203, Language::English, Fonts::house()).unwrap();
    match tongue {
        Tongue::Zpl => zpl::render(&layout, 1, epc).unwrap(),
        Tongue::TsplByte | Tongue::TsplLine => tspl::render(&layout, 1).unwrap(),
    }
}

/// Line ends between labels belong to none.
fn trimmed(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

fn out_of_paper(tongue: Tongue, wire: impl FnOnce(&Path) -> Wire) {
    let bench = Bench::open(tongue, wire, "");
    bench.switch(PAPER, false);
    bench.printer_is("paper_out");
    let job = bench.order(&RUBY, 1, "a");
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(bench.job(job)["state"], "waiting", "nothing is sent to a printer without paper");
    for (language, says) in [("en", "Paper out"), ("zh-CN", "缺纸")] {
        let page = get(bench.terminal.screen, "/labels", &format!("cookie: gatebook_lang={language}\r\n")).unwrap();
        let page = String::from_utf8(page).unwrap();
        assert!(page.contains(says) && page.contains(NUMBER), "{page}");
    }
    assert!(bench.printed().is_empty());
    bench.switch(PAPER, true);
    bench.job_is(job, "printed");
    // Nothing more comes out.
    std::thread::sleep(Duration::from_millis(500));
    let printed = bench.printed();
    assert_eq!(printed.len(), 1);
    assert_eq!(trimmed(&printed[0].0), trimmed(&label_of(&RUBY, tongue, None)), "what came out is our label");
    let lines = bench.lines();
    assert_eq!(lines.len(), 1);
    let LabelPrinted { code, template, copy, why, handling, .. } = &lines[0];
    let code = Identifier::parse(code).unwrap().to_string();
    assert_eq!((code.as_str(), template.as_str(), *copy, *why), ("own/18K-0042-7", "sample", 1, LabelWhy::First));
    assert_eq!((handling.device.as_str(), handling.station.as_str()), ("printer", "bench"));
}

#[test]
fn a_printer_without_paper_says_so_and_prints_once_when_it_has_some() {
    out_of_paper(Tongue::Zpl, |_| on_network(Tongue::Zpl));
}

#[test]
fn the_same_over_a_serial_line_in_the_other_language() {
    out_of_paper(Tongue::TsplByte, |folder| {
        Wire::serial(printer(Tongue::TsplByte, 2), &folder.join("printer")).unwrap()
    });
}

#[test]
fn a_killed_terminal_prints_what_was_queued_once() {
    let mut bench = Bench::open(Tongue::Zpl, |_| on_network(Tongue::Zpl), "");
    bench.switch(PAPER, false);
    bench.printer_is("paper_out");
    let job = bench.order(&RUBY, 2, "a");
    assert_eq!(bench.order(&RUBY, 2, "a"), job, "a form sent twice is one job");
    bench.terminal.kill();
    bench.terminal.run();
    bench.printer_is("paper_out");
    assert_eq!(bench.job(job)["state"], "waiting");
    bench.switch(PAPER, true);
    bench.job_is(job, "printed");
    let told: Vec<_> = bench.lines().into_iter().map(|label| (label.copy, label.why)).collect();
    assert_eq!(told, [(1, LabelWhy::First), (2, LabelWhy::Copy)]);
    assert_eq!(bench.printed().len(), 2);
}

/// Kills the terminal between the label and the printer's word that it is out; how many labels were printed before, and the
/// job. On a slow machine the word is sometimes faster.
fn killed_in_between(bench: &mut Bench) -> (usize, u64) {
    for attempt in 0..20 {
        let before = bench.printed().len();
        let job = bench.order(&RUBY, 1, &format!("attempt-{attempt}"));
        wait_for("the label came out", || (bench.printed().len() == before + 1).then_some(()));
        bench.terminal.kill();
        bench.terminal.run();
        if bench.job(job)["state"] == "unsure" {
            return (before, job);
        }
        bench.printer_is("ready");
    }
    panic!("the terminal never died in between");
}

#[test]
fn a_label_at_the_printer_when_the_terminal_dies_is_asked_about() {
    for (will, again) in [("came_out", 0), ("again", 1)] {
        let mut bench = Bench::open(Tongue::Zpl, |_| on_network(Tongue::Zpl), "");
        let (before, job) = killed_in_between(&mut bench);
        assert_eq!(bench.job(job)["why"]["cause"], "restarted");
        bench.printer_is("ready");
        std::thread::sleep(Duration::from_millis(500));
        assert_eq!(bench.printed().len(), before + 1, "nothing is printed again by itself");
        assert_eq!(bench.lines().len(), before, "nobody knows yet whether it came out");
        let page = get(bench.terminal.screen, "/labels", "cookie: gatebook_lang=en\r\n").unwrap();
        assert!(String::from_utf8(page).unwrap().contains("Did it come out?"));
        assert_eq!(bench.will(job, will), 204);
        bench.job_is(job, "printed");
        assert_eq!(bench.will(job, will), 409, "answered once");
        assert_eq!((bench.printed().len(), bench.lines().len()), (before + 1 + again, before + 1), "{will}");
    }
}

#[test]
fn an_unplugged_printer_keeps_its_labels_waiting() {
    let bench = Bench::open(Tongue::Zpl, |_| on_network(Tongue::Zpl), "");
    bench.printer.plug(false);
    bench.printer_is("gone");
    let job = bench.order(&RUBY, 1, "a");
    assert_eq!(bench.job(job)["state"], "waiting");
    bench.printer.plug(true);
    bench.job_is(job, "printed");
    assert_eq!((bench.printed().len(), bench.lines().len()), (1, 1));
}

#[test]
fn a_reprint_is_counted_and_the_list_of_the_unlabelled_gets_shorter() {
    engines().into_iter().for_each(reprinted);
}

fn reprinted(engine: Engine) {
    let bench = Bench::open_on(engine, Tongue::Zpl, |_| on_network(Tongue::Zpl), "");
    let unlabelled = || {
        let page = bench.server.api("/api/v1/units?unlabelled=1").unwrap();
        page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|unit| unit["number"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(unlabelled(), [NUMBER, "18K-0043-5"]);
    let first = bench.order(&RUBY, 1, "a");
    bench.job_is(first, "printed");
    assert_eq!(bench.will(first, "reprint"), 204);
    bench.job_is(first + 1, "printed");
    let told: Vec<_> = bench.lines().into_iter().map(|label| (label.job, label.copy, label.why)).collect();
    assert_eq!(told, [(first, 1, LabelWhy::First), (first + 1, 2, LabelWhy::Reprint)]);
    assert_eq!(unlabelled(), ["18K-0043-5"]);
    let unit = bench.server.api(&format!("/api/v1/units/{NUMBER}")).unwrap();
    let told: Vec<_> = unit["history"]["items"].as_array().unwrap().iter().map(|row| row["label"].clone()).collect();
    let label = |nth: u64, why: &str| json!({ "template": "sample", "nth": nth, "why": why });
    assert_eq!(told, [label(2, "reprint"), label(1, "first")], "{unit}");
    // The old label still says the same, so it still leads to the piece.
    assert_eq!(bench.server.api("/api/v1/units/own%2F18K-0042-7").unwrap()["unit"]["number"], NUMBER);
    let picture = bench.server.api_bytes(&format!("/api/v1/units/{NUMBER}/label.png?language=en")).unwrap();
    assert!(picture.starts_with(b"\x89PNG"));
    let picture = bench.server.api_bytes(&format!("/api/v1/units/{NUMBER}/label.svg?template=sample")).unwrap();
    assert!(String::from_utf8(picture).unwrap().contains("红宝石戒指"));
    let (standing, rebuilt) = bench.server.digests();
    assert_eq!(standing, rebuilt);
}

#[test]
fn what_a_tag_reads_back_decides() {
    let more = "company_prefixes = [\"9521234\"]\nencode_rfid = true";
    let bench = Bench::open(Tongue::Zpl, |_| on_network(Tongue::Zpl), more);
    let fields = [("number", NUMBER), ("name", "Ruby ring"), ("gtin", "09521234543213"), ("serial", "7")];
    let epc = gatebook::epc::sgtin_96(1, "09521234543213", 7, 7).unwrap().to_vec();
    // Tags that do not work are printed over with VOID.
    bench.switch(TAGS, false);
    let job = bench.order(&fields, 1, "a");
    let failed = bench.job_is(job, "failed");
    assert!(bench.lines().is_empty(), "a label with a dead tag is none: {failed}");
    bench.switch(TAGS, true);
    assert_eq!(bench.will(job, "again"), 204);
    bench.job_is(job, "printed");
    let (bytes, wrote) = bench.printed().pop().unwrap();
    assert_eq!(wrote.as_ref(), Some(&epc));
    assert_eq!(trimmed(&bytes), trimmed(&label_of(&fields, Tongue::Zpl, Some(&epc))));
    let lines = bench.lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].epc.as_ref().map(|epc| &epc.0), Some(&epc));
    assert_eq!(lines[0].code, "01/09521234543213/21/7");
    let (status, said) = bench
        .post("/labels/print", "template=sample&copies=2&f.number=1&f.name=x&f.gtin=09521234543213&f.serial=8&token=b");
    assert_eq!(status, 422, "{}", String::from_utf8_lossy(&said));
    assert!(matches!(Body::System(System::LabelPrinted(lines[0].clone())).to_json(), Value::Object(_)));
}
