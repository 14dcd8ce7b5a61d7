//! What values mean: dates, amounts with their unit, prices, places. All of it exact: no floating point.
//!
//! Source: GS1 General Specifications, sections 3 (each AI) and 7.12 (century of a date).

use std::fmt;

use jiff::civil::{Date, Time};

use crate::gs1::Element;
use crate::gs1::lint::{Linter, number};
use crate::gs1::table::Row;

/// An exact number: `mantissa` divided by ten as often as `places` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    pub mantissa: i64,
    pub places: u8,
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:0width$}", self.mantissa.unsigned_abs(), width = usize::from(self.places) + 1);
        let (whole, fraction) = digits.split_at(digits.len() - usize::from(self.places));
        let sign = if self.mantissa < 0 { "-" } else { "" };
        match fraction {
            "" => write!(f, "{sign}{whole}"),
            _ => write!(f, "{sign}{whole}.{fraction}"),
        }
    }
}

/// A unit of measure, by its sign in the data title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    pub sign: &'static str,
    /// Its code in UN/CEFACT recommendation 20, which EPCIS and EDI use; `None` for ounces that may be of weight or volume.
    pub code: Option<&'static str>,
}

/// What stands in brackets in the data titles, its sign and its code.
const UNITS: &[(&str, &str, Option<&str>)] = &[
    ("kg", "kg", Some("KGM")),
    ("m", "m", Some("MTR")),
    ("m²", "m²", Some("MTK")),
    ("l", "l", Some("LTR")),
    ("m³", "m³", Some("MTQ")),
    ("lb", "lb", Some("LBR")),
    ("in", "in", Some("INH")),
    ("ft", "ft", Some("FOT")),
    ("yd", "yd", Some("YRD")),
    ("in²", "in²", Some("INK")),
    ("ft²", "ft²", Some("FTK")),
    ("yd²", "yd²", Some("YDK")),
    ("tr oz", "tr oz", Some("APZ")),
    ("oz", "oz", None),
    ("qt (US)", "qt (US)", Some("QTL")),
    ("gal.", "gal (US)", Some("GLL")),
    ("gal (US)", "gal (US)", Some("GLL")),
    ("in³", "in³", Some("INQ")),
    ("ft³", "ft³", Some("FTQ")),
    ("yd³", "yd³", Some("YDQ")),
];

/// Kilograms per square metre, the one unit that its title states in words.
const KG_PER_M2: Unit = Unit { sign: "kg/m²", code: Some("28") };
const FAHRENHEIT: Unit = Unit { sign: "°F", code: Some("FAH") };
const CELSIUS: Unit = Unit { sign: "°C", code: Some("CEL") };

/// The unit that the data title of a measure names.
fn unit(row: &Row) -> Option<Unit> {
    if row.title.starts_with("KG PER m²") {
        return Some(KG_PER_M2);
    }
    let (_, behind) = row.title.split_once('(')?;
    let named = behind.rsplit_once(')')?.0;
    let &(_, sign, code) = UNITS.iter().find(|(title, ..)| *title == named)?;
    Some(Unit { sign, code })
}

/// What a value means, where it is more than a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A date; `day_open` when only year and month were stated, then it is the last day of the month.
    Date {
        date: Date,
        day_open: bool,
    },
    /// A date and a time of day at the place of the goods, to the hour, minute or second.
    Time {
        date: Date,
        day_open: bool,
        time: Option<Time>,
    },
    /// From the first day to the last one.
    Days {
        first: Date,
        last: Date,
    },
    /// A weight, length, area, volume or temperature.
    Measure {
        amount: Decimal,
        unit: Unit,
    },
    /// A price; without a currency it is that of the place.
    Money {
        amount: Decimal,
        currency: Option<String>,
    },
    /// Parts of a hundred.
    Percent {
        amount: Decimal,
    },
    Count {
        count: u64,
    },
    /// Degrees north of the equator and east of Greenwich.
    Place {
        latitude: Decimal,
        longitude: Decimal,
    },
    Flag {
        set: bool,
    },
}

/// The year that two digits mean for somebody who reads in `this_year`: within 50 years after it or 49 before.
/// Source: GS1 General Specifications, section 7.12.
pub fn year(two_digits: i16, this_year: i16) -> i16 {
    let century = this_year - this_year.rem_euclid(100);
    match two_digits - this_year.rem_euclid(100) {
        51.. => century - 100 + two_digits,
        ..=-50 => century + 100 + two_digits,
        _ => century + two_digits,
    }
}

