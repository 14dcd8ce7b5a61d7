//! What a stranger, a guest without the right and a terminal that lies cannot do at the server's port.

use std::io::{Read, Write};
use std::time::Duration;

use gatebook::event::{
    Act, Attempt, Body, Correction, Decision, Direction, Evidence, Handling, LineRef, Movement, Passage, Piece, Reason,
    Ruling, System,
};
use gatebook::hex::Hex;
use gatebook::quantity::{Moment, Quantity, Unit as Measure};
use gatebook::server::access::{Role, Roles};
use gatebook::server::kernel::digest::digest;
use gatebook::server::rebuild::rebuild;
use gatebook::server::verify::verify;
use gatebook::server::web::{Need, routes};
use gatebook::sync::wire::{self, Batch, Refusal};
use reqwest::StatusCode;
use reqwest::header::{COOKIE, ORIGIN, SET_COOKIE};
use serde_json::json;

use crate::web_house::{House, PASSWORD, Terminal, movement, runtime, story, to};

/// A path of the table as an address.
fn address(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').map(|part| if part.starts_with('{') { "1" } else { part }).collect();
    parts.join("/")
}

#[test]
fn nobody_gets_in_without_saying_who_they_are() {
    story(async |house| {
        for route in routes() {
            let path = address(route.path);
            let named = format!("{} {}", route.method, route.path);
            let request =
                house.client.request(route.method.clone(), house.url(&path)).header(ORIGIN, &house.running.url);
            let answer = request.send().await.unwrap();
            let open = matches!(route.path, "/health" | "/assets/{file}" | "/login");
            assert_eq!(open, route.need == Need::Nothing, "{named}: what is open to all is listed here too");
            match (route.need, path.starts_with("/api/") || path == "/live") {
                (Need::Nothing, _) => assert_ne!(answer.status(), StatusCode::UNAUTHORIZED, "{named}"),
                (_, true) => assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{named}"),
                (_, false) => {
                    assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{named}");
                    assert!(to(&answer).starts_with("/login"), "{named}");
                }
            }
            let headers = answer.headers();
            assert!(headers["content-security-policy"].to_str().unwrap().contains("script-src 'self'"), "{named}");
            assert_eq!(headers["x-content-type-options"], "nosniff", "{named}");
        }
        house.running.stop().await;
    });
}

#[test]
fn every_route_refuses_a_role_without_the_right() {
    story(async |house| {
        let logins: [(&str, &'static [Role]); 5] = [
            ("administrator", &[Role::Administrator]),
            ("approver", &[Role::Approver]),
            ("keeper", &[Role::Keeper]),
            ("planner", &[Role::Planner]),
            ("auditor", &[Role::Auditor]),
        ];
        let mut refused = 0;
        for (name, roles) in logins {
            let cookie = house.come_in(name, roles).await;
            for route in routes() {
                let Need::May(right) = route.need else { continue };
                if route.path == "/live" {
                    continue; // never ends; the guard before it is the same
                }
                let named = format!("{name}: {} {}", route.method, route.path);
                let request = house.client.request(route.method.clone(), house.url(&address(route.path)));
                let answer = request.header(COOKIE, &cookie).header(ORIGIN, &house.running.url).send().await.unwrap();
                let may = Roles::of(roles).may(right);
                assert_eq!(answer.status() == StatusCode::FORBIDDEN, !may, "{named}: {}", answer.status());
                assert_ne!(answer.status(), StatusCode::UNAUTHORIZED, "{named}");
                assert!(!answer.status().is_server_error(), "{named}: {}", answer.text().await.unwrap());
                refused += u32::from(!may);
            }
        }
        assert!(20 < refused, "the walk refused {refused} times only");
        house.running.stop().await;
    });
}

#[test]
fn another_site_cannot_act_with_a_session() {
    story(async |house| {
        let admin = house.come_in("chen", &[Role::Administrator]).await;
        for (what, headers, status) in [
            ("no origin", vec![], StatusCode::FORBIDDEN),
            ("another origin", vec![("origin", "https://evil.example")], StatusCode::FORBIDDEN),
            ("a browser that says cross-site", vec![("sec-fetch-site", "cross-site")], StatusCode::FORBIDDEN),
            ("our own page", vec![("sec-fetch-site", "same-origin")], StatusCode::OK),
        ] {
            let mut request = house.client.post(house.url("/terminals/enrol")).header(COOKIE, &admin);
            for (name, value) in headers {
                request = request.header(name, value);
            }
            assert_eq!(request.send().await.unwrap().status(), status, "{what}");
        }
        house.running.stop().await;
    });
}

#[test]
fn guessing_tells_nothing_and_is_slowed_down() {
    story(async |house| {
        house.come_in("chen", &[Role::Keeper]).await;
        let wrong = house.log_in("chen", "not the pass phrase").await;
        let unknown = house.log_in("nobody", "not the pass phrase").await;
        assert_eq!((wrong.status(), unknown.status()), (StatusCode::FORBIDDEN, StatusCode::FORBIDDEN));
        let (wrong, unknown) = (wrong.text().await.unwrap(), unknown.text().await.unwrap());
        assert_eq!(wrong.replace("chen", "nobody"), unknown, "the two answers differ");
        for _ in 0..4 {
            house.log_in("chen", "not the pass phrase").await;
        }
        let slowed = house.log_in("chen", PASSWORD).await;
        assert_eq!(slowed.status(), StatusCode::TOO_MANY_REQUESTS);
        assert!(slowed.headers().contains_key("retry-after"));
        assert!(slowed.headers().get(SET_COOKIE).is_none());
        house.running.stop().await;
    });
}

#[test]
fn a_terminal_that_cannot_be_believed_is_refused_in_words() {
    story(async |house| {
        let admin = house.come_in("chen", &[Role::Administrator]).await;
        let terminal = house.enrol(&admin, "H-07").await;
        let mut stranger = Terminal::new(ed25519_dalek::SigningKey::from_bytes(&[5; 32]));
        stranger.book.terminal = terminal.book.terminal;
        let down = format!("{}?cursor=0", wire::DOWN);
        assert_eq!(stranger.get(&house, &down).await.status(), StatusCode::UNAUTHORIZED, "another key");
        stranger.book.terminal = 77;
        assert_eq!(stranger.get(&house, &down).await.status(), StatusCode::UNAUTHORIZED, "an unknown number");
        assert_eq!(house.client.get(house.url(&down)).send().await.unwrap().status(), StatusCode::UNAUTHORIZED);

        let post = async |body: Vec<u8>, headers: &[(&str, &str)]| {
            let answer = terminal.request(&house, "POST", wire::BATCH, body, headers).await;
            let status = answer.status();
            let refusal: Refusal = answer.json().await.unwrap();
            assert!(refusal.help.is_some_and(|help| !help.is_empty()), "{status}: {}", refusal.detail);
            status
        };
        let kind = ("content-type", wire::POSTCARD);
        assert_eq!(post(vec![1, 2, 3], &[kind]).await, StatusCode::BAD_REQUEST);
        assert_eq!(post(vec![1, 2, 3], &[]).await, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert_eq!(post(vec![0; wire::BATCH_BYTES_MAX + 1], &[kind]).await, StatusCode::PAYLOAD_TOO_LARGE);
        let bomb = zstd::bulk::compress(&vec![0; wire::BATCH_UNPACKED_MAX + 1], 3).unwrap();
        assert!(bomb.len() < 10_000);
        assert_eq!(post(bomb, &[kind, ("content-encoding", "zstd")]).await, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(post(vec![7; 99], &[kind, ("content-encoding", "zstd")]).await, StatusCode::BAD_REQUEST);

        let hello = terminal.hello((9, 12));
        let answer = terminal.post(&house, wire::HELLO, postcard::to_stdvec(&hello).unwrap()).await;
        assert_eq!(answer.status(), StatusCode::UPGRADE_REQUIRED);
        assert!(answer.text().await.unwrap().contains("9 to 12"));

        let revoke = format!("/api/v1/terminals/{}/revoke", terminal.book.terminal);
        assert_eq!(house.post_json(&revoke, &admin, "", &json!({})).await.status(), StatusCode::BAD_REQUEST);
        let key = "00112233445566778899aabbccddeeff";
        assert_eq!(house.post_json(&revoke, &admin, key, &json!({})).await.status(), StatusCode::OK);
        assert_eq!(terminal.get(&house, &down).await.status(), StatusCode::FORBIDDEN, "revoked");
        house.running.stop().await;
    });
}

#[test]
fn no_address_upsets_the_store() {
    story(async |house| {
        let chen = house.come_in("chen", &[Role::Administrator, Role::Auditor]).await;
        for path in [
            "/search?q=%00",
            "/units/a%00b",
            "/api/v1/units/%00",
            "/api/v1/units/%ff",
            "/api/v1/units?after=%00",
            "/api/v1/balances?place=%00",
            "/api/v1/balances?after=%0a%0ax",
            "/api/v1/custody?after=99999999999999999999%0aa",
            "/api/v1/movements?since=18446744073709551615",
            "/api/v1/exceptions?after=9223372036854775808.00.a.b",
            "/movements?before=-1",
            "/people/4294967296",
            "/assets/..%2f..%2fCargo.toml",
            "/assets/%2e%2e/face.css",
        ] {
            let answer = house.get(path, &chen).await;
            assert!(!answer.status().is_server_error(), "{path}: {}", answer.text().await.unwrap());
        }
        let nobody = house.log_in("che\0n", "a pass phrase\0of the house").await;
        assert_eq!(nobody.status(), StatusCode::FORBIDDEN);
        house.running.stop().await;
    });
}

#[test]
fn many_guesses_at_once_are_no_more_than_few() {
    story(async |house| {
        house.come_in("chen", &[Role::Keeper]).await;
        let guesses = (0..30).map(async |_| house.log_in("chen", "not the pass phrase").await.status());
        let answers = futures_util::future::join_all(guesses).await;
        let tried = answers.iter().filter(|status| **status == StatusCode::FORBIDDEN).count();
        // Five in turn, and what was under way beside the fifth.
        assert!(tried <= 6, "{tried} of 30 guesses were looked at");
        assert_eq!(answers.iter().filter(|status| **status == StatusCode::TOO_MANY_REQUESTS).count(), 30 - tried);
        house.running.stop().await;
    });
}

#[test]
fn what_the_server_keeps_is_for_its_account_only() {
    use std::os::unix::fs::PermissionsExt;
    runtime().block_on(async {
        let house = House::open(None).await;
        for entry in std::fs::read_dir(&house.running.server.config.data).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{}: {mode:o}", entry.path().display());
        }
        house.running.stop().await;
    });
}

/// A terminal of the house that lies as well as it can: nothing that it can sign breaks a page or a list.
#[test]
fn whatever_a_terminal_says_can_be_shown() {
    story(async |house| {
        let chen = house.come_in("chen", &Role::ALL).await;
        let mut terminal = house.enrol(&chen, "<b>H-07</b>").await;
        let odd = "<script>x</script>\u{202e}\u{7}\n";
        let handling = |document: &str| Handling {
            station: odd.into(),
            read_point: odd.into(),
            device: odd.repeat(200),
            person: Some(u32::MAX),
            document: Some(document.into()),
        };
        let amount = |amount, unit| Quantity { amount, unit };
        let piece = |code: &str, quantity| Piece { code: code.into(), quantity };
        let what = vec![
            piece(odd, amount(i64::MIN, Measure::Mass)),
            piece("01/09521234543213/10/L7", amount(i64::MIN, Measure::Mass)),
            piece("01/09521234543213/10/L8", amount(i64::MAX, Measure::Length)),
            piece("", amount(0, Measure::Volume)),
        ];
        let seen =
            Evidence { first: Moment(i64::MAX), last: Moment(i64::MIN), reads: u32::MAX, rssi_dbm: Some(i16::MIN) };
        let mut bodies: Vec<Body> = Act::ALL
            .into_iter()
            .map(|act| {
                Body::Movement(Movement {
                    act,
                    what: what[..3].to_vec(),
                    from: Some(odd.into()),
                    to: Some("person:4294967296".into()),
                    to_person: Some(u32::MAX),
                    handling: handling(odd),
                    exceptions: vec![Reason::NoPass; 300],
                })
            })
            .collect();
        for what in [what.clone(), Vec::new(), what[..2].to_vec()] {
            bodies.push(Body::Passage(Passage {
                direction: Direction::Out,
                what,
                // Fewer than pieces.
                evidence: vec![seen.clone()],
                inside: odd.into(),
                outside: odd.into(),
                handling: handling(odd),
                exceptions: vec![Reason::NoPass],
            }));
        }
        let corrects = LineRef { terminal: u32::MAX, epoch: Hex([0; 16]), seq: u64::MAX };
        bodies.extend([
            Body::Attempt(Attempt { act: Act::Move, what, handling: handling(""), reason: Reason::NoPass }),
            Body::Correction(Correction { corrects, handling: handling(odd), note: odd.repeat(1_000) }),
            Body::Decision(Decision { command: Hex([0; 16]), person: None, ruling: Ruling::Revoke { terminal: 1 } }),
            Body::System(System::ClockOffset { offset_us: i64::MAX, error_us: i64::MIN }),
            Body::System(System::ClockOffset { offset_us: i64::MIN, error_us: -1 }),
            Body::System(System::Health { subject: odd.into(), ok: false, text: odd.repeat(1_000) }),
            Body::System(System::SelfCheck { shown: u64::MAX, written: 0 }),
            Body::System(System::Started { version: odd.into(), boot: Hex([0; 16]) }),
        ]);
        let mut lines = Vec::new();
        let previous = terminal.head;
        for body in &bodies {
            for at in [i64::MIN, 0, i64::MAX] {
                lines.push(terminal.write(Moment(at), body));
            }
        }
        let batch =
            Batch { book: terminal.book, previous, lines, seals: Vec::new(), at: Moment(i64::MIN), waiting: u64::MAX };
        let taken = terminal.send(&house, &batch).await;
        assert_eq!(taken.status(), StatusCode::OK, "{}", taken.text().await.unwrap());
        for language in ["en", "zh"] {
            for path in [
                "/",
                "/doors",
                "/movements",
                "/movements?kind=passage",
                "/movements?kind=system",
                "/exceptions",
                "/terminals",
                "/people/4294967295",
                "/units/01%2F09521234543213%2F10%2FL7",
                "/units/01%2F09521234543213%2F10%2FL8",
                "/search?q=L8",
                "/api/v1/movements?limit=500",
                "/api/v1/exceptions?limit=500",
                "/api/v1/balances?limit=500",
                "/api/v1/custody?limit=500",
                "/api/v1/terminals",
                "/api/v1/units/01%2F09521234543213%2F10%2FL8",
                "/api/v1/digest",
            ] {
                let request = house.client.get(house.url(path)).header(COOKIE, &chen);
                let answer = request.header("accept-language", language).send().await.unwrap();
                let (status, text) = (answer.status(), answer.text().await.unwrap());
                assert!(
                    status == StatusCode::OK || status == StatusCode::NOT_FOUND,
                    "{language} {path}: {status} {text}"
                );
                if !path.starts_with("/api/") {
                    assert!(!text.contains("<script>x") && !text.contains("<b>H-07"), "{path}");
                }
            }
        }
        let database = &house.running.server.database;
        let digest = database.read(digest).await.unwrap();
        assert_eq!(database.write(rebuild).await.unwrap(), digest, "the rebuild differs");
        assert_eq!(database.read(verify).await.unwrap().faults, []);
        house.running.stop().await;
    });
}

/// A batch that begins and never ends holds no place of a terminal: its signature is judged by its head.
#[test]
fn a_stranger_with_slow_batches_keeps_no_terminal_waiting() {
    story(async |house| {
        let admin = house.come_in("chen", &[Role::Administrator]).await;
        let mut terminal = house.enrol(&admin, "H-07").await;
        let number = terminal.book.terminal;
        let address = house.running.address;
        let begin = move || {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let head = format!(
                "POST {} HTTP/1.1\r\nhost: {address}\r\ncontent-length: 1000\r\n{}: {number}\r\n{}: 5\r\n{}: {}\r\n\
                 {}: {}\r\n\r\n{{",
                wire::BATCH,
                wire::HEADER_TERMINAL,
                wire::HEADER_TIME,
                wire::HEADER_BODY,
                Hex([7; 32]),
                wire::HEADER_SIGNATURE,
                Hex([7; 64]),
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream
        };
        // More than there are places, all still sending.
        let mut slow: Vec<_> = (0..30).map(|_| begin()).collect();
        let batch = terminal.batch(Moment::now(), &[movement(Act::Receive, "R-1", Some("RECV"))]);
        assert_eq!(terminal.send(&house, &batch).await.status(), StatusCode::OK);
        for stream in &mut slow {
            let mut answer = [0; 12];
            stream.read_exact(&mut answer).unwrap();
            assert_eq!(&answer, b"HTTP/1.1 401", "answered before the body came");
        }
        house.running.stop().await;
    });
}

#[test]
fn a_body_that_was_not_signed_is_not_taken() {
    story(async |house| {
        let admin = house.come_in("chen", &[Role::Administrator]).await;
        let mut terminal = house.enrol(&admin, "H-07").await;
        let batch = terminal.batch(Moment::now(), &[movement(Act::Receive, "R-1", Some("RECV"))]);
        let (signed, other) = (postcard::to_stdvec(&batch).unwrap(), b"another body".to_vec());
        let at = Moment::now();
        let hash = wire::body_hash(&signed);
        let signature = wire::sign(&terminal.key, "POST", wire::BATCH, at, hash);
        let request = house.client.post(house.url(wire::BATCH)).header("content-type", wire::POSTCARD);
        let request = request
            .header(wire::HEADER_TERMINAL, terminal.book.terminal)
            .header(wire::HEADER_TIME, at.0)
            .header(wire::HEADER_BODY, hash.to_string())
            .header(wire::HEADER_SIGNATURE, signature.to_string());
        let answer = request.body(other).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert!(answer.text().await.unwrap().contains("not the one that was signed"));
        house.running.stop().await;
    });
}
