//! Cameras of a terminal, from the pixels of a real picture to a line of the ledger: real processes, a real HTTP server.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use crate::rig::{Engine, Server, Terminal, wait_for};

/// "Basic" and `door:picture` in base 64.
const KEY: &str = "Basic ZG9vcjpwaWN0dXJl";

fn picture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("hardware/tests/data/camera");
    std::fs::read(folder.join(name)).unwrap()
}

/// What the reader of pictures itself says of one, as the book writes it.
fn codes(name: &str) -> Vec<String> {
    let codes = hardware::camera::decode(&picture(name)).unwrap();
    let identifier = |code: hardware::camera::Code| {
        gatebook::identity::Identifier::of_symbol(Some((code.aim.code, code.aim.modifier)), &code.bytes)
    };
    codes.into_iter().map(|code| identifier(code).to_string()).collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Snapshots,
    /// Parts that say their length, and parts that do not.
    Stream {
        lengths: bool,
    },
}

/// A camera behind HTTP with basic authentication: it shows one picture until it is given another.
struct Camera {
    address: SocketAddr,
    shown: Arc<Mutex<Vec<u8>>>,
    silent: Arc<AtomicBool>,
    /// Connections that were let in.
    visits: Arc<AtomicUsize>,
}

impl Camera {
    fn start(way: Way, first: &str) -> Camera {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let camera = Camera {
            address: listener.local_addr().unwrap(),
            shown: Arc::new(Mutex::new(picture(first))),
            silent: Arc::default(),
            visits: Arc::default(),
        };
        let (shown, silent, visits) = (camera.shown.clone(), camera.silent.clone(), camera.visits.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (shown, silent, visits) = (shown.clone(), silent.clone(), visits.clone());
                // A client that hangs up ends its thread by an error of writing.
                std::thread::spawn(move || serve(&stream.unwrap(), way, &shown, &silent, &visits));
            }
        });
        camera
    }

    fn show(&self, name: &str) {
        *self.shown.lock().unwrap() = picture(name);
    }
}

fn serve(
    mut stream: &TcpStream,
    way: Way,
    shown: &Mutex<Vec<u8>>,
    silent: &AtomicBool,
    visits: &AtomicUsize,
) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    loop {
        let head: Vec<String> = lines.by_ref().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
        head.first()?;
        if !head.iter().any(|line| line.to_lowercase() == format!("authorization: {}", KEY.to_lowercase())) {
            let refusal =
                "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"cam\"\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(refusal.as_bytes()).ok()?;
            continue;
        }
        visits.fetch_add(1, Ordering::SeqCst);
        let lengths = match way {
            Way::Snapshots => {
                if silent.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_secs(3600));
                }
                let picture = shown.lock().unwrap().clone();
                let head =
                    format!("HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: {}\r\n\r\n", picture.len());
                stream.write_all(&[head.as_bytes(), &picture].concat()).ok()?;
                continue;
            }
            Way::Stream { lengths } => lengths,
        };
        let head = "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=--frame\r\n\r\n";
        stream.write_all(head.as_bytes()).ok()?;
        loop {
            if !silent.load(Ordering::SeqCst) {
                let picture = shown.lock().unwrap().clone();
                let length = if lengths { format!("Content-Length: {}\r\n", picture.len()) } else { String::new() };
                let head = format!("--frame\r\nContent-Type: image/png\r\n{length}\r\n");
                let part = [head.as_bytes(), &picture, b"\r\n"].concat();
                // As a network cuts it.
                for piece in part.chunks(1400) {
                    stream.write_all(piece).ok()?;
                }
            }
            std::thread::sleep(Duration::from_millis(40));
        }
    }
}

/// A bench with one camera.
fn bench(port: &str, more: &str) -> String {
    format!(
        "[[device]]\nname = \"eye\"\ndriver = \"camera\"\nport = {port:?}\n[device.camera]\ndeadline_ms = 5000\n{more}\
         [[station]]\nname = \"bench\"\nkind = \"bench\"\ndevices = [\"eye\"]\nplace = \"B-1\"\ndefault_act = \"receive\"\n"
    )
}

