//! An embedded Kinode node: it runs unmodified Kinode packages, and imitates a
//! node of version 1.0.0 in what a process can see of it.
//!
//! A [`Node`] owns a home folder and runs the processes of the [`Package`]s
//! that are installed into it. Each process is a WASM component with a thread
//! of its own; `receive` blocks on its mailbox of 100 messages. The services
//! `http-server`, `http-client`, `sqlite`, `vfs` and `timer` (`:distro:sys`) are
//! native and are called on the thread of the sender, so that a push goes from
//! the process straight into the queue of its socket. So is `kernel:distro:sys`,
//! for the commands with which processes install, grant and kill.
//!
//! What would hang or crash a real node is survived here, and reported as a
//! [`Hazard`]: a test asserts that [`Node::hazards`] is empty.
//!
//! There is no networking between nodes and no key-value service, and the HTTP
//! client speaks no TLS. Nothing here knows which package it runs.
//!
//! ```no_run
//! # async fn run() -> anyhow::Result<()> {
//! use kraken_node::{Node, NodeConfig, Package};
//!
//! let node = Node::start(NodeConfig::new("example.os", "home")).await?;
//! node.install(Package::from_folder("pkg".as_ref())?).await?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! axum::serve(
//!     listener,
//!     node.router()
//!         .into_make_service_with_connect_info::<std::net::SocketAddr>(),
//! )
//! .await?;
//! # Ok(())
//! # }
//! ```

mod hazard;
mod http_client;
mod http_server;
mod id;
mod kernel;
mod message;
mod node;
mod package;
mod process;
mod sqlite;
mod timer;
mod vfs;

pub use hazard::Hazard;
pub use http_server::Extension;
pub use id::{InvalidId, PackageId, ProcessId};
pub use node::{Node, NodeConfig};
pub use package::{Package, PackageError};
