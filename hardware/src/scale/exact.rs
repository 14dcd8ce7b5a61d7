//! Exact weights: a decimal as the scale shows it, and what its unit is worth.
//!
//! No floating point anywhere: a weight in a book must be the weight on the display, and 0.1 has no binary form.

use std::fmt;

use crate::event::{Weight, WeightUnit};

/// Most digits accepted. Twelve fill the widest display; the rest is room for leading zeros.
const DIGITS_MAX: usize = 15;

/// A decimal number, exactly: `digits` divided by ten to the power of `places`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount {
    pub digits: i64,
    pub places: u8,
}

impl Amount {
    /// Reads `+00123.450`, `-0.4` or ` 12`: spaces around it, one sign, digits with at most one point.
    pub fn parse(text: &[u8]) -> Option<Amount> {
        let text = text.trim_ascii();
        let (negative, text) = match text {
            [b'-', rest @ ..] => (true, rest.trim_ascii_start()),
            [b'+', rest @ ..] => (false, rest.trim_ascii_start()),
            _ => (false, text),
        };
        let (mut digits, mut count, mut places) = (0i64, 0usize, None);
        for byte in text {
            match (byte, places) {
                (b'.', None) => places = Some(0),
                (b'0'..=b'9', _) if count < DIGITS_MAX => {
                    // At most fifteen digits: this cannot overflow.
                    digits = digits * 10 + i64::from(byte - b'0');
                    count += 1;
                    places = places.map(|places: u8| places + 1);
                }
                _ => return None,
            }
        }
        let ends_well = 0 < count && text.last() != Some(&b'.');
        ends_well.then_some(Amount { digits: if negative { -digits } else { digits }, places: places.unwrap_or(0) })
    }
}

/// The number with all its places and without leading zeros: `-0.4`, `12.50`, `0.00`.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal(f, self.digits.into(), self.places.into())
    }
}

fn decimal(f: &mut impl fmt::Write, digits: i128, places: usize) -> fmt::Result {
    let sign = if digits < 0 { "-" } else { "" };
    let all = format!("{:0>width$}", digits.unsigned_abs(), width = places + 1);
    match all.split_at_checked(all.len() - places) {
        Some((whole, part)) if !part.is_empty() => write!(f, "{sign}{whole}.{part}"),
        Some(_) | None => write!(f, "{sign}{all}"),
    }
}

impl WeightUnit {
    pub const ALL: [WeightUnit; 11] = [
        WeightUnit::Milligram,
        WeightUnit::Gram,
        WeightUnit::Kilogram,
        WeightUnit::Tonne,
        WeightUnit::Carat,
        WeightUnit::TroyOunce,
        WeightUnit::Ounce,
        WeightUnit::Pound,
        WeightUnit::Pennyweight,
        WeightUnit::Grain,
        WeightUnit::Momme,
    ];

    /// How the unit is written here and on most scales.
    pub fn symbol(self) -> &'static str {
        match self {
            WeightUnit::Milligram => "mg",
            WeightUnit::Gram => "g",
            WeightUnit::Kilogram => "kg",
            WeightUnit::Tonne => "t",
            WeightUnit::Carat => "ct",
            WeightUnit::TroyOunce => "ozt",
            WeightUnit::Ounce => "oz",
            WeightUnit::Pound => "lb",
            WeightUnit::Pennyweight => "dwt",
            WeightUnit::Grain => "gn",
            WeightUnit::Momme => "mom",
        }
    }

    /// The unit with this symbol, in capitals or not.
    pub fn of_symbol(symbol: &str) -> Option<WeightUnit> {
        Self::ALL.into_iter().find(|unit| unit.symbol().eq_ignore_ascii_case(symbol))
    }

    /// Its weight in nanograms (10⁻⁹ g), exactly. The international pound is 0.453 592 37 kg, the grain a 7000th of it; an
    /// ounce is 437.5, a troy ounce 480 and a pennyweight 24 grains; a carat is 200 mg, a momme 3.75 g.
    pub fn nanograms(self) -> i64 {
        match self {
            WeightUnit::Milligram => 1_000_000,
            WeightUnit::Gram => 1_000_000_000,
            WeightUnit::Kilogram => 1_000_000_000_000,
            WeightUnit::Tonne => 1_000_000_000_000_000,
            WeightUnit::Carat => 200_000_000,
            WeightUnit::TroyOunce => 31_103_476_800,
            WeightUnit::Ounce => 28_349_523_125,
            WeightUnit::Pound => 453_592_370_000,
            WeightUnit::Pennyweight => 1_555_173_840,
            WeightUnit::Grain => 64_798_910,
            WeightUnit::Momme => 3_750_000_000,
        }
    }
}

impl Weight {
    pub fn amount(&self) -> Amount {
        Amount { digits: self.digits, places: self.places }
    }

    /// The weight in micrograms, when it is a whole number of them: 0.001 oz is 28 349.523125 µg and gives `None`, as does
    /// what does not fit.
    pub fn micrograms(&self) -> Option<i64> {
        let (nanograms, divisor) = self.micrograms_as_fraction()?;
        (nanograms % divisor == 0).then(|| i64::try_from(nanograms / divisor).ok())?
    }

    /// The weight to the nearest microgram, halves away from zero (the rule of commerce, and symmetric for the two sides
    /// of zero). `None` when it does not fit.
    pub fn micrograms_rounded(&self) -> Option<i64> {
        let (nanograms, divisor) = self.micrograms_as_fraction()?;
        let half = divisor / 2 * nanograms.signum();
        i64::try_from((nanograms + half) / divisor).ok()
    }

    /// Micrograms as numerator and (even, positive) denominator.
    fn micrograms_as_fraction(&self) -> Option<(i128, i128)> {
        // Both factors have at most 63 bits.
        let nanograms = i128::from(self.digits) * i128::from(self.unit.nanograms());
        let divisor = 10i128.checked_pow(self.places.into())?.checked_mul(1000)?;
        // Room to add half the divisor.
        (divisor < i128::MAX / 4).then_some((nanograms, divisor))
    }
}

/// An amount of a unit in milligrams, exactly and without trailing zeros: 0.25 ct is `50`, 1 lb is `453592.37`.
pub fn milligrams(amount: Amount, unit: WeightUnit) -> String {
    let mut digits = i128::from(amount.digits) * i128::from(unit.nanograms());
    let mut places = usize::from(amount.places) + 6;
    while 0 < places && digits % 10 == 0 {
        (digits, places) = (digits / 10, places - 1);
    }
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = decimal(&mut text, digits, places);
    text
}
