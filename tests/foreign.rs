//! A terminal of another firm speaks to the server, written in another language from docs/sync.md alone.

use std::process::Command;

use serde_json::Value;

use crate::rig::{Server, engines};

#[test]
fn forty_lines_of_python_deliver_ten_movements_and_twice_changes_nothing() {
    // tests/run makes an environment with the two packages that the client needs.
    let Ok(python) = std::env::var("GATEBOOK_TEST_PYTHON") else {
        eprintln!("GATEBOOK_TEST_PYTHON is not set: the foreign client was not run");
        return;
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sync_client.py");
    let text = std::fs::read_to_string(script).unwrap();
    assert!(
        text.lines().filter(|line| !line.trim().is_empty()).count() <= 50,
        "the client grew: is the protocol still simple?"
    );
    for engine in engines() {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path(), engine);
        let code = server.tool(&["enrolment-code"]);
        let state = folder.path().join("state.json");
        let deliver = || {
            let url = format!("http://{}", server.address);
            let output = Command::new(&python).args([script, &url, &code]).arg(&state).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            serde_json::from_slice::<Value>(&output.stdout).unwrap()
        };
        let first = deliver();
        assert_eq!((first["next"].as_u64(), first["next_seal"].as_u64()), (Some(11), Some(2)));
        let (lines, digest) = (server.lines(), server.tool(&["digest"]));
        let foreign: Vec<&Value> = lines.iter().filter(|line| line["terminal"] == 1).collect();
        assert_eq!(foreign.len(), 10);
        assert!(foreign.iter().all(|line| line["kind"] == "movement" && line["body"]["act"] == "receive"));
        assert_eq!(deliver(), first);
        assert_eq!((server.lines(), server.tool(&["digest"])), (lines, digest), "sent twice, it changed something");
    }
}
