//! What Greenroom promises, each promise a test.

mod command;
mod stage;

mod cli;
mod contract;
mod examples;
mod failing;
mod house;
mod interrupt;
mod life;
mod mailbox;
mod memory;
mod mesh;
mod messages;
mod output;
mod patterns;
mod preempt;
mod time;
