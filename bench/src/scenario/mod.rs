//! The scenarios: what is prepared once, and run on a fresh server each time.

mod cold_start;
mod component;
mod fan_out;
mod idle;
mod ingest;
mod late_join;
mod left_rooms;
mod rejoin;
mod rooms;
mod stores;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum;

use crate::plan::Plan;
use crate::progress;
use crate::report::Metric;
use crate::servers::{Kind, Launcher, Server, Service};
use crate::trace::Trace;

/// A server that has lost something is given this long to show that it has not.
const LOST_AFTER: Duration = Duration::from_secs(20);

/// A kind of load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Scenario {
    /// One room, one typist who waits until everybody has an edit before the next.
    #[value(name = "fan-out1")]
    FanOut1,
    /// One room, one typist with up to 64 edits under way.
    #[value(name = "fan-out64")]
    FanOut64,
    /// The same with 200 clients.
    #[value(name = "fan-out64x200")]
    FanOut64x200,
    /// Many rooms of two clients who both type.
    Rooms,
    /// Joining a document of 260,000 edits.
    LateJoin,
    /// Killing a server after 260,000 edits, and starting it on what it has stored.
    ColdStart,
    /// Many clients who are cut off and come back at once.
    Rejoin,
    /// Many connections that do nothing.
    Idle,
    /// Many rooms that are opened and left.
    LeftRooms,
    /// One SDS store with many members, relayed only.
    Store,
    /// The same, and every patch is stored.
    StoreKept,
    /// Many SDS stores with some members each, relayed only.
    Stores,
    /// The same, and every patch is stored.
    StoresKept,
    /// The component in its host beside the same core, natively.
    Component,
}

impl Scenario {
    pub(crate) const ALL: &[Self] = &[
        Self::FanOut1,
        Self::FanOut64,
        Self::FanOut64x200,
        Self::Rooms,
        Self::LateJoin,
        Self::ColdStart,
        Self::Rejoin,
        Self::Idle,
        Self::LeftRooms,
        Self::Store,
        Self::StoreKept,
        Self::Stores,
        Self::StoresKept,
        Self::Component,
    ];

    /// Whether the server can run it: a bare relay has nothing to join late, some keep nothing for
    /// the next start, and servers of documents don't take what they can't read.
    pub(crate) fn suits(self, kind: Kind) -> bool {
        match self {
            Self::LateJoin | Self::Rejoin => kind != Kind::Relay,
            Self::ColdStart => kind.stores(),
            Self::Store | Self::Stores => matches!(kind, Kind::Kraken | Kind::Relay),
            Self::StoreKept | Self::StoresKept | Self::Component => kind == Kind::Kraken,
            _ => true,
        }
    }

    /// What the server is started for.
    fn service(self) -> Service {
        match self {
            Self::Store | Self::Stores => Service::Relay,
            Self::StoreKept | Self::StoresKept => Service::Store,
            _ => Service::Documents,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::FanOut1 => "fan-out1",
            Self::FanOut64 => "fan-out64",
            Self::FanOut64x200 => "fan-out64x200",
            Self::Rooms => "rooms",
            Self::LateJoin => "late-join",
            Self::ColdStart => "cold-start",
            Self::Rejoin => "rejoin",
            Self::Idle => "idle",
            Self::LeftRooms => "left-rooms",
            Self::Store => "store",
            Self::StoreKept => "store-kept",
            Self::Stores => "stores",
            Self::StoresKept => "stores-kept",
            Self::Component => "component",
        }
    }

    /// The sizes of this scenario.
    pub(crate) fn plan(self, plan: &Plan) -> Plan {
        match self {
            Self::FanOut64x200 => Plan {
                fan_out_clients: 200,
                ..plan.clone()
            },
            Self::Rejoin => Plan {
                trace_edits: plan.rejoin_edits,
                ..plan.clone()
            },
            _ => plan.clone(),
        }
    }

