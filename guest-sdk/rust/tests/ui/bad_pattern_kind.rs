use greenroom_guest::*;

static DATA: Pattern = pattern!(["data", string]);

fn main() {}
