//! EPCs decoded per second, on one core: from the bytes of a tag to its key.

use std::hint::black_box;

use super::Figure;
use super::codecs::rate;
use crate::epc::key::Key;
use crate::epc::plan::encode;
use crate::epc::{Epc, sgtin_96};

/// What goes through a door: of a hundred tags 88 SGTIN-96, the rest logistic units, letters in the serial number, "+".
fn crowd() -> Vec<Vec<u8>> {
    let gtin = "09521234543213";
    (0..100_u64)
        .filter_map(|number| match number % 25 {
            0 => encode(&Key::sgtin(gtin, &format!("R{number:05}")).ok()?, 1, Some(7), None).ok(),
            1 => encode(&Key::sgtin(gtin, &number.to_string()).ok()?, 1, None, None).ok(),
            2 => Some(vec![0x31, 0x74, 0x25, 0x7b, 0xf4, 0x49, 0x96, 2, number as u8, 0, 0, 0]),
            _ => sgtin_96(1, gtin, 7, 200_000_000_000 + number).map(Vec::from),
        })
        .collect()
}

/// How many of these are EPCs.
fn decoded(tags: &[Vec<u8>]) -> usize {
    tags.iter().filter(|tag| black_box(Epc::decode(tag, tag.len() * 8)).is_ok()).count()
}

pub fn measure() -> Vec<Figure> {
    let tags = crowd();
    let items: Vec<Vec<u8>> =
        (0..100).filter_map(|number| sgtin_96(1, "09521234543213", 7, number)).map(Vec::from).collect();
    vec![
        Figure::new("EPCs decoded, SGTIN-96", rate(|| decoded(&items)), "EPCs/s"),
        Figure::new("EPCs decoded, a mixed crowd", rate(|| decoded(&tags)), "EPCs/s"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_crowd_is_read() {
        let tags = crowd();
        assert_eq!((tags.len(), decoded(&tags)), (100, 100));
    }
}
