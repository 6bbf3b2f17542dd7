//! Where an operator's credentials come from, and what to do when they don't.

use std::{fs, time::Duration};

use aws_config::profile::{Profile, ProfileSet, load};
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_types::os_shim_internal::{Env, Fs};

use crate::config::process_variable;

/// How deep a role's source is looked for, should two name each other.
const DEEPEST: usize = 8;

/// Where credentials come from, by environment and profiles, in the order in which the SDK looks (AWS SDKs and Tools
/// Reference Guide, "Standardized credential providers").
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// `AWS_ACCESS_KEY_ID` and the like.
    Environment,
    /// A profile, and what it says.
    Profile(String, Kind),
    /// A profile that isn't in the files, beside those that are.
    NoSuchProfile(String, Vec<String>),
    /// Files that can't be read.
    BrokenFiles,
    /// The token of a workload, in this file (`AWS_WEB_IDENTITY_TOKEN_FILE` or a profile's `web_identity_token_file`).
    WebIdentity(String),
    /// A token, a container or a machine.
    Elsewhere,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A session of IAM Identity Center.
    Sso,
    /// A session of `aws login`.
    Login,
    /// A program.
    Process,
    /// Keys in the file.
    Keys,
    /// A role that is assumed with another profile's credentials; with a second factor, if so.
    Role { source: Box<Origin>, mfa: bool },
    /// Nothing of the kind.
    Nothing,
}

fn token_file() -> Option<String> {
    process_variable("AWS_WEB_IDENTITY_TOKEN_FILE").filter(|path| !path.is_empty())
}

impl Origin {
    pub(super) async fn find() -> Self {
        if process_variable("AWS_ACCESS_KEY_ID").is_some_and(|key| !key.is_empty()) {
            return Self::Environment;
        }
        let named = process_variable("AWS_PROFILE").filter(|name| !name.is_empty());
        match load(&Fs::real(), &Env::real(), &EnvConfigFiles::default(), None).await {
            Err(_) => Self::BrokenFiles,
            Ok(profiles) => match named {
                Some(name) => Self::of(&profiles, &name, DEEPEST),
                None if profiles.get_profile("default").is_some() => Self::of(&profiles, "default", DEEPEST),
                None => token_file().map_or(Self::Elsewhere, Self::WebIdentity),
            },
        }
    }

    fn of(profiles: &ProfileSet, name: &str, depth: usize) -> Self {
        let Some(profile) = profiles.get_profile(name) else {
            let mut known: Vec<_> = profiles.profiles().map(str::to_owned).collect();
            known.sort();
            return Self::NoSuchProfile(name.to_owned(), known);
        };
        Self::Profile(name.to_owned(), Kind::of(profiles, profile, depth))
    }

    /// What to tell of credentials that couldn't be loaded, for the reason that the SDK has `told`.
    pub(super) fn not_there(&self, told: &str) -> String {
        match self {
            Self::NoSuchProfile(name, known) if known.is_empty() => format!(
                "There is no AWS profile {name}, nor any other: `aws configure sso --profile {name}` or `aws login \
                 --profile {name}` makes it."
            ),
            Self::NoSuchProfile(name, known) => format!(
                "There is no AWS profile {name}: `export AWS_PROFILE=..` names one of {}, or `aws configure sso --profile \
                 {name}` makes it.",
                known.join(", ")
            ),
            Self::BrokenFiles => {
                format!("The AWS profiles can't be read ({}): `aws configure list` says where they are.", last(told))
            }
            Self::WebIdentity(path) => match fs::metadata(path) {
                Err(error) => format!(
                    "The web identity token file {path} can't be read ({error}): whatever runs this is to write it, or \
                     `unset AWS_WEB_IDENTITY_TOKEN_FILE` has other credentials taken."
                ),
                Ok(_) => format!(
                    "The web identity token in {path} gets no credentials ({}): see whether it is over, and whether the \
                     role trusts who wrote it.",
                    last(told)
                ),
            },
            Self::Elsewhere => {
                "There are no AWS credentials: `aws login` gets some, or `export AWS_PROFILE=..` names a \
                                profile that has them."
                    .to_owned()
            }
            Self::Environment => {
                format!("The AWS credentials in the environment can't be used ({}): {}.", last(told), self.mend())
            }
            Self::Profile(name, kind) => Self::of_profile(name, kind, told, &self.mend()),
        }
    }

