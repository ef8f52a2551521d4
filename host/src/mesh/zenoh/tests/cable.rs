//! A cable that a test can cut: a UDP relay in front of a node.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::address::Place;
use crate::lock::lock;

/// Ends with the test's process.
pub(in crate::mesh::zenoh) struct Cable {
    /// Where its near end is: the name of the node behind it.
    pub place: Place,
    shared: Arc<Shared>,
}

struct Shared {
    near: UdpSocket,
    cut: AtomicBool,
    /// Where its far end is.
    far: Mutex<SocketAddr>,
}

impl Cable {
    pub fn new() -> Cable {
        let near = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = near.local_addr().expect("its address");
        let shared = Shared { near, cut: AtomicBool::new(false), far: Mutex::new(address) };
        let cable = Cable { place: address.to_string().parse().expect("a place"), shared: Arc::new(shared) };
        let shared = Arc::clone(&cable.shared);
        std::thread::spawn(move || there(&shared));
        cable
    }

    /// A free address to listen at, to which it leads from now on: who was behind it is cut off.
    pub fn far_end(&self) -> SocketAddr {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        *lock(&self.shared.far) = socket.local_addr().expect("its address");
        *lock(&self.shared.far)
    }

    pub fn cut(&self, cut: bool) {
        self.shared.cut.store(cut, Ordering::SeqCst);
    }
}

fn there(shared: &Arc<Shared>) {
    let mut ends: HashMap<(SocketAddr, SocketAddr), Arc<UdpSocket>> = HashMap::new();
    let mut buffer = [0; 1 << 16];
    // An error is a closed port behind it, told by the system: what is lost is lost.
    loop {
        let Ok((size, from)) = shared.near.recv_from(&mut buffer) else { continue };
        let far = *lock(&shared.far);
        let end = ends.entry((from, far)).or_insert_with(|| {
            let end = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port"));
            end.connect(far).expect("an address of loopback");
            let (end_back, shared) = (Arc::clone(&end), Arc::clone(shared));
            std::thread::spawn(move || back(&shared, &end_back, from, far));
            end
        });
        if !shared.cut.load(Ordering::SeqCst) {
            _ = end.send(&buffer[..size]);
        }
    }
}

fn back(shared: &Shared, end: &UdpSocket, to: SocketAddr, far: SocketAddr) {
    let mut buffer = [0; 1 << 16];
    loop {
        let Ok(size) = end.recv(&mut buffer) else { continue };
        // Who was behind it before is not heard any more.
        if !shared.cut.load(Ordering::SeqCst) && *lock(&shared.far) == far {
            _ = shared.near.send_to(&buffer[..size], to);
        }
    }
}
