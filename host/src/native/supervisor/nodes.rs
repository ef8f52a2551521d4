//! The nodes that a child may run on, as JSON has them: one, or a list.

use serde::{Deserialize, Serialize};

use crate::address::Place;

/// `"HOST:PORT"`, or an array of such.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Text", into = "Text")]
pub(in crate::native) struct Nodes(pub(in crate::native) Vec<Place>);

#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "expected `HOST:PORT`, or an array of such")]
enum Text {
    One(String),
    Several(Vec<String>),
}

impl TryFrom<Text> for Nodes {
    type Error = String;

    fn try_from(text: Text) -> Result<Nodes, String> {
        let texts = match text {
            Text::One(one) => vec![one],
            Text::Several(several) => several,
        };
        let places = texts.iter().map(|text| text.parse().map_err(|why| format!("{why}")));
        places.collect::<Result<_, _>>().map(Nodes)
    }
}

impl From<Nodes> for Text {
    fn from(Nodes(places): Nodes) -> Text {
        match places.as_slice() {
            [one] => Text::One(one.to_string()),
            several => Text::Several(several.iter().map(Place::to_string).collect()),
        }
    }
}
