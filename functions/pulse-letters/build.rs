//! Compiles the letters' words in. Each folder of `infra/email` is a language, named by its tag: to add one, add a folder.
//! One that lacks a text or a phrase which English has, or has one which English hasn't, fails the build.

use std::{
    collections::BTreeSet,
    env,
    error::Error,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// The language that every other is held to, and that stands in for those that aren't there.
const REFERENCE: &str = "en";
/// The words of the monthly letter, and those of all letters.
const PHRASES: [&str; 2] = ["phrases.txt", "common.txt"];
const TEXT: &str = "monthly.txt";

#[expect(clippy::disallowed_methods, reason = "this is how cargo tells a build script")]
fn main() -> Result<(), Box<dyn Error>> {
    let email = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/email").canonicalize()?;
    println!("cargo::rerun-if-changed={}", email.display());
    let reference = email.join(REFERENCE);
    let mut languages = String::from("[\n");
    for folder in folders(&email)? {
        let tag = folder.file_name().and_then(|name| name.to_str()).ok_or("a folder whose name isn't UTF-8")?;
        check(&folder, &reference)?;
        let read = |name: &str| format!("include_str!({:?})", folder.join(name).display().to_string());
        let [phrases, common] = PHRASES.map(read);
        writeln!(languages, "Texts {{ tag: {tag:?}, phrases: {phrases}, common: {common}, text: {} }},", read(TEXT))?;
    }
    languages.push(']');
    fs::write(Path::new(&env::var("OUT_DIR")?).join("languages.rs"), languages)?;
    Ok(())
}

fn folders(email: &Path) -> Result<BTreeSet<PathBuf>, Box<dyn Error>> {
    let entries = fs::read_dir(email)?.collect::<Result<Vec<_>, _>>()?;
    Ok(entries.into_iter().map(|entry| entry.path()).filter(|path| path.is_dir()).collect())
}

fn check(folder: &Path, reference: &Path) -> Result<(), Box<dyn Error>> {
    if !folder.join(TEXT).is_file() {
        return Err(format!("{} has no {TEXT}, the letter as plain text", folder.display()).into());
    }
    for file in PHRASES {
        let (expected, found) = (phrases_of(&reference.join(file))?, phrases_of(&folder.join(file))?);
        if let Some(phrase) = expected.difference(&found).next() {
            return Err(format!("{}/{file} has no phrase {phrase}, which {REFERENCE} has", folder.display()).into());
        }
        if let Some(phrase) = found.difference(&expected).next() {
            return Err(format!("{}/{file} has a phrase {phrase}, which {REFERENCE} hasn't", folder.display()).into());
        }
    }
    Ok(())
}

/// The names that a language's phrases are set by. One with an underscore before it is its own.
fn phrases_of(path: &Path) -> Result<BTreeSet<String>, Box<dyn Error>> {
    let source = fs::read_to_string(path).map_err(|error| format!("{} can't be read: {error}", path.display()))?;
    let tags =
        source.split("{%").skip(1).filter_map(|tag| tag.trim_start_matches('-').trim_start().strip_prefix("set "));
    let name = |tag: &str| tag.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    Ok(tags.map(name).filter(|name: &String| !name.starts_with('_')).collect())
}
