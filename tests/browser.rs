//! The pages in a real browser: a W3C WebDriver client of our own drives Chromium against the real programs.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use gatebook::demo::vault::{self, Sample};
use gatebook::demo::wire::Wire;
use gatebook::event::Act;
use gatebook::quantity::Moment;
use gatebook::sync::records::Record;
use gatebook::terminal::reference;
use hardware::simulator::script::{Presentation, Script};
use hardware::simulator::{printer, scanner};
use serde_json::{Value, json};

use crate::rig::{Engine, Server, Terminal, free_port, request, wait_for};

/// Sizes that the pages are drawn for: a desk, a phone, a handheld.
const DESK: (u32, u32) = (1280, 800);
const PHONE: (u32, u32) = (390, 844);
const HANDHELD: (u32, u32) = (360, 640);

const PASSWORD: &str = "a vault of rubies";

/// Key under which WebDriver names an element (W3C WebDriver, section 12).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// One Chromium without a window, with a profile of its own.
struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    fn start() -> Browser {
        let profile = tempfile::tempdir().unwrap();
        let port = free_port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "chromedriver does not start ({error}): the stories in a browser need the packages chromium and \
                     chromium-driver; tests/run installs them"
                )
            });
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut browser = Browser { driver, address, session: String::new(), _profile: profile };
        wait_for("chromedriver answers", || {
            let (status, body) = request(address, "GET", "/status", "", b"")?;
            let body: Value = serde_json::from_slice(&body).ok()?;
            (status == 200 && body["value"]["ready"] == true).then_some(())
        });
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            // The pages speak the language of the browser until a person chooses one.
            "--accept-lang=en",
        ];
        let profile = format!("--user-data-dir={}", browser._profile.path().display());
        let arguments: Vec<&str> = arguments.into_iter().chain([profile.as_str()]).collect();
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let opened = browser.command("POST", "/session", &wanted);
        browser.session = opened["sessionId"].as_str().expect("the session has an id").to_owned();
        browser
    }

    fn command(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if method == "POST" { body.to_string() } else { String::new() };
        let path = match self.session.as_str() {
            "" => path.to_owned(),
            session => format!("/session/{session}{path}"),
        };
        let header = "content-type: application/json\r\n";
        let (status, answer) = request(self.address, method, &path, header, body.as_bytes())
            .unwrap_or_else(|| panic!("chromedriver does not answer {method} {path}"));
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(status, 200, "{method} {path} {body}: {}", answer["value"]["message"]);
        answer["value"].clone()
    }

    fn open(&self, url: &str) {
        self.command("POST", "/url", &json!({ "url": url }));
    }

    /// What a function body returns in the page.
    fn ask(&self, script: &str) -> Value {
        self.command("POST", "/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Waits until an expression holds in the page.
    fn wait(&self, expression: &str) {
        wait_for(expression, || (self.ask(&format!("return Boolean({expression})")) == true).then_some(()));
    }

    /// Waits until the text stands in the element, and tells what stood there if it never does.
    fn wait_for_text(&self, selector: &str, text: &str) {
        self.wait(&format!("(document.querySelector({selector:?})?.innerText ?? '').includes({text:?})"));
    }

    fn element(&self, selector: &str) -> String {
        let found = self.command("POST", "/element", &json!({ "using": "css selector", "value": selector }));
        found[ELEMENT].as_str().unwrap_or_else(|| panic!("{selector} is no element")).to_owned()
    }

    fn click(&self, selector: &str) {
        self.command("POST", &format!("/element/{}/click", self.element(selector)), &json!({}));
    }

    fn fill(&self, selector: &str, text: &str) {
        self.command("POST", &format!("/element/{}/value", self.element(selector)), &json!({ "text": text }));
    }

    /// Keys into whatever has the focus, without a pause between them, as a scanner that is a keyboard sends them.
    fn burst(&self, text: &str) {
        let keys = text.chars().chain(['\u{e007}']).flat_map(|key| {
            let key = key.to_string();
            [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })]
        });
        let keys: Vec<Value> = keys.collect();
        self.command("POST", "/actions", &json!({ "actions": [{ "type": "key", "id": "scanner", "actions": keys }] }));
    }

    fn resize(&self, (width, height): (u32, u32)) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        let command = json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": metrics });
        self.command("POST", "/goog/cdp/execute", &command);
    }

    /// Remembers the document, so that [`Browser::same_document`] can tell a swap from a reload.
    fn mark(&self) {
        self.ask("window.marked = true");
    }

    fn same_document(&self) -> bool {
        self.ask("return window.marked === true") == true
    }

    fn path(&self) -> String {
        self.ask("return location.pathname + location.search").as_str().unwrap().to_owned()
    }

    /// A page wider than its window makes a person scroll sideways.
    fn fits(&self) {
        let wide = self.ask(
            "const root = document.documentElement; \
             return root.scrollWidth <= root.clientWidth ? '' : `${location.href}: ${root.scrollWidth} > ${root.clientWidth}`",
        );
        assert_eq!(wide, "", "scrolls sideways");
    }

    /// Keeps a picture of the whole page in the folder that `GATEBOOK_TEST_PICTURES` names, for whoever wants to look.
    fn keep(&self, name: &str) {
        let Ok(folder) = std::env::var("GATEBOOK_TEST_PICTURES") else { return };
        let shot = self.command(
            "POST",
            "/goog/cdp/execute",
            &json!({
                "cmd": "Page.captureScreenshot", "params": { "captureBeyondViewport": true }
            }),
        );
        let text = shot["data"].as_str().unwrap_or_default();
        std::fs::write(std::path::Path::new(&folder).join(format!("{name}.png.base64")), text).unwrap();
    }

    /// Nothing broke the content security policy, no script threw, nothing failed to load.
    fn nothing_complained(&self) {
        let entries = self.command("POST", "/se/log", &json!({ "type": "browser" }));
        let grave: Vec<&Value> =
            entries.as_array().into_iter().flatten().filter(|entry| entry["level"] == "SEVERE").collect();
        assert!(grave.is_empty(), "the browser complains: {grave:#?}");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Closing the session ends Chromium; a driver that is killed first would leave it behind.
        if !self.session.is_empty() {
            let _ = request(self.address, "DELETE", &format!("/session/{}", self.session), "", b"");
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// A server and a terminal with a handheld, whose scanner is simulated, and the vault of the demo.
struct House {
    server: Server,
    terminal: Terminal,
    gun: Wire,
    samples: Vec<Sample>,
    _folder: tempfile::TempDir,
}

impl House {
    fn open() -> House {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path(), Engine::Sqlite);
        let samples = vault::samples();
        let put = |record: &Record| {
            let mut body = serde_json::to_value(&record.content).unwrap();
            body["since_us"] = json!(record.since);
            server.put_record(&body);
        };
        vault::records(&samples, Moment::now()).iter().for_each(put);
        put(&vault::pass("DB-0001", vault::SALES, &samples[..2], Moment::now()));
        let gun = Box::new(scanner::Scanner::new(scanner::Settings::default(), Script::new(), 11));
        let gun = Wire::serial(gun, &folder.path().join("gun")).unwrap();
        let parts = format!(
            "[[device]]\nname = \"gun\"\ndriver = \"scanner\"\nport = {:?}\n\
             [[station]]\nname = \"handheld\"\nkind = \"handheld\"\ndevices = [\"gun\"]\nplace = \"V2\"\n",
            gun.port
        );
        let terminal = Terminal::start(&server, server.address, "h-07", &parts);
        let house = House { server, terminal, gun, samples, _folder: folder };
        wait_for("the scanner is up and the records are here", || {
            let status = house.terminal.status()?;
            (status["devices"]["gun"]["up"] == true && status["link"]["data_age_s"].is_number()).then_some(())
        });
        house.terminal.wait_until_sent();
        house
    }

    fn scan(&self, text: &str) {
        self.gun.show(Presentation::Symbol { aim: None, bytes: text.as_bytes().to_vec() });
        std::thread::sleep(Duration::from_millis(80));
    }

    fn act(&self, act: Act) {
        self.scan(&reference::card(act));
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.address)
    }

    fn screen(&self, path: &str) -> String {
        format!("http://{}{path}", self.terminal.screen)
    }
}

