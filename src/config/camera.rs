//! A camera that looks at codes: where its pictures come from and how they are looked at.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hardware::camera::Format;
use hardware::settings::{Form, Setting, Settings};

use crate::config::load::Secret;
use crate::hex::Hex;

/// The driver's name in a configuration.
pub const NAME: &str = "camera";
/// One sentence for a list.
pub const DESCRIPTION: &str = "camera on the network or at this machine, whose pictures are searched for codes";
/// What its port may look like.
pub const PORT: &str = "http://192.168.1.70/snapshot.jpg";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Camera {
    pub source: Source,
    pub live: Live,
}

/// Where pictures come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// One picture for each request, or a stream of them that does not end: the answer says which.
    Web(Web),
    /// A camera at this machine (Video4Linux).
    Node { path: PathBuf, width: u32, height: u32 },
    /// A file that some program writes anew with each picture.
    File { path: PathBuf },
    /// A folder into which pictures are put.
    Folder { path: PathBuf },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Web {
    pub url: String,
    /// Empty for none.
    pub user: String,
    pub password: Secret,
    /// SHA-256 of the CA certificate of the camera; needed where TLS is spoken.
    pub pin: Option<Hex<32>>,
}

/// How pictures are looked at that come one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// Between two requests for a picture.
    pub interval: Duration,
    /// How long one picture is searched.
    pub deadline: Duration,
    /// A code that was not seen for so long is read anew when it is back.
    pub away: Duration,
    /// Without a picture for so long the camera is down.
    pub silence: Duration,
    pub formats: Vec<Format>,
}

pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "user",
        form: Form::Text(""),
        says: "Name for a camera on the network that wants one (basic authentication).",
    },
    Setting { name: "password", form: Form::Secret, says: "The password that goes with it." },
    Setting {
        name: "pin",
        form: Form::Text(""),
        says: "sha256: and 64 hex digits of the CA certificate of a camera that is reached by https.",
    },
    Setting {
        name: "interval_ms",
        form: Form::Whole { default: 200, from: 20, to: 60_000 },
        says: "Pause between two requests to a camera that gives one picture for each, and between two looks at a file, in \
               milliseconds.",
    },
    Setting {
        name: "width",
        form: Form::Whole { default: 1280, from: 160, to: 8192 },
        says: "Width in pixels that a camera at /dev/video… is asked for; it gives the nearest that it has.",
    },
    Setting {
        name: "height",
        form: Form::Whole { default: 720, from: 120, to: 8192 },
        says: "Height in pixels that a camera at /dev/video… is asked for.",
    },
    Setting {
        name: "deadline_ms",
        form: Form::Whole { default: 30, from: 5, to: 5000 },
        says: "How long one picture is searched, in milliseconds. More finds worse codes, and sees fewer pictures.",
    },
    Setting {
        name: "away_ms",
        form: Form::Whole { default: 1500, from: 100, to: 600_000 },
        says: "A code is read once, however long it is seen; it is read again only after it was out of sight for so many \
               milliseconds.",
    },
    Setting {
        name: "silence_s",
        form: Form::Whole { default: 10, from: 1, to: 3600 },
        says: "A camera that gives no picture for so many seconds is down.",
    },
    Setting {
        name: "formats",
        form: Form::Texts(&[]),
        says: "Names of the kinds of codes that are looked for, such as \"QRCode\" and \"DataMatrix\"; empty for all. Fewer are \
               found faster.",
    },
];

impl Camera {
    /// Reads where a camera is.
    ///
    /// # Errors
    /// How it is to be written.
    pub fn parse(written: &str, settings: &Settings) -> Result<Camera, String> {
        Ok(Camera { source: source(written, settings)?, live: Live::of(settings)? })
    }

    /// A folder of pictures, with nothing else to be set.
    ///
    /// # Errors
    /// How it is to be written.
    pub fn folder(written: &str) -> Result<Camera, String> {
        let path = Some(PathBuf::from(written)).filter(|path| path.is_absolute());
        let path = path.ok_or("write the whole path of a folder")?;
        Ok(Camera { source: Source::Folder { path }, live: Live::of(&Settings::of(SETTINGS))? })
    }
}

impl Live {
    /// # Errors
    /// What of the settings cannot be.
    pub fn of(settings: &Settings) -> Result<Live, String> {
        let ms = |name| Duration::from_millis(settings.whole(name));
        Ok(Live {
            interval: ms("interval_ms"),
            deadline: ms("deadline_ms"),
            away: ms("away_ms"),
            silence: Duration::from_secs(settings.whole("silence_s")),
            formats: formats(&settings.texts("formats"))?,
        })
    }
}

fn formats(names: &[String]) -> Result<Vec<Format>, String> {
    let all = || Format::ALL.map(Format::name).join(", ");
    let known = |name: &String| Format::ALL.into_iter().find(|format| format.name().eq_ignore_ascii_case(name));
    let formats: Result<Vec<Format>, String> = names
        .iter()
        .map(|name| known(name).ok_or_else(|| format!("`formats` names \"{name}\"; there are {}", all())))
        .collect();
    formats.map(|formats| if formats.is_empty() { Format::ALL.to_vec() } else { formats })
}

