//! Makes the JavaScript side of a module: `bindgen MODULE.wasm DIRECTORY`.

use std::error::Error;
use std::fs;
use std::path::Path;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(module), Some(directory)) = (arguments.next(), arguments.next()) else {
        return Err("bindgen MODULE.wasm DIRECTORY".into());
    };
    Bindgen::new()
        .input_path(module)
        .out_name("wasm")
        .web(true)?
        .typescript(true)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(&directory)?;
    guard(&Path::new(&directory).join("wasm.js"))?;
    // What comes out is a copy in a buffer of its own.
    let types = Path::new(&directory).join("wasm.d.ts");
    let text = fs::read_to_string(&types)?;
    Ok(fs::write(types, text.replace("): Uint8Array", "): Uint8Array<ArrayBuffer>"))?)
}

/// Puts `guarded` of `ts/guard.ts` around all that the module exports, so that every call passes there, those of finalizers
/// and allocations too.
fn guard(script: &Path) -> Result<(), Box<dyn Error>> {
    let text = fs::read_to_string(script)?;
    let Some((before, after)) = text.split_once("    wasm = instance.exports;\n") else {
        return Err("the generated script has another form: its calls cannot be guarded".into());
    };
    let import = "import { guarded } from './guard.js';\n";
    Ok(fs::write(
        script,
        format!("{import}{before}    wasm = guarded(instance.exports);\n{after}"),
    )?)
}
