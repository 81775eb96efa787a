//! What travels between processes and services.
//!
//! Every sender and receiver is on this node, so addresses are process ids
//! alone; the name of the node is added where a guest sees them.

use bytes::Bytes;

use crate::id::ProcessId;

/// One message on its way.
#[derive(Clone, Debug)]
pub(crate) struct Envelope {
    /// A response carries the id of its request.
    pub(crate) id: u64,
    pub(crate) source: ProcessId,
    pub(crate) target: ProcessId,
    /// Who gets the response, if not the source.
    pub(crate) rsvp: Option<ProcessId>,
    pub(crate) message: Message,
    pub(crate) blob: Option<Blob>,
}

#[derive(Clone, Debug)]
pub(crate) enum Message {
    Request(Request),
    Response(Response),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) inherit: bool,
    /// Seconds until the requester gets a timeout.
    pub(crate) expects_response: Option<u64>,
    pub(crate) body: Bytes,
    pub(crate) metadata: Option<String>,
    pub(crate) capabilities: Vec<Capability>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Response {
    pub(crate) inherit: bool,
    pub(crate) body: Bytes,
    pub(crate) metadata: Option<String>,
    pub(crate) capabilities: Vec<Capability>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Blob {
    pub(crate) mime: Option<String>,
    pub(crate) bytes: Bytes,
}

/// A right, as its issuer understands it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Capability {
    pub(crate) node: String,
    pub(crate) issuer: ProcessId,
    pub(crate) params: String,
}

/// The parameters of the right to send messages to the issuer.
pub(crate) const MESSAGING: &str = "\"messaging\"";

impl Capability {
    /// The same with its parameters written in one way: two that only differ in
    /// spaces or in the order of keys are one.
    pub(crate) fn normalized(mut self) -> Self {
        if self.params != MESSAGING
            && let Ok(params) = serde_json::from_str::<serde_json::Value>(&self.params)
        {
            self.params = params.to_string();
        }
        self
    }
}

impl Envelope {
    /// Returns a request that expects no response.
    pub(crate) fn notice(source: ProcessId, target: ProcessId, body: Bytes) -> Self {
        Self {
            id: crate::id::random_id(),
            source,
            target,
            rsvp: None,
            message: Message::Request(Request {
                body,
                ..Request::default()
            }),
            blob: None,
        }
    }

    pub(crate) fn with_blob(mut self, bytes: Bytes) -> Self {
        self.blob = Some(Blob { mime: None, bytes });
        self
    }

    /// Whether somebody waits for a response to this.
    pub(crate) fn expects_response(&self) -> bool {
        match &self.message {
            Message::Request(request) => request.expects_response.is_some() || self.rsvp.is_some(),
            Message::Response(_) => false,
        }
    }

    /// Returns the response to this, from the process that this was sent to.
    pub(crate) fn answer(&self, body: Vec<u8>, blob: Option<Blob>) -> Self {
        Self {
            id: self.id,
            source: self.target.clone(),
            target: self.rsvp.as_ref().unwrap_or(&self.source).clone(),
            rsvp: None,
            message: Message::Response(Response {
                body: body.into(),
                ..Response::default()
            }),
            blob,
        }
    }
}
