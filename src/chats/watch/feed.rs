//! The changes of a workspace on their way to its listeners: the latest ones once for all, and of each listener only how far it is.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    sync::{Notify, OnceCell},
    time::{Duration, Instant},
};
use tokio_util::task::AbortOnDropHandle;

use crate::chats::{
    change_rows::{Change, Position},
    watch::{counts::Counts, filter::Filter},
};

/// The latest changes that are kept for listeners, in number and in bytes. A listener that is farther behind is too slow.
const MAX_CHANGES: usize = 8192;
const MAX_BYTES: usize = 8 << 20;
/// A listener that ends with something unread for this long did so because it reads too slowly.
const UNREAD: Duration = Duration::from_secs(10);

/// The feed of a workspace, as long as somebody listens.
#[derive(Default)]
pub struct Feed {
    state: Mutex<State>,
    /// What reads the log for it; set once its position is known.
    pub reading: OnceCell<AbortOnDropHandle<()>>,
    pub counts: Arc<Counts>,
}

#[derive(Default)]
struct State {
    /// All changes up to here were handed on.
    position: Position,
    latest: VecDeque<Arc<Change>>,
    bytes: usize,
    /// All changes after this number, up to the position, are in `latest`.
    complete_from: i64,
    listeners: HashMap<u64, Listener>,
    next_id: u64,
    /// Rises when what was read before must not be told any more: it was redacted or erased.
    purges: u64,
}

struct Listener {
    filter: Arc<Filter>,
    news: Arc<Notify>,
    /// The first change that it has not taken, and since when.
    pending: Option<(i64, Instant)>,
    standing: Standing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It takes from the latest changes.
    Live,
    /// It has to read the log up to where the latest changes begin.
    Behind,
    /// The log is another one: after a failover that lost writes.
    Lost,
}

/// What there is for a listener.
pub enum Taken {
    /// Its next change.
    Change(Arc<Change>),
    /// Nothing, up to here.
    Nothing(Position),
    /// It has to read the log.
    Behind,
    /// It fell behind the latest changes.
    Slow,
    /// See [`Standing::Lost`].
    Lost,
}

