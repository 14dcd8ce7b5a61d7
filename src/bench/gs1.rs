//! Element strings read per second, on one core, as stations get them.

use super::Figure;
use super::codecs::rate;
use crate::gs1::{self, Carrier};

/// What hangs on rings, stands on cartons and comes from suppliers: identity alone, with dates and weight, logistic
/// labels, an asset, and one with everything.
const MIX: [&[u8]; 8] = [
    b"]d2010952123454321321R-0042-7",
    b"]Q30109521234543213172612311026A7\x1d21000123456",
    b"]d201095212345432133103000195211234567890123",
    b"]C100095201234567891235",
    b"]C102095212345432133724\x1d10L-77",
    b"]e0010952123454321310ABC123\x1d392212345\x1d17261231",
    b"]C1800309521234543213A9",
    b"]d20109521234543213112611221726123110B1\x1d21S1\x1d24042/A\x1d422156",
];

pub fn measure() -> Vec<Figure> {
    let read = rate(|| MIX.iter().filter(|code| gs1::read(code, Carrier::Unknown).is_ok()).count());
    let lenient = rate(|| MIX.iter().filter(|code| gs1::read_lenient(code, Carrier::Unknown).is_ok()).count());
    vec![
        Figure::new("GS1 element strings read, every rule checked", read, "codes/s"),
        Figure::new("GS1 element strings read for their identity", lenient, "codes/s"),
    ]
}
