//! Codes on a layout: what they say, how wide their modules are, and what a person reads under bars.

use crate::gs1::{Elements, ReadError, bracketed, element_string, link};
use crate::labels::bits::Area;
use crate::labels::error::LabelError;
use crate::labels::layout::{Bench, CodeMark, Layout, Mark};
use crate::labels::pattern::Pattern;
use crate::labels::symbols::{self, Message};
use crate::labels::template::{Align, Code, Data, Upright};
use crate::labels::text::Setting;

/// Least height of bars in mm, so that a scanner's line meets them.
const BARS_MIN_MM: f64 = 3.0;

impl Bench<'_> {
    /// What the code says: the first alternative whose fields all have values, and how a person reads it.
    fn message(&self, code: &Code) -> Result<(Message, String), LabelError> {
        for data in &code.data {
            let plain = |text: String| (Message { text: text.clone(), gs1: false }, text);
            let found = match data {
                Data::Plain(pattern) => pattern.fill(|name| self.filled.coded(name)).map(plain),
                Data::Link(pattern) => match pattern.fill(|name| self.filled.in_address(name)) {
                    // What a shop's own address says is its own affair, but a wrong value in a Digital Link names another thing.
                    Some(text) => match link::parse(&text) {
                        Err(wrong @ ReadError::Value { .. }) => return Err(wrong.into()),
                        Ok(_) | Err(_) => Some(plain(text)),
                    },
                    None => None,
                },
                Data::Elements(elements) => {
                    let fill = |(ai, pattern): &(String, Pattern)| {
                        Some((ai.clone(), pattern.fill(|name| self.filled.element(name))?))
                    };
                    let Some(pairs) = elements.iter().map(fill).collect::<Option<Vec<_>>>() else { continue };
                    // In the order of the shortest string, as the symbol has it, so that print and code agree.
                    let elements = Elements::of(pairs.iter().map(|(ai, value)| (ai.as_str(), value.as_str())))?;
                    let string = element_string::write(&elements);
                    let elements = element_string::parse(&string)?;
                    let text = String::from_utf8_lossy(&string).into_owned();
                    Some((Message { text, gs1: true }, bracketed::write(&elements)))
                }
            };
            if let Some(found) = found {
                return Ok(found);
            }
        }
        let mut fields: Vec<&str> = code.data.last().map(Data::fields).unwrap_or_default();
        fields.retain(|field| !self.filled.has(field));
        Err(LabelError::NothingToEncode { kind: code.kind.shown(), fields: fields.join(" and ") })
    }

    pub(super) fn code(&self, code: &Code, layout: &mut Layout) -> Result<(), LabelError> {
        let (message, readable) = self.message(code)?;
        let symbol = symbols::encode(code.kind, message)?;
        let area = self.area(code.frame);
        let quiet = symbol.quiet;
        let digits = code.digits_mm.filter(|_| symbol.is_bars()).map_or(0, |mm| self.dots(mm * 1.2));
        let across = quiet.left + symbol.modules.width() + quiet.right;
        let down = quiet.above + symbol.modules.height() + quiet.below;
        let wide = (code.module_mm.1 * self.dpi.dots_per_mm() + 1e-6).floor() as u32;
        let narrow = ((code.module_mm.0 * self.dpi.dots_per_mm() - 1e-6).ceil() as u32).max(1);
        let fit = |modules: u32, dots: u32| dots.checked_div(modules).unwrap_or_default();
        let module = match symbol.is_bars() {
            true => fit(across, area.width),
            false => fit(across, area.width).min(fit(down, area.height)),
        }
        .min(wide.max(narrow));
        let does_not_fit = |needs: f64, has: f64| {
            let text = readable.clone();
            Err(LabelError::CodeDoesNotFit { kind: code.kind.shown(), text, needs, has })
        };
        if module < narrow {
            let side = if symbol.is_bars() { area.width } else { area.width.min(area.height) };
            return does_not_fit(self.mm(across.max(down) * narrow), self.mm(side));
        }
        let height =
            if symbol.is_bars() { area.height.saturating_sub(digits) } else { symbol.modules.height() * module };
        if symbol.is_bars() && height < self.dots(BARS_MIN_MM) {
            return does_not_fit(BARS_MIN_MM + self.mm(digits), self.mm(area.height));
        }
        let room = area.width - across * module;
        let left = match code.align {
            Align::Left => 0,
            Align::Center => room / 2,
            Align::Right => room,
        };
        let over = if symbol.is_bars() { 0 } else { (area.height - down * module) / 2 };
        let mark = CodeMark {
            area: Area {
                x: area.x + left + quiet.left * module,
                y: area.y + over + quiet.above * module,
                width: symbol.modules.width() * module,
                height,
            },
            symbol,
            module,
        };
        if 0 < digits {
            self.digits(&mark, &readable, digits, code, layout)?;
        }
        layout.marks.push(Mark::Code(mark));
        Ok(())
    }

    /// What a person reads under bars; the digits of an EAN stand under the bars that say them.
    fn digits(
        &self,
        mark: &CodeMark,
        readable: &str,
        height: u32,
        code: &Code,
        layout: &mut Layout,
    ) -> Result<(), LabelError> {
        let text = mark.symbol.message.text.as_str();
        let m = mark.module;
        // Modules from the first bar: 3 of the guard, 7 a digit, 5 in the middle.
        let parts: Vec<(&str, u32, u32)> = match (mark.symbol.kind, text.len()) {
            (symbols::Kind::Ean, 13) => {
                let (first, left, right) = (text.get(..1), text.get(1..7), text.get(7..));
                let first_left = mark.area.x.saturating_sub(9 * m);
                let group = |at: u32| (mark.area.x + at * m, 42 * m);
                [(first, (first_left, 7 * m)), (left, group(3)), (right, group(50))]
                    .map(|(text, (x, width))| (text.unwrap_or_default(), x, width))
                    .to_vec()
            }
            (symbols::Kind::Ean, _) => {
                let (left, right) = text.split_at_checked(4).unwrap_or((text, ""));
                vec![(left, mark.area.x + 3 * m, 28 * m), (right, mark.area.x + 36 * m, 28 * m)]
            }
            _ => {
                let area = mark.with_quiet();
                vec![(readable, area.x, area.width)]
            }
        };
        let size_mm = code.digits_mm.unwrap_or_default();
        for (text, x, width) in parts {
            let area = Area { x, y: mark.area.bottom(), width, height };
            let largest = self.dots(size_mm).max(1);
            let least = largest * 6 / 10;
            let (align, upright) = (Align::Center, Upright::Middle);
            let setting = Setting { largest, least, lines: 1, align, upright, bold: false, area };
            self.place(text, &setting, area, false, Some(size_mm * 0.6), layout)?;
        }
        Ok(())
    }
}
