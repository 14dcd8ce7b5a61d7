//! The codec against the vectors.

use std::time::Duration;

use gatebook_hardware::llrp::frame::{self, FRAME_MAX, FramingLost};
use gatebook_hardware::llrp::message::{Flaw, Message};
use gatebook_hardware::llrp::report::{OpResult, Stamps, TagReports};
use serde_json::{Value, json};

use super::{hex, vector, vectors};

#[test]
fn every_vector_is_decoded_as_three_other_decoders_do_and_encoded_to_the_same_bytes() {
    let all = vectors();
    let all = all["vectors"].as_array().unwrap();
    assert_eq!(all.len(), 59);
    for vector in all {
        let id = vector["id"].as_str().unwrap();
        let bytes = hex(vector["hex"].as_str().unwrap());
        let frame = frame::cut(&bytes).unwrap().unwrap_or_else(|| panic!("{id}: not whole"));
        assert_eq!(frame.len(), bytes.len(), "{id}");
        let message = Message::decode(&frame).unwrap_or_else(|error| panic!("{id}: {error}"));
        let got: Value = serde_json::from_str(&message.json()).unwrap();
        for key in ["message", "type", "version", "message_id", "decoded"] {
            assert_eq!(got[key], vector[key], "{id}: {key}");
        }
        assert_eq!(message.encode().unwrap(), bytes, "{id}: encoded");
    }
}

#[test]
fn a_stream_gives_the_same_frames_for_every_split() {
    let all = vectors();
    for stream in all["streams"].as_array().unwrap() {
        let bytes = hex(stream["concat_hex"].as_str().unwrap());
        let want: Vec<Vec<u8>> =
            stream["frames"].as_array().unwrap().iter().map(|id| vector(id.as_str().unwrap())).collect();
        assert_eq!(frames(bytes.chunks(1)), want);
        for split in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(split);
            assert_eq!(frames([head, tail].into_iter()), want, "split at {split}");
        }
    }
}

fn frames<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let (mut received, mut found) = (Vec::new(), Vec::new());
    for piece in pieces {
        received.extend_from_slice(piece);
        while let Some(frame) = frame::cut(&received).unwrap() {
            let len = frame.len();
            found.push(received.drain(..len).collect());
        }
    }
    found
}

#[test]
fn broken_messages_are_named_and_never_loop() {
    let all = vectors();
    let bytes = |id: &str| {
        let found = all["negative"].as_array().unwrap().iter().find(|vector| vector["id"] == id);
        hex(found.unwrap_or_else(|| panic!("no vector {id}"))["hex"].as_str().unwrap())
    };
    assert_eq!(all["negative"].as_array().unwrap().len(), 7);
    for id in ["neg-truncated-body", "neg-truncated-header"] {
        assert_eq!(frame::cut(&bytes(id)), Ok(None), "{id}");
    }
    assert_eq!(frame::cut(&bytes("neg-length-4gib")), Err(FramingLost { length: u32::MAX }));

    let flaw = |id: &str| {
        let bytes = bytes(id);
        let frame = frame::cut(&bytes).unwrap().unwrap();
        let tree = Message::decode(&frame).map(|_| ()).unwrap_err();
        let fast = TagReports::new(frame.body, 0).next().map(|tag| tag.map(|tag| tag.antenna));
        (tree, fast)
    };
    let (tree, fast) = flaw("neg-tlv-length-3");
    assert_eq!(tree.flaw, Flaw::TooShort { number: 240, length: 3 });
    assert_eq!(fast, Some(Err(tree)));
    let (tree, fast) = flaw("neg-tlv-overrun");
    assert_eq!(tree.flaw, Flaw::Overrun { number: 240 });
    assert_eq!(fast, Some(Err(tree)));
    assert_eq!(tree.to_string(), "parameter TagReportData runs past the end of its parent (byte 10 of the message)");
    assert_eq!(flaw("neg-unknown-message-type").0.flaw, Flaw::UnknownMessage(99));

    let reserved = bytes("neg-reserved-bits-set");
    let frame = frame::cut(&reserved).unwrap().unwrap();
    assert_eq!((frame.version, frame.number), (1, 61), "the reserved bits are not looked at");
    assert!(Message::decode(&frame).is_ok());
}

