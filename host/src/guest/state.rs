//! What the host keeps for one running guest, within reach of its imports.

use std::sync::Arc;

use super::Guests;
use super::io::Io;
use super::library::Module;
use super::limits::Memory;
use super::output::Speaker;
use super::preempt::Slice;
use super::wasi::Wasi;
use crate::actor::context::Context;
use crate::address::Id;
use crate::pattern::{BadPattern, Pattern, PatternBounds};

/// The data of a guest's store.
pub(crate) struct Guest {
    pub(super) context: Context,
    pub(super) guests: Arc<Guests>,
    pub(super) module: Module,
    pub(super) memory: Memory,
    pub(super) slice: Arc<Slice>,
    pub(super) speaker: Speaker,
    /// The last text that the guest's language logged as its panic. If a trap follows, that is why.
    pub(super) panic: Option<String>,
    /// The narrowed address that the last message was sent to.
    pub(super) via: Option<Id>,
    patterns: LastPatterns,
    wasi: Option<Box<Wasi>>,
}

/// The patterns of the last receive, by their texts. Actors receive in loops with the same few, and to compare texts
/// costs a fifth of compiling them. One entry is enough: the patterns of a call are new each time.
#[derive(Default)]
struct LastPatterns {
    texts: Vec<String>,
    compiled: Arc<[Pattern]>,
}

impl Guest {
    pub(super) fn new(guests: Arc<Guests>, module: Module, context: Context, speaker: Speaker) -> Guest {
        let memory = Memory::new(context.kernel().clone(), context.mailbox().clone());
        let slice = Arc::new(Slice::new(context.mailbox().level()));
        Guest {
            context,
            guests,
            module,
            memory,
            slice,
            speaker,
            panic: None,
            via: None,
            patterns: LastPatterns::default(),
            wasi: None,
        }
    }

    /// The patterns, compiled.
    pub(super) fn patterns(&mut self, texts: Vec<String>) -> Result<Arc<[Pattern]>, BadPattern> {
        if texts != self.patterns.texts {
            let compiled = Pattern::compile_all(&texts, PatternBounds::default())?;
            self.patterns = LastPatterns { texts, compiled };
        }
        Ok(self.patterns.compiled.clone())
    }

    /// Ends what the guest prints: a last line without an end is told before the actor's end is.
    pub(super) fn close_output(&mut self) {
        self.wasi = None;
        self.speaker.end();
    }

    pub(super) fn wasi(&mut self) -> &mut Wasi {
        let made = self.wasi.take().unwrap_or_else(|| Wasi::new(self));
        self.wasi.insert(made)
    }

    /// Whether the process can open one more file or socket for this actor.
    pub(super) fn has_room_for_descriptor(&self) -> bool {
        self.guests.io.get().is_some_and(Io::has_room)
    }
}
