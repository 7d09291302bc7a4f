//! Temporary.
#![allow(missing_docs)]
use std::{collections::HashMap, sync::{LazyLock, Mutex}};
static VALUES: LazyLock<HashMap<String, f32>> = LazyLock::new(|| std::env::vars().filter_map(|(name, value)| Some((name.strip_prefix("T_")?.to_owned(), value.parse().ok()?))).collect());
static LOG: LazyLock<Option<Mutex<std::fs::File>>> = LazyLock::new(|| std::env::var("T_DUMP").ok().map(|path| Mutex::new(std::fs::File::create(path).unwrap())));
pub fn t(name: &str, default: f32) -> f32 { if VALUES.is_empty() { default } else { VALUES.get(name).copied().unwrap_or(default) } }
pub fn log(line: impl FnOnce() -> String) { use std::io::Write; if let Some(file) = &*LOG { writeln!(file.lock().unwrap(), "{}", line()).unwrap(); } }
