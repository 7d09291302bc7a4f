//! A real HAProxy.

use std::{
    net::TcpStream,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use crate::support::postgres::as_user;

const PATIENCE: Duration = Duration::from_secs(30);
const KEEPER: &str = r#"
set -eu
file=$(mktemp)
echo "$1" >"$file"
PATH=$PATH:/usr/sbin haproxy -q -db -f "$file" &
balancer=$!
read -r _ || true
kill -TERM "$balancer"
wait "$balancer" || true
rm -f "$file"
"#;

/// A running HAProxy, which ends with this.
pub struct Balancer(Child);

impl Balancer {
    /// Starts it with a configuration that listens at this port, and waits until it does.
    pub fn start(port: u16, configuration: &str) -> Balancer {
        let keeper = as_user("bash")
            .args(["-c", KEEPER, "balancer", configuration])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            .spawn()
            .unwrap();
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < until, "HAProxy did not start");
        }
        Balancer(keeper)
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
