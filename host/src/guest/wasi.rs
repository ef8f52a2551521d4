//! WASI: every known interface is there, so that any language's guest loads, and gives what the actor is granted.
//!
//! Without grants that is nothing: no folders, an empty environment, sockets that answer `access-denied`. Arguments and
//! stdin are always empty; randomness comes from the system's generator, time from the node's clock, and output is lines
//! tagged with the actor.

mod files;
mod lookup;
mod network;

use std::time::Duration;

use wasmtime::Result;
use wasmtime::component::{HasData, HasSelf, Linker, Resource, ResourceTable};
use wasmtime_wasi::clocks::{HostMonotonicClock, HostWallClock};
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::p2::bindings::sockets::{tcp_create_socket, udp_create_socket};
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView, async_trait};

use super::clock::GuestClock;
use super::output::Lines;
use super::state::Guest;
use crate::clock::Clock;
pub(super) use files::Preopens;
use network::Reach;

/// What WASI keeps for one actor. Most never call it, so it is made at the first call.
pub(super) struct Wasi {
    ctx: WasiCtx,
    table: ResourceTable,
    reach: Reach,
}

/// The version of WASI whose interfaces are linked, for those of which single functions are replaced. The linker takes any
/// other of the same minor version for it.
const VERSION: &str = "0.2.12";

/// Resources (files, sockets, streams, pollables) that one actor may hold at once. A program uses a handful.
const RESOURCES_MAX: usize = 1024;

/// Bytes of randomness that one call may ask for.
const RANDOM_BYTES_MAX: u64 = 64 << 10;

impl Wasi {
    pub(super) fn new(guest: &Guest) -> Box<Wasi> {
        let (grants, speaker) = (guest.context.grants(), &guest.speaker);
        let reach = Reach::new(grants.clone(), guest.module.clone());
        let mut ctx = WasiCtx::builder();
        ctx.stdout(Lines::new(speaker.clone(), "stdout"))
            .stderr(Lines::new(speaker.clone(), "stderr"))
            .wall_clock(guest.clock())
            .monotonic_clock(guest.clock())
            .max_random_size(RANDOM_BYTES_MAX);
        grants.variables().for_each(|(name, value)| _ = ctx.env(name, value));
        reach.guard(&mut ctx);
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES_MAX);
        Box::new(Wasi { ctx: ctx.build(), table, reach })
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
    linker.allow_shadowing(true);
    // The engine's own clock would sleep on tokio's timer; ours is the node's.
    monotonic_clock::add_to_linker::<Guest, NodeTime>(linker, |guest| {
        let clock = guest.clock();
        NodeTimeView { clock, table: &mut guest.wasi().table }
    })?;
    preopens::add_to_linker::<Guest, HasSelf<Guest>>(linker, |guest| guest)?;
    tcp_create_socket::add_to_linker::<Guest, HasSelf<Guest>>(linker, |guest| guest)?;
    udp_create_socket::add_to_linker::<Guest, HasSelf<Guest>>(linker, |guest| guest)?;
    files::add_to_linker(linker)?;
    lookup::add_to_linker(linker)?;
    linker.allow_shadowing(false);
    Ok(())
}

impl HostWallClock for GuestClock {
    fn resolution(&self) -> Duration {
        self.step()
    }

    fn now(&self) -> Duration {
        self.system()
    }
}

impl HostMonotonicClock for GuestClock {
    fn resolution(&self) -> u64 {
        nanoseconds(self.step())
    }

    fn now(&self) -> u64 {
        nanoseconds(self.monotonic())
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
    clock: GuestClock,
    table: &'a mut ResourceTable,
}

impl NodeTimeView<'_> {
    fn subscribe(&mut self, deadline: Duration) -> Result<Resource<DynPollable>> {
        let timer = self.table.push(Timer { clock: self.clock.real().clone(), deadline })?;
        subscribe(self.table, timer)
    }
}

impl monotonic_clock::Host for NodeTimeView<'_> {
    fn now(&mut self) -> Result<u64> {
        Ok(HostMonotonicClock::now(&self.clock))
    }

    fn resolution(&mut self) -> Result<u64> {
        Ok(HostMonotonicClock::resolution(&self.clock))
    }

    fn subscribe_instant(&mut self, when: u64) -> Result<Resource<DynPollable>> {
        self.subscribe(Duration::from_nanos(when))
    }

    fn subscribe_duration(&mut self, duration: u64) -> Result<Resource<DynPollable>> {
        let deadline = self.clock.real().deadline(Duration::from_nanos(duration));
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

#[cfg(test)]
mod tests {
    use wasmtime::{Engine, StoreContextMut};

    use super::*;

    #[test]
    fn what_is_replaced_was_there() {
        for (interface, function) in
            [("filesystem/types", "[method]descriptor.open-at"), ("sockets/ip-name-lookup", "resolve-addresses")]
        {
            let mut linker = Linker::<Guest>::new(&Engine::default());
            wasmtime_wasi::p2::add_to_linker_async(&mut linker).expect("WASI is linked");
            let mut instance = linker.instance(&format!("wasi:{interface}@{VERSION}")).expect("an instance");
            let twice = instance.func_wrap(function, |_: StoreContextMut<'_, Guest>, (): ()| Ok(()));
            assert!(twice.is_err(), "{interface} is not linked in version {VERSION}: ours would stand beside it");
        }
    }
}
