//! Actors that are started on the other node, and modules that go there while two actors talk.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{nanos, start};
use crate::address::{Address, Place};
use crate::cli::bench::line::{Line, line, ms, us};
use crate::cli::exit::{Code, Failure};
use crate::embed::Node;
use crate::guest::library::Module;
use crate::native::Context;
use crate::refusal::Refusal;
use crate::spawn_options::SpawnOptions;

/// Ends at once, with its arguments.
pub(super) const BARE: &str = include_str!("../../../guest/echo.wat");

/// How long pings are counted without anything beside them.
const COUNTED: Duration = Duration::from_secs(3);

/// How many bytes of modules travel, at least three modules.
const COUNTED_BYTES: usize = 400 << 20;

/// Bytes of code that one generated function comes to, about.
const FUNCTION_BYTES: usize = 1 << 10;

/// Spawns an actor there, hears of its end, and so on.
pub(super) async fn spawns(mut context: Context, there: Place, k: u32) -> Result<Value, Refusal> {
    let options = SpawnOptions::default().node(there).monitor();
    let mut go = async |times| {
        for _ in 0..times {
            context.spawn_at("bare/main", json!([]), &options).await?;
            context.receive_any(None).await;
        }
        Ok::<_, Refusal>(())
    };
    go(100).await?;
    let begun = Instant::now();
    go(k).await?;
    nanos(begun)
}

/// Pings while nothing else goes on, and then while modules of so many bytes travel and are compiled, one after the other.
pub(super) async fn load(node: &Node, host: Address, bytes: usize, code: usize) -> Result<Line, Failure> {
    let there = host.place().clone();
    let mut modules = Vec::new();
    // A module with code takes seconds to compile.
    let count = if code > 0 { 3 } else { (COUNTED_BYTES / bytes.max(1)).max(3) };
    for number in 0..count {
        // Each another, so that it has to travel. Loaded before anything is counted: this node compiles it too.
        modules.push(node.load_bytes("large", module(bytes, code, number)).await?);
    }
    let (tell, idle) = tokio::sync::oneshot::channel();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let pinger = node.spawn_native(move |context| pings(context, host, tell, stopped))?;
    let failed = |why: &str| Failure::new(Code::Failed, why);
    let mut quiet = idle.await.map_err(|_| failed("the pings ended"))?;
    let mut spawned = Vec::new();
    for module in &modules {
        spawned.push((spawn(node, module, &there).await?, spawn(node, module, &there).await?));
    }
    stop.send(true).map_err(|_| failed("the pings ended"))?;
    let busy = node.wait(&pinger).await.map_err(|why| Failure::new(Code::Failed, why))?;
    let mut busy: Vec<u64> = serde_json::from_value(busy).unwrap_or_default();
    spawned.sort_unstable();
    let (first, again) = spawned[spawned.len() / 2];
    let mut line = line([
        ("bytes", bytes.into()),
        ("code_bytes", code.into()),
        ("modules", spawned.len().into()),
        ("first_spawn_ms", ms(first)),
        ("next_spawn_ms", ms(again)),
    ]);
    for (name, times) in [("idle", &mut quiet), ("busy", &mut busy)] {
        times.sort_unstable();
        line.insert(format!("{name}_pings"), times.len().into());
        for (words, part) in [("p50", 0.5), ("p99", 0.99), ("p999", 0.999)] {
            let at = ((times.len() as f64 * part) as usize).min(times.len().saturating_sub(1));
            let time = Duration::from_nanos(times.get(at).copied().unwrap_or_default());
            line.insert(format!("{name}_{words}_us"), us(time).into());
        }
    }
    Ok(line)
}

async fn spawn(node: &Node, module: &Module, there: &Place) -> Result<Duration, Failure> {
    let begun = Instant::now();
    node.spawn_with(module, "main", json!([]), &SpawnOptions::default().node(there.clone())).await?;
    Ok(begun.elapsed())
}

/// Tells how long each ping took that came before the modules, and returns how long each took since.
async fn pings(
    mut context: Context,
    host: Address,
    tell: tokio::sync::oneshot::Sender<Vec<u64>>,
    stopped: tokio::sync::watch::Receiver<bool>,
) -> Result<Value, Refusal> {
    let echo = start(&mut context, &host, json!("echo"), 1).await?.remove(0);
    let mut go = async |until: &mut (dyn FnMut() -> bool + Send)| {
        let mut times = Vec::new();
        while !until() {
            let begun = Instant::now();
            context.send(&echo, json!({"text": "hello around the ring"}))?;
            context.receive_any(None).await;
            times.push(begun.elapsed().as_nanos() as u64);
        }
        Ok::<_, Refusal>(times)
    };
    let begun = Instant::now();
    let quiet = go(&mut || begun.elapsed() >= COUNTED).await?;
    // Nobody listens if the measurement was given up.
    _ = tell.send(quiet);
    Ok(json!(go(&mut || *stopped.borrow()).await?))
}

/// A component of so many bytes, of which so many are code that has to be compiled; `number` makes it another.
fn module(bytes: usize, code: usize, number: usize) -> Vec<u8> {
    let function = "(func (param $n i32) (result i32) local.get $n".to_owned()
        + &" i32.const 77 i32.mul local.get $n i32.xor i32.const 3 i32.rotl".repeat(FUNCTION_BYTES / 10)
        + ")";
    let functions = function.repeat(code / FUNCTION_BYTES);
    let text = BARE.replacen(
        "(core module $module",
        &format!("(core module (memory 1) {functions})\n(core module $module"),
        1,
    );
    let mut module = wat::parse_str(&text).expect("it is our own text");
    let fill = bytes.saturating_sub(module.len()).max(16);
    // A custom section, which no compiler looks at: its length, and that of its name, in five bytes each.
    let leb = |length: usize| (0..5).map(move |at| ((length >> (7 * at)) & 0x7f) as u8 | if at < 4 { 0x80 } else { 0 });
    module.push(0);
    module.extend(leb(5 + 4 + fill));
    module.extend(leb(4));
    module.extend(b"fill");
    module.extend((0..fill).map(|at| (at as u64 ^ number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes()[7]));
    module
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_module_has_its_size_and_is_one() {
        let bytes = module(300_000, 100_000, 7);
        assert!(bytes.len().abs_diff(300_000) < 100, "{}", bytes.len());
        assert_ne!(bytes, module(300_000, 100_000, 8));
        let admitted = crate::guest::admission::admit(&bytes, &crate::guest::admission::Caps::local());
        assert!(admitted.is_ok_and(|admitted| admitted.functions > 90));
    }
}
