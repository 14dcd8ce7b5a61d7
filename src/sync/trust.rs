//! Whom the terminal takes for its server: a certificate chain that holds the pinned CA and is sound under it.
//!
//! Nothing of the machine's list of public CAs is used. The pin is the SHA-256 of the CA's certificate (DER), shown by
//! the server beside the one-time code.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};

use crate::hex::Hex;
use crate::quantity::{CLOCK_UNSET_BEFORE, Moment};

/// Longest wait for a TCP connection: a host that is there answers far sooner, on any radio.
const CONNECT: Duration = Duration::from_secs(5);

/// Why no connection may be made to an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    #[error("\"{url}\" is no address of a server; write it like \"https://gatebook.site.example:7400\"")]
    Address { url: String },
    #[error("\"{url}\" needs the pin of the server's CA; the server shows it beside the one-time code")]
    NoPin { url: String },
    #[error(
        "\"{url}\" is not encrypted; use https://, or set allow_plain_http = true on a network that is protected otherwise"
    )]
    Plain { url: String },
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}

/// Pin of a certificate: SHA-256 of its DER bytes.
pub fn pin_of(certificate: &[u8]) -> Hex<32> {
    Hex(Sha256::digest(certificate).into())
}

/// An HTTP client that talks to the server behind `url` and to nobody who only says so.
///
/// # Errors
/// [`Untrusted`] when the address allows no connection that could be trusted.
pub fn client(
    url: &str,
    pin: Option<Hex<32>>,
    allow_plain_http: bool,
    timeout: Duration,
) -> Result<reqwest::Client, Untrusted> {
    let owned = || url.to_owned();
    let parsed = Url::parse(url).map_err(|_| Untrusted::Address { url: owned() })?;
    let loopback = parsed.host_str().is_some_and(is_loopback);
    let builder = reqwest::Client::builder()
        .connect_timeout(CONNECT.min(timeout))
        .timeout(timeout)
        .tcp_keepalive(Duration::from_secs(15))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy();
    let builder = match (parsed.scheme(), pin) {
        ("https", Some(pin)) => builder.https_only(true).tls_backend_preconfigured(tls(pin)?),
        ("https", None) => return Err(Untrusted::NoPin { url: owned() }),
        ("http", _) if loopback || allow_plain_http => builder.tls_backend_preconfigured(no_tls()?),
        ("http", _) => return Err(Untrusted::Plain { url: owned() }),
        _ => return Err(Untrusted::Address { url: owned() }),
    };
    builder.build().map_err(|error| Untrusted::Setup(error.to_string()))
}

/// Whether `host`, as it stands in an address, is this machine.
pub fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

/// TLS that takes the other side for whom the pin names.
///
/// # Errors
/// [`Untrusted::Setup`] when this build knows no protocol version.
pub fn tls(pin: Hex<32>) -> Result<ClientConfig, Untrusted> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| Untrusted::Setup(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned { pin, provider }))
        .with_no_client_auth();
    Ok(config)
}

/// For http:// alone: the client must be given some TLS, and this one trusts nobody.
fn no_tls() -> Result<ClientConfig, Untrusted> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Untrusted::Setup(error.to_string()))?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    Ok(config)
}

/// Why the other side is not taken for the server, in words for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTheServer {
    #[error(
        "the machine that answers shows no certificate of the CA with the pin sha256:{pin}; \
         either another machine answers, or the server has a new CA and the terminal must be given its pin"
    )]
    OtherCa { pin: Hex<32> },
    #[error(
        "this terminal's clock was never set, so the server's certificate seems not to be valid yet; set the clock or \
         connect a time source"
    )]
    ClockUnset,
    #[error(
        "the server's certificate is not valid yet by this terminal's clock; check the clock of the terminal first, then that \
         of the server"
    )]
    NotYet,
    #[error(
        "the server's certificate has expired by this terminal's clock; check the clock of the terminal first, then renew \
         the certificate at the server"
    )]
    Expired,
    #[error(
        "the server's certificate is not for the name in the terminal's url; add the name at the server under [tls] names"
    )]
    OtherName,
    #[error("the server's certificate is not sound under the pinned CA: {0}")]
    Unsound(String),
}

