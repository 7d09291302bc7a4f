//! The program in a process that can be killed.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use deskhand::api::pb::{self, chat_service_client::ChatServiceClient, knowledge_service_client::KnowledgeServiceClient};
use tonic::transport::{Channel, Endpoint};

const KNOWLEDGE_BASE: &str = "DESKHAND_KNOWLEDGE_BASE";

/// A served data folder.
pub struct Process {
    child: Child,
    pub address: String,
    pub channel: Channel,
    pub started_in: Duration,
}

impl Process {
    /// Starts the program on a data folder, and on a database if there is another than the folder's.
    pub async fn start(data: &Path, database_url: Option<&str>) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_deskhand"));
        Process::begin(&mut command, data, database_url).await.expect("it serves")
    }

    /// Starts it with a model at this address.
    pub async fn start_with_model(data: &Path, base_url: &str) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_deskhand"));
        command.env("OPENAI_BASE_URL", base_url).env("DESKHAND_MODEL", "raw");
        Process::begin(&mut command, data, None).await.expect("it serves")
    }

    /// The most memory that it had resident so far, in megabytes.
    pub fn most_resident_megabytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() / 1000
    }

    /// Starts it in a process that makes files for everybody.
    pub async fn start_with_open_umask(data: &Path) -> Process {
        let mut command = Command::new("sh");
        command.args(["-c", "umask 000; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_deskhand")]);
        Process::begin(&mut command, data, None).await.expect("it serves")
    }

    /// Starts it with a knowledge base folder.
    pub async fn start_with_folder(data: &Path, database_url: &str, folder: &Path) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_deskhand"));
        Process::begin(command.env(KNOWLEDGE_BASE, folder), data, Some(database_url)).await.expect("it serves")
    }

    /// Starts it with settings, a filter of what it logs, and the file that it logs to.
    pub async fn start_logged(data: &Path, database_url: Option<&str>, settings: &[(&str, &str)], filter: &str, log: &Path) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_deskhand"));
        command.envs(settings.iter().copied());
        Process::begin_logged(&mut command, data, database_url, filter, std::fs::File::create(log).unwrap().into())
            .await
            .expect("it serves")
    }

    /// Starts it with a model at this address, and with these settings.
    pub async fn start_with(data: &Path, base_url: &str, settings: &[(&str, &str)]) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_deskhand"));
        command.env("OPENAI_BASE_URL", base_url).env("DESKHAND_MODEL", "raw").envs(settings.iter().copied());
        Process::begin(&mut command, data, None).await.expect("it serves")
    }

    /// Asks it to stop; it has ended when this returns, or `None` comes back after `patience`.
    pub async fn terminate(mut self, patience: Duration) -> Option<std::process::ExitStatus> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        tokio::task::spawn_blocking(move || {
            let until = Instant::now() + patience;
            while Instant::now() < until {
                if let Some(status) = self.child.try_wait().unwrap() {
                    return Some(status);
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            None
        })
        .await
        .unwrap()
    }

    /// Starts it under strace, whose own arguments come first; `None` if it ends before it serves.
    pub async fn start_traced(strace: &[String], data: &Path) -> Option<Process> {
        let mut command = Command::new("strace");
        command.args(["--follow-forks", "--quiet=attach,exit,path-resolution,personality,superseded,thread-execve"]);
        command.args(strace).arg(env!("CARGO_BIN_EXE_deskhand"));
        Process::begin(&mut command, data, None).await
    }

    /// Starts it with the command's own standard error, to which it logs.
    pub async fn begin_logging(command: &mut Command, data: &Path) -> Process {
        Process::serve(command, data, None, "error").await.expect("it serves")
    }

    async fn begin(command: &mut Command, data: &Path, database_url: Option<&str>) -> Option<Process> {
        Process::serve(command.stderr(Stdio::inherit()), data, database_url, "error").await
    }

    async fn begin_logged(command: &mut Command, data: &Path, database_url: Option<&str>, filter: &str, log: Stdio) -> Option<Process> {
        Process::serve(command.stderr(log), data, database_url, filter).await
    }

    async fn serve(command: &mut Command, data: &Path, database_url: Option<&str>, filter: &str) -> Option<Process> {
        let began = Instant::now();
        command.args(["serve", "--listen", "127.0.0.1:0", "--log", filter, "--data"]);
        if !command.get_envs().any(|(name, _)| name == KNOWLEDGE_BASE) {
            command.env(KNOWLEDGE_BASE, "");
        }
        command.arg(data).current_dir(data.parent().unwrap()).stdout(Stdio::piped());
        if let Some(url) = database_url {
            command.args(["--database-url", url]);
        }
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let address =
            tokio::task::spawn_blocking(move || lines.lines().find_map(|line| line.ok()?.strip_prefix("listening on ").map(str::to_owned)))
                .await
                .unwrap();
        let Some(address) = address else {
            child.wait().unwrap();
            return None;
        };
        let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy();
        Some(Process { child, address, channel, started_in: began.elapsed() })
    }

    pub fn chats(&self) -> ChatServiceClient<Channel> {
        ChatServiceClient::new(self.channel.clone())
    }

    pub fn knowledge(&self) -> KnowledgeServiceClient<Channel> {
        KnowledgeServiceClient::new(self.channel.clone())
    }

    /// The events of a chat, in pages; none if there is no such chat.
    pub async fn events(&self, chat_id: &str) -> Vec<pb::Event> {
        let mut events: Vec<pb::Event> = Vec::new();
        loop {
            let after_sequence = events.last().map_or(0, |event| event.sequence);
            let request = pb::GetChatRequest { chat_id: chat_id.into(), after_sequence, page_size: 1000 };
            match self.chats().get_chat(request).await {
                Ok(page) if !page.get_ref().events.is_empty() => events.extend(page.into_inner().events),
                Ok(_) => return events,
                Err(status) if status.code() == tonic::Code::NotFound => return events,
                Err(status) => panic!("{status:?}"),
            }
        }
    }

    /// Kills it, with its tracer, at once.
    pub fn kill(&mut self) {
        // Killing the tracer lets what it traces go on; its children are found by their parent.
        let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.child.id())).unwrap_or_default();
        for child in children.split_whitespace() {
            let _ = Command::new("kill").args(["-KILL", child]).status();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        // What was traced holds its data folder until it is gone.
        let until = Instant::now() + Duration::from_secs(10);
        for child in children.split_whitespace() {
            while Path::new("/proc").join(child).exists() && Instant::now() < until {
                std::thread::yield_now();
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
