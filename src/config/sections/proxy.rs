//! `proxy` of a sink: nothing of the environment counts unless the sink says so.

use reqwest::Url;

use crate::config::field::Field;
use crate::config::{ProxyConfig, Secret};

/// The customary variables; where both spellings are set, the first counts.
const HTTP: [&str; 2] = ["HTTP_PROXY", "http_proxy"];
const HTTPS: [&str; 2] = ["HTTPS_PROXY", "https_proxy"];
const EXCEPTIONS: [&str; 2] = ["NO_PROXY", "no_proxy"];

pub(super) fn proxy(field: Field<'_>) -> Option<ProxyConfig> {
    let (reader, place, path) = (field.reader, field.place.clone(), field.path.clone());
    if !field.one_of(&[("none", false), ("environment", true)])? {
        return None;
    }
    let variable = |names: [&'static str; 2]| {
        names.into_iter().find_map(|name| reader.environment.get(name).filter(|text| !text.is_empty()).zip(Some(name)))
    };
    let url = |names| {
        let (text, name) = variable(names)?;
        let url = proxy_url(text);
        if url.is_none() {
            let message = format!("reads {name}, which is no URL of a proxy: http://host:port is expected");
            reader.problem(place.clone(), &path, message);
        }
        url.map(Secret)
    };
    let exceptions = variable(EXCEPTIONS).map_or_else(String::new, |(text, _)| text.to_owned());
    Some(ProxyConfig { http: url(HTTP), https: url(HTTPS), exceptions })
}

/// As curl reads it: without a scheme it is http.
fn proxy_url(text: &str) -> Option<String> {
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = Url::parse(&with_scheme).ok()?;
    let is_proxy = matches!(url.scheme(), "http" | "https") && url.has_host();
    is_proxy.then(|| url.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_a_host_over_http_or_https() {
        let read = |text: &str| proxy_url(text);
        assert_eq!(read("proxy.corp:3128").as_deref(), Some("http://proxy.corp:3128/"));
        assert_eq!(read("http://u:p@proxy:3128").as_deref(), Some("http://u:p@proxy:3128/"));
        assert_eq!(read("https://proxy/").as_deref(), Some("https://proxy/"));
        for text in ["socks5://proxy:1080", "http://", "http://a b", "://", "file:///etc/passwd"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
