//! The page of labels: pick a template, fill in what it asks, see it, print it; and the queue of what is to be printed.
//!
//! Everything is a form that works without script; a scanner's code in the field of the piece fills in what the records know.

mod queue;

use std::collections::BTreeMap;
use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use futures_util::stream;
use maud::{Markup, PreEscaped, html};
use serde::Deserialize;
use serde_json::json;
use tokio::time;

use crate::face::signs::Sign;
use crate::face::words::Lang;
use crate::labels::{self, Dpi, Field, FieldKind, LabelError, Language, Template};
use crate::terminal::printing::job::Will;
use crate::terminal::printing::{Printer, Printing, Refusal};
use crate::terminal::screen::labels::queue::{Condition, queue};
use crate::terminal::screen::live::{BEAT, event};
use crate::terminal::screen::{Here, Shared, document_hearing};
use crate::terminal::watching::ended;

/// Jobs that are over and still shown.
const OVER: usize = 10;

/// Fields of a form at most: those of the largest template, each in two languages.
const FIELDS_MAX: usize = 300;

/// Begins the names of a template's own fields in a form.
const OWN: &str = "f.";

/// What a form says.
#[derive(Debug, Default)]
struct Asked {
    template: Option<String>,
    /// The piece as it was typed or scanned.
    of: Option<String>,
    values: BTreeMap<String, String>,
    language: Option<Language>,
    printer: Option<String>,
    copies: Option<u32>,
    /// Show the label.
    show: bool,
    token: String,
    queued: Option<u32>,
    /// The template that was printed last, to begin from.
    last: Option<String>,
}

type Pairs = Vec<(String, String)>;

impl Asked {
    fn of(pairs: Pairs) -> Asked {
        let mut asked = Asked::default();
        for (name, value) in pairs.into_iter().take(FIELDS_MAX) {
            let text = Some(value.trim().to_owned()).filter(|text| !text.is_empty());
            match name.as_str() {
                "template" => asked.template = text,
                "of" => asked.of = text,
                "language" => asked.language = Language::from_tag(&value),
                "printer" => asked.printer = text,
                "copies" => asked.copies = value.trim().parse().ok(),
                "show" => asked.show = true,
                "token" => asked.token = value,
                "queued" => asked.queued = value.parse().ok(),
                "last" => asked.last = text,
                name => {
                    if let (Some(field), Some(text)) = (name.strip_prefix(OWN), text) {
                        asked.values.insert(field.to_owned(), text);
                    }
                }
            }
        }
        // What stands in two languages is there for those who ask for one.
        let twins: Vec<(String, String)> = asked
            .values
            .iter()
            .filter_map(|(field, text)| Some((field.strip_suffix(".zh-CN")?.to_owned(), text.clone())))
            .filter(|(field, _)| !asked.values.contains_key(field))
            .collect();
        asked.values.extend(twins);
        asked
    }
}

/// A number that nobody sends twice by chance.
fn token() -> String {
    let mut bytes = [0; 16];
    match getrandom::fill(&mut bytes) {
        Ok(()) => crate::hex::encode(&bytes),
        // Without random numbers two forms of one microsecond are one.
        Err(_) => crate::quantity::Moment::now().0.to_string(),
    }
}

pub(super) async fn page(State(shared): Here, headers: HeaderMap, Query(pairs): Query<Pairs>) -> Response {
    answer(&shared, &headers, Asked::of(pairs), None).await
}

pub(super) async fn print(State(shared): Here, headers: HeaderMap, Form(pairs): Form<Pairs>) -> Response {
    let asked = Asked::of(pairs);
    let printing = &shared.screen.printing;
    let language = asked.language.unwrap_or(printing.language);
    let printer = asked.printer.clone().or_else(|| Some(printing.printers.first()?.name.to_string()));
    let (printer, template) = (printer.unwrap_or_default(), asked.template.clone().unwrap_or_default());
    let copies = asked.copies.unwrap_or(1);
    let token = if asked.token.is_empty() { self::token() } else { asked.token.clone() };
    match printing.order(&printer, &template, asked.values.clone(), language, copies, token).await {
        Ok(number) if wants_page(&headers) => {
            let last = crate::terminal::screen::path(&template);
            Redirect::to(&format!("/labels?queued={number}&last={last}")).into_response()
        }
        Ok(number) => (StatusCode::CREATED, axum::Json(json!({ "job": number }))).into_response(),
        Err(refusal) => answer(&shared, &headers, Asked { show: true, ..asked }, Some(refusal)).await,
    }
}

#[derive(Deserialize)]
pub(super) struct WillForm {
    job: u32,
    will: Will,
    #[serde(default)]
    token: String,
}

