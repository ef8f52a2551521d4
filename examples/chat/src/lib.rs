//! A chat whose clients crash: the server hears of each end, and signs the client off.

use greenroom_guest::*;
use serde::{Deserialize, Serialize};

/// What clients tell the server.
#[derive(Serialize, Deserialize)]
enum ToServer {
    LogIn { name: String, address: Address },
    Say { from: String, to: String, text: String },
}

/// What clients are told.
#[derive(Serialize, Deserialize)]
enum ToClient {
    Show(String),
    Say { to: String, text: String },
    Divide(i32, i32),
}

/// Passes messages on, until the last client is gone.
#[actor]
fn server() -> Result<Json> {
    let mut online: Vec<(String, Address)> = Vec::new();
    let (mut delivered, mut signed_off) = (0, Vec::new());
    loop {
        match receive_or_host()? {
            Incoming::Message(ToServer::LogIn { name, address }) => {
                address.monitor()?;
                address.send(&ToClient::Show(format!("welcome, {name}")))?;
                online.push((name, address));
            }
            Incoming::Message(ToServer::Say { from, to, text }) => {
                if let Some((_, address)) = online.iter().find(|(name, _)| *name == to) {
                    address.send(&ToClient::Show(format!("{from}: {text}")))?;
                    delivered += 1;
                }
            }
            Incoming::Host(HostMessage::Ended(ended)) => {
                let Some(gone) = online.iter().position(|(_, address)| *address == ended.address) else { continue };
                let (name, _) = online.remove(gone);
                for (_, address) in &online {
                    // One that has ended in the meantime is heard of next.
                    _ = address.send(&ToClient::Show(format!("{name} has left")));
                }
                signed_off.push(name);
                if online.is_empty() {
                    return Ok(json!({"delivered": delivered, "signed_off": signed_off}));
                }
            }
            Incoming::Host(_) => {}
        }
    }
}

/// Logs in, and does what it is told; its screen is whoever spawned it.
#[actor]
fn client(server: Address, screen: Address, name: String) -> Result<()> {
    server.send(&ToServer::LogIn { name: name.clone(), address: curaddr() })?;
    loop {
        match receive_as()? {
            ToClient::Show(line) => screen.send(&(&name, line))?,
            ToClient::Say { to, text } => server.send(&ToServer::Say { from: name.clone(), to, text })?,
            // By zero it panics, and that is the end of this client, and of no one else.
            ToClient::Divide(number, by) => screen.send(&(&name, number / by))?,
        }
    }
}

/// Starts a server and lets two clients meet there.
#[actor]
fn main() -> Result<Json> {
    meet(server::spawn()?)
}

/// Lets two clients meet at a server that is there, on this node or on another.
#[actor]
fn visit(server: Address) -> Result<Json> {
    // By its ID: a name may pass to somebody else.
    meet(whereis(&server.to_string())?)
}

/// Lets two clients meet and crash, and returns what the server counted.
fn meet(server: Address) -> Result<Json> {
    // Should the server fail, this ends too, instead of waiting for ever.
    server.link()?;
    let joe = client::spawn(server.clone(), curaddr(), "joe".into())?;
    let bjarne = client::spawn(server.clone(), curaddr(), "bjarne".into())?;
    wait_until("joe", "welcome, joe")?;
    wait_until("bjarne", "welcome, bjarne")?;
    joe.send(&ToClient::Say { to: "bjarne".into(), text: "hello".into() })?;
    wait_until("bjarne", "joe: hello")?;
    bjarne.send(&ToClient::Divide(1, 0))?;
    wait_until("joe", "bjarne has left")?;
    joe.send(&ToClient::Divide(1, 0))?;
    server.wait(None)?.expect("a wait without a time ends with an outcome").into_value()
}

/// Waits until a client shows a line.
fn wait_until(client: &str, shows: &str) -> Result<()> {
    receive(&[&pattern!([(client), (shows)])])?;
    Ok(())
}
