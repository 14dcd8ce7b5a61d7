//! What the keys of a keyboard stand for. The scanner and this side must be set to the same country: a key says where
//! it is, not what is printed on it.

/// The countries whose keyboards are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    Us,
    Uk,
    German,
    French,
}

/// Keys side by side from a code on: what each stands for alone, with Shift and with AltGr (a blank for nothing).
struct Row {
    from: u16,
    plain: &'static str,
    shift: &'static str,
    third: &'static str,
}

/// A key and what is held with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stroke {
    pub code: u16,
    pub level: Level,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Plain,
    Shift,
    AltGr,
}

const SPACE: Row = Row { from: 57, plain: " ", shift: " ", third: "" };

// Codes from linux/input-event-codes.h: 2 to 13 the digits, 16 to 27, 30 to 41 and 43 to 53 the rows below, 86 the key
// beside the left Shift. Key 41, left of the digits, stands at the end of the third row.
static US: [Row; 6] = [
    Row { from: 2, plain: "1234567890-=", shift: "!@#$%^&*()_+", third: "" },
    Row { from: 16, plain: "qwertyuiop[]", shift: "QWERTYUIOP{}", third: "" },
    Row { from: 30, plain: "asdfghjkl;'`", shift: "ASDFGHJKL:\"~", third: "" },
    Row { from: 43, plain: "\\zxcvbnm,./", shift: "|ZXCVBNM<>?", third: "" },
    SPACE,
    Row { from: 86, plain: "<", shift: ">", third: "" },
];

static UK: [Row; 6] = [
    Row { from: 2, plain: "1234567890-=", shift: "!\"£$%^&*()_+", third: "   €        " },
    Row { from: 16, plain: "qwertyuiop[]", shift: "QWERTYUIOP{}", third: "" },
    Row { from: 30, plain: "asdfghjkl;'`", shift: "ASDFGHJKL:@¬", third: "" },
    Row { from: 43, plain: "#zxcvbnm,./", shift: "~ZXCVBNM<>?", third: "" },
    SPACE,
    Row { from: 86, plain: "\\", shift: "|", third: "" },
];

static GERMAN: [Row; 6] = [
    Row { from: 2, plain: "1234567890ß´", shift: "!\"§$%&/()=?`", third: " ²³   {[]}\\ " },
    Row { from: 16, plain: "qwertzuiopü+", shift: "QWERTZUIOPÜ*", third: "@ €        ~" },
    Row { from: 30, plain: "asdfghjklöä^", shift: "ASDFGHJKLÖÄ°", third: "" },
    Row { from: 43, plain: "#yxcvbnm,.-", shift: "'YXCVBNM;:_", third: "       µ   " },
    SPACE,
    Row { from: 86, plain: "<", shift: ">", third: "|" },
];

static FRENCH: [Row; 6] = [
    Row { from: 2, plain: "&é\"'(-è_çà)=", shift: "1234567890°+", third: " ~#{[|`\\^@]}" },
    Row { from: 16, plain: "azertyuiop^$", shift: "AZERTYUIOP¨£", third: "  €        ¤" },
    Row { from: 30, plain: "qsdfghjklmù²", shift: "QSDFGHJKLM%²", third: "" },
    Row { from: 43, plain: "*wxcvbn,;:!", shift: "µWXCVBN?./§", third: "" },
    SPACE,
    Row { from: 86, plain: "<", shift: ">", third: "" },
];

impl Layout {
    pub(super) const WORDS: &'static [&'static str] = &["us", "uk", "de", "fr"];

    pub fn of(word: &str) -> Layout {
        match word {
            "uk" => Layout::Uk,
            "de" => Layout::German,
            "fr" => Layout::French,
            _ => Layout::Us,
        }
    }

    fn rows(self) -> &'static [Row] {
        match self {
            Layout::Us => &US,
            Layout::Uk => &UK,
            Layout::German => &GERMAN,
            Layout::French => &FRENCH,
        }
    }

    /// What a key stands for; `None` for one that is no character.
    pub fn character(self, stroke: Stroke) -> Option<char> {
        let row = self.rows().iter().rev().find(|row| row.from <= stroke.code)?;
        let keys = match stroke.level {
            Level::Plain => row.plain,
            Level::Shift => row.shift,
            Level::AltGr => row.third,
        };
        let found = keys.chars().nth(usize::from(stroke.code - row.from))?;
        (found != ' ' || (row.from == SPACE.from && stroke.level != Level::AltGr)).then_some(found)
    }

    /// The key that stands for a character.
    pub fn stroke(self, character: char) -> Option<Stroke> {
        for level in [Level::Plain, Level::Shift, Level::AltGr] {
            for code in 0..=86 {
                let stroke = Stroke { code, level };
                if self.character(stroke) == Some(character) {
                    return Some(stroke);
                }
            }
        }
        None
    }

    /// Whether a key waits for the next, to stand above it: an accent.
    pub fn dead(self, stroke: Stroke) -> bool {
        let accent = self.character(stroke);
        match self {
            Layout::Us | Layout::Uk => false,
            Layout::German => {
                matches!((stroke.code, accent), (13, Some('´' | '`')) | (41, Some('^')))
            }
            Layout::French => {
                let third = stroke.level == Level::AltGr;
                matches!((stroke.code, accent), (26, Some('^' | '¨'))) || (third && matches!(accent, Some('~' | '`')))
            }
        }
    }
}

/// A letter under an accent, `None` where there is no such letter.
pub fn composed(accent: char, letter: char) -> Option<char> {
    let (letters, made) = match accent {
        '´' => ("aeiouyAEIOUY", "áéíóúýÁÉÍÓÚÝ"),
        '`' => ("aeiouAEIOU", "àèìòùÀÈÌÒÙ"),
        '^' => ("aeiouAEIOU", "âêîôûÂÊÎÔÛ"),
        '¨' => ("aeiouyAEIOU", "äëïöüÿÄËÏÖÜ"),
        '~' => ("anoANO", "ãñõÃÑÕ"),
        _ => return None,
    };
    let place = letters.chars().position(|other| other == letter)?;
    made.chars().nth(place)
}

/// Characters 128 to 255 of code page 437, which Alt and a number without leading zero name.
pub const CODE_PAGE_437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀\
                                 αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";
