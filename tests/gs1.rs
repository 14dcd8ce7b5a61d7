//! What GS1 codes mean, judged by the answers of GS1's own engine: the vectors, the values of every linter, and round
//! trips of whatever the table allows.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use gatebook::gs1::lint::{Charset, Linter};
use gatebook::gs1::table::{self, Row};
use gatebook::gs1::{
    self, Carrier, Elements, Form, ReadError, bracketed, check, element_string, gtin, key, link, meaning, pairs,
};
use gatebook::hex;
use proptest::prelude::*;
use serde_json::Value;

fn vectors(text: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(text).unwrap();
    file["vectors"].as_array().unwrap().clone()
}

fn gs1_vectors() -> Vec<Value> {
    let vectors = vectors(include_str!("data/gs1/vectors.json"));
    assert_eq!(vectors.len(), 238);
    vectors
}

fn input(vector: &Value) -> Vec<u8> {
    hex::decode(vector["input_hex"].as_str().unwrap()).unwrap()
}

fn pairs_of(elements: &Elements) -> Vec<(String, String)> {
    elements.iter().map(|element| (element.ai.to_string(), element.value.clone())).collect()
}

fn set_of(elements: &Elements) -> BTreeSet<(String, String)> {
    pairs_of(elements).into_iter().collect()
}

#[test]
fn the_command_answers_every_vector_as_the_engine_does() {
    let vectors = gs1_vectors();
    let mut child = Command::new(env!("CARGO_BIN_EXE_gatebook"))
        .args(["decode", "gs1", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: Vec<u8> = vectors.iter().flat_map(|vector| [input(vector), b"\n".to_vec()].concat()).collect();
    let mut stdin = child.stdin.take().unwrap();
    let feeding = std::thread::spawn(move || stdin.write_all(&lines).unwrap());
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap();
    assert!(output.status.success());
    let answers: Vec<Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), vectors.len(), "an answer for every line, the empty one too");
    for (vector, answer) in vectors.iter().zip(&answers) {
        for field in
            ["valid", "valid_with_requisite_ais", "ais", "ai_bracketed", "element_string_hex", "canonical_digital_link"]
        {
            assert_eq!(answer.get(field), vector.get(field), "{} {field}: {answer}", vector["id"]);
        }
        assert_eq!(answer.get("error").is_some(), vector["valid"] == false, "{answer}");
    }
}

#[test]
fn the_command_says_what_values_mean() {
    let run = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_gatebook")).args(["decode", "gs1"]).args(args).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let shown = run(&["(01)09521234543213(17)261200(3103)000195", "9521234543214"]);
    for part in [
        "bracketed text",
        "GTIN                       09521234543213",
        "2026-12-31 (day open: end of the month)",
        "0.195 kg",
        "the GTIN at byte 12: the check digit is wrong, 3 would be right",
    ] {
        assert!(shown.contains(part), "{part}:\n{shown}");
    }
    let warned = run(&["(02)09521234543213"]);
    assert!(warned.contains("warning: (02) needs (37) beside it"), "{warned}");
    let own = run(&["红宝石\u{1d}7"]);
    assert!(own.starts_with("红宝石\\u{1d}7: this is no GS1 code"), "{own}");
}

#[test]
fn a_line_that_is_no_text_is_answered_and_the_next_one_too() {
    for (of, good, told) in [
        ("gs1", "9521234543213", "\"gtin\""),
        ("epc", "3074257BF7194E4000001A85", "sgtin-96"),
        ("acr122u", "6300", "25344"),
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_gatebook"))
            .args(["decode", of, "--json"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&[b"\xff\xfe\x00\r\n", good.as_bytes(), b"\r\n"].concat()).unwrap();
        let output = child.wait_with_output().unwrap();
        let answers = String::from_utf8(output.stdout).unwrap();
        let answers: Vec<&str> = answers.lines().collect();
        assert!(output.status.success() && answers.len() == 2, "{of}: {answers:?}");
        assert!(answers[0].contains("\"error\"") && answers[1].contains(told), "{of}: {answers:?}");
    }
}

#[test]
fn what_is_no_picture_is_answered_without_reading_all_of_it() {
    let run = |file: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_gatebook")).args(["decode", "image", file]).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    for (file, told) in [
        ("/dev/zero", "error=the picture has 33554433 bytes, at most 33554432 are read"),
        ("tests", "error=this is a folder; name the pictures in it"),
    ] {
        let answer = run(file);
        assert!(answer.contains(told), "{answer}");
    }
}

