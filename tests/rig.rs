//! A server and terminals as real processes, on files and ports of their own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::checker::Acknowledged;

const GATEBOOK: &str = env!("CARGO_BIN_EXE_gatebook");

/// How long anything that must happen may take on a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The store under the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// The engines that this run can test: PostgreSQL where `GATEBOOK_TEST_POSTGRES` names one.
pub fn engines() -> Vec<Engine> {
    match std::env::var("GATEBOOK_TEST_POSTGRES") {
        Ok(_) => vec![Engine::Sqlite, Engine::Postgres],
        Err(_) => {
            eprintln!("GATEBOOK_TEST_POSTGRES is not set: SQLite only");
            vec![Engine::Sqlite]
        }
    }
}

/// A database of its own for one test.
pub fn fresh_database(engine: Engine) -> String {
    let Engine::Postgres = engine else { return "sqlite".into() };
    let url = std::env::var("GATEBOOK_TEST_POSTGRES").unwrap();
    let name = format!("gatebook_{}", free_name());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    });
    let (server, _) = url.rsplit_once('/').unwrap();
    format!("{server}/{name}")
}

fn free_name() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Tries until `found` gives something.
pub fn wait_for<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A request over a plain socket: no client library of the product in between. The body of a 200, else `None`.
pub fn get(address: SocketAddr, path: &str, header: &str) -> Option<Vec<u8>> {
    let (status, body) = request(address, "GET", path, header, b"")?;
    (status == 200).then_some(body)
}

/// Any request; status and body.
pub fn request(address: SocketAddr, method: &str, path: &str, header: &str, body: &[u8]) -> Option<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n{header}\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body).ok()?;
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let head = head.to_lowercase();
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or_default()];
    match length {
        // Some servers keep the line open whatever they were asked.
        Some(_) => stream.read_exact(&mut body).ok()?,
        None => stream.read_to_end(&mut body).map(|_| ()).ok()?,
    }
    if head.contains("transfer-encoding: chunked") {
        body = unchunk(&body)?;
    }
    Some((status, body))
}

fn unchunk(mut body: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let end = body.windows(2).position(|window| window == b"\r\n")?;
        let len = usize::from_str_radix(std::str::from_utf8(&body[..end]).ok()?.trim(), 16).ok()?;
        if len == 0 {
            return Some(whole);
        }
        whole.extend_from_slice(body.get(end + 2..end + 2 + len)?);
        body = body.get(end + 4 + len..)?;
    }
}

/// The program, without the variables that are for the tests.
fn gatebook() -> Command {
    let mut command = Command::new(GATEBOOK);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("GATEBOOK_")) {
        command.env_remove(name);
    }
    command
}

/// Ends the process when the test ends, however it ends.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a daemon; what it logs is added to a file in `folder`.
fn daemon(kind: &str, config: &Path, folder: &Path) -> Process {
    let log = folder.join(format!("{kind}.log"));
    let log = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
    let mut command = gatebook();
    command.args([kind, "--config"]).arg(config).stdout(Stdio::null()).stderr(log);
    Process(command.spawn().unwrap())
}

/// What names a line in JSON, of the REST interface and of a terminal's answers alike.
fn line_named(line: &Value) -> Acknowledged {
    Acknowledged {
        terminal: u32::try_from(line["terminal"].as_u64().unwrap()).unwrap(),
        epoch: line["epoch"].as_str().unwrap().to_owned(),
        seq: line["seq"].as_u64().unwrap(),
        hash: line["hash"].as_str().unwrap().to_owned(),
    }
}

pub struct Server {
    pub folder: PathBuf,
    pub address: SocketAddr,
    config: PathBuf,
    token: String,
    process: Option<Process>,
}

impl Server {
    /// Configures, initialises and starts a server in `folder`.
    pub fn start(folder: &Path, engine: Engine) -> Server {
        Server::start_with(folder, engine, "")
    }

    /// The same with more in its configuration.
    pub fn start_with(folder: &Path, engine: Engine, more: &str) -> Server {
        let database = fresh_database(engine);
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let data = folder.join("server");
        std::fs::create_dir_all(&data).unwrap();
        let config = folder.join("server.toml");
        let text = format!(
            "data = {data:?}\nlisten = \"{address}\"\ndatabase = {database:?}\n[tls]\nmode = \"off\"\n{more}",
            data = data.display().to_string(),
        );
        std::fs::write(&config, text).unwrap();
        let mut server = Server { folder: folder.to_path_buf(), address, config, token: String::new(), process: None };
        server.token = server.tool(&[
            "add-token",
            "--name",
            "tests",
            "--role",
            "administrator",
            "--role",
            "approver",
            "--role",
            "keeper",
        ]);
        server.run();
        server
    }

    /// A tool of the server at work on its database; what it printed.
    pub fn tool(&self, arguments: &[&str]) -> String {
        self.tool_with(arguments, "")
    }

    /// The same, with something to read on its standard input.
    pub fn tool_with(&self, arguments: &[&str], typed: &str) -> String {
        let mut child = gatebook()
            .args(["server", "--config"])
            .arg(&self.config)
            .args(arguments)
            .env("RUST_LOG", "error")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "gatebook server {arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub fn run(&mut self) {
        self.process = Some(daemon("server", &self.config, &self.folder));
        wait_for("the server answers", || get(self.address, "/health", ""));
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.process = None;
    }

