//! As much of HTTP/1.1 as it takes to be asked for metrics: a request is judged, an answer is put together.

use mqttsniff::render::Exposition;

/// The most bytes of a request's head; Prometheus sends some hundred.
pub(super) const MOST: usize = 8 << 10;

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    /// The metrics.
    Metrics { form: Exposition, head_only: bool },
    /// The page that says where they are.
    Hint { head_only: bool },
    /// Something that is answered by its status alone.
    Refused(Status),
}

/// A status that is no success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    BadRequest,
    NotFound,
    MethodNotAllowed,
    RequestTimeout,
    HeadTooLarge,
    Unavailable,
    VersionNotSupported,
}

impl Status {
    const fn line(self) -> &'static str {
        match self {
            Self::BadRequest => "400 Bad Request",
            Self::NotFound => "404 Not Found",
            Self::MethodNotAllowed => "405 Method Not Allowed",
            Self::RequestTimeout => "408 Request Timeout",
            Self::HeadTooLarge => "431 Request Header Fields Too Large",
            Self::Unavailable => "503 Service Unavailable",
            Self::VersionNotSupported => "505 HTTP Version Not Supported",
        }
    }

    /// A further header that the status asks for.
    const fn header(self) -> &'static str {
        match self {
            // RFC 9110, section 15.5.6.
            Self::MethodNotAllowed => "Allow: GET, HEAD\r\n",
            Self::Unavailable => "Retry-After: 1\r\n",
            _ => "",
        }
    }
}

/// What the bytes so far ask for; nothing yet where the head of the request goes on.
pub(super) fn request(bytes: &[u8]) -> Option<Request> {
    // Empty lines before a request are to be passed over (RFC 9112, section 2.2).
    let start = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
    let bytes = bytes.get(start..)?;
    let Some(end) = end_of_head(bytes) else {
        return (bytes.len() >= MOST).then_some(Request::Refused(Status::HeadTooLarge));
    };
    Some(head(bytes.get(..end).unwrap_or_default()).unwrap_or_else(Request::Refused))
}

/// Where the empty line begins; a lone line feed ends a line as well (RFC 9112, section 2.2).
fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let lone = bytes.windows(2).position(|two| two == b"\n\n");
    let whole = bytes.windows(3).position(|three| three == b"\n\r\n");
    lone.into_iter().chain(whole).min().map(|at| at + 1)
}

fn head(head: &[u8]) -> Result<Request, Status> {
    let head = std::str::from_utf8(head).map_err(|_| Status::BadRequest)?;
    let mut lines = head.lines();
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some(version), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Status::BadRequest);
    };
    let is_token = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_token(method) || !is_token(target) {
        return Err(Status::BadRequest);
    }
    match version {
        "HTTP/1.1" | "HTTP/1.0" => {}
        other if other.starts_with("HTTP/") => return Err(Status::VersionNotSupported),
        _ => return Err(Status::BadRequest),
    }
    let (mut host, mut accept) = (false, String::new());
    for line in lines {
        let (name, value) = line.split_once(':').ok_or(Status::BadRequest)?;
        // No blank may stand between a name and its colon (RFC 9112, section 5.1).
        if !is_token(name) {
            return Err(Status::BadRequest);
        }
        host |= name.eq_ignore_ascii_case("host");
        if name.eq_ignore_ascii_case("accept") {
            accept.push_str(value);
            accept.push(',');
        }
    }
    // RFC 9112, section 3.2.
    if version == "HTTP/1.1" && !host {
        return Err(Status::BadRequest);
    }
    let head_only = match method {
        "GET" => false,
        "HEAD" => true,
        _ => return Err(Status::MethodNotAllowed),
    };
    // A proxy's form of a target names the server as well.
    let path = match target.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"),
        None => target,
    };
    match path.split(['?', '#']).next().unwrap_or_default() {
        "/metrics" => Ok(Request::Metrics { form: form(&accept), head_only }),
        "/" => Ok(Request::Hint { head_only }),
        _ => Err(Status::NotFound),
    }
}

/// The form that is wanted more; the plain one where nothing is said.
fn form(accept: &str) -> Exposition {
    let mut wanted = [0.0; 2];
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let place = match parts.next().unwrap_or_default() {
            "application/openmetrics-text" => 0,
            "text/plain" | "text/*" | "*/*" => 1,
            _ => continue,
        };
        let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Ok(1.0), str::parse::<f64>);
        wanted[place] = weight.unwrap_or(0.0).max(wanted[place]);
    }
    if wanted[0] > 0.0 && wanted[0] >= wanted[1] { Exposition::OpenMetrics } else { Exposition::Text }
}

