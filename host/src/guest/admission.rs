//! What may be compiled at all: from anybody's bytes to a component that can be an actor.

mod entries;
mod imports;
mod instances;
mod scan;

use std::borrow::Cow;
use std::fmt;

use thiserror::Error;
use wasmparser::Encoding;

use super::componentize::componentize;
use crate::module_hash::ModuleHash;
use crate::printable::printable;
pub use entries::Entry;
pub use imports::UnknownImport;
use scan::{Run, Scan, scan};

/// A component that passed: valid, within the caps, with the right `run`, and importing only what a node has.
#[derive(Debug)]
pub struct Admitted {
    /// The component. The very bytes that were given, if they were one.
    pub component: Vec<u8>,
    /// The hash of the bytes as they were given. This is the module's identity; what was compiled is `component`.
    pub hash: ModuleHash,
    /// How many bytes were given.
    pub size: usize,
    /// What was given.
    pub kind: Kind,
    /// What the module says actors can run in it; empty if it does not say.
    pub entries: Vec<Entry>,
    /// The interfaces that it imports, named as in the component.
    pub imports: Vec<String>,
    /// Memories of one instance, all its core instances together.
    pub memories: usize,
    /// Bytes of the host's that one instance takes, beside its memories and tables.
    pub instance_bytes: u64,
    /// Functions defined in all core modules together.
    pub functions: usize,
}

/// What the bytes of a module were before they were a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A component, used as it is.
    Component,
    /// A component as WebAssembly text.
    ComponentText,
    /// A core module; the host made a component around it.
    CoreModule,
    /// A core module as WebAssembly text.
    CoreModuleText,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Component => "component",
            Kind::ComponentText => "component, as text",
            Kind::CoreModule => "core module",
            Kind::CoreModuleText => "core module, as text",
        })
    }
}

/// How large a module may be. The compiler's time and memory follow from these.
#[derive(Clone, Debug)]
pub struct Caps {
    /// Bytes as they were given.
    pub bytes: usize,
    /// Functions in all core modules together. Each costs the compiler some 40 µs and 6 KB even if it is empty.
    pub functions: usize,
    /// Bytes of one function's body.
    pub body_bytes: usize,
    /// How many modules and components are inside one another, the outermost counted.
    pub nesting: usize,
    /// Core instances that one actor is made of.
    pub instances: usize,
    /// Tables in these.
    pub tables: usize,
    /// Memories in these.
    pub memories: usize,
}

impl Caps {
    /// For modules that the node's owner loads: what no honest toolchain reaches. A Python interpreter with a program
    /// has 20 MB. The validator has a bound of its own on a body, 7.3 MiB, which comes before this one.
    pub const fn local() -> Caps {
        Caps {
            bytes: 256 << 20,
            functions: 1_000_000,
            body_bytes: 8 << 20,
            nesting: 64,
            instances: 256,
            tables: 256,
            memories: 64,
        }
    }

    /// For modules of at most so many bytes that come from other nodes. The worst of them takes the compiler some 15 s (one
    /// function's body of branches) or half a gigabyte (empty functions).
    pub(super) const fn of_peers(bytes: usize) -> Caps {
        Caps {
            bytes,
            functions: 100_000,
            body_bytes: 512 << 10,
            instances: 64,
            tables: 64,
            memories: 8,
            ..Caps::local()
        }
    }
}

