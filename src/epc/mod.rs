//! What the EPC memory of a radio tag says, and what to write there: the whole of the GS1 EPC Tag Data Standard.
//!
//! Bits become an [`Epc`] or stay [`Raw`] with the reason; nothing is guessed. Two EPCs name one thing exactly when their
//! [`Key`]s are equal, whatever the scheme, the filter value or the length of the company prefix. Begin reading at
//! `scheme.rs`, which is the standard's tables.
//!
//! Source: GS1 EPC Tag Data Standard 2.2; headers of 2.3.

mod alphanumeric;
mod bits;
mod classic;
mod coding;
pub mod elements;
pub mod fault;
pub mod key;
pub mod plan;
mod plus;
pub mod scheme;
mod table_f;
pub mod text;
pub mod uri;

use bits::{Reader, Writer};
use elements::Element;
use fault::{Fault, Unfit};
use key::{Key, Values};
use plus::{More, Unread};
use scheme::{Body, PLUS_PLUS, PREFIX_DIGITS_MAX, Scheme};

/// The header of a chip's own number.
const TID: u8 = 0xe2;

/// The protocol control word in front of an EPC. Source: Tag Data Standard 2.2, section 9.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlWord(pub u16);

impl ControlWord {
    /// Bits of the EPC behind it.
    pub fn epc_bits(self) -> usize {
        usize::from(self.0 >> 11) * 16
    }

    /// The tag has user memory with something in it.
    pub fn user_memory(self) -> bool {
        self.0 >> 10 & 1 == 1
    }

    /// A second control word follows the EPC.
    pub fn extended(self) -> bool {
        self.0 >> 9 & 1 == 1
    }

    /// The application family of a tag that follows ISO; `None` on a tag with an EPC.
    pub fn iso_family(self) -> Option<u8> {
        (self.0 >> 8 & 1 == 1).then_some(self.0.to_be_bytes()[1])
    }
}

/// What a tag has in its EPC memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Memory {
    Epc(Epc),
    Raw(Raw),
}

/// Bits that are no EPC: kept as they are, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raw {
    /// All that the reader gave.
    pub bytes: Vec<u8>,
    pub bits: usize,
    pub why: Fault,
}

impl Raw {
    /// `urn:epc:raw:96.xE280…`
    pub fn uri(&self) -> String {
        let afi = if let Fault::Iso { afi } = self.why { Some(afi) } else { None };
        uri::raw(&self.bytes, self.bits, afi)
    }
}

/// What a reader gave of a tag: the PC word, where it did, and the bytes behind it.
pub fn of_tag_memory(pc: Option<u16>, bytes: &[u8]) -> Memory {
    let given = bytes.len() * 8;
    let Some(pc) = pc.map(ControlWord) else { return of_memory(bytes, given, None) };
    let stated = pc.epc_bits();
    let read = match pc.iso_family() {
        Some(afi) => Err(Fault::Iso { afi }),
        None if given < stated => Err(Fault::Cut { stated, given }),
        None => Epc::decode(bytes, stated),
    };
    read.map_or_else(|why| Memory::Raw(Raw { bytes: bytes.to_vec(), bits: given, why }), Memory::Epc)
}

/// What `bits` bits say that a reader gave without PC word; `afi`: of a tag that follows ISO.
pub fn of_memory(bytes: &[u8], bits: usize, afi: Option<u8>) -> Memory {
    let read = match afi {
        Some(afi) => Err(Fault::Iso { afi }),
        None => Epc::decode(bytes, bits),
    };
    read.map_or_else(|why| Memory::Raw(Raw { bytes: bytes.to_vec(), bits, why }), Memory::Epc)
}

/// An EPC as it stands on a tag: the key and how it is written. There is none that could not be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epc {
    scheme: Scheme,
    filter: u8,
    prefix_len: Option<usize>,
    key: Key,
    /// Apart, since few tags have it.
    more: Option<Box<More>>,
}

