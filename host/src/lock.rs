//! The one way a lock is taken.

#[cfg(test)]
pub(crate) mod faults;

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Locks, also after a panic while the lock was held.
///
/// A panic never leaves the state half changed: no critical section in this crate runs code of a guest or an embedder,
/// each changes one container, and what may panic in it (an allocation, an index) comes before the change. To go on is
/// right, to pass the panic to every other actor is not.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    let guard = mutex.lock().unwrap_or_else(PoisonError::into_inner);
    #[cfg(test)]
    faults::taken();
    guard
}

/// As [`lock`], to read.
pub(crate) fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    let guard = lock.read().unwrap_or_else(PoisonError::into_inner);
    #[cfg(test)]
    faults::taken();
    guard
}

/// As [`lock`], to write.
pub(crate) fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    let guard = lock.write().unwrap_or_else(PoisonError::into_inner);
    #[cfg(test)]
    faults::taken();
    guard
}
