//! What the parts of a value must hold to, one rule per linter name of the GS1 Barcode Syntax Dictionary.

use crate::gs1::fault::{Fault, Wrong};
use crate::gs1::{check, codes, coupon};

type Checked = Result<(), Wrong>;

/// A rule of the dictionary, named as there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linter {
    Couponcode,
    Couponposoffer,
    Csum,
    Csumalpha,
    Gcppos1,
    Gcppos2,
    Hasnondigit,
    Hh,
    Hhmi,
    Hyphen,
    Iban,
    Importeridx,
    Iso3166,
    Iso3166999,
    Iso3166alpha2,
    Iso4217,
    Iso5218,
    Latitude,
    Longitude,
    Mediatype,
    Mi,
    Nonzero,
    Nozeroprefix,
    Packagetype,
    Pcenc,
    Pieceoftotal,
    Posinseqslash,
    Ss,
    Winding,
    Yesno,
    Yymmd0,
    Yymmdd,
    Yyyymmdd,
    Zero,
}

impl Linter {
    /// The linter of that name in the dictionary.
    pub fn named(name: &str) -> Option<Linter> {
        Some(match name {
            "couponcode" => Linter::Couponcode,
            "couponposoffer" => Linter::Couponposoffer,
            "csum" => Linter::Csum,
            "csumalpha" => Linter::Csumalpha,
            "gcppos1" => Linter::Gcppos1,
            "gcppos2" => Linter::Gcppos2,
            "hasnondigit" => Linter::Hasnondigit,
            "hh" => Linter::Hh,
            "hhmi" => Linter::Hhmi,
            "hyphen" => Linter::Hyphen,
            "iban" => Linter::Iban,
            "importeridx" => Linter::Importeridx,
            "iso3166" => Linter::Iso3166,
            "iso3166999" => Linter::Iso3166999,
            "iso3166alpha2" => Linter::Iso3166alpha2,
            "iso4217" => Linter::Iso4217,
            "iso5218" => Linter::Iso5218,
            "latitude" => Linter::Latitude,
            "longitude" => Linter::Longitude,
            "mediatype" => Linter::Mediatype,
            "mi" => Linter::Mi,
            "nonzero" => Linter::Nonzero,
            "nozeroprefix" => Linter::Nozeroprefix,
            "packagetype" => Linter::Packagetype,
            "pcenc" => Linter::Pcenc,
            "pieceoftotal" => Linter::Pieceoftotal,
            "posinseqslash" => Linter::Posinseqslash,
            "ss" => Linter::Ss,
            "winding" => Linter::Winding,
            "yesno" => Linter::Yesno,
            "yymmd0" => Linter::Yymmd0,
            "yymmdd" => Linter::Yymmdd,
            "yyyymmdd" => Linter::Yyyymmdd,
            "zero" => Linter::Zero,
            _ => return None,
        })
    }

    /// Checks one part of a value.
    ///
    /// # Errors
    /// The first fault, with its place in the part.
    pub fn check(self, part: &[u8]) -> Checked {
        match self {
            Linter::Couponcode => coupon::code(part),
            Linter::Couponposoffer => coupon::positive_offer(part),
            Linter::Csum => check_digit(part),
            Linter::Csumalpha => check_pair(part),
            Linter::Gcppos1 => company_prefix(part, 0),
            Linter::Gcppos2 => company_prefix(part, 1),
            Linter::Hasnondigit => whole(!part.iter().all(u8::is_ascii_digit), Fault::NonDigit),
            Linter::Hh => number_to(part, 2, 23, Fault::Hour),
            Linter::Hhmi => hour_and_minute(part),
            Linter::Hyphen => whole(!part.is_empty() && part.iter().all(|byte| *byte == b'-'), Fault::Hyphen),
            Linter::Iban => iban(part),
            Linter::Importeridx => {
                let known = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
                whole(matches!(part, [byte] if known(byte)), Fault::Importer)
            }
            Linter::Iso3166 => whole(codes::is_country(part), Fault::Country),
            Linter::Iso3166999 => whole(part == b"999" || codes::is_country(part), Fault::Country),
            Linter::Iso3166alpha2 => whole(codes::is_country_letters(part), Fault::CountryLetters),
            Linter::Iso4217 => whole(codes::is_currency(part), Fault::Currency),
            Linter::Iso5218 => whole(matches!(part, b"0" | b"1" | b"2" | b"9"), Fault::Sex),
            Linter::Latitude => number_to(part, 10, 1_800_000_000, Fault::Latitude),
            Linter::Longitude => number_to(part, 10, 3_600_000_000, Fault::Longitude),
            Linter::Mediatype => whole(codes::is_media_type(part), Fault::Media),
            Linter::Mi => number_to(part, 2, 59, Fault::Minute),
            Linter::Nonzero => whole(part.iter().any(|byte| *byte != b'0'), Fault::NotZero),
            Linter::Nozeroprefix => whole(part.first() != Some(&b'0'), Fault::LeadingZero),
            Linter::Packagetype => whole(codes::is_package_type(part), Fault::Package),
            Linter::Pcenc => percent_encoding(part),
            Linter::Pieceoftotal => piece_of_total(part),
            Linter::Posinseqslash => position_in_sequence(part),
            Linter::Ss => number_to(part, 2, 59, Fault::Second),
            Linter::Winding => whole(matches!(part, b"0" | b"1" | b"9"), Fault::Winding),
            Linter::Yesno => whole(matches!(part, b"0" | b"1"), Fault::YesNo),
            Linter::Yymmd0 => date(part, Day::MayBeOpen),
            Linter::Yymmdd => date(part, Day::Given),
            Linter::Yyyymmdd => date_with_century(part),
            Linter::Zero => whole(!part.is_empty() && part.iter().all(|byte| *byte == b'0'), Fault::Zero),
        }
    }
}

