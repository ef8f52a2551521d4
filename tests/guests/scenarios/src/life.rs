//! Actors that have many children, or many messages.

use greenroom_guest::*;

/// Waits for `"go"`, then takes the numbers below `n` from the last to the first.
#[actor]
fn takes_in_reverse(n: u32) -> Result<Vec<u32>> {
    receive(&[&pattern!("go")])?;
    let mut taken = Vec::new();
    for number in (0..n).rev() {
        let (_, message) = receive(&[&Pattern::new(number.to_string())])?;
        taken.push(serde_json::from_value(message)?);
    }
    Ok(taken)
}

/// Sends each of `n` children a message at once, and waits for its end. Returns how many ended with what they were sent.
#[actor]
fn has_children(n: u32) -> Result<u32> {
    let mut faithful = 0;
    for number in 0..n {
        let child = spawn("takes_one", &json!([]))?;
        child.send(&number)?;
        faithful += u32::from(child.wait(None)? == Some(Outcome::Exit(number.into())));
    }
    Ok(faithful)
}

/// Spawns `n` children that end at once, and waits for each after its end. Returns how many ends it heard of.
#[actor]
fn outlives_children(n: u32) -> Result<u32> {
    let children = (0..n).map(|number| spawn("returns", &json!([number]))).collect::<Result<Vec<_>>>()?;
    let mut heard = 0;
    for (child, number) in children.iter().zip(0..n) {
        heard += u32::from(child.wait(None)? == Some(Outcome::Exit(number.into())));
    }
    Ok(heard)
}

/// Sends `n` numbered messages that bear a name.
#[actor]
fn sends(to: Address, name: String, n: u32) -> Result<()> {
    for number in 0..n {
        to.send(&(&name, number))?;
    }
    Ok(())
}

/// Has two senders at once; returns the numbers of each in the order they came.
#[actor]
fn hears_two(n: u32) -> Result<[Vec<u32>; 2]> {
    sends::spawn(curaddr(), "left".into(), n)?;
    sends::spawn(curaddr(), "right".into(), n)?;
    let mut heard = [Vec::new(), Vec::new()];
    for _ in 0..2 * n {
        let (name, number) = receive_as::<(String, u32)>()?;
        heard[usize::from(name == "right")].push(number);
    }
    Ok(heard)
}

/// Changes a message after it was sent, and arguments after the spawn; the child returns what it got.
#[actor]
fn changes_its_mind() -> Result<Json> {
    let mut value = json!({"mind": "first"});
    let child = returns_both::spawn(value.clone())?;
    child.send(&value)?;
    value["mind"] = "second".into();
    child.wait(None)?.ok_or_else(|| Error::new("no end without a timeout"))?.into_value()
}

/// Returns its argument and its first message.
#[actor]
fn returns_both(value: Json) -> Result<[Json; 2]> {
    Ok([value, receive_any()?])
}
