//! A link from one node to another of one process, once somebody has asked for a fault on it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::lock::lock;
use crate::mesh::engine::{Inbox, Presence};

/// One direction of a link.
#[derive(Default)]
pub(super) struct Lane {
    cut: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    delay: Duration,
    /// So many packets more get lost.
    loses: usize,
    /// The next packet leaves after the one that follows it.
    swaps: bool,
    held: VecDeque<Crossing>,
    /// The other end of a thread that lets packets arrive later, once there was a delay.
    later: Option<mpsc::Sender<(Instant, Crossing)>>,
}

/// A packet that crosses.
struct Crossing {
    from: Presence,
    to: Arc<dyn Inbox>,
    packet: Vec<u8>,
}

impl Lane {
    pub(super) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::SeqCst)
    }

    pub(super) fn cut(&self, cut: bool) {
        self.cut.store(cut, Ordering::SeqCst);
        if cut {
            lock(&self.state).held.clear();
        }
    }

    pub(super) fn delay(&self, delay: Duration) {
        lock(&self.state).delay = delay;
    }

    pub(super) fn lose_next(&self, packets: usize) {
        lock(&self.state).loses += packets;
    }

    pub(super) fn swap_next(&self) {
        lock(&self.state).swaps = true;
    }

    /// Called by one thread alone for each direction, the writer's.
    pub(super) fn send(self: &Arc<Self>, from: &Presence, to: Arc<dyn Inbox>, packet: Vec<u8>) {
        let crossing = Crossing { from: from.clone(), to, packet };
        let mut state = lock(&self.state);
        if self.is_cut() {
            return;
        }
        if state.loses > 0 {
            state.loses -= 1;
            return;
        }
        if state.swaps {
            state.swaps = false;
            state.held.push_back(crossing);
            return;
        }
        let mut crossings = vec![crossing];
        crossings.extend(state.held.drain(..));
        if state.delay.is_zero() && state.later.is_none() {
            drop(state);
            crossings.into_iter().for_each(|crossing| self.arrive(crossing));
            return;
        }
        // Once one was late, all go this way, so that they stay in order.
        let at = Instant::now() + state.delay;
        let later = state.later.get_or_insert_with(|| self.later());
        crossings.into_iter().for_each(|crossing| _ = later.send((at, crossing)));
    }

    fn later(self: &Arc<Self>) -> mpsc::Sender<(Instant, Crossing)> {
        let (sender, receiver) = mpsc::channel::<(Instant, Crossing)>();
        let lane = Arc::downgrade(self);
        let deliver = move || {
            for (at, crossing) in receiver {
                thread::sleep(at.saturating_duration_since(Instant::now()));
                let Some(lane) = lane.upgrade() else { return };
                lane.arrive(crossing);
            }
        };
        // Without a thread what was to be late is lost, which a mesh must stand as well.
        _ = thread::Builder::new().name("greenroom-lane".into()).spawn(deliver);
        sender
    }

    fn arrive(&self, crossing: Crossing) {
        if !self.is_cut() {
            crossing.to.packet(&crossing.from, &crossing.packet);
        }
    }
}