fn source(written: &str, settings: &Settings) -> Result<Source, String> {
    let form = "write \"http://CAMERA/PATH\" of a picture or of a stream of them, \"/dev/video0\", the whole path of a picture \
                that is written anew again and again, or that of a folder";
    if written.starts_with("rtsp:") {
        return Err("RTSP is not spoken; most cameras have an address for single pictures or MJPEG too, \
                    http://CAMERA/…"
            .to_owned());
    }
    if written.starts_with("http:") || written.starts_with("https:") {
        return web(written, settings, form).map(Source::Web);
    }
    let path = PathBuf::from(written);
    if !path.is_absolute() {
        return Err(form.to_owned());
    }
    if path.starts_with("/dev") {
        return node(path, settings);
    }
    Ok(if is_picture(&path) { Source::File { path } } else { Source::Folder { path } })
}

/// Whether a path names a picture and no folder: neither needs to be there yet.
fn is_picture(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    ["jpg", "jpeg", "png"].iter().any(|known| ending.eq_ignore_ascii_case(known))
}

fn node(path: PathBuf, settings: &Settings) -> Result<Source, String> {
    if !cfg!(feature = "v4l2") {
        return Err("this gatebook was built without the feature v4l2, which cameras at /dev/video… need; build it with \
                    --features v4l2, or let a program such as ustreamer serve the camera as http://127.0.0.1:8080/stream"
            .to_owned());
    }
    Ok(Source::Node { path, width: settings.whole("width"), height: settings.whole("height") })
}

fn web(written: &str, settings: &Settings, form: &str) -> Result<Web, String> {
    let url = reqwest::Url::parse(written).map_err(|_| form.to_owned())?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err(form.to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("leave the name out of the address and set `user` and `password`, which is never shown".to_owned());
    }
    let pin = settings.text("pin");
    let web = Web {
        url: written.to_owned(),
        user: settings.text("user"),
        password: Secret(settings.text("password")),
        pin: pin.strip_prefix("sha256:").and_then(Hex::parse),
    };
    if !pin.is_empty() && web.pin.is_none() {
        return Err("its `pin` must be sha256: and 64 hex digits".to_owned());
    }
    if url.scheme() == "https" && web.pin.is_none() {
        return Err("with https it needs a `pin`: the SHA-256 of the CA certificate of the camera".to_owned());
    }
    Ok(web)
}

#[cfg(test)]
mod tests {
    use hardware::settings::Value;

    use super::*;

    fn set(pairs: &[(&str, Value)]) -> Settings {
        let mut settings = Settings::of(SETTINGS);
        pairs.iter().for_each(|(name, value)| settings.set(name, value.clone()).unwrap());
        settings
    }

    #[test]
    fn a_port_says_where_the_pictures_come_from() {
        let parse = |written: &str| Camera::parse(written, &set(&[])).map(|camera| camera.source);
        let web = |url: &str| {
            Ok(Source::Web(Web { url: url.into(), user: String::new(), password: Secret(String::new()), pin: None }))
        };
        for url in ["http://10.0.0.7/snapshot.jpg", "http://cam:8080/?action=stream"] {
            assert_eq!(parse(url), web(url));
        }
        assert_eq!(parse("/srv/cam/last.JPG"), Ok(Source::File { path: "/srv/cam/last.JPG".into() }));
        assert_eq!(parse("/srv/cam"), Ok(Source::Folder { path: "/srv/cam".into() }));
        for (written, wanted) in [
            ("", "write \"http://CAMERA/PATH\""),
            ("cam/last.jpg", "write \"http://CAMERA/PATH\""),
            ("http://", "write \"http://CAMERA/PATH\""),
            ("rtsp://10.0.0.7/1", "RTSP is not spoken"),
            ("http://admin:1234@10.0.0.7/x.jpg", "set `user` and `password`"),
            ("https://10.0.0.7/x.jpg", "needs a `pin`"),
        ] {
            let said = parse(written).unwrap_err();
            assert!(said.contains(wanted), "{written}: {said}");
        }
        match (cfg!(feature = "v4l2"), parse("/dev/video0")) {
            (true, Ok(Source::Node { width: 1280, height: 720, .. })) => (),
            (false, Err(said)) => assert!(said.contains("--features v4l2"), "{said}"),
            (_, other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn kinds_of_codes_are_named_as_everywhere() {
        let texts = |names: &[&str]| Value::Texts(names.iter().map(|&name| name.to_owned()).collect());
        let live = |names: &[&str]| Camera::parse("/srv", &set(&[("formats", texts(names))])).map(|camera| camera.live);
        assert_eq!(live(&[]).unwrap().formats, Format::ALL);
        assert_eq!(live(&["qrcode", "DataMatrix"]).unwrap().formats, [Format::QrCode, Format::DataMatrix]);
        assert!(live(&["QR"]).unwrap_err().contains("there are Aztec, Codabar"));
    }
}
