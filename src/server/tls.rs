//! How the server proves who it is: its own CA and certificate, the user's files, or none behind a proxy.
//!
//! Terminals pin the SHA-256 of the CA certificate at enrolment. The CA is made once and lives 20 years; the server's
//! certificate lives 13 months and is made anew by itself, so pins outlive it.

use std::fs;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::config::server::TlsMode;
use crate::hex::Hex;

/// Life of the server's certificate in days, and how many before its end it is made anew.
const LIFE_DAYS: i64 = 397;
const RENEW_DAYS: i64 = 30;
const CA_YEARS: i64 = 20;

/// What the server shows to whoever connects.
#[derive(Clone)]
pub struct Identity {
    pub config: Arc<rustls::ServerConfig>,
    /// SHA-256 of the DER of the CA certificate that terminals pin.
    pub pin: Hex<32>,
}

/// Why there is no certificate to show.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error(
        "cannot read {path}: {why}; give the program's account the right to read it, or correct [tls] in the configuration"
    )]
    Unreadable { path: PathBuf, why: io::Error },
    #[error("cannot write {path}: {why}; the data folder must belong to the program's account")]
    Unwritable { path: PathBuf, why: io::Error },
    #[error("{path} is not PEM of {what}; export it again as PEM")]
    NotPem { path: PathBuf, what: &'static str },
    #[error(
        "the certificate {cert} and the key {key} do not go together: {why}; use the key that the certificate was requested with"
    )]
    Mismatch { cert: PathBuf, key: PathBuf, why: rustls::Error },
    #[error("cannot make a certificate: {0}; check `names` in [tls]")]
    Making(#[from] rcgen::Error),
}

/// What the certificate in the folder was made for, so that a change of names or of the date makes a new one.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Made {
    names: Vec<String>,
    /// ISO 8601.
    until: String,
}

/// The identity for `mode`; `None` when a proxy ends TLS. `folder` is the data folder, `today` the date in UTC.
///
/// # Errors
/// [`TlsError`] with the file and what to do.
pub fn identity(
    mode: &TlsMode,
    house: &str,
    listen: SocketAddr,
    folder: &Path,
    today: Date,
) -> Result<Option<Identity>, TlsError> {
    match mode {
        TlsMode::Off => Ok(None),
        TlsMode::Files { cert, key } => load(cert, key).map(Some),
        TlsMode::Own { names } => own(names, house, listen, &folder.join("tls"), today).map(Some),
    }
}

/// The UTC date of this moment.
pub fn today() -> Date {
    Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// The address under which others reach this machine. No packet is sent: connecting a datagram socket only picks a route.
pub fn outward_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // 192.0.2.1 belongs to nobody (RFC 5737); only the choice of the own address matters.
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|ip| !ip.is_unspecified())
}

fn own(names: &[String], house: &str, listen: SocketAddr, folder: &Path, today: Date) -> Result<Identity, TlsError> {
    fs::create_dir_all(folder).map_err(|why| TlsError::Unwritable { path: folder.to_owned(), why })?;
    let (ca_cert, ca_key) = (folder.join("ca.pem"), folder.join("ca.key"));
    let (cert, key, made) = (folder.join("server.pem"), folder.join("server.key"), folder.join("server.json"));
    let signer = if ca_cert.exists() && ca_key.exists() {
        KeyPair::from_pem(&read(&ca_key)?)?
    } else {
        let signer = KeyPair::generate()?;
        write(&ca_key, &signer.serialize_pem(), 0o600)?;
        write(&ca_cert, &authority(today).self_signed(&signer)?.pem(), 0o644)?;
        signer
    };
    let wanted = all_names(names, listen);
    let kept = read(&made).ok().and_then(|text| serde_json::from_str::<Made>(&text).ok());
    let good = kept.is_some_and(|kept| {
        kept.names == wanted
            && kept
                .until
                .parse::<Date>()
                .is_ok_and(|until| today.checked_add(RENEW_DAYS.days()).is_ok_and(|soon| soon < until))
    });
    if !good || !cert.exists() || !key.exists() {
        let pair = KeyPair::generate()?;
        let until = today.checked_add(LIFE_DAYS.days()).unwrap_or(Date::MAX);
        let mut params = CertificateParams::new(wanted.clone())?;
        params.distinguished_name.push(DnType::CommonName, house);
        valid(&mut params, today, until);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let issuer_params = authority(today);
        let leaf = params.signed_by(&pair, &Issuer::from_params(&issuer_params, &signer))?;
        write(&key, &pair.serialize_pem(), 0o600)?;
        write(&cert, &format!("{}{}", leaf.pem(), read(&ca_cert)?), 0o644)?;
        let text = serde_json::to_string(&Made { names: wanted, until: until.to_string() })
            .expect("names and a date always become JSON");
        write(&made, &text, 0o644)?;
    }
    load(&cert, &key)
}

