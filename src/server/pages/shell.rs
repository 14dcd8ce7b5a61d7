//! What every page has: who reads it in which language, the top bar, the rail, the alarm strip, and the page of a refusal.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use crate::face::assets;
use crate::face::signs::Sign;
use crate::face::tones::{self, Tone};
use crate::face::values::{Reader, grouped};
use crate::face::words::Lang;
use crate::quantity::Moment;
use crate::server::Server;
use crate::server::access::{Right, Visitor, holders};
use crate::server::api::exceptions::Named;
use crate::server::api::fleet::Presence;
use crate::server::api::names::Names;
use crate::server::catalog::terminals;
use crate::server::database::{DatabaseError, Tx};
use crate::server::kernel::queries::{self, ExceptionRow};
use crate::server::pages::subject::Subjects;
use crate::server::problem::Problem;
use crate::server::request::{cookie, encoded};
use crate::sync::wire::Refusal;

/// Cookie of the language that a person chose.
const LANG_COOKIE: &str = "gatebook-lang";
/// Header of a page that asks for itself again.
const AGAIN: &str = "gatebook-again";
/// Most alarms that are counted; who has more has no use for the exact number.
const ALARM_ROWS: usize = 100;

/// A room of the house, in the order of the rail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    Home,
    Doors,
    Movements,
    Exceptions,
    Terminals,
    Access,
}

impl Room {
    const ALL: [Room; 6] = [Room::Home, Room::Doors, Room::Movements, Room::Exceptions, Room::Terminals, Room::Access];

    fn path(self) -> &'static str {
        match self {
            Room::Home => "/",
            Room::Doors => "/doors",
            Room::Movements => "/movements",
            Room::Exceptions => "/exceptions",
            Room::Terminals => "/terminals",
            Room::Access => "/access",
        }
    }

    fn sign(self) -> Sign {
        match self {
            Room::Home => Sign::Home,
            Room::Doors => Sign::Door,
            Room::Movements => Sign::Timeline,
            Room::Exceptions => Sign::Triangle,
            Room::Terminals => Sign::Terminal,
            Room::Access => Sign::Person,
        }
    }

    pub fn name(self, lang: Lang) -> String {
        match self {
            Room::Home => lang.say("room-home"),
            Room::Doors => lang.say("room-doors"),
            Room::Movements => lang.say("room-movements"),
            Room::Exceptions => lang.say("room-exceptions"),
            Room::Terminals => lang.say("room-terminals"),
            Room::Access => lang.say("room-access"),
        }
    }

    fn right(self) -> Right {
        match self {
            Room::Access => Right::ManageAccess,
            Room::Home | Room::Doors | Room::Movements | Room::Exceptions | Room::Terminals => Right::ReadBook,
        }
    }
}

/// Who reads, in which language, at which address.
#[derive(Clone)]
pub struct Ask {
    pub server: Server,
    /// `None` only before the login.
    pub visitor: Option<Visitor>,
    pub reader: Reader,
    uri: Uri,
    chosen: bool,
}

impl FromRequestParts<Server> for Ask {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Ask, Infallible> {
        Ok(Ask::of(server, parts))
    }
}

impl Ask {
    pub fn of(server: &Server, parts: &Parts) -> Ask {
        let uri = parts.uri.clone();
        let asked = pairs(&uri).into_iter().find(|(key, _)| key == "lang").and_then(|(_, tag)| Lang::from_tag(&tag));
        let lang = asked.unwrap_or_else(|| preferred(server, &parts.headers));
        let reader = Reader { lang, zone: server.config.zone.clone(), now: Moment::now() };
        let visitor = parts.extensions.get::<Visitor>().cloned();
        // A page that asks for itself again chooses nothing: another one may have chosen since.
        let chosen = asked.is_some() && !parts.headers.contains_key(AGAIN);
        Ask { server: server.clone(), visitor, reader, uri, chosen }
    }

    pub fn lang(&self) -> Lang {
        self.reader.lang
    }

    pub fn may(&self, right: Right) -> bool {
        self.visitor.as_ref().is_some_and(|visitor| visitor.roles.may(right))
    }

