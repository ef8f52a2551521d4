//! The ring of actors without std: the component imports nothing but the contract.
#![cfg_attr(target_family = "wasm", no_std)]

use greenroom_guest::*;

/// Waits for one message and passes it on.
#[actor]
fn forward(to: Address) -> Result<()> {
    let message = receive_any()?;
    to | message
}

/// Builds a ring of `n` actors and sends a message around it.
#[actor]
fn build(n: u32) -> Result<Json> {
    let mut last = curaddr();
    for _ in 0..n {
        last = forward::spawn(last)?;
    }
    (last | json!({"text": "hello around the ring"}))?;
    receive_any()
}
