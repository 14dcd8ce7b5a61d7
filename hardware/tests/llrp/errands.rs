//! What is asked of a reader beside reading: outputs, signals, work on tags, contacts and photo-eyes.

use std::time::Duration;

use gatebook_hardware::command::{Answer, Bank, Command, Signal, Unable};
use gatebook_hardware::device::Session;
use gatebook_hardware::event::{Contact, Event, Read};
use gatebook_hardware::llrp::settings::{Inputs, Lamps, Portal, Settings, Version};
use gatebook_hardware::simulator::Simulator;
use gatebook_hardware::simulator::llrp::{Delivery, Level, Make, Refuses, Speaks, Switched, Vendor};
use gatebook_hardware::simulator::script::{Presentation, SentWhat};

use super::door::{A, B, Door, READY, SECOND, heard_tags};
use super::sent_tags;

const HALF: Duration = Duration::from_millis(500);

fn ready(settings: Settings, make: Make) -> Door {
    let mut door = Door::new(settings, make);
    door.connect();
    assert_eq!(door.words(), [READY]);
    door
}

fn refused(answers: &[(u32, Answer)]) -> Vec<String> {
    let words = |answer: &Answer| match answer {
        Answer::Refused { reason } => reason.clone(),
        other => panic!("{other:?} is no refusal"),
    };
    answers.iter().map(|(_, answer)| words(answer)).collect()
}

fn read(epc: &[u8], bank: Bank, from_word: u32, words: u8) -> Command {
    Command::ReadMemory { epc: epc.to_vec(), bank, from_word, words, password: 0 }
}

fn write(epc: &[u8], to: &[u8]) -> Command {
    Command::WriteEpc { epc: epc.to_vec(), to: to.to_vec(), password: 0 }
}

#[test]
fn outputs_are_switched_in_order_and_go_back_by_themselves() {
    let mut door = ready(Settings::default(), Make::default());
    door.run(SECOND);
    door.ask(1, &Command::Output { line: 2, on: true, lasts: Some(HALF) });
    door.ask(2, &Command::Output { line: 3, on: true, lasts: None });
    door.run(2 * SECOND);
    assert_eq!(door.answers(), [(1, Answer::Done), (2, Answer::Done)]);
    let want = [
        Switched { at: SECOND, line: 2, on: true },
        Switched { at: SECOND, line: 3, on: true },
        Switched { at: SECOND + HALF, line: 2, on: false },
    ];
    assert_eq!(door.reader.switched(), want);

    // A newer wish for a line takes the place of an older one.
    door.ask(3, &Command::Output { line: 1, on: true, lasts: Some(HALF) });
    door.ask(4, &Command::Output { line: 1, on: true, lasts: Some(4 * SECOND) });
    door.run(3 * SECOND);
    assert_eq!(door.reader.switched().len(), 5, "it is still on");
    door.run(2 * SECOND);
    assert_eq!(door.reader.switched()[5..], [Switched { at: 7 * SECOND, line: 1, on: false }]);
    assert_eq!(door.words(), [READY]);
}

#[test]
fn an_output_goes_back_after_an_outage_and_at_a_goodbye() {
    let mut door = ready(Settings::default(), Make::default());
    door.ask(1, &Command::Output { line: 2, on: true, lasts: Some(SECOND) });
    door.pull();
    door.run(5 * SECOND);
    door.connect();
    assert_eq!(door.reader.switched().last(), Some(&Switched { at: 5 * SECOND, line: 2, on: false }));

    door.ask(2, &Command::Output { line: 4, on: true, lasts: Some(60 * SECOND) });
    door.client.close(door.now);
    door.run(SECOND);
    assert!(door.client.closed());
    assert_eq!(door.reader.switched().last(), Some(&Switched { at: 5 * SECOND, line: 4, on: false }));
}

#[test]
fn signals_are_lamps_where_lamps_are_set() {
    let lamps = Lamps { good: Some(1), bad: Some(2), lasts: HALF };
    let mut door = ready(Settings { lamps, ..Settings::default() }, Make::default());
    door.ask(1, &Command::Signal(Signal::Good));
    door.run(SECOND);
    door.ask(2, &Command::Signal(Signal::Bad));
    door.run(SECOND);
    let lines: Vec<_> = door.reader.switched().iter().map(|switched| (switched.line, switched.on)).collect();
    assert_eq!(lines, [(1, true), (1, false), (2, true), (2, false)]);
    assert_eq!(door.answers(), [(1, Answer::Done), (2, Answer::Done)]);

    let mut door = ready(Settings::default(), Make::default());
    for command in [Command::Signal(Signal::Good), Command::Tare, Command::Print { label: vec![] }] {
        assert_eq!(door.client.command(1, &command, door.now), Err(Unable), "{command:?}");
    }
}

