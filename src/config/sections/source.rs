//! `source`, or `sources`.

use std::time::Duration;

use super::{DAY, HOUR, MILLISECOND, MINUTE, SECOND, one_line, url};
use crate::config::field::Field;
use crate::config::reader::Section;
use crate::config::{
    ConsumerRef, HashRangeCheck, ProtocolConfig, ReaderConfig, RoleConfig, SourceConfig, StartConfig, StreamRef,
};
use crate::time::Arrival;

const HASH_RANGE_CHECKS: [(&str, HashRangeCheck); 3] =
    [("auto", HashRangeCheck::Auto), ("on", HashRangeCheck::On), ("off", HashRangeCheck::Off)];

const PROTOCOLS: [(&str, ProtocolConfig); 2] = [("own", ProtocolConfig::Own), ("sdk", ProtocolConfig::Sdk)];

/// More than these were never tried in one process.
const MAX_SOURCES: usize = 16;

/// The sources, and whether they are a list.
pub(super) fn sources(one: Field<'_>, list: Field<'_>) -> (Vec<SourceConfig>, bool) {
    if list.node.is_none() {
        return (vec![source(one.section(), name)], false);
    }
    let (reader, place) = (list.reader, list.place.clone());
    if one.node.is_some() {
        let message = format!("stands beside `source` ({}): one of the two is expected", one.place);
        reader.problem(place.clone(), "sources", message);
    }
    let items = list.some_items("at least one source is expected");
    if items.len() > MAX_SOURCES {
        reader.problem(place, "sources", format!("has {} sources: at most {MAX_SOURCES} are allowed", items.len()));
    }
    let mut sources: Vec<SourceConfig> = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        let (place, source) = (item.place.clone(), source(item.section(), plain_name));
        let problem = |key: &str, message| reader.problem(place.clone(), &format!("sources[{index}].{key}"), message);
        if plain_name(&source.name).is_ok() && sources.iter().any(|other| other.name == source.name) {
            problem("name", format!("{:?} is the name of an earlier source; names must be unique", source.name));
        }
        if let Some(other) = sources.iter().position(|other| is_same_stream(other, &source)) {
            problem("stream", format!("is the stream of sources[{other}]: each is read once"));
        }
        sources.push(source);
    }
    (sources, true)
}

/// As far as it can be told before AWS is asked.
fn is_same_stream(a: &SourceConfig, b: &SourceConfig) -> bool {
    !a.stream.name().is_empty()
        && (&a.stream, &a.region, &a.endpoint_url, &a.role) == (&b.stream, &b.region, &b.endpoint_url, &b.role)
}

fn source(mut section: Section<'_>, name: fn(&str) -> Result<String, String>) -> SourceConfig {
    let stream = stream(section.take("stream"));
    let poll_interval = section.take("poll_interval").duration(200 * MILLISECOND..=MINUTE, SECOND);
    let idle = section.take("idle_poll_interval").optional_duration(200 * MILLISECOND..=MINUTE);
    let stalled_after = section.take("stalled_after").duration(SECOND..=HOUR, MINUTE);
    let two_polls = Some((poll_interval * 2).min(MINUTE)).filter(|two_polls| *two_polls < stalled_after);
    let idle_poll_interval = idle.or(two_polls).unwrap_or(poll_interval);
    let source = SourceConfig {
        name: section.take("name").read(name).unwrap_or_else(|| stream.name().to_owned()),
        region: region(&mut section, &stream),
        reader: reader(&mut section, &stream),
        hash_range_check: section.take("hash_range_check").one_of(&HASH_RANGE_CHECKS).unwrap_or(HashRangeCheck::Auto),
        protocol: section.take("protocol").one_of(&PROTOCOLS).unwrap_or(ProtocolConfig::Own),
        stream,
        endpoint_url: url::endpoint_url(section.take("endpoint_url")),
        role: role(&mut section),
        start: start(section.take("start")),
        poll_interval,
        idle_poll_interval,
        tip_slack: section.take("tip_slack").duration(SECOND..=10 * MINUTE, 5 * SECOND),
        stalled_after,
        request_timeout: section.take("request_timeout").duration(SECOND..=5 * MINUTE, 10 * SECOND),
        list_interval: section.take("list_interval").duration(SECOND..=HOUR, MINUTE),
        outage_budget: section.take("outage_budget").duration(Duration::ZERO..=365 * DAY, 4 * HOUR),
    };
    if source.idle_poll_interval < source.poll_interval {
        section.problem("idle_poll_interval", "is shorter than poll_interval: an idle shard is not asked more often");
    } else if source.stalled_after <= source.idle_poll_interval {
        let longest = if idle.is_some() { "idle_poll_interval" } else { "poll_interval" };
        let why = format!("is not longer than {longest}: every shard would be stalled at once");
        section.problem("stalled_after", &why);
    }
    section.finish();
    source
}

