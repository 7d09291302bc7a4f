//! `deskhand prompt`: shows what a model would be asked for a draft.

use std::{process::ExitCode, time::Instant};

use anyhow::anyhow;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::{
    app,
    cli::scratch_folder,
    cli::serve::{config_flag, config_of},
    config::{self, Config},
    ids::Id,
    replies::{Agent, Caller, Draft},
    text::Language,
};

pub fn command() -> Command {
    Command::new("prompt")
        .about("Show what a model would be asked for a draft, personal data masked")
        .after_help(
            "Nothing is sent and nothing changes; the data folder may be served meanwhile. Documents are those of the last start or change \
             that the server took in; the voice, the glossary and the synonyms are read from the knowledge base folder.",
        )
        .arg(Arg::new("chat_id").value_name("CHAT_ID").required(true).help("The chat that a draft is for"))
        .arg(Arg::new("agent").long("agent").value_name("NAME").default_value("").help("The name of the agent who would click"))
        .arg(Arg::new("draft_language").long("draft-language").value_name("TAG").help("The draft's language [default: the customer's]"))
        .arg(Arg::new("instruction").long("instruction").value_name("TEXT").default_value("").help("What the agent asks of the draft"))
        .arg(Arg::new("workspace").long("workspace").value_name("NAME").default_value("default").help("The workspace of the chat"))
        .arg(Arg::new("notes").long("notes").action(ArgAction::SetTrue).help("With internal notes, as `use_notes` gives them"))
        .arg(config_flag())
        .args(config::flags())
}

pub fn run(matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    let config = config_of(matches)?;
    let text = |name: &str| matches.get_one::<String>(name).cloned().unwrap_or_default();
    let language = matches.get_one::<String>("draft_language").map(|tag| Language::parse(tag)).transpose();
    let draft = Draft {
        chat_id: Id::new(text("chat_id")).map_err(|problem| anyhow!("the chat's id {problem}"))?,
        agent: Agent { name: text("agent"), ..Agent::default() },
        events: Vec::new(),
        instruction: text("instruction"),
        previous_draft: String::new(),
        language: language.map_err(|problem| anyhow!("--draft-language {problem}"))?,
        tone: None,
        layout: None,
        use_notes: matches.get_flag("notes"),
        caller: Caller::until(Instant::now()),
    };
    let prompt = crate::cli::block_on(ask(&config, &text("workspace"), draft))??;
    println!("{}\n\n--- user ---\n{}", prompt.system, prompt.user);
    Ok(ExitCode::SUCCESS)
}

async fn ask(config: &Config, workspace: &str, draft: Draft) -> anyhow::Result<crate::model::Prompt> {
    config.check_folders()?;
    let known = config.workspaces();
    let workspace =
        known.into_iter().find(|known| known.name.as_str() == workspace).ok_or_else(|| anyhow!("there is no workspace `{workspace}`"))?;
    let store = crate::cli::open_read_only(config).await?;
    // What is made for this one prompt goes with it.
    let scratch = scratch_folder()?;
    let desk = app::open_read_only(store, config, workspace, scratch.path()).await?;
    Ok(desk.draft_prompt(draft).await?)
}
