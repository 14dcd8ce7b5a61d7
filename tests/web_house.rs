//! A server on a real port for a test, people who log in to it, and terminals that send to it.

use std::path::Path;

use ed25519_dalek::SigningKey;
use gatebook::config::server::{Database, ServerConfig, Session, Sync, Tls, TlsMode};
use gatebook::event::{Act, Body, Direction, Evidence, Handling, Movement, Passage, Piece, Reason};
use gatebook::hex::{Hex, HexBytes};
use gatebook::identity::Identifier;
use gatebook::ledger::chain::{self, BookId, Line};
use gatebook::quantity::{Moment, Quantity};
use gatebook::server::access::Role;
use gatebook::server::access::logins::create_login;
use gatebook::server::start::{Running, start};
use gatebook::sync::records::{Content, Item, Name, Pass, Person, Place, PlaceKind, Tracking, Unit};
use gatebook::sync::wire::{self, Batch, Enrol, Enrolled, Hello};
use reqwest::header::{COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Client, Response, StatusCode};

use crate::central::own_postgres;

pub const PASSWORD: &str = "a pass phrase of the house";

pub struct House {
    pub running: Running,
    pub client: Client,
    _folder: tempfile::TempDir,
}

/// Tells the story at a server on SQLite and, when `GATEBOOK_TEST_POSTGRES` names one, at a server on PostgreSQL.
pub fn story(test: impl AsyncFn(House)) {
    runtime().block_on(async {
        test(House::open(None).await).await;
        if let Some((url, drop)) = own_postgres().await {
            test(House::open(Some(url)).await).await;
            drop.await;
        }
    });
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

pub fn config(folder: &Path, mode: TlsMode) -> ServerConfig {
    ServerConfig {
        name: "Guangzhou".into(),
        data: folder.to_owned(),
        zone: jiff::tz::TimeZone::get("Asia/Shanghai").unwrap(),
        languages: vec!["zh-CN".into(), "en".into()],
        listen: "127.0.0.1:0".parse().unwrap(),
        database: Database::Sqlite { path: folder.join("gatebook.db") },
        tls: Tls { mode, behind_proxy: false },
        sync: Sync { max_batches_in_flight: 4, terminal_silent_s: 10 },
        session: Session { hours: 12 },
        labels: gatebook::config::load_server(None, &[]).unwrap().labels,
        series: gatebook::config::load_server(None, &[]).unwrap().series,
    }
}

pub fn client() -> Client {
    // Another test of this process may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap()
}

impl House {
    /// On SQLite, or on the PostgreSQL database of that address.
    pub async fn open(postgres: Option<String>) -> House {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(folder.path(), TlsMode::Off);
        if let Some(url) = postgres {
            config.database = Database::Postgres { url, password: None };
        }
        let running = start(config).await.unwrap();
        House { running, client: client(), _folder: folder }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.running.url)
    }

    /// Makes a login with these roles, as person 1, and gives the cookie of its session.
    pub async fn come_in(&self, name: &'static str, roles: &'static [Role]) -> String {
        let database = &self.running.server.database;
        database.write(move |tx| create_login(tx, name, PASSWORD, roles, Some(1), Moment::now())).await.unwrap();
        let answer = self.log_in(name, PASSWORD).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{name}");
        cookie(&answer).unwrap()
    }

    pub async fn log_in(&self, name: &str, password: &str) -> Response {
        let form = format!("name={}&password={}", escaped(name), escaped(password));
        self.submit("/login", "", form).await
    }

    pub async fn get(&self, path: &str, cookie: &str) -> Response {
        self.client.get(self.url(path)).header(COOKIE, cookie).send().await.unwrap()
    }

    /// Sends a form as a page of this server would.
    pub async fn submit(&self, path: &str, cookie: &str, form: String) -> Response {
        let kind = "application/x-www-form-urlencoded";
        let post = self.client.post(self.url(path)).header(COOKIE, cookie).header(ORIGIN, &self.running.url);
        post.header("content-type", kind).body(form).send().await.unwrap()
    }

    pub async fn post_json(&self, path: &str, cookie: &str, key: &str, body: &serde_json::Value) -> Response {
        let post = self.client.post(self.url(path)).header(COOKIE, cookie).header(ORIGIN, &self.running.url);
        post.header("idempotency-key", key).json(body).send().await.unwrap()
    }

    /// Many records in one transaction.
    pub async fn put_all(&self, contents: Vec<Content>) {
        let server = self.running.server.clone();
        let key = server.key.clone();
        let put = move |tx: &mut _| {
            for content in contents {
                let command = gatebook::server::api::records::new_command();
                let at = Moment::now();
                gatebook::server::book::put(tx, &key, command, Some(1), content, false, Moment(0), at)?;
            }
            Ok::<_, gatebook::server::book::DecideError>(())
        };
        server.database.write(put).await.unwrap();
    }

    pub async fn put(&self, content: Content) {
        let server = self.running.server.clone();
        let key = server.key.clone();
        let command = gatebook::server::api::records::new_command();
        let at = Moment::now();
        let put =
            move |tx: &mut _| gatebook::server::book::put(tx, &key, command, Some(1), content, false, Moment(0), at);
        server.database.write(put).await.unwrap();
    }

    /// A new terminal by a one-time code, over the wire.
    pub async fn enrol(&self, admin: &str, name: &str) -> Terminal {
        let made = self.post_json("/api/v1/terminals/enrolment-code", admin, "", &serde_json::json!({})).await;
        let made: serde_json::Value = match made.status() {
            StatusCode::CREATED => made.json().await.unwrap(),
            other => panic!("{other}: {}", made.text().await.unwrap()),
        };
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).unwrap();
        let mut terminal = Terminal::new(SigningKey::from_bytes(&seed));
        let key = Hex(terminal.key.verifying_key().to_bytes());
        let enrol = Enrol { code: made["code"].as_str().unwrap().into(), name: name.into(), key };
        let answer = terminal.post(self, wire::ENROL, postcard::to_stdvec(&enrol).unwrap()).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let enrolled: Enrolled = postcard::from_bytes(&answer.bytes().await.unwrap()).unwrap();
        terminal.book.terminal = enrolled.terminal;
        terminal.head = chain::genesis(terminal.book);
        terminal
    }
}

