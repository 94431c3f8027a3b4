//! Somebody who is told over HTTP: answers every message with the same status, and keeps what it was sent. A part of
//! `tests/postgres.rs` too.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::Command,
    sync::{Arc, Mutex},
    thread,
};

use serde_json::Value;

pub(crate) struct Hook {
    url: String,
    heard: Arc<Mutex<Vec<Value>>>,
}

impl Hook {
    pub(crate) fn answering(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&heard);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if let Some(body) = answered(stream, status) {
                    log.lock().unwrap().push(body);
                }
            }
        });
        Self { url, heard }
    }

    /// Everything that was said, message by message.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().iter().map(Value::to_string).collect()
    }

    /// The program, which finds it by the names of its configuration.
    pub(crate) fn for_program<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("HOOK_URL", &self.url).env("HOOK_KEY", "key of the tests")
    }
}

fn answered(stream: TcpStream, status: u16) -> Option<Value> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let text = line.trim_end().to_ascii_lowercase();
        if let Some(value) = text.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if text.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let reply = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    reader.into_inner().write_all(reply.as_bytes()).ok()?;
    serde_json::from_slice(&body).ok()
}
