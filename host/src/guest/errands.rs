//! What peers start here: under the terms of this node's owner, each peer as one tree.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::Guests;
use super::library::Module;
use crate::address::{Id, Place, quoted};
use crate::grants::Grants;
use crate::level::Level;
use crate::limits::Limit;
use crate::lock::lock;
use crate::module_hash::ModuleHash;
use crate::native::builtin;
use crate::node::enter::{Elsewhere, Parent};
use crate::node::spawning::{Host, SpawnRequest, Starts};
use crate::node::uplink::Boxed;
use crate::refusal::{Refusal, RefusalKind};
use crate::signal::Party;

/// How many spawns of one peer may wait for their modules.
const PENDING_MAX: usize = 1000;

/// How many spawns of each peer wait.
#[derive(Default)]
pub(super) struct Errands(Mutex<HashMap<Place, usize>>);

/// A spawn that waits: its arguments are charged to its peer's tree.
struct Errand {
    guests: Arc<Guests>,
    peer: Place,
    level: Arc<Level>,
    bytes: u64,
}

impl Host for Guests {
    fn prepare(self: Arc<Self>, peer: Place, request: SpawnRequest) -> Boxed<'static, Result<Starts, Refusal>> {
        // In its place among the peer's signals; what takes time comes after.
        let errand = self.errand(peer, &request);
        Box::pin(async move {
            let errand = errand.inspect_err(|why| self.note(&request.ancestors, why))?;
            let module = match &request.module {
                None => None,
                Some(travels) => Some(self.module_of(&errand.peer, travels).await?),
            };
            let starts: Starts = Box::new(move |entered| {
                let ancestors = request.ancestors.clone();
                errand.start(request, module, entered).inspect_err(|why| self.note(&ancestors, why))
            });
            Ok(starts)
        })
    }

    fn module(&self, hash: &ModuleHash) -> Option<Bytes> {
        self.library().bytes(hash)
    }
}

impl Guests {
    /// Takes a spawn of a peer's, if this node's owner permits it.
    fn errand(self: &Arc<Self>, peer: Place, request: &SpawnRequest) -> Result<Errand, Refusal> {
        let (terms, here) = (&self.arrivals.terms, self.kernel.place());
        let refused = |why: String| Refusal::new(RefusalKind::NotPermitted, format!("cannot spawn on {here}: {why}"));
        if !terms.is_any() {
            return Err(refused("it starts nothing for other nodes (--remote-spawn=no)".to_owned()));
        }
        if let Some(travels) = &request.module {
            let (hash, max) = (&travels.hash, terms.module_bytes_max as u64);
            if !terms.permits(hash, self.library().is_loaded(hash)) {
                let why = format!("it starts only modules that its owner has listed, and {hash} is none of them");
                return Err(refused(why).with("module", hash.to_string()));
            }
            if travels.bytes > max {
                let message =
                    format!("cannot spawn on {here}: the module has {} bytes, and one may have {max}", travels.bytes);
                return Err(Refusal::new(RefusalKind::TooLarge, message).with("used", travels.bytes).with("max", max));
            }
        }
        let level = self.kernel.level_of_peer(&peer, &terms.options.limits)?;
        level.may_spawn(self.kernel.clock.monotonic()).map_err(|full| full.refusal("cannot spawn"))?;
        let (bytes, max) = (request.args.len(), level.admission().bytes_max);
        if bytes > max {
            let message = format!("cannot spawn on {here}: the arguments have {bytes} bytes, and may have {max}");
            return Err(Refusal::new(RefusalKind::TooLarge, message));
        }
        self.errands.begin(&peer)?;
        // Dropped, it gives back what it has.
        let mut errand = Errand { guests: self.clone(), peer, level, bytes: 0 };
        errand.level.take(Limit::Memory, bytes as u64).map_err(|full| full.refusal("cannot spawn"))?;
        errand.bytes = bytes as u64;
        Ok(errand)
    }

    /// Who runs this node hears of what it did not let a peer start.
    fn note(&self, ancestors: &[Party], why: &Refusal) {
        let limit = why.details().get("limit").and_then(|limit| limit.as_str());
        if let Some(spawner) = ancestors.first() {
            let what = limit.unwrap_or("remote-spawn");
            self.kernel.note_refused_to(spawner.address(self.kernel.place()), what, why.message());
        }
    }
}

impl Errand {
    fn start(self, request: SpawnRequest, module: Option<Module>, entered: &dyn Fn(Id)) -> Result<(), Refusal> {
        let (guests, level) = (self.guests.clone(), self.level.clone());
        let grants = Arc::new(guests.arrivals.terms.options.grants.clone());
        // From now on they are the actor's.
        drop(self);
        let SpawnRequest { entry, args, options, ancestors, .. } = request;
        let args = guests.kernel.admit(args.into_string(), &level)?;
        let elsewhere = Elsewhere { ancestors, level, grants, entered };
        let parent = Parent::There(&elsewhere);
        if let Some(own) = entry.strip_prefix(builtin::PREFIX) {
            let home = module.map(|module| module.as_home());
            return guests.start_own(own, home, args, parent, &options).map(drop);
        }
        let module = module.ok_or_else(|| {
            let message = format!("cannot spawn `{}`: it is of no module", quoted(&entry));
            Refusal::new(RefusalKind::NoSuchModule, message)
        })?;
        module.check_entry(&entry)?;
        let grants = Grants::of_child(Some(&elsewhere.grants), None, options.grants.as_deref())?;
        guests.start(module, &entry, args, parent, grants, &options).map(drop)
    }
}

impl Drop for Errand {
    fn drop(&mut self) {
        self.level.give_back(Limit::Memory, self.bytes);
        self.guests.errands.end(&self.peer);
    }
}

impl Errands {
    fn begin(&self, peer: &Place) -> Result<(), Refusal> {
        let mut errands = lock(&self.0);
        let pending = errands.entry(peer.clone()).or_default();
        if *pending >= PENDING_MAX {
            let message = format!("cannot spawn: {PENDING_MAX} spawns of {peer} wait here for their modules");
            return Err(Refusal::at_limit("pending-spawns", PENDING_MAX, message));
        }
        *pending += 1;
        Ok(())
    }

    fn end(&self, peer: &Place) {
        let mut errands = lock(&self.0);
        if let Some(pending) = errands.get_mut(peer) {
            *pending -= 1;
            if *pending == 0 {
                errands.remove(peer);
            }
        }
    }
}
