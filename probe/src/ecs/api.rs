//! The four calls of the ECS API that are needed, signed with Signature Version 4.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials as SigningCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use parking_lot::Mutex;
use scope_shared::report::SmolStr;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::credentials::{self, Credentials};
use super::directory::{Service, Task};

/// For one call.
const TIMEOUT: Duration = Duration::from_secs(10);
/// An answer: 100 tasks with all their containers are a few hundred kilobytes.
const ANSWER_BYTES: usize = 8 << 20;
/// How long credentials and region are believed; roles hand out new ones hours before the old ones end.
const IDENTITY: Duration = Duration::from_secs(600);

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No answer.
    #[error("no answer: {0}")]
    Http(#[from] reqwest::Error),
    /// The API refused, in its own words.
    #[error("the ECS API answered {0}: {1}")]
    Refused(u16, String),
    /// The answer was not what the API documents.
    #[error("the ECS API answered something unexpected: {0}")]
    Answer(String),
    /// No credentials.
    #[error("no AWS credentials in the environment, the container's role or the instance's role ({0})")]
    Credentials(String),
    /// The request could not be signed.
    #[error("the request could not be signed: {0}")]
    Signing(String),
}

/// A client that looks up its region and credentials when it first needs them.
#[derive(Debug)]
pub struct EcsApi {
    region: Option<String>,
    endpoint: Option<String>,
    credentials: Option<Credentials>,
    http: reqwest::Client,
    identity: Mutex<Option<(SystemTime, Identity)>>,
}

#[derive(Clone, Debug)]
struct Identity {
    region: String,
    credentials: Credentials,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TaskEntry {
    task_arn: String,
    #[serde(default)]
    created_at: Option<f64>,
    #[serde(default)]
    started_by: Option<String>,
    #[serde(default)]
    group: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServiceEntry {
    service_name: String,
    #[serde(default)]
    desired_count: i64,
    #[serde(default)]
    running_count: i64,
    #[serde(default)]
    created_at: Option<f64>,
    #[serde(default)]
    deployments: Vec<Deployment>,
}

#[derive(Deserialize)]
struct Deployment {
    id: String,
}

impl ServiceEntry {
    fn split(self) -> (SmolStr, Service, Vec<SmolStr>) {
        let service = Service {
            desired: self.desired_count,
            running: self.running_count,
            created_at: date(self.created_at),
        };
        (
            self.service_name.into(),
            service,
            self.deployments.into_iter().map(|deployment| deployment.id.into()).collect(),
        )
    }
}

impl EcsApi {
    /// A client; what is given is not looked for.
    #[must_use]
    pub fn new(region: Option<String>, endpoint: Option<String>, credentials: Option<Credentials>) -> Self {
        Self {
            region,
            endpoint,
            credentials,
            http: http_client(TIMEOUT),
            identity: Mutex::new(None),
        }
    }

    /// Tasks by ARN, at most 100. Those the API does not know (any more) are left out.
    ///
    /// # Errors
    /// When the API does not answer or refuses.
    pub async fn describe_tasks(&self, cluster: &str, arns: &[SmolStr]) -> Result<Vec<(SmolStr, Task)>, ApiError> {
        #[derive(Deserialize)]
        struct Answer {
            tasks: Vec<TaskEntry>,
        }
        let answer: Answer = self.call("DescribeTasks", &json!({"cluster": cluster, "tasks": arns})).await?;
        let task = |entry: TaskEntry| {
            let service = entry
                .group
                .as_deref()
                .and_then(|group| group.strip_prefix("service:"))
                .map(SmolStr::new);
            let task = Task {
                created_at: date(entry.created_at),
                started_by: entry.started_by.unwrap_or_default().into(),
                service,
            };
            (SmolStr::from(entry.task_arn), task)
        };
        Ok(answer.tasks.into_iter().map(task).collect())
    }

    /// Services by name or ARN, at most 10: name, counts, ids of their deployments.
    ///
    /// # Errors
    /// When the API does not answer or refuses.
    pub async fn describe_services(&self, cluster: &str, names: &[SmolStr]) -> Result<Vec<(SmolStr, Service, Vec<SmolStr>)>, ApiError> {
        #[derive(Deserialize)]
        struct Answer {
            services: Vec<ServiceEntry>,
        }
        let answer: Answer = self
            .call("DescribeServices", &json!({"cluster": cluster, "services": names}))
            .await?;
        Ok(answer.services.into_iter().map(ServiceEntry::split).collect())
    }

    /// ARNs of the cluster's services, one page: the ARNs and where the next page starts.
    ///
    /// # Errors
    /// When the API does not answer or refuses.
    pub async fn list_services(&self, cluster: &str, from: Option<&str>) -> Result<(Vec<SmolStr>, Option<String>), ApiError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            service_arns: Vec<SmolStr>,
            #[serde(default)]
            next_token: Option<String>,
        }
        let answer: Answer = self
            .call("ListServices", &json!({"cluster": cluster, "maxResults": 100, "nextToken": from}))
            .await?;
        Ok((answer.service_arns, answer.next_token))
    }

