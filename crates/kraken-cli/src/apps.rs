//! `kraken apps`: the apps that a server serves.

use crate::api::{self, Api, Server};
use crate::greeting::say;
use anyhow::{Context, Result, bail};
use clap::Subcommand;
use serde_json::{Value, json};
use std::time::Duration;
use ureq::http::Method;

#[derive(clap::Args)]
#[command(after_help = "The admin token comes from KRAKEN_ADMIN_TOKEN.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    server: Server,
}

#[derive(Subcommand)]
enum Command {
    /// Show all apps
    List,
    /// Register an app. Prints the secret that signs its tokens, which is never shown again
    Add {
        /// The id of the app: 1 to 64 of a-z, 0-9 and -
        #[arg(value_parser = api::app_id)]
        id: String,
        /// What to call it
        #[arg(long)]
        name: String,
        /// An origin that its pages come from, like `https://app.example` or `https://*.app.example`.
        /// May be given several times
        #[arg(long = "origin", value_name = "ORIGIN")]
        origins: Vec<String>,
        /// Let nobody in who has no token of the app, the master token or not
        #[arg(long)]
        require_app_token: bool,
    },
    /// Delete an app and all its documents, and close its connections
    Remove {
        /// The id of the app
        #[arg(value_parser = api::app_id)]
        id: String,
        /// The id again
        #[arg(long, value_name = "ID")]
        confirm: Option<String>,
    },
    /// Give an app a new secret, which is printed and never shown again
    Rotate {
        /// The id of the app
        #[arg(value_parser = api::app_id)]
        id: String,
        /// How long the earlier secrets stay valid, like 1h or 1d [default: 1d]
        #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
        overlap: Option<Duration>,
    },
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let api = arguments.server.api()?;
    match &arguments.command {
        Command::List => list(&api),
        Command::Add {
            id,
            name,
            origins,
            require_app_token,
        } => {
            let body = json!({
                "app_id": id,
                "name": name,
                "allowed_origins": origins,
                "require_app_token": require_app_token,
            });
            let answer = api.call(Method::POST, "/api/apps", Some(&body))?;
            show_secret(&answer)
        }
        Command::Remove { id, confirm } => {
            if confirm.as_deref() != Some(id) {
                bail!("this deletes all documents of `{id}`: if you mean it, add --confirm {id}");
            }
            let path = format!("/api/apps/{id}?confirm={id}");
            api.call(Method::DELETE, &path, None)?;
            Ok(())
        }
        Command::Rotate { id, overlap } => {
            let body = match overlap {
                Some(overlap) => json!({ "overlap_seconds": overlap.as_secs() }),
                None => json!({}),
            };
            let path = format!("/api/apps/{id}/secrets");
            let answer = api.call(Method::POST, &path, Some(&body))?;
            show_secret(&answer)
        }
    }
}

fn list(api: &Api) -> Result<()> {
    let answer = api.call(Method::GET, "/api/apps", None)?;
    let apps = answer["apps"].as_array();
    let apps = apps.context("the answer has no apps: is the server of another version?")?;
    let mut lines = vec![["ID", "CONNECTIONS", "ROOMS", "ORIGINS"].map(str::to_owned)];
    lines.extend(apps.iter().map(|app| {
        let origins = app["allowed_origins"].as_array().into_iter().flatten();
        let origins: Vec<_> = origins.filter_map(Value::as_str).collect();
        [
            app["app_id"].as_str().unwrap_or_default().to_owned(),
            app["connections"].to_string(),
            app["rooms"].to_string(),
            origins.join(" "),
        ]
    }));
    Ok(say(&table(&lines))?)
}

/// Lines with columns of equal width.
fn table<const COLUMNS: usize>(lines: &[[String; COLUMNS]]) -> String {
    let width = |column: usize| lines.iter().map(|line| line[column].len()).max();
    let widths: [usize; COLUMNS] = std::array::from_fn(|column| width(column).unwrap_or_default());
    let mut text = String::new();
    for line in lines {
        let cells = line.iter().zip(widths);
        let line: Vec<_> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        text.push_str(line.join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn show_secret(answer: &Value) -> Result<()> {
    Ok(say(&format!("{}\n", api::text(answer, "secret")?))?)
}