    /// Reads what the page needs, and what every page needs, in one view of the store.
    ///
    /// # Errors
    /// What `work` refuses.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx, &Reader) -> Result<T, Problem> + Send + 'static,
    ) -> Result<(Frame, T), Problem> {
        let (reader, silent_s) = (self.reader.clone(), self.server.config.sync.terminal_silent_s);
        let person = self.visitor.as_ref().and_then(|visitor| visitor.person);
        self.server
            .database
            .read(move |tx| {
                let frame = Frame::read(tx, &reader, silent_s, person)?;
                let out = work(tx, &reader)?;
                Ok((frame, out))
            })
            .await
    }

    /// The same reader at another address: where the page that answers a form is asked for again.
    pub fn at(self, path: &'static str) -> Ask {
        Ask { uri: Uri::from_static(path), ..self }
    }

    /// The name of the visitor: of the person, where the login belongs to one.
    pub fn name<'a>(&'a self, frame: &'a Frame) -> &'a str {
        match (&frame.person, &self.visitor) {
            (Some(name), _) => name,
            (None, Some(visitor)) => &visitor.name,
            (None, None) => "",
        }
    }

    /// This address with other values; `None` drops one.
    pub fn here(&self, changes: &[(&str, Option<&str>)]) -> String {
        let mut query = pairs(&self.uri);
        for (key, value) in changes {
            query.retain(|(other, _)| other != key);
            if let Some(value) = value {
                query.push(((*key).to_owned(), (*value).to_owned()));
            }
        }
        let query: Vec<String> =
            query.iter().map(|(key, value)| format!("{}={}", encoded(key), encoded(value))).collect();
        match query.is_empty() {
            true => self.uri.path().to_owned(),
            false => format!("{}?{}", self.uri.path(), query.join("&")),
        }
    }

    /// A whole page.
    pub fn page(&self, room: Option<Room>, title: &str, frame: &Frame, body: &Markup) -> Response {
        let lang = self.lang();
        let markup = self.document(
            title,
            &html! {
                a.skip href="#main" { (lang.say("skip")) }
                (self.top(frame))
                (self.rail(room, frame))
                main #main tabindex="-1" { (self.alarm(frame)) (body) }
                // Filled by the script when the line to the server is cut.
                p #live .stale hidden role="status" data-from="/live" data-page=(self.here(&[("lang", Some(lang.tag()))]))
                    data-zone=[self.reader.zone.iana_name()] data-stale=(lang.say("stale")) {}
            },
        );
        self.answer(StatusCode::OK, markup)
    }

    /// A page without the shell, for whoever is not in yet.
    pub fn bare(&self, status: StatusCode, title: &str, body: &Markup) -> Response {
        let markup = self.document(title, body);
        self.answer(status, markup)
    }

    fn answer(&self, status: StatusCode, markup: Markup) -> Response {
        let mut response = (status, markup).into_response();
        if self.chosen {
            let line = format!("{LANG_COOKIE}={}; Path=/; SameSite=Lax; Max-Age=31536000", self.lang().tag());
            if let Ok(value) = HeaderValue::from_str(&line) {
                response.headers_mut().append(header::SET_COOKIE, value);
            }
        }
        response
    }

    fn document(&self, title: &str, body: &Markup) -> Markup {
        html! {
            (DOCTYPE)
            html lang=(self.lang().tag()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (title) " · " (self.server.config.name) }
                    link rel="icon" href=(assets::href("brand.svg"));
                    link rel="stylesheet" href=(assets::href("face.css"));
                    script defer src=(assets::href("live.js")) {}
                }
                body { (body) }
            }
        }
    }

    /// The switch to the other language, on the same page.
    pub fn language_switch(&self) -> Markup {
        let other = self.lang().other();
        html! {
            a href=(self.here(&[("lang", Some(other.tag()))])) hreflang=(other.tag()) title=(other.say("language-name")) {
                @match self.lang() {
                    Lang::Zh => { b lang="zh-CN" { "中" } " / EN" },
                    Lang::En => { span lang="zh-CN" { "中" } " / " b { "EN" } },
                }
            }
        }
    }

    fn top(&self, frame: &Frame) -> Markup {
        let lang = self.lang();
        let tone = if frame.well == frame.terminals { Tone::Ok } else { Tone::Warn };
        let name = self.name(frame);
        html! {
            header.top {
                a.brand href="/" { (Sign::Brand.sized(28)) span { (self.server.config.name) } }
                form.search action="/search" method="get" role="search" {
                    (Sign::Search.small())
                    label.hide for="search" { (lang.say("search")) }
                    input #search name="q" type="search" placeholder=(lang.say("search-hint")) data-scan="here"
                        autocomplete="off" spellcheck="false" maxlength="200";
                    span.kbd aria-hidden="true" { "/" }
                }
                div.end {
                    a.live-state #live-state data-live href="/terminals" data-tone=(tone.word())
                        title=(lang.tell("terminals-online", &[("n", frame.well.into()), ("all", frame.terminals.into())])) {
                        span.dot {}
                        span.words { (lang.tell("terminals-online", &[("n", frame.well.into()), ("all", frame.terminals.into())])) }
                    }
                    (self.language_switch())
                    form.who action="/logout" method="post" {
                        span.face aria-hidden="true" { (initials(name)) }
                        span.name { (name) }
                        button.btn data-kind="link" type="submit" title=(lang.say("log-out")) {
                            (Sign::Exit.small()) span.hide { (lang.say("log-out")) }
                        }
                    }
                }
            }
        }
    }

    fn rail(&self, room: Option<Room>, frame: &Frame) -> Markup {
        html! {
            nav.rail aria-label=(self.lang().say("rooms")) {
                @for entry in Room::ALL.into_iter().filter(|entry| self.may(entry.right())) {
                    a href=(entry.path()) aria-current=[(Some(entry) == room).then_some("page")] {
                        (entry.sign().small())
                        span { (entry.name(self.lang())) }
                        @match entry {
                            Room::Doors => span #doors-count .count data-live { (badge(frame.alarms.len() as u64, Some("stop"))) },
                            Room::Exceptions => span #exceptions-count .count data-live { (badge(frame.open, None)) },
                            Room::Home | Room::Movements | Room::Terminals | Room::Access => {}
                        }
                    }
                }
            }
        }
    }

    /// Exceptions that need a person at once stand on top of every page until one settles them.
    fn alarm(&self, frame: &Frame) -> Markup {
        let lang = self.lang();
        html! {
            div #alarm data-live {
                @if let Some(first) = frame.alarms.first() {
                    @let (about, subject) = (&frame.subjects, frame.subjects.told(first, lang));
                    section.alarm role="alert" {
                        (Sign::Octagon.sized(44))
                        div.what {
                            b { (about.reason(first, lang)) @if !subject.is_empty() { " · " (subject) } }
                            span {
                                @for part in [about.name(first, lang), &about.place(first, lang)].into_iter().filter(|part| !part.is_empty()) { (part) " · " }
                                (self.reader.time_as(first.at, &self.reader.age(first.at)))
                                @if 1 < frame.alarms.len() {
                                    " · " (lang.tell("more-alarms", &[("n", (frame.alarms.len() as u64 - 1).into())]))
                                }
                            }
                        }
                        @if let Some(number) = &first.number {
                            a.btn data-kind="quiet" href=(format!("/units/{}", encoded(number))) { (lang.say("history")) }
                        }
                        a.btn href=(format!("/exceptions#{}", Named::of(first).id())) { (Sign::Tick.small()) (lang.say("acknowledge")) }
                    }
                }
            }
        }
    }

    /// The page of a refusal: what happened, that nothing was lost, what to do.
    pub fn refusal(&self, status: StatusCode, refusal: &Refusal) -> Response {
        let lang = self.lang();
        let (sign, key, next) = match status {
            StatusCode::NOT_FOUND => (Sign::Question, "failed-missing", "failed-missing-do"),
            StatusCode::FORBIDDEN => (Sign::Lock, "failed-right", "failed-right-do"),
            StatusCode::CONFLICT => (Sign::Equals, "failed-conflict", "failed-conflict-do"),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                (Sign::Clock, "failed-busy", "failed-busy-do")
            }
            status if status.is_server_error() => (Sign::Triangle, "failed-here", "nothing-lost"),
            _ => (Sign::Question, "failed-input", "failed-input-do"),
        };
        let title = lang.say(key);
        let body = html! {
            div.desk { div.card {
                a.brand href="/" { (Sign::Brand.sized(28)) span { (self.server.config.name) } }
                div.empty {
                    (sign.sized(44))
                    h1 { (title) }
                    p { (lang.say(next)) }
                    p.detail lang="en" { (refusal.detail) }
                    a.btn data-kind="primary" href="/" { (lang.say("to-home")) }
                }
                div.end { (self.language_switch()) }
            } }
        };
        self.bare(status, &title, &body)
    }

    /// Names who can grant what is missing.
    pub fn no_right(&self, right: Right) -> Response {
        let lang = self.lang();
        let roles: Vec<String> = holders(right).map(|role| lang.word("role", role.word())).collect();
        let title = lang.say("failed-right");
        let body = html! {
            div.desk { div.card { div.empty {
                (Sign::Lock.sized(44))
                h1 { (title) }
                p { (lang.tell("who-may", &[("roles", (&roles.join(lang.say("comma").as_str())).into())])) }
                a.btn data-kind="primary" href="/" { (lang.say("to-home")) }
            } } }
        };
        self.bare(StatusCode::FORBIDDEN, &title, &body)
    }
}

