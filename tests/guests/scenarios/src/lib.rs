//! The actors that the tests put on stage: one that does what it is told, and some that do what they should not.

mod crowd;
mod life;
mod script;
mod step;
mod ties;
mod trouble;
