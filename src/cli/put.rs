//! `deskhand put`: sends what a knowledge base folder has to a server.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, anyhow};
use clap::{Arg, ArgMatches, Command, value_parser};
use jiff::Timestamp;
use tonic::Status;

use crate::{
    api::{encode_article, encode_canned_answer, pb},
    cli::{
        call::describe,
        connection::{Connection, server_flags},
        import::account::{Account, Place, advice, is_fatal},
        wording,
    },
    knowledge::{Document, FolderWording, Kind, documents_in},
};

/// Documents and bytes of one call, under the API's limits.
const MAX_DOCUMENTS: usize = 200;
const MAX_CALL_BYTES: usize = 4 << 20;

pub fn command() -> Command {
    Command::new("put")
        .about("Send a knowledge base folder to a running server")
        .after_help(
            "For CI, and for servers that do not read the folder themselves. Sending again changes nothing. Needs a key with scope `author`.\n\n\
             What is no longer in the folder is not deleted on the server. Voice, glossary and synonyms are sent, too; those that the \
             server reads from a folder of its own stay.\n\n\
             Exits with 0 if all of it is on the server, with 1 if a file can't be read or something was not taken.\n\n\
             Examples:\n  deskhand put knowledge-base --address 127.0.0.1:50051\n  \
             DESKHAND_KEY=… deskhand put knowledge-base --address https://desk.example:443",
        )
        .arg(Arg::new("folder").value_name("FOLDER").required(true).value_parser(value_parser!(PathBuf)).help("Knowledge base folder"))
        .args(server_flags())
}

pub fn run(matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    let root = matches.get_one::<PathBuf>("folder").expect("it is required");
    if !root.is_dir() {
        eprintln!("error: `{}` is not a folder; name the knowledge base to send", root.display());
        return Ok(ExitCode::from(crate::cli::BAD_ARGUMENTS));
    }
    let (documents, problems) = documents_in(root).with_context(|| format!("can't read `{}`", root.display()))?;
    let mut account = Account::default();
    for problem in &problems {
        let is_read = documents.iter().any(|found| found.file == problem.file);
        let is_document = problem.file.starts_with("articles") || problem.file.starts_with("canned-answers");
        let place = Place { file: root.join(&problem.file).into(), line: problem.line };
        match is_document && !is_read {
            true => account.broken(&place, &problem.message),
            false => eprintln!("{place}: warning: {}", problem.message),
        }
    }
    let wording = FolderWording::read(root).with_context(|| format!("can't read `{}`", root.display()))?;
    if documents.is_empty() && problems.is_empty() && wording == FolderWording::default() {
        eprintln!("error: `{}` has no documents; they stand in `articles/LANGUAGE/` and `canned-answers/LANGUAGE/`", root.display());
        return Ok(ExitCode::from(crate::cli::BAD_ARGUMENTS));
    }
    let documents: Vec<(Document, PathBuf)> = documents.into_iter().map(|found| (found.document, root.join(found.file))).collect();
    let (account, end) = crate::cli::block_on(Box::pin(put(matches, root, documents, wording, account)))??;
    account.print();
    end.map_err(|status| anyhow!("{}", advice(&status)))?;
    Ok(if account.is_broken() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn put(
    matches: &ArgMatches,
    root: &Path,
    documents: Vec<(Document, PathBuf)>,
    wording: FolderWording,
    mut account: Account,
) -> anyhow::Result<(Account, Result<(), Status>)> {
    let connection = Connection::open(matches).await?;
    let mut putter = Putter::new(connection.clone());
    for (document, file) in documents {
        if let Err(status) = putter.add(document, Place { file: Path::new(&file).into(), line: 0 }, &mut account).await {
            return Ok((account, Err(status)));
        }
    }
    let mut end = putter.flush(&mut account).await;
    if end.is_ok() {
        end = wording::put(&connection, wording, &Place { file: root.into(), line: 0 }, &mut account).await;
    }
    Ok((account, end))
}

/// Sends documents, many a call.
pub struct Putter {
    connection: Connection,
    waiting: Vec<(Document, Place)>,
    bytes: usize,
}

impl Putter {
    pub fn new(connection: Connection) -> Putter {
        Putter { connection, waiting: Vec::new(), bytes: 0 }
    }

    /// Takes a document, and sends those that wait once they fill a call. The error says why the run can't go on.
    pub async fn add(&mut self, document: Document, place: Place, account: &mut Account) -> Result<(), Status> {
        let size = document.size();
        if self.waiting.len() == MAX_DOCUMENTS || self.bytes + size > MAX_CALL_BYTES {
            self.flush(account).await?;
        }
        self.bytes += size;
        self.waiting.push((document, place));
        Ok(())
    }

    /// Sends all that wait.
    pub async fn flush(&mut self, account: &mut Account) -> Result<(), Status> {
        self.bytes = 0;
        let waiting = std::mem::take(&mut self.waiting);
        let (articles, answers): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|(document, _)| document.kind() == Kind::Article);
        for documents in [articles, answers] {
            if documents.is_empty() {
                continue;
            }
            match self.send(&documents).await {
                Ok(results) => settle(&documents, &results, account),
                Err(status) if is_fatal(&status) => return Err(status),
                // All or none was written: each alone tells whose fault it is.
                Err(_) => {
                    for one in documents {
                        let one = [one];
                        match self.send(&one).await {
                            Ok(results) => settle(&one, &results, account),
                            Err(status) if is_fatal(&status) => return Err(status),
                            Err(status) => account.broken(&one[0].1, format!("`{}`: {}", one[0].0.id, describe(&status))),
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Sends documents of one kind.
    async fn send(&self, documents: &[(Document, Place)]) -> Result<Vec<pb::PutResult>, Status> {
        let mut articles = Vec::new();
        let mut canned_answers = Vec::new();
        for (document, _) in documents {
            // A file without a time gets the server's clock.
            let is_dated = document.updated_at != Timestamp::default();
            match document.kind() {
                Kind::Article => articles.extend(encode_article(document.clone())),
                Kind::CannedAnswer => canned_answers.extend(encode_canned_answer(document.clone())),
            }
            if !is_dated {
                articles.last_mut().into_iter().for_each(|article| article.updated_at = None);
                canned_answers.last_mut().into_iter().for_each(|answer| answer.updated_at = None);
            }
        }
        if articles.is_empty() {
            let request = pb::PutCannedAnswersRequest { canned_answers };
            let call = async |request| self.connection.knowledge().put_canned_answers(request).await;
            return Ok(self.connection.send(request, call).await?.results);
        }
        let call = async |request| self.connection.knowledge().put_articles(request).await;
        Ok(self.connection.send(pb::PutArticlesRequest { articles }, call).await?.results)
    }
}

fn settle(documents: &[(Document, Place)], results: &[pb::PutResult], account: &mut Account) {
    for ((document, _), result) in documents.iter().zip(results) {
        match result.status() {
            pb::PutStatus::Created => account.count("documents, new", 1),
            pb::PutStatus::Updated => account.count("documents, changed", 1),
            pb::PutStatus::Unchanged => account.count("documents, unchanged", 1),
            pb::PutStatus::Stale | pb::PutStatus::Unspecified => {
                account.list("documents of which the server has a newer version, which stays", document.id.as_str());
            }
        }
    }
}
