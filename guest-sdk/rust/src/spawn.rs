//! Starting actors.

use crate::{Address, Error, Json, Result, bindings::greenroom::actor::host, sys, whereis};
use alloc::string::{String, ToString};
use serde::Serialize;
use serde_json::Map;

/// Starts an actor and answers its address.
///
/// `entry` is a name in this module (`counter`), or one in another that the node has loaded (`module/counter`). `args`
/// must be a JSON array (positional) or an object (named). `forward::spawn(…)`, which [`actor`](macro@crate::actor)
/// makes, does the same with types.
///
/// # Errors
///
/// The node's refusals `no-such-entry`, `no-such-module`, `bad-argument`, `too-large`, `limit`, `stopping`. What goes
/// wrong after that is how the actor ends.
pub fn spawn<T: Serialize + ?Sized>(entry: &str, args: &T) -> Result<Address> {
    start(entry, args, "{}")
}

/// Starts an actor with options.
///
/// The node refuses (`unsupported-option`) what it does not have yet, and ignores nothing.
///
/// ```no_run
/// # use greenroom_guest::*;
/// # #[actor]
/// # fn teller(desk: u32) { receive_any().unwrap(); }
/// # #[actor]
/// # fn example() -> Result<()> {
/// let teller = Spawn::new().name("teller").monitor().start("teller", &json!([1]))?;
/// # assert_eq!(whereis("teller")?, teller);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "nothing is started before `start`"]
pub struct Spawn(Map<String, Json>);

impl Spawn {
    /// No options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the actor a name on its node: see [`register`](crate::register). If it is taken, nothing is started.
    pub fn name(self, name: &str) -> Self {
        self.option("name", name.into())
    }

    /// Links the two, as if each had [linked](Address::link) the other: an end by exception of one takes the other with it.
    pub fn link(self) -> Self {
        self.option("link", true.into())
    }

    /// Asks for one message when the actor ends. [`Monitor::of_spawned`](crate::Monitor::of_spawned) is that monitor.
    pub fn monitor(self) -> Self {
        self.option("monitor", true.into())
    }

    /// Lets the actor have the end of linked ones as a message: see [`trap_exit`](crate::trap_exit).
    pub fn trap_exit(self) -> Self {
        self.option("trap-exit", true.into())
    }

    /// Limits what the actor and all below it may use: amounts by name, each a number or a text with its unit. It never has
    /// more than this actor's own tree.
    ///
    /// ```no_run
    /// # use greenroom_guest::*;
    /// # #[actor]
    /// # fn greedy() -> Result<()> { loop { Spawn::new().start("greedy", &json!([]))?; receive_any()?; } }
    /// # #[actor]
    /// # fn example() -> Result<()> {
    /// let greedy = Spawn::new().limits(json!({"memory": "16MiB", "burst": "1s", "actors": 1})).start("greedy", &json!([]))?;
    /// let Some(Outcome::Exception(exception)) = greedy.wait(None)? else { panic!("it has spawned one more") };
    /// assert_eq!(exception.as_json()["value"]["limit"], "actors");
    /// # Ok(()) }
    /// ```
    pub fn limits(self, limits: Json) -> Self {
        self.option("limits", limits)
    }

    /// Grants the actor exactly these, each as on the command line: `env=NAME`, `dir=/data:ro`, `net=HOST:PORT`, `names`,
    /// `modules`, `remote-spawn`, `fine-clock`. Without this it has all that this actor has; in another module, of that
    /// what the module was loaded with.
    ///
    /// ```no_run
    /// # use greenroom_guest::*;
    /// # #[actor]
    /// # fn parser(page: String) -> bool { !page.is_empty() && register("parser").is_err() }
    /// # #[actor]
    /// # fn example() -> Result<()> {
    /// let parser = Spawn::new().grants(&[]).start("parser", &json!(["<!doctype html>"]))?;
    /// # assert_eq!(parser.wait(None)?.map(|end| matches!(end, Outcome::Exit(value) if value == true)), Some(true));
    /// # Ok(()) }
    /// ```
    pub fn grants(self, grants: &[&str]) -> Self {
        self.option("grants", grants.into())
    }