#[test]
fn a_length_over_the_bound_is_refused_from_six_bytes() {
    let head = |length: u32| [&[0x04, 0x3D][..], &length.to_be_bytes()].concat();
    assert_eq!(frame::cut(&head(9)), Err(FramingLost { length: 9 }));
    assert_eq!(frame::cut(&head(FRAME_MAX as u32)), Ok(None));
    assert_eq!(frame::cut(&head(FRAME_MAX as u32 + 1)), Err(FramingLost { length: FRAME_MAX as u32 + 1 }));
}

#[test]
fn unknown_parameters_are_kept_as_octets_and_cost_no_tag() {
    // TagReportData: EPC-96, AntennaID, then an unknown TLV 900, then PeakRSSI.
    let bytes = hex("043d0000002a0000000100f000208d3034257bf7194e4000001a8581000103840007aabbcc86c6880002");
    let frame = frame::cut(&bytes).unwrap().unwrap();
    let message = Message::decode(&frame).unwrap();
    let got: Value = serde_json::from_str(&message.json()).unwrap();
    assert_eq!(got["decoded"]["TagReportData"]["Unknown"], json!({"Type": 900, "Data": "aabbcc"}));
    assert_eq!(got["decoded"]["TagReportData"]["PeakRSSI"]["PeakRSSI"], -58);
    assert_eq!(message.encode().unwrap(), bytes);
    let tag = TagReports::new(frame.body, 0).next().unwrap().unwrap();
    assert_eq!((tag.antenna, tag.rssi_dbm, tag.count), (1, Some(-58), 2));

    // An unknown TV ends its parent; what came before it stays, and so does the next tag.
    let bytes =
        hex("043d000000380000000100f0001a8d3034257bf7194e4000001a85810001ff010203040500f000148d3034257bf7194e40\
         00001a86810002");
    let frame = frame::cut(&bytes).unwrap().unwrap();
    let message = Message::decode(&frame).unwrap();
    assert_eq!(message.encode().unwrap(), bytes);
    let tags: Vec<_> = TagReports::new(frame.body, 0).map(|tag| tag.unwrap().antenna).collect();
    assert_eq!(tags, [1, 2]);
    let got: Value = serde_json::from_str(&message.json()).unwrap();
    assert_eq!(got["decoded"]["TagReportData"][0]["UnknownTV"], json!({"Type": 127, "Data": "0102030405"}));
}

#[test]
fn the_fast_road_and_the_tree_agree_on_every_report() {
    let all = vectors();
    let ro50 = hex(include_str!("../data/llrp-ro50.hex"));
    let reports = all["vectors"].as_array().unwrap().iter().filter(|vector| vector["type"] == 61);
    let reports: Vec<Vec<u8>> = reports.map(|vector| hex(vector["hex"].as_str().unwrap())).chain([ro50]).collect();
    assert!(8 < reports.len());
    for bytes in reports {
        let frame = frame::cut(&bytes).unwrap().unwrap();
        let tree = Message::decode(&frame).unwrap();
        let tree: Value = serde_json::from_str(&tree.json()).unwrap();
        let want = match &tree["decoded"]["TagReportData"] {
            Value::Null => Vec::new(),
            Value::Array(many) => many.clone(),
            one => vec![one.clone()],
        };
        let got: Vec<_> = TagReports::new(frame.body, 0).map(Result::unwrap).collect();
        assert_eq!(got.len(), want.len());
        for (got, want) in got.iter().zip(&want) {
            let epc = want["EPC_96"]["EPC"].as_str().or(want["EPCData"]["EPC"]["hex"].as_str()).unwrap();
            assert_eq!(got.epc, hex(epc));
            assert_eq!(u64::from(got.antenna), want["AntennaID"]["AntennaID"].as_u64().unwrap_or(0));
            assert_eq!(got.rssi_dbm.map(i64::from), want["PeakRSSI"]["PeakRSSI"].as_i64());
            assert_eq!(u64::from(got.count), want["TagSeenCount"]["TagCount"].as_u64().unwrap_or(1));
            assert_eq!(got.last_seen.utc, want["LastSeenTimestampUTC"]["Microseconds"].as_u64());
        }
    }
}

#[test]
fn the_age_of_a_tag_comes_from_differences_of_the_readers_stamps() {
    let bytes = vector("ro-report-three-tags");
    let frame = frame::cut(&bytes).unwrap().unwrap();
    let tags = TagReports::new(frame.body, 0);
    let newest = tags.newest();
    assert_eq!(newest, Stamps { utc: Some(1_773_568_800_000_003), uptime: None });
    let ages: Vec<_> = tags.map(|tag| tag.unwrap().tag(newest, Duration::ZERO).age.as_micros()).collect();
    assert_eq!(ages, [2, 1, 0]);
}

