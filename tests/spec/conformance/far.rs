//! A node in a process of its own, which can be killed, frozen and cut off.

use std::any::type_name_of_val;
use std::io::{BufRead, BufReader, Read, stdin};
use std::process::{Child, Command, Stdio};
use std::thread;

use greenroom::{Address, Context, Mesh, Node, Place, SpawnOptions};
use serde_json::{Value, json};

use super::traffic::{floods, receives, sends};
use super::world::COOKIE;
use crate::puppet::Puppet;
use crate::stage::{block_on, cache};

/// In a process that is a node: its place, and then whom it meets.
const NODE: &str = "GREENROOM_TEST_NODE";

/// What a process says before its place, once its node runs.
const RUNS: &str = "the node runs at ";

/// Runs a test that starts nodes in processes of their own: such a process is the same test once more, and then a node.
pub fn with_processes(test: impl FnOnce(&Processes)) {
    match std::env::var(NODE) {
        Ok(places) => serves(&places),
        Err(_) => {
            let name =
                type_name_of_val(&test).trim_start_matches("spec::").trim_end_matches("::{{closure}}").to_owned();
            test(&Processes { name });
        }
    }
}

/// Starts processes for a test.
pub struct Processes {
    name: String,
}

/// A node in a process of its own. Dropped, it is killed.
pub struct Far {
    process: Child,
    pub place: Place,
    /// Who does there what the test says, and where it hears the answers.
    servant: Address,
    boss: Puppet,
}

impl Processes {
    /// Starts a node that is connected with one of the test's own.
    pub fn node(&self, near: &Node) -> Far {
        self.node_in(None, "127.0.0.1:0", near)
    }

    /// In a namespace of the network.
    pub fn node_in(&self, namespace: Option<&str>, place: &str, near: &Node) -> Far {
        let program = std::env::current_exe().expect("this test");
        let mut command = match namespace {
            None => Command::new(program),
            Some(namespace) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", namespace]).arg(program);
                command
            }
        };
        command.args([&self.name, "--exact", "--nocapture", "--test-threads=1"]);
        command.env(NODE, format!("{place} {}", near.place())).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("it starts once more");
        let mut lines = BufReader::new(process.stdout.take().expect("stdout is piped")).lines().map_while(Result::ok);
        let place = lines.find_map(|line| Some(line.split_once(RUNS)?.1.to_owned())).expect("the node starts");
        // Whatever else it says does not keep it.
        thread::spawn(move || lines.for_each(drop));
        let place: Place = place.parse().expect("a place");
        let boss = Puppet::new(near);
        let servant = format!("servant@{place}").parse().expect("an address");
        Far { process, place, servant, boss }
    }
}

impl Far {
    /// Sends a signal of the system's to the process.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.process.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "the process runs");
    }

    /// Ends the process at once, and waits until it is gone.
    pub fn killed(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it ends");
    }

    fn order(&self, order: Value) -> Value {
        let to = self.boss.address.to_string();
        self.boss.send(&self.servant, json!({"order": order, "to": to})).expect("it is connected");
        self.boss.hears()
    }

    fn one(&self, order: Value) -> Address {
        self.order(order).as_str().and_then(|address| address.parse().ok()).expect("an address")
    }

    /// Actors that only live.
    pub fn sitters(&self, count: usize) -> Vec<Address> {
        (0..count).map(|_| self.one(json!(["sit"]))).collect()
    }

    /// One that never stops to send.
    pub fn floods(&self, to: &Address) -> Address {
        self.one(json!(["flood", to.to_string()]))
    }

    /// One as of [`Traffic::receiver`](super::traffic::Traffic::receiver).
    pub fn receiver(&self) -> Address {
        self.one(json!(["receive"]))
    }

    /// One as of [`Traffic::sender`](super::traffic::Traffic::sender).
    pub fn sender(&self, to: &Address, count: u64) -> Address {
        self.one(json!(["send", to.to_string(), count]))
    }

    /// One that links and monitors another, and keeps what it hears of that and of nodes.
    pub fn watcher(&self, of: &Address) -> Address {
        self.one(json!(["watch", of.to_string()]))
    }

    /// What a watcher has heard so far.
    pub fn heard(&self, watcher: &Address) -> Vec<Value> {
        let me = self.boss.address.to_string();
        self.boss.send(watcher, json!({"to": me})).expect("it is connected");
        serde_json::from_value(self.boss.hears()).expect("a list")
    }

    /// How many messages the node has counted as lost.
    pub fn lost(&self) -> u64 {
        self.order(json!(["lost"])).as_u64().expect("a number")
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        // It may have ended before.
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

/// Is a node until the test ends or wants it no more.
fn serves(places: &str) {
    let (place, seeds) = places.split_once(' ').expect("a place, and whom to meet");
    let mesh = Mesh::join(seeds.split(' ')).expect("places");
    let node = Node::builder().threads(1).cache(cache());
    let node = block_on(node.start(&mesh, &format!("{COOKIE}@{place}"))).expect("the node starts");
    let too = node.clone();
    let options = SpawnOptions::default().name("servant");
    node.spawn_native_with(&options, |context| serve(context, too)).expect("it starts");
    println!("{RUNS}{}", node.place());
    // Its end is the test's.
    _ = stdin().read_to_end(&mut Vec::new());
    std::process::exit(0);
}

async fn serve(mut context: Context, node: Node) -> Result<Value, Value> {
    loop {
        let order = context.receive_any(None).await.expect("there is no timeout").message.to_value();
        let address =
            |value: &Value| -> Address { value.as_str().and_then(|text| text.parse().ok()).expect("an address") };
        let (what, first) = (&order["order"][0], &order["order"][1]);
        let spawned = match what.as_str().expect("an order") {
            "sit" => node.spawn_native(|_| std::future::pending::<Result<Value, Value>>()),
            "flood" => Ok(floods(&node, &address(first))),
            "receive" => node.spawn_native(receives),
            "send" => {
                let (to, count) = (address(first), order["order"][2].as_u64().expect("how many"));
                node.spawn_native(move |context| sends(context, to, count, &[10, 1000]))
            }
            "watch" => {
                let of = address(first);
                node.spawn_native_with(&SpawnOptions::default().trap_exit(), |context| watches(context, of))
            }
            "lost" => {
                let lost: u64 = node.lost().iter().map(|(_, times)| times).sum();
                _ = context.send(&address(&order["to"]), json!(lost));
                continue;
            }
            other => panic!("no order: {other}"),
        };
        _ = context.send(&address(&order["to"]), json!(spawned.expect("it starts").to_string()));
    }
}

async fn watches(mut context: Context, of: Address) -> Result<Value, Value> {
    context.monitor_nodes(true).map_err(|why| json!(why.to_string()))?;
    context.link(&of).and_then(|()| context.monitor(&of)).map_err(|why| json!(why.to_string()))?;
    let mut heard = Vec::new();
    loop {
        let received = context.receive_any(None).await.expect("there is no timeout");
        let value = received.message.to_value();
        if received.from_host {
            heard.push(value);
        } else {
            let to: Address = value["to"].as_str().and_then(|text| text.parse().ok()).expect("an address");
            _ = context.send(&to, json!(heard));
        }
    }
}
