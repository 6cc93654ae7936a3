//! AWS credentials: from the environment, from the container's role, or from the instance's role, in the order every AWS tool uses.

use std::time::Duration;

use serde::Deserialize;

use super::api::{ApiError, bounded_json, http_client};

/// For a request to the metadata service, which is on this machine or not there at all.
const TIMEOUT: Duration = Duration::from_secs(2);
const INSTANCE: &str = "http://169.254.169.254";
const CONTAINER: &str = "http://169.254.170.2";

/// An access key, its secret, and the session it belongs to if it is temporary.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Access key id.
    pub key: String,
    /// Secret key.
    pub secret: String,
    /// Session token of temporary credentials.
    pub session: Option<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the secret: this ends up in logs.
        f.debug_struct("Credentials").field("key", &self.key).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RoleCredentials {
    access_key_id: String,
    secret_access_key: String,
    #[serde(default)]
    token: Option<String>,
}

impl From<RoleCredentials> for Credentials {
    fn from(role: RoleCredentials) -> Self {
        Self {
            key: role.access_key_id,
            secret: role.secret_access_key,
            session: role.token,
        }
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The first credentials found.
///
/// # Errors
/// When there are none anywhere; the error names the places.
pub async fn find() -> Result<Credentials, ApiError> {
    if let (Some(key), Some(secret)) = (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
        return Ok(Credentials {
            key,
            secret,
            session: variable("AWS_SESSION_TOKEN"),
        });
    }
    let http = http_client(TIMEOUT);
    if let Some(path) = variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
        let role: RoleCredentials = bounded_json(http.get(format!("{CONTAINER}{path}")).send().await?).await?;
        return Ok(role.into());
    }
    let found = async {
        let token = instance_token(&http).await?;
        let base = format!("{INSTANCE}/latest/meta-data/iam/security-credentials/");
        let name = http
            .get(&base)
            .header("x-aws-ec2-metadata-token", &token)
            .send()
            .await?
            .error_for_status()?
            .text()
            .await?;
        let name = name.lines().next().unwrap_or_default().trim().to_owned();
        let role: RoleCredentials = bounded_json(
            http.get(format!("{base}{name}"))
                .header("x-aws-ec2-metadata-token", &token)
                .send()
                .await?,
        )
        .await?;
        Ok::<_, ApiError>(role.into())
    };
    found.await.map_err(|error| ApiError::Credentials(error.to_string()))
}

/// The region of this instance.
///
/// # Errors
/// When the metadata service does not answer.
pub async fn instance_region() -> Result<String, ApiError> {
    let http = http_client(TIMEOUT);
    let token = instance_token(&http).await?;
    let answer = http
        .get(format!("{INSTANCE}/latest/meta-data/placement/region"))
        .header("x-aws-ec2-metadata-token", token)
        .send()
        .await?;
    Ok(answer.error_for_status()?.text().await?.trim().to_owned())
}

async fn instance_token(http: &reqwest::Client) -> Result<String, ApiError> {
    let request = http
        .put(format!("{INSTANCE}/latest/api/token"))
        .header("x-aws-ec2-metadata-token-ttl-seconds", "300");
    Ok(request.send().await?.error_for_status()?.text().await?)
}
