//! The page of a handheld or bench: four bands, always in the same order, so that the eye learns one place for each question.

use maud::{Markup, html};

use crate::epc;
use crate::event::{Act, Reason};
use crate::face::signs::Sign;
use crate::face::values::{MISSING, Reader};
use crate::face::words::Lang;
use crate::gs1::ReadError;
use crate::gs1::fault::Fault;
use crate::identity::{Doubt, Identifier};
use crate::sync::records::Name;
use crate::terminal::answer::{Outcome, Say};
use crate::terminal::handheld::{self, Going, PaperKind};
use crate::terminal::house::Given;
use crate::terminal::reference::Reference;
use crate::terminal::rules::World;
use crate::terminal::screen::Part;
use crate::terminal::station::DeskShown;
use crate::terminal::status::{DiskStatus, Status};

/// Items to touch; any other is scanned or typed.
const ITEMS_MAX: usize = 20;

/// More pieces than this are one bar with a figure.
const SEGMENTS_MAX: usize = 12;

pub(super) fn name(lang: Lang, name: &Name) -> String {
    lang.of(&name.zh, &name.en).to_owned()
}

pub(super) fn person(lang: Lang, reference: &Reference, number: u32) -> String {
    reference.person(number).map_or_else(|| number.to_string(), |person| name(lang, &person.name))
}

/// The parts of the page that change, each with the id under which it stands.
pub(super) fn parts(station: &str, shown: &DeskShown, status: &Status, reader: &Reader, world: World<'_>) -> Vec<Part> {
    let going = shown.state.going.as_ref();
    let blocked = matches!(status.book.disk, DiskStatus::CannotRecord { .. });
    vec![
        Part::new("status", band(shown, status, reader, world.reference)),
        Part::new("act", act(going, reader.lang, world.reference)),
        Part::new("answer", answer(station, shown, blocked, reader, world)),
        Part::new("foot", foot(station, going, reader.lang, world)),
    ]
}

/// Link, queue, person and clock. Touching it opens the health of the terminal.
fn band(shown: &DeskShown, status: &Status, reader: &Reader, reference: &Reference) -> Markup {
    let lang = reader.lang;
    let who = shown.state.operator.map_or_else(|| lang.say("t-nobody"), |number| person(lang, reference, number));
    html! {
        a.band href="/health" aria-label=(lang.say("t-health")) {
            (link(status, reader))
            span.push { b { (who) } }
            span.faint { (super::clock(reader, status.at_us).get(..5).unwrap_or_default()) }
        }
    }
}

/// Online or since when not, what waits, and how old the data are when that matters.
pub(super) fn link(status: &Status, reader: &Reader) -> Markup {
    let lang = reader.lang;
    let link = &status.link;
    let day = 24 * 3600;
    html! {
        @if link.online {
            span.dot data-tone="ok" {} span { (lang.say("t-online")) }
        } @else if link.last_ok_us.is_none() && link.trouble.is_none() {
            (Sign::NoLink.small()) span { (lang.say("t-alone")) }
        } @else {
            (Sign::NoLink.small())
            span { (lang.tell("t-offline", &[("span", (&reader.span(reader.now.since(link.since_us).as_secs())).into())])) }
        }
        @if status.book.waiting == 0 {
            b { (lang.say("t-all-sent")) }
        } @else {
            b { (lang.tell("t-queued", &[("n", status.book.waiting.into())])) }
        }
        @if let Some(age) = link.data_age_s.filter(|age| day <= *age) {
            span.chip data-tone="warn" { (Sign::Triangle.small()) (lang.tell("t-data-age", &[("span", (&reader.span(age)).into())])) }
        }
        @if status.troubles.iter().any(|_| true) { span.chip data-tone="warn" { (Sign::Triangle.small()) (status.troubles.len()) } }
    }
}

