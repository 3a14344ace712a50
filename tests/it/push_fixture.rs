//! Another end to push to: it answers as it is told, and keeps what it was sent.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Barrier, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: Vec<u8>,
    /// The number of the connection that it came on, from 0.
    pub(crate) connection: usize,
    headers: Vec<(String, String)>,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(have, _)| have.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// What is answered: a status line's rest and headers, and a body; or nothing at all.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Status(&'static str, Vec<String>, &'static str),
    /// The connection is closed.
    Close,
    /// There is no answer while the test lasts.
    Silence,
    /// There is no answer before all have come to the barrier; then it is another.
    Held(Arc<Barrier>, Box<Self>),
}

pub(crate) fn ok() -> Reply {
    Reply::Status("200 OK", Vec::new(), "")
}

pub(crate) fn status(line: &'static str, body: &'static str) -> Reply {
    Reply::Status(line, Vec::new(), body)
}

/// A server that answers what it was told to, in this order, and then always the same.
pub(crate) struct OtherEnd {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    replies: Mutex<VecDeque<Reply>>,
    then: Reply,
    got: Mutex<Vec<Got>>,
    more: Condvar,
}

impl OtherEnd {
    /// One that answers 200 in the end.
    pub(crate) fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        Self::start_with(replies, ok())
    }

    pub(crate) fn start_with(replies: impl IntoIterator<Item = Reply>, then: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let replies = Mutex::new(replies.into_iter().collect());
        let (got, more) = (Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared { replies, then, got, more });
        let served = shared.clone();
        thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let served = served.clone();
                thread::spawn(move || serve(stream.unwrap(), number, &served));
            }
        });
        Self { address, shared }
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// All that came so far.
    pub(crate) fn got(&self) -> Vec<Got> {
        self.shared.got.lock().unwrap().clone()
    }

    /// Waits until that many requests came.
    pub(crate) fn wait_for(&self, requests: usize) -> Vec<Got> {
        let got = self.shared.got.lock().unwrap();
        let longest = Duration::from_secs(60);
        let few = |got: &mut Vec<Got>| got.len() < requests;
        let (got, timeout) = self.shared.more.wait_timeout_while(got, longest, few).unwrap();
        assert!(!timeout.timed_out(), "only {} of {requests} requests came", got.len());
        got.clone()
    }
}

fn serve(stream: TcpStream, connection: usize, shared: &Shared) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    while let Some(got) = request(&mut reader, connection) {
        let reply = shared.replies.lock().unwrap().pop_front();
        let mut reply = reply.unwrap_or_else(|| shared.then.clone());
        shared.got.lock().unwrap().push(got);
        shared.more.notify_all();
        if let Reply::Held(barrier, then) = reply {
            barrier.wait();
            reply = *then;
        }
        match reply {
            Reply::Close => return,
            Reply::Silence => {
                // Until the client has had enough.
                let _ = reader.read(&mut [0]);
                return;
            }
            // None is held twice.
            Reply::Held(..) => return,
            Reply::Status(line, headers, body) => {
                let headers: String =
                    headers.iter().map(|header| format!("{header}\r\n")).collect();
                let length = body.len();
                let _ = write!(
                    writer,
                    "HTTP/1.1 {line}\r\n{headers}content-length: {length}\r\n\r\n{body}"
                );
            }
        }
    }
}

fn request(reader: &mut impl BufRead, connection: usize) -> Option<Got> {
    let mut first = String::new();
    if reader.read_line(&mut first).ok()? == 0 {
        return None;
    }
    let mut words = first.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut got = Got { method, path, body: Vec::new(), connection, headers };
    let length = got.header("content-length").map_or(0, |length| length.parse().unwrap());
    got.body.resize(length, 0);
    reader.read_exact(&mut got.body).ok()?;
    Some(got)
}
