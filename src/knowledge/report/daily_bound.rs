//! Daily quota of the public's writes: searches, opened articles, and ratings can't fill the disk, whoever sends them.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use crate::ids::Workspace;

const DAY: i64 = 24 * 60 * 60;
/// One visitor's share of the workspace's quota.
const VISITOR_PART: u64 = 16;
/// Most visitors that are counted individually; the others count only toward the workspace.
const MAX_VISITORS: usize = 1 << 16;
/// Overhead of a row beside its text.
const ROW_BYTES: u64 = 256;

/// The quota of each workspace, counted in memory.
pub struct DailyBound {
    max_bytes: u64,
    today: Mutex<Today>,
}

#[derive(Default)]
struct Today {
    day: i64,
    workspaces: HashMap<Workspace, u64>,
    visitors: HashMap<(Workspace, IpAddr), u64>,
}

impl DailyBound {
    pub fn new(max_bytes: u64) -> DailyBound {
        DailyBound { max_bytes, today: Mutex::default() }
    }

    /// Reserves the space of a row with this much text. Where the quota is used up, returns the time until it renews.
    pub fn take(&self, workspace: &Workspace, visitor: IpAddr, text_bytes: usize, now: Timestamp) -> Result<(), Duration> {
        let day = now.as_second().div_euclid(DAY);
        let mut today = self.today.lock().unwrap_or_else(PoisonError::into_inner);
        if today.day != day {
            *today = Today { day, ..Today::default() };
        }
        let bytes = ROW_BYTES + text_bytes as u64;
        let Today { workspaces, visitors, .. } = &mut *today;
        let of_workspace = workspaces.entry(workspace.clone()).or_default();
        let name = (workspace.clone(), visitor);
        let counted = visitors.len() < MAX_VISITORS || visitors.contains_key(&name);
        let mut uncounted = 0;
        let of_visitor = if counted { visitors.entry(name).or_default() } else { &mut uncounted };
        if *of_workspace + bytes > self.max_bytes || *of_visitor + bytes > self.max_bytes / VISITOR_PART {
            return Err(Duration::from_secs((DAY - now.as_second().rem_euclid(DAY)).unsigned_abs()));
        }
        *of_workspace += bytes;
        *of_visitor += bytes;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: u64 = 1 << 20;

    fn address(number: u32) -> IpAddr {
        IpAddr::from(number.to_be_bytes())
    }

    #[test]
    fn a_visitor_writes_a_part_of_a_workspaces_day() {
        let bound = DailyBound::new(MAX);
        let [shop, other] = ["default", "rose"].map(|name| Workspace::new(name).unwrap());
        let morning = Timestamp::from_second(1_790_035_200).unwrap();
        let written =
            |workspace, visitor, now| (0..100_000).take_while(|_| bound.take(workspace, address(visitor), 768, now).is_ok()).count() as u64;
        assert_eq!(written(&shop, 1, morning), MAX / 16 / 1024);
        let wait = bound.take(&shop, address(1), 0, morning).unwrap_err();
        let all: u64 = (1..1000).map(|visitor| written(&shop, visitor, morning)).sum();
        assert_eq!(all, MAX / 1024 - MAX / 16 / 1024, "all of them together, the first one's part included");
        assert!(written(&other, 1, morning) > 0, "another workspace has its own");
        assert_eq!(written(&shop, 1, morning + wait), MAX / 16 / 1024, "and tomorrow it begins anew");
    }

    #[test]
    fn visitors_beyond_those_that_are_counted_count_among_all() {
        let bound = DailyBound::new(1 << 40);
        let shop = Workspace::default();
        let now = Timestamp::UNIX_EPOCH;
        (0..200_000).for_each(|visitor| bound.take(&shop, address(visitor), 0, now).unwrap());
        let today = bound.today.lock().unwrap();
        assert_eq!(today.visitors.len(), MAX_VISITORS);
        assert_eq!(today.workspaces[&shop], 200_000 * ROW_BYTES);
    }
}
