//! The examples in the documentation of greenroom-guest, each in a module of its own: see `build.rs`.

include!(concat!(env!("OUT_DIR"), "/examples.rs"));
