//! What Greenroom promises, each promise a test.

mod command;
mod puppet;
mod stage;

mod cli;
mod contract;
mod ends;
mod events;
mod events_cli;
mod examples;
mod failing;
mod house;
mod interrupt;
mod life;
mod links;
mod mailbox;
mod memory;
mod mesh;
mod messages;
mod model;
mod monitors;
mod names;
mod native;
mod output;
mod patterns;
mod peers;
mod preempt;
mod rights;
mod stress;
mod time;
mod timers;