    pub fn api(&self, path: &str) -> Option<Value> {
        let body = get(self.address, path, &format!("authorization: Bearer {}\r\n", self.token))?;
        Some(serde_json::from_slice(&body).unwrap())
    }

    /// The body of an answer that is no JSON.
    pub fn api_bytes(&self, path: &str) -> Option<Vec<u8>> {
        get(self.address, path, &format!("authorization: Bearer {}\r\n", self.token))
    }

    pub fn put_record(&self, record: &Value) {
        let header = format!(
            "authorization: Bearer {}\r\ncontent-type: application/json\r\nidempotency-key: {}\r\n",
            self.token,
            blake3::hash(record.to_string().as_bytes()).to_hex().get(..32).unwrap(),
        );
        let (status, body) =
            request(self.address, "POST", "/api/v1/records", &header, record.to_string().as_bytes()).unwrap();
        assert!((200..300).contains(&status), "{status}: {}", String::from_utf8_lossy(&body));
    }

    /// Every line that the REST interface returns.
    pub fn lines(&self) -> Vec<Value> {
        let mut lines = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/api/v1/movements?limit=500{cursor}");
            let page = self.api(&path).expect("a page of movements");
            lines.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&after={next}"),
                None => return lines,
            }
        }
    }

    /// The same, as the checker compares it.
    pub fn stored(&self) -> Vec<Acknowledged> {
        self.lines().iter().map(line_named).collect()
    }

    /// The projections, as they are and as a rebuild makes them.
    pub fn digests(&self) -> (String, String) {
        let standing = self.tool(&["digest"]);
        (standing, self.tool(&["rebuild"]))
    }
}

pub struct Terminal {
    pub folder: PathBuf,
    pub screen: SocketAddr,
    config: PathBuf,
    process: Option<Process>,
    acknowledged: Arc<Mutex<Vec<Acknowledged>>>,
    listener: Option<JoinHandle<()>>,
}

impl Terminal {
    /// Configures, enrols and starts a terminal. `parts` are the `[[device]]` and `[[station]]` entries.
    pub fn start(server: &Server, uplink: SocketAddr, name: &str, parts: &str) -> Terminal {
        let folder = server.folder.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let screen = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let code = server.tool(&["enrolment-code"]);
        let config = server.folder.join(format!("{name}.toml"));
        let text = format!(
            "name = {name:?}\ndata = {data:?}\n[server]\nurl = \"http://{uplink}\"\nenrolment_code = {code:?}\n\
             heartbeat_s = 1\ntimeout_s = 5\n[book]\nseal_quiet_s = 1\n[screen]\nlisten = \"{screen}\"\n{parts}",
            data = folder.display().to_string(),
        );
        std::fs::write(&config, text).unwrap();
        let acknowledged = Arc::default();
        let mut terminal = Terminal { folder, screen, config, process: None, acknowledged, listener: None };
        terminal.run();
        terminal
    }

    /// Starts the daemon and listens to what it confirms, from its first breath.
    pub fn run(&mut self) {
        self.process = Some(daemon("terminal", &self.config, &self.folder));
        let stream = wait_for("the terminal's screen answers", || answers(self.screen));
        let acknowledged = self.acknowledged.clone();
        self.listener = Some(std::thread::spawn(move || listen(stream, &acknowledged)));
    }

    /// SIGKILL; what was confirmed until then stays on record.
    pub fn kill(&mut self) {
        self.process = None;
        if let Some(listener) = self.listener.take() {
            listener.join().unwrap();
        }
    }

    /// What was shown to the operator as written.
    pub fn acknowledged(&self) -> Vec<Acknowledged> {
        self.acknowledged.lock().unwrap().clone()
    }

    pub fn status(&self) -> Option<Value> {
        serde_json::from_slice(&get(self.screen, "/status.json", "")?).ok()
    }

    pub fn book(&self) -> PathBuf {
        self.folder.join("book.sqlite")
    }

    /// Waits until nothing is waiting for the server.
    pub fn wait_until_sent(&self) {
        wait_for("everything is sent", || {
            let status = self.status()?;
            (status["book"]["waiting"].as_u64()? == 0 && status["link"]["online"].as_bool()?).then_some(())
        });
    }
}

/// Opens `GET /answers`. From the head of its reply on the terminal tells every answer, so that none is missed.
fn answers(screen: SocketAddr) -> Option<BufReader<TcpStream>> {
    let mut stream = TcpStream::connect(screen).ok()?;
    stream.write_all(format!("GET /answers HTTP/1.1\r\nhost: {screen}\r\n\r\n").as_bytes()).ok()?;
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while 0 < stream.read_line(&mut line).ok()? {
        if line == "\r\n" {
            return Some(stream);
        }
        line.clear();
    }
    None
}

/// Reads the answers, one JSON object a line, until the terminal dies.
fn listen(stream: BufReader<TcpStream>, acknowledged: &Mutex<Vec<Acknowledged>>) {
    for line in stream.lines() {
        let Ok(line) = line else { return };
        let Ok(answer) = serde_json::from_str::<Value>(&line) else { continue };
        let Some(written) = answer.get("line").filter(|line| !line.is_null()) else { continue };
        acknowledged.lock().unwrap().push(line_named(written));
    }
}

/// A seeded draw: the same numbers in every run.
pub struct Dice(pub u64);

impl Dice {
    /// A number below `end` (splitmix64).
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}
