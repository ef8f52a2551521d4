//! Actors that fail, each in its way.

use greenroom_guest::*;
use std::hint::black_box;

/// Panics, one function further down.
#[actor]
fn panics(text: String) {
    deep_down(&text);
}

#[inline(never)]
fn deep_down(text: &str) {
    panic!("{text}");
}

/// Returns a value as its error.
#[actor]
fn fails(value: Json) -> Result<()> {
    Err(Error::value(value))
}

/// Passes on what the node refused.
#[actor]
fn sends_to(to: Address) -> Result<()> {
    to | "hello"
}

/// Asks for more and more memory.
#[actor]
fn eats_memory() -> usize {
    let mut eaten: Vec<Vec<u8>> = Vec::new();
    loop {
        eaten.push(black_box(vec![1; 1 << 20]));
    }
}

/// Never lets go.
#[actor]
fn spins() {
    loop {
        black_box(());
    }
}

/// Computes for so long and then receives, so many times.
#[actor]
fn spins_and_receives(times: u32, ms: u64) -> Result<u32> {
    for _ in 0..times {
        let start = std::time::Instant::now();
        while start.elapsed() < std::time::Duration::from_millis(ms) {
            black_box(());
        }
        receive_any()?;
    }
    Ok(times)
}

/// Tries to see something of the machine it runs on.
#[actor]
fn looks_around() -> Json {
    json!({
        "environment": std::env::vars().count(),
        "files": std::fs::read_dir("/").is_ok() || std::fs::File::create("here").is_ok(),
        "network": std::net::TcpStream::connect("127.0.0.1:22").is_ok() || std::net::UdpSocket::bind("0.0.0.0:0").is_ok(),
    })
}

/// Prints so many lines as fast as it can.
#[actor]
fn prints_often(lines: u32) {
    (0..lines).for_each(|line| println!("line {line}"));
}
