//! Where a promise is put to the test: an engine, and nodes that it connects.

use std::future::Future;
use std::net::{SocketAddr, UdpSocket};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use greenroom::{Event, Events, Faults, Loss, Mesh, Node, NodeBuilder, Place, StartError};

use crate::stage::{self, cache};

/// What all nodes of a test know.
pub const COOKIE: &str = "mesh-of-tests-0123456789abcdefghijklmnopqrs";

/// An engine. Nodes that it has started know each other by [`World::node`]'s word.
pub struct World {
    /// None: the network.
    one_process: Option<Mesh>,
}

impl World {
    pub fn of_one_process() -> World {
        World { one_process: Some(Mesh::new()) }
    }

    pub fn of_the_network() -> World {
        World { one_process: None }
    }

    /// A node that is connected with these. (In one process it meets all others too.)
    pub fn node(&self, others: &[&Node]) -> Node {
        self.node_named("127.0.0.1:0", others)
    }

    pub fn node_named(&self, place: &str, others: &[&Node]) -> Node {
        let places: Vec<&str> = others.iter().map(|node| node.place().as_str()).collect();
        self.start(&format!("{COOKIE}@{place}"), &places).expect("the node starts")
    }

    /// Starts a node that meets those at these places.
    pub fn start(&self, name: &str, places: &[&str]) -> Result<Node, StartError> {
        self.start_in(Node::builder(), self.mesh(places), name)
    }

    /// As [`World::node`], with settings.
    pub fn node_with(&self, builder: NodeBuilder, others: &[&Node]) -> Node {
        let places: Vec<&str> = others.iter().map(|node| node.place().as_str()).collect();
        self.start_in(builder, self.mesh(&places), &format!("{COOKIE}@127.0.0.1:0")).expect("the node starts")
    }

    /// As [`World::start`], for a node that listens on a network at another address than its name says.
    pub fn start_elsewhere(&self, name: &str, places: &[&str]) -> Result<Node, StartError> {
        self.start_in(Node::builder(), self.mesh(places).listen(free_address()), name)
    }

    fn mesh(&self, places: &[&str]) -> Mesh {
        match &self.one_process {
            Some(mesh) => mesh.clone(),
            None => Mesh::join(places).expect("places"),
        }
    }

    fn start_in(&self, builder: NodeBuilder, mesh: Mesh, name: &str) -> Result<Node, StartError> {
        stage::block_on(builder.threads(1).cache(cache()).start(&mesh, name))
    }

    /// Two nodes that are connected.
    pub fn pair(&self) -> [Node; 2] {
        let first = self.node(&[]);
        let second = self.node(&[&first]);
        [first, second]
    }

    /// What can be done to the links; none on a network.
    pub fn faults(&self) -> Option<Faults> {
        self.one_process.as_ref().and_then(Mesh::faults)
    }
}

/// The ports from which [`free_address`] takes: below those that Linux gives to sockets which ask for any (32768 and up), so
/// that none of these takes it while its node is down.
const PORTS: Range<u16> = 20000..32768;

/// One that nobody listens at, and that is nobody else's of this test run.
pub fn free_address() -> SocketAddr {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    // Other test runs begin elsewhere.
    let begin = std::process::id() as usize * 64;
    loop {
        let port = PORTS.start + ((begin + NEXT.fetch_add(1, Ordering::Relaxed)) % PORTS.len()) as u16;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if UdpSocket::bind(address).is_ok() {
            return address;
        }
    }
}

/// Waits, as long as any test may.
pub fn block_on<F: Future>(future: F) -> F::Output {
    stage::block_on(future)
}

/// Waits until a node hears that another is there, or is lost.
pub fn hears_of(events: &mut Events, other: &Place, up: bool) {
    block_on(async {
        loop {
            match events.next().await.expect("the node is there") {
                Event::NodeUp { node } if up && node == *other => return,
                Event::NodeDown { node, .. } if !up && node == *other => return,
                Event::Missed(events) => panic!("{events} events were missed"),
                _ => {}
            }
        }
    });
}

/// How many messages a node has counted as lost for this reason.
pub fn lost(node: &Node, loss: Loss) -> u64 {
    node.lost().into_iter().find(|(why, _)| *why == loss).map_or(0, |(_, times)| times)
}

/// How many messages nodes have counted as lost.
pub fn lost_in_all<'a>(nodes: impl IntoIterator<Item = &'a Node>) -> u64 {
    nodes.into_iter().flat_map(Node::lost).map(|(_, times)| times).sum()
}

/// How often a race is run: five times, or as often as the environment says (`GREENROOM_ROUNDS=50`, by hand).
pub fn rounds() -> usize {
    match std::env::var("GREENROOM_ROUNDS") {
        Ok(rounds) => rounds.parse().expect("GREENROOM_ROUNDS is a number"),
        Err(_) => 5,
    }
}

/// How long a test waits for what must come.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How long one who was refused waits before it tries again.
pub const PAUSE: Duration = Duration::from_millis(1);
