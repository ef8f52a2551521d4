//! Grants on the command line: what is allowed, what is missing, and what is said of it.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::command::{Ran, greenroom, run};
use crate::stage::{guest, text};

fn scenarios() -> String {
    guest("scenarios").display().to_string()
}

fn tries(attempts: &Value, flags: &[&str]) -> Ran {
    run(&[&["run", &scenarios(), "tries", &attempts.to_string()], flags].concat())
}

fn found(ran: &Ran) -> Vec<Value> {
    let answers: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|why| panic!("{why}: {ran:?}"));
    crate::grants::outcomes(&answers)
}

/// A folder with a file `a`.
fn folder() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a"), "text").expect("a file");
    let path = folder.path().display().to_string();
    (folder, path)
}

#[test]
fn what_is_allowed_is_there_and_nothing_is_said() {
    let (_kept, path) = folder();
    let allow = format!("dir={path}::/data:rw,env=A=1");
    let attempts = json!(["vars", {"read": "data/a"}, {"write": ["/data/b", "x"]}, {"list": "/data"}]);
    let ran = tries(&attempts, &["--allow", &allow, "--allow", "env=B=2"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert_eq!(found(&ran), [json!({"A": "1", "B": "2"}), json!("text"), Value::Null, json!(["a", "b"])]);
    let mut command = greenroom(&["run", &scenarios(), "tries", r#"["vars"]"#, "--allow", "env=GREENROOM_TEST"]);
    let ran = Ran::from(command.env("GREENROOM_TEST", "from outside").output().expect("it starts"));
    assert_eq!(found(&ran), [json!({"GREENROOM_TEST": "from outside"})], "{}", ran.stderr);
}

#[test]
fn a_program_without_grants_that_asks_for_nothing_gets_no_warning() {
    for (module, entry) in [
        (scenarios(), "returns"),
        (text("echo").display().to_string(), "main"),
        (text("core").display().to_string(), "main"),
    ] {
        for profile in ["local", "untrusted"] {
            let ran = run(&["run", &module, entry, "1", "--profile", profile]);
            assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{module}, {profile}");
        }
    }
    let ran = tries(&json!(["vars", {"clocks": 1}]), &["--profile", "untrusted"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
}

#[test]
fn the_first_refusal_of_each_kind_is_told_once_with_the_flag_that_allows_it() {
    let attempts = json!([{"read": "/a"}, {"read": "/b"}, {"tcp": "127.0.0.1:9"}, {"udp": "127.0.0.1:9"}, {"look-up": "a.example"}]);
    let ran = tries(&attempts, &[]);
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{}", ran.stderr);
    assert!(
        lines[0].starts_with("warning: an actor of `scenarios` asked for files")
            && lines[0].contains("--allow dir=FOLDER")
    );
    assert!(
        lines[1].contains("the network") && lines[1].contains("--allow net=HOST:PORT would allow it"),
        "{}",
        lines[1]
    );
    // With something granted it is known what is missing; C's library asks for folders when it makes a socket.
    for (attempt, flag) in [
        (json!({"tcp": "127.0.0.1:9"}), "--allow net=127.0.0.1:9"),
        (json!({"look-up": "A.example"}), "--allow net=a.example:PORT"),
    ] {
        let ran = tries(&json!([attempt, attempt]), &["--allow", "net=127.0.0.1:1"]);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        assert!(ran.stderr.contains(flag), "{}", ran.stderr);
    }
    let steps = json!([{"register": "a"}, {"register": "b"}, {"send": ["a@", 1]}, {"spawn": ["x/y", []]}, {"spawn": ["x/y", []]}]);
    let ran = run(&["run", &scenarios(), "script", &steps.to_string(), "--profile", "untrusted"]);
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!((ran.code, lines.len()), (Some(0), 4), "{}", ran.stderr);
    assert!(lines[2].starts_with("refused: modules 2 times") && lines[3].starts_with("refused: names 3 times"));
    assert!(lines[0].contains("cannot register `a`") && lines[0].contains("--allow names would allow it"));
    assert!(lines[1].contains("cannot spawn `x/y`") && lines[1].contains("--allow modules would allow it"));
    // A child that its parent has given less is the parent's business.
    let looks = json!([{"spawn-with": ["tries", [[{"read": "/a"}, {"tcp": "127.0.0.1:9"}]], {"grants": []}]}, {"wait": ["0", null]}]);
    let (_kept, path) = folder();
    let ran = run(&[
        "run",
        &scenarios(),
        "script",
        &looks.to_string(),
        "--allow",
        &format!("dir={path}::/d,net=127.0.0.1:1"),
    ]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_refusal_that_is_not_handled_is_exit_code_5() {
    let ran = run(&["run", &scenarios(), "finds", "clerk", "--profile", "untrusted"]);
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert!(ran.stderr.contains("--allow names") && ran.stderr.contains("explain not-permitted"), "{}", ran.stderr);
}

#[test]
fn strict_starts_nothing_that_imports_what_it_is_not_granted() {
    let fails = |flags: &[&str], words: &[&str], not: &str| {
        let ran = tries(&json!([]), &[&["--strict"], flags].concat());
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(5), ""), "{}", ran.stderr);
        assert!(words.iter().all(|word| ran.stderr.contains(word)), "{}", ran.stderr);
        assert!(not.is_empty() || !ran.stderr.contains(not), "{}", ran.stderr);
    };
    fails(
        &[],
        &["wasi:filesystem/types@", "--allow dir=FOLDER", "wasi:sockets/tcp@", "--allow net=HOST:PORT"],
        "environment",
    );
    let (_kept, path) = folder();
    fails(&["--allow", &format!("dir={path}")], &["wasi:sockets/udp@"], "wasi:filesystem");
    let ran = tries(&json!([]), &["--strict", "--allow", &format!("dir={path},net=127.0.0.1:1")]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let ran = run(&["run", &guest("ring").display().to_string(), "build", "3", "--strict", "--profile", "untrusted"]);
    assert_eq!(ran.code, Some(0), "a program that only computes and sends is granted all it imports: {}", ran.stderr);
}

#[test]
fn inspect_shows_what_is_imported_and_not_granted() {
    let ran = run(&["inspect", &scenarios()]);
    let line =
        |of: &str| ran.stdout.lines().find(|line| line.contains(of)).unwrap_or_else(|| panic!("{of}: {}", ran.stdout));
    assert!(line("wasi:filesystem/types@").ends_with("not granted without --allow dir=FOLDER"));
    assert!(line("wasi:sockets/tcp@").ends_with("not granted without --allow net=HOST:PORT"));
    assert!(line("wasi:cli/environment@").ends_with("empty without --allow env=NAME"));
    assert!(!line("wasi:io/streams@").contains("--allow") && !line("greenroom:actor/registry@").contains("--allow"));
    let ran = run(&["inspect", &scenarios(), "--format", "json"]);
    let told: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let needs = told["needs"].as_object().expect("an object");
    assert!(
        needs.iter().all(|(name, _)| told["imports"].as_array().is_some_and(|all| all.contains(&json!(name)))),
        "{needs:?}"
    );
    assert_eq!(needs.values().filter(|need| **need == "dir=FOLDER").count(), 2, "{needs:?}");
}

#[test]
fn what_cannot_be_allowed_is_2_and_says_what_can() {
    for (allow, words) in [
        ("dir=./nowhere:ro", &["./nowhere", "there is none of that name", "dir=FOLDER"][..]),
        ("files=.", &["no grant `files=.`", "net=HOST:PORT"]),
        ("net=example.org", &["example.org", "port"]),
        ("env=GREENROOM_NO_SUCH", &["GREENROOM_NO_SUCH", "not set", "env=NAME=VALUE"]),
    ] {
        let ran = run(&["run", &scenarios(), "returns", "1", "--allow", allow]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{allow}");
        assert!(words.iter().all(|word| ran.stderr.contains(word)), "{}", ran.stderr);
    }
    let ran = run(&["run", &scenarios(), "returns", "1", "--profile", "hostile"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("untrusted"), "{}", ran.stderr);
}

/// A shell that lets the program have so many descriptors at most.
fn with_descriptors(most: u32, args: &[&str]) -> Ran {
    let program = greenroom(args);
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("ulimit -n {most} && exec \"$0\" \"$@\"")])
        .arg(program.get_program())
        .args(program.get_args());
    program.get_envs().for_each(|(name, value)| match value {
        Some(value) => _ = shell.env(name, value),
        None => _ = shell.env_remove(name),
    });
    let output: Output = shell.current_dir(crate::command::root()).output().expect("a shell");
    Ran::from(output)
}

#[test]
fn files_leave_descriptors_to_the_program() {
    let (_kept, path) = folder();
    let attempts = json!([{"open-many": ["/d/a", 900]}, {"open-many": ["/d/a", 900]}]).to_string();
    let allow = format!("dir={path}::/d,net=127.0.0.1:1");
    let ran = with_descriptors(256, &["run", &scenarios(), "tries", &attempts, "--allow", &allow]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    let opened: Vec<u64> = found(&ran).iter().map(|opened| opened.as_u64().expect("a number")).collect();
    assert!(opened.iter().all(|opened| (100..=256 - 64).contains(opened)), "{opened:?}");
}

/// The names of the program's threads.
#[cfg(target_os = "linux")]
fn threads(program: &std::process::Child) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", program.id())).expect("it lives");
    tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok()).collect()
}

#[test]
#[cfg(target_os = "linux")]
fn threads_for_files_and_sockets_start_with_the_first_actor_that_may_have_some() {
    use std::io::BufRead;

    let (_kept, path) = folder();
    let dir = format!("dir={path}");
    let attempts = json!([[{"eprint": "it runs"}, {"receive": [[], null]}]]);
    for (allow, started) in [("env=A=1", false), (&dir, true), ("net=127.0.0.1:1", true)] {
        let steps = attempts[0].to_string();
        let mut command = greenroom(&["run", &scenarios(), "script", &steps, "--allow", allow]);
        let mut program = command.stderr(std::process::Stdio::piped()).spawn().expect("it starts");
        let mut line = String::new();
        std::io::BufReader::new(program.stderr.take().expect("piped")).read_line(&mut line).expect("a line");
        let threads = threads(&program);
        program.kill().expect("it lives");
        program.wait().expect("it ends");
        assert!(line.contains("it runs"), "{line}");
        let names = |name: &str| threads.iter().filter(|thread| thread.trim() == name).count();
        assert!(names("greenroom-worke") > 0, "{threads:?}");
        assert_eq!(names("greenroom-io") > 0, started, "{allow}: {threads:?}");
        assert_eq!(names("tokio-runtime-w") + names("tokio-rt-worker"), 0, "{threads:?}");
    }
}
