//! What people, programs and terminals are promised at the server's port.

use std::collections::BTreeSet;
use std::time::Duration;

use gatebook::config::server::TlsMode;
use gatebook::event::{
    Act, Attempt, Body, Correction, Decision, Direction, Evidence, Handling, LineRef, Movement, Passage, Piece, Reason,
    Ruling, System,
};
use gatebook::face::words::Lang;
use gatebook::identity::hex::Hex;
use gatebook::quantity::{Moment, Quantity, Unit as Measure};
use gatebook::server::access::logins::{create_token, revoke_token, set_active};
use gatebook::server::access::{Role, Roles};
use gatebook::server::kernel::digest::digest;
use gatebook::server::rebuild::rebuild;
use gatebook::server::start::start;
use gatebook::server::verify::verify;
use gatebook::server::web::{Need, routes};
use gatebook::sync::wire::{self, Batch, BatchReply, Down, Hello, HelloReply, Refusal};
use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, COOKIE, ORIGIN, SET_COOKIE};
use serde_json::{Value, json};

use crate::central::own_postgres;
use crate::web_house::{self as house, House, PASSWORD, catalog, movement, passage, to};

/// Tells the story at a server on SQLite and, when `GATEBOOK_TEST_POSTGRES` names one, at a server on PostgreSQL.
fn story(test: impl AsyncFn(House)) {
    runtime().block_on(async {
        test(House::open(None).await).await;
        if let Some((url, drop)) = own_postgres().await {
            test(House::open(Some(url)).await).await;
            drop.await;
        }
    });
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

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
fn a_session_opens_holds_and_ends() {
    story(async |house| {
        let cookie = house.come_in("陈静", &[Role::Keeper]).await;
        let answer = house.log_in("陈静", PASSWORD).await;
        let line = answer.headers()[SET_COOKIE].to_str().unwrap().to_owned();
        for flag in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
            assert!(line.contains(flag), "{line}");
        }
        assert_eq!(house.get("/", &cookie).await.status(), StatusCode::OK);
        let stored = house.running.server.database.read(|tx| tx.query("SELECT token_hash FROM login_session", &[]));
        let secret = cookie.split_once('=').unwrap().1.to_owned();
        for row in stored.await.unwrap() {
            assert_ne!(gatebook::identity::hex::encode(row.blob(0).unwrap()), secret, "the token itself is stored");
        }
        let answer = house.submit("/logout", &cookie, String::new()).await;
        assert_eq!((answer.status(), to(&answer)), (StatusCode::SEE_OTHER, "/login"));
        assert_eq!(house.get("/", &cookie).await.status(), StatusCode::SEE_OTHER, "the old cookie opens nothing");

        let other = house::cookie(&house.log_in("陈静", PASSWORD).await).unwrap();
        house.come_in("administrator", &[Role::Administrator]).await;
        house.running.server.database.write(|tx| set_active(tx, "陈静", false)).await.unwrap();
        assert_eq!(house.get("/", &other).await.status(), StatusCode::SEE_OTHER, "locked out at once");
        assert_eq!(house.log_in("陈静", PASSWORD).await.status(), StatusCode::FORBIDDEN);
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
fn a_program_comes_with_a_token_until_it_is_revoked() {
    story(async |house| {
        let database = &house.running.server.database;
        let make = |tx: &mut _| create_token(tx, "ERP", &[Role::Auditor], "chen", Moment::now());
        let token = database.write(make).await.unwrap();
        let get = async |path: &str| {
            let request = house.client.get(house.url(path)).header(AUTHORIZATION, format!("Bearer {token}"));
            request.send().await.unwrap().status()
        };
        assert_eq!(get("/api/v1/movements").await, StatusCode::OK);
        let post =
            house.client.post(house.url("/api/v1/terminals/1/revoke")).header(AUTHORIZATION, format!("Bearer {token}"));
        assert_eq!(post.send().await.unwrap().status(), StatusCode::FORBIDDEN, "an auditor changes nothing");
        assert!(database.write(|tx| revoke_token(tx, 1, Moment::now())).await.unwrap());
        assert_eq!(get("/api/v1/movements").await, StatusCode::UNAUTHORIZED);
        house.running.stop().await;
    });
}

#[test]
fn what_kind_of_record_it_is_decides_who_may_put_it() {
    story(async |house| {
        let keeper = house.come_in("keeper", &[Role::Keeper]).await;
        let approver = house.come_in("approver", &[Role::Approver]).await;
        let item =
            json!({ "kind": "item", "code": "RG-7715", "name": { "zh": "戒指", "en": "Ring" }, "tracking": "serial" });
        let pass = json!({
            "kind": "pass", "number": "DB-1", "units": ["18K-0042-7"], "person": 2, "purpose": { "zh": "", "en": "" },
            "from_us": 0, "until_us": 9, "due_us": 9, "approved_by": 1,
        });
        let key = "00112233445566778899aabbccddeeff";
        let put = async |who: &str, key: &str, body: &Value| house.post_json("/api/v1/records", who, key, body).await;
        assert_eq!(put(&keeper, key, &item).await.status(), StatusCode::CREATED);
        let again = put(&keeper, key, &item).await;
        assert_eq!(again.status(), StatusCode::OK);
        assert_eq!(again.json::<Value>().await.unwrap()["repeated"], true, "sent twice, carried out once");
        let other = json!({ "kind": "item", "code": "ER-2041", "name": { "zh": "", "en": "" }, "tracking": "lot" });
        assert_eq!(put(&keeper, key, &other).await.status(), StatusCode::CONFLICT);
        assert_eq!(put(&keeper, &key.replace('0', "1"), &pass).await.status(), StatusCode::FORBIDDEN);
        assert_eq!(put(&approver, &key.replace('0', "2"), &item).await.status(), StatusCode::FORBIDDEN);
        assert_eq!(put(&approver, "not hex", &pass).await.status(), StatusCode::BAD_REQUEST);
        let wrong = put(&keeper, &key.replace('0', "3"), &json!({ "kind": "ring" })).await;
        assert_eq!(wrong.headers()["content-type"], "application/problem+json");
        assert!(wrong.status().is_client_error());
        let items: Value = house.get("/api/v1/items", &keeper).await.json().await.unwrap();
        assert_eq!(items["items"].as_array().unwrap().len(), 1);
        house.running.stop().await;
    });
}

#[test]
fn a_terminal_comes_in_sends_its_book_once_and_hears_decisions() {
    story(async |house| {
        let admin = house.come_in("chen", &[Role::Administrator]).await;
        let mut terminal = house.enrol(&admin, "H-07").await;
        let hello = Hello {
            versions: wire::VERSIONS,
            program: "test".into(),
            book: terminal.book,
            first_kept: 1,
            last: 0,
            head: terminal.head,
            at: Moment::now(),
            down_cursor: 0,
            waiting: 3,
            troubles: Vec::new(),
        };
        let said = terminal.post(&house, wire::HELLO, postcard::to_stdvec(&hello).unwrap()).await;
        assert_eq!(said.status(), StatusCode::OK);
        let reply: HelloReply = postcard::from_bytes(&said.bytes().await.unwrap()).unwrap();
        assert_eq!((reply.version, reply.next), (1, 1));

        let batch = terminal.batch(
            Moment::now(),
            &[movement(Act::Receive, "18K-0042-7", Some("V2-03-11")), movement(Act::CheckOut, "18K-0042-7", None)],
        );
        let taken = terminal.send(&house, &batch).await;
        assert_eq!(taken.status(), StatusCode::OK);
        let taken: BatchReply = postcard::from_bytes(&taken.bytes().await.unwrap()).unwrap();
        assert_eq!((taken.next, taken.head), (3, terminal.head));
        assert!(taken.receipt.holds(terminal.book, &house.running.server.key.public()));

        // The same in JSON and compressed, from where the server stands.
        let next = terminal.batch(Moment::now(), &[movement(Act::Return, "18K-0042-7", Some("V2-03-11"))]);
        let packed = zstd::bulk::compress(&serde_json::to_vec(&next).unwrap(), 3).unwrap();
        let headers = [("content-type", wire::JSON), ("content-encoding", "zstd")];
        let taken = terminal.request(&house, "POST", wire::BATCH, packed, &headers).await;
        assert_eq!(taken.status(), StatusCode::OK);
        assert_eq!(taken.json::<BatchReply>().await.unwrap().next, 4);

        // A gap tells where the server stands.
        terminal.write(Moment::now(), &movement(Act::Move, "18K-0042-7", Some("V2-03-14")));
        let gap = terminal.batch(Moment::now(), &[movement(Act::Move, "18K-0042-7", Some("V2-03-11"))]);
        let refused = terminal.send(&house, &gap).await;
        assert_eq!(refused.status(), StatusCode::CONFLICT);
        assert_eq!(refused.json::<Refusal>().await.unwrap().next, Some(4));

        let lines: Value = house.get("/api/v1/movements?kind=movement", &admin).await.json().await.unwrap();
        assert_eq!(lines["items"].as_array().unwrap().len(), 3, "each line once: {lines}");

        // Whoever waits hears a decision at once.
        let cursor = reply.down_cursor;
        let path = wire::down_path(cursor, 25);
        let waiting = terminal.get(&house, &path);
        let deciding = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            house.put(catalog().remove(0)).await;
        };
        let (heard, ()) = tokio::join!(waiting, deciding);
        assert_eq!(heard.status(), StatusCode::OK, "{}", heard.text().await.unwrap());
        let down: Down = postcard::from_bytes(&heard.bytes().await.unwrap()).unwrap();
        assert_eq!(down.records.len(), 1);
        assert!(down.records[0].holds(&house.running.server.key.public()));
        house.running.stop().await;
    });
}

#[test]
fn a_terminal_that_cannot_be_believed_is_refused_in_words() {
    story(async |house| {
        let admin = house.come_in("chen", &[Role::Administrator]).await;
        let terminal = house.enrol(&admin, "H-07").await;
        let mut stranger = house::Terminal::new(ed25519_dalek::SigningKey::from_bytes(&[5; 32]));
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

        let hello = Hello {
            versions: (9, 12),
            program: "later".into(),
            book: terminal.book,
            first_kept: 1,
            last: 0,
            head: terminal.head,
            at: Moment::now(),
            down_cursor: 0,
            waiting: 0,
            troubles: Vec::new(),
        };
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
fn every_line_is_on_exactly_one_page() {
    story(async |house| {
        let admin = house.come_in("chen", &[Role::Administrator]).await;
        let mut terminal = house.enrol(&admin, "H-07").await;
        let bodies: Vec<_> = (0..23).map(|n| movement(Act::Receive, &format!("R-{n}"), Some("V1"))).collect();
        let batch = terminal.batch(Moment::now(), &bodies);
        assert_eq!(terminal.send(&house, &batch).await.status(), StatusCode::OK);
        let (mut after, mut seen, mut pages) = (String::new(), Vec::new(), 0);
        loop {
            let page: Value = house
                .get(&format!("/api/v1/movements?limit=5&kind=movement{after}"), &admin)
                .await
                .json()
                .await
                .unwrap();
            seen.extend(page["items"].as_array().unwrap().iter().map(|line| line["seq"].as_u64().unwrap()));
            pages += 1;
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        assert_eq!(seen, (1..=23).collect::<Vec<u64>>());
        assert_eq!(pages, 5);
        let one: Value = house.get("/api/v1/movements?unit=R-7", &admin).await.json().await.unwrap();
        assert_eq!(one["items"].as_array().unwrap().len(), 1);
        for wrong in ["limit=0", "limit=501", "after=x", "kind=ring", "colour=red"] {
            let answer = house.get(&format!("/api/v1/movements?{wrong}"), &admin).await;
            assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{wrong}");
        }
        house.running.stop().await;
    });
}

#[test]
fn a_long_list_of_records_does_not_end_early() {
    story(async |house| {
        let auditor = house.come_in("chen", &[Role::Auditor]).await;
        let places: Vec<_> = (0..230).map(house::place).collect();
        house.put_all(places).await;
        for limit in [50, 200, 201, 500] {
            let (mut after, mut seen) = (String::new(), BTreeSet::new());
            loop {
                let address = format!("/api/v1/places?limit={limit}{after}");
                let page: Value = house.get(&address, &auditor).await.json().await.unwrap();
                seen.extend(page["items"].as_array().unwrap().iter().map(Value::to_string));
                match page["next"].as_str() {
                    Some(next) => after = format!("&after={next}"),
                    None => break,
                }
            }
            assert_eq!(seen.len(), 230, "by pages of {limit}");
        }
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

/// A house where everything has happened once.
async fn lived_in(house: &House) -> String {
    let everything: &[Role] = &Role::ALL;
    let chen = house.come_in("陈静", everything).await;
    for content in catalog() {
        house.put(content).await;
    }
    let mut terminal = house.enrol(&chen, "H-07").await;
    let now = Moment::now();
    let mut bodies = vec![
        movement(Act::Receive, "18K-0042-7", Some("V2-03-11")),
        movement(Act::Receive, "PT-0317-2", Some("V2-03-14")),
        movement(Act::CheckOut, "18K-0042-7", None),
        passage("PT-0317-2", Direction::Out, now, vec![Reason::NoPass]),
        movement(Act::Receive, "UNKNOWN-99", Some("V1")),
    ];
    bodies.extend((0..60).map(|n| movement(Act::Receive, &format!("R-{n}"), Some("V1"))));
    let batch = terminal.batch(Moment(now.0 - 120_000_000), &bodies);
    let taken = terminal.send(house, &batch).await;
    assert_eq!(taken.status(), StatusCode::OK, "{}", taken.text().await.unwrap());
    chen
}

#[test]
fn every_page_reads_in_both_languages_within_its_weight() {
    story(async |house| {
        let chen = lived_in(&house).await;
        let pages = [
            "/",
            "/doors",
            "/movements",
            "/movements?kind=passage",
            "/exceptions",
            "/exceptions?all=1",
            "/terminals",
            "/access",
            "/units/18K-0042-7",
            "/units/PT-0317-2",
            "/units/UNKNOWN-99",
            "/people/2",
            "/search?q=ring",
            "/search?q=nothing-at-all",
        ];
        for path in pages {
            for lang in Lang::ALL {
                let joint = if path.contains('?') { '&' } else { '?' };
                let answer = house.get(&format!("{path}{joint}lang={}", lang.tag()), &chen).await;
                assert_eq!(answer.status(), StatusCode::OK, "{path}");
                let html = answer.text().await.unwrap();
                let named = format!("{path} in {}", lang.tag());
                assert!(html.contains(&format!("<html lang=\"{}\"", lang.tag())), "{named}");
                for inline in [" style=", " onclick=", "<script>", "<style", "javascript:"] {
                    assert!(!html.contains(inline), "{named}: {inline}");
                }
                let packed = zstd::bulk::compress(html.as_bytes(), 3).unwrap();
                assert!(packed.len() < 25_000, "{named} weighs {} bytes packed", packed.len());
                let ids: Vec<&str> = html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
                let once: BTreeSet<&str> = ids.iter().copied().collect();
                assert_eq!(ids.len(), once.len(), "{named}: an id stands twice");
            }
        }
        let alarm = house.get("/", &chen).await.text().await.unwrap();
        assert!(
            alarm.contains("role=\"alert\"") && alarm.contains("PT-0317-2"),
            "the alarm stands on top of every page"
        );
        house.running.stop().await;
    });
}

#[test]
fn an_exact_number_opens_its_page_and_a_wrong_one_says_so() {
    story(async |house| {
        let chen = lived_in(&house).await;
        let found = house.get("/search?q=18k-0042-7", &chen).await;
        assert_eq!((found.status(), to(&found)), (StatusCode::SEE_OTHER, "/units/18K-0042-7"));
        let missing = house.get("/units/18K-9999-9?lang=en", &chen).await;
        assert_eq!(missing.status(), StatusCode::NOT_FOUND);
        let html = missing.text().await.unwrap();
        assert!(html.contains("Not found") && html.contains("18K-9999-9"), "{html}");
        let switched = house.get("/doors?lang=en", &chen).await;
        assert!(switched.headers()[SET_COOKIE].to_str().unwrap().starts_with("gatebook-lang=en"));
        house.running.stop().await;
    });
}

#[test]
fn a_person_settles_an_exception_and_the_alarm_ends() {
    story(async |house| {
        let chen = lived_in(&house).await;
        let list: Value = house.get("/api/v1/exceptions?limit=200", &chen).await.json().await.unwrap();
        let items = list["items"].as_array().unwrap();
        let alarm = items.iter().find(|item| item["reason"] == "no_pass").unwrap();
        let id = alarm["id"].as_str().unwrap();
        let settle = format!("/exceptions/{id}/settle");
        let form = "command=00112233445566778899aabbccddeeff&note=with+the+head+of+sales".to_owned();
        let auditor = house.come_in("auditor", &[Role::Auditor]).await;
        assert_eq!(house.submit(&settle, &auditor, form.clone()).await.status(), StatusCode::FORBIDDEN);
        for _ in 0..2 {
            let done = house.submit(&settle, &chen, form.clone()).await;
            assert_eq!((done.status(), to(&done)), (StatusCode::SEE_OTHER, "/exceptions"), "pressed twice is once");
        }
        let other = form.replace("00112233", "99112233");
        assert_eq!(house.submit(&settle, &chen, other).await.status(), StatusCode::NOT_FOUND, "it is settled by now");
        let html = house.get("/", &chen).await.text().await.unwrap();
        assert!(!html.contains("role=\"alert\""), "the alarm still stands");
        let all = house.get("/api/v1/exceptions?all=true&limit=200", &chen).await.text().await.unwrap();
        assert!(all.contains("with the head of sales"));
        house.running.stop().await;
    });
}

#[test]
fn a_page_hears_that_the_book_moved() {
    story(async |house| {
        let chen = house.come_in("chen", &[Role::Keeper]).await;
        let mut live = house.get("/live", &chen).await;
        assert_eq!(live.headers()["content-type"], "text/event-stream");
        let first = tokio::time::timeout(Duration::from_secs(10), live.chunk()).await.unwrap().unwrap().unwrap();
        assert!(String::from_utf8_lossy(&first).contains("event: moved"));
        house.put(catalog().remove(0)).await;
        let mut heard = String::new();
        while !heard.contains("event: moved") {
            let chunk = tokio::time::timeout(Duration::from_secs(10), live.chunk()).await.unwrap().unwrap().unwrap();
            heard.push_str(&String::from_utf8_lossy(&chunk));
        }
        assert!(heard.contains("id: 1."), "{heard}");
        // A page that stays open does not hold up the stop.
        tokio::time::timeout(Duration::from_secs(9), house.running.stop()).await.unwrap();
    });
}

#[test]
fn a_server_that_cannot_start_says_what_to_do() {
    story(async |house| {
        let folder = tempfile::tempdir().unwrap();
        let mut taken = house::config(folder.path(), TlsMode::Off);
        taken.listen = house.running.address;
        let why = start(taken).await.map(|_| ()).unwrap_err().to_string();
        assert!(why.contains(&house.running.address.to_string()) && why.contains("another port"), "{why}");

        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("gatebook.db"), vec![b'x'; 4096]).unwrap();
        let why = start(house::config(folder.path(), TlsMode::Off)).await.map(|_| ()).unwrap_err().to_string();
        assert!(why.contains("not a Gatebook server database"), "{why}");
        house.running.stop().await;
    });
}

#[test]
fn the_connection_is_sealed_by_the_own_ca() {
    runtime().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let running = start(house::config(folder.path(), TlsMode::Own { names: Vec::new() })).await.unwrap();
        assert!(running.url.starts_with("https://127.0.0.1:"), "{}", running.url);
        assert_ne!(running.server.pin, Some(Hex([0; 32])));
        assert!(running.server.pin.is_some());
        house::client();
        let ca = reqwest::Certificate::from_pem(&std::fs::read(folder.path().join("tls/ca.pem")).unwrap()).unwrap();
        let trusting = reqwest::Client::builder().no_proxy().tls_certs_only([ca]).build().unwrap();
        let answer = trusting.get(format!("{}/health", running.url)).send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "ok\n");
        let suspicious = reqwest::Client::builder().no_proxy().build().unwrap();
        assert!(
            suspicious.get(format!("{}/health", running.url)).send().await.is_err(),
            "nobody vouches for it elsewhere"
        );
        running.stop().await;
    });
}
