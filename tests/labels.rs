//! Labels: what a person reads and what a code says are the same, on every printer, for our own reader and that of others.

#[path = "labels/printers.rs"]
mod printers;

use std::collections::BTreeMap;
use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use gatebook::event::Act;
use gatebook::identity::Identifier;
use gatebook::labels::{
    Dpi, FieldKind, Fonts, LabelError, Language, Layout, SymbolKind, Template, Values, Warning, lay, png, svg, tspl,
    zpl,
};
use gatebook::terminal::reference;
use hardware::camera;
use proptest::prelude::*;
use serde_json::Value;

const GTIN: &str = "09521234543213";

/// One realistic set of values for each of the house's templates, two where the code has two shapes.
const HOUSE: &[(&str, &[(&str, &str)])] = &[
    (
        "sample-tail",
        &[
            ("number", "JWL-000042"),
            ("gtin", GTIN),
            ("serial", "JWL-000042"),
            ("metal", "18K 金"),
            ("weight_g", "3.42"),
            ("size", "13"),
        ],
    ),
    ("sample-tail", &[("number", "18K-0042-7"), ("metal", "Pt950")]),
    (
        "sample",
        &[
            ("number", "JWL-000042"),
            ("name", "红宝石戒指 花语系列"),
            ("name.en", "Ruby ring, Language of Flowers"),
            ("gtin", GTIN),
            ("serial", "JWL/42"),
            ("metal", "18K 金(750)"),
            ("metal.en", "18K gold (750)"),
            ("weight_g", "3.42"),
            ("size", "13"),
        ],
    ),
    ("sample", &[("number", "18K-0042-7"), ("name", "红宝石戒指")]),
    (
        "lot",
        &[
            ("name", "925 银链 45 厘米"),
            ("name.en", "Sterling silver chain 45 cm"),
            ("quantity", "120"),
            ("lot", "L2611-07"),
            ("gtin", "9521234543213"),
            ("expiry", "2027-11-30"),
            ("stack", "3"),
        ],
    ),
    (
        "lot",
        &[
            ("name", "耳钉"),
            ("name.en", "Ear studs"),
            ("quantity", "7"),
            ("unit", "pair"),
            ("lot", "A+B/7"),
            ("gtin", GTIN),
        ],
    ),
    ("place", &[("code", "V2-03-A"), ("name", "二号保险库 三柜 A 抽屉"), ("name.en", "Vault 2, cabinet 3, drawer A")]),
    ("tray", &[("code", "T-0107"), ("contents", "婚戒 男款 20 枚"), ("home", "V2-03-A")]),
    ("badge", &[("number", "7"), ("name", "李明"), ("name.en", "Li Ming"), ("department", "销售部"), ("badge", "B-7")]),
    ("command", &[("act", "check_out")]),
    (
        "issue-note",
        &[
            ("number", "CK-20261122-0007"),
            ("purpose", "上海国际珠宝展 展示"),
            ("date", "2026-11-22"),
            ("receiver", "李明 · 销售部"),
        ],
    ),
    (
        "hold",
        &[
            ("code", "L2611-07"),
            ("name", "925 银链"),
            ("reason", "镀层脱落，等待复检"),
            ("since", "2026-11-22"),
            ("by", "检验员 12"),
        ],
    ),
];

fn values(pairs: &[(&str, &str)]) -> Values {
    pairs.iter().copied().collect()
}

fn house(name: &str) -> Template {
    Template::named(name).unwrap().unwrap()
}

fn laid(template: &Template, pairs: &[(&str, &str)], dpi: Dpi, language: Language) -> Result<Layout, LabelError> {
    lay(template, &values(pairs), dpi, language, Fonts::house())
}

/// A template with one code on 100 x 60 mm.
fn with_code(kind: &str, data: &str) -> Template {
    let digits = if matches!(kind, "code128" | "ean") { "digits = 3" } else { "" };
    let text = format!(
        "title = \"t\"\nsize_mm = [100, 60]\n[[field]]\nname = \"a\"\nmax = 300\n[[field]]\nname = \"b\"\nmax = 300\n\
         [[field]]\nname = \"gtin\"\nkind = \"gtin\"\n[[code]]\nkind = \"{kind}\"\nat = [2, 2, 96, 50]\ndata = [{{ {data} }}]\n{digits}"
    );
    Template::parse(kind, &text).unwrap()
}

