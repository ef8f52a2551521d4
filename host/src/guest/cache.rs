//! Compiled code on disk, so that a module is compiled once on a machine.

use std::fs::{self, DirBuilder, File, Metadata};
use std::hash::Hasher;
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use thiserror::Error;

/// The first bytes of an entry; the last of them is the version of its layout. Files of another version have another
/// name, so they are never opened, and go by their age like all others.
const MAGIC: [u8; 8] = *b"grn-cod\x01";

/// How the name of an entry of this version ends.
const SUFFIX: &str = ".1.code";

/// How the name of an entry of any version ends.
const SUFFIX_ANY: &str = ".code";

/// An entry's head: the magic and the seal. The code follows, to the end of the file.
const HEAD_BYTES: usize = MAGIC.len() + blake3::OUT_LEN;

/// A folder of compiled code that only this user's hosts wrote, or it is not loaded.
///
/// Compiled code runs with all the rights of the process, so a file is believed for one reason only: its seal, a keyed
/// BLAKE3 over all of it, made with a random key that lies in the same folder and that nobody else can read. Whoever
/// can read that could as well replace the host itself.
///
/// Any number of processes may share a folder: they write under a lock and rename into place, and read without.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
    bytes_max: u64,
    secret: [u8; blake3::KEY_LEN],
}

/// What compiled code was made of: the component, and an engine's version and settings.
#[derive(Debug)]
pub(crate) struct Key {
    component: blake3::Hash,
    engine: blake3::Hash,
}

/// Why a folder cannot hold compiled code, or did not take it. Everything works without, a start only takes longer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CacheError {
    /// The folder cannot be made or written to.
    #[error("cannot keep compiled code in {}: {source}", folder.display())]
    Unusable {
        /// The cache's folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The folder is another user's, who could change what is in it.
    #[error("cannot keep compiled code in {}: the folder belongs to another user (id {owner})", folder.display())]
    NotOurs {
        /// The cache's folder.
        folder: PathBuf,
        /// Its owner's user id.
        owner: u32,
    },
    /// Other users may write to the folder.
    #[error("cannot keep compiled code in {}: others may write to it (mode {mode:03o}, not 700)", folder.display())]
    Exposed {
        /// The cache's folder.
        folder: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// One entry would fill the whole cache.
    #[error("cannot keep {bytes} bytes of compiled code in {}: it may hold {bytes_max} in all", folder.display())]
    TooLarge {
        /// The cache's folder.
        folder: PathBuf,
        /// The entry's size.
        bytes: u64,
        /// The cache's bound.
        bytes_max: u64,
    },
}

impl Key {
    /// `component` is the hash of what is given to the compiler; `engine` is whatever stands for everything else that
    /// decides what comes out of it.
    pub(crate) fn new(component: blake3::Hash, engine: &impl std::hash::Hash) -> Key {
        let mut digest = Digest(blake3::Hasher::new());
        engine.hash(&mut digest);
        Key { component, engine: digest.0.finalize() }
    }
}

/// Collects what `Hash` writes. Its 64 bits are too few to tell settings apart when much hangs on it.
struct Digest(blake3::Hasher);

impl Hasher for Digest {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let hash = self.0.finalize();
        u64::from_le_bytes(*hash.as_bytes().first_chunk().expect("a hash has 32 bytes"))
    }
}

