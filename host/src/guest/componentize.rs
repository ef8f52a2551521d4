//! How a core module becomes a component: with the types of the contract, and an adapter for old WASI.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, SourceMap, WorldId, WorldItem};

/// The files of `wit/`.
const TEXTS: [(&str, &str); 8] = [
    ("actor.wit", include_str!("../../wit/actor.wit")),
    ("host.wit", include_str!("../../wit/host.wit")),
    ("lifecycle.wit", include_str!("../../wit/lifecycle.wit")),
    ("log.wit", include_str!("../../wit/log.wit")),
    ("registry.wit", include_str!("../../wit/registry.wit")),
    ("rights.wit", include_str!("../../wit/rights.wit")),
    ("source.wit", include_str!("../../wit/source.wit")),
    ("timer.wit", include_str!("../../wit/timer.wit")),
];

/// The contract, read once.
pub(super) static CONTRACT: LazyLock<Contract> = LazyLock::new(Contract::read);

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
    fn read() -> Contract {
        const KNOWN: &str = "the contract's own texts are read by every test";
        let mut texts = SourceMap::default();
        for (name, text) in TEXTS {
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

/// Makes a component of a valid core module.
///
/// `has_metadata`: the module says itself which world it was built for. If not, it is taken to be built for the
/// contract's, so that its imports and exports have the names that the canonical ABI gives them, as in `wit/`'s
/// `greenroom:actor/host@0.1.0` `send`. `wants_adapter`: it imports WASI's first preview, which is put on top of 0.2.
///
/// # Errors
///
/// If the module does not fit its world; the text says what is missing, in the encoder's words.
pub(super) fn componentize(mut module: Vec<u8>, has_metadata: bool, wants_adapter: bool) -> Result<Vec<u8>, String> {
    let mut encode = || {
        if !has_metadata {
            embed_component_metadata(&mut module, &CONTRACT.resolve, CONTRACT.world, StringEncoding::UTF8)?;
        }
        let mut encoder = ComponentEncoder::default().module(&module)?;
        if wants_adapter {
            encoder =
                encoder.adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)?;
        }
        encoder.encode()
    };
    encode().map_err(|error| format!("{error:#}"))
}
