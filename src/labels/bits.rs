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
        for y in area.y..area.bottom().min(self.height) {
            for x in area.x..area.right().min(self.width) {
                self.set(x, y);
            }
        }
    }

    /// Blackens the black dots of `other`, laid down at `x`, `y`.
    pub fn stamp(&mut self, other: &Bits, x: u32, y: u32) {
        for row in 0..other.height {
            for column in 0..other.width {
                if other.get(column, row) {
                    self.set(x.saturating_add(column), y.saturating_add(row));
                }
            }
        }
    }

    /// Black becomes white and white black.
    pub fn inverted(&self) -> Bits {
        let mut other = Bits::new(self.width, self.height);
        for y in 0..self.height {
            for x in 0..self.width {
                other.put(x, y, !self.get(x, y));
            }
        }
        other
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
        (area.y..area.bottom()).all(|y| (area.x..area.right()).all(|x| !self.get(x, y)))
    }

    fn place(&self, x: u32, y: u32) -> Option<(usize, u8)> {
        (x < self.width && y < self.height)
            .then(|| (y as usize * self.row_bytes + (x / 8) as usize, 0x80 >> (x % 8)))
    }
}
