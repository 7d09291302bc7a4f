//! Raw clients: bytes on a socket, and HTTP/2 with hand-made frames.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use http::{HeaderMap, Request};
use prost::Message;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinHandle,
    time::timeout,
};
use tonic::Status;

/// How long a test waits for what should come soon.
const PATIENCE: Duration = Duration::from_secs(20);

/// Connects from an address of this machine, so that it stands for another peer.
pub async fn connect_from(from: [u8; 4], to: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((from, 0))).unwrap();
    socket.connect(to.parse().unwrap()).await.unwrap()
}

/// A connection on which this was said.
pub async fn says(to: &str, bytes: &[u8]) -> TcpStream {
    let mut stream = connect_from([127, 0, 0, 1], to).await;
    // The server may be rid of it before all of it is written.
    let _ = stream.write_all(bytes).await;
    stream
}

/// Reads until the server closes.
pub async fn closed(mut stream: TcpStream) -> Vec<u8> {
    let mut heard = Vec::new();
    // Whether it is closed or reset makes no difference.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut heard)).await.expect("the server closes it");
    heard
}

/// An HTTP/2 client.
pub struct RawHttp2 {
    pub send: SendRequest<Bytes>,
    authority: String,
    /// Ends when the server closes the connection. It answers PINGs.
    pub connection: JoinHandle<Result<(), h2::Error>>,
}

impl RawHttp2 {
    /// Connects from `from`; `window`: what it takes of each reply before it reads.
    pub async fn connect(from: [u8; 4], to: &str, window: u32) -> RawHttp2 {
        let stream = connect_from(from, to).await;
        let (send, connection) = h2::client::Builder::new().initial_window_size(window).handshake(stream).await.unwrap();
        RawHttp2 { send, authority: to.to_owned(), connection: tokio::spawn(connection) }
    }

    /// Begins a call whose request says that it has `declared` bytes, and has these. What comes back says how far the server let it send.
    pub async fn begin(&mut self, method: &str, declared: usize, bytes: Bytes, key: Option<&str>) -> Call {
        let mut request = Request::post(format!("http://{}/{method}", self.authority)).header("content-type", "application/grpc");
        request = request.header("te", "trailers");
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let mut send = self.send.clone().ready().await.unwrap();
        let (response, mut body) = send.send_request(request.body(()).unwrap(), false).unwrap();
        let mut framed = vec![0];
        framed.extend((declared as u32).to_be_bytes());
        framed.extend(&bytes);
        let is_whole = declared == bytes.len();
        // A server that refuses at once has ended the stream before.
        let _ = body.send_data(framed.into(), is_whole);
        Call { response, _body: (!is_whole).then_some(body) }
    }

    pub async fn call(&mut self, method: &str, message: &impl Message, key: Option<&str>) -> Call {
        let bytes = Bytes::from(message.encode_to_vec());
        self.begin(method, bytes.len(), bytes, key).await
    }
}

/// A call that was begun.
pub struct Call {
    response: ResponseFuture,
    _body: Option<h2::SendStream<Bytes>>,
}

impl Call {
    /// How it ends, when all of its reply is read.
    pub async fn status(self) -> Status {
        timeout(PATIENCE, async {
            let response = self.response.await.unwrap();
            if let Some(status) = Status::from_header_map(response.headers()) {
                return status;
            }
            let mut body = response.into_body();
            while let Some(data) = body.data().await {
                let length = data.unwrap().len();
                body.flow_control().release_capacity(length).unwrap();
            }
            let trailers: HeaderMap = body.trailers().await.unwrap().unwrap_or_default();
            Status::from_header_map(&trailers).unwrap_or_else(|| Status::ok(""))
        })
        .await
        .expect("the call ends")
    }

    /// Waits for its headers and reads nothing of it.
    pub async fn begun(self) -> http::Response<h2::RecvStream> {
        timeout(PATIENCE, self.response).await.expect("the call is answered").unwrap()
    }
}
