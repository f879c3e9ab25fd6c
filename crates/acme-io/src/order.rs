//! One certificate for one host, from order to file.

use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, ChallengeHandle, ChallengeType, ExternalAccountKey, Identifier, NewAccount,
    NewOrder, Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, KeyPair};

use crate::client::Way;
use crate::files::{FileError, Files};
use crate::{Method, Prover, Settings};

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The authority cannot be verified.
    #[error(transparent)]
    Roots(#[from] web_io::RootsError),
    /// The authority refuses, or cannot be reached.
    #[error("{0}")]
    Authority(#[from] instant_acme::Error),
    /// The authority does not prove hosts in this way.
    #[error("the authority does not offer {}", .0.label())]
    NoSuchMethod(Method),
    /// The authority did not find the proof.
    #[error("the authority did not find the proof by {}: {why}", method.label())]
    Unproved {
        /// How it looked.
        method: Method,
        /// Its words.
        why: String,
    },
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// A certificate for the proof, or a stored account, is not as it must be.
    #[error("{0}")]
    Made(String),
    /// It took too long.
    #[error("the authority was not done after {} minutes", ISSUE_WITHIN.as_secs() / 60)]
    Late,
}

impl IssueError {
    /// Whether the authority does not know the account, or not any more (RFC 8555, section 6.7).
    pub(crate) fn is_about_account(&self) -> bool {
        let Self::Authority(instant_acme::Error::Api(problem)) = self else { return false };
        problem.r#type.as_deref() == Some("urn:ietf:params:acme:error:accountDoesNotExist")
    }
}

/// The account of earlier, or a new one.
pub(crate) async fn account(settings: &Settings, files: &Files) -> Result<Account, IssueError> {
    let client = web_io::Client::new(settings.authorities.as_deref(), REQUEST_WITHIN, ANSWER_BYTES_MAX)?;
    let builder = || Account::builder_with_http(Box::new(Way(client.clone())));
    if let Some(stored) = files.account(&settings.directory)
        && let Ok(credentials) = serde_json::from_value(stored)
    {
        return Ok(builder().from_credentials(credentials).await?);
    }
    let contacts: Vec<&str> = settings.contacts.iter().map(String::as_str).collect();
    let new = NewAccount { contact: &contacts, terms_of_service_agreed: true, only_return_existing: false };
    let external = settings
        .external
        .as_ref()
        .map(|external| ExternalAccountKey::new(external.id.clone(), &external.key));
    let (account, credentials) =
        builder().create(&new, settings.directory.clone(), external.as_ref()).await?;
    let credentials =
        serde_json::to_value(credentials).map_err(|error| IssueError::Made(error.to_string()))?;
    files.write_account(&settings.directory, &credentials)?;
    Ok(account)
}

/// Has a certificate made, and writes it.
pub(crate) async fn issue(
    account: &Account,
    host: &str,
    method: Method,
    files: &Files,
    prover: &dyn Prover,
) -> Result<(), IssueError> {
    let issued = tokio::time::timeout(ISSUE_WITHIN, certificate(account, host, method, prover)).await;
    prover.forget();
    let pem = issued.map_err(|_| IssueError::Late)??;
    Ok(files.write_certificate(host, &pem)?)
}

async fn certificate(
    account: &Account,
    host: &str,
    method: Method,
    prover: &dyn Prover,
) -> Result<String, IssueError> {
    let identifiers = [Identifier::Dns(host.to_owned())];
    let mut order = account.new_order(&NewOrder::new(&identifiers)).await?;
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let kind = match method {
            Method::Http => ChallengeType::Http01,
            Method::Tls => ChallengeType::TlsAlpn01,
        };
        let mut challenge = authorization.challenge(kind).ok_or(IssueError::NoSuchMethod(method))?;
        prove(host, method, &challenge, prover)?;
        challenge.set_ready().await?;
    }
    if order.poll_ready(&polling()).await? != OrderStatus::Ready {
        return Err(IssueError::Unproved { method, why: words(&mut order).await });
    }
    let key = order.finalize().await?;
    let chain = order.poll_certificate(&polling()).await?;
    Ok(format!("{}\n{key}", chain.trim_end()))
}

fn prove(
    host: &str,
    method: Method,
    challenge: &ChallengeHandle<'_>,
    prover: &dyn Prover,
) -> Result<(), IssueError> {
    let authorization = challenge.key_authorization();
    match method {
        Method::Http => prover.answer_http(&challenge.token, authorization.as_str()),
        Method::Tls => {
            let made = |error: rcgen::Error| IssueError::Made(error.to_string());
            let mut params = CertificateParams::new([host.to_owned()]).map_err(made)?;
            let digest = authorization.digest();
            params.custom_extensions.push(CustomExtension::new_acme_identifier(digest.as_ref()));
            let key = KeyPair::generate().map_err(made)?;
            let certificate = params.self_signed(&key).map_err(made)?;
            prover.answer_tls(host, certificate.der(), key.serialized_der());
        }
    }
    Ok(())
}

/// What the authority says of proofs that it did not find.
async fn words(order: &mut Order) -> String {
    let mut said = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(Ok(authorization)) = authorizations.next().await {
        let problems = authorization.challenges.iter().filter_map(|challenge| challenge.error.as_ref());
        said.extend(problems.map(ToString::to_string));
    }
    if said.is_empty() { "it gives no reason".to_owned() } else { said.join("; ") }
}

fn polling() -> RetryPolicy {
    RetryPolicy::new().initial_delay(Duration::from_millis(250)).timeout(ISSUE_WITHIN / 4)
}

const ISSUE_WITHIN: Duration = Duration::from_secs(300);
const REQUEST_WITHIN: Duration = Duration::from_secs(30);
const ANSWER_BYTES_MAX: usize = 256 * 1024;
