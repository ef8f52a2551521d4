//! What the actors of a run were refused, at its end, on stderr.

use serde_json::json;

use super::Format;
use super::output::{note, printable};
use crate::node::refusals::Refused;
use crate::printable::printable_json;

pub(super) fn tell(refused: &[Refused], format: Format) {
    for Refused { what, times, first, message } in refused {
        match format {
            Format::Text => {
                note(printable(&format!("refused: {what} {times} times, the first time to {first}: {message}")))
            }
            Format::Json => {
                let first = first.to_string();
                let refused = json!({"refused": {"what": what, "times": times, "first": first, "message": message}});
                note(printable_json(&refused.to_string()));
            }
        }
    }
}
