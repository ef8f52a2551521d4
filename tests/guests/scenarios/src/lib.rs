//! The actors that the tests put on stage: one that does what it is told, and some that do what they should not.

mod calls;
mod crowd;
mod honest;
mod life;
mod machine;
mod own_supervisor;
mod routed;
mod script;
mod step;
mod supervised;
mod ties;
mod trouble;
