//! Makes the JavaScript side of a module: `bindgen MODULE.wasm DIRECTORY`.

use std::error::Error;

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
        .generate(directory)?;
    Ok(())
}
