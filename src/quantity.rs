//! Instants and amounts with their units in the type. Storage and JSON carry the plain integers with the unit in the name.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// An instant: microseconds since 1970-01-01 00:00 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(pub i64);

/// Any clock that shows an instant before this one was never set: 2025-01-01 00:00 UTC is older than this program.
pub const CLOCK_UNSET_BEFORE: Moment = Moment(1_735_689_600_000_000);

impl Moment {
    /// What the machine's clock says. For the outermost shells only; decisions take the moment as an argument.
    pub fn now() -> Moment {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => Moment(i64::try_from(since.as_micros()).unwrap_or(i64::MAX)),
            Err(before) => Moment(-i64::try_from(before.duration().as_micros()).unwrap_or(i64::MAX)),
        }
    }

    pub fn plus(self, span: Duration) -> Moment {
        Moment(self.0.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }

    pub fn minus(self, span: Duration) -> Moment {
        Moment(self.0.saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Time from `earlier` to here; zero when `earlier` is later.
    pub fn since(self, earlier: Moment) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// What an amount counts. The number is the code in the book and never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Pieces, no decimals.
    Piece,
    /// Mass in micrograms; shown in grams.
    Mass,
    /// Length in millimetres; shown in metres.
    Length,
    /// Volume in millilitres; shown in litres.
    Volume,
}

impl Unit {
    /// Number under which the unit stands in tables.
    pub fn code(self) -> i64 {
        match self {
            Unit::Piece => 0,
            Unit::Mass => 1,
            Unit::Length => 2,
            Unit::Volume => 3,
        }
    }

    pub fn from_code(code: i64) -> Option<Unit> {
        [Unit::Piece, Unit::Mass, Unit::Length, Unit::Volume].into_iter().find(|unit| unit.code() == code)
    }

    /// Decimals between the stored integer and the shown figure, and the sign after it.
    fn shown(self) -> (u32, &'static str) {
        match self {
            Unit::Piece => (0, ""),
            Unit::Mass => (6, " g"),
            Unit::Length => (3, " m"),
            Unit::Volume => (3, " l"),
        }
    }
}

/// An exact amount: an integer in the unit's smallest step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Quantity {
    pub amount: i64,
    pub unit: Unit,
}

impl Quantity {
    pub const ONE_PIECE: Quantity = Quantity { amount: 1, unit: Unit::Piece };

    pub fn pieces(amount: i64) -> Quantity {
        Quantity { amount, unit: Unit::Piece }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (decimals, sign) = self.unit.shown();
        let scale = 10_u64.pow(decimals);
        let (whole, rest) = (self.amount.unsigned_abs() / scale, self.amount.unsigned_abs() % scale);
        // U+2212: the minus sign has the width of a digit, a hyphen does not.
        let minus = if self.amount < 0 { "\u{2212}" } else { "" };
        write!(f, "{minus}{whole}")?;
        if 0 < rest {
            let digits = format!("{rest:0width$}", width = decimals as usize);
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        f.write_str(sign)
    }
}

/// Why a text is not an amount.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not an amount; write a number with an optional unit: 5, 3.42 g, 1.5 m, 0.75 l")]
pub struct NotAnAmount(String);

impl FromStr for Quantity {
    type Err = NotAnAmount;

    fn from_str(text: &str) -> Result<Quantity, NotAnAmount> {
        let bad = || NotAnAmount(text.to_owned());
        let text = text.trim();
        let split = text.find(|c: char| !c.is_ascii_digit() && !".,-\u{2212}".contains(c)).unwrap_or(text.len());
        let (figure, sign) = text.split_at_checked(split).ok_or_else(bad)?;
        let unit = match sign.trim() {
            "" | "pcs" | "件" => Unit::Piece,
            "g" => Unit::Mass,
            "m" => Unit::Length,
            "l" => Unit::Volume,
            _ => return Err(bad()),
        };
        let (negative, figure) = match figure.strip_prefix(['-', '\u{2212}']) {
            Some(rest) => (true, rest),
            None => (false, figure),
        };
        let (whole, rest) = figure.split_once(['.', ',']).unwrap_or((figure, ""));
        let decimals = unit.shown().0 as usize;
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        // `1,234 g` is a kilogram to some and a gram to others.
        let grouped = figure.contains(',') && rest.len() == 3;
        if whole.is_empty() || !digits(whole) || !digits(rest) || decimals < rest.len() || grouped {
            return Err(bad());
        }
        let amount: i64 = format!("{whole}{rest:0<decimals$}").parse().map_err(|_| bad())?;
        Ok(Quantity { amount: if negative { -amount } else { amount }, unit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_shown_as_it_was_typed() {
        for (typed, amount, shown) in [
            ("5", 5, "5"),
            ("3.42 g", 3_420_000, "3.42 g"),
            ("3,42g", 3_420_000, "3.42 g"),
            ("-1.5 m", -1_500, "\u{2212}1.5 m"),
            ("0.75 l", 750, "0.75 l"),
        ] {
            let quantity: Quantity = typed.parse().unwrap();
            assert_eq!((quantity.amount, quantity.to_string().as_str()), (amount, shown), "{typed}");
        }
        for wrong in ["", "g", "1.5", "1.2345678 g", "1 oz", "--1", "1,234 g", "1,234.5 g", "99999999999999999999"] {
            assert!(wrong.parse::<Quantity>().is_err(), "{wrong}");
        }
    }
}
