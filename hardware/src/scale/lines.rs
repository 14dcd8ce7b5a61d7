//! What the protocols share whose messages are lines.

use crate::device::Cut;
use crate::scale::message::Message;

/// Longest line accepted, in bytes. A weight takes 22; a name or an error text has room.
pub const LINE_MAX: usize = 80;

/// The line that stands at the front, for protocols whose weights begin with letters that nothing else begins with: what
/// noise stands before them in the same line is passed over. Only a weight is looked for so, for `ES` may end anything.
pub fn cut_headed(bytes: &[u8], parse: fn(&[u8]) -> Result<Message, String>) -> Cut {
    let line = match whole(bytes) {
        Ok(line) => line,
        Err(cut) => return cut,
    };
    if parse(line).is_ok() {
        return Cut::Message(line.len());
    }
    let weight = |start: &usize| matches!(line.get(*start..).map(parse), Some(Ok(Message::Shown(_))));
    Cut::Noise((1..line.len()).find(weight).unwrap_or(line.len()))
}

/// The line that stands at the front, for protocols in which the rest of a weight looks like a weight, too: a line counts
/// as a whole or not at all.
pub fn cut_whole(bytes: &[u8], parse: fn(&[u8]) -> Result<Message, String>) -> Cut {
    let line = match whole(bytes) {
        Ok(line) => line,
        Err(cut) => return cut,
    };
    match parse(line) {
        Ok(_) => Cut::Message(line.len()),
        Err(_) => Cut::Noise(line.len()),
    }
}

/// The first line with its end.
fn whole(bytes: &[u8]) -> Result<&[u8], Cut> {
    let near = bytes.get(..=LINE_MAX).unwrap_or(bytes);
    match near.iter().position(|&byte| byte == b'\n').and_then(|end| bytes.get(..=end)) {
        Some(line) => Ok(line),
        None if LINE_MAX < bytes.len() => Err(Cut::Noise(1)),
        None => Err(Cut::Incomplete),
    }
}

/// A line without its end.
pub fn bare(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// A message without its end, and without a checksum behind that.
pub(crate) fn text(message: &[u8]) -> &[u8] {
    message.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or(message)
}

/// A command of a line protocol: its letters, CR and LF.
pub fn command(letters: &str) -> Vec<u8> {
    [letters.as_bytes(), b"\r\n"].concat()
}

/// A line for a sentence.
pub fn quoted(line: &[u8]) -> String {
    format!("\"{}\"", bare(line).escape_ascii())
}
