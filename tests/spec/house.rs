//! The house's own rules: each file says what it is for, and rooms use only what stands above them.

use std::fs;
use std::path::{Path, PathBuf};

/// Lines of one file, tests included.
const LINES_MAX: usize = 400;

/// The rooms of `host/src` from the top of the map down. A room uses itself and what stands before it.
const ROOMS: [&[&str]; 9] = [
    &[
        "address",
        "message",
        "pattern",
        "signal",
        "spawn_options",
        "outcome",
        "refusal",
        "codes",
        "limits",
        "bucket",
        "level",
        "grants",
        "load_options",
        "module_hash",
        "remote_spawn",
        "clock",
        "lock",
        "printable",
    ],
    &["mailbox"],
    &["node"],
    &["actor"],
    &["native"],
    &["guest"],
    &["mesh"],
    &["embed"],
    &["cli"],
];

/// What points upwards all the same, and why.
const EXCEPTIONS: [(&str, &str, &str); 1] =
    [("address", "mailbox", "an embedder's address keeps its actor's outcome, which is in the mailbox")];

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests stand in the workspace")
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry of it").path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    files
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).expect("a source file")
}

/// The room that a file of `host/src` belongs to.
fn room(file: &Path) -> String {
    let inside = file.strip_prefix(workspace().join("host/src")).expect("a file of the host");
    let first = inside.components().next().expect("a name").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

fn floor(room: &str) -> Option<usize> {
    ROOMS.iter().position(|floor| floor.contains(&room))
}

#[test]
fn each_file_says_in_its_first_line_what_it_is_for_and_is_not_too_long() {
    for folder in ["host/src", "guest-sdk/rust/src", "guest-sdk/rust/macros/src", "examples", "tests/spec"] {
        for file in sources(&workspace().join(folder)) {
            let text = read(&file);
            assert!(text.starts_with("//! "), "{} does not say what it is for", file.display());
            assert!(text.lines().count() <= LINES_MAX, "{} is too long", file.display());
        }
    }
}

#[test]
fn rooms_use_only_what_stands_above_them() {
    for file in sources(&workspace().join("host/src")) {
        let here = room(&file);
        let Some(floor_here) = floor(&here) else { continue };
        for used in read(&file).lines().filter_map(|line| line.trim_start().strip_prefix("use crate::")) {
            let used = used.split([':', ';', '{']).next().expect("a room");
            let allowed = EXCEPTIONS.iter().any(|(from, to, _)| *from == here && *to == used);
            let above = floor(used).is_none_or(|floor_used| floor_used <= floor_here);
            assert!(allowed || above, "{}: `{here}` uses `{used}`, which stands below it", file.display());
        }
    }
}

#[test]
fn only_their_rooms_name_the_engines_and_only_the_command_line_prints() {
    for file in sources(&workspace().join("host/src")) {
        let (here, text) = (room(&file), read(&file));
        let code = || text.lines().filter(|line| !line.trim_start().starts_with("//"));
        if here != "guest" {
            assert!(!code().any(|line| line.contains("use wasmtime")), "{} names the engine", file.display());
        }
        if !file.starts_with(workspace().join("host/src/mesh/zenoh")) {
            assert!(!code().any(|line| line.contains("::zenoh::")), "{} names the mesh's engine", file.display());
        }
        if here != "cli" && here != "main" {
            let prints = |line: &str| line.contains("println!") || line.contains("eprint");
            assert!(!code().any(prints), "{} prints", file.display());
        }
    }
}

#[test]
fn each_test_that_the_security_policy_names_is_there() {
    let policy = read(&workspace().join("SECURITY.md"));
    let words = policy.split('`').skip(1).step_by(2).filter(|word| word.starts_with(char::is_lowercase));
    let tests: Vec<(&str, &str)> = words.filter_map(|word| word.rsplit_once("::")).collect();
    assert!(tests.len() > 15, "{tests:?}");
    for (file, test) in tests {
        // Those of the host's own are named as the host's tests are.
        let folder = if file.starts_with("mesh::") { "host/src" } else { "tests/spec" };
        let path = workspace().join(folder).join(file.replace("::", "/"));
        let path = if path.is_dir() { path.join("mod.rs") } else { path.with_extension("rs") };
        assert!(read(&path).contains(&format!("\nfn {test}(")), "there is no test {file}::{test}");
    }
}
