//! The simulated reader as any client meets it: requests are the vectors, answers are decoded.

use std::time::Duration;

use gatebook_hardware::llrp::frame;
use gatebook_hardware::llrp::message::Message;
use gatebook_hardware::simulator::Simulator;
use gatebook_hardware::simulator::llrp::{LlrpReader, Make};
use gatebook_hardware::simulator::script::Script;
use serde_json::Value;

use super::{hex, vector};

const SECOND: Duration = Duration::from_secs(1);

fn reader() -> LlrpReader {
    let mut reader = LlrpReader::new(Make::default(), Script::new(), 1);
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