    /// Sets how many tasks a service should run; what it is then.
    ///
    /// # Errors
    /// When the API does not answer or refuses.
    pub async fn update_service(&self, cluster: &str, name: &str, desired: i64) -> Result<Service, ApiError> {
        #[derive(Deserialize)]
        struct Answer {
            service: ServiceEntry,
        }
        let answer: Answer = self
            .call(
                "UpdateService",
                &json!({"cluster": cluster, "service": name, "desiredCount": desired}),
            )
            .await?;
        Ok(answer.service.split().1)
    }

    async fn call<T: DeserializeOwned>(&self, action: &str, parameters: &Value) -> Result<T, ApiError> {
        let identity = self.identity().await?;
        let url = self
            .endpoint
            .clone()
            .unwrap_or_else(|| format!("https://ecs.{}.amazonaws.com/", identity.region));
        let body = parameters.to_string();
        let request = http::Request::post(&url)
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("AmazonEC2ContainerServiceV20141113.{action}"))
            .body(body)
            .map_err(|error| ApiError::Signing(error.to_string()))?;
        let answer = self.http.execute(signed(request, &identity)?).await?;
        bounded_json(answer).await
    }

    async fn identity(&self) -> Result<Identity, ApiError> {
        let now = SystemTime::now();
        if let Some((since, identity)) = &*self.identity.lock()
            && now.duration_since(*since).is_ok_and(|age| age < IDENTITY)
        {
            return Ok(identity.clone());
        }
        let region = match &self.region {
            Some(region) => region.clone(),
            None => credentials::instance_region().await?,
        };
        let credentials = match &self.credentials {
            Some(credentials) => credentials.clone(),
            None => credentials::find().await?,
        };
        let identity = Identity { region, credentials };
        *self.identity.lock() = Some((now, identity.clone()));
        Ok(identity)
    }
}

fn signed(mut request: http::Request<String>, identity: &Identity) -> Result<reqwest::Request, ApiError> {
    let failed = |error: &dyn std::fmt::Display| ApiError::Signing(error.to_string());
    let keys = &identity.credentials;
    let credentials = SigningCredentials::new(&keys.key, &keys.secret, keys.session.clone(), None, "scope").into();
    let parameters = v4::SigningParams::builder()
        .identity(&credentials)
        .region(&identity.region)
        .name("ecs")
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| failed(&error))?
        .into();
    let uri = request.uri().to_string();
    let headers = request
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let signable =
        SignableRequest::new("POST", &uri, headers, SignableBody::Bytes(request.body().as_bytes())).map_err(|error| failed(&error))?;
    let (instructions, _) = sign(signable, &parameters).map_err(|error| failed(&error))?.into_parts();
    instructions.apply_to_request_http1x(&mut request);
    reqwest::Request::try_from(request).map_err(ApiError::Http)
}

/// A client with a limit on the time of whole requests. Never a proxy: the metadata services are link-local.
pub(super) fn http_client(timeout: Duration) -> reqwest::Client {
    let builder = reqwest::Client::builder().timeout(timeout).connect_timeout(timeout);
    builder.build().unwrap_or_default()
}

/// The JSON of an answer, read up to [`ANSWER_BYTES`].
pub(super) async fn bounded_json<T: DeserializeOwned>(mut answer: reqwest::Response) -> Result<T, ApiError> {
    let status = answer.status();
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > ANSWER_BYTES {
            return Err(ApiError::Answer(format!("more than {ANSWER_BYTES} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    if !status.is_success() {
        let said = serde_json::from_slice::<Value>(&body).ok();
        let message = said
            .as_ref()
            .and_then(|said| said.get("message").or_else(|| said.get("__type"))?.as_str())
            .unwrap_or("no reason given");
        return Err(ApiError::Refused(status.as_u16(), message.to_owned()));
    }
    serde_json::from_slice(&body).map_err(|error| ApiError::Answer(error.to_string()))
}

/// The API's seconds since the epoch as RFC 3339 text; empty for none.
fn date(seconds: Option<f64>) -> SmolStr {
    let Some(seconds) = seconds.filter(|seconds| seconds.is_finite() && *seconds >= 0.0) else {
        return SmolStr::default();
    };
    let millis = (seconds * 1000.0).round() as i64;
    scope_shared::time::Timestamp::from_unix_millis(millis).to_string().into()
}
