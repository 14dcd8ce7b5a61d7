//! One thing, whatever carries its code: any identity comes back from every symbol, text, address and tag that can hold it.

use gatebook::epc::key::Key;
use gatebook::epc::plan;
use gatebook::gs1::{Elements, bracketed, check_digit, element_string, link};
use gatebook::identity::Identifier;
use proptest::prelude::*;

/// Characters of a serial number that element strings, addresses and tags can hold.
const SET_82: &str = "[!\"%&'()*+,./0-9:;<=>?A-Z_a-z-]";

fn digits(length: usize) -> impl Strategy<Value = String> {
    proptest::string::string_regex(&format!("[0-9]{{{length}}}")).unwrap()
}

fn text(most: usize) -> impl Strategy<Value = String> {
    proptest::string::string_regex(&format!("{SET_82}{{1,{most}}}")).unwrap()
}

fn with_check(body: &str) -> String {
    format!("{body}{}", check_digit(body).unwrap())
}

/// Every kind of GS1 identity, by its elements.
fn identities() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let number = || "[1-9][0-9]{0,10}|0";
    prop_oneof![
        digits(13).prop_map(|body| vec![("01", with_check(&body))]),
        (digits(13), text(20)).prop_map(|(body, serial)| vec![("01", with_check(&body)), ("21", serial)]),
        (digits(13), number()).prop_map(|(body, serial)| vec![("01", with_check(&body)), ("21", serial)]),
        (digits(13), text(20)).prop_map(|(body, lot)| vec![("01", with_check(&body)), ("10", lot)]),
        digits(17).prop_map(|body| vec![("00", with_check(&body))]),
        digits(12).prop_map(|body| vec![("414", with_check(&body))]),
        (digits(12), text(20)).prop_map(|(body, within)| vec![("414", with_check(&body)), ("254", within)]),
        (digits(12), text(16)).prop_map(|(body, serial)| vec![("8003", format!("0{}{serial}", with_check(&body)))]),
        (digits(6), text(24)).prop_map(|(prefix, rest)| vec![("8004", prefix + &rest)]),
        digits(17).prop_map(|body| vec![("8018", with_check(&body))]),
        digits(17).prop_map(|body| vec![("8017", with_check(&body))]),
        (digits(12), text(17)).prop_map(|(body, serial)| vec![("253", with_check(&body) + &serial)]),
        (digits(12), number()).prop_map(|(body, serial)| vec![("255", with_check(&body) + &serial)]),
        (digits(6), "[A-Z0-9#/-]{1,24}", "[1-9][0-9]{0,10}")
            .prop_map(|(prefix, part, serial)| vec![("8010", prefix + &part), ("8011", serial)]),
        (digits(13), 1..=9_u8, text(20)).prop_map(|(body, piece, serial)| vec![
            ("8006", format!("{}0{piece}09", with_check(&body))),
            ("21", serial)
        ]),
    ]
}

/// The identity that each way of carrying `elements` gives.
fn carried(elements: &Elements) -> Vec<(String, Identifier)> {
    let mut ways = Vec::new();
    let string = element_string::write(elements);
    for aim in [(b'C', b'1'), (b'd', b'2'), (b'Q', b'3'), (b'e', b'0'), (b'J', b'1')] {
        ways.push((format!("symbol {aim:?}"), Identifier::of_symbol(Some(aim), &string)));
    }
    let typed = bracketed::write(elements);
    ways.push((typed.clone(), Identifier::of_symbol(None, typed.as_bytes())));
    ways.push((format!("printed for people {typed}"), Identifier::of_symbol(Some((b'Q', b'1')), typed.as_bytes())));
    let address = link::write(elements).unwrap();
    for aim in [None, Some((b'Q', b'1')), Some((b'd', b'1'))] {
        ways.push((address.clone(), Identifier::of_symbol(aim, address.as_bytes())));
    }
    let elsewhere = address.replace("https://id.gs1.org/", "http://rings.example:8080/some/folder/");
    ways.push((elsewhere.clone(), Identifier::of_symbol(Some((b'Q', b'1')), elsewhere.as_bytes())));
    ways
}

/// The identities of all tags that can carry `elements`.
fn tagged(pairs: &[(&'static str, String)]) -> Vec<(String, Identifier)> {
    let elements: Vec<_> = pairs
        .iter()
        .map(|(ai, value)| gatebook::epc::elements::Element { ai: (*ai).into(), value: value.clone() })
        .collect();
    let Ok((key, _)) = Key::of_elements(&elements) else { return Vec::new() };
    let mut tags = Vec::new();
    for prefix_len in (6..=12).map(Some).chain([None]) {
        for filter in [0, 1] {
            if let Ok(bytes) = plan::encode(&key, filter, prefix_len, None) {
                tags.push((format!("tag with prefix of {prefix_len:?}: {bytes:02x?}"), Identifier::of_tag(&bytes)));
            }
        }
    }
    tags
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_carrier_gives_the_same_identity(pairs in identities()) {
        let elements = Elements::of(pairs.iter().map(|(ai, value)| (*ai, value.as_str()))).unwrap();
        let first = Identifier::of_symbol(Some((b'd', b'2')), &element_string::write(&elements));
        prop_assert_eq!(Identifier::parse(&first.to_string()), Some(first.clone()));
        let named = first.elements().expect("a GS1 identity has elements");
        for (way, found) in carried(&elements).into_iter().chain(carried(&named)).chain(tagged(&pairs)) {
            prop_assert_eq!(&found, &first, "{}", way);
        }
    }

    #[test]
    fn equal_texts_and_only_they_are_equal_identities(one in identities(), other in identities()) {
        let [one, other] = [one, other].map(|pairs| {
            let elements = Elements::of(pairs.iter().map(|(ai, value)| (*ai, value.as_str()))).unwrap();
            Identifier::of_symbol(Some((b'd', b'2')), &element_string::write(&elements))
        });
        prop_assert_eq!(one == other, one.to_string() == other.to_string());
    }

    #[test]
    fn a_house_number_survives_every_symbol_and_hand(number in "[A-Z]{1,3}-[0-9]{4,7}-[A-Z]") {
        let first = Identifier::own(&number);
        for aim in [None, Some((b'C', b'0')), Some((b'd', b'1')), Some((b'Q', b'1')), Some((b'A', b'0'))] {
            prop_assert_eq!(&Identifier::of_symbol(aim, number.as_bytes()), &first);
            prop_assert_eq!(&Identifier::of_symbol(aim, format!(" {} ", number.to_lowercase()).as_bytes()), &first);
        }
    }

    #[test]
    fn no_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300), code in any::<u8>(), modifier in any::<u8>()) {
        for aim in [None, Some((code, modifier)), Some((b'd', b'2')), Some((b'Q', b'1'))] {
            let identifier = Identifier::of_symbol(aim, &bytes);
            prop_assert_eq!(Identifier::parse(&identifier.to_string()), Some(identifier));
        }
        let tag = Identifier::of_tag(&bytes);
        prop_assert_eq!(Identifier::parse(&tag.to_string()), Some(tag));
    }
}

#[test]
fn a_tag_is_wherever_possible_its_label() {
    let pairs = [("01", "09521234543213".to_owned()), ("21", "4711".to_owned())];
    // 96 bits for each length of the prefix, and the scheme that needs none.
    let tags = tagged(&pairs);
    assert_eq!(tags.len(), 16);
    assert!(tags.iter().all(|(_, found)| found.to_string() == "01/09521234543213/21/4711"));
}
