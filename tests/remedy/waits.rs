//! What happens while a change waits for its turn.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
};

use chrono::{TimeDelta, Utc};

use super::{stage::Stage, world};

/// What was let pass before a wait is asked again after it: nothing is touched, not even to insure the way back.
#[test]
fn a_window_that_closes_while_credit_is_waited_for_is_closed() {
    // One change follows another after the limits of the program's own quickness: some seconds, at this speed.
    let stage = Stage::new(&world::scaled(world::logged(), 600));
    stage.plan(vec![world::pilot()]);
    assert_eq!(stage.apply(&[]).code, 0);
    stage.plan_called("second", vec![world::cluster_api_server()], Utc::now() - TimeDelta::minutes(1));
    let mut child = stage.begin(&["apply", "second.json", "--approval", "second.json.sig"]);
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut guards_read = false;
    loop {
        let mut line = String::new();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "it ended before it had waited");
        guards_read |= line.contains("reads all guards");
        // It looks at the account for its turn.
        if guards_read && line.contains("leased") {
            break;
        }
    }
    let text = fs::read_to_string(stage.path("portcullis.yaml")).unwrap();
    let closed: Vec<&str> = text.lines().filter(|line| !line.contains("windows:")).collect();
    fs::write(stage.path("portcullis.yaml"), closed.join("\n")).unwrap();
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    let run = stage.end(child);
    assert_eq!(run.code, 6, "{run:#?}\n{rest}");
    assert!(run.stdout.contains("outside of the change windows"), "{run:#?}");
    let eip = stage.eip("eip-api");
    assert!(!stage.server.changes().iter().any(|change| format!("{change:?}").contains("eip-api")), "{eip}");
    assert_eq!((stage.effects("ModifyCluster"), &eip["Status"]), (0, &"InUse".into()), "{eip}");
    assert!(eip["DeletionProtection"] != true && eip["Tags"]["Tag"].as_array().is_none_or(Vec::is_empty), "{eip}");
}
