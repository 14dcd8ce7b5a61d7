//! SVG: the layout in outlines, which look alike on every machine because no font is needed. One unit is one dot.

use std::fmt::Write;

use crate::labels::bits::{Area, Bits};
use crate::labels::font::{Curve, Letter};
use crate::labels::layout::{Layout, Mark, TextMark};

/// The label as a picture of its true size.
pub fn render(layout: &Layout) -> String {
    let Layout { width, height, width_mm, height_mm, .. } = layout;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width_mm}mm\" height=\"{height_mm}mm\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\"><title>{}</title><rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n",
        escaped(&layout.texts().collect::<Vec<_>>().join(" "))
    );
    for mark in &layout.marks {
        svg += &match mark {
            Mark::Rule(area) => rectangle(*area),
            Mark::Text(mark) => text(mark),
            Mark::Code(mark) => {
                let down = if mark.symbol.is_bars() { mark.area.height } else { mark.module };
                modules(&mark.symbol.modules, mark.area, mark.module, down)
            }
        };
        svg.push('\n');
    }
    svg + "</svg>\n"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn rectangle(Area { x, y, width, height }: Area) -> String {
    format!("<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>")
}

fn text(mark: &TextMark) -> String {
    let Area { x, y, .. } = mark.area;
    let colour = if mark.inverse { "#fff" } else { "#000" };
    let ground = if mark.inverse { rectangle(mark.dots_area) } else { String::new() };
    let bold = mark.letters.iter().map(|letter| letter.bold).fold(0.0, f32::max);
    let pen = match 0.0 < bold {
        true => format!(" stroke=\"{colour}\" stroke-width=\"{:.2}\" stroke-linejoin=\"round\"", 2.0 * bold),
        false => String::new(),
    };
    let mut path = String::new();
    mark.letters.iter().for_each(|letter| outline(letter, &mut path));
    format!("{ground}<path transform=\"translate({x} {y})\" fill=\"{colour}\"{pen} d=\"{path}\"/>")
}

fn outline(letter: &Letter, path: &mut String) {
    let mut pen: Option<(f32, f32)> = None;
    for curve in letter.outline() {
        let (points, word): (&[(f32, f32)], char) = match curve {
            Curve::Line(points) => (points, 'L'),
            Curve::Quadratic(points) => (points, 'Q'),
            Curve::Cubic(points) => (points, 'C'),
        };
        let [start, rest @ ..] = points else { continue };
        if pen != Some(*start) {
            path.push_str(if pen.is_some() { "Z" } else { "" });
            let _ = write!(path, "M{:.2} {:.2}", start.0, start.1);
        }
        path.push(word);
        let numbers: Vec<String> = rest.iter().map(|(x, y)| format!("{x:.2} {y:.2}")).collect();
        path.push_str(&numbers.join(" "));
        pen = rest.last().copied();
    }
    path.push_str(if pen.is_some() { "Z" } else { "" });
}

/// Dark modules as one path of rectangles, those side by side as one.
pub(super) fn modules(modules: &Bits, area: Area, across: u32, down: u32) -> String {
    let mut path = String::new();
    for row in 0..modules.height() {
        let mut column = 0;
        while column < modules.width() {
            let run = (column..modules.width()).take_while(|&at| modules.get(at, row)).count();
            let run = u32::try_from(run).unwrap_or_default();
            if 0 < run {
                let (x, y, width) = (area.x + column * across, area.y + row * down, run * across);
                let _ = write!(path, "M{x} {y}h{width}v{down}h-{width}z");
            }
            column += run.max(1);
        }
    }
    format!("<path shape-rendering=\"crispEdges\" d=\"{path}\"/>")
}
