//! A whole terminal at work: real book, real ports (ptys), real pages.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use gatebook::config;
use gatebook::event::{Body, Movement};
use gatebook::hex::Hex;
use gatebook::ledger::book::StoredRecord;
use gatebook::quantity::Moment;
use gatebook::sync::records::{
    Binding, Content, Hold, Name, Pass, Person, Place, PlaceKind, Record, Task, Tracking, Unit,
};
use gatebook::terminal::enrolment::{self, Enrolment};
use gatebook::terminal::{self, Running, StartError};
use serde_json::Value;

/// The folder of a terminal with what differs from the defaults.
fn configure(folder: &Path, more: &str) -> config::terminal::TerminalConfig {
    let text = format!(
        "name = \"T\"\ndata = \"{}\"\nlanguage = \"en\"\n[screen]\nlisten = \"127.0.0.1:0\"\n[book]\nlimit_mb = 64\nreserve_mb = 4\n{more}",
        folder.join("data").display()
    );
    let path = folder.join("terminal.toml");
    fs::write(&path, text).unwrap();
    config::load_terminal(Some(&path), &[]).unwrap()
}

async fn start(folder: &Path, more: &str) -> Running {
    let data = folder.join("data");
    fs::create_dir_all(&data).unwrap();
    if enrolment::load(&data).unwrap().is_none() {
        enrolment::save(&data, &Enrolment { terminal: 3, server_key: Hex([7; 32]) }).unwrap();
    }
    terminal::start(configure(folder, more)).await.unwrap()
}

/// Waits for something that must happen; the bound only ends a broken test.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(60), "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn bodies(running: &Running) -> Vec<Body> {
    let mut bodies = Vec::new();
    let mut next = 1;
    loop {
        let lines = running.book.lines(next, 1000, 4 << 20).unwrap();
        let Some(last) = lines.last() else { return bodies };
        next = last.seq + 1;
        bodies.extend(lines.iter().map(|line| Body::decode(line.kind, line.schema, &line.body.0).unwrap()));
    }
}

fn movements(running: &Running) -> Vec<Movement> {
    let movement = |body| match body {
        Body::Movement(movement) => Some(movement),
        _ => None,
    };
    bodies(running).into_iter().filter_map(movement).collect()
}

