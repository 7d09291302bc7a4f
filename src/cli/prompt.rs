//! `deskhand prompt`: shows the prompt that a model would get for a draft.

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
        .about("Show the prompt that a model would get for a draft, with personal data masked")
        .after_help(
            "Nothing is sent and nothing changes; a server may be running on the data folder. Documents are as of the server's last import; the \
             voice, the glossary and the synonyms are read from the knowledge base folder.",
        )
        .arg(Arg::new("chat_id").value_name("CHAT_ID").required(true).help("Chat to draft a reply for"))
        .arg(Arg::new("agent").long("agent").value_name("NAME").default_value("").help("Name of the agent"))
        .arg(Arg::new("draft_language").long("draft-language").value_name("TAG").help("Language of the draft [default: the customer's]"))
        .arg(Arg::new("instruction").long("instruction").value_name("TEXT").default_value("").help("The agent's instruction for the draft"))
        .arg(Arg::new("workspace").long("workspace").value_name("NAME").default_value("default").help("Workspace of the chat"))
        .arg(Arg::new("notes").long("notes").action(ArgAction::SetTrue).help("Include internal notes, as `use_notes` does"))
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
    let prompt = crate::cli::block_on(draft_prompt(&config, &text("workspace"), draft))??;
    println!("{}\n\n--- user ---\n{}", prompt.system, prompt.user);
    Ok(ExitCode::SUCCESS)
}

async fn draft_prompt(config: &Config, workspace: &str, draft: Draft) -> anyhow::Result<crate::model::Prompt> {
    config.check_folders()?;
    let known = config.workspaces();
    let workspace =
        known.into_iter().find(|known| known.name.as_str() == workspace).ok_or_else(|| anyhow!("unknown workspace `{workspace}`"))?;
    let store = crate::cli::open_read_only(config, &workspace.name).await?;
    // Files made for this one prompt are removed with it.
    let scratch = scratch_folder()?;
    let desk = app::open_read_only(store, config, workspace, scratch.path()).await?;
    Ok(desk.draft_prompt(draft).await?)
}
