//! `GET units/{number or code}/label.svg` and `label.png`: the label of a unit, as a terminal would print it.

use std::collections::BTreeMap;

use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::identity::Identifier;
use crate::labels::subject::Subject;
use crate::labels::{self, Dpi, LabelError, Language, Layout, Values, png, svg};
use crate::quantity::Moment;
use crate::server::Server;
use crate::server::kernel::queries::{self, UnitView};
use crate::server::problem::Problem;
use crate::sync::records::Tracking;

/// The template when none is named: of a piece, and of a lot.
const OF_PIECE: &str = "sample";
const OF_LOT: &str = "lot";

/// The template of a unit when nobody says which.
pub fn usual(unit: &UnitView) -> &'static str {
    match &unit.record {
        Some(record) if record.tracking == Tracking::Lot => OF_LOT,
        Some(_) | None => OF_PIECE,
    }
}

/// What a query says; whatever is not said here is the value of a field: `metal=18K`.
struct Wanted {
    template: Option<String>,
    language: Option<Language>,
    dpi: Dpi,
    scale: u32,
    fields: BTreeMap<String, String>,
}

impl Wanted {
    fn of(pairs: BTreeMap<String, String>) -> Result<Wanted, Problem> {
        let mut fields = pairs;
        let wrong =
            |name: &str, text: &str, form: &str| Problem::unreadable(format!("{name} is `{text}`; write {form}"));
        let language = match fields.remove("language") {
            Some(tag) => Some(Language::from_tag(&tag).ok_or_else(|| wrong("language", &tag, "zh-CN, en or both"))?),
            None => None,
        };
        let dpi = match fields.remove("dpi") {
            Some(text) => {
                let dpi = text.parse().ok().and_then(Dpi::from_number);
                dpi.ok_or_else(|| wrong("dpi", &text, "203, 300 or 600"))?
            }
            None => Dpi::D203,
        };
        let scale = match fields.remove("scale") {
            Some(text) => text.parse().map_err(|_| wrong("scale", &text, "a whole number from 1"))?,
            None => 1,
        };
        Ok(Wanted { template: fields.remove("template"), language, dpi, scale, fields })
    }
}

type Pairs = Query<BTreeMap<String, String>>;

pub async fn as_svg(
    State(server): State<Server>,
    Path(number): Path<String>,
    Query(pairs): Pairs,
) -> Result<Response, Problem> {
    let layout = layout(&server, number, Wanted::of(pairs)?).await?;
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], svg::render(&layout)).into_response())
}

pub async fn as_png(
    State(server): State<Server>,
    Path(number): Path<String>,
    Query(pairs): Pairs,
) -> Result<Response, Problem> {
    let wanted = Wanted::of(pairs)?;
    let scale = wanted.scale;
    let layout = layout(&server, number, wanted).await?;
    let drawn = tokio::task::spawn_blocking(move || png::render(&layout, scale)).await;
    let drawn = drawn.map_err(|error| Problem::ours(&error))?.map_err(|error| refused(&error))?;
    Ok(([(header::CONTENT_TYPE, "image/png")], drawn).into_response())
}

async fn layout(server: &Server, number: String, wanted: Wanted) -> Result<Layout, Problem> {
    let unit = server
        .database
        .read(move |tx| queries::unit(tx, &number, Moment::now())?.ok_or_else(|| Problem::missing("unit", &number)))
        .await?;
    let Some(record) = &unit.record else {
        return Err(Problem::missing("registered unit", &unit.key).help("Register it first: a label needs a number."));
    };
    let language = wanted.language.unwrap_or(server.config.labels.language);
    let name = wanted.template.as_deref().unwrap_or_else(|| usual(&unit));
    let template = server.shelf.template(name).ok_or_else(|| {
        let names: Vec<&str> = server.shelf.templates.iter().map(|template| template.name.as_str()).collect();
        Problem::missing("template", name).help(format!("There are {}.", names.join(", ")))
    })?;
    let standing = unit.codes.iter().filter(|bound| bound.until.is_none() && bound.in_force.is_some());
    let codes: Vec<Identifier> = standing.filter_map(|bound| Identifier::parse(&bound.code)).collect();
    let subject = Subject {
        number: &record.number,
        name_zh: &record.name.zh,
        name_en: &record.name.en,
        quantity: record.quantity,
        gtin: unit.item.as_ref().and_then(|item| item.gtin.as_deref()),
        lot: record.tracking == Tracking::Lot,
        codes: &codes,
        home: record.home.as_deref(),
    };
    let mut values: Values = subject.values(template, language).into_iter().collect();
    wanted.fields.iter().for_each(|(field, text)| values.set(field, text));
    labels::lay(template, &values, wanted.dpi, language, &server.shelf.fonts).map_err(|error| refused(&error))
}

fn refused(error: &LabelError) -> Problem {
    let problem = Problem::unreadable(error.to_string());
    match error {
        LabelError::Missing { field } => {
            problem.help(format!("The records do not say it: add `{field}=…` to the address."))
        }
        _ => problem,
    }
}