#[test]
fn an_output_that_is_not_there_is_named() {
    let mut door = ready(Settings::default(), Make::default());
    for line in [0, 5] {
        door.ask(line.into(), &Command::Output { line, on: true, lasts: None });
    }
    let want =
        ["there is no output 0; the reader has outputs 1 to 4", "there is no output 5; the reader has outputs 1 to 4"];
    assert_eq!(refused(&door.answers()), want);
    assert_eq!(door.reader.switched(), []);
}

#[test]
fn the_memory_of_one_tag_is_read_while_the_others_are_read_on() {
    let mut door = ready(Settings::default(), Make::default());
    door.reader.tag_enters(&A, 1, door.now);
    door.reader.tag_enters(&B, 2, door.now);
    door.run(SECOND);
    for (number, command) in [
        read(&A, Bank::Tid, 0, 6),
        read(&A, Bank::Epc, 1, 7),
        read(&B, Bank::User, 30, 2),
        read(&B, Bank::Reserved, 0, 4),
    ]
    .iter()
    .enumerate()
    {
        let before = door.tags().len();
        door.ask(number as u32, command);
        door.run(SECOND);
        assert!(before + 20 < door.tags().len(), "{command:?}: reading stood still");
    }
    let answers = door.answers();
    let memory = |place: usize| match &answers[place] {
        (number, Answer::Memory { bytes }) if *number == place as u32 => bytes.as_slice(),
        other => panic!("{other:?}"),
    };
    assert_eq!((memory(0).len(), &memory(0)[..4]), (12, &[0xE2, 0x80, 0x11, 0x60][..]), "a TID");
    assert_eq!(*memory(1), [&[0x30, 0x00][..], &A].concat(), "PC of six words, then the EPC");
    assert_eq!((memory(2), memory(3)), (&[0; 4][..], &[0; 8][..]));
    assert_eq!(heard_tags(&door), sent_tags(door.reader.log()));
    let said = door.said();
    let count = |name: &str| said.iter().filter(|said| **said == name).count();
    assert_eq!((count("ADD_ACCESSSPEC"), count("DELETE_ACCESSSPEC")), (4, 5), "none is left behind");
    assert_eq!((count("ADD_ROSPEC"), count("STOP_ROSPEC"), count("DISABLE_ROSPEC")), (1, 0, 0));
    assert_eq!(door.words(), [READY]);
}

#[test]
fn a_new_epc_is_written_to_the_tag_that_was_named_and_to_no_other() {
    let new = [0x30, 0x34, 0x25, 0x7B, 0xF7, 0x19, 0x4E, 0x40, 0, 0, 0x99, 0x99];
    let short = [0x30, 0x00, 0x00, 0x01];
    for to in [&new[..], &short] {
        let mut door = ready(Settings::default(), Make::default());
        door.reader.tag_enters(&A, 1, door.now);
        door.reader.tag_enters(&B, 2, door.now);
        door.run(SECOND);
        door.ask(9, &write(&A, to));
        door.run(SECOND);
        assert_eq!(door.answers(), [(9, Answer::Done)], "{to:02x?}");
        let later = door.tags().len();
        door.run(SECOND);
        let epcs: Vec<_> = door.tags()[later..].iter().map(|tag| tag.epc.clone()).collect();
        assert!(epcs.iter().any(|epc| epc == to) && epcs.contains(&B.to_vec()));
        assert!(!epcs.contains(&A.to_vec()), "the old EPC is gone");
        assert_eq!(heard_tags(&door), sent_tags(door.reader.log()));
        door.reader.tag_leaves(to, door.now);
        door.run(SECOND);
        let later = door.tags().len();
        door.run(SECOND);
        assert!(door.tags()[later..].iter().all(|tag| tag.epc == B));
    }
}

