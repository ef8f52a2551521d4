//! `greenroom:actor/host`: who am I, spawn, send, receive.

use super::{Guest, milliseconds};
use crate::guest::bindings::greenroom::actor::host::{Host, Received};
use crate::level::Exceeded;
use crate::limits::Limit;
use crate::refusal::{Refusal, RefusalKind};
use crate::spawn_options::SpawnOptions;

impl Host for Guest {
    fn curaddr(&mut self) -> String {
        self.context.address().to_string()
    }

    fn parent(&mut self) -> Option<String> {
        self.context.parent().map(ToString::to_string)
    }

    fn own_module(&mut self) -> String {
        self.module.hash().to_owned()
    }

    async fn spawn(&mut self, entry: String, args: String, options: String) -> Result<String, String> {
        let child = match SpawnOptions::parse(&options) {
            Ok(options) => self.context.spawn_at(&entry, args, &options).await,
            Err(why) => Err(why),
        };
        self.told(child.map(|child| child.to_string()))
    }

    fn send(&mut self, to: String, message: String) -> Result<(), String> {
        let sent = self.context.send(&to, message);
        self.told(sent)
    }

    async fn send_wait(&mut self, to: String, message: String, timeout_ms: u32) -> Result<(), String> {
        let sent = self.context.send_wait(&to, message, milliseconds(timeout_ms)).await;
        self.told(sent)
    }

    async fn receive(&mut self, patterns: Vec<String>, timeout_ms: Option<u32>) -> Result<Option<Received>, String> {
        let max = self.context.mailbox().level().each_count(Limit::Patterns);
        if patterns.len() > max {
            let limit = Exceeded { limit: Limit::Patterns, used: patterns.len() as u64, max: max as u64 };
            let refusal = limit.refusal("cannot receive by so many patterns");
            self.context.kernel().note_refusal(self.context.mailbox(), &refusal);
            return Err(refusal.to_json());
        }
        let patterns =
            self.patterns(patterns).map_err(|why| Refusal::new(RefusalKind::BadPattern, why.to_string()).to_json())?;
        let taken = self.context.receive(&patterns, timeout_ms.map(milliseconds)).await;
        if let Some(taken) = &taken {
            self.via = taken.source.via();
            self.slice.meter.iter().for_each(|meter| meter.received());
        }
        Ok(taken.map(|taken| Received {
            pattern: u32::try_from(taken.pattern).expect("a list in 32-bit memory has fewer than 2^32 patterns"),
            from_host: taken.source.is_host(),
            message: taken.message.into_string(),
        }))
    }
}
