//! `wasi:sockets/ip-name-lookup`: the addresses of the names that an actor is granted.
//!
//! In place of the crate's own, which knows all names or none.

use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::vec;

use wasmtime::Result;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource, ResourceType};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddress};
use wasmtime_wasi::p2::{Network, Pollable, subscribe};
use wasmtime_wasi::runtime::{AbortOnDropJoinHandle, spawn};

use super::{Guest, VERSION};

/// A guest's `resolve-address-stream`.
enum Addresses {
    Asked(AbortOnDropJoinHandle<Result<vec::IntoIter<IpAddr>, ErrorCode>>),
    Answered(Result<vec::IntoIter<IpAddr>, ErrorCode>),
}

impl Addresses {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<&mut Result<vec::IntoIter<IpAddr>, ErrorCode>> {
        if let Addresses::Asked(answer) = self {
            match Pin::new(answer).poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(answer) => *self = Addresses::Answered(answer),
            }
        }
        match self {
            Addresses::Asked(_) => Poll::Pending,
            Addresses::Answered(answer) => Poll::Ready(answer),
        }
    }

    /// The next one, if it is there.
    fn next(&mut self) -> Result<Option<IpAddress>, ErrorCode> {
        match self.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => Err(ErrorCode::WouldBlock),
            Poll::Ready(Ok(addresses)) => Ok(addresses.next().map(Into::into)),
            Poll::Ready(Err(why)) => Err(*why),
        }
    }
}

#[async_trait]
impl Pollable for Addresses {
    async fn ready(&mut self) {
        poll_fn(|cx| self.poll(cx).map(|_| ())).await;
    }
}

impl Guest {
    fn look_up(&mut self, name: &str) -> Result<Addresses, ErrorCode> {
        // An address is its own, and nobody is asked.
        if let Ok(address) = name.parse::<IpAddr>() {
            return Ok(Addresses::Answered(Ok(vec![address].into_iter())));
        }
        let reach = self.wasi().reach.clone();
        let name = reach.granted(name).ok_or(ErrorCode::AccessDenied)?;
        let permit = reach.lookup().ok_or(ErrorCode::TemporaryResolverFailure)?;
        let io = self.guests.io.get().ok_or(ErrorCode::TemporaryResolverFailure)?;
        let asked = io.look_up(name.clone(), permit);
        Ok(Addresses::Asked(spawn(async move {
            let addresses = asked.await.map_err(|_| ErrorCode::NameUnresolvable)?;
            match reach.found(&name, addresses) {
                found if found.is_empty() => Err(ErrorCode::NameUnresolvable),
                found => Ok(found.into_iter()),
            }
        })))
    }
}

pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> Result<()> {
    let mut lookup = linker.instance(&format!("wasi:sockets/ip-name-lookup@{VERSION}"))?;
    lookup.resource("resolve-address-stream", ResourceType::host::<Addresses>(), |mut store, stream| {
        store.data_mut().wasi().table.delete(Resource::<Addresses>::new_own(stream))?;
        Ok(())
    })?;
    lookup.func_wrap("resolve-addresses", |mut store, (network, name): (Resource<Network>, String)| {
        let guest: &mut Guest = store.data_mut();
        guest.wasi().table.get(&network)?;
        let answer = match guest.look_up(&name) {
            Ok(addresses) => Ok(guest.wasi().table.push(addresses)?),
            Err(why) => Err(why),
        };
        Ok((answer,))
    })?;
    lookup.func_wrap(
        "[method]resolve-address-stream.resolve-next-address",
        |mut store: StoreContextMut<'_, Guest>, (stream,): (Resource<Addresses>,)| {
            Ok((store.data_mut().wasi().table.get_mut(&stream)?.next(),))
        },
    )?;
    lookup.func_wrap(
        "[method]resolve-address-stream.subscribe",
        |mut store: StoreContextMut<'_, Guest>, (stream,): (Resource<Addresses>,)| {
            Ok((subscribe(&mut store.data_mut().wasi().table, stream)?,))
        },
    )
}