/// Why bytes cannot be an actor's module. Nothing was compiled.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum Rejected {
    /// Neither WebAssembly nor its text format.
    #[error("it is not WebAssembly but {looks_like}")]
    NotWasm {
        /// What it looks like instead.
        looks_like: &'static str,
    },
    /// WebAssembly text with an error in it.
    #[error("its WebAssembly text has an error: {message}")]
    BadText {
        /// What is wrong and where: line and column.
        message: String,
    },
    /// Corrupt, or with a feature that the engine has not switched on.
    #[error("it is not valid WebAssembly for this node, at byte {offset}: {message}")]
    Invalid {
        /// Counted from 0 in the binary form.
        offset: usize,
        /// What the validator said.
        message: String,
    },
    /// A core module around which no component can be made.
    #[error("this core module cannot become a component: {message}")]
    NotComponentized {
        /// What is missing or does not fit.
        message: String,
    },
    /// There is no function to call.
    #[error("it has no export `run`, so nothing can be called in it: {}", exports_listed(exports))]
    NoRun {
        /// What it exports instead.
        exports: Vec<String>,
    },
    /// There is a `run`, of another shape than the contract's.
    #[error("its export `run` is {found}, and must be `func(entry: string, args: string) -> result<string, string>`")]
    WrongRun {
        /// What it is.
        found: &'static str,
    },
    /// It imports what no node offers.
    #[error("it imports what this node does not have: {}", listed(imports))]
    UnknownImports {
        /// Each with its name.
        imports: Vec<UnknownImport>,
    },
    /// The custom section `greenroom:entries` is not what it must be.
    #[error("its list of entries (custom section `greenroom:entries`) has an error: {message}")]
    BadEntries {
        /// Where and why.
        message: String,
    },
    /// More than the caps allow.
    #[error("it is too large: {found} {what}, of which {max} are allowed")]
    TooLarge {
        /// What was counted.
        what: &'static str,
        /// How many there are; counting stops soon after the cap.
        found: usize,
        /// How many there may be.
        max: usize,
    },
}

impl Rejected {
    /// The error if `found` is more than `max`.
    fn if_above(max: usize, found: usize, what: &'static str) -> Result<(), Rejected> {
        if found > max { Err(Rejected::TooLarge { what, found, max }) } else { Ok(()) }
    }
}

impl From<wasmparser::BinaryReaderError> for Rejected {
    fn from(error: wasmparser::BinaryReaderError) -> Rejected {
        Rejected::Invalid { offset: error.offset(), message: printable(error.message()) }
    }
}

/// Checks bytes and makes a component of them: a component, a core module, or the text of one.
///
/// Takes any bytes whatever. The time is linear in their number.
///
/// # Errors
///
/// If they cannot be an actor's module, with the reason for whoever made them.
pub fn admit(bytes: &[u8], caps: &Caps) -> Result<Admitted, Rejected> {
    Rejected::if_above(caps.bytes, bytes.len(), "bytes")?;
    let binary = binary(bytes)?;
    let is_text = matches!(binary, Cow::Owned(_));
    let given = scan(&binary, caps)?;
    let (component, found, kind) = match given.encoding {
        Encoding::Component if is_text => (binary.into_owned(), given, Kind::ComponentText),
        Encoding::Component => (binary.into_owned(), given, Kind::Component),
        Encoding::Module => {
            let component = componentize_checked(&binary, given)?;
            let found = scan(&component, caps).map_err(in_made_component)?;
            (component, found, if is_text { Kind::CoreModuleText } else { Kind::CoreModule })
        }
    };
    let unknown = imports::unknown_in_component(&found);
    if !unknown.is_empty() {
        return Err(Rejected::UnknownImports { imports: unknown });
    }
    match found.run() {
        Run::AsInContract => {}
        Run::Missing => return Err(Rejected::NoRun { exports: found.exports }),
        Run::Other(what) => return Err(Rejected::WrongRun { found: what }),
    }
    let Scan { entries, imports, functions, instance, .. } = found;
    let imports = imports.into_iter().map(|import| import.module).collect();
    Ok(Admitted {
        component,
        hash: ModuleHash::of(bytes),
        size: bytes.len(),
        kind,
        entries,
        imports,
        memories: instance.memories as usize,
        instance_bytes: instance.bytes,
        functions,
    })
}

/// What the encoder would say less clearly is said first.
fn componentize_checked(module: &[u8], given: Scan) -> Result<Vec<u8>, Rejected> {
    let unknown = imports::unknown_in_core_module(&given);
    if !unknown.is_empty() {
        return Err(Rejected::UnknownImports { imports: unknown });
    }
    if !given.exports.iter().any(|name| name == "run") {
        return Err(Rejected::NoRun { exports: given.exports });
    }
    // Other spellings of exports, for async and by a newer naming scheme. With `run` in two of them the encoder panics.
    if let Some(other) = given.exports.iter().find(|name| name.starts_with('[') || name.starts_with("cm32p2")) {
        let message = format!("its export `{}` is not of the contract", other.escape_debug());
        return Err(Rejected::NotComponentized { message });
    }
    let version = imports::contract_version(&given);
    let wants_adapter = given.imports.iter().any(|import| import.module == imports::PREVIEW1);
    componentize(module, version, wants_adapter)
        .map_err(|message| Rejected::NotComponentized { message: printable(&message) })
}

