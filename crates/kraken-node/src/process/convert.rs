//! Between the guest's types and those of the node.

use super::OnExit;
use super::bindings::kinode::process::standard as guest;
use super::exchange::{Exchange, Failure, Received, Target};
use crate::id::ProcessId;
use crate::message::{Blob, Capability, Request, Response};

impl Exchange {
    pub(super) fn address(&self, process: &ProcessId) -> guest::Address {
        guest::Address {
            node: self.kernel.our.as_ref().to_owned(),
            process: to_guest(process),
        }
    }

    pub(super) fn target(&self, address: guest::Address) -> Target {
        let node = address.node;
        Target {
            node: (node != "our" && *node != *self.kernel.our).then_some(node),
            process: process_id(address.process),
        }
    }

    pub(super) fn capability(&self, capability: guest::Capability) -> Capability {
        let issuer = capability.issuer;
        Capability {
            node: match issuer.node.as_str() {
                "our" => self.kernel.our.as_ref().to_owned(),
                _ => issuer.node,
            },
            issuer: process_id(issuer.process),
            params: capability.params,
        }
    }

    pub(super) fn request(&self, request: guest::Request) -> Request {
        Request {
            inherit: request.inherit,
            expects_response: request.expects_response,
            body: request.body.into(),
            metadata: request.metadata,
            capabilities: self.held(request.capabilities),
        }
    }

    pub(super) fn response(&self, response: guest::Response) -> Response {
        Response {
            inherit: response.inherit,
            body: response.body.into(),
            metadata: response.metadata,
            capabilities: self.held(response.capabilities),
        }
    }

    pub(super) fn on_exit(&self, on_exit: guest::OnExit) -> OnExit {
        match on_exit {
            guest::OnExit::None => OnExit::None,
            guest::OnExit::Restart => OnExit::Restart,
            guest::OnExit::Requests(requests) => OnExit::Requests(
                requests
                    .into_iter()
                    .map(|(address, request, blob)| {
                        let target = self.target(address).process;
                        (target, self.request(request), blob.map(from_guest))
                    })
                    .collect(),
            ),
        }
    }

    pub(super) fn on_exit_to_guest(&self) -> guest::OnExit {
        match &self.on_exit {
            OnExit::None => guest::OnExit::None,
            OnExit::Restart => guest::OnExit::Restart,
            OnExit::Requests(requests) => guest::OnExit::Requests(
                requests
                    .iter()
                    .map(|(target, request, blob)| {
                        let request = request_to_guest(request.clone());
                        (
                            self.address(target),
                            request,
                            blob.as_ref().map(blob_to_guest),
                        )
                    })
                    .collect(),
            ),
        }
    }

    #[expect(clippy::result_large_err, reason = "the type is generated")]
    pub(super) fn to_guest(&self, received: Received) -> Incoming {
        match received {
            Received::Request(source, request) => Ok((
                self.address(&source),
                guest::Message::Request(request_to_guest(request)),
            )),
            Received::Response(source, response, context) => Ok((
                self.address(&source),
                guest::Message::Response((response_to_guest(response), context)),
            )),
            Received::Failed(failure, context) => Err((self.failure(failure), context)),
        }
    }

    fn failure(&self, failure: Failure) -> guest::SendError {
        let target = failure.target;
        guest::SendError {
            kind: match failure.offline {
                true => guest::SendErrorKind::Offline,
                false => guest::SendErrorKind::Timeout,
            },
            target: guest::Address {
                node: target
                    .node
                    .unwrap_or_else(|| self.kernel.our.as_ref().to_owned()),
                process: to_guest(&target.process),
            },
            message: guest::Message::Request(request_to_guest(failure.request)),
            lazy_load_blob: failure.blob.as_ref().map(blob_to_guest),
        }
    }

    /// Keeps only those capabilities that the process may hand on.
    fn held(&self, capabilities: Vec<guest::Capability>) -> Vec<Capability> {
        capabilities
            .into_iter()
            .map(|capability| self.capability(capability))
            .filter(|capability| {
                capability.issuer == self.process
                    || self.kernel.rights.holds(&self.process, capability)
            })
            .collect()
    }
}

/// What `receive` gives.
pub(super) type Incoming =
    Result<(guest::Address, guest::Message), (guest::SendError, Option<guest::Context>)>;

pub(super) fn process_id(id: guest::ProcessId) -> ProcessId {
    ProcessId::new(id.process_name, id.package_name, id.publisher_node)
}

pub(super) fn to_guest(id: &ProcessId) -> guest::ProcessId {
    guest::ProcessId {
        process_name: id.process().to_owned(),
        package_name: id.package().to_owned(),
        publisher_node: id.publisher().to_owned(),
    }
}

pub(super) fn from_guest(blob: guest::LazyLoadBlob) -> Blob {
    Blob {
        mime: blob.mime,
        bytes: blob.bytes.into(),
    }
}

pub(super) fn blob_to_guest(blob: &Blob) -> guest::LazyLoadBlob {
    guest::LazyLoadBlob {
        mime: blob.mime.clone(),
        bytes: blob.bytes.to_vec(),
    }
}

pub(super) fn capability_to_guest(capability: Capability) -> guest::Capability {
    guest::Capability {
        issuer: guest::Address {
            node: capability.node,
            process: to_guest(&capability.issuer),
        },
        params: capability.params,
    }
}

fn request_to_guest(request: Request) -> guest::Request {
    guest::Request {
        inherit: request.inherit,
        expects_response: request.expects_response,
        body: request.body.into(),
        metadata: request.metadata,
        capabilities: request
            .capabilities
            .into_iter()
            .map(capability_to_guest)
            .collect(),
    }
}

fn response_to_guest(response: Response) -> guest::Response {
    guest::Response {
        inherit: response.inherit,
        body: response.body.into(),
        metadata: response.metadata,
        capabilities: response
            .capabilities
            .into_iter()
            .map(capability_to_guest)
            .collect(),
    }
}
