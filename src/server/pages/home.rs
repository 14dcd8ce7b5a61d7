//! Home: what must I do, is anything wrong.

use axum::response::Response;
use maud::{Markup, html};

use crate::face::signs::Sign;
use crate::face::tones::Tone;
use crate::face::values::{Reader, grouped};
use crate::quantity::Moment;
use crate::server::api::fleet::Presence;
use crate::server::api::names::Names;
use crate::server::catalog::terminals::{self, Terminal};
use crate::server::database::{DatabaseError, Tx};
use crate::server::kernel::queries::{self, Happened};
use crate::server::pages::shell::{Ask, Frame, Room};
use crate::server::pages::{telling, terminals as fleet};
use crate::server::problem::Problem;

/// Rows of the feed, and holders in the block of what is out.
const FEED: usize = 12;
const HOLDERS: usize = 10;
const HOUR_US: i64 = 3_600_000_000;

struct Today {
    /// Pieces that went out and came back, today and at the same time yesterday.
    out: u64,
    back: u64,
    before: (u64, u64),
    /// The same by hour of the day.
    hours: [(u64, u64); 24],
}

struct Holder {
    person: u32,
    pieces: u64,
    late: u64,
}

struct Seen {
    today: Today,
    out: u64,
    late: u64,
    holders: Vec<Holder>,
    fleet: Vec<Terminal>,
    feed: Vec<Happened>,
    names: Names,
}

pub async fn page(ask: Ask) -> Result<Response, Problem> {
    let (frame, seen) = ask.read(|tx, reader| Ok(read(tx, reader)?)).await?;
    let lang = ask.lang();
    let body = html! {
        div.head {
            h1 { (greeting(&ask.reader, ask.name(&frame))) }
            span.faint { (ask.reader.day()) " · " (ask.server.config.name) }
        }
        div.stack {
            (tiles(&ask, &frame, &seen))
            div.grid data-cols="main" {
                section.card {
                    header { h2 { (lang.say("last-movements")) } a href="/movements" { (lang.say("all")) } }
                    div #feed data-live { (feed(&ask.reader, &seen)) }
                }
                div.stack {
                    section.card {
                        header { h2 { (lang.say("doors-and-terminals")) } a href="/terminals" { (lang.say("all")) } }
                        div #fleet data-live { (terminals_list(&ask, &seen.fleet)) }
                    }
                    section.card {
                        header {
                            h2 { (lang.say("today-by-hour")) }
                            span.push .line {
                                (legend("one", &lang.word("direction", "out"))) (legend("two", &lang.say("back")))
                            }
                        }
                        div #hours data-live { (hours(&seen.today, &lang.say("today-by-hour"))) }
                    }
                }
            }
            section.card {
                header {
                    h2 { (lang.say("out-right-now")) }
                    span.faint { (lang.tell("out-by-custodian", &[("n", seen.out.into())])) }
                }
                div #out data-live { (holders(&ask.reader, &seen)) }
            }
        }
    };
    Ok(ask.page(Some(Room::Home), &Room::Home.name(lang), &frame, &body))
}

fn read(tx: &mut Tx, reader: &Reader) -> Result<Seen, DatabaseError> {
    let feed = queries::recent(tx, None, FEED)?.rows;
    let holders = holders_of(tx, reader.now)?;
    let mut names = telling::names(tx, &feed)?;
    names.add_people(tx, holders.iter().map(|holder| holder.person))?;
    let late = "SELECT count(*) FROM custody c JOIN pass p ON p.number = c.document \
                WHERE c.until_line IS NULL AND p.due_us <= ?1";
    let out = count(tx, "SELECT count(*) FROM custody WHERE until_line IS NULL", None)?;
    Ok(Seen {
        today: today(tx, reader)?,
        out,
        late: count(tx, late, Some(reader.now))?,
        holders,
        fleet: terminals::terminals(tx)?,
        feed,
        names,
    })
}

fn count(tx: &mut Tx, sql: &str, at: Option<Moment>) -> Result<u64, DatabaseError> {
    let values: Vec<_> = at.into_iter().map(Into::into).collect();
    tx.query_opt(sql, &values)?.map_or(Ok(0), |row| row.count(0))
}

