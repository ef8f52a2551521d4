//! An actor that tries what of the machine it can reach, by its language's own means.

use greenroom_guest::*;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::{Instant, SystemTime};

/// One thing to try. In JSON: `{"read": "/data/a"}`, `"vars"`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Try {
    /// All of the environment.
    Vars,
    Read(String),
    /// A file, and its new text.
    Write(String, String),
    /// A file, and what is put at its end.
    Append(String, String),
    /// The names in a folder, in order.
    List(String),
    MakeDir(String),
    Remove(String),
    Rename(String, String),
    HardLink(String, String),
    /// How many of a file's handles can be had at once, up to so many.
    OpenMany(String, usize),
    /// Sends `ping` there and answers what comes back until the other closes.
    Tcp(String),
    /// Sends `ping` there as a datagram and answers the next one that comes back.
    Udp(String),
    /// Sends datagrams to the first, and answers the next that comes, from whomever.
    UdpAnd(String, String),
    Listen(String),
    /// The addresses of a name.
    LookUp(String),
    /// Reads both of std's clocks so many times; answers the nanoseconds below a millisecond that were seen.
    Clocks(u32),
    /// The same with the contract's clocks, in milliseconds; answers the fractions that were seen.
    ContractClocks(u32),
}

/// Tries all of it. Of each it answers `{"ok": …}` or `{"error": KIND}`.
#[actor]
fn tries(what: Vec<Try>) -> Vec<Json> {
    let told = |answer: std::io::Result<Json>| match answer {
        Ok(value) => json!({"ok": value}),
        Err(why) => json!({"error": format!("{:?}", why.kind()), "message": why.to_string()}),
    };
    what.into_iter().map(|one| told(attempt(one))).collect()
}

fn attempt(what: Try) -> std::io::Result<Json> {
    Ok(match what {
        Try::Vars => {
            std::env::vars().map(|(name, value)| (name, Json::from(value))).collect::<serde_json::Map<_, _>>().into()
        }
        Try::Read(path) => fs::read_to_string(path)?.into(),
        Try::Write(path, text) => json!(fs::write(path, text)?),
        Try::Append(path, text) => json!(fs::OpenOptions::new().append(true).open(path)?.write_all(text.as_bytes())?),
        Try::List(path) => {
            let mut names = fs::read_dir(path)?
                .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
                .collect::<std::io::Result<Vec<_>>>()?;
            names.sort();
            json!(names)
        }
        Try::MakeDir(path) => json!(fs::create_dir(path)?),
        Try::Remove(path) => json!(fs::remove_file(path)?),
        Try::Rename(from, to) => json!(fs::rename(from, to)?),
        Try::HardLink(from, to) => json!(fs::hard_link(from, to)?),
        Try::OpenMany(path, most) => {
            let files: Vec<_> = (0..most).map_while(|_| fs::File::open(&path).ok()).collect();
            files.len().into()
        }
        Try::Tcp(address) => {
            let mut stream = TcpStream::connect(address)?;
            stream.write_all(b"ping")?;
            stream.shutdown(Shutdown::Write)?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            answer.into()
        }
        Try::Udp(address) => {
            let socket = UdpSocket::bind("0.0.0.0:0")?;
            socket.connect(address)?;
            socket.send(b"ping")?;
            let mut answer = [0; 64];
            let length = socket.recv(&mut answer)?;
            String::from_utf8_lossy(&answer[..length]).into_owned().into()
        }
        Try::UdpAnd(first, second) => {
            let socket = UdpSocket::bind("0.0.0.0:0")?;
            socket.send_to(b"ping", first)?;
            let other = socket.send_to(b"ping", second).map_err(|why| format!("{:?}", why.kind()));
            let mut answer = [0; 64];
            let (length, _) = socket.recv_from(&mut answer)?;
            json!([other, String::from_utf8_lossy(&answer[..length])])
        }
        Try::Listen(address) => TcpListener::bind(address)?.local_addr()?.to_string().into(),
        Try::LookUp(name) => {
            let mut found: Vec<String> =
                (name.as_str(), 1).to_socket_addrs()?.map(|address| address.ip().to_string()).collect();
            found.sort();
            found.dedup();
            json!(found)
        }
        Try::Clocks(times) => {
            let start = Instant::now();
            let seen = (0..times).map(|_| {
                let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                (start.elapsed().subsec_nanos() % 1_000_000).max(wall.subsec_nanos() % 1_000_000)
            });
            json!(seen.max())
        }
        Try::ContractClocks(times) => {
            let seen = (0..times).map(|_| raw::timer::monotonic_ms().fract().max(raw::timer::now_ms().fract()));
            json!(seen.fold(0.0, f64::max))
        }
    })
}

/// Sends somebody what came of trying, and waits.
#[actor]
fn tells(tell: Address, what: Vec<Try>) -> Result<()> {
    tell.send(&tries(what))?;
    receive_any()?;
    Ok(())
}