impl Epc {
    /// An EPC to write: a filter value, a key, in the classic schemes the length of its company prefix, in the "+" schemes
    /// data beside the key (in DSGTIN+ its date first).
    ///
    /// # Errors
    /// Why the scheme cannot carry them exactly.
    pub fn new(
        scheme: Scheme,
        filter: u8,
        key: Key,
        prefix_len: Option<usize>,
        data: Vec<Element>,
    ) -> Result<Epc, Unfit> {
        if key.kind() != scheme.kind() {
            return Err(Unfit::OtherKey { scheme, key: key.kind().name() });
        }
        if scheme.filter_max() < filter {
            return Err(Unfit::Filter { scheme, filter });
        }
        if !scheme.is_plus() && !data.is_empty() {
            return Err(Unfit::NoData { scheme });
        }
        // Only a partition keeps the length.
        let prefix_len = prefix_len.filter(|_| matches!(scheme.row().body, Body::Partitioned(..)));
        let more = (!data.is_empty()).then(|| Box::new(More { data, unread: None }));
        let epc = Epc { scheme, filter, prefix_len, key, more };
        let writer = epc.write()?;
        let bits = writer.bits();
        if bits::BITS_MAX < bits {
            return Err(Unfit::Memory { scheme, bits, most: bits::BITS_MAX });
        }
        match Epc::decode(&writer.words(), bits) {
            Ok(back) if back == epc => Ok(epc),
            // A value that the key must not have.
            _ => Err(Unfit::Inexact { scheme }),
        }
    }

    /// Reads `bits` bits. Behind the EPC nothing but zeros may stand.
    ///
    /// # Errors
    /// Why they are no EPC, with the place.
    pub fn decode(bytes: &[u8], bits: usize) -> Result<Epc, Fault> {
        let mut reader = Reader::new(bytes, bits).ok_or(Fault::TooLong { bits })?;
        let header = reader.take(8).ok_or(Fault::Nothing)? as u8;
        let scheme = Scheme::of_header(header).ok_or_else(|| stranger(header))?;
        let row = scheme.row();
        if row.bits.is_some_and(|due| bits < due) {
            return Err(Fault::TooShort { scheme, bits });
        }
        let mut more = None;
        let (filter, prefix_len, key) = match row.body {
            Body::Partitioned(reference, tail) => classic::partitioned(scheme, reference, tail, bits, &mut reader)?,
            Body::Gid => classic::gid(scheme, bits, &mut reader)?,
            Body::Usdod => classic::usdod(scheme, bits, &mut reader)?,
            Body::Adi => classic::adi(scheme, bits, &mut reader)?,
            Body::Elements { dated, ais } => {
                let (filter, key, beside) = plus::read(scheme, dated, ais, bits, &mut reader)?;
                more = (beside != More::default()).then(|| Box::new(beside));
                (filter, None, key)
            }
        };
        match reader.first_one(reader.left()) {
            Some(at) => Err(Fault::NotZero { what: "EPC", at }),
            None => Ok(Epc { scheme, filter, prefix_len, key, more }),
        }
    }

    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    pub fn filter(&self) -> u8 {
        self.filter
    }

    /// What the tag names. Equal keys are one thing.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Digits of the company prefix, which only the classic schemes of GS1 keys know.
    pub fn prefix_len(&self) -> Option<usize> {
        self.prefix_len
    }

    pub fn partition(&self) -> Option<usize> {
        self.prefix_len.and_then(|len| PREFIX_DIGITS_MAX.checked_sub(len))
    }

    /// Company prefix and, behind it, reference and whatever else the URIs have between their dots.
    pub fn parts(&self) -> Option<Vec<String>> {
        Values::of_key(&self.key, self.prefix_len?).map(|Values(values)| values)
    }

    /// What stands beside the key in a "+" scheme; the date of a DSGTIN+ first.
    pub fn data(&self) -> &[Element] {
        self.more.as_ref().map_or(&[], |more| &more.data)
    }

    /// Data behind the key that could not be read.
    pub fn unread(&self) -> Option<&Unread> {
        self.more.as_ref()?.unread.as_ref()
    }

