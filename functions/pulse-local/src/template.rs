//! `template.yaml` with its functions' code in S3: all that `sam package` would change in it.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;

/// A function's code in the template is its folder, which is named as its package and its program are.
const CODE: &str = "CodeUri: functions/";

/// The stack's template, as it stands in the checkout.
#[derive(Clone, Debug)]
pub struct Template {
    text: String,
}

impl Template {
    /// Reads the checkout's `template.yaml`.
    ///
    /// # Errors
    /// When it can't be read, or has no function with code of this checkout.
    pub fn read(workspace: &Workspace) -> Result<Self> {
        let path = workspace.template();
        let text = fs::read_to_string(&path).with_context(|| format!("{} can't be read.", path.display()))?;
        Self::parse(text)
    }

    fn parse(text: String) -> Result<Self> {
        let template = Self { text };
        if template.functions().is_empty() {
            bail!("template.yaml has no line `{CODE}NAME`, so there is no function to deploy: restore those lines.");
        }
        Ok(template)
    }

    /// The programs that the template's functions run, in the template's order.
    #[must_use]
    pub fn functions(&self) -> Vec<&str> {
        self.text.lines().filter_map(code).collect()
    }

    /// The template with each function's code taken from an S3 URL, `s3://BUCKET/KEY`, by the program's name.
    /// Not a character of it differs but for these.
    ///
    /// # Errors
    /// When the URLs are not those of exactly the template's functions.
    pub fn with_code(&self, urls: &BTreeMap<String, String>) -> Result<String> {
        let mut functions = self.functions();
        functions.sort_unstable();
        if !functions.iter().eq(urls.keys()) {
            let packages: Vec<_> = urls.keys().collect();
            bail!(
                "template.yaml has the functions {functions:?} and the packages are {packages:?}: they must be the same."
            );
        }
        let replaced = self.text.split_inclusive('\n').map(|line| match code(line).and_then(|name| urls.get(name)) {
            Some(url) => {
                let indent = &line[..line.len() - line.trim_start().len()];
                format!("{indent}CodeUri: {url}\n")
            }
            None => line.to_owned(),
        });
        Ok(replaced.collect())
    }
}

/// The program that a line of the template names as a function's code.
fn code(line: &str) -> Option<&str> {
    line.trim().strip_prefix(CODE).map(|name| name.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(names: &[&str]) -> BTreeMap<String, String> {
        names.iter().map(|name| ((*name).to_owned(), format!("s3://b/{name}.zip"))).collect()
    }

    #[test]
    fn only_the_functions_code_changes() {
        let text =
            "A:\n    CodeUri: functions/score\nB:\n  # CodeUri: functions/x\n  CodeUri: functions/email/\nC: 1\n";
        let template = Template::parse(text.to_owned()).unwrap();
        assert_eq!(template.functions(), ["score", "email"]);
        assert_eq!(
            template.with_code(&urls(&["score", "email"])).unwrap(),
            "A:\n    CodeUri: s3://b/score.zip\nB:\n  # CodeUri: functions/x\n  CodeUri: s3://b/email.zip\nC: 1\n"
        );
    }

    #[test]
    fn a_function_without_a_package_is_refused_and_so_is_a_package_without_a_function() {
        let template = Template::parse("CodeUri: functions/score\nCodeUri: functions/email\n".to_owned()).unwrap();
        for names in [&["score"][..], &["score", "tick"], &["email", "score", "tick"]] {
            let error = template.with_code(&urls(names)).unwrap_err().to_string();
            assert!(error.contains("must be the same"), "{error}");
        }
    }

    #[test]
    fn a_template_without_functions_is_refused() {
        assert!(Template::parse("Resources: {}\n".to_owned()).is_err());
    }
}
