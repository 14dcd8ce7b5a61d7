//! TSPL and TSPL2: what TSC, Gprinter and many other desktop printers read.
//!
//! QR codes are sent as the printer's own command where any encoder must come to the size of the layout. Every other code is sent
//! as a bitmap: the commands for Code 128 choose their code sets themselves, and FNC1 is written differently by each firm.
//! Source: TSPL/TSPL2 Programming Language manual.

use crate::labels::bits::{Area, Bits};
use crate::labels::layout::{CodeMark, Layout, Mark, TextMark};
use crate::labels::symbols::Kind;
use crate::labels::{COPIES_MAX, LabelError};

/// Widest module of the printer's QR codes, in dots.
const MODULE_MAX: u32 = 10;

/// The label as a program for the printer.
///
/// # Errors
/// More copies than allowed.
pub fn render(layout: &Layout, copies: u32) -> Result<Vec<u8>, LabelError> {
    if copies < 1 || COPIES_MAX < copies {
        return Err(LabelError::Copies(copies));
    }
    let mut program = Vec::new();
    line(&mut program, &format!("SIZE {} mm,{} mm", layout.width_mm, layout.height_mm));
    line(&mut program, &format!("GAP {} mm,0 mm", layout.gap_mm));
    line(&mut program, "DIRECTION 1");
    line(&mut program, "CLS");
    // Bitmaps are padded to whole bytes, so what is drawn by command comes behind them and cannot be painted over.
    for mark in &layout.marks {
        match mark {
            Mark::Text(mark) if font_text(mark).is_none() => bitmap(&mut program, &mark.dots, mark.dots_area),
            Mark::Code(mark) if qr(mark).is_none() => bitmap(&mut program, &mark.dots(), mark.area),
            Mark::Text(_) | Mark::Code(_) | Mark::Rule(_) => (),
        }
    }
    for mark in &layout.marks {
        let command = match mark {
            Mark::Text(mark) => font_text(mark),
            Mark::Code(mark) => qr(mark),
            Mark::Rule(Area { x, y, width, height }) => Some(format!("BAR {x},{y},{width},{height}")),
        };
        command.into_iter().for_each(|command| line(&mut program, &command));
    }
    line(&mut program, &format!("PRINT 1,{copies}"));
    Ok(program)
}

fn line(program: &mut Vec<u8>, command: &str) {
    program.extend_from_slice(command.as_bytes());
    program.extend_from_slice(b"\r\n");
}

/// A text in quotes; `None` when the printer would take a part of it for a command of its own.
fn quoted(text: &str) -> Option<String> {
    let sound = text.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'\\');
    sound.then(|| format!("\"{}\"", text.replace('"', "\\[\"]")))
}

fn font_text(mark: &TextMark) -> Option<String> {
    let font = mark.printer_font?;
    let Area { x, y, .. } = mark.area;
    Some(format!("TEXT {x},{y},\"{}\",0,1,1,{}", font.name, quoted(mark.lines.first()?)?))
}

/// The printer's own QR code, level M, segments chosen by the printer; `None` when it cannot promise the same symbol.
fn qr(mark: &CodeMark) -> Option<String> {
    let symbol = &mark.symbol;
    let promised = symbol.kind == Kind::Qr && symbol.settled && mark.module <= MODULE_MAX;
    let Area { x, y, .. } = mark.area;
    Some(format!("QRCODE {x},{y},M,{},A,0,{}", mark.module, quoted(&symbol.message.text).filter(|_| promised)?))
}

/// Dots laid over what is there; a bit that is not set is black.
fn bitmap(program: &mut Vec<u8>, dots: &Bits, area: Area) {
    if dots.width() == 0 {
        return;
    }
    let head = format!("BITMAP {},{},{},{},1,", area.x, area.y, dots.row_bytes(), dots.height());
    program.extend_from_slice(head.as_bytes());
    program.extend(dots.rows().flatten().map(|byte| !byte));
    program.extend_from_slice(b"\r\n");
}
