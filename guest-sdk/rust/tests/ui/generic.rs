use greenroom_guest::*;

#[actor]
fn forward<T>(to: T) {}

fn main() {}
