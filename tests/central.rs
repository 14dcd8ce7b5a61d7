//! A central store for a test, on every engine at hand, and terminals that write books for it.

use std::sync::atomic::{AtomicU32, Ordering};

use ed25519_dalek::SigningKey;
use gatebook::event::{
    Act, Body, Correction, Direction, Evidence, Handling, LineRef, Movement, Passage, Piece, Reason, Ruling, System,
};
use gatebook::hex::{Hex, HexBytes};
use gatebook::identity::Identifier;
use gatebook::ledger::chain::{self, BookId, Line, Seal};
use gatebook::quantity::{Moment, Quantity};
use gatebook::server::book::{self, DecideError, Decided, ServerKey};
use gatebook::server::database::{Database, DatabaseError, Tx};
use gatebook::server::intake::{self, Intake};
use gatebook::server::{kernel, rebuild};
use gatebook::sync::records::{Binding, Content, Name, Tracking, Unit};
use gatebook::sync::wire::{Batch, BatchReply};

/// 2026-11-22 00:00 UTC.
pub const START: i64 = 1_795_305_600_000_000;

/// A moment that many seconds after [`START`].
pub fn at(seconds: i64) -> Moment {
    Moment(START + seconds * 1_000_000)
}

/// One store with its server.
pub struct Central {
    pub engine: &'static str,
    pub url: String,
    pub database: Database,
    pub server: ServerKey,
    commands: AtomicU32,
    _folder: tempfile::TempDir,
}

/// Runs a story on SQLite and, when `GATEBOOK_TEST_POSTGRES` names a server, on PostgreSQL in a database of its own.
pub fn on_every_engine(story: impl AsyncFn(&Central)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        story(&sqlite().await).await;
        if let Some((central, drop)) = postgres().await {
            story(&central).await;
            std::mem::drop(central);
            drop.await;
        }
    });
}

pub async fn sqlite() -> Central {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("central.db").display());
    Central::begin("SQLite", url, folder).await
}

/// `None` when no PostgreSQL is at hand; with the work that takes the database away again.
pub async fn postgres() -> Option<(Central, impl Future<Output = ()>)> {
    let (url, drop) = own_postgres().await?;
    Some((Central::begin("PostgreSQL", url, tempfile::tempdir().unwrap()).await, drop))
}

/// The address of a new PostgreSQL database and the work that takes it away again; `None` when no server is at hand.
pub async fn own_postgres() -> Option<(String, impl Future<Output = ()>)> {
    let url = std::env::var("GATEBOOK_TEST_POSTGRES").ok()?;
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let mut random = [0; 8];
    getrandom::fill(&mut random).unwrap();
    let name = format!("gatebook_{}", gatebook::hex::encode(&random));
    client.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    let (server, _) =
        url.rsplit_once('/').expect("the URL names a database: postgres://postgres@127.0.0.1:5432/postgres");
    let address = format!("{server}/{name}");
    Some((address, async move {
        client.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap();
    }))
}

impl Central {
    async fn begin(engine: &'static str, url: String, folder: tempfile::TempDir) -> Central {
        let database = Database::open(&url).await.unwrap();
        let server = database.write(ServerKey::load).await.unwrap();
        Central { engine, url, database, server, commands: AtomicU32::new(1), _folder: folder }
    }

    /// Makes this new store's server the same as the other's, so that its book can be the same to the last byte.
    pub async fn become_twin_of(&mut self, other: &Central) {
        let secret = self.server_row(other, "SELECT secret FROM server_identity").await;
        let epoch = self.server_row(other, "SELECT epoch FROM server_book").await;
        let set = move |tx: &mut Tx| {
            tx.execute("UPDATE server_identity SET secret = ?1", &[secret.into()])?;
            tx.execute("UPDATE server_book SET epoch = ?1", &[epoch.into()])?;
            ServerKey::load(tx)
        };
        self.server = self.database.write(set).await.unwrap();
    }

    async fn server_row(&self, other: &Central, sql: &'static str) -> Vec<u8> {
        other.read(move |tx| Ok(tx.query(sql, &[])?[0].blob(0)?.to_vec())).await
    }

