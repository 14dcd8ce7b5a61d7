//! The screen of a door, read from three metres: one word, one number, what to do. Nobody has to touch it.

use maud::{Markup, html};

use crate::event::{Direction, Reason};
use crate::face::signs::Sign;
use crate::face::values::Reader;
use crate::terminal::answer::Say;
use crate::terminal::door::View;
use crate::terminal::port::Health;
use crate::terminal::remembered::Stopped;
use crate::terminal::rules::World;
use crate::terminal::screen::{Part, desk};
use crate::terminal::station::DoorShown;
use crate::terminal::status::{DiskStatus, Status};

/// Things named on the screen; the others are counted.
const NAMED_MAX: usize = 3;

pub(super) struct Seen<'a> {
    pub station: &'a str,
    pub place: &'a str,
    pub shown: &'a DoorShown,
    pub status: &'a Status,
    /// Devices of this door that do not work.
    pub faults: &'a [(String, Health)],
}

pub(super) fn parts(seen: &Seen<'_>, reader: &Reader, world: World<'_>) -> Vec<Part> {
    vec![Part::new("door", door(seen, reader, world))]
}

fn door(seen: &Seen<'_>, reader: &Reader, world: World<'_>) -> Markup {
    let lang = reader.lang;
    let &Seen { station, place, shown, status, faults } = seen;
    let title = world.reference.place(place).map_or_else(|| station.to_owned(), |known| desk::name(lang, &known.name));
    let blocked = matches!(status.book.disk, DiskStatus::CannotRecord { .. });
    let body = state(seen, blocked, reader, world);
    html! {
        section.door data-tone=(body.tone) data-state=(body.state) role=(if body.state == "stop" { "alert" } else { "status" }) {
            header.top {
                b { (title) }
                (desk::link(status, reader))
                @if let Some(age) = status.link.data_age_s {
                    span { (lang.tell("t-data-age", &[("span", (&reader.span(age)).into())])) }
                } @else { span { (lang.say("t-data-none")) } }
                a.push href=(format!("/lang?to={}", lang.other().tag())) { "中 / EN" }
                a href="/health" { b { (super::clock(reader, status.at_us)) } }
            }
            div.middle {
                div.say {
                    span.sign-big { (body.sign.sized(120)) }
                    strong { (body.word) }
                    @for sentence in &body.sentences { p { (sentence) } }
                    @if let Some(detail) = &body.detail { p.detail lang="en" { (detail) } }
                }
                @if !body.pieces.is_empty() {
                    ul.things {
                        @for (number, name) in body.pieces.iter().take(NAMED_MAX) {
                            li { span.thumb { (Sign::Box.sized(56)) } div { b.code { (number) } p { (name) } } }
                        }
                        @if NAMED_MAX < body.pieces.len() {
                            li.more { (lang.tell("t-door-more", &[("n", ((body.pieces.len() - NAMED_MAX) as u64).into())])) }
                        }
                    }
                }
            }
            footer.bottom {
                @for (label, value) in &body.facts { div { span { (label) } b { (value) } } }
                @if 0 < shown.unwritten {
                    div { b { (lang.tell("t-door-unwritten", &[("n", (shown.unwritten as u64).into())])) } }
                }
                @if let Some((device, _)) = faults.first().filter(|_| body.state != "fault") {
                    div { b { (lang.tell("t-door-fault-device", &[("device", device.into())])) } }
                }
            }
        }
    }
}

struct State {
    tone: &'static str,
    state: &'static str,
    sign: Sign,
    word: String,
    sentences: Vec<String>,
    /// What a device says of itself, in its own words.
    detail: Option<String>,
    pieces: Vec<(String, String)>,
    facts: Vec<(String, String)>,
}

