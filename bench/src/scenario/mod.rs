//! The scenarios: what is prepared once, and run on a fresh server each time.

mod fan_out;
mod idle;
mod late_join;
mod rooms;
mod stores;

use std::fmt;
use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum;

use crate::plan::Plan;
use crate::progress;
use crate::report::Metric;
use crate::servers::{Kind, Server, Service};
use crate::trace::Trace;

/// A server that has lost something is given this long to show that it has not.
const LOST_AFTER: Duration = Duration::from_secs(20);

/// A kind of load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Scenario {
    /// One room, one typist who waits until everybody has an edit before the next.
    FanOut1,
    /// One room, one typist with up to 64 edits under way.
    FanOut64,
    /// Many rooms of two clients who both type.
    Rooms,
    /// Joining a document of 260,000 edits.
    LateJoin,
    /// Many connections that do nothing.
    Idle,
    /// One SDS store with many members, relayed only.
    Store,
    /// The same, and every patch is stored.
    StoreKept,
    /// Many SDS stores with some members each, relayed only.
    Stores,
    /// The same, and every patch is stored.
    StoresKept,
}

impl Scenario {
    pub(crate) const ALL: &[Self] = &[
        Self::FanOut1,
        Self::FanOut64,
        Self::Rooms,
        Self::LateJoin,
        Self::Idle,
        Self::Store,
        Self::StoreKept,
        Self::Stores,
        Self::StoresKept,
    ];

    /// Whether the server can run it: a bare relay has nothing to join late, and servers of
    /// documents don't take what they can't read.
    pub(crate) fn suits(self, kind: Kind) -> bool {
        match self.service() {
            Service::Documents => !(self == Self::LateJoin && kind == Kind::Relay),
            Service::Relay => matches!(kind, Kind::Kraken | Kind::Relay),
            Service::Store => kind == Kind::Kraken,
        }
    }

    /// What the server is started for.
    pub(crate) fn service(self) -> Service {
        match self {
            Self::FanOut1 | Self::FanOut64 | Self::Rooms | Self::LateJoin | Self::Idle => {
                Service::Documents
            }
            Self::Store | Self::Stores => Service::Relay,
            Self::StoreKept | Self::StoresKept => Service::Store,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::FanOut1 => "fan-out1",
            Self::FanOut64 => "fan-out64",
            Self::Rooms => "rooms",
            Self::LateJoin => "late-join",
            Self::Idle => "idle",
            Self::Store => "store",
            Self::StoreKept => "store-kept",
            Self::Stores => "stores",
            Self::StoresKept => "stores-kept",
        }
    }

    /// What it does, in words, for the report.
    pub(crate) fn title(self, quick: bool) -> &'static str {
        match (self, quick) {
            (Self::FanOut1, _) => "1 room x 50 clients, one typist, window 1",
            (Self::FanOut64, _) => "1 room x 50 clients, one typist, window 64",
            (Self::Rooms, false) => "500 rooms x 2 clients, each 5 edits/s",
            (Self::Rooms, true) => "50 rooms x 2 clients, each 5 edits/s",
            (Self::LateJoin, false) => "a document of 260,000 edits",
            (Self::LateJoin, true) => "a document of 10,000 edits",
            (Self::Idle, false) => "10,000 idle connections in 1,000 rooms",
            (Self::Idle, true) => "1,000 idle connections in 100 rooms",
            (Self::Store, _) => "1 store x 50 clients, 256-byte patches, relayed only",
            (Self::StoreKept, _) => "1 store x 50 clients, 256-byte patches, all of them stored",
            (Self::Stores, _) => "100 stores x 10 clients, 256-byte patches, relayed only",
            (Self::StoresKept, _) => {
                "100 stores x 10 clients, 256-byte patches, all of them stored"
            }
        }
    }

    /// Makes what all runs of it share: the same bytes for every server.
    pub(crate) fn prepare(self, plan: &Plan) -> Result<Prepared> {
        let plan = plan.clone();
        Ok(match self {
            Self::FanOut1 => Prepared::FanOut(fan_out::FanOut::new(plan, 1)),
            Self::FanOut64 => Prepared::FanOut(fan_out::FanOut::new(plan, 64)),
            Self::Rooms => Prepared::Rooms(rooms::Rooms::new(plan)),
            Self::LateJoin => {
                progress("replaying the trace");
                let trace = Trace::replay(&plan.trace, plan.trace_edits)?;
                Prepared::LateJoin(late_join::LateJoin::new(plan, trace))
            }
            Self::Idle => Prepared::Idle(idle::Idle::new(plan)),
            Self::Store | Self::StoreKept => {
                let shape = stores::Shape::ONE_LARGE;
                Prepared::Stores(stores::Stores::new(plan, shape, self.service()))
            }
            Self::Stores | Self::StoresKept => {
                let shape = stores::Shape::MANY_SMALL;
                Prepared::Stores(stores::Stores::new(plan, shape, self.service()))
            }
        })
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A scenario that is ready to run.
pub(crate) enum Prepared {
    FanOut(fan_out::FanOut),
    Rooms(rooms::Rooms),
    LateJoin(late_join::LateJoin),
    Idle(idle::Idle),
    Stores(stores::Stores),
}

impl Prepared {
    /// Runs it; lost or wrong content is an error.
    pub(crate) async fn run(&self, server: &Server) -> Result<Vec<Metric>> {
        match self {
            Self::FanOut(fan_out) => fan_out.run(server).await,
            Self::Rooms(rooms) => rooms.run(server).await,
            Self::LateJoin(late_join) => late_join.run(server).await,
            Self::Idle(idle) => idle.run(server).await,
            Self::Stores(stores) => stores.run(server).await,
        }
    }
}