/// A fault of the part as a whole.
fn whole(holds: bool, fault: Fault) -> Checked {
    if holds { Ok(()) } else { Err(Wrong { at: 0, fault }) }
}

/// Which characters a part may have, by the letter of its type in the dictionary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// `N`: digits.
    Digits,
    /// `X`: GS1 character set 82.
    Set82,
    /// `Y`: GS1 character set 39.
    Set39,
    /// `Z`: base64url.
    Base64,
}

impl Charset {
    /// # Errors
    /// The first character that the set does not have.
    pub fn check(self, part: &[u8]) -> Checked {
        let every = |known: fn(&u8) -> bool, fault| match part.iter().position(|byte| !known(byte)) {
            Some(at) => Err(Wrong { at, fault }),
            None => Ok(()),
        };
        match self {
            Charset::Digits => digits(part),
            Charset::Set82 => every(|byte| is_cset_82(*byte), Fault::Set82),
            Charset::Set39 => {
                every(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"#-/".contains(byte), Fault::Set39)
            }
            Charset::Base64 => base64(part),
        }
    }
}

/// GS1 AI encodable character set 82, by the byte.
const SET_82: [bool; 256] = {
    let listed = b"!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
    let mut set = [false; 256];
    let mut index = 0;
    while index < listed.len() {
        set[listed[index] as usize] = true;
        index += 1;
    }
    set
};

/// Whether a byte is a character of GS1 character set 82.
pub(crate) fn is_cset_82(byte: u8) -> bool {
    SET_82.get(usize::from(byte)).is_some_and(|known| *known)
}

fn base64(part: &[u8]) -> Checked {
    let fill = part.iter().rev().take_while(|byte| **byte == b'=').count();
    let len = part.len() - fill;
    // Three characters, not four, as the dictionary's own linter has it.
    if 2 < fill || (0 < fill && !part.len().is_multiple_of(3)) {
        return Err(Wrong { at: len, fault: Fault::Padding });
    }
    let known = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    match part.iter().take(len).position(|byte| !known(byte)) {
        Some(at) => Err(Wrong { at, fault: Fault::Set64 }),
        None => Ok(()),
    }
}

pub(super) fn digits(part: &[u8]) -> Checked {
    match part.iter().position(|byte| !byte.is_ascii_digit()) {
        Some(at) => Err(Wrong { at, fault: Fault::Digit }),
        None => Ok(()),
    }
}

/// The number that 1 to 18 digits are.
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    if !(1..=18).contains(&digits.len()) {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, byte| byte.is_ascii_digit().then(|| number * 10 + u64::from(byte - b'0')))
}

/// A number of `len` digits, `most` at most.
fn number_to(part: &[u8], len: usize, most: u64, fault: Fault) -> Checked {
    whole(part.len() == len && number(part).is_some_and(|number| number <= most), fault)
}

fn check_digit(part: &[u8]) -> Checked {
    digits(part)?;
    let [body @ .., last] = part else { return Err(Wrong { at: 0, fault: Fault::Short }) };
    match check::digit_of(body) {
        Some(want) if *last != b'0' + want => Err(Wrong { at: body.len(), fault: Fault::CheckDigit { want } }),
        _ => Ok(()),
    }
}

fn check_pair(part: &[u8]) -> Checked {
    let Some((body, given)) = part.split_last_chunk::<2>() else { return Err(Wrong { at: 0, fault: Fault::Short }) };
    match check::pair(body) {
        Some(want) if want == *given => Ok(()),
        Some(want) => Err(Wrong { at: body.len(), fault: Fault::CheckPair { want } }),
        None => Err(Wrong { at: 0, fault: Fault::Long }),
    }
}

