//! `deskhand models`: tries each configured model out.

use std::{process::ExitCode, time::Duration};

use anyhow::ensure;
use clap::{ArgMatches, Command};

use crate::{
    cli::serve::{config_flag, config_of},
    config::{self, ModelConfig},
    model::{ModelError, Probe, ProbeResult},
};

pub fn command() -> Command {
    Command::new("models")
        .about("Try each configured model out: whether it is reachable, streams, refuses properly, how fast it is, how much it reads")
        .arg(config_flag())
        .args(config::flags())
        .after_help(
            "Asks each model three times: a short question, the same of a model that does not exist, and a prompt as long as `context_tokens` \
             allows. That costs about `context_tokens` tokens a model. Ends with 0 when all can be used as they are configured, with 1 when \
             one can't.",
        )
}

pub fn run(matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    let config = config_of(matches)?;
    let own = config
        .workspaces
        .iter()
        .flat_map(|workspace| workspace.models.iter().flatten().map(|model| (model, workspace.desk.context_tokens)));
    let models: Vec<(&ModelConfig, usize)> = config.models.iter().map(|model| (model, config.desk.context_tokens)).chain(own).collect();
    ensure!(
        !models.is_empty(),
        "no model is configured; set OPENAI_BASE_URL, OPENAI_API_KEY and DESKHAND_MODEL, or [[models]] in the configuration"
    );
    let mut all_pass = true;
    for (model, context_tokens) in models {
        println!("{} at {}", model.name, model.base_url);
        let trial = crate::cli::block_on(Probe::of(model, context_tokens))??;
        for line in report(model, &trial) {
            println!("  {line}");
        }
        all_pass &= trial.passes();
    }
    Ok(if all_pass { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The lines of a trial, the verdict last.
fn report(model: &ModelConfig, trial: &Probe) -> Vec<String> {
    let mut lines = Vec::new();
    match &trial.short {
        Ok(result) => lines.extend(answered(result, model.stream)),
        Err(error) => lines.push(format!("reachable  no: {error}; {}", advice(error))),
    }
    lines.push(match &trial.unknown_model {
        Ok(Some(status)) => format!("errors     a model that does not exist is refused with HTTP status {status}"),
        Ok(None) => "errors     a model that does not exist answers all the same: the name is not looked at".to_owned(),
        Err(error) => format!("errors     a model that does not exist: {error}"),
    });
    match &trial.long {
        Ok(result) if trial.cuts_prompts() => lines.push(format!(
            "context    it saw {} of about {} tokens: it cuts long prompts without a word; raise its context, or lower `context_tokens`",
            result.used.prompt, trial.long_tokens
        )),
        Ok(result) if result.used.prompt == 0 => {
            lines.push(format!("context    takes a prompt of about {} tokens; it tells no count", trial.long_tokens))
        }
        Ok(result) => lines.push(format!(
            "context    takes a prompt of {} tokens (estimated {}), first token after {}",
            result.used.prompt,
            trial.long_tokens,
            seconds(result.first_token)
        )),
        Err(_) if trial.short.is_err() => {}
        Err(error) => {
            lines.push(format!("context    a prompt of about {} tokens fails: {error}; lower `context_tokens`", trial.long_tokens))
        }
    }
    lines.push(format!("verdict    {}", if trial.passes() { "can be used" } else { "can't be used as it is configured" }));
    lines
}

fn answered(result: &ProbeResult, stream: bool) -> Vec<String> {
    let pieces = match result.pieces {
        _ if !stream => "not asked for (`stream = false`)".to_owned(),
        1 => "no: the answer came in one piece; agents will see nothing until it is whole".to_owned(),
        pieces => format!("yes, {pieces} pieces"),
    };
    let speed = result.speed().map_or_else(|| "it tells no count of tokens".to_owned(), |speed| format!("{speed:.0} tokens a second"));
    vec![
        "reachable  yes".to_owned(),
        format!("streams    {pieces}"),
        format!("speed      first token after {}, all after {}, {speed}", seconds(result.first_token), seconds(result.total)),
    ]
}

fn advice(error: &ModelError) -> &'static str {
    match error {
        ModelError::Unreachable => "is `base_url` right, and does the server run?",
        ModelError::Refused { status: 401 | 403, .. } => {
            "is `api_key` right, and does the server want it in a header of its own (`api_key_header`)?"
        }
        ModelError::Refused { status: 404, .. } => "is `name` right, and does `base_url` end where the API begins, such as in `/v1`?",
        ModelError::Refused { status: 400 | 422, .. } => {
            "it may not take a field that we send; `body` can change or leave out each (`field = \"null\"`)"
        }
        ModelError::Refused { status: 429, .. } => "its limits are used up for now",
        ModelError::Garbled => "does `base_url` name an OpenAI-compatible API?",
        ModelError::TimedOut(_) => "is it still loading? `first_token_timeout` can be raised",
        ModelError::NotConfigured
        | ModelError::Client(_)
        | ModelError::Refused { .. }
        | ModelError::Reported
        | ModelError::NotInTime
        | ModelError::ReasoningInText
        | ModelError::CutOff
        | ModelError::TooLarge(_)
        | ModelError::Empty
        | ModelError::Filtered
        | ModelError::Down(_)
        | ModelError::Busy(_)
        | ModelError::Spent(_)
        | ModelError::PromptTooLarge { .. }
        | ModelError::DeadlinePassed => "see the server's own log",
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}