/// Every label of the house in every language and density, and each symbology with FNC1 and without.
static LAYOUTS: LazyLock<Vec<(String, Layout)>> = LazyLock::new(|| {
    let mut all = Vec::new();
    for dpi in Dpi::ALL {
        for (at, (name, pairs)) in HOUSE.iter().enumerate() {
            for language in Language::ALL {
                let layout = laid(&house(name), pairs, dpi, language).unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_eq!(layout.warnings, [], "{name}");
                all.push((format!("{at}-{name}-{}-{}", language.tag(), dpi.number()), layout));
            }
        }
        let elements = "elements = \"(21){b}(10){a}(01){gtin}\"";
        for (at, (kind, data, pairs)) in [
            ("qr", elements, [("gtin", GTIN), ("a", "L7"), ("b", "4711")]),
            ("qr", elements, [("gtin", GTIN), ("a", "l%7"), ("b", "47_11")]),
            ("data_matrix", elements, [("gtin", GTIN), ("a", "L_7"), ("b", "47%11")]),
            ("code128", "elements = \"(01){gtin}(10){a}\"", [("gtin", GTIN), ("a", "L-7a"), ("b", "")]),
            ("code128", "elements = \"(10){a}(21){b}\"", [("gtin", ""), ("a", "123456"), ("b", "98765")]),
            ("code128", "plain = \"{a}\"", [("gtin", ""), ("a", "ab>c^d~e_f 12"), ("b", "")]),
            ("code128", "plain = \"{a}\"", [("gtin", ""), ("a", "20261122"), ("b", "")]),
            ("ean", "plain = \"{gtin}\"", [("gtin", "9521234543213"), ("a", ""), ("b", "")]),
            ("ean", "plain = \"{gtin}\"", [("gtin", "95200002"), ("a", ""), ("b", "")]),
            ("ean", "plain = \"{gtin}\"", [("gtin", "614141007349"), ("a", ""), ("b", "")]),
            ("qr", "plain = \"{a}\"", [("gtin", ""), ("a", "红宝石戒指 V2-03"), ("b", "")]),
            ("data_matrix", "plain = \"{a}\"", [("gtin", ""), ("a", "红宝石"), ("b", "")]),
            ("qr", "plain = \"{a}\"", [("gtin", ""), ("a", "a^b~c_d\"e\\f"), ("b", "")]),
        ]
        .into_iter()
        .enumerate()
        {
            let layout = laid(&with_code(kind, data), &pairs, dpi, Language::English);
            all.push((
                format!("{at}-{kind}-{}", dpi.number()),
                layout.unwrap_or_else(|error| panic!("{kind}: {error}")),
            ));
        }
    }
    all.extend(random_messages().into_iter().enumerate().map(|(at, (kind, data, pairs))| {
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(field, text)| (*field, text.as_str())).collect();
        let layout = laid(&with_code(kind, data), &pairs, Dpi::D203, Language::English);
        (format!("{at}-random-{kind}"), layout.unwrap_or_else(|error| panic!("{kind} {pairs:?}: {error}")))
    }));
    all
});

/// Symbology, what the code says, and the fields.
type Random = (&'static str, &'static str, Vec<(&'static str, String)>);

/// The same messages each time, of every length and mixture of digits, letters and signs.
fn random_messages() -> Vec<Random> {
    let mut state = 0x5eed_u64;
    let mut below = |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % bound
    };
    let mut messages = Vec::new();
    for (kind, data, letters) in [
        ("code128", "plain = \"{a}\"", " 0123456789ABab!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~"),
        ("code128", "elements = \"(10){a}(21){b}\"", "0123456789012345678901234567890ABab_%-"),
        ("data_matrix", "plain = \"{a}\"", "0123456789ABCDab -_^~红é"),
        ("data_matrix", "elements = \"(01){gtin}(10){a}(21){b}\"", "012345678901234567890ABCab_%-"),
        ("qr", "plain = \"{a}\"", "0123456789ABCDab -_^~红宝石é"),
        ("qr", "elements = \"(01){gtin}(10){a}(21){b}\"", "012345678901234567890ABCDEF/:"),
        ("qr", "elements = \"(01){gtin}(10){a}(21){b}\"", "012345678901234567890ABCab_%-"),
    ] {
        let letters: Vec<char> = letters.chars().collect();
        for length in 1..=6 {
            let mut text = |length: usize| {
                let text: String = (0..length).map(|_| letters[below(letters.len())]).collect();
                // Blanks at the ends do not count.
                format!("{}x", text.trim())
            };
            messages.push((kind, data, vec![("a", text(2 * length)), ("b", text(length)), ("gtin", GTIN.to_owned())]));
        }
    }
    messages
}

fn one_code(layout: &Layout) -> (SymbolKind, &str, bool) {
    let code = layout.codes().next().unwrap();
    (code.symbol.kind, code.symbol.message.text.as_str(), code.symbol.message.gs1)
}

/// The AIM identifiers with which a scanner may tell of such a code.
fn told_as(kind: SymbolKind, gs1: bool) -> &'static [&'static str] {
    match (kind, gs1) {
        (SymbolKind::Qr, true) => &["]Q3"],
        (SymbolKind::Qr, false) => &["]Q1", "]Q2"],
        (SymbolKind::DataMatrix, true) => &["]d2"],
        (SymbolKind::DataMatrix, false) => &["]d1", "]d4"],
        (SymbolKind::Code128, true) => &["]C1"],
        (SymbolKind::Code128, false) => &["]C0"],
        (SymbolKind::Ean, _) => &["]E0", "]E4"],
    }
}