/// The master of a new pty whose other end stands under `name`.
fn plug(name: &Path) -> File {
    use rustix::pty;
    let master: OwnedFd = pty::openpt(pty::OpenptFlags::RDWR | pty::OpenptFlags::NOCTTY).unwrap();
    pty::grantpt(&master).unwrap();
    pty::unlockpt(&master).unwrap();
    let slave = pty::ptsname(&master, Vec::new()).unwrap();
    drop(fs::remove_file(name));
    symlink(slave.to_str().unwrap(), name).unwrap();
    File::from(master)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scanner_that_is_unplugged_and_plugged_in_again_loses_no_code() {
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().join("usb-SIM_Scanner_0001-if00");
    let stations = format!(
        "[[device]]\nname = \"gun\"\ndriver = \"scanner\"\nport = \"{}\"\n\
         [[station]]\nname = \"bench\"\nkind = \"bench\"\ndevices = [\"gun\"]\nplace = \"IN\"\ndefault_act = \"receive\"\n",
        name.display()
    );
    let mut scanner = plug(&name);
    let running = start(folder.path(), &stations).await;
    let gun = || running.status().devices["gun"].clone();
    let scan = |scanner: &mut File, from: u32| {
        for number in from..from + 500 {
            write!(scanner, "CODE-{number:04}\r").unwrap();
        }
    };
    until("the scanner is up", || gun().up).await;
    scan(&mut scanner, 0);
    until("500 lines", || movements(&running).len() == 500).await;
    write!(scanner, "HALF-A-CO").unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    fs::remove_file(&name).unwrap();
    drop(scanner);
    until("the scanner is down", || !gun().up).await;
    assert_eq!(running.status().troubles.len(), 1, "{:?}", running.status().troubles);
    // Long enough that the tries have slowed down.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut scanner = plug(&name);
    until("the scanner is up again", || gun().up).await;
    scan(&mut scanner, 500);
    until("1000 lines", || movements(&running).len() == 1000).await;

    let codes: Vec<String> = movements(&running).iter().map(|movement| movement.what[0].code.clone()).collect();
    let wanted: Vec<String> = (0..1000).map(|number| format!("own/CODE-{number:04}")).collect();
    assert_eq!(codes, wanted);
    assert_eq!((gun().reads, gun().noise_bytes, gun().losses), (1000, 9, 1));
    let health: Vec<bool> = bodies(&running)
        .iter()
        .filter_map(|body| match body {
            Body::System(gatebook::event::System::Health { subject, ok, .. }) if subject == "gun" => Some(*ok),
            _ => None,
        })
        .collect();
    assert_eq!(health, [false, true], "one line at the start of the outage and one at its end");
    let check = running.house.clone();
    let check = tokio::task::spawn_blocking(move || check.check()).await.unwrap().unwrap();
    assert_eq!((check.shown, check.written), (1000, 1000));
    running.stop().await;
}

fn name(en: &str) -> Name {
    Name { zh: format!("{en}(中)"), en: en.into() }
}

/// What the server would have sent: rings R-1 to R-4 with labels, persons 7 and 8 with badges, a pass of 7 for R-1 and R-2.
fn records() -> Vec<Content> {
    let now = Moment::now();
    let hour = Duration::from_secs(3600);
    let mut contents = vec![
        Content::Person(Person {
            number: 7,
            name: name("Li Ming"),
            department: name("Sales"),
            badge: Some("own/B-7".into()),
        }),
        Content::Person(Person {
            number: 8,
            name: name("Chen Jing"),
            department: name("Vault"),
            badge: Some("own/B-8".into()),
        }),
        Content::Pass(Pass {
            number: "DB-1".into(),
            units: vec!["R-1".into(), "R-2".into()],
            person: 7,
            purpose: name("trade fair"),
            from: now.minus(hour),
            until: now.plus(hour),
            due: now.plus(24 * hour),
            approved_by: 8,
        }),
        Content::Hold(Hold { number: "H-1".into(), unit: "R-4".into(), reason: name("stone loose") }),
        Content::Task(Task {
            number: "TK-1".into(),
            act: gatebook::event::Act::PutAway,
            title: name("put the morning's pieces away"),
            units: vec!["R-3".into()],
            document: None,
        }),
    ];
    for (code, parent) in [("V", None), ("V-01", Some("V")), ("V-02", Some("V")), ("HALL", None)] {
        let parent = parent.map(str::to_owned);
        contents.push(Content::Place(Place { code: code.into(), parent, kind: PlaceKind::Storage, name: name(code) }));
    }
    for n in 1..=4 {
        contents.push(Content::Unit(Unit {
            number: format!("R-{n}"),
            item: "RG".into(),
            tracking: Tracking::Serial,
            name: name("Ruby ring"),
            home: Some("V-01".into()),
            quantity: "3.42 g".parse().ok(),
        }));
        contents.push(Content::Binding(Binding { code: format!("own/LABEL-{n}"), unit: format!("R-{n}") }));
    }
    contents
}

async fn send_down(running: &Running) {
    let stored = records().into_iter().enumerate().map(|(n, content)| {
        let (kind, key) = (content.kind().to_owned(), content.key());
        let record = Record { version: 1, withdrawn: false, since: Moment(0), content };
        let cursor = n as u64 + 1;
        StoredRecord {
            kind,
            key,
            version: 1,
            cursor,
            body: serde_json::to_vec(&record).unwrap(),
            signature: Hex([0; 64]),
        }
    });
    running.book.store_records(stored.collect(), 100).await.unwrap();
    let house = running.house.clone();
    until("the records are known", move || house.decide(house.now(), |world| world.reference.unit("R-4").is_some()))
        .await;
}

const DESK: &str = "[[station]]\nname = \"vault\"\nkind = \"handheld\"\ndevices = []\nplace = \"V\"\ndefault_act = \"\"\n\
    [policy]\npass_data_max_age_h = 720\n";

struct Browser {
    client: reqwest::Client,
    url: String,
}

impl Browser {
    fn new(running: &Running) -> Browser {
        drop(rustls::crypto::ring::default_provider().install_default());
        Browser { client: reqwest::Client::new(), url: running.url.clone() }
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let body: Vec<String> =
            form.iter().map(|(name, value)| format!("{name}={}", value.replace(' ', "+"))).collect();
        let answer = self
            .client
            .post(format!("{}{path}", self.url))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.join("&"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "{path} {form:?}");
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
    }

    /// `tone word` of the answer to a scan, and whether a line stands behind it.
    async fn scan(&self, code: &str) -> String {
        told(&self.post("scan", &[("code", code)]).await)
    }

    async fn page(&self, path: &str, lang: &str) -> String {
        let answer = self.client.get(format!("{}{path}", self.url)).header("cookie", format!("gatebook_lang={lang}"));
        let answer = answer.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().await.unwrap()
    }
}

fn told(answer: &Value) -> String {
    let line = if answer["line"].is_null() { "" } else { " +line" };
    format!("{} {}{line}", answer["tone"].as_str().unwrap(), answer["word"].as_str().unwrap())
}

/// The data age is unknown without a server, so a decision about a pass names it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handheld_records_what_is_done_and_what_was_tried() {
    let folder = tempfile::tempdir().unwrap();
    let running = start(folder.path(), DESK).await;
    send_down(&running).await;
    let browser = Browser::new(&running);
    for (step, code, want) in [
        ("nothing chosen", "LABEL-1", "note choose_act"),
        ("nobody knows it", "XYZ-99", "ask unknown_code"),
        ("a command card", "GB-ACT-CHECK-OUT", "note started"),
        ("nobody takes it", "LABEL-1", "stop no_person +line"),
        ("the badge", "B-7", "note person"),
        ("with a pass; the data have no age", "LABEL-1", "look recorded +line"),
        ("again", "R-1", "again already_scanned"),
        ("no pass for this one", "R-3", "stop no_pass +line"),
        ("on hold", "R-4", "stop on_hold +line"),
        ("nobody knows it", "XYZ-99", "ask unknown_code +line"),
        ("another person takes", "B-8", "note person"),
        ("the pass is not hers", "R-2", "stop pass_for_another +line"),
        ("undo by card", "GB-UNDO", "ok taken_back +line"),
        ("nothing left", "GB-UNDO", "note nothing_to_take_back"),
        ("the slip", "DB-1", "note paper"),
        ("the badge", "B-7", "note person"),
        ("it may go after all", "R-1", "look recorded +line"),
        ("not on the slip", "R-3", "stop wrong_piece +line"),
        ("a place first", "GB-ACT-PUT-AWAY", "note started"),
        ("no place", "R-3", "ask place_first"),
        ("the place", "V-02", "note place"),
        ("put away", "R-3", "ok recorded +line"),
        ("unknown, but a fact", "XYZ-99", "ask unknown_code +line"),
        ("a task", "TK-1", "note paper"),
        ("its place", "V-01", "note place"),
        ("the one piece of it", "R-3", "paper_done recorded +line"),
        ("one that it does not name", "R-4", "look not_on_paper +line"),
        ("counting", "GB-ACT-COUNT", "note started"),
        ("a place", "V-01", "note place"),
        ("a piece there", "R-4", "ok recorded +line"),
        ("goods in", "GB-ACT-RECEIVE", "note started"),
        ("a label without a record", "09521234543213", "ask unknown_code +line"),
        ("coming back", "GB-ACT-RETURN", "note started"),
        ("the ring", "R-1", "ok recorded +line"),
    ] {
        assert_eq!(browser.scan(code).await, want, "{step}: {code}");
    }
    let told: Vec<String> = bodies(&running)
        .iter()
        .filter_map(|body| {
            let codes =
                |what: &[gatebook::event::Piece]| what.iter().map(|piece| piece.code.clone()).collect::<String>();
            Some(match body {
                Body::Movement(movement) => format!(
                    "{} {} to {} person {:?} paper {}",
                    movement.act.word(),
                    codes(&movement.what),
                    movement.to.as_deref().unwrap_or("-"),
                    movement.to_person,
                    movement.handling.document.as_deref().unwrap_or("-")
                ),
                Body::Attempt(attempt) => format!("tried {} {}", codes(&attempt.what), attempt.reason.word()),
                Body::Correction(correction) => format!("takes back {}", correction.corrects.seq),
                Body::System(_) => return None,
                Body::Passage(_) | Body::Decision(_) | Body::Registration(_) | Body::Relabelling(_) => {
                    panic!("a handheld writes no such line: {body:?}")
                }
            })
        })
        .collect();
    assert_eq!(
        told,
        [
            "tried own/LABEL-1 no_person",
            "check_out own/LABEL-1 to - person Some(7) paper DB-1",
            "tried own/R-3 no_pass",
            "tried own/R-4 on_hold",
            "tried own/XYZ-99 unknown_code",
            "tried own/R-2 pass_for_another",
            "takes back 3",
            "check_out own/R-1 to - person Some(7) paper DB-1",
            "tried own/R-3 no_pass",
            "put_away own/R-3 to V-02 person None paper -",
            "put_away own/XYZ-99 to V-02 person None paper -",
            "put_away own/R-3 to V-01 person None paper TK-1",
            "put_away own/R-4 to V-01 person None paper TK-1",
            "count own/R-4 to V-01 person None paper -",
            "receive 01/09521234543213 to V person None paper -",
            "return own/R-1 to V person None paper -",
        ]
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_act_goes_on_where_a_restart_stopped_it() {
    let folder = tempfile::tempdir().unwrap();
    let running = start(folder.path(), DESK).await;
    send_down(&running).await;
    let browser = Browser::new(&running);
    for code in ["B-7", "GB-ACT-PUT-AWAY", "V-02", "R-1", "R-2", "R-3", "GB-UNDO"] {
        browser.scan(code).await;
    }
    running.stop().await;

    let running = start(folder.path(), DESK).await;
    let browser = Browser::new(&running);
    let page = browser.page("s/vault", "en").await;
    assert!(page.contains("Going on where you stopped") && page.contains("Li Ming"), "{page}");
    for (code, want) in [
        ("R-1", "again already_scanned"),
        ("R-3", "ok recorded +line"),
        ("GB-UNDO", "ok taken_back +line"),
        ("GB-UNDO", "ok taken_back +line"),
        ("R-2", "ok recorded +line"),
    ] {
        assert_eq!(browser.scan(code).await, want, "{code}");
    }
    assert!(movements(&running).iter().all(|movement| movement.to.as_deref() == Some("V-02")));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_speak_both_languages_and_every_answer_is_streamed_after_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let camera = format!(
        "[[device]]\nname = \"camera\"\ndriver = \"folder\"\nport = \"{}\"\n",
        folder.path().join("camera").display()
    );
    let door = "[[station]]\nname = \"door\"\nkind = \"door\"\ndevices = [\"camera\"]\nplace = \"V\"\ninside = \"V\"\noutside = \"HALL\"\n\
        direction = \"book\"\ngone_after_ms = 500\n";
    let running = start(folder.path(), &format!("{camera}{door}{DESK}")).await;
    send_down(&running).await;
    let browser = Browser::new(&running);
    let mut stream = browser.client.get(format!("{}answers", browser.url)).send().await.unwrap();
    browser.post("act", &[("station", "vault"), ("act", "receive")]).await;
    browser.post("scan", &[("station", "vault"), ("code", "R-2")]).await;
    browser.post("scan", &[("station", "door"), ("code", "R-3")]).await;
    let mut text = String::new();
    let passed = loop {
        text.push_str(std::str::from_utf8(&stream.chunk().await.unwrap().unwrap()).unwrap());
        let answers: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        if let Some(passed) = answers.iter().find(|answer| answer["word"] == "passed") {
            let lines: Vec<&Value> = answers.iter().filter(|answer| !answer["line"].is_null()).collect();
            assert_eq!(lines.len(), 2);
            for answer in lines {
                let seq = answer["line"]["seq"].as_u64().unwrap();
                let line = running.book.lines(seq, 1, 1 << 20).unwrap().remove(0);
                assert_eq!(answer["line"]["hash"].as_str(), Some(line.hash.to_string().as_str()));
            }
            break passed.clone();
        }
    };
    assert_eq!((told(&passed), passed["unit"].as_str()), ("stop passed +line".into(), Some("R-3")));
    for (lang, words) in [("en", ["Receive", "Stop, please"]), ("zh-CN", ["收货", "请停步"])] {
        let pages = [
            browser.page("s/vault", lang).await,
            browser.page("s/door", lang).await,
            browser.page("s/vault/list", lang).await,
            browser.page("health", lang).await,
            browser.page("", lang).await,
        ];
        assert!(pages[0].contains(words[0]), "{}", pages[0]);
        assert!(pages[1].contains(words[1]), "{}", pages[1]);
        for page in pages {
            // A key without text shows itself.
            for piece in page.split(['>', '<', '"']) {
                let key = piece.trim();
                assert!(!key.starts_with("t-") || key.contains(' '), "{lang}: {key}");
            }
            assert!(!page.contains("style=") && !page.contains("<script>"), "{page}");
        }
    }
    let status: Value = serde_json::from_str(&browser.page("status.json", "en").await).unwrap();
    assert_eq!((status["terminal"].as_u64(), status["link"]["online"].as_bool()), (Some(3), Some(false)));
    running.stop().await;
    let running = start(folder.path(), &format!("{camera}{door}{DESK}")).await;
    let page = Browser::new(&running).page("s/door", "en").await;
    assert!(page.contains("Stop, please"), "an alarm outlives a restart: {page}");
    running.stop().await;
    assert!(stream.chunk().await.unwrap_or(None).is_none_or(|rest| rest.is_empty() || rest.starts_with(b"{")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_another_site_cannot_scan() {
    let folder = tempfile::tempdir().unwrap();
    let running = start(folder.path(), DESK).await;
    let browser = Browser::new(&running);
    for (header, value) in [("origin", "https://evil.example"), ("host", "evil.example")] {
        let answer =
            browser.client.post(format!("{}undo", browser.url)).header(header, value).body("").send().await.unwrap();
        assert_eq!(answer.status(), 403, "{header}");
    }
    running.stop().await;
}

#[tokio::test]
async fn a_terminal_that_was_never_enrolled_says_how_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let Err(error) = terminal::start(configure(folder.path(), DESK)).await else { panic!("it has no number") };
    assert!(matches!(error, StartError::NoServer), "{error}");
    assert!(error.help().contains("one-time code"), "{}", error.help());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_of_a_code_is_a_scan_and_is_put_away_after_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let camera = folder.path().join("camera");
    let bench = format!(
        "[[device]]\nname = \"camera\"\ndriver = \"folder\"\nport = \"{}\"\n\
         [[station]]\nname = \"bench\"\nkind = \"bench\"\ndevices = [\"camera\"]\nplace = \"IN\"\ndefault_act = \"receive\"\n",
        camera.display()
    );
    let running = start(folder.path(), &bench).await;
    let picture = include_bytes!("../hardware/tests/data/camera/enlarged.png");
    fs::write(camera.join("one.png"), picture).unwrap();
    fs::write(camera.join("note.txt"), "no picture").unwrap();
    until("the picture is put away", || camera.join("done/one.png").exists()).await;
    until("the other file too", || camera.join("unreadable/note.txt").exists()).await;
    let read = movements(&running);
    assert!(!read.is_empty() && read.iter().all(|movement| movement.handling.device == "camera"), "{read:?}");

    let browser = Browser::new(&running);
    let send = async |bytes: &[u8]| {
        let mut body =
            b"--cut\r\ncontent-disposition: form-data; name=\"picture\"; filename=\"p.png\"\r\n\r\n".to_vec();
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n--cut--\r\n");
        let request = browser.client.post(format!("{}picture", browser.url));
        request.header("content-type", "multipart/form-data; boundary=cut").body(body).send().await.unwrap()
    };
    let again: Value = serde_json::from_slice(&send(picture).await.bytes().await.unwrap()).unwrap();
    assert_eq!(told(&again), "again already_scanned", "the page reads the same code");
    assert_eq!(send(b"no picture").await.status(), 422);
    running.stop().await;
}