#[test]
fn what_an_access_spec_did_stands_beside_its_tag() {
    let bytes = vector("ro-report-tid-read");
    let frame = frame::cut(&bytes).unwrap().unwrap();
    let tree: Value = serde_json::from_str(&Message::decode(&frame).unwrap().json()).unwrap();
    let tree = &tree["decoded"]["TagReportData"];
    let tag = TagReports::new(frame.body, 0).next().unwrap().unwrap();
    assert_eq!(Some(u64::from(tag.access_spec)), tree["AccessSpecID"]["AccessSpecID"].as_u64());
    let OpResult { number, code, rest } = tag.result.unwrap();
    let read = &tree["C1G2ReadOpSpecResult"];
    assert_eq!((number, Some(u64::from(code))), (349, read["Result"].as_u64()));
    let words = read["ReadData"].as_array().unwrap().iter().map(|word| word.as_u64().unwrap() as u16);
    let words: Vec<u8> = words.flat_map(u16::to_be_bytes).collect();
    assert_eq!(rest, [&(words.len() as u16 / 2).to_be_bytes()[..], &words].concat());

    let three_tags = vector("ro-report-three-tags");
    let frame = frame::cut(&three_tags).unwrap().unwrap();
    let plain = TagReports::new(frame.body, 0).map(Result::unwrap);
    assert!(plain.into_iter().all(|tag| tag.result.is_none() && tag.access_spec == 0));
}

#[test]
fn a_signal_strength_in_hundredths_goes_before_the_whole_one() {
    let bytes = vector("ro-report-impinj");
    let frame = frame::cut(&bytes).unwrap().unwrap();
    let tree: Value = serde_json::from_str(&Message::decode(&frame).unwrap().json()).unwrap();
    let fine = tree["decoded"]["TagReportData"]["ImpinjPeakRSSI"]["RSSI"].as_i64().unwrap();
    let tag = TagReports::new(frame.body, 0).next().unwrap().unwrap();
    assert_eq!(tag.rssi_dbm.map(i64::from), Some((fine as f64 / 100.0).round() as i64), "{fine}");
}

#[test]
fn settings_that_cannot_work_together_are_refused_in_words() {
    use gatebook_hardware::llrp::FAMILY;
    use gatebook_hardware::settings::Value as Set;
    let text = |text: &str| Set::Text(text.to_owned());
    let texts = |text: &str| Set::Texts(vec![text.to_owned()]);
    for (set, want) in [
        (vec![("reader_mode", text("quick"))], "`reader_mode` is \"quick\": write"),
        (vec![("only_epc_prefixes", texts("30342"))], "`only_epc_prefixes` holds \"30342\": write an even number"),
        (vec![("only_epc_prefixes", texts("EPC1"))], "`only_epc_prefixes` holds \"EPC1\""),
        (vec![("only_epc_prefixes", texts(""))], "`only_epc_prefixes` holds \"\""),
        (vec![("stop_input", Set::Whole(2))], "`stop_input` is set without `start_input`"),
        (vec![("start_input", Set::Whole(2)), ("inputs", text("ignored"))], "`start_input` needs the inputs"),
        (
            vec![("antennas", Set::Wholes(vec![1, 2])), ("antenna_power_dbm", Set::Wholes(vec![20]))],
            "`antenna_power_dbm` names 1 powers for 2 `antennas`",
        ),
    ] {
        let mut settings = gatebook_hardware::settings::Settings::of(FAMILY.settings);
        for (name, value) in &set {
            settings.set(name, value.clone()).unwrap();
        }
        let error = (FAMILY.session)(&settings).map(drop).unwrap_err();
        assert!(error.starts_with(want), "{set:?}: {error}");
    }
    let mut settings = gatebook_hardware::settings::Settings::of(FAMILY.settings);
    for (name, value) in [
        ("reader_mode", text("1002")),
        ("only_epc_prefixes", texts("30342")),
        ("only_epc_prefixes", texts("303425")),
        ("start_input", Set::Whole(1)),
        ("stop_input", Set::Whole(2)),
        ("version", text("1.1")),
    ] {
        settings.set(name, value).unwrap();
    }
    assert!((FAMILY.session)(&settings).is_ok());
}
