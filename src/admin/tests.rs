//! The admin port over real sockets.