/// The reason behind a failed request, when it was the certificate.
pub fn reason(error: &(dyn Error + 'static)) -> Option<NotTheServer> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(rustls::Error::InvalidCertificate(certificate)) = error.downcast_ref::<rustls::Error>() {
            return Some(words(certificate, Moment::now()));
        }
        // `io::Error::source` skips the very error that it wraps.
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

fn words(error: &CertificateError, now: Moment) -> NotTheServer {
    match error {
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } if now < CLOCK_UNSET_BEFORE => {
            NotTheServer::ClockUnset
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => NotTheServer::NotYet,
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => NotTheServer::Expired,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => NotTheServer::OtherName,
        CertificateError::Other(OtherError(inner)) => match inner.downcast_ref::<NotTheServer>() {
            Some(reason) => reason.clone(),
            None => NotTheServer::Unsound(inner.to_string()),
        },
        other => NotTheServer::Unsound(other.to_string()),
    }
}

struct Pinned {
    pin: Hex<32>,
    provider: Arc<CryptoProvider>,
}

impl fmt::Debug for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pinned(sha256:{})", self.pin)
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let refuse = |reason: NotTheServer| CertificateError::Other(OtherError(Arc::new(reason)));
        let chain = intermediates.iter().chain([end_entity]);
        let ca = chain.into_iter().find(|certificate| pin_of(certificate) == self.pin);
        let ca = ca.ok_or_else(|| refuse(NotTheServer::OtherCa { pin: self.pin }))?;
        let mut roots = RootCertStore::empty();
        roots.add(ca.clone().into_owned())?;
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), self.provider.clone())
            .build()
            .map_err(|error| refuse(NotTheServer::Unsound(error.to_string())))?
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum_server::tls_rustls::RustlsConfig;
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};

    use super::*;

    /// A CA and a server under it that is valid in these years for this name; gives its address and the CA's pin.
    async fn server(name: &str, years: (i32, i32)) -> (SocketAddr, Hex<32>) {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2090, 1, 1);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(years.0, 1, 1);
        params.not_after = date_time_ymd(years.1, 1, 1);
        let leaf = params.signed_by(&key, &ca).unwrap();
        let chain = vec![leaf.der().to_vec(), ca.der().to_vec()];
        // The test process may have installed it already.
        drop(ring::default_provider().install_default());
        let config = RustlsConfig::from_der(chain, key.serialize_der()).await.unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let app = axum::Router::new().route("/", axum::routing::get(|| async { "gatebook" }));
        let server = axum_server::from_tcp_rustls(listener, config).unwrap();
        tokio::spawn(server.serve(app.into_make_service()));
        (address, pin_of(ca.der()))
    }

    async fn visit(address: SocketAddr, pin: Hex<32>) -> Result<String, NotTheServer> {
        let url = format!("https://{address}");
        let client = client(&url, Some(pin), false, Duration::from_secs(20)).unwrap();
        match client.get(url).send().await {
            Ok(reply) => Ok(reply.text().await.unwrap()),
            Err(error) => Err(reason(&error).unwrap_or_else(|| panic!("another error: {error:?}"))),
        }
    }

    #[tokio::test]
    async fn only_the_pinned_ca_is_the_server() {
        let (right, pin) = server("127.0.0.1", (2024, 2080)).await;
        assert_eq!(visit(right, pin).await.as_deref(), Ok("gatebook"));
        let other = Hex([7; 32]);
        assert_eq!(visit(right, other).await, Err(NotTheServer::OtherCa { pin: other }));
        let (expired, pin) = server("127.0.0.1", (2021, 2022)).await;
        assert_eq!(visit(expired, pin).await, Err(NotTheServer::Expired));
        let (early, pin) = server("127.0.0.1", (2080, 2081)).await;
        assert_eq!(visit(early, pin).await, Err(NotTheServer::NotYet));
        let (renamed, pin) = server("10.9.8.7", (2024, 2080)).await;
        assert_eq!(visit(renamed, pin).await, Err(NotTheServer::OtherName));
    }

    /// A machine in the middle that shows the true CA's certificate, which is public, beside a leaf of its own.
    #[test]
    fn showing_the_ca_is_not_being_under_it() {
        let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let own = params.self_signed(&key).unwrap();
        let mut ca_params = CertificateParams::default();
        ca_params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(ca_params, KeyPair::generate().unwrap()).unwrap();
        let verifier = Pinned { pin: pin_of(ca.der()), provider: Arc::new(ring::default_provider()) };
        let now = UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000));
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let refused = verifier.verify_server_cert(own.der(), &[ca.der().clone()], &name, &[], now).unwrap_err();
        assert!(matches!(refused, rustls::Error::InvalidCertificate(CertificateError::BadSignature)), "{refused:?}");
    }

    #[test]
    fn an_unset_clock_is_named_as_the_cause() {
        let early = CertificateError::NotValidYet;
        assert_eq!(words(&early, Moment(0)), NotTheServer::ClockUnset);
        assert_eq!(words(&early, CLOCK_UNSET_BEFORE), NotTheServer::NotYet);
        assert!(NotTheServer::ClockUnset.to_string().contains("clock was never set"));
    }

    #[test]
    fn an_address_that_cannot_be_trusted_gets_no_connection() {
        let wait = Duration::from_secs(20);
        let pin = Some(Hex([7; 32]));
        let asked = |url: &str, pin, plain| client(url, pin, plain, wait).err();
        assert_eq!(asked("https://site:1", None, false), Some(Untrusted::NoPin { url: "https://site:1".into() }));
        assert_eq!(asked("http://site:1", pin, false), Some(Untrusted::Plain { url: "http://site:1".into() }));
        assert_eq!(asked("ftp://site:1", pin, true), Some(Untrusted::Address { url: "ftp://site:1".into() }));
        for (url, pin, plain) in [
            ("http://127.0.0.1:1", None, false),
            ("http://[::1]:1", None, false),
            ("http://site:1", None, true),
            ("https://site:1", pin, false),
        ] {
            assert_eq!(asked(url, pin, plain), None, "{url}");
        }
    }
}
