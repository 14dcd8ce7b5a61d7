//! Label printers: every printed answer, labels that come out once and as they were sent, and trouble in words.

use gatebook_hardware::command::{Answer, Command};
use gatebook_hardware::device::{Cut, Family, Session, by_name};
use gatebook_hardware::event::{Contact, Event, Printer};
use gatebook_hardware::printer::session::{LABEL_MAX, LABELS_MAX, PIECE};
use gatebook_hardware::printer::zpl::{HostStatus, Message};
use gatebook_hardware::printer::{Language, tspl, zpl};
use gatebook_hardware::settings::Value;
use gatebook_hardware::simulator::script::{Presentation, Random, Script, SentWhat};
use gatebook_hardware::simulator::{Simulator, printer as simulated};

use crate::pair::{self, Pair, ms, settings, word};
use crate::vectors::{self, hex, unhex};

const ZPL: &str = include_str!("../data/printer_zpl.json");
const TSPL: &str = include_str!("../data/printer_tspl.json");

const LANGUAGES: [Language; 3] = [Language::Zpl, Language::TsplByte, Language::TsplLine];

fn family(language: Language) -> &'static Family {
    match language {
        Language::Zpl => by_name("zpl").unwrap(),
        Language::TsplByte | Language::TsplLine => by_name("tspl").unwrap(),
    }
}

fn session(language: Language) -> Box<dyn Session> {
    let set: &[(&str, Value)] = match language {
        Language::Zpl | Language::TsplByte => &[],
        Language::TsplLine => &[("status", word("line"))],
    };
    (family(language).session)(&settings(family(language), set)).unwrap()
}

fn printer(language: Language) -> Pair<simulated::Printer> {
    let device = Box::new(simulated::Printer::new(language, Script::new(), 4));
    Pair::new(session(language), device)
}

/// A label that is told apart by its number.
fn label(language: Language, number: u32, copies: u32) -> Vec<u8> {
    match language {
        Language::Zpl => {
            let text = zpl::field_text(&format!("GB-{number}"));
            format!("^XA^CI28^PW320^FO10,10^A0N,30,30{text}^PQ{copies}^XZ").into_bytes()
        }
        Language::TsplByte | Language::TsplLine => {
            let text = format!("GB-{number}");
            let copies = u16::try_from(copies).unwrap();
            tspl::Label { width_mm: 40, height_mm: 25, gap_mm: 2, text: &text, qr: "x", copies }.encode().into_bytes()
        }
    }
}

fn print(pair: &mut Pair<simulated::Printer>, number: u32, label: Vec<u8>) {
    pair.session.command(number, &Command::Print { label }, pair.now).unwrap();
}

fn switch(pair: &mut Pair<simulated::Printer>, line: u16, closed: bool) {
    pair.show(Presentation::Contact(Contact { line, closed }));
}

/// The labels that came out.
fn printed(pair: &Pair<simulated::Printer>) -> Vec<Vec<u8>> {
    let bytes = |sent: &SentWhat| if let SentWhat::Label { bytes, .. } = sent { Some(bytes.clone()) } else { None };
    pair.device.log().iter().filter_map(|sent| bytes(&sent.what)).collect()
}

fn answers(events: &[Event]) -> Vec<(u32, Answer)> {
    let answer = |event: &Event| match event {
        Event::Answer { number, answer } => Some((*number, answer.clone())),
        _ => None,
    };
    events.iter().filter_map(answer).collect()
}

fn refused(answer: &Answer, with: &str) -> bool {
    matches!(answer, Answer::Refused { reason } if reason.contains(with))
}

fn not_begun(answer: &Answer, with: &str) -> bool {
    matches!(answer, Answer::NotBegun { reason } if reason.contains(with))
}

fn unsure(answer: &Answer, with: &str) -> bool {
    matches!(answer, Answer::Unsure { reason } if reason.contains(with))
}

#[test]
fn the_vectors_of_zpl_hold() {
    pair::pass(family(Language::Zpl), ZPL);
    for vector in vectors::of(ZPL, "decode") {
        let bytes = hex(&vector["input_hex"]);
        let Ok(Message::Status(status)) = zpl::parse(&bytes) else { panic!("{}", vector["id"]) };
        assert_eq!(status.encode(), bytes, "{}", vector["id"]);
    }
}

