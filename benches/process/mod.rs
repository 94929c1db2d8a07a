//! What `/proc` tells of a process (Linux).

use std::time::Duration;

/// User and system time: fields 14 and 15, in hundredths of a second.
pub fn processor_time(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("Linux, and it runs");
    let after_name = stat.rsplit(')').next().expect("the name is in parentheses");
    let ticks = after_name.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().expect("a number"));
    Duration::from_millis(ticks.sum::<u64>() * 10)
}
