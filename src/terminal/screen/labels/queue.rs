//! The print queue as a person sees it: how each printer is, what waits, what a person can do about it.

use std::collections::HashMap;

use maud::{Markup, html};

use crate::face::signs::Sign;
use crate::face::values::Reader;
use crate::face::words::Lang;
use crate::terminal::port::Health;
use crate::terminal::printing::Printing;
use crate::terminal::printing::job::{Cause, Job, State as JobState};
use crate::terminal::screen::desk::shown_code;
use crate::terminal::screen::labels::{OVER, titled, token};

/// How a printer is, the first thing that a person has to mend first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Gone,
    Asked,
    HeadOpen,
    PaperOut,
    RibbonOut,
    Fault,
    Paused,
    Ready,
}

impl Condition {
    pub(super) fn of(health: &Health) -> Condition {
        let Some(printer) = health.printer.filter(|_| health.up) else {
            return if health.up { Condition::Asked } else { Condition::Gone };
        };
        [
            (printer.head_open, Condition::HeadOpen),
            (printer.paper_out, Condition::PaperOut),
            (printer.ribbon_out, Condition::RibbonOut),
            (printer.fault, Condition::Fault),
            (printer.paused, Condition::Paused),
        ]
        .into_iter()
        .find(|(is, _)| *is)
        .map_or(Condition::Ready, |(_, condition)| condition)
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Condition::Gone => "gone",
            Condition::Asked => "asked",
            Condition::HeadOpen => "head_open",
            Condition::PaperOut => "paper_out",
            Condition::RibbonOut => "ribbon_out",
            Condition::Fault => "fault",
            Condition::Paused => "paused",
            Condition::Ready => "ready",
        }
    }

    fn said(self, lang: Lang) -> String {
        lang.say(match self {
            Condition::Gone => "t-printer-gone",
            Condition::Asked => "t-printer-asked",
            Condition::HeadOpen => "t-printer-head-open",
            Condition::PaperOut => "t-printer-paper-out",
            Condition::RibbonOut => "t-printer-ribbon-out",
            Condition::Fault => "t-printer-fault",
            Condition::Paused => "t-printer-paused",
            Condition::Ready => "t-printer-ready",
        })
    }

    fn chip(self, lang: Lang) -> Markup {
        let (tone, sign) = match self {
            Condition::Ready => ("ok", Sign::Tick),
            Condition::Asked => ("mute", Sign::Clock),
            Condition::Gone => ("stop", Sign::NoLink),
            Condition::HeadOpen | Condition::PaperOut | Condition::RibbonOut | Condition::Fault | Condition::Paused => {
                ("warn", Sign::Triangle)
            }
        };
        html! { span.chip data-tone=(tone) { (sign.small()) (self.said(lang)) } }
    }
}

/// The printers and their jobs.
pub(super) async fn queue(printing: &Printing, reader: &Reader) -> Markup {
    let lang = reader.lang;
    let jobs = match printing.jobs(OVER).await {
        Ok(jobs) => jobs,
        Err(error) => return html! { div.note data-tone="stop" { (Sign::Octagon.small()) p lang="en" { (error) } } },
    };
    let conditions: HashMap<&str, Condition> =
        printing.printers.iter().map(|printer| (&*printer.name, Condition::of(&printer.health.borrow()))).collect();
    html! {
        h2 { (lang.say("t-label-queue")) }
        ul.rows {
            @for printer in &printing.printers {
                @let condition = conditions.get(&*printer.name).copied().unwrap_or(Condition::Gone);
                @let why = printer.health.borrow().why.clone();
                li { div.main { b { (printer.name) } @if condition == Condition::Gone && !why.is_empty() { p lang="en" { (why) } } } (condition.chip(lang)) }
            }
        }
        @if jobs.is_empty() { div.empty { (Sign::Label.sized(40)) p { (lang.say("t-label-none")) } } }
        ul.rows.jobs { @for job in &jobs { (row(job, printing, conditions.get(job.order.printer.as_str()).copied(), reader)) } }
    }
}

fn row(job: &Job, printing: &Printing, printer: Option<Condition>, reader: &Reader) -> Markup {
    let (lang, order) = (reader.lang, &job.order);
    let title = printing.template(&order.template).map_or(order.template.as_str(), |template| titled(template, lang));
    let (tone, sign, state) = match job.state {
        JobState::Waiting => ("mute", Sign::Clock, lang.say("t-job-waiting")),
        JobState::Sending => ("accent", Sign::Label, lang.say("t-job-sending")),
        JobState::Printed => ("ok", Sign::Tick, lang.say("t-job-printed")),
        JobState::Failed => ("stop", Sign::Cross, lang.say("t-job-failed")),
        JobState::Unsure => ("ask", Sign::Question, lang.say("t-job-unsure")),
        JobState::Cancelled => ("mute", Sign::Undo, lang.say("t-job-cancelled")),
    };
    let open = matches!(job.state, JobState::Waiting | JobState::Sending);
    let held = printer.filter(|condition| open && *condition != Condition::Ready && *condition != Condition::Asked);
    html! {
        li data-job=(job.number) data-state=(job.state.word()) {
            div.main {
                div.line {
                    b.code { (order.unit.clone().unwrap_or_else(|| shown_code(&order.code))) }
                    span.chip data-tone=(tone) { (sign.small()) (state) }
                    @if let Some(condition) = held { (condition.chip(lang)) }
                }
                p {
                    "#" (job.number) " · " (title) " · " (order.printer) " · " (crate::terminal::screen::clock(reader, job.asked))
                    @if 1 < order.copies { " · " (job.printed) "/" (order.copies) }
                    @if 1 < job.attempts && order.copies == 1 { " · " (lang.tell("t-job-attempts", &[("n", u64::from(job.attempts).into())])) }
                }
                (cause(&job.why, lang))
            }
            div.buttons { (buttons(job, lang)) }
        }
    }
}

fn cause(cause: &Cause, lang: Lang) -> Markup {
    html! {
        @match cause {
            Cause::None => {},
            Cause::Restarted => p { (lang.say("t-job-restarted")) },
            Cause::Printer { text } => p lang="en" { (text) },
            Cause::Label { text } => p { (lang.tell("t-label-not-possible", &[("why", text.into())])) },
            Cause::ReadBack { wrote, read } => p {
                (lang.say("t-job-read-back")) " "
                span.raw { (crate::hex::encode(&wrote.0).to_uppercase()) } " ≠ "
                span.raw { @if read.0.is_empty() { (lang.say("t-job-nothing-read")) } @else { (crate::hex::encode(&read.0).to_uppercase()) } }
            },
        }
    }
}

fn buttons(job: &Job, lang: Lang) -> Markup {
    let wills: &[(&str, &str)] = match job.state {
        JobState::Waiting => &[("cancel", "t-job-cancel")],
        JobState::Sending | JobState::Cancelled => &[],
        JobState::Failed => &[("again", "t-job-again"), ("cancel", "t-job-cancel")],
        JobState::Unsure => &[("came_out", "t-job-came-out"), ("again", "t-job-again"), ("cancel", "t-job-cancel")],
        JobState::Printed => &[("reprint", "t-job-reprint")],
    };
    html! {
        @for (will, key) in wills {
            form method="post" action="/labels/job" {
                input type="hidden" name="job" value=(job.number);
                input type="hidden" name="token" value=(token());
                button.btn name="will" value=(will) { (lang.say(key)) }
            }
        }
    }
}
