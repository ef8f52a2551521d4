use greenroom_guest::*;

#[actor]
struct Counter;

fn main() {}