#[test]
fn the_pages_of_the_server_in_a_browser() {
    let house = House::open();
    house.server.tool_with(&["add-login", "--name", "chen", "--role", "keeper", "--role", "administrator"], PASSWORD);
    let browser = Browser::start();
    browser.resize(DESK);
    a_person_logs_in_by_the_form(&house, &browser);
    a_scan_appears_on_the_home_page_by_itself(&house, &browser);
    switching_the_language_keeps_the_page(&house, &browser);
    the_history_of_a_piece_tells_what_happened(&house, &browser);
    an_exception_is_settled_through_its_form(&house, &browser);
    a_scanner_that_types_finds_the_piece(&house, &browser);
    no_page_scrolls_sideways(&house, &browser);
    browser.nothing_complained();
    a_page_says_that_it_is_cut_off(house, &browser);
}

fn a_person_logs_in_by_the_form(house: &House, browser: &Browser) {
    browser.open(&house.url("/movements?kind=movement"));
    browser.fill("#name", "chen");
    browser.fill("#password", PASSWORD);
    browser.click("button[type=submit]");
    browser.wait("document.querySelector('#rows')");
    assert_eq!(browser.path(), "/movements?kind=movement", "the login leads to the page that was asked for");
}

fn a_scan_appears_on_the_home_page_by_itself(house: &House, browser: &Browser) {
    let [ring, other] = [&house.samples[0], &house.samples[1]];
    browser.open(&house.url("/?lang=zh-CN"));
    browser.mark();
    house.act(Act::Receive);
    house.scan(&ring.number);
    browser.wait_for_text("#feed", &ring.number);
    browser.wait_for_text("#feed", "收货");
    browser.wait_for_text("#feed", "二号保险库");
    assert!(browser.same_document(), "the page was swapped, not loaded again");
    browser.open(&house.url("/?lang=en"));
    browser.mark();
    house.scan(&other.number);
    browser.wait_for_text("#feed", &other.number);
    browser.wait_for_text("#feed", "Receive");
    browser.wait_for_text("#feed", "Vault 2");
    assert!(browser.same_document(), "the page was swapped, not loaded again");
}

