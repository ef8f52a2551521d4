//! The tests stand in `spec/`. Here only the README's example is compiled, as it stands there.

#![cfg(doctest)]

#[doc = include_str!("../../README.md")]
pub struct Readme;
