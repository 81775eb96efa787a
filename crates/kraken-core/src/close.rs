//! WebSocket close codes.
//!
//! y-websocket 3.1 stops for good on 4400 to 4499 and comes back on everything else; so the
//! former are for what would happen again. Clients of SDS stores know two codes of their own.

/// A message that breaks the protocol.
pub const MALFORMED: u16 = 4400;
/// No token, or a wrong one; to browsers, which can't see a refused handshake.
pub const UNAUTHORIZED: u16 = 4401;
/// Not, or no longer, allowed: the origin is not registered, the app is gone.
pub const FORBIDDEN: u16 = 4403;
/// A message, document or awareness state over a limit.
pub const TOO_LARGE: u16 = 4413;
/// The client doesn't read what it is sent. It comes back and syncs.
pub const SLOW: u16 = 4500;
/// More messages or bytes than are allowed, for a minute without a break. The client comes back,
/// and syncs all that it still has to say as one message.
pub const TOO_FAST: u16 = 4502;
/// The token has expired. The client comes back, and its app hands it a new token meanwhile.
pub const EXPIRED: u16 = 4501;
/// Something on this side; it is worth coming back later.
pub const TRY_AGAIN: u16 = 1013;
/// The server starts anew; it is worth coming back at once (RFC 6455, registry of IANA).
pub const RESTART: u16 = 1012;
/// A message larger than any may be, in a store (RFC 6455, 7.4.1).
pub const MESSAGE_TOO_BIG: u16 = 1009;
/// No token that holds, in a store.
pub const SDS_UNAUTHORIZED: u16 = 4001;
/// The token is for another store.
pub const SDS_FORBIDDEN: u16 = 4003;
