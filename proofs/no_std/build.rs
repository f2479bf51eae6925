//! Links the proof against nothing: no start files, no libc, no libgcc, no dynamic loader.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // `-no-pie` comes after rustc's own `-pie` and wins: nobody relocates this program at start-up.
    for argument in ["-nostartfiles", "-nostdlib", "-static", "-no-pie"] {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
}
