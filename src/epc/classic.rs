//! The schemes with a partition (SGTIN-96 and its like), and the three without GS1: GID, USDOD, ADI.
//!
//! Source: GS1 EPC Tag Data Standard 2.2, sections 14.3 to 14.4 (coding of fields) and 14.6 (layouts).

use super::bits::{Reader, Writer};
use super::fault::{Fault, Unfit};
use super::key::{Key, Values, joined};
use super::scheme::{Kind, PREFIX_BITS, PREFIX_DIGITS_MAX, PREFIX_DIGITS_MIN, Reference, Scheme, Tail};
use super::text::{Digits, Text, is_cset_39, is_cset_82, power};

/// What stands between header and padding: filter value, digits of the company prefix, key.
pub(super) type Content = (u8, Option<usize>, Key);

struct Fields<'a, 'b> {
    scheme: Scheme,
    bits: usize,
    reader: &'a mut Reader<'b>,
}

impl Fields<'_, '_> {
    fn take(&mut self, width: usize) -> Result<u64, Fault> {
        self.reader.take(width).ok_or(Fault::TooShort { scheme: self.scheme, bits: self.bits })
    }

    /// A number of `width` bits that may have `digits` digits.
    fn number(&mut self, what: &'static str, width: usize, digits: usize) -> Result<Digits, Fault> {
        let at = self.reader.at();
        let value = self.take(width)?;
        Digits::new(value, digits).ok_or(Fault::Number { what, at, value, digits })
    }

    /// A number without leading zeros.
    fn plain(&mut self, what: &'static str, width: usize, digits: usize) -> Result<Text, Fault> {
        let at = self.reader.at();
        let value = self.take(width)?;
        match digits <= 18 && power(digits) <= value {
            true => Err(Fault::Number { what, at, value, digits }),
            false => Ok(Text::of_number(value)),
        }
    }

    /// 7-bit characters up to `width` bits: the first zero ends them, and behind it nothing may stand.
    fn seven(&mut self, what: &'static str, width: usize, most: usize, text: &mut Text) -> Result<(), Fault> {
        let (start, end) = (self.reader.at(), self.reader.at() + width);
        let mut count = 0;
        while 7 <= end - self.reader.at() {
            let at = self.reader.at();
            // Seven bits fit a byte.
            let code = self.take(7)? as u8;
            if code == 0 {
                break;
            }
            if !is_cset_82(code) {
                return Err(Fault::Character { what, at, code });
            }
            if count == most {
                return Err(Fault::TooMany { what, at: start, most });
            }
            text.push(code).ok_or(Fault::TooMany { what, at: start, most })?;
            count += 1;
        }
        if count == 0 {
            return Err(Fault::Empty { what, at: start });
        }
        match self.reader.first_one(end - self.reader.at()) {
            Some(at) => Err(Fault::NotZero { what, at }),
            None => Ok(()),
        }
    }

    /// 6-bit characters up to six zeros.
    fn six(&mut self, what: &'static str, most: usize, sound: fn(u8) -> bool, text: &mut Text) -> Result<(), Fault> {
        let start = self.reader.at();
        for _ in 0..=most {
            let at = self.reader.at();
            let code = self.take(6)? as u8;
            if code == 0 {
                return Ok(());
            }
            // The low six bits of the character; letters have the bit above them too.
            let byte = if code < 32 { code | 64 } else { code };
            if !sound(byte) {
                return Err(Fault::Character { what, at, code });
            }
            text.push(byte).ok_or(Fault::TooMany { what, at: start, most })?;
        }
        Err(Fault::TooMany { what, at: start, most })
    }
}

