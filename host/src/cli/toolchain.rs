//! From a Rust crate's folder to a module, by the user's own cargo.
//!
//! Stands on std and serde_json alone, since the build script of the tests includes this file too.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// What modules are compiled for: cargo's own target for components.
const TARGET: &str = "wasm32-wasip2";

/// What a module is built with, over the crate's own profile. Small code compiles faster in the host and shares caches
/// better; names stay, so that a backtrace can say them; and the linker's default of a megabyte of stack would be
/// nearly all that an actor's memory begins with, so it is 64 KiB.
const CONFIG: [&str; 5] = [
    "profile.release.opt-level=\"s\"",
    // One unit and the whole program at once: 246 KB of the ring become 173.
    "profile.release.lto=true",
    "profile.release.codegen-units=1",
    "profile.release.strip=\"debuginfo\"",
    "target.wasm32-wasip2.rustflags=[\"-C\",\"link-arg=-zstack-size=65536\"]",
];

/// What may be chosen about a build.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Names of features, as cargo takes them.
    pub features: Vec<String>,
    /// Leaves the crate's default features out.
    pub no_default_features: bool,
    /// Lets cargo say nothing but errors.
    pub quiet: bool,
}

/// Builds the crate in `folder` and answers the path of its module, below the crate's target folder. Cargo's own
/// messages go to stderr; `say` gets what is done besides.
///
/// # Errors
///
/// If there is no such crate, if it makes no module, if the target cannot be added, or if cargo fails.
pub fn build(folder: &Path, options: &Options, say: impl Fn(&str)) -> Result<PathBuf> {
    let folder = folder.canonicalize().with_context(|| format!("cannot build {}", folder.display()))?;
    let package = Package::find(&folder)?;
    ensure_target(&folder, &say)?;
    let mut cargo = tool("CARGO", "cargo", &folder);
    cargo.args(["build", "--release", "--lib", "--target", TARGET, "--message-format=json-render-diagnostics"]);
    cargo.arg("--package").arg(&package.id);
    // A folder of its own, so that a cargo that runs on the same crate is not waited for.
    cargo.arg("--target-dir").arg(package.target_folder.join("greenroom"));
    cargo.args(CONFIG.iter().flat_map(|setting| ["--config", setting]));
    if !options.features.is_empty() {
        cargo.arg("--features").arg(options.features.join(","));
    }
    if options.no_default_features {
        cargo.arg("--no-default-features");
    }
    if options.quiet {
        cargo.arg("--quiet");
    }
    let mut child = cargo.stdout(Stdio::piped()).spawn().map_err(cannot_start("cargo"))?;
    let messages = BufReader::new(child.stdout.take().expect("stdout is piped"));
    let mut module = None;
    // All of them, also after the one that is looked for: cargo stops when it cannot write.
    for message in messages.lines() {
        module = module_in(&message.context("cannot read what cargo says")?, &package.id).or(module);
    }
    let status = child.wait().context("cannot wait for cargo")?;
    ensure!(status.success(), "cargo could not build {}", folder.display());
    module.with_context(|| format!("cargo built {} but named no .wasm file", folder.display()))
}

/// The path of the package's module, if this message of cargo's tells it.
fn module_in(message: &str, package: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let is_module = message["reason"] == "compiler-artifact"
        && message["package_id"] == package
        && makes_module(&message["target"]);
    let files = message["filenames"].as_array().filter(|_| is_module)?;
    files.iter().filter_map(Value::as_str).map(PathBuf::from).find(|file| file.extension() == Some(OsStr::new("wasm")))
}

