//! What a module is known by everywhere: the BLAKE3 hash of its bytes.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The BLAKE3 hash of a module's bytes as they were given. Written as 64 hexadecimal digits.
///
/// ```
/// use greenroom::ModuleHash;
///
/// let text = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
/// assert_eq!(text.parse::<ModuleHash>()?, ModuleHash::of(b""));
/// # Ok::<_, greenroom::BadHash>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleHash([u8; 32]);

/// A text that is no hash.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is no module's hash: that is 64 hexadecimal digits, as `greenroom inspect` prints it")]
pub struct BadHash(String);

impl ModuleHash {
    /// That of these bytes.
    pub fn of(bytes: &[u8]) -> ModuleHash {
        ModuleHash(*blake3::hash(bytes).as_bytes())
    }

    pub(crate) fn from_bytes(bytes: [u8; 32]) -> ModuleHash {
        ModuleHash(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for ModuleHash {
    type Err = BadHash;

    fn from_str(text: &str) -> Result<ModuleHash, BadHash> {
        let hash = blake3::Hash::from_hex(text).map_err(|_| BadHash(crate::address::quoted(text).to_string()))?;
        Ok(ModuleHash(*hash.as_bytes()))
    }
}

impl fmt::Display for ModuleHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Debug for ModuleHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ModuleHash({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_from_its_text_and_from_nothing_else() {
        let hash = ModuleHash::of(b"module");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        for bad in ["", "00", &"g".repeat(64), &format!("{hash}0"), &hash.to_string()[1..]] {
            assert!(bad.parse::<ModuleHash>().is_err(), "{bad}");
        }
    }
}
