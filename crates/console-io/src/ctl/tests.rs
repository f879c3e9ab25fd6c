use std::sync::{Arc, Mutex};

use super::{Command, CtlError, Reply, call};
use crate::{Console, ConsoleSettings, ControlPlane};

#[derive(Default)]
struct Gate {
    heard: Mutex<Vec<(Option<u32>, Command)>>,
}

impl ControlPlane for Gate {
    fn command(&self, uid: Option<u32>, command: Command) -> Reply {
        self.heard.lock().unwrap().push((uid, command));
        Reply::done("so be it", serde_json::json!({ "n": 1 }))
    }

    fn metrics(&self) -> String {
        "# EOF\n".to_owned()
    }

    fn is_healthy(&self) -> bool {
        true
    }
}

#[test]
fn a_command_reaches_the_gate_with_its_users_number_and_bad_ones_do_not() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ctl/portcullis.sock");
    assert!(matches!(call(&path, &Command::Status), Err(CtlError::Absent(_))));
    let gate = Arc::new(Gate::default());
    let console = Console::start(
        ConsoleSettings { socket: Some(path.clone()), ..ConsoleSettings::default() },
        gate.clone(),
    )
    .unwrap();
    let reply = call(&path, &Command::Bypass { on: true }).unwrap();
    assert_eq!((reply.ok, reply.text.as_str()), (true, "so be it"));
    let refused = call(&path, &Command::Enforce { percent: 3 }).unwrap();
    assert!(!refused.ok && refused.text.contains("5 to 100"), "{}", refused.text);
    let heard = gate.heard.lock().unwrap();
    assert_eq!(heard.len(), 1);
    assert!(heard[0].0.is_some());
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o660, 0o750));
    drop(heard);
    console.stop();
}
