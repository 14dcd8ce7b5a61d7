//! From millimetres to dots, once: every renderer draws what is decided here.

mod codes;

use crate::labels::bits::{Area, Bits};
use crate::labels::error::{LabelError, Warning};
use crate::labels::font::{Fonts, Letter};
use crate::labels::pattern::Pattern;
use crate::labels::symbols::Symbol;
use crate::labels::template::{Align, Element, Frame, Rule, Template, Text, Typeface, Words};
use crate::labels::text::{self, Setting};
use crate::labels::values::{Filled, Values};
use crate::labels::{Dpi, Language};

/// A label in dots.
#[derive(Clone, Debug)]
pub struct Layout {
    pub template: String,
    pub dpi: Dpi,
    pub width_mm: f64,
    pub height_mm: f64,
    pub gap_mm: f64,
    pub width: u32,
    pub height: u32,
    pub marks: Vec<Mark>,
    pub warnings: Vec<Warning>,
}

#[derive(Clone, Debug)]
pub enum Mark {
    /// Black.
    Rule(Area),
    Text(TextMark),
    Code(CodeMark),
}

/// A text that was set.
#[derive(Clone, Debug)]
pub struct TextMark {
    pub lines: Vec<String>,
    /// The place of the text; the letters count from its corner.
    pub area: Area,
    pub letters: Vec<Letter>,
    /// White on black.
    pub inverse: bool,
    /// The dots of the text, without the white around them.
    pub dots: Bits,
    pub dots_area: Area,
    pub printer_font: Option<PrinterFont>,
}

/// A font of fixed width that every TSPL printer has, with its cell in dots. Source: TSPL/TSPL2 programming manual, TEXT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrinterFont {
    pub name: &'static str,
    pub width: u32,
    pub height: u32,
}

const PRINTER_FONTS: [PrinterFont; 5] = [
    PrinterFont { name: "5", width: 32, height: 48 },
    PrinterFont { name: "4", width: 24, height: 32 },
    PrinterFont { name: "3", width: 16, height: 24 },
    PrinterFont { name: "2", width: 12, height: 20 },
    PrinterFont { name: "1", width: 8, height: 12 },
];

/// A code that was placed.
#[derive(Clone, Debug)]
pub struct CodeMark {
    pub symbol: Symbol,
    /// Dots of a module.
    pub module: u32,
    /// The symbol without its quiet zone.
    pub area: Area,
}

impl CodeMark {
    /// The symbol with its quiet zone.
    pub fn with_quiet(&self) -> Area {
        let quiet = self.symbol.quiet;
        let [left, right, above, below] =
            [quiet.left, quiet.right, quiet.above, quiet.below].map(|edge| edge * self.module);
        Area {
            x: self.area.x.saturating_sub(left),
            y: self.area.y.saturating_sub(above),
            width: left + self.area.width + right,
            height: above + self.area.height + below,
        }
    }

    /// The symbol in dots.
    pub fn dots(&self) -> Bits {
        let down = if self.symbol.is_bars() { self.area.height } else { self.module };
        self.symbol.modules.enlarged(self.module, down)
    }
}

impl Layout {
    /// The whole label as the print head burns it.
    pub fn paint(&self) -> Bits {
        self.paint_without(None)
    }

    fn paint_without(&self, left_out: Option<usize>) -> Bits {
        let mut dots = Bits::new(self.width, self.height);
        for (at, mark) in self.marks.iter().enumerate() {
            match mark {
                _ if left_out == Some(at) => (),
                Mark::Rule(area) => dots.fill(*area),
                Mark::Text(text) => dots.stamp(&text.dots, text.dots_area.x, text.dots_area.y),
                Mark::Code(code) => dots.stamp(&code.dots(), code.area.x, code.area.y),
            }
        }
        dots
    }

    /// The codes of the label.
    pub fn codes(&self) -> impl Iterator<Item = &CodeMark> {
        self.marks.iter().filter_map(|mark| match mark {
            Mark::Code(code) => Some(code),
            Mark::Rule(_) | Mark::Text(_) => None,
        })
    }

    /// The texts of the label, line by line.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.marks.iter().flat_map(|mark| {
            match mark {
                Mark::Text(text) => text.lines.as_slice(),
                Mark::Rule(_) | Mark::Code(_) => &[],
            }
            .iter()
            .map(String::as_str)
        })
    }
}

