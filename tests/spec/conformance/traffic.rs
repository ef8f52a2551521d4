//! Actors that send and receive so much that any loss, repetition or change of order shows.

use std::collections::HashMap;
use std::time::Duration;

use greenroom::{Address, Context, IntoMessage, Node, Pattern, Refusal, RefusalKind};
use serde_json::{Value, json};

use super::world::{PAUSE, lost_in_all};
use crate::stage::block_on_work;

/// After so many messages a sender waits until its receiver has said that it has the last of them.
const BATCH: u64 = 1000;

/// How long it waits for that before it asks once more.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// A text that is JSON.
pub struct Text(pub String);

impl IntoMessage for Text {
    fn into_text(self) -> String {
        self.0
    }
}

/// What actors on both ends of links have counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Count {
    /// What was handed over: a send answered that it was.
    pub sent: u64,
    pub came: u64,
    /// How many came not before one that came.
    pub missing: u64,
}

impl Count {
    fn of(value: &Value) -> Count {
        let number = |key: &str| value[key].as_u64().expect("a number");
        Count { sent: number("sent"), came: number("came"), missing: number("missing") }
    }

    fn told(self) -> Value {
        json!({"sent": self.sent, "came": self.came, "missing": self.missing})
    }
}

impl std::iter::Sum for Count {
    fn sum<I: Iterator<Item = Count>>(counts: I) -> Count {
        counts.fold(Count::default(), |all, count| Count {
            sent: all.sent + count.sent,
            came: all.came + count.came,
            missing: all.missing + count.missing,
        })
    }
}

/// Senders and receivers on several nodes.
#[derive(Default)]
pub struct Traffic {
    senders: Vec<(Node, Address)>,
    receivers: Vec<(Node, Address)>,
}

impl Traffic {
    /// Starts a receiver. It ends, with an exception, at the first message that comes twice or out of order.
    pub fn receiver(&mut self, node: &Node) -> Address {
        let receiver = node.spawn_native(receives).expect("it starts");
        self.receivers.push((node.clone(), receiver.clone()));
        receiver
    }

    /// Starts a sender of so many messages, of these sizes in turn. It goes on until its receiver has the last.
    pub fn sender(&mut self, node: &Node, to: &Address, count: u64, bytes: &'static [usize]) {
        let to = to.clone();
        let sender = node.spawn_native(move |context| sends(context, to, count, bytes)).expect("it starts");
        self.senders.push((node.clone(), sender));
    }

    /// Takes actors of another process in that behave as those here; `node` can reach them.
    pub fn takes(&mut self, node: &Node, sender: Option<Address>, receiver: Option<Address>) {
        self.senders.extend(sender.map(|sender| (node.clone(), sender)));
        self.receivers.extend(receiver.map(|receiver| (node.clone(), receiver)));
    }

    /// Waits until all senders are done, and answers what all have counted.
    pub fn ends(self) -> Count {
        let sent = self.senders.iter().map(|(node, sender)| block_on_work(node.wait(sender)).expect("it ends well"));
        let sent: Vec<Value> = sent.collect();
        let came = self.receivers.iter().map(|(node, receiver)| {
            node.send(receiver, json!("enough")).expect("it lives: all came in order");
            block_on_work(node.wait(receiver)).expect("all came in order")
        });
        sent.into_iter().chain(came).map(|value| Count::of(&value)).sum()
    }

    /// As [`Traffic::ends`], where nothing was to be lost.
    pub fn ends_whole(self) -> Count {
        let nodes: Vec<Node> = self.senders.iter().chain(&self.receivers).map(|(node, _)| node.clone()).collect();
        let count = self.ends();
        assert_eq!((count.came, count.missing, lost_in_all(&nodes)), (count.sent, 0, 0));
        count
    }
}