fn switching_the_language_keeps_the_page(house: &House, browser: &Browser) {
    browser.open(&house.url("/movements?kind=movement&lang=en"));
    assert_eq!(browser.ask("return document.documentElement.lang"), "en");
    browser.click("a[hreflang='zh-CN']");
    browser.wait("document.documentElement.lang === 'zh-CN'");
    assert!(browser.path().starts_with("/movements?kind=movement"), "{}", browser.path());
    browser.wait_for_text("main h1", "流转记录");
    browser.wait_for_text(".facet[aria-current]", "流转");
    // The choice goes with the person from page to page.
    browser.open(&house.url("/terminals"));
    browser.wait_for_text("main h1", "终端");
    browser.click("a[hreflang='en']");
    browser.wait_for_text("main h1", "Terminals");
    assert!(browser.path().starts_with("/terminals"), "{}", browser.path());
}

fn the_history_of_a_piece_tells_what_happened(house: &House, browser: &Browser) {
    let ring = &house.samples[0];
    browser.open(&house.url(&format!("/units/{}?lang=en", ring.number)));
    browser.mark();
    house.act(Act::PutAway);
    house.scan(&ring.home);
    house.scan(&ring.number);
    browser.wait_for_text("#unit", &ring.home);
    house.act(Act::CheckOut);
    house.scan(&vault::badge(vault::SALES));
    house.scan(&ring.number);
    browser.wait_for_text("#unit", "Li Ming");
    browser.wait_for_text("#unit .chip", "Out");
    browser.wait_for_text("#unit", "DB-0001");
    let acts = browser.ask("return [...document.querySelectorAll('.tl .main b:first-child')].map(b => b.innerText)");
    let acts: Vec<&str> = acts.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(acts, ["Check out", "Put away", "Receive"], "newest first");
    assert!(browser.same_document());
    // A code is shown as the label bears it, never as a canonical text.
    let page = browser.ask("return document.querySelector('main').innerText").as_str().unwrap().to_owned();
    assert!(!page.contains("own/") && !page.contains("urn:"), "{page}");
}

fn an_exception_is_settled_through_its_form(house: &House, browser: &Browser) {
    // Nobody lent this one, and it comes back.
    let stranger = &house.samples[5];
    browser.open(&house.url("/exceptions?lang=en"));
    house.act(Act::Return);
    house.scan(&stranger.number);
    browser.wait_for_text("#list", &stranger.number);
    let before = browser.ask("return document.querySelectorAll('#list tbody tr').length").as_u64().unwrap();
    browser.fill("#list tbody tr:first-child input[name=note]", "brought over from the showroom");
    browser.click("#list tbody tr:first-child button[type=submit]");
    browser.wait(&format!("document.querySelectorAll('#list tbody tr').length === {}", before - 1));
    browser.open(&house.url("/exceptions?all=1"));
    browser.wait_for_text("#list", "Settled");
    browser.wait_for_text("#list", "brought over from the showroom");
}

fn a_scanner_that_types_finds_the_piece(house: &House, browser: &Browser) {
    let ring = &house.samples[1];
    browser.open(&house.url("/doors"));
    browser.burst(&ring.number);
    browser.wait_for_text("#unit h1", &ring.number);
}

