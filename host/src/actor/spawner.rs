//! What starts an actor, as those see it who only want one.

use std::any::Any;
use std::sync::Arc;

use super::executor::Executor;
use crate::grants::Grants;
use crate::mailbox::Mailbox;
use crate::message::Message;
use crate::node::spawning::Travels;
use crate::refusal::Refusal;
use crate::spawn_options::SpawnOptions;

/// The module that an actor's bare entries mean. Of no type here, since only those who start guests know modules; it
/// stays what it was when another module of its name is loaded.
pub(crate) type Home = Arc<dyn Any + Send + Sync>;

/// Starts actors of a node.
pub(crate) trait Spawner: Send + Sync {
    /// Starts `module/entry` of a loaded module or one of the node's own, `greenroom/entry`; a bare entry is
    /// one of `home`.
    ///
    /// # Errors
    ///
    /// `no-such-module`, `no-such-entry`, `bad-argument`, `name-taken`, `limit`, `stopping`. No actor was made then.
    fn spawn(
        self: Arc<Self>,
        home: Option<&Home>,
        entry: &str,
        args: Message,
        parent: Option<&Arc<Mailbox>>,
        options: &SpawnOptions,
    ) -> Result<Arc<Mailbox>, Refusal>;

    /// What another node must know to start `entry`: the module that it, or what the bare entries of one of the node's own
    /// mean, is of, and the entry's name there.
    ///
    /// # Errors
    ///
    /// `no-such-module`, `no-such-entry`, `not-permitted`.
    fn travels(
        &self,
        home: Option<&Home>,
        entry: &str,
        spawner: Option<&Arc<Grants>>,
    ) -> Result<(Option<Travels>, Box<str>), Refusal>;

    /// Where actors run.
    fn executor(&self) -> &Executor;
}
