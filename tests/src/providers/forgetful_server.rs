//! A server whose connections are dead after an answer, and whose clients aren't told: the other side of what a function
//! still holds when it is thawed.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// What comes of a request on a connection that is dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadConnection {
    /// Nothing, as when a gateway on the way has forgotten it.
    Silent,
    /// It is reset, as when the server has closed it.
    Reset,
}

/// The server. It ends with the runtime that it was started on.
pub struct ForgetfulServer {
    url: String,
    opened: Arc<AtomicUsize>,
}

impl ForgetfulServer {
    /// A server that answers `requests` on each connection with the JSON that `answer` makes of a request's path.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn start(requests: usize, dead: DeadConnection, answer: fn(&str) -> Value) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (url, opened) = (format!("http://{}", listener.local_addr()?), Arc::<AtomicUsize>::default());
        let count = Arc::clone(&opened);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(stream, requests, dead, answer));
            }
        });
        Ok(Self { url, opened })
    }

    /// The endpoint.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How many connections were opened to it.
    #[must_use]
    pub fn opened(&self) -> usize {
        self.opened.load(Ordering::Relaxed)
    }
}

async fn serve(
    mut stream: TcpStream,
    requests: usize,
    dead: DeadConnection,
    answer: fn(&str) -> Value,
) -> io::Result<()> {
    for _ in 0..requests {
        let body = answer(&read_request(&mut stream).await?).to_string();
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(format!("{head}{body}").as_bytes()).await?;
    }
    // A socket that is closed with something left to read resets its connection (RFC 1122, 4.2.2.13).
    let _ = stream.read_u8().await?;
    match dead {
        DeadConnection::Silent => std::future::pending().await,
        DeadConnection::Reset => Ok(()),
    }
}

/// Reads a request to its end, and gives its path.
async fn read_request(stream: &mut TcpStream) -> io::Result<String> {
    let mut read = Vec::new();
    loop {
        read.push(stream.read_u8().await?);
        if read.ends_with(b"\r\n\r\n") {
            break;
        }
    }
    let head = String::from_utf8_lossy(&read).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await?;
    Ok(head.split(' ').nth(1).unwrap_or_default().to_owned())
}