fn act(going: Option<&Going>, lang: Lang, reference: &Reference) -> Markup {
    let Some(going) = going else {
        return html! { div.what { h1 { (lang.say("t-choose-act")) } p.faint { (lang.say("t-choose-hint")) } } };
    };
    let due = handheld::due(going, reference, |_| None);
    let done = if due.is_empty() { going.pieces.len() } else { due.iter().filter(|due| due.done).count() };
    let paper = going.paper.as_ref().map(|paper| {
        let (key, about) = match paper.kind {
            PaperKind::Pass => (
                lang.tell("t-slip", &[("number", (&paper.number).into())]),
                reference.pass(&paper.number).map(|pass| &pass.purpose),
            ),
            PaperKind::Task => (
                lang.tell("t-task", &[("number", (&paper.number).into())]),
                reference.task(&paper.number).map(|task| &task.title),
            ),
        };
        match about.map(|about| name(lang, about)).filter(|about| !about.is_empty()) {
            Some(about) => format!("{key} · {about}"),
            None => key,
        }
    });
    let place = going.place.as_ref().map(|place| lang.tell("t-to-place", &[("place", place.into())]));
    let taker =
        going.taker.map(|taker| lang.tell("t-to-person", &[("person", (&person(lang, reference, taker)).into())]));
    let about: Vec<String> = [paper, taker, place].into_iter().flatten().collect();
    html! {
        div.what {
            h1 { (lang.word("act", going.act.word())) }
            @if !about.is_empty() { p.faint { (about.join(" · ")) } }
        }
        p.count { b { (done) } @if !due.is_empty() { span { " / " (due.len()) } } }
        @if !due.is_empty() { (segments(done, due.len())) }
    }
}

/// One segment per piece, the next one in blue; a bar where there are too many. Drawn, because a strict page has no style.
fn segments(done: usize, of: usize) -> Markup {
    if SEGMENTS_MAX < of {
        return html! { progress.segments value=(done) max=(of) {} };
    }
    let width = 1000 / of;
    html! {
        svg.segments viewBox="0 0 1000 20" preserveAspectRatio="none" aria-hidden="true" {
            @for k in 0..of {
                rect x=(k * width) y="0" width=(width.saturating_sub(16)) height="20" rx="8"
                    data-part=(if k < done { "done" } else if k == done { "next" } else { "left" }) {}
            }
        }
    }
}

fn answer(station: &str, shown: &DeskShown, blocked: bool, reader: &Reader, world: World<'_>) -> Markup {
    let lang = reader.lang;
    if blocked {
        return html! {
            section.answer data-tone="stop" role="alert" {
                (head(Outcome::Stop, &lang.say("t-cannot-record"), &[lang.say("t-trouble")]))
            }
        };
    }
    let going = shown.state.going.as_ref();
    let given = shown.last.as_deref();
    html! {
        @match given {
            Some(given) if going.is_some() || given.answer.outcome != Outcome::Note => { (said(given, going, reader, world)) }
            Some(given) if matches!(given.answer.say, Say::Person { .. } | Say::ChooseAct | Say::Ended { .. }) => { (said(given, going, reader, world)) }
            _ => {}
        }
        @if let Some(going) = going { (prepared(station, going, given, lang, world.reference)) }
        @if going.is_none() { (chooser(station, lang, world.reference)) }
        @else if given.is_none() {
            section.answer { (head(Outcome::Note, &lang.say("t-ready"), &[lang.say("t-started-say")])) }
        }
    }
}

/// What a registration or relabelling has so far, its items to choose from and its button.
fn prepared(station: &str, going: &Going, given: Option<&Given>, lang: Lang, reference: &Reference) -> Markup {
    let draft = &going.draft;
    let item = draft.item.as_deref().and_then(|item| reference.item(item));
    let code = draft.bind.as_ref().or(draft.release.as_ref()).map(|code| shown_code(code));
    let ready = match going.act {
        Act::Register => draft.item.is_some(),
        Act::Relabel => draft.unit.is_some() && code.is_some(),
        Act::Receive | Act::PutAway | Act::CheckOut | Act::Return | Act::Move | Act::Count => return html! {},
    };
    let hidden = html! { input type="hidden" name="station" value=(station); };
    // The item stands for the next piece too. The button that says so is another one, so that a second touch of the same
    // place is no second piece by chance.
    let another = draft.bind.is_none() && given.is_some_and(|given| matches!(given.answer.say, Say::Registered { .. }));
    let (kind, confirm) = match going.act {
        Act::Register if another => (None, "t-confirm-another"),
        Act::Register => (Some("primary"), "t-confirm-register"),
        _ => (Some("primary"), "t-confirm-relabel"),
    };
    html! {
        div.choose {
            @if going.act == Act::Register || code.is_some() { dl.facts {
                @if going.act == Act::Register {
                    div { dt { (lang.say("t-fact-item")) } dd { (item.map_or_else(|| MISSING.to_owned(), |item| format!("{} {}", item.code, name(lang, &item.name)))) } }
                }
                div { dt { (lang.say("t-fact-code")) } dd { (code.unwrap_or_else(|| MISSING.to_owned())) } }
            } }
            @if ready {
                form method="post" action="/confirm" {
                    (hidden)
                    button.btn.say data-kind=[kind] { (lang.say(confirm)) }
                }
            }
            @if going.act == Act::Register && item.is_none() {
                h2 { (lang.say("t-choose-item")) }
                @for item in reference.items().into_iter().take(ITEMS_MAX) {
                    form method="post" action="/item" {
                        (hidden)
                        input type="hidden" name="item" value=(item.code);
                        button.btn {
                            span { b.code { (item.code) } }
                            span.faint { (name(lang, &item.name)) }
                        }
                    }
                }
            }
        }
    }
}

