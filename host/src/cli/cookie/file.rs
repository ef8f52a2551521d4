//! The file with a mesh's cookie, which nobody but its owner can read.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use super::super::exit::{Code, Failure};
use crate::address::{COOKIE_CHARACTERS_MIN, Id, is_cookie};

/// Where a cookie is, or will be.
#[derive(Debug)]
pub(in crate::cli) struct CookieFile(PathBuf);

/// The variable that names the file.
const VARIABLE: &str = "GREENROOM_COOKIE_FILE";

/// More bytes than any cookie has, with the end of its line.
const BYTES_MAX: u64 = 1024;

impl CookieFile {
    /// The file that was named, or else the one that the environment names, or else the user's own.
    ///
    /// # Errors
    ///
    /// If there is none of them: the user has no home.
    pub(in crate::cli) fn find(named: Option<PathBuf>) -> Result<CookieFile, Failure> {
        let variable = || std::env::var_os(VARIABLE).filter(|file| !file.is_empty()).map(PathBuf::from);
        let own = || dirs::config_dir().map(|folder| folder.join("greenroom/cookie"));
        let path = named.or_else(variable).or_else(own).ok_or_else(|| {
            let message = "there is no folder for settings (HOME is not set), so there is no place for a cookie";
            Failure::new(Code::Usage, message).help(format!("name a file with {VARIABLE}, or with a flag"))
        })?;
        Ok(CookieFile(path))
    }

    pub(in crate::cli) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a new cookie, of 256 random bits. A file that is there stays as it is.
    ///
    /// # Errors
    ///
    /// If there is one, or it cannot be written; nothing is left behind then.
    pub(in crate::cli) fn create(&self) -> Result<(), Failure> {
        let shown = self.0.display();
        let cannot = |why| Failure::new(Code::Usage, format!("cannot write a cookie to {shown}: {why}"));
        if let Some(folder) = self.0.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(cannot)?;
        }
        let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.0);
        let mut file = created.map_err(|why| match why.kind() {
            ErrorKind::AlreadyExists => {
                let message = format!("there is a cookie at {shown} already, and it stays as it is");
                let help = format!(
                    "to replace it, delete the file first: rm {shown}; then each node of the mesh needs the new one"
                );
                Failure::new(Code::Usage, message).help(help)
            }
            _ => cannot(why),
        })?;
        let written = writeln!(file, "{}{}", Id::random(), Id::random()).and_then(|()| file.sync_all());
        written.map_err(|why| {
            // Half a cookie is none. If it cannot be taken back either, reading it says what is wrong.
            _ = std::fs::remove_file(&self.0);
            cannot(why)
        })
    }

    /// The cookie in the file.
    ///
    /// # Errors
    ///
    /// If there is no such file, if it is another user's or others may read it, and if what stands in it is no cookie, or
    /// one that could be guessed. None of them repeats a character of it.
    pub(in crate::cli) fn read(&self) -> Result<String, Failure> {
        let shown = self.0.display();
        let cannot = |why: std::io::Error| match why.kind() {
            ErrorKind::NotFound => {
                let message = format!("there is no cookie file {shown}");
                Failure::new(Code::NotFound, message)
                    .help("the first node of a mesh makes one with `greenroom cookie new`; the others need a copy")
            }
            _ => Failure::new(Code::Usage, format!("cannot read the cookie file {shown}: {why}")),
        };
        let refused = |why: String| Failure::new(Code::Usage, format!("the cookie file {shown} {why}"));
        // Asked before it is opened, since to open a pipe could take for ever.
        if !std::fs::metadata(&self.0).map_err(cannot)?.is_file() {
            return Err(refused("is no file".to_owned()));
        }
        let file = File::open(&self.0).map_err(cannot)?;
        let about = file.metadata().map_err(cannot)?;
        if about.uid() != geteuid().as_raw() {
            let why = format!("belongs to the user {}, and this is {}", about.uid(), geteuid().as_raw());
            return Err(refused(why).help("copy it to a file of your own"));
        }
        if about.mode() & 0o077 != 0 {
            let why = format!("can be read or written by others (its mode is {:03o})", about.mode() & 0o777);
            let help = format!("chmod 600 {shown}; if somebody may have read it, make a new one");
            return Err(refused(why).help(help));
        }
        let mut text = Vec::new();
        file.take(BYTES_MAX).read_to_end(&mut text).map_err(cannot)?;
        cookie(&text).map_err(|why| refused(why).help("greenroom cookie new --file OTHER makes one"))
    }
}

/// The cookie in a text: one line, its end left out.
fn cookie(text: &[u8]) -> Result<String, String> {
    let line = text.strip_suffix(b"\n").unwrap_or(text);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match str::from_utf8(line) {
        Ok("") => Err("is empty".to_owned()),
        Ok(cookie) if is_cookie(cookie) && cookie.len() < COOKIE_CHARACTERS_MIN => Err(format!(
            "has a cookie of {} characters, which could be guessed: it must have {COOKIE_CHARACTERS_MIN} or more",
            cookie.len()
        )),
        Ok(cookie) if is_cookie(cookie) => Ok(cookie.to_owned()),
        _ => Err("has no cookie: that is one line of at most 255 printable ASCII characters without spaces and `@`"
            .to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_one_line() {
        let long = "abcdefghijklmnopqrstuv";
        for text in [long.to_owned(), format!("{long}\n"), format!("{long}\r\n"), long.repeat(11)] {
            assert_eq!(cookie(text.as_bytes()).as_deref(), Ok(text.trim_end()));
        }
        for text in [format!("{long}\n\n"), format!(" {long}"), format!("{long}@a"), long.repeat(12), "ü".repeat(22)] {
            let said = cookie(text.as_bytes()).expect_err("it is none");
            assert!(said.starts_with("has no cookie") && !said.contains("abc"), "{said}");
        }
        assert!(cookie(&[0xff; 30]).is_err());
        assert_eq!(cookie(b"\n"), Err("is empty".to_owned()));
        assert!(cookie(b"abcdefghijklmnopqrstu\n").expect_err("it is short").contains("21 characters"));
    }
}
