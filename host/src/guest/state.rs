//! What the host keeps for one running guest, within reach of its imports.

use std::sync::Arc;

use super::Guests;
use super::library::Module;
use super::limits::Memory;
use super::output::Speaker;
use super::preempt::Slice;
use super::wasi::Wasi;
use crate::actor::context::Context;
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
        let memory = Memory::new(guests.kernel.limits.memory_bytes);
        Guest {
            context,
            guests,
            module,
            memory,
            slice: Arc::default(),
            speaker,
            panic: None,
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
    }

    pub(super) fn wasi(&mut self) -> &mut Wasi {
        self.wasi.get_or_insert_with(|| Wasi::new(self.context.clock(), &self.speaker))
    }
}
