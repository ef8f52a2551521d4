//! How an actor is to be spawned, beside its entry and arguments.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::address::{Place, is_name, quoted};
use crate::grants::Grant;
use crate::limits::Limits;
use crate::refusal::{Refusal, RefusalKind};

/// What holds from the child's first moment. All of it or nothing: a refused spawn leaves nothing behind.
///
/// ```
/// use greenroom::SpawnOptions;
///
/// let options = SpawnOptions::default().name("counter").trap_exit();
/// assert_eq!(options.to_json(), r#"{"name":"counter","trap-exit":true}"#);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpawnOptions {
    pub(crate) name: Option<String>,
    pub(crate) link: bool,
    pub(crate) monitor: bool,
    pub(crate) trap_exit: bool,
    pub(crate) limits: Limits,
    /// What the child is granted; none: all that it can have.
    pub(crate) grants: Option<Vec<Grant>>,
    /// Where it is to run; none: on its spawner's node.
    pub(crate) node: Option<Place>,
    /// Whoever spawns it waits for its end, so nobody else need be told of a crash.
    pub(crate) awaited: bool,
}

impl SpawnOptions {
    /// The child has this name. If somebody else has it, nothing is spawned (`name-taken`).
    pub fn name(mut self, name: impl Into<String>) -> SpawnOptions {
        self.name = Some(name.into());
        self
    }

    /// The child and its parent are linked, each with the other.
    pub fn link(mut self) -> SpawnOptions {
        self.link = true;
        self
    }

    /// The parent monitors the child. The reference is the child's address.
    pub fn monitor(mut self) -> SpawnOptions {
        self.monitor = true;
        self
    }

    /// The child traps exits.
    pub fn trap_exit(mut self) -> SpawnOptions {
        self.trap_exit = true;
        self
    }

    /// The child and all below it may use so much, and never more than what its parent's tree may.
    pub fn limits(mut self, limits: Limits) -> SpawnOptions {
        self.limits = limits;
        self
    }

    /// The child is granted exactly these, and has them only if its spawner does. Without this it has all that its spawner
    /// has, or, in another module, what both its spawner has and the module was loaded with.
    pub fn grants(mut self, grants: impl IntoIterator<Item = Grant>) -> SpawnOptions {
        self.grants = Some(grants.into_iter().collect());
        self
    }

    /// The child runs on this node of the mesh, under the terms of that node's owner: its limits and grants are those that
    /// the owner gives to what peers start, and of these at most what is asked for here. Its module is fetched by its hash
    /// if that node lacks it.
    pub fn node(mut self, node: Place) -> SpawnOptions {
        self.node = Some(node);
        self
    }

    /// As the contract has them.
    pub fn to_json(&self) -> String {
        let mut options = Map::new();
        options.extend(self.name.iter().map(|name| ("name".to_owned(), name.as_str().into())));
        for (key, on) in [("link", self.link), ("monitor", self.monitor), ("trap-exit", self.trap_exit)] {
            options.extend(on.then(|| (key.to_owned(), on.into())));
        }
        options.extend((!self.limits.is_empty()).then(|| ("limits".to_owned(), self.limits.to_json().into())));
        options.extend(self.grants.iter().map(|grants| ("grants".to_owned(), json!(grants))));
        options.extend(self.node.iter().map(|node| ("node".to_owned(), node.as_str().into())));
        Value::Object(options).to_string()
    }

    /// Reads what a guest passes.
    ///
    /// # Errors
    ///
    /// `bad-argument` for what cannot be read; `unsupported-option` for an option that is not known, since it may be a
    /// limit that its author relies on.
    pub(crate) fn parse(text: &str) -> Result<SpawnOptions, Refusal> {
        // What nearly every spawn passes.
        if text == "{}" {
            return Ok(SpawnOptions::default());
        }
        check_size("spawn", text)?;
        let bad = |why: &dyn std::fmt::Display| {
            Refusal::new(RefusalKind::BadArgument, format!("spawn options must be a JSON object: {why}"))
        };
        let given: Map<String, Value> = serde_json::from_str(text).map_err(|why| bad(&why))?;
        let mut options = SpawnOptions::default();
        for (key, value) in &given {
            match (key.as_str(), value) {
                ("name", Value::String(name)) => options.name = Some(name.clone()),
                ("link", Value::Bool(on)) => options.link = *on,
                ("monitor", Value::Bool(on)) => options.monitor = *on,
                ("trap-exit", Value::Bool(on)) => options.trap_exit = *on,
                ("limits", Value::Object(limits)) => {
                    options.limits = Limits::from_json(limits).map_err(|why| bad(&why))?
                }
                ("grants", value) => {
                    let grants = Vec::deserialize(value).map_err(|why| bad(&format_args!("`grants`: {why}")))?;
                    options.grants = Some(grants);
                }
                ("node", Value::String(node)) => {
                    options.node = Some(node.parse().map_err(|why| bad(&format_args!("`node`: {why}")))?);
                }
                ("name" | "link" | "monitor" | "trap-exit" | "limits" | "node", _) => {
                    let wanted = match key.as_str() {
                        "name" | "node" => "a string",
                        "limits" => "an object",
                        _ => "true or false",
                    };
                    return Err(bad(&format_args!("`{key}` must be {wanted}")));
                }
                _ => return Err(unsupported(key)),
            }
        }
        Ok(options)
    }

