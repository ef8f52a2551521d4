//! `greenroom:actor/timer`: the two clocks, and messages to oneself.

use std::time::Duration;

use super::{Guest, milliseconds, told};
use crate::guest::bindings::greenroom::actor::timer::Host;

impl Host for Guest {
    fn now_ms(&mut self) -> f64 {
        in_ms(self.clock().system())
    }

    fn monotonic_ms(&mut self) -> f64 {
        in_ms(self.clock().monotonic())
    }

    fn send_after(&mut self, message: String, delay_ms: u32) -> Result<String, String> {
        told(self.context.send_after(message, milliseconds(delay_ms)))
    }

    fn cancel(&mut self, reference: String) -> Result<bool, String> {
        told(self.context.cancel(&reference))
    }
}

fn in_ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
