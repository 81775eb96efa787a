//! The generated side of the interface between process and host.

#![allow(missing_docs, unreachable_pub, reason = "generated")]

wasmtime::component::bindgen!({
    path: "wit",
    world: "process-v1",
    imports: { default: trappable },
});
