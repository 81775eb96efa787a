//! WebSocket close codes of a document's connection.
//!
//! y-websocket 3.1 stops for good on 4400 to 4499 and comes back on everything else; so the
//! former are for what would happen again.

/// A message that breaks the protocol.
pub const MALFORMED: u16 = 4400;
/// No token, or a wrong one; to browsers, which can't see a refused handshake.
pub const UNAUTHORIZED: u16 = 4401;
/// A message, document or awareness state over a limit.
pub const TOO_LARGE: u16 = 4413;
/// The client doesn't read what it is sent. It comes back and syncs.
pub const SLOW: u16 = 4500;
/// Something on this side; it is worth coming back later.
pub const TRY_AGAIN: u16 = 1013;

/// The code for browsers that stands for a handshake's HTTP status.
pub fn for_status(status: u16) -> u16 {
    match status {
        503 => TRY_AGAIN,
        status => 4000 + status,
    }
}