fn no_page_scrolls_sideways(house: &House, browser: &Browser) {
    let unit = format!("/units/{}", house.samples[0].number);
    let person = format!("/people/{}", vault::SALES);
    let pages = [
        "/",
        "/doors",
        "/movements",
        "/exceptions",
        "/exceptions?all=1",
        "/terminals",
        "/access",
        "/search?q=18K",
        "/search?q=ZZZ-404",
        &unit,
        &person,
    ];
    for lang in ["zh-CN", "en"] {
        browser.open(&house.url(&format!("/?lang={lang}")));
        for size in [DESK, PHONE] {
            browser.resize(size);
            for page in pages {
                browser.open(&house.url(page));
                browser.fits();
            }
        }
    }
    // The one-time code is long; the page that shows it is the answer to a form, and stays alive.
    browser.open(&house.url("/terminals"));
    browser.click("form[action='/terminals/enrol'] button");
    browser.wait("document.querySelector('p.big')");
    browser.fits();
    browser.mark();
    house.act(Act::Count);
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(browser.ask("return document.querySelector('#live').hidden"), true, "it says that it is cut off");
    assert!(browser.same_document());
    browser.resize(DESK);
}

fn a_page_says_that_it_is_cut_off(mut house: House, browser: &Browser) {
    browser.open(&house.url("/?lang=en"));
    browser.wait("document.documentElement.dataset.live === 'on'");
    browser.mark();
    house.server.kill();
    browser.wait("!document.querySelector('#live').hidden");
    browser.wait_for_text("#live", "reconnecting");
    house.server.run();
    browser.wait("document.querySelector('#live').hidden");
    assert!(browser.same_document(), "it came back by itself");
}

#[test]
fn the_screen_of_a_handheld_in_a_browser() {
    let house = House::open();
    let browser = Browser::start();
    browser.resize(HANDHELD);
    browser.open(&house.screen("/lang?to=en"));
    browser.open(&house.screen("/s/handheld"));
    browser.wait_for_text("#act h1", "Choose an act");
    browser.mark();
    let [scanned, typed] = [&house.samples[0], &house.samples[1]];
    let fits = || {
        browser.fits();
        let tall = browser.ask(
            "return document.documentElement.scrollHeight <= innerHeight && \
             document.querySelector('#foot').getBoundingClientRect().bottom <= innerHeight",
        );
        assert_eq!(tall, true, "the foot stays on the screen");
    };
    fits();

    // A scan from the scanner on the cable.
    house.act(Act::Receive);
    house.scan(&scanned.number);
    browser.wait_for_text("#answer strong", "Good");
    browser.wait_for_text("#answer .piece", &scanned.number);
    browser.wait_for_text("#answer .piece", "Ruby ring, 18K gold");
    assert_eq!(browser.ask("return document.querySelector('.answer').dataset.tone"), "ok");
    browser.wait_for_text("#act .count", "1");
    fits();

    // A scanner that is a keyboard, while nothing on the page has been touched.
    browser.burst(&typed.number);
    browser.wait_for_text("#answer .piece", &typed.number);
    browser.wait_for_text("#act .count", "2");
    fits();

    // The same again changes nothing, and a code that nobody knows is asked about.
    browser.burst(&typed.number);
    browser.wait_for_text("#answer strong", "Already scanned");
    browser.wait_for_text("#act .count", "2");
    house.scan("6901234567892");
    browser.wait_for_text("#answer strong", "Unknown code");
    assert_eq!(browser.ask("return document.querySelector('.answer').dataset.tone"), "ask");
    fits();

    // Without a pass the answer is red, and says what to do.
    house.act(Act::CheckOut);
    house.scan(&vault::badge(vault::SALES));
    house.scan(&house.samples[3].number);
    browser.wait_for_text("#answer strong", "Not allowed");
    assert_eq!(browser.ask("return document.querySelector('.answer').dataset.tone"), "stop");
    fits();
    assert!(browser.same_document(), "every answer came without a load");

    // The list of the act takes a code by hand, and a burst while a field has the focus.
    browser.open(&house.screen("/s/handheld/list"));
    browser.fits();
    browser.click("#amount");
    browser.burst(&house.samples[0].number);
    browser.wait_for_text("#answer .piece", &house.samples[0].number);
    browser.open(&house.screen("/health"));
    browser.wait_for_text("#health", "gun");
    browser.fits();
    browser.open(&house.screen("/lang?to=zh-CN"));
    browser.open(&house.screen("/s/handheld"));
    browser.wait_for_text("#act h1", "出库");
    fits();
    browser.nothing_complained();
}

