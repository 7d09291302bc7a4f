//! The audit log: who exported, erased or deleted something, made or revoked a key, or changed settings. It says who by the id of a key, and has no
//! personal data: a customer or a chat is a keyed hash, by which the same one is found again.

use jiff::{SignedDuration, Timestamp};

use crate::{
    ids::Workspace,
    keys::audit_rows::{self, AuditEntry},
    store::{Store, StoreError},
};

/// How long entries are kept.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 730);
/// Most entries that are read at once.
pub const MAX_AUDIT_ENTRIES: usize = 100_000;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A customer's data was exported.
    ExportCustomer,
    /// A chat's transcript was exported.
    ExportTranscript,
    /// A customer was erased.
    EraseCustomer,
    /// Articles or canned answers were deleted.
    DeleteDocuments,
    /// The voice, terms of the glossary or synonyms were set or deleted.
    ChangeWording,
    /// A key was made.
    CreateKey,
    /// A key was revoked.
    RevokeKey,
    /// A server started with other settings than before.
    ChangeSettings,
}

impl Action {
    fn word(self) -> &'static str {
        match self {
            Action::ExportCustomer => "export_customer",
            Action::ExportTranscript => "export_transcript",
            Action::EraseCustomer => "erase_customer",
            Action::DeleteDocuments => "delete_documents",
            Action::ChangeWording => "change_wording",
            Action::CreateKey => "create_key",
            Action::RevokeKey => "revoke_key",
            Action::ChangeSettings => "change_settings",
        }
    }
}

/// Who did it.
#[derive(Debug, Clone, Copy)]
pub enum Actor<'a> {
    /// The caller with the key of this id; `None`: a caller of a server without keys.
    Key(Option<&'a str>),
    /// Somebody on the machine, by a command.
    Command,
}

/// Whom or what it was done to.
#[derive(Debug, Clone, Copy)]
pub enum AuditSubject<'a> {
    /// A customer of this id.
    Customer(&'a str),
    /// A chat of this id.
    Chat(&'a str),
    /// What is no person: ids of documents or keys, names of settings.
    Named(&'a str),
}

/// The audit log of a database.
#[derive(Clone)]
pub struct Audit(Store);

impl Audit {
    /// The log in a database.
    pub fn new(store: Store) -> Audit {
        Audit(store)
    }

    /// Writes an entry, and returns once it is durable. What can't be recorded should not be done.
    pub async fn record(
        &self,
        workspace: Option<&Workspace>,
        actor: Actor<'_>,
        action: Action,
        subject: AuditSubject<'_>,
    ) -> Result<(), StoreError> {
        let workspace = workspace.map_or("", Workspace::as_str);
        let key_id = match actor {
            Actor::Key(key_id) => key_id.unwrap_or_default(),
            Actor::Command => "command",
        };
        let entry = AuditEntry {
            at: Timestamp::now(),
            workspace: workspace.to_owned(),
            key_id: key_id.to_owned(),
            action: action.word().to_owned(),
            subject: self.shown(workspace, subject),
        };
        audit_rows::insert(&self.0, &entry).await
    }

    /// How a subject is written in an entry of a workspace.
    pub fn shown(&self, workspace: &str, subject: AuditSubject<'_>) -> String {
        match subject {
            AuditSubject::Customer(id) => format!("customer:{}", self.0.signer().sign(&["audit", "customer", workspace, id], &[])),
            AuditSubject::Chat(id) => format!("chat:{}", self.0.signer().sign(&["audit", "chat", workspace, id], &[])),
            AuditSubject::Named(names) => names.to_owned(),
        }
    }

    /// Returns the entries since a time, oldest first; of more than [`MAX_AUDIT_ENTRIES`] the newest.
    pub async fn since(&self, start: Timestamp) -> Result<Vec<AuditEntry>, StoreError> {
        audit_rows::since(&self.0, start, MAX_AUDIT_ENTRIES as i64).await
    }

    /// Deletes entries that are older than two years.
    pub async fn expire(&self) -> Result<(), StoreError> {
        audit_rows::delete_before(&self.0, Timestamp::now() - KEPT).await
    }
}
