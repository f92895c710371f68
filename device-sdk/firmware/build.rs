//! Tells the linker what memory the board has.

use std::path::PathBuf;
use std::{env, fs, io};

/// What these images need, most of it stack while a purse is opened. The board has 4 MB.
const RAM_KB: &str = "160";

fn main() -> io::Result<()> {
    let out = env::var_os("OUT_DIR").map(PathBuf::from);
    let out = out.ok_or_else(|| io::Error::other("cargo names OUT_DIR"))?;
    let ram_kb = env::var("FIRMWARE_RAM_KB").unwrap_or_else(|_| RAM_KB.to_owned());
    let memory = format!(
        "MEMORY {{
  FLASH : ORIGIN = 0x00000000, LENGTH = 512K
  RAM : ORIGIN = 0x20000000, LENGTH = {ram_kb}K
}}
"
    );
    fs::write(out.join("memory.x"), memory)?;
    println!("cargo:rerun-if-env-changed=FIRMWARE_RAM_KB");
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rerun-if-changed=build.rs");
    Ok(())
}
