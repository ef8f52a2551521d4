//! What the mesh promises, whatever carries it: one suite over each engine, from the same source.
//!
//! A promise is a function of a [`World`](world::World); [`over_each_engine`] makes of it one test over the engine for nodes
//! of one process and one over the network's. What only one engine can suffer from has a test over that one.

/// Makes each function a test over each engine.
macro_rules! over_each_engine {
    ($($promise:ident,)*) => {
        mod in_one_process {
            $(
                #[test]
                fn $promise() {
                    super::$promise(&$crate::conformance::world::World::of_one_process());
                }
            )*
        }

        mod over_the_network {
            $(
                #[test]
                fn $promise() {
                    super::$promise(&$crate::conformance::world::World::of_the_network());
                }
            )*
        }
    };
}

mod far;
mod networks;
mod traffic;
mod world;

mod faults;
mod full;
mod groups;
mod joining;
mod leaving;
mod order;
mod partitions;
mod processes;
mod spawning;
mod supervising;
