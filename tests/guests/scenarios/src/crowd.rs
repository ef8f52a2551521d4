//! Many actors that tie themselves to others which end meanwhile, and count what they hear of it.

use greenroom_guest::*;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

static VICTIM: Pattern = pattern!({"victim": any});
static NO_MORE: Pattern = pattern!("no more");
static OVER: Pattern = pattern!("over");

/// Monitors that a witness makes of each victim.
const MONITORS: u32 = 3;

/// From this fate on a child does not end by itself.
const STAYS: u64 = 4;

/// What was heard.
#[derive(Default, Serialize, Deserialize)]
struct Tally {
    links: u32,
    monitors: u32,
    /// What nobody asked for, was told twice, or came before it was true.
    wrong: u32,
}

/// What must still come.
#[derive(Default)]
struct Due {
    links: BTreeSet<Address>,
    monitors: BTreeSet<String>,
}

impl Due {
    /// Receives until all has come.
    fn receive(&mut self, tally: &mut Tally) -> Result<()> {
        while !(self.links.is_empty() && self.monitors.is_empty()) {
            let ended: Ended = receive_as()?;
            let due = match &ended.monitor {
                Some(reference) => self.monitors.remove(&**reference),
                None => self.links.remove(&ended.address),
            };
            let heard = if ended.monitor.is_some() { &mut tally.monitors } else { &mut tally.links };
            *heard += 1;
            // Who hears of an end finds the address dead.
            let dead = ended.address.send(&"are you there?").is_err();
            tally.wrong += u32::from(!(due && dead));
        }
        Ok(())
    }
}

/// Counts what else there is to hear.
fn hears_more(tally: &mut Tally) -> Result<()> {
    while receive_as_timeout::<HostMessage>(Duration::ZERO)?.is_some() {
        tally.wrong += 1;
    }
    Ok(())
}

/// Chance, the same for the same seed.
struct Dice(u64);

impl Dice {
    /// A number below `sides`.
    fn roll(&mut self, sides: u64) -> u64 {
        // The step of Knuth's MMIX generator; its high bits are the good ones.
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % sides
    }
}

/// Links and monitors each victim it is told of, as fast as it can, and takes some of that back; then hears of their
/// ends.
#[actor]
fn witnesses(tell: Address, seed: u64) -> Result<()> {
    trap_exit(true)?;
    let mut dice = Dice(seed);
    loop {
        let (mut due, mut tally) = (Due::default(), Tally::default());
        loop {
            let (matched, message) = receive(&[&VICTIM, &NO_MORE])?;
            if matched == NO_MORE {
                break;
            }
            let victim: Address = serde_json::from_value(message["victim"].clone())?;
            victim.link()?;
            let monitors = (0..MONITORS).map(|_| victim.monitor()).collect::<Result<Vec<_>>>()?;
            for monitor in monitors {
                if dice.roll(8) == 0 {
                    monitor.demonitor()?;
                } else {
                    due.monitors.insert(monitor.reference().to_owned());
                }
            }
            if dice.roll(8) == 0 {
                victim.unlink()?;
            } else {
                due.links.insert(victim);
            }
        }
        due.receive(&mut tally)?;
        tell.send(&json!({"heard": null}))?;
        receive(&[&OVER])?;
        hears_more(&mut tally)?;
        tell.send(&json!({"tally": tally}))?;
    }
}

/// Ties itself to others, and ends.
#[actor]
fn falls(peers: Vec<Address>, fate: u64) -> Result<u64> {
    for peer in &peers {
        peer.monitor()?;
        peer.link()?;
    }
    match fate {
        0 | 1 => Ok(fate),
        2 => bail!("so it was meant"),
        3 => std::process::abort(),
        // It is killed, or taken along.
        STAYS.. => loop {
            receive(&[&OVER])?;
        },
    }
}

/// So many times, spawns `n` children that end while it goes on, and `witnesses` others look on. Answers what all have
/// heard, and how many children ended how.
#[actor]
fn has_a_crowd(rounds: u32, n: u32, witnesses: u32, seed: u64) -> Result<Json> {
    trap_exit(true)?;
    let mut dice = Dice(seed);
    let who = |number| witnesses::spawn(curaddr(), seed + u64::from(number));
    let witnesses = (1..=witnesses).map(who).collect::<Result<Vec<_>>>()?;
    let (mut total, mut ends) = (Tally::default(), BTreeMap::<String, u32>::new());
    for round in 0..rounds {
        let prefix = format!("c{seed}-{round}-");
        let (children, mut due) = lets_fall(n, &prefix, &witnesses, &mut dice)?;
        due.receive(&mut total)?;
        for child in &children {
            let outcome = child.wait(None)?.ok_or_else(|| Error::new("no end without a timeout"))?;
            let kind = match &outcome {
                Outcome::Exit(_) => "exit",
                Outcome::Exception(exception) => exception.kind(),
            };
            *ends.entry(kind.to_owned()).or_default() += 1;
        }
        for witness in &witnesses {
            receive(&[&pattern!({"heard": null})])?;
            witness.send(&"over")?;
        }
        hears_more(&mut total)?;
        for _ in &witnesses {
            let (_, message) = receive(&[&pattern!({"tally": any})])?;
            let tally: Tally = serde_json::from_value(message["tally"].clone())?;
            total.links += tally.links;
            total.monitors += tally.monitors;
            total.wrong += tally.wrong;
        }
    }
    for witness in &witnesses {
        witness.kill()?;
    }
    Ok(json!({"heard": total, "ends": ends}))
}

/// Spawns the children of one round, kills some while others start, and at last those who would stay.
fn lets_fall(n: u32, prefix: &str, witnesses: &[Address], dice: &mut Dice) -> Result<(Vec<Address>, Due)> {
    let (mut children, mut stay, mut due) = (Vec::<Address>::new(), Vec::new(), Due::default());
    for number in 0..n {
        let (link, monitor) = (dice.roll(2) == 0, dice.roll(2) == 0);
        let mut options = Spawn::new().name(&format!("{prefix}{number}"));
        options = if link { options.link() } else { options };
        options = if monitor { options.monitor() } else { options };
        options = if dice.roll(4) == 0 { options.trap_exit() } else { options };
        let peers = &children[children.len().saturating_sub(dice.roll(3) as usize)..];
        let fate = dice.roll(6);
        let child = options.start("falls", &(peers, fate))?;
        for witness in witnesses {
            witness.send(&json!({"victim": child}))?;
        }
        if link {
            due.links.insert(child.clone());
        }
        if monitor {
            due.monitors.insert(child.to_string());
        }
        stay.extend((fate >= STAYS).then(|| child.clone()));
        children.push(child);
        if dice.roll(8) == 0 {
            // Who is not there any more needs no killing.
            _ = children[dice.roll(children.len() as u64) as usize].kill();
        }
    }
    for witness in witnesses {
        witness.send(&"no more")?;
    }
    for child in &stay {
        _ = child.kill();
    }
    Ok((children, due))
}
