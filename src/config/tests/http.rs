//! What a sink over HTTP trusts, shows and goes through.

use rcgen::{CertificateParams, KeyPair};

use super::*;

/// A certificate and its key, in PEM.
fn pair() -> (String, String) {
    let key = KeyPair::generate().unwrap();
    (CertificateParams::default().self_signed(&key).unwrap().pem(), key.serialize_pem())
}

const SINK: &str =
    "url: 'https://x/', tls: {ca_certificate: '${CA}', client_certificate: '${CERTIFICATE}', client_key: '${KEY}'}";

fn sink_of(config: &Config) -> &HttpConfig {
    match &config.sinks[0].kind {
        SinkKind::Webhook(webhook) => &webhook.http,
        SinkKind::SplunkHec(splunk) => &splunk.http,
        _ => panic!("a sink over HTTP"),
    }
}

fn report(keys: &str, environment: &[(&str, &str)]) -> Vec<String> {
    problems(read_with(&with("webhook", keys), environment, &[]))
}

#[test]
fn threat_10_certificates_and_keys_come_from_files_and_variables_and_are_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let ((authority, _), (certificate, key)) = (pair(), pair());
    std::fs::write(folder.path().join("ca.pem"), format!("{authority}{authority}")).unwrap();
    std::fs::write(folder.path().join("client.key"), &key).unwrap();
    let environment = Environment::of([("CERTIFICATE", certificate.as_str())]);
    let keys = SINK.replace("${CA}", "${file:ca.pem}").replace("${KEY}", "${file:client.key}");
    for text in [with("webhook", &keys), LEAST.replace("type: stdout", &format!("type: splunk_hec, token: t, {keys}"))]
    {
        let (config, _) = read_text(&text, &folder.path().join("t.yaml"), &environment, &Overrides::default());
        let config = config.unwrap_or_else(|error| panic!("{error}"));
        let tls = &sink_of(&config).tls;
        assert_eq!(tls.ca_certificate.as_deref(), Some(format!("{authority}{authority}").trim_end()));
        assert_eq!(tls.identity.as_ref().map(|pem| pem.0.matches("-----BEGIN").count()), Some(2));
        assert_eq!(config.canonical()["sinks"][0]["tls"]["client_key"], "<secret>");
        let secret = key.lines().nth(1).unwrap();
        assert!(!format!("{config:?} {}", config.canonical()).contains(secret));
    }
}

#[test]
fn what_no_connection_could_be_made_with_is_said_at_the_start() {
    let ((certificate, key), (_, other)) = (pair(), pair());
    let torn = certificate.replacen('M', "!", 1);
    let empty = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    let encrypted = key.replace("PRIVATE", "ENCRYPTED PRIVATE");
    let odd = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
    let good: [(&str, &str); 3] = [("CA", &certificate), ("CERTIFICATE", &certificate), ("KEY", &key)];
    let cases = [
        ("CA", "text", "tls.ca_certificate: the value (not shown) holds no certificate in PEM"),
        ("CA", &torn, "tls.ca_certificate: the value (not shown) holds no certificate in PEM"),
        ("CA", empty, "tls.ca_certificate: the value (not shown) holds no certificate in PEM"),
        ("CA", &key, "tls.ca_certificate: the value (not shown) holds no certificate in PEM"),
        ("CERTIFICATE", &key, "tls.client_certificate: the value (not shown) holds no certificate in PEM"),
        ("CERTIFICATE", empty, "tls.client_key: cannot be compared: client_certificate holds no certificate"),
        ("KEY", &certificate, "tls.client_key: the value (not shown) holds no private key in PEM"),
        ("KEY", &encrypted, "without a password"),
        ("KEY", odd, "tls.client_key: is no private key that can be used"),
        ("KEY", &other, "tls.client_key: does not belong to the first certificate of client_certificate"),
    ];
    for (name, value, words) in cases {
        let environment = good.map(|(each, text)| if each == name { (each, value) } else { (each, text) });
        let report = report(SINK, &environment);
        assert!(report.len() == 1 && report[0].contains(words), "{name}: {report:?}");
        let secrets = [&key, &other].map(|key| key.lines().nth(1).unwrap());
        assert!(secrets.iter().all(|secret| !report[0].contains(secret)), "{report:?}");
    }
}

