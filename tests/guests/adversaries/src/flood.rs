//! Attacks with messages.

use crate::{refusal, stays, until_refused};
use greenroom_guest::*;
use std::time::Duration;

/// Sends somebody so many messages as fast as it can. Answers how many were taken, and what the others were refused with.
#[actor]
fn floods(victim: Address, messages: u32, bytes: usize) -> Json {
    let message = "x".repeat(bytes);
    let (mut taken, mut refused) = (0, Json::Null);
    for _ in 0..messages {
        match victim.send(&message) {
            Ok(()) => taken += 1,
            Err(refusal) => refused = refusal.to_json(),
        }
    }
    json!({"taken": taken, "refused": refused})
}

/// Sends itself a text of so many bytes.
#[actor]
fn sends_huge(bytes: usize) -> Json {
    refusal(curaddr().send(&"x".repeat(bytes)))
}

/// Gives a child arguments of so many bytes.
#[actor]
fn spawns_with_huge(bytes: usize) -> Json {
    refusal(spawn("returns_huge", &json!([0, "x".repeat(bytes)])))
}

/// Returns a text of so many bytes.
#[actor]
fn returns_huge(bytes: usize, _rest: String) -> String {
    "x".repeat(bytes)
}

/// Receives by a pattern, and spawns with options, of so many bytes.
#[actor]
fn asks_at_length(bytes: usize) -> Json {
    let long = "x".repeat(bytes);
    let pattern = Pattern::new(format!("\"{long}\""));
    let options = Spawn::new().option(&long, json!(1)).start("traps", &json!([]));
    json!([
        refusal(receive_raw(&[&pattern], Some(Duration::ZERO))),
        refusal(options),
        refusal(raw::rights::narrow(curaddr().as_str(), &format!("{{\"{long}\":1}}")).map_err(said)),
        refusal(spawn(&long, &json!([]))),
        refusal(register(&long)),
        refusal(raw::lifecycle::monitor(&long).map_err(said)),
    ])
}

/// A refusal as the contract's own functions give it.
fn said(refusal: String) -> Error {
    Error::value(serde_json::from_str(&refusal).unwrap_or(Json::String(refusal)))
}

/// Sends itself arrays in arrays, so deep.
#[actor]
fn sends_deep(depths: Vec<usize>) -> Result<Vec<Json>> {
    let deep = |depth| Pattern::new("[".repeat(depth) + &"]".repeat(depth));
    depths.into_iter().map(|depth| Ok(refusal(curaddr().send(&raw_json(deep(depth).text())?)))).collect()
}

/// Sends itself a message of so many small values.
#[actor]
fn sends_many_values(values: usize) -> Result<Json> {
    let text = format!("[{}]", vec![r#"{"a":0}"#; values].join(","));
    Ok(refusal(curaddr().send(&raw_json(&text)?)))
}

/// A JSON text that is sent as it is.
fn raw_json(text: &str) -> Result<Box<serde_json::value::RawValue>> {
    // Without a look at it: serde_json has bounds of its own.
    Ok(serde_json::value::RawValue::from_string(text.to_owned())?)
}

/// Fills its own mailbox with so many messages, and then receives by so many patterns that match none of them. Answers the
/// milliseconds of the receive.
#[actor]
fn seeks_in_vain(messages: u32, patterns: u32) -> Result<f64> {
    for number in 0..messages {
        curaddr().send(&json!({"number": number, "more": {"deep": [number, number, number]}}))?;
    }
    let none = |number| Pattern::new(json!({"number": "none", "more": {"deep": [number]}}).to_string());
    let patterns: Vec<Pattern> = (0..patterns).map(none).collect();
    let patterns: Vec<&Pattern> = patterns.iter().collect();
    let began = clock::monotonic();
    receive_raw(&patterns, Some(Duration::ZERO))?;
    Ok((clock::monotonic() - began).as_secs_f64() * 1000.0)
}

/// Asks for patterns that are too many, too deep, too large.
#[actor]
fn seeks_too_much() -> Result<Vec<Json>> {
    let asks = |texts: Vec<String>| {
        let patterns: Vec<Pattern> = texts.into_iter().map(Pattern::new).collect();
        let patterns: Vec<&Pattern> = patterns.iter().collect();
        refusal(receive_raw(&patterns, Some(Duration::ZERO)))
    };
    Ok(vec![
        asks(vec!["1".into(); 65]),
        asks(vec!["[".repeat(5000) + &"]".repeat(5000)]),
        asks(vec![r#"{"$each":"#.repeat(1000) + "1" + &"}".repeat(1000)]),
    ])
}

/// Has so many children that leave their mail unread, and asks for more memory when it is told to; answers how many MiB it
/// got.
#[actor]
fn is_flooded(tell: Address, children: u32) -> Result<usize> {
    let children: Vec<Address> = (0..children).map(|_| spawn("never_reads", &json!([]))).collect::<Result<_>>()?;
    tell.send(&children)?;
    receive(&[&pattern!("grow")])?;
    let more: Vec<Vec<u8>> = (0..2).map(|_| std::hint::black_box(vec![1; 1 << 20])).collect();
    Ok(more.len())
}

/// Leaves all its mail unread.
#[actor]
fn never_reads() -> Result<()> {
    stays()
}

/// Logs and prints so many lines, each way.
#[actor]
fn talks(lines: u32, bytes: usize) {
    let line = "x".repeat(bytes);
    for _ in 0..lines {
        log::line(log::Level::Info, &line);
        println!("{line}");
        eprintln!("{line}");
    }
}

/// Prints so many megabytes without the end of a line.
#[actor]
fn mumbles(megabytes: usize) {
    let text = "x".repeat(1 << 20);
    (0..megabytes).for_each(|_| print!("{text}"));
}

/// Says to the log, to a name, to an entry, to its own end what steers a terminal.
#[actor]
fn steers_terminals(text: String) -> Result<()> {
    log::line(log::Level::Warn, &text);
    println!("{text}");
    _ = register(&text);
    _ = spawn(&text, &json!([]));
    _ = spawn(&format!("{text}/{text}"), &json!([]));
    _ = Spawn::new().option(&text, json!(1)).start("traps", &json!([]));
    Err(Error::value(json!({"type": text, "message": text})))
}

/// Makes timers until it is refused one.
#[actor]
fn makes_timers() -> Json {
    until_refused(|_| send_after(&"late", Duration::from_secs(3600)).map(|_| ()))
}
