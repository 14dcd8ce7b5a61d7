//! What readers that push are met by: an HTTP stream that is opened here, a webhook that is answered here, a broker.
//!
//! Each is a task that hands over what arrived, in order, to the port's thread. The queue is bounded: a stream and a broker
//! wait, a webhook is answered with 503 and comes again.

use std::io::{self, ErrorKind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS, TlsConfiguration, Transport};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::config::terminal::{Push, Way};
use crate::sync::trust;

/// Parcels that wait for the port's thread.
const WAITING: usize = 256;
/// Largest post of a webhook, in bytes.
const POST_MAX: usize = 1024 * 1024;
/// Longest wait for the first answer of a reader or broker.
const ANSWER_WAIT: Duration = Duration::from_secs(10);
/// A stream lasts as long as it lasts; the library wants a number.
const NO_END: Duration = Duration::from_secs(10 * 365 * 86_400);
/// Seconds between the signs of life that a broker is given.
const MQTT_KEEP_ALIVE: Duration = Duration::from_secs(15);

type Parcel = Result<Vec<u8>, String>;

/// A running task and what it received.
pub(super) struct Carrier {
    parcels: Receiver<Parcel>,
    /// What did not fit into the last read.
    rest: Vec<u8>,
    task: JoinHandle<()>,
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Carrier {
    /// # Errors
    /// Why nothing can be received this way, and what to do.
    pub(super) fn open(push: &Push, device: &str, runtime: &Handle) -> Result<Carrier, String> {
        let (sender, parcels) = sync_channel(WAITING);
        let (push, device) = (push.clone(), device.to_owned());
        let opened = runtime.block_on(async move {
            match &push.way {
                Way::Stream { url } => stream(url.clone(), push.clone(), sender).await,
                Way::Webhook { listen } => webhook(*listen, push.clone(), sender).await,
                Way::Mqtt { host, port, topic, tls } => {
                    let place = Broker { host: host.clone(), port: *port, topic: topic.clone(), tls: *tls };
                    mqtt(place, &device, push.clone(), sender).await
                }
            }
        });
        opened.map(|task| Carrier { parcels, rest: Vec::new(), task })
    }

    pub(super) fn read(&mut self, bytes: &mut [u8], wait: Duration) -> io::Result<usize> {
        if self.rest.is_empty() {
            self.rest = match self.parcels.recv_timeout(wait) {
                Ok(Ok(parcel)) => parcel,
                Ok(Err(why)) => return Err(io::Error::other(why)),
                Err(RecvTimeoutError::Timeout) => return Err(ErrorKind::TimedOut.into()),
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
            };
            if self.rest.is_empty() {
                return Err(ErrorKind::TimedOut.into());
            }
        }
        let count = self.rest.len().min(bytes.len());
        for (to, from) in bytes.iter_mut().zip(self.rest.drain(..count)) {
            *to = from;
        }
        Ok(count)
    }
}

/// A message that came whole ends here, also when it is broken: no raw line break stands in JSON's strings.
fn whole(message: &[u8]) -> Vec<u8> {
    [message, b"\n"].concat()
}

/// Waits for room without holding up the runtime. `false` when nobody receives any more.
async fn hand_over(sender: &SyncSender<Parcel>, mut parcel: Parcel) -> bool {
    loop {
        match sender.try_send(parcel) {
            Ok(()) => return true,
            Err(TrySendError::Disconnected(_)) => return false,
            Err(TrySendError::Full(back)) => parcel = back,
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn stream(url: String, push: Push, sender: SyncSender<Parcel>) -> Result<JoinHandle<()>, String> {
    let client = trust::client(&url, push.pin, true, NO_END).map_err(|error| error.to_string())?;
    let mut request = client.get(&url);
    if !push.user.is_empty() {
        request = request.basic_auth(&push.user, Some(&push.password.0));
    }
    let answer = tokio::time::timeout(ANSWER_WAIT, request.send());
    let answer = answer.await.map_err(|_| format!("{url} does not answer; check the reader's power and network"))?;
    let answer = answer.map_err(|error| match trust::reason(&error) {
        Some(reason) => reason.to_string(),
        None => format!("no connection to {url}; check the reader's power, its network and the address"),
    })?;
    match answer.status() {
        status if status.is_success() => (),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            return Err(format!("{url} refuses the user; check user and password"));
        }
        status => return Err(format!("{url} answers {status}; check the path of the stream")),
    }
    Ok(tokio::spawn(async move {
        let mut answer = answer;
        loop {
            let parcel = match answer.chunk().await {
                Ok(Some(chunk)) => Ok(chunk.to_vec()),
                Ok(None) => Err("the reader ended its stream".to_owned()),
                Err(_) => Err("the stream broke off".to_owned()),
            };
            let ended = parcel.is_err();
            if !hand_over(&sender, parcel).await || ended {
                return;
            }
        }
    }))
}

#[derive(Clone)]
struct Hook {
    sender: SyncSender<Parcel>,
    token: String,
}

async fn webhook(
    listen: std::net::SocketAddr,
    push: Push,
    sender: SyncSender<Parcel>,
) -> Result<JoinHandle<()>, String> {
    let listener = TcpListener::bind(listen).await;
    let listener = listener.map_err(|error| format!("nothing can listen on {listen}: {error}; choose another port"))?;
    let hook = Hook { sender, token: push.password.0 };
    let routes = axum::Router::new().fallback(posted).layer(DefaultBodyLimit::max(POST_MAX)).with_state(hook);
    Ok(tokio::spawn(async move { drop(axum::serve(listener, routes).await) }))
}

/// Takes a post, or says to come again.
async fn posted(State(hook): State<Hook>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let given = given.strip_prefix("Bearer ").unwrap_or_default();
    // Hashes of equal length take equal time to compare, wherever they differ.
    if !hook.token.is_empty() && blake3::hash(given.as_bytes()) != blake3::hash(hook.token.as_bytes()) {
        return StatusCode::UNAUTHORIZED;
    }
    match hook.sender.try_send(Ok(whole(&body))) {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

struct Broker {
    host: String,
    port: u16,
    topic: String,
    tls: bool,
}

async fn mqtt(broker: Broker, device: &str, push: Push, sender: SyncSender<Parcel>) -> Result<JoinHandle<()>, String> {
    let Broker { host, port, topic, tls } = broker;
    // Stable, so that the broker keeps for this device what came while it was away, and nobody else's name.
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let id = format!("gatebook-{machine}-{device}");
    let mut options = MqttOptions::new(id, host.clone(), port);
    options.set_keep_alive(MQTT_KEEP_ALIVE);
    options.set_clean_session(false);
    options.set_max_packet_size(POST_MAX, POST_MAX);
    options.set_manual_acks(true);
    if !push.user.is_empty() {
        options.set_credentials(push.user.clone(), push.password.0.clone());
    }
    if tls {
        let pin = push.pin.ok_or("a broker behind TLS needs the pin of its CA")?;
        let config = trust::tls(pin).map_err(|error| error.to_string())?;
        options.set_transport(Transport::Tls(TlsConfiguration::Rustls(config.into())));
    }
    let (client, mut events) = AsyncClient::new(options, 16);
    let first = tokio::time::timeout(ANSWER_WAIT, events.poll()).await;
    let first = first.map_err(|_| format!("the broker {host}:{port} does not answer"))?;
    first.map_err(|error| format!("the broker {host}:{port}: {error}; check its address, user and password"))?;
    let asked = client.subscribe(topic.clone(), QoS::AtLeastOnce).await;
    asked.map_err(|error| format!("the topic \"{topic}\": {error}"))?;
    Ok(tokio::spawn(async move {
        loop {
            let parcel = match events.poll().await {
                Ok(Event::Incoming(Packet::Publish(message))) => {
                    // Acknowledged once it is on its way to the station: a broker keeps what was not.
                    if !hand_over(&sender, Ok(whole(&message.payload))).await {
                        return;
                    }
                    if client.ack(&message).await.is_err() {
                        return;
                    }
                    continue;
                }
                Ok(_) => continue,
                Err(error) => Err(format!("the broker {host}:{port} was lost: {error}")),
            };
            hand_over(&sender, parcel).await;
            return;
        }
    }))
}
