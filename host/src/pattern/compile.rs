//! From a pattern's text to its shape.

use serde_json::value::RawValue;

use super::{BadPattern, PATTERN_DEPTH_MAX, PATTERN_NODES_MAX, Pattern, Shape};
use crate::address::{is_address, quoted};
use crate::message::Admission;
use crate::message::scan::{check, skip_space};

impl Pattern {
    /// # Errors
    ///
    /// [`BadPattern`] says which rule the text breaks.
    pub(crate) fn compile(text: &str) -> Result<Pattern, BadPattern> {
        check(text.as_bytes(), Admission::default())?;
        let mut compiler = Compiler { nodes: 0, from_host: false };
        let shape = compiler.shape(text, 0)?;
        Ok(Pattern { shape, from_host: compiler.from_host })
    }
}

/// The keys and values of an object, in order and with repetitions; `None` if the text is no object.
fn object(text: &str) -> Option<Vec<(String, &RawValue)>> {
    struct Pairs;

    impl<'de> serde::de::Visitor<'de> for Pairs {
        type Value = Vec<(String, &'de RawValue)>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut pairs = Vec::new();
            while let Some(pair) = map.next_entry()? {
                pairs.push(pair);
            }
            Ok(pairs)
        }
    }

    use serde::Deserializer as _;
    serde_json::Deserializer::from_str(text).deserialize_map(Pairs).ok()
}

struct Compiler {
    /// So far, of the whole pattern.
    nodes: usize,
    /// Whether `$host` stood at its top.
    from_host: bool,
}

impl Compiler {
    fn shape(&mut self, text: &str, depth: usize) -> Result<Shape, BadPattern> {
        if depth >= PATTERN_DEPTH_MAX {
            return Err(BadPattern::TooDeep);
        }
        self.nodes += 1;
        if self.nodes > PATTERN_NODES_MAX {
            return Err(BadPattern::TooLarge);
        }
        let text = &text[skip_space(text.as_bytes(), 0)..];
        Ok(match text.as_bytes()[0] {
            b'n' => Shape::Null,
            b't' => Shape::Boolean(Some(true)),
            b'f' => Shape::Boolean(Some(false)),
            b'"' => Shape::Text(string(text).into()),
            b'[' => {
                let items: Vec<&RawValue> = serde_json::from_str(text).expect("an admitted array");
                let items = items.into_iter().map(|item| self.shape(item.get(), depth + 1));
                Shape::Items(items.collect::<Result<_, _>>()?)
            }
            b'{' => self.object(&object(text).expect("an admitted object"), depth)?,
            _ => Shape::Exactly(text.trim_ascii_end().into()),
        })
    }

    fn object(&mut self, pairs: &[(String, &RawValue)], depth: usize) -> Result<Shape, BadPattern> {
        let is_form = |key: &str| key.starts_with('$') && !key.starts_with("$$");
        if let Some((key, value)) = pairs.iter().find(|(key, _)| is_form(key)) {
            if pairs.len() > 1 {
                return Err(BadPattern::NotAlone(quoted(key)));
            }
            return self.form(key, value.get(), depth);
        }
        let pairs = pairs.iter().map(|(key, value)| {
            let key = key.strip_prefix('$').unwrap_or(key);
            Ok((key.into(), self.shape(value.get(), depth + 1)?))
        });
        let mut pairs: Box<[(Box<str>, Shape)]> = pairs.collect::<Result<_, BadPattern>>()?;
        pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
        match pairs.windows(2).find(|two| two[0].0 == two[1].0) {
            Some(two) => Err(BadPattern::Repeated(quoted(&two[0].0))),
            None => Ok(Shape::Keys(pairs)),
        }
    }

    fn form(&mut self, key: &str, value: &str, depth: usize) -> Result<Shape, BadPattern> {
        match key {
            "$type" => type_shape(value),
            "$each" => Ok(Shape::Each(Box::new(self.shape(value, depth + 1)?))),
            "$address" => {
                let takes = BadPattern::WrongValue { form: "$address", takes: "an address in a string" };
                let text = serde_json::from_str::<String>(value).ok().filter(|text| is_address(text));
                Ok(Shape::ThisAddress(text.ok_or(takes)?.into()))
            }
            "$host" if depth == 0 => {
                self.from_host = true;
                self.shape(value, depth + 1)
            }
            "$host" => Err(BadPattern::HostInside),
            other => Err(BadPattern::UnknownForm(quoted(other))),
        }
    }
}

fn type_shape(value: &str) -> Result<Shape, BadPattern> {
    let takes = BadPattern::WrongValue { form: "$type", takes: "the name of a type in a string" };
    let name: String = serde_json::from_str(value).map_err(|_| takes)?;
    Ok(match name.as_str() {
        "any" => Shape::Any,
        "null" => Shape::Null,
        "boolean" => Shape::Boolean(None),
        "integer" => Shape::Integer,
        "float" => Shape::Float,
        "number" => Shape::Number,
        "string" => Shape::String,
        "array" => Shape::Array,
        "object" => Shape::Object,
        "address" => Shape::Address,
        "binary" => Shape::Binary,
        _ => return Err(BadPattern::UnknownType(quoted(&name))),
    })
}

fn string(text: &str) -> String {
    serde_json::from_str(text).expect("an admitted string")
}
