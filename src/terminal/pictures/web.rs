//! A camera on the network: one picture for each request, or a stream of them. The answer's content type says which.

use std::future::Future;
use std::time::{Duration, Instant};

use reqwest::{Client, Response, StatusCode, header};
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};

use crate::config::camera::{Live, Web};
use crate::sync::trust;
use crate::terminal::pictures::eye::Eye;
use crate::terminal::pictures::file::silent;
use crate::terminal::pictures::frame::Frame;
use crate::terminal::pictures::multipart::{Multipart, Part};
use crate::terminal::pictures::{End, FRAME_MAX};
use crate::terminal::port::Keeper;

/// How late an order to stop is seen.
const SLICE: Duration = Duration::from_millis(100);
/// A stream lasts as long as it lasts; the library wants a number.
const NO_END: Duration = Duration::from_secs(10 * 365 * 86_400);

/// The client for a camera; the error says why there can be none.
pub(super) fn client(web: &Web) -> Result<Client, String> {
    trust::client(&web.url, web.pin, true, NO_END).map_err(|error| error.to_string())
}

pub(super) fn watch(keeper: &Keeper, eye: &Eye, web: &Web, client: Result<&Client, &String>, live: &Live) -> End {
    let Some(runtime) = &keeper.runtime else { return End::Lost("a camera needs a running terminal".to_owned()) };
    let client = match client {
        Ok(client) => client,
        Err(why) => return End::Lost(why.clone()),
    };
    let visit = Visit { keeper, eye, web, client, live };
    match visit.pictures(runtime) {
        Ok(()) => End::Stopped,
        Err(why) => End::Lost(why),
    }
}

struct Visit<'a> {
    keeper: &'a Keeper,
    eye: &'a Eye,
    web: &'a Web,
    client: &'a Client,
    live: &'a Live,
}

impl Visit<'_> {
    /// Shows pictures until the port stops. The error is why no more come.
    fn pictures(&self, runtime: &Handle) -> Result<(), String> {
        loop {
            let began = Instant::now();
            let Some(answer) = self.unless_stopped(runtime, self.ask()) else { return Ok(()) };
            let answer = answer?;
            let kind =
                answer.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
            if let Some(stream) = Multipart::of(kind) {
                return self.unless_stopped(runtime, self.stream(answer, stream)).unwrap_or(Ok(()));
            }
            let pictured =
                kind.is_empty() || kind.starts_with("image/") || kind.starts_with("application/octet-stream");
            if !pictured {
                let url = &self.web.url;
                return Err(format!(
                    "{url} answers with {kind}, which is no picture; look up the address in the camera's manual"
                ));
            }
            let Some(picture) = self.unless_stopped(runtime, self.whole(answer)) else { return Ok(()) };
            self.eye.show(Frame::Encoded(picture?));
            self.keeper.sleep(self.live.interval.saturating_sub(began.elapsed()));
        }
    }

    /// What `work` gives, or `None` when the port stops first.
    fn unless_stopped<T>(&self, runtime: &Handle, work: impl Future<Output = T>) -> Option<T> {
        runtime.block_on(async {
            tokio::pin!(work);
            loop {
                tokio::select! {
                    done = &mut work => return Some(done).filter(|_| !self.over()),
                    () = sleep(SLICE) => {
                        if self.over() {
                            return None;
                        }
                        self.eye.mind();
                    }
                }
            }
        })
    }

    fn over(&self) -> bool {
        self.keeper.stopped() || self.eye.closed()
    }

    async fn ask(&self) -> Result<Response, String> {
        let Web { url, user, password, pin: _ } = self.web;
        let mut request = self.client.get(url);
        if !user.is_empty() {
            request = request.basic_auth(user, Some(&password.0));
        }
        let answer = timeout(self.live.silence, request.send()).await;
        let answer = answer.map_err(|_| format!("{url} does not answer; check the camera's power and network"))?;
        let answer = answer.map_err(|error| match trust::reason(&error) {
            Some(reason) => reason.to_string(),
            None => format!("no connection to {url}; check the camera's power, its network and the address"),
        })?;
        match answer.status() {
            status if status.is_success() => Ok(answer),
            StatusCode::UNAUTHORIZED if wants_digest(&answer) => {
                Err(format!("{url} wants digest authentication; set the camera to basic, which is what it is sent"))
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(format!("{url} refuses the user; check user and password"))
            }
            status => Err(format!("{url} answers {status}; look up the address in the camera's manual")),
        }
    }

    async fn chunk(&self, answer: &mut Response) -> Result<Option<Vec<u8>>, String> {
        let chunk = timeout(self.live.silence, answer.chunk()).await;
        let chunk = chunk.map_err(|_| silent(self.live.silence, &self.web.url))?;
        match chunk {
            Ok(chunk) => Ok(chunk.map(|chunk| chunk.to_vec())),
            Err(_) => Err(format!("the connection to {} broke off; check the camera's cable", self.web.url)),
        }
    }

    async fn whole(&self, mut answer: Response) -> Result<Vec<u8>, String> {
        let mut picture = Vec::new();
        while let Some(chunk) = self.chunk(&mut answer).await? {
            if FRAME_MAX < picture.len() + chunk.len() {
                return Err(format!(
                    "{} gives more than {FRAME_MAX} bytes; set the camera to smaller pictures",
                    self.web.url
                ));
            }
            picture.extend_from_slice(&chunk);
        }
        Ok(picture)
    }

    async fn stream(&self, mut answer: Response, mut stream: Multipart) -> Result<(), String> {
        let mut came = Instant::now();
        while let Some(chunk) = self.chunk(&mut answer).await? {
            stream.receive(&chunk);
            while let Some(part) = stream.poll() {
                match part {
                    Part::Picture(picture) => {
                        came = Instant::now();
                        self.eye.show(Frame::Encoded(picture));
                    }
                    Part::Noise(bytes) => self.keeper.count_noise(bytes),
                }
            }
            if self.live.silence <= came.elapsed() {
                return Err(silent(self.live.silence, &self.web.url));
            }
        }
        Err(format!("{} ended its stream", self.web.url))
    }
}

fn wants_digest(answer: &Response) -> bool {
    let asked = answer.headers().get_all(header::WWW_AUTHENTICATE);
    let begins = |word: &str| {
        asked.iter().filter_map(|value| value.to_str().ok()).any(|value| value.to_ascii_lowercase().starts_with(word))
    };
    begins("digest") && !begins("basic")
}