pub(super) async fn will(State(shared): Here, headers: HeaderMap, Form(form): Form<WillForm>) -> Response {
    let token = if form.token.is_empty() { token() } else { form.token };
    match shared.screen.printing.will(form.job, form.will, token).await {
        // Somebody was faster: the page shows how it stands.
        Ok(()) | Err(Refusal::GoneOn) if wants_page(&headers) => Redirect::to("/labels#queue").into_response(),
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refusal @ Refusal::GoneOn) => (StatusCode::CONFLICT, format!("{refusal}\n")).into_response(),
        Err(refusal) => (StatusCode::SERVICE_UNAVAILABLE, format!("{refusal}\n")).into_response(),
    }
}

/// Printers and jobs for programs.
pub(super) async fn list(State(shared): Here) -> Response {
    let printing = &shared.screen.printing;
    match printing.jobs(OVER).await {
        Ok(jobs) => {
            let printer = |printer: &Printer| {
                let health = printer.health.borrow();
                json!({ "name": &*printer.name, "state": Condition::of(&health).word(), "why": health.why, "dpi": printer.dpi.number() })
            };
            let printers: Vec<_> = printing.printers.iter().map(printer).collect();
            axum::Json(json!({ "printers": printers, "jobs": jobs })).into_response()
        }
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
    }
}

/// The queue whenever it changed.
pub(super) async fn events(State(shared): Here, headers: HeaderMap) -> Response {
    let changes = shared.screen.printing.changes();
    let start = (shared.clone(), headers, changes, time::interval(BEAT), String::new(), shared.stop.clone());
    let parts = stream::unfold(start, |(shared, headers, mut changes, mut beat, mut sent, mut stop)| async move {
        let mut beats = 0;
        loop {
            tokio::select! {
                () = ended(&mut stop) => return None,
                changed = changes.changed() => if changed.is_err() { return None },
                _ = beat.tick() => beats += 1,
            }
            let mut text = String::new();
            let now = queue(&shared.screen.printing, &shared.reader(&headers)).await.into_string();
            // The token of each form is new every time: what is told is told without them.
            let told = without_tokens(&now);
            if told != sent {
                event(&mut text, "queue", &now);
                sent = told;
            } else if 3 <= beats {
                event(&mut text, "beat", "");
            }
            if !text.is_empty() {
                return Some((Ok::<_, Infallible>(Bytes::from(text)), (shared, headers, changes, beat, sent, stop)));
            }
        }
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(parts)).into_response()
}

fn without_tokens(html: &str) -> String {
    let mut parts = html.split("name=\"token\" value=\"");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('"').map_or(part, |(_, rest)| rest))
}

fn wants_page(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|accept| accept.contains("text/html"))
}

async fn answer(shared: &Shared, headers: &HeaderMap, mut asked: Asked, refusal: Option<Refusal>) -> Response {
    let printing = &shared.screen.printing;
    let reader = shared.reader(headers);
    let lang = reader.lang;
    let language = asked.language.unwrap_or(printing.language);
    let chosen = match (&asked.template, &asked.of) {
        // A piece that came without a template: what is printed most.
        (None, Some(_)) => printing.template("sample").or(printing.templates().first()),
        (None, None) => None,
        (Some(name), _) => printing.template(name),
    };
    let mut unknown = false;
    if let (Some(template), Some(of)) = (chosen, &asked.of)
        && asked.values.is_empty()
    {
        match printing.known(template, language, of) {
            Some(values) => {
                asked.values = values.into_iter().collect();
                asked.show = true;
            }
            None => unknown = true,
        }
    }
    let dpi = asked.printer.as_deref().and_then(|name| printing.printer(name)).or(printing.printers.first());
    let dpi = dpi.map_or(Dpi::D203, |printer| printer.dpi);
    let laid = chosen.filter(|_| asked.show).map(|template| printing.lay(&template.name, &asked.values, language, dpi));
    let refusal = match (refusal, &laid) {
        (Some(refusal), _) => Some(refused(&refusal, lang)),
        (None, Some(Err(refusal))) => Some(refused(refusal, lang)),
        (None, _) => None,
    };
    let status =
        if refusal.is_some() && !asked.token.is_empty() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    if status != StatusCode::OK && !wants_page(headers) {
        return (status, format!("{}\n", refusal.unwrap_or_default())).into_response();
    }
    let body = html! {
        main.list id="labels" {
            div.line { a.btn href="/" { (lang.say("t-back")) } h1 { (lang.say("t-labels")) } }
            @if let Some(number) = asked.queued {
                div.note data-tone="ok" role="status" { (Sign::Tick.small()) p { (lang.tell("t-label-queued", &[("n", (&number.to_string()).into())])) } }
            }
            (choose(printing, chosen.map(|template| template.name.as_str()).or(asked.last.as_deref()), asked.of.as_deref(), lang))
            @if unknown { div.note data-tone="ask" role="status" { (Sign::Question.small()) p { (lang.say("t-label-unknown")) } } }
            @if let Some(refusal) = &refusal { div.note data-tone="stop" role="alert" { (Sign::Octagon.small()) p { (refusal) } } }
            @if let Some(template) = chosen {
                div.labelling {
                    (form(printing, template, &asked, language, lang))
                    @if let Some(Ok(layout)) = &laid {
                        figure.label {
                            (PreEscaped(labels::svg::render(layout)))
                            figcaption.faint { (format!("{} × {} mm", layout.width_mm, layout.height_mm)) }
                            // Where the label is seen: the fields below it are many, and mostly right already.
                            @if !printing.printers.is_empty() { (print_button(lang)) }
                        }
                    }
                }
            }
            div.part id="queue" { (queue(printing, &reader).await) }
        }
    };
    let events = Some("/labels/events".to_owned());
    (status, document_hearing(lang, &lang.say("t-labels"), "", "labels", events, body)).into_response()
}

