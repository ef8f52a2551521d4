//! Actors that do their work while others do what they should not.

use greenroom_guest::*;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// From one to the other and back.
#[derive(Serialize, Deserialize)]
struct Ball {
    number: u32,
    /// When it was sent, in milliseconds.
    sent: f64,
}

fn now() -> f64 {
    clock::monotonic().as_secs_f64() * 1000.0
}

/// Hits each ball back, in the order of their numbers. Answers how long each had waited, in milliseconds.
#[actor]
fn returns_balls() -> Result<Vec<f64>> {
    let mut waited = Vec::new();
    loop {
        match receive_as::<(Option<Ball>, Address)>()? {
            (Some(ball), partner) => {
                if ball.number as usize != waited.len() {
                    bail!("ball {} came after {} others", ball.number, waited.len());
                }
                waited.push(now() - ball.sent);
                partner.send(&Ball { number: ball.number, sent: now() })?;
            }
            (None, _) => return Ok(waited),
        }
    }
}

/// Serves so many balls, each when the one before is back, and goes on until it is told `"enough"`. Answers how long each
/// message of the two had waited.
#[actor]
fn serves_balls(partner: Address, balls: u32) -> Result<Vec<f64>> {
    let (mut waited, mut told) = (Vec::new(), false);
    for number in 0.. {
        if told && number >= balls {
            break;
        }
        partner.send(&(Ball { number, sent: now() }, curaddr()))?;
        let back: Ball = receive_as()?;
        waited.push(now() - back.sent);
        if back.number != number {
            bail!("ball {} came back for {number}", back.number);
        }
        // Others want to play too. Who has served enough and has not been told yet serves on at leisure.
        let pause = Duration::from_millis(if number < balls { 1 } else { 10 });
        told = told || receive_timeout(&[&pattern!("enough")], pause)?.is_some();
    }
    partner.send(&(Json::Null, curaddr()))?;
    let theirs = partner.wait(None)?.ok_or_else(|| Error::new("there is no timeout"))?.into_value()?;
    waited.extend(serde_json::from_value::<Vec<f64>>(theirs)?);
    Ok(waited)
}
