//! Black or white: each pixel against the mean of its surroundings, as the finders of matrix codes want it.

use image::GrayImage;
use rxing::common::{BitArray, BitMatrix};

/// Side of the blocks whose brightness is looked at, in pixels, as a power of two.
const BLOCK_POWER: u32 = 3;
const BLOCK: usize = 1 << BLOCK_POWER;

/// A block with less contrast than this is one colour.
const CONTRAST_MIN: u8 = 24;

/// Blocks to each side that count as the surroundings.
const REACH: usize = 2;

/// The picture as dark (`true`) and light pixels. `None` for a picture too small to judge.
pub(super) fn binary(grey: &GrayImage) -> Option<BitMatrix> {
    let (width, height) = (grey.width() as usize, grey.height() as usize);
    let (across, down) = (width.div_ceil(BLOCK), height.div_ceil(BLOCK));
    if across < 2 || down < 2 {
        return None;
    }
    let blocks = blocks(grey.as_raw(), width, height, across, down);
    let thresholds = smoothed(&blocks, across, down);
    let mut matrix = BitMatrix::new(grey.width(), grey.height()).ok()?;
    let mut bits = BitArray::with_size(width);
    for (y, row) in grey.as_raw().chunks_exact(width).enumerate() {
        let thresholds = thresholds.get(y / BLOCK * across..)?;
        for (word, pixels) in row.chunks(usize::BITS as usize).enumerate() {
            let mut packed = 0_usize;
            for (part, (pixels, threshold)) in
                pixels.chunks(BLOCK).zip(thresholds.iter().skip(word * usize::BITS as usize / BLOCK)).enumerate()
            {
                let mut byte = 0_usize;
                for (bit, pixel) in pixels.iter().enumerate() {
                    byte |= usize::from(pixel <= threshold) << bit;
                }
                packed |= byte << (part * BLOCK);
            }
            bits.setBulk(word * usize::BITS as usize, packed);
        }
        matrix.setRow(y as u32, &bits);
    }
    Some(matrix)
}

/// The brightness that parts dark from light in each block.
fn blocks(pixels: &[u8], width: usize, height: usize, across: usize, down: usize) -> Vec<u8> {
    let mut blocks = vec![0_u8; across * down];
    for block_y in 0..down {
        // The last blocks are moved in so that they lie within the picture.
        let top = (block_y * BLOCK).min(height - BLOCK);
        for block_x in 0..across {
            let left = (block_x * BLOCK).min(width - BLOCK);
            let (mut sum, mut low, mut high) = (0_u32, u8::MAX, 0_u8);
            for row in pixels.chunks_exact(width).skip(top).take(BLOCK) {
                for &pixel in row.iter().skip(left).take(BLOCK) {
                    sum += u32::from(pixel);
                    low = low.min(pixel);
                    high = high.max(pixel);
                }
            }
            let mean = (sum >> (2 * BLOCK_POWER)) as u8;
            blocks[block_y * across + block_x] = if CONTRAST_MIN < high - low {
                mean
            } else {
                // One colour: light unless the blocks before it say that it is the inside of something dark.
                let half = low / 2;
                match (block_x.checked_sub(1), block_y.checked_sub(1)) {
                    (Some(x), Some(y)) => {
                        let at = |x: usize, y: usize| u16::from(blocks[y * across + x]);
                        let around = ((at(block_x, y) + 2 * at(x, block_y) + at(x, y)) / 4) as u8;
                        if low < around { around } else { half }
                    }
                    _ => half,
                }
            };
        }
    }
    blocks
}

/// The mean of each block and those around it.
fn smoothed(blocks: &[u8], across: usize, down: usize) -> Vec<u8> {
    let side = 2 * REACH + 1;
    let (side_x, side_y) = (side.min(across), side.min(down));
    let mut smoothed = Vec::with_capacity(blocks.len());
    for y in 0..down {
        let top = y.saturating_sub(REACH).min(down - side_y);
        for x in 0..across {
            let left = x.saturating_sub(REACH).min(across - side_x);
            let rows = blocks.chunks_exact(across).skip(top).take(side_y);
            let sum: u32 = rows.flat_map(|row| row.iter().skip(left).take(side_x)).map(|&mean| u32::from(mean)).sum();
            smoothed.push((sum / (side_x * side_y) as u32) as u8);
        }
    }
    smoothed
}