/// Tasks first, then every act: the same as the command cards.
pub(super) fn chooser(station: &str, lang: Lang, reference: &Reference) -> Markup {
    let tasks = reference.tasks();
    html! {
        div.choose {
            @if !tasks.is_empty() {
                h2 { (lang.say("t-tasks")) }
                @for task in tasks.iter().take(20) {
                    form method="post" action="/scan" {
                        input type="hidden" name="station" value=(station);
                        input type="hidden" name="code" value=(task.number);
                        button.btn {
                            span { (lang.word("act", task.act.word())) " " b.code { (task.number) } }
                            span.faint { (name(lang, &task.title)) }
                            span.push { (task.units.len()) }
                        }
                    }
                }
            }
            h2 { (lang.say("t-all-acts")) }
            div.acts {
                @for act in Act::ALL {
                    form method="post" action="/act" {
                        input type="hidden" name="station" value=(station);
                        input type="hidden" name="act" value=(act.word());
                        button.btn { (lang.word("act", act.word())) }
                    }
                }
            }
        }
    }
}

/// Sign, word and sentences.
pub(super) fn head(outcome: Outcome, word: &str, sentences: &[String]) -> Markup {
    html! {
        div.head {
            span.sign-big data-outcome=(outcome.word()) { (sign(outcome).sized(40)) }
            div {
                strong { (word) }
                @for sentence in sentences { p { (sentence) } }
            }
        }
    }
}

fn sign(outcome: Outcome) -> Sign {
    match outcome {
        Outcome::Ok | Outcome::LineFull | Outcome::PaperDone => Sign::Tick,
        Outcome::Stop => Sign::Cross,
        Outcome::Ask => Sign::Question,
        Outcome::Look => Sign::Triangle,
        Outcome::Again => Sign::Equals,
        Outcome::Note => Sign::Search,
    }
}

fn said(given: &Given, going: Option<&Going>, reader: &Reader, world: World<'_>) -> Markup {
    let outcome = given.answer.outcome;
    let (word, sentences) = words(given, going, reader, world);
    let role = if outcome == Outcome::Stop { "alert" } else { "status" };
    let line = given.line.map(|recorded| format!("{}:{}", recorded.line.seq, recorded.hash));
    html! {
        section.answer data-tone=(outcome.token()) role=(role) data-line=[line] data-number=(given.number) {
            (head(outcome, &word, &sentences))
            // To be copied onto the label by hand, from where the piece lies.
            @if let Say::Registered { number, .. } = &given.answer.say { p.given { (number) } }
            (piece(given, going, reader, world))
        }
    }
}

/// A canonical code as a person reads it.
pub(super) fn shown_code(code: &str) -> String {
    Identifier::parse(code).map_or_else(|| code.to_owned(), |identifier| identifier.shown())
}