/// What the value of an element means in `this_year`; `None` when it is a text, an identifier or in doubt.
pub fn meaning(element: &Element, this_year: i16) -> Option<Meaning> {
    let row = element.ai.row()?;
    let value = element.value.as_str();
    let last_digit = || row.ai.bytes().last().map(|digit| digit - b'0');
    match row.ai.as_bytes() {
        [b'3', b'1'..=b'6', _, _] => {
            Some(Meaning::Measure { amount: decimal(value, last_digit()?)?, unit: unit(row)? })
        }
        [b'3', b'9', b'0' | b'2' | b'5', _] => {
            Some(Meaning::Money { amount: decimal(value, last_digit()?)?, currency: None })
        }
        [b'3', b'9', b'1' | b'3', _] => {
            let (currency, amount) = value.split_at_checked(3)?;
            let amount = decimal(amount, last_digit()?)?;
            Some(Meaning::Money { amount, currency: Some(currency.to_owned()) })
        }
        [b'3', b'9', b'4', _] => Some(Meaning::Percent { amount: decimal(value, last_digit()?)? }),
        b"30" | b"37" => Some(Meaning::Count { count: number(value.as_bytes())? }),
        b"4330" | b"4332" => temperature(value, FAHRENHEIT),
        b"4331" | b"4333" => temperature(value, CELSIUS),
        b"4309" => place(value),
        _ => by_linters(row, value, this_year),
    }
}

fn decimal(digits: &str, places: u8) -> Option<Decimal> {
    Some(Decimal { mantissa: i64::try_from(number(digits.as_bytes())?).ok()?, places })
}

/// Hundredths of a degree; a hyphen behind them means below zero.
fn temperature(value: &str, unit: Unit) -> Option<Meaning> {
    let amount = match value.strip_suffix('-') {
        Some(below) => {
            let degrees = decimal(below, 2)?;
            Decimal { mantissa: -degrees.mantissa, ..degrees }
        }
        None => decimal(value, 2)?,
    };
    Some(Meaning::Measure { amount, unit })
}

/// Ten millionths of a degree, counted from the south pole and eastwards from Greenwich.
fn place(value: &str) -> Option<Meaning> {
    let (latitude, longitude) = value.split_at_checked(10)?;
    let (latitude, longitude) = (decimal(latitude, 7)?, decimal(longitude, 7)?);
    let east = match longitude.mantissa {
        ..=1_800_000_000 => longitude.mantissa,
        west => west - 3_600_000_000,
    };
    Some(Meaning::Place {
        latitude: Decimal { mantissa: latitude.mantissa - 900_000_000, ..latitude },
        longitude: Decimal { mantissa: east, ..longitude },
    })
}

/// Dates, times and flags, which the dictionary marks by their linters.
fn by_linters(row: &Row, value: &str, this_year: i16) -> Option<Meaning> {
    let linted = |wanted: Linter| {
        move |(part, text)| {
            let part: &crate::gs1::table::Part = part;
            let text: &str = text;
            part.linters.contains(&wanted).then_some(text).filter(|text| !text.is_empty())
        }
    };
    let find = |wanted| row.split(value).find_map(linted(wanted));
    if let Some(flag) = find(Linter::Yesno) {
        return Some(Meaning::Flag { set: flag == "1" });
    }
    let mut dates = row.split(value).filter_map(|(part, text)| {
        let open = part.linters.contains(&Linter::Yymmd0);
        let short = open || part.linters.contains(&Linter::Yymmdd);
        match part.linters.contains(&Linter::Yyyymmdd) || short {
            true if !text.is_empty() => date(text, this_year),
            _ => None,
        }
    });
    let (date, day_open) = dates.next()?;
    if let Some((last, _)) = dates.next() {
        return Some(Meaning::Days { first: date, last });
    }
    let clock = [Linter::Hhmi, Linter::Hh, Linter::Mi, Linter::Ss].into_iter().filter_map(find).collect::<String>();
    let has_clock =
        row.parts.iter().any(|part| part.linters.contains(&Linter::Hhmi) || part.linters.contains(&Linter::Hh));
    match (has_clock, row.ai.as_str()) {
        (true, _) => Some(Meaning::Time { date, day_open, time: time(&clock) }),
        // A harvest of one day.
        (false, "7007") => Some(Meaning::Days { first: date, last: date }),
        (false, _) => Some(Meaning::Date { date, day_open }),
    }
}

/// A date of six or eight digits, and whether its day was open.
fn date(digits: &str, this_year: i16) -> Option<(Date, bool)> {
    let field = |from: usize, to: usize| digits.get(from..to)?.parse::<i16>().ok();
    let (year, rest) = match digits.len() {
        6 => (year(field(0, 2)?, this_year), 2),
        _ => (field(0, 4)?, 4),
    };
    let month = i8::try_from(field(rest, rest + 2)?).ok()?;
    let day = i8::try_from(field(rest + 2, rest + 4)?).ok()?;
    match day {
        0 => Some((Date::new(year, month, 1).ok()?.last_of_month(), true)),
        _ => Some((Date::new(year, month, day).ok()?, false)),
    }
}

