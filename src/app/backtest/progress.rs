//! How far a backtest is: a bar a shard on a terminal, plain lines otherwise.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::backtest::Backtest;
use crate::clock;
use crate::engine::{ShardId, ShardLife, ShardProgress};

/// Bars of single shards; of more, those that are least far are shown.
const SHARD_BARS: usize = 16;
/// Pause between two plain lines of the whole.
const LINE_EVERY: Duration = Duration::from_secs(10);

pub(super) struct Progress {
    bars: Option<Bars>,
    done: BTreeSet<ShardId>,
    last_line: Instant,
}

struct Bars {
    all: MultiProgress,
    whole: ProgressBar,
    shards: BTreeMap<ShardId, ProgressBar>,
}

impl Progress {
    pub(super) fn new() -> Self {
        let bars = io::stderr().is_terminal().then(Bars::new);
        Self { bars, done: BTreeSet::new(), last_line: clock::monotonic() }
    }

    /// Shows it; lines to print where there are no bars.
    pub(super) fn show(&mut self, backtest: &Backtest) -> Option<String> {
        let shards = backtest.shards();
        match &mut self.bars {
            Some(bars) => bars.show(backtest, &shards),
            None if self.last_line.elapsed() >= LINE_EVERY => {
                self.last_line = clock::monotonic();
                return Some(whole(backtest, &shards));
            }
            None => {}
        }
        None
    }

    /// A shard is done with: a line to print where there are no bars, once.
    pub(super) fn done(&mut self, shard: &ShardId, backtest: &Backtest) -> Option<String> {
        let is_new = self.done.insert(shard.clone());
        let shards = backtest.shards();
        if let Some(bars) = &mut self.bars {
            bars.show(backtest, &shards);
            return None;
        }
        let progress = shards.iter().find(|progress| progress.shard == *shard).filter(|_| is_new)?;
        let how = if progress.life == ShardLife::Drained { "read to its end" } else { "read" };
        Some(format!("{shard}: {how}, up to {}", progress.read_through))
    }

    /// Runs `work` while no bar is drawn.
    pub(super) fn suspend(&self, work: impl FnOnce()) {
        match &self.bars {
            Some(bars) => bars.all.suspend(work),
            None => work(),
        }
    }

    /// Takes the bars away.
    pub(super) fn finish(&mut self) {
        if let Some(bars) = self.bars.take() {
            // One that is dropped unfinished is drawn once more.
            bars.shards.values().for_each(ProgressBar::finish_and_clear);
            bars.whole.finish_and_clear();
            // A terminal that is gone needs no cleaning.
            let _ = bars.all.clear();
        }
    }
}

impl Bars {
    fn new() -> Self {
        let all = MultiProgress::new();
        let whole = all.add(ProgressBar::new(1000).with_style(style("{bar:40} {percent:>3} % {elapsed} {msg}")));
        Self { all, whole, shards: BTreeMap::new() }
    }

    fn show(&mut self, backtest: &Backtest, shards: &[ShardProgress]) {
        self.whole.set_position(least(backtest, shards));
        self.whole.set_message(counted(shards, backtest));
        let is_read = |shard: &&ShardProgress| shard.life == ShardLife::Reading && !backtest.is_done_with(&shard.shard);
        let mut read: Vec<&ShardProgress> = shards.iter().filter(is_read).collect();
        read.sort_by_key(|shard| shard.read_through);
        read.truncate(SHARD_BARS);
        self.shards.retain(|shard, bar| {
            let stays = read.iter().any(|progress| progress.shard == *shard);
            if !stays {
                bar.finish_and_clear();
                self.all.remove(bar);
            }
            stays
        });
        for shard in read {
            let new = || {
                let bar = ProgressBar::new(1000).with_style(style("{bar:40} {percent:>3} % {prefix} {msg}"));
                self.all.add(bar.with_prefix(shard.shard.to_string()))
            };
            let bar = self.shards.entry(shard.shard.clone()).or_insert_with(new);
            bar.set_position(backtest.thousandths(shard));
            bar.set_message(if shard.stalled { "stalled".to_owned() } else { shard.read_through.to_string() });
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is valid")
}

/// The whole is as far as the shard that is least far.
fn least(backtest: &Backtest, shards: &[ShardProgress]) -> u64 {
    let read = shards.iter().filter(|shard| shard.life == ShardLife::Reading);
    read.map(|shard| backtest.thousandths(shard)).min().unwrap_or(0)
}

fn counted(shards: &[ShardProgress], backtest: &Backtest) -> String {
    let done = shards.iter().filter(|shard| backtest.is_done_with(&shard.shard)).count();
    format!("{done} of {} shards", shards.len())
}

fn whole(backtest: &Backtest, shards: &[ShardProgress]) -> String {
    let percent = least(backtest, shards) / 10;
    let (records, _) = backtest.records();
    format!(
        "{percent} % read: {records} records, {} done, all up to {}",
        counted(shards, backtest),
        backtest.watermark()
    )
}