#[test]
fn every_valid_vector_goes_both_ways() {
    for vector in gs1_vectors() {
        let id = &vector["id"];
        let Ok(reading) = gs1::scan(&input(&vector), Carrier::Unknown) else { continue };
        let elements = reading.elements;
        if elements.is_empty() {
            continue;
        }
        let in_order = element_string::write_in_order(&elements);
        assert_eq!(element_string::parse(&in_order).as_ref(), Ok(&elements), "{id}");
        let shortest = element_string::write(&elements);
        assert_eq!(set_of(&element_string::parse(&shortest).unwrap()), set_of(&elements), "{id}");
        assert!(shortest.len() <= in_order.len(), "{id}");
        assert_eq!(bracketed::parse(&bracketed::write(&elements)).as_ref(), Ok(&elements), "{id}");
        if let Ok(canonical) = link::write(&elements) {
            let again = link::parse(&canonical).unwrap_or_else(|error| panic!("{id} {canonical}: {error}"));
            assert_eq!(set_of(&again), set_of(&elements), "{id}");
            assert_eq!(link::write(&again).unwrap(), canonical, "{id}");
        }
    }
}

#[test]
fn every_error_tells_where_and_how_to_mend() {
    for vector in gs1_vectors() {
        let bytes = input(&vector);
        let Err(error) = gs1::scan(&bytes, Carrier::Unknown) else { continue };
        let sentence = error.to_string();
        assert!(error.at() <= bytes.len(), "{}: {sentence}", vector["id"]);
        assert!(!sentence.ends_with('.') && error.help().ends_with('.'), "{sentence} / {}", error.help());
        assert!(sentence.starts_with(|c: char| !c.is_uppercase()), "{sentence}");
        let marked = vector["error_markup"].as_str().unwrap_or_default();
        // The engine marks the fault as `(AI)before|wrong|after`.
        if let (ReadError::Value { at, ai, .. }, Some((before, _))) = (&error, marked.split_once('|')) {
            let own = before.strip_prefix(&format!("({ai})")).unwrap_or_else(|| panic!("{before} {error}"));
            let read = bytes.get(..*at).unwrap();
            let holds = vector["kind"] == "digital_link_uri" || read.ends_with(own.as_bytes());
            assert!(holds, "{} {sentence}: {marked}", vector["id"]);
        }
    }
}

#[test]
fn symbols_are_known_by_their_identifier() {
    for vector in vectors(include_str!("data/gs1/aim_symbology.json")) {
        let expect = &vector["expect"];
        let bytes = input(&vector);
        let first = |field: &str| expect[field].as_str().and_then(|text| text.bytes().next());
        let (Some(code), Some(modifier)) = (first("code"), first("modifier")) else {
            let read = gs1::scan(&bytes, Carrier::Unknown);
            assert!(!matches!(read, Ok(reading) if reading.form == Form::ElementString), "{}", vector["id"]);
            continue;
        };
        let payload = hex::decode(expect["payload_hex"].as_str().unwrap()).unwrap();
        let parted = gs1::scan(&payload, Carrier::Symbol { code, modifier });
        let whole = gs1::scan(&bytes, Carrier::Unknown);
        assert_eq!(parted.is_ok(), whole.is_ok(), "{}", vector["id"]);
        // Some payloads are only there to be parted off; what counts is that they are taken for element strings.
        let string = match whole {
            Ok(reading) => reading.form == Form::ElementString && reading.payload == Some(payload),
            Err(error) => matches!(error, ReadError::Empty | ReadError::UnknownAi { at: 3, .. }),
        };
        assert_eq!(string, expect["gs1"] == true, "{}", vector["id"]);
    }
}

