//! The contract in `wit/`, as Rust traits.

wasmtime::component::bindgen!({
    world: "actor",
    path: "wit",
    imports: {
        "greenroom:actor/host.spawn": async,
        "greenroom:actor/groups.broadcast": async,
        "greenroom:actor/host.receive": async,
        "greenroom:actor/host.send-wait": async,
        "greenroom:actor/lifecycle.wait": async,
        "greenroom:actor/registry.whereis": async,
    },
    exports: { default: async },
});
