//! A packet's bytes: what stands before its chunks, and how frames are cut into chunks and put together again. Pure.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A frame of at most so many bytes leaves whole, and larger ones in chunks of so many.
pub(super) const CHUNK_BYTES: usize = 32 << 10;

/// What stands before a frame that leaves whole.
pub(super) const CHUNK_HEAD_BYTES: usize = 4;

/// A packet is full when it has so many bytes. It may have a chunk more.
pub(super) const PACKET_BYTES: usize = 32 << 10;

/// How many large frames of a peer's may be under way at once.
pub(super) const PARTS_MAX: usize = 4;

/// How many bytes of large frames of a peer's may be: an end that is waited for may have 32 MiB.
const PARTS_BYTES: usize = 64 << 20;

/// What this version of Greenroom speaks. Nodes of another major version refuse each other.
pub(super) const VERSION: Version = Version { major: 1, minor: 1 };

/// From this minor version on a node knows of groups and of spawns by others; an older one would not understand what it is told of them.
pub(super) const MINOR_WITH_GROUPS: u16 = 1;

/// A protocol's version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Version {
    pub major: u16,
    pub minor: u16,
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// A connection: the numbers that its two ends chose for it. What was sent in another is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Epochs {
    /// The sender's.
    pub mine: u64,
    /// The receiver's.
    pub yours: u64,
}

/// What stands first in a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Head {
    /// The sender's number for a connection, and the receiver's if it is known. First in the bytes of every version.
    Hello { version: Version, mine: u64, yours: Option<u64> },
    /// Chunks follow. `number` counts from 1 in each connection.
    Data { epochs: Epochs, number: u64, taken: u64 },
    /// All packets of the receiver's up to this number were taken in.
    Taken { epochs: Epochs, taken: u64 },
}

/// Bytes that no node of this version sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum Broken {
    #[error("it sent a packet that cannot be read")]
    Packet,
    #[error("it sent more of large messages at once than it may")]
    TooMuch,
    #[error("it sent a frame that cannot be read")]
    Frame,
    #[error("it asks more at once than it may")]
    Questions,
    #[error("its actors have more memberships of groups than they may")]
    Groups,
    #[error("it sent more than it may before it is told that there is room")]
    Window,
}

impl Head {
    /// A packet with nothing but this.
    pub(super) fn packet(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("a head has no map and no unsized sequence, the only things postcard refuses")
    }

    /// A packet's head and its chunks.
    pub(super) fn read(packet: &[u8]) -> Result<(Head, &[u8]), Broken> {
        postcard::take_from_bytes(packet).map_err(|_| Broken::Packet)
    }
}

/// In a chunk's first four bytes beside its length: it is part of a larger frame, whose flow stands in the next four.
const PART: u32 = 1 << 31;

/// It is the last part.
const LAST: u32 = 1 << 30;

pub(super) fn put_whole(packet: &mut Vec<u8>, frame: &[u8]) {
    packet.extend_from_slice(&(frame.len() as u32).to_le_bytes());
    packet.extend_from_slice(frame);
}

pub(super) fn put_part(packet: &mut Vec<u8>, flow: u32, part: &[u8], last: bool) {
    let last = if last { LAST } else { 0 };
    packet.extend_from_slice(&(part.len() as u32 | PART | last).to_le_bytes());
    packet.extend_from_slice(&flow.to_le_bytes());
    packet.extend_from_slice(part);
}

/// Large frames of a peer's, as far as they have come.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    parts: HashMap<u32, Vec<u8>>,
    bytes: usize,
}

impl Assembly {
    /// Reads chunks; each frame that is whole is handed over.
    ///
    /// # Errors
    ///
    /// What the bytes break, or what `take` answers. Frames before that were handed over.
    pub(super) fn read(
        &mut self,
        mut chunks: &[u8],
        mut take: impl FnMut(&[u8]) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        while !chunks.is_empty() {
            let head = number(&mut chunks)?;
            let flow = if head & PART == 0 { None } else { Some(number(&mut chunks)?) };
            let length = (head & !(PART | LAST)) as usize;
            let (chunk, rest) = chunks.split_at_checked(length).ok_or(Broken::Packet)?;
            chunks = rest;
            match flow {
                None if head & LAST == 0 => take(chunk)?,
                None => return Err(Broken::Packet),
                Some(flow) => {
                    if let Some(frame) = self.part(flow, chunk, head & LAST != 0)? {
                        take(&frame)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// How many have begun.
    #[cfg(test)]
    pub(super) fn under_way(&self) -> usize {
        self.parts.len()
    }

    fn part(&mut self, flow: u32, chunk: &[u8], last: bool) -> Result<Option<Vec<u8>>, Broken> {
        self.bytes += chunk.len();
        let parts = self.parts.len() + usize::from(!self.parts.contains_key(&flow));
        if parts > PARTS_MAX || self.bytes > PARTS_BYTES {
            return Err(Broken::TooMuch);
        }
        let part = self.parts.entry(flow).or_default();
        part.extend_from_slice(chunk);
        if !last {
            return Ok(None);
        }
        let frame = self.parts.remove(&flow).unwrap_or_default();
        self.bytes -= frame.len();
        Ok(Some(frame))
    }
}

fn number(bytes: &mut &[u8]) -> Result<u32, Broken> {
    let (number, rest) = bytes.split_first_chunk().ok_or(Broken::Packet)?;
    *bytes = rest;
    Ok(u32::from_le_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_bytes_break_the_reader(packet in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut assembly = Assembly::default();
            _ = Head::read(&packet).map(|(_, chunks)| assembly.read(chunks, |_| Ok(())));
            _ = assembly.read(&packet, |_| Ok(()));
            prop_assert!(assembly.parts.len() <= PARTS_MAX);
        }

        #[test]
        fn a_head_comes_out_as_it_went_in(mine: u64, yours: u64, number: u64, taken: u64, rest in prop::collection::vec(any::<u8>(), 0..9)) {
            let epochs = Epochs { mine, yours };
            let heads = [
                Head::Hello { version: VERSION, mine, yours: Some(yours) },
                Head::Data { epochs, number, taken },
                Head::Taken { epochs, taken },
            ];
            for head in heads {
                let packet = [head.packet(), rest.clone()].concat();
                prop_assert_eq!(Head::read(&packet), Ok((head, &*rest)));
            }
        }
    }

    #[test]
    fn a_peer_cannot_begin_more_large_frames_than_it_may() {
        let mut assembly = Assembly::default();
        let mut begin = |flow| {
            let mut packet = Vec::new();
            put_part(&mut packet, flow, b"x", false);
            assembly.read(&packet, |_| Ok(()))
        };
        assert!((0..PARTS_MAX as u32).all(|flow| begin(flow).is_ok()));
        assert_eq!(begin(0), Ok(()), "one that is under way goes on");
        assert_eq!(begin(9), Err(Broken::TooMuch));
    }

    #[test]
    fn a_peer_cannot_fill_us_with_a_frame_that_never_ends() {
        let mut assembly = Assembly::default();
        let mut packet = Vec::new();
        put_part(&mut packet, 1, &vec![0; 1 << 20], false);
        let read: Vec<_> = (0..65).map(|_| assembly.read(&packet, |_| Ok(()))).collect();
        assert!(read[..64].iter().all(Result::is_ok) && read[64] == Err(Broken::TooMuch));
    }
}
