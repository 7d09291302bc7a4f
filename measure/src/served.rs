//! The service's program in a process of its own, as an operator runs it.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tonic::transport::{Channel, Endpoint};

use crate::deskhand;

/// A server that runs until this is dropped.
pub struct Served {
    child: Child,
    pub address: String,
    pub channel: Channel,
}

impl Served {
    /// Starts the program on a data folder with these variables, and returns once it listens.
    pub fn start(data: &Path, variables: &[(&str, &str)]) -> Served {
        Served::start_by(Command::new(deskhand()), data, variables)
    }

    /// The same by a command that ends with the program, such as that of a profiler.
    pub fn start_by(mut command: Command, data: &Path, variables: &[(&str, &str)]) -> Served {
        // Only the first one counts.
        let _ = rustls::crypto::ring::default_provider().install_default();
        command.args(["serve", "--listen", "127.0.0.1:0", "--log", "error", "--data"]).arg(data);
        command.env("DESKHAND_KNOWLEDGE_BASE", "").envs(variables.iter().copied()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let first = lines.next().expect("the program listens").expect("a line");
        let address = first.strip_prefix("listening on ").expect("its address").to_owned();
        let channel = Endpoint::from_shared(format!("http://{address}")).expect("an address").connect_lazy();
        Served { child, address, channel }
    }

    /// Waits until it is ready for calls.
    pub async fn ready(&self) {
        while self.page("/readyz").await.is_none() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// The id of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The processor time that its threads have taken, without those that have ended.
    pub fn processor_time(&self) -> Duration {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).into_iter().flatten().flatten();
        let nanoseconds = threads.filter_map(|thread| {
            let told = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
            told.split(' ').next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(nanoseconds.sum())
    }

    /// Its resident memory.
    pub fn resident_kilobytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok()).unwrap_or_default()
    }

    /// The value of a metric without labels, or with these; 0 if it is not there.
    pub async fn metric(&self, name: &str) -> f64 {
        let metrics = self.page("/metrics").await.unwrap_or_default();
        metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok()).unwrap_or_default()
    }

    /// What it serves at a path; `None` unless it succeeds.
    async fn page(&self, path: &str) -> Option<String> {
        let answer = reqwest::get(format!("http://{}{path}", self.address)).await.ok()?.error_for_status().ok()?;
        answer.text().await.ok()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
