//! Weaker addresses: the kernel's side of narrow and revoke.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::{Kernel, Target, no_such_actor};
use crate::address::{self, Address, Id, WhoRef, quoted};
use crate::mailbox::Mailbox;
use crate::mailbox::narrowed::{CHAIN_MAX, NotMade, Rights, Terms};
use crate::refusal::{Refusal, RefusalKind};
use crate::spawn_options::check_size;

/// The options of `narrow`, as the contract has them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    rights: Option<Vec<String>>,
    uses: Option<u32>,
    expires_ms: Option<u64>,
}

impl Kernel {
    /// Makes a weaker address for an actor of this node.
    ///
    /// # Errors
    ///
    /// `bad-argument`, `too-large`, `bad-address`, `no-such-actor`, `limit`, `unsupported` for an actor of another node.
    pub(crate) fn narrow(&self, maker: &Mailbox, to: &str, options: &str) -> Result<Address, Refusal> {
        let terms = self.terms(options)?;
        let (target, parent) = match self.resolve(to)? {
            Target::Here(mailbox) => (mailbox, None),
            Target::Narrowed(mailbox, via) => {
                // One that is used up or expired has ended, also for who would make another of it.
                if mailbox.permits(via, Rights::NONE, self.clock.monotonic()).is_err() {
                    return Err(no_such_actor(to));
                }
                (mailbox, Some(via))
            }
            Target::There(_) => {
                let message =
                    format!("cannot narrow {}: only its own node can; ask an actor there to narrow it", quoted(to));
                return Err(Refusal::new(RefusalKind::Unsupported, message));
            }
        };
        let id = Id::random();
        if maker.made(id, &target, terms.uses).is_err() {
            self.end_those_over(maker);
            maker.made(id, &target, terms.uses).map_err(|full| full.refusal("cannot narrow"))?;
        }
        // Found before it is valid, so that the target's end in between finds it too.
        self.narrowed.insert(id, target.clone());
        if let Err(why) = target.narrowed(id, maker.id(), parent, terms) {
            maker.unmade(id);
            self.narrowed.remove(id);
            return Err(match why {
                NotMade::Gone => no_such_actor(to),
                NotMade::TooLong => {
                    let message = format!("cannot narrow {}: it was narrowed {CHAIN_MAX} times", quoted(to));
                    Refusal::at_limit("narrowed-depth", CHAIN_MAX, message)
                }
            });
        }
        Ok(self.address(id))
    }

    /// Takes back a weaker address, if `maker` made it. One that has ended already is no error.
    ///
    /// # Errors
    ///
    /// `bad-address`; `not-permitted` for one that somebody else made.
    pub(crate) fn revoke(&self, maker: &Mailbox, narrowed: &str) -> Result<(), Refusal> {
        let (who, _) = address::split(narrowed)?;
        let WhoRef::Id(id) = who else {
            let message = format!("cannot revoke {}: it is no narrowed address", quoted(narrowed));
            return Err(Refusal::new(RefusalKind::BadAddress, message));
        };
        match maker.unmade(id) {
            Some(target) => {
                self.end_narrowed(id, &target);
                Ok(())
            }
            None if self.narrowed.find(id).is_some() || self.table.find(id).is_some() => {
                let message = format!("cannot revoke {narrowed}: this actor has not made it");
                Err(Refusal::new(RefusalKind::NotPermitted, message))
            }
            None => Ok(()),
        }
    }

    pub(super) fn end_narrowed(&self, id: Id, target: &Arc<Mailbox>) {
        self.narrowed.remove(id);
        target.revoked(id);
    }

    /// Those that are used up, expired, or whose target has ended need no place any more.
    fn end_those_over(&self, maker: &Mailbox) {
        let now = self.clock.monotonic();
        for (id, target) in maker.all_made() {
            if target.is_over(id, now) {
                maker.unmade(id);
                self.narrowed.remove(id);
                target.forget_narrowed(id);
            }
        }
    }

    fn terms(&self, options: &str) -> Result<Terms, Refusal> {
        check_size("narrow", options)?;
        let bad = |why: String| Refusal::new(RefusalKind::BadArgument, format!("cannot narrow: {why}"));
        let options: Options = serde_json::from_str(options).map_err(|why| bad(why.to_string()))?;
        let mut rights = if options.rights.is_none() { Rights::ALL } else { Rights::NONE };
        for word in options.rights.iter().flatten() {
            let known = Rights::WORDS.iter().find(|(known, _)| known == word);
            let (_, right) = known.ok_or_else(|| {
                bad(format!("`{}` is no right; there are send, monitor, wait and link", quoted(word)))
            })?;
            rights = rights.with(*right);
        }
        let expires = options.expires_ms.map(|ms| self.clock.deadline(Duration::from_millis(ms)));
        Ok(Terms { rights, uses: options.uses, expires })
    }
}
