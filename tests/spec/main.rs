//! What Greenroom promises, each promise a test.

mod stage;

mod failing;
mod life;
mod mailbox;
mod messages;
mod patterns;