#[test]
fn work_that_cannot_be_done_says_why_and_leaves_nothing_behind() {
    for (command, want) in [
        (
            read(&B, Bank::Tid, 0, 6),
            "no tag with this EPC was read, for 5 s; hold the tag still before an antenna and ask again",
        ),
        (read(&A, Bank::Tid, 4, 6), "the tag has no such words in this memory bank; ask for fewer"),
        (
            Command::ReadMemory { epc: A.to_vec(), bank: Bank::User, from_word: 0, words: 1, password: 7 },
            "the access password is wrong for this tag; check it",
        ),
        (
            Command::WriteEpc { epc: A.to_vec(), to: B.to_vec(), password: 7 },
            "the access password is wrong for this tag; check it",
        ),
        (write(&A, &[1; 40]), "the tag has no such words in this memory bank; ask for fewer"),
        (write(&A, &[1; 3]), "a new EPC has 1 to 31 whole words, not 3 bytes"),
        (read(&A, Bank::Tid, 0, 0), "no word was asked for; ask for one at least"),
        (read(&[], Bank::Tid, 0, 1), "the tag is named by its EPC of 1 to 62 bytes, not 0"),
        (read(&A, Bank::Tid, 70_000, 1), "word 70000 is beyond any tag's memory; count words from 0"),
    ] {
        let mut door = ready(Settings::default(), Make::default());
        door.reader.tag_enters(&A, 1, door.now);
        door.run(SECOND);
        door.ask(1, &command);
        door.run(6 * SECOND);
        assert_eq!(refused(&door.answers()), [want], "{command:?}");
        // The next one finds the reader free.
        door.ask(2, &read(&A, Bank::Tid, 0, 2));
        door.run(SECOND);
        assert_eq!(door.answers().last(), Some(&(2, Answer::Memory { bytes: vec![0xE2, 0x80, 0x11, 0x60] })));
        let added = door.said().iter().filter(|said| **said == "ADD_ACCESSSPEC").count();
        let deleted = door.said().iter().filter(|said| **said == "DELETE_ACCESSSPEC").count();
        assert_eq!(deleted, added + 1, "{command:?}");
    }
}

#[test]
fn a_reader_that_takes_no_work_is_said_to() {
    let refuses = Refuses { access: true, ..Refuses::default() };
    let mut door = ready(Settings::default(), Make { refuses, ..Make::default() });
    door.ask(1, &read(&A, Bank::Tid, 0, 2));
    let want = "the reader refused the work on the tag: M_OverflowParameter (105) \"no room for another AccessSpec\"; the \
                reader is full: delete reading programs (ROSpecs) that other software left";
    assert_eq!(refused(&door.answers()), [want]);
}

#[test]
fn what_is_asked_of_a_reader_that_is_not_there_is_answered_at_once_or_at_the_loss() {
    let mut door = Door::new(Settings::default(), Make::default());
    let output = Command::Output { line: 1, on: true, lasts: None };
    door.ask(1, &output);
    assert_eq!(refused(&door.answers()), ["the reader is not connected; ask again when it is"]);

    door.connect();
    door.reader.show(Presentation::Silence { lasts: 60 * SECOND }, door.now);
    for number in 2..80 {
        door.ask(number, &output);
    }
    door.run(60 * SECOND);
    let answers = door.answers();
    assert_eq!(answers.len(), 79, "every question has one answer");
    let told = refused(&answers);
    let count = |word: &str| told.iter().filter(|reason| reason.contains(word)).count();
    // One is under way and 64 wait.
    assert_eq!((count("too many requests wait"), count("was lost")), (13, 65));
}

#[test]
fn contacts_are_reported_as_they_stand_and_whenever_they_move() {
    for (inputs, closed) in [(Inputs::ClosedIsHigh, Level::High), (Inputs::ClosedIsLow, Level::Low)] {
        let mut door = Door::new(Settings { inputs, ..Settings::default() }, Make { closed, ..Make::default() });
        door.connect();
        let open = [(1, false), (2, false), (3, false), (4, false)];
        assert_eq!(door.contacts(), open);
        let ready = door.events.iter().position(|(_, event)| matches!(event, Event::Ready { .. }));
        let first = door.events.iter().position(|(_, event)| matches!(event, Event::Read(Read::Contact(_))));
        assert!(ready < first, "a reader is ready before it reports");
        let contact = |line, closed| Presentation::Contact(Contact { line, closed });
        for what in [contact(2, true), contact(2, false), contact(3, true)] {
            door.reader.show(what, door.now);
            door.run(SECOND);
        }
        assert_eq!(door.contacts()[4..], [(2, true), (2, false), (3, true)]);

        // What moved during an outage is seen when the link is back.
        door.pull();
        door.reader.show(contact(4, true), door.now);
        door.run(SECOND);
        let before = door.contacts().len();
        door.connect();
        door.run(SECOND);
        let stand: std::collections::BTreeMap<u16, bool> = door.contacts()[before..].iter().copied().collect();
        assert_eq!(Vec::from_iter(stand), [(1, false), (2, false), (3, true), (4, true)]);
        let told =
            door.reader.log().iter().filter(|sent| matches!(sent.what, SentWhat::Report(Read::Contact(_)))).count();
        assert_eq!(told, door.contacts().len(), "the log names every contact that was reported");
    }
    let mut door = ready(Settings { inputs: Inputs::Ignored, ..Settings::default() }, Make::default());
    door.reader.show(Presentation::Contact(Contact { line: 2, closed: true }), door.now);
    door.run(SECOND);
    assert_eq!(door.contacts(), []);
}

