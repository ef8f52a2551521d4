//! A program that runs a plugin it does not trust: `plugin-host MODULE ENTRY [ARG…]`.

use std::time::Duration;

use anyhow::{Context, bail};
use greenroom::{Limit, Limits, LoadOptions, Mesh, Node};
use serde_json::Value;

/// How long a plugin may take.
const PATIENCE: Duration = Duration::from_secs(2);

fn main() -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(run())
}

async fn run() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    let (Some(module), Some(entry)) = (words.next(), words.next()) else {
        bail!("usage: plugin-host MODULE ENTRY [ARG…]")
    };
    let args: Value = words.map(|word| serde_json::from_str(&word).unwrap_or(Value::String(word))).collect();

    let limits = Limits::default().with(Limit::Memory, 8 << 20).with(Limit::Message, 1 << 20);
    let node = Node::builder().threads(1).limits(limits).start(&Mesh::new(), "plugins@127.0.0.1:0").await?;

    let plugin = node.load_with(&module, &LoadOptions::untrusted()).await?;
    let actor = node.spawn(&plugin, &entry, args).await?;
    match tokio::time::timeout(PATIENCE, node.wait(&actor)).await {
        Ok(value) => println!("{}", value.context("the plugin failed")?),
        Err(_) => {
            node.kill(&actor)?;
            println!("the plugin took more than {PATIENCE:?} and was ended: {:?}", node.wait(&actor).await);
        }
    }
    node.shutdown().await;
    Ok(())
}
