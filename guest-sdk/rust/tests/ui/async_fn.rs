use greenroom_guest::*;

#[actor]
async fn forward(to: Address) {}

fn main() {}
