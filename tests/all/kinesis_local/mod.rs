//! Source and daemon against kinesis-local, whose resharding, paging and lag are closest to Kinesis's.
//!
//! Deliberately absent: expired iterators, throttles and failures, which it does not have (the in-process Kinesis does).

mod daemon;
mod emulator;
mod fan_out;
mod lineage;
mod listing;
mod start;
mod tip;
