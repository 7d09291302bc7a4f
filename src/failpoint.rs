//! Points at which a test has the program panic. Release builds have none of it.

/// Panics where a test armed this point for `id`, such as a chat's.
#[cfg(debug_assertions)]
#[track_caller]
pub fn failpoint(name: &str, id: &str) {
    if armed::hit(name, id) {
        // As a careless panic would, it tells what it was working on.
        panic!("the point {name} was armed for {id}");
    }
}

/// Nothing, in a release build.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn failpoint(_: &str, _: &str) {}

#[cfg(debug_assertions)]
pub use armed::arm;

#[cfg(debug_assertions)]
mod armed {
    use std::sync::{LazyLock, Mutex, PoisonError};

    /// Points that a process is started with: `point=id` and `point=id` …, by semicolons.
    const VARIABLE: &str = "DESKHAND_FAILPOINTS";

    static ARMED: LazyLock<Mutex<Vec<Point>>> = LazyLock::new(|| {
        let given = std::env::var(VARIABLE).unwrap_or_default();
        let points = given.split(';').filter_map(|point| point.split_once('='));
        Mutex::new(points.map(|(name, id)| Point { name: name.to_owned(), id: id.to_owned(), left: usize::MAX }).collect())
    });

    struct Point {
        name: String,
        id: String,
        left: usize,
    }

    /// Arms a point for an id, so many times.
    pub fn arm(name: &str, id: &str, times: usize) {
        ARMED.lock().unwrap_or_else(PoisonError::into_inner).push(Point { name: name.to_owned(), id: id.to_owned(), left: times });
    }

    pub fn hit(name: &str, id: &str) -> bool {
        let mut armed = ARMED.lock().unwrap_or_else(PoisonError::into_inner);
        let point = armed.iter_mut().find(|point| point.left > 0 && point.name == name && point.id == id);
        point.map(|point| point.left -= 1).is_some()
    }
}