#[test]
fn every_printed_piece_of_zpl_is_encoded() {
    for vector in vectors::of(ZPL, "encode") {
        let fields = &vector["fields"];
        let text = || fields["text"].as_str().unwrap();
        let piece = match vector["command"].as_str().unwrap() {
            "pause" => {
                assert_eq!(zpl::PAUSE.to_vec(), hex(&vector["expect_hex"]));
                continue;
            }
            "field_text" => zpl::field_text(text()),
            "datamatrix_gs1_field" => {
                zpl::gs1_datamatrix(&String::from_utf8(hex(&fields["element_string_hex"])).unwrap(), 4)
            }
            "qr_field" => zpl::qr(text(), 'M', u8::try_from(fields["magnification"].as_u64().unwrap()).unwrap()),
            "rfid_write_epc" => zpl::write_epc(&hex(&fields["epc"])),
            other => panic!("no command {other}"),
        };
        assert_eq!(piece, vector["expect_text"].as_str().unwrap(), "{}", vector["id"]);
    }
    assert_eq!(zpl::gs1_datamatrix("21A_B", 4), "^BXN,4,200,,,,_^FD_121A__B^FS");
}

#[test]
fn the_vectors_of_tspl_hold() {
    let codec = &family(Language::TsplByte).codec;
    for vector in vectors::of(TSPL, "decode") {
        let bytes = hex(&vector["input_hex"]);
        let dialect = if vector["query"] == "1b213f" { "byte" } else { "line" };
        for dialect in [None, Some(dialect)] {
            pair::assert_says(&(codec.decode)(&bytes, dialect).unwrap(), &vector["expect"], &vector["id"]);
        }
        assert_eq!((codec.cut)(&bytes, Some(dialect)), Cut::Message(bytes.len()), "{}", vector["id"]);
        for end in 0..bytes.len() {
            assert_eq!((codec.cut)(&bytes[..end], Some(dialect)), Cut::Incomplete, "{}", vector["id"]);
        }
        if dialect == "line" {
            assert_eq!(tspl::Line::parse(&bytes).unwrap().encode(), bytes, "{}", vector["id"]);
        }
    }
    for vector in vectors::of(TSPL, "encode") {
        let fields = &vector["fields"];
        let number = |name: &str| u16::try_from(fields[name].as_u64().unwrap()).unwrap();
        match vector["command"].as_str().unwrap() {
            "status_byte" => assert_eq!(tspl::STATUS_BYTE.to_vec(), hex(&vector["expect_hex"])),
            "label" => {
                let label = tspl::Label {
                    width_mm: number("w_mm"),
                    height_mm: number("h_mm"),
                    gap_mm: number("gap_mm"),
                    text: fields["text"].as_str().unwrap(),
                    qr: fields["qr"].as_str().unwrap(),
                    copies: number("copies"),
                };
                assert_eq!(label.encode(), vector["expect_text"].as_str().unwrap());
                let hostile = tspl::Label { text: "a\"b\r\nPRINT 99,1", ..label };
                assert!(hostile.encode().contains("\"a\\[\"]b  PRINT 99,1\"\r\n"), "{}", hostile.encode());
            }
            other => panic!("no command {other}"),
        }
    }
}

#[test]
fn what_a_tag_gives_back_is_understood() {
    for (line, head, data) in [
        ("EPC[3034257BF7194E4000001A85]\r\n", "EPC", "3034257bf7194e4000001a85"),
        ("TAGNO = 48454C4C\r\n", "TAGNO", "48454c4c"),
        ("0102030405000000\r\n", "", "0102030405000000"),
        ("EPC[]\r\n", "EPC", ""),
    ] {
        let want = Message::ReadBack { head: head.into(), data: unhex(data) };
        assert_eq!(zpl::parse(line.as_bytes()), Ok(want), "{line}");
        assert_eq!(zpl::cut(line.as_bytes()), Cut::Message(line.len()));
        for end in 0..line.len() {
            assert_eq!(zpl::cut(&line.as_bytes()[..end]), Cut::Incomplete, "{line}");
        }
    }
    assert!(zpl::parse(b"EPC[303\r\n").is_err() && zpl::parse(b"EPC[303]\r\n").is_err());
    let identity = b"\x02ZD621R-203dpi,V93.21.26Z,8,8192KB\x03\r\n";
    let fields = (family(Language::Zpl).codec.decode)(identity, None).unwrap();
    assert_eq!((&fields["model"], &fields["dots_per_mm"]), (&"ZD621R-203dpi".into(), &"8".into()));
}

