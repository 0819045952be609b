//! What a redirect asks for. It decides only; whether it is granted, the rules say.

use crate::target::Target;
use hyper::http::{HeaderMap, Method, StatusCode, header};

/// Most redirects of one request.
pub const MOST: u32 = 20;

/// Where a response sends to, where it does.
pub fn location(status: StatusCode, headers: &HeaderMap) -> Option<&str> {
    let redirects = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
    redirects.then(|| headers.get(header::LOCATION))??.to_str().ok()
}

/// The method to go on with: that of RFC 9110, and of browsers, which turn a `POST` into a `GET` at a 301 or 302.
pub fn method(status: StatusCode, method: &Method) -> Method {
    match status.as_u16() {
        303 if *method != Method::HEAD => Method::GET,
        301 | 302 if *method == Method::POST => Method::GET,
        _ => method.clone(),
    }
}

/// Whether two places are one origin: what is meant for one stays there.
pub fn same_origin(a: &Target, b: &Target) -> bool {
    (a.plain, a.port) == (b.plain, b.port) && a.host == b.host
}

#[cfg(test)]
mod tests {
    use super::method;
    use hyper::http::{Method, StatusCode};

    #[test]
    fn the_method_after_a_redirect() {
        for (status, before, after) in [
            (301, Method::POST, Method::GET),
            (302, Method::POST, Method::GET),
            (302, Method::PUT, Method::PUT),
            (303, Method::PUT, Method::GET),
            (303, Method::HEAD, Method::HEAD),
            (307, Method::POST, Method::POST),
            (308, Method::POST, Method::POST),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(method(status, &before), after, "{status} {before}");
        }
    }
}
