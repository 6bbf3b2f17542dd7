//! Pulse brought up on an emulator: all that comes before the first customer.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result};
use aws_config::SdkConfig;
use pulse_aws::clock::SystemClock;
use pulse_aws::sdk;
use pulse_core::ports::Clock as _;
use tokio::task::spawn_blocking;

use crate::emulator::{Emulator, EmulatorOptions};
use crate::emulator_kind::EmulatorKind;
use crate::install::Installation;
use crate::lambdas::{self, Package, Programs};
use crate::step::{LocalStep, Progress};
use crate::template::Template;
use crate::workspace::Workspace;
use crate::{artifacts, deploy, dropped, environment, glibc, secrets};
use pulse_aws::stack::StackOutputs;

/// Which emulator to use.
#[derive(Clone, Debug)]
pub enum Backend {
    /// The one that Pulse brings along.
    Own(EmulatorOptions),
    /// One that is running already.
    At {
        /// Its URL.
        url: String,
        /// Which it is.
        kind: EmulatorKind,
    },
}

impl Backend {
    /// The emulator that runs at `url`, once it answers and has what Pulse needs.
    ///
    /// # Errors
    /// When it doesn't or hasn't; with what to do.
    pub async fn at(url: String) -> Result<Self> {
        let kind = EmulatorKind::ask(&url).await?;
        kind.refuse_lacking()?;
        Emulator::attach(&url).await?;
        Ok(Self::At { url, kind })
    }

    /// Which emulator it is.
    #[must_use]
    pub fn kind(&self) -> &EmulatorKind {
        match self {
            Self::Own(_) => &EmulatorKind::MiniStack,
            Self::At { kind, .. } => kind,
        }
    }
}

/// The functions' packages, by their programs' names.
pub type Packages = BTreeMap<String, Package>;

/// A stack to deploy.
#[derive(Clone)]
pub struct StackPlan {
    /// The stack's name.
    pub stack: String,
    /// Values of the template's parameters, by name.
    pub parameters: BTreeMap<String, String>,
    /// Secrets that have to exist first: their text, by name.
    pub secrets: BTreeMap<String, String>,
}

/// A deployed stack at an emulator.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// How to reach the emulator, as its root user.
    pub aws: SdkConfig,
    /// What the stack says of itself.
    pub outputs: StackOutputs,
    /// What the emulator had dropped from the template and has now, a line each.
    pub restored: Vec<String>,
}

/// Refuses programs of which one is lacking that the template names, before anything is begun.
///
/// # Errors
/// With what is lacking, and what to do.
pub fn refuse_lacking_programs(workspace: &Workspace, programs: &Programs) -> Result<()> {
    programs.refuse_lacking(&Template::read(workspace)?.functions())
}

/// Opens the emulator and builds the functions, both at once, as each takes a while on a fresh machine.
///
/// # Errors
/// When the emulator can't be installed, started or reached, or the functions don't build, or don't start there.
pub async fn prepare(
    workspace: &Workspace,
    backend: Backend,
    programs: Programs,
    progress: &Progress,
) -> Result<(Emulator, Arc<Packages>)> {
    let has_containers = backend.kind().has_containers();
    let (emulator, packages) =
        tokio::try_join!(open(workspace, backend, progress), pack(workspace, programs, progress))?;
    if has_containers {
        for (name, package) in packages.iter() {
            glibc::refuse_newer(name, &std::fs::read(package.program())?)?;
        }
    }
    Ok((emulator, packages))
}

/// Opens the emulator: attaches to the one that is given, or installs and starts Pulse's own.
///
/// # Errors
/// When it can't be installed, started or reached.
pub async fn open(workspace: &Workspace, backend: Backend, progress: &Progress) -> Result<Emulator> {
    let options = match backend {
        Backend::At { url, .. } => return Emulator::attach(&url).await,
        Backend::Own(options) => options,
    };
    let (workspace, progress) = (workspace.clone(), Arc::clone(progress));
    let start = move || {
        let installation = Installation::ensure(&workspace, &progress)?;
        progress(LocalStep::StartingEmulator);
        Emulator::start(&installation, &options)
    };
    spawn_blocking(start).await.context("The start of the emulator broke off.")?
}

/// Builds and packs the template's functions.
///
/// # Errors
/// When they don't build.
pub async fn pack(workspace: &Workspace, programs: Programs, progress: &Progress) -> Result<Arc<Packages>> {
    let (workspace, progress) = (workspace.clone(), Arc::clone(progress));
    let pack = move || {
        let template = Template::read(&workspace)?;
        lambdas::build(&workspace, &template.functions(), &programs, &progress).map(Arc::new)
    };
    spawn_blocking(pack).await.context("The build of the functions broke off.")?
}

/// Receivers of word may be on this machine, as the emulator is, and without TLS.
const ENDPOINTS_ARE_HERE: (&str, &str) = ("ENDPOINTS_ON_LOOPBACK", "true");

impl Deployment {
    /// Deploys the checkout's template, as it stands, to the emulator at `endpoint`. Endpoints may then be on this machine.
    ///
    /// # Errors
    /// When the emulator refuses any of it; with its reason.
    pub async fn deploy(
        workspace: &Workspace,
        endpoint: &str,
        packages: &Packages,
        plan: &StackPlan,
        progress: &Progress,
    ) -> Result<Self> {
        let template = Template::read(workspace)?;
        let aws = sdk::for_emulator(endpoint);
        secrets::store(&aws, &plan.secrets).await?;
        progress(LocalStep::UploadingFunctions);
        let now = SystemClock.now().into();
        let urls = artifacts::upload(&aws, packages, now).await?;
        let template = artifacts::upload_template(&aws, &template.with_code(&urls)?, now).await?;
        progress(LocalStep::DeployingStack);
        let outputs = deploy::deploy(&aws, &plan.stack, &template, &plan.parameters).await?;
        let restored = dropped::restore(&aws, &plan.stack).await?;
        let (name, value) = ENDPOINTS_ARE_HERE;
        environment::set(&aws, outputs.get("DeliverFunctionName")?, &[(name, value.to_owned())]).await?;
        Ok(Self { aws, outputs, restored })
    }
}
