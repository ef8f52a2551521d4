//! What a guest prints: cut into lines, bounded, tagged with its actor, and without control characters.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::clock::Clock;
use crate::level::Level;
use crate::lock::lock;
use crate::printable::printable;

/// A line's bytes; what comes beyond is cut. Also all that one stream of one actor ever keeps.
const LINE_BYTES_MAX: usize = 8 << 10;

/// What a line counts for at least: who reads it has to skip it.
const LINE_BYTES_MIN: usize = 64;

/// Who prints.
#[derive(Clone)]
pub(super) struct Speaker {
    pub actor: Arc<str>,
    pub entry: Arc<str>,
    /// What limits how much.
    pub level: Arc<Level>,
    /// Whether it is the actor that these limits were set for.
    pub leads: bool,
    pub clock: Clock,
}

impl Speaker {
    /// Emits one line as a `tracing` event with the target `greenroom::guest`, or, if its tree prints too much, counts it
    /// as left out.
    pub(super) fn say(&self, level: tracing::Level, stream: &str, line: &str) {
        let (now, bytes) = (self.clock.monotonic(), line.len().clamp(LINE_BYTES_MIN, LINE_BYTES_MAX));
        if self.level.may_print(bytes as u64, now) {
            self.emit(level, stream, line);
        }
        self.tell_left_out(self.level.left_out(now));
    }

    /// The actor has ended. The first of its tree says what is left to say.
    pub(super) fn end(&self) {
        if self.leads {
            self.tell_left_out(self.level.left_out(Duration::MAX));
        }
    }

    fn tell_left_out(&self, lines: u64) {
        if lines > 0 {
            let (actor, entry) = (&*self.actor, &*self.entry);
            tracing::warn!(target: "greenroom::guest", actor, entry, "{lines} lines left out: more than its `log-rate`");
        }
    }

    fn emit(&self, level: tracing::Level, stream: &str, line: &str) {
        macro_rules! emit {
            ($level:ident) => {
                tracing::event!(target: "greenroom::guest", tracing::Level::$level,
                    actor = &*self.actor, entry = &*self.entry, stream, "{}", shown(line))
            };
        }
        match level {
            tracing::Level::ERROR => emit!(ERROR),
            tracing::Level::WARN => emit!(WARN),
            tracing::Level::INFO => emit!(INFO),
            tracing::Level::DEBUG => emit!(DEBUG),
            tracing::Level::TRACE => emit!(TRACE),
        }
    }
}

/// The line made printable, so that no guest can steer a terminal or forge a second line, and cut to
/// [`LINE_BYTES_MAX`].
fn shown(line: &str) -> String {
    let end = line.floor_char_boundary(LINE_BYTES_MAX);
    let mut text = printable(&line[..end]);
    if end < line.len() {
        text.push('…');
    }
    text
}

/// One of a guest's streams, `stdout` or `stderr`. Clones are the same stream.
#[derive(Clone)]
pub(super) struct Lines(Arc<Mutex<Stream>>);

struct Stream {
    speaker: Speaker,
    name: &'static str,
    line: Vec<u8>,
}

impl Lines {
    pub(super) fn new(speaker: Speaker, name: &'static str) -> Lines {
        Lines(Arc::new(Mutex::new(Stream { speaker, name, line: Vec::new() })))
    }
}

impl Stream {
    fn write(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = match piece.split_last() {
                Some((b'\n', text)) => (text, true),
                _ => (piece, false),
            };
            // One byte more than is shown, so that a cut line is known to be one.
            let room = (LINE_BYTES_MAX + 1).saturating_sub(self.line.len());
            self.line.extend_from_slice(&text[..text.len().min(room)]);
            if ends {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        self.speaker.say(tracing::Level::INFO, self.name, &String::from_utf8_lossy(&line));
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if !self.line.is_empty() {
            self.end_line();
        }
    }
}

impl IsTerminal for Lines {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Lines {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // Only components of WASI 0.3 ask for this form, and those are refused before they run.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for Lines {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        lock(&self.0).write(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(LINE_BYTES_MAX)
    }
}

#[async_trait]
impl Pollable for Lines {
    async fn ready(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    #[test]
    fn a_long_line_is_cut_and_takes_no_more_memory() {
        let level = Level::root(&Limits::default());
        let speaker = Speaker { actor: "a".into(), entry: "e".into(), level, leads: true, clock: Clock::real() };
        let mut stream = Stream { speaker, name: "stdout", line: Vec::new() };
        (0..100).for_each(|_| stream.write(&[b'x'; 4096]));
        assert_eq!(stream.line.len(), LINE_BYTES_MAX + 1);
        let shown = shown(&String::from_utf8_lossy(&stream.line));
        assert!(shown.ends_with("x…") && shown.len() == LINE_BYTES_MAX + '…'.len_utf8());
    }
}
