//! What searches and articles came to: the report, and the bound on what the public may write for it in a day.

pub mod daily_bound;
pub mod report_rows;