/// Answers, tags and noise in one stream, split anywhere, are heard alike.
#[test]
fn the_split_of_the_bytes_changes_nothing() {
    let status = HostStatus { paper_out: true, labels_remaining: 3, ..HostStatus::default() };
    let stream =
        [b"\x02ZD,V1,8,8MB\x03\r\n".as_slice(), &status.encode(), b"\xFF\x02broken", &HostStatus::default().encode()]
            .concat();
    let drive = |parts: &[&[u8]]| {
        let mut session = session(Language::Zpl);
        session.opened(ms(0));
        parts.iter().for_each(|part| session.receive(part, ms(10)));
        let kept = |event: &Event| !matches!(event, Event::Noise { .. });
        std::iter::from_fn(|| session.poll()).filter(kept).collect::<Vec<_>>()
    };
    let whole = drive(&[&stream]);
    assert!(matches!(&whole[0], Event::Ready { model } if model == "ZD V1"), "{whole:?}");
    assert!(matches!(&whole[1], Event::Printer(Printer { paper_out: true, waiting: Some(3), .. })));
    assert_eq!(whole.len(), 4, "{whole:?}");
    for split in 1..stream.len() {
        let (a, b) = stream.split_at(split);
        assert_eq!(drive(&[a, b]), whole, "{split}");
    }
    assert_eq!(drive(&stream.chunks(1).collect::<Vec<_>>()), whole);
}

/// What goes in comes out, byte for byte, each label once and in its order; the printer is never asked inside one.
#[test]
fn labels_come_out_as_they_were_sent() {
    for language in LANGUAGES {
        let mut pair = printer(language);
        let mut random = Random::new(2);
        for number in 0..20 {
            let mut label = label(language, number, 1 + number % 3);
            if language == Language::Zpl {
                // A picture of several pieces.
                let digits = "0A".repeat(random.below(3 * PIECE as u64) as usize);
                label.splice(3..3, format!("^GFA,1,1,1,{digits}^FS").into_bytes());
            }
            print(&mut pair, number, label);
            pair.run(ms(random.below(500)));
        }
        pair.run(ms(40_000));
        let answers = answers(&pair.events);
        assert_eq!(answers.len(), 20, "{language:?}: {answers:?}");
        assert!(
            answers.iter().enumerate().all(|(at, (number, answer))| *number == at as u32 && *answer == Answer::Done)
        );
        let out = printed(&pair);
        assert_eq!(out.len(), (0..20).map(|number| 1 + number % 3).sum::<usize>(), "{language:?}");
        assert!(out.windows(2).all(|two| two[0] == two[1] || !out[..1].contains(&two[1])), "in their order");
        assert_eq!(pair.device.asked_inside(), 0, "{language:?}");
        assert_eq!(pair.faults(), [""; 0], "{language:?}");
    }
}

/// The simulated printer notices a host that asks inside a label; else the zeros of these tests would say nothing.
#[test]
fn a_question_inside_a_label_is_noticed() {
    for (language, sent) in [
        (Language::Zpl, &b"^XA^XZ~HS^XA^FDx~HS^FS^XZ~HS"[..]),
        (Language::TsplByte, b"\x1b!?SIZE 40 mm,25 mm\r\n\x1b!?PRINT 1,1\r\n\x1b!?"),
    ] {
        let mut device = simulated::Printer::new(language, Script::new(), 1);
        device.opened(ms(0));
        device.receive(sent, ms(1));
        device.tick(ms(1000));
        assert_eq!(device.asked_inside(), 1, "{language:?}");
        let answers = std::iter::from_fn(|| device.transmit()).count();
        assert_eq!(answers, 3, "{language:?}");
    }
}

/// A label is done when it is out, not when it was sent.
#[test]
fn a_label_is_done_when_it_is_out() {
    for language in LANGUAGES {
        let mut pair = printer(language);
        pair.run(ms(500));
        print(&mut pair, 1, label(language, 1, 10));
        let mut out_before = 0;
        for _ in 0..2000 {
            pair.run(ms(5));
            if !answers(&pair.events).is_empty() {
                break;
            }
            out_before = printed(&pair).len();
        }
        assert_eq!(answers(&pair.events), [(1, Answer::Done)], "{language:?}");
        assert_eq!(out_before, 10, "{language:?}");
    }
}

