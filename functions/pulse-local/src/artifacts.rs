//! Uploads packages and the template to S3, for `CloudFormation` to take the stack and its functions' code from.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use aws_config::SdkConfig;
use aws_sdk_cloudformation::config::ProvideCredentials as _;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4::SigningParams;
use reqwest::{Client, Method, StatusCode};
use sha2::{Digest as _, Sha256};

use crate::http;
use crate::lambdas::Package;

const BUCKET: &str = "pulse-local-packages";
const PATIENCE: Duration = Duration::from_mins(1);
const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Uploads each package to a bucket at the emulator, under its digest, so that changed code has another key and
/// `CloudFormation` sees the change. Returns `s3://` URLs by the packages' names.
///
/// This is S3's REST API, signed (Amazon S3 API Reference, `CreateBucket` and `PutObject`): two calls do not pay
/// for the S3 client, the largest of the SDK.
///
/// # Errors
/// When the emulator can't be reached or refuses.
pub async fn upload(
    aws: &SdkConfig,
    packages: &BTreeMap<String, Package>,
    now: SystemTime,
) -> Result<BTreeMap<String, String>> {
    let bucket = Bucket::at(aws, now)?;
    bucket.create().await?;
    let mut urls = BTreeMap::new();
    for (name, package) in packages {
        let key = format!("{name}-{}.zip", package.digest());
        bucket.put(&key, package.digest(), package.bytes().to_vec()).await?;
        urls.insert(name.clone(), format!("s3://{BUCKET}/{key}"));
    }
    Ok(urls)
}

/// Uploads a template to the same bucket, and returns its URL: in a call itself, `CloudFormation` takes 51,200 bytes,
/// and from S3 a million (AWS `CloudFormation` User Guide, "Understand CloudFormation quotas").
///
/// # Errors
/// When the emulator can't be reached or refuses.
pub async fn upload_template(aws: &SdkConfig, template: &str, now: SystemTime) -> Result<String> {
    let bucket = Bucket::at(aws, now)?;
    bucket.create().await?;
    let digest = Sha256::digest(template).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    bucket.put(&format!("template-{digest}.yaml"), &digest, template.into()).await
}

struct Bucket<'a> {
    aws: &'a SdkConfig,
    url: String,
    http: Client,
    now: SystemTime,
}

impl<'a> Bucket<'a> {
    fn at(aws: &'a SdkConfig, now: SystemTime) -> Result<Self> {
        let endpoint = aws.endpoint_url().context(
            "Packages are uploaded to an emulator only: name one in AWS_ENDPOINT_URL, or use `sam deploy` for AWS.",
        )?;
        Ok(Self {
            aws,
            url: format!("{}/{BUCKET}", endpoint.trim_end_matches('/')),
            http: http::client(PATIENCE)?,
            now,
        })
    }

    async fn create(&self) -> Result<()> {
        let status = self.send(&self.url, NOTHING, Vec::new()).await?;
        // A conflict is a bucket that an earlier run has made.
        if status.is_success() || status == StatusCode::CONFLICT {
            return Ok(());
        }
        bail!("S3 at the emulator answered {status} to the creation of the bucket {BUCKET}: its log may say why.")
    }

    /// Uploads bytes of this digest, and returns their URL.
    async fn put(&self, key: &str, digest: &str, bytes: Vec<u8>) -> Result<String> {
        let url = format!("{}/{key}", self.url);
        let status = self.send(&url, digest, bytes).await?;
        if status.is_success() {
            return Ok(url);
        }
        bail!("S3 at the emulator answered {status} to the upload of {key}: its log may say why.")
    }

    async fn send(&self, url: &str, digest: &str, body: Vec<u8>) -> Result<StatusCode> {
        let provider = self.aws.credentials_provider().context("There are no credentials for the emulator.")?;
        let identity = provider.provide_credentials().await?.into();
        let region = self.aws.region().context("There is no region for the emulator.")?;
        let params = SigningParams::builder()
            .identity(&identity)
            .region(region.as_ref())
            .name("s3")
            .time(self.now)
            .settings(s3_signing())
            .build()?
            .into();
        let payload = SignableBody::Precomputed(digest.to_owned());
        let request = SignableRequest::new(Method::PUT.as_str(), url, std::iter::empty(), payload)?;
        let (signature, _) = sign(request, &params)?.into_parts();
        let mut request = self.http.put(url).body(body);
        for (name, value) in signature.headers() {
            request = request.header(name, value);
        }
        let answer = request.send().await.with_context(|| format!("S3 at the emulator can't be reached at {url}."))?;
        Ok(answer.status())
    }
}

/// S3 signs the path as it is sent, and wants the payload's digest as a header (Amazon S3 API Reference,
/// "Authenticating Requests: Using the Authorization Header").
fn s3_signing() -> SigningSettings {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings
}
