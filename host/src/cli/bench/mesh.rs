//! What lies between two actors on two nodes: a second process of this program is the other node.

mod groups;
mod travel;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::line::{Line, cpu, line, ms, until_end, us};
use crate::address::{Address, Id};
use crate::cli::exit::{Code, Failure};
use crate::embed::{Node, NodeBuilder};
use crate::load_options::LoadOptions;
use crate::mesh::Mesh;
use crate::native::Context;
use crate::refusal::{Refusal, RefusalKind};
use crate::remote_spawn::RemoteSpawn;

/// Messages, questions and ends between two nodes on this machine
#[derive(Debug, Args)]
pub(super) struct Between {
    #[command(subcommand)]
    what: Part,

    /// Both nodes in this process, without a network
    #[arg(long, global = true)]
    one_process: bool,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum What {
    /// Sends a message to and fro K times
    Pingpong { k: u32 },
    /// Sends K messages one way
    Blast {
        k: u32,
        /// Bytes of a message's JSON
        #[arg(long, default_value_t = 64)]
        bytes: usize,
    },
    /// Monitors an actor, ends it, and hears of that, K times
    Down { k: u32 },
    /// Spawns an actor there that ends at once, and hears of that, K times
    Spawn { k: u32 },
    /// Joins a group here, and hears that the other node has seen it, K times
    Join { k: u32 },
    /// Sends K messages to a group whose members are there
    Cast {
        k: u32,
        /// Members of the group
        #[arg(long, default_value_t = 10)]
        members: u32,
    },
}

/// What is measured from one node to the other.
#[derive(Clone, Copy, Debug, Subcommand)]
enum Apart {
    #[command(flatten)]
    Counted(What),
    /// Pings, alone and while modules travel and are compiled there
    Load {
        /// Bytes of a module
        #[arg(long, default_value_t = 16 << 20)]
        bytes: usize,
        /// Bytes of it that are code
        #[arg(long, default_value_t = 0)]
        code: usize,
    },
}

#[derive(Debug, Subcommand)]
enum Part {
    #[command(flatten)]
    Apart(Apart),
    /// Is the other node: reads its name on stdin, and ends with it
    #[command(hide = true)]
    Serve,
}

impl Between {
    pub(super) async fn measure(&self, builder: NodeBuilder) -> Result<Line, Failure> {
        let what = match &self.what {
            Part::Apart(what) => what,
            Part::Serve => return serve(builder).await,
        };
        let cookie = Id::random();
        let name = format!("{cookie}@127.0.0.1:0");
        let failed = |why| Failure::new(Code::Failed, why);
        let (node, there, _other);
        if self.one_process {
            let mesh = Mesh::new();
            node = builder.clone().start(&mesh, &name).await.map_err(failed)?;
            let other = hosting(builder).start(&mesh, &name).await.map_err(failed)?;
            there = hosts(&other)?;
            _other = Other::Node(other);
        } else {
            let (process, host, place) = Process::start(&name)?;
            let mesh = Mesh::join([place]).map_err(|why| Failure::new(Code::Failed, why))?;
            node = builder.start(&mesh, &name).await.map_err(failed)?;
            there = host;
            _other = Other::Process(process);
        }
        match *what {
            Apart::Counted(what) => what.measure(&node, there).await,
            Apart::Load { bytes, code } => travel::load(&node, there, bytes, code).await,
        }
    }

    pub(super) fn name(&self) -> &'static str {
        match self.what {
            Part::Apart(Apart::Counted(What::Pingpong { .. })) => "mesh pingpong",
            Part::Apart(Apart::Counted(What::Blast { .. })) => "mesh blast",
            Part::Apart(Apart::Counted(What::Down { .. })) => "mesh down",
            Part::Apart(Apart::Counted(What::Spawn { .. })) => "mesh spawn",
            Part::Apart(Apart::Load { .. }) => "mesh load",
            Part::Apart(Apart::Counted(What::Join { .. })) => "mesh join",
            Part::Apart(Apart::Counted(What::Cast { .. })) => "mesh cast",
            Part::Serve => "mesh serve",
        }
    }
}