#[test]
fn a_text_is_recognised_whatever_carries_it() {
    let ring = "(01)09521234543213(21)7";
    for (text, carrier, want) in [
        ("9521234543213", Carrier::Unknown, Ok("(01)09521234543213")),
        ("09521234543213", Carrier::Unknown, Ok("(01)09521234543213")),
        ("416000336108", Carrier::Unknown, Ok("(01)00416000336108")),
        ("02345673", Carrier::Unknown, Ok("(01)00000002345673")),
        ("04252614", Carrier::Unknown, Ok("(01)00042100005264")),
        ("]E39521234543213 12".trim(), Carrier::Unknown, Err("the GTIN at byte 19")),
        ("]E3952123454321312", Carrier::Unknown, Ok("(01)09521234543213")),
        ("]E3952123454321312345", Carrier::Unknown, Ok("(01)09521234543213")),
        ("]E2 12345", Carrier::Unknown, Err("a symbol of the kind ]E2")),
        ("]I109521234543213", Carrier::Unknown, Ok("(01)09521234543213")),
        ("]I109521234543214", Carrier::Unknown, Err("the GTIN at byte 16: the check digit is wrong")),
        ("]I01234", Carrier::Unknown, Err("a symbol of the kind ]I0")),
        ("]I009521234543214", Carrier::Unknown, Err("a symbol of the kind ]I0")),
        ("]Q1TESTING", Carrier::Unknown, Err("this is no GS1 code")),
        ("]Q2TESTING", Carrier::Unknown, Err("a symbol of the kind ]Q2")),
        ("]E09521234543213|]e010L7\u{1d}99A", Carrier::Unknown, Ok("(01)09521234543213(10)L7(99)A")),
        ("]E09521234543213|]e00209521234543213", Carrier::Unknown, Err("(02) at byte 20 must not stand together")),
        ("]d5\\0000260109521234543213217", Carrier::Unknown, Ok(ring)),
        ("]Q40109521234543213217", Carrier::Unknown, Ok(ring)),
        ("]Q2\\000026https://a/01/09521234543213/21/7", Carrier::Unknown, Ok(ring)),
        ("]J1217\u{1d}0109521234543213", Carrier::Unknown, Ok("(21)7(01)09521234543213")),
        ("0109521234543213217", Carrier::ElementString, Ok(ring)),
        ("\u{1d}0109521234543213217", Carrier::ElementString, Ok(ring)),
        ("0109521234543213217", Carrier::Unknown, Err("this is no GS1 code")),
        ("https://a/01/9521234543213/21/7", Carrier::Symbol { code: b'Q', modifier: b'1' }, Ok(ring)),
        ("^217^0109521234543213", Carrier::Unknown, Ok("(21)7(01)09521234543213")),
        ("^217\u{1d}0109521234543213", Carrier::Unknown, Err("the character at byte 4 has no place here")),
        ("(21)7\\(8(99)A", Carrier::Unknown, Ok("(21)7\\(8(99)A")),
        ("(21)7 (99)A", Carrier::Unknown, Err("(21) at byte 5: the character is none of GS1 character set 82")),
        ("(21)7\\(\\( (99)A", Carrier::Unknown, Err("(21) at byte 9: the character is none")),
        ("(01)09521234543213(21)红", Carrier::Unknown, Err("(21) at byte 22: the character is none")),
        ("01 09521234543213", Carrier::Unknown, Err("this is no GS1 code")),
    ] {
        let read = gs1::read(text.as_bytes(), carrier).map(|elements| bracketed::write(&elements));
        match (read, want) {
            (Ok(read), Ok(want)) => assert_eq!(read, want, "{text}"),
            (Err(error), Err(want)) => assert!(error.to_string().starts_with(want), "{text}: {error}"),
            (read, want) => panic!("{text}: {read:?}, not {want:?}"),
        }
    }
    let lenient = |text: &str| gs1::read_lenient(text.as_bytes(), Carrier::Unknown).map(|elements| set_of(&elements));
    let upc = Ok([("01".to_owned(), "00416000336108".to_owned())].into());
    assert_eq!(lenient("]E0416000336108"), upc, "some scanners leave out the zero of a UPC");
    assert_eq!(lenient("]C0hTTps://a/01/00416000336108"), upc, "whatever symbol carries a link");
}

