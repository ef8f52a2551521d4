//! The examples in the documentation of greenroom-guest, each in a module of its own: see `build.rs`.

#![allow(unused, reason = "an example shows what it is about, and does not use all that it makes")]

include!(concat!(env!("OUT_DIR"), "/examples.rs"));