/// A printer that takes a moment before it counts a label as its own has nothing to print at first: one look is not enough.
#[test]
fn one_look_that_finds_nothing_is_not_enough() {
    let mut session = session(Language::Zpl);
    session.opened(ms(0));
    let status = |labels_remaining| HostStatus { labels_remaining, ..HostStatus::default() }.encode();
    let mut now = 0;
    let mut look = |session: &mut dyn Session, left: u32| {
        for _ in 0..100 {
            now += 10;
            session.tick(ms(now));
            if std::iter::from_fn(|| session.transmit()).any(|bytes| bytes == zpl::STATUS) {
                session.receive(&status(left), ms(now + 5));
                return answers(&std::iter::from_fn(|| session.poll()).collect::<Vec<_>>());
            }
        }
        panic!("it does not look");
    };
    assert_eq!(look(session.as_mut(), 0), []);
    session.command(1, &Command::Print { label: label(Language::Zpl, 1, 3) }, ms(20)).unwrap();
    for left in [0, 3, 0, 1] {
        assert_eq!(look(session.as_mut(), left), [], "{left}");
    }
    assert_eq!(look(session.as_mut(), 0), []);
    assert_eq!(look(session.as_mut(), 0), [(1, Answer::Done)]);
}

/// A printer that was mute answers all questions at once: that is one look.
#[test]
fn answers_that_come_late_are_one_look() {
    let mut session = session(Language::Zpl);
    let clear = HostStatus::default().encode();
    session.opened(ms(0));
    while session.transmit().is_some() {}
    session.receive(&clear, ms(5));
    session.command(1, &Command::Print { label: label(Language::Zpl, 1, 1) }, ms(20)).unwrap();
    while session.transmit().is_some() {}
    session.tick(ms(30));
    session.tick(ms(300));
    assert_eq!(session.transmit().as_deref(), Some(zpl::STATUS));
    session.receive(&clear.repeat(4), ms(310));
    assert_eq!(answers(&std::iter::from_fn(|| session.poll()).collect::<Vec<_>>()), []);
}

#[test]
fn a_printer_is_ready_when_nothing_hinders_it() {
    let sound =
        HostStatus { thermal_transfer: true, formats_in_buffer: 3, label_waiting: true, ..HostStatus::default() };
    assert!(sound.ready());
    let hinders: [fn(&mut HostStatus); 8] = [
        |status| status.paper_out = true,
        |status| status.paused = true,
        |status| status.buffer_full = true,
        |status| status.corrupt_ram = true,
        |status| status.under_temperature = true,
        |status| status.over_temperature = true,
        |status| status.head_up = true,
        |status| status.ribbon_out = true,
    ];
    for hinder in hinders {
        let mut status = sound.clone();
        hinder(&mut status);
        assert!(!status.ready(), "{status:?}");
        assert_eq!(zpl::parse(&status.encode()), Ok(Message::Status(status)));
    }
}

#[test]
fn a_label_waits_until_the_trouble_is_mended() {
    for language in LANGUAGES {
        for (line, want) in [(1, "no paper"), (2, "open"), (3, "no ribbon"), (5, "paused")] {
            let tells = match (language, line) {
                (Language::TsplLine, 2 | 3) => "jam or heat",
                _ => want,
            };
            let mut pair = printer(language);
            pair.run(ms(500));
            print(&mut pair, 7, label(language, 7, 6));
            // Out of paper in the middle of the batch.
            pair.run(ms(500));
            switch(&mut pair, line, false);
            pair.run(ms(60_000));
            assert_eq!(answers(&pair.events), [], "{language:?} {line}");
            let faults = pair.faults();
            assert!(
                matches!(&faults[..], [fault] if fault.contains(tells) && fault.contains("one label waits")),
                "{faults:?}"
            );
            let out = printed(&pair).len();
            assert!((1..6).contains(&out), "{out}");
            switch(&mut pair, line, true);
            pair.run(ms(5000));
            assert_eq!(answers(&pair.events), [(7, Answer::Done)], "{language:?} {line}");
            assert_eq!(printed(&pair).len(), 6);
            let told: Vec<_> = pair.events.iter().filter(|event| matches!(event, Event::Printer(_))).collect();
            assert!(matches!(told.last(), Some(Event::Printer(printer)) if !printer.paper_out && !printer.paused));
        }
    }
}