/// `name=value` of the session cookie that an answer sets.
pub fn cookie(answer: &Response) -> Option<String> {
    let line = answer.headers().get(SET_COOKIE)?.to_str().ok()?;
    Some(line.split(';').next()?.to_owned())
}

pub fn to(answer: &Response) -> &str {
    answer.headers().get(LOCATION).map_or("", |value| value.to_str().unwrap())
}

fn escaped(text: &str) -> String {
    gatebook::server::request::encoded(text)
}

/// A terminal with its book in memory.
pub struct Terminal {
    pub key: SigningKey,
    pub book: BookId,
    pub head: Hex<32>,
    pub seq: u64,
}

impl Terminal {
    pub fn new(key: SigningKey) -> Terminal {
        let book = BookId { terminal: 0, epoch: Hex([9; 16]) };
        Terminal { key, book, head: chain::genesis(book), seq: 0 }
    }

    /// The first word of this terminal, with an empty book kept from line 1.
    pub fn hello(&self, versions: (u16, u16)) -> Hello {
        Hello {
            versions,
            program: "test".into(),
            book: self.book,
            first_kept: 1,
            last: 0,
            head: self.head,
            at: Moment::now(),
            down_cursor: 0,
            waiting: 0,
            troubles: Vec::new(),
        }
    }

    /// The next line of the book.
    pub fn write(&mut self, at: Moment, body: &Body) -> Line {
        self.seq += 1;
        let mut line = Line {
            seq: self.seq,
            at,
            zone_min: 480,
            mono_us: at.0,
            kind: body.kind(),
            schema: body.schema(),
            body: HexBytes(body.encode()),
            hash: Hex([0; 32]),
        };
        line.hash = chain::link(self.head, &line);
        self.head = line.hash;
        line
    }

    /// A batch of these bodies, one second after the other from `at` on.
    pub fn batch(&mut self, at: Moment, bodies: &[Body]) -> Batch {
        let previous = self.head;
        let step = |index: usize| Moment(at.0 + 1_000_000 * i64::try_from(index).unwrap());
        let lines = bodies.iter().enumerate().map(|(index, body)| self.write(step(index), body)).collect();
        Batch { book: self.book, previous, lines, seals: Vec::new(), at: Moment::now(), waiting: 0 }
    }

    pub async fn send(&self, house: &House, batch: &Batch) -> Response {
        self.post(house, wire::BATCH, postcard::to_stdvec(batch).unwrap()).await
    }

    pub async fn post(&self, house: &House, path: &str, body: Vec<u8>) -> Response {
        self.request(house, "POST", path, body, &[("content-type", wire::POSTCARD)]).await
    }

    pub async fn get(&self, house: &House, path: &str) -> Response {
        self.request(house, "GET", path, Vec::new(), &[("accept", wire::POSTCARD)]).await
    }

