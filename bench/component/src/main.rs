//! The component in the embedded node beside the same core natively: both are fed the same records
//! over the same link, and the processor time of the one thread that each runs on is compared.
//!
//! The component's part holds all that the node does on its thread: messages in and out, and the
//! statements for storage. SQLite itself runs on other threads and is in neither figure.
//!
//! It prints one line of JSON, which `kraken-bench` reads.

mod edits;
mod gateway;
mod hosted;
mod native;
mod thread;

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use clap::Parser;
use serde::Serialize;
use tokio::sync::mpsc;

use crate::edits::{text_of, typed};
use crate::gateway::Gateway;
use crate::hosted::Hosted;

/// One in so many edits is for warming up.
const WARM_UP: usize = 10;
/// What both are set up with, and clients show.
const TOKEN: &str = "bench-master-token-0123456789abcdef";

/// Feeds edits to Kraken's component in an embedded node, and to its core natively.
#[derive(Debug, Parser)]
#[command(name = "kraken-bench-component", version)]
struct Arguments {
    /// The folder of Kraken's package, with the component in it.
    #[arg(long, default_value = "pkg")]
    package: PathBuf,

    /// Edits in each room.
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(1..))]
    edits: u32,
}

/// A process's end of a link.
struct Link {
    /// The name of the thread that the process runs on, and of no other here.
    thread: &'static str,
    /// What it wants to be shown.
    key: Bytes,
    sender: mpsc::Sender<Bytes>,
    receiver: mpsc::Receiver<Bytes>,
}

#[derive(Serialize)]
struct Report {
    component: Costs,
    native: Costs,
}

/// Microseconds of processor time for an edit.
#[derive(Serialize)]
struct Costs {
    /// Each edit in a frame of its own.
    alone: f64,
    /// As many in a frame as may be under way.
    together: f64,
}

/// The edits, and what they make.
struct Load {
    updates: Vec<Vec<u8>>,
    text: String,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let updates = typed(arguments.edits);
    let text = text_of(&updates)?;
    let load = Load { updates, text };

    let native = load.measure(native::start()?).await.context("natively")?;
    let hosted = Hosted::start(&arguments.package).await?;
    let component = load.measure(hosted.link().await?).await;
    hosted.stop().await;
    let component = component.context("the component")?;

    let report = serde_json::to_string(&Report { component, native })?;
    writeln!(std::io::stdout(), "{report}").context("writing the report")
}

impl Load {
    async fn measure(&self, link: Link) -> Result<Costs> {
        let mut gateway = Gateway::connect(link).await?;
        Ok(Costs {
            alone: self.feed(&mut gateway, 1).await?,
            together: self.feed(&mut gateway, gateway::UNDER_WAY).await?,
        })
    }

    /// Types all edits into a room, so many in a frame; gives what one cost.
    async fn feed(&self, gateway: &mut Gateway, per_frame: usize) -> Result<f64> {
        let thread = gateway.thread();
        let mut room = gateway.open(&format!("of-{per_frame}")).await?;
        let (warm_up, measured) = self.updates.split_at(self.updates.len() / WARM_UP);
        for update in warm_up {
            room.type_edit(update, per_frame).await?;
        }
        room.settle().await?;
        let before = thread::cpu(thread)?;
        for update in measured {
            room.type_edit(update, per_frame).await?;
        }
        room.settle().await?;
        let cpu = thread::cpu(thread)? - before;
        ensure!(
            text_of(&room.published)? == self.text,
            "what was published is not what was typed"
        );
        Ok(cpu.as_secs_f64() * 1e6 / measured.len() as f64)
    }
}
