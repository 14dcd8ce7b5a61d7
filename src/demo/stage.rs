//! What the day is played on: the server, the cable, the terminals with their books, the simulated devices.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hardware::r200::frame::Dialect;
use hardware::simulator::script::Script;
use hardware::simulator::{llrp, r200, scanner};
use tokio::time::{Instant, sleep};

use crate::config;
use crate::demo::account::{Account, Sayings, Watch, book, settle};
use crate::demo::network::Network;
use crate::demo::office::Office;
use crate::demo::vault::{self, Sample};
use crate::demo::wire::Wire;
use crate::demo::{DemoError, Options};
use crate::quantity::Moment;
use crate::server::access::{Role, logins};
use crate::server::start::{self as server, StartError};
use crate::terminal;
use crate::terminal::reference::Reference;

/// A tag unseen for this long has passed a door of the demo.
pub const GONE_AFTER: Duration = Duration::from_millis(1_200);

/// How long anything may take to start or to arrive.
const PATIENCE: Duration = Duration::from_secs(15);

/// The login of the demo's person at the screen.
const LOGIN: &str = "demo";

/// What a visitor is told.
#[derive(Clone, Debug)]
pub struct Opened {
    pub url: String,
    pub login: String,
    pub password: String,
    /// Names and addresses of the terminals' own screens.
    pub screens: Vec<(&'static str, String)>,
}

/// One terminal with its only device.
pub struct Post {
    pub name: &'static str,
    pub terminal: terminal::Running,
    pub wire: Wire,
    watch: Watch,
    book: PathBuf,
}

pub struct Stage {
    pub samples: Vec<Sample>,
    pub office: Office,
    pub network: Network,
    pub door_vault: Post,
    pub door_receiving: Post,
    pub handheld: Post,
    server: server::Running,
    folder: Folder,
}

/// The folder of the demo; a temporary one goes with it.
struct Folder {
    path: PathBuf,
    kept: bool,
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.kept {
            // Nothing depends on it any more; what cannot be removed stays in the system's temporary folder.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

impl Folder {
    fn open(options: &Options) -> Result<Folder, DemoError> {
        let path = match &options.keep {
            Some(folder) => folder.clone(),
            None => std::env::temp_dir().join(format!("gatebook-demo-{}", std::process::id())),
        };
        let failed = |why| DemoError::Folder { folder: path.clone(), why };
        std::fs::create_dir_all(&path).map_err(failed)?;
        let used = std::fs::read_dir(&path).map_err(failed)?.next().is_some();
        if used {
            return Err(DemoError::FolderUsed { folder: path });
        }
        let path = path.canonicalize().map_err(failed)?;
        Ok(Folder { path, kept: options.keep.is_some() })
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf, DemoError> {
        let path = self.path.join(name);
        std::fs::write(&path, text).map_err(|why| DemoError::Folder { folder: path.clone(), why })?;
        Ok(path)
    }
}

impl Stage {
    /// Starts everything and waits until each device reads and each terminal knows the vault.
    pub async fn open(options: &Options) -> Result<(Stage, Opened), DemoError> {
        let folder = Folder::open(options)?;
        let server = start_server(&folder, options.port).await?;
        let (password, token) = let_in(&server).await?;
        let office = Office::new(&server.url, token)?;
        let samples = vault::samples();
        for record in vault::records(&samples, Moment::now()) {
            office.put(&record).await?;
        }
        let network = Network::to(server.address).await.map_err(DemoError::Device)?;
        let seed = options.seed;
        let reader = Box::new(llrp::LlrpReader::new(llrp::Make::default(), Script::new(), seed));
        let module = r200::Settings { dialect: Dialect::R200, ..r200::Settings::default() };
        let module = Box::new(r200::Module::new(module, Script::new(), seed + 1));
        let gun = scanner::Settings { split: true, pause: Duration::from_millis(20), ..scanner::Settings::default() };
        let gun = Box::new(scanner::Scanner::new(gun, Script::new(), seed + 2));
        let wire = |made: std::io::Result<Wire>| made.map_err(DemoError::Device);
        let portal = wire(Wire::tcp(reader, SocketAddr::from(([127, 0, 0, 1], 0))))?;
        let pad = wire(Wire::serial(module, &folder.path.join("usb-uhf-module")))?;
        let gun = wire(Wire::serial(gun, &folder.path.join("usb-scanner")))?;
        let build = Build { folder: &folder, office: &office, uplink: network.address };
        let stays = Watch::Stays { gone_after: GONE_AFTER };
        let door_vault = build.post("door-vault", stays, portal, |port| {
            format!(
                "[[device]]\nname = \"portal\"\ndriver = \"llrp\"\nport = \"{port}\"\n[device.llrp]\nsession = 0\nkeepalive_s = 1\n\
                 [[station]]\nname = \"vault-door\"\nkind = \"door\"\ndevices = [\"portal\"]\nplace = \"{}\"\n\
                 inside = \"{}\"\noutside = \"{}\"\ndirection = \"antennas\"\ninside_antennas = [1, 2]\n\
                 outside_antennas = [3, 4]\ngone_after_ms = {}\nweakest_rssi_dbm = -90\n",
                vault::DOOR_VAULT,
                vault::VAULT,
                vault::SHOWROOM,
                GONE_AFTER.as_millis(),
            )
        });
        let door_receiving = build.post("door-receiving", stays, pad, |port| {
            format!(
                "[[device]]\nname = \"module\"\ndriver = \"r200\"\nport = \"{port}\"\n\
                 [[station]]\nname = \"receiving-door\"\nkind = \"door\"\ndevices = [\"module\"]\nplace = \"{}\"\n\
                 inside = \"{}\"\noutside = \"{}\"\ndirection = \"book\"\nnever_seen = \"in\"\ngone_after_ms = {}\nweakest_rssi_dbm = -90\n",
                vault::DOOR_RECEIVING,
                vault::VAULT,
                vault::RECEIVING,
                GONE_AFTER.as_millis(),
            )
        });
        let handheld = build.post("handheld-7", Watch::Scans, gun, |port| {
            format!(
                "[[device]]\nname = \"scanner\"\ndriver = \"scanner\"\nport = \"{port}\"\n\
                 [[station]]\nname = \"vault-handheld\"\nkind = \"handheld\"\ndevices = [\"scanner\"]\nplace = \"{}\"\n",
                vault::VAULT,
            )
        });
        let (door_vault, door_receiving, handheld) = tokio::try_join!(door_vault, door_receiving, handheld)?;
        let screens =
            [&door_vault, &door_receiving, &handheld].map(|post| (post.name, post.terminal.url.clone())).into();
        let opened = Opened { url: server.url.clone(), login: LOGIN.into(), password, screens };
        let stage = Stage { samples, office, network, door_vault, door_receiving, handheld, server, folder };
        stage.ready().await?;
        Ok((stage, opened))
    }

    pub fn posts(&self) -> [&Post; 3] {
        [&self.door_vault, &self.door_receiving, &self.handheld]
    }

    /// Waits until every device is up and every terminal has what the office put.
    async fn ready(&self) -> Result<(), DemoError> {
        for post in self.posts() {
            post.wait("its device and its data", |status| {
                status.devices.values().all(|device| device.up) && status.link.online
            })
            .await?;
        }
        let last = self.samples.last().map(|sample| sample.number.clone()).unwrap_or_default();
        self.informed(|reference| reference.unit(&last).is_some()).await
    }

    /// Waits until every terminal decides by what the office put: `known` of its reference data.
    ///
    /// # Errors
    /// When one does not within the patience of the demo.
    pub async fn informed(&self, known: impl Fn(&Reference) -> bool) -> Result<(), DemoError> {
        for post in self.posts() {
            let house = &post.terminal.house;
            post.wait("the newest records", |_| house.decide(house.now(), |world| known(world.reference))).await?;
        }
        Ok(())
    }

    /// Waits until all is recorded and sent, then compares what was shown with what is there.
    ///
    /// # Errors
    /// When a book cannot be read or the server does not answer.
    pub async fn settle(&self) -> Result<Account, DemoError> {
        // The last passage closes after its tags were gone for a while; what was read is on its way until then.
        sleep(GONE_AFTER + Duration::from_millis(800)).await;
        for post in self.posts() {
            let _ = post.wait("the server's receipts", |status| status.book.waiting == 0 && status.link.online).await;
        }
        let mut sayings = Vec::new();
        let mut books = Vec::new();
        for post in self.posts() {
            let entries =
                book(&post.book).map_err(|error| DemoError::Rest(format!("{}: {error}", post.book.display())))?;
            books.push(entries);
            let terminal = u64::from(post.terminal.book.id().terminal);
            sayings.push(Sayings { terminal, watch: post.watch, log: post.wire.log() });
        }
        let central = self.office.lines().await?;
        let exceptions = self.office.open_exceptions().await?;
        let things: BTreeSet<String> = self.samples.iter().flat_map(|sample| [sample.tag(), sample.label()]).collect();
        Ok(settle(&sayings, &books, &central, &things, exceptions))
    }

    /// Ends in order: terminals, devices, server, folder.
    pub async fn close(self) {
        for post in [self.door_vault, self.door_receiving, self.handheld] {
            post.terminal.stop().await;
            drop(post.wire);
        }
        self.server.stop().await;
        drop(self.folder);
    }
}

impl Post {
    /// Waits until `holds` of the terminal's status.
    ///
    /// # Errors
    /// [`DemoError::Late`] when it does not within the patience of the demo.
    pub async fn wait(&self, what: &str, holds: impl Fn(&terminal::status::Status) -> bool) -> Result<(), DemoError> {
        let until = Instant::now() + PATIENCE;
        while !holds(&self.terminal.status()) {
            if until < Instant::now() {
                return Err(DemoError::Late(format!("terminal {}: {what}", self.name)));
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

async fn start_server(folder: &Folder, port: u16) -> Result<server::Running, DemoError> {
    let text = format!(
        "name = \"Gatebook\"\ndata = {:?}\nlisten = \"127.0.0.1:{port}\"\n[tls]\nmode = \"off\"\n\
         [sync]\nterminal_silent_s = 3\n",
        folder.path.join("server").display().to_string(),
    );
    let file = folder.write("server.toml", &text)?;
    let config = config::load_server(Some(&file), &[]).map_err(|error| DemoError::Server(error.to_string()))?;
    server::start(config).await.map_err(|error| match error {
        StartError::PortTaken { address } => DemoError::PortTaken { port: address.port() },
        error => DemoError::Server(error.to_string()),
    })
}

/// A login for the person at the screen, and a token for the office.
async fn let_in(server: &server::Running) -> Result<(String, String), DemoError> {
    let mut random = [0; 4];
    getrandom::fill(&mut random).map_err(|error| DemoError::Server(error.to_string()))?;
    let password = format!("vault-{}", crate::hex::encode(&random));
    let chosen = password.clone();
    let made = server.server.database.write(move |tx| {
        let now = Moment::now();
        logins::create_login(tx, LOGIN, &chosen, &Role::ALL, Some(vault::KEEPER), now)?;
        logins::create_token(tx, "demo office", &Role::ALL, LOGIN, now)
    });
    let token = made.await.map_err(|error| DemoError::Server(error.to_string()))?;
    Ok((password, token))
}

/// What every terminal of the demo is made with.
struct Build<'a> {
    folder: &'a Folder,
    office: &'a Office,
    uplink: SocketAddr,
}

impl Build<'_> {
    async fn post(
        &self,
        name: &'static str,
        watch: Watch,
        wire: Wire,
        parts: impl FnOnce(&str) -> String,
    ) -> Result<Post, DemoError> {
        let failed = |why: String| DemoError::Terminal { name, why };
        let data = self.folder.path.join(name);
        let text = format!(
            "name = \"{name}\"\ndata = {:?}\n[server]\nurl = \"http://{}\"\nenrolment_code = \"{}\"\nheartbeat_s = 1\n\
             timeout_s = 5\n[book]\nlimit_mb = 256\nreserve_mb = 4\nseal_quiet_s = 1\n[screen]\nlisten = \"127.0.0.1:0\"\n\
             [policy]\ncertificate_for = [\"check_out\"]\n{}",
            data.display().to_string(),
            self.uplink,
            self.office.enrolment_code().await?,
            parts(&wire.port),
        );
        let file = self.folder.write(&format!("{name}.toml"), &text)?;
        let config = config::load_terminal(Some(Path::new(&file)), &[]).map_err(|error| failed(error.to_string()))?;
        let terminal = terminal::start(config).await.map_err(|error| failed(error.to_string()))?;
        Ok(Post { name, terminal, wire, watch, book: data.join(terminal::BOOK) })
    }
}
