//! What people, programs and terminals are promised at the server's port.

use std::collections::BTreeSet;
use std::time::Duration;

use gatebook::config::server::TlsMode;
use gatebook::event::{Act, Direction, Reason};
use gatebook::face::words::Lang;
use gatebook::hex::Hex;
use gatebook::quantity::Moment;
use gatebook::server::access::Role;
use gatebook::server::access::logins::{create_token, revoke_token, set_active};
use gatebook::server::start::start;
use gatebook::sync::wire::{self, BatchReply, Down, HelloReply, Refusal};
use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, SET_COOKIE};
use serde_json::{Value, json};

use crate::web_house::{self as house, House, PASSWORD, catalog, movement, passage, runtime, story, to};

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
            assert_ne!(gatebook::hex::encode(row.blob(0).unwrap()), secret, "the token itself is stored");
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
        let hello = terminal.hello(wire::VERSIONS);
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
        // The five series of the configuration came before it.
        assert!(heard.contains("id: 6."), "{heard}");
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
