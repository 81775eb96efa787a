//! A client that behaves as y-websocket's provider does, around a `yrs` document.

use bytes::Bytes;
use kraken_core::doc::message::{self, Message};
use std::collections::BTreeMap;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{
    ClientID, Doc, GetString, OffsetKind, Options, ReadTxn, StateVector, Text, Transact, Update,
};

const TEXT: &str = "text";

/// One user's application.
pub struct Client {
    doc: Doc,
    /// Whether a step 2 has come since the connection opened.
    pub synced: bool,
    /// Every update frame that came, in order.
    pub updates: Vec<Bytes>,
    /// Own updates that came back: in write-first mode they are saved.
    pub echoes: Vec<Bytes>,
    /// How often it was told that it may not do what it did.
    pub denials: usize,
    /// Others' awareness, by client: clock and state.
    pub others: BTreeMap<u64, (u64, String)>,
    sent: Vec<Bytes>,
    awareness: Option<(u64, String)>,
}

impl Client {
    /// A client with the Yjs client id `id`.
    pub fn new(id: u64) -> Self {
        let doc = Doc::with_options(Options {
            offset_kind: OffsetKind::Utf16,
            ..Options::with_client_id(ClientID::new(id))
        });
        doc.get_or_insert_text(TEXT);
        Self {
            doc,
            synced: false,
            updates: Vec::new(),
            echoes: Vec::new(),
            denials: 0,
            others: BTreeMap::new(),
            sent: Vec::new(),
            awareness: None,
        }
    }

    /// The shared text.
    pub fn text(&self) -> String {
        let text = self.doc.get_or_insert_text(TEXT);
        text.get_string(&self.doc.transact())
    }

    /// All that this client knows, as one update.
    pub fn everything(&self) -> Vec<u8> {
        let nothing = StateVector::default();
        self.doc.transact().encode_state_as_update_v1(&nothing)
    }

    /// The encoded state vector.
    pub fn state_vector(&self) -> Vec<u8> {
        self.doc.transact().state_vector().encode_v1()
    }

    /// Inserts at the given place, or the end if that is nearer; the frame to send.
    pub fn insert(&mut self, at: u32, what: &str) -> Bytes {
        let text = self.doc.get_or_insert_text(TEXT);
        let mut transaction = self.doc.transact_mut();
        let at = at.min(text.len(&transaction));
        text.insert(&mut transaction, at, what);
        let update = transaction.encode_update_v1();
        drop(transaction);
        self.own(&update)
    }

    /// Removes up to `count` characters at the given place; the frame to send, if any were there.
    pub fn remove(&mut self, at: u32, count: u32) -> Option<Bytes> {
        let text = self.doc.get_or_insert_text(TEXT);
        let mut transaction = self.doc.transact_mut();
        let length = text.len(&transaction);
        let at = at.min(length);
        let count = count.min(length - at);
        if count == 0 {
            return None;
        }
        text.remove_range(&mut transaction, at, count);
        let update = transaction.encode_update_v1();
        drop(transaction);
        Some(self.own(&update))
    }

    /// Sets the own awareness state; the frame to send.
    pub fn announce(&mut self, state: &str) -> Bytes {
        let clock = self.awareness.as_ref().map_or(0, |(clock, _)| *clock) + 1;
        self.awareness = Some((clock, state.to_owned()));
        self.awareness_frame(clock, state)
    }

    /// What the provider sends as soon as it is connected.
    pub fn connected(&mut self) -> Vec<Bytes> {
        self.synced = false;
        let mut frames = vec![message::step_1(&self.state_vector())];
        if let Some((clock, state)) = &self.awareness {
            frames.push(self.awareness_frame(*clock, state));
        }
        frames
    }

    /// Forgets the others, as the provider does when its connection closes.
    pub fn disconnected(&mut self) {
        self.synced = false;
        self.others.clear();
    }

    /// Takes a frame; what is answered. Panics on what no client understands.
    pub fn receive(&mut self, frame: &Bytes) -> Vec<Bytes> {
        let mut answers = Vec::new();
        let parsed = message::parse_frame(frame, |message, alone| {
            assert!(alone, "a client reads only the first message of a frame");
            match message {
                Message::Step1(state_vector) => {
                    let state_vector = StateVector::decode_v1(&state_vector).unwrap();
                    let missing = self.doc.transact().encode_state_as_update_v1(&state_vector);
                    answers.push(message::step_2(&missing));
                }
                Message::Step2(update) => {
                    self.apply(&update);
                    self.synced = true;
                }
                Message::Update(update) => {
                    self.apply(&update);
                    match self.sent.contains(frame) {
                        true => self.echoes.push(frame.clone()),
                        false => self.updates.push(frame.clone()),
                    }
                }
                Message::Awareness(entries) => self.take_awareness(&entries),
                Message::PermissionDenied(_) => self.denials += 1,
                Message::QueryAwareness | Message::Ignored => panic!("not for a client"),
            }
            Ok::<_, message::Malformed>(())
        });
        parsed.unwrap();
        answers
    }

    fn own(&mut self, update: &[u8]) -> Bytes {
        let frame = message::update(update);
        self.sent.push(frame.clone());
        frame
    }

    fn apply(&mut self, update: &[u8]) {
        let update = Update::decode_v1(update).unwrap();
        self.doc.transact_mut().apply_update(update).unwrap();
    }

    fn take_awareness(&mut self, entries: &[u8]) {
        let mut reader = message::Reader::new(entries);
        for _ in 0..reader.var_uint().unwrap() {
            let client = reader.var_uint().unwrap();
            let clock = reader.var_uint().unwrap();
            let state = reader.var_str().unwrap();
            let known = self.others.get(&client).map_or(0, |(clock, _)| *clock);
            match state {
                "null" if clock >= known => {
                    self.others.remove(&client);
                }
                _ if clock > known => {
                    self.others.insert(client, (clock, state.to_owned()));
                }
                _ => {}
            }
        }
    }

    fn awareness_frame(&self, clock: u64, state: &str) -> Bytes {
        let mut entries = vec![1];
        message::write_var_uint(&mut entries, self.doc.client_id().get());
        message::write_var_uint(&mut entries, clock);
        message::write_var_bytes(&mut entries, state.as_bytes());
        message::awareness(&entries)
    }
}
