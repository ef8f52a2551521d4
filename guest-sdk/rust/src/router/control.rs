//! What a router that runs is asked for itself, as functions: who is behind it, and that others be.

use crate::{Address, Result, Router};
use alloc::vec::Vec;
use core::time::Duration;

/// Of a router that runs, by its address. They are calls, and fail as such: see [`Address::call`]. What the router refuses
/// is a [`CallError::Exception`](crate::CallError::Exception) with the refusal's kind: by a
/// [narrowed](Address::narrow) address everything (`not-permitted`).
///
/// ```no_run
/// # use greenroom_guest::*;
/// # use std::time::Duration;
/// # #[actor]
/// # fn chef(dish: String) -> Result<()> { loop { receive_as::<Request>()?.respond(&dish)?; } }
/// # #[actor]
/// # fn example() -> Result<()> {
/// const PATIENCE: Duration = Duration::from_secs(5);
///
/// let kitchen = Router::round_robin().start()?;
/// for dish in ["soup", "fish"] {
///     let chef = chef::spawn(dish.into())?;
///     Router::add(&kitchen, &chef, PATIENCE)?;
/// }
/// let chefs = Router::routees(&kitchen, PATIENCE)?;
/// Router::remove(&kitchen, &chefs[0], PATIENCE)?;
/// assert_eq!(kitchen.call("cook", &(), PATIENCE)?, "fish");
///
/// // Guests order; they neither see nor send away the chefs.
/// let counter = kitchen.narrow(&Narrow::new().rights(&[Right::Send, Right::Monitor]))?;
/// assert_eq!(counter.call("cook", &(), PATIENCE)?, "fish");
/// assert!(Router::routees(&counter, PATIENCE).is_err());
/// # Ok(()) }
/// ```
impl Router {
    /// Who is in the rotation now: a pool's worker that waits to be started anew is not.
    ///
    /// # Errors
    ///
    /// Those of a call.
    pub fn routees(router: &Address, timeout: impl Into<Option<Duration>>) -> Result<Vec<Address>> {
        router.call_as("$router/routees", &(), timeout)
    }

    /// Takes an actor into the rotation. When it ends, it leaves. One that is in already stays as it is.
    ///
    /// # Errors
    ///
    /// Those of a call: `bad-argument` if the router has a pool, or is to be its own routee; `limit`.
    pub fn add(router: &Address, actor: &Address, timeout: impl Into<Option<Duration>>) -> Result<()> {
        router.call_as("$router/add", actor, timeout)
    }

    /// Takes an actor out of the rotation. The calls that it has it may still answer.
    ///
    /// # Errors
    ///
    /// Those of a call: `bad-argument` if the router has a pool.
    pub fn remove(router: &Address, actor: &Address, timeout: impl Into<Option<Duration>>) -> Result<()> {
        router.call_as("$router/remove", actor, timeout)
    }

    /// Has the pool have so many workers, and returns when it has. Those too many are asked to end, the last first.
    ///
    /// ```no_run
    /// # use greenroom_guest::*;
    /// # use std::time::Duration;
    /// # #[actor]
    /// # fn digger() -> Result<()> { loop { receive_as::<Request>()?.respond(&())?; } }
    /// # #[actor]
    /// # fn example() -> Result<()> {
    /// let router = Router::least_loaded().pool(Pool::new("digger", 2)).start()?;
    /// Router::resize(&router, 10, Duration::from_secs(5))?;
    /// assert_eq!(Router::routees(&router, Duration::from_secs(5))?.len(), 10);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of a call: `bad-argument` if the router has no pool; `limit`; and why a worker could not be started, upon which
    /// there are as many as could.
    pub fn resize(router: &Address, size: u32, timeout: impl Into<Option<Duration>>) -> Result<()> {
        router.call("$router/resize", &size, timeout).map(drop)
    }
}