fn titled(template: &Template, lang: Lang) -> &str {
    lang.of(&template.title.chinese, &template.title.english)
}

/// Which template, and for which piece.
fn choose(printing: &Printing, chosen: Option<&str>, of: Option<&str>, lang: Lang) -> Markup {
    html! {
        form.form method="get" action="/labels" {
            div.field {
                label for="template" { (lang.say("t-label-template")) }
                select id="template" name="template" {
                    @for template in printing.templates() {
                        option value=(template.name) selected[chosen == Some(template.name.as_str())] {
                            (titled(template, lang)) (format!(" · {} × {} mm", template.width_mm, template.height_mm))
                        }
                    }
                }
            }
            div.field {
                label for="of" { (lang.say("t-label-of")) }
                input id="of" name="of" value=[of] maxlength="200" autocomplete="off" autocapitalize="characters" data-scan="here";
                span.hint { (lang.say("t-label-of-hint")) }
            }
            button.btn { (lang.say("t-label-fill")) }
        }
    }
}

/// Prints what the fields say, from wherever it stands on the page.
fn print_button(lang: Lang) -> Markup {
    html! {
        button.btn data-kind="primary" form="fields" name="token" value=(token()) formmethod="post" formaction="/labels/print" {
            (Sign::Label.small()) (lang.say("t-label-print"))
        }
    }
}

/// The fields of the template, and how it is printed.
fn form(printing: &Printing, template: &Template, asked: &Asked, language: Language, lang: Lang) -> Markup {
    let chosen = |name: &str| asked.printer.as_deref() == Some(name);
    html! {
        form.form id="fields" method="get" action="/labels" {
            input type="hidden" name="template" value=(template.name);
            input type="hidden" name="show" value="1";
            h2 { (titled(template, lang)) }
            @for field in &template.fields { (input(field, &asked.values, language, lang)) }
            div.field {
                label for="language" { (lang.say("t-label-language")) }
                select id="language" name="language" {
                    @for (own, text) in [(Language::Chinese, "中文"), (Language::English, "English"), (Language::Both, "中文 + English")] {
                        option value=(own.tag()) selected[own == language] { (text) }
                    }
                }
            }
            @if printing.printers.is_empty() {
                div.note data-tone="warn" { (Sign::Triangle.small()) p { (lang.say("t-label-no-printer")) } }
            } @else {
                div.field {
                    label for="printer" { (lang.say("t-label-printer")) }
                    select id="printer" name="printer" {
                        @for printer in &printing.printers { option value=(printer.name) selected[chosen(&printer.name)] { (printer.name) } }
                    }
                }
                div.field {
                    label for="copies" { (lang.say("t-label-copies")) }
                    input id="copies" name="copies" type="number" min="1" max=(labels::COPIES_MAX) value=(asked.copies.unwrap_or(1)) inputmode="numeric";
                }
            }
            div.buttons {
                button.btn { (Sign::Search.small()) (lang.say("t-label-show")) }
                @if !printing.printers.is_empty() { (print_button(lang)) }
            }
        }
    }
}

