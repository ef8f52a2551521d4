//! `greenroom node`: a node that runs until it is told to end.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::exit::{Code, Failure};
use super::hosting::{Hosted, Hosting};
use super::output::note;
use super::terms::Terms;
use super::{Format, Settings, build, logging};
use crate::address::Place;
use crate::load_options::LoadOptions;

/// Runs a node of a mesh until Ctrl-C or SIGTERM.
#[derive(Debug, Args)]
#[command(after_help = "\
The nodes of a mesh share a cookie, which stands in a file: `greenroom cookie new`
makes one. What crosses between them is encrypted, and who does not know the cookie
learns nothing. A node that meets one of them meets all.

When it is up, stderr says so in one line; with --format json as {\"node\": {\"name\",
\"peers\", \"socket\"}}. From then on `greenroom ps`, `spawn`, `send`, `call`,
`kill` and `mesh` reach it, by a socket that only you can use.

Other nodes of the mesh may start actors here, unless --remote-spawn says otherwise:
of any module, which travels by its hash, as a stranger's code. What each of them
starts counts together. `greenroom mesh modules` lists what has come.

The first Ctrl-C or SIGTERM asks all actors to end, and the exit code is then 0; the
second ends the node at once.

Examples:
  greenroom node --name 127.0.0.1:3433               a mesh on this machine
  greenroom node --name 127.0.0.1:3434 --join 127.0.0.1:3433
  greenroom node --name b.example:3433 --listen 0.0.0.0 --join a.example:3433
  greenroom node --name 127.0.0.1:3433 --load examples/ring --load shop.wasm
  greenroom node --name 127.0.0.1:3433 --load x.wasm --profile untrusted
  greenroom node --name 127.0.0.1:3433 --remote-spawn no
  greenroom node --name b.example:3433 --remote-limit actors=100,memory=64MiB
                                               what each other node may have here")]
pub(super) struct Node {
    /// Load a module: a component (.wasm), its text (.wat), a core module, or a Rust crate's folder; may be repeated
    #[arg(long, value_name = "PATH")]
    load: Vec<PathBuf>,

    #[command(flatten)]
    terms: Terms,

    #[command(flatten)]
    hosting: Hosting,
}

impl Node {
    pub(super) fn run(self, settings: Settings) -> Result<Code, Failure> {
        if let Some(helped) = self.terms.help().or_else(|| self.hosting.help()) {
            return helped;
        }
        logging::start(settings)?;
        let options = self.terms.options()?;
        if !self.hosting.membership.has_name() {
            return Err(Failure::new(Code::Usage, "a node needs a name by which the others reach it")
                .help("greenroom node --name HOST:PORT"));
        }
        let plan = self.hosting.plan()?;
        let files = self.load.iter().map(|path| build::module_at(path, settings)).collect::<Result<Vec<_>, _>>()?;
        self.hosting.host(plan, &options, settings, async |hosted, signals| {
            tokio::select! {
                loaded = load(hosted, &files, &options, settings) => loaded?,
                code = signals.next() => return Err(Failure::interrupted(code)),
            }
            tell(hosted, settings);
            signals.next().await;
            Ok(Code::Ok)
        })
    }
}

async fn load(hosted: &Hosted, files: &[PathBuf], options: &LoadOptions, settings: Settings) -> Result<(), Failure> {
    for file in files {
        hosted.load(file, options, settings).await?;
    }
    Ok(())
}

/// The node is up.
fn tell(hosted: &Hosted, settings: Settings) {
    let (node, peers) = (hosted.node.place(), hosted.node.peers());
    match settings.format {
        Format::Json => {
            let peers: Vec<&str> = peers.iter().map(Place::as_str).collect();
            let socket = hosted.control.as_ref().map(|control| control.path().to_string_lossy());
            let node = json!({"name": node.as_str(), "peers": peers, "socket": socket});
            note(json!({"node": node}));
        }
        Format::Text if settings.quiet => {}
        Format::Text => match peers.as_slice() {
            [] => note(format_args!("node {node} is up")),
            peers => {
                let peers: Vec<&str> = peers.iter().map(Place::as_str).collect();
                note(format_args!("node {node} is up, connected with {}", peers.join(", ")));
            }
        },
    }
}