/// Reads a scheme with a partition; the reader stands behind the header.
pub(super) fn partitioned(
    scheme: Scheme,
    reference: Reference,
    tail: Tail,
    bits: usize,
    reader: &mut Reader,
) -> Result<Content, Fault> {
    let mut fields = Fields { scheme, bits, reader };
    let filter = fields.take(3)? as u8;
    let at = fields.reader.at();
    let partition = fields.take(3)? as usize;
    let prefix_bits = *PREFIX_BITS.get(partition).ok_or(Fault::Partition { at })?;
    let prefix = fields.number("company prefix", prefix_bits, PREFIX_DIGITS_MAX - partition)?;
    let reference_at = fields.reader.at();
    let mut open = Text::EMPTY;
    let mut number = Digits::default();
    match reference {
        Reference::Padded { bits, digits } => {
            number = fields.number("reference", by_partition(bits, partition), digits + partition)?;
        }
        Reference::Number { bits, digits } => {
            open = fields.plain("reference", by_partition(bits, partition), digits + partition)?;
        }
        Reference::Characters { bits, most } => {
            fields.seven("reference", by_partition(bits, partition), most + partition, &mut open)?;
        }
        Reference::SixBit { most } => {
            fields.six("reference", most + partition, is_cset_39, &mut open)?;
            if open.is_empty() {
                return Err(Fault::Empty { what: "reference", at: reference_at });
            }
        }
    }
    let (mut piece, mut total) = (Digits::default(), Digits::default());
    if let Tail::PiecesNumber { .. } | Tail::PiecesCharacters { .. } = tail {
        (piece, total) = (fields.number("piece", 7, 2)?, fields.number("total", 7, 2)?);
    }
    let serial = match tail {
        Tail::Nothing => Text::EMPTY,
        Tail::Zeros(width) => match fields.reader.first_one(width) {
            Some(at) => return Err(Fault::NotZero { what: "reference", at }),
            None => Text::EMPTY,
        },
        Tail::Number { bits, digits } | Tail::PiecesNumber { bits, digits } => {
            fields.plain("serial number", bits, digits)?
        }
        Tail::Characters { most } | Tail::PiecesCharacters { most } => {
            let mut serial = Text::EMPTY;
            fields.seven("serial number", most * 7, most, &mut serial)?;
            serial
        }
        Tail::Marked { bits } => {
            let at = fields.reader.at();
            let value = fields.take(bits)?;
            let marked = Text::of_number(value);
            match marked.as_str().strip_prefix('1').filter(|rest| !rest.is_empty() && rest.len() <= 12) {
                Some(rest) => Text::parse(rest).unwrap_or(Text::EMPTY),
                None => return Err(Fault::Unmarked { what: "serial number", at, value }),
            }
        }
    };
    let at = reference_at;
    // The bits above were held against the digits, so that a whole number has its room.
    let whole =
        |first| joined(prefix, number, first).ok_or(Fault::Number { what: "reference", at, value: 0, digits: 0 });
    let with_prefix = || {
        let both = format!("{prefix}{open}");
        Text::parse(&both).ok_or(Fault::TooMany { what: "reference", at, most: 30 })
    };
    let digits = |text: Text| Digits::parse(text.as_str()).unwrap_or_default();
    let key = match scheme.kind() {
        Kind::Sgtin => Key::Sgtin { gtin: whole(1)?, serial },
        Kind::Sscc => Key::Sscc { sscc: whole(1)? },
        Kind::Sgln => Key::Sgln { gln: whole(0)?, extension: Some(serial).filter(|text| text.as_str() != "0") },
        Kind::Grai => Key::Grai { grai: whole(0)?, serial },
        Kind::Giai => Key::Giai { giai: with_prefix()? },
        Kind::Gsrn => Key::Gsrn { gsrn: whole(0)? },
        Kind::Gsrnp => Key::Gsrnp { gsrn: whole(0)? },
        Kind::Gdti => Key::Gdti { gdti: whole(0)?, serial },
        Kind::Sgcn => Key::Sgcn { gcn: whole(0)?, serial: digits(serial) },
        Kind::Itip => Key::Itip { gtin: whole(1)?, piece, total, serial },
        Kind::Cpi => Key::Cpi { cpi: with_prefix()?, serial: digits(serial) },
        Kind::Gid | Kind::Usdod | Kind::Adi => return Err(Fault::Header { header: scheme.header() }),
    };
    Ok((filter, Some(prefix.len()), key))
}

fn by_partition(bits: [usize; 7], partition: usize) -> usize {
    bits.get(partition).copied().unwrap_or_default()
}

pub(super) fn gid(scheme: Scheme, bits: usize, reader: &mut Reader) -> Result<Content, Fault> {
    let mut fields = Fields { scheme, bits, reader };
    let (manager, class) = (fields.take(28)? as u32, fields.take(24)? as u32);
    Ok((0, None, Key::Gid { manager, class, serial: fields.take(36)? }))
}