#[test]
fn half_an_identity_a_missing_file_and_plain_http_are_refused() {
    let (certificate, key) = pair();
    let environment: [(&str, &str); 3] = [("CA", &certificate), ("CERTIFICATE", &certificate), ("KEY", &key)];
    for (keys, words) in [
        (SINK.replace(", client_key: '${KEY}'", ""), "tls.client_certificate: is of no use without client_key"),
        (SINK.replace("client_certificate: '${CERTIFICATE}', ", ""), "tls.client_key: is of no use without"),
        (SINK.replace("${CA}", "${file:absent.pem}"), "tls.ca_certificate: `${file:absent.pem}` cannot be read"),
        (SINK.replace("https", "http") + ", allow_http: true", "tls: has no meaning for a URL of plain http"),
        (SINK.replace("ca_certificate", "ca"), "tls.ca: unknown key"),
        (SINK.replace("url", "compression: zstd, url"), "compression: \"zstd\" is unknown here: one of none, gzip"),
    ] {
        let report = report(&keys, &environment);
        assert!(report.len() == 1 && report[0].contains(words), "{keys}: {report:?}");
    }
}

#[test]
fn threat_9_the_environments_proxies_count_only_where_a_sink_says_so() {
    let environment = [
        ("HTTPS_PROXY", "proxy.corp:3128"),
        ("https_proxy", "http://never.looked.at"),
        ("http_proxy", "http://u:s3cret@proxy.corp:3128"),
        ("NO_PROXY", "localhost,.corp"),
    ];
    let read = |keys: &str, environment: &[(&str, &str)]| {
        let config = read_with(&with("webhook", &format!("url: 'https://x/'{keys}")), environment, &[]).unwrap();
        assert!(!format!("{config:?} {}", config.canonical()).contains("s3cret"));
        (sink_of(&config).proxy.clone(), config.canonical()["sinks"][0]["proxy"].clone())
    };
    assert_eq!(read("", &environment), (None, "none".into()));
    assert_eq!(read(", proxy: none", &environment).0, None);
    let secret = |text: &str| Some(Secret(text.to_owned()));
    let expected = ProxyConfig {
        http: secret("http://u:s3cret@proxy.corp:3128/"),
        https: secret("http://proxy.corp:3128/"),
        exceptions: "localhost,.corp".to_owned(),
    };
    assert_eq!(read(", proxy: environment", &environment), (Some(expected), "environment".into()));
    assert_eq!(read(", proxy: environment", &[("HTTPS_PROXY", "")]).0, Some(ProxyConfig::default()));
}

/// It would be left out without a word otherwise, and the request go around it.
#[test]
fn a_proxy_that_cannot_be_used_is_refused_without_its_password() {
    let report = report("url: 'https://x/', proxy: environment", &[("HTTPS_PROXY", "socks5://u:s3cret@proxy:1080")]);
    assert!(
        report.len() == 1 && report[0].contains("sinks[0].proxy: reads HTTPS_PROXY, which is no URL"),
        "{report:?}"
    );
    assert!(!report[0].contains("s3cret"));
}

#[test]
fn splunk_gets_no_second_authorization() {
    let text = "type: splunk_hec, url: 'https://x/', token: t, headers: {AUTHORIZATION: Bearer s3cret}";
    let report = problems(read_with(&LEAST.replace("type: stdout", text), &[], &[]));
    assert!(report.len() == 1 && report[0].contains("sinks[0].headers: holds Authorization"), "{report:?}");
    assert!(!report[0].contains("s3cret"));
}