/// A label for a printer in trouble is not even sent, so that giving it up leaves nothing behind.
#[test]
fn what_is_given_up_says_how_it_stands() {
    for language in LANGUAGES {
        let mut pair = printer(language);
        pair.run(ms(500));
        switch(&mut pair, 1, false);
        pair.run(ms(3000));
        print(&mut pair, 1, label(language, 1, 1));
        pair.run(ms(3000));
        pair.session.close(pair.now);
        let events: Vec<_> = std::iter::from_fn(|| pair.session.poll()).collect();
        let given_up = answers(&events);
        assert!(
            matches!(&given_up[..], [(1, answer)] if not_begun(answer, "no paper") && not_begun(answer, "before the label was sent"))
        );
        switch(&mut pair, 1, true);
        pair.run(ms(3000));
        assert!(printed(&pair).is_empty(), "{language:?}");

        let mut pair = printer(language);
        pair.run(ms(500));
        print(&mut pair, 2, label(language, 2, 5));
        pair.run(ms(400));
        switch(&mut pair, 1, false);
        pair.run(ms(2000));
        pair.session.close(pair.now);
        let events: Vec<_> = std::iter::from_fn(|| pair.session.poll()).collect();
        assert!(
            matches!(&answers(&events)[..], [(2, answer)] if unsure(answer, "look whether it came out")),
            "{events:?}"
        );
        print(&mut pair, 3, label(language, 3, 1));
        assert!(
            matches!(pair.session.poll(), Some(Event::Answer { number: 3, answer }) if not_begun(&answer, "not connected"))
        );
    }
}

/// The cable is pulled in the middle of a label: it is given up, and the half label spoils none that comes later.
#[test]
fn a_label_that_broke_off_spoils_no_other() {
    for language in LANGUAGES {
        let mut pair = printer(language);
        pair.run(ms(500));
        let big = match language {
            Language::Zpl => [b"^XA^GFA,1,1,1,".as_slice(), &b"0".repeat(3 * PIECE), b"^FS^XZ"].concat(),
            _ => [b"SIZE 40 mm,25 mm\r\nREM ".as_slice(), &b"0".repeat(3 * PIECE), b"\r\nPRINT 1,1\r\n"].concat(),
        };
        print(&mut pair, 1, big);
        let first = pair.session.transmit().unwrap();
        assert_eq!(first.len(), PIECE, "{language:?}");
        pair.device.receive(&first, pair.now);
        assert!(pair.device.half());
        pair.device.disconnected(pair.now);
        pair.open();
        print(&mut pair, 2, label(language, 2, 1));
        pair.run(ms(6000));
        let answers = answers(&pair.events);
        assert!(
            matches!(&answers[..], [(1, broken), (2, Answer::Done)] if unsure(broken, "not at all or in part")),
            "{answers:?}"
        );
        // A TSPL printer keeps the lines of the half label; the CLS of the next one clears what they drew.
        let out = printed(&pair);
        assert!(matches!(&out[..], [whole] if whole.ends_with(&label(language, 2, 1))), "{language:?}");
        assert!(language != Language::Zpl || out[0].len() == label(language, 2, 1).len());
    }
}

/// Some printers answer nothing while their paper is out: that is told, and is no end.
#[test]
fn a_printer_may_be_mute_in_trouble() {
    let device = simulated::Printer::new(Language::Zpl, Script::new(), 4).mute_in_trouble();
    let mut pair = Pair::new(session(Language::Zpl), Box::new(device));
    pair.run(ms(500));
    print(&mut pair, 1, label(Language::Zpl, 1, 8));
    pair.run(ms(600));
    switch(&mut pair, 1, false);
    pair.run(ms(60_000));
    assert!(matches!(&pair.faults()[..], [fault] if fault.contains("has paper and ribbon")), "{:?}", pair.events);
    assert!(matches!(pair.events.last(), Some(Event::Printer(Printer { fault: true, .. }))), "{:?}", pair.events);
    switch(&mut pair, 1, true);
    pair.run(ms(6000));
    assert_eq!(answers(&pair.events), [(1, Answer::Done)]);
    assert_eq!(printed(&pair).len(), 8);
    assert!(matches!(pair.events[..], [.., Event::Answer { .. }] | [.., Event::Printer(Printer { fault: false, .. })]));
}

#[test]
fn a_printer_that_is_gone_is_lost_in_words() {
    for language in LANGUAGES {
        let mut pair = printer(language);
        pair.run(ms(1000));
        print(&mut pair, 1, label(language, 1, 50));
        pair.run(ms(1000));
        pair.show(Presentation::Silence { lasts: ms(600_000) });
        let events = pair.until(ms(130_000), |event| matches!(event, Event::Lost { .. }));
        assert!(matches!(events.last(), Some(Event::Lost { reason }) if reason.contains("fell silent")));
        assert!(unsure(&answers(&events)[0].1, "look whether it came out"));
        let mut session = session(language);
        session.opened(ms(0));
        (0..70).for_each(|n| session.tick(ms(n * 100)));
        let events: Vec<_> = std::iter::from_fn(|| session.poll()).collect();
        assert!(
            matches!(&events[..], [Event::Lost { reason }] if reason.contains("speaks this language")),
            "{events:?}"
        );
    }
}