pub(super) fn usdod(scheme: Scheme, bits: usize, reader: &mut Reader) -> Result<Content, Fault> {
    let mut fields = Fields { scheme, bits, reader };
    let filter = fields.take(4)? as u8;
    let mut supplier = Text::EMPTY;
    for place in 0..6 {
        let at = fields.reader.at();
        let code = fields.take(8)? as u8;
        match code {
            // A CAGE code has five characters and a blank in front.
            b' ' if place == 0 => (),
            code if is_supplier(code) => supplier.push(code).unwrap_or_default(),
            code => return Err(Fault::Character { what: "supplier", at, code }),
        }
    }
    Ok((filter, None, Key::Usdod { supplier, serial: fields.take(36)? }))
}

pub(super) fn adi(scheme: Scheme, bits: usize, reader: &mut Reader) -> Result<Content, Fault> {
    let mut fields = Fields { scheme, bits, reader };
    let filter = fields.take(6)? as u8;
    let (mut supplier, mut part, mut serial) = (Text::EMPTY, Text::EMPTY, Text::EMPTY);
    for place in 0..6 {
        let at = fields.reader.at();
        let code = fields.take(6)? as u8;
        let byte = if code < 32 { code | 64 } else { code };
        match byte {
            b' ' if place == 0 => (),
            byte if is_supplier(byte) => supplier.push(byte).unwrap_or_default(),
            _ => return Err(Fault::Character { what: "supplier", at, code }),
        }
    }
    fields.six("part number", 32, is_part, &mut part)?;
    let at = fields.reader.at();
    fields.six("serial number", 30, is_cset_39, &mut serial)?;
    let rest = serial.as_str().strip_prefix('#').unwrap_or(serial.as_str());
    if rest.is_empty() {
        return Err(Fault::Empty { what: "serial number", at });
    }
    match rest.find('#') {
        Some(place) => {
            let place = place + serial.len() - rest.len();
            Err(Fault::Character { what: "serial number", at: at + place * 6, code: b'#' })
        }
        None => Ok((filter, None, Key::Adi { supplier, part, serial })),
    }
}

/// CAGE codes and DoDAACs have no I and no O.
fn is_supplier(byte: u8) -> bool {
    byte.is_ascii_digit() || byte.is_ascii_uppercase() && byte != b'I' && byte != b'O'
}

fn is_part(byte: u8) -> bool {
    is_cset_39(byte) && byte != b'#'
}

/// Writes what stands behind the header. `values` are those of the key with that company prefix.
pub(super) struct Pen<'a> {
    pub scheme: Scheme,
    pub writer: &'a mut Writer,
}

