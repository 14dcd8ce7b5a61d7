//! Trees to bytes.

use super::{Message, Parameter, TooLong, Value};
use crate::llrp::fields::{Field, Place};
use crate::llrp::frame::HEADER;

impl Message {
    /// The message as it goes over the wire.
    ///
    /// # Errors
    /// [`TooLong`] when a length does not fit its field.
    pub fn encode(&self) -> Result<Vec<u8>, TooLong> {
        let mut out = vec![0; HEADER];
        self.body.write(&mut out)?;
        let number = self.number();
        let length = u32::try_from(out.len()).map_err(|_| TooLong { layout: self.body.layout.name })?;
        let head = u16::from(self.version & 0x07) << 10 | number & 0x03FF;
        out[..2].copy_from_slice(&head.to_be_bytes());
        out[2..6].copy_from_slice(&length.to_be_bytes());
        out[6..HEADER].copy_from_slice(&self.id.to_be_bytes());
        Ok(out)
    }
}

impl Parameter {
    /// Appends header, fields and inner parameters; a message body has no header of its own.
    fn write(&self, out: &mut Vec<u8>) -> Result<(), TooLong> {
        let start = out.len();
        let mut has_length = true;
        match self.layout.place {
            Place::Message(_) => has_length = false,
            Place::VendorMessage { vendor, subtype } => {
                has_length = false;
                out.extend(vendor.to_be_bytes());
                out.push(subtype);
            }
            Place::Tv(number) => {
                has_length = false;
                out.push(0x80 | number);
            }
            Place::Tlv(number) => {
                out.extend(number.to_be_bytes());
                out.extend([0, 0]);
            }
            Place::Vendor { vendor, subtype } => {
                out.extend(1023u16.to_be_bytes());
                out.extend([0, 0]);
                out.extend(vendor.to_be_bytes());
                out.extend(subtype.to_be_bytes());
            }
            // Type and Data are the fields; the length stands between them.
            Place::UnknownTlv => {
                let [Value::Unsigned(number), Value::Octets(data)] = self.values.as_slice() else {
                    return Ok(());
                };
                out.extend((*number as u16).to_be_bytes());
                out.extend([0, 0]);
                out.extend(data);
            }
            Place::UnknownTv => {
                let [Value::Unsigned(number), Value::Octets(data)] = self.values.as_slice() else {
                    return Ok(());
                };
                out.push(0x80 | *number as u8);
                out.extend(data);
                return Ok(());
            }
        }
        if self.layout.place != Place::UnknownTlv {
            self.write_fields(out)?;
        }
        for inner in &self.parameters {
            inner.write(out)?;
        }
        if has_length {
            let length = u16::try_from(out.len() - start).map_err(|_| TooLong { layout: self.layout.name })?;
            out[start + 2..start + 4].copy_from_slice(&length.to_be_bytes());
        }
        Ok(())
    }

    fn write_fields(&self, out: &mut Vec<u8>) -> Result<(), TooLong> {
        let (mut held, mut used) = (0u8, 0u8);
        let mut values = self.values.iter();
        for field in self.layout.fields {
            let value = if let Field::Reserved(_) = field { None } else { values.next() };
            let number = match value {
                Some(Value::Unsigned(number)) => *number,
                Some(Value::Signed(number)) => *number as u64,
                _ => 0,
            };
            match field {
                Field::U1(_) | Field::U2(_) | Field::Reserved(_) => {
                    let width = match field {
                        Field::U1(_) => 1,
                        Field::U2(_) => 2,
                        Field::Reserved(bits) => *bits,
                        _ => 0,
                    };
                    for bit in (0..width).rev() {
                        held = held << 1 | (number >> bit.min(63) & 1) as u8;
                        used += 1;
                        if used == 8 {
                            out.push(held);
                            (held, used) = (0, 0);
                        }
                    }
                }
                Field::U8(_) | Field::S8(_) => out.push(number as u8),
                Field::U16(_) | Field::S16(_) => out.extend((number as u16).to_be_bytes()),
                Field::U32(_) => out.extend((number as u32).to_be_bytes()),
                Field::U64(_) => out.extend(number.to_be_bytes()),
                Field::U96(_) => {
                    let octets: &[u8] = if let Some(Value::Octets(octets)) = value { octets } else { &[] };
                    out.extend((0..12).map(|place| octets.get(place).copied().unwrap_or(0)));
                }
                Field::BitString(_) => {
                    let (bits, octets): (u16, &[u8]) = match value {
                        Some(Value::Bits { bits, octets }) => (*bits, octets),
                        _ => (0, &[]),
                    };
                    out.extend(bits.to_be_bytes());
                    let wanted = usize::from(bits).div_ceil(8);
                    out.extend((0..wanted).map(|place| octets.get(place).copied().unwrap_or(0)));
                }
                Field::Octets(_) => {
                    let octets: &[u8] = if let Some(Value::Octets(octets)) = value { octets } else { &[] };
                    self.write_count(octets.len(), out)?;
                    out.extend(octets);
                }
                Field::Words(_) | Field::DoubleWords(_) => {
                    let numbers: &[u32] = if let Some(Value::Numbers(numbers)) = value { numbers } else { &[] };
                    self.write_count(numbers.len(), out)?;
                    for number in numbers {
                        match field {
                            Field::Words(_) => out.extend((*number as u16).to_be_bytes()),
                            _ => out.extend(number.to_be_bytes()),
                        }
                    }
                }
                Field::Text(_) => {
                    let text: &str = if let Some(Value::Text(text)) = value { text } else { "" };
                    self.write_count(text.len(), out)?;
                    out.extend(text.as_bytes());
                }
                Field::Rest(_) => {
                    if let Some(Value::Octets(octets)) = value {
                        out.extend(octets);
                    }
                }
            }
        }
        Ok(())
    }

    fn write_count(&self, count: usize, out: &mut Vec<u8>) -> Result<(), TooLong> {
        let count = u16::try_from(count).map_err(|_| TooLong { layout: self.layout.name })?;
        out.extend(count.to_be_bytes());
        Ok(())
    }
}
