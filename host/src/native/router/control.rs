//! A router's own methods, and who is in its rotation.

use serde_json::{Value, json};

use super::super::call::Request;
use super::rotation::Seat;
use super::spec::check_count;
use super::{OWN, Routee, Router};
use crate::address::{Address, quoted};
use crate::refusal::{Refusal, RefusalKind};

impl Router {
    /// Does one of the router's own methods.
    pub(super) fn obey(&mut self, request: Request) {
        let method = request.method.strip_prefix(OWN).unwrap_or_default().to_owned();
        let done = match method.as_str() {
            "routees" => Ok(self.listed()),
            "add" => self.whom(&request).and_then(|routee| self.add(&routee, &routee.to_string())).map(|_| Value::Null),
            "remove" => self.whom(&request).map(|routee| self.remove(&routee)).map(|()| Value::Null),
            "resize" => match self.wanted_size(&request) {
                Ok(size) => return self.resize(request, size),
                Err(refusal) => Err(refusal),
            },
            _ => return request.respond_invalid_method(&mut self.context),
        };
        match done {
            Ok(value) => request.respond(&mut self.context, value),
            Err(refusal) => request.respond_exception(&mut self.context, refusal),
        }
    }

    fn listed(&self) -> Value {
        let addresses = self.rotation.seats().iter().map(|seat| self.routees[seat].address.to_string());
        addresses.map(|address| json!({"$address": address})).collect()
    }

    /// The address that a method was called with.
    fn whom(&self, request: &Request) -> Result<Address, Refusal> {
        if self.pool.is_some() {
            let message = "a router with a pool has the pool's workers for routees: `resize` it";
            return Err(Refusal::new(RefusalKind::BadArgument, message));
        }
        if self.group.is_some() {
            let message = "a router with a group has the group's members for routees: they join and leave it";
            return Err(Refusal::new(RefusalKind::BadArgument, message));
        }
        serde_json::from_str(request.message.as_str()).map_err(|why| {
            let message = format!("`{}` takes an address: {}", request.method, quoted(&why.to_string()));
            Refusal::new(RefusalKind::BadArgument, message)
        })
    }

    /// Takes an actor into the rotation, under a name on the ring. One that is in it already stays as it is.
    pub(super) fn add(&mut self, address: &Address, name: &str) -> Result<Seat, Refusal> {
        if let Some(seat) = self.seat_of(address) {
            return Ok(seat);
        }
        if address == self.context.address() {
            return Err(Refusal::new(RefusalKind::BadArgument, "a router cannot be its own routee"));
        }
        self.seat(address, name)
    }

    /// Takes an actor into the rotation that is not in it.
    pub(super) fn seat(&mut self, address: &Address, name: &str) -> Result<Seat, Refusal> {
        check_count(self.rotation.len() + 1)?;
        let monitor = self.context.monitor(address)?;
        let seat = self.rotation.add(name);
        self.routees.insert(seat, Routee { address: address.clone(), monitor, outstanding: 0 });
        Ok(seat)
    }

    /// Takes an actor out of the rotation. The calls that it has may still be answered.
    fn remove(&mut self, address: &Address) {
        if let Some(seat) = self.seat_of(address) {
            self.rotation.remove(seat);
            self.let_go(seat);
        }
    }

    fn seat_of(&self, address: &Address) -> Option<Seat> {
        self.rotation.seats().iter().copied().find(|seat| self.routees[seat].address == *address)
    }

    /// A routee that is out of the rotation and has answered everything is no concern of this router's any more.
    pub(super) fn let_go(&mut self, seat: Seat) {
        if !self.rotation.contains(seat)
            && self.routees.get(&seat).is_some_and(|routee| routee.outstanding == 0)
            && let Some(routee) = self.routees.remove(&seat)
        {
            _ = self.context.demonitor(&routee.monitor);
        }
    }
}
