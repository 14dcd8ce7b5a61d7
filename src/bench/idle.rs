//! How long a terminal takes from its start to an answering screen, and what it holds in memory when nothing happens.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{Figure, percentile};

const STARTS: usize = 9;

/// Time after which a terminal without work counts as idle: it has read its whole book by then.
const SETTLED: Duration = Duration::from_secs(13);

const PATIENCE: Duration = Duration::from_secs(20);

/// A child that does not outlive the measurement.
struct Running(Child);

impl Running {
    fn spawn(program: &Path, arguments: &[&str]) -> Result<Running, String> {
        let child = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        child.map(Running).map_err(|error| format!("{}: {error}", program.display()))
    }

    /// Asks it to stop and waits.
    fn stop(mut self) {
        let pid = i32::try_from(self.0.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let _ = self.0.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_address() -> Result<SocketAddr, String> {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).map_err(|error| error.to_string())
}

/// Whether `GET path` is answered at all.
fn answers(address: SocketAddr, path: &str) -> bool {
    let ask = || -> std::io::Result<usize> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_millis(200))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
        stream.read(&mut [0; 64])
    };
    ask().is_ok_and(|len| 0 < len)
}

fn wait_until_answers(address: SocketAddr, path: &str) -> Result<Duration, String> {
    let began = Instant::now();
    while !answers(address, path) {
        if PATIENCE < began.elapsed() {
            return Err(format!("{address} did not answer within {PATIENCE:?}"));
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    Ok(began.elapsed())
}

/// # Errors
/// When this program cannot run its own server and terminal in `folder`.
pub fn measure(folder: &Path) -> Result<Vec<Figure>, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok::<_, String>(path.display().to_string())
    };
    let (server, screen) = (free_address()?, free_address()?);
    let data = |name: &str| folder.join(name).display().to_string();
    let server_file =
        write("server.toml", format!("data = {:?}\nlisten = \"{server}\"\n[tls]\nmode = \"off\"\n", data("server")))?;
    let _server = Running::spawn(&program, &["server", "--config", &server_file])?;
    wait_until_answers(server, "/health")?;
    let code = Command::new(&program).args(["server", "--config", &server_file, "enrolment-code"]).output();
    let code = code.map_err(|error| error.to_string())?;
    let terminal_file = write(
        "terminal.toml",
        format!(
            "name = \"bench\"\ndata = {:?}\n[server]\nurl = \"http://{server}\"\nenrolment_code = {:?}\n\
             [screen]\nlisten = \"{screen}\"\n\
             [[device]]\nname = \"portal\"\ndriver = \"llrp\"\nport = \"tcp:127.0.0.1:9\"\n\
             [[device]]\nname = \"scanner\"\ndriver = \"scanner\"\nport = \"/dev/gatebook-no-such-port\"\n\
             [[station]]\nname = \"door\"\nkind = \"door\"\ndevices = [\"portal\"]\nplace = \"D-01\"\ninside = \"V\"\noutside = \"S\"\n\
             [[station]]\nname = \"bench\"\nkind = \"bench\"\ndevices = [\"scanner\"]\nplace = \"B-01\"\n",
            data("terminal"),
            String::from_utf8_lossy(&code.stdout).trim(),
        ),
    )?;
    let start = || -> Result<(Running, Duration), String> {
        let began = Instant::now();
        let running = Running::spawn(&program, &["terminal", "--config", &terminal_file])?;
        wait_until_answers(screen, "/status.json")?;
        Ok((running, began.elapsed()))
    };
    // The first start enrols and makes the book.
    start()?.0.stop();
    let mut starts = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        let (running, took) = start()?;
        starts.push(took);
        running.stop();
    }
    starts.sort();
    let (running, _) = start()?;
    std::thread::sleep(SETTLED);
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", running.0.id())).map_err(|error| error.to_string())?;
    let resident = |name: &str| -> Option<f64> {
        status.lines().find_map(|line| line.strip_prefix(name)?.trim().trim_end_matches(" kB").parse().ok())
    };
    let kib = resident("VmRSS:").ok_or("the kernel does not say how much memory the terminal holds")?;
    running.stop();
    Ok(vec![
        Figure::new("terminal: start to answering screen, median", percentile(&starts, 0.5).as_secs_f64() * 1e3, "ms"),
        Figure::new("terminal: start to answering screen, slowest", percentile(&starts, 1.0).as_secs_f64() * 1e3, "ms"),
        Figure::new("terminal: memory held when idle (VmRSS)", kib / 1024.0, "MiB"),
    ])
}
