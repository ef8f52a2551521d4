//! One promise, three settings: its two actors on one node, on two nodes of one process, and on two over the network.
//!
//! The same function is run in each. Words, order, and that all is told exactly once are the same everywhere. What is not,
//! and so is no part of such a promise:
//!
//! - What goes to another node has been handed to the link when it returns, and takes effect there later. So a promise
//!   waits for what follows ([`Puppet::hears`]), or until the one has come to where the other is ([`Puppet::reaches`],
//!   [`Puppet::has_all_from`]). On one node these waits are over at once.
//! - A send is refused for what the sender's own node knows. To another node it is a dead letter there, and so is an answer
//!   to who has given up. `kill` and `exit` by one who may not are refused there too, where they are an event.
//! - Order is kept for each address: a node does not know which of another's actors a narrowed address or a name is of.
//! - Actors are spawned on their parent's node only. So parent and child are both `near` or both `far`, and a promise that
//!   is about nothing else has one node.
//!
//! [`Puppet::hears`]: crate::puppet::Puppet::hears
//! [`Puppet::reaches`]: crate::puppet::Puppet::reaches
//! [`Puppet::has_all_from`]: crate::puppet::Puppet::has_all_from

use std::sync::LazyLock;

use greenroom::{Mesh, Node};

use crate::stage::Stage;

/// What holds for an actor on each of two stages, which may be the same one.
pub type Promise = fn(near: &Stage, far: &Stage);

pub fn on_one_node(promise: Promise) {
    let stage = Stage::new();
    promise(&stage, &stage);
}

/// Two nodes of one process, for all tests: to start two for each takes five times as long. What one test does to them must
/// not be seen by another: so a name is used by one promise only, and limits are an actor's.
static PAIR: LazyLock<[Stage; 2]> = LazyLock::new(|| {
    let mesh = Mesh::new();
    [(); 2].map(|()| Stage::on(mesh.clone(), Node::builder()))
});

/// The same two over the network.
static NETWORK: LazyLock<[Stage; 2]> = LazyLock::new(|| {
    let near = Stage::on(Mesh::join([] as [&str; 0]).expect("nobody to meet"), Node::builder());
    let mesh = Mesh::join([near.node.place().to_string()]).expect("a place");
    let far = Stage::on(mesh, Node::builder());
    [near, far]
});

pub fn on_two_nodes(promise: Promise) {
    let [near, far] = &*PAIR;
    promise(near, far);
}

pub fn over_the_network(promise: Promise) {
    let [near, far] = &*NETWORK;
    promise(near, far);
}

/// Makes of each promise of a file a module with a test for each setting.
macro_rules! on_one_and_two_nodes {
    ($($promise:ident),+ $(,)?) => {$(
        mod $promise {
            #[test]
            fn one_node() {
                crate::settings::on_one_node(super::$promise);
            }

            #[test]
            fn two_nodes() {
                crate::settings::on_two_nodes(super::$promise);
            }

            #[test]
            fn over_the_network() {
                crate::settings::over_the_network(super::$promise);
            }
        }
    )+};
}
pub(crate) use on_one_and_two_nodes;
