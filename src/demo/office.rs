//! The office of the demo: a client of the REST interface like any other.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::demo::DemoError;
use crate::demo::account::{Entry, entry};
use crate::sync::records::Record;
use crate::sync::trust;

/// A request that hangs is a fault of the demo, not of the day.
const PATIENCE: Duration = Duration::from_secs(20);

/// Lines asked for at once.
const PAGE: usize = 500;

pub struct Office {
    client: Client,
    url: String,
    token: String,
}

impl Office {
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(url: &str, token: String) -> Result<Office, DemoError> {
        let client = trust::client(url, None, false, PATIENCE).map_err(|error| DemoError::Rest(error.to_string()))?;
        Ok(Office { client, url: url.trim_end_matches('/').to_owned(), token })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token)
    }

    async fn answer(&self, request: RequestBuilder) -> Result<Value, DemoError> {
        let wrong = |error: reqwest::Error| DemoError::Rest(error.to_string());
        let answer = request.send().await.map_err(wrong)?;
        let status = answer.status();
        let text = answer.text().await.map_err(wrong)?;
        match status.is_success() {
            true => serde_json::from_str(&text).map_err(|error| DemoError::Rest(error.to_string())),
            false => Err(DemoError::Rest(format!("{status}: {text}"))),
        }
    }

    /// A one-time code for a new terminal.
    ///
    /// # Errors
    /// When the server refuses or does not answer.
    pub async fn enrolment_code(&self) -> Result<String, DemoError> {
        let answer = self.answer(self.request(Method::POST, "/api/v1/terminals/enrolment-code")).await?;
        let code = answer["code"].as_str().ok_or_else(|| DemoError::Rest("no code".into()))?;
        Ok(code.to_owned())
    }

    /// Puts a record.
    ///
    /// # Errors
    /// When the server refuses or does not answer.
    pub async fn put(&self, record: &Record) -> Result<(), DemoError> {
        let mut body = serde_json::to_value(&record.content).map_err(|error| DemoError::Rest(error.to_string()))?;
        if let Some(members) = body.as_object_mut() {
            members.insert("since_us".into(), json!(record.since));
            members.insert("withdrawn".into(), json!(record.withdrawn));
        }
        self.answer(self.request(Method::POST, "/api/v1/records").json(&body)).await.map(drop)
    }

    /// Every line that the server returns.
    ///
    /// # Errors
    /// When the server refuses, does not answer, or a line lacks a member.
    pub async fn lines(&self) -> Result<Vec<Entry>, DemoError> {
        let lines = self.pages("/api/v1/movements").await?;
        let entries = lines
            .iter()
            .map(|line| entry(line).ok_or_else(|| DemoError::Rest(format!("a line without identity: {line}"))));
        entries.collect()
    }

    /// How many exceptions are open.
    ///
    /// # Errors
    /// When the server refuses or does not answer.
    pub async fn open_exceptions(&self) -> Result<u64, DemoError> {
        Ok(self.pages("/api/v1/exceptions").await?.len() as u64)
    }

    async fn pages(&self, path: &str) -> Result<Vec<Value>, DemoError> {
        let mut all = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let mut request = self.request(Method::GET, path).query(&[("limit", PAGE)]);
            if let Some(after) = &after {
                request = request.query(&[("after", after)]);
            }
            let mut page = self.answer(request).await?;
            if let Some(items) = page["items"].as_array_mut() {
                all.append(items);
            }
            match page["next"].as_str() {
                Some(next) => after = Some(next.to_owned()),
                None => return Ok(all),
            }
        }
    }
}
