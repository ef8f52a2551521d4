//! `greenroom inspect`: what a module is, without running it.

use std::fmt::Write;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::HumanBytes;
use serde_json::{Map, Value, json};

use super::exit::{Code, Failure};
use super::grants::{self, Need};
use super::output::{self, printable};
use super::{Format, Settings, build};
use crate::grants::Grants;
use crate::guest::admission::{Admitted, Caps, Entry, Kind, admit};
use crate::guest::library::LoadError;

/// Shows a module's entries, imports and what they need, size and hash, without running or compiling it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  greenroom inspect ring.wasm
  greenroom inspect examples/ring                    a crate is built first
  greenroom inspect ring.wasm --format json | jq -r '.entries[].name'")]
pub(super) struct Inspect {
    /// A component (.wasm), its text (.wat), a core module, or a Rust crate's folder
    path: PathBuf,
}

impl Inspect {
    pub(super) fn run(self, settings: Settings) -> Result<Code, Failure> {
        let file = build::module_at(&self.path, settings)?;
        let (name, module) = (name(&file), admitted(&file)?);
        match settings.format {
            Format::Text => output::result(text(&name, &module).trim_end())?,
            Format::Json => output::json(&value(&name, &module))?,
        }
        Ok(Code::Ok)
    }
}

/// Reads a module's file and checks it as loading does.
pub(super) fn admitted(file: &Path) -> Result<Admitted, Failure> {
    let path = file.display().to_string();
    let bytes = std::fs::read(file).map_err(|source| match source.kind() {
        ErrorKind::NotFound => LoadError::NotFound { path: path.clone() },
        _ => LoadError::Read { path: path.clone(), source },
    })?;
    Ok(admit(&bytes, &Caps::local()).map_err(|source| LoadError::Rejected { name: path, source })?)
}

/// What the module is called on a node.
fn name(file: &Path) -> String {
    file.file_stem().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
}

fn text(name: &str, module: &Admitted) -> String {
    let size = format!("{} ({} bytes)", HumanBytes(module.size as u64), module.size);
    let mut text = String::new();
    let mut row = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        _ = writeln!(text, "{name:<11}{}", printable(value));
    };
    row("name", name);
    row("kind", &module.kind.to_string());
    row("hash", &module.hash.to_string());
    row("size", &size);
    row("functions", &module.functions.to_string());
    row("memories", &module.memories.to_string());
    let missing = grants::missing(&module.imports, &Grants::local());
    let imports: Vec<String> = module.imports.iter().map(|import| imported(import, &missing)).collect();
    rows(&mut row, "imports", &imports, "none");
    let entries: Vec<String> = module.entries.iter().flat_map(entry_lines).collect();
    rows(&mut row, "entries", &entries, "not listed in the module");
    text
}

fn rows(row: &mut impl FnMut(&str, &str), name: &str, values: &[String], none: &str) {
    let first = values.first().map_or(none, String::as_str);
    row(name, first);
    values.iter().skip(1).for_each(|value| row("", value));
}

/// An interface, and what it needs to give anything.
fn imported(interface: &str, missing: &[(&str, Need)]) -> String {
    match missing.iter().find(|(name, _)| *name == interface) {
        Some((_, Need::Env)) => format!("{interface:<36} empty without --allow {}", Need::Env.form()),
        Some((_, need)) => format!("{interface:<36} not granted without --allow {}", need.form()),
        None => interface.to_owned(),
    }
}

/// An entry as it is called, and below it the first line of its doc.
fn entry_lines(entry: &Entry) -> Vec<String> {
    let mut lines = vec![format!("{}({})", entry.name, entry.args.join(", "))];
    lines.extend(entry.doc.lines().next().map(|doc| format!("  {doc}")));
    lines
}

fn value(name: &str, module: &Admitted) -> Value {
    let kind = match module.kind {
        Kind::Component => "component",
        Kind::ComponentText => "component-text",
        Kind::CoreModule => "core-module",
        Kind::CoreModuleText => "core-module-text",
    };
    let missing = grants::missing(&module.imports, &Grants::local());
    let needs: Map<String, Value> =
        missing.iter().map(|(interface, need)| ((*interface).to_owned(), need.form().into())).collect();
    json!({
        "name": name,
        "kind": kind,
        "hash": module.hash.to_string(),
        "size": module.size,
        "functions": module.functions,
        "memories": module.memories,
        "imports": module.imports,
        "needs": needs,
        "entries": module.entries,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module_hash::ModuleHash;

    fn module(entries: Vec<Entry>) -> Admitted {
        Admitted {
            component: Vec::new(),
            hash: ModuleHash::of(b""),
            size: 2048,
            kind: Kind::Component,
            entries,
            imports: ["greenroom:actor/host@0.1.0", "wasi:cli/environment@0.2.6", "wasi:filesystem/types@0.2.6"]
                .map(String::from)
                .into(),
            memories: 1,
            instance_bytes: 0,
            functions: 7,
        }
    }

    #[test]
    fn entries_are_shown_as_they_are_called() {
        let entry =
            Entry { name: "build".into(), doc: "Builds it.\nSlowly.".into(), args: vec!["n".into(), "m".into()] };
        let text = text("ring", &module(vec![entry, Entry { name: "stop\x1b".into(), ..Entry::default() }]));
        assert!(text.starts_with("name       ring\nkind       component\n"), "{text}");
        assert!(text.contains("size       2.00 KiB (2048 bytes)\n"), "{text}");
        let imports = "imports    greenroom:actor/host@0.1.0\n\
            \x20          wasi:cli/environment@0.2.6           empty without --allow env=NAME\n\
            \x20          wasi:filesystem/types@0.2.6          not granted without --allow dir=FOLDER\n";
        assert!(text.contains(imports), "{text}");
        let shown = "entries    build(n, m)\n             Builds it.\n           stop\\u{1b}()\n";
        assert!(text.ends_with(shown), "{text}");
    }

    #[test]
    fn a_module_that_lists_nothing_says_so() {
        assert!(text("ring", &module(Vec::new())).ends_with("entries    not listed in the module\n"));
    }
}