    pub async fn request(
        &self,
        house: &House,
        method: &str,
        path: &str,
        body: Vec<u8>,
        headers: &[(&str, &str)],
    ) -> Response {
        let at = Moment::now();
        let hash = wire::body_hash(&body);
        let signature = wire::sign(&self.key, method, path, at, hash);
        let mut request = house.client.request(method.parse().unwrap(), house.url(path)).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request
            .header(wire::HEADER_TERMINAL, self.book.terminal)
            .header(wire::HEADER_TIME, at.0)
            .header(wire::HEADER_BODY, hash.to_string())
            .header(wire::HEADER_SIGNATURE, signature.to_string())
            .send()
            .await
            .unwrap()
    }
}

pub fn own(code: &str) -> Piece {
    Piece { code: Identifier::own(code).to_string(), quantity: Quantity::ONE_PIECE }
}

pub fn handling(station: &str, read_point: &str) -> Handling {
    Handling {
        station: station.into(),
        read_point: read_point.into(),
        device: "scanner".into(),
        person: Some(1),
        document: None,
    }
}

pub fn movement(act: Act, code: &str, to: Option<&str>) -> Body {
    let to_person = (act == Act::CheckOut).then_some(2);
    Body::Movement(Movement {
        act,
        what: vec![own(code)],
        from: None,
        to: to.map(str::to_owned),
        to_person,
        handling: handling("handheld", "H-07"),
        exceptions: Vec::new(),
    })
}

pub fn passage(code: &str, direction: Direction, at: Moment, exceptions: Vec<Reason>) -> Body {
    Body::Passage(Passage {
        direction,
        what: vec![own(code)],
        evidence: vec![Evidence { first: at, last: at, reads: 37, rssi_dbm: Some(-54) }],
        inside: "V1".into(),
        outside: "HALL".into(),
        handling: handling("vault-door", "D-01"),
        exceptions,
    })
}

pub fn name(zh: &str, en: &str) -> Name {
    Name { zh: zh.into(), en: en.into() }
}

/// A slot of a cabinet by its number.
pub fn place(number: usize) -> Content {
    let code = format!("V9-{number:03}");
    Content::Place(Place { code, parent: None, kind: PlaceKind::Storage, name: name("柜", "Slot") })
}

/// Master data of a small house.
pub fn catalog() -> Vec<Content> {
    let place =
        |code: &str, kind, zh, en| Content::Place(Place { code: code.into(), parent: None, kind, name: name(zh, en) });
    let person = |number, zh, en, department: (&str, &str)| {
        let department = name(department.0, department.1);
        Content::Person(Person { number, name: name(zh, en), department, badge: None })
    };
    let unit = |number: &str, zh, en| {
        Content::Unit(Unit {
            number: number.into(),
            item: "RG-7715".into(),
            tracking: Tracking::Serial,
            name: name(zh, en),
            home: Some("V2-03-11".into()),
            quantity: Some("3.42 g".parse().unwrap()),
        })
    };
    vec![
        Content::Item(Item {
            code: "RG-7715".into(),
            name: name("红宝石戒指", "Ruby ring"),
            gtin: None,
            tracking: Tracking::Serial,
        }),
        place("V1", PlaceKind::Vault, "一号保险库", "Vault 1"),
        place("HALL", PlaceKind::Zone, "展厅", "Showroom"),
        place("D-01", PlaceKind::Door, "保险库门", "Vault door"),
        place("D-02", PlaceKind::Door, "收货门", "Receiving door"),
        place("V2-03-11", PlaceKind::Storage, "二号保险库 柜 3 位 11", "Vault 2, cabinet 3, slot 11"),
        place("V2-03-14", PlaceKind::Storage, "二号保险库 柜 3 位 14", "Vault 2, cabinet 3, slot 14"),
        person(1, "陈静", "Chen Jing", ("仓库", "Store")),
        person(2, "李明", "Li Ming", ("销售部", "Sales")),
        unit("18K-0042-7", "红宝石戒指，18K 金", "Ruby ring, 18K gold"),
        unit("PT-0317-2", "蓝宝石吊坠", "Sapphire pendant"),
        unit("JD-0102-5", "翡翠手镯", "Jade bangle"),
        Content::Pass(Pass {
            number: "DB-2611-0187".into(),
            units: vec!["18K-0042-7".into()],
            person: 2,
            purpose: name("展会展示", "Trade fair"),
            from: Moment(0),
            until: Moment(4_000_000_000_000_000),
            due: Moment(4_000_000_000_000_000),
            approved_by: 1,
        }),
    ]
}
