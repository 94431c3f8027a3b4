//! The worlds that the program ships, compressed: every folder below `worlds`, by the build script.

use std::sync::LazyLock;

include!(concat!(env!("OUT_DIR"), "/embedded_worlds.rs"));

/// All worlds, one after the other.
static TEXT: LazyLock<String> = LazyLock::new(|| {
    let bytes = zstd::decode_all(&include_bytes!(concat!(env!("OUT_DIR"), "/embedded_worlds.zst"))[..]);
    String::from_utf8(bytes.expect("the build script compressed it")).expect("the build script read text")
});

/// A shipped world: the document, and the list of what is wrong in it.
#[derive(Clone, Copy, Debug)]
pub struct EmbeddedWorld {
    /// The folder's name.
    pub name: &'static str,
    /// `world.json`.
    pub world_json: &'static str,
    /// `planted.yaml`: what a scan must find, no more and no less.
    pub planted_yaml: &'static str,
}

/// Every shipped world: `demo`, then the others by name.
pub fn worlds() -> &'static [EmbeddedWorld] {
    static LIST: LazyLock<Vec<EmbeddedWorld>> = LazyLock::new(|| {
        let mut rest = TEXT.as_str();
        let mut take = |length| {
            let (taken, after) = rest.split_at(length);
            rest = after;
            taken
        };
        let mut worlds: Vec<EmbeddedWorld> = WORLDS
            .iter()
            .map(|&(name, world, planted)| EmbeddedWorld { name, world_json: take(world), planted_yaml: take(planted) })
            .collect();
        worlds.sort_by_key(|world| world.name != "demo");
        worlds
    });
    &LIST
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::sandbox::World;

    #[test]
    fn every_folder_is_embedded_as_it_is() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sandbox/worlds");
        assert_eq!(worlds().len(), std::fs::read_dir(&folder).expect("the folder of worlds").count());
        assert_eq!(worlds()[0].name, "demo");
        for world in worlds() {
            let read = |file: &str| std::fs::read_to_string(folder.join(world.name).join(file)).expect("a file");
            assert_eq!(world.world_json, read("world.json"), "{}", world.name);
            assert_eq!(world.planted_yaml, read("planted.yaml"), "{}", world.name);
        }
    }

    #[test]
    fn every_world_reads_without_warning() {
        for world in worlds() {
            let read = World::named(world.name).unwrap_or_else(|error| panic!("{}: {error}", world.name));
            assert!(read.warnings().is_empty(), "{}: {:?}", world.name, read.warnings());
            assert!(read.first_access_key().is_some(), "{}: a scan needs a key", world.name);
        }
    }
}