#[test]
fn every_linter_judges_as_the_reference_does() {
    let mut judged = 0;
    let mut list = ("", "");
    for line in include_str!("data/gs1/linters.txt").lines().filter(|line| !line.starts_with('#')) {
        if !line.starts_with(' ') {
            list = line.split_once(' ').unwrap();
            continue;
        }
        for word in line.split_whitespace() {
            let value = if word == "\"\"" { Vec::new() } else { unescaped(word) };
            let verdict = match list.0 {
                "csetnumeric" => Charset::Digits.check(&value),
                "cset82" => Charset::Set82.check(&value),
                "cset39" => Charset::Set39.check(&value),
                "cset64" => Charset::Base64.check(&value),
                name => Linter::named(name).unwrap_or_else(|| panic!("no linter is named {name}")).check(&value),
            };
            // Digits, as the dictionary demands of these parts beside the linter.
            let digits =
                !matches!(list.0, "nonzero" | "nozeroprefix" | "pieceoftotal") || Charset::Digits.check(&value).is_ok();
            assert_eq!(verdict.is_ok() && digits, list.1 == "pass", "{} {word}: {verdict:?}", list.0);
            if let Err(wrong) = verdict {
                assert!(wrong.at <= value.len());
            }
            judged += 1;
        }
    }
    assert!(5_000 < judged, "{judged}");
}

fn unescaped(word: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = word;
    while let Some(first) = rest.bytes().next() {
        match rest.strip_prefix("\\x").and_then(|hex| hex.split_at_checked(2)) {
            Some((pair, after)) => {
                bytes.push(u8::from_str_radix(pair, 16).unwrap());
                rest = after;
            }
            None => {
                bytes.push(first);
                rest = &rest[1..];
            }
        }
    }
    bytes
}

/// A value that the row allows, made from whatever bytes are drawn.
fn value_for(row: &Row, draw: &mut impl FnMut() -> usize) -> String {
    let mut value = String::new();
    let optional = !draw().is_multiple_of(3);
    for part in row.parts.iter().filter(|part| optional || !part.optional) {
        let len = part.min + draw() % (part.max - part.min + 1);
        value.push_str(&part_for(part.charset, &part.linters, len, draw));
    }
    value
}

