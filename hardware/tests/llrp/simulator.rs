//! The simulated reader as any client meets it: requests are the vectors, answers are decoded.

use std::time::Duration;

use gatebook_hardware::event::Contact;
use gatebook_hardware::llrp::frame;
use gatebook_hardware::llrp::message::Message;
use gatebook_hardware::simulator::Simulator;
use gatebook_hardware::simulator::llrp::{LlrpReader, Make, Vendor};
use gatebook_hardware::simulator::script::{Presentation, Script};
use serde_json::Value;

use super::{hex, vector};

const SECOND: Duration = Duration::from_secs(1);

fn reader() -> LlrpReader {
    reader_of(Make::default())
}

fn reader_of(make: Make) -> LlrpReader {
    let mut reader = LlrpReader::new(make, Script::new(), 1);
    reader.opened(Duration::ZERO);
    let greeting = said(&mut reader);
    assert_eq!(greeting[0]["decoded"]["ReaderEventNotificationData"]["ConnectionAttemptEvent"]["Status"], 0);
    reader
}

/// Everything that the reader has to say, decoded.
fn said(reader: &mut LlrpReader) -> Vec<Value> {
    let decoded = |bytes: Vec<u8>| {
        let frame = frame::cut(&bytes).unwrap().unwrap();
        assert_eq!(frame.len(), bytes.len());
        serde_json::from_str(&Message::decode(&frame).unwrap().json()).unwrap()
    };
    std::iter::from_fn(|| reader.transmit()).map(decoded).collect()
}

/// The names of what it says to a request, and the status of the first.
fn answers(reader: &mut LlrpReader, request: &[u8]) -> (Vec<String>, Option<u64>) {
    reader.receive(request, Duration::ZERO);
    let said = said(reader);
    let names = said.iter().map(|message| message["message"].as_str().unwrap().to_owned()).collect();
    let status = said.first().and_then(|first| first["decoded"]["LLRPStatus"]["StatusCode"].as_u64());
    if let Some(first) = said.first() {
        assert_eq!(first["message_id"], frame::cut(request).unwrap().unwrap().id, "an answer repeats the id");
    }
    (names, status)
}

#[test]
fn every_request_gets_its_answer_first_and_in_order() {
    let mut reader = reader();
    let events = ["ENABLE_ROSPEC_RESPONSE", "READER_EVENT_NOTIFICATION"].as_slice();
    let ended = |name| vec![name, "READER_EVENT_NOTIFICATION"];
    for (request, want, status) in [
        (vector("ltk-get_reader_capabilities"), vec!["GET_READER_CAPABILITIES_RESPONSE"], Some(0)),
        (vector("ltk-get_reader_config"), vec!["GET_READER_CONFIG_RESPONSE"], Some(0)),
        (vector("enable-events-and-reports"), vec![], None),
        (vector("set-reader-config-keepalive"), vec!["SET_READER_CONFIG_RESPONSE"], Some(0)),
        (hex("04290000000e0000000900000000"), vec!["DELETE_ACCESSSPEC_RESPONSE"], Some(0)),
        (vector("delete-rospec-all"), vec!["DELETE_ROSPEC_RESPONSE"], Some(0)),
        (vector("enable-rospec-7"), vec!["ENABLE_ROSPEC_RESPONSE"], Some(300)),
        (vector("add-rospec-immediate"), vec!["ADD_ROSPEC_RESPONSE"], Some(0)),
        (vector("add-rospec-immediate"), vec!["ADD_ROSPEC_RESPONSE"], Some(300)),
        (vector("add-rospec-gpi-portal"), vec!["ADD_ROSPEC_RESPONSE"], Some(0)),
        (vector("enable-rospec-7"), events.to_vec(), Some(0)),
        (vector("start-rospec-7"), vec!["START_ROSPEC_RESPONSE"], Some(0)),
        (vector("get-rospecs"), vec!["GET_ROSPECS_RESPONSE"], Some(0)),
        (vector("disable-rospec-7"), ended("DISABLE_ROSPEC_RESPONSE"), Some(0)),
        (vector("start-rospec-7"), vec!["START_ROSPEC_RESPONSE"], Some(300)),
        (vector("delete-rospec-7"), vec!["DELETE_ROSPEC_RESPONSE"], Some(0)),
        (vector("keepalive-ack"), vec![], None),
        (vector("impinj-enable-extensions"), vec!["ERROR_MESSAGE"], Some(109)),
        (hex("04630000000a00000005"), vec!["ERROR_MESSAGE"], Some(109)),
        (vector("get-supported-version"), vec!["ERROR_MESSAGE"], Some(110)),
        (vector("close-connection"), vec!["CLOSE_CONNECTION_RESPONSE"], Some(0)),
    ] {
        let got = answers(&mut reader, &request);
        assert_eq!(got, (want.iter().map(|name| (*name).to_owned()).collect(), status), "{request:02x?}");
    }
    assert!(reader.take_disconnect(), "after the goodbye the reader hangs up");
    assert!(!reader.take_disconnect());
}

