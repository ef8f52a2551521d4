//! The actors that try what they should not: each one attack, which answers how far it got.

mod ambient;
mod flood;
mod hoard;
mod machine;
mod structure;

use greenroom_guest::*;

/// Does something until it is refused. Answers how often it was done, and the refusal.
fn until_refused(mut attempt: impl FnMut(u64) -> Result<()>) -> Json {
    for done in 0.. {
        if let Err(refusal) = attempt(done) {
            return json!({"done": done, "refused": refusal.to_json()});
        }
    }
    unreachable!("there are fewer numbers than attempts")
}

/// What the node said, of something that it must refuse.
fn refusal<T>(answer: Result<T>) -> Json {
    answer.map_or_else(|refusal| refusal.to_json(), |_| json!("done"))
}

/// Stays until it is ended.
fn stays() -> Result<()> {
    receive(&[&pattern!("never sent")]).map(|_| ())
}
