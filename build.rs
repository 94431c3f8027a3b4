//! Embeds the rules: every file below `rules/` becomes an entry of a table that `engine` includes,
//! so that adding a rule touches no code. The order is that of the paths, on every machine. Embeds the
//! worlds of the simulated cloud the same way, compressed.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=rules");
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("rules");
    let mut files = Vec::new();
    collect(&root, "yaml", &mut files)?;
    let mut entries = Vec::new();
    for file in files {
        let path = file
            .strip_prefix(&root)?
            .components()
            .map(|part| part.as_os_str().to_str().ok_or("a path below rules/ is not UTF-8"))
            .collect::<Result<Vec<_>, _>>()?
            .join("/");
        entries.push((path, file));
    }
    entries.sort();
    let (packs, rules): (Vec<_>, Vec<_>) = entries.into_iter().partition(|(path, _)| path.starts_with("packs/"));
    let mut code = String::new();
    table(&mut code, "RULES", &rules)?;
    table(&mut code, "PACKS", &packs)?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("embedded_rules.rs"), code)?;
    worlds(&out)?;
    println!("cargo::rustc-env=PORTCULLIS_ENGINE={:016x}", engine()?);
    Ok(())
}

/// Writes all worlds into one compressed text, and a table of (name, bytes of `world.json`, bytes of
/// `planted.yaml`) in the order of that text.
fn worlds(out: &Path) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=src/sandbox/worlds");
    let mut folders: Vec<PathBuf> =
        fs::read_dir("src/sandbox/worlds")?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    folders.retain(|folder| folder.is_dir());
    folders.sort();
    let (mut text, mut code) = (String::new(), String::from("static WORLDS: &[(&str, usize, usize)] = &[\n"));
    for folder in folders {
        let name = folder.file_name().and_then(|name| name.to_str()).ok_or("a world's name is not UTF-8")?;
        let world = fs::read_to_string(folder.join("world.json"))?;
        let planted = fs::read_to_string(folder.join("planted.yaml"))?;
        writeln!(code, "    ({name:?}, {}, {}),", world.len(), planted.len())?;
        text += &world;
        text += &planted;
    }
    code += "];\n";
    fs::write(out.join("embedded_worlds.rs"), code)?;
    fs::write(out.join("embedded_worlds.zst"), zstd::encode_all(text.as_bytes(), 19)?)?;
    Ok(())
}

/// FNV-1a over everything that an answer can depend on.
fn engine() -> Result<u64, Box<dyn Error>> {
    let mut files = vec![PathBuf::from("Cargo.lock")];
    for folder in ["src/analysis", "src/model", "src/netset"] {
        println!("cargo::rerun-if-changed={folder}");
        collect(Path::new(folder), "rs", &mut files)?;
    }
    println!("cargo::rerun-if-changed=Cargo.lock");
    files.sort();
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    // A package that is used as a library is built without a lock file.
    for file in files.iter().filter(|file| file.exists()) {
        for byte in fs::read(file)? {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    Ok(hash)
}

/// Every file below `folder` with this extension.
fn collect(folder: &Path, wanted: &str, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, wanted, files)?;
        } else if path.extension().is_some_and(|extension| extension == wanted) {
            files.push(path);
        }
    }
    Ok(())
}

/// Writes one table of (path below `rules/`, text).
fn table(code: &mut String, name: &str, entries: &[(String, PathBuf)]) -> Result<(), Box<dyn Error>> {
    writeln!(code, "pub(super) static {name}: &[(&str, &str)] = &[")?;
    for (path, file) in entries {
        writeln!(code, "    ({path:?}, include_str!({file:?})),")?;
    }
    writeln!(code, "];")?;
    Ok(())
}