/// A place in bytes that its author never saw says nothing to them.
fn in_made_component(error: Rejected) -> Rejected {
    match error {
        Rejected::Invalid { message, .. } => Rejected::NotComponentized { message },
        other => other,
    }
}

/// The binary form: borrowed if it was given, owned if text was.
fn binary(bytes: &[u8]) -> Result<Cow<'_, [u8]>, Rejected> {
    match wat::Detect::from_bytes(bytes) {
        wat::Detect::WasmBinary => Ok(Cow::Borrowed(bytes)),
        wat::Detect::WasmText => match wat::Parser::new().parse_bytes(None, bytes) {
            Ok(binary) => Ok(Cow::Owned(binary.into_owned())),
            Err(error) => Err(Rejected::BadText { message: text_error(&error.to_string()) }),
        },
        wat::Detect::Unknown => Err(Rejected::NotWasm { looks_like: looks_like(bytes) }),
    }
}

/// The parser's words on one line. It draws the place below them: `what`, `--> <anon>:LINE:COLUMN`, and the source; or
/// behind, `what at <anon>:LINE:COLUMN`, if the line is too long to draw.
fn text_error(drawn: &str) -> String {
    let first = drawn.lines().next().unwrap_or_default();
    let (_, place) = drawn.split_once("<anon>:").unwrap_or_default();
    let what = printable(first.split(" at <anon>:").next().unwrap_or(first));
    match place.lines().next().and_then(|place| place.split_once(':')) {
        Some((line, column)) => format!("{what}, in line {line}, column {column}"),
        None => what,
    }
}

/// What a file that is not WebAssembly most likely is.
fn looks_like(bytes: &[u8]) -> &'static str {
    const STARTS: &[(&[u8], &str)] = &[
        (b"\x7fELF", "a native program (or a module that an engine has compiled already)"),
        (b"\xcf\xfa\xed\xfe", "a native program"),
        (b"MZ", "a native program"),
        (b"\x1f\x8b", "gzip, to be unpacked first"),
        (b"\x28\xb5\x2f\xfd", "zstd, to be unpacked first"),
        (b"\xfd7zXZ", "xz, to be unpacked first"),
        (b"PK\x03\x04", "a zip archive"),
        (b"!<arch>\n", "a static library"),
        (b"BC\xc0\xde", "LLVM bitcode"),
        (b"#!", "a script"),
    ];
    if let Some((_, name)) = STARTS.iter().find(|(start, _)| bytes.starts_with(start)) {
        return name;
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return "something unknown" };
    match text.trim_start().bytes().next() {
        None => "an empty file",
        Some(b'<') => "HTML or XML (was it downloaded from a page that answered with an error?)",
        Some(b'{' | b'[') => "JSON",
        Some(_) => "text",
    }
}

/// How many names a message lists before it only counts them.
const LISTED_MAX: usize = 10;

fn listed(items: &[impl fmt::Display]) -> String {
    let shown: Vec<String> = items.iter().take(LISTED_MAX).map(ToString::to_string).collect();
    match items.len().saturating_sub(LISTED_MAX) {
        0 => shown.join(", "),
        more => format!("{}, and {more} more", shown.join(", ")),
    }
}

fn exports_listed(exports: &[String]) -> String {
    if exports.is_empty() {
        return "it exports nothing".into();
    }
    let quoted: Vec<String> = exports.iter().map(|name| format!("`{}`", name.escape_debug())).collect();
    let is_command = exports.iter().any(|name| name == "_start" || name.starts_with("wasi:cli/run@"));
    let hint = if is_command { "; it is a command, and an actor must be built as a library" } else { "" };
    format!("it exports {}{hint}", listed(&quoted))
}

#[cfg(test)]
mod tests;
