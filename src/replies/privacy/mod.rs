//! Privacy: the erasure of a person, and the end of retention.

pub mod erase;
pub mod erasure_file;
pub mod erasure_rows;
pub mod erasures;
pub mod remembered_erasure_rows;
pub mod retention;
