//! What strangers' code may try, and how it is contained: a test for each attack, beside fifty honest actors.

mod siege;

mod ambient;
mod floods;
mod machine;
mod structure;
