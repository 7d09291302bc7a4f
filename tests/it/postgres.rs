//! A real PostgreSQL for the tests: one server for the whole run, a database of its own for each desk.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
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
    let mut connection = PgConnection::connect(&server.url("postgres")).await.unwrap();
    connection.execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
    connection.close().await.unwrap();
    server.url(&name)
}

static SERVER: LazyLock<Postgres> = LazyLock::new(Postgres::start);

struct Postgres {
    port: u16,
    /// Its standard input stays open as long as this process lives; when it closes, the server stops and its folder goes.
    _keeper: Child,
}

impl Postgres {
    fn start() -> Postgres {
        // The server binds the port itself, so it is given free to it a moment before.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let programs = programs();
        let keeper = as_user("bash")
            .args(["-c", KEEPER, "keeper"])
            .arg(&programs)
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            .spawn()
            .unwrap();
        let started = Postgres { port, _keeper: keeper };
        let ready = || {
            let mut check = Command::new(programs.join("pg_isready"));
            check.args(["--quiet", "--host=127.0.0.1", &format!("--port={port}"), "--timeout=1"]);
            check.status().unwrap().success()
        };
        let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while !ready() {
            assert!(std::time::Instant::now() < until, "PostgreSQL did not start");
        }
        started
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://desk@127.0.0.1:{}/{database}", self.port)
    }
}

/// Makes a server in a folder of its own, waits for its standard input to end, and clears up.
const KEEPER: &str = r#"
set -eu
folder=$(mktemp -d)
"$1/initdb" --pgdata="$folder/data" --username=desk --auth=trust --encoding=UTF8 --no-sync
"$1/postgres" -D "$folder/data" -p "$2" -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=400 -c shared_buffers=64MB &
server=$!
read -r _ || true
kill -INT "$server"
wait "$server" || true
rm -rf "$folder"
"#;

/// PostgreSQL refuses to run as root; then it runs as the user that its package made.
fn as_user(program: &str) -> Command {
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
