//! The modules of other nodes, as the operator of this one sees them.

use serde_json::{Value, json};

use super::super::exit::{Code, Failure};
use crate::address::quoted;
use crate::embed::Node;

/// Digits of a hash that mean one at least: fewer are soon those of another one, too.
const DIGITS_MIN: usize = 8;

/// Digits of a whole one.
const DIGITS_MAX: usize = 64;

pub(super) fn list(node: &Node) -> String {
    let modules: Vec<Value> = node
        .modules_of_peers()
        .iter()
        .map(|module| {
            json!({
                "hash": module.hash.to_string(),
                "name": module.name,
                "bytes": module.bytes,
                "from": module.from.as_str(),
                "at": humantime::format_rfc3339_seconds(module.at).to_string(),
                "used": module.is_used,
            })
        })
        .collect();
    json!({"node": node.place().as_str(), "modules": modules}).to_string()
}

/// Forgets the one whose hash begins so.
///
/// # Errors
///
/// If there is none, or several; if the text is no beginning of a hash.
pub(super) fn forget(node: &Node, hash: &str) -> Result<String, Failure> {
    let digits = hash.to_ascii_lowercase();
    let is_hash = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if !is_hash || !(DIGITS_MIN..=DIGITS_MAX).contains(&digits.len()) {
        let message = format!("`{}` is no hash: that is {DIGITS_MIN} digits of it, or more", quoted(hash));
        return Err(Failure::new(Code::Usage, message).help("greenroom mesh modules"));
    }
    let modules = node.modules_of_peers();
    let found: Vec<_> = modules.iter().filter(|module| module.hash.to_string().starts_with(&digits)).collect();
    match found.as_slice() {
        // Else it has gone meanwhile, which comes to the same.
        [module] if node.forget_module(&module.hash) => Ok(json!({"forgot": module.hash.to_string()}).to_string()),
        [] | [_] => {
            let message = format!("{} has no module of another node whose hash begins with {digits}", node.place());
            Err(Failure::new(Code::NotFound, message).help("greenroom mesh modules"))
        }
        several => {
            let message = format!("the hashes of {} modules begin with {digits}", several.len());
            Err(Failure::new(Code::Usage, message).help("write more of its digits"))
        }
    }
}