/// The CA's certificate but for its key. Its name does not change with the house's, or old leaves would lose their issuer.
fn authority(today: Date) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Gatebook CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    valid(&mut params, today, today.checked_add(CA_YEARS.years()).unwrap_or(Date::MAX));
    params
}

/// From the day before `from`, because clocks of terminals are behind at times.
fn valid(params: &mut CertificateParams, from: Date, until: Date) {
    let day = |date: Date| (i32::from(date.year()), date.month().unsigned_abs(), date.day().unsigned_abs());
    let (year, month, date) = day(from.yesterday().unwrap_or(from));
    params.not_before = rcgen::date_time_ymd(year, month, date);
    let (year, month, date) = day(until);
    params.not_after = rcgen::date_time_ymd(year, month, date);
}

/// The names of the configuration, this machine's name, its loopback and the address it listens on; sorted, each once.
fn all_names(names: &[String], listen: SocketAddr) -> Vec<String> {
    let mut all: Vec<String> = names.to_vec();
    all.extend(["localhost", "127.0.0.1", "::1"].map(str::to_owned));
    if let Ok(host) = fs::read_to_string("/proc/sys/kernel/hostname") {
        all.push(host.trim().to_owned());
    }
    match listen.ip().is_unspecified() {
        true => all.extend(outward_address().map(|ip| ip.to_string())),
        false => all.push(listen.ip().to_string()),
    }
    all.retain(|name| !name.is_empty());
    all.sort();
    all.dedup();
    all
}

fn load(cert: &Path, key: &Path) -> Result<Identity, TlsError> {
    let not_pem = |path: &Path, what| TlsError::NotPem { path: path.to_owned(), what };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(read(cert)?.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|_| not_pem(cert, "certificates"))?;
    let anchor = chain.last().ok_or_else(|| not_pem(cert, "certificates"))?;
    let pin = Hex(Sha256::digest(anchor).into());
    let private = PrivateKeyDer::from_pem_slice(read(key)?.as_bytes()).map_err(|_| not_pem(key, "a private key"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
        .map_err(|why| TlsError::Mismatch { cert: cert.to_owned(), key: key.to_owned(), why })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Identity { config: Arc::new(config), pin })
}

fn read(path: &Path) -> Result<String, TlsError> {
    fs::read_to_string(path).map_err(|why| TlsError::Unreadable { path: path.to_owned(), why })
}

/// Writes beside and renames: a crash leaves the old file or the new one, never half of one.
pub fn write(path: &Path, text: &str, mode: u32) -> Result<(), TlsError> {
    let beside = path.with_extension("new");
    let written = || {
        match fs::remove_file(&beside) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(why),
            _ => (),
        }
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    written().map_err(|why| TlsError::Unwritable { path: path.to_owned(), why })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use jiff::civil::date;

    use super::*;

    fn own_at(folder: &Path, names: &[&str], today: Date) -> Identity {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let listen = "127.0.0.1:7400".parse().unwrap();
        identity(&TlsMode::Own { names }, "Test house", listen, folder, today).unwrap().unwrap()
    }

    #[test]
    fn the_pin_outlives_every_certificate() {
        let folder = tempfile::tempdir().unwrap();
        let leaf = || fs::read_to_string(folder.path().join("tls/server.pem")).unwrap();
        let first = own_at(folder.path(), &[], date(2026, 11, 22));
        let made = leaf();
        assert_eq!(own_at(folder.path(), &[], date(2027, 6, 1)).pin, first.pin);
        assert_eq!(leaf(), made, "a good certificate stays");
        assert_eq!(own_at(folder.path(), &["gate.example"], date(2027, 6, 1)).pin, first.pin);
        let renamed = leaf();
        assert_ne!(renamed, made, "a new name needs a new certificate");
        assert_eq!(own_at(folder.path(), &["gate.example"], date(2028, 6, 20)).pin, first.pin);
        assert_ne!(leaf(), renamed, "30 days before its end it is made anew");
        for secret in ["tls/ca.key", "tls/server.key"] {
            let mode = fs::metadata(folder.path().join(secret)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{secret}");
        }
    }

    #[test]
    fn bad_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        let listen = "127.0.0.1:7400".parse().unwrap();
        let with = |cert: PathBuf, key: PathBuf| {
            let mode = TlsMode::Files { cert, key };
            match identity(&mode, "Test house", listen, folder.path(), date(2026, 11, 22)) {
                Ok(_) => String::new(),
                Err(error) => error.to_string(),
            }
        };
        own_at(&one, &[], date(2026, 11, 22));
        own_at(&two, &[], date(2026, 11, 22));
        let (cert, key) = (one.join("tls/server.pem"), one.join("tls/server.key"));
        assert_eq!(with(cert.clone(), key.clone()), "");
        assert!(with(folder.path().join("none.pem"), key.clone()).contains("none.pem"));
        assert!(with(key.clone(), key).contains("is not PEM of certificates"));
        assert!(with(cert.clone(), two.join("tls/server.key")).contains("do not go together"));
        assert!(with(cert.clone(), cert).contains("is not PEM of a private key"));
    }
}
