//! The day that plays by itself: samples arrive and are put away, a pass is approved, three rings are lent and carried out,
//! a necklace leaves without a pass, the network fails while work goes on, everything comes back.

use std::time::Duration;

use hardware::simulator::script::Presentation;
use tokio::time::{Instant, sleep};

use crate::demo::DemoError;
use crate::demo::stage::{GONE_AFTER, Post, Stage};
use crate::demo::vault::{self, Sample};
use crate::event::Act;
use crate::quantity::Moment;
use crate::terminal::reference;

/// Between two scans of a practised hand.
const HAND: Duration = Duration::from_millis(140);

/// How long a tag is in the field of one antenna row when somebody walks through a door.
const STRIDE: Duration = Duration::from_millis(700);

/// After this a door knows that the passage is over.
const THROUGH: Duration = Duration::from_millis(GONE_AFTER.as_millis() as u64 + 500);

/// A printed code that stands for nothing in the vault.
const UNKNOWN: &str = "6901234567892";

/// Samples that one day needs.
const DAY: usize = 8;

/// Scenes of the demo, played until `ends` (or for ever). Each scene is short, so that the end is never far.
///
/// # Errors
/// When the server refuses what the office does, or a terminal does not hear of it.
pub async fn play(stage: &Stage, seed: u64, ends: Option<Instant>) -> Result<(), DemoError> {
    let mut turn = usize::try_from(seed).unwrap_or_default();
    loop {
        let of_today: Vec<Sample> =
            (0..DAY).filter_map(|n| stage.samples.get((turn * DAY + n) % stage.samples.len())).cloned().collect();
        let [a, b, c, d, e, f, g, h] =
            of_today.try_into().map_err(|_| DemoError::Late("a day without samples".into()))?;
        turn += 1;
        let over = || ends.is_some_and(|ends| ends <= Instant::now());
        let number = format!("DB-{:04}", 180 + turn);

        tokio::join!(arrive(stage, [&a, &b, &c, &d]), through_receiving(stage, [&e, &f]));
        if over() {
            break;
        }
        let lent = [a.clone(), b.clone(), c.clone()];
        stage.office.put(&vault::pass(&number, vault::SALES, &lent, Moment::now())).await?;
        stage.informed(|reference| reference.pass(&number).is_some()).await?;
        hand_out(stage, [&a, &b, &c], &d).await;
        carry(&stage.door_vault, &[&a, &b, &c], [1, 3]).await;
        if over() {
            break;
        }
        // Nobody approved this one.
        carry(&stage.door_vault, &[&d], [2, 4]).await;
        if over() {
            break;
        }
        stage.network.cut(true);
        let thing = [&d];
        tokio::join!(count_and_move(stage, [&e, &f], &g), carry(&stage.door_vault, &thing, [4, 2]));
        sleep(Duration::from_millis(800)).await;
        stage.network.cut(false);
        if over() {
            break;
        }
        let lent = [&a, &b, &c];
        tokio::join!(trouble(stage), carry(&stage.door_vault, &lent, [3, 1]));
        bring_back(stage, [&a, &b, &c], &h).await;
        if over() {
            break;
        }
        sleep(Duration::from_secs(2)).await;
    }
    Ok(())
}

/// Scans one text and gives the hand time.
async fn scan(post: &Post, text: &str) {
    post.wire.show(Presentation::Symbol { aim: None, bytes: text.as_bytes().to_vec() });
    sleep(HAND).await;
}

async fn act(stage: &Stage, act: Act) {
    scan(&stage.handheld, &reference::card(act)).await;
}

/// The keeper receives what came and puts each piece in its place.
async fn arrive(stage: &Stage, samples: [&Sample; 4]) {
    let gun = &stage.handheld;
    act(stage, Act::Receive).await;
    scan(gun, &vault::badge(vault::KEEPER)).await;
    for sample in samples {
        scan(gun, &sample.number).await;
    }
    // A box that nobody registered came with them: a fact all the same.
    scan(gun, UNKNOWN).await;
    act(stage, Act::PutAway).await;
    for sample in samples {
        scan(gun, &sample.home).await;
        scan(gun, &sample.number).await;
    }
}

/// A crate comes in through the receiving door, where what was never seen before arrives.
async fn through_receiving(stage: &Stage, samples: [&Sample; 2]) {
    for sample in samples {
        let stays = STRIDE + Duration::from_millis(300);
        stage.door_receiving.wire.show(Presentation::Tag { epc: sample.epc(), antenna: 0, peak_dbm: -48, stays });
        sleep(Duration::from_millis(90)).await;
    }
    sleep(STRIDE + THROUGH).await;
}

/// The keeper hands three pieces to sales on a pass; a fourth has none and is refused.
async fn hand_out(stage: &Stage, lent: [&Sample; 3], refused: &Sample) {
    let gun = &stage.handheld;
    act(stage, Act::CheckOut).await;
    scan(gun, &vault::badge(vault::SALES)).await;
    for sample in lent {
        scan(gun, &sample.number).await;
    }
    scan(gun, &refused.number).await;
}

/// Somebody carries pieces through the vault door, past one row of antennas and then the other.
async fn carry(door: &Post, samples: &[&Sample], rows: [u16; 2]) {
    for antenna in rows {
        for sample in samples {
            let shown = Presentation::Tag { epc: sample.epc(), antenna, peak_dbm: -46, stays: STRIDE };
            door.wire.show(shown);
        }
        sleep(STRIDE).await;
    }
    sleep(THROUGH).await;
}

/// Work without a network: a count, a move to a wrong shelf, its undo, the right shelf.
async fn count_and_move(stage: &Stage, counted: [&Sample; 2], moved: &Sample) {
    let gun = &stage.handheld;
    act(stage, Act::Count).await;
    scan(gun, &vault::badge(vault::KEEPER)).await;
    for sample in counted {
        scan(gun, &sample.home).await;
        scan(gun, &sample.number).await;
    }
    act(stage, Act::Move).await;
    scan(gun, &counted[0].home).await;
    scan(gun, &moved.number).await;
    scan(gun, reference::UNDO_CARD).await;
    scan(gun, &moved.home).await;
    scan(gun, &moved.number).await;
}

/// The scanner's line is noisy, and somebody pulls its plug.
async fn trouble(stage: &Stage) {
    let gun = &stage.handheld;
    gun.wire.show(Presentation::Garbage { bytes: 37 });
    sleep(Duration::from_millis(300)).await;
    gun.wire.plug(false);
    sleep(Duration::from_millis(500)).await;
    gun.wire.plug(true);
    // Only a scanner that the daemon hears again is used again, as a person would wait for its beep.
    let _ = gun.wait("its scanner", |status| status.devices.values().all(|device| device.up)).await;
    sleep(Duration::from_millis(200)).await;
}

/// Sales brings the pieces back; one more sample that nobody lent is scanned with them.
async fn bring_back(stage: &Stage, lent: [&Sample; 3], stranger: &Sample) {
    let gun = &stage.handheld;
    act(stage, Act::Return).await;
    for sample in lent {
        scan(gun, &sample.number).await;
    }
    scan(gun, &stranger.number).await;
    act(stage, Act::PutAway).await;
    for sample in lent.into_iter().chain([stranger]) {
        scan(gun, &sample.home).await;
        scan(gun, &sample.number).await;
    }
}