    /// The same, if a tag with so many bits has room for it.
    ///
    /// # Errors
    /// When it has not.
    pub fn within(self, bits_max: Option<usize>) -> Result<Epc, Unfit> {
        let bits = self.words().len() * 8;
        match bits_max {
            Some(most) if most < bits => Err(Unfit::Memory { scheme: self.scheme, bits, most }),
            _ => Ok(self),
        }
    }

    /// The bits that it takes, without the zeros that fill the last word.
    pub fn bits(&self) -> usize {
        self.write().map_or(0, |writer| writer.bits())
    }

    /// As tags are written: words of 16 bits, zeros behind the last bit.
    pub fn words(&self) -> Vec<u8> {
        // An EPC was read or was written once: tests hold that both can be written.
        self.write().map(Writer::words).unwrap_or_default()
    }

    /// The key and the data beside it.
    pub fn elements(&self) -> Vec<Element> {
        [self.key.elements(), self.data().to_vec()].concat()
    }

    /// `urn:epc:tag:sgtin-96:3.0614141.812345.6789`; the "+" schemes have none.
    pub fn tag_uri(&self) -> Option<String> {
        if self.scheme.is_plus() {
            return None;
        }
        uri::tag(self.scheme, self.filter, &self.key, self.prefix_len.unwrap_or_default())
    }

    /// `urn:epc:id:sgtin:0614141.812345.6789`; the "+" schemes have none, since they do not know the company prefix.
    pub fn pure_identity(&self) -> Option<String> {
        match self.scheme.is_plus() {
            true => None,
            false => uri::identity(&self.key, self.prefix_len.unwrap_or_default()),
        }
    }

    /// `urn:epc:raw:96.x3074257BF7194E4000001A85`, in whole words.
    pub fn raw_uri(&self) -> String {
        let words = self.words();
        uri::raw(&words, words.len() * 8, None)
    }

    /// `(01)80614141123458(21)6789`; `None` for GID, USDOD and ADI.
    pub fn element_string(&self) -> Option<String> {
        Some(elements::bracketed(&self.elements())).filter(|text| !text.is_empty())
    }

    /// `https://id.gs1.org/01/80614141123458/21/6789`; `None` for GID, USDOD and ADI.
    pub fn digital_link(&self) -> Option<String> {
        elements::digital_link(&self.elements())
    }

    fn write(&self) -> Result<Writer, Unfit> {
        let mut writer = Writer::default();
        let Epc { scheme, filter, ref key, prefix_len, .. } = *self;
        let row = scheme.row();
        writer.push(u128::from(row.header), 8);
        let mut pen = classic::Pen { scheme, writer: &mut writer };
        match row.body {
            Body::Partitioned(reference, tail) => pen.partitioned(reference, tail, filter, key, prefix_len)?,
            Body::Gid => pen.gid(key)?,
            Body::Usdod => pen.usdod(filter, key)?,
            Body::Adi => pen.adi(filter, key)?,
            Body::Elements { dated, ais } => {
                let nothing = More::default();
                let more = self.more.as_deref().unwrap_or(&nothing);
                plus::write(scheme, dated, ais, filter, key, more, &mut writer)?;
            }
        }
        Ok(writer)
    }
}

/// Why a header that no scheme has stands there.
fn stranger(header: u8) -> Fault {
    match PLUS_PLUS.iter().find(|(of, _)| *of == header) {
        Some(&(header, name)) => Fault::HostName { header, name },
        None if header == 0 => Fault::Unprogrammed,
        None if header == TID => Fault::Tid,
        None => Fault::Header { header },
    }
}

/// The EPC of one serialised item in 96 bits. `None` when the prefix length is not 6 to 12, the GTIN is not 14 sound digits
/// or the serial number needs more than 38 bits.
pub fn sgtin_96(filter: u8, gtin: &str, prefix_len: usize, serial: u64) -> Option<[u8; 12]> {
    let key = Key::sgtin(gtin, &serial.to_string()).ok()?;
    let epc = Epc::new(Scheme::Sgtin96, filter, key, Some(prefix_len), Vec::new()).ok()?;
    epc.words().try_into().ok()
}
