//! Conversions between the generated types and the domain: every field is checked when decoded, and named when encoded.

pub mod channel;
pub mod document;
pub mod event;
pub mod fields;
pub mod finished;
pub mod promise;
pub mod wording;
