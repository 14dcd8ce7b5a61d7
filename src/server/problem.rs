//! Refusals as programs see them: RFC 9457 with the sentence that says what to do.

use std::sync::Arc;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::hex::Hex;
use crate::server::access::{AccessError, Right, Role, holders};
use crate::server::database::DatabaseError;
use crate::sync::wire::Refusal;

/// A refusal with its status.
#[derive(Debug)]
pub struct Problem {
    pub status: StatusCode,
    /// Boxed: most answers are none.
    pub refusal: Box<Refusal>,
    /// Seconds after which to try again.
    pub retry_s: Option<u64>,
}

impl Problem {
    pub fn new(status: StatusCode, title: &str, detail: impl Into<String>) -> Problem {
        let refusal = Refusal { title: title.to_owned(), detail: detail.into(), help: None, next: None, head: None };
        Problem { status, refusal: Box::new(refusal), retry_s: None }
    }

    /// The request cannot be read: what is wrong with it.
    pub fn unreadable(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "request not understood", detail)
    }

    pub fn missing(what: &str, name: &str) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "not found", format!("there is no {what} {name}"))
    }

    /// The visitor's roles do not give this right.
    pub fn no_right(right: Right) -> Problem {
        let roles = holders(right).map(Role::word).collect::<Vec<_>>().join(", ");
        Problem::new(StatusCode::FORBIDDEN, "no right", "your roles do not allow this")
            .help(format!("These roles may: {roles}."))
    }

    /// Something failed here. The cause goes to the log under a number that the caller can name.
    pub fn ours(cause: &dyn std::fmt::Display) -> Problem {
        let mut bytes = [0; 4];
        // Without random bytes the number is 0: the log line can still be found by its time.
        let _ = getrandom::fill(&mut bytes);
        let reference = u32::from_le_bytes(bytes);
        tracing::error!(reference = %format_args!("{reference:08x}"), "a request failed here: {cause}");
        let detail = format!("something failed at the server, number {reference:08x}");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "server error", detail)
            .help("Nothing was stored. Try again; if it stays, look for that number in the server's log.")
    }

    pub fn help(mut self, help: impl Into<String>) -> Problem {
        self.refusal.help = Some(help.into());
        self
    }

    pub fn retry_after(mut self, seconds: u64) -> Problem {
        self.retry_s = Some(seconds);
        self
    }

    /// Where the server's cursor of this book stands.
    pub fn stands_at(mut self, next: u64, head: Hex<32>) -> Problem {
        (self.refusal.next, self.refusal.head) = (Some(next), Some(head));
        self
    }
}

/// Rides along with a refusal's answer, so that the guard can make a page of it for a person.
#[derive(Clone)]
pub struct Shown {
    pub status: StatusCode,
    pub refusal: Arc<Refusal>,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let refusal = *self.refusal;
        let mut response = (self.status, Json(&refusal)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(Shown { status: self.status, refusal: Arc::new(refusal) });
        response
    }
}

impl From<DatabaseError> for Problem {
    fn from(error: DatabaseError) -> Problem {
        Problem::ours(&error)
    }
}

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Problem {
        let status = match &error {
            AccessError::Database(cause) => return Problem::ours(cause),
            AccessError::Unknown(_) => StatusCode::NOT_FOUND,
            AccessError::NameTaken(_) | AccessError::LastAdministrator(_) => StatusCode::CONFLICT,
            AccessError::Name | AccessError::NoRole | AccessError::Unfit(_) => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Problem::new(status, "refused", error.to_string())
    }
}
