//! The generated bindings of the contract.
//!
//! `send` and `receive` are generated too but not used: `sys` calls those two by hand, with buffers that are used again.
#![allow(missing_docs, clippy::all)]

wit_bindgen::generate!({ world: "actor", path: "wit", std_feature, generate_unused_types: true });

#[cfg(target_family = "wasm")]
export!(Exported);

/// What the node calls.
#[cfg(target_family = "wasm")]
struct Exported;

#[cfg(target_family = "wasm")]
impl Guest for Exported {
    fn run(
        entry: alloc::string::String,
        args: alloc::string::String,
    ) -> Result<alloc::string::String, alloc::string::String> {
        crate::runtime::run(&entry, &args)
    }
}
