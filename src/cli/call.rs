//! `deskhand call`: a command-line gRPC client; JSON in, JSON out.

use std::{
    io::{IsTerminal, Read, Write},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, anyhow};
use clap::{Arg, ArgMatches, Command};
use prost_reflect::{DeserializeOptions, DynamicMessage, MessageDescriptor, SerializeOptions};
use tonic::{Request, Status, client::Grpc, codegen::http::uri::PathAndQuery, transport::Endpoint};
use tonic_types::StatusExt;

use crate::{
    api::status::code_name,
    cli::{
        connection::{MAX_REPLY_BYTES, bearer, connect, endpoint, server_flags},
        dynamic::{DynamicCodec, method, method_names, pool},
    },
};

pub fn command() -> Command {
    Command::new("call")
        .about("Call a method of a running server: JSON in, JSON out")
        .after_help(
            "The request is JSON, from --data or standard input; the reply is printed as JSON, a stream as one line per message.\n\n\
             Examples:\n  deskhand call KnowledgeService/Search --data '{\"query\": \"retur\"}'\n  \
             deskhand call ChatService/AppendEvents < sample-chats/01-elif-web.json\n  \
             deskhand call ReplyService/DraftReply --data '{\"chatId\": \"chat-elif-web\", \"agent\": {\"name\": \"Selin\"}}'",
        )
        .arg(Arg::new("method").value_name("SERVICE/METHOD").required(true).help("Method to call, such as ChatService/GetChat"))
        .arg(
            Arg::new("data").long("data").short('d').value_name("JSON").help("Request body [default: standard input, or {} at a terminal]"),
        )
        .args(server_flags())
        .arg(
            Arg::new("timeout")
                .long("timeout")
                .value_name("SECONDS")
                .default_value("60")
                .value_parser(clap::value_parser!(u32).range(1..=600))
                .help("Deadline of the call"),
        )
}

pub fn run(matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    let name = matches.get_one::<String>("method").expect("it is required");
    let timeout = *matches.get_one::<u32>("timeout").expect("it has a default");
    let pool = pool()?;
    let method =
        method(&pool, name).ok_or_else(|| anyhow!("unknown method `{name}`; expected one of:\n  {}", method_names(&pool).join("\n  ")))?;
    let request = read_request(matches.get_one::<String>("data"), method.input())?;
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
    let codec = DynamicCodec { output: method.output() };
    let mut request = Request::new(request);
    request.set_timeout(Duration::from_secs(timeout.into()));
    if let Some(bearer) = bearer(matches)? {
        request.metadata_mut().insert("authorization", bearer);
    }
    crate::cli::block_on(call(endpoint(matches)?, &path, codec, request))?
}

fn read_request(data: Option<&String>, input: MessageDescriptor) -> anyhow::Result<DynamicMessage> {
    let json = match data {
        Some(data) => data.clone(),
        None if std::io::stdin().is_terminal() => "{}".to_owned(),
        None => {
            let mut json = String::new();
            std::io::stdin().read_to_string(&mut json).context("can't read standard input")?;
            if json.trim().is_empty() { "{}".to_owned() } else { json }
        }
    };
    let name = input.name().to_owned();
    let mut reader = serde_json::Deserializer::from_str(&json);
    let options = DeserializeOptions::new().deny_unknown_fields(true);
    let request = DynamicMessage::deserialize_with_options(input, &mut reader, &options)
        .with_context(|| format!("the JSON is not a valid {name}"))?;
    reader.end().context("unexpected text after the JSON")?;
    Ok(request)
}

async fn call(endpoint: Endpoint, path: &str, codec: DynamicCodec, request: Request<DynamicMessage>) -> anyhow::Result<ExitCode> {
    let channel = connect(endpoint).await?;
    let mut client = Grpc::new(channel).max_decoding_message_size(MAX_REPLY_BYTES);
    client.ready().await?;
    let path: PathAndQuery = path.parse()?;
    // A unary reply is a stream of one message.
    let result = async {
        let mut replies = client.server_streaming(request, path, codec).await?.into_inner();
        while let Some(reply) = replies.message().await? {
            print(&reply);
        }
        Ok::<(), Status>(())
    };
    match result.await {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(status) => {
            eprintln!("{}", describe(&status));
            Ok(ExitCode::FAILURE)
        }
    }
}

fn print(reply: &DynamicMessage) {
    let mut json = Vec::new();
    let mut writer = serde_json::Serializer::new(&mut json);
    let options = SerializeOptions::new().skip_default_fields(true);
    if reply.serialize_with_options(&mut writer, &options).is_ok() {
        json.push(b'\n');
        // The reader may have closed the pipe; the error is ignored, as nobody is left to see it.
        let _ = std::io::stdout().write_all(&json);
    }
}

/// An error as text, with all its details: reason, field violations, retry delay.
pub fn describe(status: &Status) -> String {
    let details = status.get_error_details();
    let reason = details.error_info().map(|info| format!(" ({})", info.reason)).unwrap_or_default();
    let mut text = format!("{}{reason}: {}", code_name(status.code()), status.message());
    if let Some(bad) = details.bad_request() {
        for violation in &bad.field_violations {
            text.push_str(&format!("\n  {}: {}", violation.field, violation.description));
        }
    }
    if let Some(delay) = details.retry_info().and_then(|retry| retry.retry_delay) {
        text.push_str(&format!("\n  try again in {} s", delay.as_secs()));
    }
    text
}