fn password(folder: &Path) -> String {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join("camera.password");
    std::fs::write(&path, "picture").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    format!("user = \"door\"\npassword = \"file:{}\"\ninterval_ms = 50\n", path.display())
}

fn eye(terminal: &Terminal) -> Value {
    terminal.status().map(|status| status["devices"]["eye"].clone()).unwrap_or_default()
}

/// Waits until the server has a line of each of these codes.
fn written(server: &Server, wanted: &[String]) -> Vec<Value> {
    wait_for("the codes are in the central book", || {
        let lines = server.lines();
        let text = serde_json::to_string(&lines).unwrap();
        wanted.iter().all(|code| text.contains(code.as_str())).then_some(lines)
    })
}

fn from_pixels_to_the_book(way: Way) {
    let (first, second) = ("photo.png", "large.png");
    let (one, two) = (codes(first), codes(second));
    assert!(one.len() == 1 && two.len() == 1 && one != two, "{one:?} {two:?}");
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), Engine::Sqlite);
    let camera = Camera::start(way, first);
    let port = format!("http://{}/live", camera.address);
    let terminal = Terminal::start(
        &server,
        server.address,
        "t1",
        &bench(&port, &format!("{}silence_s = 2\n", password(folder.path()))),
    );
    written(&server, &one);
    assert!(eye(&terminal)["model"].as_str().unwrap().contains(" x "), "{}", eye(&terminal));
    camera.show(second);
    written(&server, &two);
    // However often they were seen: each lay there once.
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(eye(&terminal)["reads"], 2, "{way:?}");
    // A camera that falls silent is down, in words, and up again by itself.
    camera.silent.store(true, Ordering::SeqCst);
    let why = wait_for("the silence is told", || {
        let eye = eye(&terminal);
        (eye["up"] == false).then(|| eye["why"].as_str().unwrap().to_owned())
    });
    assert!(why.contains("no picture for 2 s") || why.contains("does not answer"), "{why}");
    let visits = camera.visits.load(Ordering::SeqCst);
    camera.silent.store(false, Ordering::SeqCst);
    wait_for("it is seen again", || (eye(&terminal)["up"] == true).then_some(()));
    assert!(visits < camera.visits.load(Ordering::SeqCst));
}

#[test]
fn a_camera_that_is_asked_for_each_picture() {
    from_pixels_to_the_book(Way::Snapshots);
}

#[test]
fn a_camera_that_sends_pictures_with_their_length() {
    from_pixels_to_the_book(Way::Stream { lengths: true });
}

#[test]
fn a_camera_that_sends_pictures_between_boundaries() {
    from_pixels_to_the_book(Way::Stream { lengths: false });
}

#[test]
fn a_file_that_is_written_anew_and_a_camera_that_wants_another_name() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), Engine::Sqlite);
    let place: PathBuf = folder.path().join("last.png");
    let put = |name: &str| {
        let new = folder.path().join("new");
        std::fs::write(&new, picture(name)).unwrap();
        std::fs::rename(&new, &place).unwrap();
    };
    put("photo.png");
    let terminal =
        Terminal::start(&server, server.address, "t1", &bench(&place.display().to_string(), "interval_ms = 50\n"));
    written(&server, &codes("photo.png"));
    put("large.png");
    written(&server, &codes("large.png"));
    drop(terminal);

    let camera = Camera::start(Way::Snapshots, "photo.png");
    let port = format!("http://{}/live", camera.address);
    let terminal = Terminal::start(&server, server.address, "t2", &bench(&port, ""));
    let why = wait_for("the refusal is told", || {
        let eye = eye(&terminal);
        eye["why"].as_str().filter(|why| !why.is_empty()).map(str::to_owned)
    });
    assert!(why.contains("refuses the user; check user and password"), "{why}");
}
