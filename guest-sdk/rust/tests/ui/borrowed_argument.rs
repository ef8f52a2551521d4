use greenroom_guest::*;

#[actor]
fn greet(name: &str) {}

fn main() {}