/// A count where a person must act; red for alarms only.
fn badge(count: u64, tone: Option<&str>) -> Markup {
    html! { @if 0 < count { span.badge data-tone=[tone] { (grouped(i64::try_from(count).unwrap_or(i64::MAX))) } } }
}

/// What every page shows around its own content.
pub struct Frame {
    pub alarms: Vec<ExceptionRow>,
    /// What the alarms are about.
    pub subjects: Subjects,
    pub open: u64,
    pub well: u64,
    pub terminals: u64,
    /// Name of the person who looks.
    person: Option<String>,
}

impl Frame {
    fn read(tx: &mut Tx, reader: &Reader, silent_s: u64, person: Option<u32>) -> Result<Frame, DatabaseError> {
        let open = queries::open_exceptions(tx)?;
        let rows = stops(tx)?;
        let mut names = Names::default();
        names.add_people(tx, person)?;
        let subjects = Subjects::read(tx, &rows)?;
        let fleet = terminals::terminals(tx)?;
        let presences = fleet.iter().map(|terminal| Presence::of(terminal, silent_s, reader.now));
        let (mut well, mut terminals) = (0, 0);
        for presence in presences.filter(|presence| *presence != Presence::Revoked) {
            terminals += 1;
            well += u64::from(presence == Presence::Well);
        }
        let person = person.map(|person| names.person(person, reader.lang));
        Ok(Frame { alarms: rows, subjects, open, well, terminals, person })
    }
}

