//! Two actors of one module change the same global variable, and each changes its own.

use greenroom_guest::*;
use std::sync::atomic::{AtomicU32, Ordering};

static COUNT: AtomicU32 = AtomicU32::new(0);

/// Adds one to the global variable and tells what it is then.
#[actor]
fn bump() -> u32 {
    COUNT.fetch_add(1, Ordering::Relaxed) + 1
}

/// Lets two children bump the variable, then looks at its own.
#[actor]
fn main() -> Result<Json> {
    let children = [bump::spawn()?, bump::spawn()?];
    let mut counts = Vec::new();
    for child in &children {
        let outcome = child.wait(None)?.expect("a wait without a time ends with an outcome");
        counts.push(outcome.into_value()?);
    }
    Ok(json!({"children": counts, "mine": COUNT.load(Ordering::Relaxed)}))
}
