//! The signs: drawn in a 24 by 24 field, stroked with the ink around them. A sign never stands alone for a meaning.

use maud::{Markup, PreEscaped, html};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sign {
    Brand,
    Home,
    Door,
    Timeline,
    Triangle,
    Terminal,
    Search,
    Tick,
    Cross,
    Question,
    Octagon,
    Hand,
    Ring,
    Equals,
    Out,
    In,
    Clock,
    Lock,
    NoLink,
    Seal,
    Box,
    Person,
    Count,
    PutAway,
    Gear,
    Next,
    Exit,
    Undo,
    Stamp,
    Label,
}

impl Sign {
    /// The paths of the drawing.
    fn drawing(self) -> &'static str {
        match self {
            Sign::Brand => r#"<path d="M6 21V9a6 6 0 0 1 12 0v12M3 21h18M9.5 21V10M12 21V10M14.5 21V10"/>"#,
            Sign::Home => r#"<path d="M4 11 12 4l8 7v9h-5v-6H9v6H4z"/>"#,
            Sign::Door => r#"<path d="M6 21V3h12v18M3 21h18M14.5 12v1.5"/>"#,
            Sign::Timeline => r#"<path d="M9 6h11M9 12h11M9 18h11M4.5 6h.01M4.5 12h.01M4.5 18h.01"/>"#,
            Sign::Triangle => r#"<path d="M12 3.5 22 20.5H2zM12 10v5M12 17.8h.01"/>"#,
            Sign::Terminal => r#"<path d="M7 2.5h10v19H7zM10 18.5h4M9.5 6.5h5M9.5 9.5h5"/>"#,
            Sign::Search => r#"<path d="M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M8 9v6M11 9v6M14 9v6M16.5 9v6"/>"#,
            Sign::Tick => r#"<path d="m4 12.5 5.5 5.5L20 7"/>"#,
            Sign::Cross => r#"<path d="M5 5l14 14M19 5 5 19"/>"#,
            Sign::Question => r#"<path d="M8.5 9a3.5 3.5 0 1 1 5 3.2c-1 .5-1.5 1-1.5 2.3M12 18.5h.01"/>"#,
            Sign::Octagon => r#"<path d="M8 2.5h8l5.5 5.5v8L16 21.5H8L2.5 16V8zM12 7v6M12 16.5h.01"/>"#,
            Sign::Hand => {
                r#"<path d="M7 12V6.5a1.5 1.5 0 0 1 3 0V11V4.5a1.5 1.5 0 0 1 3 0V11V5.5a1.5 1.5 0 0 1 3 0V14v-3.5a1.5 1.5 0 0 1 3 0V15a7 7 0 0 1-7 7c-3 0-4.5-1.5-6-4l-2.5-4.5a1.5 1.5 0 0 1 2.5-1.5L8 14.5"/>"#
            }
            Sign::Ring => r#"<circle cx="12" cy="12" r="8"/>"#,
            Sign::Equals => r#"<path d="M6 9.5h12M6 14.5h12"/>"#,
            Sign::Out => r#"<path d="M11 4H4v16h7M9 12h11M16 8l4 4-4 4"/>"#,
            Sign::In => r#"<path d="M13 4h7v16h-7M3 12h11M10 8l4 4-4 4"/>"#,
            Sign::Clock => r#"<circle cx="12" cy="12" r="8.5"/><path d="M12 7v5l3.5 2"/>"#,
            Sign::Lock => r#"<path d="M6 11h12v9.5H6zM8.5 11V7.5a3.5 3.5 0 0 1 7 0V11"/>"#,
            Sign::NoLink => r#"<path d="M9 7H7a5 5 0 0 0-3 9M15 17h2a5 5 0 0 0 3-9M9 12h2M4 4l16 16"/>"#,
            Sign::Seal => r#"<path d="M12 3 5 6v5c0 5 3 8 7 10 4-2 7-5 7-10V6z"/>"#,
            Sign::Box => r#"<path d="M12 3 4 7v10l8 4 8-4V7zM4 7l8 4 8-4M12 11v10"/>"#,
            Sign::Person => r#"<circle cx="12" cy="8" r="4"/><path d="M4 21c0-4.5 3.5-7 8-7s8 2.5 8 7"/>"#,
            Sign::Count => r#"<path d="M6 4.5h12V21H6zM9 4.5V3h6v1.5M9 13l2 2 4-4"/>"#,
            Sign::PutAway => r#"<path d="M4 20h16M4 14h16M12 3v8M8.5 7.5 12 11l3.5-3.5"/>"#,
            Sign::Gear => {
                r#"<circle cx="12" cy="12" r="3"/><path d="M12 3v4M12 17v4M3 12h4M17 12h4M5.6 5.6l2.9 2.9M15.5 15.5l2.9 2.9M18.4 5.6l-2.9 2.9M8.5 15.5l-2.9 2.9"/>"#
            }
            Sign::Next => r#"<path d="m9 5 7 7-7 7"/>"#,
            Sign::Exit => r#"<path d="M13 4H5v16h8M10 12h10M17 9l3 3-3 3"/>"#,
            Sign::Undo => r#"<path d="M4 9h10a5.5 5.5 0 0 1 0 11H9M8 5 4 9l4 4"/>"#,
            Sign::Label => r#"<path d="M3 5h12l6 7-6 7H3zM15 12h.01M6 9.5h5M6 14h5"/>"#,
            Sign::Stamp => r#"<path d="M5 20h14M6 16h12v-3h-4c0-3 1-4 1-6a3 3 0 0 0-6 0c0 2 1 3 1 6H6z"/>"#,
        }
    }

    /// 18 px, inside a line of text or a button.
    pub fn small(self) -> Markup {
        self.sized(18)
    }

    /// Any size in px. Hidden from screen readers: the word beside it says the same.
    pub fn sized(self, px: u8) -> Markup {
        html! {
            svg.sign viewBox="0 0 24 24" width=(px) height=(px) aria-hidden="true" { (PreEscaped(self.drawing())) }
        }
    }
}