/// Labels: the records fill the form, a press prints, and the queue shows itself.
#[test]
fn labels_in_a_browser() {
    let folder = tempfile::tempdir().unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let printer = Box::new(printer::Printer::new(hardware::printer::Language::Zpl, Script::new(), 5));
    let printer = Wire::tcp(printer, address).unwrap();
    let server = Server::start(folder.path(), Engine::Sqlite);
    server.tool_with(&["add-login", "--name", "chen", "--role", "administrator", "--role", "keeper"], PASSWORD);
    let samples = vault::samples();
    for record in vault::records(&samples, Moment::now()) {
        let mut body = serde_json::to_value(&record.content).unwrap();
        body["since_us"] = json!(record.since);
        server.put_record(&body);
    }
    let parts = format!(
        "[[device]]\nname = \"labels\"\ndriver = \"zpl\"\nport = {:?}\n[device.zpl]\nstatus_ms = 200\n\
         [[station]]\nname = \"bench\"\nkind = \"bench\"\ndevices = [\"labels\"]\nplace = \"V2\"\ndefault_act = \"receive\"\n",
        printer.port
    );
    let terminal = Terminal::start(&server, server.address, "b-01", &parts);
    terminal.wait_until_sent();
    let screen = |path: &str| format!("http://{}{path}", terminal.screen);
    let browser = Browser::start();
    let number = &samples[0].number;
    for (language, size, words) in [
        ("en", DESK, ["Paper out", "Waiting", "Printed", "Reprint"]),
        ("zh-CN", PHONE, ["缺纸", "等待中", "已打印", "补打"]),
    ] {
        let [paper_out, waiting, printed, reprint] = words;
        browser.resize(size);
        browser.open(&screen(&format!("/lang?to={language}")));
        browser.open(&screen("/s/bench"));
        browser.burst(number);
        browser.wait_for_text("#answer .piece", number);
        // The page renews itself, so an element that was found may be another by the time it is clicked.
        browser.ask("document.querySelector('.offer').click()");
        browser.wait("location.search.includes('of=')");
        let filled = browser.ask("return document.getElementById('f-number').value");
        assert_eq!(filled, **number, "the records fill the form");
        browser.wait("0 < document.querySelector('figure.label svg').getBoundingClientRect().width");
        browser.fits();
        browser.keep(&format!("labels-form-{language}"));
        printer.show(Presentation::Contact(hardware::event::Contact { line: 1, closed: false }));
        browser.wait_for_text("#queue", paper_out);
        browser.click("button[formaction='/labels/print']");
        browser.wait_for_text("#queue .jobs li", waiting);
        browser.fits();
        browser.mark();
        browser.keep(&format!("labels-paper-out-{language}"));
        printer.show(Presentation::Contact(hardware::event::Contact { line: 1, closed: true }));
        browser.wait_for_text("#queue .jobs li", printed);
        browser.wait_for_text("#queue .jobs li", reprint);
        assert!(browser.same_document(), "the queue shows itself");
        browser.fits();
        // Nothing is printed of a label that lacks what it needs.
        browser.open(&screen("/labels?template=lot&show=1"));
        browser.wait("document.querySelector('[role=alert]')");
        browser.fits();
        browser.keep(&format!("labels-missing-{language}"));
    }
    terminal.wait_until_sent();
    let page = |path: &str| format!("http://{}{path}", server.address);
    browser.open(&page("/login"));
    browser.fill("#name", "chen");
    browser.fill("#password", PASSWORD);
    browser.click("button[type=submit]");
    browser.wait("location.pathname === '/'");
    for (language, size) in [("en", DESK), ("zh-CN", PHONE)] {
        browser.resize(size);
        for (name, path) in [
            ("unit", format!("/units/{number}")),
            ("unlabelled", "/unlabelled".into()),
            ("system", "/movements?kind=system".into()),
        ] {
            let sign = if path.contains('?') { '&' } else { '?' };
            browser.open(&page(&format!("{path}{sign}lang={language}")));
            browser.fits();
            browser.keep(&format!("server-{name}-{language}"));
        }
        browser.open(&page(&format!("/terminals?lang={language}")));
        browser.click("form[action='/terminals/enrol'] button");
        browser.wait("document.querySelector('figure.qr svg rect')");
        browser.fits();
        browser.keep(&format!("server-enrol-{language}"));
    }
    browser.nothing_complained();
}
