//! An event bus with one rule in front of a stream: pattern, input and partition key as the CloudFormation template says,
//! so that what is tested and what is deployed cannot drift apart. What the template does not use is not understood, and
//! says so.

use std::collections::BTreeMap;

use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde_json::{Map, Value, json};

use crate::support::daemon::package;
use crate::support::kinesis::Endpoint;

/// The rule of a template, and its target.
#[derive(Debug)]
pub struct Bridge {
    pattern: Value,
    input_path: Option<String>,
    partition_key_path: String,
}

impl Bridge {
    /// The rule of `deploy/cloudformation/stream.yaml` with these parameters; all others have their defaults.
    pub fn of_the_template(parameters: &[(&str, &str)]) -> Self {
        let text = std::fs::read_to_string(package("deploy/cloudformation/stream.yaml")).expect("it is shipped");
        let documents = Yaml::load_from_str(&text).expect("YAML");
        let template = Template::new(json_of(&documents[0]), parameters);
        let rule = template.resolved(&template.json["Resources"]["Rule"]["Properties"]);
        assert!(rule["State"].as_str().is_some_and(|state| state.starts_with("ENABLED")), "{rule}");
        let [target] = &**rule["Targets"].as_array().expect("a list") else { panic!("one target: {rule}") };
        assert_eq!(target["Arn"], json!({"Fn::GetAtt": "Stream.Arn"}), "the stream is the target");
        assert!(target.get("InputTransformer").is_none() && target.get("Input").is_none(), "not understood: {target}");
        Self {
            pattern: rule["EventPattern"].clone(),
            input_path: target.get("InputPath").map(|path| path.as_str().expect("a path").to_owned()),
            partition_key_path: target["KinesisParameters"]["PartitionKeyPath"].as_str().expect("a path").to_owned(),
        }
    }

    /// An event comes over the bus. Says whether the rule has put it into the stream.
    pub async fn put_event(&self, kinesis: &Endpoint, stream: &str, event: &Value) -> bool {
        if !matches(&self.pattern, Some(event)) {
            return false;
        }
        let key = at(event, &self.partition_key_path).and_then(Value::as_str).expect("the event has it");
        let input = self.input_path.as_ref().map_or(Some(event), |path| at(event, path)).expect("the event has it");
        kinesis.put(stream, [(key.to_owned(), input.to_string().into_bytes())]).await;
        true
    }
}

/// Whether an event, or a part of it, matches a pattern: objects whose keys all match, and lists of what is allowed.
fn matches(pattern: &Value, event: Option<&Value>) -> bool {
    match pattern {
        Value::Object(keys) => keys.iter().all(|(key, pattern)| {
            assert!(!key.starts_with('$'), "{key} is not understood");
            matches(pattern, event.and_then(|event| event.get(key)))
        }),
        Value::Array(allowed) => {
            let passes = |event: &Value, allowed: &Value| match allowed.as_object() {
                None => event == allowed,
                Some(test) => {
                    let prefix = test.get("prefix").filter(|_| test.len() == 1).and_then(Value::as_str);
                    let prefix = prefix.unwrap_or_else(|| panic!("{pattern} is not understood"));
                    event.as_str().is_some_and(|text| text.starts_with(prefix))
                }
            };
            event.is_some_and(|event| allowed.iter().any(|allowed| passes(event, allowed)))
        }
        other => panic!("{other} is no pattern"),
    }
}

/// What a path such as `$.account` leads to.
fn at<'v>(event: &'v Value, path: &str) -> Option<&'v Value> {
    let mut keys = path.strip_prefix('$').expect("it begins at the event").split('.').skip(1);
    keys.try_fold(event, |value, key| value.get(key))
}

/// A template of CloudFormation, as far as its parameters and conditions decide.
struct Template {
    json: Value,
    parameters: BTreeMap<String, Value>,
}

impl Template {
    fn new(json: Value, given: &[(&str, &str)]) -> Self {
        let declared = json["Parameters"].as_object().expect("parameters");
        let mut parameters: BTreeMap<String, Value> =
            declared.iter().map(|(name, parameter)| (name.clone(), parameter["Default"].clone())).collect();
        for (name, value) in given {
            let allowed = declared[*name]["AllowedValues"].as_array();
            assert!(allowed.is_none_or(|allowed| allowed.contains(&json!(value))), "{name}: {value}");
            parameters.insert((*name).to_owned(), json!(value));
        }
        Self { json, parameters }
    }

