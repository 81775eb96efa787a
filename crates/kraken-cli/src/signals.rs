//! How the command ends.

use anyhow::Result;

/// Waits for Ctrl+C or SIGTERM. A second one ends the process at once.
pub(crate) async fn stop() -> Result<()> {
    next().await?;
    tokio::spawn(async {
        if next().await.is_ok() {
            tracing::warn!("stopped at once: what was not yet written is lost");
            std::process::exit(130);
        }
    });
    Ok(())
}

#[cfg(unix)]
async fn next() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result?,
        _ = terminate.recv() => {}
    }
    Ok(())
}

#[cfg(not(unix))]
async fn next() -> Result<()> {
    Ok(tokio::signal::ctrl_c().await?)
}