/// A time of two, four or six digits; `None` when there are none.
fn time(digits: &str) -> Option<Time> {
    let field = |from: usize| digits.get(from..from + 2).map_or(Some(0), |field| field.parse::<i8>().ok());
    match digits.len() {
        0 => None,
        _ => Time::new(field(0)?, field(2)?, field(4)?, 0).ok(),
    }
}

impl fmt::Display for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let open = |day_open: &bool| if *day_open { " (day open: end of the month)" } else { "" };
        match self {
            Meaning::Date { date, day_open } => write!(f, "{date}{}", open(day_open)),
            Meaning::Time { date, day_open, time: Some(time) } => write!(f, "{date} {time}{}", open(day_open)),
            Meaning::Time { date, day_open, time: None } => write!(f, "{date}{}", open(day_open)),
            Meaning::Days { first, last } if first == last => write!(f, "{first}"),
            Meaning::Days { first, last } => write!(f, "{first} to {last}"),
            Meaning::Measure { amount, unit } => write!(f, "{amount} {}", unit.sign),
            Meaning::Money { amount, currency: Some(currency) } => write!(f, "{amount} in currency {currency}"),
            Meaning::Money { amount, currency: None } => write!(f, "{amount}"),
            Meaning::Percent { amount } => write!(f, "{amount} %"),
            Meaning::Count { count } => write!(f, "{count}"),
            Meaning::Place { latitude, longitude } => write!(f, "latitude {latitude}, longitude {longitude}"),
            Meaning::Flag { set } => f.write_str(if *set { "yes" } else { "no" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gs1::{Ai, table};

    #[test]
    fn values_have_meanings() {
        for (ai, value, want) in [
            ("17", "261231", "2026-12-31"),
            ("17", "260200", "2026-02-28 (day open: end of the month)"),
            ("17", "280200", "2028-02-29 (day open: end of the month)"),
            ("11", "990101", "1999-01-01"),
            ("7003", "2611221530", "2026-11-22 15:30:00"),
            ("8008", "26112214", "2026-11-22 14:00:00"),
            ("8008", "261122145907", "2026-11-22 14:59:07"),
            ("7011", "261122", "2026-11-22"),
            ("4324", "2611009999", "2026-11-30 (day open: end of the month)"),
            ("7007", "261101261105", "2026-11-01 to 2026-11-05"),
            ("7007", "261101", "2026-11-01"),
            ("7250", "19991231", "1999-12-31"),
            ("3103", "000195", "0.195 kg"),
            ("3100", "000195", "195 kg"),
            ("3105", "000195", "0.00195 kg"),
            ("3375", "100000", "1.00000 kg/m²"),
            ("3612", "000250", "2.50 gal (US)"),
            ("3922", "12345", "123.45"),
            ("3932", "97812345", "123.45 in currency 978"),
            ("3909", "1", "0.000000001"),
            ("3942", "1050", "10.50 %"),
            ("3952", "012345", "123.45"),
            ("37", "00012", "12"),
            ("4331", "000250-", "-2.50 °C"),
            ("4330", "007700", "77.00 °F"),
            ("4321", "1", "yes"),
            ("4321", "0", "no"),
            ("21", "7", ""),
            ("01", "09521234543213", ""),
        ] {
            let element = Element { ai: Ai::Known(table::row(ai.as_bytes()).unwrap()), value: value.to_owned() };
            let found = meaning(&element, 2026).map(|meaning| meaning.to_string()).unwrap_or_default();
            assert_eq!(found, want, "({ai}){value}");
        }
        let place = Element { ai: Ai::Known(table::row(b"4309").unwrap()), value: "12104400003561600000".to_owned() };
        let shown = meaning(&place, 2026).unwrap().to_string();
        assert_eq!(shown, "latitude 31.0440000, longitude -3.8400000");
    }

    #[test]
    fn every_measure_has_its_unit() {
        for row in table::rows() {
            if matches!(row.ai.as_bytes(), [b'3', b'1'..=b'6', _, _]) {
                assert!(unit(row).is_some(), "({}) {}", row.ai, row.title);
            }
        }
    }

    #[test]
    fn two_digits_mean_a_year_near_to_now() {
        for (two_digits, this_year, want) in [
            (26, 2026, 2026),
            (76, 2026, 2076),
            (77, 2026, 1977),
            (99, 2026, 1999),
            (0, 2026, 2000),
            (0, 2049, 2000),
            (0, 2050, 2100),
            (49, 2099, 2149),
            (50, 2099, 2050),
            (99, 2101, 2099),
        ] {
            assert_eq!(year(two_digits, this_year), want, "{two_digits} in {this_year}");
        }
    }
}
