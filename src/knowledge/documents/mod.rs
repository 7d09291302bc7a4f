//! Documents: the knowledge base folder, and the catalog in the database.

pub mod asked;
pub mod catalog;
pub mod check;
pub mod condition;
pub mod document;
pub mod document_rows;
pub mod document_text;
pub mod fit;
pub mod folder;
pub mod front_matter;
pub mod intake;
pub mod reader;
pub mod rules;
pub mod stored_check;
pub mod voice;
pub mod watch;