    pub async fn read<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut Tx) -> Result<T, DatabaseError> + Send + 'static,
    ) -> T {
        self.database.read(ask).await.unwrap()
    }

    pub async fn try_decide(&self, command: u32, ruling: Ruling, when: Moment) -> Result<Decided, DecideError> {
        let server = self.server.clone();
        let mut id = [0; 16];
        id[..4].copy_from_slice(&command.to_be_bytes());
        self.database.write(move |tx| book::decide(tx, &server, Hex(id), Some(1), ruling, when)).await
    }

    pub async fn decide(&self, ruling: Ruling, when: Moment) -> Decided {
        self.try_decide(self.commands.fetch_add(1, Ordering::Relaxed), ruling, when).await.unwrap()
    }

    pub async fn put(&self, content: Content, withdrawn: bool, since: Moment) -> Decided {
        let server = self.server.clone();
        let mut id = [7; 16];
        id[..4].copy_from_slice(&self.commands.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        let put = move |tx: &mut Tx| book::put(tx, &server, Hex(id), Some(1), content, withdrawn, since, since);
        self.database.write(put).await.unwrap()
    }

    pub async fn bind(&self, code: &str, unit: &str, since: Moment) {
        self.put(Content::Binding(Binding { code: code.into(), unit: unit.into() }), false, since).await;
    }

    pub async fn register(&self, number: &str, tracking: Tracking) {
        let unit = Unit {
            number: number.into(),
            item: "RING".into(),
            tracking,
            name: Name::default(),
            home: None,
            quantity: None,
        };
        self.put(Content::Unit(unit), false, at(0)).await;
    }

    /// Takes a terminal into the house and gives its door.
    pub async fn enrol(&self, terminal: u32) -> Door {
        let door = Door::new(terminal, 1);
        let key = Hex(door.key.verifying_key().to_bytes());
        self.decide(Ruling::Enrol { terminal, name: format!("door-{terminal}"), key }, at(0)).await;
        door
    }

    pub async fn send(&self, batch: Batch) -> Intake {
        self.send_at(batch, at(1_000_000)).await
    }

    async fn send_at(&self, batch: Batch, received: Moment) -> Intake {
        let server = self.server.clone();
        self.database
            .write(move |tx| intake::take_in(tx, &server, &batch, received))
            .await
            .unwrap_or_else(|error: DatabaseError| panic!("{error}"))
    }

    pub async fn take(&self, batch: Batch) -> BatchReply {
        self.take_at(batch, at(1_000_000)).await
    }

    pub async fn take_at(&self, batch: Batch, received: Moment) -> BatchReply {
        match self.send_at(batch, received).await {
            Intake::Taken(reply) => reply,
            Intake::Refused(refused) => panic!("{}: {refused}", self.engine),
        }
    }

    pub async fn digest(&self) -> Hex<32> {
        self.read(kernel::digest::digest).await
    }

    pub async fn rebuild(&self) -> Hex<32> {
        self.database.write(rebuild::rebuild).await.unwrap()
    }

    /// Carries out SQL behind the server's back.
    pub async fn tamper(&self, sql: &'static str) {
        let done = self.database.write(move |tx| tx.execute(sql, &[])).await;
        assert!(0 < done.unwrap(), "{sql} changed nothing");
    }

    pub async fn number(&self, sql: impl Into<String>) -> i64 {
        let sql = sql.into();
        self.read(move |tx| tx.query(&sql, &[])?.first().map_or(Ok(0), |row| row.int(0))).await
    }

    /// Where a unit is, by its house number or code.
    pub async fn place(&self, code: &str) -> Option<String> {
        let code = code.to_owned();
        self.read(move |tx| kernel::queries::unit(tx, &code, at(900_000))).await.and_then(|unit| unit.place)
    }

    /// Reasons and codes of the open exceptions, sorted.
    pub async fn open(&self) -> Vec<String> {
        let page = self.read(|tx| kernel::queries::exceptions(tx, kernel::queries::Which::Open, None, 200)).await;
        let mut open: Vec<String> = page.rows.into_iter().map(|row| format!("{} {}", row.reason, row.code)).collect();
        open.sort();
        open
    }
}

/// A terminal's book as it grows.
#[derive(Clone)]
pub struct Door {
    pub book: BookId,
    pub key: SigningKey,
    pub lines: Vec<Line>,
    pub seals: Vec<Seal>,
}

