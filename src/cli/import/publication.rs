//! Whether a table's row or a page's front matter says that its text is public. What says that it is not, or something that we do not know, is
//! left out and listed: a text that nobody published never becomes public.

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    cli::import::{
        account::Account,
        object::{Object, time_of},
        words::{Said, is_colleagues, is_draft, is_everybody, is_public, plain_word, said, word},
    },
    knowledge::Audience,
};

const DRAFTS: &str = "drafts, left out";
const LATER: &str = "texts to be published later, left out";
const PAST: &str = "texts that expired or were archived, left out";
/// Longest word of a source that is listed, in characters.
const MAX_WORD: usize = 40;

/// What a field tells of its text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tells {
    /// Its state, as a word.
    State,
    /// Yes if it is hidden.
    Hides,
    /// Yes, or the time, if it is shown.
    Shows,
    /// The time from which it is shown.
    Starts,
    /// The time up to which it is shown.
    Ends,
    /// What Hugo builds of a page.
    Build,
    /// Who may read it, as a word.
    Audience,
    /// Yes if colleagues alone may read it.
    Internal,
    /// Yes if everybody may read it.
    Public,
}

/// Names of fields without case, accents and signs.
const FIELDS: [(Tells, &[&str]); 9] = [
    (
        Tells::State,
        &[
            "status",
            "state",
            "publicationstatus",
            "publicationstate",
            "publishstatus",
            "poststatus",
            "workflowstate",
            "durum",
            "allapot",
            "zustand",
            "statut",
            "etat",
            "estado",
        ],
    ),
    (
        Tells::Hides,
        &[
            "draft",
            "isdraft",
            "unlisted",
            "isunlisted",
            "hidden",
            "ishidden",
            "archived",
            "isarchived",
            "unpublished",
            "isunpublished",
            "deleted",
            "isdeleted",
            "inactive",
            "disabled",
            "headless",
            "wip",
            "taslak",
            "piszkozat",
            "entwurf",
            "brouillon",
            "borrador",
        ],
    ),
    (
        Tells::Shows,
        &[
            "published",
            "ispublished",
            "publish",
            "dgpublish",
            "active",
            "isactive",
            "enabled",
            "isenabled",
            "live",
            "islive",
            "visible",
            "isvisible",
            "publishedat",
            "publishedon",
        ],
    ),
    (Tells::Starts, &["publishdate", "pubdate", "publishat", "publishon", "publicationdate"]),
    (
        Tells::Ends,
        &["expirydate", "expirationdate", "expires", "expiresat", "unpublishdate", "unpublishat", "archivedat", "deletedat", "discardedat"],
    ),
    (Tells::Build, &["build"]),
    (Tells::Audience, &["audience", "visibility", "visibleto", "access"]),
    (
        Tells::Internal,
        &["internal", "isinternal", "private", "isprivate", "confidential", "restricted", "membersonly", "protected", "password"],
    ),
    (Tells::Public, &["public", "ispublic"]),
];

fn of_name(name: &str) -> Option<Tells> {
    let name: String = plain_word(name).chars().filter(|letter| letter.is_alphanumeric()).collect();
    let known = FIELDS.iter().find(|(_, names)| names.contains(&name.as_str())).map(|(tells, _)| *tells);
    // Names that people make, such as `Published (y/n)`. What they say must be known all the same.
    known.or_else(|| match () {
        () if name.contains("draft") => Some(Tells::Hides),
        () if name.ends_with("status") => Some(Tells::State),
        () if name.starts_with("published") && name != "publishedby" => Some(Tells::Shows),
        () => None,
    })
}

/// Whether a field of this name tells who may read a text, or whether anybody may.
pub fn is_about(name: &str) -> bool {
    of_name(name).is_some()
}

