//! From a pattern's text to its shape.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::number::Number;
use super::{BadPattern, LEVELS_MAX, PARTS_MAX, Pattern, PatternBounds, Shape, in_order};
use crate::address::{is_address, quoted};
use crate::message::scan::{check, skip_space};
use crate::message::{Admission, NotAdmitted};

impl Pattern {
    /// Compiles the patterns of one receive.
    ///
    /// # Errors
    ///
    /// [`BadPattern`] says which rule one of them, or all together, break.
    pub(crate) fn compile_all(texts: &[String], bounds: PatternBounds) -> Result<Arc<[Pattern]>, BadPattern> {
        let bytes = texts.iter().map(String::len).sum();
        if bytes > bounds.bytes_max {
            return Err(BadPattern::TooLong { bytes, max: bounds.bytes_max });
        }
        texts.iter().map(|text| Pattern::compile(text, bounds)).collect()
    }

    /// # Errors
    ///
    /// [`BadPattern`] says which rule the text breaks.
    pub(crate) fn compile(text: &str, bounds: PatternBounds) -> Result<Pattern, BadPattern> {
        let parts_max = bounds.parts_max.min(PARTS_MAX);
        // No part is more than two values, or nested deeper than it is itself. Asked first, so that the compiler never
        // holds more than a pattern needs, however long the text.
        let admission = Admission { depth_max: LEVELS_MAX, values_max: 2 * parts_max, ..Admission::default() };
        check(text.as_bytes(), admission).map_err(|why| match why {
            NotAdmitted::TooDeep { .. } => BadPattern::TooDeep,
            NotAdmitted::TooManyValues { .. } => BadPattern::TooLarge { max: parts_max },
            why => BadPattern::NotJson(why),
        })?;
        let mut compiler = Compiler { parts: 0, parts_max, from_host: false };
        let shape = compiler.shape(text, 0)?;
        Ok(Pattern { shape, from_host: compiler.from_host })
    }
}

/// The keys and values of an object, in order and with repetitions; `None` if the text is no object.
pub(super) fn object(text: &str) -> Option<Vec<(String, &RawValue)>> {
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
    parts: usize,
    parts_max: usize,
    /// Whether `$host` stood at its top.
    from_host: bool,
}

impl Compiler {
    fn shape(&mut self, text: &str, depth: u32) -> Result<Shape, BadPattern> {
        if depth >= LEVELS_MAX {
            return Err(BadPattern::TooDeep);
        }
        self.parts += 1;
        if self.parts > self.parts_max {
            return Err(BadPattern::TooLarge { max: self.parts_max });
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
            _ => Shape::Exactly(Number::read(text.trim_ascii_end().as_bytes()).into_owned()),
        })
    }

    fn object(&mut self, pairs: &[(String, &RawValue)], depth: u32) -> Result<Shape, BadPattern> {
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
        pairs.sort_by(|(a, _), (b, _)| in_order(a.as_bytes(), b.as_bytes()));
        match pairs.windows(2).find(|two| two[0].0 == two[1].0) {
            Some(two) => Err(BadPattern::Repeated(quoted(&two[0].0))),
            None => Ok(Shape::Keys(pairs)),
        }
    }

    fn form(&mut self, key: &str, value: &str, depth: u32) -> Result<Shape, BadPattern> {
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
