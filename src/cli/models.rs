//! `deskhand models`: probes each configured model.

use std::{process::ExitCode, time::Duration};

use anyhow::ensure;
use clap::{ArgMatches, Command};

use crate::{
    cli::serve::{config_flag, config_of},
    config::{self, Config, ContextLimits, DeskSettings, EmbeddingSettings, ModelConfig},
    model::{ModelError, Probe, ProbeResult},
};

pub fn command() -> Command {
    Command::new("models")
        .about("Probe each configured model: is it reachable, does it stream, does it report errors, how fast it is, how long a prompt it takes")
        .arg(config_flag())
        .args(config::flags())
        .after_help(
            "Calls each model three times: with a short question, with the same question under a model name that does not exist, and with a \
             prompt as long as `context_tokens` allows; if it can't read that before its first token is due, twice more with shorter ones. That costs about `context_tokens` tokens per model. Exits with 0 if all models work \
             as configured, with 1 if one does not.",
        )
}

pub fn run(matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    let config = config_of(matches)?;
    let mut all_pass = true;
    for (model, desk, _) in configured(&config)? {
        println!("{} at {}", model.name, model.base_url);
        let probe = crate::cli::block_on(Probe::run(model, desk.context_limits()))??;
        for line in report(model, desk.context_limits(), &probe) {
            println!("  {line}");
        }
        all_pass &= probe.passes();
    }
    Ok(if all_pass { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The models of all workspaces, each with the settings and the embeddings of the workspace that it is configured for. None at all is an error.
pub fn configured(config: &Config) -> anyhow::Result<Vec<(&ModelConfig, &DeskSettings, &EmbeddingSettings)>> {
    let of_default = config.models.iter().map(|model| (model, &config.desk, &config.embedding));
    let own = config
        .workspaces
        .iter()
        .flat_map(|workspace| workspace.models.iter().flatten().map(|model| (model, &workspace.desk, &workspace.embedding)));
    let models: Vec<(&ModelConfig, &DeskSettings, &EmbeddingSettings)> = of_default.chain(own).collect();
    ensure!(
        !models.is_empty(),
        "no model is configured; set OPENAI_BASE_URL, OPENAI_API_KEY and DESKHAND_MODEL, or [[models]] in the configuration"
    );
    Ok(models)
}

/// The lines about one probe, the verdict last.
fn report(model: &ModelConfig, limits: ContextLimits, probe: &Probe) -> Vec<String> {
    let mut lines = Vec::new();
    match &probe.short {
        Ok(result) => lines.extend(answered(result, model.stream)),
        Err(error) => lines.push(format!("reachable  no: {error}; {}", advice(error))),
    }
    lines.push(match &probe.unknown_model {
        Ok(Some(status)) => format!("errors     an unknown model name is refused with HTTP status {status}"),
        Ok(None) => "errors     an unknown model name gets an answer all the same: the server ignores the name".to_owned(),
        Err(error) => format!("errors     an unknown model name: {error}"),
    });
    match &probe.long {
        Ok(result) if probe.truncates_prompts() => lines.push(format!(
            "context    it read {} of about {} tokens: it truncates long prompts silently; raise its context size, or lower `context_tokens`",
            result.used.prompt, probe.long_tokens
        )),
        Ok(result) if result.used.prompt == 0 => {
            lines.push(format!("context    takes a prompt of about {} tokens; it reports no token count", probe.long_tokens))
        }
        Ok(result) => lines.push(format!(
            "context    takes a prompt of {} tokens (estimated {}), first token after {}",
            result.used.prompt,
            probe.long_tokens,
            seconds(result.first_token)
        )),
        Err(_) if probe.short.is_err() => {}
        Err(error) => {
            lines.push(format!("context    a prompt of about {} tokens fails: {error}; lower `context_tokens`", probe.long_tokens))
        }
    }
    lines.extend(reading(model, limits, probe));
    lines.push(format!("verdict    {}", if probe.passes() { "works" } else { "does not work as configured" }));
    lines
}

fn answered(result: &ProbeResult, stream: bool) -> Vec<String> {
    let pieces = match result.pieces {
        _ if !stream => "not requested (`stream = false`)".to_owned(),
        1 => "no: the answer came in one chunk; agents see nothing until it is complete".to_owned(),
        pieces => format!("yes, {pieces} chunks"),
    };
    let speed = result.speed().map_or_else(|| "no token count reported".to_owned(), |speed| format!("{speed:.0} tokens per second"));
    vec![
        "reachable  yes".to_owned(),
        format!("streams    {pieces}"),
        format!("speed      first token after {}, all after {}, {speed}", seconds(result.first_token), seconds(result.total)),
    ]
}

/// How fast a model reads, and what context drafts get by that.
fn reading(model: &ModelConfig, limits: ContextLimits, probe: &Probe) -> Option<String> {
    let window = &probe.window;
    let speed = window.reading_speed?;
    let goal = model.first_token_goal.unwrap_or(limits.first_token_goal);
    let (tokens, full) = (window.context_tokens, window.full_context_tokens);
    Some(if tokens < full {
        format!(
            "reads      {speed:.0} tokens per second: drafts get {tokens} of {full} tokens of context, so that the first token comes in {}; raise \
             `first_token_goal` for more",
            seconds(goal)
        )
    } else {
        format!("reads      {speed:.0} tokens per second: drafts get the whole context of {full} tokens")
    })
}

fn advice(error: &ModelError) -> &'static str {
    match error {
        ModelError::Unreachable => "check `base_url` and that the server runs",
        ModelError::Refused { status: 401 | 403, .. } => {
            "check `api_key`, and whether the server expects it in another header (`api_key_header`)"
        }
        ModelError::Refused { status: 404, .. } => "check `name`, and that `base_url` ends where the API begins, such as in `/v1`",
        ModelError::Refused { status: 400 | 422, .. } => {
            "it may reject a field that we send; change or remove it in `body` (`field = \"null\"`)"
        }
        ModelError::Refused { status: 429, .. } => "its rate limit is used up for now",
        ModelError::QuotaUsedUp => "the server and the key are right",
        ModelError::Garbled => "check that `base_url` is an OpenAI-compatible API",
        ModelError::TimedOut(_) => "if it is still loading, wait; else lower `context_tokens` or raise `first_token_timeout`",
        ModelError::NotConfigured
        | ModelError::Client(_)
        | ModelError::Refused { .. }
        | ModelError::Reported
        | ModelError::NotInTime
        | ModelError::ReasoningInText
        | ModelError::NoRoom
        | ModelError::CutOff
        | ModelError::TooLarge(_)
        | ModelError::Empty
        | ModelError::Filtered
        | ModelError::Down(_)
        | ModelError::Busy(_)
        | ModelError::Spent(_)
        | ModelError::PromptTooLarge { .. }
        | ModelError::DeadlinePassed => "see the model server's log",
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}