/// The number, name and facts of the thing that was scanned.
fn piece(given: &Given, going: Option<&Going>, reader: &Reader, world: World<'_>) -> Markup {
    let lang = reader.lang;
    let Some(code) = &given.answer.code else { return html! {} };
    if matches!(
        given.answer.say,
        Say::Person { .. }
            | Say::Place { .. }
            | Say::Paper { .. }
            | Say::Started { .. }
            | Say::Prepared { .. }
            | Say::Registered { .. }
    ) {
        return html! {};
    }
    let unit = given.answer.unit.as_deref().and_then(|number| world.reference.unit(number));
    let number = match &given.answer.unit {
        Some(number) => number.clone(),
        None => shown_code(code),
    };
    let done = going.and_then(|going| going.pieces.iter().rev().find(|done| done.code == *code));
    let due =
        done.and_then(|done| done.pass.as_deref()).and_then(|pass| world.reference.pass(pass)).map(|pass| pass.due);
    let place = unit.and_then(|unit| world.remembered.place_of(&unit.number).or(unit.home.as_deref()));
    html! {
        div.piece {
            span.thumb { (Sign::Box.sized(48)) }
            div {
                b.code { (number) }
                @if let Some(unit) = unit { p { (name(lang, &unit.name)) } }
            }
        }
        @if unit.is_some() {
            dl.facts {
                div { dt { (lang.say("t-fact-weight")) } dd { (unit.and_then(|unit| unit.quantity).map_or(MISSING.to_owned(), |quantity| reader.quantity(quantity))) } }
                div { dt { (lang.say("t-fact-place")) } dd { (place.unwrap_or(MISSING)) } }
                @if let Some(due) = due { div { dt { (lang.say("t-fact-due")) } dd { (reader.date(due)) } } }
            }
        }
    }
}

/// Why a code is not what it was meant to be; places count from 1.
fn doubted(doubt: &Doubt, reader: &Reader) -> String {
    let lang = reader.lang;
    let place = |at: usize| u64::try_from(at + 1).unwrap_or(u64::MAX);
    match doubt {
        Doubt::Code(ReadError::Value { ai, fault: Fault::CheckDigit { want }, .. }) => {
            lang.tell("t-doubt-check-digit", &[("ai", ai.as_str().into()), ("want", u64::from(*want).into())])
        }
        Doubt::Code(ReadError::Gtin { fault: Fault::CheckDigit { want }, .. }) => {
            lang.tell("t-doubt-gtin", &[("want", u64::from(*want).into())])
        }
        Doubt::Code(ReadError::UnknownAi { at, found }) => {
            lang.tell("t-doubt-ai", &[("at", place(*at).into()), ("found", found.as_str().into())])
        }
        Doubt::Code(ReadError::Value { ai, at, .. }) => {
            lang.tell("t-doubt-value", &[("ai", ai.as_str().into()), ("at", place(*at).into())])
        }
        Doubt::Code(error) => lang.tell("t-doubt-code", &[("at", place(error.at()).into())]),
        Doubt::Tag(epc::fault::Fault::Tid) => lang.say("t-doubt-tid"),
        Doubt::Tag(epc::fault::Fault::Unprogrammed) => lang.say("t-doubt-blank"),
        Doubt::Tag(_) => lang.say("t-doubt-tag"),
    }
}

