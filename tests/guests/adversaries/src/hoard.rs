//! Attacks that make the node keep something for the attacker.

use crate::{refusal, stays, until_refused};
use greenroom_guest::*;
use std::time::Duration;

/// Spawns children with so many bytes of arguments until it is refused one.
#[actor]
fn hoards_arguments(bytes: usize) -> Json {
    let argument = "x".repeat(bytes);
    until_refused(|_| spawn("never-begun/main", &json!([argument])).map(|_| ()))
}

/// Has so many children that each end with so many bytes, and keeps a weaker address of each. Then tells somebody, and
/// stays.
#[actor]
fn hoards_outcomes(tell: Address, children: u32, bytes: usize) -> Result<()> {
    for _ in 0..children {
        let child = spawn("ends_with", &json!([bytes]))?;
        child.narrow(&Narrow::new())?;
        child.send(&"now")?;
        child.wait(None)?;
    }
    tell.send(&"hoarded")?;
    stays()
}

/// Has a supervisor know children with so many bytes of arguments each, all of them stopped, until that is refused.
#[actor]
fn hoards_specs(bytes: usize) -> Result<Json> {
    let supervisor = Supervisor::one_for_one().start()?;
    let argument = "x".repeat(bytes);
    Ok(until_refused(|number| {
        let (id, minute) = (number.to_string(), Duration::from_secs(60));
        let spec = json!({"id": id, "entry": "is_given", "args": [argument], "restart": "transient"});
        supervisor.call("start-child", &spec, minute)?;
        supervisor.call("stop-child", &id, minute).map(|_| ())
    }))
}

#[actor]
fn is_given(_something: String) -> Result<()> {
    stays()
}

/// Waits for a message and returns so many bytes.
#[actor]
fn ends_with(bytes: usize) -> Result<String> {
    receive_any()?;
    Ok("x".repeat(bytes))
}

/// Takes something of each kind that it can have until it is refused; answers how much it has of each. Then stays if told.
#[actor]
fn takes_all(stay: bool) -> Result<Json> {
    let me = curaddr();
    // What is not there ends at once, which is a message.
    trap_exit(true)?;
    let taken = json!({
        "names": until_refused(|number| register(&format!("squatter-{number}"))),
        "narrowed": until_refused(|_| me.narrow(&Narrow::new()).map(|_| ())),
        "monitors": until_refused(|_| me.monitor().map(|_| ())),
        "links": until_refused(|number| unknown(number)?.link()),
    });
    if stay {
        stays()?;
    }
    Ok(taken)
}

/// Names that are none, or look like another one's.
#[actor]
fn poses(names: Vec<String>) -> Vec<Json> {
    names.iter().map(|name| refusal(register(name))).collect()
}

/// An address of this node that nobody has, another one for each number.
pub fn unknown(number: u64) -> Result<Address> {
    const DIGITS: &[u8] = b"abcdefghijklmnopqrstuvwxyz234567";
    let me = curaddr();
    let (id, place) = me.as_str().split_once('@').ok_or_else(|| Error::new("an address has a node"))?;
    // Spread over the whole of the ID, whose last digit has some values only.
    let mut state = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut guess = String::from("a");
    for _ in 0..id.len() - 2 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        guess.push(DIGITS[(state >> 32) as usize % DIGITS.len()].into());
    }
    Ok(format!("{guess}a@{place}").parse()?)
}

/// What so many guessed addresses answered: each different answer up to the address, and how often.
#[actor]
fn guesses(times: u64) -> Result<Json> {
    let mut answers = std::collections::BTreeMap::<String, u64>::new();
    for number in 0..times {
        let guess = unknown(number)?;
        let answer = match guess.send(&"anybody?") {
            Ok(()) => "a hit".to_owned(),
            Err(refusal) => refusal.to_json().to_string().replace(guess.as_str(), "ADDRESS"),
        };
        *answers.entry(answer).or_default() += 1;
    }
    Ok(json!(answers))
}

/// What the node says of each address, and the median nanoseconds that it takes for it.
#[actor]
fn asks_who_is_there(addresses: Vec<String>, times: u32) -> Json {
    let ask = |address: &String| {
        let send = || -> Result<()> { address.parse::<Address>()?.send(&"anybody?") };
        let timed = |_| {
            let began = std::time::Instant::now();
            std::hint::black_box(send().is_ok());
            began.elapsed().as_nanos() as u64
        };
        let mut times: Vec<u64> = (0..times).map(timed).collect();
        times.sort_unstable();
        json!({"answer": refusal(send()), "ns": times[times.len() / 2]})
    };
    json!(addresses.iter().map(ask).collect::<Vec<_>>())
}
