//! From a Rust crate's folder to a module, by the user's own cargo.

mod tools;

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;

use super::exit::Code;
use super::signals::Signals;
use tools::TARGET;

/// What may be chosen about a build.
#[derive(Clone, Debug, Default)]
pub(super) struct Options {
    /// Names of features, as cargo takes them.
    pub features: Vec<String>,
    /// Leaves the crate's default features out.
    pub no_default_features: bool,
    /// Lets cargo say nothing but errors.
    pub quiet: bool,
}

/// Somebody asked the program to end, and so a tool was ended.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub(super) struct Interrupted(pub Code);

/// There is no such tool.
#[derive(Debug, thiserror::Error)]
#[error("there is no {0} here; get Rust from https://rustup.rs")]
struct Missing(String);

/// Builds the crate in `folder` and answers the path of its module, below the crate's target folder. Cargo's own
/// messages go to stderr; `say` gets what is done besides. No tool is left running, however this ends.
///
/// # Errors
///
/// If there is no such crate, if it makes no module, if the target cannot be added, if cargo fails, or with
/// [`Interrupted`].
pub(super) async fn build(
    folder: &Path,
    options: &Options,
    say: impl Fn(&str),
    signals: &mut Signals,
) -> Result<PathBuf> {
    let folder = folder.canonicalize().with_context(|| format!("cannot build {}", folder.display()))?;
    let package = Package::find(&folder, signals).await?;
    ensure_target(&folder, say, signals).await?;
    let mut cargo = tools::cargo_build(&folder);
    cargo.args(["--lib", "--message-format=json-render-diagnostics", "--package"]).arg(&package.id);
    // A folder of its own, so that a cargo that runs on the same crate is not waited for.
    cargo.arg("--target-dir").arg(package.target_folder.join("greenroom"));
    if !options.features.is_empty() {
        cargo.arg("--features").arg(options.features.join(","));
    }
    if options.no_default_features {
        cargo.arg("--no-default-features");
    }
    if options.quiet {
        cargo.arg("--quiet");
    }
    cargo.stdout(Stdio::piped());
    let output = finish(cargo, signals).await?;
    ensure!(output.status.success(), "cargo could not build {}", folder.display());
    let messages = String::from_utf8_lossy(&output.stdout);
    let module = messages.lines().rev().find_map(|message| module_in(message, &package.id));
    module.with_context(|| format!("cargo built {} but named no .wasm file", folder.display()))
}

/// Lets a tool do its work.
///
/// It gets a process group of its own, which makes one way of ending it out of two: Ctrl-C at a terminal reaches our
/// group alone, as a signal from elsewhere does, and is passed on to the tool and to all that it started. The first is
/// passed on as a request to end, which cargo and rustc follow at once; the second leaves them no choice. Either way
/// they are gone before this returns.
async fn finish(tool: Command, signals: &mut Signals) -> Result<Output> {
    let name = tool.get_program().to_string_lossy().into_owned();
    let mut tool = tokio::process::Command::from(tool);
    let child = tool.process_group(0).kill_on_drop(true).spawn().map_err(|why| cannot_start(&name, why))?;
    let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    let mut finished = pin!(child.wait_with_output());
    let mut interrupted = None;
    let output = loop {
        tokio::select! {
            // An end that is already known comes first: the group's number may be another's after it.
            biased;
            output = &mut finished => break output.with_context(|| format!("cannot wait for {name}"))?,
            code = signals.next() => {
                let signal = if interrupted.is_none() { Signal::TERM } else { Signal::KILL };
                interrupted.get_or_insert(code);
                // If it is gone meanwhile, then that is what was wanted.
                _ = group.map(|group| kill_process_group(group, signal));
            }
        }
    };
    match interrupted {
        Some(code) => bail!(Interrupted(code)),
        None => Ok(output),
    }
}

fn cannot_start(tool: &str, why: std::io::Error) -> anyhow::Error {
    match why.kind() {
        ErrorKind::NotFound => Missing(tool.to_owned()).into(),
        _ => anyhow::Error::new(why).context(format!("cannot start {tool}")),
    }
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
    async fn find(folder: &Path, signals: &mut Signals) -> Result<Package> {
        let manifest = folder.join("Cargo.toml");
        ensure!(manifest.is_file(), "cannot build {}: it has no Cargo.toml", folder.display());
        let mut cargo = tools::cargo(folder);
        cargo.args(["metadata", "--no-deps", "--format-version=1"]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = finish(cargo, signals).await?;
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
async fn ensure_target(folder: &Path, say: impl Fn(&str), signals: &mut Signals) -> Result<()> {
    let mut rustc = tools::rustc_target_folder(folder);
    rustc.stdout(Stdio::piped());
    if tools::has_target(&finish(rustc, signals).await?) {
        return Ok(());
    }
    say(&format!("adding the Rust target {TARGET}: rustup target add {TARGET}"));
    match finish(tools::rustup_add_target(folder), signals).await {
        Ok(output) if output.status.success() => Ok(()),
        Ok(_) => bail!("rustup could not add the Rust target {TARGET}"),
        Err(why) if why.is::<Missing>() => bail!(
            "the Rust target {TARGET} is not installed, and there is no rustup to add it; install the package that \
             your system has for it (such as libstd-rust-dev-wasm32 or rust-std-static-{TARGET}), or get Rust from \
             https://rustup.rs"
        ),
        Err(why) => Err(why),
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
