//! Waits for two shapes of messages, and tells which came.

use greenroom_guest::*;

static DATA: Pattern = pattern!(["data", str]);
static EVENT: Pattern = pattern!({"event": str, "data": any});

/// Sends what `main` waits for, and before it what it does not.
#[actor]
fn sender(to: Address) -> Result<()> {
    (&to | "nobody waits for this")?;
    (&to | ("data", "a text"))?;
    to | json!({"event": "click", "data": {"x": 1, "y": 2}})
}

/// Takes two messages and returns the names of the patterns that matched.
#[actor]
fn main() -> Result<Vec<&'static str>> {
    sender::spawn(curaddr())?;
    let mut names = Vec::new();
    for _ in 0..2 {
        let (matched, _message) = receive(&[&DATA, &EVENT])?;
        names.push(if matched == DATA { "data" } else { "event" });
    }
    Ok(names)
}
