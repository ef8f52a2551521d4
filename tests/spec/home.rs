//! A user's home: cookies, control sockets, and nodes that run as programs.

use std::io::{BufRead, BufReader, Lines};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Ran, greenroom};
use crate::stage::guest;

/// How long something may take that comes at once on a quiet machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A user's folders, empty at first. In the system's own folder for such: the path of a socket must be short.
pub struct Home(TempDir);

impl Home {
    pub fn new() -> Home {
        Home(tempfile::tempdir().expect("a folder"))
    }

    /// With a cookie.
    pub fn with_cookie() -> Home {
        let home = Home::new();
        assert_eq!(home.run(&["cookie", "new"]).code, Some(0));
        home
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Where a cookie is made unless something else is said.
    pub fn cookie(&self) -> PathBuf {
        self.path().join(".config/greenroom/cookie")
    }

    pub fn sockets(&self) -> PathBuf {
        self.path().join("greenroom")
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = greenroom(args);
        command.env("HOME", self.path()).env("XDG_RUNTIME_DIR", self.path());
        for variable in ["XDG_CONFIG_HOME", "GREENROOM_COOKIE_FILE"] {
            command.env_remove(variable);
        }
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        Ran::from(self.command(args).output().expect("the program starts"))
    }

    /// Runs the program, which must succeed, and answers its result.
    pub fn does(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!(ran.code, Some(0), "greenroom {}: {}", args.join(" "), ran.stderr);
        ran.stdout.trim_end().to_owned()
    }

    /// As [`Home::does`], for a result that is JSON.
    pub fn tells(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.does(&[args, &["--format", "json"]].concat())).expect("JSON")
    }

    /// Runs the program, which must fail so, and say all of this.
    pub fn fails(&self, args: &[&str], code: i32, words: &[&str]) -> Ran {
        let ran = self.run(args);
        assert_eq!(ran.code, Some(code), "greenroom {}\n{}", args.join(" "), ran.stderr);
        assert_eq!(ran.stdout, "", "a failure prints no result");
        for word in words {
            assert!(ran.stderr.contains(word), "`{word}` is not said:\n{}", ran.stderr);
        }
        assert!(!ran.stderr.contains("panicked at host"), "{}", ran.stderr);
        ran
    }

    /// A node with the scenarios, once it is up, under a free port of this machine.
    pub fn node(&self) -> Running {
        self.node_with(&[])
    }

    pub fn node_with(&self, flags: &[&str]) -> Running {
        self.node_named("127.0.0.1:0", flags)
    }

    /// A node that has loaded no module.
    pub fn bare_node(&self, flags: &[&str]) -> Running {
        Running::new(self.command(&[&["node", "--name", "127.0.0.1:0", "--format", "json"], flags].concat()))
    }

    pub fn node_named(&self, name: &str, flags: &[&str]) -> Running {
        let module = guest("scenarios").display().to_string();
        let args = ["node", "--name", name, "--load", &module, "--format", "json"];
        Running::new(self.command(&[&args, flags].concat()))
    }

    pub fn set_mode(&self, path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("it is ours");
    }
}

/// A node that runs. Killed when it is dropped.
pub struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
    /// What it said when it was up.
    pub up: Value,
    pub name: String,
}

impl Running {
    pub fn new(mut command: Command) -> Running {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut lines = BufReader::new(child.stderr.take().expect("stderr is piped")).lines();
        let first = lines.next().expect("it says that it is up").expect("text");
        let up = serde_json::from_str::<Value>(&first).expect("JSON")["node"].take();
        let name = up["name"].as_str().expect("its name").to_owned();
        Running { child, lines, up, name }
    }

    /// Reads what it says on stderr until a line with this text.
    pub fn until(&mut self, text: &str) -> String {
        self.lines.by_ref().map_while(Result::ok).find(|line| line.contains(text)).expect("it says so")
    }

    pub fn socket(&self) -> PathBuf {
        self.up["socket"].as_str().expect("a path").into()
    }

    pub fn signal(&self, name: &str) {
        let killed = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(killed.is_ok_and(|status| status.success()), "the node runs");
    }

    /// Waits for its end. Its exit code, and the rest of what it said on stderr.
    pub fn end(mut self) -> (Option<i32>, String) {
        let (done, end) = mpsc::channel();
        thread::spawn(move || {
            let said: Vec<String> = self.lines.by_ref().map_while(Result::ok).collect();
            let status = self.child.wait().expect("it can be waited for");
            _ = done.send((status.code(), said.join("\n")));
        });
        end.recv_timeout(PATIENCE).expect("it ends")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Asks again until it is so.
pub fn until(mut so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < PATIENCE, "it does not come");
        thread::yield_now();
    }
}