pub async fn sends(mut context: Context, to: Address, messages: u64, bytes: &[usize]) -> Result<Value, Refusal> {
    let pads: Vec<String> = bytes.iter().map(|bytes| "x".repeat(*bytes)).collect();
    let me = context.address().to_string();
    let mut count = Count::default();
    while count.sent < messages {
        let number = count.sent;
        if number % BATCH == BATCH - 1 {
            has_all(&mut context, &to, &mut count).await?;
            continue;
        }
        let pad = &pads[number as usize % pads.len()];
        insist(&mut context, &to, || format!(r#"["{me}",{number},"{pad}"]"#)).await?;
        count.sent += 1;
    }
    while !has_all(&mut context, &to, &mut count).await? {}
    Ok(count.told())
}

/// Whether the receiver says that it has all up to one message more. No: the connection was lost before it did.
async fn has_all(context: &mut Context, to: &Address, count: &mut Count) -> Result<bool, Refusal> {
    let (me, number) = (context.address().to_string(), count.sent);
    insist(context, to, || format!(r#"["{me}",{number},null]"#)).await?;
    count.sent += 1;
    let monitor = context.monitor(to)?;
    while let Some(received) = context.receive_any(Some(ASK_AGAIN)).await {
        if received.from_host {
            return Ok(false);
        }
        count.came += 1;
        if received.message.to_value() == number {
            context.demonitor(&monitor)?;
            return Ok(true);
        }
    }
    context.demonitor(&monitor)?;
    Ok(false)
}

/// Sends, and tries again while there is no room or no connection.
pub async fn insist(context: &mut Context, to: &Address, text: impl Fn() -> String) -> Result<(), Refusal> {
    let nothing = [Pattern::new(json!("a pause")).expect("a pattern")];
    loop {
        match context.send(to, Text(text())) {
            Err(why) if matches!(why.kind(), RefusalKind::MailboxFull | RefusalKind::NotConnected) => {
                _ = context.receive(&nothing, Some(PAUSE)).await;
            }
            answer => return answer,
        }
    }
}

pub async fn receives(mut context: Context) -> Result<Value, Value> {
    let mut next: HashMap<String, u64> = HashMap::new();
    let mut count = Count::default();
    loop {
        let received = context.receive_any(None).await.expect("there is no timeout").message;
        if received.as_str() == r#""enough""# {
            return Ok(count.told());
        }
        let (from, number, pad): (&str, u64, Option<&str>) =
            serde_json::from_str(received.as_str()).map_err(|why| json!(format!("{why}: {received}")))?;
        if !next.contains_key(from) {
            next.insert(from.to_owned(), 0);
        }
        let next = next.get_mut(from).expect("just put there");
        if number < *next {
            return Err(json!(format!("{number} of {from} came when {next} was next")));
        }
        count.came += 1;
        count.missing += number - *next;
        *next = number + 1;
        if pad.is_none() {
            let from: Address = from.parse().expect("an address");
            // If it is not sent, the connection is lost, and the sender hears of that.
            count.sent += u64::from(context.send(&from, Text(number.to_string())).is_ok());
        }
    }
}

/// Starts an actor that never stops to send.
pub fn floods(node: &Node, to: &Address) -> Address {
    let to = to.clone();
    let floods = move |mut context: Context| async move {
        let me = context.address().to_string();
        for number in 0_u64.. {
            insist(&mut context, &to, || format!(r#"{{"from":"{me}","number":{number}}}"#)).await?;
            if number % 16 == 0 {
                _ = context.receive_any(Some(PAUSE)).await;
            }
        }
        Ok::<_, Refusal>(json!(null))
    };
    node.spawn_native(floods).expect("it starts")
}

/// Fails unless all that was heard of one who floods is in order and whole, and after it what a link and a monitor tell of
/// its end, and nothing.
pub fn one_end_after_all(heard: &[Value], speaker: &Address) {
    let speaker = speaker.to_string();
    let of_it = |told: &&Value| told["from"] == speaker || told["address"] == speaker;
    let told: Vec<&Value> = heard.iter().filter(of_it).collect();
    let (words, ends) = told.split_at(told.iter().position(|told| told["from"].is_null()).expect("an end"));
    assert!(words.iter().map(|word| word["number"].as_u64()).eq((0..).map(Some).take(words.len())));
    let monitors: Vec<bool> = ends.iter().map(|end| end["monitor"].is_string()).collect();
    assert!(monitors.len() == 2 && monitors[0] != monitors[1], "a link, a monitor, and nothing after: {ends:?}");
}