/// The word of the answer, and what to do before why.
fn words(given: &Given, going: Option<&Going>, reader: &Reader, world: World<'_>) -> (String, Vec<String>) {
    let lang = reader.lang;
    let back = || {
        let unit = given.answer.unit.as_deref()?;
        let home = world.reference.unit(unit).and_then(|unit| unit.home.as_deref());
        let place = world.remembered.place_of(unit).or(home)?;
        Some(lang.tell("t-put-back", &[("place", place.into())]))
    };
    match &given.answer.say {
        Say::Recorded { nth, of, exceptions } => {
            let word = match given.answer.outcome {
                Outcome::LineFull => lang.say("t-line-done"),
                Outcome::PaperDone => lang.say("t-all-done"),
                Outcome::Look => lang.say("t-look"),
                Outcome::Ok | Outcome::Stop | Outcome::Ask | Outcome::Again | Outcome::Note => lang.say("t-good"),
            };
            let nth = *nth as u64;
            let recorded = match of {
                Some(of) => lang.tell("t-in-the-book-of", &[("nth", nth.into()), ("of", (*of as u64).into())]),
                None => lang.tell("t-in-the-book-nth", &[("nth", nth.into())]),
            };
            let reasons = exceptions.iter().map(|reason| lang.word("reason", reason.word()));
            (word, reasons.chain([recorded]).collect())
        }
        Say::NotOnPaper => (lang.say("t-not-on-paper"), vec![lang.say("t-not-on-paper-say")]),
        Say::Wrong { wanted } => {
            let wanted = wanted.as_ref().map(|unit| lang.tell("t-wanted", &[("unit", unit.into())]));
            let sentences = back().into_iter().chain(wanted).chain([lang.say("t-wrong-say")]);
            (lang.say("t-wrong-piece"), sentences.collect())
        }
        Say::Refused { reasons } => {
            let why = reasons.iter().map(|reason| why(*reason, given.answer.unit.as_deref(), lang, world.reference));
            (lang.say("t-not-allowed"), why.chain(back()).collect())
        }
        Say::Unknown { recorded, doubt } => {
            let kept = lang.say(if *recorded { "t-unknown-kept" } else { "t-unknown-not-kept" });
            (lang.say("t-unknown-code"), doubt.iter().map(|doubt| doubted(doubt, reader)).chain([kept]).collect())
        }
        Say::Already { at } => {
            let time = super::clock(reader, *at);
            (lang.say("t-already-scanned"), vec![lang.tell("t-already-say", &[("time", (&time).into())])])
        }
        Say::TakenBack { .. } => (lang.say("t-taken-back"), vec![lang.say("t-taken-back-say")]),
        Say::NothingToTakeBack => (lang.say("t-nothing-back"), vec![lang.say("t-nothing-back-say")]),
        Say::ChooseAct => (lang.say("t-choose-act"), vec![lang.say("t-choose-hint")]),
        Say::PlaceFirst => (lang.say("t-place-first"), vec![lang.say("t-place-first-say")]),
        Say::Started { act } => {
            let sentence = match act {
                Act::PutAway | Act::Move | Act::Count => lang.say("t-started-place-say"),
                Act::CheckOut => lang.say("t-started-badge-say"),
                Act::Register => lang.say("t-started-register-say"),
                Act::Relabel => lang.say("t-started-relabel-say"),
                Act::Receive | Act::Return => lang.say("t-started-say"),
            };
            (lang.say("t-ready"), vec![sentence])
        }
        Say::Ended { act, pieces } => {
            let (act, pieces) = (lang.word("act", act.word()), lang.tell("pieces", &[("n", (*pieces as u64).into())]));
            let sentence = lang.tell("t-act-ended-say", &[("act", (&act).into()), ("pieces", (&pieces).into())]);
            (lang.say("t-act-ended"), vec![sentence])
        }
        Say::Person { person: number, takes } => {
            let sentence = if *takes { lang.say("t-person-takes") } else { lang.say("t-person-works") };
            (person(lang, world.reference, *number), vec![sentence])
        }
        Say::Place { place } => (place.clone(), vec![lang.say("t-place-say")]),
        Say::Paper { number, pieces } => {
            let pieces = lang.tell("pieces", &[("n", (*pieces as u64).into())]);
            (number.clone(), vec![lang.tell("t-paper-say", &[("pieces", (&pieces).into())])])
        }
        Say::PaperNotForAct => (lang.say("t-other-paper"), vec![lang.say("t-other-paper-say")]),
        Say::Amount { quantity } => (reader.quantity(*quantity), vec![lang.say("t-amount-say")]),
        Say::GoingOn { since } => {
            let time = reader.near(going.map_or(*since, |going| going.began));
            (lang.say("t-going-on"), vec![lang.tell("t-going-on-say", &[("time", (&time).into())])])
        }
        Say::Unreadable => (lang.say("t-no-code"), vec![lang.say("t-no-code-say")]),
        Say::CannotRecord { why } => {
            (lang.say("t-cannot-record"), vec![lang.tell("t-cannot-say", &[("why", why.into())])])
        }
        Say::Prepared { code, item, doubt } => {
            let code = code.as_ref().map(|code| lang.tell("t-prepared-code", &[("code", (&shown_code(code)).into())]));
            let next = match item {
                Some(_) => lang.say("t-prepared-confirm"),
                None => lang.say("t-item-first-say"),
            };
            let doubt = doubt.iter().map(|doubt| doubted(doubt, reader));
            (lang.say("t-prepared"), code.into_iter().chain(doubt).chain([next]).collect())
        }
        Say::Registered { number: _, code, exceptions } => {
            let reasons = exceptions.iter().map(|reason| lang.word("reason", reason.word()));
            let code = code.as_ref().map(|code| lang.tell("t-prepared-code", &[("code", (&shown_code(code)).into())]));
            let sentences = reasons.chain(code).chain([lang.say("t-registered-say")]);
            (lang.say("t-registered"), sentences.collect())
        }
        Say::RegisteredBefore { unit } => {
            (lang.say("t-registered-before"), vec![lang.tell("t-registered-before-say", &[("unit", unit.into())])])
        }
        Say::CodeTaken { unit } => {
            (lang.say("t-code-taken"), vec![lang.tell("t-code-taken-say", &[("unit", unit.into())])])
        }
        Say::ItemFirst => (lang.say("t-item-first"), vec![lang.say("t-item-first-say")]),
        Say::NoSeries => (lang.say("t-no-series"), vec![lang.say("t-no-series-say")]),
        Say::Relabel { unit } => (unit.clone(), vec![lang.say("t-relabel-say")]),
        Say::PieceFirst => (lang.say("t-piece-first"), vec![lang.say("t-started-relabel-say")]),
        Say::LabelFirst => (lang.say("t-label-first"), vec![lang.say("t-relabel-say")]),
        Say::Relabelled { bind, release, exceptions } => {
            let reasons = exceptions.iter().map(|reason| lang.word("reason", reason.word()));
            let bind = bind.as_ref().map(|code| lang.tell("t-prepared-code", &[("code", (&shown_code(code)).into())]));
            let release =
                release.iter().map(|code| lang.tell("t-released-code", &[("code", (&shown_code(code)).into())]));
            (lang.say("t-relabelled"), reasons.chain(bind).chain(release).collect())
        }
        Say::NothingPrepared => (lang.say("t-nothing-prepared"), vec![lang.say("t-choose-hint")]),
        Say::WrongNumber { wrong } => (lang.say("t-wrong-number"), vec![lang.wrong_number(wrong)]),
        Say::Seen => (lang.say("t-seen"), vec![lang.say("t-seen-say")]),
        Say::NotAtADoor => (lang.say("t-at-a-door"), vec![lang.say("t-door-say")]),
        Say::Passed { .. } => (lang.say("t-in-the-book"), Vec::new()),
    }
}