/// Lays a label out in the dots of a print head.
///
/// # Errors
/// A value that does not fit its field, a code that does not fit its place, a text that must stand whole and does not.
pub fn lay(
    template: &Template,
    values: &Values,
    dpi: Dpi,
    language: Language,
    fonts: &Fonts,
) -> Result<Layout, LabelError> {
    let filled = Filled::of(template, values, language)?;
    let bench = Bench { filled, dpi, language, fonts };
    let mut layout = Layout {
        template: template.name.clone(),
        dpi,
        width_mm: template.width_mm,
        height_mm: template.height_mm,
        gap_mm: template.gap_mm,
        width: bench.dots(template.width_mm),
        height: bench.dots(template.height_mm),
        marks: Vec::new(),
        warnings: Vec::new(),
    };
    for element in &template.elements {
        match element {
            Element::Rule(rule) => layout.marks.extend(bench.rule(rule).into_iter().map(Mark::Rule)),
            Element::Text(text) => bench.text(text, &mut layout)?,
            Element::Code(code) => bench.code(code, &mut layout)?,
        }
    }
    check_quiet_zones(&layout)?;
    Ok(layout)
}

/// Nothing may be printed in the white around a code, whatever the template says.
fn check_quiet_zones(layout: &Layout) -> Result<(), LabelError> {
    let label = Area { x: 0, y: 0, width: layout.width, height: layout.height };
    for (at, mark) in layout.marks.iter().enumerate() {
        let Mark::Code(code) = mark else { continue };
        let zone = code.with_quiet();
        if !label.holds(&zone) || !layout.paint_without(Some(at)).is_white(zone) {
            let text = code.symbol.message.text.clone();
            return Err(LabelError::QuietZone { kind: code.symbol.kind.shown(), text });
        }
    }
    Ok(())
}

/// What every element is laid out with.
struct Bench<'a> {
    filled: Filled<'a>,
    dpi: Dpi,
    language: Language,
    fonts: &'a Fonts,
}

