//! A ring of actors on two nodes: half of them live on each.

use greenroom_guest::*;
use serde::{Deserialize, Serialize};

/// What a builder wants of the other node: so many actors, the last of which passes on to `to`.
#[derive(Serialize, Deserialize)]
struct Half {
    n: u32,
    to: Address,
}

/// Waits for one message and passes it on.
#[actor]
fn forward(to: Address) -> Result<()> {
    let message = receive_any()?;
    to | message
}

/// `n` actors of this node in a row; the last passes on to `to`. Answers the first.
fn row(n: u32, to: Address) -> Result<Address> {
    let mut first = to;
    for _ in 0..n {
        first = forward::spawn(first)?;
    }
    Ok(first)
}

/// Builds a half of the ring for whoever asks first.
#[actor]
fn half() -> Result<()> {
    let asked: Half = receive_as()?;
    let first = row(asked.n, asked.to.clone())?;
    asked.to.send(&first)
}

/// Builds a ring of `n` actors, half of them by `half` on another node, and sends a message around it.
#[actor]
fn build(n: u32, half: Address) -> Result<Json> {
    half.send(&Half { n: n / 2, to: curaddr() })?;
    let there: Address = receive_as()?;
    let first = row(n - n / 2, there)?;
    (first | json!({"text": "hello around the ring"}))?;
    receive_any()
}