/// Takes the fields that tell whether a text is public. Returns why it is left out; nothing if it is public.
///
/// A time `date` counts as the beginning where no other field tells it, as with Hugo and Jekyll; it is not taken.
pub fn left_out(fields: &mut Object) -> Option<String> {
    let now = Timestamp::now();
    let (mut reason, mut has_start) = (None, false);
    for name in fields.names() {
        let Some(tells) = of_name(&name) else { continue };
        if matches!(tells, Tells::Audience | Tells::Internal | Tells::Public) {
            continue;
        }
        let value = fields.value(&name);
        let name = name.trim();
        let other = || {
            let word: String = word(&value).chars().take(MAX_WORD).collect();
            match word.as_str() {
                "" => format!("texts with an empty `{name}`, left out"),
                word => format!("texts with `{name}` of `{word}`, which is not known to mean public, left out"),
            }
        };
        let time = time_of(&value);
        let found = match (tells, said(&value)) {
            (Tells::State, _) if is_public(&word(&value)) => None,
            (Tells::State, _) if is_draft(&word(&value)) => Some(DRAFTS.to_owned()),
            (Tells::Hides, Said::No | Said::Nothing) | (Tells::Shows, Said::Yes) => None,
            (Tells::Hides, Said::Yes) | (Tells::Shows, Said::No) => Some(DRAFTS.to_owned()),
            (Tells::Starts | Tells::Ends, Said::Nothing) | (Tells::Ends, Said::No) => None,
            (Tells::Shows | Tells::Starts, _) if time.is_some() => {
                has_start = true;
                (time > Some(now)).then(|| LATER.to_owned())
            }
            (Tells::Ends, _) if time.is_some() => (time <= Some(now)).then(|| PAST.to_owned()),
            (Tells::Build, _) if is_built(&value) => None,
            (Tells::Build, _) => Some("pages that are not built or not listed, left out".to_owned()),
            _ => Some(other()),
        };
        // Of several reasons the plainest is listed.
        if reason.is_none() || found.as_deref() == Some(DRAFTS) {
            reason = found.or(reason);
        }
    }
    let date = fields.get("date").and_then(time_of);
    reason.or_else(|| (!has_start && date > Some(now)).then(|| LATER.to_owned()))
}

/// Whether Hugo builds a page and names it in its lists.
fn is_built(build: &Value) -> bool {
    let is_always = |name: &str| build.get(name).is_none_or(|value| matches!(word(value).as_str(), "always" | "true" | "local"));
    is_always("render") && is_always("list")
}

/// Who may read a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readers {
    /// Nothing says it.
    Unsaid,
    Everybody,
    Agents,
    /// A word that we do not know.
    Other(String),
}

impl Readers {
    /// Takes the fields that tell who may read a text. The narrowest counts.
    pub fn of(fields: &mut Object) -> Readers {
        let mut readers = Readers::Unsaid;
        for name in fields.names() {
            let Some(tells) = of_name(&name) else { continue };
            if !matches!(tells, Tells::Audience | Tells::Internal | Tells::Public) {
                continue;
            }
            let value = fields.value(&name);
            let word = word(&value);
            let found = match (tells, said(&value)) {
                (Tells::Audience | Tells::Internal, Said::Nothing) | (Tells::Internal, Said::No) => continue,
                (Tells::Audience, _) if is_everybody(&word) => Readers::Everybody,
                (Tells::Audience, _) if !is_colleagues(&word) => Readers::Other(word.chars().take(MAX_WORD).collect()),
                (Tells::Public, Said::Yes) => Readers::Everybody,
                _ => Readers::Agents,
            };
            readers = match (readers, found) {
                (Readers::Other(word), _) | (_, Readers::Other(word)) => Readers::Other(word),
                (Readers::Agents, _) | (_, Readers::Agents) => Readers::Agents,
                (_, found) => found,
            };
        }
        readers
    }

