//! `greenroom:actor/timer`: the two clocks. Timers are not built yet.

use std::time::{Duration, UNIX_EPOCH};

use super::{Guest, unsupported};
use crate::guest::bindings::greenroom::actor::timer::Host;

impl Host for Guest {
    fn now_ms(&mut self) -> f64 {
        in_ms(self.context.clock().system().duration_since(UNIX_EPOCH).unwrap_or_default())
    }

    fn monotonic_ms(&mut self) -> f64 {
        in_ms(self.context.clock().monotonic())
    }

    fn send_after(&mut self, _message: String, _delay_ms: u32) -> Result<String, String> {
        unsupported("send-after")
    }

    fn cancel(&mut self, _reference: String) -> Result<bool, String> {
        unsupported("cancel")
    }
}

fn in_ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
