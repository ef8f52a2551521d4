//! A child of a supervisor, as data: what it is started from, and what becomes of it when it ends.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::backoff::millis;
use super::nodes::Nodes;
use super::spec::{SupervisorSpec, bad, read};
use crate::address::{Address, Place, quoted};
use crate::grants::Grant;
use crate::limits::Limits;
use crate::message::{IntoMessage, Message};
use crate::native::Context;
use crate::native::call::present;
use crate::native::router::{self, RouterSpec};
use crate::refusal::Refusal;
use crate::spawn_options::{SpawnOptions, check_name};

/// Bytes of a child's ID at most: it stands in answers, errors and lines of the log.
const ID_BYTES_MAX: usize = 256;

/// Nodes that a child may name at most: each may be asked at each start, and all are named when none takes it.
const NODES_MAX: usize = 16;

/// The node's own entry that a supervisor is.
const SUPERVISOR: &str = "greenroom/supervisor";

/// A child of a supervisor.
#[derive(Clone, Debug)]
pub struct ChildSpec {
    pub(super) id: String,
    pub(super) start: Start,
    pub(super) restart: Restart,
    /// How long it may take to end when it is asked; none: as long as it likes.
    pub(super) shutdown: Option<Duration>,
    pub(super) name: Option<String>,
    pub(super) limits: Limits,
    /// None: what the supervisor has.
    pub(super) grants: Option<Vec<Grant>>,
    /// Where it runs: on the first of these that takes it. None: on the supervisor's node.
    pub(super) nodes: Option<Vec<Place>>,
}

/// What a child is started from.
#[derive(Clone)]
pub(super) enum Start {
    Entry { entry: String, args: String },
    Native(Arc<Native>),
}

/// Starts a behavior in Rust once more.
type Native = dyn Fn(&mut Context, &SpawnOptions) -> Result<Address, Refusal> + Send + Sync;

/// When a child that has ended is started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Restart {
    /// Always.
    #[default]
    Permanent,
    /// If it failed: if it neither returned a value nor was asked to end.
    Transient,
    /// Never. Once it has ended it is forgotten.
    Temporary,
}

impl ChildSpec {
    /// An entry of a loaded module, `module/entry`, or one of the node's own, `greenroom/entry`. A bare one means the module
    /// of the guest that spawned the supervisor. Permanent, without arguments; it has 5 s to end when it is asked, or, if
    /// it is a supervisor, as long as its children need.
    pub fn new(id: impl Into<String>, entry: impl Into<String>) -> ChildSpec {
        let entry = entry.into();
        let shutdown = (entry != SUPERVISOR).then_some(SHUTDOWN);
        ChildSpec::with(id.into(), Start::Entry { entry, args: "[]".to_owned() }, shutdown)
    }

    /// An actor written in Rust: `behavior` is called for each start. It has no JSON.
    pub fn native<B, F, V, E>(id: impl Into<String>, behavior: B) -> ChildSpec
    where
        B: Fn(Context) -> F + Send + Sync + 'static,
        F: Future<Output = Result<V, E>> + Send + 'static,
        V: IntoMessage,
        E: IntoMessage,
    {
        let behavior = Arc::new(behavior);
        let start = move |context: &mut Context, options: &SpawnOptions| {
            let behavior = behavior.clone();
            context.spawn_native(options, move |context| behavior(context))
        };
        ChildSpec::with(id.into(), Start::Native(Arc::new(start)), Some(SHUTDOWN))
    }

    /// A supervisor below this one.
    pub fn supervisor(id: impl Into<String>, spec: SupervisorSpec) -> ChildSpec {
        let start = move |context: &mut Context, options: &SpawnOptions| {
            let (spec, options) = (spec.clone(), options.clone().trap_exit());
            context.spawn_native(&options, move |context| super::supervise(context, spec))
        };
        ChildSpec::with(id.into(), Start::Native(Arc::new(start)), None)
    }

    /// A router, with its pool if it has one. It has 5 s to end when it is asked.
    pub fn router(id: impl Into<String>, spec: RouterSpec) -> ChildSpec {
        ChildSpec::native(id, move |context| router::route(context, spec.clone()))
    }

    fn with(id: String, start: Start, shutdown: Option<Duration>) -> ChildSpec {
        ChildSpec {
            id,
            start,
            restart: Restart::Permanent,
            shutdown,
            name: None,
            limits: Limits::default(),
            grants: None,
            nodes: None,
        }
    }

    /// What an entry is called with. A behavior in Rust has what it needs already, and takes none.
    pub fn args(mut self, args: impl IntoMessage) -> ChildSpec {
        if let Start::Entry { args: text, .. } = &mut self.start {
            *text = args.into_text();
        }
        self
    }

    /// When it is started again.
    pub fn restart(mut self, restart: Restart) -> ChildSpec {
        self.restart = restart;
        self
    }

    /// How long it may take to end when it is asked. After that it is killed; at once, if this is zero. None: it may
    /// take as long as it likes.
    pub fn shutdown(mut self, time: impl Into<Option<Duration>>) -> ChildSpec {
        self.shutdown = time.into();
        self
    }

