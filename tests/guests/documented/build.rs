//! Takes the examples out of the documentation of greenroom-guest: those that only an actor can run, which rustdoc compiles
//! and does not run. Their function `example` becomes an entry with the place's name.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../guest-sdk/rust/src");
    println!("cargo::rerun-if-changed={}", sdk.display());
    let mut code = String::new();
    for file in sources(&sdk) {
        let inside = file.strip_prefix(&sdk).expect("a file of the crate").with_extension("");
        let place = inside.to_string_lossy().replace('/', "_");
        for (line, example) in examples(&fs::read_to_string(&file).expect("a source file")) {
            let name = format!("{place}_line_{line}");
            assert!(example.contains("fn example("), "{}:{line} is nothing that an actor can run", file.display());
            let example = example.replace("fn example(", &format!("fn {name}("));
            writeln!(code, "mod in_{name} {{\n{example}}}").expect("a string takes everything");
        }
    }
    let out = std::env::var_os("OUT_DIR").expect("cargo names a folder");
    fs::write(Path::new(&out).join("examples.rs"), code).expect("the folder is there");
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder of sources");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry of it").path()).collect();
    paths.sort();
    paths.into_iter().flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// The examples marked `no_run`, each with the number of its first line.
fn examples(source: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut lines = (1..).zip(source.lines().map(str::trim_start));
    while let Some((number, line)) = lines.next() {
        if matches!(line, "/// ```no_run" | "//! ```no_run") {
            let inside = lines.by_ref().map(|(_, line)| line[3..].trim_start_matches(' '));
            let code = inside.take_while(|line| *line != "```");
            // rustdoc hides lines that begin so.
            let code = code.map(|line| line.strip_prefix("# ").unwrap_or(line).to_owned() + "\n");
            found.push((number, code.collect()));
        }
    }
    found
}
