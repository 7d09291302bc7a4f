//! Real proxies: HAProxy and nginx.

use std::{
    net::TcpStream,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use crate::support::postgres::as_user;

const PATIENCE: Duration = Duration::from_secs(30);
/// Runs a program with a configuration, in a folder of its own, until its standard input ends.
const KEEPER: &str = r#"
set -eu
PATH=$PATH:/usr/sbin
folder=$(mktemp -d)
cd "$folder"
echo "$2" >configuration
case $1 in
haproxy) haproxy -q -db -f configuration & ;;
nginx) nginx -p "$folder" -e stderr -g "daemon off; pid nginx.pid;" -c configuration & ;;
esac
proxy=$!
read -r _ || true
kill -TERM "$proxy"
wait "$proxy" || true
rm -rf "$folder"
"#;

/// A running proxy, which ends with this.
pub struct Proxy(Child);

impl Proxy {
    /// Starts HAProxy with a configuration that listens at this port, and waits until it does.
    pub fn haproxy(port: u16, configuration: &str) -> Proxy {
        Proxy::start("haproxy", port, configuration)
    }

    /// Starts nginx likewise. What it keeps in files is kept in its own folder, not where only its package may write.
    pub fn nginx(port: u16, configuration: &str) -> Proxy {
        let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|what| format!("  {what}_temp_path {what};\n")).concat();
        Proxy::start("nginx", port, &configuration.replace("http {\n", &format!("http {{\n{paths}")))
    }

    fn start(program: &str, port: u16, configuration: &str) -> Proxy {
        let keeper = as_user("bash")
            .args(["-c", KEEPER, "keeper", program, configuration])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            .spawn()
            .unwrap();
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < until, "{program} did not start");
        }
        Proxy(keeper)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
