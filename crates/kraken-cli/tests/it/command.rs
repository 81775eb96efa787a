use std::process::{Child, Command, Output, Stdio};

/// Runs the command to its end, with nothing in its environment but this.
pub(crate) async fn kraken(arguments: &[&str], environment: &[(&str, &str)]) -> Finished {
    let mut command = command(arguments, environment);
    let output = tokio::task::spawn_blocking(move || command.output());
    Finished(output.await.unwrap().unwrap())
}

/// Starts the command in an empty folder. It ends when this is dropped.
pub(crate) fn start(arguments: &[&str], folder: &std::path::Path) -> Running {
    let mut command = command(arguments, &[]);
    command.current_dir(folder).stderr(Stdio::piped());
    Running(command.stdout(Stdio::piped()).spawn().unwrap())
}

fn command(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kraken"));
    command.args(arguments).env_clear();
    command.envs(environment.iter().copied());
    command
}

pub(crate) struct Finished(Output);

impl Finished {
    /// What it has printed, which has to have succeeded.
    pub(crate) fn printed(self) -> String {
        assert!(self.0.status.success(), "{self:?}");
        String::from_utf8(self.0.stdout).unwrap()
    }

    /// What it has complained about, which has to have failed without printing anything.
    pub(crate) fn complained(self) -> String {
        assert!(!self.0.status.success(), "{self:?}");
        assert!(self.0.stdout.is_empty(), "{self:?}");
        String::from_utf8(self.0.stderr).unwrap()
    }
}

impl std::fmt::Debug for Finished {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |bytes| String::from_utf8_lossy(bytes);
        let (out, err) = (text(&self.0.stdout), text(&self.0.stderr));
        write!(formatter, "{}\n{out}\n{err}", self.0.status)
    }
}

pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Fails if it has ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