/// `source.name`, also as a flag says it.
pub(crate) fn name(text: &str) -> Result<String, String> {
    one_line(text, 128).map(|()| text.to_owned())
}

/// It is a part of the names of files, of keys and of addresses.
fn plain_name(text: &str) -> Result<String, String> {
    let expected = "is no name of one of several sources: 1 to 128 letters, digits, `_`, `.` and `-` are expected";
    if is_stream_name(text) { Ok(text.to_owned()) } else { Err(expected.to_owned()) }
}

fn stream(field: Field<'_>) -> StreamRef {
    field.require("the name or the ARN of a Kinesis stream");
    field.read(stream_ref).unwrap_or(StreamRef::Name(String::new()))
}

fn stream_ref(text: &str) -> Result<StreamRef, String> {
    if text.starts_with("arn:") {
        let is_stream = arn_parts(text).is_some_and(|(_, name)| is_stream_name(name));
        let expected = "is no stream's ARN: arn:aws:kinesis:<region>:<account>:stream/<name> is expected";
        return if is_stream { Ok(StreamRef::Arn(text.to_owned())) } else { Err(expected.to_owned()) };
    }
    let expected = "is no stream's name: 1 to 128 letters, digits, `_`, `.` and `-` are expected, or an ARN";
    if is_stream_name(text) { Ok(StreamRef::Name(text.to_owned())) } else { Err(expected.to_owned()) }
}

/// Region and stream name of an ARN.
fn arn_parts(arn: &str) -> Option<(&str, &str)> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", partition, "kinesis", region, account, resource] = parts.as_slice() else { return None };
    let is_valid = partition.starts_with("aws") && is_region(region) && is_account(account);
    Some((*region, resource.strip_prefix("stream/")?)).filter(|_| is_valid)
}