/// An answer; each ends its connection.
fn answer(status: &str, content_type: &str, more: &str, body: &str, head_only: bool) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\nCache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n{more}\r\n"
    );
    let mut bytes = head.into_bytes();
    if !head_only {
        bytes.extend_from_slice(body.as_bytes());
    }
    bytes
}

/// The answer with metrics.
pub(super) fn metrics(body: &str, form: Exposition, head_only: bool) -> Vec<u8> {
    answer("200 OK", form.content_type(), "", body, head_only)
}

/// The page that says where they are.
pub(super) fn hint(head_only: bool) -> Vec<u8> {
    let body = concat!("mqttsniff ", env!("CARGO_PKG_VERSION"), "\nMetrics for Prometheus: /metrics\n");
    answer("200 OK", "text/plain; charset=utf-8", "", body, head_only)
}

/// The answer that is a status alone.
pub(super) fn refusal(status: Status) -> Vec<u8> {
    let body = format!("{}\n", status.line());
    answer(status.line(), "text/plain; charset=utf-8", status.header(), &body, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(text: &str) -> Option<Request> {
        request(text.as_bytes())
    }

    #[test]
    fn a_request_is_known_when_its_head_is_there() {
        let whole = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
        for end in 0..whole.len() {
            assert_eq!(asks(&whole[..end]), None, "{end}");
        }
        let metrics = Some(Request::Metrics { form: Exposition::Text, head_only: false });
        assert_eq!(asks(whole), metrics);
        assert_eq!(asks(&format!("\r\n{whole}")), metrics);
        assert_eq!(asks("GET /metrics?a=b HTTP/1.0\n\n"), metrics, "neither a host nor a carriage return");
        assert_eq!(asks("GET http://h:1/metrics HTTP/1.1\r\nhost: h:1\r\n\r\n"), metrics);
        assert_eq!(asks("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"), Some(Request::Hint { head_only: true }));
    }

    #[test]
    fn what_is_no_request_for_metrics_is_told_why() {
        for (text, status) in [
            ("GET /other HTTP/1.1\r\nHost: x\r\n\r\n", Status::NotFound),
            ("GET /metrics/../etc HTTP/1.1\r\nHost: x\r\n\r\n", Status::NotFound),
            ("POST /metrics HTTP/1.1\r\nHost: x\r\n\r\n", Status::MethodNotAllowed),
            ("GET /metrics HTTP/1.1\r\n\r\n", Status::BadRequest),
            ("GET /metrics HTTP/1.1\r\nHost : x\r\n\r\n", Status::BadRequest),
            ("GET  /metrics HTTP/1.1\r\nHost: x\r\n\r\n", Status::BadRequest),
            ("GET /metrics\r\n\r\n", Status::BadRequest),
            ("GET /metrics HTTP/2.0\r\nHost: x\r\n\r\n", Status::VersionNotSupported),
            ("\u{16}\u{3}\u{1}\n\n", Status::BadRequest),
        ] {
            assert_eq!(asks(text), Some(Request::Refused(status)), "{text:?}");
        }
        assert_eq!(request(b"GET \xff HTTP/1.1\n\n"), Some(Request::Refused(Status::BadRequest)));
        assert_eq!(asks(&"x".repeat(MOST)), Some(Request::Refused(Status::HeadTooLarge)));
        assert_eq!(asks(&"x".repeat(MOST - 1)), None);
    }

    #[test]
    fn the_form_is_the_one_that_is_wanted_more() {
        for (accept, form_of_it) in [
            ("", Exposition::Text),
            ("*/*", Exposition::Text),
            ("application/openmetrics-text;version=1.0.0", Exposition::OpenMetrics),
            (
                "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1",
                Exposition::OpenMetrics,
            ),
            ("application/openmetrics-text;q=0.3, text/plain;q=0.7", Exposition::Text),
            ("application/openmetrics-text;q=0", Exposition::Text),
            ("application/openmetrics-text;q=x", Exposition::Text),
        ] {
            assert_eq!(form(accept), form_of_it, "{accept}");
        }
    }

    #[test]
    fn an_answer_tells_its_length_and_ends_the_connection() {
        let text = String::from_utf8(metrics("a 1\n", Exposition::Text, false)).expect("text");
        assert!(text.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4"), "{text}");
        assert!(text.contains("\r\nContent-Length: 4\r\n") && text.contains("\r\nConnection: close\r\n"), "{text}");
        assert!(text.ends_with("\r\n\r\na 1\n"), "{text}");
        let head = String::from_utf8(metrics("a 1\n", Exposition::Text, true)).expect("text");
        assert!(head.contains("\r\nContent-Length: 4\r\n") && head.ends_with("\r\n\r\n"), "{head}");
        let refused = String::from_utf8(refusal(Status::MethodNotAllowed)).expect("text");
        assert!(refused.contains("\r\nAllow: GET, HEAD\r\n"), "{refused}");
    }
}