fn today(tx: &mut Tx, reader: &Reader) -> Result<Today, DatabaseError> {
    let midnight = reader.midnight();
    let mut today = Today { out: 0, back: 0, before: (0, 0), hours: [(0, 0); 24] };
    for (at, act, pieces) in acts(tx, midnight, reader.now)? {
        let (out, back) = match act.as_str() {
            "check_out" => (pieces, 0),
            "return" => (0, pieces),
            _ => continue,
        };
        today.out += out;
        today.back += back;
        if let Some(hour) = today.hours.get_mut(usize::from(reader.hour(at))) {
            hour.0 += out;
            hour.1 += back;
        }
    }
    let day = 24 * HOUR_US;
    for (_, act, pieces) in acts(tx, Moment(midnight.0 - day), Moment(reader.now.0 - day))? {
        match act.as_str() {
            "check_out" => today.before.0 += pieces,
            "return" => today.before.1 += pieces,
            _ => (),
        }
    }
    Ok(today)
}

/// Pieces by hour and act, each with an instant of that hour.
fn acts(tx: &mut Tx, from: Moment, until: Moment) -> Result<Vec<(Moment, String, u64)>, DatabaseError> {
    let sql = "SELECT (corrected_us - ?1) / ?3, act, count(*) FROM touch \
               WHERE corrected_us >= ?1 AND corrected_us <= ?2 GROUP BY (corrected_us - ?1) / ?3, act";
    let rows = tx.query(sql, &[from.into(), until.into(), HOUR_US.into()])?;
    rows.iter()
        .map(|row| Ok((Moment(from.0 + row.int(0)? * HOUR_US), row.text(1)?.to_owned(), row.count(2)?)))
        .collect()
}

fn holders_of(tx: &mut Tx, now: Moment) -> Result<Vec<Holder>, DatabaseError> {
    let sql = "SELECT c.person_no, count(*), CAST(sum(CASE WHEN p.due_us <= ?1 THEN 1 ELSE 0 END) AS INTEGER) \
               FROM custody c LEFT JOIN pass p ON p.number = c.document WHERE c.until_line IS NULL \
               GROUP BY c.person_no ORDER BY count(*) DESC, c.person_no LIMIT ?2";
    let rows = tx.query(sql, &[now.into(), HOLDERS.into()])?;
    rows.iter().map(|row| Ok(Holder { person: row.number(0)?, pieces: row.count(1)?, late: row.count(2)? })).collect()
}

fn greeting(reader: &Reader, name: &str) -> String {
    let lang = reader.lang;
    let facts = [("name", name.into())];
    match reader.hour(reader.now) {
        5..12 => lang.tell("good-morning", &facts),
        12..18 => lang.tell("good-afternoon", &facts),
        _ => lang.tell("good-evening", &facts),
    }
}

fn tiles(ask: &Ask, frame: &Frame, seen: &Seen) -> Markup {
    let lang = ask.lang();
    let number = |count: u64| grouped(i64::try_from(count).unwrap_or(i64::MAX));
    let alarms = frame.alarms.len() as u64;
    let alarm_tone = (0 < alarms).then_some(Tone::Stop.word());
    let late_tone = (0 < seen.late).then_some(Tone::Warn.word());
    let fleet_tone = (frame.well < frame.terminals).then_some(Tone::Warn.word());
    let (before_out, before_back) = seen.today.before;
    html! {
        div #tiles .grid data-cols="4" data-live {
            a.tile href="/exceptions" data-tone=[alarm_tone] {
                h2 { (lang.say("tile-alarms")) }
                b { (number(alarms)) }
                span { (lang.tell("tile-exceptions", &[("n", frame.open.into())])) }
            }
            a.tile href="/movements?kind=movement" {
                h2 { (lang.say("tile-today")) }
                b { (number(seen.today.out)) " / " (number(seen.today.back)) }
                span { (lang.tell("tile-yesterday", &[("out", before_out.into()), ("back", before_back.into())])) }
            }
            a.tile href="#out" data-tone=[late_tone] {
                h2 { (lang.say("tile-late")) }
                b { (number(seen.late)) }
                span { (lang.tell("tile-of-out", &[("n", seen.out.into())])) }
            }
            a.tile href="/terminals" data-tone=[fleet_tone] {
                h2 { (lang.say("tile-terminals")) }
                b { (number(frame.well)) " / " (number(frame.terminals)) }
                @match frame.terminals - frame.well {
                    0 => span { (lang.say("tile-all-well")) },
                    away => span { (lang.tell("tile-look", &[("n", away.into())])) },
                }
            }
        }
    }
}

fn feed(reader: &Reader, seen: &Seen) -> Markup {
    if seen.feed.is_empty() {
        return telling::empty(Sign::Timeline, &reader.lang.say("empty-movements"));
    }
    html! { ol.rows { @for row in &seen.feed { (telling::feed_row(reader, &seen.names, row)) } } }
}

