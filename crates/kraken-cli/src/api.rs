//! Kraken's HTTP API, as an administrator uses it.

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use std::time::Duration;
use ureq::Agent;
use ureq::http::{Method, Request, StatusCode};

/// Where the admin token comes from. No flag, since a list of processes would show it.
const TOKEN_VARIABLE: &str = "KRAKEN_ADMIN_TOKEN";

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);

#[derive(clap::Args)]
pub(crate) struct Server {
    /// Address of the Kraken server
    #[arg(
        long,
        env = "KRAKEN_SERVER",
        value_name = "URL",
        default_value = "http://127.0.0.1:8080",
        global = true
    )]
    server: String,
}

/// A server, and the right to administer it.
pub(crate) struct Api {
    server: String,
    token: String,
    agent: Agent,
}

impl Server {
    pub(crate) fn api(&self) -> Result<Api> {
        let server = self.server.trim_end_matches('/').to_owned();
        let is_plain = server
            .strip_prefix("http://")
            .is_some_and(|authority| !authority.is_empty() && !authority.contains('/'));
        if !is_plain {
            bail!(
                "`{server}` is not an address like http://127.0.0.1:8080; to a server elsewhere \
                 you get through an SSH tunnel"
            );
        }
        let token = std::env::var(TOKEN_VARIABLE).ok();
        let token = token.filter(|token| !token.is_empty()).with_context(|| {
            format!(
                "the admin token is missing: set {TOKEN_VARIABLE} to the one that `kraken serve` \
                 has shown at its first start"
            )
        })?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(TIMEOUT))
            .build();
        Ok(Api {
            server,
            token,
            agent: config.into(),
        })
    }
}

impl Api {
    /// Sends a request, maybe with a body, and returns the body of its answer.
    pub(crate) fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.server))
            .header("authorization", format!("Bearer {}", self.token));
        let answer = match body {
            Some(body) => {
                let request = request.header("content-type", "application/json");
                self.agent.run(request.body(body.to_string())?)
            }
            None => self.agent.run(request.body(())?),
        };
        let mut answer = answer.map_err(|error| {
            anyhow!(
                "{} can't be reached: {error}. Is `kraken serve` running there? Name another \
                 address with --server",
                self.server
            )
        })?;
        let status = answer.status();
        let text = answer.body_mut().read_to_string();
        let body = text.ok().and_then(|text| serde_json::from_str(&text).ok());
        match body {
            Some(body) if status.is_success() => Ok(body),
            body => Err(self.explain(status, body.as_ref())),
        }
    }

    fn explain(&self, status: StatusCode, body: Option<&Value>) -> anyhow::Error {
        let message = body.and_then(|body| body["error"]["message"].as_str());
        let status = status.as_u16();
        match message {
            Some(message) if status == 401 => anyhow!(
                "{message} (401): {TOKEN_VARIABLE} has to be the admin token that `kraken serve` \
                 has shown at its first start"
            ),
            Some(message) => anyhow!("{message} ({status})"),
            None => anyhow!(
                "{} answers {status}, but not as Kraken does: is it the right address?",
                self.server
            ),
        }
    }
}

/// A text in an answer.
pub(crate) fn text<'a>(answer: &'a Value, name: &str) -> Result<&'a str> {
    let text = answer[name].as_str();
    text.with_context(|| format!("the answer has no `{name}`: is the server of another version?"))
}

/// An app's id, which may stand in a path as it is.
pub(crate) fn app_id(text: &str) -> Result<String, &'static str> {
    let is_allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    if (1..=64).contains(&text.len()) && text.bytes().all(is_allowed) {
        Ok(text.to_owned())
    } else {
        Err("an app's id has 1 to 64 of a-z, 0-9 and -")
    }
}
