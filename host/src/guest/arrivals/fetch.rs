//! How a module's bytes come from another node: in chunks, a few at a time, so that nobody else waits for them.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use crate::address::Place;
use crate::clock::Clock;
use crate::module_hash::ModuleHash;
use crate::node::Kernel;
use crate::node::spawning::{CHUNK_BYTES, Travels};
use crate::refusal::{Refusal, RefusalKind};

/// How many chunks are asked for before the first of them has come. With more, what others send waits for longer behind
/// them; with fewer, a far node's module takes longer: 240 KiB at each round trip.
const AHEAD: usize = 8;

/// How long a node may send nothing of a module.
const SILENCE: Duration = Duration::from_secs(if cfg!(test) { 2 } else { 30 });

/// How slow a node may be over all: then its module keeps others of that node waiting. In bytes a second, after
/// [`SILENCE`].
const BYTES_A_SECOND: u64 = 32 << 10;

/// All bytes of a module.
///
/// # Errors
///
/// `not-connected`, if the node is lost before it has sent all; `timeout`; `no-such-module`, if it does not have it, or what it
/// sent is another.
pub(super) async fn fetch(kernel: &Kernel, peer: &Place, travels: &Travels) -> Result<Arc<[u8]>, Refusal> {
    // Real time, whatever the node's clock says: it is the peer's time too.
    let clock = Clock::real();
    let slowest = clock.deadline(SILENCE + Duration::from_secs(travels.bytes / BYTES_A_SECOND));
    let late = |bytes: usize| {
        let message = format!("{peer} has sent {bytes} of the module's {} bytes, and too slowly", travels.bytes);
        Refusal::new(RefusalKind::Timeout, message)
    };
    let (mut bytes, mut asked, mut next) = (Vec::new(), VecDeque::new(), 0);
    while (bytes.len() as u64) < travels.bytes {
        while asked.len() < AHEAD && next < travels.bytes {
            asked.push_back(Box::pin(kernel.chunk_there(peer, travels.hash, next)?));
            next += CHUNK_BYTES as u64;
        }
        let chunk = pin!(asked.pop_front().expect("as much is asked for as is missing"));
        let deadline = clock.deadline(SILENCE).min(slowest);
        let chunk = clock.timeout(deadline, chunk).await.ok_or_else(|| late(bytes.len()))??;
        let missing = travels.bytes - bytes.len() as u64;
        if chunk.len() as u64 != missing.min(CHUNK_BYTES as u64) {
            return Err(another(peer, travels));
        }
        bytes.extend_from_slice(&chunk);
    }
    if ModuleHash::of(&bytes) != travels.hash {
        return Err(another(peer, travels));
    }
    Ok(bytes.into())
}

fn another(peer: &Place, travels: &Travels) -> Refusal {
    let message = format!("what {peer} has sent is not the module {}", travels.hash);
    Refusal::new(RefusalKind::NoSuchModule, message)
}
