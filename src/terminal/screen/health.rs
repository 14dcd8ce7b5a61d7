//! The health panel: what the status band opens.

use maud::{Markup, html};

use crate::face::signs::Sign;
use crate::face::values::{MISSING, Reader};
use crate::terminal::screen::desk;
use crate::terminal::station::Station;
use crate::terminal::status::{DiskStatus, Status};

pub(super) fn page(status: &Status, stations: &[Station], alarms: &[&str], reader: &Reader) -> Markup {
    let lang = reader.lang;
    let disk = match &status.book.disk {
        DiskStatus::Fine => ("ok", lang.say("t-disk-fine")),
        DiskStatus::Tight { .. } => ("warn", lang.say("t-disk-tight")),
        DiskStatus::CannotRecord { .. } => ("stop", lang.say("t-disk-none")),
    };
    let check = status
        .self_check
        .map(|check| lang.tell("t-check-same", &[("shown", check.shown.into()), ("written", check.written.into())]));
    html! {
        main.list id="health" {
            @match stations {
                [only] => a.btn href=(format!("/s/{}", super::path(&only.name))) { (lang.say("t-back")) },
                _ => a.btn href="/" { (lang.say("t-back")) },
            }
            h1 { (status.name) }
            @for trouble in &status.troubles { p.note data-tone="warn" lang="en" { (Sign::Triangle.small()) (trouble) } }
            @for station in alarms {
                form method="post" action="/acknowledge" {
                    input type="hidden" name="station" value=(station);
                    button.btn data-kind="stop" { (lang.say("t-end-alarm")) " " (station) }
                }
            }
            dl.facts {
                dt { (lang.say("t-link")) } dd { span.line { (desk::link(status, reader)) } @if let Some(trouble) = &status.link.trouble { p lang="en" { (trouble) } } }
                dt { (lang.say("t-book")) }
                dd { (lang.tell("t-lines", &[("n", status.book.last.into()), ("waiting", status.book.waiting.into())])) }
                @for (series, left) in &status.numbers_left {
                    dt { (lang.say("t-numbers")) " " (series) } dd { (lang.tell("t-numbers-left", &[("n", (*left).into())])) }
                }
                dt { (lang.say("t-disk")) } dd { span.dot data-tone=(disk.0) {} (disk.1) }
                dt { (lang.say("t-clock")) }
                dd { @if status.clock_unset { (lang.say("t-clock-unset")) } @else { (lang.say("t-clock-set")) } " · " (reader.full(status.at_us)) }
                dt { (lang.say("t-self-check")) }
                dd {
                    (check.unwrap_or_else(|| lang.say("t-check-none")))
                    form method="post" action="/check" { button.btn { (lang.say("t-check-now")) } }
                }
            }
            h2 { (lang.say("t-devices")) }
            @if status.devices.is_empty() { p { (lang.say("t-no-devices")) } }
            ul.rows {
                @for (name, device) in &status.devices {
                    li {
                        span.dot data-tone=(if device.up { "ok" } else { "stop" }) {}
                        div.main {
                            b { (name) } " " (device.model)
                            p {
                                @if device.up { (lang.say("t-device-up")) } @else { (lang.say("t-device-down")) ": " span lang="en" { (device.why) } }
                                " · " (device.since_us.map_or(MISSING.to_owned(), |since| reader.age(since)))
                            }
                            p { (lang.tell("t-reads", &[("reads", device.reads.into()), ("noise", device.noise_bytes.into())])) }
                        }
                    }
                }
            }
            h2 { (lang.say("t-sound")) }
            div.buttons id="volume" {
                button.btn type="button" data-volume="0" { (lang.say("t-sound-off")) }
                @for step in 1..=4 { button.btn type="button" data-volume=(step) { (step) } }
            }
            h2 { (lang.say("t-language")) }
            a.btn href=(format!("/lang?to={}", lang.other().tag())) { "中文 / English" }
            @if 1 < stations.len() { h2 { (lang.say("t-stations")) } }
            @if 1 < stations.len() { ul.rows { @for station in stations { li { a href=(format!("/s/{}", super::path(&station.name))) { (station.name) } } } } }
        }
    }
}
