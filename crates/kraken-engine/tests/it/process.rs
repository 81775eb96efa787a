//! A process with members of calls.

use crate::caller::Caller;
use crate::rig::Rig;
use bytes::Bytes;
use kraken_call::{
    Answer, FromClient, FromEngine, Join, Problem, Question, Rights, RoomLimits, ToClient, ToEngine,
};
use kraken_engine::CallSocket;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) const LIMITS: RoomLimits = RoomLimits {
    peers: 50,
    publishers: 25,
    bitrate: 8_000_000,
};

pub(crate) struct Process<'a> {
    rig: &'a Rig,
    socket: CallSocket,
    /// What came and was not yet asked for.
    heard: Vec<FromEngine>,
    pub(crate) callers: BTreeMap<u64, Caller>,
    requests: u64,
}

impl<'a> Process<'a> {
    pub(crate) fn new(rig: &'a Rig) -> Self {
        Self {
            rig,
            socket: rig.connect().unwrap(),
            heard: Vec::new(),
            callers: BTreeMap::new(),
            requests: 0,
        }
    }

    /// Connects anew. The connection that was there ends.
    pub(crate) fn reconnect(&mut self) {
        let socket = self.rig.connect().unwrap();
        let mut before = std::mem::replace(&mut self.socket, socket);
        let ended = async {
            let ended = async { while before.receiver.recv().await.is_some() {} };
            timeout(PATIENCE, ended).await
        };
        assert!(self.rig.block_on(ended).is_ok());
    }

    pub(crate) fn send(&self, message: &ToEngine) {
        self.send_bytes(serde_json::to_vec(message).unwrap());
    }

    pub(crate) fn send_bytes(&self, message: impl Into<Bytes>) {
        self.socket.sender.try_send(message.into()).unwrap();
    }

    pub(crate) fn say(&self, member: u64, message: FromClient) {
        self.send(&ToEngine::Say { member, message });
    }

    /// Joins, and gives what the member is told: that it is in the call, or why not.
    pub(crate) fn join(&mut self, member: u64, join: Join) -> ToClient {
        self.send(&ToEngine::Join {
            member,
            room: "app:room".to_owned(),
            join,
            rights: Rights {
                publish: true,
                moderate: member == 1,
            },
            limits: LIMITS,
        });
        self.told(member, "the answer to its join", |message| {
            matches!(message, ToClient::Joined { .. } | ToClient::Error(_))
        })
    }

    /// Joins under a name, publishes a microphone, and gives the session.
    pub(crate) fn call(&mut self, member: u64, peer: &str) -> String {
        let joined = self.join(member, named(peer));
        let ToClient::Joined { session, .. } = joined else {
            panic!("{peer} can't join: {joined:?}");
        };
        let caller = Caller::new();
        let (sdp, tracks) = caller.offer();
        self.say(member, FromClient::Publish { sdp, tracks });
        let answer = self.told(member, "the answer to its offer", |message| {
            matches!(message, ToClient::Answer { .. })
        });
        if let ToClient::Answer { sdp, .. } = answer {
            caller.accept(&sdp);
        }
        self.callers.insert(member, caller);
        session
    }

    /// Waits until a member is told such a thing. Offers are answered meanwhile.
    pub(crate) fn told(
        &mut self,
        member: u64,
        what: &str,
        is_it: impl Fn(&ToClient) -> bool,
    ) -> ToClient {
        let what = format!("{member} is told {what}");
        let message = self.hear(&what, |message| match message {
            FromEngine::Tell {
                member: told,
                message,
            } => *told == member && is_it(message),
            FromEngine::Answer { .. } => false,
        });
        match message {
            FromEngine::Tell { message, .. } => message,
            FromEngine::Answer { .. } => unreachable!(),
        }
    }

    pub(crate) fn ask(&mut self, question: Question) -> Result<Answer, Problem> {
        self.requests += 1;
        let request = self.requests;
        self.send(&ToEngine::Ask { request, question });
        let message = self.hear("an answer", |message| match message {
            FromEngine::Answer {
                request: answered, ..
            } => *answered == request,
            FromEngine::Tell { .. } => false,
        });
        match message {
            FromEngine::Answer { answer, .. } => answer,
            FromEngine::Tell { .. } => unreachable!(),
        }
    }

    /// Packets that a member hears in this time.
    pub(crate) fn hears(&mut self, member: u64, packets: u64) {
        let before = self.callers[&member].heard();
        crate::rig::until(&format!("{member} hears others"), PATIENCE, || {
            self.take_all();
            self.callers[&member].heard() >= before + packets
        });
    }

    /// Whether the engine no longer listens, without that anything was received.
    pub(crate) fn is_cut_off(&self) -> bool {
        let closed = async { timeout(PATIENCE, self.socket.sender.closed()).await };
        self.rig.block_on(closed).is_ok()
    }

    fn hear(&mut self, what: &str, is_it: impl Fn(&FromEngine) -> bool) -> FromEngine {
        loop {
            if let Some(place) = self.heard.iter().position(&is_it) {
                return self.heard.remove(place);
            }
            let received = async { timeout(PATIENCE, self.socket.receiver.recv()).await };
            let received = self.rig.block_on(received);
            let Ok(Some(message)) = received else {
                panic!("{what}: not in time, but {:?}", self.heard);
            };
            self.take(&message);
        }
    }

    fn take_all(&mut self) {
        while let Ok(message) = self.socket.receiver.try_recv() {
            self.take(&message);
        }
    }

    fn take(&mut self, message: &[u8]) {
        let message: FromEngine = serde_json::from_slice(message).unwrap();
        if let FromEngine::Tell {
            member,
            message: ToClient::Offer { offer, sdp, .. },
        } = &message
            && let Some(caller) = self.callers.get(member)
        {
            let (offer, sdp) = (*offer, caller.answer(sdp));
            self.say(*member, FromClient::Answer { offer, sdp });
        }
        self.heard.push(message);
    }
}

pub(crate) fn named(peer: &str) -> Join {
    Join {
        peer: peer.to_owned(),
        name: Some(peer.to_uppercase()),
        ..Join::default()
    }
}
