//! Two actors play ping-pong: with typed messages, or with any JSON.

use greenroom_guest::*;
use serde::{Deserialize, Serialize};

/// What flies between the two.
#[derive(Serialize, Deserialize)]
struct Ball {
    text: String,
}

static BALL: Pattern = pattern!({"text": str});

/// Returns the ball `rounds` times.
#[actor]
fn pong(to: Address, rounds: u32) -> Result<()> {
    for _ in 0..rounds {
        to.send(&receive_as::<Ball>()?)?;
    }
    Ok(())
}

/// Plays `rounds` rounds, two messages each, with a struct as the message.
#[actor]
fn main(rounds: u32) -> Result<Json> {
    let partner = pong::spawn(curaddr(), rounds)?;
    let mut ball = Ball { text: "hello around the ring".into() };
    for _ in 0..rounds {
        partner.send(&ball)?;
        ball = receive_as()?;
    }
    Ok(json!({"rounds": rounds}))
}

/// As `pong`, for any JSON that matches the pattern.
#[actor]
fn pong_value(to: Address, rounds: u32) -> Result<()> {
    for _ in 0..rounds {
        let (_, ball) = receive(&[&BALL])?;
        to.send(&ball)?;
    }
    Ok(())
}

/// As `main`, with JSON values as messages.
#[actor]
fn value(rounds: u32) -> Result<Json> {
    let partner = pong_value::spawn(curaddr(), rounds)?;
    let mut ball = json!({"text": "hello around the ring"});
    for _ in 0..rounds {
        partner.send(&ball)?;
        (_, ball) = receive(&[&BALL])?;
    }
    Ok(json!({"rounds": rounds}))
}
