//! How a core module becomes a component: with the types of the contract, and an adapter for old WASI.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wasm_encoder::{Module, RawSection};
use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, SourceMap, WorldId, WorldItem};

/// The files of `wit/`.
const TEXTS: [(&str, &str); 9] = [
    ("actor.wit", include_str!("../../wit/actor.wit")),
    ("groups.wit", include_str!("../../wit/groups.wit")),
    ("host.wit", include_str!("../../wit/host.wit")),
    ("lifecycle.wit", include_str!("../../wit/lifecycle.wit")),
    ("log.wit", include_str!("../../wit/log.wit")),
    ("registry.wit", include_str!("../../wit/registry.wit")),
    ("rights.wit", include_str!("../../wit/rights.wit")),
    ("source.wit", include_str!("../../wit/source.wit")),
    ("timer.wit", include_str!("../../wit/timer.wit")),
];

/// The contract, read once.
pub(super) static CONTRACT: LazyLock<Contract> = LazyLock::new(|| Contract::read(VERSION));

/// The version that [`TEXTS`] say they are.
const VERSION: &str = "0.1.0";

/// What `wit/` says.
pub(super) struct Contract {
    /// `greenroom:actor`.
    pub(super) package: String,
    /// `x.y.z`.
    pub(super) version: String,
    /// The functions of each interface that an actor can import.
    pub(super) functions: BTreeMap<String, BTreeSet<String>>,
    resolve: Resolve,
    world: WorldId,
}

impl Contract {
    /// The texts, as if they had another version. Within `0.1` the contract only grows, so that what a newer one has
    /// of these functions is what these texts say.
    fn read(version: &str) -> Contract {
        const KNOWN: &str = "the contract's own texts are read by every test";
        let mut texts = SourceMap::default();
        for (name, text) in TEXTS {
            let text = text.replacen(&format!("@{VERSION};"), &format!("@{version};"), 1);
            texts.push_str(name, text);
        }
        let group = texts.parse().map_err(|(_, error)| error).expect(KNOWN);
        let mut resolve = Resolve::default();
        let package = resolve.push_group(group).expect(KNOWN);
        let world = resolve.select_world(&[package], Some("actor")).expect(KNOWN);
        let mut functions = BTreeMap::new();
        for import in resolve.worlds[world].imports.values() {
            let WorldItem::Interface { id, .. } = import else { continue };
            let interface = &resolve.interfaces[*id];
            let name = interface.name.clone().expect("an interface in a file of its own has a name");
            functions.insert(name, interface.functions.keys().cloned().collect());
        }
        let name = &resolve.packages[package].name;
        let version = name.version.as_ref().expect(KNOWN).to_string();
        Contract { package: format!("{}:{}", name.namespace, name.name), version, functions, resolve, world }
    }
}

/// Makes a component of a valid core module that was built for the contract.
///
/// Its imports and exports must have the names that the canonical ABI gives them, such as `send` of
/// `greenroom:actor/host@0.1.0`. `version` is the contract's version in these names. `wants_adapter`: it imports WASI's
/// first preview, which is then put on top of 0.2.
///
/// What the module itself says of its world (`wit-bindgen` leaves that in a custom section) is not read but dropped: it
/// would say the same, or not fit, and the decoder follows what it reads recursively. Two changed bytes were enough to
/// make it recurse for ever, which ends the process.
///
/// # Errors
///
/// If the module does not fit the contract; the text says what is missing, in the encoder's words.
pub(super) fn componentize(module: &[u8], version: &str, wants_adapter: bool) -> Result<Vec<u8>, String> {
    let newer;
    let contract = if version == VERSION {
        &*CONTRACT
    } else {
        newer = Contract::read(version);
        &newer
    };
    let encode = || {
        let mut module = without_its_own_types(module);
        embed_component_metadata(&mut module, &contract.resolve, contract.world, StringEncoding::UTF8)?;
        let mut encoder = ComponentEncoder::default().module(&module)?;
        if wants_adapter {
            encoder = encoder.adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)?;
        }
        encoder.encode()
    };
    encode().map_err(|error| {
        // Of the chain the last two say what and where; what stands before is how the encoder works.
        let chain: Vec<String> = error.chain().map(ToString::to_string).collect();
        chain[chain.len().saturating_sub(2)..].join(": ")
    })
}

fn without_its_own_types(module: &[u8]) -> Vec<u8> {
    let mut rest = Module::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload.expect("the module is valid");
        let has_types =
            matches!(&payload, Payload::CustomSection(custom) if custom.name().starts_with("component-type"));
        if let Some((id, range)) = payload.as_section().filter(|_| !has_types) {
            rest.section(&RawSection { id, data: &module[range] });
        }
    }
    rest.finish()
}
