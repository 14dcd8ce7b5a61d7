//! The REST interface under `/api/v1`: JSON, [problem+json](crate::server::problem) refusals, pages by cursor.
//!
//! A list answers `{"items": [...], "next": "..."}`; `next` is the value of `after` for the next page and absent on the
//! last one. Instants are microseconds since 1970 UTC in members that end in `_us`. A program comes with
//! `Authorization: Bearer <token>`; a browser with its session.

pub mod exceptions;
pub mod fleet;
pub mod labels;
pub mod lines;
pub mod names;
pub mod numbers;
pub mod records;
pub mod units;

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::server::problem::Problem;

/// Rows of a page when the caller does not say, and at most.
pub const ROWS: usize = 50;
pub const ROWS_MAX: usize = 500;

/// One page of a list.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Pass it as `after` for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// `after` and `limit` of every list.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Paging {
    pub after: Option<String>,
    pub limit: Option<usize>,
}

impl Paging {
    /// # Errors
    /// A limit outside 1 to [`ROWS_MAX`].
    pub fn limit(&self) -> Result<usize, Problem> {
        match self.limit.unwrap_or(ROWS) {
            limit if (1..=ROWS_MAX).contains(&limit) => Ok(limit),
            limit => Err(Problem::unreadable(format!("limit is {limit}; write 1 to {ROWS_MAX}"))),
        }
    }

    /// `after` as the text it is ordered by.
    pub fn after(&self) -> &str {
        self.after.as_deref().unwrap_or_default()
    }
}

/// Cuts the row that only shows that there is more; `name` gives the cursor of the last row kept.
pub fn page<T>(mut items: Vec<T>, limit: usize, name: impl Fn(&T) -> String) -> Page<T> {
    let more = limit < items.len();
    items.truncate(limit);
    let next = if more { items.last().map(name) } else { None };
    Page { items, next }
}

/// The query of an address; a wrong one is refused in words.
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Asked<T>, Problem> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(asked)) => Ok(Asked(asked)),
            Err(error) => Err(Problem::unreadable(format!("the address has a wrong query: {}", cause(&error)))),
        }
    }
}

/// The JSON body of a request; a wrong one is refused in words.
pub struct Sent<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Sent<T>, Problem> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(sent)) => Ok(Sent(sent)),
            Err(error) => {
                let status = error.status();
                let help = "Send one JSON object with `Content-Type: application/json`.";
                Err(Problem::new(status, "request not understood", cause(&error)).help(help))
            }
        }
    }
}

/// The innermost cause: the outer sentences of a library only say that something failed.
fn cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
