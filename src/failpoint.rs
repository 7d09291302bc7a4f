//! Fail points: places where a test makes the program panic. Compiled out of release builds.

/// Panics if a test armed this fail point for `id`, such as a chat's.
#[cfg(debug_assertions)]
#[track_caller]
pub fn failpoint(name: &str, id: &str) {
    if armed::hit(name, id) {
        // Like a careless panic, the message contains what it was working on.
        panic!("fail point {name} was armed for {id}");
    }
}

/// Does nothing, in a release build.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn failpoint(_: &str, _: &str) {}

#[cfg(debug_assertions)]
pub use armed::arm;

#[cfg(debug_assertions)]
mod armed {
    use std::sync::{LazyLock, Mutex, PoisonError};

    /// Fail points to arm at start: `point=id`, separated by semicolons.
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

    /// Arms a fail point for an id, for this many hits.
    pub fn arm(name: &str, id: &str, times: usize) {
        ARMED.lock().unwrap_or_else(PoisonError::into_inner).push(Point { name: name.to_owned(), id: id.to_owned(), left: times });
    }

    pub fn hit(name: &str, id: &str) -> bool {
        let mut armed = ARMED.lock().unwrap_or_else(PoisonError::into_inner);
        let point = armed.iter_mut().find(|point| point.left > 0 && point.name == name && point.id == id);
        point.map(|point| point.left -= 1).is_some()
    }
}