impl Cache {
    /// Uses `folder`, which is made if it is not there, for at most `bytes_max` bytes of compiled code.
    ///
    /// # Errors
    ///
    /// If the folder cannot be made or written to, or if others could write to it.
    pub(crate) fn open(folder: PathBuf, bytes_max: u64) -> Result<Cache, CacheError> {
        let unusable = |source| CacheError::Unusable { folder: folder.clone(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(unusable)?;
        let metadata = fs::metadata(&folder).map_err(unusable)?;
        if !is_ours(&metadata) {
            return Err(CacheError::NotOurs { owner: metadata.uid(), folder });
        }
        let mode = metadata.mode() & 0o777;
        if mode & 0o022 != 0 {
            return Err(CacheError::Exposed { mode, folder });
        }
        let secret = lock(&folder).and_then(|_lock| secret(&folder)).map_err(unusable)?;
        Ok(Cache { folder, bytes_max, secret })
    }

    /// The code that was put under this key, if it is still there and every byte of it as it was written.
    ///
    /// A file that is not is removed: a half-written one, a changed one, one that was put there by hand.
    pub(crate) fn get(&self, key: &Key) -> Option<Vec<u8>> {
        let path = self.path(key);
        let mut file = File::open(&path).ok()?;
        let code = self.read(&mut file, key);
        // In either case the worst is a module that is compiled once more.
        _ = match code {
            Some(_) => file.set_modified(SystemTime::now()),
            None => fs::remove_file(&path),
        };
        code
    }

    fn read(&self, file: &mut File, key: &Key) -> Option<Vec<u8>> {
        let code_bytes = file.metadata().ok()?.len().checked_sub(HEAD_BYTES as u64)?;
        if code_bytes > self.bytes_max {
            return None;
        }
        let mut head = [0; HEAD_BYTES];
        file.read_exact(&mut head).ok()?;
        let (magic, seal) = head.split_first_chunk().expect("a head begins with the magic");
        let mut code = Vec::with_capacity(usize::try_from(code_bytes).ok()?);
        file.take(code_bytes).read_to_end(&mut code).ok()?;
        // Comparing hashes takes the same time whichever byte differs.
        let is_sealed = self.seal(magic, key, &code) == blake3::Hash::from_slice(seal).ok()?;
        (*magic == MAGIC && is_sealed).then_some(code)
    }

    /// Keeps code under a key, in place of what was there, and drops the entries unused for longest if they are too
    /// many. Others see the old entry or the new, never a part of one.
    ///
    /// # Errors
    ///
    /// If it cannot be written, or does not fit. The cache is then as before.
    pub(crate) fn put(&self, key: &Key, code: &[u8]) -> Result<(), CacheError> {
        let folder = || self.folder.clone();
        let bytes = (HEAD_BYTES + code.len()) as u64;
        if bytes > self.bytes_max {
            return Err(CacheError::TooLarge { folder: folder(), bytes, bytes_max: self.bytes_max });
        }
        let seal = self.seal(&MAGIC, key, code);
        let write = || {
            let _lock = lock(&self.folder)?;
            write_into_place(&self.path(key), &[&MAGIC, seal.as_bytes(), code])?;
            self.evict()
        };
        write().map_err(|source| CacheError::Unusable { folder: folder(), source })
    }

    /// Removes the oldest entries, of all versions, until the rest is within the bound. The caller holds the lock.
    fn evict(&self) -> io::Result<()> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_name().as_encoded_bytes().ends_with(SUFFIX_ANY.as_bytes()) {
                // Readers remove what is broken, without the lock: gone already is as good.
                let Ok(metadata) = entry.metadata() else { continue };
                entries.push((metadata.modified()?, metadata.len(), entry.path()));
            }
        }
        entries.sort();
        let mut bytes: u64 = entries.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, entry_bytes, path) in entries {
            if bytes <= self.bytes_max {
                break;
            }
            _ = fs::remove_file(path);
            bytes -= entry_bytes;
        }
        Ok(())
    }

    /// Each part before the code has a fixed length, so no two entries have the same sealed text.
    fn seal(&self, magic: &[u8; MAGIC.len()], key: &Key, code: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.secret);
        hasher.update(magic).update(key.component.as_bytes()).update(key.engine.as_bytes()).update(code).finalize()
    }

    fn path(&self, key: &Key) -> PathBuf {
        // Half of the engine's hash keeps the name short; the seal covers all of it.
        let engine = &key.engine.to_hex()[..32];
        self.folder.join(format!("{}-{engine}{SUFFIX}", key.component.to_hex()))
    }
}

/// Waits until no other process, and no other thread of this one, writes in the folder. Ends when the file is dropped.
fn lock(folder: &Path) -> io::Result<File> {
    let file = File::options().write(true).create(true).truncate(false).mode(0o600).open(folder.join("lock"))?;
    file.lock()?;
    Ok(file)
}

/// The key of the seals: read, or made if there is none or if it may not be a secret any more, which makes strangers of
/// all entries. The caller holds the lock.
fn secret(folder: &Path) -> io::Result<[u8; blake3::KEY_LEN]> {
    let path = folder.join("secret");
    if let Ok(mut file) = File::open(&path) {
        let metadata = file.metadata()?;
        let mut secret = [0; blake3::KEY_LEN];
        let is_private = is_ours(&metadata) && metadata.mode() & 0o077 == 0;
        if is_private && metadata.len() == secret.len() as u64 && file.read_exact(&mut secret).is_ok() {
            return Ok(secret);
        }
    }
    let mut secret = [0; blake3::KEY_LEN];
    getrandom::fill(&mut secret)?;
    write_into_place(&path, &[&secret])?;
    Ok(secret)
}

/// Writes a private file beside its place and renames it. Only whoever holds the lock does so: one name is enough for
/// what is being written, and a crash leaves no more than that one file, which the next takes over.
fn write_into_place(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let beside = path.with_file_name("writing");
    let write = || {
        let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        parts.iter().try_for_each(|part| file.write_all(part))?;
        fs::rename(&beside, path)
    };
    write().inspect_err(|_| {
        // The error is what the caller hears of; what is left lying is taken over.
        _ = fs::remove_file(&beside);
    })
}

fn is_ours(metadata: &Metadata) -> bool {
    metadata.uid() == rustix::process::geteuid().as_raw()
}

#[cfg(test)]
mod tests;
