use greenroom_guest::*;

struct Counter;

#[actor]
impl Counter {
    fn run() {}
}

fn main() {}