impl Bench<'_> {
    fn dots(&self, mm: f64) -> u32 {
        (mm * self.dpi.dots_per_mm()).round().max(0.0) as u32
    }

    fn mm(&self, dots: u32) -> f64 {
        f64::from(dots) / self.dpi.dots_per_mm()
    }

    /// Both edges are rounded, so that frames that touch in mm touch in dots.
    fn area(&self, frame: Frame) -> Area {
        let (x, y) = (self.dots(frame.x), self.dots(frame.y));
        let (right, bottom) = (self.dots(frame.x + frame.width), self.dots(frame.y + frame.height));
        Area { x, y, width: right.saturating_sub(x).max(1), height: bottom.saturating_sub(y).max(1) }
    }

    fn rule(&self, rule: &Rule) -> Vec<Area> {
        let area = self.area(rule.frame);
        let Some(edge) = rule.edge_mm else { return vec![area] };
        let edge = self.dots(edge).max(1).min(area.width).min(area.height);
        let inner = area.height.saturating_sub(2 * edge);
        vec![
            Area { height: edge, ..area },
            Area { y: area.bottom() - edge, height: edge, ..area },
            Area { y: area.y + edge, width: edge, height: inner, ..area },
            Area { x: area.right() - edge, y: area.y + edge, width: edge, height: inner },
        ]
    }

    fn words(&self, words: &Words<Pattern>) -> Option<String> {
        let read = |name: &str| self.filled.read(name);
        if let Some(pattern) = words.of(self.language) {
            return pattern.fill(read);
        }
        let (chinese, english) = (words.chinese.fill(read)?, words.english.fill(read)?);
        Some(if chinese == english { chinese } else { format!("{chinese}\n{english}") })
    }

    fn text(&self, text: &Text, layout: &mut Layout) -> Result<(), LabelError> {
        if text.when.as_deref().is_some_and(|field| !self.filled.has(field)) {
            return Ok(());
        }
        // A text about a field without value is not drawn.
        let Some(words) = self.words(&text.words) else { return Ok(()) };
        let words = if text.lines == 1 { words.replace('\n', " ") } else { words };
        let area = self.area(text.frame);
        if let Some(mark) = self.in_printer_font(text, &words, area) {
            layout.marks.push(Mark::Text(mark));
            return Ok(());
        }
        let setting = Setting {
            largest: self.dots(text.size_mm).max(1),
            least: self.dots(text.least_mm).max(1),
            lines: text.lines,
            align: text.align,
            upright: text.upright,
            bold: text.bold,
            area: if text.inverse { inset(area) } else { area },
        };
        self.place(&words, &setting, area, text.inverse, text.whole.then_some(text.least_mm), layout)
    }

    /// Sets a text and lays it down; `whole_at` is the least size in mm of a text that may not be cut.
    fn place(
        &self,
        words: &str,
        setting: &Setting,
        area: Area,
        inverse: bool,
        whole_at: Option<f64>,
        layout: &mut Layout,
    ) -> Result<(), LabelError> {
        let in_a_row = words.replace('\n', " ");
        let set = match text::set(self.fonts, words, setting) {
            // Two languages under each other need more lines than in a row.
            set if set.cut => text::set(self.fonts, &in_a_row, setting),
            set => set,
        };
        if set.cut {
            if let Some(least_mm) = whole_at {
                return Err(LabelError::TextDoesNotFit { text: in_a_row, least_mm });
            }
            layout.warnings.push(Warning::Shortened { text: in_a_row, shown: set.lines.join(" ") });
        }
        for letter in set.missing {
            let warning = Warning::NoGlyph(letter);
            if !layout.warnings.contains(&warning) {
                layout.warnings.push(warning);
            }
        }
        let dots = drawn(&set.letters, setting.area);
        let mark = if inverse {
            let mut black = Bits::new(area.width, area.height);
            black.stamp(&dots, setting.area.x - area.x, setting.area.y - area.y);
            (black.inverted(), area)
        } else {
            trimmed(&dots, setting.area)
        };
        layout.marks.push(Mark::Text(TextMark {
            lines: set.lines,
            area: setting.area,
            letters: set.letters,
            inverse,
            dots: mark.0,
            dots_area: mark.1,
            printer_font: None,
        }));
        Ok(())
    }

    /// The text in the largest cells of a printer's font that fit; `None` when none does or the text is not ASCII.
    fn in_printer_font(&self, text: &Text, words: &str, area: Area) -> Option<TextMark> {
        if text.typeface == Typeface::House || !words.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return None;
        }
        let letters = u32::try_from(words.len()).ok()?;
        let fits = |font: &&PrinterFont| {
            font.height <= area.height && letters.checked_mul(font.width).is_some_and(|width| width <= area.width)
        };
        let font = *PRINTER_FONTS.iter().find(fits)?;
        let (width, height) = (letters * font.width, font.height);
        let room = area.width - width;
        let left = match text.align {
            Align::Left => 0,
            Align::Center => room / 2,
            Align::Right => room,
        };
        let area = Area { x: area.x + left, y: area.y + (area.height - height) / 2, width, height };
        let letters = self.fonts.set_in_cells(words, height * 3 / 4, font.width, 0, height * 4 / 5);
        let (dots, dots_area) = trimmed(&drawn(&letters, area), area);
        let lines = vec![words.to_owned()];
        Some(TextMark { lines, area, letters, inverse: false, dots, dots_area, printer_font: Some(font) })
    }
}

/// White letters need black at their sides.
fn inset(area: Area) -> Area {
    let edge = (area.height / 8).min(area.width / 4);
    Area { x: area.x + edge, width: area.width - 2 * edge, ..area }
}

fn drawn(letters: &[Letter], area: Area) -> Bits {
    let mut dots = Bits::new(area.width, area.height);
    letters.iter().for_each(|letter| letter.draw(&mut dots));
    dots
}

/// The dots without the white around them, and where they then stand.
fn trimmed(dots: &Bits, area: Area) -> (Bits, Area) {
    let black = |part: Area| !dots.is_white(part);
    let column = |x: u32| black(Area { x, y: 0, width: 1, height: dots.height() });
    let row = |y: u32| black(Area { x: 0, y, width: dots.width(), height: 1 });
    let (columns, rows) = (0..dots.width(), 0..dots.height());
    let left = columns.clone().find(|x| column(*x)).unwrap_or_default();
    let top = rows.clone().find(|y| row(*y)).unwrap_or_default();
    let width = columns.rev().find(|x| column(*x)).map_or(0, |last| last + 1 - left);
    let height = rows.rev().find(|y| row(*y)).map_or(0, |last| last + 1 - top);
    let mut inner = Bits::new(width, height);
    for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
        inner.put(x, y, dots.get(left + x, top + y));
    }
    (inner, Area { x: area.x + left, y: area.y + top, width, height })
}
