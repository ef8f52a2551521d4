//! The bytes of a spawn on another node, and those of its module.

use serde::{Deserialize, Serialize, Serializer};

use super::{Bits, NotRead, bits, id, of_actor};
use crate::address::Id;
use crate::mesh::packet::Broken;
use crate::message::Admission;
use crate::module_hash::ModuleHash;
use crate::node::spawning::{SpawnRequest, Travels};
use crate::node::uplink::Question;
use crate::signal::{Party, To};
use crate::spawn_options::SpawnOptions;

/// More of a module's name than anybody reads.
const NAME_BYTES_MAX: usize = 255;

/// More ancestors than an actor may have.
const ANCESTORS_MAX: usize = 128;

#[derive(Serialize, Deserialize)]
pub(super) struct Spawning<'a> {
    #[serde(borrow)]
    module: Option<Parcel<'a>>,
    entry: &'a str,
    args: &'a str,
    /// As JSON, so that one which this version does not know is refused by its name.
    options: std::borrow::Cow<'a, str>,
    /// An ID, and its node if that is not the sender.
    #[serde(borrow)]
    ancestors: Vec<(Bits, Option<&'a str>)>,
}

#[derive(Serialize, Deserialize)]
struct Parcel<'a> {
    hash: [u8; 32],
    bytes: u64,
    name: &'a str,
}

impl<'a> From<&'a SpawnRequest> for Spawning<'a> {
    fn from(request: &'a SpawnRequest) -> Spawning<'a> {
        let parcel =
            |module: &'a Travels| Parcel { hash: *module.hash.as_bytes(), bytes: module.bytes, name: &module.name };
        let ancestor = |party: &'a Party| (bits(party.id), party.place.as_ref().map(|place| place.as_str()));
        Spawning {
            module: request.module.as_ref().map(parcel),
            entry: &request.entry,
            args: request.args.as_str(),
            options: request.options.to_json().into(),
            ancestors: request.ancestors.iter().map(ancestor).collect(),
        }
    }
}

impl Spawning<'_> {
    /// A question by that number.
    pub(super) fn read(self, number: u64, from: Option<Id>, admission: Admission) -> Result<Question, NotRead> {
        let broken = || NotRead::Broken(Broken::Frame);
        // For what cannot be read, the asker is told why.
        let nobody = To::Id(Id::OPERATOR);
        let args = of_actor(self.args, &nobody, from, Some(number), admission)?;
        let options = SpawnOptions::parse(&self.options)
            .map_err(|why| NotRead::Refused { question: number, why: Box::new(why) })?;
        let module = match self.module {
            Some(parcel) if parcel.name.len() > NAME_BYTES_MAX => return Err(broken()),
            Some(Parcel { hash, bytes, name }) => {
                Some(Travels { hash: ModuleHash::from_bytes(hash), bytes, name: name.into() })
            }
            None => None,
        };
        if self.ancestors.len() > ANCESTORS_MAX {
            return Err(broken());
        }
        let ancestor = |(bits, place): (Bits, Option<&str>)| {
            let place = place.map(str::parse).transpose().map_err(|_| broken())?;
            Ok(Party { id: id(bits), place, via: None })
        };
        let ancestors = self.ancestors.into_iter().map(ancestor).collect::<Result<_, NotRead>>()?;
        Ok(Question::Spawn(Box::new(SpawnRequest { module, entry: self.entry.into(), args, options, ancestors })))
    }
}

/// In one piece, where a slice would be written byte by byte.
#[derive(Deserialize)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}
