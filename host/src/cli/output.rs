//! Writing to stdout and stderr without ever panicking.

use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, Write};

use clap::builder::styling::{AnsiColor, Color, Style};
use serde_json::Value;

use super::Format;
use super::exit::{Code, Failure};
use crate::printable::printable_json;

/// Writes a command's result, JSON or words of our own, to stdout, and a newline behind it.
///
/// A reader that has gone (`| head -c 1`) is no failure: nobody is left who wants the rest.
///
/// # Errors
///
/// If stdout cannot be written, a full disk for instance: the result is lost then.
pub(super) fn result(text: impl Display) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{}", printable_json(&text.to_string())).and_then(|()| stdout.flush()) {
        Err(why) if why.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(Code::Failed, format!("cannot write the result to stdout: {why}")))
        }
        _ => Ok(()),
    }
}

/// Writes a JSON value as [`result`], for people too: over several lines.
pub(super) fn json(value: &Value) -> Result<(), Failure> {
    result(format!("{value:#}"))
}

/// Writes lines to stderr.
pub(super) fn note(text: impl Display) {
    // There is nowhere left to say that stderr is closed.
    _ = writeln!(io::stderr().lock(), "{text}");
}

/// Writes a failure: for people to stderr, for programs to stdout, on one line, where they would find the result.
pub(super) fn failure(failure: &Failure, format: Format) {
    // What stdout does not take is told on stderr all the same.
    if format == Format::Json && result(failure.to_json()).is_ok() {
        return;
    }
    // Who interrupts knows.
    if matches!(failure.code, Code::Interrupted | Code::Terminated) {
        return;
    }
    note(format_args!("{}: {}", label("error", AnsiColor::Red), printable(&failure.message)));
    if let Some(help) = &failure.help {
        note(format_args!("{}: {help}", label("help", AnsiColor::Cyan)));
    }
}

/// A bold word in colour if stderr is a terminal that wants it, else the word.
pub(super) fn label(word: &str, color: AnsiColor) -> String {
    let style = if stderr_has_color() { Style::new().bold().fg_color(Some(Color::Ansi(color))) } else { Style::new() };
    format!("{style}{word}{style:#}")
}

/// See <https://no-color.org>.
fn stderr_has_color() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    io::stderr().is_terminal() && !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Rows of texts below their heads, each column as wide as its widest text.
pub(super) fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let rows: Vec<[String; N]> = std::iter::once(head.map(str::to_owned)).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let line: String = row.iter().zip(widths).map(|(text, width)| format!("{text:<width$}  ")).collect();
        line.trim_end().to_owned()
    };
    let lines: Vec<String> = rows.iter().map(line).collect();
    lines.join("\n")
}

/// A text that may come from a guest, of one line or several, safe for a terminal: each further line is indented, so
/// that it cannot pass for one of ours.
pub(super) fn printable(text: &str) -> String {
    let lines: Vec<String> = text.trim_end().split('\n').map(crate::printable::printable).collect();
    lines.join("\n  ")
}

/// The candidate that somebody who wrote `word` most likely meant.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A third of a word wrong is a slip; more is another word.
    let slips_max = (word.chars().count() / 3).max(1);
    let distance = |candidate: &&str| strsim::damerau_levenshtein(word, candidate);
    candidates.into_iter().min_by_key(distance).filter(|candidate| distance(candidate) <= slips_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_cannot_steer_the_terminal_or_forge_a_line() {
        assert_eq!(printable("\x1b[2Jgrün\ttab"), "\\u{1b}[2Jgrün\ttab");
        assert_eq!(printable("left\r\nerror: right\n"), "left\\r\n  error: right");
        assert_eq!(printable("\u{202e}abc"), "\\u{202e}abc");
    }

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let entries = ["build", "forward", "go"];
        for (word, meant) in
            [("biuld", Some("build")), ("foward", Some("forward")), ("og", Some("go")), ("main", None), ("", None)]
        {
            assert_eq!(nearest(word, entries), meant, "{word}");
        }
        assert_eq!(nearest("x", []), None);
    }
}
