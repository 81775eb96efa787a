//! What validation lets through must be harmless to `yrs`.

mod hostile;
