//! A proxy that loses answers.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
};

/// Hands connections on to a server on this machine, and cuts one instead of handing an answer
/// back when it is told to. The server has done what it was asked for by then.
#[derive(Debug)]
pub struct LossyProxy {
    address: SocketAddr,
    to_lose: Arc<AtomicU32>,
}

impl LossyProxy {
    /// A proxy to `endpoint`, an URL of the form `http://127.0.0.1:4566`.
    ///
    /// # Errors
    /// When the URL has another form, or this machine has no free port.
    pub fn start(endpoint: &str) -> io::Result<Self> {
        let server = endpoint.strip_prefix("http://").and_then(|address| address.parse().ok());
        let server: SocketAddr = server.ok_or(io::ErrorKind::InvalidInput)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let to_lose = Arc::new(AtomicU32::new(0));
        let shared = to_lose.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let to_lose = shared.clone();
                // A connection that breaks is its client's to notice.
                thread::spawn(move || relay(&client, server, &to_lose).ok());
            }
        });
        Ok(Self { address, to_lose })
    }

    /// Where to connect.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Loses the next `answers`.
    pub fn lose(&self, answers: u32) {
        self.to_lose.store(answers, Ordering::SeqCst);
    }

    /// How many answers are still to be lost.
    #[must_use]
    pub fn left_to_lose(&self) -> u32 {
        self.to_lose.load(Ordering::SeqCst)
    }
}

fn relay(client: &TcpStream, server: SocketAddr, to_lose: &AtomicU32) -> io::Result<()> {
    let mut server = TcpStream::connect(server)?;
    server.set_nodelay(true)?;
    client.set_nodelay(true)?;
    let (mut requests, mut to_server) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut requests, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let mut answer = [0; 16_384];
    loop {
        let read = server.read(&mut answer)?;
        if read == 0 || is_to_be_lost(to_lose) {
            return client.shutdown(Shutdown::Both);
        }
        (&mut &*client).write_all(&answer[..read])?;
    }
}

fn is_to_be_lost(to_lose: &AtomicU32) -> bool {
    let one_less = |left: u32| left.checked_sub(1);
    to_lose.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok()
}
