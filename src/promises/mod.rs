//! Promises: sentences that commit the shop to something.

pub mod classifier;

pub use classifier::likelihood;
