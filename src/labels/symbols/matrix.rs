//! QR codes and Data Matrix, from the packages `qrcode` and `datamatrix`.

use datamatrix::data::EncodationType;
use datamatrix::{DataMatrixBuilder, SymbolList};
use qrcode::bits::{Bits as Stream, encode_auto};
use qrcode::types::QrResult;
use qrcode::{Color, EcLevel, QrCode, Version};

use crate::gs1::GROUP_SEPARATOR;
use crate::labels::bits::Bits;
use crate::labels::symbols::{Kind, Message, NotEncodable, Quiet, Symbol};

/// A label is handled and scratched, so 15 % of the symbol may be lost.
const LEVEL: EcLevel = EcLevel::M;

fn too_long(kind: Kind, message: &Message) -> NotEncodable {
    NotEncodable::TooLong { kind, text: message.text.clone() }
}

/// A QR code. Source: ISO/IEC 18004; FNC1 in first position: its section 7.4.8.2.
pub(super) fn qr(message: Message) -> Result<Symbol, NotEncodable> {
    let bytes = message.text.as_bytes();
    let stream = match (message.gs1, message.text.is_ascii()) {
        (true, _) => gs1_stream(bytes),
        (false, true) => encode_auto(bytes, LEVEL),
        // One byte segment: parts of UTF-8 look like Shift JIS, and the package would pack them as Japanese. No ECI in front,
        // because scanners that do not know it refuse the symbol, and those that do take UTF-8 for granted without it.
        (false, false) => smallest(|stream| stream.push_byte_data(bytes)),
    };
    let code = stream.and_then(|stream| QrCode::with_bits(stream, LEVEL)).map_err(|_| too_long(Kind::Qr, &message))?;
    let width = u32::try_from(code.width()).unwrap_or_default();
    let modules = bitmap(width, code.to_colors().into_iter().map(|colour| colour == Color::Dark));
    let whole_in_bytes =
        Stream::new(code.version()).push_byte_data(bytes).is_ok() && byte_stream_fits(bytes.len(), code.version());
    // Whatever segments a printer chooses, it needs at most those of one byte segment and at least ours.
    let settled = !message.gs1 && printable(&message.text) && whole_in_bytes;
    Ok(Symbol { kind: Kind::Qr, message, modules, quiet: Quiet::around(4), settled })
}

fn byte_stream_fits(bytes: usize, version: Version) -> bool {
    let Version::Normal(number) = version else { return false };
    let length_bits = if number <= 9 { 8 } else { 16 };
    Stream::new(version).max_len(LEVEL).is_ok_and(|capacity| 4 + length_bits + 8 * bytes <= capacity)
}

/// The smallest version that takes what `push` writes.
fn smallest(push: impl Fn(&mut Stream) -> QrResult<()>) -> QrResult<Stream> {
    let mut last = Err(qrcode::types::QrError::DataTooLong);
    for number in 1..=40 {
        let mut stream = Stream::new(Version::Normal(number));
        last = push(&mut stream).and_then(|()| stream.push_terminator(LEVEL)).map(|()| stream);
        if last.is_ok() {
            break;
        }
    }
    last
}

fn gs1_stream(bytes: &[u8]) -> QrResult<Stream> {
    // Behind FNC1 a % of the alphanumeric mode is the separator, so a true % needs bytes.
    let (digits, rest) = bytes.split_at(bytes.iter().take_while(|byte| byte.is_ascii_digit()).count());
    let alphanumeric = |&byte: &u8| matches!(byte, GROUP_SEPARATOR | b'0'..=b'9' | b'A'..=b'Z' | b'*' | b'+' | b'-' | b'.' | b'/' | b':');
    let packed: Vec<u8> = rest.iter().map(|&byte| if byte == GROUP_SEPARATOR { b'%' } else { byte }).collect();
    smallest(|stream| {
        stream.push_fnc1_first_position()?;
        if !digits.is_empty() {
            stream.push_numeric_data(digits)?;
        }
        match rest {
            [] => Ok(()),
            rest if rest.iter().all(alphanumeric) => stream.push_alphanumeric_data(&packed),
            rest => stream.push_byte_data(rest),
        }
    })
}

/// A Data Matrix ECC 200, square. Source: ISO/IEC 16022.
pub(super) fn data_matrix(message: Message) -> Result<Symbol, NotEncodable> {
    let squares = || SymbolList::default().enforce_square();
    let builder =
        || DataMatrixBuilder::new().with_symbol_list(squares()).with_macros(false).with_fnc1_start(message.gs1);
    let encoded =
        if message.gs1 { builder().encode(message.text.as_bytes()) } else { builder().encode_str(&message.text) };
    let code = encoded.map_err(|_| too_long(Kind::DataMatrix, &message))?.bitmap();
    // The plainest encodation there is; a printer that packs better cannot come below our size, which is the least.
    let plain = builder().with_encodation_types(EncodationType::Ascii).encode(message.text.as_bytes());
    let settled = printable(&message.text.replace(char::from(GROUP_SEPARATOR), ""))
        && plain.is_ok_and(|plain| plain.bitmap().width() == code.width());
    let width = u32::try_from(code.width()).unwrap_or_default();
    let modules = bitmap(width, code.bits().iter().copied());
    Ok(Symbol { kind: Kind::DataMatrix, message, modules, quiet: Quiet::around(1), settled })
}

fn printable(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// Modules from the upper left, row by row.
fn bitmap(width: u32, dark: impl ExactSizeIterator<Item = bool>) -> Bits {
    let height = u32::try_from(dark.len()).unwrap_or_default().checked_div(width).unwrap_or_default();
    let mut modules = Bits::new(width, height);
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    places.zip(dark).filter(|(_, dark)| *dark).for_each(|((x, y), _)| modules.set(x, y));
    modules
}
