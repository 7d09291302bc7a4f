//! A real PostgreSQL for the tests: one server for the whole run, a database of its own for each desk.

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use sqlx::{Connection, Executor, PgConnection};

/// Whether desks are opened on PostgreSQL: `DESKHAND_TEST_DATABASE=postgres`.
pub fn wanted() -> bool {
    match std::env::var("DESKHAND_TEST_DATABASE").as_deref() {
        Ok("postgres") => true,
        Ok("sqlite") | Err(_) => false,
        Ok(other) => panic!("DESKHAND_TEST_DATABASE is `{other}`: it must be `sqlite` or `postgres`"),
    }
}

/// The URL of a new, empty database.
pub async fn new_database() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    let name = format!("desk_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let server = &SERVER;
    execute(&server.url("postgres"), &[&format!("CREATE DATABASE {name}")]).await;
    server.url(&name)
}

/// Runs statements on a connection of their own.
pub async fn execute(url: &str, statements: &[&str]) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    for statement in statements {
        connection.execute(sqlx::AssertSqlSafe((*statement).to_owned())).await.unwrap();
    }
    connection.close().await.unwrap();
}

static SERVER: LazyLock<Postgres> = LazyLock::new(Postgres::start);

/// A server in a folder of its own.
pub struct Postgres {
    port: u16,
    /// Its standard input stays open as long as this process lives; when it closes, the server stops and its folder goes.
    keeper: Child,
    answers: BufReader<ChildStdout>,
}

impl Postgres {
    pub fn start() -> Postgres {
        // The server binds the port itself, so it is given free to it a moment before.
        let port = free_port();
        let mut keeper = as_user("bash")
            .args(["-c", KEEPER, "keeper"])
            .arg(programs())
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .current_dir("/")
            .spawn()
            .unwrap();
        let answers = BufReader::new(keeper.stdout.take().unwrap());
        let mut started = Postgres { port, keeper, answers };
        started.wait_for_answer();
        started.wait_until_ready();
        started
    }

    /// Stops the server at once: its clients' connections end.
    pub fn stop(&mut self) {
        self.tell("stop");
    }

    /// Starts it again, on the same port, with all that it held.
    pub fn start_again(&mut self) {
        self.tell("start");
        self.wait_until_ready();
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgres://desk@127.0.0.1:{}/{database}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    fn tell(&mut self, command: &str) {
        writeln!(self.keeper.stdin.as_mut().unwrap(), "{command}").unwrap();
        self.wait_for_answer();
    }

    fn wait_for_answer(&mut self) {
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        assert_eq!(answer, "done\n");
    }

    fn wait_until_ready(&self) {
        let ready = || {
            let mut check = Command::new(programs().join("pg_isready"));
            check.args(["--quiet", "--host=127.0.0.1", &format!("--port={}", self.port), "--timeout=1"]);
            check.status().unwrap().success()
        };
        let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while !ready() {
            assert!(std::time::Instant::now() < until, "PostgreSQL did not start");
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Makes a server in a folder of its own, stops and starts it as it is asked, until its standard input ends, and clears up.
const KEEPER: &str = r#"
set -eu
folder=$(mktemp -d)
"$1/initdb" --pgdata="$folder/data" --username=desk --auth=trust --encoding=UTF8 --no-sync >/dev/null
start() {
  "$1/postgres" -D "$folder/data" -p "$2" -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=400 -c shared_buffers=64MB >/dev/null &
  server=$!
}
stop() {
  kill -INT "$server" 2>/dev/null || true
  wait "$server" || true
}
start "$@"
echo done
while read -r command; do
  "$command" "$@"
  echo done
done
stop
rm -rf "$folder"
"#;

/// PostgreSQL refuses to run as root; then it runs as the user that its package made.
pub fn as_user(program: &str) -> Command {
    let root = std::fs::metadata("/proc/self").is_ok_and(|process| std::os::unix::fs::MetadataExt::uid(&process) == 0);
    if root {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--", program]);
        command
    } else {
        Command::new(program)
    }
}

/// Where Debian puts the newest server's programs, else where `initdb` is found.
fn programs() -> PathBuf {
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .filter(|programs| programs.join("initdb").exists())
        .collect();
    versions.sort();
    versions.pop().unwrap_or_else(|| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folder = std::env::split_paths(&path).find(|folder| folder.join("initdb").exists());
        folder.unwrap_or_else(|| Path::new("/usr/bin").to_owned())
    })
}
