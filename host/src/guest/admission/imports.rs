//! Which imports a node can satisfy, and what to say of the others.

use std::fmt;

use super::scan::{Import, Scan};
use crate::guest::componentize::CONTRACT;

/// The module's name under which a core module built for WASI's first preview imports everything.
pub(super) const PREVIEW1: &str = "wasi_snapshot_preview1";

/// The interfaces of WASI 0.2 that are linked to every actor: what `wasmtime-wasi` has that is stable.
const WASI: &[(&str, &[&str])] = &[
    (
        "wasi:cli",
        &[
            "environment",
            "exit",
            "stderr",
            "stdin",
            "stdout",
            "terminal-input",
            "terminal-output",
            "terminal-stderr",
            "terminal-stdin",
            "terminal-stdout",
        ],
    ),
    ("wasi:clocks", &["monotonic-clock", "wall-clock"]),
    ("wasi:filesystem", &["preopens", "types"]),
    ("wasi:io", &["error", "poll", "streams"]),
    ("wasi:random", &["insecure", "insecure-seed", "random"]),
    (
        "wasi:sockets",
        &["instance-network", "ip-name-lookup", "network", "tcp", "tcp-create-socket", "udp", "udp-create-socket"],
    ),
];

/// An import that no node has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownImport {
    /// As the module names it; a function of an interface, or of a core module's import, after a `.`.
    pub name: String,
    /// What its author can do about it, if we know.
    pub hint: Option<&'static str>,
}

impl fmt::Display for UnknownImport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.name.escape_debug())?;
        self.hint.map_or(Ok(()), |hint| write!(f, " ({hint})"))
    }
}

const NEWER: &str = "it needs a newer Greenroom";
const ASYNC: &str = "the component model's async is not supported: build for WASI 0.2";
const HTTP: &str = "there is no HTTP yet; there are sockets, `wasi:sockets`";
const UNLINKED: &str = "a function that was declared and never linked";
const WASI_TYPES: &str = "only old WASI can be adapted in a core module: make it a component first";
const BROWSER: &str = "made by wasm-bindgen for JavaScript: build without it";

/// The component's imports that are unknown.
pub(super) fn unknown_in_component(scan: &Scan) -> Vec<UnknownImport> {
    let mut unknown = Vec::new();
    for Import { module: name, .. } in &scan.imports {
        match scan.imported_functions(name) {
            Some(functions) => unknown.extend(unknown_in_interface(name, &functions)),
            None => unknown.push(UnknownImport { name: name.clone(), hint: None }),
        }
    }
    unknown
}

/// The core module's imports that are unknown. The encoder is given none of them: beside functions of the contract it
/// would take intrinsics, of resources and of async, which the contract has no use for, and stumble over some.
pub(super) fn unknown_in_core_module(scan: &Scan) -> Vec<UnknownImport> {
    let mut unknown = Vec::new();
    for Import { module, name } in &scan.imports {
        let name = name.as_deref().unwrap_or_default();
        let hint = match module.as_str() {
            PREVIEW1 => continue,
            "env" => Some(UNLINKED),
            "wbg" | "__wbindgen_placeholder__" => Some(BROWSER),
            _ if module.contains('/') => {
                let of_component = unknown_in_interface(module, &[name]);
                if of_component.is_empty() && module.starts_with("wasi:") {
                    unknown.push(UnknownImport { name: module.clone(), hint: Some(WASI_TYPES) });
                }
                unknown.extend(of_component);
                continue;
            }
            _ => None,
        };
        unknown.push(UnknownImport { name: format!("{module}.{name}"), hint });
    }
    // A whole interface that is unknown is named once, not for each of its functions.
    unknown.dedup();
    unknown
}

/// The version of the contract that a core module was built for, by the names of its imports.
pub(super) fn contract_version(scan: &Scan) -> &str {
    let mut interfaces = scan.imports.iter().filter(|import| import.module.starts_with(&CONTRACT.package));
    interfaces.find_map(|import| Some(import.module.split_once('@')?.1)).unwrap_or(&CONTRACT.version)
}