    /// The name that it has, whenever it lives.
    pub fn name(mut self, name: impl Into<String>) -> ChildSpec {
        self.name = Some(name.into());
        self
    }

    /// It and all below it may use so much, and never more than what the supervisor's tree may.
    pub fn limits(mut self, limits: Limits) -> ChildSpec {
        self.limits = limits;
        self
    }

    /// It is granted exactly these, and can only be started if the supervisor has them.
    pub fn grants(mut self, grants: impl IntoIterator<Item = Grant>) -> ChildSpec {
        self.grants = Some(grants.into_iter().collect());
        self
    }

    /// The node that it runs on, or up to 16, as a list: at each start the first of them is asked, and whenever one refuses, the
    /// next. The supervisor's own may be among them. It needs the grant `remote-spawn`, and each node's owner decides whether
    /// it starts there, and under which limits and grants (see [`SpawnOptions::node`]).
    ///
    /// A child whose node is lost has ended with `noconnection`, and is started again as after any other end. It may live on
    /// there until that node has seen the loss too. A behavior in Rust does not travel: such a child can name no node.
    ///
    /// ```
    /// use greenroom::{ChildSpec, Place, SupervisorSpec};
    ///
    /// let nodes: [Place; 2] = ["a.example:3433".parse()?, "b.example:3433".parse()?];
    /// let spec = SupervisorSpec::one_for_one().child(ChildSpec::new("store", "shop/store").node(nodes));
    /// let written = serde_json::to_value(&spec)?;
    /// assert_eq!(written["children"][0]["node"][1], "b.example:3433");
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn node(mut self, nodes: impl Into<Vec<Place>>) -> ChildSpec {
        self.nodes = Some(nodes.into());
        self
    }

    pub(in crate::native) fn id(&self) -> &str {
        &self.id
    }

    pub(in crate::native) fn is_named(&self) -> bool {
        self.name.is_some()
    }

    /// The same child by another ID.
    pub(super) fn with_id(mut self, id: String) -> ChildSpec {
        self.id = id;
        self
    }

    /// Reads what a call to start a child carries.
    pub(super) fn parse(text: &Message) -> Result<ChildSpec, Refusal> {
        let child: ChildSpec = read("start-child", text)?;
        child.check()?;
        Ok(child)
    }

    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.id.is_empty() || self.id.len() > ID_BYTES_MAX {
            return Err(bad(format!("`id` must have 1 to {ID_BYTES_MAX} bytes, unlike `{}`", quoted(&self.id))));
        }
        if let Some(nodes) = &self.nodes {
            let id = quoted(&self.id);
            if !(1..=NODES_MAX).contains(&nodes.len()) {
                return Err(bad(format!(
                    "`node` of child `{id}` must name 1 to {NODES_MAX} nodes, not {}",
                    nodes.len()
                )));
            }
            if let Start::Native(_) = self.start {
                return Err(bad(format!("`node` is not for child `{id}`: a behavior in Rust does not travel")));
            }
        }
        self.name.as_deref().map_or(Ok(()), check_name)
    }
}

/// What an actor has to end in when it is asked (THREATS' table).
const SHUTDOWN: Duration = Duration::from_secs(5);

impl fmt::Debug for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Start::Entry { entry, args } => write!(f, "{entry} {args}"),
            Start::Native(_) => f.write_str("a behavior in Rust"),
        }
    }
}

/// A child as JSON has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChildText {
    id: String,
    entry: String,
    #[serde(default = "no_args")]
    args: Box<RawValue>,
    #[serde(default)]
    restart: Restart,
    #[serde(default, deserialize_with = "present")]
    shutdown_ms: Option<Option<u32>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    limits: Limits,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grants: Option<Vec<Grant>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    node: Option<Nodes>,
}

fn no_args() -> Box<RawValue> {
    RawValue::from_string("[]".to_owned()).expect("an empty array is JSON")
}

impl Serialize for ChildSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let error = |why: &dyn fmt::Display| serde::ser::Error::custom(format_args!("child `{}`: {why}", self.id));
        let Start::Entry { entry, args } = &self.start else { return Err(error(&"a behavior in Rust has no JSON")) };
        let text = ChildText {
            id: self.id.clone(),
            entry: entry.clone(),
            args: RawValue::from_string(args.clone()).map_err(|why| error(&why))?,
            restart: self.restart,
            shutdown_ms: Some(self.shutdown.map(millis)),
            name: self.name.clone(),
            limits: self.limits.clone(),
            grants: self.grants.clone(),
            node: self.nodes.clone().map(Nodes),
        };
        text.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ChildSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ChildSpec, D::Error> {
        let text = ChildText::deserialize(deserializer)?;
        let child = ChildSpec::new(text.id, text.entry).restart(text.restart);
        let shutdown = text.shutdown_ms.map_or(child.shutdown, |ms| ms.map(|ms| Duration::from_millis(ms.into())));
        let start = match child.start {
            Start::Entry { entry, .. } => Start::Entry { entry, args: text.args.get().to_owned() },
            native @ Start::Native(_) => native,
        };
        let (name, nodes) = (text.name, text.node.map(|nodes| nodes.0));
        Ok(ChildSpec { start, shutdown, name, limits: text.limits, grants: text.grants, nodes, ..child })
    }
}