#[test]
fn a_photo_eye_starts_the_reading_and_another_ends_it() {
    let portal = Portal::Eyes { start: 1, stop: Some(2), lasts: 10 * SECOND };
    let mut door = ready(Settings { portal, ..Settings::default() }, Make::default());
    door.reader.tag_enters(&A, 1, door.now);
    door.run(3 * SECOND);
    assert_eq!(door.tags().len(), 0, "nobody passed yet");
    let eye = |door: &mut Door, line| {
        for closed in [true, false] {
            door.reader.show(Presentation::Contact(Contact { line, closed }), door.now);
            door.run(HALF);
        }
    };
    eye(&mut door, 1);
    let started = door.tags().len();
    assert!(10 < started, "{started}");
    eye(&mut door, 2);
    let ended = door.tags().len();
    door.run(5 * SECOND);
    assert_eq!(door.tags().len(), ended);
    // Nobody comes to the second eye: the time ends it.
    eye(&mut door, 1);
    door.run(20 * SECOND);
    let last = door.events.iter().rfind(|(_, event)| matches!(event, Event::Read(Read::Tag(_)))).unwrap().0;
    let began = Duration::from_secs(10);
    assert!(last <= began + 10 * SECOND && began + 9 * SECOND < last, "{last:?}");
    assert_eq!(door.words(), [READY], "none of this is a fault");
    assert!(!door.said().contains(&"START_ROSPEC"));
}

#[test]
fn a_photo_eye_at_an_input_that_is_not_there_does_not_keep_the_door_from_reading() {
    let portal = Portal::Eyes { start: 5, stop: Some(6), lasts: 10 * SECOND };
    let mut door = Door::new(Settings { portal, ..Settings::default() }, Make::default());
    door.connect();
    let fault = "fault: input 5 shall start the reading, but the reader has 4 inputs; it reads all the time";
    assert_eq!(door.words(), [fault, READY]);
    door.reader.tag_enters(&A, 1, door.now);
    door.run(SECOND);
    assert!(10 < door.tags().len());
}

#[test]
fn whatever_the_reader_speaks_and_however_the_network_cuts_it_the_answers_are_the_same() {
    for speaks in [Speaks::One, Speaks::Two] {
        for vendor in [Vendor::Plain, Vendor::UnknownParameters, Vendor::Impinj, Vendor::Zebra] {
            for delivery in [Delivery::Split, Delivery::Glued, Delivery::Bytewise] {
                let settings = Settings { version: Version::TryTwo, report_every: 20, ..Settings::default() };
                let mut door = Door::new(settings, Make { speaks, vendor, delivery, ..Make::default() });
                door.connect();
                door.reader.tag_enters(&A, 1, door.now);
                door.run(SECOND);
                door.ask(1, &write(&A, &B));
                door.ask(2, &read(&B, Bank::Epc, 1, 9));
                door.ask(3, &Command::Output { line: 1, on: true, lasts: None });
                door.run(5 * SECOND);
                let memory = [&[0x40, 0][..], &B].concat();
                let want = [(1, Answer::Done), (2, Answer::Memory { bytes: memory }), (3, Answer::Done)];
                assert_eq!(door.answers(), want, "{speaks:?} {vendor:?} {delivery:?}");
                assert_eq!(heard_tags(&door), sent_tags(door.reader.log()));
                assert_eq!(door.words().len(), 1, "{:?}", door.words());
                assert_eq!(door.said.last().unwrap()["version"], if speaks == Speaks::Two { 2 } else { 1 });
            }
        }
    }
}
