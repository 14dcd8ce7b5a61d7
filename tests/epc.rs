//! What a user is promised of EPCs: every way of writing one says the same, and nothing is misread.

use gatebook::epc::elements::Element;
use gatebook::epc::fault::Fault;
use gatebook::epc::key::Key;
use gatebook::epc::plan::{encode, plan};
use gatebook::epc::scheme::{Kind, Scheme};
use gatebook::epc::text::{Digits, Text};
use gatebook::epc::uri::{Written, parse};
use gatebook::epc::{ControlWord, Epc, Memory, of_tag_memory};
use gatebook::{gs1, hex};
use proptest::prelude::*;
use serde_json::Value;

fn vectors(of: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("data/epc/vectors.json")).unwrap();
    all[of].as_array().unwrap().clone()
}

/// Bytes and bits of hex digits, which may end in half a byte.
fn bits_of(digits: &str) -> (Vec<u8>, usize) {
    match parse(digits) {
        Ok(Written::Bits { bits, bytes, .. }) => (bytes, bits),
        other => panic!("{digits}: {other:?}"),
    }
}

fn decoded(digits: &str) -> Result<Epc, Fault> {
    let (bytes, bits) = bits_of(digits);
    Epc::decode(&bytes, bits)
}

fn upper(bytes: &[u8]) -> String {
    hex::encode(bytes).to_uppercase()
}