    fn of_profile(name: &str, kind: &Kind, told: &str, mend: &str) -> String {
        let why = last(told);
        let unreachable = told.contains("dispatch failure") || told.contains("timeout");
        match kind {
            Kind::Sso | Kind::Login if unreachable => format!(
                "AWS can't be reached for the session of the AWS profile {name} ({why}): see to the network, then \
                 `aws sts get-caller-identity --profile {name}` says whether it is."
            ),
            Kind::Sso if told.contains("ForbiddenException") => format!(
                "IAM Identity Center gives you no credentials for the account and role of the AWS profile {name} ({why}): \
                 `aws configure sso --profile {name}` shows those that you have."
            ),
            Kind::Sso => format!(
                "The IAM Identity Center session of the AWS profile {name} is over, or was never begun ({why}): {mend}."
            ),
            Kind::Login => {
                format!("The console session of the AWS profile {name} is over, or was never begun ({why}): {mend}.")
            }
            Kind::Process => format!("The credential_process of the AWS profile {name} fails ({why}): {mend}."),
            Kind::Role { mfa: true, .. } => format!(
                "The role of the AWS profile {name} takes a second factor, which isn't asked for here: `eval \"$(aws \
                 configure export-credentials --profile {name} --format env)\"` asks for it."
            ),
            // The role itself is refused, to someone whose credentials are taken.
            Kind::Role { .. } if told.contains("AssumeRole") && !told.contains("xpired") => format!(
                "The role of the AWS profile {name} can't be assumed ({why}): `aws sts get-caller-identity --profile \
                 {name}` says the same, until the role trusts you."
            ),
            Kind::Role { source, .. } => source.not_there(told),
            Kind::Keys => format!("The keys of the AWS profile {name} can't be used ({why}): {mend}."),
            Kind::Nothing => format!("The AWS profile {name} has no credentials: {mend}."),
        }
    }

    /// What is waited for.
    pub(super) fn source(&self) -> String {
        match self {
            Self::Profile(name, Kind::Process) => format!("the credential_process of the AWS profile {name}"),
            Self::Profile(name, Kind::Sso) => format!("IAM Identity Center, for the session of the AWS profile {name}"),
            Self::Profile(name, _) => format!("the credentials of the AWS profile {name}"),
            _ => "AWS credentials".to_owned(),
        }
    }

    /// What to tell of credentials that didn't come.
    pub(super) fn too_slow(&self, patience: Duration) -> String {
        format!("Waited {} s in vain for {}: {}.", patience.as_secs(), self.source(), self.mend())
    }

    /// What to tell of credentials that a service took no more.
    pub(super) fn refused(&self, code: &str) -> String {
        let whose = match self {
            Self::Profile(name, _) => format!("of the AWS profile {name}"),
            Self::Environment => "in the environment".to_owned(),
            _ => "that were found".to_owned(),
        };
        format!("AWS doesn't take the credentials {whose} any more, or never did ({code}): {}.", self.mend())
    }

    /// The command that mends it, and what it does.
    fn mend(&self) -> String {
        match self {
            Self::Environment => {
                "`unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN` has a profile's taken \
                                  instead, or get others"
                    .to_owned()
            }
            Self::Profile(name, kind) => match kind {
                Kind::Sso => format!("`aws sso login --profile {name}` begins another"),
                Kind::Login => format!("`aws login --profile {name}` begins another"),
                Kind::Process => format!("`aws configure get credential_process --profile {name}` shows what to mend"),
                Kind::Keys => format!("`aws configure --profile {name}` takes others"),
                Kind::Role { source, .. } => source.mend(),
                Kind::Nothing => {
                    format!("`aws configure sso --profile {name}` or `aws login --profile {name}` gives it some")
                }
            },
            _ => "`aws login` gets others".to_owned(),
        }
    }
}

impl Kind {
    fn of(profiles: &ProfileSet, profile: &Profile, depth: usize) -> Self {
        let has = |name| profile.get(name).is_some();
        if has("role_arn") && depth > 0 {
            let source = match profile.get("source_profile") {
                Some(name) if name == profile.name() => Origin::Profile(name.to_owned(), Self::of_its_own(profile)),
                Some(name) => Origin::of(profiles, name, depth - 1),
                None => {
                    let token = profile.get("web_identity_token_file");
                    token.map_or(Origin::Elsewhere, |path| Origin::WebIdentity(path.to_owned()))
                }
            };
            return Self::Role { source: Box::new(source), mfa: has("mfa_serial") };
        }
        Self::of_its_own(profile)
    }

    /// What a profile has without its role, in the order in which the SDK takes it.
    fn of_its_own(profile: &Profile) -> Self {
        let has = |name| profile.get(name).is_some();
        if has("sso_session") || has("sso_start_url") {
            Self::Sso
        } else if has("login_session") {
            Self::Login
        } else if has("credential_process") {
            Self::Process
        } else if has("aws_access_key_id") {
            Self::Keys
        } else {
            Self::Nothing
        }
    }
}

/// The last of an error's causes, which is what happened, without the SDK's words around it.
fn last(told: &str) -> &str {
    let known = ["Stderr: ", "could not be built: ", "loading credentials: ", "provider was not enabled: "];
    let end = known.iter().find_map(|words| told.rsplit_once(words)).map_or(told, |(_, end)| end);
    end.trim().trim_end_matches('.')
}