/// Why a thing may not leave.
pub(super) fn why(reason: Reason, unit: Option<&str>, lang: Lang, reference: &Reference) -> String {
    match reason {
        Reason::NoPass => lang.say("t-why-no-pass"),
        Reason::PassNotValidNow => lang.say("t-why-not-now"),
        Reason::PassForAnother => {
            let holder = unit.and_then(|unit| reference.passes_of(unit).next()).map(|pass| pass.person);
            let holder = holder.map_or_else(|| MISSING.to_owned(), |number| person(lang, reference, number));
            lang.tell("t-why-for-another", &[("person", (&holder).into())])
        }
        Reason::PassUsedUp => lang.say("t-why-used-up"),
        Reason::OnHold => {
            let hold = unit.and_then(|unit| reference.hold(unit)).map(|hold| name(lang, &hold.reason));
            lang.tell("t-why-hold", &[("why", (&hold.unwrap_or_else(|| MISSING.to_owned())).into())])
        }
        Reason::NoCertificate => lang.say("t-why-certificate"),
        Reason::ClockUnset => lang.say("t-why-clock"),
        Reason::NoPerson => lang.say("t-why-person"),
        Reason::UnknownCode
        | Reason::ClockJumped
        | Reason::DataStale
        | Reason::AlreadyOut
        | Reason::NotOut
        | Reason::WrongPlace
        | Reason::Short
        | Reason::AlreadyReceived
        | Reason::DirectionUnknown
        | Reason::BoundTwice
        | Reason::Unreadable
        | Reason::CountVariance
        | Reason::CodeReplaced
        | Reason::NumberTwice
        | Reason::NotCorrectable => lang.word("reason", reason.word()),
    }
}

