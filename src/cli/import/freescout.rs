//! FreeScout: saved replies, as rows of its table `saved_replies`. Its API does not give them.

use std::path::PathBuf;

use indicatif::ProgressBar;
use serde_json::Value;

use crate::{
    cli::import::{
        account::{Account, Place},
        intake::{Draft, Intake, Stopped},
        json_file::for_each_value,
        object::{Object, plain},
        publication::left_out,
    },
    knowledge::Visibility,
};

const WHAT: &str = "JSON of FreeScout's table `saved_replies`: rows with `name` and `text`, or phpMyAdmin's export of it";

pub fn read(files: &[PathBuf], bar: &ProgressBar, intake: &mut Intake) -> anyhow::Result<()> {
    let mut account = Account::default();
    for_each_value(files, WHAT, bar, &mut account, |value, place, account| take(value, &place, account, intake));
    intake.account.add(account);
    Ok(())
}

fn take(value: Value, place: &Place, account: &mut Account, intake: &mut Intake) -> Result<(), Stopped> {
    if let Value::Array(items) = value {
        // The rows that others stand under are their folders.
        return items.into_iter().try_for_each(|item| take(item, place, account, intake));
    }
    let mut object = match Object::new("saved reply", value) {
        Ok(object) => object,
        Err(problem) => {
            account.broken(place, problem);
            return Ok(());
        }
    };
    if object.has("name") && object.has("text") {
        return reply(object, place, intake);
    }
    match plain(&object.value("type")).as_str() {
        // phpMyAdmin's own entries.
        "header" | "database" => Ok(()),
        "table" if object.text("name") != "saved_replies" => {
            account.list("tables other than `saved_replies`", &object.text("name"));
            Ok(())
        }
        _ if object.has("data") || object.has("saved_replies") => {
            let mut rows = object.list("data");
            rows.extend(object.list("saved_replies"));
            take(Value::Array(rows), place, account, intake)
        }
        _ => {
            account.broken(place, format!("no saved reply of FreeScout; wanted is {WHAT}"));
            Ok(())
        }
    }
}

fn reply(mut object: Object, place: &Place, intake: &mut Intake) -> Result<(), Stopped> {
    let id = object.id().to_owned();
    if id.is_empty() {
        intake.account.broken(place, "the saved reply has no id, so a second run would not know it again; it is left out");
        return Ok(());
    }
    let (name, html) = (object.text("name"), object.text("text"));
    if html.trim().is_empty() {
        intake.account.list("saved replies without a text, which are folders", &id);
        return Ok(());
    }
    if let Some(reason) = left_out(&mut object) {
        intake.account.list(reason, &id);
        return Ok(());
    }
    let draft = Draft {
        id: format!("freescout-{id}"),
        title: name,
        body: intake.bodies.answer_html(&html, known, &id, &mut intake.account),
        updated_at: object.time("updated_at"),
        ..Draft::default()
    };
    // Who has no agents' ids of ours can't keep a reply for one of them alone.
    object.skip(&["id", "sort_order", "created_at", "updated_at"]);
    object.left(&mut intake.account);
    intake.canned_answer(draft, "", Visibility::Everyone, place)
}

/// FreeScout's variables that are ours.
fn known(name: &str) -> Option<String> {
    let ours = match name {
        "customer.fullName" => "customer.name",
        "customer.firstName" => "customer.first_name",
        "customer.email" => "customer.email",
        "customer.phone" => "customer.phone",
        "user.fullName" | "user.firstName" => "agent.name",
        _ => return None,
    };
    Some(ours.to_owned())
}
