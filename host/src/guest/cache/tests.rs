//! What the cache promises: our own bytes as they were, or nothing.

use std::os::unix::fs::{PermissionsExt, chown};
use std::thread;
use std::time::Duration;

use super::*;

const MIB: u64 = 1 << 20;

fn cache(bytes_max: u64) -> (tempfile::TempDir, Cache) {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::open(folder.path().join("code"), bytes_max).unwrap();
    (folder, cache)
}

fn key(component: &str) -> Key {
    Key::new(blake3::hash(component.as_bytes()), &("engine", 1))
}

fn entries(cache: &Cache) -> usize {
    let names = fs::read_dir(&cache.folder).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().ends_with(SUFFIX_ANY)).count()
}

/// Makes an entry look as if it had been used that long ago.
fn age(cache: &Cache, key: &Key, seconds: u64) {
    let time = SystemTime::now() - Duration::from_secs(seconds);
    File::open(cache.path(key)).unwrap().set_modified(time).unwrap();
}

#[test]
fn what_was_put_is_there_also_for_the_next_process() {
    let (_folder, cache) = cache(MIB);
    assert_eq!(cache.get(&key("ring")), None);
    cache.put(&key("ring"), b"machine code").unwrap();
    cache.put(&key("empty"), b"").unwrap();
    let next = Cache::open(cache.folder.clone(), MIB).unwrap();
    assert_eq!(next.get(&key("ring")).unwrap(), b"machine code");
    assert_eq!(next.get(&key("empty")).unwrap(), b"");
    next.put(&key("ring"), b"other code").unwrap();
    assert_eq!(cache.get(&key("ring")).unwrap(), b"other code");
}

#[test]
fn another_component_or_another_engine_is_another_entry() {
    let (_folder, cache) = cache(MIB);
    cache.put(&key("ring"), b"machine code").unwrap();
    assert_eq!(cache.get(&key("king")), None);
    assert_eq!(cache.get(&Key::new(blake3::hash(b"ring"), &("engine", 2))), None);
    assert!(cache.get(&key("ring")).is_some());
}

#[test]
fn an_entry_with_one_bit_changed_is_removed() {
    let (_folder, cache) = cache(MIB);
    cache.put(&key("ring"), b"machine code").unwrap();
    let path = cache.path(&key("ring"));
    let sound = fs::read(&path).unwrap();
    for position in 0..sound.len() * 8 {
        let mut changed = sound.clone();
        changed[position / 8] ^= 1 << (position % 8);
        fs::write(&path, changed).unwrap();
        assert_eq!(cache.get(&key("ring")), None, "bit {position}");
        assert!(!path.exists(), "bit {position}");
    }
    fs::write(&path, sound).unwrap();
    assert!(cache.get(&key("ring")).is_some());
}

#[test]
fn an_entry_cut_short_or_made_longer_is_removed() {
    let (_folder, cache) = cache(MIB);
    cache.put(&key("ring"), b"machine code").unwrap();
    let path = cache.path(&key("ring"));
    let sound = fs::read(&path).unwrap();
    let longer = [&sound[..], b"!"].concat();
    for changed in (0..sound.len()).map(|length| &sound[..length]).chain([&longer[..]]) {
        fs::write(&path, changed).unwrap();
        assert_eq!(cache.get(&key("ring")), None, "{} bytes", changed.len());
        assert!(!path.exists(), "{} bytes", changed.len());
    }
}

#[test]
fn an_entry_of_another_cache_or_of_another_key_is_removed() {
    let (_folder, ours) = cache(MIB);
    let (_other_folder, theirs) = cache(MIB);
    theirs.put(&key("ring"), b"forged").unwrap();
    fs::copy(theirs.path(&key("ring")), ours.path(&key("ring"))).unwrap();
    assert_eq!(ours.get(&key("ring")), None);
    ours.put(&key("king"), b"code of king").unwrap();
    fs::copy(ours.path(&key("king")), ours.path(&key("ring"))).unwrap();
    assert_eq!(ours.get(&key("ring")), None);
    assert_eq!(entries(&ours), 1);
}

#[test]
fn threads_that_put_one_key_leave_one_whole_entry() {
    let (_folder, cache) = cache(64 * MIB);
    let codes: Vec<Vec<u8>> = (0..8).map(|n| vec![n; 100_000 + usize::from(n)]).collect();
    thread::scope(|scope| {
        for code in &codes {
            // A `Cache` of its own, as another process would have: only the file's lock is between them.
            let cache = Cache::open(cache.folder.clone(), cache.bytes_max).unwrap();
            scope.spawn(move || {
                for _ in 0..20 {
                    cache.put(&key("ring"), code).unwrap();
                    cache.get(&key("ring")).expect("an entry is replaced in one step");
                }
            });
        }
    });
    assert!(codes.contains(&cache.get(&key("ring")).unwrap()));
    assert_eq!(entries(&cache), 1);
    assert!(!cache.folder.join("writing").exists());
}

