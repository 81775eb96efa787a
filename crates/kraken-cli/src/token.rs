//! `kraken token`: a token for somebody who uses an app.

use crate::api::{self, Server};
use crate::greeting::say;
use anyhow::Result;
use clap::ValueEnum;
use serde_json::json;
use std::time::Duration;
use ureq::http::Method;

#[derive(clap::Args)]
#[command(after_help = "\
The admin token comes from KRAKEN_ADMIN_TOKEN. The new token alone is on standard output.")]
pub(crate) struct Arguments {
    /// The app that the token is for
    #[arg(long, value_parser = api::app_id)]
    app: String,
    /// Who the token is for: whatever the app calls its users
    #[arg(long = "for", value_name = "SUB")]
    subject: String,
    /// A room that the token opens, `prefix/*` for all that begin so, `*` for all of the app. May
    /// be given several times
    #[arg(long = "room", value_name = "PATTERN", default_value = "*")]
    rooms: Vec<String>,
    /// What the token allows
    #[arg(long, value_enum, default_value = "write")]
    scope: Scope,
    /// How long the token is valid, like 90s, 15m, 1h or 30d
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = humantime::parse_duration)]
    expires: Duration,
    #[command(flatten)]
    server: Server,
}

#[derive(Clone, Copy, ValueEnum)]
enum Scope {
    /// Read documents, and be seen in them
    Read,
    /// Edit documents too
    Write,
    /// Administer the app as well
    Admin,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let scope = match arguments.scope {
        Scope::Read => "read",
        Scope::Write => "write",
        Scope::Admin => "admin",
    };
    let body = json!({
        "sub": arguments.subject,
        "aud": arguments.rooms,
        "scope": scope,
        "expires_in": arguments.expires.as_secs(),
    });
    let path = format!("/api/apps/{}/tokens", arguments.app);
    let answer = arguments
        .server
        .api()?
        .call(Method::POST, &path, Some(&body))?;
    say(&format!("{}\n", api::text(&answer, "token")?))?;
    Ok(())
}
