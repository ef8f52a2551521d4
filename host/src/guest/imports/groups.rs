//! `greenroom:actor/groups`: names that many actors have at once.

use super::{Guest, told};
use crate::address::Address;
use crate::guest::bindings::greenroom::actor::groups::Host;

impl Host for Guest {
    fn join(&mut self, group: String) -> Result<(), String> {
        self.told(self.context.join(&group))
    }

    fn leave(&mut self, group: String) -> Result<(), String> {
        told(self.context.leave(&group))
    }

    fn members(&mut self, group: String) -> Result<Vec<String>, String> {
        self.told(self.context.members(&group)).map(texts)
    }

    fn local_members(&mut self, group: String) -> Result<Vec<String>, String> {
        self.told(self.context.local_members(&group)).map(texts)
    }

    async fn broadcast(&mut self, group: String, message: String) -> Result<u32, String> {
        let handed = self.context.broadcast(&group, message).await;
        self.told(handed).map(|handed| u32::try_from(handed).unwrap_or(u32::MAX))
    }
}

fn texts(members: Vec<Address>) -> Vec<String> {
    members.iter().map(Address::to_string).collect()
}