#[test]
fn the_entry_unused_for_longest_goes_first() {
    let head = HEAD_BYTES as u64;
    let (_folder, cache) = cache(3 * (head + 100));
    let code = [7; 100];
    for (name, seconds) in [("a", 30), ("b", 20), ("c", 10)] {
        cache.put(&key(name), &code).unwrap();
        age(&cache, &key(name), seconds);
    }
    // Used now, so `b` is the oldest.
    assert!(cache.get(&key("a")).is_some());
    cache.put(&key("d"), &code).unwrap();
    let there = ["a", "b", "c", "d"].map(|name| cache.get(&key(name)).is_some());
    assert_eq!(there, [true, false, true, true]);
}

#[test]
fn the_cache_stays_within_its_bound_whatever_is_put() {
    let (_folder, cache) = cache(10_000);
    for n in 0..50 {
        cache.put(&key(&n.to_string()), &vec![0; n * 150]).unwrap();
        let sizes = fs::read_dir(&cache.folder).unwrap().map(|entry| entry.unwrap()).filter_map(|entry| {
            entry.file_name().to_string_lossy().ends_with(SUFFIX_ANY).then(|| entry.metadata().unwrap().len())
        });
        assert!(sizes.sum::<u64>() <= 10_000);
        assert!(entries(&cache) >= 1);
    }
    let too_large = cache.put(&key("large"), &[0; 10_000]).unwrap_err();
    assert!(matches!(too_large, CacheError::TooLarge { bytes: 10_040, bytes_max: 10_000, .. }), "{too_large}");
}

#[test]
fn entries_of_other_versions_are_not_read_and_go_by_their_age() {
    let (_folder, cache) = cache(1_000);
    let other = cache.folder.join("0123-4567.9.code");
    fs::write(&other, [0; 500]).unwrap();
    File::open(&other).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    cache.put(&key("ring"), &[0; 100]).unwrap();
    assert_eq!(cache.get(&key("0123")), None);
    assert!(other.exists());
    cache.put(&key("king"), &[0; 400]).unwrap();
    assert!(!other.exists());
    assert!(cache.get(&key("ring")).is_some());
}

#[test]
fn everything_in_the_folder_is_this_users_alone() {
    let (_folder, cache) = cache(MIB);
    cache.put(&key("ring"), b"machine code").unwrap();
    assert_eq!(fs::metadata(&cache.folder).unwrap().mode() & 0o777, 0o700);
    for entry in fs::read_dir(&cache.folder).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().mode() & 0o777, 0o600, "{:?}", entry.file_name());
    }
}

#[test]
fn a_secret_that_others_could_read_is_replaced() {
    let (_folder, cache) = cache(MIB);
    cache.put(&key("ring"), b"machine code").unwrap();
    let secret = cache.folder.join("secret");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o640)).unwrap();
    let next = Cache::open(cache.folder.clone(), MIB).unwrap();
    assert_ne!(next.secret, cache.secret);
    assert_eq!(next.get(&key("ring")), None);
    for broken in [&b""[..], &[1; 31], &[1; 33]] {
        fs::write(&secret, broken).unwrap();
        Cache::open(cache.folder.clone(), MIB).unwrap();
        assert_eq!(fs::read(&secret).unwrap().len(), blake3::KEY_LEN);
    }
}

#[test]
fn a_folder_that_others_can_write_to_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for mode in [0o770, 0o702, 0o777] {
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
        let error = Cache::open(folder.path().into(), MIB).unwrap_err();
        assert!(error.to_string().ends_with(&format!("others may write to it (mode {mode:o}, not 700)")), "{error}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_folder_of_another_user_is_refused() {
    let made = tempfile::tempdir().unwrap();
    // Root can give a folder away; for everybody else `/` is another user's.
    let is_root = chown(made.path(), Some(1), None).is_ok();
    let folder = if is_root { made.path() } else { Path::new("/") };
    let error = Cache::open(folder.into(), MIB).unwrap_err();
    assert!(matches!(error, CacheError::NotOurs { .. }), "{error}");
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error_that_names_it() {
    let error = Cache::open("/dev/null/code".into(), MIB).unwrap_err();
    assert_eq!(error.to_string(), "cannot keep compiled code in /dev/null/code: Not a directory (os error 20)");
}

#[test]
fn a_folder_that_is_gone_or_cannot_be_written_is_an_error_and_no_entry() {
    let (_folder, cache) = cache(MIB);
    // Something is in the way of the file: as on a read-only disk, being root does not help.
    fs::create_dir(cache.folder.join("writing")).unwrap();
    let error = cache.put(&key("ring"), b"machine code").unwrap_err();
    assert!(matches!(error, CacheError::Unusable { .. }), "{error}");
    assert_eq!(cache.get(&key("ring")), None);
    fs::remove_dir_all(&cache.folder).unwrap();
    assert!(cache.put(&key("ring"), b"machine code").is_err());
    assert_eq!(cache.get(&key("ring")), None);
}
