//! How a guest's call ended, in the words of the contract.

use std::fmt::{self, Write};

use serde_json::Value;
use wasmtime::{Error, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use super::limits::passed_max;
use super::lines::Lines;
use super::meter::BurstSpent;
use super::state::Guest;
use crate::message::Message;
use crate::outcome::{Exception, ExceptionKind, Outcome};

/// Frames of a backtrace that are told, innermost first: enough to see where, and a bounded report of a recursion.
pub(super) const FRAMES_MAX: usize = 32;

/// Bytes of a function's name that are told. A mangled one may stand for a text of any length.
const NAME_BYTES_MAX: usize = 512;

/// In the engine's words for a call that passed more than it may. It has no type that one could ask for.
const PASSED_TOO_MUCH: &str = "fuel allocated for hostcalls has been exhausted";

/// Bytes of a panic's text that are told.
const PANIC_BYTES_MAX: usize = 4 << 10;

/// Why a guest's call did not return.
pub(super) fn trapped(error: &Error, guest: &mut Guest) -> Outcome {
    let exception = match guest.panic.take() {
        Some(text) if is_unreachable(error) => trap("unreachable", &text),
        _ => classify(error, guest),
    };
    Outcome::Exception(with_backtrace(exception, error, guest.module.lines()))
}

/// An instance that could not be made. Its start function may have trapped like any other code.
pub(super) fn not_instantiated(error: &Error, guest: &mut Guest) -> Outcome {
    if let Some(exceeded) = guest.memory.refused()
        && error.downcast_ref::<Trap>().is_none()
    {
        return Outcome::Exception(exceeded.exception("the module's memory does not fit"));
    }
    trapped(error, guest)
}

/// What is kept of the text of a panic.
pub(super) fn panic_text(text: &str) -> String {
    cut(text)
}

fn is_unreachable(error: &Error) -> bool {
    matches!(error.downcast_ref::<Trap>(), Some(Trap::UnreachableCodeReached))
}

fn classify(error: &Error, guest: &Guest) -> Exception {
    if let Some(I32Exit(code)) = error.downcast_ref::<I32Exit>() {
        return trap("exit", &format!("the guest called exit({code}); an actor ends by returning"));
    }
    if let Some(BurstSpent(exceeded)) = error.downcast_ref::<BurstSpent>() {
        return exceeded.exception("it computed for too long without receiving anything");
    }
    let Some(reason) = error.downcast_ref::<Trap>() else {
        // No rule of WebAssembly was broken, but one of the component model's: a pointer outside memory, a string that
        // is not UTF-8.
        let cause = root_cause(error);
        if cause.contains(PASSED_TOO_MUCH) {
            let max = passed_max(guest.context.mailbox().level());
            return trap("bad-abi", &format!("a call passed more to the node than the {max} bytes that one may pass"));
        }
        return trap("bad-abi", &cause);
    };
    if let Some(exceeded) = guest.memory.refused().filter(|_| is_unreachable(error)) {
        return exceeded.detailed(trap("out-of-memory", &exceeded.words("it was refused more memory")));
    }
    trap(&kebab_case(name(*reason)), &reason.to_string().replace("wasm trap: ", ""))
}

fn trap(kind: &str, message: &str) -> Exception {
    Exception::new(ExceptionKind::Trap, message).with("trap", json(kind))
}

/// The contract's names where they differ from the engine's.
fn name(reason: Trap) -> String {
    match reason {
        Trap::UnreachableCodeReached => "Unreachable".into(),
        Trap::MemoryOutOfBounds => "OutOfBounds".into(),
        other => format!("{other:?}"),
    }
}

fn kebab_case(name: String) -> String {
    let mut text = String::new();
    for character in name.chars() {
        if character.is_uppercase() && !text.is_empty() {
            text.push('-');
        }
        text.extend(character.to_lowercase());
    }
    text
}

fn with_backtrace(exception: Exception, error: &Error, lines: &Lines) -> Exception {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else { return exception };
    let frames: Vec<Value> = backtrace.frames().iter().map(|frame| told(frame, lines).into()).collect();
    exception.with("backtrace", json(frames))
}

/// `NAME (FILE:LINE)`; what the module's build left out is left out.
fn told(frame: &wasmtime::FrameInfo, lines: &Lines) -> String {
    let mut told = Name::default();
    // An error: the name is longer than what is told.
    _ = match frame.func_name() {
        Some(name) => write!(told, "{:#}", rustc_demangle::demangle(name)),
        None => write!(told, "function {}", frame.func_index()),
    };
    let mut told = told.0;
    if let Some((file, line)) = frame.module_offset().and_then(|place| lines.find(place)) {
        told.push_str(&format!(" ({file}:{line})"));
    }
    told
}

/// Takes a name as far as it is told.
#[derive(Default)]
struct Name(String);

impl Write for Name {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let fits = text.floor_char_boundary(NAME_BYTES_MAX - self.0.len());
        self.0.push_str(&text[..fits]);
        if fits == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

fn root_cause(error: &Error) -> String {
    let cause = error.chain().last().map_or_else(|| error.to_string(), ToString::to_string);
    cut(&cause)
}

fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(PANIC_BYTES_MAX)].to_owned()
}

fn json(value: impl Into<Value>) -> Message {
    Message::trusted(value.into().to_string())
}
