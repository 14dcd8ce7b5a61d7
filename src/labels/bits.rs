//! Dots: what a print head burns, one bit each.

/// A rectangle in dots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}

impl Area {
    pub fn right(&self) -> u32 {
        self.x.saturating_add(self.width)
    }

    pub fn bottom(&self) -> u32 {
        self.y.saturating_add(self.height)
    }

    /// Whether all of `other` lies inside.
    pub fn holds(&self, other: &Area) -> bool {
        self.x <= other.x && self.y <= other.y && other.right() <= self.right() && other.bottom() <= self.bottom()
    }
}

/// A picture of black and white dots; a set dot is black. Rows are padded to whole bytes, the leftmost dot is the highest bit,
/// as ZPL, TSPL and PNG have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bits {
    width: u32,
    height: u32,
    row_bytes: usize,
    bytes: Vec<u8>,
}

impl Bits {
    /// White dots. The size comes from a template, whose edges are bounded (`template::EDGE_MAX_MM`).
    pub fn new(width: u32, height: u32) -> Bits {
        let row_bytes = width.div_ceil(8) as usize;
        Bits { width, height, row_bytes, bytes: vec![0; row_bytes * height as usize] }
    }

    pub fn width(&self) -> u32 {
        self.width
    }

    pub fn height(&self) -> u32 {
        self.height
    }

    pub fn row_bytes(&self) -> usize {
        self.row_bytes
    }

    /// The rows from the top.
    pub fn rows(&self) -> impl Iterator<Item = &[u8]> {
        // A picture without width has no bytes to cut.
        self.bytes.chunks(self.row_bytes.max(1))
    }

    /// White outside the picture.
    pub fn get(&self, x: u32, y: u32) -> bool {
        self.place(x, y).is_some_and(|(at, mask)| self.bytes.get(at).is_some_and(|byte| byte & mask != 0))
    }

    /// Blackens a dot; outside the picture nothing happens.
    pub fn set(&mut self, x: u32, y: u32) {
        self.put(x, y, true);
    }

    pub fn put(&mut self, x: u32, y: u32, black: bool) {
        let Some((at, mask)) = self.place(x, y) else { return };
        if let Some(byte) = self.bytes.get_mut(at) {
            *byte = if black { *byte | mask } else { *byte & !mask };
        }
    }

    pub fn fill(&mut self, area: Area) {
        let (left, right) = (area.x.min(self.width), area.right().min(self.width));
        for y in area.y..area.bottom().min(self.height) {
            let row = self.row_bytes * y as usize;
            for (at, byte) in (left / 8..right.div_ceil(8)).zip(self.bytes.iter_mut().skip(row + (left / 8) as usize)) {
                *byte |= mask(8 * at, left, right);
            }
        }
    }

    /// Blackens the black dots of `other`, laid down at `x`, `y`.
    pub fn stamp(&mut self, other: &Bits, x: u32, y: u32) {
        let (first, shift) = ((x / 8) as usize, x % 8);
        let rows = self.bytes.chunks_mut(self.row_bytes.max(1)).skip(y as usize);
        for (onto, row) in rows.zip(other.rows()) {
            for (at, byte) in (first..).zip(row) {
                let [left, right] = (u16::from(*byte) << 8 >> shift).to_be_bytes();
                onto.iter_mut().skip(at).zip([left, right]).for_each(|(onto, byte)| *onto |= byte);
            }
            // Nothing stands in the padding.
            if let Some(last) = onto.last_mut() {
                *last &= mask(8 * (self.width.saturating_sub(1) / 8), 0, self.width);
            }
        }
    }

    /// Black becomes white and white black.
    pub fn inverted(&self) -> Bits {
        let mut black = Bits::new(self.width, self.height);
        black.fill(Area { x: 0, y: 0, width: self.width, height: self.height });
        black.bytes.iter_mut().zip(&self.bytes).for_each(|(black, byte)| *black &= !byte);
        black
    }

    /// Every dot as `across` by `down` dots.
    pub fn enlarged(&self, across: u32, down: u32) -> Bits {
        let mut large = Bits::new(self.width * across, self.height * down);
        for y in 0..self.height {
            for x in 0..self.width {
                if self.get(x, y) {
                    large.fill(Area { x: x * across, y: y * down, width: across, height: down });
                }
            }
        }
        large
    }

    /// Whether no dot inside `area` is black.
    pub fn is_white(&self, area: Area) -> bool {
        let (left, right) = (area.x.min(self.width), area.right().min(self.width));
        let rows = self.rows().skip(area.y as usize).take(area.height as usize);
        let bytes = |row: &[u8]| {
            (left / 8..right.div_ceil(8)).zip(row.iter().copied().skip((left / 8) as usize).collect::<Vec<_>>())
        };
        rows.flat_map(bytes).all(|(at, byte)| byte & mask(8 * at, left, right) == 0)
    }

    fn place(&self, x: u32, y: u32) -> Option<(usize, u8)> {
        (x < self.width && y < self.height).then(|| (y as usize * self.row_bytes + (x / 8) as usize, 0x80 >> (x % 8)))
    }
}

/// The bits from `left` up to `right` in the byte whose first dot is `first`.
fn mask(first: u32, left: u32, right: u32) -> u8 {
    let from = left.saturating_sub(first).min(8);
    let to = right.saturating_sub(first).min(8);
    (0xff_u16 >> from) as u8 & !((0xff_u16 >> to) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_bytes_do_what_single_dots_do() {
        for (x, y, width, height) in
            [(0, 0, 1, 1), (3, 1, 9, 2), (7, 0, 1, 3), (8, 2, 8, 1), (5, 0, 40, 9), (21, 3, 2, 1), (0, 0, 0, 5)]
        {
            let area = Area { x, y, width, height };
            let inside = |dot: (u32, u32)| x <= dot.0 && dot.0 < x + width && y <= dot.1 && dot.1 < y + height;
            let mut filled = Bits::new(21, 5);
            filled.fill(area);
            let mut stamped = Bits::new(21, 5);
            let mut block = Bits::new(width, height);
            block.fill(Area { x: 0, y: 0, width, height });
            stamped.stamp(&block, x, y);
            let inverted = filled.inverted();
            for dot in (0..21).flat_map(|x| (0..5).map(move |y| (x, y))) {
                assert_eq!(filled.get(dot.0, dot.1), inside(dot), "{area:?} {dot:?}");
                assert_eq!(inverted.get(dot.0, dot.1), !inside(dot), "{area:?} {dot:?}");
                let mut one = Bits::new(21, 5);
                one.set(dot.0, dot.1);
                assert_eq!(one.is_white(area), !inside(dot), "{area:?} {dot:?}");
            }
            assert_eq!(stamped, filled, "{area:?}");
            assert_eq!(inverted.inverted(), filled, "{area:?}");
        }
    }
}
