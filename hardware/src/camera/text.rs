//! What bytes without a stated character set say.

use encoding_rs::{Encoding, GB18030, SHIFT_JIS};

/// The text of `bytes`: UTF-8 where they are that, else the guess between Shift-JIS, GB 18030 and Latin-1 that gives the
/// most plausible writing. Every input gives a text.
pub(super) fn text(bytes: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    let latin = || bytes.iter().copied().map(char::from).collect::<String>();
    let guesses = [(SHIFT_JIS, Script::Japanese), (GB18030, Script::Chinese)];
    let best = guesses
        .into_iter()
        .filter_map(|(encoding, script)| decoded(encoding, bytes).map(|text| (doubt(&text, script), text)))
        .min_by(|one, two| one.0.total_cmp(&two.0));
    match best {
        Some((doubted, text)) if doubted < latin_doubt(bytes) => text,
        _ => latin(),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Script {
    Japanese,
    Chinese,
}

fn decoded(encoding: &'static Encoding, bytes: &[u8]) -> Option<String> {
    encoding.decode_without_bom_handling_and_without_replacement(bytes).map(String::from)
}

/// How unlikely a text is as a whole, 0 to 1: the share of its foreign characters that hardly anybody writes.
fn doubt(text: &str, script: Script) -> f32 {
    let foreign = text.chars().filter(|c| !c.is_ascii());
    let voiced = voiced(text);
    let (mut all, mut odd) = (0.0, 0.0);
    for c in foreign {
        all += 1.0;
        odd += match c {
            // Kana say Japanese; half-width ones are also what pairs of Latin letters look like.
            '\u{3040}'..='\u{30FF}' => 0.0,
            '\u{FF61}'..='\u{FF9F}' => match script {
                Script::Japanese if voiced => 0.05,
                Script::Japanese => 0.25,
                Script::Chinese => 1.0,
            },
            '\u{3000}'..='\u{303F}' | '\u{FF00}'..='\u{FF60}' => 0.05,
            // GB 18030 reads any pair of high bytes as something, so common characters only: level 1 of GB 2312.
            '\u{4E00}'..='\u{9FFF}' => match script {
                Script::Japanese => 0.3,
                Script::Chinese if common(c) => 0.1,
                Script::Chinese => 1.0,
            },
            _ => 1.0,
        };
    }
    if all == 0.0 { 1.0 } else { odd / all }
}

/// Whether half-width kana carry their sound marks where these belong, which no other writing does by chance.
fn voiced(text: &str) -> bool {
    let mut marks = 0;
    let pairs = text.chars().zip(text.chars().skip(1));
    for (before, mark) in pairs {
        match (before, mark) {
            ('\u{FF73}' | '\u{FF76}'..='\u{FF84}' | '\u{FF8A}'..='\u{FF8E}', '\u{FF9E}') => marks += 1,
            ('\u{FF8A}'..='\u{FF8E}', '\u{FF9F}') => marks += 1,
            (_, '\u{FF9E}' | '\u{FF9F}') => return false,
            _ => (),
        }
    }
    0 < marks
}

/// Whether GB 2312 counts the character among the common ones: its first byte in GB 18030 is B0 to D7.
fn common(c: char) -> bool {
    let mut buffer = [0; 4];
    let (bytes, _, unmappable) = GB18030.encode(c.encode_utf8(&mut buffer));
    !unmappable && matches!(bytes.as_ref(), [0xB0..=0xD7, 0xA1..=0xFE])
}

/// The same for Latin-1: accented letters stand among plain ones, and control characters above 7F are not written.
fn latin_doubt(bytes: &[u8]) -> f32 {
    let high = bytes.iter().filter(|byte| 0x80 <= **byte).count();
    let controls = bytes.iter().filter(|byte| (0x80..0xA0).contains(*byte)).count();
    let alone = bytes
        .iter()
        .enumerate()
        .filter(|&(place, byte)| {
            let beside = |place: Option<usize>| place.and_then(|place| bytes.get(place)).is_some_and(|b| 0x80 <= *b);
            0x80 <= *byte && !beside(place.checked_sub(1)) && !beside(place.checked_add(1))
        })
        .count();
    if 0 < controls {
        return 1.0;
    }
    // Accented letters stand alone; double-byte characters never do.
    1.0 - alone as f32 / high.max(1) as f32 * 0.95
}