fn terminals_list(ask: &Ask, terminals: &[Terminal]) -> Markup {
    let lang = ask.lang();
    let silent_s = ask.server.config.sync.terminal_silent_s;
    let shown: Vec<&Terminal> = terminals.iter().filter(|terminal| terminal.revoked.is_none()).collect();
    if shown.is_empty() {
        return telling::empty(Sign::Terminal, &lang.say("empty-terminals"));
    }
    html! {
        ul.rows {
            @for terminal in shown.iter().take(12) {
                @let presence = Presence::of(terminal, silent_s, ask.reader.now);
                @let state = fleet::state(presence);
                li data-tone=(state.tone().word()) {
                    (state.sign().small())
                    div.main { a href=(format!("/movements?terminal={}", terminal.number)) { b { (terminal.name) } } }
                    span.end {
                        (lang.word("state", state.word()))
                        @if let Some(liveness) = &terminal.liveness {
                            @if presence == Presence::Silent { " · " (ask.reader.time_as(liveness.seen, &ask.reader.age(liveness.seen))) }
                            @if 0 < liveness.waiting { " · " (lang.tell("queued", &[("n", liveness.waiting.into())])) }
                        }
                    }
                }
            }
        }
    }
}

fn holders(reader: &Reader, seen: &Seen) -> Markup {
    let lang = reader.lang;
    if seen.holders.is_empty() {
        return telling::empty(Sign::Out, &lang.say("empty-out"));
    }
    let most = seen.holders.iter().map(|holder| holder.pieces).max().unwrap_or(1).max(1);
    html! {
        div.grid data-cols="4" {
            @for holder in &seen.holders {
                div {
                    div.line {
                        span {
                            a href=(format!("/people/{}", holder.person)) { (seen.names.person(holder.person, lang)) }
                            @if let Some(department) = seen.names.department(holder.person, lang) { span.faint { " · " (department) } }
                        }
                        b.push { (holder.pieces) }
                    }
                    svg.strip viewBox="0 0 200 22" preserveAspectRatio="none" role="img"
                        aria-label=(lang.tell("held-late", &[("n", holder.pieces.into()), ("late", holder.late.into())])) {
                        rect.ground x="0" y="4" width="200" height="14" rx="3" {}
                        g data-tone="accent" { rect x="0" y="4" width=(200 * holder.pieces / most) height="14" rx="3" {} }
                        @if 0 < holder.late {
                            @let width = (200 * holder.late / most).max(3);
                            g data-tone="stop" { rect x=(200 * holder.pieces / most - width.min(200 * holder.pieces / most)) y="4" width=(width) height="14" {} }
                        }
                    }
                }
            }
        }
    }
}

fn legend(series: &str, text: &str) -> Markup {
    html! {
        span.legend {
            svg.bars viewBox="0 0 12 12" aria-hidden="true" { rect class=(series) width="12" height="12" rx="3" {} }
            (text)
        }
    }
}

/// Out and back by hour, drawn here: size and place by attributes, colour by class.
fn hours(today: &Today, title: &str) -> Markup {
    let busy = |hour: &(usize, &(u64, u64))| hour.1.0 + hour.1.1 > 0;
    let first = today.hours.iter().enumerate().find(busy).map_or(8, |(hour, _)| hour.min(8));
    let last = today.hours.iter().enumerate().rfind(busy).map_or(17, |(hour, _)| hour.max(17));
    let most = today.hours.iter().flat_map(|&(out, back)| [out, back]).max().unwrap_or(0).max(4);
    let step = 380 / (last - first + 1);
    let height = |count: u64| count * 110 / most;
    let bar = |class: &str, x: usize, count: u64, hour: usize| {
        let (height, width) = (height(count), step * 2 / 5);
        html! { rect class=(class) x=(x) y=(120 - height) width=(width) height=(height) rx="2" { title { (hour) ":00 · " (count) } } }
    };
    html! {
        svg.bars viewBox="0 0 420 146" role="img" aria-label=(title) {
            @for share in [0, 1, 2] {
                @let count = most * share / 2;
                line.grid-line x1="30" x2="416" y1=(120 - height(count)) y2=(120 - height(count)) {}
                text x="24" y=(124 - height(count)) text-anchor="end" { (count) }
            }
            @for hour in first..=last {
                @let (out, back) = today.hours.get(hour).copied().unwrap_or_default();
                @let x = 34 + (hour - first) * step;
                (bar("one", x, out, hour)) (bar("two", x + step * 2 / 5 + 1, back, hour))
                text x=(x + step * 2 / 5) y="140" text-anchor="middle" { (hour) }
            }
        }
    }
}