impl Door {
    pub fn new(terminal: u32, epoch: u8) -> Door {
        let key = SigningKey::from_bytes(&[u8::try_from(terminal).unwrap(); 32]);
        Door { book: BookId { terminal, epoch: Hex([epoch; 16]) }, key, lines: Vec::new(), seals: Vec::new() }
    }

    pub fn head(&self) -> Hex<32> {
        self.lines.last().map_or_else(|| chain::genesis(self.book), |line| line.hash)
    }

    pub fn write(&mut self, when: Moment, body: Body) -> LineRef {
        self.write_raw(when, body.kind(), body.schema(), body.encode())
    }

    pub fn write_raw(&mut self, when: Moment, kind: u8, schema: u16, body: Vec<u8>) -> LineRef {
        let seq = self.lines.len() as u64 + 1;
        let hash = Hex([0; 32]);
        let mut line = Line { seq, at: when, zone_min: 480, mono_us: 5, kind, schema, body: HexBytes(body), hash };
        line.hash = chain::link(self.head(), &line);
        self.lines.push(line);
        LineRef { terminal: self.book.terminal, epoch: self.book.epoch, seq }
    }

    pub fn seal(&mut self) {
        let first = self.seals.last().map_or(1, |seal| seal.last + 1);
        let previous = self.seals.last().map_or(Seal::BEFORE_FIRST, |seal| seal.signature);
        let blank = Seal {
            number: self.seals.len() as u64 + 1,
            first,
            last: self.lines.len() as u64,
            head: self.head(),
            at: at(0),
            signature: Seal::BEFORE_FIRST,
        };
        self.seals.push(blank.sign(self.book, previous, &self.key));
    }

    /// Lines `first` to `last` and all seals.
    pub fn batch(&self, first: u64, last: u64) -> Batch {
        let previous = match first {
            1 => chain::genesis(self.book),
            first => self.lines[first as usize - 2].hash,
        };
        let lines = self.lines[first as usize - 1..last as usize].to_vec();
        Batch { book: self.book, previous, lines, seals: self.seals.clone(), at: at(0), waiting: 0 }
    }

    pub fn whole(&self) -> Batch {
        self.batch(1, self.lines.len() as u64)
    }

    pub fn offset(&mut self, when: Moment, seconds: i64) -> LineRef {
        self.write(when, Body::System(System::ClockOffset { offset_us: seconds * 1_000_000, error_us: 0 }))
    }

    pub fn correct(&mut self, when: Moment, corrects: LineRef) -> LineRef {
        self.write(when, Body::Correction(Correction { corrects, handling: handling("V1", None), note: String::new() }))
    }

    /// A movement of one piece of each code.
    pub fn act(&mut self, when: Moment, act: Act, codes: &[&str], to: Option<&str>, person: Option<u32>) -> LineRef {
        let what = codes.iter().map(|code| piece(code, 1)).collect();
        self.write(when, movement(act, what, None, to, person))
    }

    pub fn pass(&mut self, when: Moment, direction: Direction, code: &str, person: Option<u32>) -> LineRef {
        let seen = Evidence { first: when, last: when, reads: 3, rssi_dbm: Some(-50) };
        self.write(
            when,
            Body::Passage(Passage {
                direction,
                what: vec![piece(code, 1)],
                evidence: vec![seen],
                inside: "VAULT".into(),
                outside: "YARD".into(),
                handling: handling("DOOR", person),
                exceptions: Vec::new(),
            }),
        )
    }
}

pub fn own(number: &str) -> String {
    Identifier::own(number).to_string()
}

pub fn piece(code: &str, amount: i64) -> Piece {
    Piece { code: code.into(), quantity: Quantity::pieces(amount) }
}

pub fn handling(read_point: &str, person: Option<u32>) -> Handling {
    Handling {
        station: "bench".into(),
        read_point: read_point.into(),
        device: "scanner".into(),
        person,
        document: None,
    }
}

pub fn movement(act: Act, what: Vec<Piece>, from: Option<&str>, to: Option<&str>, person: Option<u32>) -> Body {
    let to_person = if act == Act::CheckOut { person } else { None };
    Body::Movement(Movement {
        act,
        what,
        from: from.map(str::to_owned),
        to: to.map(str::to_owned),
        to_person,
        handling: handling("V1", person),
        exceptions: Vec::<Reason>::new(),
    })
}

/// Figures that look random and are the same in every run of one seed (SplitMix64).
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }

    pub fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u64) as usize]
    }
}
