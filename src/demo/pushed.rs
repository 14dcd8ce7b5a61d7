//! How a simulated reader that pushes meets the daemon: it serves a stream, posts to a webhook, or publishes to a broker.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rumqttc::{Client, Connection, Event, MqttOptions, Packet, QoS};

/// How long a request for the stream, a post or a broker may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest request for a stream, in bytes.
const REQUEST_MAX: usize = 8 * 1024;

/// Where a simulated reader pushes to.
#[derive(Clone, Debug)]
pub enum To {
    Webhook { url: String, token: String },
    Broker { host: String, port: u16, topic: String },
}

/// Reads the request for the stream and answers it; what follows is the stream.
pub(super) fn greet(stream: &mut TcpStream) -> io::Result<()> {
    let until = Instant::now() + PATIENCE;
    let mut request = Vec::new();
    let mut bytes = [0; 1024];
    while !request.windows(4).any(|four| four == b"\r\n\r\n") {
        if until < Instant::now() || REQUEST_MAX < request.len() {
            return Err(ErrorKind::TimedOut.into());
        }
        match stream.read(&mut bytes) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => request.extend_from_slice(bytes.get(..count).unwrap_or_default()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => (),
            Err(error) => return Err(error),
        }
    }
    // Without a length the answer lasts until the connection ends.
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n")
}

/// Posts what is written, each time until it is taken or patience ends.
pub(super) struct Posts {
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
    url: String,
    token: String,
}

impl Posts {
    pub(super) fn open(url: &str, token: &str) -> io::Result<Posts> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let client = crate::sync::trust::client(url, None, true, PATIENCE).map_err(io::Error::other)?;
        Ok(Posts { runtime, client, url: url.to_owned(), token: token.to_owned() })
    }
}

impl Write for Posts {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let request = self.client.post(&self.url).bearer_auth(&self.token).body(bytes.to_vec());
        match self.runtime.block_on(async { request.send().await }) {
            Ok(answer) if answer.status().is_success() => Ok(bytes.len()),
            // It is full and says so: the same again, later.
            Ok(answer) if answer.status().is_server_error() => Err(ErrorKind::WouldBlock.into()),
            Ok(answer) => Err(io::Error::other(format!("{} answers {}", self.url, answer.status()))),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A webhook answers nothing that a reader would heed.
impl Read for Posts {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }
}

/// Publishes what is written, each message acknowledged by the broker.
pub(super) struct Publishes {
    client: Client,
    connection: Connection,
    topic: String,
}

impl Publishes {
    pub(super) fn open(host: &str, port: u16, topic: &str) -> io::Result<Publishes> {
        let mut options = MqttOptions::new(format!("simulated-{}", std::process::id()), host, port);
        options.set_keep_alive(Duration::from_secs(30));
        let (client, connection) = Client::new(options, 16);
        let mut opened = Publishes { client, connection, topic: topic.to_owned() };
        opened.wait_for(|packet| matches!(packet, Packet::ConnAck(_)))?;
        Ok(opened)
    }

    fn wait_for(&mut self, is_it: impl Fn(&Packet) -> bool) -> io::Result<()> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            match self.connection.recv_timeout(PATIENCE) {
                Ok(Ok(Event::Incoming(packet))) if is_it(&packet) => return Ok(()),
                Ok(Ok(_)) => (),
                Ok(Err(error)) => return Err(io::Error::other(error)),
                Err(_) => break,
            }
        }
        Err(io::Error::other("the broker does not answer"))
    }
}

impl Write for Publishes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let asked = self.client.publish(self.topic.clone(), QoS::AtLeastOnce, false, bytes);
        asked.map_err(io::Error::other)?;
        self.wait_for(|packet| matches!(packet, Packet::PubAck(_)))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Nobody talks to a reader by this topic.
impl Read for Publishes {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }
}