fn makes_module(target: &Value) -> bool {
    target["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "cdylib"))
}

/// What cargo knows about the package that is to be built.
struct Package {
    id: String,
    target_folder: PathBuf,
}

impl Package {
    fn find(folder: &Path) -> Result<Package> {
        let manifest = folder.join("Cargo.toml");
        ensure!(manifest.is_file(), "cannot build {}: it has no Cargo.toml", folder.display());
        let mut cargo = tool("CARGO", "cargo", folder);
        cargo.args(["metadata", "--no-deps", "--format-version=1"]).stderr(Stdio::piped());
        let output = cargo.output().map_err(cannot_start("cargo"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("cargo cannot read {}: {}", manifest.display(), said.trim().trim_start_matches("error: "));
        }
        let metadata = serde_json::from_slice(&output.stdout).context("cannot read what `cargo metadata` says")?;
        Package::from_metadata(&metadata, &manifest)
    }

    fn from_metadata(metadata: &Value, manifest: &Path) -> Result<Package> {
        let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
        let path_of = |package: &Value| package["manifest_path"].as_str().map(PathBuf::from);
        let Some(package) = packages.iter().find(|package| path_of(package).as_deref() == Some(manifest)) else {
            let names: Vec<_> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
            bail!(
                "{} is a workspace without a crate of its own; name a crate's folder ({})",
                manifest.display(),
                names.join(", ")
            );
        };
        let name = package["name"].as_str().unwrap_or_default();
        let makes_module = package["targets"].as_array().is_some_and(|targets| targets.iter().any(makes_module));
        ensure!(
            makes_module,
            "the crate `{name}` makes no module: its Cargo.toml needs a [lib] with crate-type = [\"cdylib\"]"
        );
        let text = |value: &Value| value.as_str().map(str::to_owned).context("`cargo metadata` left something out");
        Ok(Package { id: text(&package["id"])?, target_folder: text(&metadata["target_directory"])?.into() })
    }
}

/// Adds the target to the user's toolchain if it is missing.
fn ensure_target(folder: &Path, say: impl Fn(&str)) -> Result<()> {
    let mut rustc = tool("RUSTC", "rustc", folder);
    rustc.args(["--print", "target-libdir", "--target", TARGET]).stderr(Stdio::null());
    // A rustc too old to know the target has no folder for it either, and rustup says so better.
    let output = rustc.output().map_err(cannot_start("rustc"))?;
    let libraries = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    if output.status.success() && libraries.is_dir() {
        return Ok(());
    }
    say(&format!("adding the Rust target {TARGET}: rustup target add {TARGET}"));
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add", TARGET]).current_dir(folder).stdin(Stdio::null());
    // Our stdout is for results.
    match rustup.stdout(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => bail!("rustup could not add the Rust target {TARGET}"),
        Err(why) if why.kind() == ErrorKind::NotFound => bail!(
            "the Rust target {TARGET} is not installed, and there is no rustup to add it; install the package that \
             your system has for it (such as libstd-rust-dev-wasm32 or rust-std-static-{TARGET}), or get Rust from \
             https://rustup.rs"
        ),
        Err(why) => Err(why).context("cannot start rustup"),
    }
}

/// Set by a cargo or a clippy above us for its own work. What is built here is another package for another machine, and
/// would be built wrongly, or without its stack size, or not at all.
const OUTER_VARIABLES: [&str; 13] = [
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_MAKEFLAGS",
    "CARGO_PRIMARY_PACKAGE",
    "CLIPPY_ARGS",
    "DEBUG",
    "HOST",
    "MAKEFLAGS",
    "NUM_JOBS",
    "OPT_LEVEL",
    "OUT_DIR",
    "PROFILE",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTFLAGS",
];

/// How the names of many more such variables begin.
const OUTER_PREFIXES: [&str; 4] = ["CARGO_CFG_", "CARGO_FEATURE_", "CARGO_MANIFEST_", "CARGO_PKG_"];

/// A tool of the toolchain, to be run in the crate's folder, so that its `rust-toolchain.toml` counts.
fn tool(variable: &str, name: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::var_os(variable).unwrap_or_else(|| name.into()));
    command.current_dir(folder).stdin(Stdio::null());
    for (key, _) in std::env::vars_os() {
        let is_outer = key.to_str().is_some_and(|key| {
            OUTER_VARIABLES.contains(&key) || OUTER_PREFIXES.iter().any(|prefix| key.starts_with(prefix))
        });
        if is_outer {
            command.env_remove(key);
        }
    }
    command
}

fn cannot_start(tool: &str) -> impl Fn(std::io::Error) -> anyhow::Error {
    move |why| match why.kind() {
        ErrorKind::NotFound => anyhow::anyhow!("there is no {tool} here; get Rust from https://rustup.rs"),
        _ => anyhow::Error::new(why).context(format!("cannot start {tool}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metadata(kinds: &[&str]) -> Value {
        let package = json!({"name": "ring", "id": "path+file:///ring#0.1.0", "manifest_path": "/ring/Cargo.toml",
            "targets": [{"kind": kinds}, {"kind": ["bin"]}]});
        json!({"target_directory": "/target", "packages": [package]})
    }

    #[test]
    fn the_package_is_the_one_whose_manifest_it_is() {
        let package = Package::from_metadata(&metadata(&["cdylib", "rlib"]), Path::new("/ring/Cargo.toml")).unwrap();
        assert_eq!((package.id.as_str(), package.target_folder), ("path+file:///ring#0.1.0", "/target".into()));
    }

    #[test]
    fn a_crate_that_makes_no_module_is_told_what_it_needs() {
        for (kinds, manifest, said) in [
            (["rlib"], "/ring/Cargo.toml", "`ring` makes no module: its Cargo.toml needs a [lib] with crate-type"),
            (["cdylib"], "/Cargo.toml", "a workspace without a crate of its own; name a crate's folder (ring)"),
        ] {
            let found = Package::from_metadata(&metadata(&kinds), Path::new(manifest));
            let error = found.err().expect("an error").to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn the_module_is_the_package_s_own_cdylib() {
        let message = |package: &str, kind: &str, file: &str| {
            json!({"reason": "compiler-artifact", "package_id": package, "target": {"kind": [kind]},
                "filenames": ["/t/x.d", file]})
            .to_string()
        };
        assert_eq!(module_in(&message("ring", "cdylib", "/t/x.wasm"), "ring"), Some("/t/x.wasm".into()));
        assert_eq!(module_in(&message("other", "cdylib", "/t/x.wasm"), "ring"), None);
        assert_eq!(module_in(&message("ring", "lib", "/t/x.rlib"), "ring"), None);
        assert_eq!(module_in("   Compiling ring", "ring"), None);
    }
}
