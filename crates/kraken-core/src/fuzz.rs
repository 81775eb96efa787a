//! Bodies of the fuzz targets in `test/fuzz`, which `cargo test` runs over the corpus.

mod awareness;
mod envelopes;
mod host;
mod messages;
mod origins;
mod requests;
mod rooms;
mod strangers;
mod tokens;
mod updates;

pub use crate::store::fuzz::store_frames;
pub use awareness::awareness;
pub use envelopes::envelopes;
pub use messages::messages;
pub use origins::origins;
pub use requests::requests;
pub use rooms::rooms;
pub use strangers::strangers;
pub use tokens::tokens;
pub use updates::{assert_read_alike, slow_stopwatch, updates};
