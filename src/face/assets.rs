//! The files a page loads. Each has its hash in its name, so a browser keeps it for ever and asks for it once.

use std::sync::LazyLock;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};

/// Where they live.
pub const FOLDER: &str = "/assets/";

/// What a page may load and do: only our own files, nothing inline, no frames.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'";

/// Files by the name that code uses, their type and text.
const FILES: [(&str, &str, &[&str]); 5] = [
    ("face.css", "text/css; charset=utf-8", &[include_str!("tokens.css"), include_str!("face.css")]),
    ("live.js", "text/javascript; charset=utf-8", &[include_str!("live.js")]),
    ("terminal.css", "text/css; charset=utf-8", &[include_str!("../terminal/screen/terminal.css")]),
    ("terminal.js", "text/javascript; charset=utf-8", &[include_str!("../terminal/screen/terminal.js")]),
    ("brand.svg", "image/svg+xml", &[include_str!("brand.svg")]),
];

struct Asset {
    name: &'static str,
    address: String,
    kind: &'static str,
    plain: Vec<u8>,
    packed: Vec<u8>,
}

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let asset = |&(name, kind, parts): &(&'static str, &'static str, &[&str])| {
        let plain = parts.concat().into_bytes();
        let (stem, end) = name.split_once('.').unwrap_or((name, ""));
        let hash = blake3::hash(&plain).to_hex();
        let address = format!("{FOLDER}{stem}.{}.{end}", hash.get(..16).unwrap_or_default());
        let packed = zstd::bulk::compress(&plain, 19).unwrap_or_default();
        Asset { name, address, kind, plain, packed }
    };
    FILES.iter().map(asset).collect()
});

/// The address of a file, with its hash.
///
/// # Panics
/// When there is no such file: names are constants of our own code, and every page is rendered in a test.
pub fn href(name: &str) -> &'static str {
    &ASSETS.iter().find(|asset| asset.name == name).expect("a page names a file that is in the program").address
}

/// Answers `GET /assets/...`: the file for ever, or 404. `path` is the whole path of the address.
pub fn answer(path: &str, headers: &HeaderMap) -> Response<Body> {
    let Some(asset) = ASSETS.iter().find(|asset| asset.address == path) else {
        return plain(StatusCode::NOT_FOUND, "no such file\n");
    };
    let accepts = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let zstd = !asset.packed.is_empty() && accepts.split(',').any(|part| part.trim() == "zstd");
    let mut response = Response::new(Body::from(if zstd { asset.packed.clone() } else { asset.plain.clone() }));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if zstd {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("zstd"));
    }
    response
}

/// Puts the headers that every answer carries, whoever made it.
pub fn secure(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Pages and data are of this moment and of this person; only the hashed files say otherwise.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_kept_for_ever_under_a_name_that_changes_with_it() {
        let address = href("face.css");
        assert!(address.starts_with("/assets/face.") && address.ends_with(".css"), "{address}");
        let answered = answer(address, &HeaderMap::new());
        assert_eq!(answered.status(), StatusCode::OK);
        assert_eq!(answered.headers()[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
        assert_eq!(answer("/assets/face.css", &HeaderMap::new()).status(), StatusCode::NOT_FOUND);
        assert_eq!(answer("/assets/../Cargo.toml", &HeaderMap::new()).status(), StatusCode::NOT_FOUND);
    }

    #[test]
    fn the_files_keep_to_their_weight() {
        for (name, limit) in [("face.css", 18_000), ("live.js", 10_000), ("brand.svg", 1_000)] {
            let asset = ASSETS.iter().find(|asset| asset.name == name).unwrap();
            assert!(asset.packed.len() < limit, "{name} weighs {} bytes packed", asset.packed.len());
        }
    }

    #[test]
    fn our_own_script_needs_nothing_that_the_policy_forbids() {
        let script = include_str!("live.js");
        for forbidden in ["eval(", "innerHTML", ".style", "new Function", "document.write", "http:", "https:"] {
            assert!(!script.contains(forbidden), "live.js has {forbidden}");
        }
    }
}
