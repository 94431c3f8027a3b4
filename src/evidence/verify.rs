//! Checks a bundle without anything but itself and the keys that are believed.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use data_encoding::HEXLOWER;
use sha2::Digest as _;

use super::{
    DIGEST, MANIFEST, MEMBERS, Manifest, PAYLOAD_TYPE, digest,
    write::{Counted, digest_line},
};
use crate::seal::{Envelope, PublicKey};

/// The largest manifest that is read.
const MAX_MANIFEST: u64 = 16 << 20;

/// What became of a bundle.
#[derive(Clone, Debug, Default)]
pub struct Verified {
    /// What is wrong. A bundle without any is as it was written if somebody who is believed signed it; otherwise it agrees
    /// with itself.
    pub problems: Vec<String>,
    /// The manifest, where it could be read.
    pub manifest: Option<Manifest>,
    /// `sha256:…` of its envelope: what the next bundle knows it by.
    pub digest: String,
    /// Those of the keys that signed it.
    pub signers: Vec<PublicKey>,
    /// Whether somebody claims to have signed it; `None` where its manifest could not be read, which says nothing of it.
    pub signed: Option<bool>,
}

/// Checks the bundle in `folder`. `keys` are those that are believed; with any, one of them must have signed it.
pub fn verify(folder: &Path, keys: &[PublicKey]) -> Verified {
    let mut verified = Verified::default();
    let envelope = match read_small(folder, MANIFEST) {
        Ok(bytes) => bytes,
        Err(problem) => {
            verified.problems.extend(check_names(folder, &MEMBERS).err());
            verified.problems.push(problem);
            return verified;
        }
    };
    verified.digest = digest(&envelope);
    match read_small(folder, DIGEST) {
        Ok(line) if line == digest_line(&envelope).as_bytes() => {}
        Ok(_) => verified.problems.push(format!("{DIGEST} is not the digest of {MANIFEST}")),
        Err(problem) => verified.problems.push(problem),
    }
    check_envelope(&envelope, keys, &mut verified);
    let Some(manifest) = &verified.manifest else {
        verified.problems.extend(check_names(folder, &MEMBERS).err());
        return verified;
    };
    verified.problems.extend(check_names(folder, manifest.files()).err());
    let names: Vec<&str> = manifest.members.iter().map(|member| member.name.as_str()).collect();
    if names != manifest.files() {
        verified.problems.push("the manifest does not name the files of a bundle of its version".to_owned());
        return verified;
    }
    let problems: Vec<String> =
        manifest.members.iter().filter_map(|member| check_member(folder, member).err()).collect();
    verified.problems.extend(problems);
    verified
}

/// What is stored must be what this program writes of what it reads, to the byte: so that no byte of an envelope can be
/// changed without a trace, even one that means nothing.
fn check_envelope(bytes: &[u8], keys: &[PublicKey], verified: &mut Verified) {
    let envelope = match Envelope::read(bytes, PAYLOAD_TYPE) {
        Ok(envelope) if envelope.to_json().as_bytes() == bytes => envelope,
        Ok(_) => return verified.problems.push(format!("{MANIFEST} is not as it was written")),
        Err(error) => return verified.problems.push(format!("{MANIFEST}: {error}")),
    };
    verified.signers = envelope.signers(keys).into_iter().copied().collect();
    if !keys.is_empty() && verified.signers.is_empty() {
        let why = if envelope.is_unsigned() { "it is not signed" } else { "no believed key signed it" };
        verified.problems.push(format!("{MANIFEST}: {why}"));
    }
    // One that is believed vouches for no other: what was added to its envelope was added by somebody else.
    if !verified.signers.is_empty() && !envelope.is_signed_only_by(keys) {
        verified.problems.push(format!("{MANIFEST} holds a signature that no believed key made under its own name"));
    }
    match Manifest::read(envelope.payload()) {
        Some(manifest) => {
            verified.signed = Some(!envelope.is_unsigned());
            verified.manifest = Some(manifest);
        }
        None => verified.problems.push(format!("{MANIFEST} holds no manifest that this version knows")),
    }
}

/// Nothing may lie in a bundle that is not of it.
fn check_names(folder: &Path, members: &[&str]) -> Result<(), String> {
    let known: BTreeSet<&str> = members.iter().copied().chain([MANIFEST, DIGEST]).collect();
    let entries = fs::read_dir(folder).map_err(|error| format!("the folder cannot be read: {error}"))?;
    for entry in entries {
        let entry = entry.map_err(|error| format!("the folder cannot be read: {error}"))?;
        let name = entry.file_name();
        if !name.to_str().is_some_and(|name| known.contains(name)) {
            let shown: String = name.to_string_lossy().chars().take(80).collect();
            return Err(format!("`{}` does not belong to it", shown.escape_default()));
        }
    }
    Ok(())
}

/// Opens a file of the bundle: a regular one, and no link to elsewhere.
fn open(folder: &Path, name: &str) -> Result<(File, u64), String> {
    let cannot = |why: &dyn std::fmt::Display| format!("{name} cannot be read: {why}");
    let path = folder.join(name);
    let there = fs::symlink_metadata(&path).map_err(|error| cannot(&error))?;
    if !there.is_file() {
        return Err(cannot(&"it is no regular file"));
    }
    Ok((File::open(&path).map_err(|error| cannot(&error))?, there.len()))
}

fn read_small(folder: &Path, name: &str) -> Result<Vec<u8>, String> {
    let (file, bytes) = open(folder, name)?;
    if bytes > MAX_MANIFEST {
        return Err(format!("{name} has {bytes} bytes, and no bundle's has more than {MAX_MANIFEST}"));
    }
    let mut text = Vec::new();
    match file.take(MAX_MANIFEST).read_to_end(&mut text) {
        Ok(_) => Ok(text),
        Err(error) => Err(format!("{name} cannot be read: {error}")),
    }
}

fn check_member(folder: &Path, member: &super::Member) -> Result<(), String> {
    let name = &member.name;
    let (mut file, bytes) = open(folder, name)?;
    if bytes != member.bytes {
        return Err(format!("{name} has {bytes} bytes instead of {}", member.bytes));
    }
    let mut counted = Counted::default();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => counted.add(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(format!("{name} cannot be read: {error}")),
        }
    }
    if HEXLOWER.encode(&counted.hash.finalize()) != member.sha256 || counted.lines != member.lines {
        return Err(format!("{name} is not what was written: its digest is another one"));
    }
    Ok(())
}