    /// What it does, in words, for the report.
    pub(crate) fn title(self, plan: &Plan) -> String {
        let Plan {
            fan_out_clients: clients,
            rooms,
            trace_edits: edits,
            rejoin_rooms,
            idle,
            left_rooms,
            component_edits,
            ..
        } = self.plan(plan);
        match self {
            Self::FanOut1 => format!("1 room x {clients} clients, one typist, window 1"),
            Self::FanOut64 | Self::FanOut64x200 => {
                format!("1 room x {clients} clients, one typist, window 64")
            }
            Self::Rooms => format!("{rooms} rooms x 2 clients, each 5 edits/s"),
            Self::LateJoin => format!("a document of {edits} edits, one a message"),
            Self::ColdStart => format!("a document of {edits} edits, kill -9, and new starts"),
            Self::Rejoin => format!(
                "{} clients come back to {rejoin_rooms} rooms of {edits} edits at once",
                rejoin_rooms * rejoin::PER_ROOM,
            ),
            Self::Idle => format!(
                "{idle} idle connections in {} rooms",
                idle.div_ceil(idle::PER_ROOM)
            ),
            Self::LeftRooms => format!("{left_rooms} rooms opened, written to and left"),
            Self::Store => "1 store x 50 clients, 256-byte patches, relayed only".to_owned(),
            Self::StoreKept => {
                "1 store x 50 clients, 256-byte patches, all of them stored".to_owned()
            }
            Self::Stores => "100 stores x 10 clients, 256-byte patches, relayed only".to_owned(),
            Self::StoresKept => {
                "100 stores x 10 clients, 256-byte patches, all of them stored".to_owned()
            }
            Self::Component => {
                format!("{component_edits} edits, the component beside the same core natively")
            }
        }
    }

    /// Makes what all runs of it share: the same bytes for every server.
    pub(crate) fn prepare(self, plan: &Plan, launcher: &Arc<Launcher>) -> Result<Prepared> {
        let (plan, service) = (self.plan(plan), self.service());
        let load = match self {
            Self::FanOut1 => Load::FanOut(fan_out::FanOut::new(plan, 1)),
            Self::FanOut64 | Self::FanOut64x200 => Load::FanOut(fan_out::FanOut::new(plan, 64)),
            Self::Rooms => Load::Rooms(rooms::Rooms::new(plan)),
            Self::LateJoin => {
                let trace = replay(&plan)?;
                Load::LateJoin(late_join::LateJoin::new(plan, trace))
            }
            Self::ColdStart => {
                let trace = replay(&plan)?;
                Load::ColdStart(cold_start::ColdStart::new(plan, trace))
            }
            Self::Rejoin => {
                let trace = replay(&plan)?;
                Load::Rejoin(rejoin::Rejoin::new(plan, trace)?)
            }
            Self::Idle => Load::Idle(idle::Idle::new(plan)),
            Self::LeftRooms => Load::LeftRooms(left_rooms::LeftRooms::new(plan)?),
            Self::Store | Self::StoreKept => {
                let shape = stores::Shape::ONE_LARGE;
                Load::Stores(stores::Stores::new(plan, shape, service))
            }
            Self::Stores | Self::StoresKept => {
                let shape = stores::Shape::MANY_SMALL;
                Load::Stores(stores::Stores::new(plan, shape, service))
            }
            Self::Component => {
                let component = component::Component::new(&plan, launcher);
                return Ok(Prepared::Component(component));
            }
        };
        Ok(Prepared::OnServers {
            launcher: Arc::clone(launcher),
            service,
            load: Box::new(load),
        })
    }
}

fn replay(plan: &Plan) -> Result<Trace> {
    progress("replaying the trace");
    Trace::replay(&plan.trace, plan.trace_edits)
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A scenario that is ready to run.
pub(crate) enum Prepared {
    OnServers {
        launcher: Arc<Launcher>,
        service: Service,
        load: Box<Load>,
    },
    Component(component::Component),
}

/// What a server is put under.
pub(crate) enum Load {
    FanOut(fan_out::FanOut),
    Rooms(rooms::Rooms),
    LateJoin(late_join::LateJoin),
    ColdStart(cold_start::ColdStart),
    Rejoin(rejoin::Rejoin),
    Idle(idle::Idle),
    LeftRooms(left_rooms::LeftRooms),
    Stores(stores::Stores),
}

impl Prepared {
    /// Runs it, on a fresh server; lost or wrong content is an error.
    pub(crate) async fn run(&self, kind: Kind) -> Result<Vec<Metric>> {
        let (launcher, service, load) = match self {
            Self::OnServers {
                launcher,
                service,
                load,
            } => (launcher, *service, load),
            Self::Component(component) => return component.run().await,
        };
        let mut server = launcher.start(kind, service).await?;
        let outcome = load.run(&mut server).await;
        let ended = server.stop().await;
        let metrics = outcome?;
        ended?;
        Ok(metrics)
    }
}

impl Load {
    async fn run(&self, server: &mut Server) -> Result<Vec<Metric>> {
        match self {
            Self::FanOut(fan_out) => fan_out.run(server).await,
            Self::Rooms(rooms) => rooms.run(server).await,
            Self::LateJoin(late_join) => late_join.run(server).await,
            Self::ColdStart(cold_start) => cold_start.run(server).await,
            Self::Rejoin(rejoin) => rejoin.run(server).await,
            Self::Idle(idle) => idle.run(server).await,
            Self::LeftRooms(left_rooms) => left_rooms.run(server).await,
            Self::Stores(stores) => stores.run(server).await,
        }
    }
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
