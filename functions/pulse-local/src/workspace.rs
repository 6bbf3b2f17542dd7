//! The checkout that `pulse` runs in.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// A checkout of Pulse: the folder with `template.yaml` and the workspace's `Cargo.toml`.
#[derive(Clone, Debug)]
pub struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// Finds the checkout around the current folder.
    ///
    /// # Errors
    /// When the current folder is not inside a checkout.
    pub fn find() -> Result<Self> {
        let here = env::current_dir().context("The current folder can't be read.")?;
        Self::around(&here, env::var_os("CARGO_TARGET_DIR").map(PathBuf::from))
    }

    /// Finds the checkout around `folder`. `target` is cargo's target folder, where it is not the usual one.
    ///
    /// # Errors
    /// When `folder` is not inside a checkout.
    pub fn around(folder: &Path, target: Option<PathBuf>) -> Result<Self> {
        let root = folder
            .ancestors()
            .find(|candidate| {
                candidate.join("template.yaml").is_file() && candidate.join("Cargo.toml").is_file()
            })
            .with_context(|| {
                format!(
                    "{} is not inside a checkout of Pulse. Run this in the folder with template.yaml, or in one below it.",
                    folder.display()
                )
            })?
            .to_owned();
        let target = root.join(target.unwrap_or_else(|| "target".into()));
        Ok(Self { root, target })
    }

    /// The folder with `template.yaml` and the workspace's `Cargo.toml`.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Cargo's target folder, which also holds the emulator.
    #[must_use]
    pub fn target_dir(&self) -> &Path {
        &self.target
    }

    /// The stack's template.
    #[must_use]
    pub fn template(&self) -> PathBuf {
        self.root.join("template.yaml")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_below_the_checkout_finds_its_root() {
        let checkout = tempfile::tempdir().unwrap();
        let below = checkout.path().join("functions/score");
        std::fs::create_dir_all(&below).unwrap();
        std::fs::write(checkout.path().join("template.yaml"), "").unwrap();
        std::fs::write(checkout.path().join("Cargo.toml"), "").unwrap();
        std::fs::write(below.join("Cargo.toml"), "").unwrap();
        let found = Workspace::around(&below, None).unwrap();
        assert_eq!(found.root(), checkout.path());
        assert_eq!(found.target_dir(), checkout.path().join("target"));
        let elsewhere = Workspace::around(&below, Some("/elsewhere".into())).unwrap();
        assert_eq!(elsewhere.target_dir(), Path::new("/elsewhere"));
    }

    #[test]
    fn outside_a_checkout_the_error_says_where_to_run_it() {
        let folder = tempfile::tempdir().unwrap();
        let error = Workspace::around(folder.path(), None).unwrap_err().to_string();
        assert!(error.contains(&folder.path().display().to_string()), "{error}");
        assert!(error.contains("template.yaml"), "{error}");
    }
}
