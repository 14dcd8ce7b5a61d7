//! The graphics of printers, read from their manuals again: bytes in, the dots they burn out.

use gatebook::labels::{Area, Bits};

/// What a program burns.
pub struct Printed {
    pub dots: Bits,
    /// Where a command of the printer's own draws a code.
    pub own: Vec<(u32, u32)>,
}

fn numbers(text: &str) -> Vec<u32> {
    text.split(',').map_while(|number| number.trim().parse().ok()).collect()
}

pub fn zpl(program: &[u8]) -> Printed {
    let text = std::str::from_utf8(program).expect("ZPL with ^CI28 is ASCII here");
    let value = |command: &str| numbers(text.split(command).nth(1).unwrap().split('^').next().unwrap())[0];
    let mut printed = Printed { dots: Bits::new(value("^PW"), value("^LL")), own: Vec::new() };
    let (mut x, mut y) = (0, 0);
    for command in text.split('^') {
        let (name, rest) = command.split_at_checked(2).unwrap_or((command, ""));
        match name {
            "FO" => [x, y] = numbers(rest).try_into().unwrap(),
            "GB" => {
                let [width, height, edge] = numbers(rest).try_into().unwrap();
                assert_eq!(edge, width.min(height), "a filled box");
                printed.dots.fill(Area { x, y, width, height });
            }
            "GF" => {
                let mut parts = rest.splitn(5, ',');
                let mut next = || parts.next().unwrap();
                assert_eq!(next(), "A");
                let (total, again, row_bytes): (usize, usize, usize) =
                    (next().parse().unwrap(), next().parse().unwrap(), next().parse().unwrap());
                assert_eq!(total, again);
                let rows = unpacked(next(), 2 * row_bytes);
                assert_eq!(rows.len() * row_bytes, total);
                for (down, row) in (0..).zip(&rows) {
                    for (at, digit) in (0..).zip(row.chars()) {
                        let nibble = digit.to_digit(16).unwrap();
                        (0..4)
                            .filter(|bit| nibble & (8 >> bit) != 0)
                            .for_each(|bit| printed.dots.set(x + 4 * at + bit, y + down));
                    }
                }
            }
            // A QR code sinks by the height of bars, which the label sets to one dot.
            "BQ" => printed.own.push((x, y + 1)),
            "BX" | "BC" => printed.own.push((x, y)),
            _ => (),
        }
    }
    printed
}

/// ZPL II Programming Guide, "Alternative Data Compression Scheme for ~DG and ~DB Commands".
fn unpacked(data: &str, digits: usize) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    let mut row = String::new();
    let mut count = 0;
    for letter in data.trim_end().chars() {
        match letter {
            'G'..='Y' => count += letter as usize - 'F' as usize,
            'g'..='z' => count += 20 * (letter as usize - 'f' as usize),
            ',' => row += &"0".repeat(digits - row.len()),
            ':' => row = rows.last().unwrap().clone(),
            digit => {
                row += &digit.to_string().repeat(count.max(1));
                count = 0;
            }
        }
        assert!(row.len() <= digits, "a row is overfull");
        if row.len() == digits {
            rows.push(std::mem::take(&mut row));
        }
    }
    assert!(row.is_empty() && count == 0, "a row is not full");
    rows
}

/// `width` and `height` of the label in dots, which the program names in mm only.
pub fn tspl(program: &[u8], width: u32, height: u32) -> Printed {
    let mut rest = program;
    let mut printed: Option<Printed> = None;
    let mut size = None;
    while !rest.is_empty() {
        let end = rest.windows(2).position(|pair| pair == b"\r\n").unwrap();
        let line = String::from_utf8_lossy(&rest[..end]).into_owned();
        let (command, arguments) = line.split_once(' ').unwrap_or((&line, ""));
        let mut used = end + 2;
        match command {
            "SIZE" => size = Some(arguments.to_owned()),
            "CLS" => {
                assert!(size.is_some());
                printed = Some(Printed { dots: Bits::new(width, height), own: Vec::new() });
            }
            "BITMAP" => {
                let head = rest[..].split(|byte| *byte == b',').take(5).map(|part| part.len() + 1).sum::<usize>();
                let [x, y, row_bytes, rows, mode] = numbers(arguments)[..5].try_into().unwrap();
                assert_eq!(mode, 1, "laid over what is there");
                let bytes = &rest[head..head + (row_bytes * rows) as usize];
                for (at, byte) in (0..).zip(bytes) {
                    for bit in (0..8).filter(|bit| byte & (0x80 >> bit) == 0) {
                        assert!(
                            x + 8 * (at % row_bytes) + bit < width && y + at / row_bytes < height,
                            "a dot beside the label"
                        );
                        printed.as_mut().unwrap().dots.set(x + 8 * (at % row_bytes) + bit, y + at / row_bytes);
                    }
                }
                used = head + bytes.len() + 2;
                assert_eq!(&rest[used - 2..used], b"\r\n");
            }
            "BAR" => {
                let [x, y, width, height] = numbers(arguments).try_into().unwrap();
                printed.as_mut().unwrap().dots.fill(Area { x, y, width, height });
            }
            "QRCODE" => {
                let [x, y] = numbers(arguments)[..2].try_into().unwrap();
                printed.as_mut().unwrap().own.push((x, y));
            }
            _ => assert!(matches!(command, "GAP" | "DIRECTION" | "PRINT"), "{line}"),
        }
        rest = &rest[used..];
    }
    printed.unwrap()
}
