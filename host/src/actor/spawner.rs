//! What starts an actor, as those see it who only want one.

use std::sync::Arc;

use super::executor::Executor;
use crate::mailbox::Mailbox;
use crate::message::Message;
use crate::refusal::Refusal;
use crate::spawn_options::SpawnOptions;

/// Starts actors of a node.
pub(crate) trait Spawner: Send + Sync {
    /// Starts an entry of a loaded module: `module/entry`, or, if `home` is the hash of a module, one of that.
    ///
    /// # Errors
    ///
    /// `no-such-module`, `no-such-entry`, `bad-argument`, `name-taken`, `limit`, `stopping`. No actor was made then.
    fn spawn(
        self: Arc<Self>,
        home: Option<&str>,
        entry: &str,
        args: Message,
        parent: Option<&Arc<Mailbox>>,
        options: &SpawnOptions,
    ) -> Result<Arc<Mailbox>, Refusal>;

    /// Where actors run.
    fn executor(&self) -> &Executor;
}