/// Open exceptions that a person must see at once, newest first; however many others there are. What a terminal refused
/// is not among them: the thing is where it was.
fn stops(tx: &mut Tx) -> Result<Vec<ExceptionRow>, DatabaseError> {
    let words = tones::STOPS.map(|reason| format!("'{}'", reason.word())).join(", ");
    let sql = format!(
        "SELECT e.line, e.reason, e.code, e.unit, u.number, e.corrected_us FROM exception e \
         LEFT JOIN settlement s ON s.line = e.line AND s.reason = e.reason AND s.code = e.code \
         LEFT JOIN unit u ON u.unit = e.unit \
         WHERE e.reason IN ({words}) AND s.line IS NULL \
         AND NOT EXISTS (SELECT 1 FROM touch t WHERE t.line = e.line AND t.act = 'attempt') \
         ORDER BY e.corrected_us DESC, e.line, e.code LIMIT ?1"
    );
    let rows = tx.query(&sql, &[ALARM_ROWS.into()])?;
    rows.iter()
        .map(|row| {
            Ok(ExceptionRow {
                line: crate::server::stored::line_ref(row.blob(0)?)?,
                reason: row.text(1)?.to_owned(),
                code: row.text(2)?.to_owned(),
                unit: Some(row.text(3)?.to_owned()).filter(|unit| !unit.is_empty()),
                number: row.opt_text(4)?.map(str::to_owned),
                at: row.moment(5)?,
                settled: None,
            })
        })
        .collect()
}

/// How grave a reason is by its word; a word of a later version asks for a look.
pub fn tone_of(reason: &str) -> Tone {
    let known: Result<crate::event::Reason, _> =
        serde::Deserialize::deserialize(serde::de::value::StrDeserializer::<serde::de::value::Error>::new(reason));
    known.map_or(Tone::Ask, tones::of_reason)
}

/// A canonical code as a person reads it.
pub fn shown_code(code: &str) -> String {
    crate::identity::Identifier::parse(code).map_or_else(|| code.to_owned(), |identifier| identifier.shown())
}

/// The first letters of a name: two of a Latin one, one of a Chinese one.
pub fn initials(name: &str) -> String {
    let mut words = name.split_whitespace().filter_map(|word| word.chars().next());
    match (words.next(), words.next()) {
        (Some(first), Some(second)) if first.is_ascii() => [first, second].iter().collect::<String>().to_uppercase(),
        (Some(first), _) => first.to_uppercase().collect(),
        (None, _) => "?".to_owned(),
    }
}

/// Before a page is reached: no right.
pub async fn no_right(server: &Server, request: Request, visitor: Visitor, right: Right) -> Response {
    let (mut parts, _) = request.into_parts();
    parts.extensions.insert(visitor);
    Ask::of(server, &parts).no_right(right)
}

/// An address that is none.
pub async fn nowhere(State(server): State<Server>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let problem = Problem::missing("page", parts.uri.path());
    if parts.uri.path().starts_with("/api/") {
        return problem.into_response();
    }
    Ask::of(&server, &parts).refusal(problem.status, &problem.refusal)
}

fn preferred(server: &Server, headers: &HeaderMap) -> Lang {
    if let Some(lang) = cookie(headers, LANG_COOKIE).and_then(Lang::from_tag) {
        return lang;
    }
    match headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()) {
        Some(wish) => Lang::accepted(wish),
        None => server.config.languages.first().and_then(|tag| Lang::from_tag(tag)).unwrap_or_default(),
    }
}

/// The query of an address, decoded.
fn pairs(uri: &Uri) -> Vec<(String, String)> {
    axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri).map(|query| query.0).unwrap_or_default()
}
