//! What `tester:tester:sys` and its tests say to each other, in JSON.

use serde::{Deserialize, Serialize};

/// What the tester asks for.
#[derive(Deserialize)]
pub(crate) enum TesterRequest {
    Run(Run),
}

#[derive(Deserialize)]
pub(crate) struct Run {
    /// The first is the node that tests; the others take part.
    pub(crate) input_node_names: Vec<String>,
    /// The port of the node's HTTP server. The tester hands the request on as it came, and `kit`
    /// sends none: then it is the one in `tests.toml`.
    #[serde(default)]
    pub(crate) http_port: Option<u16>,
}

/// What a test answers.
#[derive(Serialize)]
pub(crate) enum TesterResponse {
    Run(Result<(), Fail>),
}

/// Which test failed, and where.
#[derive(Serialize)]
pub(crate) struct Fail {
    /// The scenario, and what was wrong. `kit` prints it.
    pub(crate) test: String,
    pub(crate) file: String,
    pub(crate) line: u32,
    pub(crate) column: u32,
}
