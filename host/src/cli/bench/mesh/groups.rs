//! Groups over two nodes: how soon a join is seen there, and how many messages to a group a second.

use std::time::Instant;

use serde_json::{Value, json};

use super::{nanos, start};
use crate::address::Address;
use crate::native::Context;
use crate::refusal::Refusal;

/// Joins one group after the other, each when the other node has seen the one before.
pub(super) async fn joins(mut context: Context, host: Address, k: u32) -> Result<Value, Refusal> {
    start(&mut context, &host, json!({"sees": k}), 1).await?;
    let begun = Instant::now();
    for number in 0..k {
        context.join(&format!("g.{number}"))?;
        context.receive_any(None).await;
        // An actor is in a bounded number of groups. The other node looks at the next already.
        context.leave(&format!("g.{number}"))?;
    }
    nanos(begun)
}

/// Looks at one group after the other until somebody is in it, and says so.
pub(super) async fn sees(mut context: Context, back: Address, k: u64) -> Result<Value, Refusal> {
    for number in 0..k {
        while context.members(&format!("g.{number}"))?.is_empty() {
            tokio::task::yield_now().await;
        }
        context.send(&back, json!("seen"))?;
    }
    Ok(json!(null))
}

/// Sends to a group until each member has had all.
pub(super) async fn casts(mut context: Context, host: Address, k: u32, members: u32) -> Result<Value, Refusal> {
    start(&mut context, &host, json!({"member": k}), members).await?;
    while (context.members("cast")?.len() as u64) < u64::from(members) {
        tokio::task::yield_now().await;
    }
    let message = json!({"text": "hello around the ring"}).to_string();
    let begun = Instant::now();
    for _ in 0..k {
        // The way there may be full: then it was handed to nobody.
        while context.broadcast("cast", crate::message::Message::trusted(message.clone())).await? == 0 {
            tokio::task::yield_now().await;
        }
    }
    for _ in 0..members {
        context.receive_any(None).await;
    }
    nanos(begun)
}

/// Is in the group until it has had so many messages.
pub(super) async fn is_member(mut context: Context, back: Address, count: u64) -> Result<Value, Refusal> {
    context.join("cast")?;
    for _ in 0..count {
        context.receive_any(None).await;
    }
    context.send(&back, json!("done"))?;
    Ok(json!(null))
}
