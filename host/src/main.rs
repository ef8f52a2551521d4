//! The program `greenroom`: parse, call, print the error.

use std::process::ExitCode;

fn main() -> ExitCode {
    greenroom::cli::main()
}
