//! A simulated reader that pushes JSON: it inventories every 50 ms and sends what it heard.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::hex;
use crate::settings::Settings;
use crate::simulator::Played;
use crate::simulator::outbox::Outbox;
use crate::simulator::script::{Act, Heard, Script, SentWhat, Stage};

const ROUND: Duration = Duration::from_millis(50);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Impinj,
    Zebra,
    Speedway,
}

#[derive(Debug)]
pub struct Reader {
    shape: Shape,
    stage: Stage,
    outbox: Outbox,
    next: Duration,
    number: u64,
}

impl Reader {
    pub fn new(settings: &Settings, script: Script, seed: u64) -> Reader {
        let shape = match settings.text("shape").as_str() {
            "zebra" => Shape::Zebra,
            "speedway" => Shape::Speedway,
            _ => Shape::Impinj,
        };
        Reader { shape, stage: Stage::new(script, seed), outbox: Outbox::default(), next: Duration::ZERO, number: 0 }
    }

    fn round(&mut self, now: Duration) {
        for heard in self.stage.tags(now) {
            self.number += 1;
            let mut text = self.object(&heard, now);
            if self.stage.take_truncation() {
                text.truncate(text.len() / 2);
                let n = text.len();
                // A new message follows, so the half one ends here for the reader of it.
                self.outbox.say_logged(text.into_bytes(), now, SentWhat::Garbage { n });
                continue;
            }
            let Heard { epc, antenna, rssi_dbm } = heard;
            self.outbox.say_logged(text.into_bytes(), now, SentWhat::Tag { epc, antenna, rssi_dbm });
        }
    }

    fn object(&self, heard: &Heard, now: Duration) -> String {
        let digits = hex::encode(&heard.epc).to_uppercase();
        let at = jiff::Timestamp::from_microsecond(1_773_568_800_000_000 + i64::try_from(now.as_micros()).unwrap_or(0));
        let at = at.unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        match self.shape {
            Shape::Impinj => {
                let event = json!({
                    "epc": STANDARD.encode(&heard.epc), "epcHex": digits, "antennaPort": heard.antenna,
                    "peakRssiCdbm": i32::from(heard.rssi_dbm) * 100, "lastSeenTime": at.to_string(),
                });
                let whole = json!({
                    "timestamp": at.to_string(), "hostname": "impinj-01-23-45", "eventType": "tagInventory",
                    "tagInventoryEvent": event,
                });
                format!("{whole}\r\n")
            }
            Shape::Zebra => json!({
                "type": "SIMPLE", "timestamp": at.strftime("%Y-%m-%dT%H:%M:%S.000+0000").to_string(),
                "data": {
                    "MAC": "C4:7D:CC:FF:FF:FF", "antenna": heard.antenna, "eventNum": self.number, "format": "epc",
                    "idHex": digits.to_lowercase(), "peakRssi": heard.rssi_dbm, "reads": 1,
                },
            })
            .to_string(),
            Shape::Speedway => {
                let whole = json!({
                    "antennaPort": heard.antenna, "epc": digits, "firstSeenTimestamp": at.to_string(),
                    "peakRssi": heard.rssi_dbm, "isHeartBeat": false,
                });
                format!("{whole}\n")
            }
        }
    }
}

impl Played for Reader {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn ends(&mut self) -> (&mut Stage, &mut Outbox) {
        (&mut self.stage, &mut self.outbox)
    }

    fn opened(&mut self, now: Duration) {
        self.outbox.clear();
        self.stage.opened(now);
        self.next = now;
        self.tick(now);
    }

    /// It is told nothing.
    fn receive(&mut self, _bytes: &[u8], now: Duration) {
        self.tick(now);
    }

    fn tick(&mut self, now: Duration) {
        while let Some(act) = self.stage.next(now) {
            match act {
                // A reader of tags sees and feels nothing else.
                Act::Symbol { .. } | Act::Card { .. } | Act::Weight(_) | Act::Climate(_) | Act::Contact(_) => (),
                Act::Garbage { bytes } => {
                    // JSON has no frame: a bracket in noise would swallow what follows, on any reader's stream.
                    let noise: Vec<u8> = bytes.into_iter().map(|byte| byte | 0x80).collect();
                    let n = noise.len();
                    self.outbox.say_logged(noise, now, SentWhat::Garbage { n });
                }
                Act::Disconnect => self.outbox.cut(now),
            }
        }
        if self.next <= now && self.stage.linked() {
            self.next = now + ROUND;
            self.round(now);
        }
    }

    fn wake(&self) -> Option<Duration> {
        let round = self.stage.linked().then_some(self.next);
        round.into_iter().chain(self.stage.wake()).min()
    }
}