    /// A part with parameters and conditions in their places; references to resources stay.
    fn resolved(&self, part: &Value) -> Value {
        let Some(object) = part.as_object() else {
            let items = part.as_array().map(|items| items.iter().map(|item| self.resolved(item)).collect());
            return items.map_or_else(|| part.clone(), Value::Array);
        };
        if let Some(name) = object.get("Ref").and_then(Value::as_str) {
            return self.parameters.get(name).cloned().unwrap_or_else(|| part.clone());
        }
        if let Some([condition, yes, no]) = object.get("Fn::If").and_then(Value::as_array).map(Vec::as_slice) {
            let holds = self.holds(&self.json["Conditions"][condition.as_str().expect("a name")]);
            return self.resolved(if holds { yes } else { no });
        }
        Value::Object(object.iter().map(|(key, value)| (key.clone(), self.resolved(value))).collect())
    }

    fn holds(&self, condition: &Value) -> bool {
        let (function, arguments) = condition.as_object().and_then(|it| it.iter().next()).expect("a condition");
        let all = || arguments.as_array().expect("arguments").iter();
        match function.as_str() {
            "Fn::Condition" => self.holds(&self.json["Conditions"][arguments.as_str().expect("a name")]),
            "Fn::Equals" => self.resolved(&arguments[0]) == self.resolved(&arguments[1]),
            "Fn::Not" => !self.holds(&arguments[0]),
            "Fn::And" => all().all(|it| self.holds(it)),
            "Fn::Or" => all().any(|it| self.holds(it)),
            other => panic!("{other} is not understood"),
        }
    }
}

/// YAML as JSON, with a tag such as `!If` as the function that it stands for.
fn json_of(node: &Yaml<'_>) -> Value {
    match node {
        Yaml::Value(Scalar::String(text)) => json!(text),
        Yaml::Value(Scalar::Integer(number)) => json!(number),
        Yaml::Value(Scalar::FloatingPoint(number)) => json!(number.into_inner()),
        Yaml::Value(Scalar::Boolean(flag)) => json!(flag),
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Sequence(items) => items.iter().map(json_of).collect(),
        Yaml::Mapping(entries) => {
            let entry = |(key, value)| (json_of(key).as_str().expect("a text").to_owned(), json_of(value));
            Value::Object(entries.iter().map(entry).collect::<Map<_, _>>())
        }
        Yaml::Tagged(tag, inner) => match tag.suffix.as_str() {
            "Ref" => json!({"Ref": json_of(inner)}),
            function => json!({format!("Fn::{function}"): json_of(inner)}),
        },
        Yaml::Representation(text, _, Some(tag)) => match tag.suffix.as_str() {
            "Ref" => json!({"Ref": text}),
            function => json!({format!("Fn::{function}"): text}),
        },
        other => panic!("{other:?} is not understood"),
    }
}

#[test]
fn a_rule_lets_through_what_its_pattern_says() {
    let narrow = Bridge::of_the_template(&[]);
    let event = json!({"source": "aws.s3", "detail-type": "AWS Service Event via CloudTrail", "account": "1",
        "detail": {"eventSource": "s3.amazonaws.com", "eventName": "JobCreated"}});
    let with = |pointer: &str, value: &str| {
        let mut other = event.clone();
        *other.pointer_mut(pointer).expect("it is there") = json!(value);
        other
    };
    assert!(matches(&narrow.pattern, Some(&event)));
    assert_eq!((narrow.partition_key_path.as_str(), narrow.input_path.as_deref()), ("$.account", None));
    for (pointer, value) in
        [("/source", "aws.ec2"), ("/detail/eventName", "GetObject"), ("/detail-type", "AWS API Call via CloudTrail")]
    {
        assert!(!matches(&narrow.pattern, Some(&with(pointer, value))), "{pointer}");
    }
    let broad = Bridge::of_the_template(&[("EventScope", "broad"), ("PartitionKeyPath", "$.detail.eventName")]);
    assert!(matches(&broad.pattern, Some(&with("/detail/eventName", "GetObject"))));
    assert!(!matches(&broad.pattern, Some(&with("/detail-type", "Scheduled Event"))));
    assert!(
        !matches(&broad.pattern, Some(&with("/source", "com.example"))),
        "anybody may put events of any detail type"
    );
    assert_eq!(broad.partition_key_path, "$.detail.eventName");
}