#[test]
fn our_own_reader_reads_what_the_label_says() {
    for (name, layout) in LAYOUTS.iter().filter(|(_, layout)| layout.dpi != Dpi::D600) {
        let (kind, text, gs1) = one_code(layout);
        let found = camera::decode(&png::render(layout, 1).unwrap()).unwrap();
        let [code] = found.as_slice() else { panic!("{name}: {found:?}") };
        assert_eq!(code.bytes.escape_ascii().to_string(), text.as_bytes().escape_ascii().to_string(), "{name}");
        let aim = format!("]{}{}", char::from(code.aim.code), char::from(code.aim.modifier));
        assert!(told_as(kind, gs1).contains(&aim.as_str()), "{name}: {aim}");
    }
}

#[test]
fn a_reader_of_others_reads_every_code_and_knows_gs1() {
    // tests/run makes an environment with the two packages that the reader needs.
    let Ok(python) = std::env::var("GATEBOOK_TEST_PYTHON") else {
        eprintln!("GATEBOOK_TEST_PYTHON is not set: labels were not read by the reader of others");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut expected = BTreeMap::new();
    for (name, layout) in LAYOUTS.iter() {
        let file = folder.path().join(format!("{name}.png"));
        std::fs::write(&file, png::render(layout, 1).unwrap()).unwrap();
        let (kind, text, gs1) = one_code(layout);
        expected.insert(file, (text.to_owned(), gs1, told_as(kind, gs1)));
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/label_reader.py");
    let output = Command::new(&python).arg(script).args(expected.keys()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answers: Vec<Value> = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    assert_eq!(answers.len(), expected.len());
    for answer in answers {
        let name = answer["file"].as_str().unwrap();
        let (text, gs1, aim) = &expected[Path::new(name)];
        let [code] = answer["codes"].as_array().unwrap().as_slice() else { panic!("{name}: {answer}") };
        assert_eq!(code["hex"].as_str().unwrap(), gatebook::hex::encode(text.as_bytes()), "{name}");
        assert_eq!(code["gs1"].as_bool(), Some(*gs1), "{name}: {answer}");
        assert!(aim.contains(&code["aim"].as_str().unwrap()), "{name}: {answer}");
    }
}

#[test]
fn printers_burn_the_dots_of_the_picture() {
    let (mut own_commands, mut graphics) = (0, 0);
    for (name, layout) in LAYOUTS.iter().filter(|(_, layout)| layout.dpi != Dpi::D600) {
        let by_zpl = printers::zpl(&zpl::render(layout, 1, None).unwrap());
        let by_tspl = printers::tspl(&tspl::render(layout, 1).unwrap(), layout.width, layout.height);
        for (language, printed) in [("zpl", by_zpl), ("tspl", by_tspl)] {
            let mut wanted = layout.paint();
            // What the printer draws by a command of its own is not among the dots that we sent.
            for area in layout.codes().map(|code| code.area).filter(|area| printed.own.contains(&(area.x, area.y))) {
                for (x, y) in (area.x..area.right()).flat_map(|x| (area.y..area.bottom()).map(move |y| (x, y))) {
                    wanted.put(x, y, false);
                }
            }
            own_commands += printed.own.len();
            graphics += usize::from(printed.own.is_empty());
            assert!(printed.dots == wanted, "{name}: other dots by {language}");
        }
    }
    assert!(80 < own_commands && 80 < graphics, "{own_commands} by command, {graphics} as graphics");
}

#[test]
fn an_svg_has_the_modules_of_the_picture() {
    for (name, pairs) in HOUSE {
        let layout = laid(&house(name), pairs, Dpi::D203, Language::Both).unwrap();
        let text = svg::render(&layout);
        let code = layout.codes().next().unwrap();
        let path = text.split("crispEdges\" d=\"").nth(1).unwrap().split('"').next().unwrap();
        let mut drawn = gatebook::labels::Bits::new(layout.width, layout.height);
        for run in path.split('M').filter(|run| !run.is_empty()) {
            let numbers: Vec<u32> =
                run.split([' ', 'h', 'v', '-', 'z']).filter_map(|number| number.parse().ok()).collect();
            let &[x, y, width, height, _] = numbers.as_slice() else { panic!("{run}") };
            drawn.fill(gatebook::labels::Area { x, y, width, height });
        }
        let mut wanted = gatebook::labels::Bits::new(layout.width, layout.height);
        wanted.stamp(&code.dots(), code.area.x, code.area.y);
        assert!(drawn == wanted, "{name}");
        assert!(!text.contains("<text") && !text.contains("font"), "outlines need no font");
    }
}

#[test]
fn a_lot_label_says_name_quantity_and_lot_to_people_and_in_its_code_alike() {
    for (language, name, quantity) in [
        (Language::Chinese, "925 银链 45 厘米", "120 件"),
        (Language::English, "Sterling silver chain 45 cm", "120 pcs"),
    ] {
        let (_, pairs) = HOUSE[4];
        let layout = laid(&house("lot"), pairs, Dpi::D203, language).unwrap();
        let texts: Vec<&str> = layout.texts().collect();
        assert!(texts.contains(&name) && texts.contains(&quantity) && texts.contains(&"L2611-07"), "{texts:?}");
        let found = camera::decode(&png::render(&layout, 2).unwrap()).unwrap();
        let address = String::from_utf8(found[0].bytes.clone()).unwrap();
        let (path, query) = address.split_once('?').unwrap();
        assert_eq!(path, "https://id.gs1.org/01/09521234543213/10/L2611-07");
        let said: BTreeMap<&str, String> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (key, decoded(value)))
            .collect();
        assert_eq!((said["30"].as_str(), said["name"].as_str(), said["17"].as_str()), ("120", name, "271130"));
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        match rest.strip_prefix('%') {
            Some(after) => {
                bytes.push(u8::from_str_radix(&after[..2], 16).unwrap());
                rest = &after[2..];
            }
            None => {
                bytes.push(u8::try_from(first).unwrap());
                rest = &rest[1..];
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn stations_know_what_a_label_stands_for() {
    for (at, identity) in [
        (0, "01/09521234543213/21/JWL-000042"),
        (1, "own/18K-0042-7"),
        (2, "01/09521234543213/21/JWL/42"),
        (3, "own/18K-0042-7"),
        (4, "01/09521234543213/10/L2611-07"),
        (5, "01/09521234543213/10/A+B/7"),
        (6, "own/V2-03-A"),
        (7, "own/T-0107"),
        (8, "own/B-7"),
        (9, "own/GB-ACT-CHECK-OUT"),
        (10, "own/CK-20261122-0007"),
        (11, "own/L2611-07"),
    ] {
        let (name, pairs) = HOUSE[at];
        let layout = laid(&house(name), pairs, Dpi::D203, Language::Chinese).unwrap();
        let (kind, text, gs1) = one_code(&layout);
        let aim = match kind {
            SymbolKind::Qr => (b'Q', b'1'),
            SymbolKind::DataMatrix => (b'd', if gs1 { b'2' } else { b'1' }),
            SymbolKind::Code128 => (b'C', b'0'),
            SymbolKind::Ean => (b'E', b'0'),
        };
        assert_eq!(Identifier::of_symbol(Some(aim), text.as_bytes()).to_string(), identity, "{name}");
    }
}

#[test]
fn command_cards_carry_the_text_that_stations_understand() {
    let template = house("command");
    let choices = &template.field("act").unwrap().choices;
    let acts = Act::ALL.map(|act| (act.word(), reference::card(act)));
    let all: Vec<(&str, String)> = acts.into_iter().chain([("undo", reference::UNDO_CARD.to_owned())]).collect();
    assert_eq!(choices.len(), all.len());
    for (word, card) in all {
        let layout = laid(&template, &[("act", word)], Dpi::D203, Language::Both).unwrap();
        assert_eq!(one_code(&layout).1, card);
        assert!(reference::command(&card).is_some());
        assert!(layout.texts().any(|text| text == card), "a person can type it in");
    }
}

#[test]
fn every_template_speaks_both_languages_and_lists_its_fields() {
    for template in Template::all().unwrap() {
        let (_, pairs) = HOUSE.iter().find(|(name, _)| *name == template.name).expect("a sample of every template");
        let texts =
            |language| laid(&template, pairs, Dpi::D203, language).unwrap().texts().collect::<Vec<_>>().join("|");
        let [chinese, english, both] = Language::ALL.map(texts);
        let has_chinese = |text: &str| text.chars().any(|letter| ('\u{4e00}'..='\u{9fff}').contains(&letter));
        assert!(has_chinese(&chinese) && has_chinese(&both), "{}", template.name);
        // The hold label says its one word in both languages whatever the language; values are as they were given.
        let fixed: Vec<String> = pairs.iter().map(|(_, value)| value.to_string()).chain(["扣留 HOLD".into()]).collect();
        let own = fixed.iter().fold(english.clone(), |text, value| text.replace(value, ""));
        assert!(!own.contains(['库', '品', '号', '用']), "{}: {english}", template.name);
        assert!(has_chinese(&template.title.chinese) && !has_chinese(&template.title.english));
    }
}

#[test]
fn the_pieces_of_a_label_are_those_of_the_manuals() {
    let vectors: Value = serde_json::from_str(include_str!("data/labels/zpl.json")).unwrap();
    let mut seen = 0;
    for vector in vectors["vectors"].as_array().unwrap() {
        let fields = &vector["fields"];
        let text = fields["text"].as_str().unwrap_or_default();
        let made = match vector["command"].as_str().unwrap() {
            "field_text" => zpl::field(text),
            "qr_field" => zpl::qr(text, u32::try_from(fields["magnification"].as_u64().unwrap()).unwrap()),
            "datamatrix_gs1_field" => {
                let elements = gatebook::hex::decode(fields["element_string_hex"].as_str().unwrap()).unwrap();
                zpl::data_matrix(&String::from_utf8(elements).unwrap(), true, 4).unwrap()
            }
            "rfid_write_epc" => zpl::write_epc(&gatebook::hex::decode(fields["epc"].as_str().unwrap()).unwrap())
                .unwrap()
                .trim_end()
                .into(),
            other => panic!("{other} is no piece of a label"),
        };
        assert_eq!(made, vector["expect_text"].as_str().unwrap(), "{}", vector["id"]);
        seen += 1;
    }
    assert_eq!(seen, 11);

    let vectors: Value = serde_json::from_str(include_str!("data/labels/tspl.json")).unwrap();
    let vector = &vectors["vectors"][0];
    // At 300 dpi: at 203 the text of the vector reaches over the edge of its label. The code with its quiet zone is 148 dots.
    let template = Template::parse(
        "vector",
        concat!(
            "title = \"v\"\nsize_mm = [40, 25]\ngap_mm = 2\n[[field]]\nname = \"text\"\n[[field]]\nname = \"qr\"\n",
            "[[code]]\nkind = \"qr\"\nat = [0, 0, 12.55, 12.55]\ndata = [{ plain = \"{qr}\" }]\n",
            "[[text]]\nat = [15.24, 2.03, 24, 2.05]\ntext = \"{text}\"\nsize = 2\nfont = \"printer\"\n",
        ),
    )
    .unwrap();
    let field = |name: &str| vector["fields"][name].as_str().unwrap();
    let layout =
        laid(&template, &[("text", field("text")), ("qr", field("qr"))], Dpi::D300, Language::English).unwrap();
    let made = String::from_utf8(tspl::render(&layout, 1).unwrap()).unwrap();
    assert_eq!(made, vector["expect_text"].as_str().unwrap());
}

#[test]
fn an_epc_is_written_read_back_and_never_copied() {
    let layout = laid(&house("tray"), HOUSE[7].1, Dpi::D203, Language::Chinese).unwrap();
    let epc = gatebook::hex::decode("3036452148350c4000000001").unwrap();
    let text = String::from_utf8(zpl::render(&layout, 1, Some(&epc)).unwrap()).unwrap();
    for piece in [
        "^RS8,,,3^RFW,H,2,12,1^FD3036452148350C4000000001^FS",
        "^FN1^RFR,H,2,12,1^FS^FH_^HV1,24,EPC=,_0D_0A,L^FS",
        "^PQ1^XZ",
    ] {
        assert!(text.contains(piece), "{piece} is missing in {text}");
    }
    let long = zpl::write_epc(&[0xab; 16]).unwrap();
    assert!(long.starts_with("^RS8,,,3^RFW,H,1,18,1^FD4000ABAB"), "the protocol control word counts 8 words: {long}");
    assert_eq!(zpl::render(&layout, 2, Some(&epc)), Err(LabelError::EpcCopies(2)));
    for bytes in [0, 3, 64] {
        assert_eq!(zpl::write_epc(&vec![1; bytes]), Err(LabelError::Epc { bytes }));
    }
    for copies in [0, 1_001] {
        assert_eq!(zpl::render(&layout, copies, None), Err(LabelError::Copies(copies)));
        assert_eq!(tspl::render(&layout, copies), Err(LabelError::Copies(copies)));
    }
    assert!(zpl::render(&layout, 7, None).unwrap().ends_with(b"^PQ7^XZ\n"));
    assert!(tspl::render(&layout, 7).unwrap().ends_with(b"PRINT 1,7\r\n"));
}

#[test]
fn what_is_wrong_is_said_in_a_sentence() {
    let lot = |changes: &[(&'static str, &'static str)]| {
        let mut pairs: BTreeMap<&str, &str> = HOUSE[4].1.iter().copied().collect();
        pairs.extend(changes.iter().copied());
        lay(&house("lot"), &pairs.into_iter().collect(), Dpi::D203, Language::Chinese, Fonts::house())
            .map(drop)
            .unwrap_err()
    };
    for (error, sentence) in [
        (lot(&[("lot", " ")]), "the field `lot` is missing"),
        (lot(&[("lot", "L23456789012345678901")]), "the field `lot` has 21 characters; 20 are allowed"),
        (
            lot(&[("gtin", "09521234543214")]),
            "the check digit of the field `gtin` is wrong: 09521234543214 must end with 3",
        ),
        (lot(&[("gtin", "0952")]), "the field `gtin` is `0952`; it must be a GTIN of 8, 12, 13 or 14 digits"),
        (lot(&[("quantity", "12 件")]), "the field `quantity` is `12 件`; it must be digits only"),
        (lot(&[("unit", "kg")]), "the field `unit` is `kg`, which is none of case, pair, piece, set"),
        (lot(&[("expiry", "30.11.2027")]), "the field `expiry` is `30.11.2027`; it must be a date like 2026-12-31"),
        (lot(&[("expiry", "2027-11-31")]), "the field `expiry` is `2027-11-31`; it must be a date like 2026-12-31"),
        (lot(&[("name", "a\u{7}b")]), "the field `name` has a character that cannot be printed, a line break or a tab"),
        (
            lot(&[("colour", "red")]),
            "the label lot has no field `colour`; its fields are name, quantity, unit, lot, gtin, expiry, stack, resolver",
        ),
        (
            lot(&[("resolver", "id.gs1.org")]),
            "the field `resolver` is `id.gs1.org`; it must be an address like https://id.gs1.org without a slash at its end",
        ),
    ] {
        assert_eq!(error.to_string(), sentence);
    }
    let small = |data: &str, pairs: &[(&str, &str)]| {
        let text = format!(
            "title = \"t\"\nsize_mm = [20, 8]\n[[field]]\nname = \"a\"\nmax = 300\n[[field]]\nname = \"b\"\n\
             [[code]]\nkind = \"qr\"\nat = [0, 0, 8, 8]\ndata = [{data}]\n\
             [[text]]\nat = [8.5, 0, 11, 4]\ntext = \"{{b}}\"\nsize = 3\nleast = 2\nwhole = true\n"
        );
        laid(&Template::parse("small", &text).unwrap(), pairs, Dpi::D203, Language::English).map(drop).unwrap_err()
    };
    let long = "x".repeat(60);
    assert_eq!(
        small("{ plain = \"{a}\" }", &[("a", &long)]).to_string(),
        format!("the QR code of `{long}` needs 10.2 mm and has 8.0 mm")
    );
    assert!(small("{ plain = \"{a}\" }", &[("a", &long)]).help().unwrap().contains("larger label"));
    assert_eq!(small("{ plain = \"{a}\" }", &[]).to_string(), "the QR code has nothing to say without a");
    assert_eq!(
        small("{ plain = \"{a}\" }", &[("a", "1"), ("b", "a text that is far too long")]).to_string(),
        "`a text that is far too long` does not fit its place on the label even at 2 mm"
    );
    let told = small("{ elements = \"(10){a}\" }", &[("a", "红")]).to_string();
    assert!(told.starts_with("the GS1 code cannot be written: (10)") && told.contains("character set 82"), "{told}");
}

#[test]
fn a_text_that_does_not_fit_and_a_letter_that_no_font_has_are_told() {
    let pairs =
        [("code", "T-1"), ("contents", "龘 很长的内容 很长的内容 很长的内容 很长的内容 很长的内容"), ("home", "V2")];
    let layout = laid(&house("tray"), &pairs, Dpi::D203, Language::Chinese).unwrap();
    let told: Vec<String> = layout.warnings.iter().map(Warning::to_string).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].starts_with("`龘 很长的内容") && told[0].contains("was cut to") && told[0].ends_with("…`"),
        "{}",
        told[0]
    );
    assert!(told[1].starts_with("no font has the character 龘 (U+9F98), a box is drawn"), "{}", told[1]);
}

#[test]
fn a_template_that_cannot_work_is_refused_with_its_place() {
    for (change, told) in [
        (
            "size_mm = [60, 15]|size_mm = [600, 15]",
            "tray: size_mm must be two lengths from 1 to 300 and gap_mm one of them or 0",
        ),
        (
            "at = [15.2, 0.8, 43.8, 6]|at = [15.2, 0.8, 48, 6]",
            "tray: the element at [15.2, 0.8, 48, 6] reaches over the edge of 60 x 15 mm",
        ),
        (
            "text = \"{code}\"|text = \"{kode}\"",
            "tray: the element at [15.2, 0.8, 43.8, 6] names `kode`, which is no field of this label",
        ),
        (
            "text = \"{code}\"|text = \"{code\"",
            "tray: `{code`: a field is written {name}, and a brace of its own is written twice",
        ),
        ("plain = \"{code}\"|elements = \"(89){code}\"", "tray: (89) is no application identifier"),
        ("plain = \"{code}\"|elements = \"01{code}\"", "tray: `01{code}`: elements are written (01){gtin}(21){serial}"),
        (
            "name = \"home\"|name = \"home\"\ndefault = \"x\"\nchoices.y = { zh-CN = \"一\", en = \"one\" }",
            "tray: the default of the field `home` is none of its choices",
        ),
        ("bold = true|bald = true", "tray, line 28: unknown field `bald`"),
        (
            "least = 2.6|least = 9",
            "tray: the text at [15.2, 0.8, 43.8, 6] needs 0.5 <= least <= size and 1 to 20 lines",
        ),
    ] {
        let (from, to) = change.split_once('|').unwrap();
        let text = include_str!("../config/labels/tray.toml");
        assert!(text.contains(from), "{from}");
        let error = Template::parse("tray", &text.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.starts_with(told), "{error}");
    }
}

#[test]
fn a_folder_of_templates_replaces_those_of_the_house() {
    let folder = tempfile::tempdir().unwrap();
    let tray = include_str!("../config/labels/tray.toml");
    std::fs::write(folder.path().join("tray.toml"), tray.replace("size_mm = [60, 15]", "size_mm = [62, 15]")).unwrap();
    std::fs::write(folder.path().join("box.toml"), tray).unwrap();
    let templates = Template::with_folder(folder.path()).unwrap();
    let width = |name: &str| templates.iter().find(|template| template.name == name).map(|template| template.width_mm);
    assert_eq!((width("tray"), width("box"), width("lot")), (Some(62.0), Some(60.0), Some(70.0)));
    std::fs::write(folder.path().join("box.toml"), "title = 1").unwrap();
    let error = Template::with_folder(folder.path()).map(drop).unwrap_err().to_string();
    assert!(error.contains("box, line 1: "), "{error}");
}

fn gatebook(args: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_gatebook")).arg("label").args(args).output().unwrap()
}

#[test]
fn the_command_prints_to_a_socket_and_a_device_and_says_what_failed() {
    let lot = ["lot", "--set", "name=链", "--set", "quantity=1", "--set", "lot=L7", "--set", "gtin=9521234543213"];
    let with = |more: &[&str]| gatebook(&[&lot[..], more].concat());
    let zpl = with(&["--to", "zpl", "--dpi", "300", "--copies", "2"]);
    assert!(zpl.status.success() && zpl.stdout.ends_with(b"^PQ2^XZ\n"), "{}", String::from_utf8_lossy(&zpl.stderr));

    let printer = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp:{}", printer.local_addr().unwrap());
    let taken = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        printer.accept().unwrap().0.read_to_end(&mut bytes).unwrap();
        bytes
    });
    let sent = with(&["--to", &address, "--language-of-printer", "zpl", "--dpi", "300", "--copies", "2"]);
    assert!(sent.status.success() && sent.stdout.is_empty(), "{}", String::from_utf8_lossy(&sent.stderr));
    assert_eq!(taken.join().unwrap(), zpl.stdout);

    let device = tempfile::NamedTempFile::new().unwrap();
    let path = device.path().to_str().unwrap();
    assert!(with(&["--to", path, "--language-of-printer", "tspl"]).status.success());
    assert_eq!(std::fs::read(path).unwrap(), with(&["--to", "tspl"]).stdout);

    for (output, code, told) in [
        (
            with(&["--to", "/dev/nowhere", "--language-of-printer", "tspl"]),
            2,
            "error: the printer /dev/nowhere did not take the label: ",
        ),
        (
            with(&["--to", "tcp:127.0.0.1:1", "--language-of-printer", "zpl"]),
            2,
            "error: the printer tcp:127.0.0.1:1 did not take the label: ",
        ),
        (with(&["--to", "/dev/lp"]), 2, "error: `/dev/lp` is no format; for a printer say what it reads"),
        (with(&["--to", "tspl", "--epc", "3036"]), 2, "error: --epc is for ZPL printers"),
        (with(&["--to", "svg", "--copies", "2"]), 2, "error: --copies is for printers"),
        (with(&["--set", "lot="]), 1, "error: the field `lot` is missing\nGive it with --set FIELD=TEXT.\n"),
        (
            with(&["--set", "lot=批次"]),
            1,
            "error: the GS1 code cannot be written: (10) at byte 40: the character is none of GS1 character set 82",
        ),
        (gatebook(&["lott"]), 2, "error: there is no template `lott`; there are "),
    ] {
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(code) && words.starts_with(told), "{words}");
    }
    let list = String::from_utf8(gatebook(&["--list"]).stdout).unwrap();
    for template in Template::all().unwrap() {
        assert!(list.contains(&format!("{}  {}", template.name, template.title.chinese)), "{list}");
        assert!(template.fields.iter().all(|field| list.contains(&format!("    {}: ", field.name))));
    }
    let picture = with(&["--to", "png", "--scale", "3"]);
    let shown = camera::decode(&picture.stdout).unwrap();
    assert_eq!(shown[0].bytes, b"https://id.gs1.org/01/09521234543213/10/L7?30=1&name=%E9%93%BE");
}

fn text() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[ -~]{0,24}|[红宝石戒指，（）Aa1 龘\u{1F48E}]{0,24}|\\PC{0,12}").unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is filled in: a sentence, or a label on which everything is inside and every printer burns the same.
    #[test]
    fn any_text_gives_a_sentence_or_a_sound_label(texts in proptest::collection::vec(text(), 12), language in 0..3_usize) {
        for template in Template::all().unwrap() {
            let mut values = Values::default();
            for (field, text) in template.fields.iter().zip(&texts) {
                match field.kind {
                    FieldKind::Text if field.choices.is_empty() => values.set(&field.name, text),
                    FieldKind::Text => values.set(&field.name, field.choices.keys().next().unwrap()),
                    FieldKind::Gtin => values.set(&field.name, GTIN),
                    FieldKind::Digits => values.set(&field.name, "120"),
                    FieldKind::Date => values.set(&field.name, "2026-11-22"),
                    FieldKind::Sscc | FieldKind::Address => (),
                }
            }
            let Ok(layout) = lay(&template, &values, Dpi::D203, Language::ALL[language], Fonts::house()) else { continue };
            let label = gatebook::labels::Area { x: 0, y: 0, width: layout.width, height: layout.height };
            for code in layout.codes() {
                prop_assert!(label.holds(&code.with_quiet()));
            }
            let printed = printers::zpl(&zpl::render(&layout, 1, None).unwrap());
            let mut wanted = layout.paint();
            for area in layout.codes().map(|code| code.area).filter(|area| printed.own.contains(&(area.x, area.y))) {
                for (x, y) in (area.x..area.right()).flat_map(|x| (area.y..area.bottom()).map(move |y| (x, y))) {
                    wanted.put(x, y, false);
                }
            }
            prop_assert!(printed.dots == wanted, "{}", template.name);
            prop_assert!(svg::render(&layout).ends_with("</svg>\n"));
        }
    }
}