#[test]
fn a_report_holds_exactly_what_the_selector_asked_for() {
    let mut reader = reader();
    answers(&mut reader, &vector("add-rospec-immediate"));
    answers(&mut reader, &vector("enable-rospec-7"));
    let epc = hex("303425 7bf7194e4000001a01");
    reader.tag_enters(&epc, 2, Duration::ZERO);
    reader.tick(SECOND);
    let reports = said(&mut reader);
    assert!(10 < reports.len());
    for report in reports {
        let tag = report["decoded"]["TagReportData"].as_object().unwrap();
        let mut got: Vec<&str> = tag.keys().map(String::as_str).collect();
        got.sort_unstable();
        let want = [
            "AntennaID",
            "C1G2_CRC",
            "C1G2_PC",
            "ChannelIndex",
            "EPC_96",
            "FirstSeenTimestampUTC",
            "LastSeenTimestampUTC",
            "PeakRSSI",
            "TagSeenCount",
        ];
        assert_eq!(got, want);
        assert_eq!(tag["C1G2_PC"]["PC_Bits"], 0x3000, "six words");
    }
}

#[test]
fn a_report_at_the_end_only_comes_at_the_end() {
    let mut reader = reader();
    let mut request = vector("add-rospec-immediate");
    // N of the ROReportSpec: 0 instead of 1.
    let place = request.windows(3).position(|three| three == [2, 0, 1]).unwrap();
    request[place + 2] = 0;
    answers(&mut reader, &request);
    answers(&mut reader, &vector("enable-rospec-7"));
    reader.tag_enters(&hex("303425 7bf7194e4000001a01"), 2, Duration::ZERO);
    reader.tick(5 * SECOND);
    assert_eq!(said(&mut reader).len(), 0);
    reader.receive(&hex("043c0000000a00000001"), 5 * SECOND);
    let fetched = said(&mut reader);
    assert_eq!(fetched.len(), 1, "GET_REPORT fetches before the end");
    assert!(100 < fetched[0]["decoded"]["TagReportData"]["TagSeenCount"]["TagCount"].as_u64().unwrap());
    reader.tick(6 * SECOND);
    reader.receive(&vector("disable-rospec-7"), 6 * SECOND);
    let said = said(&mut reader);
    assert_eq!(said[0]["message"], "DISABLE_ROSPEC_RESPONSE");
    assert_eq!(said[1]["message"], "RO_ACCESS_REPORT");
}

#[test]
fn a_client_that_acknowledges_nothing_is_hung_up_on() {
    let mut reader = reader();
    answers(&mut reader, &vector("set-reader-config-keepalive"));
    for second in 1..50 {
        reader.tick(second * SECOND);
    }
    let keepalives = said(&mut reader);
    assert_eq!(keepalives.len(), 4);
    assert!(keepalives.iter().all(|message| message["message"] == "KEEPALIVE"));
    assert!(!reader.take_disconnect());
    reader.tick(50 * SECOND);
    assert!(reader.take_disconnect());
}

#[test]
fn what_a_reader_holds_during_an_outage_is_bounded_and_the_loss_is_told() {
    let mut reader = reader();
    // Holding on, then a ROSpec that reports each tag.
    answers(&mut reader, &vector("set-reader-config-keepalive"));
    answers(&mut reader, &vector("add-rospec-immediate"));
    answers(&mut reader, &vector("enable-rospec-7"));
    reader.disconnected(Duration::ZERO);
    for tag in 0..100 {
        reader.tag_enters(&[0x30, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, tag], 1, Duration::ZERO);
    }
    for second in 1..60 {
        reader.tick(second * SECOND);
    }
    assert_eq!(reader.transmit(), None);
    reader.opened(60 * SECOND);
    assert_eq!(said(&mut reader).len(), 1, "only the greeting until the client is ready");
    assert_eq!(reader.log(), []);
    reader.receive(&vector("enable-events-and-reports"), 60 * SECOND);
    let held = said(&mut reader);
    assert_eq!(held[0]["decoded"]["TagReportData"].as_array().unwrap().len(), 20_000);
    let told = &held[1]["decoded"]["ReaderEventNotificationData"];
    assert_eq!(told["ReportBufferOverflowErrorEvent"], serde_json::json!({}));
    assert_eq!(reader.log().len(), 20_000);
}

