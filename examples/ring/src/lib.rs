//! A ring of actors: each takes one message and passes it on.

use greenroom_guest::*;
use serde::{Deserialize, Serialize};

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

/// What goes around in `laps`.
#[derive(Serialize, Deserialize)]
struct Token {
    text: String,
}

/// Passes the token on, once each lap.
#[actor]
fn relay(to: Address, laps: u32) -> Result<()> {
    for _ in 0..laps {
        to.send(&receive_as::<Token>()?)?;
    }
    Ok(())
}

/// Sends one token around a closed ring of `n` actors, itself among them, again and again.
#[actor]
fn laps(n: u32, laps: u32) -> Result<Json> {
    let mut next = curaddr();
    for _ in 1..n {
        next = relay::spawn(next, laps)?;
    }
    let mut token = Token { text: "hello around the ring".into() };
    for _ in 0..laps {
        next.send(&token)?;
        token = receive_as()?;
    }
    Ok(json!({"hops": u64::from(n) * u64::from(laps)}))
}