impl What {
    async fn measure(self, node: &Node, there: Address) -> Result<Line, Failure> {
        let (start, before, place) = (Instant::now(), cpu(), there.place().clone());
        let actor = match self {
            What::Pingpong { k } => node.spawn_native(move |context| pings(context, there, k)),
            What::Blast { k, bytes } => node.spawn_native(move |context| blasts(context, there, k, bytes)),
            What::Down { k } => node.spawn_native(move |context| hears(context, there, k)),
            What::Join { k } => node.spawn_native(move |context| groups::joins(context, there, k)),
            What::Cast { k, members } => node.spawn_native(move |context| groups::casts(context, there, k, members)),
            What::Spawn { k } => {
                node.load_bytes("bare", travel::BARE).await?;
                node.spawn_native(move |context| travel::spawns(context, place, k))
            }
        }?;
        let took = until_end(node, &actor, start).await?;
        let Value::Number(measured) = node.wait(&actor).await.map_err(|why| Failure::new(Code::Failed, why))? else {
            return Err(Failure::new(Code::Failed, "the actor did not say how long it took"));
        };
        let measured = Duration::from_nanos(measured.as_u64().unwrap_or_default());
        let cpu_s = (cpu() - before).as_secs_f64();
        let per = |k: u32| us(measured) / f64::from(k.max(1));
        let mut line = match self {
            What::Pingpong { k } => line([("n", k.into()), ("rt_us", per(k).into())]),
            What::Blast { k, bytes } => line([
                ("n", k.into()),
                ("bytes", bytes.into()),
                ("msgs_per_s", (f64::from(k) / measured.as_secs_f64()).into()),
            ]),
            What::Down { k } | What::Spawn { k } | What::Join { k } => {
                line([("n", k.into()), ("per_us", per(k).into())])
            }
            What::Cast { k, members } => line([
                ("n", k.into()),
                ("members", members.into()),
                ("casts_per_s", (f64::from(k) / measured.as_secs_f64()).into()),
            ]),
        };
        line.insert("total_ms".into(), ms(took));
        line.insert("own_cpu_s".into(), cpu_s.into());
        Ok(line)
    }
}

