//! WASI, linked to nothing: every known interface is there, so that any language's guest loads, and none gives access.
//!
//! No directories, no environment, no arguments, sockets that answer `access-denied`, an empty stdin; randomness from
//! the system's generator, time from the node's clock, output as lines tagged with the actor.

use std::time::{Duration, UNIX_EPOCH};

use wasmtime::Result;
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::clocks::{HostMonotonicClock, HostWallClock};
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView, async_trait};

use super::output::{Lines, Speaker};
use super::state::Guest;
use crate::clock::Clock;

/// What WASI keeps for one actor. Most never call it, so it is made at the first call.
pub(super) struct Wasi {
    ctx: WasiCtx,
    table: ResourceTable,
}

/// Resources (streams, pollables) that one actor may hold at once. A program uses a handful.
const RESOURCES_MAX: usize = 1024;

/// Bytes of randomness that one call may ask for.
const RANDOM_BYTES_MAX: u64 = 64 << 10;

impl Wasi {
    pub(super) fn new(clock: &Clock, speaker: &Speaker) -> Box<Wasi> {
        let ctx = WasiCtx::builder()
            .stdout(Lines::new(speaker.clone(), "stdout"))
            .stderr(Lines::new(speaker.clone(), "stderr"))
            .wall_clock(NodeClock(clock.clone()))
            .monotonic_clock(NodeClock(clock.clone()))
            .allow_tcp(false)
            .allow_udp(false)
            .max_random_size(RANDOM_BYTES_MAX)
            .build();
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES_MAX);
        Box::new(Wasi { ctx, table })
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let wasi = self.wasi();
        WasiCtxView { ctx: &mut wasi.ctx, table: &mut wasi.table }
    }
}

pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    // The engine's own clock would sleep on tokio's timer; ours is the node's.
    linker.allow_shadowing(true);
    monotonic_clock::add_to_linker::<Guest, NodeTime>(linker, |guest| {
        let clock = guest.context.clock().clone();
        NodeTimeView { clock, table: &mut guest.wasi().table }
    })?;
    linker.allow_shadowing(false);
    Ok(())
}

struct NodeClock(Clock);

impl HostWallClock for NodeClock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        self.0.system().duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

impl HostMonotonicClock for NodeClock {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        nanoseconds(self.0.monotonic())
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The marker by which the generated code finds the state of `wasi:clocks/monotonic-clock`.
struct NodeTime;

impl HasData for NodeTime {
    type Data<'a> = NodeTimeView<'a>;
}

struct NodeTimeView<'a> {
    clock: Clock,
    table: &'a mut ResourceTable,
}

impl NodeTimeView<'_> {
    fn subscribe(&mut self, deadline: Duration) -> Result<Resource<DynPollable>> {
        let timer = self.table.push(Timer { clock: self.clock.clone(), deadline })?;
        subscribe(self.table, timer)
    }
}

impl monotonic_clock::Host for NodeTimeView<'_> {
    fn now(&mut self) -> Result<u64> {
        Ok(nanoseconds(self.clock.monotonic()))
    }

    fn resolution(&mut self) -> Result<u64> {
        Ok(1)
    }

    fn subscribe_instant(&mut self, when: u64) -> Result<Resource<DynPollable>> {
        self.subscribe(Duration::from_nanos(when))
    }

    fn subscribe_duration(&mut self, duration: u64) -> Result<Resource<DynPollable>> {
        let deadline = self.clock.deadline(Duration::from_nanos(duration));
        self.subscribe(deadline)
    }
}

/// A moment that a guest polls for.
struct Timer {
    clock: Clock,
    deadline: Duration,
}

#[async_trait]
impl Pollable for Timer {
    async fn ready(&mut self) {
        self.clock.sleep_until(self.deadline).await;
    }
}