fn key_of(text: &str) -> (Key, Option<usize>, Vec<Element>) {
    match parse(text) {
        Ok(Written::Key { key, prefix_len, data }) => (key, prefix_len, data),
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn every_vector_is_written_and_read() {
    let vectors = vectors("vectors");
    assert_eq!(vectors.len(), 62);
    for vector in &vectors {
        let word = |name: &str| vector[name].as_str().unwrap();
        let digits = word("hex");
        let epc = decoded(digits).unwrap_or_else(|fault| panic!("{digits}: {fault}"));
        assert_eq!(epc.scheme().name(), word("scheme"));
        assert_eq!(epc.tag_uri().as_deref(), Some(word("tag_uri")));
        assert_eq!(epc.pure_identity().as_deref(), Some(word("pure_identity")));
        assert_eq!(Some(u64::from(epc.filter())), vector["filter"].as_u64());
        assert_eq!(epc.partition().map(|partition| partition as u64), vector["partition"].as_u64());
        assert_eq!(epc.element_string().as_deref(), Some(word("element_string")));
        assert_eq!(epc.digital_link().as_deref(), Some(word("digital_link")));
        // Back from every one of them.
        let whole = |digits: &str| format!("{digits:0<width$}", width = digits.len().div_ceil(4) * 4);
        assert_eq!(upper(&epc.words()), whole(digits));
        assert_eq!(parse(word("tag_uri")), Ok(Written::Epc(epc.clone())));
        let again = |key: Key, prefix_len| Epc::new(epc.scheme(), epc.filter(), key, prefix_len, vec![]);
        let (key, prefix_len, _) = key_of(word("pure_identity"));
        assert_eq!(again(key, prefix_len), Ok(epc.clone()));
        for text in [word("element_string"), word("digital_link")] {
            let (key, none, data) = key_of(text);
            assert_eq!((none, data), (None, vec![]), "{text}");
            assert_eq!(again(key, epc.prefix_len()), Ok(epc.clone()), "{text}");
        }
        let Ok(Written::Bits { bits, bytes, .. }) = parse(&epc.raw_uri()) else { panic!("{}", epc.raw_uri()) };
        assert_eq!(Epc::decode(&bytes, bits), Ok(epc));
    }
}

#[test]
fn every_plus_vector_is_written_and_read() {
    let vectors = vectors("plus_vectors");
    assert_eq!(vectors.len(), 8);
    for vector in &vectors {
        let word = |name: &str| vector[name].as_str().unwrap();
        let digits = word("hex");
        let epc = decoded(digits).unwrap_or_else(|fault| panic!("{digits}: {fault}"));
        assert_eq!(epc.scheme().name(), word("scheme"));
        assert_eq!(epc.digital_link().as_deref(), Some(word("digital_link")));
        assert_eq!(Some(epc.bits() as u64), vector["bits"].as_u64());
        let elements = vector["ai_json"].as_object().unwrap();
        assert_eq!(epc.elements().len(), elements.len());
        for element in epc.elements() {
            assert_eq!(elements[&element.ai], element.value);
        }
        assert_eq!((epc.tag_uri(), epc.pure_identity(), epc.partition()), (None, None, None));
        let (key, _, _) = key_of(word("digital_link"));
        let written = encode(&key, epc.filter(), None, None).unwrap();
        assert_eq!(upper(&written).trim_end_matches('0'), digits.trim_end_matches('0'));
        assert_eq!(written.len() % 2, 0, "whole words");
    }
}

#[test]
fn check_digits_are_right() {
    for vector in vectors("check_digits") {
        let digit = gs1::check_digit(vector["without"].as_str().unwrap()).unwrap().to_string();
        assert_eq!(vector["check"].as_str(), Some(digit.as_str()), "{vector}");
    }
    // A check digit of 0 is the one that is forgotten.
    let epc = decoded("3036142C8C008F8000053244").unwrap();
    assert!(epc.element_string().unwrap().starts_with("(01)08719139005740(21)"));
}

#[test]
fn what_is_no_epc_stays_raw_and_says_why() {
    for vector in vectors("negative") {
        let digits = vector["hex"].as_str().unwrap();
        let bytes = hex::decode(digits).unwrap();
        let Memory::Raw(raw) = of_tag_memory(None, &bytes) else { panic!("{digits} was read") };
        assert_eq!(raw.uri(), format!("urn:epc:raw:{}.x{digits}", digits.len() * 4));
    }
    for (pc, digits, told, at) in [
        (None, "", "the tag gave no bits of an EPC", None),
        (None, "3074257BF7194E4000001A", "88 bits are too short for sgtin-96, which has 96", Some(88)),
        (None, "301C257BF7194E4000001A85", "partition 7 at bit 11 does not exist", Some(11)),
        (None, "E2801160600002045A5B6C7D", "header E2 is that of a chip's own number (TID), not of an EPC", Some(0)),
        (None, "000000000000000000000000", "header 00: the tag is not programmed", Some(0)),
        (None, "4741544530303432", "header 47 belongs to no EPC scheme", Some(0)),
        (None, "FD30", "header FD: SGTIN++ carries a host name and is kept as it is", Some(0)),
        (
            None,
            "301BFFFFC000000000000000",
            "the company prefix at bit 14 is 1048575, which has more than 6 digits",
            Some(14),
        ),
        (None, "3174257BF4499602D2000001", "bit 95 is 1 where the reference has ended", Some(95)),
        (None, "3074257BF7194E4000001A850001", "bit 111 is 1 where the EPC has ended", Some(111)),
        (
            None,
            "3674257BF6B7A659B240BF100000000000000000000000000000",
            "the serial number has at bit 72 the code 32, which is no character of it",
            Some(72),
        ),
        (
            None,
            "3614257BF7194E40000000000000000000000000000000000000",
            "the serial number at bit 58 is empty",
            Some(58),
        ),
        (
            None,
            "3614257BF7194E58000000000000000000000000000000000001",
            "bit 207 is 1 where the EPC has ended",
            Some(207),
        ),
        (
            None,
            "3F14F4E4E612640000000005",
            "the serial number at bit 55 is 5, which does not begin with the 1 that marks its digits",
            Some(55),
        ),
        (
            Some(0x31a1),
            "3074257BF7194E4000001A85",
            "the PC word says that the tag is no EPC but follows ISO, with application family A1",
            None,
        ),
        (Some(0x3400), "3074257BF7194E40", "the PC word states 96 bits of EPC, the reader gave 64", None),
        (Some(0x0000), "3074257BF7194E4000001A85", "the tag gave no bits of an EPC", None),
        (
            None,
            "F73795211411234638566CB0AFC4",
            "the values at bit 12 name no key: (01) 79521141123463 has a wrong check digit",
            Some(12),
        ),
        (
            None,
            "F7379521141123453E566CB0AFC4",
            "the value of (21) at bit 68 cannot be read: 7 is no way to write text",
            Some(68),
        ),
    ] {
        let (bytes, bits) = if digits.is_empty() { (vec![], 0) } else { bits_of(digits) };
        let Memory::Raw(raw) = of_tag_memory(pc, &bytes) else { panic!("{digits} was read") };
        assert_eq!((raw.why.to_string().as_str(), raw.why.at()), (told, at), "{digits}");
        assert_eq!((raw.bytes.clone(), raw.bits.div_ceil(8)), (bytes, bits.div_ceil(8)));
    }
    let Memory::Raw(iso) = of_tag_memory(Some(0x11a1), &[0x12, 0x34]) else { panic!() };
    assert_eq!(iso.uri(), "urn:epc:raw:16.xA1.x1234");
}

#[test]
fn the_pc_word_says_how_long_the_epc_is() {
    let epc = hex::decode("3074257BF7194E4000001A85").unwrap();
    let behind = [epc.as_slice(), &[0xff, 0xff]].concat();
    let Memory::Epc(found) = of_tag_memory(Some(0x3400), &behind) else {
        panic!("what stands behind is no part of it")
    };
    assert_eq!(found.tag_uri().as_deref(), Some("urn:epc:tag:sgtin-96:3.0614141.812345.6789"));
    assert!(matches!(of_tag_memory(None, &behind), Memory::Raw(_)));
    let pc = ControlWord(0x3600);
    assert_eq!((pc.epc_bits(), pc.user_memory(), pc.extended(), pc.iso_family()), (96, true, true, None));
}

#[test]
fn one_thing_is_one_key_however_it_is_written() {
    let keys = |list: &[&str]| -> Vec<Key> {
        list.iter()
            .map(|text| match parse(text).unwrap() {
                Written::Epc(epc) => *epc.key(),
                Written::Key { key, .. } => key,
                Written::Bits { bits, bytes, .. } => *Epc::decode(&bytes, bits).unwrap().key(),
            })
            .collect()
    };
    for same in [
        &[
            "urn:epc:tag:sgtin-96:3.0614141.812345.6789",
            "urn:epc:tag:sgtin-96:1.061414.8112345.6789",
            "urn:epc:tag:sgtin-198:0.0614141.812345.6789",
            "urn:epc:id:sgtin:06141411.82345.6789",
            "F7080614141123458046A14",
            "(01)80614141123458(21)6789",
            "https://shop.example/x/01/80614141123458/21/6789",
        ][..],
        &["urn:epc:tag:sgln-96:0.0614141.12345.0", "urn:epc:id:sgln:0614141.12345.0", "(414)0614141123452"],
        &["urn:epc:id:grai:061414113245..0", "(8003)006141411324540"],
    ] {
        let found = keys(same);
        assert!(found.windows(2).all(|pair| pair[0] == pair[1]), "{same:?} {found:?}");
    }
}

/// Every scheme with every length of the company prefix, least and greatest values: 22 schemes, both ways.
#[test]
fn every_partition_holds_its_least_and_its_greatest() {
    let mut swept = 0;
    for scheme in Scheme::all().filter(|scheme| !scheme.is_plus()) {
        let lens = if matches!(scheme.kind(), Kind::Gid | Kind::Usdod | Kind::Adi) { 0..=0 } else { 6..=12 };
        for len in lens {
            for filter in [0, scheme.filter_max()] {
                for body in bodies(scheme, len) {
                    let uri = match scheme {
                        Scheme::Gid96 => format!("urn:epc:tag:{}:{body}", scheme.name()),
                        _ => format!("urn:epc:tag:{}:{filter}.{body}", scheme.name()),
                    };
                    let epc = match parse(&uri) {
                        Ok(Written::Epc(epc)) => epc,
                        other => panic!("{uri}: {other:?}"),
                    };
                    assert_eq!(epc.tag_uri(), Some(uri.clone()));
                    assert_eq!(Epc::decode(&epc.words(), epc.words().len() * 8), Ok(epc.clone()), "{uri}");
                    assert_eq!(scheme.bits().unwrap_or(epc.bits()), epc.bits());
                    swept += 1;
                }
            }
        }
    }
    assert_eq!(swept, 19 * 7 * 2 * 2 + 3 * 2 * 2);
}

/// Least and greatest values of a scheme, as its URIs write them.
fn bodies(scheme: Scheme, len: usize) -> [String; 2] {
    let of = |digit: &str, count: usize| digit.repeat(count);
    let both = |serials: [&str; 2], digits: usize| {
        let [least, greatest] = serials;
        [
            format!("{}.{}{least}", of("0", len), of("0", digits)),
            format!("{}.{}{greatest}", of("9", len), of("9", digits)),
        ]
    };
    let text = |count| format!(".{}", "z".repeat(count));
    let open = |partition: usize, bits: [u32; 7], digits: usize| {
        let most = ((1_u64 << bits[partition]) - 1).min(10_u64.pow(digits as u32) - 1);
        most.to_string()
    };
    let partition = 12 - len.clamp(6, 12);
    match scheme {
        Scheme::Sgtin96 => both([".0", ".274877906943"], 13 - len),
        Scheme::Sgtin198 => both([".!", &text(20)], 13 - len),
        Scheme::Sscc96 | Scheme::Gsrn96 | Scheme::Gsrnp96 => both(["", ""], 17 - len),
        Scheme::Sgln96 => both([".0", ".2199023255551"], 12 - len),
        Scheme::Sgln195 => both([".0", &text(20)], 12 - len),
        Scheme::Grai96 => both([".0", ".274877906943"], 12 - len),
        Scheme::Grai170 => both([".0", &text(16)], 12 - len),
        Scheme::Gdti96 => both([".0", ".2199023255551"], 12 - len),
        Scheme::Gdti113 => both([".0", ".99999999999999999"], 12 - len),
        Scheme::Gdti174 => both([".0", &text(17)], 12 - len),
        Scheme::Sgcn96 => both([".0", ".999999999999"], 12 - len),
        Scheme::Itip110 => both([".00.00.0", ".99.99.274877906943"], 13 - len),
        Scheme::Itip212 => both([".00.00.0", &format!(".99.99{}", text(20))], 13 - len),
        Scheme::Giai96 => {
            let most = open(partition, [42, 45, 48, 52, 55, 58, 62], 19);
            both(["0", &most], 0)
        }
        Scheme::Giai202 => both(["0", &"z".repeat(30 - len)], 0),
        Scheme::Cpi96 => {
            let most = open(partition, [11, 14, 17, 21, 24, 27, 31], 3 + partition);
            both(["0.0", &format!("{most}.2147483647")], 0)
        }
        Scheme::CpiVar => both(["0.0", &format!("{}.999999999999", "Z".repeat(30 - len))], 0),
        Scheme::Gid96 => ["0.0.0".into(), "268435455.16777215.68719476735".into()],
        Scheme::Usdod96 => ["00000.0".into(), "ZZZZZZ.68719476735".into()],
        Scheme::AdiVar => ["00000..0".into(), format!("ZZZZZZ.{}.%23{}", "Z".repeat(32), "Z".repeat(29))],
        plus => panic!("{plus:?} has no partitions"),
    }
}

#[test]
fn one_more_than_the_greatest_is_refused() {
    for uri in [
        "sgtin-96:0.0614141.812345.274877906944",
        "sgln-96:0.0614141.12345.2199023255552",
        "gdti-113:0.0614141.12345.100000000000000000",
        "giai-96:0.952012345678.4398046511104",
        "cpi-96:0.952012345678.1000.0",
        "cpi-96:0.0614141.1.2147483648",
        "cpi-var:0.0614141.A.1000000000000",
        "sgcn-96:0.4012345.67890.1234567890123",
        "giai-202:0.061414.1234567890123456789012345",
        "gid-96:268435456.0.0",
        "usdod-96:0.CAGEI.1",
        "usdod-96:16.CAGE1.1",
        "adi-var:0.CAGE1.P#1.2",
        "itip-110:0.4012345.012345.1.02.987",
        "sgtin-198:0.0614141.812345.123456789012345678901",
    ] {
        assert!(parse(&format!("urn:epc:tag:{uri}")).is_err(), "{uri}");
    }
}

#[test]
fn data_behind_a_plus_key_is_read_and_an_unknown_one_does_not_hide_it() {
    let element = |ai: &str, value: &str| Element { ai: ai.to_owned(), value: value.to_owned() };
    let key = Key::sgtin("79521141123453", "32a/b").unwrap();
    let data = vec![
        element("10", "L-7"),
        element("17", "261231"),
        element("3103", "000189"),
        element("8008", "2612312359"),
        element("7007", "260101261231"),
        element("253", "0614141123452"),
        element("4307", "CN"),
        element("00", "106141412345678908"),
    ];
    let epc = Epc::new(Scheme::SgtinPlus, 3, key, None, data.clone()).unwrap();
    let back = Epc::decode(&epc.words(), epc.words().len() * 8).unwrap();
    assert_eq!((&back, back.data()), (&epc, data.as_slice()));
    assert!(
        epc.digital_link().unwrap().starts_with("https://id.gs1.org/01/79521141123453/10/L-7/21/32a%2Fb?17=261231&")
    );
    // Header, toggle set, the key as in the standard's example, then (03), which the tables do not have.
    let mut words = hex::decode("F7B795211411234538566CB0AFC4").unwrap();
    words.extend_from_slice(&[0x06, 0x12, 0x34, 0x56]);
    let epc = Epc::decode(&words, words.len() * 8).unwrap();
    assert_eq!(epc.key(), &key);
    assert_eq!(epc.unread().unwrap().why.to_string(), "at bit 111 stands (03), which is no application identifier");
    assert_eq!(epc.words(), words, "no bit of it is lost");
    // DSGTIN+: the date first.
    let dated = vec![element("17", "261231"), element("10", "L-7")];
    let epc = Epc::new(Scheme::DsgtinPlus, 1, key, None, dated.clone()).unwrap();
    assert_eq!(upper(&epc.words()).get(..8), Some("FB94359F"), "toggle and filter, kind 4, 26-12-31");
    assert_eq!(Epc::decode(&epc.words(), epc.words().len() * 8).unwrap().data(), dated);
    for refused in [vec![], vec![element("10", "L-7")], vec![element("17", "261301")]] {
        assert!(Epc::new(Scheme::DsgtinPlus, 1, key, None, refused).is_err());
    }
    let classic = Epc::new(Scheme::Sgtin198, 3, key, Some(7), data).unwrap_err();
    assert_eq!(classic.to_string(), "sgtin-198 carries a key and nothing beside it");
}

/// `digits` digits and behind them their check digit.
fn checked(digits: usize) -> impl Strategy<Value = Digits> {
    proptest::collection::vec(0..10_u8, digits).prop_map(|digits| {
        let body: String = digits.into_iter().map(|digit| char::from(b'0' + digit)).collect();
        Digits::parse(&format!("{body}{}", gs1::check_digit(&body).unwrap())).unwrap()
    })
}

fn digits(pattern: &str) -> impl Strategy<Value = Digits> + use<> {
    proptest::string::string_regex(pattern).unwrap().prop_map(|text| Digits::parse(&text).unwrap())
}

fn text(pattern: &str) -> impl Strategy<Value = Text> + use<> {
    proptest::string::string_regex(pattern).unwrap().prop_map(|text| Text::parse(&text).unwrap())
}

/// Serial numbers as they come: numbers, hex digits, capitals, anything of character set 82.
fn serial(most: usize) -> impl Strategy<Value = Text> {
    prop_oneof![
        text(&format!("[1-9][0-9]{{0,{}}}", most - 1)),
        text(&format!("[0-9]{{1,{most}}}")),
        text(&format!("[0-9A-F]{{1,{most}}}")),
        text(&format!("[A-Z0-9.:-]{{1,{most}}}")),
        text(&format!("[A-Za-z0-9_-]{{1,{most}}}")),
        text(&format!("[A-Za-z0-9!\"%&'()*+,./:;<=>?_-]{{1,{most}}}")),
    ]
}

fn key() -> impl Strategy<Value = Key> {
    let supplier = || text("[0-9A-HJ-NP-Z]{5,6}");
    prop_oneof![
        (checked(13), serial(20)).prop_map(|(gtin, serial)| Key::Sgtin { gtin, serial }),
        checked(17).prop_map(|sscc| Key::Sscc { sscc }),
        (checked(12), proptest::option::of(serial(20)))
            .prop_map(|(gln, extension)| Key::Sgln { gln, extension: extension.filter(|text| text.as_str() != "0") }),
        (checked(12), serial(16)).prop_map(|(grai, serial)| Key::Grai { grai, serial }),
        text("[0-9]{6,12}[0-9]{1,18}").prop_map(|giai| Key::Giai { giai }),
        text("[0-9]{12}[A-Za-z0-9!\"%&'()*+,./:;<=>?_-]{1,18}").prop_map(|giai| Key::Giai { giai }),
        checked(17).prop_map(|gsrn| Key::Gsrn { gsrn }),
        checked(17).prop_map(|gsrn| Key::Gsrnp { gsrn }),
        (checked(12), serial(17)).prop_map(|(gdti, serial)| Key::Gdti { gdti, serial }),
        (checked(12), digits("[0-9]{1,12}")).prop_map(|(gcn, serial)| Key::Sgcn { gcn, serial }),
        (checked(13), digits("[0-9]{2}"), digits("[0-9]{2}"), serial(20))
            .prop_map(|(gtin, piece, total, serial)| Key::Itip { gtin, piece, total, serial }),
        (text("[0-9]{12}[0-9A-Z#/-]{1,18}"), digits("[0-9]{1,12}")).prop_map(|(cpi, serial)| Key::Cpi { cpi, serial }),
        (text("[0-9]{7,15}"), digits("[1-9][0-9]{0,8}")).prop_map(|(cpi, serial)| Key::Cpi { cpi, serial }),
        (0..1_u32 << 28, 0..1_u32 << 24, 0..1_u64 << 36).prop_map(|(manager, class, serial)| Key::Gid {
            manager,
            class,
            serial
        }),
        (supplier(), 0..1_u64 << 36).prop_map(|(supplier, serial)| Key::Usdod { supplier, serial }),
        (supplier(), text("[0-9A-Z/-]{0,32}"), text("#?[0-9A-Z/-]{1,29}"))
            .prop_map(|(supplier, part, serial)| Key::Adi { supplier, part, serial }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_024, ..ProptestConfig::default() })]

    /// Whatever is written is read back, by every scheme that can write it, and in every way of writing it as text.
    #[test]
    fn a_key_comes_back_from_every_scheme(key in key(), filter in 0..8_u8, len in 6..=12_usize) {
        let mut schemes = 0;
        for scheme in Scheme::all().filter(|scheme| scheme.kind() == key.kind()) {
            let filter = filter.min(scheme.filter_max());
            let date = Element { ai: "11".into(), value: "260731".into() };
            let data = if scheme == Scheme::DsgtinPlus { vec![date] } else { vec![] };
            let Ok(epc) = Epc::new(scheme, filter, key, Some(len), data.clone()) else { continue };
            schemes += 1;
            prop_assert_eq!(epc.key(), &key);
            let words = epc.words();
            prop_assert_eq!(words.len() % 2, 0);
            prop_assert_eq!(&Epc::decode(&words, words.len() * 8), &Ok(epc.clone()));
            if let Some(uri) = epc.tag_uri() {
                prop_assert_eq!(parse(&uri), Ok(Written::Epc(epc.clone())));
            }
            if let Some(uri) = epc.pure_identity() {
                let data = vec![];
                prop_assert_eq!(parse(&uri), Ok(Written::Key { key, prefix_len: epc.prefix_len(), data }));
            }
            for text in [epc.element_string(), epc.digital_link()].into_iter().flatten() {
                prop_assert_eq!(parse(&text), Ok(Written::Key { key, prefix_len: None, data: data.clone() }));
            }
        }
        // The "+" schemes carry every GS1 key; the three others have their only scheme.
        prop_assert!(0 < schemes, "{:?} found no scheme", key);
        prop_assert!(plan(&key, &[], 0, None, None).is_ok());
    }

    /// Whatever bytes a reader gives: no panic, no bit lost, and what is taken for an EPC is written as it was.
    #[test]
    fn no_bytes_are_too_wild(
        header in proptest::sample::select(Scheme::all().map(Scheme::header).chain([0, 0xe2, 0xfd]).collect::<Vec<_>>()),
        toggle in proptest::bool::ANY,
        mut bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..70),
        zeros in 0..30_usize,
        cut in 0..16_usize,
        pc in proptest::option::of(proptest::num::u16::ANY),
    ) {
        if let Some(first) = bytes.first_mut() {
            *first = header;
        }
        if let Some(second) = bytes.get_mut(1).filter(|_| toggle) {
            // A partition that exists, in most of the schemes.
            *second &= 0b1111_1011;
        }
        bytes.extend(std::iter::repeat_n(0, zeros));
        match of_tag_memory(pc, &bytes) {
            Memory::Raw(raw) => {
                prop_assert_eq!(&raw.bytes, &bytes);
                prop_assert_eq!(raw.bits, bytes.len() * 8);
                prop_assert!(!raw.why.to_string().is_empty());
                let afi = if let Fault::Iso { afi } = raw.why { Some(afi) } else { None };
                if !bytes.is_empty() && raw.bits <= 496 {
                    prop_assert_eq!(parse(&raw.uri()), Ok(Written::Bits { bits: raw.bits, bytes: raw.bytes.clone(), afi }));
                }
            }
            Memory::Epc(epc) => {
                let words = epc.words();
                prop_assert!(!words.is_empty());
                prop_assert_eq!(&Epc::decode(&words, words.len() * 8).map(|back| *back.key()), &Ok(*epc.key()));
                if !epc.scheme().is_plus() {
                    let end = words.len().min(bytes.len());
                    prop_assert_eq!(&words[..end], &bytes[..end]);
                }
            }
        }
        let bits = (bytes.len() * 8).saturating_sub(cut);
        let _ = Epc::decode(&bytes, bits);
        let _ = Epc::decode(&bytes, bits + 64);
    }

    /// Any text: an answer, no panic.
    #[test]
    fn no_text_is_too_wild(text in prop_oneof![
        "\\PC{0,60}",
        "urn:epc:(tag|id|raw):(sgtin-96|sgln-195|gid-96|adi-var|itip|96)[:.][0-9A-Z.%x]{0,40}",
        "\\([0-9]{2,4}\\)[0-9a-z(\\\\]{0,30}",
        "https?://[a-z.]{0,9}/(01|00|8006)/[0-9%/?=&]{0,40}",
    ]) {
        if let Ok(Written::Epc(epc)) = parse(&text) {
            prop_assert!(epc.tag_uri().is_some());
        }
    }
}
