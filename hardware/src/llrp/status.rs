//! What a reader answers to a request, in words.
//!
//! Source: LLRP 1.0.1 section 14.1 (LLRPStatus, FieldError, ParameterError) and its table of status codes; 112 is 1.1.

use std::fmt;

use super::message::{Parameter, parameter_name};

/// The LLRPStatus of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// 0 = success.
    pub code: u16,
    /// The reader's own words, often empty.
    pub text: String,
    /// The innermost parameter or field that the reader points at, in words.
    pub place: Option<String>,
}

impl Status {
    /// The status inside an answer; an answer without one counts as success.
    pub fn of(answer: &Parameter) -> Status {
        let Some(status) = answer.find("LLRPStatus") else {
            return Status { code: 0, text: String::new(), place: None };
        };
        let code = status.number("StatusCode").unwrap_or_default() as u16;
        Status { code, text: status.text("ErrorDescription").to_owned(), place: place(status, "the message") }
    }

    pub fn is_success(&self) -> bool {
        self.code == 0
    }

    /// Its name in the standard.
    pub fn name(&self) -> &'static str {
        words(self.code).0
    }

    /// What a person may do about it.
    pub fn hint(&self) -> &'static str {
        words(self.code).1
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", words(self.code).0, self.code)?;
        if !self.text.is_empty() {
            write!(f, " \"{}\"", self.text.escape_debug())?;
        }
        if let Some(place) = &self.place {
            write!(f, " in {place}")?;
        }
        write!(f, "; {}", self.hint())
    }
}

/// Follows the errors inwards: the innermost one names the culprit.
fn place(error: &Parameter, name: &str) -> Option<String> {
    if let Some(inner) = error.find("ParameterError") {
        let parameter = parameter_name(inner.number("ParameterType").unwrap_or_default() as u16);
        return place(inner, &parameter).or(Some(parameter));
    }
    let field = error.find("FieldError")?;
    let (number, code) = (field.number("FieldNum")?, field.number("ErrorCode")?);
    Some(format!("field {number} of {name}: {}", words(code as u16).0))
}

/// Name of a status code and what to do.
fn words(code: u16) -> (&'static str, &'static str) {
    const SETTINGS: &str =
        "the reader does not take these settings: try fewer antennas, no transmit power, another session";
    const FIRMWARE: &str = "the reader's firmware lacks this: update it or set LLRP version 1.0.1";
    match code {
        0 => ("M_Success", "nothing to do"),
        100 => ("M_ParameterError", SETTINGS),
        101 => ("M_FieldError", SETTINGS),
        102 => ("M_UnexpectedParameter", FIRMWARE),
        103 => ("M_MissingParameter", FIRMWARE),
        104 => ("M_DuplicateParameter", FIRMWARE),
        105 => {
            ("M_OverflowParameter", "the reader is full: delete reading programs (ROSpecs) that other software left")
        }
        106 => ("M_OverflowField", SETTINGS),
        107 => ("M_UnknownParameter", FIRMWARE),
        108 => ("M_UnknownField", FIRMWARE),
        109 => ("M_UnsupportedMessage", FIRMWARE),
        110 => ("M_UnsupportedVersion", FIRMWARE),
        111 => ("M_UnsupportedParameter", FIRMWARE),
        112 => ("M_UnexpectedMessage", "another program may control the reader: stop it or restart the reader"),
        200 => ("P_ParameterError", SETTINGS),
        201 => ("P_FieldError", SETTINGS),
        202 => ("P_UnexpectedParameter", FIRMWARE),
        203 => ("P_MissingParameter", FIRMWARE),
        204 => ("P_DuplicateParameter", FIRMWARE),
        205 => ("P_OverflowParameter", SETTINGS),
        206 => ("P_OverflowField", SETTINGS),
        207 => ("P_UnknownParameter", FIRMWARE),
        208 => ("P_UnknownField", FIRMWARE),
        209 => ("P_UnsupportedParameter", SETTINGS),
        300 => ("A_Invalid", SETTINGS),
        301 => ("A_OutOfRange", "a setting is out of the reader's range: check antenna numbers and transmit power"),
        401 => ("R_DeviceError", "the reader reports a fault of its own: check antennas and power supply, restart it"),
        _ => ("unknown status", "see the reader's manual"),
    }
}
