//! What an actor sees of the machine it runs on.

use greenroom_guest::*;
use std::io::Read;

/// Looks at all that WASI could show; answers what there is.
#[actor]
fn looks_around() -> Json {
    let opens = |path: &str| std::fs::File::open(path).is_ok() || std::fs::File::create(path).is_ok();
    let files = ["/", ".", "here", "/etc/passwd", "/proc/self/environ", "../x"];
    let folders = ["/", ".", ".."];
    json!({
        "environment": std::env::vars().count(),
        "arguments": std::env::args().filter(|argument| !argument.is_empty()).count(),
        "home": std::env::current_exe().is_ok() || std::env::var("HOME").is_ok(),
        "stdin": std::io::stdin().read(&mut [0]).unwrap_or(0),
        "files": files.iter().filter(|path| opens(path)).count(),
        "folders": folders.iter().filter(|path| std::fs::read_dir(path).is_ok()).count(),
        "connections": std::net::TcpStream::connect("127.0.0.1:22").is_ok(),
        "listeners": std::net::TcpListener::bind("127.0.0.1:0").is_ok(),
        "datagrams": std::net::UdpSocket::bind("127.0.0.1:0").is_ok(),
        "hosts": std::net::ToSocketAddrs::to_socket_addrs("localhost:80").is_ok_and(|mut found| found.next().is_some()),
    })
}

/// Sixteen bytes of the system's randomness, and sixteen of what hash maps are seeded with.
#[cfg(target_family = "wasm")]
#[actor]
fn rolls_dice() -> Json {
    let (low, high) = wasip2::random::insecure_seed::insecure_seed();
    json!([hex(&wasip2::random::random::get_random_bytes(16)), format!("{low:016x}{high:016x}")])
}

#[cfg(target_family = "wasm")]
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Asks for so many random bytes in one call.
#[cfg(target_family = "wasm")]
#[actor]
fn asks_for_randomness(bytes: u64) -> usize {
    wasip2::random::random::get_random_bytes(bytes).len()
}

/// Makes sockets and keeps them, so many; answers how many it got.
#[cfg(target_family = "wasm")]
#[actor]
fn makes_sockets(times: u32) -> usize {
    use wasip2::sockets::{network::IpAddressFamily, tcp_create_socket, udp_create_socket};
    let tcp = (0..times).filter_map(|_| tcp_create_socket::create_tcp_socket(IpAddressFamily::Ipv4).ok());
    let udp = (0..times).filter_map(|_| udp_create_socket::create_udp_socket(IpAddressFamily::Ipv6).ok());
    let (tcp, udp): (Vec<_>, Vec<_>) = (tcp.collect(), udp.collect());
    tcp.len() + udp.len()
}

/// Makes so many things of WASI's that the node has to keep.
#[cfg(target_family = "wasm")]
#[actor]
fn makes_pollables(times: u32) -> usize {
    let hour = 3_600_000_000_000;
    let made: Vec<_> = (0..times).map(|_| wasip2::clocks::monotonic_clock::subscribe_duration(hour)).collect();
    made.len()
}
