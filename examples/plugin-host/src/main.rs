//! A program that runs a plugin it does not trust: `plugin-host MODULE ENTRY [ARG…]`.

use anyhow::bail;
use greenroom::{LoadOptions, Mesh, Node};
use serde_json::Value;

/// What a plugin may use.
const LIMITS: &str = "memory=8MiB,message=1MiB,lifetime=2s";

fn main() -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread().build()?.block_on(run())
}

async fn run() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    let (Some(module), Some(entry)) = (words.next(), words.next()) else {
        bail!("usage: plugin-host MODULE ENTRY [ARG…]")
    };
    let args: Value = words.map(|word| serde_json::from_str(&word).unwrap_or(Value::String(word))).collect();

    let node = Node::builder().threads(1).start(&Mesh::new(), "plugins@127.0.0.1:0").await?;
    let plugin = node.load_with(&module, &LoadOptions::untrusted().limits(LIMITS.parse()?)).await?;
    let actor = node.spawn(&plugin, &entry, args).await?;
    match node.wait(&actor).await {
        Ok(value) => println!("{value}"),
        Err(why) => println!("the plugin has no value: {why}"),
    }
    node.shutdown().await;
    Ok(())
}