fn is_stream_name(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

pub(super) fn is_region(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// An ARN names its region; another one beside it is a mistake.
fn region(section: &mut Section<'_>, stream: &StreamRef) -> Option<String> {
    let expected = "is no region: a name such as eu-central-1 is expected";
    let check = |text: &str| if is_region(text) { Ok(text.to_owned()) } else { Err(expected.to_owned()) };
    let configured = section.take("region").read(check);
    let StreamRef::Arn(arn) = stream else { return configured };
    let of_arn = arn_parts(arn).map(|(region, _)| region.to_owned());
    if configured.is_some() && configured != of_arn {
        section.problem("region", "differs from the region in the ARN of source.stream; leave one of them out");
    }
    of_arn
}

fn reader(section: &mut Section<'_>, stream: &StreamRef) -> ReaderConfig {
    let fan_out = section.take("reader").one_of(&[("polling", false), ("fan_out", true)]).unwrap_or(false);
    let consumer = section.take("consumer");
    if fan_out {
        consumer.require("with reader: fan_out, the name or the ARN of a registered consumer");
    }
    let consumer = consumer.read(|text| consumer_ref(text, stream));
    let register = section.take("register_consumer").flag(false);
    if register && matches!(consumer, Some(ConsumerRef::Arn(_))) {
        section.problem(
            "register_consumer",
            "needs a name in source.consumer: an ARN names a consumer that is registered",
        );
    }
    match consumer {
        Some(consumer) if fan_out => ReaderConfig::FanOut { consumer, register },
        _ => ReaderConfig::Polling,
    }
}

fn consumer_ref(text: &str, stream: &StreamRef) -> Result<ConsumerRef, String> {
    if !text.starts_with("arn:") {
        let expected = "is no consumer's name: 1 to 128 letters, digits, `_`, `.` and `-` are expected, or an ARN";
        return if is_stream_name(text) { Ok(ConsumerRef::Name(text.to_owned())) } else { Err(expected.to_owned()) };
    }
    let expected =
        "is no consumer's ARN: arn:aws:kinesis:<region>:<account>:stream/<stream>/consumer/<name>:<number> is expected";
    let (stream_arn, consumer) = text.split_once("/consumer/").ok_or(expected)?;
    let (_, of) = arn_parts(stream_arn).ok_or(expected)?;
    let (name, number) = consumer.split_once(':').ok_or(expected)?;
    if !is_stream_name(name) || number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(expected.to_owned());
    }
    if of != stream.name() || matches!(stream, StreamRef::Arn(arn) if arn != stream_arn) {
        return Err("is a consumer of another stream than source.stream".to_owned());
    }
    Ok(ConsumerRef::Arn(text.to_owned()))
}

fn role(section: &mut Section<'_>) -> Option<RoleConfig> {
    let arn = section.take("role_arn").read(role_arn);
    let external_id = section.take("external_id").read(external_id);
    if arn.is_none() && external_id.is_some() {
        section.problem("external_id", "is for assuming a role: source.role_arn is expected beside it");
    }
    Some(RoleConfig { arn: arn?, external_id })
}

fn role_arn(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let is_role = matches!(parts.as_slice(), ["arn", partition, "iam", "", account, resource]
        if partition.starts_with("aws") && is_account(account) && resource.strip_prefix("role/").is_some_and(|name| !name.is_empty()));
    let expected = "is no role's ARN: arn:aws:iam::<account>:role/<name> is expected";
    if is_role { Ok(text.to_owned()) } else { Err(expected.to_owned()) }
}

/// As STS takes it.
fn external_id(text: &str) -> Result<String, String> {
    let is_taken = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&byte);
    let expected = "is no external id: 2 to 1224 letters, digits and `_+=,.@:/-` are expected";
    let is_valid = (2..=1224).contains(&text.len()) && text.bytes().all(is_taken);
    if is_valid { Ok(text.to_owned()) } else { Err(expected.to_owned()) }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

fn start(field: Field<'_>) -> StartConfig {
    if field.is_mapping() {
        return at_timestamp(field.section());
    }
    let words = [("latest", StartConfig::Latest), ("trim_horizon", StartConfig::TrimHorizon)];
    let find = |text: &str| words.iter().find(|(word, _)| *word == text).map(|(_, start)| *start);
    let expected = "is unknown here: latest, trim_horizon or {at_timestamp: <RFC 3339>} is expected";
    field.read(|text| find(text).ok_or_else(|| expected.to_owned())).unwrap_or(StartConfig::Latest)
}

fn at_timestamp(mut section: Section<'_>) -> StartConfig {
    let field = section.take("at_timestamp");
    field.require("an instant such as 2026-01-31T12:00:00Z");
    let start = field.read(|text| {
        let expected = "is no instant: RFC 3339 with an offset is expected, such as 2026-01-31T12:00:00Z";
        let instant: jiff::Timestamp = text.parse().map_err(|_| expected.to_owned())?;
        Ok(StartConfig::AtTimestamp(Arrival(instant.as_millisecond())))
    });
    section.finish();
    start.unwrap_or(StartConfig::Latest)
}
