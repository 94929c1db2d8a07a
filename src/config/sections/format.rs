//! `format` and the keys that belong to single formats.

use crate::config::reader::Section;
use crate::config::{CloudEventsConfig, FormatConfig, OcsfVersion, Secret, TemplateConfig};

const NAMES: [(&str, Name); 5] = [
    ("native", Name::Native),
    ("ocsf", Name::Ocsf),
    ("cloudevents", Name::CloudEvents),
    ("cloudevents_binary", Name::CloudEventsBinary),
    ("template", Name::Template),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Name {
    Native,
    Ocsf,
    CloudEvents,
    CloudEventsBinary,
    Template,
}

/// A key beside the wrong format is a mistake, not a default to fall back to.
pub(super) fn format(section: &mut Section<'_>) -> FormatConfig {
    let name = section.take("format").one_of(&NAMES).unwrap_or(Name::Native);
    let versions = OcsfVersion::ALL.map(|version| (version.as_str(), version));
    let ocsf_version = section.take("ocsf_version").one_of(&versions);
    let source = section.take("cloudevents_source").read(|text| uri_reference(text).map(|()| text.to_owned()));
    if ocsf_version.is_some() && name != Name::Ocsf {
        section.problem("ocsf_version", "belongs to `format: ocsf`");
    }
    if source.is_some() && !matches!(name, Name::CloudEvents | Name::CloudEventsBinary) {
        section.problem("cloudevents_source", "belongs to `format: cloudevents` or `cloudevents_binary`");
    }
    let template = template(section, name);
    match name {
        Name::Native => FormatConfig::Native,
        Name::Ocsf => FormatConfig::Ocsf(ocsf_version.unwrap_or_default()),
        Name::CloudEvents => FormatConfig::CloudEvents(CloudEventsConfig { source }),
        Name::CloudEventsBinary => FormatConfig::CloudEventsBinary(CloudEventsConfig { source }),
        Name::Template => FormatConfig::Template(template),
    }
}

fn template(section: &mut Section<'_>, name: Name) -> TemplateConfig {
    let (path, values) = (section.take("template"), section.take("template_values").never_shown());
    let (has_path, has_values) = (path.node.is_some(), values.node.is_some());
    if name == Name::Template {
        path.require("the file of the template");
    }
    let values = values.entries().into_iter().filter_map(|(name, value)| {
        let value = value.read(|text| Ok(text.to_owned()))?;
        Some((name, Secret(value)))
    });
    let config = TemplateConfig { path: path.path().unwrap_or_default(), values: values.collect() };
    for (key, is_there) in [("template", has_path), ("template_values", has_values)] {
        if is_there && name != Name::Template {
            section.problem(key, "belongs to `format: template`");
        }
    }
    config
}

/// The characters of RFC 3986; what they mean is the receiver's business.
fn uri_reference(text: &str) -> Result<(), String> {
    let is_uri = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&b);
    let is_valid = (1..=512).contains(&text.len()) && text.bytes().all(is_uri);
    if is_valid { Ok(()) } else { Err("is no URI reference of 1 to 512 characters".to_owned()) }
}
