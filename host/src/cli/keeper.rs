//! An actor on another node that lives no longer than this program does: `greenroom run --on`.
//!
//! It is the linked child of an actor of this node, its *keeper*, and not the program's own. What a program spawns on another
//! node lives on when this node is lost; a program that is killed says nothing any more, and a link needs nobody to say it:
//! the other node sees that this one is lost, and the link ends its actor. An actor that traps exits is told, and decides.

use std::pin::pin;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::address::Address;
use crate::embed::Node;
use crate::guest::library::Module;
use crate::message::Message;
use crate::native::Context;
use crate::refusal::{Refusal, RefusalKind};
use crate::spawn_options::SpawnOptions;

/// How long an actor may take that was asked to end. With [`ANSWERED_WITHIN`] it is less than the five seconds after which this
/// node's shutdown kills the keeper: then nobody would be left who could kill the actor.
const ASKED_WITHIN: Duration = Duration::from_secs(3);

/// How long word of an actor is waited for that nobody wants any more: it may run already, and trap exits. One that has not
/// begun by then cannot, and the link ends it.
const ANSWERED_WITHIN: Duration = Duration::from_secs(1);

/// Starts an actor as `options` have it, on the node that they name. When this node shuts down it is asked to end, and
/// killed if it does not.
///
/// Cancel-safe: a future that is dropped before it has answered leaves no actor.
///
/// # Errors
///
/// As [`Context::spawn_at`].
pub(super) async fn spawn(
    node: &Node,
    module: &Module,
    entry: &str,
    args: Message,
    options: SpawnOptions,
) -> Result<Address, Refusal> {
    let (tell, told) = oneshot::channel();
    let (entry, options) = (entry.to_owned(), options.link());
    let keeper = async move |context| keep(context, &entry, args, &options, tell).await;
    node.spawn_native_of(Some(module), &SpawnOptions::default().trap_exit(), keeper)?;
    let stopping = || Refusal::new(RefusalKind::Stopping, "cannot spawn: the node is shutting down");
    told.await.unwrap_or_else(|_| Err(stopping()))
}

async fn keep(
    mut context: Context,
    entry: &str,
    args: Message,
    options: &SpawnOptions,
    mut told: oneshot::Sender<Result<Address, Refusal>>,
) -> Result<Value, Value> {
    let clock = context.clock().clone();
    let spawned = {
        let mut spawning = pin!(context.spawn_at(entry, args, options));
        tokio::select! {
            spawned = &mut spawning => Some(spawned),
            () = told.closed() => clock.timeout(clock.deadline(ANSWERED_WITHIN), spawning).await,
        }
    };
    let Some(spawned) = spawned else { return Ok(Value::Null) };
    let child = spawned.as_ref().ok().cloned();
    let is_wanted = told.send(spawned).is_ok();
    let Some(child) = child else { return Ok(Value::Null) };
    if !is_wanted {
        end(&mut context, &child, &json!("nobody waits for it any more")).await;
    } else if let Some(reason) = asked_to_end(&mut context, &child).await {
        end(&mut context, &child, &reason).await;
    }
    Ok(Value::Null)
}

/// Waits until this actor is to end, and answers why. None: the other has ended by itself.
async fn asked_to_end(context: &mut Context, child: &Address) -> Option<Value> {
    let child = child.to_string();
    loop {
        let received = context.receive_any(None).await?;
        if !received.from_host {
            // What a guest says is not for the keeper, though its actor knows it as a parent.
            continue;
        }
        let mut told = received.message.to_value();
        if let Some(reason) = told.get_mut("shutdown") {
            return Some(reason.take());
        }
        if told["address"] == child {
            return None;
        }
    }
}

/// As a supervisor ends a child. If it cannot be done any more, the actor has ended, or its node is lost.
async fn end(context: &mut Context, child: &Address, reason: &Value) {
    _ = context.exit(child, reason.clone());
    if !matches!(context.wait(child, Some(ASKED_WITHIN)).await, Ok(Some(_))) {
        _ = context.kill(child);
    }
}