impl Pen<'_> {
    pub(super) fn partitioned(
        &mut self,
        reference: Reference,
        tail: Tail,
        filter: u8,
        key: &Key,
        prefix_len: Option<usize>,
    ) -> Result<(), Unfit> {
        let scheme = self.scheme;
        let len = prefix_len.ok_or(Unfit::PrefixUnknown { scheme })?;
        if !(PREFIX_DIGITS_MIN..=PREFIX_DIGITS_MAX).contains(&len) {
            return Err(Unfit::PrefixLength { len });
        }
        let partition = PREFIX_DIGITS_MAX - len;
        let Some(Values(values)) = Values::of_key(key, len) else { return Err(Unfit::Prefix { len }) };
        let (Some(prefix), Some(second)) = (values.first(), values.get(1)) else { return Err(Unfit::Prefix { len }) };
        let serial = values.last().map(String::as_str).unwrap_or_default();
        self.writer.push(u128::from(filter), 3);
        self.writer.push(partition as u128, 3);
        self.digits("company prefix", prefix, by_partition(PREFIX_BITS, partition))?;
        match reference {
            Reference::Padded { bits, .. } => self.digits("reference", second, by_partition(bits, partition))?,
            Reference::Number { bits, .. } => self.number("reference", second, by_partition(bits, partition))?,
            Reference::Characters { bits, most } => {
                self.seven("reference", second, by_partition(bits, partition), most + partition)?;
            }
            Reference::SixBit { most } => self.six("reference", second, 1, most + partition, is_cset_39)?,
        }
        if let (Tail::PiecesNumber { .. } | Tail::PiecesCharacters { .. }, [_, _, piece, total, _]) = (tail, &*values) {
            self.digits("piece", piece, 7)?;
            self.digits("total", total, 7)?;
        }
        match tail {
            Tail::Nothing => (),
            Tail::Zeros(width) => self.writer.push(0, width),
            Tail::Number { bits, .. } | Tail::PiecesNumber { bits, .. } => {
                self.number("serial number", serial, bits)?
            }
            Tail::Characters { most } | Tail::PiecesCharacters { most } => {
                self.seven("serial number", serial, most * 7, most)?;
            }
            Tail::Marked { bits } => self.digits("serial number", &format!("1{serial}"), bits)?,
        }
        Ok(())
    }

    pub(super) fn gid(&mut self, key: &Key) -> Result<(), Unfit> {
        let Key::Gid { manager, class, serial } = *key else { return Err(self.other(key)) };
        self.number("general manager", &manager.to_string(), 28)?;
        self.number("object class", &class.to_string(), 24)?;
        self.number("serial number", &serial.to_string(), 36)
    }

    pub(super) fn usdod(&mut self, filter: u8, key: &Key) -> Result<(), Unfit> {
        let Key::Usdod { supplier, serial } = key else { return Err(self.other(key)) };
        self.writer.push(u128::from(filter), 4);
        self.supplier(supplier, 8)?;
        self.number("serial number", &serial.to_string(), 36)
    }

    pub(super) fn adi(&mut self, filter: u8, key: &Key) -> Result<(), Unfit> {
        let Key::Adi { supplier, part, serial } = key else { return Err(self.other(key)) };
        self.writer.push(u128::from(filter), 6);
        self.supplier(supplier, 6)?;
        self.six("part number", part.as_str(), 0, 32, is_part)?;
        self.six("serial number", serial.as_str(), 1, 30, is_cset_39)
    }

    fn other(&self, key: &Key) -> Unfit {
        Unfit::OtherKey { scheme: self.scheme, key: key.kind().name() }
    }

    /// A number whose leading zeros are known from its length.
    fn digits(&mut self, what: &'static str, value: &str, width: usize) -> Result<(), Unfit> {
        let scheme = self.scheme;
        let number = if value.is_empty() { 0 } else { value.parse().unwrap_or(u64::MAX) };
        if 1 << width <= u128::from(number) {
            return Err(Unfit::TooLarge { scheme, what, value: value.to_owned() });
        }
        self.writer.push(u128::from(number), width);
        Ok(())
    }

    /// A number that has no leading zeros.
    fn number(&mut self, what: &'static str, value: &str, width: usize) -> Result<(), Unfit> {
        let scheme = self.scheme;
        let leading_zero = value.len() != 1 && value.starts_with('0');
        if value.is_empty() || leading_zero || !value.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Unfit::NotANumber { scheme, what, value: value.to_owned() });
        }
        self.digits(what, value, width)
    }

    fn seven(&mut self, what: &'static str, value: &str, width: usize, most: usize) -> Result<(), Unfit> {
        let scheme = self.scheme;
        if !(1..=most).contains(&value.len()) {
            return Err(Unfit::Length { scheme, what, value: value.to_owned(), most });
        }
        if !value.bytes().all(is_cset_82) {
            return Err(Unfit::Character { scheme, what, value: value.to_owned() });
        }
        value.bytes().for_each(|byte| self.writer.push(u128::from(byte), 7));
        self.writer.push(0, width.saturating_sub(value.len() * 7));
        Ok(())
    }

    fn six(
        &mut self,
        what: &'static str,
        value: &str,
        least: usize,
        most: usize,
        sound: fn(u8) -> bool,
    ) -> Result<(), Unfit> {
        let scheme = self.scheme;
        if !(least..=most).contains(&value.len()) {
            return Err(Unfit::Length { scheme, what, value: value.to_owned(), most });
        }
        if !value.bytes().all(sound) {
            return Err(Unfit::Character { scheme, what, value: value.to_owned() });
        }
        value.bytes().for_each(|byte| self.writer.push(u128::from(byte & 63), 6));
        self.writer.push(0, 6);
        Ok(())
    }

    /// Five characters behind a blank, or six.
    fn supplier(&mut self, supplier: &Text, width: usize) -> Result<(), Unfit> {
        let (scheme, what) = (self.scheme, "supplier");
        if !matches!(supplier.len(), 5 | 6) {
            return Err(Unfit::Length { scheme, what, value: supplier.to_string(), most: 6 });
        }
        if !supplier.as_bytes().iter().copied().all(is_supplier) {
            return Err(Unfit::Character { scheme, what, value: supplier.to_string() });
        }
        let blank = (supplier.len() == 5).then_some(b' ');
        for byte in blank.into_iter().chain(supplier.as_bytes().iter().copied()) {
            self.writer.push(u128::from(byte) & ((1 << width) - 1), width);
        }
        Ok(())
    }
}