impl Feed {
    pub fn new(counts: Arc<Counts>) -> Feed {
        Feed { counts, ..Feed::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins, or begins again, at a place in the log.
    pub fn begin_at(&self, position: Position) {
        let mut state = self.state();
        let purges = state.purges + 1;
        for listener in state.listeners.values_mut() {
            listener.standing = Standing::Lost;
            listener.news.notify_one();
        }
        *state = State {
            position,
            complete_from: position.number,
            purges,
            next_id: state.next_id,
            listeners: std::mem::take(&mut state.listeners),
            ..State::default()
        };
    }

    /// Where to read on, and what [`Feed::hand_on`] has to be given with what is read.
    pub fn next_read(&self) -> (Position, u64) {
        let state = self.state();
        (state.position, state.purges)
    }

    /// Hands changes on that were read after the position, up to another. What was read before a purge is dropped: it has to be read again.
    pub fn hand_on(&self, changes: Vec<Change>, position: Position, purges: u64) {
        let mut state = self.state();
        if state.purges != purges {
            return;
        }
        let wipes = |change: &Change| !change.erased.is_empty() || !change.redacted.is_empty();
        if changes.iter().any(wipes) {
            state.purge();
        }
        let state = &mut *state;
        let now = Instant::now();
        for change in changes.into_iter().map(Arc::new) {
            for listener in state.listeners.values_mut() {
                if listener.standing == Standing::Live && listener.pending.is_none() && listener.filter.lets_pass(&change) {
                    listener.pending = Some((change.position.number, now));
                    listener.news.notify_one();
                }
            }
            state.bytes += change.bytes;
            state.latest.push_back(change);
        }
        state.position = position;
        while state.latest.len() > MAX_CHANGES || state.bytes > MAX_BYTES && state.latest.len() > 1 {
            let Some(oldest) = state.latest.pop_front() else { break };
            state.bytes -= oldest.bytes;
            state.complete_from = oldest.position.number;
            // They would not notice before they have read what they are at.
            let fell = |listener: &&mut Listener| listener.pending.is_some_and(|(first, _)| first == oldest.position.number);
            state.listeners.values_mut().filter(fell).for_each(|listener| listener.news.notify_one());
        }
    }

    /// Forgets the latest changes: text of them was redacted or erased. Listeners read what is left of it from the log.
    pub fn purge(&self) {
        self.state().purge();
    }

    /// How often it was purged.
    pub fn purges(&self) -> u64 {
        self.state().purges
    }
}

impl State {
    fn purge(&mut self) {
        self.purges += 1;
        self.latest.clear();
        self.bytes = 0;
        self.complete_from = self.position.number;
        for listener in self.listeners.values_mut().filter(|listener| listener.pending.is_some()) {
            if listener.standing == Standing::Live {
                listener.standing = Standing::Behind;
            }
            listener.news.notify_one();
        }
    }

    /// The first of the latest changes after a number that a filter lets pass.
    fn next(&self, after: i64, filter: &Filter) -> Option<&Arc<Change>> {
        let begin = self.latest.partition_point(|change| change.position.number <= after);
        self.latest.range(begin..).find(|change| filter.lets_pass(change))
    }

    fn take(&mut self, id: u64, at: Position) -> Taken {
        let Some(listener) = self.listeners.get(&id) else { return Taken::Lost };
        let pending = match listener.standing {
            Standing::Lost => return Taken::Lost,
            Standing::Behind if at.number < self.complete_from => return Taken::Behind,
            Standing::Behind => self.next(at.number, &listener.filter).map(|change| change.position.number),
            Standing::Live => match listener.pending {
                Some((first, _)) if first <= self.complete_from => {
                    // It has ended: once is enough.
                    self.listeners.remove(&id);
                    return Taken::Slow;
                }
                pending => pending.map(|(first, _)| first),
            },
        };
        let from = pending.map_or(i64::MAX, |first| at.number.max(first - 1));
        let change = self.next(from, &listener.filter).map(Arc::clone);
        let next = change.as_ref().and_then(|change| self.next(change.position.number, &listener.filter)).map(|next| next.position.number);
        if let Some(listener) = self.listeners.get_mut(&id) {
            listener.standing = Standing::Live;
            listener.pending = next.map(|first| (first, Instant::now()));
        }
        let end = if at.number > self.position.number { at } else { self.position };
        change.map_or(Taken::Nothing(end), Taken::Change)
    }
}

/// A listener's place in a feed.
pub struct Subscription {
    feed: Arc<Feed>,
    id: u64,
    pub filter: Arc<Filter>,
    news: Arc<Notify>,
}

impl Subscription {
    /// Joins a feed. Where it stands it says with each [`Subscription::take`].
    pub fn new(feed: Arc<Feed>, filter: Filter) -> Subscription {
        let (filter, news) = (Arc::new(filter), Arc::new(Notify::new()));
        let mut state = feed.state();
        let id = state.next_id;
        state.next_id += 1;
        let listener = Listener { filter: Arc::clone(&filter), news: Arc::clone(&news), pending: None, standing: Standing::Behind };
        state.listeners.insert(id, listener);
        drop(state);
        feed.counts.opened();
        Subscription { feed, id, filter, news }
    }

    /// Where the feed is.
    pub fn position(&self) -> Position {
        self.feed.state().position
    }

    /// Whether a position is among those of the latest changes, so that the log need not be asked for it.
    pub fn knows(&self, position: Position) -> bool {
        let state = self.feed.state();
        let is_it = |change: &Arc<Change>| change.position == position;
        position == state.position || state.latest.iter().rev().any(is_it)
    }

    /// Takes its next change after a position.
    pub fn take(&self, at: Position) -> Taken {
        self.feed.state().take(self.id, at)
    }

    /// Waits until there may be something to take.
    pub async fn news(&self) {
        self.news.notified().await;
    }

    /// Begins again at its next [`Subscription::take`].
    pub fn rejoin(&self) {
        if let Some(listener) = self.feed.state().listeners.get_mut(&self.id) {
            (listener.standing, listener.pending) = (Standing::Behind, None);
        }
    }

    pub fn feed(&self) -> &Feed {
        &self.feed
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let gone = self.feed.state().listeners.remove(&self.id);
        let pending = gone.and_then(|listener| listener.pending);
        self.feed.counts.closed(pending.is_some_and(|(_, since)| since.elapsed() >= UNREAD));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chats::{
        Summary,
        change_rows::Owner,
        watch::filter::{Watched, erased_id},
    };

    fn change(number: i64, chat_id: &str, bytes: usize) -> Change {
        Change {
            position: Position { number, at: number },
            chat: 1,
            first_sequence: number,
            last_sequence: number,
            bytes,
            before: Owner::default(),
            after: Owner::default(),
            erased: String::new(),
            chat_id: chat_id.into(),
            summary: Summary::default(),
            events: Vec::new(),
            redacted: Vec::new(),
        }
    }

    fn at(number: i64) -> Position {
        Position { number, at: number }
    }

    fn hand_on(feed: &Feed, changes: Vec<Change>) {
        let (last, (_, purges)) = (changes.last().unwrap().position, feed.next_read());
        feed.hand_on(changes, last, purges);
    }

    fn listener(feed: &Arc<Feed>, chat_id: &str) -> Subscription {
        Subscription::new(Arc::clone(feed), Filter::new(Watched::These(vec![chat_id.into()])))
    }

    fn number(taken: Taken) -> Result<i64, &'static str> {
        match taken {
            Taken::Change(change) => Ok(change.position.number),
            Taken::Nothing(position) => Ok(-position.number),
            Taken::Behind => Err("behind"),
            Taken::Slow => Err("slow"),
            Taken::Lost => Err("lost"),
        }
    }

    #[tokio::test]
    async fn a_listener_takes_what_its_filter_lets_pass_and_skips_the_rest() {
        let feed = Arc::new(Feed::default());
        feed.begin_at(at(10));
        let listener = listener(&feed, "a");
        assert_eq!(number(listener.take(at(10))), Ok(-10));
        hand_on(&feed, vec![change(11, "b", 1), change(12, "a", 1), change(13, "b", 1), change(14, "a", 1), change(15, "b", 1)]);
        listener.news().await;
        assert_eq!(number(listener.take(at(10))), Ok(12));
        assert_eq!(number(listener.take(at(12))), Ok(14));
        assert_eq!(number(listener.take(at(14))), Ok(-15));
        hand_on(&feed, vec![change(16, "b", 1)]);
        assert_eq!(number(listener.take(at(15))), Ok(-16));
    }

    #[tokio::test]
    async fn one_that_comes_again_goes_on_from_the_latest_or_reads_the_log() {
        let feed = Arc::new(Feed::default());
        feed.begin_at(at(10));
        hand_on(&feed, vec![change(11, "a", 1), change(12, "a", 1)]);
        assert_eq!(number(listener(&feed, "a").take(at(11))), Ok(12));
        assert_eq!(number(listener(&feed, "a").take(at(9))), Err("behind"));
        // Another server was farther.
        let ahead = listener(&feed, "a");
        assert_eq!(number(ahead.take(at(13))), Ok(-13));
        hand_on(&feed, vec![change(13, "a", 1), change(14, "a", 1)]);
        assert_eq!(number(ahead.take(at(13))), Ok(14));
    }

    #[tokio::test]
    async fn the_latest_are_bounded_and_who_falls_behind_them_is_slow_without_holding_up_others() {
        let feed = Arc::new(Feed::default());
        feed.begin_at(at(0));
        let (slow, quick, elsewhere) = (listener(&feed, "a"), listener(&feed, "a"), listener(&feed, "b"));
        for subscription in [&slow, &quick, &elsewhere] {
            assert_eq!(number(subscription.take(at(0))), Ok(0));
        }
        for next in 1..=20 {
            hand_on(&feed, vec![change(next, "a", MAX_BYTES / 10)]);
            assert_eq!(number(quick.take(at(next - 1))), Ok(next));
        }
        assert!(feed.state().bytes <= MAX_BYTES && feed.state().latest.len() <= 10);
        assert_eq!(number(slow.take(at(0))), Err("slow"));
        assert_eq!(number(elsewhere.take(at(0))), Ok(-20), "nothing was for it");
    }

    #[tokio::test]
    async fn nothing_that_was_read_before_a_purge_is_told_after_it() {
        let feed = Arc::new(Feed::default());
        feed.begin_at(at(0));
        let (waiting, done) = (listener(&feed, "a"), listener(&feed, "a"));
        assert_eq!((number(waiting.take(at(0))), number(done.take(at(0)))), (Ok(0), Ok(0)));
        hand_on(&feed, vec![change(1, "a", 1)]);
        assert_eq!(number(done.take(at(0))), Ok(1));
        let (_, read_before) = feed.next_read();
        feed.purge();
        assert_eq!(number(waiting.take(at(0))), Err("behind"), "it reads the log");
        assert_eq!(number(done.take(at(1))), Ok(-1));
        feed.hand_on(vec![change(2, "a", 1)], at(2), read_before);
        assert_eq!(feed.next_read().0, at(1), "what was read before is read again");
        // An erasure that the log tells of purges, too.
        hand_on(&feed, vec![change(2, "a", 1)]);
        hand_on(&feed, vec![Change { erased: erased_id("a"), chat_id: String::new(), ..change(3, "", 1) }]);
        assert_eq!(number(done.take(at(1))), Err("behind"));
    }

    #[tokio::test]
    async fn when_the_log_is_another_one_every_listener_is_told() {
        let feed = Arc::new(Feed::default());
        feed.begin_at(at(5));
        let listener = listener(&feed, "a");
        assert_eq!(number(listener.take(at(5))), Ok(-5));
        feed.begin_at(at(3));
        listener.news().await;
        assert_eq!(number(listener.take(at(5))), Err("lost"));
        assert_eq!(number(self::listener(&feed, "a").take(at(3))), Ok(-3));
    }
}
