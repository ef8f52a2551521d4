//! Actors of an embedding program that are written in Rust.

use std::future::Future;
use std::sync::Arc;

use super::Node;
use crate::actor::spawner::Spawner;
use crate::address::Address;
use crate::grants::Grants;
use crate::guest::library::Module;
use crate::message::IntoMessage;
use crate::native::{self, Context, Origin};
use crate::node::enter::Parent;
use crate::refusal::Refusal;
use crate::spawn_options::SpawnOptions;

impl Node {
    /// Starts an actor whose behavior is a future of this program's own. See [`Context`] for what it may do.
    ///
    /// It runs on the node's threads, as guests do, and must not block. If it panics, that is the end of this actor alone
    /// (type `host`).
    ///
    /// # Errors
    ///
    /// `limit`, `stopping`. There is no actor then.
    pub fn spawn_native<B, F, V, E>(&self, behavior: B) -> Result<Address, Refusal>
    where
        B: FnOnce(Context) -> F + Send + 'static,
        F: Future<Output = Result<V, E>> + Send + 'static,
        V: IntoMessage,
        E: IntoMessage,
    {
        self.spawn_native_with(&SpawnOptions::default(), behavior)
    }

    /// As [`Node::spawn_native`], with options.
    ///
    /// # Errors
    ///
    /// As [`Node::spawn_with`].
    pub fn spawn_native_with<B, F, V, E>(&self, options: &SpawnOptions, behavior: B) -> Result<Address, Refusal>
    where
        B: FnOnce(Context) -> F + Send + 'static,
        F: Future<Output = Result<V, E>> + Send + 'static,
        V: IntoMessage,
        E: IntoMessage,
    {
        self.spawn_native_of(None, options, behavior)
    }

    /// As [`Node::spawn_native_with`], for an actor whose bare entries are those of a module, if there is one.
    ///
    /// # Errors
    ///
    /// As [`Node::spawn_with`].
    pub(crate) fn spawn_native_of<B, F, V, E>(
        &self,
        module: Option<&Module>,
        options: &SpawnOptions,
        behavior: B,
    ) -> Result<Address, Refusal>
    where
        B: FnOnce(Context) -> F + Send + 'static,
        F: Future<Output = Result<V, E>> + Send + 'static,
        V: IntoMessage,
        E: IntoMessage,
    {
        let spawner: Arc<dyn Spawner> = self.0.guests.clone();
        let grants = Grants::of_child(None, None, options.grants.as_deref())?;
        let (parent, home) = (Parent::Program, module.map(Module::as_home));
        let origin = Origin { parent, home, entry: None, grants, bytes: 0 };
        let mailbox = native::spawn(&spawner, &self.0.guests.kernel, origin, options, behavior)?;
        Ok(self.kernel().address(mailbox.id()).keeping(mailbox))
    }
}
