//! That the program is there. This is also what makes cargo build it for the tests of the whole, in `tests/`.

#[test]
fn the_program_says_its_name_and_version() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_greenroom")).arg("--version").output();
    let output = output.expect("the program starts");
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).expect("the program writes UTF-8");
    assert!(said.starts_with(concat!("greenroom ", env!("CARGO_PKG_VERSION"), " (")), "{said}");
}