/// A tag is written with its label, read back and handed over; one that does not work is a label to be thrown away.
#[test]
fn a_tag_is_read_back_with_its_label() {
    let epc = unhex("3034257bf7194e4000001a85");
    let label = format!("^XA^CI28{}{}^PQ1^XZ", zpl::write_epc(&epc), zpl::read_epc_back(9, 12)).into_bytes();
    let mut pair = printer(Language::Zpl);
    pair.run(ms(500));
    assert_eq!(pair.told(1, &Command::Print { label: label.clone() }), Answer::Memory { bytes: epc.clone() });
    let out: Vec<_> = pair.device.log().iter().map(|sent| sent.what.clone()).collect();
    assert_eq!(out, [SentWhat::Label { bytes: label.clone(), epc: Some(epc) }]);
    switch(&mut pair, 4, false);
    let answer = pair.told(2, &Command::Print { label });
    assert!(refused(&answer, "throw it away"), "{answer:?}");
}

#[test]
fn labels_that_would_block_the_printer_are_refused() {
    let mut pair = printer(Language::Zpl);
    pair.run(ms(500));
    for (label, want) in [
        (b"^XA^FDx^FS".to_vec(), "^XZ"),
        (b"^XA^XZ^XA".to_vec(), "^XZ"),
        (b"hello".to_vec(), "no ZPL"),
        (vec![b'~'; LABEL_MAX + 1], "more than"),
    ] {
        assert!(refused(&pair.told(1, &Command::Print { label }), want), "{want}");
    }
    let mut tspl = printer(Language::TsplByte);
    tspl.run(ms(500));
    for (label, want) in [(b"CLS\r\nPRINT 1,1".to_vec(), "CR LF"), (b"CLS\r\n".to_vec(), "no line PRINT")] {
        assert!(refused(&tspl.told(1, &Command::Print { label }), want), "{want}");
    }
    assert!(tspl.session.command(2, &Command::Tare, tspl.now).is_err());
    switch(&mut pair, 1, false);
    pair.run(ms(3000));
    for number in 0..=LABELS_MAX as u32 {
        print(&mut pair, number, label(Language::Zpl, number, 1));
    }
    pair.run(ms(10));
    assert!(
        matches!(&answers(&pair.events)[..], [(number, answer)] if *number == LABELS_MAX as u32 && not_begun(answer, "too many"))
    );
}

/// With faults of every kind on the line: what is answered with "done" came out, each label once.
#[test]
fn done_is_only_said_of_labels_that_came_out() {
    for language in LANGUAGES {
        let mut pair = printer(language);
        let mut random = Random::new(41);
        for number in 0..60 {
            match random.below(5) {
                0 => pair.show(Presentation::Garbage { bytes: 1 + random.below(40) as usize }),
                1 => pair.show(Presentation::Truncation),
                2 => pair.show(Presentation::Disconnect),
                3 => {
                    switch(&mut pair, 1 + (number % 3) as u16, false);
                    pair.run(ms(random.below(3000)));
                    (1..=3).for_each(|line| switch(&mut pair, line, true));
                }
                _ => (),
            }
            print(&mut pair, number, label(language, number, 1));
            pair.run(ms(random.below(2000)));
        }
        pair.run(ms(60_000));
        let out = printed(&pair);
        let answers = answers(&pair.events);
        assert_eq!(answers.len(), 60, "{language:?}");
        let mut done = 0;
        for (number, answer) in &answers {
            let came = out.iter().filter(|bytes| **bytes == label(language, *number, 1)).count();
            // One byte of noise in place of the one that was asked for cannot be told from it.
            if *answer == Answer::Done && language != Language::TsplByte {
                assert_eq!(came, 1, "{language:?}: {number}");
            }
            assert!(came <= 1, "{language:?}: {number} came out {came} times");
            done += usize::from(*answer == Answer::Done);
        }
        assert!(30 < done, "{language:?}: {done}");
        assert_eq!(pair.device.asked_inside(), 0, "{language:?}");
    }
}