    /// The audience of an article. A word that we do not know must not publish a text, and is listed.
    pub fn audience(self, unsaid: Audience, id: &str, account: &mut Account) -> Audience {
        match self {
            Readers::Unsaid => unsaid,
            Readers::Everybody => Audience::Public,
            Readers::Agents => Audience::Agents,
            Readers::Other(word) => {
                account.list(format!("audience `{word}`, which is not known to be the public, now agents alone"), id);
                Audience::Agents
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Object {
        Object::new("page", value).unwrap()
    }

    #[test]
    fn a_text_is_public_only_if_all_of_its_fields_say_so() {
        for public in [
            json!({}),
            json!({"title": "A", "date": "2026-01-05"}),
            json!({"status": "published"}),
            json!({"Status": " Published "}),
            json!({"status": ["published"]}),
            json!({"durum": "YAYINDA"}),
            json!({"status": "közzétéve"}),
            json!({"status": "Veröffentlicht"}),
            json!({"statut": "Publié"}),
            json!({"estado": "Público"}),
            json!({"draft": false, "unlisted": "no", "hidden": 0, "archived": "", "is_draft": null}),
            json!({"published": true}),
            json!({"published": "1"}),
            json!({"active": "evet"}),
            json!({"published": "2026-01-05"}),
            json!({"publishDate": "2026-01-05", "date": "2999-01-05"}),
            json!({"publishDate": null}),
            json!({"expiryDate": "2999-01-05"}),
            json!({"archived_at": null, "expires": "never"}),
            json!({"build": {"list": "always", "render": true}}),
        ] {
            assert_eq!(left_out(&mut object(public.clone())), None, "{public}");
        }
        for (hidden, reason) in [
            (json!({"status": "draft"}), DRAFTS),
            (json!({"status": "ENTWURF"}), DRAFTS),
            (json!({"status": "Taslak"}), DRAFTS),
            (json!({"status": "vázlat"}), DRAFTS),
            (json!({"status": "in-review"}), DRAFTS),
            (json!({"status": "wip"}), DRAFTS),
            (json!({"draft": true}), DRAFTS),
            (json!({"Draft": "1"}), DRAFTS),
            (json!({"unlisted": "ja"}), DRAFTS),
            (json!({"published": false}), DRAFTS),
            (json!({"published": "n"}), DRAFTS),
            (json!({"published": "hayır"}), DRAFTS),
            (json!({"active": 0}), DRAFTS),
            (json!({"status": "published", "draft": "yes"}), DRAFTS),
            (json!({"expiryDate": "2020-01-05"}), PAST),
            (json!({"archived_at": "2020-01-05T00:00:00Z"}), PAST),
            (json!({"publishDate": "2999-01-05"}), LATER),
            (json!({"publish_date": "2999-01-05", "date": "2020-01-05"}), LATER),
            (json!({"date": "2999-01-05"}), LATER),
            (json!({"published": "2999-01-05"}), LATER),
            (json!({"status": "approved"}), "texts with `status` of `approved`, which is not known to mean public, left out"),
            (json!({"status": 1}), "texts with `status` of `1`, which is not known to mean public, left out"),
            (json!({"status": ["published", "x"]}), "texts with `status` of `published, x`, which is not known to mean public, left out"),
            (json!({"status": ""}), "texts with an empty `status`, left out"),
            (json!({"published": null}), "texts with an empty `published`, left out"),
            (json!({"published_at": " "}), "texts with an empty `published_at`, left out"),
            (json!({"Is it a draft?": "y"}), DRAFTS),
            (json!({"Article status": "draft"}), DRAFTS),
            (json!({"Published (y/n)": "n"}), DRAFTS),
            (json!({"draft": "perhaps"}), "texts with `draft` of `perhaps`, which is not known to mean public, left out"),
            (json!({"publishDate": "soon"}), "texts with `publishDate` of `soon`, which is not known to mean public, left out"),
            (json!({"build": {"render": "never"}}), "pages that are not built or not listed, left out"),
            (json!({"build": {"list": false}}), "pages that are not built or not listed, left out"),
        ] {
            assert_eq!(left_out(&mut object(hidden.clone())).as_deref(), Some(reason), "{hidden}");
        }
    }

    #[test]
    fn a_text_is_for_everybody_only_by_a_word_that_is_known() {
        for (fields, expected) in [
            (json!({}), Readers::Unsaid),
            (json!({"audience": "", "internal": null}), Readers::Unsaid),
            (json!({"audience": "Public"}), Readers::Everybody),
            (json!({"visibility": "Herkese açık"}), Readers::Everybody),
            (json!({"public": "yes"}), Readers::Everybody),
            (json!({"public": ""}), Readers::Agents),
            (json!({"audience": "public", "internal": "ja"}), Readers::Agents),
            (json!({"audience": "public", "password": "hunter2"}), Readers::Agents),
            (json!({"visibility": "İÇ"}), Readers::Agents),
            (json!({"audience": "public", "visibility": "vip"}), Readers::Other("vip".to_owned())),
            (json!({"audience": ["public", "vip"]}), Readers::Other("public, vip".to_owned())),
        ] {
            assert_eq!(Readers::of(&mut object(fields.clone())), expected, "{fields}");
        }
    }
}