fn part_for(charset: Charset, linters: &[Linter], len: usize, draw: &mut impl FnMut() -> usize) -> String {
    let has = |linter| linters.contains(&linter);
    let mut of = |set: &[u8], len: usize| -> String { (0..len).map(|_| char::from(set[draw() % set.len()])).collect() };
    const DIGITS: &[u8] = b"0123456789";
    const SET_82: &[u8] = b"!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
    if has(Linter::Csum) {
        let body = of(DIGITS, len - 1);
        return format!("{body}{}", check::digit(&body).unwrap());
    }
    if has(Linter::Csumalpha) {
        let body = format!("{}A{}", of(DIGITS, 4), of(SET_82, len.max(8) - 7));
        let pair = check::pair(body.as_bytes()).unwrap();
        return format!("{body}{}{}", char::from(pair[0]), char::from(pair[1]));
    }
    if has(Linter::Gcppos1) {
        let set: &[u8] = if charset == Charset::Set39 { b"#-/09AZ" } else { SET_82 };
        return format!("{}{}", of(DIGITS, 4), of(set, len.max(4) - 4));
    }
    let known = |texts: &[&str], draw: &mut dyn FnMut() -> usize| texts[draw() % texts.len()].to_owned();
    for linter in linters {
        let found = match linter {
            Linter::Yymmd0 => known(&["261100", "240229", "990131"], draw),
            Linter::Yymmdd => known(&["261122", "240229", "990131"], draw),
            Linter::Yyyymmdd => known(&["20261122", "20000229"], draw),
            Linter::Hhmi => known(&["0000", "2359"], draw),
            Linter::Hh => known(&["00", "23"], draw),
            Linter::Mi | Linter::Ss => known(&["00", "59"], draw),
            Linter::Iso3166 => known(&["156", "840"], draw),
            Linter::Iso3166999 => known(&["156", "999"], draw),
            Linter::Iso3166alpha2 => known(&["CN", "US"], draw),
            Linter::Iso4217 => known(&["156", "978"], draw),
            Linter::Iso5218 | Linter::Winding => known(&["0", "1", "9"], draw),
            Linter::Yesno => known(&["0", "1"], draw),
            Linter::Zero => "0".repeat(len),
            Linter::Nonzero | Linter::Nozeroprefix => "7".repeat(len),
            Linter::Hyphen => "-".to_owned(),
            Linter::Latitude | Linter::Longitude => known(&["0000000000", "1800000000", "1210440000"], draw),
            Linter::Mediatype => known(&["01", "99"], draw),
            Linter::Packagetype => known(&["8", "BX", "WRP"], draw),
            Linter::Importeridx => known(&["-", "_", "a", "Z"], draw),
            Linter::Pieceoftotal => known(&["0102", "1010", "0199"], draw),
            Linter::Posinseqslash => known(&["1/2", "3/3"], draw),
            Linter::Iban => known(&["GB82WEST12345698765432", "NL91ABNA0417164300"], draw),
            Linter::Couponcode => known(&["10614141011111275110111", "106141416543213500110000310123196000"], draw),
            Linter::Couponposoffer => known(&["001234561234560123456", "061234567890121234569123456789012345"], draw),
            Linter::Pcenc => {
                let set: &[u8] = b"Az09+-._";
                return (0..len).map(|_| char::from(set[draw() % set.len()])).collect();
            }
            Linter::Csum | Linter::Csumalpha | Linter::Gcppos1 | Linter::Gcppos2 | Linter::Hasnondigit => continue,
        };
        return found;
    }
    let set: &[u8] = match charset {
        Charset::Digits => DIGITS,
        Charset::Set82 => SET_82,
        Charset::Set39 => b"#-/0123456789ABCXYZ",
        Charset::Base64 => b"-_0123456789AZaz",
    };
    (0..len).map(|_| char::from(set[draw() % set.len()])).collect()
}

/// Elements that may stand together: each drawn row is taken unless it excludes one that is there.
fn elements() -> impl Strategy<Value = Elements> {
    // Keys and what usually stands beside them come more often than their share of the table.
    let usual =
        prop::sample::select(vec!["01", "21", "10", "00", "17", "22", "235", "8006", "414", "254", "8003", "3103"]);
    let any_row = (0..table::rows().len()).prop_map(|index| table::rows()[index].ai.clone());
    let ai = prop_oneof![usual.prop_map(str::to_owned), any_row];
    prop::collection::vec((ai, prop::collection::vec(any::<u8>(), 40)), 1..8).prop_map(|drawn| {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (ai, bytes) in drawn {
            let row = table::row(ai.as_bytes()).unwrap();
            let mut bytes = bytes.into_iter().cycle().enumerate();
            let mut draw = || bytes.next().map(|(index, byte)| usize::from(byte) + index / 40 * 7).unwrap();
            let value = value_for(row, &mut draw);
            row.check(value.as_bytes()).unwrap_or_else(|wrong| panic!("({ai}){value}: {wrong:?}"));
            pairs.push((ai, value));
            if of(&pairs).is_err() {
                pairs.pop();
            }
        }
        of(&pairs).unwrap_or_default()
    })
}