/// The other node, for as long as it is kept.
enum Other {
    Node(#[expect(dead_code, reason = "it is kept until the end")] Node),
    Process(#[expect(dead_code, reason = "it is kept until the end")] Process),
}

/// This program again, as another node. It ends when its stdin is closed.
struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Process {
    /// Answers also its actor that has the others, and its place.
    fn start(name: &str) -> Result<(Process, Address, String), Failure> {
        let failed = |why: std::io::Error| Failure::new(Code::Failed, format!("cannot start the other node: {why}"));
        let program = std::env::current_exe().map_err(failed)?;
        let mut command = Command::new(program);
        command.args(["bench", "mesh", "serve"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(failed)?;
        let (mut stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let process = |stdin| Process { child, stdin };
        let mut said = String::new();
        if let (Some(stdin), Some(stdout)) = (&mut stdin, stdout) {
            writeln!(stdin, "{name}").map_err(failed)?;
            BufReader::new(stdout).read_line(&mut said).map_err(failed)?;
        }
        let process = process(stdin);
        let address: Address = said.trim().parse().map_err(|why| Failure::new(Code::Failed, why))?;
        let place = address.place().to_string();
        Ok((process, address, place))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.stdin.take());
        _ = self.child.wait();
    }
}

/// The other node starts whatever it is asked to, without counting.
fn hosting(builder: NodeBuilder) -> NodeBuilder {
    builder.remote_spawn(RemoteSpawn::yes().options(LoadOptions::local()).module_bytes_max(128 << 20))
}

/// Is a node until stdin is closed.
async fn serve(builder: NodeBuilder) -> Result<Line, Failure> {
    let mut lines = std::io::stdin().lines();
    let name = lines.next().transpose().ok().flatten().unwrap_or_default();
    let nobody: [&str; 0] = [];
    let mesh = Mesh::join(nobody).map_err(|why| Failure::new(Code::Failed, why))?;
    let node = hosting(builder).start(&mesh, &name).await.map_err(|why| Failure::new(Code::Failed, why))?;
    crate::cli::output::result(hosts(&node)?)?;
    // Blocks this thread, which has nothing else to do: a node has its own.
    while let Some(Ok(_)) = lines.next() {}
    drop(node);
    Ok(Line::new())
}

/// The actor that starts what a measurement needs, when it is asked.
fn hosts(node: &Node) -> Result<Address, Failure> {
    Ok(node.spawn_native(async |mut context: Context| {
        loop {
            let Some(received) = context.receive_any(None).await else { return Ok::<_, Refusal>(json!(null)) };
            let asked = received.message.to_value();
            let Ok(back) = serde_json::from_value::<Address>(asked["to"].clone()) else { continue };
            let mut started = Vec::new();
            for _ in 0..asked["n"].as_u64().unwrap_or(1) {
                let (what, back) = (asked["what"].clone(), back.clone());
                started.push(context.spawn_native(&Default::default(), move |context| plays(context, what, back))?);
            }
            context.send(&back, json!(started))?;
        }
    })?)
}

async fn plays(mut context: Context, what: Value, back: Address) -> Result<Value, Refusal> {
    if let Some(sees) = what["sees"].as_u64() {
        return groups::sees(context, back, sees).await;
    }
    if let Some(count) = what["member"].as_u64() {
        return groups::is_member(context, back, count).await;
    }
    match what["count"].as_u64() {
        Some(count) => {
            for _ in 0..count {
                context.receive_any(None).await;
            }
            context.send(&back, json!("done"))?;
        }
        None if what == "echo" => {
            while let Some(received) = context.receive_any(None).await {
                context.send(&back, received.message)?;
            }
        }
        None => drop(context.receive_any(None).await),
    }
    Ok(json!(null))
}

/// Lets the other node start `n` of these.
async fn start(context: &mut Context, host: &Address, what: Value, n: u32) -> Result<Vec<Address>, Refusal> {
    let to = context.address().clone();
    context.send(host, json!({"what": what, "n": n, "to": to}))?;
    let answer = context.receive_any(None).await.map(|received| received.message.to_value());
    let started = answer.and_then(|answer| serde_json::from_value(answer).ok());
    started.ok_or_else(|| Refusal::new(RefusalKind::BadArgument, "the other node did not start what was asked for"))
}

fn nanos(since: Instant) -> Result<Value, Refusal> {
    Ok((since.elapsed().as_nanos() as u64).into())
}

async fn pings(mut context: Context, host: Address, k: u32) -> Result<Value, Refusal> {
    let echo = start(&mut context, &host, json!("echo"), 1).await?.remove(0);
    let hello = json!({"text": "hello around the ring"});
    let mut go = async |times| {
        for _ in 0..times {
            context.send(&echo, hello.clone())?;
            context.receive_any(None).await;
        }
        Ok::<_, Refusal>(())
    };
    go(1000).await?;
    let begun = Instant::now();
    go(k).await?;
    nanos(begun)
}

async fn blasts(mut context: Context, host: Address, k: u32, bytes: usize) -> Result<Value, Refusal> {
    let counter = start(&mut context, &host, json!({"count": k}), 1).await?.remove(0);
    let text = "x".repeat(bytes.saturating_sub(r#"{"text":""}"#.len()));
    let message = json!({"text": text}).to_string();
    let message = crate::message::Message::admit(message, Default::default());
    let message = message.map_err(|why| Refusal::new(RefusalKind::BadArgument, why.to_string()))?;
    let begun = Instant::now();
    for _ in 0..k {
        match context.send(&counter, message.clone()) {
            Err(full) if full.kind() == RefusalKind::MailboxFull => {
                context.send_wait(&counter, message.clone(), Duration::from_secs(60)).await?;
            }
            sent => sent?,
        }
    }
    context.receive_any(None).await;
    nanos(begun)
}

async fn hears(mut context: Context, host: Address, k: u32) -> Result<Value, Refusal> {
    let actors = start(&mut context, &host, json!("ends"), k).await?;
    let begun = Instant::now();
    for actor in &actors {
        context.monitor(actor)?;
        context.send(actor, json!("end"))?;
        context.receive_any(None).await;
    }
    nanos(begun)
}
