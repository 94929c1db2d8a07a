//! Sinks: where risk events go, each with its own queue and worker.
//!
//! Owns: delivery, retries, acknowledgement, serialisation for the outside. Deliberately absent: sources, the engine's
//! state. `source` and `sink` do not know each other.