fn of(pairs: &[(String, String)]) -> Result<Elements, ReadError> {
    Elements::of(pairs.iter().map(|(ai, value)| (ai.as_str(), value.as_str())))
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(elements in elements()) {
        prop_assume!(!elements.is_empty());
        let in_order = element_string::write_in_order(&elements);
        prop_assert_eq!(element_string::parse(&in_order), Ok(elements.clone()));
        prop_assert_eq!(element_string::parse_lenient(&in_order), Ok(elements.clone()));
        let shortest = element_string::write(&elements);
        prop_assert!(shortest.len() <= in_order.len());
        prop_assert_eq!(set_of(&element_string::parse(&shortest).unwrap()), set_of(&elements));
        prop_assert_eq!(bracketed::parse(&bracketed::write(&elements)), Ok(elements.clone()));
        let symbol = [b"]d2", &in_order[..]].concat();
        prop_assert_eq!(gs1::read(&symbol, Carrier::Unknown), Ok(elements.clone()));
        match link::write(&elements) {
            Ok(address) => {
                let again = link::parse(&address);
                prop_assert!(again.is_ok(), "{}: {:?}", address, again);
                let again = again.unwrap();
                prop_assert_eq!(set_of(&again), set_of(&elements));
                prop_assert_eq!(link::write(&again).unwrap(), address.clone());
                let lenient = link::parse_lenient(&address).unwrap();
                prop_assert_eq!(set_of(&lenient), set_of(&elements));
            }
            Err(link::NoLink::NoKey) => prop_assert!(elements.key().is_none()),
            Err(error) => {
                let out_of_place = matches!(error, link::NoLink::NoPlace { .. });
                prop_assert!(out_of_place, "{error}");
            }
        }
        for element in &elements {
            prop_assert_eq!(elements.get(element.ai.digits()), Some(element.value.as_str()));
            meaning::meaning(element, 2026);
        }
        for key in key::keys(&elements) {
            prop_assert!(!key.company_digits().is_empty());
        }
        pairs::missing(&elements);
    }

    #[test]
    fn a_changed_byte_is_an_error_or_another_sound_reading(
        elements in elements(), at in any::<prop::sample::Index>(), byte in any::<u8>()
    ) {
        prop_assume!(!elements.is_empty());
        let mut bytes = [b"^", &element_string::write(&elements)[..]].concat();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(read) = gs1::read(&bytes, Carrier::Unknown) {
            let again = element_string::parse(&element_string::write_in_order(&read));
            prop_assert_eq!(again.as_ref().map(set_of), Ok(set_of(&read)));
        }
        if let Err(error) = gs1::scan(&bytes, Carrier::Unknown) {
            prop_assert!(error.at() <= bytes.len(), "{error}");
        }
        let _ = gs1::read_lenient(&bytes, Carrier::Unknown);
    }

    #[test]
    fn no_bytes_make_it_panic(
        front in prop::sample::select(vec!["", "^", "(", "]d2", "]Q1https://", "https://a/01/", "https://", "]E0", "]E3", "]I1", "]Q4\\", "(01)", "(99999999999999999999999999)1", "https://a/99999999999999999999999999/1?99999999999999999999999999=1"]),
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..60),
            "[0-9()^/%?=&#|.\\\\\u{1d}]{0,60}".prop_map(String::into_bytes),
        ],
        code in any::<u8>(), modifier in any::<u8>(),
    ) {
        let text = [front.as_bytes(), &bytes].concat();
        for carrier in [Carrier::Unknown, Carrier::ElementString, Carrier::Symbol { code, modifier }] {
            if let Err(error) = gs1::scan(&text, carrier) {
                prop_assert!(error.at() <= text.len() && !error.to_string().is_empty());
            }
            // Whatever holds to every rule also tells an identity.
            if let Ok(strict) = gs1::read(&text, carrier) {
                let lenient = gs1::read_lenient(&text, carrier).map(|elements| set_of(&elements));
                prop_assert_eq!(lenient, Ok(set_of(&strict)));
            }
            let _ = gs1::read_lenient(&text, carrier);
        }
        for linter in table::rows().iter().flat_map(|row| &row.parts).flat_map(|part| &part.linters) {
            let _ = linter.check(&bytes);
        }
    }

    #[test]
    fn a_filled_gtin_keeps_its_number(digits in "[0-9]{7,13}") {
        let whole = format!("{digits}{}", check::digit(&digits).unwrap());
        match gtin::fill(&whole) {
            Ok(filled) => {
                prop_assert!(filled.ends_with(&whole) && check::holds(&filled));
                let shortest = gtin::fill(gtin::shortest(&filled));
                prop_assert_eq!(shortest.as_ref(), Ok(&filled));
            }
            Err(_) => prop_assert!(!matches!(whole.len(), 8 | 12 | 13 | 14)),
        }
    }
}
