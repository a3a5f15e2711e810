//! An HTTP proxy in front of the server: tunnels by CONNECT.

use std::net::SocketAddr;
use std::sync::Arc;

use base64::prelude::{Engine as _, BASE64_STANDARD};
use http::header;
use tokio::io::{copy_bidirectional, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::head;
use crate::log::LoggedTunnel;
use crate::scenario::ProxyRule;
use crate::service::Service;

/// Answers the requests of one connection until one makes a tunnel to `server`.
pub(crate) async fn serve(
    mut client: TcpStream,
    server: SocketAddr,
    rule: &ProxyRule,
    service: &Arc<Service>,
) {
    let mut input = Vec::new();
    loop {
        let head = loop {
            match head::read(&input) {
                Ok(Some((head, end))) => {
                    input.drain(..end);
                    break head;
                }
                Ok(None) => {}
                Err(_) => return,
            }
            match client.read_buf(&mut input).await {
                Ok(1..) => {}
                _ => return,
            }
        };
        let text = |name| {
            let value = head.headers.get(name).map(http::HeaderValue::as_bytes);
            String::from_utf8_lossy(value.unwrap_or_default()).into_owned()
        };
        let right = rule.user.as_ref().is_none_or(|user| {
            let pair = BASE64_STANDARD.encode(format!("{user}:{}", rule.password));
            text(header::PROXY_AUTHORIZATION) == format!("Basic {pair}")
        });
        let (status, fields) = match (head.method.as_str(), right) {
            (_, false) => {
                let scheme = match rule.scheme.as_str() {
                    "Basic" => "Basic realm=\"proxy\"",
                    scheme => scheme,
                };
                (
                    407,
                    format!("Proxy-Authenticate: {scheme}\r\nContent-Length: 0\r\n"),
                )
            }
            ("CONNECT", true) => match rule.status {
                Some(status) => (status, "Content-Length: 0\r\n".to_owned()),
                None => (200, String::new()),
            },
            _ => (405, "Allow: CONNECT\r\nContent-Length: 0\r\n".to_owned()),
        };
        service.log().tunnel(LoggedTunnel {
            target: text(header::HOST),
            status,
        });
        let answer = format!("HTTP/1.1 {status} Proxy\r\n{fields}\r\n");
        if client.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
        if status == 200 {
            if let Ok(mut server) = TcpStream::connect(server).await {
                // Each side learns of the other's end by its own connection.
                let _ = copy_bidirectional(&mut client, &mut server).await;
            }
            return;
        }
    }
}
