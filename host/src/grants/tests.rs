//! Grants: what is read, what is handed on, what two have in common.

use super::*;

fn grants(text: &str) -> Grants {
    text.parse().unwrap_or_else(|why| panic!("{text}: {why}"))
}

fn asked(texts: &[&str]) -> Vec<Grant> {
    texts.iter().map(|text| text.parse().expect(text)).collect()
}

/// Two folders, one in the other.
fn folders() -> (tempfile::TempDir, String, String) {
    let outer = tempfile::tempdir().expect("a folder");
    let inner = outer.path().join("inner");
    std::fs::create_dir(&inner).expect("a folder");
    let (a, b) = (outer.path().display().to_string(), inner.display().to_string());
    (outer, a, b)
}

#[test]
fn what_is_granted_is_held_and_nothing_else() {
    let (_kept, a, _) = folders();
    let some = grants(&format!("env=A=1=2,dir={a}::data:rw,net=h:80, names ,"));
    for held in ["env=A", "dir=/data", "dir=data:ro", "dir=./data/:rw", "net=H:80", "names"] {
        assert!(some.holds(&held.parse().expect(held)), "{held}");
    }
    for other in ["env=B", "dir=/", "dir=/data/inner", "net=h:81", "net=h:*", "net=g:80", "modules", "fine-clock"] {
        assert!(!some.holds(&other.parse().expect(other)), "{other}");
    }
    assert_eq!(some.variables().collect::<Vec<_>>(), [(&"A".to_owned(), &"1=2".to_owned())]);
    assert_eq!(Grants::default(), grants(""));
    let all = ["env=A", "dir=/a", "net=h:1", "names", "modules", "remote-spawn", "fine-clock"];
    for grant in asked(&all) {
        assert!(!Grants::none().holds(&grant), "{grant}");
        let of_local = matches!(grant, Grant::Names | Grant::Modules | Grant::RemoteSpawn | Grant::FineClock);
        assert_eq!(Grants::local().holds(&grant), of_local, "{grant}");
    }
}

#[test]
fn what_cannot_be_granted_says_what_was_tried_and_what_to_do() {
    let (_kept, a, b) = folders();
    let missing = format!("dir={a}/nowhere:ro");
    let file = format!("{a}/file");
    std::fs::write(&file, "").expect("a file");
    let (file, twice) = (format!("dir={file}"), format!("dir={a}::/x,dir={b}::x"));
    let (up, access) = (format!("dir={a}/.."), format!("dir={a}:rx"));
    for (text, words) in [
        ("files=./data", &["no grant `files=./data`", "dir=FOLDER"][..]),
        ("2", &["no grant `2`"]),
        ("env", &["`env` needs a value", "env=NAME=VALUE"]),
        ("dir=", &["`dir` needs a value", "dir=FOLDER:rw"]),
        ("net", &["`net` needs a value", "HOST:*"]),
        ("names=yes", &["`names` takes no value"]),
        ("env=GREENROOM_NO_SUCH", &["GREENROOM_NO_SUCH", "not set here", "env=NAME=VALUE"]),
        ("env==1", &["no name"]),
        (&missing, &["nowhere", "none of that name"]),
        (&file, &["/file`", "it is a file"]),
        (&access, &[":rx`", "[:ro|:rw]"]),
        (&up, &["`..`", "dir=../data::/data"]),
        (&twice, &["`/x`", "another path"]),
        ("net=example.org", &["example.org", "no `:`"]),
        ("dir=/dev/null", &["it is a file"]),
    ] {
        let error = text.parse::<Grants>().expect_err(text).to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{text}: {error}");
    }
    assert!("env=A=1".parse::<Grant>().expect_err("a value").to_string().contains("command line only"));
}

#[test]
fn a_child_has_what_it_asks_for_and_never_more_than_its_parent() {
    let (_kept, a, b) = folders();
    let parent = grants(&format!("env=A=1,env=B=2,dir={a}::/a:rw,dir={b}::/b:ro,net=h:*,names"));
    let child = parent.narrowed(&asked(&["env=A", "dir=/a:ro", "net=h:80"])).expect("all of it is there");
    assert_eq!(child, grants(&format!("env=A=1,dir={a}::/a:ro,net=h:80")));
    assert_eq!(parent.narrowed(&[]), Ok(Grants::none()));
    assert_eq!(parent.narrowed(&asked(&["dir=/b:ro"])), Ok(grants(&format!("dir={b}::/b"))));
    for more in ["env=C", "dir=/b:rw", "dir=/c", "dir=/a/inner", "net=g:1", "modules", "remote-spawn", "fine-clock"] {
        assert_eq!(parent.narrowed(&asked(&["names", more])), Err(more.parse().expect(more)), "{more}");
    }
    assert_eq!(child.narrowed(&asked(&["net=h:81"])), Err("net=h:81".parse().expect("a grant")));
}

#[test]
fn two_have_in_common_what_both_have() {
    let (_kept, a, b) = folders();
    let mine = grants(&format!("env=A=1,env=B=2,dir={a}::/data:rw,dir={b}::/b:rw,net=h:*,net=g:1,names,modules"));
    let theirs = grants(&format!("env=A=1,env=B=3,dir={a}::/other:ro,net=h:80,net=g:2,names,fine-clock"));
    assert_eq!(mine.common(&theirs), grants(&format!("env=A=1,dir={a}::/data:ro,net=h:80,names")));
    assert_eq!(theirs.common(&mine), grants(&format!("env=A=1,dir={a}::/other:ro,net=h:80,names")));
    assert_eq!((mine.common(&Grants::none()), Grants::none().common(&mine)), (Grants::none(), Grants::none()));
    assert_eq!((mine.common(&Grants::program()), Grants::program().common(&mine)), (mine.clone(), mine));
}

#[test]
fn a_folder_stays_what_it_was_though_another_takes_its_place() {
    let (kept, _, b) = folders();
    let first = grants(&format!("dir={b}::/b"));
    std::fs::rename(&b, kept.path().join("moved")).expect("it moves");
    std::os::unix::fs::symlink("/", &b).expect("a link in its place");
    let second = grants(&format!("dir={b}::/b"));
    assert_ne!(first, second);
    assert_eq!(first.common(&second), Grants::none());
}

#[test]
fn a_grant_is_written_as_it_is_read() {
    for text in ["env=A", "dir=/data:ro", "dir=/:rw", "net=h:80", "net=[::1]:*", "names", "modules", "remote-spawn"] {
        assert_eq!(text.parse::<Grant>().expect(text).to_string(), text);
    }
    assert_eq!("dir=.".parse::<Grant>().expect("a grant").to_string(), "dir=/:ro");
}
