//! `greenroom:actor/lifecycle`: how actors end, and who hears of it.

use super::{Guest, milliseconds, told};
use crate::guest::bindings::greenroom::actor::lifecycle::Host;

impl Host for Guest {
    async fn wait(&mut self, actor: String, timeout_ms: Option<u32>) -> Result<Option<String>, String> {
        let outcome = self.context.wait(&actor, timeout_ms.map(milliseconds)).await;
        self.told(outcome.map(|outcome| outcome.map(|outcome| outcome.to_json())))
    }

    fn kill(&mut self, actor: String) -> Result<(), String> {
        told(self.context.kill(&actor))
    }

    fn exit(&mut self, actor: String, reason: String) -> Result<(), String> {
        told(self.context.exit(&actor, reason))
    }

    fn link(&mut self, actor: String) -> Result<(), String> {
        told(self.context.link(&actor))
    }

    fn unlink(&mut self, actor: String) -> Result<(), String> {
        told(self.context.unlink(&actor))
    }

    fn monitor(&mut self, actor: String) -> Result<String, String> {
        self.told(self.context.monitor(&actor))
    }

    fn demonitor(&mut self, reference: String) -> Result<(), String> {
        told(self.context.demonitor(&reference))
    }

    fn trap_exit(&mut self, on: bool) -> Result<bool, String> {
        Ok(self.context.trap_exit(on))
    }
}
