//! A network of the test's own, in namespaces: its links can be cut without a word to either end.

use std::io::Write;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// A switch with ports: one for this process, and one for each of the namespaces.
pub struct Network {
    /// What all names begin with: this process's number, and one for each network.
    name: String,
    /// The first three numbers of all addresses.
    subnet: String,
    namespaces: usize,
}

/// What connects the ports.
const SWITCH: &str = "switch";

/// How many networks this process has made.
static MADE: AtomicU32 = AtomicU32::new(0);

impl Network {
    /// A network with so many namespaces; none, and a line that says so, where this process may not make one.
    pub fn new(namespaces: usize) -> Option<Network> {
        let number = MADE.fetch_add(1, Ordering::SeqCst);
        let process = std::process::id();
        let name = format!("gr{process}{}", char::from(b'a' + (number % 26) as u8));
        let subnet = format!("10.213.{}", (process + number) % 256);
        let network = Network { name, subnet, namespaces };
        let switch = network.switch();
        if let Err(why) = try_run(&["ip", "netns", "add", &switch]) {
            // Past the capture of what tests print.
            let test = std::thread::current().name().unwrap_or_default().to_owned();
            _ = writeln!(std::io::stderr(), "skipped: {test} needs a network namespace: {why}");
            return None;
        }
        network.inside(&switch, &["ip", "link", "add", SWITCH, "type", "bridge"]);
        network.inside(&switch, &["ip", "link", "set", SWITCH, "up"]);
        for port in 0..=namespaces {
            network.plug_in(port);
        }
        Some(network)
    }

    /// Where the node at a port lives: 0 is this process.
    pub fn place(&self, port: usize) -> String {
        format!("{}:0", self.address(port))
    }

    /// The namespace at a port from 1 on.
    pub fn namespace(&self, port: usize) -> String {
        format!("{}n{port}", self.name)
    }

    /// From now on nothing comes from a port, or goes to it. Its end does not notice.
    pub fn cut(&self, port: usize) {
        self.inside(&self.switch(), &["ip", "link", "set", &plug(port), "nomaster"]);
    }

    pub fn heal(&self, port: usize) {
        self.inside(&self.switch(), &["ip", "link", "set", &plug(port), "master", SWITCH]);
    }

    /// Whether these ports are kept from each other, and from no other.
    pub fn part(&self, ports: [usize; 2], parted: bool) {
        for port in ports {
            let on = if parted { "on" } else { "off" };
            self.inside(&self.switch(), &["ip", "link", "set", &plug(port), "type", "bridge_slave", "isolated", on]);
        }
    }

    fn switch(&self) -> String {
        format!("{}s", self.name)
    }

    fn address(&self, port: usize) -> String {
        format!("{}.{}", self.subnet, port + 1)
    }

    fn plug_in(&self, port: usize) {
        let (switch, plug, cable) = (self.switch(), plug(port), format!("{}v{port}", self.name));
        let address = format!("{}/24", self.address(port));
        run(&["ip", "link", "add", &cable, "type", "veth", "peer", "name", &plug, "netns", &switch]);
        self.inside(&switch, &["ip", "link", "set", &plug, "master", SWITCH, "up"]);
        if port > 0 {
            let namespace = self.namespace(port);
            run(&["ip", "netns", "add", &namespace]);
            run(&["ip", "link", "set", &cable, "netns", &namespace]);
            self.inside(&namespace, &["ip", "link", "set", "lo", "up"]);
            self.inside(&namespace, &["ip", "address", "add", &address, "dev", &cable]);
            self.inside(&namespace, &["ip", "link", "set", &cable, "up"]);
        } else {
            run(&["ip", "address", "add", &address, "dev", &cable]);
            run(&["ip", "link", "set", &cable, "up"]);
        }
    }

    fn inside(&self, namespace: &str, command: &[&str]) {
        run(&[&["ip", "netns", "exec", namespace], command].concat());
    }
}

fn plug(port: usize) -> String {
    format!("plug{port}")
}

impl Drop for Network {
    fn drop(&mut self) {
        let namespaces = (1..=self.namespaces).map(|port| self.namespace(port)).chain([self.switch()]);
        for namespace in namespaces {
            // What was not made is not there; the cables go with their ends.
            _ = try_run(&["ip", "netns", "delete", &namespace]);
        }
        _ = try_run(&["ip", "link", "delete", &format!("{}v0", self.name)]);
    }
}

fn run(command: &[&str]) {
    try_run(command).expect("who may make a namespace may do the rest");
}

fn try_run(command: &[&str]) -> Result<(), String> {
    let said = |why: &dyn std::fmt::Display| format!("`{}`: {why}", command.join(" "));
    let ran = Command::new(command[0]).args(&command[1..]).output().map_err(|why| said(&why))?;
    if ran.status.success() { Ok(()) } else { Err(said(&String::from_utf8_lossy(&ran.stderr).trim())) }
}
