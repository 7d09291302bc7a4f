//! Between the generated types and the domain: every field is checked on the way in and named on the way out.

pub mod document;
pub mod event;
pub mod fields;
pub mod finished;