/// The shortest company prefix there is has four digits.
fn company_prefix(part: &[u8], from: usize) -> Checked {
    match part.get(from..from + 4) {
        None => Err(Wrong { at: 0, fault: Fault::Prefix }),
        Some(prefix) => match prefix.iter().position(|byte| !byte.is_ascii_digit()) {
            Some(at) => Err(Wrong { at: from + at, fault: Fault::Prefix }),
            None => Ok(()),
        },
    }
}

fn hour_and_minute(part: &[u8]) -> Checked {
    let Some((hour, minute)) = part.split_at_checked(2) else { return Err(Wrong { at: 0, fault: Fault::Hour }) };
    number_to(hour, 2, 23, Fault::Hour)?;
    number_to(minute, 2, 59, Fault::Minute).map_err(|wrong| Wrong { at: wrong.at + 2, ..wrong })
}

/// Whether a date may leave its day open as 00.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Day {
    Given,
    MayBeOpen,
}

/// A date of six digits. Which century is meant does not matter here: 1900 and 2100 have no leap day, but the year 00 is
/// 2000 for everybody who reads between 1951 and 2049.
pub(super) fn date(part: &[u8], day: Day) -> Checked {
    match (part, number(part)) {
        ([_, _, _, _, _, _], Some(number)) => {
            month_and_day(2000 + number / 10_000, number / 100 % 100, number % 100, 2, day)
        }
        _ => Err(Wrong { at: 0, fault: Fault::Digit }),
    }
}

fn date_with_century(part: &[u8]) -> Checked {
    match (part.len(), number(part)) {
        (8, Some(number)) => month_and_day(number / 10_000, number / 100 % 100, number % 100, 4, Day::Given),
        _ => Err(Wrong { at: 0, fault: Fault::Digit }),
    }
}

/// `at` is the place of the month.
fn month_and_day(year: u64, month: u64, day: u64, at: usize, open: Day) -> Checked {
    let leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u64::from(leap),
        _ => return Err(Wrong { at, fault: Fault::Month }),
    };
    if last < day || (day == 0 && open == Day::Given) {
        return Err(Wrong { at: at + 2, fault: Fault::Day });
    }
    Ok(())
}

/// Longest IBAN; the shortest in use have 15 characters, so ten and fewer are a slip.
const IBAN_LEN: std::ops::RangeInclusive<usize> = 11..=34;

fn iban(part: &[u8]) -> Checked {
    let country = part.get(..2).unwrap_or_default();
    if !IBAN_LEN.contains(&part.len()) || !codes::is_country_letters(country) {
        return Err(Wrong { at: 0, fault: Fault::Iban });
    }
    match check::iban_remainder(part) {
        Some(1) => Ok(()),
        Some(_) => Err(Wrong { at: 2, fault: Fault::IbanCheck }),
        None => {
            let known = |byte: &u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
            let at = part.iter().position(|byte| !known(byte)).unwrap_or_default();
            Err(Wrong { at, fault: Fault::Iban })
        }
    }
}

fn percent_encoding(part: &[u8]) -> Checked {
    let mut at = 0;
    while let Some(byte) = part.get(at) {
        at += match (byte, part.get(at + 1), part.get(at + 2)) {
            (b'%', Some(high), Some(low)) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => 3,
            (b'%', _, _) => return Err(Wrong { at, fault: Fault::Percent }),
            _ => 1,
        };
    }
    Ok(())
}

fn piece_of_total(part: &[u8]) -> Checked {
    let (piece, total) = part.split_at(part.len() / 2);
    let zero = |number: &[u8]| number.iter().all(|byte| *byte == b'0');
    // Of equal length, so their order as text is their order as numbers.
    let holds = piece.len() == total.len() && !zero(piece) && !zero(total) && piece <= total;
    whole(holds, Fault::Piece)
}

fn position_in_sequence(part: &[u8]) -> Checked {
    let slash = part.iter().position(|byte| *byte == b'/').unwrap_or(part.len());
    let position = part.get(..slash).unwrap_or_default();
    let end = part.get(slash + 1..).unwrap_or_default();
    if position.first() == Some(&b'0') || end.first() == Some(&b'0') {
        return Err(Wrong { at: 0, fault: Fault::LeadingZero });
    }
    let ordered = match (number(position), number(end)) {
        (Some(position), Some(end)) => position <= end,
        _ => false,
    };
    whole(!position.is_empty() && !end.is_empty() && ordered, Fault::Sequence)
}
