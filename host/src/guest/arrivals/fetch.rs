//! How a module's bytes come from another node: in chunks, a few at a time, so that nobody else waits for them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::address::Place;
use crate::clock::Clock;
use crate::module_hash::ModuleHash;
use crate::node::Kernel;
use crate::node::spawning::{CHUNK_BYTES, Travels};
use crate::refusal::{Refusal, RefusalKind};

/// How many chunks are on their way at once, if the node is near: what others send waits behind them. (With two of 30 KiB the
/// 99th percentile of pings was 3.5 times as long as it is alone, with one of 8 KiB 1.7 to 2.9 times, and with [`PAUSE`] 0.9
/// to 1.5 times: `bench mesh load`, on two cores.)
const AHEAD_MIN: usize = 1;

/// And if it is far: 512 KiB at each round trip, half of what is let be on its way, so that there is room for what others send.
const AHEAD_MAX: usize = 64;

/// One chunk more is ahead for each such part of a round trip.
const AHEAD_PER: Duration = Duration::from_millis(1);

/// After each chunk others get their turn, for so long. A module comes at some 9 MB a second then, half of what it would be.
const PAUSE: Duration = Duration::from_micros(300);

/// How long a node may send nothing of a module.
const SILENCE: Duration = Duration::from_secs(if cfg!(test) { 2 } else { 30 });

/// How slow a node may be over all: then its module keeps others of that node waiting. In bytes a second, after
/// [`SILENCE`].
const BYTES_A_SECOND: u64 = 32 << 10;

/// All bytes of a module, in the pieces in which they came; nobody has looked at them.
///
/// # Errors
///
/// `not-connected`, if the node is lost before it has sent all; `timeout`; `no-such-module`, if it does not have it, or sends
/// too much or too little.
pub(super) async fn fetch(kernel: &Kernel, peer: &Place, travels: &Travels) -> Result<Vec<Bytes>, Refusal> {
    // Real time, whatever the node's clock says: it is the peer's time too.
    let clock = Clock::real();
    let slowest = clock.deadline(SILENCE + Duration::from_secs(travels.bytes / BYTES_A_SECOND));
    let (mut chunks, mut come, mut asked, mut next) = (Vec::new(), 0, VecDeque::new(), 0);
    let (mut ahead, mut nearest) = (AHEAD_MIN, Duration::MAX);
    while come < travels.bytes {
        while asked.len() < ahead && next < travels.bytes {
            asked.push_back((Instant::now(), Box::pin(kernel.chunk_there(peer, travels.hash, next)?)));
            next += CHUNK_BYTES as u64;
        }
        let (since, mut chunk) = asked.pop_front().expect("as much is asked for as is missing");
        let deadline = clock.deadline(SILENCE).min(slowest);
        let chunk = clock.timeout(deadline, chunk.as_mut()).await.ok_or_else(|| late(peer, travels, come))??;
        if chunk.len() as u64 != (travels.bytes - come).min(CHUNK_BYTES as u64) {
            return Err(another(peer, travels));
        }
        come += chunk.len() as u64;
        chunks.push(chunk);
        nearest = nearest.min(since.elapsed());
        ahead = AHEAD_MAX.min(AHEAD_MIN + (nearest.as_nanos() / AHEAD_PER.as_nanos()) as usize);
        clock.sleep_until(clock.deadline(PAUSE)).await;
    }
    Ok(chunks)
}

/// Puts the pieces together. Takes its time, so that it is for a thread of its own.
///
/// # Errors
///
/// `no-such-module`, if they are another module.
pub(super) fn whole(chunks: &[Bytes], peer: &Place, travels: &Travels) -> Result<Bytes, Refusal> {
    let bytes = Bytes::from(chunks.concat());
    if ModuleHash::of(&bytes) == travels.hash { Ok(bytes) } else { Err(another(peer, travels)) }
}

fn late(peer: &Place, travels: &Travels, come: u64) -> Refusal {
    let message = format!("{peer} has sent {come} of the module's {} bytes, and too slowly", travels.bytes);
    Refusal::new(RefusalKind::Timeout, message)
}

fn another(peer: &Place, travels: &Travels) -> Refusal {
    let message = format!("what {peer} has sent is not the module {}", travels.hash);
    Refusal::new(RefusalKind::NoSuchModule, message)
}