fn input(field: &Field, values: &BTreeMap<String, String>, language: Language, lang: Lang) -> Markup {
    let shown = field_word(&field.name).map_or_else(|| field.name.clone(), |key| lang.say(key));
    let optional = (!field.required).then(|| lang.say("t-label-optional"));
    let value = |name: &str| values.get(name).map(String::as_str);
    let twice = language == Language::Both && field.kind == FieldKind::Text && field.choices.is_empty();
    let twins = [("zh-CN", "中文"), ("en", "English")];
    let has_twin = twins.iter().any(|(tag, _)| values.contains_key(&format!("{}.{tag}", field.name)));
    html! {
        @if !field.choices.is_empty() {
            div.field {
                label for=(format!("f-{}", field.name)) { (shown) }
                select id=(format!("f-{}", field.name)) name=(format!("{OWN}{}", field.name)) {
                    @if !field.required && field.default.is_none() { option value="" {} }
                    @for (word, choice) in &field.choices {
                        option value=(word) selected[value(&field.name).or(field.default.as_deref()) == Some(word)] {
                            (lang.of(&choice.words.chinese, &choice.words.english))
                        }
                    }
                }
            }
        } @else if twice && has_twin {
            @for (tag, tongue) in twins {
                @let name = format!("{}.{tag}", field.name);
                div.field {
                    label for=(format!("f-{name}")) { (shown) " · " (tongue) }
                    input id=(format!("f-{name}")) name=(format!("{OWN}{name}")) value=[value(&name)] maxlength=(field.max) autocomplete="off";
                }
            }
        } @else {
            div.field {
                label for=(format!("f-{}", field.name)) { (shown) @if let Some(optional) = optional { span.faint { " " (optional) } } }
                @let numeric = matches!(field.kind, FieldKind::Digits | FieldKind::Gtin | FieldKind::Sscc);
                input id=(format!("f-{}", field.name)) name=(format!("{OWN}{}", field.name)) maxlength=(field.max) autocomplete="off"
                    type=[(field.kind == FieldKind::Date).then_some("date")] inputmode=[numeric.then_some("numeric")]
                    placeholder=[field.default.as_deref()] value=[value(&field.name)];
            }
        }
    }
}

/// The words for fields of the house's templates; those of others are shown by their names.
fn field_word(name: &str) -> Option<&'static str> {
    Some(match name {
        "number" => "t-field-number",
        "name" => "t-field-name",
        "gtin" => "t-field-gtin",
        "serial" => "t-field-serial",
        "metal" => "t-field-metal",
        "weight_g" => "t-field-weight",
        "size" => "t-field-size",
        "resolver" => "t-field-resolver",
        "quantity" => "t-field-quantity",
        "unit" => "t-field-unit",
        "lot" => "t-field-lot",
        "expiry" => "t-field-expiry",
        "stack" => "t-field-stack",
        "department" => "t-field-department",
        "badge" => "t-field-badge",
        "act" => "t-field-act",
        "code" => "t-field-code",
        "reason" => "t-field-reason",
        "since" => "t-field-since",
        "by" => "t-field-by",
        "purpose" => "t-field-purpose",
        "date" => "t-field-date",
        "receiver" => "t-field-receiver",
        "contents" => "t-field-contents",
        "home" => "t-field-home",
        _ => return None,
    })
}

/// Why there is no such label, and what to change.
fn refused(refusal: &Refusal, lang: Lang) -> String {
    let field = |name: &str| field_word(name).map_or_else(|| name.to_owned(), |key| lang.say(key));
    let plain = |why: String| lang.tell("t-label-not-possible", &[("why", (&why).into())]);
    match refusal {
        Refusal::Label(error) => match error {
            LabelError::Missing { field: name } => lang.tell("t-label-missing", &[("field", (&field(name)).into())]),
            LabelError::TooLong { field: name, length, max } => {
                let facts = [("field", field(name)), ("length", length.to_string()), ("max", max.to_string())];
                let facts: Vec<_> = facts.iter().map(|(name, text)| (*name, text.into())).collect();
                lang.tell("t-label-too-long", &facts)
            }
            LabelError::NotPrintable { field: name }
            | LabelError::NotAChoice { field: name, .. }
            | LabelError::Form { field: name, .. } => lang.tell("t-label-form", &[("field", (&field(name)).into())]),
            LabelError::CheckDigit { field: name, right, .. } => {
                let facts = [("field", field(name)), ("right", right.to_string())];
                let facts: Vec<_> = facts.iter().map(|(name, text)| (*name, text.into())).collect();
                lang.tell("t-label-check", &facts)
            }
            LabelError::CodeDoesNotFit { text, .. } | LabelError::TextDoesNotFit { text, .. } => {
                lang.tell("t-label-no-room", &[("text", text.into())])
            }
            LabelError::NothingToEncode { fields, .. } => {
                let fields: Vec<String> = fields.split(" and ").map(field).collect();
                lang.tell("t-label-nothing", &[("fields", (&fields.join(" + ")).into())])
            }
            LabelError::EpcCopies(_) => lang.say("t-label-one-tag"),
            LabelError::UnknownField { .. }
            | LabelError::Element(_)
            | LabelError::Symbol(_)
            | LabelError::QuietZone { .. }
            | LabelError::Copies(_)
            | LabelError::Epc { .. }
            | LabelError::Scale { .. } => plain(error.to_string()),
        },
        Refusal::GoneOn => lang.say("t-label-gone-on"),
        Refusal::NoTemplate(_) | Refusal::NoPrinter(_) | Refusal::Tag(_) | Refusal::Store(_) => {
            plain(refusal.to_string())
        }
    }
}
