//! What validation lets through must be harmless to `yrs`.

mod hostile;
// What fuzzing has been through.
mod corpus;
