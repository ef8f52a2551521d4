use greenroom_guest::*;

struct Secret;

#[actor]
fn keep(secret: Secret) -> Result<()> {
    Ok(())
}

fn main() {}
