//! What stands in the place of a secret.

/// What it stands in.
const MASK: &[u8] = b"***";

/// Parts of names whose values nobody is to see.
const NAMES: [&[u8]; 9] = [b"pass", b"pwd", b"secret", b"token", b"auth", b"key", b"sig", b"cred", b"session"];

/// A parameter as it stands in a query, `name=value`, with a value that may be a secret masked.
pub(super) fn parameter(parameter: &[u8]) -> Vec<u8> {
    let Some(equals) = parameter.iter().position(|byte| *byte == b'=') else { return parameter.to_vec() };
    let (name, value) = parameter.split_at(equals + 1);
    let name_is = |part: &[u8]| name.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part));
    if value.is_empty() || !NAMES.iter().any(|part| name_is(part)) { parameter.to_vec() } else { [name, MASK].concat() }
}

/// An address of a resource, with what follows `user:` before the host masked, and parameters as above.
pub(super) fn uri(uri: &[u8]) -> Vec<u8> {
    let split = uri.iter().position(|byte| *byte == b'?').unwrap_or(uri.len());
    let (place, query) = uri.split_at(split);
    let mut out = match place.windows(3).position(|window| window == b"://") {
        Some(scheme) => {
            let (scheme, rest) = place.split_at(scheme + 3);
            let host = rest.split(|byte| *byte == b'/').next().unwrap_or_default();
            match host.iter().rposition(|byte| *byte == b'@') {
                Some(at) => [scheme, MASK, rest.get(at..).unwrap_or_default()].concat(),
                None => place.to_vec(),
            }
        }
        None => place.to_vec(),
    };
    for (at, part) in query.get(1..).into_iter().flat_map(|query| query.split(|byte| *byte == b'&')).enumerate() {
        out.push(if at == 0 { b'?' } else { b'&' });
        out.extend(parameter(part));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_may_be_secrets_are_masked() {
        assert_eq!(parameter(b"n=5"), b"n=5");
        assert_eq!(parameter(b"ticks"), b"ticks");
        assert_eq!(parameter(b"accessToken=abc"), b"accessToken=***");
        assert_eq!(parameter(b"PASSWORD=hunter2"), b"PASSWORD=***");
        assert_eq!(uri(b"coap://u:p@host/a?x=1&api_key=2"), b"coap://***@host/a?x=1&api_key=***");
        assert_eq!(uri(b"coap://host/a@b"), b"coap://host/a@b");
        assert_eq!(uri(b"/plain?"), b"/plain?");
    }
}
