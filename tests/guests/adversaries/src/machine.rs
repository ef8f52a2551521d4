//! Attacks on the processor and on memory.

use crate::stays;
use greenroom_guest::*;
use std::hint::black_box;

/// Never lets go.
#[actor]
fn spins() {
    loop {
        black_box(());
    }
}

/// Asks for more and more memory, and uses it.
#[actor]
fn eats_memory() -> usize {
    let mut eaten: Vec<Vec<u8>> = Vec::new();
    loop {
        eaten.push(black_box(vec![1; 1 << 20]));
    }
}

/// As `eats_memory`, but asks the machine itself and takes a no for an answer. Answers its megabytes, and stays if told.
#[actor]
fn grows(stay: bool) -> Result<usize> {
    #[cfg(target_family = "wasm")]
    while core::arch::wasm32::memory_grow(0, 16) != usize::MAX {}
    #[cfg(target_family = "wasm")]
    let pages = core::arch::wasm32::memory_size(0);
    #[cfg(not(target_family = "wasm"))]
    let pages = 0;
    if stay {
        stays()?;
    }
    Ok(pages / 16)
}

/// Fills a large array again and again, each time in one instruction.
#[actor]
fn fills(bytes: usize) {
    let mut array = vec![0_u8; bytes];
    for value in 0.. {
        black_box(&mut array).fill(value as u8);
    }
}

/// Ends by a trap without words.
#[actor]
fn traps() {
    std::process::abort();
}
