//! What stands below each command's `--help`: lines to paste. A test parses every one of them.

pub(super) const TRAILRISK: &str = "\
Examples:
  trailrisk check --config trailrisk.yaml
  trailrisk run --config trailrisk.yaml
  trailrisk replay --detections detections/ events.ndjson.gz
  trailrisk help checkpoint reset";

pub(super) const TRAILRISK_LONG: &str = "\
Examples:
  trailrisk check --config trailrisk.yaml
  trailrisk run --config trailrisk.yaml
  trailrisk replay --detections detections/ events.ndjson.gz
  trailrisk help checkpoint reset

Environment:
  TRAILRISK_CONFIG        The configuration file, instead of --config.
  TRAILRISK_SECTION__KEY  One key of it, such as TRAILRISK_LOG__LEVEL=debug.
  NO_COLOR                Set: no colours. CLICOLOR_FORCE=1 forces them.
  AWS_REGION and others   As the AWS SDKs read them.

Exit codes:
  0   All is well, or an orderly stop.
  1   A test failed, a sample was not delivered, a backtest differs, a file of a
      replay could not be read whole, the daemon is not alive, or nothing is
      stored.
  64  The command line, or a path on it, makes no sense.
  70  A critical task failed.
  75  The drain deadline was missed, standard output is read no more, or a second
      signal came: repeats follow.
  78  The configuration, a detection, or what they name cannot be used.";

pub(super) const RUN: &str = "\
Examples:
  trailrisk run --config trailrisk.yaml
  trailrisk run --config trailrisk.yaml --set source.stream=cloudtrail --set log.format=text
  TRAILRISK_LOG__LEVEL=debug trailrisk run --config trailrisk.yaml";

pub(super) const REPLAY: &str = "\
Examples:
  trailrisk replay --detections detections/ events.ndjson.gz
  trailrisk replay --config trailrisk.yaml --format ocsf cloudtrail-logs/
  zcat *.json.gz | trailrisk replay --config trailrisk.yaml -
  trailrisk replay --config trailrisk.yaml /var/lib/trailrisk/dead-letters.ndjson";

pub(super) const BACKTEST: &str = "\
Examples:
  trailrisk backtest --config trailrisk.yaml --from 2026-01-31T12:00:00Z --to 2026-01-31T18:00:00Z
  trailrisk backtest --config trailrisk.yaml --from 6h --to 1h --diff risk-events.ndjson
  trailrisk backtest --stream cloudtrail --detections new/ --from 1d --to now | jq -r .detection.name | sort | uniq -c";

pub(super) const TAIL: &str = "\
Examples:
  trailrisk tail --stream cloudtrail
  trailrisk tail --config trailrisk.yaml --since 15m --search eventName=ConsoleLogin --limit 20
  trailrisk tail --stream cloudtrail --for 1m --format json | jq -r .event.eventName | sort | uniq -c";

pub(super) const CHECK: &str = "\
Examples:
  trailrisk check --config trailrisk.yaml
  trailrisk check --detections detections/ --macros macros.yaml
  trailrisk check --json --config trailrisk.yaml | jq -r 'select(.status != \"ok\") | .file'";

pub(super) const TEST: &str = "\
Examples:
  trailrisk test --config trailrisk.yaml
  trailrisk test detections/
  trailrisk test --macros macros.yaml detections/my_detection.test.yml";

pub(super) const SINK: &str = "\
Examples:
  trailrisk sink test soc --config trailrisk.yaml";

pub(super) const CHECKPOINT: &str = "\
Examples:
  trailrisk checkpoint show --config trailrisk.yaml
  trailrisk checkpoint export --config trailrisk.yaml > checkpoint.json
  trailrisk checkpoint reset --config trailrisk.yaml";

pub(super) const CHECKPOINT_SHOW: &str = "\
Examples:
  trailrisk checkpoint show --config trailrisk.yaml
  trailrisk checkpoint show --config trailrisk.yaml --source east";

pub(super) const CHECKPOINT_EXPORT: &str = "\
Examples:
  trailrisk checkpoint export --config trailrisk.yaml > checkpoint.json";

pub(super) const CHECKPOINT_RESET: &str = "\
Examples:
  trailrisk checkpoint reset --config trailrisk.yaml
  trailrisk checkpoint reset --config trailrisk.yaml --stream cloudtrail";

pub(super) const EXPLAIN: &str = "\
Examples:
  trailrisk explain detections/my_detection.yml
  trailrisk explain --config trailrisk.yaml detections/my_detection.yml";

pub(super) const HEALTHCHECK: &str = "\
Examples:
  trailrisk healthcheck --config trailrisk.yaml
  trailrisk healthcheck --config trailrisk.yaml --set admin.listen=127.0.0.1:9464";

pub(super) const CONFIG: &str = "\
Examples:
  trailrisk config schema > trailrisk.schema.json";

pub(super) const CONFIG_SCHEMA: &str = "\
Examples:
  trailrisk config schema > trailrisk.schema.json

Then write this as the first line of the configuration:
  # yaml-language-server: $schema=trailrisk.schema.json";

pub(super) const COMPLETIONS: &str = "\
Examples:
  trailrisk completions bash > ~/.local/share/bash-completion/completions/trailrisk
  trailrisk completions zsh > /usr/local/share/zsh/site-functions/_trailrisk
  trailrisk completions fish > ~/.config/fish/completions/trailrisk.fish
  trailrisk completions elvish >> ~/.config/elvish/rc.elv
  trailrisk completions powershell >> $PROFILE";

pub(super) const MAN: &str = "\
Examples:
  trailrisk man | man -l -
  trailrisk man checkpoint reset | man -l -
  trailrisk man --all /usr/local/share/man/man1";