/// What of an interface `package/interface@version`, and of the functions needed of it, is unknown.
fn unknown_in_interface(interface: &str, functions: &[&str]) -> Vec<UnknownImport> {
    let whole = |hint| vec![UnknownImport { name: interface.to_owned(), hint }];
    let (path, version) = interface.split_once('@').unwrap_or((interface, ""));
    let (package, name) = path.split_once('/').unwrap_or((path, ""));
    if package == CONTRACT.package {
        let Some(known) = CONTRACT.functions.get(name).filter(|_| is_patch_of(version, &CONTRACT.version)) else {
            return whole(is_later(version).then_some(NEWER));
        };
        let unknown = functions.iter().filter(|&&function| !known.contains(function));
        return unknown
            .map(|function| UnknownImport { name: format!("{interface}.{function}"), hint: Some(NEWER) })
            .collect();
    }
    let is_known = WASI.iter().any(|(known, names)| *known == package && names.contains(&name));
    match package {
        _ if is_known && is_patch_of(version, "0.2.0") => Vec::new(),
        "wasi:http" => whole(Some(HTTP)),
        _ if package.starts_with("wasi:") && version.starts_with("0.3.") => whole(Some(ASYNC)),
        _ => whole(None),
    }
}

/// Whether `version` is `x.y.N`, for the x and y of `base`: what the linker takes as the same. No pre-release is.
fn is_patch_of(version: &str, base: &str) -> bool {
    let (Some(version), Some(base)) = (parts(version), parts(base)) else { return false };
    version[..2] == base[..2]
}

/// Whether the contract's version `version` is at least as new as ours. Of the same version, then, but with more in it.
fn is_later(version: &str) -> bool {
    match (parts(version), parts(&CONTRACT.version)) {
        (Some(version), Some(ours)) => version >= ours,
        _ => false,
    }
}

/// `x.y.z` as it is usually written, and without anything after it.
fn parts(version: &str) -> Option<[u32; 3]> {
    let mut numbers = version.split('.').map(|number| number.parse().ok());
    let [x, y, z] = [numbers.next()??, numbers.next()??, numbers.next()??];
    // Neither `0.1.0.1` nor what numbers may look like elsewhere: `0.1.+1`, `0.1.01`.
    (format!("{x}.{y}.{z}") == version).then_some([x, y, z])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(interface: &str, functions: &[&str]) -> Vec<String> {
        unknown_in_interface(interface, functions).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_contract_and_wasi_are_known_in_every_patch_version() {
        for interface in [
            "greenroom:actor/host@0.1.0",
            "greenroom:actor/host@0.1.7",
            "wasi:io/streams@0.2.0",
            "wasi:sockets/tcp-create-socket@0.2.12",
        ] {
            assert!(said(interface, &["send"]).is_empty(), "{interface}");
        }
        for interface in ["lifecycle", "registry", "groups", "timer", "rights", "log", "source"] {
            assert!(said(&format!("greenroom:actor/{interface}@0.1.0"), &[]).is_empty(), "{interface}");
        }
    }

    #[test]
    fn what_is_unknown_is_named_with_what_can_be_done() {
        for (interface, functions, expected) in [
            (
                "greenroom:actor/host@0.1.1",
                &["send", "call"][..],
                "`greenroom:actor/host@0.1.1.call` (it needs a newer",
            ),
            ("greenroom:actor/chat@0.1.0", &["x"], "`greenroom:actor/chat@0.1.0` (it needs a newer"),
            ("greenroom:actor/host@0.2.0", &["send"], "`greenroom:actor/host@0.2.0` (it needs a newer"),
            ("greenroom:actor/host@0.0.9", &["send"], "`greenroom:actor/host@0.0.9`"),
            ("greenroom:actor/host@0.1.0-rc1", &["send"], "`greenroom:actor/host@0.1.0-rc1`"),
            ("greenroom:actor/host@0.1.0.1", &["send"], "`greenroom:actor/host@0.1.0.1`"),
            ("greenroom:actor/host@0.1.+1", &["send"], "`greenroom:actor/host@0.1.+1`"),
            ("greenroom:actor/host@0.1.01", &["send"], "`greenroom:actor/host@0.1.01`"),
            ("greenroom:actor/host", &["send"], "`greenroom:actor/host`"),
            ("wasi:http/types@0.2.3", &[], "`wasi:http/types@0.2.3` (there is no HTTP yet"),
            ("wasi:cli/stdout@0.3.0", &[], "`wasi:cli/stdout@0.3.0` (the component model's async"),
            ("wasi:io/streams@0.2.0-rc-2023-11-10", &[], "`wasi:io/streams@0.2.0-rc-2023-11-10`"),
            ("wasi:cli/telepathy@0.2.0", &[], "`wasi:cli/telepathy@0.2.0`"),
            ("acme:cache/store@1.0.0", &["get"], "`acme:cache/store@1.0.0`"),
        ] {
            let said = said(interface, functions);
            assert!(said.len() == 1 && said[0].starts_with(expected), "{interface}: {said:?}");
        }
    }
}