/// The EPCs in the reports among what a reader said.
fn reported(said: &[Value]) -> Vec<String> {
    let tags = said.iter().map(|message| &message["decoded"]["TagReportData"]);
    let tags = tags.flat_map(|tags| tags.as_array().cloned().unwrap_or_else(|| vec![tags.clone()]));
    tags.filter_map(|tag| tag["EPC_96"]["EPC"].as_str().map(str::to_owned)).collect()
}

#[test]
fn a_portal_of_photo_eyes_reads_from_the_first_to_the_second() {
    let mut reader = reader();
    answers(&mut reader, &vector("add-rospec-gpi-portal"));
    let enable = hex("04180000000e0000000100000008");
    assert_eq!(answers(&mut reader, &enable).1, Some(0));
    reader.tag_enters(&hex("3034257bf7194e4000001a01"), 1, Duration::ZERO);
    let contact = |line, closed| Presentation::Contact(Contact { line, closed });
    // Report at the end of the ROSpec: second eye, or five seconds.
    for (what, at, want) in [
        (None, 2, 0),
        (Some(contact(1, true)), 3, 0),
        (Some(contact(2, true)), 5, 1),
        (None, 20, 0),
        (Some(contact(1, false)), 21, 0),
        (Some(contact(1, true)), 22, 0),
        (None, 26, 0),
        (None, 28, 1),
    ] {
        if let Some(what) = what {
            reader.show(what, at * SECOND);
        }
        reader.tick(at * SECOND);
        assert_eq!(reported(&said(&mut reader)).len(), want, "at {at} s");
    }
}

#[test]
fn a_makers_parameters_are_taken_once_they_were_switched_on() {
    let mut reader = reader_of(Make { vendor: Vendor::Impinj, ..Make::default() });
    let (add, extend) = (vector("add-rospec-impinj"), vector("impinj-enable-extensions"));
    assert_eq!(answers(&mut reader, &add).1, Some(207));
    assert_eq!(answers(&mut reader, &extend), (vec!["IMPINJ_ENABLE_EXTENSIONS_RESPONSE".to_owned()], Some(0)));
    assert_eq!(answers(&mut reader, &add).1, Some(0));
    reader.disconnected(SECOND);
    reader.opened(SECOND);
    said(&mut reader);
    assert_eq!(answers(&mut reader, &vector("delete-rospec-all")).1, Some(0));
    assert_eq!(answers(&mut reader, &add).1, Some(207), "they were for the last connection");
}

#[test]
fn work_on_tags_is_kept_enabled_carried_out_and_told_back() {
    let mut reader = reader();
    answers(&mut reader, &vector("add-rospec-immediate"));
    answers(&mut reader, &vector("enable-rospec-7"));
    // AccessSpec 5: two words of the TID of every tag, twice.
    let target = "0152 000f 0153 000b 60 0020 0000 0000";
    let read = "0155 000f 0001 00000000 80 0000 0002";
    let command = format!("00d1 {:04x} {target} {read}", 4 + 15 + 15);
    let body = format!("00000005 0000 01 00 00000000 00d0 0007 01 0002 {command} 00ef 0005 01");
    let spec = format!("00cf {:04x} {body}", 4 + hex(&body).len());
    let message = |number: u8, body: &str| {
        let body = hex(body);
        [&[0x04, number][..], &(10 + body.len() as u32).to_be_bytes(), &[0, 0, 0, 9], &body].concat()
    };
    assert_eq!(answers(&mut reader, &message(40, &spec)).1, Some(0));
    assert_eq!(answers(&mut reader, &message(40, &spec)).1, Some(300), "the id is taken");
    assert_eq!(answers(&mut reader, &message(42, "00000006")).1, Some(300), "there is no AccessSpec 6");
    assert_eq!(answers(&mut reader, &message(42, "00000005")).1, Some(0));
    reader.receive(&message(44, ""), Duration::ZERO);
    let told = said(&mut reader);
    assert_eq!(told[0]["decoded"]["AccessSpec"]["CurrentState"], 1);
    assert_eq!(told[0]["decoded"]["AccessSpec"]["AccessCommand"]["C1G2Read"]["WordCount"], 2);

    reader.tag_enters(&hex("3034257bf7194e4000001a01"), 1, Duration::ZERO);
    reader.tick(SECOND);
    let worked: Vec<Value> = said(&mut reader)
        .iter()
        .map(|message| message["decoded"]["TagReportData"]["C1G2ReadOpSpecResult"].clone())
        .filter(|result| !result.is_null())
        .collect();
    assert_eq!(worked.len(), 2, "as often as was asked for");
    assert!(
        worked.iter().all(|result| result["Result"] == 2 || result["ReadData"] == serde_json::json!([0xE280, 0x1160]))
    );
    assert_eq!(answers(&mut reader, &message(41, "00000005")).1, Some(300), "then it is gone");
}
