//! The secret of a mesh on the command line: made once, for its owner alone, and never shown.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use crate::home::Home;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

#[test]
fn a_new_cookie_is_a_file_for_its_owner_alone_and_is_not_printed() {
    let (home, other) = (Home::new(), Home::new());
    let ran = home.run(&["cookie", "new"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert_eq!(ran.stdout, format!("{}\n", home.cookie().display()));
    let cookie = fs::read_to_string(home.cookie()).expect("a cookie");
    assert_eq!((cookie.len(), cookie.lines().count()), (53, 1), "256 bits, five a character, and a line's end");
    assert_eq!((mode(&home.cookie()), mode(home.cookie().parent().expect("a folder"))), (0o600, 0o700));
    let path = other.path().join("deep/down");
    let told = other.tells(&["cookie", "new", "--file", &path.display().to_string()]);
    assert_eq!(told["path"], path.display().to_string());
    assert_ne!(fs::read_to_string(path).expect("a cookie"), cookie);
    assert!(!other.cookie().exists());
}

#[test]
fn a_cookie_that_is_there_is_not_replaced() {
    let home = Home::with_cookie();
    let cookie = fs::read_to_string(home.cookie()).expect("a cookie");
    let ran = home.fails(&["cookie", "new"], 2, &["already", "stays as it is", "rm "]);
    assert!(!ran.stderr.contains(cookie.trim()));
    assert_eq!(fs::read_to_string(home.cookie()).expect("a cookie"), cookie);
}

#[test]
fn what_is_wrong_with_a_cookie_s_file_is_said_and_not_what_is_in_it() {
    let home = Home::new();
    let file = home.path().join("c");
    let path = file.display().to_string();
    let node = ["node", "--name", "127.0.0.1:0", "--cookie-file", &path];
    home.fails(&node, 3, &["there is no cookie file", "greenroom cookie new"]);
    home.fails(&["run", "nowhere", "main", "--name", "127.0.0.1:0", "--cookie-file", &path], 3, &["no cookie file"]);
    for (text, word) in [
        ("s3cret-s3cret-s3cret-", "21 characters, which could be guessed"),
        ("s3cret s3cret s3cret s3cret", "one line"),
        ("s3cret-s3cret-s3cret-s3cret\ns3cret", "one line"),
        ("s3cret-s3cret-s3cret-s3cret@127.0.0.1:1", "without spaces and `@`"),
        ("\n", "is empty"),
    ] {
        fs::write(&file, text).expect("a file");
        home.set_mode(&file, 0o600);
        let ran = home.fails(&node, 2, &[word, "greenroom cookie new"]);
        assert!(!ran.stderr.contains("s3cret"), "{}", ran.stderr);
    }
    fs::write(&file, "s3cret-s3cret-s3cret-s3cret").expect("a file");
    for mode in [0o640, 0o604, 0o620] {
        home.set_mode(&file, mode);
        let ran = home.fails(&node, 2, &["by others", "chmod 600", &format!("{mode:o}")]);
        assert!(!ran.stderr.contains("s3cret"), "{}", ran.stderr);
    }
    home.set_mode(&file, 0o600);
    // Only root can give a file away.
    if chown(&file, Some(65534), None).is_ok() {
        home.fails(&node, 2, &["belongs to the user 65534"]);
    }
    home.fails(&["node", "--name", "127.0.0.1:0", "--cookie-file", "/dev/null"], 2, &["is no file"]);
}

#[test]
fn a_cookie_is_no_argument() {
    let home = Home::with_cookie();
    for args in [
        &["node", "--name", "s3cret@127.0.0.1:0"][..],
        &["node", "--name", "127.0.0.1:0", "--join", "s3cret@127.0.0.1:1"],
        &["run", "nowhere", "main", "--join", "s3cret@127.0.0.1:1"],
        &["mesh", "ping", "s3cret@127.0.0.1:1"],
        &["ps", "--node", "s3cret@127.0.0.1:1"],
    ] {
        let ran = home.fails(args, 2, &["HOST:PORT, without a cookie"]);
        assert!(!ran.stderr.contains("s3cret"), "{}", ran.stderr);
    }
}

#[test]
fn the_environment_may_name_the_file() {
    let home = Home::new();
    let file = home.path().join("mine");
    let with = |args: &[&str]| {
        let mut command = home.command(args);
        command.env("GREENROOM_COOKIE_FILE", &file);
        command
    };
    let made = with(&["cookie", "new"]).status().expect("it starts");
    assert!(made.success() && file.exists() && !home.cookie().exists());
    let node = crate::home::Running::new(with(&["node", "--name", "127.0.0.1:0", "--format", "json"]));
    drop(node);
    home.fails(&["node", "--name", "127.0.0.1:0"], 3, &[&home.cookie().display().to_string()]);
}