    /// The node that the child is to run on, if that is another than `here`.
    pub(crate) fn elsewhere(&self, here: &Place) -> Option<&Place> {
        self.node.as_ref().filter(|node| *node != here)
    }

    /// Checks what no type can say.
    pub(crate) fn check(&self, has_parent: bool) -> Result<(), Refusal> {
        if let Some(name) = &self.name {
            check_name(name)?;
        }
        if (self.link || self.monitor) && !has_parent {
            let message = "cannot spawn: only an actor can link or monitor what it spawns";
            return Err(Refusal::new(RefusalKind::BadArgument, message));
        }
        Ok(())
    }
}

/// Bytes of options that are read at all. A tree of them takes up to ninety times as much.
const OPTIONS_BYTES_MAX: usize = 64 << 10;

/// Whether options are not too large to be read.
pub(crate) fn check_size(verb: &str, options: &str) -> Result<(), Refusal> {
    if options.len() <= OPTIONS_BYTES_MAX {
        return Ok(());
    }
    let message =
        format!("cannot {verb}: options may have {OPTIONS_BYTES_MAX} bytes, and these have {}", options.len());
    Err(Refusal::new(RefusalKind::TooLarge, message))
}

/// Whether a text can be a name.
pub(crate) fn check_name(name: &str) -> Result<(), Refusal> {
    if is_name(name) {
        return Ok(());
    }
    let message = format!(
        "`{}` cannot be a name: a letter, then a-z, 0-9, `.`, `_`, `-`, at most 64; 20 or more only with one of `.`, `_`, `-`",
        quoted(name)
    );
    Err(Refusal::new(RefusalKind::BadArgument, message))
}

fn unsupported(option: &str) -> Refusal {
    let message = format!("spawn option `{}` is not one that this version of Greenroom knows", quoted(option));
    Refusal::new(RefusalKind::UnsupportedOption, message).with("option", option)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_come_back_as_they_were_written() {
        let limits = "memory=1MiB,burst=1s".parse().expect("limits");
        let grants = ["env=A", "dir=/data:rw", "names"].map(|grant| grant.parse().expect("a grant"));
        let options = SpawnOptions::default().name("a").link().monitor().trap_exit().limits(limits).grants(grants);
        let options = options.node("a.example:3433".parse().expect("a place"));
        assert_eq!(SpawnOptions::parse(&options.to_json()), Ok(options));
        assert_eq!(SpawnOptions::parse(" {} "), Ok(SpawnOptions::default()));
        assert_eq!(SpawnOptions::parse(r#"{"link":false}"#), Ok(SpawnOptions::default()));
    }

    #[test]
    fn what_cannot_be_read_or_is_not_known_is_refused() {
        let kind = |text: &str| SpawnOptions::parse(text).expect_err(text).kind();
        for text in
            ["", "[]", r#"{"name":1}"#, r#"{"link":1}"#, r#"{"grants":{}}"#, r#"{"grants":[1]}"#, r#"{"grants":["x"]}"#]
        {
            assert_eq!(kind(text), RefusalKind::BadArgument);
        }
        for text in [r#"{"node":1}"#, r#"{"node":"a"}"#] {
            assert_eq!(kind(text), RefusalKind::BadArgument);
        }
        assert_eq!(kind(r#"{"limit":1}"#), RefusalKind::UnsupportedOption);
        let named = |name: &str| SpawnOptions::default().name(name).check(false).map_err(|refusal| refusal.kind());
        assert_eq!((named("a"), named("A")), (Ok(()), Err(RefusalKind::BadArgument)));
        assert!(SpawnOptions::default().link().check(false).is_err());
        assert_eq!(kind(&format!("{{\"name\":\"{}\"}}", "x".repeat(OPTIONS_BYTES_MAX))), RefusalKind::TooLarge);
    }
}