/// What the door says, the gravest first: what must not leave stands before a fault of the door itself.
fn state(seen: &Seen<'_>, blocked: bool, reader: &Reader, world: World<'_>) -> State {
    let lang = reader.lang;
    let shown = seen.shown;
    let last = shown.last.as_ref().and_then(|given| match &given.answer.say {
        Say::Passed { pieces, direction, .. } => {
            let pieces = lang.tell("pieces", &[("n", (*pieces as u64).into())]);
            let text = format!("{} · {pieces} · {}", reader.near(given.at), lang.word("direction", direction.word()));
            Some((lang.say("t-door-last"), text))
        }
        _ => None,
    });
    let facts: Vec<(String, String)> = last.into_iter().collect();
    let plain = |tone, state, sign, word, sentences| State {
        tone,
        state,
        sign,
        word,
        sentences,
        detail: None,
        pieces: Vec::new(),
        facts: facts.clone(),
    };
    let zone =
        |code: &String| world.reference.place(code).map_or_else(|| code.clone(), |place| desk::name(lang, &place.name));
    let direction = |direction: Direction| {
        let (inside, outside) = (zone(&shown.inside), zone(&shown.outside));
        let way = match direction {
            Direction::Out => format!("{inside} → {outside}"),
            Direction::In => format!("{outside} → {inside}"),
            Direction::Unknown => lang.word("direction", direction.word()),
        };
        (lang.say("t-door-direction"), way)
    };
    let badge = |person: Option<u32>| {
        person.map(|person| (lang.say("t-door-badge"), desk::person(lang, world.reference, person)))
    };
    if let View::Stop { pieces, person } = &shown.view {
        let no_pass = pieces.iter().all(|piece| matches!(piece.reasons.as_slice(), [] | [Reason::NoPass, ..]));
        let sentence = if no_pass { "t-door-stop-say" } else { "t-door-stop-other" };
        let count = lang.tell(sentence, &[("n", (pieces.len() as u64).into())]);
        // One thing: its own reason helps. Several: the count does, and the number of each stands beside.
        let why = match pieces.as_slice() {
            [one] if !no_pass => {
                one.reasons.first().map(|reason| desk::why(*reason, one.unit.as_deref(), lang, world.reference))
            }
            _ => None,
        };
        let named = |stopped: &Stopped| {
            let unit = stopped.unit.as_deref().and_then(|number| world.reference.unit(number));
            let number = stopped.unit.clone().unwrap_or_else(|| desk::shown_code(&stopped.code));
            (number, unit.map(|unit| desk::name(lang, &unit.name)).unwrap_or_default())
        };
        return State {
            pieces: pieces.iter().map(named).collect(),
            facts: [direction(Direction::Out)].into_iter().chain(badge(*person)).collect(),
            ..plain("stop", "stop", Sign::Hand, lang.say("t-door-stop"), [count].into_iter().chain(why).collect())
        };
    }
    if blocked {
        return plain("stop", "fault", Sign::Cross, lang.say("t-cannot-record"), vec![lang.say("t-trouble")]);
    }
    if let Some((device, health)) = seen.faults.first() {
        let sentence = lang.tell("t-door-fault-device", &[("device", device.into())]);
        let since = health.since.map(|since| reader.age(since));
        let sentence = [sentence].into_iter().chain(since).collect::<Vec<_>>().join(" · ");
        return State {
            detail: Some(health.why.clone()).filter(|why| !why.is_empty()),
            ..plain("mute", "fault", Sign::NoLink, lang.say("t-door-fault"), vec![sentence])
        };
    }
    match &shown.view {
        View::Idle | View::Stop { .. } => plain("idle", "idle", Sign::Door, lang.say("t-door-idle"), Vec::new()),
        View::Reading { pieces } => {
            let word = lang.tell("t-door-reading", &[("n", (*pieces as u64).into())]);
            plain("accent", "reading", Sign::Search, word, Vec::new())
        }
        View::Released { pieces, direction: way, pass, person } => {
            let pieces = lang.tell("pieces", &[("n", (*pieces as u64).into())]);
            let sentence = lang.tell("t-door-go-say", &[("pieces", (&pieces).into())]);
            let word = if *way == Direction::In { lang.say("t-door-in") } else { lang.say("t-door-go") };
            let slip = pass.as_ref().map(|pass| lang.tell("t-slip", &[("number", pass.into())]));
            State {
                facts: [direction(*way)].into_iter().chain(badge(*person).filter(|_| *way == Direction::Out)).collect(),
                ..plain("ok", "released", Sign::Tick, word, [sentence].into_iter().chain(slip).collect())
            }
        }
        View::Look { pieces: _, direction: way, reasons } => {
            let why: Vec<String> = reasons.iter().map(|reason| lang.word("reason", reason.word())).collect();
            let sentence = lang.tell("t-door-look-say", &[("why", (&why.join(" · ")).into())]);
            State {
                facts: vec![direction(*way)],
                ..plain("warn", "look", Sign::Triangle, lang.say("t-door-look"), vec![sentence])
            }
        }
    }
}