/// The next piece with its place, then at most three buttons.
fn foot(station: &str, going: Option<&Going>, lang: Lang, world: World<'_>) -> Markup {
    let due = going
        .map(|going| handheld::due(going, world.reference, |unit| world.remembered.place_of(unit).map(str::to_owned)));
    let next = due.into_iter().flatten().find(|due| !due.done);
    let base = format!("/s/{}", super::path(station));
    html! {
        @if let Some(next) = next {
            p.next {
                span.faint { (lang.say("t-next")) } b.code { (next.unit) }
                @if let Some(place) = next.place { span.push.place { (place) } }
            }
        }
        div.buttons {
            @if going.is_some() {
                form method="post" action="/undo" {
                    input type="hidden" name="station" value=(station);
                    button.btn aria-label=(lang.say("t-undo")) title=(lang.say("t-undo")) { (Sign::Undo.sized(24)) }
                }
            }
            a.btn href=(format!("{base}/list")) { (Sign::Timeline.small()) (lang.say("t-list")) }
            @if going.is_some() {
                form method="post" action="/act" {
                    input type="hidden" name="station" value=(station);
                    input type="hidden" name="act" value="";
                    button.btn { (lang.say("t-end-act")) }
                }
            }
        }
    }
}

/// The list of the act, the field for a typed code, the amount and the picture.
pub(super) fn list(station: &str, shown: &DeskShown, wrong_amount: bool, reader: &Reader, world: World<'_>) -> Markup {
    let lang = reader.lang;
    let going = shown.state.going.as_ref();
    let due = going
        .map(|going| handheld::due(going, world.reference, |unit| world.remembered.place_of(unit).map(str::to_owned)));
    let open: Vec<_> = due.into_iter().flatten().filter(|due| !due.done).collect();
    let pieces = going.map(|going| going.pieces.as_slice()).unwrap_or_default();
    let hidden = html! { input type="hidden" name="station" value=(station); };
    html! {
        main.list {
            div.line {
                a.btn href=(format!("/s/{}", super::path(station))) { (lang.say("t-back")) }
                h1 { (going.map_or_else(|| lang.say("t-list"), |going| lang.word("act", going.act.word()))) }
            }
            @if !open.is_empty() {
                h2 { (lang.say("t-still-due")) }
                ul.rows {
                    @for due in open { li { b.code { (due.unit) } span.end { (due.place.unwrap_or_else(|| MISSING.to_owned())) } } }
                }
            }
            h2 { (lang.say("t-pieces")) }
            @if pieces.is_empty() {
                div.empty { (Sign::Box.sized(40)) b { (lang.say("t-no-pieces")) } p { (lang.say("t-no-pieces-say")) } }
            }
            ul.rows {
                @for done in pieces.iter().rev().take(200) {
                    li {
                        b.code { (done.unit.clone().unwrap_or_else(|| shown_code(&done.code))) }
                        @for reason in &done.exceptions { span.chip data-tone="warn" { (Sign::Triangle.small()) (lang.word("reason", reason.word())) } }
                        span.end { (reader.quantity(done.quantity)) " · " (super::clock(reader, done.at)) }
                    }
                }
            }
            h2 { (lang.say("t-by-hand")) }
            form.form method="post" action="/scan" {
                (hidden)
                div.field {
                    label for="code" { (lang.say("t-type-code")) }
                    input id="code" name="code" maxlength="200" autocomplete="off" autocapitalize="characters" required;
                }
                button.btn data-kind="primary" { (lang.say("t-record-it")) }
            }
            form.form method="post" action="/amount" {
                (hidden)
                div.field {
                    label for="amount" { (lang.say("t-amount")) }
                    input id="amount" name="amount" maxlength="30" autocomplete="off" required
                        aria-describedby="amount-hint" aria-invalid=[wrong_amount.then_some("true")];
                    span.hint id="amount-hint" { (lang.say("t-amount-hint")) }
                    @if wrong_amount { span.wrong { (lang.say("t-amount-wrong")) } }
                }
                button.btn { (lang.say("t-amount-set")) }
            }
            form.form method="post" action="/picture" enctype="multipart/form-data" {
                (hidden)
                div.field {
                    label for="picture" { (lang.say("t-picture")) }
                    // The browser words its file button in its own language; the script hides it behind ours.
                    input id="picture" name="picture" type="file" accept="image/png,image/jpeg" capture="environment" required;
                    label.btn id="take" for="picture" hidden { (Sign::Search.small()) (lang.say("t-picture-take")) }
                }
                button.btn { (lang.say("t-picture-send")) }
            }
        }
    }
}
