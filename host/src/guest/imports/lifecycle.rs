//! `greenroom:actor/lifecycle`: how actors end. Only `wait` is built.

use super::{Guest, milliseconds, unsupported};
use crate::guest::bindings::greenroom::actor::lifecycle::Host;

impl Host for Guest {
    async fn wait(&mut self, actor: String, timeout_ms: Option<u32>) -> Result<Option<String>, String> {
        let outcome = self.context.wait(&actor, timeout_ms.map(milliseconds)).await;
        match outcome {
            Ok(outcome) => Ok(outcome.map(|outcome| outcome.to_json())),
            Err(refusal) => Err(refusal.to_json()),
        }
    }

    fn kill(&mut self, _actor: String) -> Result<(), String> {
        unsupported("kill")
    }

    fn exit(&mut self, _actor: String, _reason: String) -> Result<(), String> {
        unsupported("exit")
    }

    fn link(&mut self, _actor: String) -> Result<(), String> {
        unsupported("link")
    }

    fn unlink(&mut self, _actor: String) -> Result<(), String> {
        unsupported("unlink")
    }

    fn monitor(&mut self, _actor: String) -> Result<String, String> {
        unsupported("monitor")
    }

    fn demonitor(&mut self, _reference: String) -> Result<(), String> {
        unsupported("demonitor")
    }

    fn trap_exit(&mut self, _on: bool) -> Result<bool, String> {
        unsupported("trap-exit")
    }
}
