//! What a request says of itself beside its content: cookies, the session token, where it comes from; and how an address
//! is written.

use std::fmt::Write;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::{HeaderMap, header};

use crate::server::Server;

/// Name of the session cookie. The prefix makes browsers refuse one that another host or plain HTTP tries to plant.
const COOKIE: &str = "gatebook";
const COOKIE_SECURE: &str = "__Host-gatebook";

/// The token in the session cookie.
pub fn session_token(server: &Server, headers: &HeaderMap) -> Option<String> {
    cookie(headers, cookie_name(server)).map(str::to_owned)
}

/// The value of a cookie.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

/// The `Set-Cookie` line that opens (`Some`) or ends (`None`) a session.
pub fn session_cookie(server: &Server, token: Option<&str>) -> String {
    let secure = if server.secure() { "; Secure" } else { "" };
    let life = token.map_or(0, |_| u64::from(server.config.session.hours) * 3_600);
    let token = token.unwrap_or_default();
    format!("{}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={life}{secure}", cookie_name(server))
}

fn cookie_name(server: &Server) -> &'static str {
    if server.secure() { COOKIE_SECURE } else { COOKIE }
}

/// Where a request comes from, for counting wrong tries. `X-Forwarded-For` is believed only behind a proxy, and only its
/// last entry: the one that our own proxy wrote. An IPv6 address counts as its /64: whoever has one there has them all.
pub fn client_address(server: &Server, peer: Option<&SocketAddr>, headers: &HeaderMap) -> String {
    let forwarded = headers.get_all("x-forwarded-for").into_iter().next_back().and_then(|value| value.to_str().ok());
    let told = forwarded.and_then(|line| line.rsplit(',').next()?.trim().parse::<IpAddr>().ok());
    match (server.config.tls.behind_proxy, told, peer) {
        (true, Some(told), _) => place(told),
        (_, _, Some(peer)) => place(peer.ip()),
        _ => "unknown".to_owned(),
    }
}

fn place(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

/// Percent-encodes everything but what is plain in a query.
pub fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => write!(out, "%{byte:02X}").expect("a String takes everything"),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_house_is_one_place() {
        for (address, wanted) in [
            ("10.0.0.9", "10.0.0.9"),
            ("::ffff:10.0.0.9", "10.0.0.9"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::7", "2001:db8:1:2::/64"),
        ] {
            assert_eq!(place(address.parse().unwrap()), wanted, "{address}");
        }
    }
}