    /// Starts the actor on this node of the mesh, `HOST:PORT`. It is there, with its name, link and monitor, when
    /// [`start`](Self::start) answers, which takes as long as the module does to come to that node, if it lacks it.
    ///
    /// Needs the grant `remote-spawn`. That node's owner decides whether the actor starts there, and under which limits and
    /// grants: what is asked for here is a part of these. Unless it is [linked](Self::link), the actor outlives this one, and the
    /// connection between the two nodes.
    ///
    /// ```no_run
    /// # use greenroom_guest::*;
    /// # #[actor]
    /// # fn renderer(scene: u32) -> u32 { scene * 2 }
    /// # #[actor]
    /// # fn example() -> Result<()> {
    /// # assert_eq!(Spawn::new().node("far.example:1").start("renderer", &json!([1])).unwrap_err().kind(), "not-connected");
    /// # let whole = curaddr();
    /// # let (_, elsewhere) = whole.as_str().split_once('@').unwrap();
    /// let renderer = Spawn::new().node(elsewhere).link().start("renderer", &json!([21]))?;
    /// # assert_eq!(renderer.wait(None)?.map(|end| matches!(end, Outcome::Exit(value) if value == 42)), Some(true));
    /// # Ok(()) }
    /// ```
    pub fn node(self, node: &str) -> Self {
        self.option("node", node.into())
    }

    /// Sets any key of the contract, also those that later nodes add.
    pub fn option(mut self, key: &str, value: Json) -> Self {
        self.0.insert(key.to_string(), value);
        self
    }

    /// Starts the actor, as [`spawn`] does.
    ///
    /// Name, link and monitor stand before the actor runs: however early it ends, that is not missed.
    ///
    /// # Errors
    ///
    /// As for [`spawn`], and `name-taken`, `unsupported-option`, `not-permitted` for a grant that this actor has not. With a
    /// [node](Self::node) also `not-connected`, if there is none of that name or it is lost before it has answered; `not-permitted`
    /// and `too-large`, if its owner does not want this; `timeout` and `no-such-module`, if the module does not come whole.
    pub fn start<T: Serialize + ?Sized>(&self, entry: &str, args: &T) -> Result<Address> {
        start(entry, args, &serde_json::to_string(&self.0)?)
    }

    /// Starts the actor, unless one has its [name](Self::name) already: then answers that one's address.
    ///
    /// However many do this at once, one actor is started. What else was asked for, a link say, holds only for an actor
    /// that this call started.
    ///
    /// ```no_run
    /// # use greenroom_guest::*;
    /// # #[actor]
    /// # fn clerk() { receive_any().unwrap(); }
    /// # #[actor]
    /// # fn example() -> Result<()> {
    /// let clerk = Spawn::new().name("clerk").start_or_find("clerk", &json!([]))?;
    /// assert_eq!(Spawn::new().name("clerk").start_or_find("clerk", &json!([]))?, clerk);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start), except for `name-taken`.
    pub fn start_or_find<T: Serialize + ?Sized>(&self, entry: &str, args: &T) -> Result<Address> {
        loop {
            let taken = match self.start(entry, args) {
                Err(error) if error.kind() == "name-taken" => error,
                other => return other,
            };
            let Json::String(named) = &taken.to_json()["address"] else { return Err(taken) };
            match whereis(named) {
                // Whoever had the name has ended in between.
                Err(error) if error.kind() == "no-such-name" => {}
                other => return other,
            }
        }
    }
}

fn start<T: Serialize + ?Sized>(entry: &str, args: &T, options: &str) -> Result<Address> {
    sys::in_actor();
    let args = serde_json::to_string(args)?;
    host::spawn(entry, &args, options).map(Address::of_node).map_err(Error::refusal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_have_the_keys_of_the_contract() {
        let spawn = Spawn::new().name("clerk").link().monitor().trap_exit().grants(&["names"]).node("a:1");
        let text = serde_json::to_string(&spawn.0).unwrap();
        assert_eq!(
            text,
            r#"{"grants":["names"],"link":true,"monitor":true,"name":"clerk","node":"a:1","trap-exit":true}"#
        );
    }
}
