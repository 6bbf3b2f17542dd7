//! A server whose handlers can close their connection instead of answering.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use anyhow::{Context as _, Result};
use axum::{
    Router,
    extract::connect_info::Connected,
    http::StatusCode,
    response::{IntoResponse, Response},
    serve::{IncomingStream, Listener},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

use super::StandInPlace;

/// A running server. It stops when it is dropped.
#[derive(Debug)]
pub(super) struct Server {
    url: String,
    stop: watch::Sender<bool>,
    task: Option<JoinHandle<io::Result<()>>>,
}

impl Server {
    pub(super) async fn start(place: &StandInPlace, port: u16, router: Router) -> Result<Self> {
        let wanted = SocketAddr::new(place.bind, port);
        let listener = TcpListener::bind(wanted).await.with_context(|| {
            format!("{wanted} can't be used for a stand-in: free it, or choose another address of this machine.")
        })?;
        let address = listener.local_addr()?;
        let url = match &place.host {
            Some(host) => format!("http://{host}:{}", address.port()),
            None => format!("http://{address}"),
        };
        let (stop, stops) = watch::channel(false);
        let listener = CuttableListener { listener, stops: stops.clone() };
        let service = router.into_make_service_with_connect_info::<Connection>();
        let server = axum::serve(listener, service).with_graceful_shutdown(stopped(stops));
        let task = tokio::spawn(server.into_future());
        Ok(Self { url, stop, task: Some(task) })
    }

    pub(super) fn url(&self) -> String {
        self.url.clone()
    }

    /// Takes no more connections, and waits for the calls in flight.
    pub(super) async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Some(task) = self.task.take() {
            // An error here is a connection's that ended before its time: it has ended.
            let _ = task.await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

async fn stopped(mut stops: watch::Receiver<bool>) {
    // A server that is gone has stopped too.
    let _ = stops.wait_for(|stopped| *stopped).await;
}

/// A handler's hold on its connection.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    cut: Arc<AtomicBool>,
    stops: watch::Receiver<bool>,
}

impl Connection {
    /// Closes the connection. The answer that the handler must return is never written.
    pub(super) fn hang_up(&self) -> Response {
        self.cut.store(true, Ordering::Release);
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }

    /// Waits until the stand-in is being stopped.
    pub(super) async fn stand_in_stops(&self) {
        stopped(self.stops.clone()).await;
    }
}

impl Connected<IncomingStream<'_, CuttableListener>> for Connection {
    fn connect_info(stream: IncomingStream<'_, CuttableListener>) -> Self {
        stream.io().connection.clone()
    }
}

pub(super) struct CuttableListener {
    listener: TcpListener,
    stops: watch::Receiver<bool>,
}

impl Listener for CuttableListener {
    type Io = CuttableStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        // Without it an answer may wait 40 ms for an acknowledgement; a failure costs only those.
        let _ = stream.set_nodelay(true);
        let connection = Connection { cut: Arc::default(), stops: self.stops.clone() };
        (CuttableStream { stream, connection }, address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// A stream that fails to write once its connection was cut.
pub(super) struct CuttableStream {
    stream: TcpStream,
    connection: Connection,
}

impl CuttableStream {
    fn writable(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        if self.connection.cut.load(Ordering::Acquire) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(Pin::new(&mut self.stream))
    }
}

impl AsyncRead for CuttableStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.writable()?.poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.writable()?.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writable()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
